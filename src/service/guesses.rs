//! The throttle for guessing passwords of accounts and invitations.
//!
//! An attacker who guesses must not lock out the owner. Failed attempts at an account from unknown places
//! are counted together; beyond that, each such address has a small share of attempts of its own. A place
//! that the account knows (the address of one of its sessions, or a session itself) has a separate count,
//! which strangers cannot affect.
//!
//! An attempt is counted when it begins, and given back if it succeeds, so that concurrent attempts
//! cannot exceed a limit.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::ServiceError;
use super::refusal::Refusal;
use crate::auth::{Taken, Throttle};
use crate::model::{Neighbourhood, SessionId};

/// Number of accounts of one household whose wrong attempts do not throttle their common address: its
/// limit is this number times the attempts of one account.
const ATTEMPTS_PER_ADDRESS: u32 = 4;

/// The fraction of an account's attempts that each address still has when strangers have used them up.
const SHARE_OF_ADDRESS: u32 = 5;

/// The origin of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// An address that the account does not know.
    Strange(Neighbourhood),
    /// The address of one of the account's sessions.
    Known(Neighbourhood),
    /// A session of the account.
    Session(SessionId),
}

pub(super) struct Guesses(Mutex<Counts>);

struct Counts {
    /// Attempts at accounts from places that they do not know.
    accounts: Throttle<String>,
    /// Attempts by account and unknown address.
    shares: Throttle<(String, Neighbourhood)>,
    /// Attempts by account and known place.
    known: Throttle<(String, Place)>,
    /// Attempts by address, whatever was guessed.
    addresses: Throttle<Neighbourhood>,
}

/// A counted attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    account: String,
    place: Place,
    counted: Counted,
}

#[derive(Debug)]
enum Counted {
    Known(Taken),
    Strange {
        account: Taken,
        /// `None` for this machine, which has no counts by address.
        address: Option<(Taken, Taken)>,
    },
}

impl Guesses {
    /// Allows `attempts` attempts per account within a window; 0 allows any number.
    pub(super) fn new(attempts: u32, window: Duration) -> Self {
        let share = attempts.div_ceil(SHARE_OF_ADDRESS);
        let of_address = attempts.saturating_mul(ATTEMPTS_PER_ADDRESS);
        Self(Mutex::new(Counts {
            accounts: Throttle::new(attempts, window),
            shares: Throttle::new(share, window),
            known: Throttle::new(attempts, window),
            addresses: Throttle::new(of_address, window),
        }))
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an attempt at an account before it is made.
    ///
    /// # Errors
    /// [`Refusal::Throttled`].
    pub(super) fn begin(
        &self,
        account: String,
        place: Place,
        now: Instant,
    ) -> Result<Attempt, ServiceError> {
        let counted = self.counts().take(&account, &place, now);
        match counted {
            Ok(counted) => Ok(Attempt {
                account,
                place,
                counted,
            }),
            Err(wait) => Err(Refusal::Throttled(wait).into()),
        }
    }

    /// Gives back an attempt with the right password, and forgets earlier mistakes from the same place.
    pub(super) fn was_right(&self, attempt: &Attempt) {
        let mut counts = self.counts();
        counts.give_back(attempt);
        match &attempt.place {
            Place::Strange(address) => {
                let key = (attempt.account.clone(), *address);
                counts.shares.succeed(&key);
            }
            place => {
                let key = (attempt.account.clone(), place.clone());
                counts.known.succeed(&key);
            }
        }
    }

    /// Gives back an attempt that was not made.
    pub(super) fn was_none(&self, attempt: &Attempt) {
        self.counts().give_back(attempt);
    }

    /// Counts an invalid invitation code from an address. A valid one never has to wait, whatever others
    /// at the address do, because it cannot be guessed.
    ///
    /// # Errors
    /// [`Refusal::Throttled`].
    pub(super) fn missed_code(
        &self,
        address: Neighbourhood,
        now: Instant,
    ) -> Result<(), ServiceError> {
        if address.is_this_machine() {
            return Ok(());
        }
        let taken = self.counts().addresses.take(address, now);
        taken
            .map(drop)
            .map_err(|wait| Refusal::Throttled(wait).into())
    }
}

impl Counts {
    fn take(&mut self, account: &str, place: &Place, now: Instant) -> Result<Counted, Duration> {
        let Place::Strange(address) = place else {
            let key = (account.to_owned(), place.clone());
            return self.known.take(key, now).map(Counted::Known);
        };
        let account = account.to_owned();
        if address.is_this_machine() {
            let account = self.accounts.take(account, now)?;
            return Ok(Counted::Strange {
                account,
                address: None,
            });
        }
        let share = (account.clone(), *address);
        if let Some(wait) = self.addresses.wait(address, now) {
            return Err(wait);
        }
        if let (Some(wait), Some(of_share)) = (
            self.accounts.wait(&account, now),
            self.shares.wait(&share, now),
        ) {
            return Err(wait.min(of_share));
        }
        Ok(Counted::Strange {
            account: self.accounts.count(account, now),
            address: Some((
                self.shares.count(share, now),
                self.addresses.count(*address, now),
            )),
        })
    }

