//! Notifications: who is told what of a message while no client runs, and that a push service learns
//! nothing of it.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};

use super::common::push_service::PushService;
use super::common::{Person, Reply, Server};

/// A server that may send to the push service of the tests.
fn server(service: &PushService) -> Server {
    Server::with(&[("outbound.allow_private", &service.address())])
}

fn rich(person: &mut Person, method: &str, data: &Value) -> Reply {
    person.ask_with_meta(method, data, &json!({"accept": ["rich"]}))
}

#[track_caller]
fn subscribe(person: &mut Person, service: &PushService, path: &str) {
    rich(person, "push_subscribe", &service.subscription(path)).is(200);
}

#[test]
fn a_closed_client_is_told_and_the_service_reads_nothing() {
    let service = PushService::start();
    let server = server(&service);
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    subscribe(&mut boris, &service, "/ok/boris");
    let group = anna.group("Kitchen", &[&boris]);
    let added = service.read(&service.next());
    assert_eq!(
        (&added["v"], &added["added"]),
        (&json!(1), &json!(true)),
        "{added}"
    );
    assert_eq!(
        (&added["flow"], &added["title"]),
        (&json!(group), &json!("Kitchen"))
    );
    let flow = anna.add_flow("chat", "", &[&boris]);
    for (content, title, body) in [
        (None, json!("anna"), Value::Null),
        (
            Some("full"),
            json!("anna"),
            json!("the cake is in the oven"),
        ),
        (Some("none"), Value::Null, Value::Null),
    ] {
        if let Some(content) = content {
            rich(
                &mut boris,
                "edit_user",
                &json!({"meta": {"push_content": content}}),
            )
            .is(200);
        }
        let message = anna.send(&flow, "the cake is in the oven");
        let told = service.next();
        assert_eq!(told.path, "/ok/boris");
        for (header, value) in [
            ("ttl", "86400"),
            ("urgency", "high"),
            ("content-encoding", "aes128gcm"),
            ("content-type", "application/octet-stream"),
        ] {
            assert_eq!(told.header(header), value, "{header}");
        }
        assert_eq!(told.header("topic").len(), 24);
        assert_eq!(told.body.len(), 86 + 256 + 16);
        let shown = String::from_utf8_lossy(&told.body).into_owned();
        assert!(
            !shown.contains("cake") && !shown.contains("anna"),
            "{shown}"
        );
        let notice = service.read(&told);
        assert_eq!(notice["flow"], flow.as_str());
        assert_eq!(notice["message"], message.as_str());
        assert_eq!(notice["title"], title, "{notice}");
        assert_eq!(notice["body"], body, "{notice}");
        assert_eq!(notice["count"], notice["badge"]);
    }
    let last = anna.send(&flow, "ready");
    assert_eq!(service.read(&service.next())["count"], 4, "{last}");
}

#[test]
fn an_address_of_unified_push_is_one_like_any_other() {
    let service = PushService::start();
    let server = server(&service);
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    // As ntfy gives it to the distributor on a phone; what is behind the question mark belongs to it.
    let path = "/ok/upJ2x0ZkQ9aB?up=1";
    subscribe(&mut boris, &service, path);
    let tested = rich(&mut boris, "push_test", &json!({}));
    assert_eq!(tested.code(), 200, "{tested}");
    let told = service.next();
    assert_eq!(told.path, path);
    service.read(&told);
    let flow = anna.add_flow("chat", "", &[&boris]);
    anna.send(&flow, "the cake is in the oven");
    let told = service.next();
    assert_eq!(told.path, path);
    // What the specification of UnifiedPush asks of a server: Web Push's encryption, at most 4096 bytes.
    assert_eq!(told.header("content-encoding"), "aes128gcm");
    assert!(!told.header("ttl").is_empty() && told.body.len() <= 4096);
    assert_eq!(service.read(&told)["flow"], flow.as_str());
}

