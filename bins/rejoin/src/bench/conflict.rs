//! `rejoin bench conflict`: two devices edit different fields of the same documents from the same base, at the same
//! time; then everything is read back.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::crew::{Plan, Tally, Work, Worker, create_spaces, share_out};
use super::data::Fields;
use super::pull;
use super::report::{number, round};
use super::target::Target;
use crate::failure::Failure;
use crate::progress::Progress;

/// What came of the edits.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ConflictFigures {
    pub(crate) database: &'static str,
    pub(crate) documents: usize,
    pub(crate) edits: u64,
    pub(crate) edits_per_s: f64,
    /// Edits whose fields do not stand in the documents in the end.
    pub(crate) lost_edits: u64,
    /// Edits that met another device's, and were merged with it when they first arrived.
    pub(crate) merged_in_first_round_trip: u64,
    /// The same as a share of all documents: each was edited twice.
    pub(crate) share_merged: f64,
    /// Results by status.
    pub(crate) statuses: BTreeMap<String, u64>,
}

/// A document as it is read back.
#[derive(Debug, Deserialize)]
struct Item {
    document_id: String,
    document: Option<Map<String, Value>>,
}

/// Runs it with two devices, in a space of its own.
pub(crate) async fn measure(target: &Target, plan: &Plan, batch: usize, progress: &Progress) -> Result<ConflictFigures, Failure> {
    let plan = Plan { devices: 2, spaces: 1, ..*plan };
    progress.begin("log in", 2);
    let mut ana = Worker::login(&target.endpoint, &target.account, 0, &plan).await?;
    let mut rui = Worker::login(&target.endpoint, &target.account, 1, &plan).await?;
    let spaces = create_spaces(&mut ana.device, 1).await?;
    share_out(&plan, &spaces, std::slice::from_mut(&mut ana));
    share_out(&plan, &spaces, std::slice::from_mut(&mut rui));
    progress.begin("make documents", plan.documents);
    ana.create_documents(|made| progress.advance(made), plan.document_bytes).await?;
    rui.documents.clone_from(&ana.documents);
    let seconds = edit_all(&mut ana, &mut rui, batch, progress).await?;
    let mut tally = Tally::default();
    for worker in [&ana, &rui] {
        tally.add(&worker.tally);
    }
    let space = spaces.first().map(String::as_str).unwrap_or_default();
    progress.begin("read back", plan.documents);
    let read: HashMap<Uuid, Map<String, Value>> = read_back(&mut ana, space, &plan).await?;
    let written = ana.written.iter().chain(&rui.written).flatten();
    let lost_edits = count(written.filter(|(id, patch)| !stands(read.get(id), patch)).count());
    let merged = tally.statuses.get("merged").copied().unwrap_or_default();
    let edits = 2 * count(plan.documents);
    Ok(ConflictFigures {
        database: target.database,
        documents: plan.documents,
        edits,
        edits_per_s: round(number(edits) / seconds, 1),
        lost_edits,
        merged_in_first_round_trip: merged,
        share_merged: round(number(merged) / number(count(plan.documents)), 4),
        statuses: tally.statuses,
    })
}

/// Both edit every document, each over the version that was made; the seconds that it took.
async fn edit_all(ana: &mut Worker, rui: &mut Worker, batch: usize, progress: &Progress) -> Result<f64, Failure> {
    (ana.written, rui.written) = (Some(Vec::new()), Some(Vec::new()));
    let documents = ana.documents.len();
    progress.begin("conflict", documents);
    let began = Instant::now();
    let mut first = 0;
    while first < documents {
        let places: Vec<usize> = (first..documents.min(first + batch)).collect();
        let (one, other) =
            tokio::join!(ana.send(&places, Work::Edit(Fields::PlaceAndGuests)), rui.send(&places, Work::Edit(Fields::StartAndState)));
        one.and(other)?;
        progress.advance(places.len());
        first += batch;
    }
    Ok(began.elapsed().as_secs_f64())
}

/// Fails when an edit was lost, or was anything but applied or merged.
pub(crate) fn must_be_merged(figures: &ConflictFigures) -> Result<(), Failure> {
    if figures.lost_edits > 0 {
        return Err(Failure::Failed(format!("{} of {} edits were lost", figures.lost_edits, figures.edits)));
    }
    if figures.merged_in_first_round_trip != count(figures.documents) {
        return Err(Failure::Failed(format!(
            "of two edits of different fields, one should be applied and the other merged, in each of {} documents: {:?}",
            figures.documents, figures.statuses
        )));
    }
    Ok(())
}

async fn read_back(worker: &mut Worker, space: &str, plan: &Plan) -> Result<HashMap<Uuid, Map<String, Value>>, Failure> {
    let mut documents = HashMap::new();
    let mut cursor = None;
    loop {
        let page = pull::page(&mut worker.device, space, cursor.as_deref(), plan.encoding).await?;
        for item in page.items {
            let item: Item =
                serde_json::from_str(item.get()).map_err(|error| Failure::Failed(format!("an item can't be read: {error}")))?;
            if let (Ok(id), Some(document)) = (item.document_id.parse(), item.document) {
                documents.insert(id, document);
            }
        }
        cursor = Some(page.cursor);
        if !page.has_more {
            return Ok(documents);
        }
    }
}

/// Whether the fields of a patch stand in a document.
fn stands(document: Option<&Map<String, Value>>, patch: &str) -> bool {
    let Some(document) = document else { return false };
    serde_json::from_str::<Map<String, Value>>(patch)
        .is_ok_and(|patch| !patch.is_empty() && patch.iter().all(|(name, value)| document.get(name) == Some(value)))
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_edit_stands_when_all_of_its_fields_do() {
        let document = json!({"place": "Barn 1", "guests": 1, "status": "moved 1"});
        let document = document.as_object();
        assert!(stands(document, r#"{"place":"Barn 1","guests":1}"#));
        assert!(!stands(document, r#"{"place":"Barn 1","guests":2}"#));
        assert!(!stands(document, r#"{"starts_at":"2026-06-20T16:00"}"#));
        assert!(!stands(None, r#"{"place":"Barn 1"}"#));
        assert!(!stands(document, "{}"));
    }

    #[test]
    fn a_lost_edit_fails_the_run() {
        let figures = |lost_edits, merged| ConflictFigures {
            database: "sqlite",
            documents: 10,
            edits: 20,
            edits_per_s: 1.0,
            lost_edits,
            merged_in_first_round_trip: merged,
            share_merged: 1.0,
            statuses: BTreeMap::new(),
        };
        assert!(must_be_merged(&figures(0, 10)).is_ok());
        assert!(must_be_merged(&figures(1, 10)).is_err());
        assert!(must_be_merged(&figures(0, 9)).is_err());
    }
}