    fn give_back(&mut self, attempt: &Attempt) {
        let Attempt {
            account,
            place,
            counted,
        } = attempt;
        match (counted, place) {
            (Counted::Known(taken), _) => {
                let key = (account.clone(), place.clone());
                self.known.give_back(&key, *taken);
            }
            (
                Counted::Strange {
                    account: of_account,
                    address: of_address,
                },
                Place::Strange(address),
            ) => {
                self.accounts.give_back(account, *of_account);
                if let Some((share, all)) = of_address {
                    let key = (account.clone(), *address);
                    self.shares.give_back(&key, *share);
                    self.addresses.give_back(address, *all);
                }
            }
            // Counts for strangers exist only for unknown places.
            (Counted::Strange { .. }, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const WINDOW: Duration = Duration::from_mins(1);

    fn of(address: &str) -> Neighbourhood {
        address.parse::<IpAddr>().unwrap().into()
    }

    fn strange(number: u32) -> Place {
        Place::Strange(of(&format!("192.0.2.{number}")))
    }

    /// Returns how many of a number of wrong attempts are permitted.
    fn wrong(guesses: &Guesses, place: &Place, times: u32) -> u32 {
        let now = Instant::now();
        let through =
            (0..times).filter(|_| guesses.begin("anna".into(), place.clone(), now).is_ok());
        u32::try_from(through.count()).unwrap()
    }

    #[test]
    fn many_at_a_time_pass_no_limit() {
        let guesses = Guesses::new(10, WINDOW);
        // None of them has been found wrong yet.
        assert_eq!(wrong(&guesses, &strange(1), 40), 10);
    }

    #[test]
    fn strangers_keep_nobody_out() {
        let guesses = Guesses::new(10, WINDOW);
        assert_eq!(wrong(&guesses, &strange(1), 100), 10);
        for number in 2..50 {
            assert_eq!(wrong(&guesses, &strange(number), 100), 2, "a share each");
        }
        assert_eq!(wrong(&guesses, &Place::Known(of("192.0.2.1")), 100), 10);
        assert_eq!(wrong(&guesses, &Place::Session(SessionId(1)), 100), 10);
    }

    #[test]
    fn the_right_password_is_not_counted() {
        let guesses = Guesses::new(4, WINDOW);
        let now = Instant::now();
        for place in [strange(1), Place::Known(of("192.0.2.1"))] {
            for _ in 0..100 {
                let attempt = guesses.begin("anna".into(), place.clone(), now).unwrap();
                guesses.was_right(&attempt);
            }
            assert_eq!(wrong(&guesses, &place, 3), 3);
            let attempt = guesses.begin("anna".into(), place.clone(), now).unwrap();
            guesses.was_none(&attempt);
            assert_eq!(wrong(&guesses, &place, 10), 1, "three are still counted");
        }
    }

    #[test]
    fn an_address_that_guesses_at_many_accounts_is_braked() {
        let guesses = Guesses::new(10, WINDOW);
        let now = Instant::now();
        let through = (0..100).filter(|number| {
            guesses
                .begin(format!("user {number}"), strange(1), now)
                .is_ok()
        });
        assert_eq!(through.count(), 40);
        assert!(guesses.missed_code(of("192.0.2.1"), now).is_err());
        // This machine has no count of its own, only those of the accounts.
        let here = Place::Strange(of("127.0.0.1"));
        for number in 0..100 {
            let account = format!("user {number}");
            assert!(guesses.begin(account, here.clone(), now).is_ok());
        }
        assert!(guesses.missed_code(of("127.0.0.1"), now).is_ok());
        assert_eq!(wrong(&guesses, &here, 100), 10);
    }

    #[test]
    fn zero_attempts_are_any_number() {
        assert_eq!(wrong(&Guesses::new(0, WINDOW), &strange(1), 1000), 1000);
    }
}
