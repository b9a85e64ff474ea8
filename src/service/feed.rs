//! The events that a user has not been told yet: first the missed ones, then live ones, then why it ends.
//!
//! Every face follows events through a feed: a socket, a waiting request, a hook, a notification. What
//! belongs here: the order of backlog and live events, so that nothing is lost between them. What does
//! not: the form in which events are sent.

use std::pin::Pin;
use std::sync::Arc;

use super::updates::{Cursor, Updates, Within};
use super::{Service, ServiceError, SignedIn};
use crate::hub::{Delivery, Ended, Listener};
use crate::model::{Form, News, Position};

/// A read that continues whatever else happens meanwhile.
type Reading = Pin<Box<dyn Future<Output = Result<Updates, ServiceError>> + Send>>;

/// One reader of events, and how far it has been told.
pub struct Feed {
    user: SignedIn,
    form: Form,
    cursor: Cursor,
    /// Whether there may be older events that the listener did not receive.
    behind: bool,
    /// The page of older events that is being read.
    reading: Option<Reading>,
}

/// What a reader is told next.
pub enum Told {
    /// Missed events.
    Page(Box<Updates>),
    /// A live event.
    Event(Arc<Delivery>),
}

/// The reason why a reader receives nothing more.
#[derive(Debug)]
pub enum End {
    /// The session has ended.
    Revoked,
    /// The reader did not keep up.
    Lagged,
    /// The missed events cannot be read.
    Unreadable(ServiceError),
}

impl Feed {
    /// Creates a feed that begins with live events; the listener is already listening.
    #[must_use]
    pub fn live(user: SignedIn, form: Form, told: Position) -> Self {
        Self {
            user,
            form,
            cursor: Cursor::after(told),
            behind: false,
            reading: None,
        }
    }

    /// Creates a feed that begins with the events after a position.
    #[must_use]
    pub fn after(user: SignedIn, form: Form, told: Position) -> Self {
        Self {
            behind: true,
            ..Self::live(user, form, told)
        }
    }

    /// Returns the form in which events are sent.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Returns the user who reads.
    #[must_use]
    pub fn user(&self) -> &SignedIn {
        &self.user
    }

    /// Continues with another session of the same user; if the listener has a new connection, it does not
    /// listen yet.
    pub fn go_on_as(&mut self, user: SignedIn, listener: &Listener) {
        self.behind |= !listener.is_listening();
        self.user = user;
    }

    /// Waits for the next page or event.
    ///
    /// Cancel safe: the reading of a page continues, and no received event is lost.
    ///
    /// # Errors
    /// The reason why nothing follows.
    pub async fn next(&mut self, service: &Service, listener: &mut Listener) -> Result<Told, End> {
        loop {
            match listener.ended() {
                Some(Ended::Revoked) => return Err(End::Revoked),
                Some(Ended::Lagged) => return Err(End::Lagged),
                None => {}
            }
            if self.behind {
                let page = self.read(service, listener).await?;
                return Ok(Told::Page(Box::new(page)));
            }
            let Ok(delivery) = listener.next().await else {
                continue;
            };
            match delivery.event.position {
                Some(position) if position <= self.cursor.after => continue,
                // Reading finds the row, and with it what happened while the reader was away.
                Some(_) if matches!(delivery.event.news, News::Back(_)) => {
                    self.behind = true;
                    continue;
                }
                Some(position) => self.cursor = Cursor::after(position),
                None => {}
            }
            return Ok(Told::Event(delivery));
        }
    }

    async fn read(&mut self, service: &Service, listener: &mut Listener) -> Result<Updates, End> {
        let (user, cursor) = (&self.user, self.cursor);
        let within = Within {
            form: self.form,
            ..Within::default()
        };
        let reading = self
            .reading
            .get_or_insert_with(|| Box::pin(service.read_updates(user, cursor, within)));
        let page = reading.await;
        self.reading = None;
        let page = page.map_err(End::Unreadable)?;
        self.cursor = page.cursor;
        if page.complete {
            // Once it listens, one more read finds what happened before that.
            self.behind = !listener.is_listening();
            if self.behind {
                listener.listen(self.form);
            }
        }
        Ok(page)
    }
}
