//! A log in a database, and whatever may be done to a copy of it: every change is found, at the right place.

mod mutation;
mod python;

use std::ops::ControlFlow;
use std::path::Path;

use audit_log::{Checkpoint, Fault, Report, Verification};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use storage_diesel::read_audit_log;
use sync_core::json::RawJson;
use sync_core::ports::{AuditCheckpoint, AuditPart, AuditRecord, AuditTile, AuditTree, Store, StoredAuditRecord};
use sync_core::{DeviceId, OrganisationId, SpaceId, Timestamp, UserId};
use testkit::AuditSample;
use uuid::Uuid;

use self::mutation::{Mutation, Mutator};
use crate::support::{PostgresFixture, SqliteFile, cluster, execute, write};

/// The log that is changed, and one beside it.
const SAMPLE: AuditSample = AuditSample { organisation: 1, records: 300, checkpoint_every: 100, waiting: 3 };
const OTHER: AuditSample = AuditSample { organisation: 2, records: 40, checkpoint_every: 40, waiting: 0 };
/// How many changes are tried.
const MUTATIONS: usize = 1_000;
/// Every how manieth of them the second verifier judges as well.
const SECOND_OPINION: usize = 25;

fn bytes<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().unwrap()
}

fn record_of(stored: &StoredAuditRecord) -> AuditRecord {
    let text = |bytes: &Option<Vec<u8>>| bytes.clone().map(|bytes| String::from_utf8(bytes).unwrap());
    let id = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(|bytes| Uuid::from_slice(bytes).unwrap());
    AuditRecord {
        record_id: Uuid::from_slice(&stored.record_id).unwrap(),
        organisation_id: OrganisationId::from_slice(&stored.organisation_id).unwrap(),
        space_id: id(&stored.space_id).map(SpaceId),
        at: Timestamp::from_millis(stored.at),
        action: String::from_utf8(stored.action.clone()).unwrap(),
        commitment: stored.commitment.as_deref().map(bytes),
        leaf_index: stored.leaf_index,
        salt: stored.salt.as_deref().map(bytes),
        user_id: id(&stored.user_id).map(UserId),
        device_id: id(&stored.device_id).map(DeviceId),
        subject: text(&stored.subject),
        reason: text(&stored.reason),
        trace: text(&stored.trace),
        details: text(&stored.details).map(|text| RawJson::from_stored(text).unwrap()),
    }
}

/// Stores a sample through the port, as the server would.
fn store(store: &dyn Store, sample: AuditSample) {
    let (mut records, mut tiles, mut checkpoints) = (Vec::new(), Vec::new(), Vec::new());
    let organisation_id = sample.organisation_id();
    for part in sample.parts() {
        match part {
            AuditPart::Record(record) => records.push(record_of(&record)),
            AuditPart::Tile { level, tile_index, hashes } => {
                tiles.push(AuditTile { level: level.try_into().unwrap(), tile_index, hashes });
            }
            AuditPart::Checkpoint { size, root, note } => checkpoints.push(AuditCheckpoint {
                organisation_id,
                size,
                root: bytes(&root),
                at: Timestamp::from_millis(size),
                note: String::from_utf8(note).unwrap(),
            }),
            AuditPart::Log { .. } | AuditPart::Unreadable => {}
        }
    }
    let tree = AuditTree { organisation_id, size: sample.records.try_into().unwrap() };
    write(store, move |tx| {
        tx.insert_audit_records(&records)?;
        tx.put_audit_tiles(organisation_id, &tiles)?;
        checkpoints.iter().try_for_each(|checkpoint| tx.insert_audit_checkpoint(checkpoint))?;
        tx.try_lock_audit_tree(organisation_id)?;
        tx.put_audit_tree(&tree)
    });
}

/// A file with both logs, closed.
fn file_of(sample: AuditSample, path: &Path) {
    let file = SqliteFile::new();
    store(&file, sample);
    store(&file, OTHER);
    let mut conn = SqliteConnection::establish(file.folder.path().join("test.db").to_str().unwrap()).unwrap();
    conn.batch_execute(&format!("VACUUM INTO '{}'", path.display())).unwrap();
}

fn verify(url: &str, outside: Vec<Checkpoint>) -> Vec<Report> {
    let keys = [audit_key()];
    let mut verification = Verification::new(&keys, outside);
    let take = &mut |part| {
        verification.take(&part);
        ControlFlow::Continue(())
    };
    read_audit_log(url, take).unwrap();
    verification.finish().unwrap()
}

fn audit_key() -> audit_log::VerifyingKey {
    AuditSample::key().verifying_key()
}

