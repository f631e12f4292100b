use std::thread;

use serde_json::{Value, json};
use sync_core::ports::{Access, Store};
use sync_core::protocol::v1::spaces::{CreateSpaceRequest, PutMemberRequest, SpaceItem, UpdateSpaceRequest};
use sync_core::{Code, Role, SpaceId, UserId};
use sync_service::{Caller, ServiceResult};
use testkit::fake::START;
use uuid::Uuid;

use crate::world::{World, now, refused};

fn request(name: &str) -> CreateSpaceRequest {
    CreateSpaceRequest {
        name: name.into(),
        event_date: Some("2026-06-20".into()),
        time_zone: Some("Europe/Lisbon".into()),
        schema: Some(json!("wedding")),
        settings: None,
    }
}

fn update(body: Value) -> UpdateSpaceRequest {
    serde_json::from_value(body).unwrap()
}

/// A world with a space of Ana's, in which Bo has a role.
fn shared(role: Role) -> (World, Caller, Caller, SpaceItem) {
    let world = World::new();
    let (ana, bo) = (world.caller("ana@example.org"), world.caller("bo@example.org"));
    let space = now(world.service.create_space(&ana, request("Amara & Joel"))).unwrap();
    put(&world, &ana, space.space_id, bo.user_id, role).unwrap();
    (world, ana, bo, space)
}

fn put(world: &World, caller: &Caller, space_id: SpaceId, user_id: UserId, role: Role) -> ServiceResult<()> {
    now(world.service.put_member(caller, space_id, user_id, PutMemberRequest { role })).map(drop)
}

#[test]
fn whoever_makes_a_space_leads_it() {
    let world = World::new();
    let ana = world.caller("ana@example.org");
    let space = now(world.service.create_space(&ana, request(" Amara & Joel "))).unwrap();
    let wire = serde_json::to_value(&space).unwrap();
    let expected = json!({
        "space_id": space.space_id, "name": "Amara & Joel", "event_date": "2026-06-20", "time_zone": "Europe/Lisbon",
        "status": "active", "schema": "wedding@3", "schema_version": 3, "settings": null, "role": "lead", "created_at": "2026-06-20T14:00:00.000Z",
    });
    assert_eq!(wire, expected);
    assert_eq!(now(world.service.get_space(&ana, space.space_id)).unwrap(), space);
    let members = now(world.service.list_members(&ana, space.space_id)).unwrap();
    let wire = serde_json::to_value(&members).unwrap();
    assert_eq!(wire, json!({"items":[{"user_id": ana.user_id, "role": "lead", "name": "ana", "email": "ana@example.org"}]}));
}

#[test]
fn a_space_needs_no_more_than_a_name() {
    let world = World::new();
    let ana = world.caller("ana@example.org");
    let bare: CreateSpaceRequest = serde_json::from_value(json!({"name":"x"})).unwrap();
    let space = now(world.service.create_space(&ana, bare)).unwrap();
    assert_eq!((space.event_date, space.time_zone, space.schema), (None, None, Value::Null));
    let inline = json!({"name":"party","version":1,"collections":{"songs":{}}});
    let space = now(world.service.create_space(&ana, CreateSpaceRequest { schema: Some(inline.clone()), ..request("y") })).unwrap();
    assert_eq!(now(world.service.get_space(&ana, space.space_id)).unwrap().schema, inline);
}

#[test]
fn what_does_not_fit_is_named() {
    let world = World::new();
    let ana = world.caller("ana@example.org");
    let cases = [
        (json!({"name":""}), "/name"),
        (json!({"name":"x".repeat(201)}), "/name"),
        (json!({"name":"a\u{0}b"}), "/name"),
        (json!({"name":"x","event_date":"2026-02-30"}), "/event_date"),
        (json!({"name":"x","event_date":"20 June"}), "/event_date"),
        (json!({"name":"x","time_zone":"Lisbon"}), "/time_zone"),
        (json!({"name":"x","schema":"weding"}), "/schema"),
        (json!({"name":"x","schema":{"name":"x"}}), "/schema/collections"),
        (json!({"name":"x","settings":[]}), "/settings"),
        (json!({"name":"x","settings":{"merge_mode":"bold"}}), "/settings/merge_mode"),
    ];
    for (body, pointer) in cases {
        let problem = now(world.service.create_space(&ana, serde_json::from_value(body).unwrap())).unwrap_err().problem();
        assert_eq!((problem.code, problem.pointer.as_deref()), (Code::Malformed, Some(pointer)));
    }
    assert_eq!(now(world.service.list_spaces(&ana, None, None)).unwrap().items, []);
}

