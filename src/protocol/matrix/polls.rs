//! Polls in the content of events: the unstable form that clients send, and the stable one.

use serde_json::Value;

use super::input::Body;
use super::trouble::Trouble;
use crate::model::NewPoll;
use crate::service::RoomPoll;

/// The beginning of the types of events of polls, before and after they were accepted.
const PREFIXES: [&str; 2] = ["org.matrix.msc3381.poll.", "m.poll."];

/// Returns what an event of a poll says; `None`: it is none, or says nothing that is understood.
pub(super) fn read(kind: &str, body: &Body) -> Option<RoomPoll> {
    let part = PREFIXES.iter().find_map(|it| kind.strip_prefix(it))?;
    match part {
        "start" => started(body).map(RoomPoll::Start),
        "response" => Some(RoomPoll::Response(chosen(body))),
        "end" => Some(RoomPoll::End),
        _ => None,
    }
}

/// Returns the text for clients that do not know polls, if the event starts one: what its sender says, or
/// the question and the options.
pub(super) fn fallback(kind: &str, body: &Body) -> Result<Option<String>, Trouble> {
    let mut prefixes = PREFIXES.iter();
    if !prefixes.any(|it| kind.strip_prefix(it) == Some("start")) {
        return Ok(None);
    }
    let content = Value::Object(body.0.clone());
    if let Some(said) = text(&content) {
        return Ok(Some(said.to_owned()));
    }
    let poll = started(body).ok_or_else(|| Trouble::missing("org.matrix.msc3381.poll.start"))?;
    let options = poll.options.iter().zip(1..);
    let lines = options.map(|(option, number)| format!("{number}. {option}"));
    let lines: Vec<_> = [poll.question].into_iter().chain(lines).collect();
    Ok(Some(lines.join("\n")))
}

fn started(body: &Body) -> Option<NewPoll> {
    let keys = ["org.matrix.msc3381.poll.start", "m.poll", "m.poll.start"];
    let poll = keys.iter().find_map(|key| body.0.get(*key))?;
    let options = poll["answers"].as_array()?.iter();
    let options = options.map(|answer| text(answer).map(str::to_owned));
    Some(NewPoll {
        question: text(&poll["question"])?.to_owned(),
        options: options.collect::<Option<_>>()?,
        is_multiple: poll["max_selections"].as_i64().unwrap_or(1) > 1,
        is_anonymous: poll["kind"]
            .as_str()
            .is_some_and(|kind| kind.ends_with("undisclosed")),
    })
}

/// Returns a text in one of the forms in which events have it.
fn text(value: &Value) -> Option<&str> {
    let parts = value["m.text"].as_array().map(Vec::as_slice);
    let is_plain = |part: &&Value| {
        part["mimetype"]
            .as_str()
            .is_none_or(|it| it == "text/plain")
    };
    let part = parts.unwrap_or_default().iter().find(is_plain);
    let found = part.and_then(|part| part["body"].as_str());
    let others = ["org.matrix.msc1767.text", "m.text", "body"];
    found.or_else(|| others.iter().find_map(|key| value[*key].as_str()))
}

fn chosen(body: &Body) -> Vec<String> {
    let places = [
        "/org.matrix.msc3381.poll.response/answers",
        "/m.selections",
        "/m.poll.response/answers",
    ];
    let content = Value::Object(body.0.clone());
    let found = places.iter().find_map(|place| content.pointer(place));
    let all = found.and_then(Value::as_array).map(Vec::as_slice);
    let all = all.unwrap_or_default().iter();
    all.filter_map(|it| it.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(value: &Value) -> Body {
        Body(value.as_object().cloned().unwrap_or_default())
    }

    #[test]
    fn both_forms_of_a_poll_are_read() {
        let old = json!({"org.matrix.msc3381.poll.start": {
            "question": {"org.matrix.msc1767.text": "When?", "body": "When?"}, "max_selections": 2,
            "kind": "org.matrix.msc3381.poll.undisclosed",
            "answers": [{"id": "a", "org.matrix.msc1767.text": "now"}, {"id": "b", "org.matrix.msc1767.text": "later"}],
        }, "org.matrix.msc1767.text": "When? now or later"});
        let new = json!({"m.poll": {
            "question": {"m.text": [{"mimetype": "text/html", "body": "<b>"}, {"body": "When?"}]}, "max_selections": 2,
            "kind": "m.undisclosed",
            "answers": [{"m.id": "a", "m.text": [{"body": "now"}]}, {"m.id": "b", "m.text": [{"body": "later"}]}],
        }, "m.text": [{"body": "When? now or later"}]});
        for (kind, content) in [
            ("org.matrix.msc3381.poll.start", old),
            ("m.poll.start", new),
        ] {
            let content = body(&content);
            let Some(RoomPoll::Start(poll)) = read(kind, &content) else {
                panic!("{kind} is not read");
            };
            assert_eq!(
                (&*poll.question, poll.is_multiple, poll.is_anonymous),
                ("When?", true, true)
            );
            assert_eq!(poll.options, ["now", "later"]);
            let said = fallback(kind, &content).ok().flatten();
            assert_eq!(said.as_deref(), Some("When? now or later"));
        }
        for broken in [
            json!({}),
            json!({"m.poll": {"question": {}, "answers": []}}),
            json!({"m.poll": {"question": {"body": "x"}, "answers": [1]}}),
        ] {
            assert!(read("m.poll.start", &body(&broken)).is_none(), "{broken}");
            assert!(
                fallback("m.poll.start", &body(&broken)).is_err(),
                "{broken}"
            );
        }
        let short = json!({"m.poll": {
            "question": {"body": "x"}, "answers": [{"body": "a"}, {"body": "b"}],
        }});
        let said = fallback("m.poll.start", &body(&short)).ok().flatten();
        assert_eq!(said.as_deref(), Some("x\n1. a\n2. b"));
    }

    #[test]
    fn both_forms_of_a_vote_are_read() {
        for content in [
            json!({"org.matrix.msc3381.poll.response": {"answers": ["a", 1]}}),
            json!({"m.selections": ["a"]}),
        ] {
            let Some(RoomPoll::Response(chosen)) = read("m.poll.response", &body(&content)) else {
                panic!("it is not read");
            };
            assert_eq!(chosen, ["a"]);
        }
        assert!(matches!(
            read("m.poll.end", &body(&json!({}))),
            Some(RoomPoll::End)
        ));
        assert!(read("m.poll.more", &body(&json!({}))).is_none());
    }
}
