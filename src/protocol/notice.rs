//! The content of a notification for the service worker of the web client and other receivers.
//! Source: MTP extensions of this server, notifications.

use serde::Serialize;

use crate::service::Notice;

#[derive(Serialize)]
struct Payload<'a> {
    v: u8,
    flow: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    /// Whether a user was added to the flow.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    added: bool,
    count: i64,
    badge: i64,
    time: i64,
}

/// Returns the payload of a notification.
#[must_use]
pub fn text(notice: &Notice) -> Vec<u8> {
    let payload = Payload {
        v: 1,
        flow: notice.flow.to_string(),
        message: notice.message.map(|message| message.to_string()),
        title: notice.title.as_deref(),
        body: notice.body.as_deref(),
        added: notice.message.is_none(),
        count: notice.count,
        badge: notice.badge,
        time: notice.time,
    };
    serde_json::to_vec(&payload).unwrap_or_default()
}

/// Returns the payload of a notification by which a user tests notifications.
#[must_use]
pub fn test() -> Vec<u8> {
    br#"{"v":1,"test":true}"#.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PublicId, PushAddress};

    #[test]
    fn nothing_is_said_that_is_not_known() {
        let mut notice = Notice {
            address: PushAddress {
                endpoint: String::new(),
                p256dh: Vec::new(),
                auth: Vec::new(),
            },
            flow: PublicId(7),
            message: Some(PublicId(8)),
            title: Some("Anna".to_owned()),
            body: None,
            count: 3,
            badge: 9,
            time: 1_790_000_000,
        };
        let shown = |notice: &Notice| String::from_utf8(text(notice)).unwrap();
        assert_eq!(
            shown(&notice),
            r#"{"v":1,"flow":"7","message":"8","title":"Anna","count":3,"badge":9,"time":1790000000}"#
        );
        notice.message = None;
        notice.title = None;
        assert_eq!(
            shown(&notice),
            r#"{"v":1,"flow":"7","added":true,"count":3,"badge":9,"time":1790000000}"#
        );
    }
}