#[test]
fn strangers_can_t_tell_a_space_from_none() {
    let (world, ana, bo, space) = shared(Role::Vendor);
    let own = now(world.service.create_space(&ana, request("without Bo"))).unwrap();
    let cy = world.caller("cy@example.org");
    let answers = |caller: &Caller, space_id| {
        let service = &world.service;
        [
            now(service.get_space(caller, space_id)).map(drop).unwrap_err(),
            now(service.update_space(caller, space_id, update(json!({"name":"mine"})))).map(drop).unwrap_err(),
            now(service.delete_space(caller, space_id)).unwrap_err(),
            now(service.list_members(caller, space_id)).map(drop).unwrap_err(),
            put(&world, caller, space_id, caller.user_id, Role::Lead).unwrap_err(),
            now(service.remove_member(caller, space_id, ana.user_id)).unwrap_err(),
            now(service.remove_member(caller, space_id, caller.user_id)).unwrap_err(),
        ]
    };
    let unknown = answers(&cy, SpaceId(Uuid::nil()));
    assert!(unknown.iter().all(|error| error.problem().code == Code::UnknownSpace));
    assert_eq!(answers(&cy, space.space_id), unknown, "another organisation's");
    assert_eq!(answers(&bo, own.space_id), unknown, "never granted");
    now(world.service.remove_member(&ana, space.space_id, bo.user_id)).unwrap();
    assert_eq!(answers(&bo, space.space_id), unknown, "no longer granted");
    assert_eq!(now(world.service.get_space(&ana, space.space_id)).unwrap(), space);
}

#[test]
fn only_leads_manage() {
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Lead) {
        let (world, ana, bo, space) = shared(role);
        let (service, id) = (&world.service, space.space_id);
        assert_eq!(now(service.get_space(&bo, id)).unwrap().role, role);
        assert_eq!(now(service.list_members(&bo, id)).unwrap().items.len(), 2);
        assert_eq!(refused(now(service.update_space(&bo, id, UpdateSpaceRequest::default()))), Code::Forbidden);
        assert_eq!(refused(now(service.delete_space(&bo, id))), Code::Forbidden);
        assert_eq!(refused(put(&world, &bo, id, bo.user_id, Role::Lead)), Code::Forbidden);
        assert_eq!(refused(now(service.remove_member(&bo, id, ana.user_id))), Code::Forbidden);
    }
    // an organisation's admin has no right in a space by that alone
    let (world, ana, bo, _) = shared(Role::Lead);
    let bos = now(world.service.create_space(&bo, request("Bo's"))).unwrap();
    assert!(ana.admin);
    assert_eq!(refused(now(world.service.get_space(&ana, bos.space_id))), Code::UnknownSpace);
}

