//! An event on its way, and the frames that are made of it: each form once, whoever listens.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::model::{Event, Form, News};

/// An event on its way to its hearers, with the frames that they share.
#[derive(Debug)]
pub struct Delivery {
    /// What happened.
    pub event: Event,
    plain: OnceLock<Option<Bytes>>,
    rich: OnceLock<Option<Bytes>>,
}

impl Delivery {
    pub(super) fn new(event: Event) -> Self {
        Self {
            event,
            plain: OnceLock::new(),
            rich: OnceLock::new(),
        }
    }

    /// The frame for this event in a form, made by whoever needs it first; `None`: nothing of it is
    /// told in that form.
    pub fn frame(&self, form: Form, make: impl FnOnce(&Event) -> Option<Bytes>) -> Option<Bytes> {
        let slot = match form {
            Form::Plain => &self.plain,
            Form::Rich => &self.rich,
        };
        slot.get_or_init(|| make(&self.event)).clone()
    }

    /// Bytes that the frame takes, roughly, whether it has been made or not.
    pub(super) fn size_bytes(&self) -> usize {
        /// What any frame has around its content.
        const AROUND: usize = 256;
        AROUND
            + match &self.event.news {
                News::Message(message) => message.size_bytes(),
                News::Flow(news) => news.flow.members.len() * 44 + news.events.len() * 128,
                News::User(user) => user
                    .avatar_content
                    .as_ref()
                    .map_or(0, crate::model::Content::size_bytes),
                News::Left(_)
                | News::Uninvited(_)
                | News::Read { .. }
                | News::Typing { .. }
                | News::Presence { .. }
                | News::Invited(_)
                | News::Device(_)
                | News::Account(_)
                | News::Blocked(_)
                | News::Back(_) => 0,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Audience, PublicId, UserId};

    #[test]
    fn a_frame_is_made_once_a_form() {
        let delivery = Delivery::new(Event {
            position: None,
            origin: None,
            audience: Audience::Users(vec![UserId(1)].into()),
            news: News::Left(PublicId(1)),
        });
        for (form, text) in [(Form::Plain, "plain"), (Form::Rich, "rich")] {
            let made = Some(text.into());
            assert_eq!(delivery.frame(form, |_| made.clone()), made);
            assert_eq!(delivery.frame(form, |_| Some("again".into())), made);
        }
    }
}
