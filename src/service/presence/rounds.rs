//! Decides which presence changes each user is told in one tick: with as few different lists as possible,
//! because a list is written once for all its recipients.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{FlowId, Presence, PublicId, Timestamp, UserId};

/// A user who went online or offline.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) user: UserId,
    pub(super) uuid: PublicId,
    pub(super) online: bool,
    /// The flows that the user is a member of.
    pub(super) flows: Vec<FlowId>,
    /// Users who must not be told.
    pub(super) blocked: Vec<UserId>,
}

/// A list of changes and its recipients. A recipient may be in the list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) audience: Vec<UserId>,
    pub(super) told: Vec<Presence>,
}

/// Computes the lists and their recipients. `flows` has the online members of each flow of the changed
/// users; `hiding` are the users who neither share nor see last-online times.
///
/// Each recipient gets each change once, however many flows they share: the largest flow comes first,
/// where nearly all get the same list; a recipient who already got some of the changes gets a separate
/// list of the others.
pub(super) fn rounds(
    changes: &[Change],
    flows: FxHashMap<FlowId, Vec<UserId>>,
    hiding: &FxHashSet<UserId>,
    now: Timestamp,
) -> Vec<Round> {
    let mut flows: Vec<_> = flows.into_iter().collect();
    flows.sort_by_key(|(flow, here)| (std::cmp::Reverse(here.len()), *flow));
    let mut moved: FxHashMap<FlowId, Vec<&Change>> = FxHashMap::default();
    for change in changes {
        for flow in &change.flows {
            moved.entry(*flow).or_default().push(change);
        }
    }
    let mut heard: FxHashMap<UserId, Vec<FlowId>> = FxHashMap::default();
    let mut rounds = Vec::new();
    for (flow, here) in flows {
        let Some(moved) = moved.get(&flow) else {
            continue;
        };
        let list = |reader: UserId, wanted: &dyn Fn(&Change) -> bool| {
            let shows = |user: UserId| !hiding.contains(&user) && !hiding.contains(&reader);
            let wanted = moved.iter().filter(|change| wanted(change));
            let presence = |change: &&Change| Presence {
                user: change.uuid,
                online: change.online,
                seen_at: shows(change.user).then_some(now),
            };
            wanted.map(presence).collect::<Vec<_>>()
        };
        let is_kept_from_some = moved.iter().any(|change| !change.blocked.is_empty());
        // Recipients who see last-online times, and those who do not.
        let mut common = [Vec::new(), Vec::new()];
        for reader in here {
            let before = heard.entry(reader).or_default();
            let is_kept = is_kept_from_some && moved.iter().any(|it| it.blocked.contains(&reader));
            let is_alone = matches!(moved[..], [only] if only.user == reader);
            if before.is_empty() && !is_kept && !is_alone {
                common[usize::from(hiding.contains(&reader))].push(reader);
            } else if !is_alone {
                let told = list(reader, &|change| {
                    change.user != reader
                        && !change.blocked.contains(&reader)
                        && !before.iter().any(|flow| change.flows.contains(flow))
                });
                if !told.is_empty() {
                    let audience = vec![reader];
                    rounds.push(Round { audience, told });
                }
            }
            before.push(flow);
        }
        for audience in common {
            if let Some(reader) = audience.first() {
                let told = list(*reader, &|_| true);
                rounds.push(Round { audience, told });
            }
        }
    }
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const NOW: Timestamp = Timestamp(60_000);

    fn change(user: i64, flows: &[i64], blocked: &[i64]) -> Change {
        Change {
            user: UserId(user),
            uuid: PublicId(u128::try_from(user).unwrap()),
            online: true,
            flows: flows.iter().copied().map(FlowId).collect(),
            blocked: blocked.iter().copied().map(UserId).collect(),
        }
    }

    fn of(
        changes: &[Change],
        flows: &[(i64, &[i64])],
        hiding: &[i64],
    ) -> (usize, BTreeMap<i64, Vec<(u128, bool)>>) {
        let flows = flows.iter().map(|(flow, here)| {
            let here = here.iter().copied().map(UserId).collect();
            (FlowId(*flow), here)
        });
        let hiding = hiding.iter().copied().map(UserId).collect();
        let rounds = rounds(changes, flows.collect(), &hiding, NOW);
        let mut told: BTreeMap<i64, Vec<(u128, bool)>> = BTreeMap::new();
        for round in &rounds {
            for reader in &round.audience {
                let list = round.told.iter();
                told.entry(reader.0)
                    .or_default()
                    .extend(list.map(|it| (it.user.0, it.seen_at.is_some())));
            }
        }
        (rounds.len(), told)
    }

    #[test]
    fn a_whole_group_hears_one_list() {
        let members: Vec<i64> = (1..=1000).collect();
        let changes: Vec<_> = members
            .iter()
            .map(|user| change(*user, &[1], &[]))
            .collect();
        let (count, told) = of(&changes, &[(1, &members)], &[]);
        assert_eq!((count, told.len(), told[&7].len()), (1, 1000, 1000));
    }

    #[test]
    fn each_hears_of_each_once() {
        let changes = [
            change(1, &[1, 2], &[]),
            change(2, &[1], &[]),
            change(3, &[2, 3], &[]),
        ];
        let flows: [(i64, &[i64]); 3] = [(1, &[1, 2, 4, 5]), (2, &[1, 3, 4]), (3, &[3])];
        let (_, told) = of(&changes, &flows, &[]);
        assert_eq!(told[&5], [(1, true), (2, true)]);
        assert_eq!(told[&4], [(1, true), (2, true), (3, true)]);
        let others = |user: i64| -> Vec<u128> {
            let own = u128::try_from(user).unwrap();
            let list = told[&user].iter().map(|(user, _)| *user);
            list.filter(|user| *user != own).collect()
        };
        assert_eq!(others(1), [2, 3]);
        assert_eq!(others(3), [1]);
    }

    #[test]
    fn who_is_alone_hears_nothing_and_who_is_blocked_not_of_the_blocker() {
        let (count, _) = of(&[change(1, &[1], &[])], &[(1, &[1])], &[]);
        assert_eq!(count, 0);
        let changes = [change(1, &[1], &[3]), change(2, &[1], &[])];
        let (_, told) = of(&changes, &[(1, &[3, 4])], &[]);
        assert_eq!(told[&3], [(2, true)]);
        assert_eq!(told[&4], [(1, true), (2, true)]);
    }

    #[test]
    fn when_somebody_was_here_is_shown_both_ways_or_not_at_all() {
        let changes = [change(1, &[1], &[]), change(2, &[1], &[])];
        let (count, told) = of(&changes, &[(1, &[3, 4, 5])], &[2, 4]);
        assert_eq!(told[&3], [(1, true), (2, false)]);
        assert_eq!(told[&4], [(1, false), (2, false)]);
        assert_eq!(count, 2);
    }
}
