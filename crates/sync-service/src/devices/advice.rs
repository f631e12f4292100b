//! When a device is to come again, and with how much: pure functions of what was measured.
//!
//! More pressure never brings a device sooner or with more; a slower link never with more; the day of the event never
//! later than any other day, all else alike.

use sync_core::protocol::v1::Next;
use sync_core::protocol::v1::report::EffectiveType;
use sync_core::protocol::v1::status::LinkStatus;

use crate::load::Pressure;

/// On the day of the event a device comes after so many milliseconds.
const EVENT_DAY_MS: u64 = 5_000;
/// When the event is near.
const NEAR_MS: u64 = 10_000;
/// Otherwise.
const IDLE_MS: u64 = 15_000;
/// At night, and long after the event.
const QUIET_MS: u64 = 60_000;
/// While something still waits on the device.
const BACKLOG_MS: u64 = 1_000;
/// An event is near for so many hours before and after its day.
const NEAR_HOURS: u64 = 48;
/// An event is over for good after so many hours.
const LONG_OVER_HOURS: i64 = 14 * 24;
/// The hours of the night.
const NIGHT: std::ops::Range<u8> = 0..6;
/// A device waits at least for so many of its round trips.
const ROUND_TRIPS: u64 = 10;
/// From this round trip on a link is slow, in milliseconds.
const SLOW_RTT_MS: u32 = 2_000;
/// A batch is to arrive within so many milliseconds, so that a link that breaks loses little.
const BATCH_MS: u64 = 10_000;
/// An operation has so many bytes until some were seen.
const BYTES_EACH: u64 = 1_000;
/// A batch is never made smaller than this for the sake of a link.
const LEAST_OPERATIONS: usize = 20;

/// What is known when a device asks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Situation {
    /// How hard the database is pressed.
    pub(super) pressure: Pressure,
    /// How the device is connected.
    pub(super) link: LinkStatus,
    /// Whether it saves power.
    pub(super) saves_power: bool,
    /// Bytes of an operation as it sends them.
    pub(super) bytes_each: Option<u64>,
    /// The hour in the space, from 0 to 23.
    pub(super) hour: Option<u8>,
    /// Hours until the day of the event; 0 on it, negative after it.
    pub(super) event_hours: Option<i64>,
    /// Whether pages are left for it to read.
    pub(super) more: bool,
    /// Whether something waits on it that can go out.
    pub(super) backlog: bool,
}

/// What a device is to do next.
pub(super) fn advise(situation: &Situation) -> Next {
    let reason = if situation.pressure.is_felt() {
        "busy"
    } else if situation.event_hours == Some(0) {
        "event_day"
    } else {
        "idle"
    };
    Next {
        sync_after_ms: situation.pressure.stretched_ms(wait_ms(situation)),
        max_operations: situation.pressure.max_operations().min(link_takes(situation)),
        reason,
    }
}

/// How long a device waits while nothing presses.
fn wait_ms(situation: &Situation) -> u64 {
    if situation.more {
        return 0;
    }
    let calm = calm_ms(situation.event_hours, situation.hour);
    let calm = if situation.backlog { calm.min(BACKLOG_MS) } else { calm };
    let link = situation.link;
    let slow = link.ect.is_some_and(|ect| ect <= EffectiveType::TwoG) || link.rtt_ms.is_some_and(|rtt| rtt >= SLOW_RTT_MS);
    let thrift = [link.save_data == Some(true), situation.saves_power, slow].into_iter().filter(|saves| *saves).count();
    let times = u64::try_from(thrift).unwrap_or(0) + 1;
    (calm * times).max(u64::from(link.rtt_ms.unwrap_or(0)) * ROUND_TRIPS)
}

fn calm_ms(event_hours: Option<i64>, hour: Option<u8>) -> u64 {
    match event_hours {
        Some(0) => EVENT_DAY_MS,
        Some(hours) if hours.unsigned_abs() <= NEAR_HOURS => NEAR_MS,
        Some(hours) if hours < -LONG_OVER_HOURS => QUIET_MS,
        _ if hour.is_some_and(|hour| NIGHT.contains(&hour)) => QUIET_MS,
        _ => IDLE_MS,
    }
}