#[test]
fn who_is_not_to_be_told_is_not() {
    let service = PushService::start();
    let server = server(&service);
    let mut anna = server.register("anna");
    let mut carla = server.register("carla");
    let mut boris = server.register("boris");
    let mut dora = server.register("dora");
    subscribe(&mut boris, &service, "/ok/boris");
    subscribe(&mut dora, &service, "/ok/dora");
    subscribe(&mut anna, &service, "/ok/anna");
    let flow = anna.group("Family", &[&boris, &carla, &dora]);
    assert_eq!(
        service.within(Duration::from_secs(3)).len(),
        2,
        "both were added"
    );
    // Blocked: nothing. Gone from the flow: nothing. The author: nothing.
    let block = json!({"user": [{}, {"uuid": carla.id}], "meta": {"on": true}});
    boris.ask("block_user", &block).is(200);
    dora.ask("leave_flow", &json!({"flow": [{"uuid": flow}]}))
        .is(200);
    carla.send(&flow, "from carla");
    let told = service.next();
    assert_eq!(told.path, "/ok/anna");
    let notice = service.read(&told);
    assert_eq!(notice["title"], "carla · Family");
    assert_eq!(told.header("urgency"), "normal");
    anna.send(&flow, "from anna");
    assert_eq!(service.next().path, "/ok/boris");
    // A session that has ended takes its subscription along.
    boris.ask("logout", &json!({})).is(200);
    carla.send(&flow, "again");
    assert_eq!(service.next().path, "/ok/anna");
    let rest = service.within(Duration::from_millis(500));
    assert!(rest.is_empty(), "{rest:?}");
}

#[test]
fn who_looks_at_another_device_is_not_disturbed() {
    let service = PushService::start();
    let server = server(&service);
    let mut anna = server.register("anna");
    let mut phone = server.register("boris");
    let mut desk = server.sign_in("boris");
    let seen = anna.group("Seen", &[&phone]);
    let unseen = anna.group("Unseen", &[&phone]);
    subscribe(&mut phone, &service, "/ok/phone");
    rich(&mut desk, "subscribe", &json!({})).is(200);
    anna.send(&seen, "one");
    anna.send(&unseen, "two");
    let read = json!({"flow": [{"uuid": seen, "message_end": 0}]});
    desk.ask("read_flow", &read).is(200);
    let early = service.within(Duration::from_secs(2));
    assert!(early.is_empty(), "{early:?}");
    rich(&mut desk, "active", &json!({"meta": {"on": false}})).is(200);
    // What comes now is told at once; what came before, after another look.
    let third = anna.send(&seen, "three");
    let notice = service.read(&service.next());
    assert_eq!(notice["message"], third.as_str());
    let notice = service.read(&service.next());
    assert_eq!(notice["flow"], unseen.as_str());
    let rest = service.within(Duration::from_secs(1));
    assert!(rest.is_empty(), "{rest:?}");
}

#[test]
fn the_test_says_what_the_service_said() {
    let service = PushService::start();
    let server = server(&service);
    let mut boris = server.register("boris");
    let test = |boris: &mut Person| rich(boris, "push_test", &json!({}));
    assert_eq!(test(&mut boris).refusal()["key"], "push_missing");
    subscribe(&mut boris, &service, "/ok/boris");
    test(&mut boris).is(200);
    assert_eq!(service.read(&service.next()), json!({"v": 1, "test": true}));
    subscribe(&mut boris, &service, "/refused/boris");
    let refused = test(&mut boris).is(403);
    assert_eq!(refused.refusal()["key"], "push_refused");
    assert_eq!(refused.refusal()["values"]["status"], 403);
    for (path, status) in [("/huge/boris", 200), ("/away/boris", 403)] {
        subscribe(&mut boris, &service, path);
        test(&mut boris).is(status);
    }
    for path in ["/gone/boris", "/missing/boris"] {
        subscribe(&mut boris, &service, path);
        let gone = test(&mut boris).is(404);
        assert_eq!(gone.refusal()["key"], "push_gone");
        assert!(gone.detail().contains("off and on again"), "{gone}");
        assert_eq!(test(&mut boris).refusal()["key"], "push_missing");
    }
    assert!(
        service
            .within(Duration::from_millis(300))
            .iter()
            .all(|it| it.path != "/ok/elsewhere")
    );
}

