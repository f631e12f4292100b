use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{prop_assert, prop_assert_eq, proptest};
use serde_json::json;
use sync_core::{OpId, SpaceId};
use uuid::Uuid;

use super::*;

fn operation(collection: &str, kind: Kind, patch: &serde_json::Value) -> Operation {
    let (space_id, op_id) = (SpaceId(Uuid::from_u128(1)), OpId(Uuid::from_u128(2)));
    let (key, schema, base, intent, after, group, created_at) = Default::default();
    Operation {
        op_id,
        space_id,
        key,
        collection: collection.into(),
        kind,
        schema,
        base_version: 1,
        base,
        patch: patch.as_object().unwrap().clone(),
        intent,
        after,
        group,
        depends_on: Vec::new(),
        hint: sync_core::operation::Hint::Ask,
        created_at,
        payload: serde_json::Value::Null,
    }
}

#[test]
fn lanes_come_from_the_schema() {
    let wedding = Schema::built_in("wedding").unwrap();
    let check = |schema: &Schema, collection, kind, patch: serde_json::Value, lane| {
        assert_eq!(lane_of(schema, &operation(collection, kind, &patch)), lane, "{collection} {patch}");
    };
    check(&wedding, "weddings", Kind::Update, json!({"notes": "…"}), 2);
    check(&wedding, "weddings", Kind::Update, json!({"notes": "…", "ceremony_at": "2026-06-20T16:00"}), 0);
    check(&wedding, "weddings", Kind::Update, json!({"notes": "…", "status": "live"}), 1);
    check(&wedding, "weddings", Kind::Update, json!({"free": 1}), 2);
    check(&wedding, "weddings", Kind::Delete, json!({}), 2);
    check(&wedding, "timeline_events", Kind::Intent, json!({}), 0);
    check(&wedding, "nowhere", Kind::Update, json!({"a": 1}), 1);
    check(&Schema::open(), "weddings", Kind::Update, json!({"a": 1}), 1);
}

#[test]
fn what_moves_an_item_within_its_lane() {
    let now = Timestamp::from_millis(1_800_000_000_000);
    let plain = Factors::ordinary(1, now);
    let in_hours = |hours: i64| Factors { event_at: Some(now.plus_ms(hours * HOUR_MS)), ..plain };
    let minutes = |factors: Factors| allowance_ms(&factors) / 6_000; // tenths of a minute
    let table = [
        (plain, 150),
        (in_hours(3), 125),
        (in_hours(-20), 125),
        (in_hours(24), 132),
        (in_hours(100), 140),
        (in_hours(500), 150),
        (in_hours(900), 160),
        (in_hours(-30), 160),
        (Factors { role: Some(Role::Lead), ..plain }, 140),
        (Factors { role: None, ..plain }, 155),
        (Factors { size_bytes: 300, ..plain }, 145),
        (Factors { size_bytes: 1 << 20, ..plain }, 160),
        (Factors { attempts: 2, ..plain }, 162),
        (Factors { attempts: 99, ..plain }, 175),
    ];
    for (factors, expected) in table {
        assert_eq!(minutes(factors), expected, "{factors:?}");
    }
}

fn any_factors() -> impl Strategy<Value = Factors> {
    let event = prop_oneof![Just(None), (-3_000_000_000_i64..3_000_000_000).prop_map(Some)];
    let role = prop_oneof![Just(None), (0..6_usize).prop_map(|index| Some(Role::ALL[index]))];
    (0..4_i32, 0..100_000_000_i64, event, role, any::<u32>(), -1..20_i32).prop_map(|(lane, at, event, role, size, attempts)| Factors {
        lane,
        accepted_at: Timestamp::from_millis(at),
        event_at: event.map(|ms| Timestamp::from_millis(at + ms)),
        role,
        size_bytes: usize::try_from(size).unwrap(),
        attempts,
    })
}

