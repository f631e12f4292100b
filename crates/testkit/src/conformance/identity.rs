use sync_core::ports::{Device, Organisation};
use sync_core::{DeviceId, OrganisationId, Timestamp, UserId};

use super::Case;
use super::bench::{ANA, BO, Bench, NOW, ORGANISATION, OTHER_ORGANISATION, PHONE, STRANGER, STRANGERS_DEVICE, TABLET, device, id, user};

pub(super) const CASES: &[Case] = &[
    ("an_organisation_stands_once", an_organisation_stands_once),
    ("organisations_are_listed_by_id", organisations_are_listed_by_id),
    ("an_email_is_taken_once", an_email_is_taken_once),
    ("a_password_is_replaced_for_one_person", a_password_is_replaced_for_one_person),
    ("users_are_loaded_within_their_organisation", users_are_loaded_within_their_organisation),
    ("accounts_are_listed_by_id_with_their_organisation", accounts_are_listed_by_id_with_their_organisation),
    ("devices_are_overwritten_and_listed", devices_are_overwritten_and_listed),
    ("devices_are_loaded_within_their_organisation", devices_are_loaded_within_their_organisation),
];

fn an_organisation_stands_once(bench: &Bench) {
    let newer = Organisation { organisation_id: OrganisationId(id(3)), name: "Alder & Rye".into(), created_at: NOW.plus_ms(5) };
    let standing = bench.write(move |tx| tx.ensure_organisation(&newer));
    assert_eq!(standing, Organisation { organisation_id: ORGANISATION, name: "Alder & Rye".into(), created_at: NOW });
    let other = Organisation { organisation_id: OrganisationId(id(4)), name: "alder & rye".into(), created_at: NOW };
    let row = other.clone();
    assert_eq!(bench.write(move |tx| tx.ensure_organisation(&row)), other, "names are compared as they are written");
}

fn organisations_are_listed_by_id(bench: &Bench) {
    // a name that sorts first, and an id that sorts last
    let last = Organisation { organisation_id: OrganisationId(uuid::Uuid::max()), name: "Aaron".into(), created_at: NOW.plus_ms(1) };
    let row = last.clone();
    bench.write(move |tx| tx.ensure_organisation(&row).map(drop));
    let list = |after, limit| bench.read(move |tx| tx.list_organisations(after, limit));
    let all = list(None, 10);
    assert_eq!(all.iter().map(|found| found.organisation_id).collect::<Vec<_>>(), [ORGANISATION, OTHER_ORGANISATION, last.organisation_id]);
    assert_eq!(all.last(), Some(&last), "every column survives");
    assert_eq!(list(None, 1), all[..1]);
    assert_eq!(list(Some(ORGANISATION), 1), all[1..2]);
    assert_eq!(list(Some(last.organisation_id), 10), []);
}

fn an_email_is_taken_once(bench: &Bench) {
    assert!(!bench.write(|tx| tx.insert_user(&user(UserId(id(14)), "ana@example.org"))), "taken");
    let abroad = sync_core::ports::User { organisation_id: OTHER_ORGANISATION, ..user(UserId(id(14)), "ana@example.org") };
    assert!(!bench.write(move |tx| tx.insert_user(&abroad)), "taken in the whole installation");
    assert_eq!(bench.read(|tx| tx.load_users(ORGANISATION, &[UserId(id(14))])).len(), 0, "nothing of it was kept");
    let found = bench.read(|tx| tx.find_user_by_email("ana@example.org"));
    assert!(found == Some(user(ANA, "ana@example.org")), "every column survives");
    assert!(bench.read(|tx| tx.find_user_by_email("an_@example.org")).is_none());
    assert!(bench.read(|tx| tx.find_user_by_email("Ana@example.org")).is_none(), "the caller lower-cases");
    // a job that found an email taken goes on
    let later = bench.write(|tx| {
        let taken = !tx.insert_user(&user(UserId(id(15)), "bo@example.org"))?;
        Ok((taken, tx.insert_user(&user(UserId(id(15)), "later@example.org"))?))
    });
    assert_eq!(later, (true, true));
    assert!(bench.read(|tx| tx.find_user_by_email("later@example.org")).is_some());
}

fn a_password_is_replaced_for_one_person(bench: &Bench) {
    let before = user(BO, "bo@example.org");
    bench.write(|tx| tx.set_password(ANA, "another"));
    bench.write(|tx| tx.set_password(UserId(id(99)), "nobody's"));
    let found = |email: &'static str| bench.read(move |tx| tx.find_user_by_email(email));
    let changed = sync_core::ports::User { password_hash: "another".into(), ..user(ANA, "ana@example.org") };
    assert!(found("ana@example.org") == Some(changed.clone()));
    assert!(bench.write(|tx| tx.lock_user(ANA)) == Some(changed));
    assert!(bench.read(|tx| tx.find_user(BO)) == Some(user(BO, "bo@example.org")));
    assert!(bench.read(|tx| tx.find_user(UserId(id(99)))).is_none());
    assert!(bench.write(|tx| tx.lock_user(UserId(id(99)))).is_none());
    assert!(found("bo@example.org") == Some(before));
}