#[test]
fn a_service_that_is_in_trouble_is_spared() {
    let service = PushService::start();
    let server = server(&service);
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let flow = anna.add_flow("chat", "", &[&boris]);
    rich(
        &mut boris,
        "edit_user",
        &json!({"meta": {"push_content": "full"}}),
    )
    .is(200);
    for path in ["/wait/boris", "/fail/boris"] {
        subscribe(&mut boris, &service, path);
        let message = anna.send(&flow, path);
        let first = service.read(&service.next());
        let second = service.read(&service.next());
        assert_eq!(first, second);
        assert_eq!(second["message"], message.as_str());
    }
    // What does not fit is said in fewer words.
    subscribe(&mut boris, &service, "/short/boris");
    anna.send(&flow, &"ж".repeat(500));
    assert!(service.read(&service.next())["body"].is_string());
    let notice = service.read(&service.next());
    assert_eq!(
        (&notice["title"], &notice["body"]),
        (&json!("anna"), &Value::Null)
    );
    // A device that is not known any more is forgotten.
    subscribe(&mut boris, &service, "/gone/boris");
    anna.send(&flow, "gone");
    service.next();
    let forgotten = || rich(&mut boris, "push_test", &json!({}));
    assert_eq!(
        super::common::eventually(forgotten, |it| it.code() == 404).code(),
        404
    );
}

#[test]
fn of_many_messages_the_last_is_told() {
    let service = PushService::start();
    let server = server(&service);
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let flow = anna.add_flow("chat", "", &[&boris]);
    subscribe(&mut boris, &service, "/slow/boris");
    let sent = anna.send_many(&flow, (0..200).map(|number| format!("message {number}")));
    let mut told = service.within(Duration::from_secs(8));
    assert!((1..=5).contains(&told.len()), "{}", told.len());
    let last = service.read(&told.pop().expect("one"));
    assert_eq!(last["message"], sent[199].as_str());
    assert_eq!(last["count"], 200);
}

#[test]
fn only_addresses_that_may_be_told_are_taken() {
    let service = PushService::start();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("set");
    let other = listener.local_addr().expect("an address").port();
    let server = server(&service);
    let mut boris = server.register("boris");
    let good = service.subscription("/ok/x");
    let mut with = |key: &str, value: Value| {
        let mut data = good.clone();
        data["meta"][key] = value;
        rich(&mut boris, "push_subscribe", &data)
    };
    for endpoint in [
        format!("http://127.0.0.1:{other}/x"),
        format!("https://127.0.0.1:{other}/x"),
        format!("https://[::ffff:127.0.0.1]:{other}/x"),
        format!("https://localhost:{other}/x"),
        format!("https://0x7f.1:{other}/x"),
        "https://[::1]/x".to_owned(),
        "https://[::ffff:10.0.0.1]/x".to_owned(),
        "https://169.254.169.254/latest".to_owned(),
        "https://192.168.1.1/x".to_owned(),
        "http://1.1.1.1/x".to_owned(),
        "https://user@1.1.1.1/x".to_owned(),
        "ftp://1.1.1.1/x".to_owned(),
        "push".to_owned(),
        format!("https://1.1.1.1/{}", "x".repeat(2048)),
    ] {
        let refused = with("endpoint", json!(endpoint)).is(400);
        assert_eq!(refused.refusal()["key"], "bad_subscription", "{endpoint}");
    }
    for (key, value) in [
        ("p256dh", json!("AAAA")),
        ("p256dh", json!(format!("BA{}", "A".repeat(85)))),
        ("auth", json!("AAAA")),
        ("auth", json!("?")),
        ("endpoint", Value::Null),
    ] {
        with(key, value).is(400);
    }
    assert!(listener.accept().is_err(), "nobody connected");
    assert_eq!(service.connections(), 0);
}

