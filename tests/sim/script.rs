//! What happens in a world, as data: drawn at random, shrunk when something fails.

mod queued;

use proptest::collection::vec;
use proptest::prelude::*;

pub(crate) use queued::queued;

/// A world and what happens in it. Numbers name things modulo how many there are.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) users: usize,
    pub(crate) devices: usize,
    pub(crate) schemas: Vec<SchemaKind>,
    /// A push of more operations goes into the queue; `None`: of more than any.
    pub(crate) inline: Option<usize>,
    pub(crate) steps: Vec<Step>,
}

/// The schema of a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SchemaKind {
    Open,
    EditWins,
    Ask,
    DeleteWins,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// An update, or a create where nothing is on the screen.
    Edit {
        device: usize,
        doc: usize,
        changes: Vec<Change>,
        manner: Manner,
    },
    /// A create where nothing is on the screen, also of what was deleted.
    Create {
        device: usize,
        doc: usize,
        changes: Vec<Change>,
        manner: Manner,
    },
    Delete {
        device: usize,
        doc: usize,
        manner: Manner,
    },
    Restore {
        device: usize,
        doc: usize,
        changes: Vec<Change>,
        manner: Manner,
    },
    /// Edits that commit together; an even number deletes where there is something to delete.
    Group {
        device: usize,
        parts: Vec<(usize, u8, Change)>,
        manner: Manner,
    },
    /// An update of a document that may not be there.
    Blind {
        device: usize,
        doc: usize,
        change: Change,
        manner: Manner,
    },
    Resolve {
        device: usize,
        which: usize,
        pick: Pick,
    },
    Sync {
        device: usize,
        fate: Fate,
        how: SyncHow,
    },
    /// A request that was thought lost arrives.
    Arrive(usize),
    Clock(i64),
    /// A user's role in a space changes, or they are removed.
    Member {
        user: usize,
        space: usize,
        role: usize,
    },
    Save(usize),
    /// A device falls back to what was saved.
    Rewind(usize),
    Damage {
        device: usize,
        space: usize,
    },
    /// A space's schema is replaced by its next version.
    Upgrade(usize),
    /// A device gets a newer app.
    Update(usize),
    /// Somebody uses an op_id again for something else.
    Reuse {
        device: usize,
        which: usize,
    },
    /// A device sends its operations for the queue.
    Batch {
        device: usize,
        atomic: bool,
        how: SyncHow,
    },
    Work(Work),
    /// A lead has a dead letter tried again, or discards it.
    Letter {
        which: usize,
        discard: bool,
    },
}

/// What a worker does. Leases are named by number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// Takes a lease; or finds nothing to do.
    Claim,
    /// Decides what it took, and takes what comes next.
    Step(usize),
    /// The same, and cannot read the document of one of them, or breaks on it.
    Poisoned {
        which: usize,
        item: usize,
        panics: bool,
    },
    Keep(usize),
    HandBack(usize),
    /// Dies, and says nothing.
    Die(usize),
    /// Everything that can be decided now is.
    Off,
}

/// How an operation is made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner {
    pub(crate) continues: bool,
    pub(crate) inline_base: bool,
    /// Depends on this one of the device's operations.
    pub(crate) depends: Option<usize>,
    pub(crate) hint: u8,
    /// The device's clock is off by so many milliseconds.
    pub(crate) skew: Option<i64>,
}

/// A change of one document.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Text(u8),
    Flag(bool),
    Count(u8),
    Nested(u8),
    Unnest(u8),
    AppendItem(u8),
    EditItem(u8),
    DropItem(u8),
    MoveItem(u8),
    Tag,
    Untag(u8),
    Remove(u8),
    Veil(bool),
    Bad(u8),
}