#[test]
fn an_update_changes_what_it_names() {
    let (world, ana, _, space) = shared(Role::Viewer);
    let change = |body| now(world.service.update_space(&ana, space.space_id, update(body)));
    assert_eq!(change(json!({})).unwrap(), space);
    let archived =
        change(json!({"name":"A & J","event_date":null,"time_zone":"utc","status":"archived","schema":"wedding","role":"viewer"})).unwrap();
    let expected = SpaceItem { name: "A & J".into(), event_date: None, time_zone: Some("UTC".into()), status: "archived", ..space.clone() };
    assert_eq!(archived, expected, "the schema stays");
    assert_eq!(now(world.service.get_space(&ana, space.space_id)).unwrap(), expected);
    assert_eq!(change(json!({"status":"active"})).unwrap().status, "active");
    for (body, pointer) in [
        (json!({"status":"deleted"}), "/status"),
        (json!({"status":"gone"}), "/status"),
        (json!({"schema":"other"}), "/schema"),
        (json!({"name":" "}), "/name"),
        (json!({"event_date":"soon"}), "/event_date"),
        (json!({"time_zone":"Mars/Base"}), "/time_zone"),
        (json!({"settings":{"venue_user":"Inês"}}), "/settings/venue_user"),
    ] {
        let problem = change(body).unwrap_err().problem();
        assert_eq!((problem.code, problem.pointer.as_deref()), (Code::Malformed, Some(pointer)));
    }
}

#[test]
fn settings_are_replaced_whole_and_read_by_every_member() {
    let (world, ana, bo, space) = shared(Role::Vendor);
    let get = |caller: &Caller| now(world.service.get_space(caller, space.space_id)).unwrap().settings.map(|settings| json!(settings));
    let put = |caller: &Caller, body| now(world.service.update_space(caller, space.space_id, update(body)));
    assert_eq!(get(&bo), None);
    let first = json!({"merge_mode": "assisted", "venue_user": bo.user_id, "colour": "moss"});
    put(&ana, json!({"settings": first})).unwrap();
    assert_eq!((get(&bo), get(&ana)), (Some(first.clone()), Some(first.clone())));
    put(&ana, json!({"name": "A & J"})).unwrap();
    assert_eq!(get(&ana), Some(first.clone()), "what is left out stays");
    let second = json!({"bookkeeper": ana.user_id});
    assert_eq!(put(&ana, json!({"settings": second})).unwrap().settings.map(|settings| json!(settings)), Some(second.clone()));
    assert_eq!(refused(put(&bo, json!({"settings": {}}))), Code::Forbidden);
    assert_eq!(get(&ana), Some(second));
    put(&ana, json!({"settings": null})).unwrap();
    assert_eq!(get(&ana), None);
    let made: CreateSpaceRequest = serde_json::from_value(json!({"name": "x", "settings": first})).unwrap();
    assert_eq!(now(world.service.create_space(&ana, made)).unwrap().settings.map(|settings| json!(settings)), Some(first));
}

#[test]
fn spaces_are_listed_page_by_page() {
    let world = World::new();
    let (ana, bo) = (world.caller("ana@example.org"), world.caller("bo@example.org"));
    let mut made = Vec::new();
    for number in 0..5 {
        world.clock.advance_ms(1);
        made.push(now(world.service.create_space(&ana, request(&format!("space {number}")))).unwrap());
    }
    now(world.service.create_space(&bo, request("Bo's"))).unwrap();
    let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = now(world.service.list_spaces(&ana, Some(2), after)).unwrap();
        assert!(page.items.len() <= 2);
        seen.extend(page.items);
        (after, pages) = (page.next, pages + 1);
        if after.is_none() {
            break;
        }
    }
    assert_eq!((&seen, pages), (&made, 3));
    assert_eq!(now(world.service.list_spaces(&ana, Some(5), None)).unwrap().next, None, "a full last page says so");
    assert_eq!(now(world.service.list_spaces(&ana, Some(0), None)).unwrap().items.len(), 1);
    assert_eq!(now(world.service.list_spaces(&ana, Some(usize::MAX), None)).unwrap().items, made);
}

#[test]
fn a_deleted_space_is_gone_for_everybody() {
    let (world, ana, bo, space) = shared(Role::Lead);
    now(world.service.delete_space(&ana, space.space_id)).unwrap();
    for caller in [&ana, &bo] {
        assert_eq!(refused(now(world.service.get_space(caller, space.space_id))), Code::UnknownSpace);
        assert_eq!(refused(now(world.service.delete_space(caller, space.space_id))), Code::UnknownSpace);
        assert_eq!(now(world.service.list_spaces(caller, None, None)).unwrap().items, []);
    }
}

