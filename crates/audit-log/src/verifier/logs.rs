//! The logs of several organisations, one after the other.

use sync_core::OrganisationId;
use sync_core::ports::AuditPart;
use uuid::Uuid;

use super::{Report, Verifier};
use crate::{Checkpoint, VerifyingKey, origin};

/// What is read does not begin with a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no audit log: it does not begin with the organisation whose log it is; name what `rejoin audit export` wrote")]
pub struct NoLog;

/// Reads the logs of any number of organisations, part by part.
#[derive(Debug)]
pub struct Verification<'a> {
    keys: &'a [VerifyingKey],
    outside: Vec<Checkpoint>,
    current: Option<Verifier<'a>>,
    reports: Vec<Report>,
    headless: bool,
}

impl<'a> Verification<'a> {
    /// With the keys whose signatures count, and checkpoints that were kept elsewhere, whose signatures were checked.
    #[must_use]
    pub const fn new(keys: &'a [VerifyingKey], outside: Vec<Checkpoint>) -> Self {
        Self { keys, outside, current: None, reports: Vec::new(), headless: false }
    }

    /// Takes the next part.
    pub fn take(&mut self, part: &AuditPart) {
        match (part, &mut self.current) {
            (AuditPart::Log { organisation_id, size }, _) => {
                self.end();
                let known = OrganisationId::from_slice(organisation_id);
                self.begin(known.unwrap_or(OrganisationId(Uuid::nil())), *size);
                if let (None, Some(current)) = (known, &mut self.current) {
                    current.take(&AuditPart::Unreadable);
                }
            }
            (_, Some(current)) => current.take(part),
            (_, None) => self.headless = true,
        }
    }

    /// What was found, a report for each log. An organisation of which only a checkpoint is known has lost its log.
    ///
    /// # Errors
    /// [`NoLog`] when something stood before the first log.
    pub fn finish(mut self) -> Result<Vec<Report>, NoLog> {
        self.end();
        let lost = |checkpoint: &Checkpoint| {
            let organisation_id = checkpoint.origin.strip_prefix("rejoin/")?.parse::<OrganisationId>().ok()?;
            self.reports.iter().all(|report| report.organisation_id != organisation_id).then_some(organisation_id)
        };
        let mut lost: Vec<OrganisationId> = self.outside.iter().filter_map(lost).collect();
        lost.sort_unstable();
        lost.dedup();
        for organisation_id in lost {
            self.begin(organisation_id, None);
            self.end();
        }
        if self.headless { Err(NoLog) } else { Ok(self.reports) }
    }

    fn begin(&mut self, organisation_id: OrganisationId, size: Option<i64>) {
        let mut verifier = Verifier::new(organisation_id, size, self.keys);
        let own = origin(organisation_id);
        for checkpoint in self.outside.iter().filter(|checkpoint| checkpoint.origin == own) {
            verifier.hold_against(checkpoint);
        }
        self.current = Some(verifier);
    }

    fn end(&mut self) {
        self.reports.extend(self.current.take().map(Verifier::finish));
    }
}