/// An item in a queue that is served one at a time; the smaller rank first, then the one that came first.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    at: i64,
    rank: i64,
    seq: usize,
}

/// Serves items one every `cost_ms`, and says in which order and when each one was begun.
fn serve(items: &[Factors], cost_ms: i64) -> Vec<(Waiting, i64)> {
    let mut open: Vec<Waiting> =
        items.iter().enumerate().map(|(seq, factors)| Waiting { at: factors.accepted_at.millis(), rank: rank(factors), seq }).collect();
    let (mut now, mut served) = (0, Vec::new());
    while !open.is_empty() {
        let here = open.iter().filter(|item| item.at <= now).min_by_key(|item| (item.rank, item.seq)).copied();
        let Some(next) = here else {
            now = open.iter().map(|item| item.at).min().unwrap();
            continue;
        };
        open.retain(|item| item.seq != next.seq);
        served.push((next, now));
        now += cost_ms;
    }
    served
}

proptest! {
    /// Whatever else is known of two items of one age, the one in the lower lane goes first.
    #[test]
    fn lanes_do_not_cross(one in any_factors(), other in any_factors()) {
        let other = Factors { accepted_at: one.accepted_at, ..other };
        prop_assert_eq!(one.lane.cmp(&other.lane).is_lt() && rank(&one) >= rank(&other), false);
        let allowance = allowance_ms(&one);
        prop_assert!((0..=MAX_ALLOWANCE_MS).contains(&allowance), "{}", allowance);
        prop_assert_eq!(i32::from(urgency(rank(&one), one.accepted_at)), one.lane);
    }

    /// No pattern of arrivals makes an item wait for what came later than the bound after it, so that it waits no longer
    /// than what was there when it came, and what came within the bound, takes.
    #[test]
    fn nothing_starves(items in vec(any_factors(), 1..120), cost_ms in 1..2_000_000_i64) {
        let served = serve(&items, cost_ms);
        prop_assert_eq!(served.len(), items.len());
        for (place, (item, begun)) in served.iter().enumerate() {
            let before = &served[..place];
            let overtook = before.iter().filter(|(other, _)| other.at > item.at);
            for (other, _) in overtook {
                prop_assert!(other.at <= item.at + MAX_ALLOWANCE_MS, "{:?} was overtaken by {:?}", item, other);
            }
            let backlog = served.iter().filter(|(other, begun)| other.at <= item.at && begun + cost_ms > item.at).count();
            let within = served.iter().filter(|(other, _)| other.at > item.at && other.at <= item.at + MAX_ALLOWANCE_MS).count();
            let bound = i64::try_from(backlog + within).unwrap() * cost_ms;
            prop_assert!(begun - item.at <= bound, "{:?} waited {} of {}", item, begun - item.at, bound);
        }
    }

    #[test]
    fn no_number_is_too_large(lane in any::<i32>(), at in any::<i64>(), event in any::<i64>(), now in any::<i64>()) {
        let factors = Factors { event_at: Some(Timestamp::from_millis(event)), ..Factors::ordinary(lane, Timestamp::from_millis(at)) };
        prop_assert!(rank(&factors) >= at);
        prop_assert!(urgency(rank(&factors), Timestamp::from_millis(now)) <= 3);
    }
}

/// A flood that is always more urgent holds a bulk item up for as long as the bound says, and no longer.
#[test]
fn a_flood_of_urgent_work_gives_way_in_time() {
    let minute = |minute: i64| Timestamp::from_millis(minute * MINUTE_MS);
    let bulk = Factors::ordinary(3, minute(0));
    let flood = (0..600).map(|at| Factors::ordinary(0, minute(at)));
    let items: Vec<Factors> = std::iter::once(bulk).chain(flood).collect();
    let served = serve(&items, MINUTE_MS + 1);
    let (_, begun) = served.iter().find(|(item, _)| item.seq == 0).unwrap();
    assert!((3 * HOUR_MS..=5 * HOUR_MS).contains(begun), "{begun}");
}