#[test]
fn other_clients_know_nothing_of_it() {
    let service = PushService::start();
    let server = server(&service);
    let mut boris = server.register("boris");
    for method in ["push_key", "push_test", "push_unsubscribe"] {
        boris.ask(method, &json!({})).is(405);
    }
    boris
        .ask("push_subscribe", &service.subscription("/ok/x"))
        .is(405);
    boris.ask("active", &json!({"meta": {"on": true}})).is(405);
    let key = rich(&mut boris, "push_key", &json!({})).is(200);
    let key = key.data()["meta"]["key"]
        .as_str()
        .expect("a key")
        .to_owned();
    assert_eq!(key.len(), 87);
    // It is kept.
    drop(boris);
    let mut server = server;
    server.restart();
    let mut boris = server.sign_in("boris");
    let again = rich(&mut boris, "push_key", &json!({})).is(200);
    assert_eq!(again.data()["meta"]["key"], key.as_str());
}

#[test]
fn without_notifications_nothing_leaves() {
    let mut server = Server::with(&[("push.enabled", "off")]);
    let mut boris = server.register("boris");
    let refused = rich(&mut boris, "push_key", &json!({})).is(403);
    assert_eq!(refused.refusal()["key"], "push_off");
    let (_, log) = server.stop();
    assert!(
        log.contains("nothing leaves this server by itself"),
        "{log}"
    );
}

#[test]
fn what_the_stop_cut_off_is_told_after_the_start() {
    let service = PushService::start();
    let mut server = server(&service);
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let flow = anna.add_flow("chat", "", &[&boris]);
    subscribe(&mut boris, &service, "/ok/boris");
    let told = anna.send(&flow, "told");
    assert_eq!(service.read(&service.next())["message"], told.as_str());
    // Settled before the stop: a start tells it to nobody again.
    server.restart();
    let again = service.within(Duration::from_secs(2));
    assert!(again.is_empty(), "{again:?}");
    let (mut anna, mut boris) = (server.sign_in("anna"), server.sign_in("boris"));
    for (round, path) in [("a stop", "/busy/1"), ("a power cut", "/busy/2")] {
        subscribe(&mut boris, &service, path);
        let message = anna.send(&flow, round);
        // A service that fails is asked again, so that one of the round before may come first.
        while service.next().path != path {}
        if round == "a stop" {
            let (code, errors) = server.stop();
            assert_eq!(code, Some(0), "{errors}");
        } else {
            server.kill();
        }
        drop(service.within(Duration::from_millis(200)));
        server.serve();
        // Of a round before, its message may come first: its device was never told either.
        while service.read(&service.next())["message"] != message.as_str() {}
        (anna, boris) = (server.sign_in("anna"), server.sign_in("boris"));
    }
    // Once: a server that goes on ending does not ring each time.
    server.kill();
    drop(service.within(Duration::from_millis(200)));
    server.serve();
    let again = service.within(Duration::from_secs(3));
    assert!(again.is_empty(), "{again:?}");
}

#[test]
fn a_call_of_everyone_rings_where_only_mentions_do() {
    let service = PushService::start();
    let server = server(&service);
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let flow = anna.group("Family", &[&boris]);
    subscribe(&mut boris, &service, "/ok/boris");
    let quiet = json!({"flow": [{"uuid": flow}], "meta": {"settings": {"mentions_only": true}}});
    rich(&mut boris, "flow_settings", &quiet).is(200);
    anna.send(&flow, "quietly");
    let told = service.within(Duration::from_secs(1));
    assert!(told.is_empty(), "{told:?}");
    let call = json!({"flow": [{"uuid": flow}], "message": [{"text": "@all dinner"}], "meta": {"about": {"everyone": true}}});
    rich(&mut anna, "send_message", &call).is(200);
    let told = service.next();
    assert_eq!(told.header("urgency"), "high");
    assert_eq!(service.read(&told)["title"], "anna · Family");
}
