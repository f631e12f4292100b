use std::ops::ControlFlow;

use sync_core::json::RawJson;
use sync_core::ports::{ChangeRow, CollectionSum, DocumentPage, DocumentRow, History, LivePage, Presence};
use sync_core::{Audience, DocumentKey, Object, Role, SpaceId, Timestamp};

use super::Case;
use super::bench::{Bench, SECOND_SPACE, SPACE, author, change, document, key, raw};

pub(super) const CASES: &[Case] = &[
    ("every_column_survives", every_column_survives),
    ("a_thousand_at_once_and_none", a_thousand_at_once_and_none),
    ("put_overwrites", put_overwrites),
    ("keys_are_compared_as_bytes", keys_are_compared_as_bytes),
    ("spaces_are_apart", spaces_are_apart),
    ("pages_go_by_version", pages_go_by_version),
    ("pages_hold_what_a_role_ever_saw", pages_hold_what_a_role_ever_saw),
    ("pages_leave_out_what_is_no_news", pages_leave_out_what_is_no_news),
    ("counting_stops_at_the_limit", counting_stops_at_the_limit),
    ("live_documents_are_visited_by_key", live_documents_are_visited_by_key),
    ("changes_come_newest_first", changes_come_newest_first),
    ("a_thousand_changes_and_none", a_thousand_changes_and_none),
    ("sums_are_kept_by_collection_and_audience", sums_are_kept_by_collection_and_audience),
];

fn page(above: i64, limit: i64) -> DocumentPage {
    DocumentPage { space_id: SPACE, above, seen_by: Audience::EVERYONE, deleted_above: 0, left_above: 0, limit }
}

fn load(bench: &Bench, space_id: SpaceId, keys: &[DocumentKey]) -> Vec<DocumentRow> {
    let keys = keys.to_vec();
    let mut rows = bench.read(move |tx| tx.load_documents(space_id, &keys));
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    rows
}

fn versions(bench: &Bench, page: DocumentPage) -> Vec<i64> {
    bench.read(move |tx| tx.list_documents(page)).iter().map(|row| row.version).collect()
}

fn every_column_survives(bench: &Bench) {
    let mut body = Object::new();
    body.insert("text".into(), "x".repeat(262_000).into());
    body.insert("\u{0}“'\\💍".into(), f64::MAX.into());
    let row = DocumentRow {
        presence: Presence { created: 2, live_since: 3, deleted: true },
        body: RawJson::from_object(&body),
        fields: vec![0, 255, b'{', 10],
        by: author(u128::from(u64::MAX)),
        at: Timestamp::from_millis(i64::MIN),
        foreign_version: 4,
        audience: Audience::of([Role::Viewer]),
        audience_ever: Audience::of([Role::Viewer, Role::Lead]),
        audience_version: 5,
        open_conflicts: 6,
        ..document(key("guests", "a"), 9_007_199_254_740_991)
    };
    let later = DocumentRow { at: Timestamp::from_millis(i64::MAX), audience: Audience::of([]), ..document(key("guests", "b"), 7) };
    let rows = [row, later];
    let put = rows.clone();
    bench.write(move |tx| tx.put_documents(SPACE, &put));
    assert_eq!(load(bench, SPACE, &[key("guests", "a"), key("guests", "b")]), rows);
}

fn a_thousand_at_once_and_none(bench: &Bench) {
    let rows: Vec<_> = (0..1_000).map(|n| document(key("guests", &format!("g{n:04}")), n + 1)).collect();
    let put = rows.clone();
    bench.write(move |tx| tx.put_documents(SPACE, &put));
    let mut keys: Vec<_> = rows.iter().map(|row| row.key.clone()).collect();
    keys.reverse();
    keys.push(key("guests", "unknown"));
    assert_eq!(load(bench, SPACE, &keys), rows, "unknown keys are left out");
    assert_eq!(bench.read(|tx| tx.list_documents(page(0, 5_000))), rows);
    bench.write(|tx| tx.put_documents(SPACE, &[]));
    assert_eq!(load(bench, SPACE, &[]), []);
}

