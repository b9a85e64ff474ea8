//! The cases of `client conformance`: MTP 1.0 revision 17 as requests and codes.

/// One case: a request and the code that the protocol specifies for it.
pub(super) struct Case {
    /// What is tested.
    pub name: &'static str,
    /// The sender.
    pub who: Who,
    /// The method.
    pub method: &'static str,
    /// The data; `{name}` stands for a known id or one that an earlier case stored.
    pub data: &'static str,
    /// The expected code.
    pub code: u16,
    /// The name under which the id of the answer's first flow or message is stored; empty for none.
    pub keep: &'static str,
    /// Whether the request accepts what this server sends beyond the protocol.
    pub accepts: bool,
    /// The path in the answer that must have a value; empty for none.
    pub has: &'static str,
}

/// The sender of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Without a token.
    Stranger,
    /// The first account.
    Anna,
    /// The second account.
    Boris,
}

use Who::{Anna, Boris, Stranger};

const fn case(
    who: Who,
    method: &'static str,
    code: u16,
    name: &'static str,
    data: &'static str,
) -> Case {
    Case {
        name,
        who,
        method,
        data,
        code,
        keep: "",
        accepts: false,
        has: "",
    }
}

const fn keep(
    keep: &'static str,
    who: Who,
    method: &'static str,
    name: &'static str,
    data: &'static str,
) -> Case {
    Case {
        name,
        who,
        method,
        data,
        code: 200,
        keep,
        accepts: false,
        has: "",
    }
}

