//! Changes of a stored log, at random, each with the first place that it touches.

use std::collections::BTreeMap;
use std::path::Path;

use audit_log::{Hash, Leaf, tiles};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable};
use sync_core::json::parse_strict;
use sync_core::ports::{AuditPart, StoredAuditRecord};
use sync_core::{OrganisationId, SpaceId, Timestamp};
use testkit::AuditSample;
use uuid::Uuid;

/// A statement, with a number and bytes: `$1` and `$2`.
pub(super) type Statement = (String, Option<i64>, Option<Vec<u8>>);

/// A change, and where it is to be found.
pub(super) struct Mutation {
    pub(super) name: &'static str,
    pub(super) change: Change,
    pub(super) expected: Expected,
}

pub(super) enum Change {
    /// Statements are run.
    Statements(Vec<Statement>),
    /// An earlier copy is put in the place of the database.
    Earlier(usize),
}

pub(super) enum Expected {
    /// In the log of the sample.
    At(u64),
    /// What left the log stands alone, as one of this organisation.
    Elsewhere(OrganisationId),
    /// Where the earlier copy ends.
    EndOf(usize),
}

/// Applies statements to a file.
pub(super) fn apply(file: &Path, statements: &[Statement]) {
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    // a copy that nobody keeps
    diesel::sql_query("PRAGMA synchronous = OFF").execute(&mut conn).unwrap();
    for (text, number, bytes) in statements {
        let changed = diesel::sql_query(text)
            .bind::<Nullable<BigInt>, _>(number)
            .bind::<Nullable<Binary>, _>(bytes)
            .execute(&mut conn)
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(changed > 0, "{text} changes something");
    }
}

/// Makes changes, one after the other, from a fixed seed.
pub(super) struct Mutator {
    state: u64,
    organisation: Vec<u8>,
    records: Vec<StoredAuditRecord>,
    tiles: Vec<(i64, i64, Vec<u8>)>,
    checkpoints: Vec<(i64, Vec<u8>, Vec<u8>)>,
    told: BTreeMap<&'static str, u32>,
}

const COLUMNS: [&str; 14] = [
    "record_id",
    "organisation_id",
    "space_id",
    "at",
    "action",
    "commitment",
    "leaf_index",
    "salt",
    "user_id",
    "device_id",
    "subject",
    "reason",
    "trace",
    "details",
];

impl Mutator {
    pub(super) fn new(sample: AuditSample) -> Self {
        let (mut records, mut tiles, mut checkpoints) = (Vec::new(), Vec::new(), Vec::new());
        for part in sample.parts() {
            match part {
                AuditPart::Record(record) => records.push(*record),
                AuditPart::Tile { level, tile_index, hashes } => tiles.push((level, tile_index, hashes)),
                AuditPart::Checkpoint { size, root, note } => checkpoints.push((size, root, note)),
                AuditPart::Log { .. } | AuditPart::Unreadable => {}
            }
        }
        let organisation = sample.organisation_id().as_bytes().to_vec();
        Self { state: 0x5eed, organisation, records, tiles, checkpoints, told: BTreeMap::new() }
    }