/// Operations that a link carries at once.
fn link_takes(situation: &Situation) -> usize {
    let by_kind = match situation.link.ect {
        Some(EffectiveType::Slow2g) => LEAST_OPERATIONS,
        Some(EffectiveType::TwoG) => 50,
        Some(EffectiveType::ThreeG) => 200,
        Some(EffectiveType::FourG) | None => usize::MAX,
    };
    let measured = situation.link.up_kbps.map_or(usize::MAX, |kbps| {
        let bytes = u64::from(kbps).saturating_mul(BATCH_MS) / 8;
        let each = situation.bytes_each.unwrap_or(BYTES_EACH).max(1);
        usize::try_from(bytes / each).unwrap_or(usize::MAX)
    });
    by_kind.min(measured).max(LEAST_OPERATIONS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::tests::pressure;

    fn idle() -> Situation {
        Situation { hour: Some(12), ..Situation::default() }
    }

    fn link(rtt_ms: Option<u32>, up_kbps: Option<u32>, ect: Option<EffectiveType>) -> LinkStatus {
        LinkStatus { rtt_ms, up_kbps, down_kbps: None, ect, save_data: None }
    }

    #[test]
    fn says_when_to_come_and_with_how_much() {
        use EffectiveType::{FourG, Slow2g, ThreeG, TwoG};
        let near = |hours| Situation { event_hours: Some(hours), ..idle() };
        let over = |link| Situation { link, ..idle() };
        let saving = LinkStatus { save_data: Some(true), ..LinkStatus::default() };
        for (situation, after_ms, most, reason) in [
            (idle(), 15_000, 500, "idle"),
            (Situation { hour: Some(3), ..idle() }, 60_000, 500, "idle"),
            (Situation { hour: None, ..idle() }, 15_000, 500, "idle"),
            (near(0), 5_000, 500, "event_day"),
            (Situation { hour: Some(3), ..near(0) }, 5_000, 500, "event_day"),
            (near(48), 10_000, 500, "idle"),
            (near(-48), 10_000, 500, "idle"),
            (near(49), 15_000, 500, "idle"),
            (near(-14 * 24 - 1), 60_000, 500, "idle"),
            (Situation { more: true, ..idle() }, 0, 500, "idle"),
            (Situation { more: true, ..near(0) }, 0, 500, "event_day"),
            (Situation { backlog: true, ..idle() }, 1_000, 500, "idle"),
            (over(saving), 30_000, 500, "idle"),
            (Situation { saves_power: true, ..over(saving) }, 45_000, 500, "idle"),
            (Situation { saves_power: true, ..near(0) }, 10_000, 500, "event_day"),
            (over(link(Some(2_000), None, None)), 30_000, 500, "idle"),
            (over(link(Some(60), None, Some(FourG))), 15_000, 500, "idle"),
            (over(link(None, None, Some(ThreeG))), 15_000, 200, "idle"),
            (over(link(None, None, Some(TwoG))), 30_000, 50, "idle"),
            (over(link(None, None, Some(Slow2g))), 30_000, 20, "idle"),
            // 100 kbit/s carry 125 kB in 10 s
            (over(link(None, Some(100), None)), 15_000, 125, "idle"),
            (Situation { bytes_each: Some(2_500), ..over(link(None, Some(100), None)) }, 15_000, 50, "idle"),
            (over(link(None, Some(1), None)), 15_000, 20, "idle"),
            (over(link(None, Some(100_000), None)), 15_000, 500, "idle"),
            (Situation { more: true, ..over(link(Some(3_000), None, None)) }, 0, 500, "idle"),
            (Situation { pressure: pressure(2), ..near(0) }, 20_000, 125, "busy"),
            (Situation { pressure: pressure(1), more: true, ..idle() }, 1_000, 250, "busy"),
            (Situation { pressure: pressure(4), ..over(link(None, None, Some(Slow2g))) }, 480_000, 20, "busy"),
        ] {
            let next = advise(&situation);
            assert_eq!((next.sync_after_ms, next.max_operations, next.reason), (after_ms, most, reason), "{situation:?}");
        }
    }

    prop_compose! {
        fn anything()(
            level in 0..5_u32, rtt_ms in prop::option::of(0..10_000_u32), up_kbps in prop::option::of(0..200_000_u32),
            ect in prop::sample::select(vec![None, Some(EffectiveType::Slow2g), Some(EffectiveType::TwoG), Some(EffectiveType::ThreeG), Some(EffectiveType::FourG)]),
            save_data in prop::option::of(any::<bool>()), (saves_power, more, backlog) in any::<(bool, bool, bool)>(),
            bytes_each in prop::option::of(1..300_000_u64), hour in prop::option::of(0..24_u8),
            event_hours in prop::option::of(-10_000..10_000_i64),
        ) -> Situation {
            let link = LinkStatus { rtt_ms, up_kbps, down_kbps: None, ect, save_data };
            Situation { pressure: pressure(level), link, saves_power, bytes_each, hour, event_hours, more, backlog }
        }
    }

    proptest! {
        #[test]
        fn more_pressure_never_brings_sooner_or_more(situation in anything(), level in 0..5_u32) {
            let (one, other) = (situation, Situation { pressure: pressure(level), ..situation });
            let (less, more) = if one.pressure <= other.pressure { (one, other) } else { (other, one) };
            prop_assert!(advise(&more).sync_after_ms >= advise(&less).sync_after_ms);
            prop_assert!(advise(&more).max_operations <= advise(&less).max_operations);
        }

        #[test]
        fn a_slower_link_never_brings_more(situation in anything(), kbps in 0..200_000_u32, slower in 0..200_000_u32) {
            let over = |up_kbps, ect| advise(&Situation { link: LinkStatus { up_kbps, ect, ..situation.link }, ..situation }).max_operations;
            let (fast, slow) = (kbps.max(slower), kbps.min(slower));
            prop_assert!(over(Some(slow), situation.link.ect) <= over(Some(fast), situation.link.ect));
            let kinds = [EffectiveType::Slow2g, EffectiveType::TwoG, EffectiveType::ThreeG, EffectiveType::FourG];
            let sizes: Vec<usize> = kinds.iter().map(|ect| over(Some(kbps), Some(*ect))).collect();
            prop_assert!(sizes.is_sorted(), "{:?}", sizes);
        }

        #[test]
        fn the_day_of_the_event_is_never_later(situation in anything()) {
            let day = advise(&Situation { event_hours: Some(0), ..situation });
            prop_assert!(day.sync_after_ms <= advise(&situation).sync_after_ms);
            prop_assert!(day.max_operations >= 1);
        }
    }
}