/// What is chosen for a conflict.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pick {
    Ours,
    Theirs,
    Base,
    Value,
    /// Only one of its fields, for theirs.
    One(u8),
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Delivered,
    RequestLost,
    ReplyLost,
    /// The server gets it twice, the device hears the second answer.
    Repeated,
    /// The device gives up; it arrives later.
    Late,
    /// The database loses the connection at COMMIT.
    CommitLost {
        kept: bool,
    },
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SyncHow {
    pub(crate) without_pull: bool,
    pub(crate) max_changes: Option<usize>,
    pub(crate) max_bytes: Option<usize>,
    pub(crate) skip: usize,
    pub(crate) take: Option<usize>,
    pub(crate) explicit_after: bool,
    pub(crate) scatter: u64,
    pub(crate) ask: bool,
    pub(crate) foreign_epoch: bool,
    /// Inline bases are lost.
    pub(crate) without_base: bool,
    /// Goes on until nothing more is to be read.
    pub(crate) to_the_end: bool,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (0..3_u8).prop_map(Change::Text),
        2 => any::<bool>().prop_map(Change::Flag),
        2 => (0..3_u8).prop_map(Change::Count),
        3 => (0..2_u8).prop_map(Change::Nested),
        1 => (0..2_u8).prop_map(Change::Unnest),
        3 => (0..4_u8).prop_map(Change::AppendItem),
        3 => (0..4_u8).prop_map(Change::EditItem),
        2 => (0..4_u8).prop_map(Change::DropItem),
        1 => (0..4_u8).prop_map(Change::MoveItem),
        2 => Just(Change::Tag),
        1 => (0..3_u8).prop_map(Change::Untag),
        2 => (0..6_u8).prop_map(Change::Remove),
        2 => any::<bool>().prop_map(Change::Veil),
        1 => (0..2_u8).prop_map(Change::Bad),
    ]
}

/// One who is alone makes nothing that is refused: what builds on that meets the state without it.
fn change_by(alone: bool) -> impl Strategy<Value = Change> {
    change().prop_map(move |change| match change {
        Change::Bad(_) if alone => Change::Tag,
        change => change,
    })
}

fn changes(alone: bool) -> impl Strategy<Value = Vec<Change>> {
    vec(change_by(alone), 1..4)
}

const HOUR: i64 = 3_600_000;

fn manner() -> impl Strategy<Value = Manner> {
    let skew = prop_oneof![3 => Just(None), 3 => Just(Some(0)), 1 => (-48 * HOUR..48 * HOUR).prop_map(Some)];
    let depends = prop_oneof![6 => Just(None), 1 => (0..8_usize).prop_map(Some)];
    (any::<bool>(), any::<bool>(), depends, 0..8_u8, skew).prop_map(|(continues, inline_base, depends, hint, skew)| Manner {
        continues,
        inline_base,
        depends,
        hint,
        skew,
    })
}

fn pick() -> impl Strategy<Value = Pick> {
    prop_oneof![
        2 => Just(Pick::Ours),
        3 => Just(Pick::Theirs),
        1 => Just(Pick::Base),
        2 => Just(Pick::Value),
        2 => (0..3_u8).prop_map(Pick::One),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        10 => Just(Fate::Delivered),
        1 => Just(Fate::RequestLost),
        3 => Just(Fate::ReplyLost),
        2 => Just(Fate::Repeated),
        1 => Just(Fate::Late),
        1 => any::<bool>().prop_map(|kept| Fate::CommitLost { kept }),
    ]
}

fn sync_how(alone: bool) -> impl Strategy<Value = SyncHow> {
    let page = prop_oneof![4 => Just(None), 1 => (1..4_usize).prop_map(Some)];
    let bytes = prop_oneof![8 => Just(None), 1 => (1..400_usize).prop_map(Some)];
    let skip = prop_oneof![8 => Just(0), 1 => 1..3_usize];
    let take = prop_oneof![6 => Just(None), 1 => (1..3_usize).prop_map(Some)];
    let scatter = prop_oneof![3 => Just(0), 1 => any::<u64>()];
    let rare = |often: u32| prop_oneof![often => Just(false), 1 => Just(true)];
    let foreign = if alone { Just(false).boxed() } else { rare(12).boxed() };
    (rare(5), page, bytes, skip, take, any::<bool>(), scatter, rare(8), (foreign, any::<bool>()), any::<bool>()).prop_map(
        |(without_pull, max_changes, max_bytes, skip, take, explicit_after, scatter, ask, (foreign_epoch, without_base), to_the_end)| {
            SyncHow {
                without_pull,
                max_changes,
                max_bytes,
                skip,
                take,
                explicit_after,
                scatter,
                ask,
                foreign_epoch,
                without_base,
                to_the_end,
            }
        },
    )
}

const ANY: std::ops::Range<usize> = 0..60;

