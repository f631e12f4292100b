//! What holds of every shift.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn time(minutes: i64) -> LocalTime {
    LocalTime::parse("2026-06-20T12:00").unwrap().plus_s(minutes * 60)
}

fn written(minutes: i64) -> String {
    time(minutes).written_like("2026-06-20T12:00").unwrap()
}

fn plan() -> impl Strategy<Value = Vec<Object>> {
    let anchor = prop_oneof![Just("fixed"), Just("flex"), Just("buffer")];
    let status = prop_oneof![4 => Just("planned"), 1 => Just("done")];
    let item = (-600..600_i64, anchor, status).prop_map(|(start, anchor, status)| {
        let body = json!({"starts_at": written(start), "anchor": anchor, "status": status});
        body.as_object().cloned().unwrap()
    });
    prop::collection::vec(item, 0..12)
}

fn range() -> impl Strategy<Value = ShiftArgs> {
    (-300..300_i64, prop::option::of(1..400_i64), -90..90_i64).prop_map(|(from, length, by_min)| ShiftArgs {
        from: time(from),
        to: length.map(|length| time(from + length)),
        by_min,
        reason: None,
    })
}

/// A log of shifts over a plan: for each document the steps that moved it, newest first.
struct Day {
    plan: Vec<Object>,
    steps: Vec<Vec<(usize, LocalTime, LocalTime)>>,
    asked: usize,
}

impl Day {
    fn new(plan: &[Object]) -> Self {
        Self { plan: plan.to_vec(), steps: vec![Vec::new(); plan.len()], asked: 0 }
    }

    fn start(&self, item: usize) -> LocalTime {
        LocalTime::parse(self.plan[item]["starts_at"].as_str().unwrap()).unwrap()
    }

    /// Somebody who has seen nothing of what others did shifts the day.
    fn shift(&mut self, who: usize, is_lead: bool, leads: &[bool], args: &ShiftArgs) {
        let ids: Vec<String> = (0..self.plan.len()).map(|item| item.to_string()).collect();
        let meanwhile = |item: usize| {
            let hand = |by: usize| if by == who { Hand::OwnShift } else { Hand::OtherShift { lead: leads[by] } };
            let step =
                |(by, before, after): &(usize, LocalTime, LocalTime)| Step { hand: hand(*by), before: Some(*before), after: Some(*after) };
            Meanwhile::of(self.steps[item].iter().map(step))
        };
        let planned = (0..self.plan.len()).map(|item| Planned { id: &ids[item], body: &self.plan[item], meanwhile: meanwhile(item) });
        let meeting = if is_lead { Meeting::Replace } else { Meeting::Ask };
        let shifted = super::shift(&undeclared(), args, planned, meeting);
        if shifted.asks {
            self.asked += 1;
            return;
        }
        self.asked += usize::from(shifted.moved.iter().any(|moved| moved.others_s.is_some()));
        for moved in shifted.moved {
            let item: usize = moved.id.parse().unwrap();
            let before = self.start(item);
            self.plan[item].insert("starts_at".into(), moved.to.into());
            let after = self.start(item);
            self.steps[item].insert(0, (who, before, after));
        }
    }

    fn starts(&self) -> Vec<String> {
        self.plan.iter().map(|body| body["starts_at"].as_str().unwrap().to_owned()).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1_000), ..ProptestConfig::default() })]

    #[test]
    fn exactly_what_is_in_the_range_moves_and_by_as_much_as_was_said(plan in plan(), args in range()) {
        let ids: Vec<String> = (0..plan.len()).map(|item| item.to_string()).collect();
        let planned = plan.iter().zip(&ids).map(|(body, id)| Planned { id, body, meanwhile: Meanwhile::Nothing });
        let shifted = super::shift(&undeclared(), &args, planned, Meeting::Ask);
        prop_assert!(!shifted.asks);
        for (item, body) in plan.iter().enumerate() {
            let start = LocalTime::parse(body["starts_at"].as_str().unwrap()).unwrap();
            let moved = shifted.moved.iter().find(|moved| moved.id == ids[item]);
            let excluded = shifted.excluded.iter().any(|(id, _)| *id == ids[item]);
            let stays = body["anchor"] == "fixed" || body["status"] == "done";
            let concerned = args.covers(start) && args.by_min != 0;
            prop_assert_eq!((moved.is_some(), excluded), (concerned && !stays, concerned && stays));
            if let Some(moved) = moved {
                prop_assert_eq!(LocalTime::parse(&moved.to), Some(start.plus_s(args.by_min * 60)));
            }
        }
    }

    #[test]
    fn whichever_of_two_comes_first_the_lead_decides(plan in plan(), lead in range(), other in range()) {
        let leads = [true, false];
        let (mut first, mut second, mut alone) = (Day::new(&plan), Day::new(&plan), Day::new(&plan));
        first.shift(0, true, &leads, &lead);
        first.shift(1, false, &leads, &other);
        second.shift(1, false, &leads, &other);
        second.shift(0, true, &leads, &lead);
        alone.shift(0, true, &leads, &lead);
        // where the ranges meet, the lead's shift is what stands, in both orders
        for item in 0..plan.len() {
            if lead.covers(alone_start(&plan, item)) && lead.by_min != 0 {
                prop_assert_eq!(&first.starts()[item], &alone.starts()[item]);
                prop_assert_eq!(&second.starts()[item], &alone.starts()[item]);
            }
        }
        prop_assert_eq!(first.asked, second.asked);
        prop_assert!(first.asked <= 1);
    }

    #[test]
    fn shifts_that_had_not_seen_each_other_never_add_up(plan in plan(), shifts in prop::collection::vec((range(), any::<bool>()), 1..5)) {
        let leads: Vec<bool> = shifts.iter().map(|(_, lead)| *lead).collect();
        let mut day = Day::new(&plan);
        for (who, (args, lead)) in shifts.iter().enumerate() {
            day.shift(who, *lead, &leads, args);
        }
        for (item, body) in plan.iter().enumerate() {
            let before = LocalTime::parse(body["starts_at"].as_str().unwrap()).unwrap();
            let moved = day.start(item).seconds() - before.seconds();
            prop_assert!(moved == 0 || shifts.iter().any(|(args, _)| args.by_min * 60 == moved), "by {moved} seconds");
        }
    }

    #[test]
    fn any_arguments_are_read_or_refused(args in any_json(), body in prop::collection::btree_map("starts_at|anchor|status|x", any_json(), 0..4)) {
        let body: Object = body.into_iter().collect();
        if let Ok(args) = ShiftArgs::read(&args) {
            let planned = Planned { id: "a", body: &body, meanwhile: Meanwhile::Shifted { by_s: i64::MIN, lead: false } };
            let _ = super::shift(&undeclared(), &args, [planned], Meeting::Replace);
        }
    }
}

fn alone_start(plan: &[Object], item: usize) -> LocalTime {
    LocalTime::parse(plan[item]["starts_at"].as_str().unwrap()).unwrap()
}

fn any_json() -> impl Strategy<Value = Value> {
    let time = prop_oneof![Just("2026-06-20T16:00"), Just("9999-12-31T23:59"), Just("0001-01-01T00:00:00"), Just("é:00")];
    let leaf =
        prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from), time.prop_map(Value::from), ".{0,20}".prop_map(Value::from),];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop::collection::btree_map("from|to|by_min|reason|x", inner, 0..5).prop_map(|members| Value::Object(members.into_iter().collect()))
    })
}
