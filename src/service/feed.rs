//! What a user has not been told yet: what was missed, then what happens, then why it ends.
//!
//! A feed is what every face follows by: a socket, a request that waits, a hook, a notification.
//! What belongs here: the order of backlog and live events, so that nothing falls between them.
//! What does not: the form in which it is told.

use std::pin::Pin;
use std::sync::Arc;

use super::updates::{Cursor, Updates, Within};
use super::{Service, ServiceError, SignedIn};
use crate::hub::{Delivery, Ended, Listener};
use crate::model::{Form, News, Position};

/// A read that goes on whatever else happens meanwhile.
type Reading = Pin<Box<dyn Future<Output = Result<Updates, ServiceError>> + Send>>;

/// One reader of what happens, and how far it has been told.
pub struct Feed {
    user: SignedIn,
    form: Form,
    cursor: Cursor,
    /// Whether there may be older things to tell than the listener hears.
    behind: bool,
    /// The page of these that is being read.
    reading: Option<Reading>,
}

/// What a reader is told next.
pub enum Told {
    /// What was missed.
    Page(Box<Updates>),
    /// What has just happened.
    Event(Arc<Delivery>),
}

/// Why a reader is told nothing more.
#[derive(Debug)]
pub enum End {
    /// The session is over.
    Revoked,
    /// The reader did not keep up.
    Lagged,
    /// What was missed cannot be read.
    Unreadable(ServiceError),
}

impl Feed {
    /// Begins with what happens from now on; the listener listens already.
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

    /// Begins with what happened after a position.
    #[must_use]
    pub fn after(user: SignedIn, form: Form, told: Position) -> Self {
        Self {
            behind: true,
            ..Self::live(user, form, told)
        }
    }

    /// In which form it is told.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Who reads.
    #[must_use]
    pub fn user(&self) -> &SignedIn {
        &self.user
    }

    /// Goes on for another session of the same user; a new seat of the listener does not listen yet.
    pub fn go_on_as(&mut self, user: SignedIn, listener: &Listener) {
        self.behind |= !listener.is_listening();
        self.user = user;
    }

    /// Waits for what is next.
    ///
    /// Cancel safe: a page that is being read is read on, and nothing that was heard is lost.
    ///
    /// # Errors
    /// Why nothing follows.
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
            // Once it hears, one more look finds what happened before it did.
            self.behind = !listener.is_listening();
            if self.behind {
                listener.listen(self.form);
            }
        }
        Ok(page)
    }
}
