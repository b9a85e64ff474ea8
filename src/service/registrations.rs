//! The throttle for registrations while registration is open: a number of accounts per hour from one
//! address, and ten times as many in total. Users with an invitation are not throttled; the invitation is
//! the limit. Nor is this machine itself: its operator creates accounts from it, and behind a proxy that
//! is not trusted all users seem to come from it.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::error::ServiceError;
use super::refusal::Refusal;
use super::settings::{REGISTERING_ADDRESSES, REGISTRATIONS_WINDOW};
use crate::auth::Throttle;
use crate::model::Neighbourhood;

pub(super) struct Brake(Mutex<Counts>);

struct Counts {
    addresses: Throttle<Neighbourhood>,
    all: Throttle<()>,
}

impl Brake {
    /// Allows `an_address` accounts per address and hour; 0 allows any number.
    pub(super) fn new(an_address: u32) -> Self {
        let all = an_address.saturating_mul(REGISTERING_ADDRESSES);
        Self(Mutex::new(Counts {
            addresses: Throttle::new(an_address, REGISTRATIONS_WINDOW),
            all: Throttle::new(all, REGISTRATIONS_WINDOW),
        }))
    }

    /// Counts an account before it is created.
    ///
    /// # Errors
    /// [`Refusal::TooManyAccounts`].
    pub(super) fn take(&self, address: Neighbourhood) -> Result<(), ServiceError> {
        if address.is_this_machine() {
            return Ok(());
        }
        let now = Instant::now();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = counts.addresses.wait(&address, now);
        if let Some(wait) = wait.max(counts.all.wait(&(), now)) {
            return Err(Refusal::TooManyAccounts(wait).into());
        }
        counts.addresses.count(address, now);
        counts.all.count((), now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn taken(brake: &Brake, address: &str, times: u32) -> u32 {
        let address: IpAddr = address.parse().unwrap();
        let taken = (0..times).filter(|_| brake.take(address.into()).is_ok());
        u32::try_from(taken.count()).unwrap()
    }

    #[test]
    fn one_address_and_all_together_have_their_limits() {
        let brake = Brake::new(3);
        assert_eq!(taken(&brake, "192.0.2.1", 10), 3);
        let others = (2..30).map(|n| taken(&brake, &format!("192.0.2.{n}"), 2));
        assert_eq!(others.sum::<u32>(), 3 * REGISTERING_ADDRESSES - 3);
        assert_eq!(taken(&Brake::new(0), "192.0.2.1", 1000), 1000);
    }

    #[test]
    fn this_machine_is_not_counted() {
        let brake = Brake::new(3);
        for address in ["127.0.0.1", "127.8.9.1", "::1"] {
            assert_eq!(taken(&brake, address, 100), 100);
        }
        assert_eq!(taken(&brake, "2001:db8::1", 100), 3);
    }
}