/// A step of a world whose schemas move on.
fn skewed_step(alone: bool) -> BoxedStrategy<Step> {
    prop_oneof![20 => step(alone), 1 => ANY.prop_map(Step::Upgrade), 1 => ANY.prop_map(Step::Update)].boxed()
}

fn step(alone: bool) -> BoxedStrategy<Step> {
    let docs = if alone { 0..7_usize } else { 0..8_usize };
    let part = (docs.clone(), 0..6_u8, change_by(alone));
    let peaceful = prop_oneof![
        20 => (ANY, docs.clone(), changes(alone), manner()).prop_map(|(device, doc, changes, manner)| Step::Edit { device, doc, changes, manner }),
        4 => (ANY, docs.clone(), manner()).prop_map(|(device, doc, manner)| Step::Delete { device, doc, manner }),
        4 => (ANY, docs.clone(), changes(alone), manner()).prop_map(|(device, doc, changes, manner)| Step::Restore { device, doc, changes, manner }),
        4 => (ANY, vec(part, 1..4), manner()).prop_map(|(device, parts, manner)| Step::Group { device, parts, manner }),
        16 => (ANY, fate(), sync_how(alone)).prop_map(|(device, fate, how)| Step::Sync { device, fate, how }),
        2 => (ANY, docs.clone(), changes(alone), manner())
            .prop_map(|(device, doc, changes, manner)| Step::Create { device, doc, changes, manner }),
        1 => ANY.prop_map(Step::Arrive),
        2 => prop_oneof![-48 * HOUR..0, 0..HOUR, 0..240 * HOUR].prop_map(Step::Clock),
    ];
    if alone {
        return peaceful.boxed();
    }
    prop_oneof![
        51 => peaceful,
        2 => (ANY, docs.clone(), changes(alone), manner()).prop_map(|(device, doc, changes, manner)| Step::Create { device, doc, changes, manner }),
        1 => (ANY, 0..10_usize, change(), manner()).prop_map(|(device, doc, change, manner)| Step::Blind { device, doc, change, manner }),
        6 => (ANY, ANY, pick()).prop_map(|(device, which, pick)| Step::Resolve { device, which, pick }),
        1 => (ANY, 0..2_usize, 0..8_usize).prop_map(|(user, space, role)| Step::Member { user, space, role }),
        1 => ANY.prop_map(Step::Save),
        1 => ANY.prop_map(Step::Rewind),
        1 => (ANY, 0..2_usize).prop_map(|(device, space)| Step::Damage { device, space }),
        1 => (ANY, ANY).prop_map(|(device, which)| Step::Reuse { device, which }),
    ]
    .boxed()
}

fn schema() -> impl Strategy<Value = SchemaKind> {
    prop_oneof![2 => Just(SchemaKind::Open), 1 => Just(SchemaKind::EditWins), 1 => Just(SchemaKind::Ask), 1 => Just(SchemaKind::DeleteWins)]
}

/// Worlds of several people.
pub(crate) fn crowd(steps: usize) -> impl Strategy<Value = Script> {
    (2..4_usize, 2..6_usize, vec(schema(), 1..3), vec(step(false), 1..steps)).prop_map(|(users, devices, schemas, steps)| Script {
        users,
        devices,
        schemas,
        inline: None,
        steps,
    })
}

/// Worlds of one person with one device.
pub(crate) fn alone(steps: usize) -> impl Strategy<Value = Script> {
    (vec(schema(), 1..3), vec(step(true), 1..steps)).prop_map(|(schemas, steps)| Script {
        users: 1,
        devices: 1,
        schemas,
        inline: None,
        steps,
    })
}

/// Worlds whose schemas move on, of several people or of one with one device.
pub(crate) fn skewed(alone: bool, steps: usize) -> impl Strategy<Value = Script> {
    let kinds = prop_oneof![1 => Just(SchemaKind::EditWins), 2 => Just(SchemaKind::Ask), 1 => Just(SchemaKind::DeleteWins)];
    let (users, devices) = if alone { (1..2_usize, 1..2_usize) } else { (2..4_usize, 2..6_usize) };
    (users, devices, vec(kinds, 1..3), vec(skewed_step(alone), 1..steps)).prop_map(|(users, devices, schemas, mut steps)| {
        steps.insert(steps.len() / 2, Step::Upgrade(0));
        Script { users, devices, schemas, inline: None, steps }
    })
}
