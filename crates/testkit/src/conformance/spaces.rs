use serde_json::json;
use sync_core::json::RawJson;
use sync_core::ports::{Head, Member, Space, SpaceStatus};
use sync_core::{OrganisationId, Role, SpaceId, UserId};

use super::Case;
use super::bench::{
    ANA, BO, Bench, EPOCH, FOREIGN_SPACE, NOW, ORGANISATION, OTHER_ORGANISATION, SECOND_SPACE, SPACE, STRANGER, id, member, space, user,
};

pub(super) const CASES: &[Case] = &[
    ("a_new_space_has_an_empty_log", a_new_space_has_an_empty_log),
    ("a_space_without_optional_values_survives", a_space_without_optional_values_survives),
    ("update_overwrites_what_may_change", update_overwrites_what_may_change),
    ("settings_are_set_and_taken_away", settings_are_set_and_taken_away),
    ("load_access_shows_only_ones_own", load_access_shows_only_ones_own),
    ("load_access_shows_former_members_and_deleted_spaces", load_access_shows_former_members_and_deleted_spaces),
    ("load_access_takes_many_ids_and_none", load_access_takes_many_ids_and_none),
    ("lock_access_reads_as_load_access", lock_access_reads_as_load_access),
    ("list_access_pages_current_memberships", list_access_pages_current_memberships),
    ("the_head_moves", the_head_moves),
    ("members_are_overwritten_and_listed_by_user", members_are_overwritten_and_listed_by_user),
    ("current_members_are_those_who_may_read", current_members_are_those_who_may_read),
];

fn a_new_space_has_an_empty_log(bench: &Bench) {
    bench.write(|tx| tx.put_member(&member(SPACE, ANA, Role::Lead)));
    let access = bench.read(|tx| tx.load_access(ORGANISATION, ANA, &[SPACE]));
    assert_eq!(access.len(), 1);
    assert_eq!(access[0].space, space(SPACE));
    assert_eq!(access[0].head, Head::of_empty(EPOCH));
    assert_eq!(access[0].member, member(SPACE, ANA, Role::Lead));
    assert_eq!(bench.write(|tx| tx.lock_head(SPACE)), Some(Head::of_empty(EPOCH)));
    assert_eq!(bench.write(|tx| tx.lock_head(SpaceId(id(999)))), None);
}

fn a_space_without_optional_values_survives(bench: &Bench) {
    let bare = Space { event_date: None, time_zone: None, schema: None, settings: None, name: String::new(), ..space(SpaceId(id(34))) };
    let row = bare.clone();
    bench.write(move |tx| {
        tx.insert_space(&row, EPOCH)?;
        tx.put_member(&member(row.space_id, ANA, Role::Viewer))
    });
    assert_eq!(bench.read(|tx| tx.load_access(ORGANISATION, ANA, &[SpaceId(id(34))]))[0].space, bare);
}

fn update_overwrites_what_may_change(bench: &Bench) {
    let update = Space {
        name: "Ñ'; DROP TABLE spaces; -- 💍".into(),
        event_date: None,
        time_zone: Some("UTC".into()),
        status: SpaceStatus::Archived,
        schema: None,
        settings: Some(RawJson::of(&json!({"merge_mode": "assisted"}))),
        created_at: NOW.plus_ms(1),
        ..space(SPACE)
    };
    let row = update.clone();
    bench.write(move |tx| {
        tx.put_member(&member(SPACE, ANA, Role::Lead))?;
        tx.put_member(&member(SECOND_SPACE, ANA, Role::Lead))?;
        tx.put_head(SPACE, 7)?;
        tx.update_space(&row)
    });
    let access = bench.read(|tx| tx.load_access(ORGANISATION, ANA, &[SPACE, SECOND_SPACE]));
    assert_eq!(access[0].space, Space { created_at: NOW, ..update }, "the day of creation stays");
    assert_eq!(access[0].head, Head { version: 7, ..Head::of_empty(EPOCH) }, "the log is not touched");
    assert_eq!(access[1].space, space(SECOND_SPACE), "other spaces are not touched");
}

fn settings_are_set_and_taken_away(bench: &Bench) {
    bench.write(|tx| tx.put_member(&member(SPACE, ANA, Role::Lead)));
    for settings in [None, Some(json!({})), Some(json!({"venue_user": "\u{0}'💍", "seats": 0.5, "open": true})), None] {
        let row = Space { settings: settings.as_ref().map(RawJson::of), ..space(SPACE) };
        let expected = row.clone();
        bench.write(move |tx| tx.update_space(&row));
        let read = bench.read(|tx| tx.load_access(ORGANISATION, ANA, &[SPACE])).remove(0).space;
        assert_eq!(read, expected);
        assert_eq!(json!(read.settings()), settings.unwrap_or_else(|| json!({})));
    }
}

