//! Stopping and starting: nothing is lost, and everybody is told.

use serde_json::{Value, json};

use crate::common::{Person, Server, connection::End};

#[test]
fn a_restart_loses_nothing() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    let group = anna.group("Family", &[&boris]);
    let channel = anna.add_flow("channel", "News", &[&boris]);
    let chat = anna.add_flow("chat", "", &[&boris]);
    let ids = anna.send_many(&group, (0..120).map(|n| format!("message {n}")));
    anna.send(&channel, "news");
    let data = json!({"flow": [{"uuid": chat}], "message": [{"text": "see", "file_picture": "cGljdHVyZQ=="}]});
    anna.ask("send_message", &data).is(200);
    anna.edit(&ids[3], "edited").is(200);
    anna.delete(&ids[4]).is(200);
    anna.ask(
        "read_flow",
        &json!({"flow": [{"uuid": group, "message_end": 50}]}),
    )
    .is(200);
    let picture = |anna: &mut Person| {
        let mut all = vec![anna.ask("all_flow", &Value::Null).is(200)];
        for flow in [&group, &channel, &chat] {
            all.push(anna.page(flow, None));
            all.push(anna.page(flow, Some((100, 199))));
        }
        let me = anna.id.clone();
        all.push(anna.ask(
            "user_info",
            &json!({"user": [{}, {"uuid": boris.id}, {"uuid": me}]}),
        ));
        let mut pictures: Vec<Value> = all.iter().map(|reply| reply.data().clone()).collect();
        for picture in &mut pictures {
            picture["time"] = Value::Null;
        }
        pictures
    };
    let before = picture(&mut anna);
    server.restart();
    let mut anna = anna.on(server.connect());
    assert_eq!(picture(&mut anna), before);
    server.kill();
    server.serve();
    let mut anna = anna.on(server.connect());
    assert_eq!(picture(&mut anna), before, "after a kill as well");
    assert_eq!(anna.history(&group).len(), 120);
}

#[test]
fn stopping_closes_with_1001_and_exits_0() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start();
        let mut anna = server.register("anna");
        let mut silent = server.connect();
        anna.ask("subscribe", &Value::Null).is(200);
        server.running().signal(signal);
        assert_eq!(
            anna.connection.closed(),
            End::Closed(Some(1001)),
            "{signal}"
        );
        assert_eq!(silent.closed(), End::Closed(Some(1001)), "{signal}");
        let (code, errors) = server.stop_signalled();
        assert_eq!(code, Some(0), "{signal}: {errors}");
    }
}

#[test]
fn requests_in_flight_are_answered_before_the_end() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let mut acknowledged = 0;
    let data = anna.signed(&json!({"flow": [{"uuid": group}], "message": [{"text": "x"}]}));
    let frame = crate::common::connection::envelope("send_message", &data).to_string();
    for _ in 0..200 {
        anna.connection.send_text(frame.clone()).expect("sent");
    }
    anna.connection.answer().is(200);
    acknowledged += 1;
    server.running().signal("TERM");
    let end = loop {
        match anna.connection.try_answer() {
            Ok(reply) if reply.code() == 200 => acknowledged += 1,
            Ok(reply) => assert_eq!(reply.code(), 503, "{reply}"),
            Err(end) => break end,
        }
    };
    assert_eq!(end, End::Closed(Some(1001)));
    assert_eq!(server.stop_signalled().0, Some(0));
    server.serve();
    let mut anna = anna.on(server.connect());
    let kept = anna.history(&group).len();
    assert!(
        kept >= acknowledged,
        "{kept} of {acknowledged} acknowledged messages"
    );
}

#[test]
fn a_transaction_is_remembered_across_a_restart() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let txn = |n: u8| json!({"txn": format!("txn {n}")});
    let group = json!({"flow": [{"type": "group", "title": "Once"}]});
    let made = anna.ask_with_meta("add_flow", &group, &txn(1)).is(200);
    let flow = made.flows()[0]["uuid"].as_str().expect("an id").to_owned();
    let message = json!({"flow": [{"uuid": flow}], "message": [{"client_id": 5, "text": "once"}]});
    let sent = anna
        .ask_with_meta("send_message", &message, &txn(2))
        .is(200);
    for round in 0..3 {
        if round > 0 {
            server.restart();
            anna = anna.on(server.connect());
        }
        let again = anna.ask_with_meta("add_flow", &group, &txn(1)).is(200);
        assert_eq!(again.flows()[0]["uuid"], json!(flow), "round {round}");
        let again = anna
            .ask_with_meta("send_message", &message, &txn(2))
            .is(200);
        assert_eq!(
            again.messages()[0]["uuid"],
            sent.messages()[0]["uuid"],
            "round {round}"
        );
        assert_eq!(
            again.messages()[0]["client_id"],
            5,
            "it answers as the first did"
        );
    }
    assert_eq!(anna.ask("all_flow", &Value::Null).flows().len(), 1);
    assert_eq!(anna.texts(&flow), ["once"]);
    // Another user's txn of the same text is another one, and so is a message without.
    let mut boris = server.register("boris");
    boris.ask_with_meta("add_flow", &group, &txn(1)).is(200);
    assert_eq!(boris.ask("all_flow", &Value::Null).flows().len(), 1);
    anna.ask("send_message", &message).is(200);
    assert_eq!(anna.texts(&flow).len(), 2);
}
