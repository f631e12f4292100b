//! `rejoin bench scale`: the same pushes over more and more documents and spaces, the floor beside each.

use super::crew::Plan;
use super::floor;
use super::push;
use super::report::Figures;
use super::target::Target;
use crate::failure::Failure;
use crate::progress::Progress;

/// Documents and spaces of each point.
const POINTS: [(usize, usize); 6] = [(1_000, 1), (100_000, 1), (1_000_000, 1), (1_000, 1_000), (100_000, 1_000), (1_000_000, 1_000)];
/// The same, in little.
const QUICK_POINTS: [(usize, usize); 3] = [(1_000, 1), (20_000, 1), (20_000, 100)];

/// Runs each point on a server of its own; a push and its floor for each.
pub(crate) async fn measure(
    start: impl Fn() -> Result<Target, Failure>,
    plan: &Plan,
    (batch, operations): (usize, usize),
    quick: bool,
    progress: &Progress,
) -> Result<Vec<Figures>, Failure> {
    let points: &[(usize, usize)] = if quick { &QUICK_POINTS } else { &POINTS };
    let mut figures = Vec::new();
    for (documents, spaces) in points {
        let plan = Plan { documents: *documents, spaces: *spaces, ..*plan };
        let mut target = start()?;
        let workers = push::prepare(&target, &plan, progress).await?;
        let (mut workers, mut run) = push::measure(&target, &plan, workers, (batch, operations), progress).await?;
        target.stop_server()?;
        let floor = floor::measure(&target, &plan, &mut workers, &mut run, progress)?;
        figures.extend([run, floor]);
    }
    Ok(figures)
}