/// Frames that are not requests, and that get 415.
pub(super) const UNREADABLE: &[(&str, &str)] = &[
    ("a frame that is no JSON", "no JSON"),
    ("a frame that is no object", "[]"),
    ("a request without jsonapi", r#"{"type":"ping_pong"}"#),
    (
        "a value of the wrong type",
        r#"{"type":"ping_pong","data":{"time":[]},"jsonapi":{"version":"1.0"}}"#,
    ),
    (
        "a type that is no text",
        r#"{"type":5,"data":null,"jsonapi":{"version":"1.0"}}"#,
    ),
];

/// The requests of two new accounts, in this order.
pub(super) const CASES: &[Case] = &[
    case(Stranger, "no_such_method", 405, "an unknown method", "null"),
    case(Stranger, "error", 405, "error is no request", "null"),
    case(
        Stranger,
        "ping_pong",
        401,
        "ping_pong without a token",
        "null",
    ),
    case(Anna, "ping_pong", 200, "ping_pong", "null"),
    case(Anna, "all_flow", 404, "all_flow without flows", "null"),
    case(
        Anna,
        "add_flow",
        400,
        "add_flow of an unknown type",
        r#"{"flow":[{"type":"party"}]}"#,
    ),
    case(
        Anna,
        "add_flow",
        400,
        "add_flow, a chat of one",
        r#"{"flow":[{"type":"chat"}]}"#,
    ),
    case(
        Anna,
        "add_flow",
        404,
        "add_flow with an unknown member",
        r#"{"flow":[{"type":"group","users":["{nobody}"]}]}"#,
    ),
    case(
        Anna,
        "add_flow",
        403,
        "add_flow for another owner",
        r#"{"flow":[{"type":"group","owner":"{boris}","users":["{boris}"]}]}"#,
    ),
    case(
        Anna,
        "add_flow",
        200,
        "add_flow, a chat",
        r#"{"flow":[{"type":"chat","users":["{boris}"]}]}"#,
    ),
    case(
        Boris,
        "add_flow",
        409,
        "add_flow, the same chat",
        r#"{"flow":[{"type":"chat","users":["{anna}"]}]}"#,
    ),
    keep(
        "own",
        Anna,
        "add_flow",
        "add_flow, a group",
        r#"{"flow":[{"type":"group","title":"Conformance"}]}"#,
    ),
    keep(
        "channel",
        Anna,
        "add_flow",
        "add_flow, a channel",
        r#"{"flow":[{"type":"channel","title":"Conformance","users":["{boris}"]}]}"#,
    ),
    case(Anna, "all_flow", 200, "all_flow", "null"),
    case(
        Anna,
        "send_message",
        400,
        "send_message without text",
        r#"{"flow":[{"uuid":"{own}"}],"message":[{"client_id":1}]}"#,
    ),
    case(
        Anna,
        "send_message",
        404,
        "send_message to no flow",
        r#"{"flow":[{"uuid":"{nobody}"}],"message":[{"text":"x"}]}"#,
    ),
    case(
        Boris,
        "send_message",
        404,
        "send_message to another's flow",
        r#"{"flow":[{"uuid":"{own}"}],"message":[{"text":"x"}]}"#,
    ),
    case(
        Boris,
        "send_message",
        403,
        "send_message by a channel's reader",
        r#"{"flow":[{"uuid":"{channel}"}],"message":[{"text":"x"}]}"#,
    ),
    keep(
        "message",
        Anna,
        "send_message",
        "send_message",
        r#"{"flow":[{"uuid":"{channel}"}],"message":[{"client_id":7,"text":"x","file_picture":[1,2]}]}"#,
    ),
    case(
        Boris,
        "all_messages",
        200,
        "all_messages",
        r#"{"time":"0","flow":[{"uuid":"{channel}"}]}"#,
    ),
    case(
        Boris,
        "all_messages",
        403,
        "all_messages, more than the limit",
        r#"{"flow":[{"uuid":"{channel}","message_start":0,"message_end":100000}]}"#,
    ),
    case(
        Boris,
        "all_messages",
        403,
        "all_messages, the end before the start",
        r#"{"flow":[{"uuid":"{channel}","message_start":5,"message_end":1}]}"#,
    ),
    case(
        Boris,
        "all_messages",
        403,
        "all_messages, a negative number",
        r#"{"flow":[{"uuid":"{channel}","message_start":-1,"message_end":1}]}"#,
    ),
    case(
        Boris,
        "all_messages",
        404,
        "all_messages of another's flow",
        r#"{"flow":[{"uuid":"{own}"}]}"#,
    ),
    case(Boris, "get_update", 200, "get_update", r#"{"time":0}"#),
    case(
        Boris,
        "edited_message",
        403,
        "edited_message of another's",
        r#"{"message":[{"uuid":"{message}","text":"y"}]}"#,
    ),
    case(
        Anna,
        "edited_message",
        200,
        "edited_message",
        r#"{"message":[{"uuid":"{message}","text":"y"}]}"#,
    ),
    case(
        Boris,
        "delete_message",
        403,
        "delete_message of another's",
        r#"{"message":[{"uuid":"{message}"}]}"#,
    ),
    case(
        Anna,
        "delete_message",
        404,
        "delete_message in another flow",
        r#"{"flow":[{"uuid":"{own}"}],"message":[{"uuid":"{message}"}]}"#,
    ),
    case(
        Anna,
        "delete_message",
        200,
        "delete_message",
        r#"{"message":[{"uuid":"{message}"}]}"#,
    ),
    case(
        Anna,
        "delete_message",
        200,
        "delete_message twice",
        r#"{"message":[{"uuid":"{message}"}]}"#,
    ),
    case(
        Anna,
        "edited_message",
        404,
        "edited_message of a deleted one",
        r#"{"message":[{"uuid":"{message}","text":"z"}]}"#,
    ),
    case(
        Anna,
        "user_info",
        200,
        "user_info",
        r#"{"user":[{},{"uuid":"{boris}"}]}"#,
    ),
    case(
        Anna,
        "user_info",
        206,
        "user_info, some unknown",
        r#"{"user":[{},{"uuid":"{boris}"},{"uuid":"{nobody}"}]}"#,
    ),
    case(
        Anna,
        "user_info",
        404,
        "user_info, all unknown",
        r#"{"user":[{},{"uuid":"{nobody}"}]}"#,
    ),
    case(Anna, "user_info", 400, "user_info about nobody", "null"),
];

/// The methods that a server may lack; if it answers 405 the case is skipped.
pub(super) const EXTENSIONS: &[Case] = &[
    case(
        Anna,
        "edit_user",
        200,
        "edit_user",
        r#"{"user":[{"bio":"conformance"}]}"#,
    ),
    case(
        Anna,
        "edit_flow",
        200,
        "edit_flow",
        r#"{"flow":[{"uuid":"{own}","title":"Renamed"}]}"#,
    ),
    case(
        Boris,
        "edit_flow",
        403,
        "edit_flow of another's",
        r#"{"flow":[{"uuid":"{channel}","title":"x"}]}"#,
    ),
    case(
        Boris,
        "read_flow",
        200,
        "read_flow",
        r#"{"flow":[{"uuid":"{channel}","message_end":0}]}"#,
    ),
    case(
        Anna,
        "typing",
        200,
        "typing",
        r#"{"flow":[{"uuid":"{channel}"}]}"#,
    ),
    case(
        Anna,
        "find_message",
        200,
        "find_message, an odd query",
        r#"{"meta":{"query":"\"odd AND ("}}"#,
    ),
    case(
        Anna,
        "find_user",
        200,
        "find_user",
        r#"{"meta":{"query":"conformance"}}"#,
    ),
    case(
        Boris,
        "leave_flow",
        200,
        "leave_flow",
        r#"{"flow":[{"uuid":"{channel}"}]}"#,
    ),
    case(
        Boris,
        "leave_flow",
        404,
        "leave_flow twice",
        r#"{"flow":[{"uuid":"{channel}"}]}"#,
    ),
    case(Boris, "subscribe", 200, "subscribe", "null"),
];
