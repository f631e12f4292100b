use sync_core::ports::{AuditPart, StoredAuditRecord};
use testkit::AuditSample;

use super::*;
use crate::{Keyring, parse_line, tiles, to_line};

const SAMPLE: AuditSample = AuditSample { organisation: 1, records: 600, checkpoint_every: 200, waiting: 3 };

fn parts() -> Vec<AuditPart> {
    SAMPLE.parts()
}

/// The key that signed the sample: its own type here would be that of another build of this crate.
fn keys() -> Keyring {
    Keyring::parse(&AuditSample::key().line()).unwrap()
}

fn verify_against(parts: &[AuditPart], outside: &[Checkpoint]) -> Report {
    let report = judge(parts, outside);
    let lines: Vec<AuditPart> = parts.iter().map(|part| parse_line(&to_line(part))).collect();
    assert_eq!(judge(&lines, outside), report, "an export is judged like its log");
    report
}

fn judge(parts: &[AuditPart], outside: &[Checkpoint]) -> Report {
    let keys = keys();
    let mut verification = Verification::new(keys.known(), outside.to_vec());
    for part in parts {
        verification.take(part);
    }
    verification.finish().unwrap().remove(0)
}

fn check(change: impl FnOnce(&mut Vec<AuditPart>), (index, fault): (u64, Fault)) {
    let mut parts = parts();
    change(&mut parts);
    // records are read by place, those without one last
    parts.sort_by_key(|part| match part {
        AuditPart::Record(record) => (1, record.leaf_index.unwrap_or(i64::MAX)),
        _ => (0, 0),
    });
    let found = verify_against(&parts, &[]).finding.expect("it is found");
    assert_eq!((found.index, &found.fault), (index, &fault));
}

fn record(parts: &mut [AuditPart], seq: i64) -> &mut StoredAuditRecord {
    let found = parts.iter_mut().find_map(|part| match part {
        AuditPart::Record(record) if record.leaf_index == Some(seq) => Some(record),
        _ => None,
    });
    found.unwrap()
}

fn remove(parts: &mut Vec<AuditPart>, seqs: std::ops::Range<i64>) {
    parts.retain(|part| !matches!(part, AuditPart::Record(record) if record.leaf_index.is_some_and(|seq| seqs.contains(&seq))));
}

fn renumber(parts: &mut [AuditPart], from: i64, by: i64) {
    for part in parts {
        if let AuditPart::Record(record) = part
            && let Some(seq) = &mut record.leaf_index
            && *seq >= from
        {
            *seq += by;
        }
    }
}

fn tile(parts: &mut [AuditPart], level: i64, index: i64) -> &mut Vec<u8> {
    let found = parts.iter_mut().find_map(|part| match part {
        AuditPart::Tile { level: own, tile_index, hashes } if (*own, *tile_index) == (level, index) => Some(hashes),
        _ => None,
    });
    found.unwrap()
}

/// Tiles and claimed size as whoever changed the records could make them, without the key.
fn rebuild(parts: &mut Vec<AuditPart>) {
    let leaves: Vec<Hash> = parts
        .iter()
        .filter_map(|part| match part {
            AuditPart::Record(record) => record.leaf_index.map(|seq| Entry::of(record).leaf.unwrap().hash(seq.try_into().unwrap())),
            _ => None,
        })
        .collect();
    parts.retain(|part| !matches!(part, AuditPart::Tile { .. }));
    let tiles = tiles::append(0, &leaves, |_| None).unwrap();
    parts.extend(tiles.iter().map(|(id, tile)| AuditPart::Tile {
        level: id.level.into(),
        tile_index: id.index.try_into().unwrap(),
        hashes: tile.to_bytes(),
    }));
    let AuditPart::Log { size, .. } = &mut parts[0] else { panic!("a log begins with itself") };
    *size = Some(leaves.len().try_into().unwrap());
    // as they are read
    parts.sort_by_key(|part| match part {
        AuditPart::Log { .. } => 0,
        AuditPart::Checkpoint { .. } => 1,
        AuditPart::Tile { .. } => 2,
        _ => 3,
    });
}

fn root_at(parts: &[AuditPart], size: u64) -> Hash {
    let stored: BTreeMap<TileId, Tile> = parts
        .iter()
        .filter_map(|part| match part {
            AuditPart::Tile { level, tile_index, hashes } => Some((
                TileId { level: (*level).try_into().unwrap(), index: (*tile_index).try_into().unwrap() },
                Tile::parse(hashes).unwrap(),
            )),
            _ => None,
        })
        .collect();
    tiles::root(size, |id| stored.get(&id)).unwrap()
}

fn outside(parts: &[AuditPart], size: u64) -> Checkpoint {
    Checkpoint::new(origin(SAMPLE.organisation_id()), size, root_at(parts, size))
}

