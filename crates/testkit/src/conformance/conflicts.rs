use sync_core::ports::{ConflictLink, ConflictPage};
use sync_core::{ConflictId, SpaceId};

use super::Case;
use super::bench::{Bench, FOREIGN_SPACE, ORGANISATION, OTHER_ORGANISATION, SECOND_SPACE, SPACE, id, key};

pub(super) const CASES: &[Case] = &[
    ("open_links_are_found_by_document", open_links_are_found_by_document),
    ("links_are_loaded_by_conflict_and_organisation", links_are_loaded_by_conflict_and_organisation),
    ("a_link_is_closed_in_place", a_link_is_closed_in_place),
    ("conflicts_are_listed_once_and_by_id", conflicts_are_listed_once_and_by_id),
    ("many_links_at_once_and_none", many_links_at_once_and_none),
];

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

fn conflicts_are_listed_once_and_by_id(bench: &Bench) {
    bench.write(|tx| {
        let second = ConflictLink { space_id: SECOND_SPACE, ..link(2, "a", true) };
        let foreign = ConflictLink { organisation_id: OTHER_ORGANISATION, space_id: FOREIGN_SPACE, ..link(4, "a", true) };
        tx.put_conflicts(&[link(5, "a", true), link(3, "b", true), link(3, "a", true), second, foreign, link(1, "a", false)])
    });
    let list = |space_ids: &[SpaceId], open, after: Option<u128>, limit| {
        let page = ConflictPage { space_ids: space_ids.to_vec(), open, after: after.map(|number| ConflictId(id(number))), limit };
        bench.read(move |tx| tx.list_conflicts(&page))
    };
    let at = |space_id, number| (space_id, ConflictId(id(number)));
    assert_eq!(list(&[SPACE], None, None, 10), [at(SPACE, 1), at(SPACE, 3), at(SPACE, 5)], "a group's conflict once");
    assert_eq!(list(&[SPACE], Some(true), None, 10), [at(SPACE, 3), at(SPACE, 5)]);
    assert_eq!(list(&[SPACE], Some(false), None, 10), [at(SPACE, 1)]);
    assert_eq!(list(&[SPACE, SECOND_SPACE], Some(true), None, 2), [at(SECOND_SPACE, 2), at(SPACE, 3)], "the limit counts conflicts");
    assert_eq!(list(&[SPACE, SECOND_SPACE], Some(true), Some(3), 2), [at(SPACE, 5)]);
    assert_eq!(list(&[SPACE], None, Some(5), 2), []);
    assert_eq!(list(&[], None, None, 2), []);
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
