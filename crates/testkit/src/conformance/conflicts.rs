use sync_core::conflict::ConflictKind;
use sync_core::ports::{ConflictEntry, ConflictFilter, ConflictLink, ConflictPage, DueConflict};
use sync_core::{ConflictId, SpaceId, Timestamp};

use super::Case;
use super::bench::{ANA, BO, Bench, FOREIGN_SPACE, NOW, ORGANISATION, OTHER_ORGANISATION, SECOND_SPACE, SPACE, STRANGER, id, key};

pub(super) const CASES: &[Case] = &[
    ("open_links_are_found_by_document", open_links_are_found_by_document),
    ("links_are_loaded_by_conflict_and_organisation", links_are_loaded_by_conflict_and_organisation),
    ("a_link_is_closed_in_place", a_link_is_closed_in_place),
    ("conflicts_are_listed_by_id", conflicts_are_listed_by_id),
    ("conflicts_are_found_by_what_they_are", conflicts_are_found_by_what_they_are),
    ("an_entry_is_replaced_in_place", an_entry_is_replaced_in_place),
    ("what_is_due_is_listed_by_deadline", what_is_due_is_listed_by_deadline),
    ("many_links_at_once_and_none", many_links_at_once_and_none),
];

/// An open question of Bo's, asked of the leads.
fn entry(number: u128) -> ConflictEntry {
    ConflictEntry {
        conflict_id: ConflictId(id(number)),
        organisation_id: ORGANISATION,
        space_id: SPACE,
        collection: "guests".into(),
        kind: ConflictKind::Fields,
        open: true,
        automatic: false,
        asks: vec!["role:lead".into()],
        ours_by: Some(ANA),
        theirs_by: BO,
        opened_at: NOW,
        deadline_at: None,
    }
}

fn page(space_ids: &[SpaceId], open: Option<bool>, limit: i64) -> ConflictPage {
    ConflictPage { space_ids: space_ids.to_vec(), open, only: ConflictFilter::default(), after: None, limit }
}

fn link(number: u128, document: &str, open: bool) -> ConflictLink {
    ConflictLink { conflict_id: ConflictId(id(number)), organisation_id: ORGANISATION, space_id: SPACE, key: key("guests", document), open }
}

fn sorted(mut links: Vec<ConflictLink>) -> Vec<ConflictLink> {
    links.sort_by(|a, b| (a.conflict_id, &a.key).cmp(&(b.conflict_id, &b.key)));
    links
}

fn open_links_are_found_by_document(bench: &Bench) {
    bench.write(|tx| {
        let elsewhere = ConflictLink { space_id: SECOND_SPACE, ..link(4, "a", true) };
        tx.put_conflicts(&[link(1, "a", true), link(2, "a", false), link(3, "b", true), elsewhere, link(5, "A", true), link(6, "a", true)])
    });
    let open = bench.read(|tx| tx.list_open_conflicts(SPACE, &[key("guests", "a"), key("guests", "c")]));
    assert_eq!(sorted(open), [link(1, "a", true), link(6, "a", true)]);
    assert_eq!(bench.read(|tx| tx.list_open_conflicts(SPACE, &[])), []);
}

fn links_are_loaded_by_conflict_and_organisation(bench: &Bench) {
    bench.write(|tx| {
        let foreign = ConflictLink { organisation_id: OTHER_ORGANISATION, space_id: FOREIGN_SPACE, ..link(2, "a", true) };
        tx.put_conflicts(&[link(1, "a", true), link(1, "b", false), foreign, link(3, "a", true)])
    });
    let load =
        |organisation_id| sorted(bench.read(move |tx| tx.load_conflicts(organisation_id, &[1, 2, 9].map(|number| ConflictId(id(number))))));
    assert_eq!(load(ORGANISATION), [link(1, "a", true), link(1, "b", false)], "closed ones too");
    assert_eq!(load(OTHER_ORGANISATION).len(), 1);
    assert_eq!(bench.read(|tx| tx.load_conflicts(ORGANISATION, &[])), []);
}

fn a_link_is_closed_in_place(bench: &Bench) {
    bench.write(|tx| tx.put_conflicts(&[link(1, "a", true), link(1, "b", true)]));
    bench.write(|tx| tx.put_conflicts(&[link(1, "a", false)]));
    assert_eq!(sorted(bench.read(|tx| tx.load_conflicts(ORGANISATION, &[ConflictId(id(1))]))), [link(1, "a", false), link(1, "b", true)]);
    assert_eq!(bench.read(|tx| tx.list_open_conflicts(SPACE, &[key("guests", "a")])), []);
}