#[test]
fn a_log_as_it_was_written_is_sound() {
    let report = verify_against(&parts(), &[outside(&parts(), 600), outside(&parts(), 17)]);
    assert!(report.is_sound());
    let Report { records, redacted, waiting, checkpoints, vouched, .. } = report;
    assert_eq!((records, redacted, waiting, checkpoints, vouched), (600, 54, 3, 3, 600));
    let parts = AuditSample { records: 0, waiting: 0, ..SAMPLE }.parts();
    assert!(verify_against(&parts, &[]).is_sound(), "an empty log");
}

#[test]
fn changed_records_are_named() {
    check(|parts| record(parts, 7).at += 1, (7, Fault::Altered));
    check(|parts| record(parts, 599).action[0] ^= 1, (599, Fault::Altered));
    check(|parts| record(parts, 0).record_id.truncate(15), (0, Fault::Altered));
    check(|parts| record(parts, 7).commitment = None, (7, Fault::Altered));
    check(|parts| record(parts, 7).user_id = None, (7, Fault::Particulars));
    check(|parts| record(parts, 7).details = Some(b"{}x".to_vec()), (7, Fault::Particulars));
    check(|parts| record(parts, 7).salt = None, (7, Fault::Particulars));
    check(|parts| record(parts, 10).reason = Some(b"because".to_vec()), (10, Fault::Particulars));
    let waiting = |parts: &mut Vec<AuditPart>| {
        let AuditPart::Record(last) = parts.last_mut().unwrap() else { panic!("a record") };
        last.subject = None;
    };
    check(waiting, (600, Fault::Waiting));
}

#[test]
fn records_that_go_or_come_are_named() {
    check(|parts| remove(parts, 7..8), (7, Fault::Missing));
    check(|parts| remove(parts, 590..600), (590, Fault::Truncated { size: 600 }));
    check(|parts| record(parts, 599).leaf_index = None, (599, Fault::Truncated { size: 600 }));
    check(|parts| record(parts, 7).leaf_index = Some(3), (3, Fault::Inserted));
    check(|parts| record(parts, 7).leaf_index = Some(-3), (0, Fault::Inserted));
    check(|parts| record(parts, 7).leaf_index = Some(700), (7, Fault::Missing));
    let swap = |parts: &mut Vec<AuditPart>| {
        record(parts, 7).leaf_index = Some(-1);
        record(parts, 300).leaf_index = Some(7);
        record(parts, -1).leaf_index = Some(300);
    };
    check(swap, (7, Fault::Moved { belongs_at: 300 }));
    let close_the_gap = |parts: &mut Vec<AuditPart>| {
        remove(parts, 7..8);
        renumber(parts, 8, -1);
    };
    check(close_the_gap, (7, Fault::Moved { belongs_at: 8 }));
    let make_room = |parts: &mut Vec<AuditPart>| {
        let mut another = record(parts, 9).clone();
        another.record_id[15] ^= 1;
        renumber(parts, 7, 1);
        another.leaf_index = Some(7);
        parts.push(AuditPart::Record(Box::new(another)));
    };
    check(make_room, (7, Fault::Inserted));
}

#[test]
fn changed_trees_are_named() {
    let at = |level, tile_index| Fault::Tile { level, tile_index };
    check(|parts| tile(parts, 0, 1)[32] ^= 1, (257, at(0, 1)));
    check(|parts| tile(parts, 0, 2)[32] ^= 1, (513, at(0, 2)));
    check(|parts| tile(parts, 1, 0)[32] ^= 1, (256, at(1, 0)));
    check(|parts| tile(parts, 1, 0).truncate(32), (256, at(1, 0)));
    check(|parts| tile(parts, 0, 2).truncate(33), (513, at(0, 2)));
    check(|parts| tile(parts, 0, 2).extend([0; 32]), (600, Fault::Truncated { size: 601 }));
    check(|parts| parts.retain(|part| !matches!(part, AuditPart::Tile { level: 0, tile_index: 1, .. })), (256, at(0, 1)));
    check(|parts| parts.insert(1, AuditPart::Tile { level: 3, tile_index: 0, hashes: vec![0; 32] }), (0, at(3, 0)));
    check(|parts| parts.insert(1, AuditPart::Tile { level: -3, tile_index: 0, hashes: vec![0; 32] }), (0, at(-3, 0)));
    for (claimed, index) in [(601, 600), (88, 88), (-1, 0)] {
        let claim = |parts: &mut Vec<AuditPart>| {
            parts[0] = AuditPart::Log { organisation_id: SAMPLE.organisation_id().as_bytes().to_vec(), size: Some(claimed) }
        };
        check(claim, (index, Fault::Size { claimed }));
    }
}

