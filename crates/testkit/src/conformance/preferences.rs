use sync_core::UserId;
use sync_core::ports::{PreferenceKey, PreferenceRow, PreferenceRule};

use super::Case;
use super::bench::{ANA, BO, Bench, NOW, ORGANISATION, OTHER_ORGANISATION, id};

pub(super) const CASES: &[Case] = &[
    ("decisions_add_up", decisions_add_up),
    ("rows_are_loaded_by_key_and_listed_by_scope", rows_are_loaded_by_key_and_listed_by_scope),
    ("a_rule_is_switched_on_and_off", a_rule_is_switched_on_and_off),
    ("what_is_forgotten_takes_its_rules_along", what_is_forgotten_takes_its_rules_along),
    ("many_preferences_at_once_and_none", many_preferences_at_once_and_none),
];

fn key(scope: &str, context: &str) -> PreferenceKey {
    PreferenceKey { scope: scope.into(), context: context.into() }
}

fn row(key: PreferenceKey, [ours, theirs, base, value]: [i64; 4]) -> PreferenceRow {
    PreferenceRow { key, ours, theirs, base, value, last_at: NOW }
}

fn rule(user_id: UserId, key: PreferenceKey, choose: &str) -> PreferenceRule {
    PreferenceRule { user_id, key, choose: choose.into(), since: NOW }
}

fn sorted(mut rows: Vec<PreferenceRow>) -> Vec<PreferenceRow> {
    rows.sort_by(|one, other| one.key.cmp(&other.key));
    rows
}

fn decisions_add_up(bench: &Bench) {
    let at = || key("organisation", "guests/seat");
    bench.write(move |tx| tx.add_preferences(ORGANISATION, &[row(at(), [1, 0, 0, 0])]));
    let later = PreferenceRow { last_at: NOW.plus_ms(5), ..row(at(), [2, 1, 3, 4]) };
    bench.write(move |tx| tx.add_preferences(ORGANISATION, std::slice::from_ref(&later)));
    bench.write(move |tx| tx.add_preferences(OTHER_ORGANISATION, &[row(at(), [9, 9, 9, 9])]));
    let sum = PreferenceRow { last_at: NOW.plus_ms(5), ..row(at(), [3, 1, 3, 4]) };
    assert_eq!(bench.read(move |tx| tx.load_preferences(ORGANISATION, &[at()])), [sum]);
    bench.write(move |tx| tx.add_preferences(ORGANISATION, &[row(at(), [-1, 0, -3, 0])]));
    assert_eq!(bench.read(move |tx| tx.load_preferences(ORGANISATION, &[at()])), [row(at(), [2, 1, 0, 4])], "taken back");
}

fn rows_are_loaded_by_key_and_listed_by_scope(bench: &Bench) {
    let all = [("organisation", "a"), ("organisation", "a/b"), ("organisation", "b"), ("role:lead", "a"), ("user:x", "a/b")];
    bench.write(move |tx| {
        let rows = all.map(|(scope, context)| row(key(scope, context), [1, 0, 0, 0]));
        tx.add_preferences(ORGANISATION, &rows)
    });
    let load = |keys: Vec<PreferenceKey>| {
        let found = sorted(bench.read(move |tx| tx.load_preferences(ORGANISATION, &keys)));
        found.into_iter().map(|row| (row.key.scope, row.key.context)).collect::<Vec<_>>()
    };
    let pair = |scope: &str, context: &str| (scope.to_owned(), context.to_owned());
    // crosswise there would be four
    assert_eq!(
        load(vec![key("role:lead", "a"), key("organisation", "a/b"), key("user:x", "none")]),
        [pair("organisation", "a/b"), pair("role:lead", "a")]
    );
    assert_eq!(load(Vec::new()), []);
    let list = |scope: &'static str, after: Option<&'static str>, limit| {
        let rows = bench.read(move |tx| tx.list_preferences(ORGANISATION, scope, after, limit));
        rows.into_iter().map(|row| row.key.context).collect::<Vec<_>>()
    };
    assert_eq!(list("organisation", None, 2), ["a", "a/b"]);
    assert_eq!(list("organisation", Some("a/b"), 2), ["b"]);
    assert_eq!(list("role:lead", None, 9), ["a"]);
    assert_eq!(list("role:leads", None, 9), [""; 0]);
}

fn a_rule_is_switched_on_and_off(bench: &Bench) {
    let (seat, table) = (|| key("organisation", "guests/seat"), || key("user:x", "guests/table_id"));
    bench.write(move |tx| {
        tx.put_rules(ORGANISATION, &[rule(BO, seat(), "ours"), rule(ANA, table(), "theirs"), rule(ANA, seat(), "base")])?;
        tx.put_rules(OTHER_ORGANISATION, &[rule(ANA, seat(), "ours")])?;
        tx.put_rules(ORGANISATION, &[])
    });
    let list = |users: Vec<UserId>| bench.read(move |tx| tx.list_rules(ORGANISATION, &users));
    assert_eq!(list(vec![BO, ANA]), [rule(ANA, seat(), "base"), rule(ANA, table(), "theirs"), rule(BO, seat(), "ours")]);
    assert_eq!(list(Vec::new()), []);
    bench.write(move |tx| tx.put_rules(ORGANISATION, &[rule(ANA, seat(), "ours")]));
    bench.write(move |tx| tx.drop_rule(ORGANISATION, ANA, &table()));
    assert_eq!(list(vec![ANA]), [rule(ANA, seat(), "ours")], "the last word counts");
    bench.write(move |tx| tx.drop_rule(ORGANISATION, UserId(id(99)), &seat()));
    assert_eq!(list(vec![ANA, BO]).len(), 2, "others' rules are their own");
}

fn what_is_forgotten_takes_its_rules_along(bench: &Bench) {
    let (seat, table) = (|| key("organisation", "guests/seat"), || key("organisation", "guests/table_id"));
    bench.write(move |tx| {
        tx.add_preferences(ORGANISATION, &[row(seat(), [1, 0, 0, 0]), row(table(), [1, 0, 0, 0])])?;
        tx.add_preferences(OTHER_ORGANISATION, &[row(seat(), [1, 0, 0, 0])])?;
        tx.put_rules(ORGANISATION, &[rule(ANA, seat(), "ours"), rule(BO, seat(), "ours"), rule(ANA, table(), "ours")])?;
        tx.drop_preferences(ORGANISATION, &[seat(), key("organisation", "none")])
    });
    let left = |organisation| bench.read(move |tx| tx.load_preferences(organisation, &[seat(), table()]));
    assert_eq!(left(ORGANISATION), [row(table(), [1, 0, 0, 0])]);
    assert_eq!(left(OTHER_ORGANISATION).len(), 1);
    assert_eq!(bench.read(|tx| tx.list_rules(ORGANISATION, &[ANA, BO])), [rule(ANA, table(), "ours")]);
}

fn many_preferences_at_once_and_none(bench: &Bench) {
    let rows: Vec<_> = (100..600).map(|number| row(key("organisation", &format!("c{number}")), [1, 2, 3, 4])).collect();
    let put = rows.clone();
    bench.write(move |tx| {
        tx.add_preferences(ORGANISATION, &put)?;
        tx.add_preferences(ORGANISATION, &[])
    });
    let keys: Vec<_> = rows.iter().map(|row| row.key.clone()).collect();
    assert_eq!(sorted(bench.read(move |tx| tx.load_preferences(ORGANISATION, &keys))), rows);
}
