//! What is kept of a space's log, and how long: the pure part.

use sync_core::Timestamp;
use sync_core::limits::{HISTORY_DAYS, TOMBSTONE_DAYS};
use sync_core::ports::{Grave, Tombstone};

const DAY_MS: i64 = 86_400_000;

/// What is kept, and how long, in days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// Changes, payloads and explanations.
    pub history_days: u32,
    /// A device that was seen within so many days misses no deletion; and a deletion can be undone as long.
    pub device_days: u32,
    /// A deleted document at most. Not less than `device_days`.
    pub tombstone_days: u32,
}

/// How long a cursor key is trusted after it was replaced, in days.
const KEY_DAYS: u32 = 400;

impl Default for Keeping {
    fn default() -> Self {
        let [device_days, tombstone_days] = TOMBSTONE_DAYS;
        Self { history_days: HISTORY_DAYS, device_days, tombstone_days }
    }
}

impl Keeping {
    /// The instant so many days before another.
    fn before(now: Timestamp, days: u32) -> Timestamp {
        now.plus_ms(i64::from(days).saturating_mul(-DAY_MS))
    }

    /// What was decided before this is history that is not kept.
    pub(crate) fn history_since(&self, now: Timestamp) -> Timestamp {
        Self::before(now, self.history_days)
    }

    /// Devices that were seen since this are waited for.
    pub(crate) fn seen_since(&self, now: Timestamp) -> Timestamp {
        Self::before(now, self.device_days)
    }

    /// Keys that were retired before this are not trusted any more.
    pub(crate) fn keys_since(now: Timestamp) -> Timestamp {
        Self::before(now, KEY_DAYS)
    }

    /// Cursors that were shown before this hold nothing back, whoever comes.
    pub(crate) fn shown_since(&self, now: Timestamp) -> Timestamp {
        Self::before(now, self.tombstone_days)
    }

    /// What may be let go of some tombstones, where the lowest floor of the devices that are waited for is this.
    pub(crate) fn graves_of(&self, tombstones: Vec<Tombstone>, lowest_floor: Option<i64>, now: Timestamp) -> Vec<Grave> {
        let (young, old) = (Self::before(now, self.device_days), Self::before(now, self.tombstone_days));
        let may_go = |row: &Tombstone| row.at < old || (row.at < young && lowest_floor.is_none_or(|floor| row.version <= floor));
        let grave = |row: Tombstone| Grave { key: row.key, version: row.version, audience: row.audience };
        tombstones.into_iter().filter(may_go).map(grave).collect()
    }
}

/// From where on deletions can be told, once these are buried.
pub(crate) fn kept_from(before: i64, buried: &[Grave]) -> i64 {
    buried.iter().map(|grave| grave.version).fold(before, i64::max)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sync_core::{Audience, DocumentKey};

    use super::*;

    fn tombstone(version: i64, day: i64) -> Tombstone {
        let key = DocumentKey::new("notes", &format!("d{version}")).unwrap();
        Tombstone { key, version, at: Timestamp::from_millis(day * DAY_MS), audience: Audience::EVERYONE }
    }

    fn buried(rows: &[(i64, i64)], floor: Option<i64>, today: i64) -> Vec<i64> {
        let rows = rows.iter().map(|(version, day)| tombstone(*version, *day)).collect();
        let now = Timestamp::from_millis(today * DAY_MS);
        Keeping::default().graves_of(rows, floor, now).into_iter().map(|grave| grave.version).collect()
    }

    #[test]
    fn a_deletion_is_kept_for_who_was_here_lately() {
        let rows = [(1, 0), (2, 10), (3, 200), (4, 305)];
        for (floor, today, expected) in [
            (None, 90, vec![]),
            (None, 91, vec![1]),
            (Some(0), 91, vec![]),
            (Some(1), 150, vec![1]),
            (Some(2), 150, vec![1, 2]),
            (Some(9), 391, vec![1, 2, 3]),
            // 400 days at most, whoever has not come
            (Some(0), 400, vec![]),
            (Some(0), 401, vec![1]),
            (Some(0), 411, vec![1, 2]),
        ] {
            assert_eq!(buried(&rows, floor, today), expected, "floor {floor:?}, day {today}");
        }
    }

    /// A device: its floor, the deletions that it was told of, what the server noted of it.
    type Reader = (i64, Vec<i64>, Option<(i64, i64)>);

    proptest! {
        /// Whatever is deleted, read and pruned, in whatever order, by whatever clock: a device that follows its cursor is
        /// told of every deletion, or told to begin anew.
        #[test]
        fn no_deletion_is_missed_in_silence(steps in prop::collection::vec((0_u8..4, 0_usize..3, -40_i64..300), 1..60)) {
            let (mut head, mut horizon, mut now) = (0_i64, 0_i64, 0_i64);
            let mut rows: Vec<Tombstone> = Vec::new();
            let mut deleted: Vec<i64> = Vec::new();
            let mut devices: Vec<Reader> = vec![(0, Vec::new(), None); 3];
            for (step, device, days) in steps {
                let (floor, told, noted) = &mut devices[device];
                match step {
                    0 => {
                        head += 1;
                        deleted.push(head);
                        rows.push(tombstone(head, now));
                    }
                    1 => {
                        if *floor < horizon {
                            // reset: a snapshot has no deleted documents at all
                            told.clone_from(&deleted);
                        } else {
                            *noted = Some((*floor, now));
                            told.extend(rows.iter().map(|row| row.version).filter(|version| version > floor));
                        }
                        *floor = head;
                        prop_assert!(deleted.iter().all(|version| told.contains(version)), "{deleted:?} {told:?}");
                    }
                    2 => now += days,
                    _ => {
                        let keeping = Keeping::default();
                        let at = Timestamp::from_millis(now * DAY_MS);
                        let seen = keeping.seen_since(at).millis() / DAY_MS;
                        let lowest = devices.iter().filter_map(|(.., noted)| *noted).filter(|(_, at)| *at >= seen).map(|(floor, _)| floor).min();
                        let graves = keeping.graves_of(rows.clone(), lowest, at);
                        horizon = kept_from(horizon, &graves);
                        rows.retain(|row| graves.iter().all(|grave| grave.version != row.version));
                    }
                }
            }
        }
    }
}
