use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::{prop_assert, prop_assert_eq, proptest};
use sync_core::{OrganisationId, SpaceId};

use super::*;

const LEASE: i64 = 500;
const CLAIM: i64 = 5_000;

fn row() -> QueueSpace {
    QueueSpace {
        space_id: SpaceId(Uuid::from_u128(1)),
        organisation_id: OrganisationId(Uuid::from_u128(1)),
        next_seq: 0,
        fence: 0,
        leased_by: None,
        leased_until: None,
        due_at: None,
        rank: 0,
        served: 0,
        served_at: at(0),
    }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn worker(number: usize) -> Uuid {
    Uuid::from_u128(u128::try_from(number).unwrap() + 10)
}

#[test]
fn a_lease_of_what_was_put_back_is_void() {
    let (held, lease) = take(&row(), worker(0), at(0), LEASE).unwrap();
    let after = void(&held, at(1));
    assert!(!may_write(&after, &lease) && renew(&after, &lease, at(1), LEASE).is_none());
    assert!(is_free(&after, at(1)) && after.due_at == Some(at(1)), "nobody waits for its end");
    assert_eq!(take(&after, worker(1), at(1), LEASE).unwrap().1.fence, 3);
    assert_eq!(void(&row(), at(1)), row());
}

#[test]
fn a_lease_from_its_beginning_to_its_end() {
    let (held, lease) = take(&row(), worker(0), at(0), LEASE).unwrap();
    assert_eq!((lease.fence, standing(&held, at(499))), (1, Standing::Held(lease, at(500))));
    assert_eq!(take(&held, worker(1), at(499), LEASE), None, "it is held");
    let renewed = renew(&held, &lease, at(400), LEASE).unwrap();
    assert_eq!(renewed.leased_until, Some(at(900)));
    assert_eq!(renew(&renewed, &lease, at(100), LEASE).unwrap().leased_until, Some(at(900)), "it never becomes shorter");
    assert_eq!(standing(&renewed, at(900)), Standing::Ended(lease, at(900)));
    assert!(may_write(&renewed, &lease), "late, but nobody came");
    let (taken, second) = take(&renewed, worker(1), at(900), LEASE).unwrap();
    assert_eq!(second.fence, 2);
    assert!(!may_write(&taken, &lease) && renew(&taken, &lease, at(901), LEASE).is_none() && release(&taken, &lease).is_none());
    let free = release(&taken, &second).unwrap();
    assert_eq!((standing(&free, at(901)), free.fence), (Standing::Free, 2), "the fence stays");
    assert!(!may_write(&free, &second), "who handed it back writes nothing more");
    assert_eq!(take(&QueueSpace { fence: i64::MAX, ..row() }, worker(0), at(0), LEASE), None);
}

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Claim(usize),
    Beat(usize),
    Write(usize),
    Release(usize),
    /// The worker stands still for so long: it does nothing of what comes for it, and then goes on where it was.
    Pause(usize, i64),
    /// Time goes on, or the clock jumps.
    Time(i64),
}

fn steps(jumps: bool) -> impl Strategy<Value = Vec<Step>> {
    let back = if jumps { -2_000 } else { 0 };
    let one = prop_oneof![
        3 => (0..2_usize).prop_map(Step::Claim),
        3 => (0..2_usize).prop_map(Step::Beat),
        4 => (0..2_usize).prop_map(Step::Write),
        1 => (0..2_usize).prop_map(Step::Release),
        1 => (0..2_usize, prop_oneof![Just(100), Just(2_000)]).prop_map(|(who, ms)| Step::Pause(who, ms)),
        4 => (back..700_i64).prop_map(Step::Time),
    ];
    vec(one, 1..120)
}

struct World {
    row: QueueSpace,
    now: i64,
    leases: [Option<Lease>; 2],
    paused_until: [i64; 2],
    /// Who wrote, under which fence.
    written: Vec<(usize, i64)>,
    fences: Vec<i64>,
}

impl World {
    fn new() -> Self {
        let (leases, paused_until, written, fences) = Default::default();
        Self { row: row(), now: 0, leases, paused_until, written, fences }
    }

    fn awake(&self, who: usize) -> bool {
        self.now >= self.paused_until[who]
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Time(ms) => self.now += ms,
            Step::Pause(who, ms) => self.paused_until[who] = self.now + ms,
            Step::Claim(who) | Step::Beat(who) | Step::Write(who) | Step::Release(who) if !self.awake(who) => {}
            Step::Claim(who) => {
                if let Some((row, lease)) = take(&self.row, worker(who), at(self.now), LEASE) {
                    self.row = row;
                    self.leases[who] = Some(lease);
                    self.fences.push(lease.fence);
                }
            }
            Step::Beat(who) => {
                let Some(lease) = self.leases[who] else { return };
                match renew(&self.row, &lease, at(self.now), LEASE) {
                    Some(row) => self.row = row,
                    None => self.leases[who] = None,
                }
            }
            Step::Write(who) => {
                if let Some(lease) = self.leases[who].filter(|lease| may_write(&self.row, lease)) {
                    self.written.push((who, lease.fence));
                }
            }
            Step::Release(who) => {
                if let Some(row) = self.leases[who].take().and_then(|lease| release(&self.row, &lease)) {
                    self.row = row;
                }
            }
        }
    }

    fn writers(&self) -> usize {
        self.leases.iter().flatten().filter(|lease| may_write(&self.row, lease)).count()
    }
}

proptest! {
    /// Whatever two workers do, however long they stand still, and whatever the clock does: fences grow, one at most may
    /// write, and nobody writes under a fence once somebody wrote under a later one.
    #[test]
    fn one_writes_at_most(steps in steps(true)) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
            prop_assert!(world.writers() <= 1);
        }
        prop_assert!(world.fences.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", world.fences);
        prop_assert!(world.written.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{:?}", world.written);
        for (who, fence) in &world.written {
            prop_assert!(world.written.iter().all(|(other, same)| same != fence || other == who), "one fence, two writers");
        }
    }

    /// A worker that lives, and says so in time, is never robbed.
    #[test]
    fn who_lives_is_not_robbed(steps in steps(false)) {
        let mut world = World::new();
        world.step(Step::Claim(0));
        let mine = world.leases[0].unwrap();
        for step in steps {
            // the other one does as it likes; this one beats whenever time went on, which it does by less than a lease
            match step {
                Step::Time(ms) => {
                    world.step(Step::Time(ms % LEASE));
                    world.step(Step::Beat(0));
                }
                Step::Claim(0) | Step::Release(0) | Step::Pause(0, _) => {}
                other => world.step(other),
            }
            prop_assert!(may_write(&world.row, &mine));
        }
    }

    /// Whatever happened before, once every holder stands still, who looks at intervals has the lease before it and one
    /// interval are over.
    #[test]
    fn the_dead_are_rescued(steps in steps(false), looks_from in 0..CLAIM) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        let died = world.now;
        world.leases = [None, None];
        world.paused_until = [i64::MAX, died];
        world.now = died + looks_from;
        while world.leases[1].is_none() {
            world.step(Step::Claim(1));
            world.now += CLAIM;
        }
        let rescued = world.now - CLAIM;
        prop_assert!(rescued - died < LEASE + CLAIM, "{} ms", rescued - died);
        prop_assert_eq!(standing(&world.row, at(rescued)), Standing::Held(world.leases[1].unwrap(), at(rescued + LEASE)));
    }
}
