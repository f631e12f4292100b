//! Whether what waits on a device goes out.

use serde::{Deserialize, Serialize};
use sync_core::Timestamp;
use sync_core::protocol::v1::report::OutboxReport;
use sync_core::protocol::v1::status::OutboxTrend;

use super::known::Known;

/// An outbox that is as full in so many reports, while its device syncs, does not drain: one or two may come in the midst
/// of a request.
const REPORTS: usize = 3;
/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;

/// What a device reported of its outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Depth {
    /// When the report arrived.
    pub(super) at: Timestamp,
    /// Operations.
    pub(super) operations: u64,
    /// Their bytes.
    pub(super) bytes: Option<u64>,
    /// When the oldest was made, by the device's clock.
    pub(super) oldest_at: Option<Timestamp>,
}

impl Depth {
    pub(super) fn of(report: OutboxReport, at: Timestamp) -> Self {
        Self { at, operations: report.operations, bytes: report.bytes, oldest_at: report.oldest_at }
    }
}

/// For so long an outbox may stay as full before somebody is told, in milliseconds: the nearer the event, the shorter.
pub(super) fn patience_ms(event_hours: Option<i64>) -> i64 {
    let minutes = match event_hours {
        Some(-12..=12) => 3,
        Some(-48..=168) => 10,
        _ => 60,
    };
    minutes * MINUTE_MS
}

/// Since when a device's outbox has not drained although the device synced: since the earliest of its reports from which
/// on none was smaller than the one before it, and none begins with something newer. `None`: it drains, it is empty, the
/// device does not sync at all, or there are too few reports, over too short a time, to say so.
pub(super) fn stuck_since(known: &Known, event_hours: Option<i64>) -> Option<Timestamp> {
    let mut reports = known.reports.iter().rev();
    let last = *reports.next()?;
    if last.operations == 0 {
        return None;
    }
    let (mut first, mut count) = (last, 1);
    for earlier in reports {
        let drained = earlier.operations > first.operations || has_moved(earlier, &first) || earlier.operations == 0;
        if drained {
            break;
        }
        first = *earlier;
        count += 1;
    }
    let lasts_ms = last.at.millis().saturating_sub(first.at.millis());
    let synced = known.push_at.max(known.pull_at).is_some_and(|at| at > first.at);
    (count >= REPORTS && lasts_ms >= patience_ms(event_hours) && synced).then_some(first.at)
}

/// Whether what was the oldest is gone.
fn has_moved(earlier: &Depth, later: &Depth) -> bool {
    earlier.oldest_at.zip(later.oldest_at).is_some_and(|(earlier, later)| later > earlier)
}

/// Where a device's outbox goes, by its last reports.
pub(super) fn trend(known: &Known, event_hours: Option<i64>) -> OutboxTrend {
    let mut reports = known.reports.iter().rev();
    let Some(last) = reports.next() else { return OutboxTrend::Unknown };
    if last.operations == 0 {
        return OutboxTrend::Empty;
    }
    if stuck_since(known, event_hours).is_some() {
        return OutboxTrend::Stuck;
    }
    match reports.next() {
        None => OutboxTrend::Unknown,
        Some(before) if last.operations < before.operations || has_moved(before, last) => OutboxTrend::Shrinking,
        Some(before) if last.operations == before.operations => OutboxTrend::Steady,
        Some(_) => OutboxTrend::Growing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reports as (minute, operations, minute of the oldest).
    fn known(reports: &[(i64, u64, Option<i64>)], synced: Option<i64>) -> Known {
        let at = |minute: i64| Timestamp::from_millis(minute * MINUTE_MS);
        let depth = |(minute, operations, oldest): &(i64, u64, Option<i64>)| Depth {
            at: at(*minute),
            operations: *operations,
            bytes: None,
            oldest_at: oldest.map(at),
        };
        Known { reports: reports.iter().map(depth).collect(), pull_at: synced.map(at), ..Known::default() }
    }

    #[test]
    fn tells_an_outbox_that_does_not_drain() {
        use OutboxTrend::{Empty, Growing, Shrinking, Steady, Stuck, Unknown};
        let (day, week, later) = (Some(0), Some(100), Some(4_000));
        let same = [(0, 9, None), (2, 9, None), (4, 9, None)];
        for (reports, synced, hours, expected) in [
            (&[][..], Some(4), day, Unknown),
            (&[(0, 9, None)], Some(4), day, Unknown),
            (&[(0, 9, None), (4, 0, None)], Some(4), day, Empty),
            (&same, Some(4), day, Stuck),
            (&same, Some(4), week, Steady),
            (&same, None, day, Steady),
            (&same, Some(0), day, Steady),
            (&same[1..], Some(4), day, Steady),
            (&[(0, 9, None), (1, 9, None), (2, 9, None)], Some(2), day, Steady),
            (&[(0, 9, None), (2, 10, None), (4, 30, None)], Some(4), day, Stuck),
            (&[(0, 9, None), (2, 10, None), (4, 30, None)], Some(4), week, Growing),
            (&[(0, 9, None), (2, 10, None), (4, 8, None)], Some(4), day, Shrinking),
            (&[(0, 9, None), (2, 0, None), (4, 9, None)], Some(4), day, Growing),
            // as much is typed as goes out
            (&[(0, 9, Some(0)), (2, 9, Some(1)), (4, 9, Some(2))], Some(4), day, Shrinking),
            (&[(0, 9, Some(0)), (2, 9, Some(0)), (4, 9, Some(0))], Some(4), day, Stuck),
            (&[(0, 1, None), (20, 9, None), (40, 9, None), (59, 9, None)], Some(50), later, Steady),
            (&[(0, 1, None), (20, 9, None), (40, 9, None), (60, 9, None)], Some(50), later, Stuck),
            (&[(0, 1, None), (20, 9, None), (40, 9, None), (60, 9, None)], Some(50), None, Stuck),
        ] {
            assert_eq!(trend(&known(reports, synced), hours), expected, "{reports:?} {synced:?} {hours:?}");
        }
        // what came before it drained once does not count
        let since = stuck_since(&known(&[(0, 30, None), (1, 5, None), (2, 9, None), (5, 9, None)], Some(4)), day);
        assert_eq!(since, Some(Timestamp::from_millis(MINUTE_MS)));
    }

    #[test]
    fn nearer_events_are_waited_for_shorter() {
        let far_to_near = [None, Some(10_000), Some(169), Some(168), Some(13), Some(12), Some(0)];
        for pair in far_to_near.windows(2) {
            assert!(patience_ms(pair[0]) >= patience_ms(pair[1]), "{pair:?}");
        }
    }
}
