//! Quotas: how much of the shared resources one account may use, and how that is counted.
//!
//! What belongs here: the limits of an account, and the counts that need not survive a restart. What the
//! database counts (flows, invitations, edits) is checked in the transaction of the write that it
//! permits.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::bucket::{Buckets, Rate};
use super::error::ServiceError;
use super::refusal::Refusal;
use super::settings::Limits;
use super::used_up::{Payer, Quota};
use crate::model::{FlowKind, Neighbourhood, Timestamp, UserId};
use crate::store::{Tx, View, flow_counts};

/// The period in which flows are counted.
const DAY: Duration = Duration::from_hours(24);

/// Number of connections of one account that may use their full rate, for plain requests.
const CONNECTIONS_OF_ACCOUNT: f64 = 4.0;

/// Number of connections of one account that may use their full burst, for requests of higher cost.
const BURSTS_OF_ACCOUNT: f64 = 10.0;

/// Number of accounts of one address that may use their full rate: a family behind one address.
const ACCOUNTS_OF_ADDRESS: f64 = 8.0;

/// The part of an account's limit that it can always use, whatever others at its address do.
const ASSURED: f64 = 1.0 / ACCOUNTS_OF_ADDRESS;

/// The uses for which an account has a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Use {
    Requests,
    /// Requests while the limit of the address is used up.
    Assured,
    Messages,
    Members,
    Profile,
    Previews,
}

/// The counts that need not survive a restart, by account and by address.
#[derive(Debug, Default)]
pub(super) struct Counts {
    accounts: Mutex<Buckets<(UserId, Use)>>,
    addresses: Mutex<Buckets<Neighbourhood>>,
}

impl Counts {
    fn take(&self, user: UserId, what: Use, amount: f64, rate: Rate) -> Result<(), Duration> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.take(&(user, what), amount, rate, Instant::now())
    }

    /// Counts a request.
    ///
    /// # Errors
    /// [`Refusal::TooManyRequests`].
    pub(super) fn request(
        &self,
        user: Option<UserId>,
        address: Neighbourhood,
        weight: f64,
        limits: &Limits,
    ) -> Result<(), ServiceError> {
        let refuse = |payer: Payer, wait: Duration| Refusal::TooManyRequests { payer, wait };
        let rate = Rate::new(
            f64::from(limits.requests_per_second) * CONNECTIONS_OF_ACCOUNT,
            f64::from(limits.burst) * BURSTS_OF_ACCOUNT,
        );
        if let Some(user) = user {
            let taken = self.take(user, Use::Requests, weight, rate);
            taken.map_err(|wait| refuse(Payer::Account, wait))?;
        }
        // Nobody shares this machine itself; and behind a proxy that is not trusted, all users seem to
        // come from it.
        if address.is_this_machine() {
            return Ok(());
        }
        let of_address = rate.times(ACCOUNTS_OF_ADDRESS);
        let taken = {
            let mut addresses = self
                .addresses
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            addresses.take(&address, weight, of_address, Instant::now())
        };
        let Err(wait) = taken else { return Ok(()) };
        // Another user at the address may have used it up.
        match user.map(|user| self.take(user, Use::Assured, weight, rate.times(ASSURED))) {
            Some(Ok(())) => Ok(()),
            _ => Err(refuse(Payer::Address, wait).into()),
        }
    }

    /// Counts a message before it is sent.
    ///
    /// # Errors
    /// [`Refusal::UsedUp`].
    pub(super) fn message(
        &self,
        user: UserId,
        is_bot: bool,
        limits: &Limits,
    ) -> Result<(), ServiceError> {
        let (quota, limit) = if is_bot {
            (Quota::BotMessages, limits.quotas.bot_messages_per_minute)
        } else {
            (Quota::Messages, limits.quotas.messages_per_minute)
        };
        self.spend(
            user,
            (Use::Messages, quota),
            1,
            limit,
            Duration::from_mins(1),
        )
    }

    /// Counts members before they are added.
    ///
    /// # Errors
    /// [`Refusal::UsedUp`].
    pub(super) fn members(
        &self,
        user: UserId,
        count: usize,
        limits: &Limits,
    ) -> Result<(), ServiceError> {
        let limit = limits.quotas.members_per_minute;
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.spend(
            user,
            (Use::Members, Quota::Members),
            count,
            limit,
            Duration::from_mins(1),
        )
    }

    /// Counts a change of a profile before it is made.
    ///
    /// # Errors
    /// [`Refusal::UsedUp`].
    pub(super) fn profile_change(&self, user: UserId, limits: &Limits) -> Result<(), ServiceError> {
        let limit = limits.quotas.profile_changes_per_hour;
        self.spend(
            user,
            (Use::Profile, Quota::ProfileChanges),
            1,
            limit,
            Duration::from_hours(1),
        )
    }

    /// Counts a preview before its page is requested.
    ///
    /// # Errors
    /// [`Refusal::TooSoon`].
    pub(super) fn preview(&self, user: UserId, an_hour: u32) -> Result<(), ServiceError> {
        let rate = Rate::of(an_hour, Duration::from_hours(1));
        let taken = self.take(user, Use::Previews, 1.0, rate);
        taken.map_err(|wait| Refusal::TooSoon(wait).into())
    }

    fn spend(
        &self,
        user: UserId,
        (what, quota): (Use, Quota),
        amount: u32,
        limit: u32,
        window: Duration,
    ) -> Result<(), ServiceError> {
        if limit > 0 && amount > limit {
            // Waiting does not help.
            return Err(quota.used_up(limit, None));
        }
        let taken = self.take(user, what, f64::from(amount), Rate::of(limit, window));
        taken.map_err(|wait| quota.used_up(limit, Some(wait)))
    }
}