    /// How often each kind was made.
    pub(super) fn told(&self) -> &BTreeMap<&'static str, u32> {
        &self.told
    }

    pub(super) fn next(&mut self) -> Mutation {
        let made = match self.below(20) {
            0..=8 => self.flipped_column(),
            9 => self.waiting(),
            10 => self.deleted(),
            11 => self.inserted(),
            12 => self.moved(),
            13..=14 => self.tile(),
            15..=16 => self.checkpoint(),
            17 => self.size(),
            18 => self.rebuilt(),
            _ => {
                let which = self.below(5);
                Mutation { name: "earlier copy", change: Change::Earlier(which), expected: Expected::EndOf(which) }
            }
        };
        *self.told.entry(made.name).or_default() += 1;
        made
    }

    /// A number below another (splitmix64).
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }

    fn flipped(&mut self, bytes: &[u8]) -> Vec<u8> {
        let bit = self.below(bytes.len() * 8);
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    }

    fn flipped_number(&mut self, number: i64) -> i64 {
        number ^ (1 << self.below(64))
    }

    /// What picks a record out.
    fn of(&self, record: &StoredAuditRecord) -> String {
        format!("organisation_id = x'{}' AND record_id = x'{}'", hex(&self.organisation), hex(&record.record_id))
    }

    fn placed(&self) -> usize {
        self.records.iter().filter(|record| record.leaf_index.is_some()).count()
    }

    fn flipped_column(&mut self) -> Mutation {
        let (index, column) = (self.below(self.placed()), COLUMNS[self.below(14)]);
        let record = self.records[index].clone();
        let place = i64::try_from(index).unwrap();
        let (number, bytes, expected) = match column {
            "at" => (Some(self.flipped_number(record.at)), None, place),
            "leaf_index" => {
                let moved = self.flipped_number(place);
                (Some(moved), None, moved.clamp(0, place))
            }
            _ => (None, Some(self.flipped_bytes(&record, column)), place),
        };
        let value = match column {
            "at" | "leaf_index" => "$1",
            "action" | "trace" => "CAST($2 AS TEXT)",
            _ => "$2",
        };
        // both parameters are used, so that both have a place
        let text = format!("UPDATE audit_records SET {column} = iif($1 IS NULL AND $2 IS NULL, NULL, {value}) WHERE {}", self.of(&record));
        Mutation { name: column, change: Change::Statements(vec![(text, number, bytes)]), expected: at(expected) }
    }

    /// A column with a bit flipped; one that is absent gets something.
    fn flipped_bytes(&mut self, record: &StoredAuditRecord, column: &str) -> Vec<u8> {
        let own = match column {
            "record_id" => Some(&record.record_id),
            "organisation_id" => Some(&record.organisation_id),
            "space_id" => record.space_id.as_ref(),
            "action" => Some(&record.action),
            "commitment" => record.commitment.as_ref(),
            "salt" => record.salt.as_ref(),
            "user_id" => record.user_id.as_ref(),
            "device_id" => record.device_id.as_ref(),
            "subject" => record.subject.as_ref(),
            "reason" => record.reason.as_ref(),
            "trace" => record.trace.as_ref(),
            _ => record.details.as_ref(),
        };
        let Some(own) = own else { return self.organisation.clone() };
        loop {
            let flipped = self.flipped(own);
            // `1E21` is the number that `1e21` is: nothing that the record says was changed
            let same = column == "details" && parse_strict(&flipped).ok().is_some_and(|value| parse_strict(own).ok() == Some(value));
            let taken = column == "record_id" && self.records.iter().any(|other| other.record_id == flipped);
            if !same && !taken {
                return flipped;
            }
        }
    }

    fn waiting(&mut self) -> Mutation {
        let placed = self.placed();
        let index = placed + self.below(self.records.len() - placed);
        let record = self.records[index].clone();
        let column = ["subject", "details", "salt", "commitment", "user_id"][self.below(5)];
        let bytes = self.flipped_bytes(&record, column);
        let text = format!("UPDATE audit_records SET {column} = iif($1 IS NULL, $2, $2) WHERE {}", self.of(&record));
        Mutation {
            name: "waiting",
            change: Change::Statements(vec![(text, None, Some(bytes))]),
            expected: at(i64::try_from(placed).unwrap()),
        }
    }

    fn own(&self, table: &str, rest: &str) -> String {
        format!("{table} WHERE organisation_id = x'{}' AND {rest}", hex(&self.organisation))
    }

    fn deleted(&mut self) -> Mutation {
        let index = i64::try_from(self.below(self.placed())).unwrap();
        let delete =
            |this: &Self, rest: &str| (this.own("DELETE FROM audit_records", &format!("{rest} AND $2 IS NULL")), Some(index), None);
        let (name, statements) = match self.below(4) {
            0 => ("deleted", vec![delete(self, "leaf_index = $1")]),
            1 => ("truncated", vec![delete(self, "leaf_index >= $1")]),
            2 => {
                let set = "UPDATE audit_records SET leaf_index = NULL";
                ("unplaced", vec![(self.own(set, "leaf_index = $1 AND $2 IS NULL"), Some(index), None)])
            }
            _ => (
                "deleted and renumbered",
                vec![delete(self, "leaf_index = $1"), {
                    // only the last leaves no other to renumber
                    let set = "UPDATE audit_records SET leaf_index = leaf_index - (leaf_index > $1)";
                    (self.own(set, "leaf_index IS NOT NULL AND $2 IS NULL"), Some(index), None)
                }],
            ),
        };
        Mutation { name, change: Change::Statements(statements), expected: at(index) }
    }

    fn inserted(&mut self) -> Mutation {
        let placed = self.placed();
        let (from, to) = (self.below(placed), i64::try_from(self.below(placed + 1)).unwrap());
        let mut record_id = self.records[from].record_id.clone();
        record_id[0] ^= 0x80;
        let mut statements = Vec::new();
        let renumbered = self.below(2) == 0 && usize::try_from(to).unwrap() < placed;
        if renumbered {
            let set = "UPDATE audit_records SET leaf_index = leaf_index + 1";
            statements.push((self.own(set, "leaf_index >= $1 AND $2 IS NULL"), Some(to), None));
        }
        let rest = COLUMNS.iter().filter(|column| !["record_id", "leaf_index"].contains(column)).copied().collect::<Vec<_>>().join(", ");
        let copy = format!(
            "INSERT INTO audit_records (leaf_index, record_id, {rest}) SELECT $1, $2, {rest} FROM audit_records WHERE {}",
            self.of(&self.records[from])
        );
        statements.push((copy, Some(to), Some(record_id)));
        Mutation {
            name: if renumbered { "inserted and renumbered" } else { "inserted" },
            change: Change::Statements(statements),
            expected: at(to),
        }
    }

    fn moved(&mut self) -> Mutation {
        let placed = self.placed();
        let one = self.below(placed);
        let other = (one + 1 + self.below(placed - 1)) % placed;
        let set = |this: &Self, index: usize, place: usize| {
            let text = format!("UPDATE audit_records SET leaf_index = $1 WHERE $2 IS NULL AND {}", this.of(&this.records[index]));
            (text, Some(i64::try_from(place).unwrap()), None)
        };
        let statements = vec![set(self, one, other), set(self, other, one)];
        Mutation { name: "swapped", change: Change::Statements(statements), expected: at(i64::try_from(one.min(other)).unwrap()) }
    }

    fn tile(&mut self) -> Mutation {
        let index = self.below(self.tiles.len());
        let (level, tile_index, hashes) = self.tiles[index].clone();
        let leaf_of = |position: usize| (tile_index * 256 + i64::try_from(position).unwrap()) << (8 * level);
        let row = self.own("", &format!("level = {level} AND tile_index = {tile_index}"));
        let width = hashes.len() / 32;
        let cut = self.below(hashes.len());
        let (name, text, number, bytes, index) = match self.below(5) {
            0 => ("tile deleted", format!("DELETE FROM audit_tiles {row} AND $1 IS NULL AND $2 IS NULL"), None, None, leaf_of(0)),
            1 => (
                "tile shortened",
                format!("UPDATE audit_tiles SET hashes = iif($1 IS NULL, $2, $2) {row}"),
                None,
                Some(hashes[..cut].to_vec()),
                leaf_of(cut / 32),
            ),
            2 => {
                // where no other tile stands
                let number = loop {
                    let moved = self.flipped_number(tile_index);
                    if !self.tiles.iter().any(|(own, index, _)| (*own, *index) == (level, moved)) {
                        break moved;
                    }
                };
                let index = if number < 0 { 0 } else { leaf_of(0) };
                ("tile moved", format!("UPDATE audit_tiles SET tile_index = $1 {row} AND $2 IS NULL"), Some(number), None, index)
            }
            3 => {
                let foreign = self.flipped(&self.organisation.clone());
                (
                    "tile given away",
                    format!("UPDATE audit_tiles SET organisation_id = iif($1 IS NULL, $2, $2) {row}"),
                    None,
                    Some(foreign),
                    leaf_of(0),
                )
            }
            _ => {
                let position = self.below(width);
                let mut changed = hashes.clone();
                let hash = self.flipped(&hashes[position * 32..position * 32 + 32]);
                changed[position * 32..position * 32 + 32].copy_from_slice(&hash);
                (
                    "tile flipped",
                    format!("UPDATE audit_tiles SET hashes = iif($1 IS NULL, $2, $2) {row}"),
                    None,
                    Some(changed),
                    leaf_of(position),
                )
            }
        };
        Mutation { name, change: Change::Statements(vec![(text, number, bytes)]), expected: at(index) }
    }

    fn checkpoint(&mut self) -> Mutation {
        let index = self.below(self.checkpoints.len());
        let (size, root, note) = self.checkpoints[index].clone();
        let row = self.own("", &format!("size = {size}"));
        let before = |this: &Self, bound: i64| {
            this.checkpoints.iter().map(|one| one.0).filter(|one| *one < bound && *one != size).max().unwrap_or(0)
        };
        let set = |column: &str, value: &str| format!("UPDATE audit_checkpoints SET {column} = iif($1 IS NULL, {value}, $1) {row}");
        let (name, text, number, bytes, expected) = match self.below(4) {
            0 => ("note flipped", set("note", "CAST($2 AS TEXT)"), None, Some(self.flipped(&note)), at(before(self, size))),
            1 => ("root flipped", set("root", "$2"), None, Some(self.flipped(&root)), at(before(self, size))),
            2 => {
                let claimed = self.flipped_number(size);
                ("checkpoint's size", set("size", "$2"), Some(claimed), None, at(before(self, claimed)))
            }
            _ => {
                let foreign = self.flipped(&self.organisation.clone());
                let elsewhere = Expected::Elsewhere(OrganisationId::from_slice(&foreign).unwrap());
                ("checkpoint given away", set("organisation_id", "$2"), None, Some(foreign), elsewhere)
            }
        };
        Mutation { name, change: Change::Statements(vec![(text, number, bytes)]), expected }
    }

    fn size(&mut self) -> Mutation {
        let size = i64::try_from(self.placed()).unwrap();
        let (name, text, number, index) = match self.below(2) {
            0 => {
                let claimed = self.flipped_number(size);
                ("size flipped", self.own("UPDATE audit_trees SET size = $1", "$2 IS NULL"), Some(claimed), claimed.clamp(0, size))
            }
            _ => ("size deleted", self.own("DELETE FROM audit_trees", "$1 IS NULL AND $2 IS NULL"), None, 0),
        };
        Mutation { name, change: Change::Statements(vec![(text, number, None)]), expected: at(index) }
    }

    /// A record is changed, and the tree made anew: only what was signed tells.
    fn rebuilt(&mut self) -> Mutation {
        let index = self.below(self.placed());
        let mut records = self.records.clone();
        records[index].at += 1;
        let leaves = records.iter().take(self.placed()).zip(0..).map(|(record, seq)| leaf_of(record).hash(seq)).collect::<Vec<_>>();
        let text = format!("UPDATE audit_records SET at = $1 WHERE $2 IS NULL AND {}", self.of(&records[index]));
        let mut statements = vec![(text, Some(records[index].at), None)];
        for (id, tile) in tiles::append(0, &leaves, |_| None).unwrap() {
            let row = self.own("", &format!("level = {} AND tile_index = {}", id.level, id.index));
            statements.push((format!("UPDATE audit_tiles SET hashes = iif($1 IS NULL, $2, $2) {row}"), None, Some(tile.to_bytes())));
        }
        let signed = self.checkpoints.iter().map(|one| one.0).filter(|size| usize::try_from(*size).unwrap() <= index).max();
        Mutation { name: "rebuilt", change: Change::Statements(statements), expected: at(signed.unwrap_or(0)) }
    }
}

fn at(index: i64) -> Expected {
    Expected::At(index.try_into().unwrap())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from_digit(digit.into(), 16).unwrap()).collect()
}

fn leaf_of(stored: &StoredAuditRecord) -> Leaf {
    Leaf {
        record_id: Uuid::from_slice(&stored.record_id).unwrap(),
        organisation_id: OrganisationId::from_slice(&stored.organisation_id).unwrap(),
        space_id: stored.space_id.as_deref().and_then(SpaceId::from_slice),
        at: Timestamp::from_millis(stored.at),
        action: String::from_utf8(stored.action.clone()).unwrap(),
        commitment: stored.commitment.as_deref().and_then(Hash::from_slice).unwrap(),
    }
}