fn conflicts_are_listed_by_id(bench: &Bench) {
    bench.write(|tx| {
        let second = ConflictEntry { space_id: SECOND_SPACE, ..entry(2) };
        let foreign = ConflictEntry { organisation_id: OTHER_ORGANISATION, space_id: FOREIGN_SPACE, ..entry(4) };
        let closed = ConflictEntry { open: false, ..entry(1) };
        tx.put_conflict_entries(&[entry(5), entry(3), second, foreign, closed])
    });
    let list = |space_ids: &[SpaceId], open, after: Option<u128>, limit| {
        let page = ConflictPage { after: after.map(|number| ConflictId(id(number))), ..page(space_ids, open, limit) };
        bench.read(move |tx| tx.list_conflicts(&page))
    };
    let at = |space_id, number| (space_id, ConflictId(id(number)));
    assert_eq!(list(&[SPACE], None, None, 10), [at(SPACE, 1), at(SPACE, 3), at(SPACE, 5)]);
    assert_eq!(list(&[SPACE], Some(true), None, 10), [at(SPACE, 3), at(SPACE, 5)]);
    assert_eq!(list(&[SPACE], Some(false), None, 10), [at(SPACE, 1)]);
    assert_eq!(list(&[SPACE, SECOND_SPACE], Some(true), None, 2), [at(SECOND_SPACE, 2), at(SPACE, 3)], "by id over all spaces");
    assert_eq!(list(&[SPACE, SECOND_SPACE], Some(true), Some(3), 2), [at(SPACE, 5)]);
    assert_eq!(list(&[SPACE], None, Some(5), 2), []);
    assert_eq!(list(&[], None, None, 2), []);
}

fn conflicts_are_found_by_what_they_are(bench: &Bench) {
    let later = NOW.plus_ms(1_000);
    bench.write(move |tx| {
        let asks = vec!["role:lead".into(), format!("user:{BO}")];
        let of_all = ConflictEntry { asks, kind: ConflictKind::Group, opened_at: later, deadline_at: Some(later), ..entry(2) };
        let tables =
            ConflictEntry { collection: "tables".into(), ours_by: None, theirs_by: STRANGER, automatic: true, open: false, ..entry(3) };
        let nobody = ConflictEntry { asks: Vec::new(), ..entry(4) };
        tx.put_conflict_entries(&[entry(1), of_all, tables, nobody])?;
        tx.put_conflicts(&[link(1, "a", true), link(2, "a", true), link(2, "b", true), link(3, "b", false)])
    });
    let found = |only: ConflictFilter| {
        let page = ConflictPage { only, ..page(&[SPACE], None, 10) };
        let found = bench.read(move |tx| tx.list_conflicts(&page)).into_iter();
        found.map(|(_, found)| (1..=4).find(|number| ConflictId(id(*number)) == found).unwrap_or_default()).collect::<Vec<_>>()
    };
    let none = ConflictFilter::default;
    assert_eq!(found(none()), [1, 2, 3, 4]);
    assert_eq!(found(ConflictFilter { collection: Some("tables".into()), ..none() }), [3]);
    assert_eq!(found(ConflictFilter { document: Some(key("guests", "b")), ..none() }), [2, 3], "each document of a group");
    assert_eq!(found(ConflictFilter { kind: Some(ConflictKind::Group), ..none() }), [2]);
    assert_eq!(found(ConflictFilter { asks: vec!["role:lead".into()], ..none() }), [1, 2, 3]);
    assert_eq!(found(ConflictFilter { asks: vec![format!("user:{BO}"), "role:couple".into()], ..none() }), [2]);
    assert_eq!(found(ConflictFilter { asks: vec!["role:lea".into()], ..none() }), [], "a part of a name is none");
    assert_eq!(found(ConflictFilter { who: Some(STRANGER), ..none() }), [3]);
    assert_eq!(found(ConflictFilter { who: Some(ANA), ..none() }), [1, 2, 4]);
    assert_eq!(found(ConflictFilter { opened_from: Some(later), ..none() }), [2]);
    assert_eq!(found(ConflictFilter { opened_before: Some(later), ..none() }), [1, 3, 4]);
    assert_eq!(found(ConflictFilter { deadline_before: Some(later), ..none() }), []);
    assert_eq!(found(ConflictFilter { deadline_before: Some(later.plus_ms(1)), ..none() }), [2]);
    assert_eq!(found(ConflictFilter { automatic: Some(true), ..none() }), [3]);
    assert_eq!(found(ConflictFilter { automatic: Some(false), collection: Some("guests".into()), who: Some(BO), ..none() }), [1, 2, 4]);
    let open = ConflictPage { only: ConflictFilter { who: Some(STRANGER), ..none() }, ..page(&[SPACE], Some(true), 10) };
    assert_eq!(bench.read(move |tx| tx.list_conflicts(&open)), []);
}

