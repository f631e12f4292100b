use sync_core::ports::Purge;

use super::Case;
use super::bench::{ANA, Bench, NOW, ORGANISATION, PHONE, SPACE, TABLET, id};

pub(super) const CASES: &[Case] = &[("the_first_confirmation_of_a_device_stays", the_first_confirmation_of_a_device_stays)];

fn the_first_confirmation_of_a_device_stays(bench: &Bench) {
    let first = Purge {
        purge_id: id(1),
        device_id: TABLET,
        organisation_id: ORGANISATION,
        user_id: ANA,
        space_id: SPACE,
        purged_at: Some(NOW),
        documents: 9_007_199_254_740_991,
        assets: 2,
        outbox_left: 3,
        recorded_at: NOW.plus_ms(1),
        receipt: "signed-_".into(),
    };
    let phone = Purge { device_id: PHONE, purged_at: None, ..first.clone() };
    let other = Purge { purge_id: id(2), ..first.clone() };
    let rows = [first.clone(), phone.clone(), other.clone(), Purge { documents: 0, receipt: "another".into(), ..first.clone() }];
    bench.write(move |tx| rows.iter().try_for_each(|row| tx.insert_purge(row)));
    let load = |device, ids: &'static [u128]| {
        let ids: Vec<_> = ids.iter().map(|number| id(*number)).collect();
        let mut rows = bench.read(move |tx| tx.load_purges(device, &ids));
        rows.sort_by_key(|row| row.purge_id);
        rows
    };
    assert_eq!(load(TABLET, &[2, 1, 3]), [first, other]);
    assert_eq!(load(PHONE, &[1, 2]), [phone]);
    assert_eq!(load(PHONE, &[]), []);
}