#[test]
fn members_come_from_the_organisation() {
    let (world, ana, bo, space) = shared(Role::Viewer);
    let cy = world.caller("cy@example.org");
    for stranger in [cy.user_id, UserId(Uuid::nil())] {
        assert_eq!(refused(put(&world, &ana, space.space_id, stranger, Role::Viewer)), Code::UnknownUser);
        assert_eq!(refused(now(world.service.remove_member(&ana, space.space_id, stranger))), Code::UnknownUser);
    }
    put(&world, &ana, space.space_id, bo.user_id, Role::Coordinator).unwrap();
    let items = now(world.service.list_members(&bo, space.space_id)).unwrap().items;
    assert!(items.is_sorted_by_key(|item| item.user_id));
    let mut roles: Vec<_> = items.iter().map(|item| (item.email.as_str(), item.role)).collect();
    roles.sort_unstable();
    assert_eq!(roles, [("ana@example.org", Role::Lead), ("bo@example.org", Role::Coordinator)]);
}

#[test]
fn a_removed_member_is_marked_and_can_come_back() {
    let (world, ana, bo, space) = shared(Role::Photographer);
    let row = || {
        let (store, id): (&dyn Store, _) = (&*world.store, space.space_id);
        let members = now(store.transact(Access::Read, move |tx| tx.list_members(id))).unwrap();
        members.into_iter().find(|member| member.user_id == bo.user_id).unwrap()
    };
    now(world.service.remove_member(&ana, space.space_id, bo.user_id)).unwrap();
    let removed = row();
    assert_eq!((removed.role, removed.removed_at), (Role::Photographer, Some(START)));
    assert!(removed.purge_id.is_some());
    assert_eq!(refused(now(world.service.remove_member(&ana, space.space_id, bo.user_id))), Code::UnknownUser);
    assert_eq!(now(world.service.list_members(&ana, space.space_id)).unwrap().items.len(), 1);
    assert_eq!(now(world.service.list_spaces(&bo, None, None)).unwrap().items, []);
    put(&world, &ana, space.space_id, bo.user_id, Role::Vendor).unwrap();
    assert_eq!((row().role, row().removed_at, row().purge_id), (Role::Vendor, None, None));
    now(world.service.remove_member(&bo, space.space_id, bo.user_id)).unwrap();
    assert_ne!(row().purge_id, removed.purge_id, "each removal has a purge of its own; leaving is one, too");
}

#[test]
fn a_space_keeps_a_lead() {
    let (world, ana, bo, space) = shared(Role::Coordinator);
    let id = space.space_id;
    assert_eq!(refused(put(&world, &ana, id, ana.user_id, Role::Viewer)), Code::LastLead);
    assert_eq!(refused(now(world.service.remove_member(&ana, id, ana.user_id))), Code::LastLead);
    put(&world, &ana, id, ana.user_id, Role::Lead).unwrap();
    put(&world, &ana, id, bo.user_id, Role::Lead).unwrap();
    put(&world, &ana, id, ana.user_id, Role::Viewer).unwrap();
    assert_eq!(refused(now(world.service.remove_member(&bo, id, bo.user_id))), Code::LastLead);
    now(world.service.remove_member(&bo, id, ana.user_id)).unwrap();
    assert_eq!(refused(put(&world, &bo, id, bo.user_id, Role::Couple)), Code::LastLead, "a former lead does not count");
}

#[test]
fn two_leads_who_demote_each_other_leave_one() {
    for _ in 0..20 {
        let (world, ana, bo, space) = shared(Role::Lead);
        let demote = |caller: &Caller, other: &Caller| put(&world, caller, space.space_id, other.user_id, Role::Viewer).is_ok();
        let won = thread::scope(|scope| {
            let first = scope.spawn(|| demote(&ana, &bo));
            let second = scope.spawn(|| demote(&bo, &ana));
            [first.join().unwrap(), second.join().unwrap()]
        });
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
    }
}
