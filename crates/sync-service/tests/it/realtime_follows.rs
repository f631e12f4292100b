//! Whatever happens in between, a device that applies what its connection sends holds what one holds that pulls.

use proptest::prelude::*;
use serde_json::{Value, json};
use sync_service::Caller;
use sync_service::realtime::Hub;

use crate::line::{Line, apply, hub};
use crate::pull::Copy;
use crate::sync::{Pair, op};
use crate::world::now;

#[derive(Debug, Clone)]
enum Act {
    /// Somebody changes a document; who, which, what.
    Push(bool, u8, u8),
    Delete(u8),
    /// The device takes so many frames.
    Take(usize),
    /// The connection breaks, and comes back.
    Drop,
    /// Bo's role changes.
    Role(bool),
    /// Bo loses the membership and gets it back.
    Leave,
    Sweep,
    /// The device pulls by itself.
    Pull,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (any::<bool>(), 0..6_u8, any::<u8>()).prop_map(|(own, document, value)| Act::Push(own, document, value)),
        2 => (0..6_u8).prop_map(Act::Delete),
        6 => (0..4_usize).prop_map(Act::Take),
        1 => Just(Act::Drop),
        1 => any::<bool>().prop_map(Act::Role),
        1 => Just(Act::Leave),
        1 => Just(Act::Sweep),
        1 => Just(Act::Pull),
    ]
}

/// A device of Bo.
struct Device {
    caller: Caller,
    copy: Copy,
    line: Line,
    /// Frames that were applied.
    applied: usize,
}

impl Device {
    fn new(pair: &Pair, hub: &Hub) -> Self {
        let mut device = Self { caller: pair.bo, copy: Copy::default(), line: Line::open(hub, &pair.bo), applied: 0 };
        device.pull(pair);
        device
    }

    /// Pulls everything, and follows from there.
    fn pull(&mut self, pair: &Pair) {
        loop {
            let page = pair.pull(&self.caller, self.copy.cursor.as_deref());
            if page["reset"] == true || page["revoked"] == true {
                self.copy = Copy::default();
            }
            if page["revoked"] == true {
                return;
            }
            if page["reset"] == true {
                continue;
            }
            self.copy.take(&page);
            if page["has_more"] == false {
                break;
            }
        }
        self.line.subscribe(&pair.space, self.copy.cursor.as_deref());
    }

    fn take(&mut self, pair: &Pair) -> bool {
        let Some(frame) = self.line.take() else { return false };
        match frame["type"].as_str().unwrap() {
            "change" if apply(&mut self.copy, &frame) => self.applied += 1,
            "change" => self.pull(pair),
            "revoked" => self.copy = Copy::default(),
            "conflict" | "resolved" => {}
            other => panic!("nobody asked for {other}"),
        }
        true
    }
}

fn perform(pair: &Pair, hub: &Hub, device: &mut Device, number: u32, act: &Act) {
    let push = |caller: &Caller, operation: Value| drop(pair.one(caller, operation));
    match act {
        Act::Push(own, document, value) => {
            let caller = if *own { &pair.bo } else { &pair.ana };
            let known = pair.read(&pair.ana, "notes", &format!("d{document}"));
            let kind = if known.is_null() { "create" } else { "update" };
            push(caller, op(number, kind, &format!("d{document}"), i64::from(kind == "update"), json!({format!("f{}", value % 3): value})));
        }
        Act::Delete(document) => push(&pair.ana, op(number, "delete", &format!("d{document}"), 1, Value::Null)),
        Act::Take(count) => (0..*count).for_each(|_| _ = device.take(pair)),
        Act::Drop => {
            device.line = Line::follow(hub, &device.caller, &pair.space, device.copy.cursor.as_deref());
        }
        Act::Role(high) => pair.give_bo(if *high { "coordinator" } else { "vendor" }),
        Act::Leave => {
            let space = pair.space.parse().unwrap();
            now(pair.world.service.remove_member(&pair.ana, space, pair.bo.user_id)).unwrap();
            while device.take(pair) {}
            pair.give_bo("coordinator");
            device.line.subscribe(&pair.space, device.copy.cursor.as_deref());
        }
        Act::Sweep => now(hub.sweep()).unwrap(),
        Act::Pull => device.pull(pair),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_applied_is_what_is_pulled(acts in prop::collection::vec(act(), 1..40)) {
        let pair = Pair::new(None);
        let hub = hub(&pair.world.service);
        let mut device = Device::new(&pair, &hub);
        for (number, act) in (1..).zip(&acts) {
            perform(&pair, &hub, &mut device, number, act);
        }
        while device.take(&pair) {}
        let mut pulled = Copy::default();
        loop {
            let page = pair.pull(&pair.bo, pulled.cursor.as_deref());
            pulled.take(&page);
            if page["has_more"] == false {
                break;
            }
        }
        prop_assert_eq!(&device.copy.rows, &pulled.rows);
        // and the cursor that it holds is at the end
        let page = pair.pull(&device.caller, device.copy.cursor.as_deref());
        prop_assert_eq!(&page["items"], &json!([]));
    }
}

#[test]
fn frames_are_what_keeps_a_device_up() {
    let pair = Pair::new(None);
    pair.give_bo("coordinator");
    let hub = hub(&pair.world.service);
    let mut device = Device::new(&pair, &hub);
    for number in 1..=30_u32 {
        let act = Act::Push(number % 2 == 0, u8::try_from(number % 6).unwrap(), u8::try_from(number).unwrap());
        perform(&pair, &hub, &mut device, number, &act);
        while device.take(&pair) {}
    }
    assert_eq!(device.applied, 30, "no frame had to be made good by a pull");
}