/// Fails if an account may not create another flow. A user who creates flows without limit fills the
/// disk, and the lists of all users who are members.
pub(super) fn require_room_for_flow(
    tx: &Tx<'_>,
    user: UserId,
    kind: FlowKind,
    limits: &Limits,
) -> Result<(), ServiceError> {
    let limit = limits.quotas.flows_per_day;
    if limit > 0 {
        let day = (before(tx.now(), DAY), tx.now().after(DAY));
        // The maximum number of flows was created since then.
        if let Some(since) = flow_counts::made_at(tx, user, day, limit)? {
            let wait = since.after(DAY).0.saturating_sub(tx.now().0);
            let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0)).min(DAY);
            return Err(Quota::FlowsPerDay.used_up(limit, Some(wait)));
        }
    }
    let limit = limits.quotas.flows_owned;
    if limit > 0 && kind != FlowKind::Chat && flow_counts::owned_of_own(tx, user, limit)? >= limit {
        return Err(Quota::FlowsOwned.used_up(limit, None));
    }
    Ok(())
}

/// Fails if an account may not be handed another flow. Flows that were handed over do not prevent it from
/// creating its own.
pub(super) fn require_room_to_own(
    view: &View<'_>,
    user: UserId,
    limits: &Limits,
) -> Result<(), ServiceError> {
    let limit = limits.quotas.flows_owned;
    if limit > 0 && flow_counts::owned(view, user, limit)? >= limit {
        return Err(Quota::FlowsOwned.used_up(limit, None));
    }
    Ok(())
}

fn before(time: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp(time.0.saturating_sub(by))
}

impl Quota {
    /// Returns the refusal for a quota that is used up.
    pub(super) fn used_up(self, limit: u32, wait: Option<Duration>) -> ServiceError {
        let quota = self;
        Refusal::UsedUp { quota, limit, wait }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::settings::Quotas;
    use crate::service::uploads::FileLimits;

    fn limits(quotas: Quotas) -> Limits {
        Limits {
            messages: 100,
            users: 100,
            message_files: 1,
            text_bytes: 1,
            files_bytes: 1,
            answer_bytes: 1,
            requests_per_second: 1,
            burst: 10,
            sessions_per_user: 50,
            reactions: 20,
            mentions: 50,
            pins: 50,
            poll_options: 12,
            quotas,
            files: FileLimits::default(),
        }
    }

    const HOME: &str = "192.0.2.1";

    /// Returns how many of many requests with some cost are permitted.
    fn served(counts: &Counts, user: Option<i64>, address: &str, weight: f64) -> usize {
        let limits = limits(Quotas::default());
        let user = user.map(UserId);
        let address: std::net::IpAddr = address.parse().unwrap();
        let requests = 0..5000;
        let served = requests.filter(|_| {
            counts
                .request(user, address.into(), weight, &limits)
                .is_ok()
        });
        served.count()
    }

    #[test]
    fn an_account_has_one_bucket_wherever_it_is() {
        let counts = Counts::default();
        assert_eq!(served(&counts, Some(1), HOME, 1.0), 100);
        assert_eq!(served(&counts, Some(1), "192.0.2.2", 1.0), 0);
        assert_eq!(served(&counts, Some(1), "127.0.0.1", 1.0), 0);
        assert_eq!(served(&counts, Some(2), HOME, 20.0), 5);
    }

    #[test]
    fn whoever_behaves_is_served_whatever_the_neighbours_do() {
        let counts = Counts::default();
        // More accounts than a family has, and strangers, use up the limit of the address.
        let all: usize = (0..20)
            .map(|user| served(&counts, Some(user), HOME, 1.0))
            .sum();
        let strangers = served(&counts, None, HOME, 1.0);
        // Only what is refilled while this runs is left for them.
        assert!(
            (800..1100).contains(&all) && strangers < 50,
            "{all}, {strangers}"
        );
        let own = served(&counts, Some(99), HOME, 1.0);
        assert!((10..20).contains(&own), "{own}");
        assert_eq!(served(&counts, Some(100), "192.0.2.2", 1.0), 100);
    }

    #[test]
    fn this_machine_has_no_bucket() {
        let counts = Counts::default();
        for address in ["127.0.0.1", "::1"] {
            assert_eq!(served(&counts, None, address, 1.0), 5000);
        }
        assert_eq!(served(&counts, None, HOME, 1.0), 800);
    }

    #[test]
    fn bots_have_a_limit_of_their_own() {
        let quotas = Quotas {
            messages_per_minute: 5,
            bot_messages_per_minute: 2,
            ..Quotas::default()
        };
        let (counts, limits) = (Counts::default(), limits(quotas));
        let sent = |user, is_bot| {
            let sent = (0..10).filter(|_| counts.message(UserId(user), is_bot, &limits).is_ok());
            sent.count()
        };
        assert_eq!((sent(1, false), sent(2, true), sent(3, false)), (5, 2, 5));
    }

    #[test]
    fn more_members_than_the_limit_never_fit() {
        let quotas = Quotas {
            members_per_minute: 5,
            ..Quotas::default()
        };
        let (counts, limits) = (Counts::default(), limits(quotas));
        let add = |count| match counts.members(UserId(1), count, &limits) {
            Err(ServiceError::Refused(Refusal::UsedUp { wait, .. })) => Some(wait.is_some()),
            _ => None,
        };
        assert_eq!([6, 5, 1].map(add), [Some(false), None, Some(true)]);
    }
}
