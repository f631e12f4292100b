//! Worlds in which the simulation found something, shrunk: they run first, and for ever.

use crate::coverage::Coverage;
use crate::properties::play;
use crate::script::{Change, Fate, Manner, Pick, SchemaKind, Script, Step, SyncHow};
use crate::server::Backing;

const PLAIN: Manner = Manner { continues: false, inline_base: false, depends: None, hint: 0, skew: None };

fn edit(device: usize, doc: usize, changes: &[Change]) -> Step {
    Step::Edit { device, doc, changes: changes.to_vec(), manner: PLAIN }
}

fn delete(device: usize, doc: usize) -> Step {
    Step::Delete { device, doc, manner: PLAIN }
}

fn group(device: usize, parts: &[(usize, u8, Change)]) -> Step {
    Step::Group { device, parts: parts.to_vec(), manner: PLAIN }
}

fn sync(device: usize) -> Step {
    Step::Sync { device, fate: Fate::Delivered, how: SyncHow::default() }
}

fn push(device: usize) -> Step {
    Step::Sync { device, fate: Fate::Delivered, how: SyncHow { without_pull: true, ..SyncHow::default() } }
}

fn unheard(device: usize) -> Step {
    Step::Sync { device, fate: Fate::ReplyLost, how: SyncHow::default() }
}

const TITLE: Change = Change::Text(0);

fn check(users: usize, devices: usize, schemas: &[SchemaKind], steps: Vec<Step>) {
    let script = Script { users, devices, schemas: schemas.to_vec(), inline: None, steps };
    let coverage = Coverage::default();
    if let Err(error) = play(Backing::Memory, &script, &coverage) {
        panic!("{error}");
    }
}

#[test]
fn what_a_restore_brings_back_is_sent() {
    check(
        1,
        1,
        &[SchemaKind::Open],
        vec![edit(0, 0, &[TITLE]), sync(0), delete(0, 0), edit(0, 0, &[TITLE]), edit(0, 0, &[Change::AppendItem(0)])],
    );
}

#[test]
fn a_deletion_reaches_who_knows_the_document_from_a_result_alone() {
    let receipts = Step::Sync { device: 0, fate: Fate::Delivered, how: SyncHow { ask: true, ..SyncHow::default() } };
    let lost = Step::Sync { device: 0, fate: Fate::CommitLost { kept: true }, how: SyncHow::default() };
    check(1, 1, &[SchemaKind::Open], vec![sync(0), edit(0, 2, &[TITLE]), push(0), delete(0, 2), lost, receipts]);
}

#[test]
fn a_predecessor_that_an_earlier_round_of_the_request_decided_counts() {
    let steps = vec![
        edit(0, 6, &[TITLE]),
        edit(0, 0, &[TITLE]),
        edit(0, 5, &[Change::Text(1)]),
        Step::Edit { device: 0, doc: 5, changes: vec![Change::Text(1)], manner: Manner { depends: Some(1), ..PLAIN } },
    ];
    check(1, 1, &[SchemaKind::Open, SchemaKind::Open], steps);
}

#[test]
fn a_group_that_is_decided_for_theirs_overwrites_nothing_unseen() {
    let resolve = |device| Step::Resolve { device, which: 0, pick: Pick::Theirs };
    let steps = vec![
        edit(2, 4, &[Change::Tag]),
        group(0, &[(5, 0, TITLE)]),
        edit(1, 5, &[TITLE]),
        group(1, &[(4, 0, Change::Tag), (5, 0, TITLE)]),
        sync(2),
        sync(1),
        edit(0, 5, &[Change::Text(1)]),
        sync(0),
        resolve(1),
    ];
    check(2, 5, &[SchemaKind::Open, SchemaKind::Open], steps);
    let steps = vec![
        group(0, &[(2, 0, Change::AppendItem(0))]),
        push(0),
        group(0, &[(2, 0, Change::AppendItem(3))]),
        sync(3),
        edit(3, 2, &[Change::EditItem(0)]),
        sync(3),
        sync(0),
        sync(3),
        resolve(3),
        edit(1, 2, &[Change::AppendItem(3)]),
    ];
    check(2, 4, &[SchemaKind::Open], steps);
}

#[test]
fn a_device_that_was_set_back_overwrites_nothing_in_its_question() {
    let blind = Step::Blind { device: 1, doc: 4, change: TITLE, manner: PLAIN };
    let steps = vec![
        group(0, &[(4, 0, TITLE)]),
        delete(0, 4),
        unheard(0),
        edit(1, 4, &[TITLE]),
        Step::Save(1),
        edit(1, 4, &[TITLE]),
        unheard(1),
        Step::Rewind(1),
        blind,
    ];
    check(2, 2, &[SchemaKind::Open], steps);
}

#[test]
fn a_disputed_part_hides_nothing_that_its_sender_saw_beside_it() {
    let steps = vec![
        edit(0, 4, &[Change::Nested(0)]),
        edit(0, 4, &[Change::Nested(1)]),
        sync(0),
        edit(2, 4, &[Change::AppendItem(0)]),
        edit(2, 4, &[Change::Nested(0)]),
        sync(2),
        edit(2, 4, &[Change::Nested(1)]),
    ];
    check(2, 3, &[SchemaKind::Open], steps);
    let steps = vec![
        edit(0, 3, &[Change::Nested(0)]),
        edit(1, 3, &[Change::Nested(0)]),
        sync(1),
        sync(0),
        edit(0, 3, &[Change::Nested(1)]),
        delete(0, 3),
    ];
    check(2, 2, &[SchemaKind::Open], steps);
}

#[test]
fn a_document_made_anew_in_a_chain_has_nothing_of_the_one_before() {
    let anew = Step::Create { device: 0, doc: 6, changes: vec![Change::Text(1)], manner: PLAIN };
    check(1, 1, &[SchemaKind::Open], vec![edit(0, 6, &[TITLE]), delete(0, 6), anew, edit(0, 6, &[TITLE])]);
}

#[test]
fn both_sides_of_a_question_are_named() {
    check(2, 3, &[SchemaKind::Open], vec![edit(1, 7, &[Change::Text(2), Change::Veil(false)]), edit(2, 7, &[Change::Text(2)]), sync(2)]);
    let blind = Step::Blind { device: 1, doc: 3, change: TITLE, manner: PLAIN };
    let steps = vec![edit(0, 3, &[TITLE]), sync(0), sync(1), group(0, &[(3, 4, TITLE)]), sync(0), sync(1), blind];
    check(2, 2, &[SchemaKind::EditWins], steps);
    let steps = vec![edit(0, 0, &[Change::Tag]), edit(4, 0, &[Change::AppendItem(0)]), group(4, &[(0, 4, TITLE)])];
    check(2, 5, &[SchemaKind::Open], steps);
}