#[test]
fn changed_checkpoints_are_named() {
    let of = |parts: &mut Vec<AuditPart>, change: fn(&mut i64, &mut Vec<u8>, &mut Vec<u8>)| {
        let AuditPart::Checkpoint { size, root, note } = &mut parts[2] else { panic!("the second checkpoint") };
        change(size, root, note);
    };
    check(|parts| of(parts, |size, _, _| *size = 401), (200, Fault::Checkpoint { size: 401 }));
    check(|parts| of(parts, |_, root, _| root[5] ^= 1), (200, Fault::Checkpoint { size: 400 }));
    check(|parts| of(parts, |_, _, note| note[5] ^= 1), (200, Fault::Checkpoint { size: 400 }));
    check(|parts| of(parts, |_, _, note| *note.last_mut().unwrap() ^= 1), (200, Fault::Checkpoint { size: 400 }));
    // of another log: signed by the very key
    let other = AuditSample { organisation: 2, ..SAMPLE }.parts();
    check(|parts| parts[2] = other[2].clone(), (200, Fault::Checkpoint { size: 400 }));
}

/// Whoever changes records, tiles and size together is found by what was signed.
#[test]
fn what_was_signed_bounds_what_was_rebuilt() {
    let mut changed = parts();
    record(&mut changed, 450).action = b"nothing.at_all".to_vec();
    rebuild(&mut changed);
    let report = verify_against(&changed, &[]);
    assert_eq!(report.finding.map(|found| (found.index, found.fault)), Some((400, Fault::Forked { size: 600 })));
    assert_eq!(report.vouched, 400);
    // without a checkpoint of its own only one that was kept elsewhere tells
    changed.retain(|part| !matches!(part, AuditPart::Checkpoint { size: 401.., .. }));
    assert!(verify_against(&changed, &[]).is_sound());
    let kept = [outside(&parts(), 600), outside(&parts(), 430)];
    let found = verify_against(&changed, &kept).finding.unwrap();
    assert_eq!((found.index, found.fault), (430, Fault::Forked { size: 600 }));
}

#[test]
fn an_earlier_copy_is_found_by_a_later_checkpoint() {
    let earlier = AuditSample { records: 500, ..SAMPLE }.parts();
    assert!(verify_against(&earlier, &[]).is_sound());
    let found = verify_against(&earlier, &[outside(&parts(), 600)]).finding.unwrap();
    assert_eq!((found.index, found.fault), (500, Fault::RolledBack { size: 600 }));
    assert!(verify_against(&earlier, &[outside(&parts(), 500)]).is_sound(), "up to there they are one");
}

#[test]
fn logs_follow_one_another() {
    let keys = keys();
    let other = AuditSample { organisation: 2, records: 5, waiting: 0, ..SAMPLE };
    let lost = Checkpoint::new(origin(AuditSample { organisation: 3, ..SAMPLE }.organisation_id()), 9, crate::leaf_hash(b""));
    let mut verification = Verification::new(keys.known(), vec![outside(&parts(), 600), lost]);
    for part in parts().iter().chain(&other.parts()) {
        verification.take(part);
    }
    let reports = verification.finish().unwrap();
    let told: Vec<_> = reports.iter().map(|report| (report.records, report.finding.as_ref().map(|found| found.fault.clone()))).collect();
    assert_eq!(told, [(600, None), (5, None), (0, Some(Fault::RolledBack { size: 9 }))]);
    assert_eq!(reports[1].organisation_id, other.organisation_id());

    let mut headless = Verification::new(keys.known(), Vec::new());
    headless.take(&parse_line("what is this"));
    assert_eq!(headless.finish(), Err(NoLog));
    let mut strange = Verification::new(keys.known(), Vec::new());
    strange.take(&AuditPart::Log { organisation_id: vec![1], size: Some(0) });
    assert!(!strange.finish().unwrap()[0].is_sound());
}

#[test]
fn a_damaged_line_stands_where_its_record_stood() {
    let lines: Vec<String> = parts().iter().map(to_line).collect();
    let keys = keys();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(r#""leaf_index":5,"#)) {
        for spoilt in [line.replace("\"at\":\"2026", "\"at\":\"+2026"), line.replace("-8", "-G"), line.replace("}}", "}")] {
            assert_ne!(&spoilt, line);
            let mut verifier = Verifier::new(SAMPLE.organisation_id(), Some(600), keys.known());
            for other in &lines[1..index] {
                verifier.take(&parse_line(other));
            }
            verifier.take(&parse_line(&spoilt));
            let found = verifier.finish().finding.unwrap();
            assert_eq!((found.index, found.fault), (5, Fault::Unreadable));
        }
    }
    assert_eq!(parse_line(&lines[0]), parts()[0]);
    assert_eq!(parse_line("{}"), AuditPart::Unreadable);
    assert_eq!(parse_line(r#"{"tile":{"level":0,"index":0,"hashes":"AA==","more":1}}"#), AuditPart::Unreadable);
}

/// What is no text is told as bytes, and read again as it was.
#[test]
fn damaged_columns_survive_an_export() {
    let mut parts = parts();
    let changed = record(&mut parts, 3);
    changed.record_id.pop();
    changed.action = vec![0xff];
    changed.details = Some(vec![0xff, 0]);
    changed.at = i64::MAX;
    let part = AuditPart::Record(Box::new(changed.clone()));
    assert_eq!(parse_line(&to_line(&part)), part);
    for part in &parts[..8] {
        assert_eq!(&parse_line(&to_line(part)), part);
    }
}