fn put_overwrites(bench: &Bench) {
    let old: Vec<_> = (0..1_000).map(|n| document(key("guests", &format!("g{n:04}")), n + 1)).collect();
    let new: Vec<_> = old
        .iter()
        .map(|row| DocumentRow { body: raw(r#"{"n":2}"#), open_conflicts: 1, ..document(row.key.clone(), row.version + 1_000) })
        .collect();
    let (first, second) = (old.clone(), new.clone());
    bench.write(move |tx| tx.put_documents(SPACE, &first));
    bench.write(move |tx| tx.put_documents(SPACE, &second));
    let keys: Vec<_> = old.into_iter().map(|row| row.key).collect();
    assert_eq!(load(bench, SPACE, &keys), new);
    assert_eq!(versions(bench, page(0, 1)), [1_001], "the old versions are gone");
}

fn keys_are_compared_as_bytes(bench: &Bench) {
    let keys = [
        key("guest", "z"),
        key("guest_notes", "b"),
        key("guests", "!"),
        key("guests", "%"),
        key("guests", "'"),
        key("guests", "A"),
        key("guests", "A/b"),
        key("guests", "\\"),
        key("guests", "_"),
        key("guests", "a"),
        key("guests", "~"),
    ];
    let rows: Vec<_> = keys.iter().zip(1..).map(|(key, version)| document(key.clone(), version)).collect();
    let put = rows.clone();
    bench.write(move |tx| tx.put_documents(SPACE, &put));
    let mut sorted = keys.to_vec();
    sorted.sort();
    for (key, row) in keys.iter().zip(&rows) {
        assert_eq!(load(bench, SPACE, std::slice::from_ref(key)), std::slice::from_ref(row), "{key:?} is nobody else's");
    }
    assert!(load(bench, SPACE, &keys).iter().map(|row| row.key.clone()).eq(sorted));
}

fn spaces_are_apart(bench: &Bench) {
    bench.write(|tx| {
        tx.put_documents(SPACE, &[document(key("guests", "a"), 1)])?;
        tx.put_documents(SECOND_SPACE, &[document(key("guests", "a"), 2)])?;
        tx.insert_changes(SPACE, &[change(key("guests", "a"), 1)])?;
        tx.insert_changes(SECOND_SPACE, &[change(key("guests", "a"), 1)])
    });
    assert_eq!(load(bench, SPACE, &[key("guests", "a")])[0].version, 1);
    assert_eq!(load(bench, SECOND_SPACE, &[key("guests", "a")])[0].version, 2);
    assert_eq!(versions(bench, page(0, 10)), [1]);
    assert_eq!(bench.read(|tx| tx.list_changes(SPACE, &[History { from: 1, above: 0 }])).len(), 1);
}

fn pages_go_by_version(bench: &Bench) {
    bench.write(|tx| {
        let rows = [(5, "e"), (1, "z"), (4, "a"), (2, "q")].map(|(version, id)| document(key("guests", id), version));
        tx.put_documents(SPACE, &rows)?;
        let tombstone = DocumentRow { presence: Presence { created: 1, live_since: 1, deleted: true }, ..document(key("tasks", "t"), 3) };
        tx.put_documents(SPACE, &[tombstone])
    });
    assert_eq!(versions(bench, page(0, 10)), [1, 2, 3, 4, 5], "tombstones too");
    assert_eq!(versions(bench, page(0, 2)), [1, 2]);
    assert_eq!(versions(bench, page(2, 2)), [3, 4]);
    assert_eq!(versions(bench, page(4, 2)), [5]);
    assert_eq!(versions(bench, page(5, 2)), Vec::<i64>::new());
    assert_eq!(versions(bench, page(0, 0)), Vec::<i64>::new());
}

fn pages_hold_what_a_role_ever_saw(bench: &Bench) {
    bench.write(|tx| {
        let with = |id: &str, version, now: &[Role], ever: &[Role]| DocumentRow {
            audience: Audience::of(now.iter().copied()),
            audience_ever: Audience::of(ever.iter().copied()),
            ..document(key("guests", id), version)
        };
        let rows = [
            with("a", 1, &[Role::Lead], &[Role::Lead]),
            with("b", 2, &[Role::Lead], &[Role::Lead, Role::Vendor]),
            with("c", 3, &[Role::Vendor, Role::Viewer], &[Role::Vendor, Role::Viewer]),
            with("d", 4, &[], &[]),
        ];
        tx.put_documents(SPACE, &rows)
    });
    let seen = |roles: &[Role]| versions(bench, DocumentPage { seen_by: Audience::of(roles.iter().copied()), ..page(0, 10) });
    assert_eq!(seen(&[Role::Lead]), [1, 2]);
    assert_eq!(seen(&[Role::Vendor]), [2, 3], "what it could see once, too");
    assert_eq!(seen(&[Role::Couple, Role::Viewer]), [3]);
    assert_eq!(seen(&[Role::Couple]), Vec::<i64>::new());
    assert_eq!(seen(&Role::ALL), [1, 2, 3]);
    let limited = DocumentPage { seen_by: Audience::of([Role::Vendor]), ..page(0, 1) };
    assert_eq!(versions(bench, limited), [2], "the limit counts what is seen");
    assert_eq!(bench.read(move |tx| tx.count_documents(DocumentPage { limit: 10, ..limited })), 2);
}

fn pages_leave_out_what_is_no_news(bench: &Bench) {
    bench.write(|tx| {
        let row = |id: &str, version, now: &[Role], audience_version, deleted| {
            let mut row = document(key("guests", id), version);
            row.audience = Audience::of(now.iter().copied());
            row.audience_ever = Audience::EVERYONE;
            row.audience_version = audience_version;
            row.presence.deleted = deleted;
            row
        };
        let rows = [
            row("live", 1, &[Role::Lead], 1, false),
            row("deleted", 2, &[Role::Lead], 1, true),
            row("left", 5, &[Role::Vendor], 3, false),
            row("deleted-late", 6, &[Role::Lead], 1, true),
        ];
        tx.put_documents(SPACE, &rows)
    });
    let told = |deleted_above, left_above| {
        let page = DocumentPage { seen_by: Audience::of([Role::Lead]), deleted_above, left_above, ..page(0, 10) };
        assert_eq!(bench.read(move |tx| tx.count_documents(page)), i64::try_from(versions(bench, page).len()).unwrap());
        versions(bench, page)
    };
    assert_eq!(told(0, 0), [1, 2, 5, 6]);
    assert_eq!(told(2, 0), [1, 5, 6], "an old deletion is no news");
    assert_eq!(told(0, 3), [1, 2, 6], "what left before is no news");
    assert_eq!(told(5, 0), [1, 6], "nor what left, when nothing of it changed since");
}

fn counting_stops_at_the_limit(bench: &Bench) {
    bench.write(|tx| {
        let rows: Vec<_> = (1..=50).map(|n| document(key("guests", &format!("g{n}")), n)).collect();
        tx.put_documents(SPACE, &rows)
    });
    let count = |above, limit| bench.read(move |tx| tx.count_documents(page(above, limit)));
    assert_eq!(count(0, 100), 50);
    assert_eq!(count(0, 50), 50);
    assert_eq!(count(0, 7), 7);
    assert_eq!(count(45, 7), 5);
    assert_eq!(count(50, 7), 0);
    assert_eq!(count(0, 0), 0);
}

/// What a visit brings: keys, versions and bodies.
fn visited(bench: &Bench, (after, before): (&'static str, &'static str), seen_by: Audience, limit: i64) -> Vec<(String, i64, String)> {
    let visit = |bodies| {
        bench.read(move |tx| {
            let mut found = Vec::new();
            let page = LivePage { space_id: SPACE, after, before, seen_by, bodies, limit };
            tx.visit_live(page, &mut |live| {
                found.push((live.key.to_owned(), live.version, live.body.to_owned()));
                ControlFlow::Continue(())
            })?;
            Ok(found)
        })
    };
    let whole = visit(true);
    let narrow: Vec<_> = whole.iter().map(|(key, version, _)| (key.clone(), *version, String::new())).collect();
    assert_eq!(visit(false), narrow, "the same without bodies");
    whole
}

fn live_documents_are_visited_by_key(bench: &Bench) {
    let named = |collection: &str, id: &str, version| document(key(collection, id), version);
    let rows = [
        DocumentRow { body: raw(r#"{"text":"\"💍\""}"#), ..named("guests", "B", 4) },
        named("guests", "a", 3),
        named("guest", "z", 1),
        named("guest_notes", "c", 2),
        DocumentRow { audience: Audience::of([Role::Lead]), audience_ever: Audience::EVERYONE, ..named("guests", "b", 5) },
        DocumentRow { presence: Presence { created: 1, live_since: 1, deleted: true }, ..named("guests", "c", 6) },
        named("tables", "t", 7),
    ];
    bench.write(move |tx| {
        tx.put_documents(SPACE, &rows)?;
        tx.put_documents(SECOND_SPACE, &[document(key("guests", "x"), 1)])
    });
    let keys = |range, seen_by, limit| visited(bench, range, seen_by, limit).into_iter().map(|row| row.0).collect::<Vec<_>>();
    let (lead, vendor) = (Audience::of([Role::Lead]), Audience::of([Role::Vendor]));
    let all = visited(bench, ("guests/", "guests0"), lead, 10);
    assert_eq!(all[0], ("guests/B".into(), 4, r#"{"text":"\"💍\""}"#.into()));
    assert_eq!(keys(("guests/", "guests0"), lead, 10), ["guests/B", "guests/a", "guests/b"], "one collection, live");
    assert_eq!(keys(("guests/", "guests0"), vendor, 10), ["guests/B", "guests/a"], "in the view");
    assert_eq!(keys(("guests/a", "guests0"), lead, 10), ["guests/b"], "above, not from");
    assert_eq!(keys(("guests/", "guests/b"), lead, 2), ["guests/B", "guests/a"], "below the end, within the limit");
    assert_eq!(keys(("", "~"), lead, 3), ["guest/z", "guest_notes/c", "guests/B"], "as bytes");
    assert_eq!(keys(("guests0", "guests/"), lead, 10), [""; 0], "nothing is between the end and the beginning");
    assert_eq!(keys(("", "~"), lead, 0), [""; 0]);
    let seen = bench.read(move |tx| {
        let mut seen = Vec::new();
        let page = LivePage { space_id: SPACE, after: "", before: "~", seen_by: lead, bodies: true, limit: 10 };
        tx.visit_live(page, &mut |live| {
            seen.push(live.version);
            if seen.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        tx.load_sums(SPACE)?;
        Ok(seen)
    });
    assert_eq!(seen, [1, 2], "whoever breaks off sees no more, and the transaction goes on");
}

fn changes_come_newest_first(bench: &Bench) {
    let (a, b) = (key("guests", "a"), key("guests", "b"));
    let of = |key: &DocumentKey, version, previous| ChangeRow { previous, ..change(key.clone(), version) };
    let mut rows = vec![of(&a, 1, 0), of(&b, 2, 0), of(&a, 3, 1), of(&key("guests", "c"), 4, 0), of(&a, 5, 3)];
    rows[2].was_live = false;
    rows[2].before = raw(r#"{"title":null,"tags":[1,null]}"#);
    rows[2].at = Timestamp::from_millis(-1);
    let put = rows.clone();
    bench.write(move |tx| tx.insert_changes(SPACE, &put));
    let list = |histories: &[(i64, i64)]| {
        let histories: Vec<_> = histories.iter().map(|(from, above)| History { from: *from, above: *above }).collect();
        let listed = bench.read(move |tx| tx.list_changes(SPACE, &histories));
        let of = |key: &DocumentKey| listed.iter().filter(|row| row.key == *key).cloned().collect::<Vec<_>>();
        (of(&a), of(&b), listed.len())
    };
    let newest_first = vec![rows[4].clone(), rows[2].clone(), rows[0].clone()];
    assert_eq!(list(&[(2, 0), (5, 0)]), (newest_first, vec![rows[1].clone()], 4));
    assert_eq!(list(&[(5, 2), (2, 1)]), (vec![rows[4].clone(), rows[2].clone()], vec![rows[1].clone()], 3), "each back to its own");
    assert_eq!(list(&[(3, 0)]), (vec![rows[2].clone(), rows[0].clone()], vec![], 2), "not only from the last one");
    assert_eq!(list(&[(5, 5)]), (vec![], vec![], 0));
    assert_eq!(list(&[(6, 0)]), (vec![], vec![], 0), "nothing happened there");
    assert_eq!(list(&[]), (vec![], vec![], 0));
}

fn a_thousand_changes_and_none(bench: &Bench) {
    let rows: Vec<_> = (0..1_000).map(|n| change(key("guests", &format!("g{n:04}")), n + 1)).collect();
    let put = rows.clone();
    bench.write(move |tx| {
        tx.insert_changes(SPACE, &put)?;
        tx.insert_changes(SPACE, &[])
    });
    let histories: Vec<_> = rows.iter().map(|row| History { from: row.version, above: 0 }).collect();
    let mut listed = bench.read(move |tx| tx.list_changes(SPACE, &histories));
    listed.sort_by_key(|row| row.version);
    assert_eq!(listed, rows);
}

fn sums_are_kept_by_collection_and_audience(bench: &Bench) {
    let sum = |collection: &str, audience, documents, sum| CollectionSum { collection: collection.into(), audience, documents, sum };
    let lead = Audience::of([Role::Lead]);
    let mut sums = vec![
        sum("guest_notes", Audience::EVERYONE, 1, u64::MAX),
        sum("guests", lead, 2, 1 << 63),
        sum("guests", Audience::EVERYONE, 3, (1 << 63) - 1),
    ];
    let put = sums.clone();
    bench.write(move |tx| {
        tx.put_sums(SPACE, &put)?;
        tx.put_sums(SPACE, &[])?;
        tx.put_sums(SECOND_SPACE, &put[..1])
    });
    let listed = || {
        let mut sums = bench.read(|tx| tx.load_sums(SPACE));
        sums.sort();
        sums
    };
    sums.sort();
    assert_eq!(listed(), sums);
    bench.write(move |tx| tx.put_sums(SPACE, &[sum("guests", lead, 0, 0)]));
    let emptied = listed().into_iter().find(|sum| sum.collection == "guests" && sum.audience == lead);
    assert_eq!(emptied, Some(sum("guests", lead, 0, 0)));
    assert_eq!(listed().len(), 3);
}