fn load_access_shows_only_ones_own(bench: &Bench) {
    bench.write(|tx| {
        tx.put_member(&member(SPACE, ANA, Role::Vendor))?;
        tx.put_member(&member(SPACE, BO, Role::Lead))?;
        tx.put_member(&member(SECOND_SPACE, BO, Role::Lead))?;
        tx.put_member(&member(FOREIGN_SPACE, STRANGER, Role::Lead))?;
        // a row that should never be there: access is refused by the organisation all the same
        tx.put_member(&member(FOREIGN_SPACE, ANA, Role::Lead))
    });
    let seen = |organisation_id: OrganisationId, user_id: UserId| {
        let access = bench.read(move |tx| tx.load_access(organisation_id, user_id, &[FOREIGN_SPACE, SECOND_SPACE, SPACE, SPACE]));
        access.into_iter().map(|access| (access.space.space_id, access.member.role)).collect::<Vec<_>>()
    };
    assert_eq!(seen(ORGANISATION, ANA), [(SPACE, Role::Vendor)]);
    assert_eq!(seen(ORGANISATION, BO), [(SPACE, Role::Lead), (SECOND_SPACE, Role::Lead)], "by space id, each once");
    assert_eq!(seen(OTHER_ORGANISATION, STRANGER), [(FOREIGN_SPACE, Role::Lead)]);
    assert_eq!(seen(OTHER_ORGANISATION, BO), []);
    assert_eq!(seen(ORGANISATION, STRANGER), []);
}

fn load_access_shows_former_members_and_deleted_spaces(bench: &Bench) {
    let mut former = member(SPACE, ANA, Role::Photographer);
    former.removed_at = Some(NOW);
    former.purge_id = Some(id(77));
    let row = former.clone();
    bench.write(move |tx| {
        tx.put_member(&row)?;
        tx.put_member(&member(SECOND_SPACE, ANA, Role::Lead))?;
        tx.update_space(&Space { status: SpaceStatus::Deleted, ..space(SECOND_SPACE) })
    });
    let access = bench.read(|tx| tx.load_access(ORGANISATION, ANA, &[SPACE, SECOND_SPACE]));
    assert_eq!(access.len(), 2);
    assert_eq!(access[0].member, former);
    assert_eq!(access[1].space.status, SpaceStatus::Deleted);
}

fn load_access_takes_many_ids_and_none(bench: &Bench) {
    let ids: Vec<_> = (1_000..2_000).map(|number| SpaceId(id(number))).collect();
    let rows = ids.clone();
    bench.write(move |tx| {
        for space_id in &rows {
            tx.insert_space(&space(*space_id), EPOCH)?;
            tx.put_member(&member(*space_id, ANA, Role::Lead))?;
        }
        Ok(())
    });
    let wanted = ids.clone();
    let access = bench.read(move |tx| tx.load_access(ORGANISATION, ANA, &wanted));
    assert!(access.iter().map(|access| access.space.space_id).eq(ids));
    assert_eq!(bench.read(|tx| tx.load_access(ORGANISATION, ANA, &[])), []);
}

fn lock_access_reads_as_load_access(bench: &Bench) {
    let removed = Member { removed_at: Some(NOW), ..member(SPACE, BO, Role::Vendor) };
    let former = removed.clone();
    bench.write(move |tx| {
        tx.put_member(&member(SPACE, ANA, Role::Lead))?;
        tx.put_member(&former)?;
        tx.put_head(SPACE, 3)
    });
    let lock = |organisation_id, user_id, space_id| bench.write(move |tx| tx.lock_access(organisation_id, user_id, space_id));
    let own = lock(ORGANISATION, ANA, SPACE).expect("a member");
    assert_eq!((own.head.version, own.member), (3, member(SPACE, ANA, Role::Lead)));
    assert_eq!(lock(ORGANISATION, BO, SPACE).map(|access| access.member), Some(removed));
    assert_eq!(lock(OTHER_ORGANISATION, ANA, SPACE), None);
    assert_eq!(lock(ORGANISATION, ANA, SECOND_SPACE), None);
    assert_eq!(lock(ORGANISATION, ANA, SpaceId(id(999))), None);
}