/// The last checkpoint of a sample, as somebody may have kept it.
fn kept(sample: AuditSample) -> (Checkpoint, Vec<u8>) {
    let mut notes = sample.parts().into_iter().filter_map(|part| match part {
        AuditPart::Checkpoint { note, .. } => Some(note),
        _ => None,
    });
    let note = notes.next_back().unwrap();
    (Checkpoint::open(std::str::from_utf8(&note).unwrap(), &[audit_key()]).unwrap(), note)
}

/// The first bad index of each log that is not sound.
fn found(reports: &[Report]) -> Vec<(OrganisationId, u64)> {
    reports.iter().filter_map(|report| report.finding.as_ref().map(|finding| (report.organisation_id, finding.index))).collect()
}

#[test]
fn a_stored_log_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    file_of(SAMPLE, &path);
    let mut parts = Vec::new();
    let url = format!("sqlite:{}", path.display());
    read_audit_log(&url, &mut |part| {
        parts.push(part);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(parts, [SAMPLE.parts(), OTHER.parts()].concat());
    let mut first = None;
    read_audit_log(&url, &mut |part| {
        assert!(first.replace(part).is_none(), "it was to end");
        ControlFlow::Break(())
    })
    .unwrap();
    let nowhere = read_audit_log("sqlite:/nowhere/at/all.db", &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(nowhere.to_string().contains("there is no such file"), "{nowhere}");
    assert!(verify(&url, vec![kept(SAMPLE).0]).iter().all(Report::is_sound));
    python::agrees(&path, &[], &[]);
}

#[test]
fn postgres_is_read_alike() {
    let Some(cluster) = cluster() else { return };
    let fixture = PostgresFixture::new(&cluster);
    store(&fixture, SAMPLE);
    store(&fixture, OTHER);
    let url = fixture.database.url();
    let mut parts = Vec::new();
    read_audit_log(&url, &mut |part| {
        parts.push(part);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(parts, [SAMPLE.parts(), OTHER.parts()].concat());
    assert!(verify(&url, vec![kept(SAMPLE).0]).iter().all(Report::is_sound));
    let own = "organisation_id = (SELECT organisation_id FROM audit_trees ORDER BY organisation_id LIMIT 1)";
    execute(
        &url,
        &format!("SET rejoin.scope = 'installation'; UPDATE audit_records SET action = 'nothing.at_all' WHERE leaf_index = 7 AND {own}"),
    );
    let reports = verify(&url, Vec::new());
    assert_eq!(found(&reports), [(SAMPLE.organisation_id(), 7)]);
    assert_eq!(reports[0].finding.as_ref().unwrap().fault, Fault::Altered);
}

/// Flipped bits of every column that counts, deletions, insertions, swaps, truncations, changed and rebuilt trees, changed
/// checkpoints, and earlier copies put in the place of the database: each is found at the first place that it touched.
#[test]
fn every_change_of_a_copy_is_found_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, copy) = (folder.path().join("whole.db"), folder.path().join("copy.db"));
    file_of(SAMPLE, &whole);
    let earlier: Vec<_> = [0_u64, 99, 255, 256, 299]
        .into_iter()
        .map(|records| {
            let path = folder.path().join(format!("earlier-{records}.db"));
            file_of(AuditSample { records, ..SAMPLE }, &path);
            (records, path)
        })
        .collect();
    let (checkpoint, note) = kept(SAMPLE);
    let mut mutator = Mutator::new(SAMPLE);
    for number in 0..MUTATIONS {
        let Mutation { name, change, expected } = mutator.next();
        let (outside, notes) = match change {
            mutation::Change::Statements(statements) => {
                std::fs::copy(&whole, &copy).unwrap();
                mutation::apply(&copy, &statements);
                (Vec::new(), Vec::new())
            }
            mutation::Change::Earlier(which) => {
                let (_, path) = &earlier[which % earlier.len()];
                std::fs::copy(path, &copy).unwrap();
                (vec![checkpoint.clone()], vec![note.clone()])
            }
        };
        let expected = match expected {
            mutation::Expected::At(index) => vec![(SAMPLE.organisation_id(), index)],
            mutation::Expected::Elsewhere(organisation_id) => vec![(organisation_id, 0)],
            mutation::Expected::EndOf(which) => vec![(SAMPLE.organisation_id(), earlier[which % earlier.len()].0)],
        };
        let reports = verify(&format!("sqlite:{}", copy.display()), outside);
        // what left one log stands in another, which is at fault as well
        let all = found(&reports);
        let own: Vec<_> = all.iter().filter(|(id, _)| expected.iter().any(|(wanted, _)| wanted == id)).copied().collect();
        assert_eq!(own, expected, "{number}: {name}: {reports:#?}");
        if number % SECOND_OPINION == 0 {
            python::agrees(&copy, &all, &notes);
        }
    }
    let told = mutator.told();
    assert!(told.values().all(|count| *count > 0) && told.len() >= 25, "each kind was tried: {told:?}");
}