fn an_entry_is_replaced_in_place(bench: &Bench) {
    bench.write(|tx| tx.put_conflict_entries(&[ConflictEntry { deadline_at: Some(NOW), ..entry(1) }]));
    bench.write(|tx| tx.put_conflict_entries(&[ConflictEntry { open: false, deadline_at: None, ..entry(1) }]));
    bench.write(|tx| tx.put_conflict_entries(&[]));
    assert_eq!(bench.read(|tx| tx.list_conflicts(&page(&[SPACE], Some(true), 10))), []);
    assert_eq!(bench.read(|tx| tx.list_conflicts(&page(&[SPACE], Some(false), 10))), [(SPACE, ConflictId(id(1)))]);
    assert_eq!(bench.read(|tx| tx.list_due_conflicts(NOW, None, 10)), []);
}

fn what_is_due_is_listed_by_deadline(bench: &Bench) {
    let due = |number, ms: i64, space_id| ConflictEntry { deadline_at: Some(NOW.plus_ms(ms)), space_id, ..entry(number) };
    bench.write(move |tx| {
        let foreign = ConflictEntry { organisation_id: OTHER_ORGANISATION, ..due(2, 5, FOREIGN_SPACE) };
        let closed = ConflictEntry { open: false, ..due(4, 0, SPACE) };
        tx.put_conflict_entries(&[due(1, 10, SPACE), foreign, due(3, 5, SPACE), closed, entry(5), due(6, 11, SPACE)])
    });
    let list = |until: Timestamp, after: Option<DueConflict>, limit| {
        bench.read(move |tx| tx.list_due_conflicts(until, after.as_ref(), limit)).into_iter().map(|row| (row.conflict_id, row)).unzip()
    };
    let ids = |numbers: &[u128]| numbers.iter().map(|number| ConflictId(id(*number))).collect::<Vec<_>>();
    let (found, rows): (Vec<_>, Vec<DueConflict>) = list(NOW.plus_ms(10), None, 10);
    assert_eq!(found, ids(&[2, 3, 1]), "of all tenants, the earliest first");
    let [first, second, _] = rows[..] else { panic!("three are due: {rows:?}") };
    let foreign = DueConflict {
        deadline_at: NOW.plus_ms(5),
        conflict_id: ConflictId(id(2)),
        organisation_id: OTHER_ORGANISATION,
        space_id: FOREIGN_SPACE,
    };
    assert_eq!(first, foreign);
    let (rest, _): (Vec<_>, Vec<_>) = list(NOW.plus_ms(10), Some(first), 1);
    assert_eq!(rest, ids(&[3]), "two with one deadline stand by their id");
    let (rest, _): (Vec<_>, Vec<_>) = list(NOW.plus_ms(10), Some(second), 9);
    assert_eq!(rest, ids(&[1]));
    let (none, _): (Vec<_>, Vec<_>) = list(NOW.plus_ms(4), None, 9);
    assert_eq!(none, []);
}

fn many_links_at_once_and_none(bench: &Bench) {
    let links: Vec<_> = (1..=1_000).map(|number| link(number, &format!("g{number}"), true)).collect();
    let put = links.clone();
    bench.write(move |tx| {
        tx.put_conflicts(&put)?;
        tx.put_conflicts(&put)?;
        tx.put_conflicts(&[])
    });
    let keys: Vec<_> = links.iter().map(|link| link.key.clone()).collect();
    let conflict_ids: Vec<_> = links.iter().map(|link| link.conflict_id).collect();
    assert_eq!(sorted(bench.read(move |tx| tx.list_open_conflicts(SPACE, &keys))), links);
    assert_eq!(sorted(bench.read(move |tx| tx.load_conflicts(ORGANISATION, &conflict_ids))), links);
}