fn list_access_pages_current_memberships(bench: &Bench) {
    let space_at = |number: u128| SpaceId(id(50 + number));
    bench.write(move |tx| {
        for number in [4, 2, 0, 3, 1] {
            tx.insert_space(&space(space_at(number)), EPOCH)?;
            tx.put_member(&member(space_at(number), ANA, Role::Couple))?;
        }
        tx.put_member(&member(FOREIGN_SPACE, ANA, Role::Lead))?;
        tx.put_member(&member(SPACE, BO, Role::Lead))?;
        let mut former = member(space_at(1), ANA, Role::Couple);
        former.removed_at = Some(NOW);
        tx.put_member(&former)?;
        tx.update_space(&Space { status: SpaceStatus::Deleted, ..space(space_at(2)) })?;
        tx.update_space(&Space { status: SpaceStatus::Archived, ..space(space_at(3)) })
    });
    let list = |after: Option<SpaceId>, limit: i64| {
        let access = bench.read(move |tx| tx.list_access(ORGANISATION, ANA, after, limit));
        access.into_iter().map(|access| access.space.space_id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, 10), [space_at(0), space_at(3), space_at(4)], "archived ones too; not removed, deleted or foreign");
    assert_eq!(list(None, 2), [space_at(0), space_at(3)], "the limit counts what is listed");
    assert_eq!(list(Some(space_at(3)), 2), [space_at(4)]);
    assert_eq!(list(Some(space_at(4)), 2), []);
    assert_eq!(list(None, 0), []);
}

fn the_head_moves(bench: &Bench) {
    const LARGE: i64 = 9_007_199_254_740_991;
    bench.write(|tx| {
        tx.lock_head(SPACE)?;
        tx.put_head(SPACE, LARGE)
    });
    assert_eq!(bench.write(|tx| tx.lock_head(SPACE)), Some(Head { version: LARGE, ..Head::of_empty(EPOCH) }));
    assert_eq!(bench.write(|tx| tx.lock_head(SECOND_SPACE)), Some(Head::of_empty(EPOCH)));
}

fn members_are_overwritten_and_listed_by_user(bench: &Bench) {
    let mut former = member(SPACE, ANA, Role::Viewer);
    former.removed_at = Some(NOW);
    former.purge_id = Some(id(78));
    let row = former.clone();
    bench.write(move |tx| {
        let third = UserId(id(10));
        tx.insert_user(&user(third, "third@example.org"))?;
        tx.put_member(&member(SPACE, BO, Role::Lead))?;
        tx.put_member(&member(SPACE, ANA, Role::Lead))?;
        tx.put_member(&member(SPACE, third, Role::Vendor))?;
        tx.put_member(&member(SECOND_SPACE, BO, Role::Viewer))?;
        tx.put_member(&row)
    });
    let listed = bench.read(|tx| tx.list_members(SPACE));
    assert_eq!(listed, [member(SPACE, UserId(id(10)), Role::Vendor), former, member(SPACE, BO, Role::Lead)]);
    bench.write(|tx| tx.put_member(&member(SPACE, ANA, Role::Coordinator)));
    assert_eq!(bench.read(|tx| tx.list_members(SPACE))[1], member(SPACE, ANA, Role::Coordinator), "back, nothing left over");
    assert_eq!(bench.read(|tx| tx.list_members(FOREIGN_SPACE)), []);
}

fn current_members_are_those_who_may_read(bench: &Bench) {
    bench.write(|tx| {
        tx.put_member(&member(SPACE, ANA, Role::Lead))?;
        tx.put_member(&Member { removed_at: Some(NOW), ..member(SPACE, BO, Role::Viewer) })?;
        tx.put_member(&member(SECOND_SPACE, BO, Role::Vendor))
    });
    let listed = |spaces: &'static [SpaceId]| {
        let mut members = bench.read(|tx| tx.list_current_members(spaces));
        members.sort_by_key(|member| (member.space_id, member.user_id));
        members
    };
    assert_eq!(listed(&[SPACE]), [member(SPACE, ANA, Role::Lead)]);
    assert_eq!(listed(&[SPACE, SECOND_SPACE]).len(), 2);
    assert_eq!(listed(&[]), []);
    bench.write(|tx| tx.update_space(&Space { status: SpaceStatus::Deleted, ..space(SECOND_SPACE) }));
    assert_eq!(listed(&[SPACE, SECOND_SPACE]), [member(SPACE, ANA, Role::Lead)]);
    bench.write(|tx| tx.update_space(&Space { status: SpaceStatus::Archived, ..space(SPACE) }));
    assert_eq!(listed(&[SPACE]).len(), 1);
}
