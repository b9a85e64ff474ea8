//! An event to be delivered, and the frames that represent it: each form is made once for all recipients.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::model::{Event, Form, News, PublicId};

/// The frames that represent an event in one form.
#[derive(Debug, Clone)]
pub enum Frames {
    /// No frame.
    None,
    /// One frame.
    One(Bytes),
    /// One frame for each user that the event is about; that user does not get it.
    Each(Arc<[(PublicId, Bytes)]>),
    /// A frame that contains the id of its recipient.
    Naming(Arc<Naming>),
}

/// A frame that contains the id of its recipient, whoever it is.
#[derive(Debug)]
pub struct Naming {
    /// Users whom the frame names for all recipients.
    pub named: Vec<PublicId>,
    /// The frame for these users.
    pub shared: Bytes,
    /// The parts before and after the recipient's id in the frame for all others.
    pub around: [Bytes; 2],
}

impl Naming {
    /// Returns the frame for a recipient.
    #[must_use]
    pub fn frame(&self, hearer: PublicId) -> Bytes {
        if self.named.contains(&hearer) {
            return self.shared.clone();
        }
        let [before, after] = &self.around;
        [before, hearer.to_string().as_bytes(), after]
            .concat()
            .into()
    }
}

/// An event on its way to its recipients, with the frames that they share.
#[derive(Debug)]
pub struct Delivery {
    /// What happened.
    pub event: Event,
    plain: OnceLock<Frames>,
    rich: OnceLock<Frames>,
}

impl Delivery {
    pub(super) fn new(event: Event) -> Self {
        Self {
            event,
            plain: OnceLock::new(),
            rich: OnceLock::new(),
        }
    }

    /// Returns the frames of this event in a form; the first caller makes them.
    pub fn frames(&self, form: Form, make: impl FnOnce(&Event) -> Frames) -> Frames {
        let slot = match form {
            Form::Plain => &self.plain,
            Form::Rich => &self.rich,
        };
        slot.get_or_init(|| make(&self.event)).clone()
    }

    /// Returns the approximate number of bytes of the frame, whether it has been made or not.
    pub(super) fn size_bytes(&self) -> usize {
        /// Bytes that surround the content of any frame.
        const AROUND: usize = 256;
        AROUND
            + match &self.event.news {
                News::Message(message) => message.size_bytes(),
                News::Around(around) => around.size_bytes(),
                News::Flow(news) => news.flow.members.len() * 44 + news.events.len() * 128,
                News::User(user) => user
                    .avatar_content
                    .as_ref()
                    .map_or(0, crate::model::Content::size_bytes),
                News::Presence(list) => list.len() * 128,
                News::Left(_)
                | News::Uninvited(_)
                | News::Read(_)
                | News::Typing { .. }
                | News::Invited(_)
                | News::Device(_)
                | News::Settings(..)
                | News::Seen { .. }
                | News::Account(_)
                | News::Blocked(_)
                | News::Archive(_)
                | News::Back(_)
                | News::Room(_) => 0,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Audience, UserId};

    #[test]
    fn a_frame_is_made_once_a_form() {
        let delivery = Delivery::new(Event {
            position: None,
            origin: None,
            audience: Audience::Users(vec![UserId(1)].into()),
            news: News::Left(PublicId(1)),
        });
        for (form, text) in [(Form::Plain, "plain"), (Form::Rich, "rich")] {
            let is_first = |frames| matches!(frames, Frames::One(frame) if frame == text);
            assert!(is_first(
                delivery.frames(form, |_| Frames::One(text.into()))
            ));
            assert!(is_first(delivery.frames(form, |_| Frames::None)));
        }
    }
}