fn users_are_loaded_within_their_organisation(bench: &Bench) {
    let load = |organisation_id| {
        let mut users = bench.read(move |tx| tx.load_users(organisation_id, &[BO, ANA, STRANGER, UserId(id(99)), ANA]));
        users.sort_by_key(|user| user.user_id);
        users
    };
    assert!(load(ORGANISATION) == [user(ANA, "ana@example.org"), user(BO, "bo@example.org")], "each once, nobody else's");
    assert!(load(OTHER_ORGANISATION) == [user(STRANGER, "cy@example.org")]);
    assert!(bench.read(|tx| tx.load_users(ORGANISATION, &[])).is_empty());
    let many: Vec<_> = (0..1_000).map(|number| UserId(id(number))).collect();
    assert_eq!(bench.read(move |tx| tx.load_users(ORGANISATION, &many)).len(), 2);
}

fn accounts_are_listed_by_id_with_their_organisation(bench: &Bench) {
    let list = |after: Option<UserId>, limit| {
        let accounts = bench.read(move |tx| tx.list_accounts(after, limit));
        accounts.into_iter().map(|account| (account.user, account.organisation)).collect::<Vec<_>>()
    };
    let (ana, bo) = ((user(ANA, "ana@example.org"), "Alder & Rye".to_owned()), (user(BO, "bo@example.org"), "Alder & Rye".to_owned()));
    let all = list(None, 10);
    assert!(all[..2] == [ana.clone(), bo.clone()]);
    assert_eq!((all.len(), all[2].0.user_id, all[2].1.as_str()), (3, STRANGER, "Quinta Velha"), "of every organisation");
    assert!(list(None, 1) == [ana], "at most as many as asked for");
    assert!(list(Some(ANA), 1) == [bo], "after the one named");
    assert!(list(Some(STRANGER), 10).is_empty());
}

fn devices_are_overwritten_and_listed(bench: &Bench) {
    let first =
        Device { name: String::new(), platform: "💻".into(), created_at: Timestamp::from_millis(-1), ..device(DeviceId(id(20)), ANA) };
    let mut revoked = device(TABLET, ANA);
    revoked.name = "Ana's \"old\" tablet".into();
    revoked.seen_at = NOW.plus_ms(1);
    revoked.revoked_at = Some(NOW.plus_ms(2));
    let rows = [revoked.clone(), first.clone()];
    bench.write(move |tx| rows.iter().try_for_each(|row| tx.put_device(row)));
    assert_eq!(bench.read(|tx| tx.find_device(TABLET)), Some(revoked.clone()));
    assert_eq!(bench.read(|tx| tx.find_device(DeviceId(id(999)))), None);
    let late = Device { revoked_at: None, ..revoked.clone() };
    bench.write(move |tx| tx.put_device(&late));
    assert_eq!(bench.read(|tx| tx.find_device(TABLET)), Some(revoked.clone()), "a revocation lasts");
    let list = |user_ids: &[UserId]| {
        let user_ids = user_ids.to_vec();
        let mut devices = bench.read(move |tx| tx.list_devices(&user_ids));
        devices.sort_by_key(|device| device.device_id);
        devices
    };
    assert_eq!(list(&[ANA]), [first.clone(), revoked.clone()]);
    assert_eq!(list(&[BO]), [device(PHONE, BO)]);
    assert_eq!(list(&[UserId(id(999))]), []);
    assert_eq!(list(&[]), []);
    let mut both = [first, revoked, device(PHONE, BO)];
    both.sort_by_key(|device| device.device_id);
    assert_eq!(list(&[BO, ANA, BO]), both, "each once");
}

fn devices_are_loaded_within_their_organisation(bench: &Bench) {
    let load = |organisation_id| {
        let mut devices =
            bench.read(move |tx| tx.load_devices(organisation_id, &[PHONE, TABLET, STRANGERS_DEVICE, DeviceId(id(99)), TABLET]));
        devices.sort_by_key(|device| device.device_id);
        devices
    };
    assert_eq!(load(ORGANISATION), [device(TABLET, ANA), device(PHONE, BO)], "each once, nobody else's");
    assert_eq!(load(OTHER_ORGANISATION), [device(STRANGERS_DEVICE, STRANGER)]);
    assert_eq!(bench.read(|tx| tx.load_devices(ORGANISATION, &[])), []);
}
