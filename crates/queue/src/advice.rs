//! What somebody who runs the queue should do, in words, from what was counted.
//!
//! | code | said when |
//! |---|---|
//! | `batch_too_small` | steps end far below their time while much waits, because few items are taken at once |
//! | `batch_too_large` | steps take more than twice their time |
//! | `lanes_useless` | nine of ten items are in lane 0: what is urgent has nothing to overtake |
//! | `device_never_drains` | a device's work waits longer and longer, over at least half of the time that was looked at |
//! | `ceiling_too_low` | all workers were busy nearly always while things waited that others could have taken |
//! | `poison_repeats` | one reason stands behind most of what is parked |
//! | `eta_unreliable` | estimates were off by more than half, or fewer than 7 of 10 were within their range |
//! | `parked_waits` | dead letters have been waiting for somebody for more than a day |

use serde::{Deserialize, Serialize};

use crate::eta::Score;

/// What was counted, over the time that is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Items that were decided.
    pub decided: u64,
    /// Of the items that came, how many were in each lane.
    pub lanes: [u64; 4],
    /// Steps of workers.
    pub steps: u64,
    /// The time that nineteen of twenty steps stayed within, in milliseconds.
    pub step_p95_ms: u64,
    /// What a step is to take.
    pub budget_ms: u64,
    /// The most items that a step may take.
    pub most_per_step: u64,
    /// How much waited on the average.
    pub depth: u64,
    /// Thousandths of the time in which every worker was busy while more could have been taken.
    pub saturated: u64,
    /// The most workers there may be.
    pub ceiling: u64,
    /// Why operations are parked, how many for each reason, by their number.
    pub reasons: Vec<(String, u64)>,
    /// When the oldest dead letter was parked, in hours.
    pub oldest_parked_h: u64,
    /// Devices with what of theirs waited, from the earliest on, one number for each part of the time.
    pub devices: Vec<(String, Vec<u64>)>,
    /// How right estimates were.
    pub eta: Score,
}

/// A piece of advice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// For programs.
    pub code: String,
    /// For people.
    pub text: String,
}

/// What is to be said about the figures; nothing where all is well.
#[must_use]
pub fn advise(figures: &Figures) -> Vec<Advice> {
    let rules = [size, lanes, ceiling, poison, parked, estimates];
    let mut all: Vec<Advice> = rules.iter().filter_map(|rule| rule(figures)).collect();
    all.extend(figures.devices.iter().filter_map(|(name, depths)| device(name, depths)));
    all
}

fn advice(code: &str, text: String) -> Advice {
    Advice { code: code.into(), text }
}

fn size(figures: &Figures) -> Option<Advice> {
    let Figures { steps, decided, step_p95_ms: took, budget_ms: budget, most_per_step: most, depth, .. } = figures;
    let per_step = decided.checked_div(*steps).filter(|_| *steps >= 20)?;
    if *took > budget.saturating_mul(2) {
        let text = format!(
            "A worker's step takes up to {took} ms where {budget} ms are meant, so that single pushes wait for it. Take fewer \
             items at once: a step took {per_step} on the average, and may take {most}."
        );
        return Some(advice("batch_too_large", text));
    }
    let full = per_step.saturating_mul(10) >= most.saturating_mul(9);
    (took.saturating_mul(2) < *budget && full && *depth > per_step.saturating_mul(10)).then(|| {
        let text = format!(
            "{depth} items wait on the average, and steps end after {took} ms of {budget} because no more than {most} items are \
             taken at once. Let workers take more."
        );
        advice("batch_too_small", text)
    })
}

fn lanes(figures: &Figures) -> Option<Advice> {
    let all: u64 = figures.lanes.iter().fold(0, |sum, lane| sum.saturating_add(*lane));
    let [urgent, ..] = figures.lanes;
    (all >= 100 && urgent.saturating_mul(10) >= all.saturating_mul(9)).then(|| {
        let text = format!(
            "{urgent} of {all} operations were in lane 0. Where everything is urgent nothing overtakes: give fields that are not \
             about safety or times another lane in the schema."
        );
        advice("lanes_useless", text)
    })
}

fn ceiling(figures: &Figures) -> Option<Advice> {
    let Figures { saturated, ceiling, .. } = figures;
    (*saturated >= 800 && *ceiling > 0).then(|| {
        let text = format!(
            "All {ceiling} workers were busy {} % of the time while other spaces waited. Raise the ceiling of workers, or add a \
             node.",
            saturated / 10
        );
        advice("ceiling_too_low", text)
    })
}

fn poison(figures: &Figures) -> Option<Advice> {
    let all: u64 = figures.reasons.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count));
    let (reason, count) = figures.reasons.iter().max_by_key(|(_, count)| *count)?;
    (*count >= 5 && count.saturating_mul(2) > all).then(|| {
        let text = format!(
            "{count} of {all} dead letters have one reason, {reason}. Mend its cause, then retry them together: \
             rejoin queue retry --code {reason}."
        );
        advice("poison_repeats", text)
    })
}

fn parked(figures: &Figures) -> Option<Advice> {
    (figures.oldest_parked_h >= 24).then(|| {
        let days = figures.oldest_parked_h / 24;
        let for_days = if days == 1 { "a day".to_owned() } else { format!("{days} days") };
        let text =
            format!("A dead letter has been waiting for {for_days}. Somebody has to edit, retry or discard it: it is a person's work.");
        advice("parked_waits", text)
    })
}

fn estimates(figures: &Figures) -> Option<Advice> {
    let (off, coverage) = (figures.eta.mean_off()?, figures.eta.coverage()?);
    (figures.eta.estimates >= 50 && (off > 500 || coverage < 700)).then(|| {
        let text = format!(
            "Estimates of when an operation is done were off by {} %, and {} % were within the range that was told. Do not \
             promise them to people while the load changes this fast.",
            off / 10,
            coverage / 10
        );
        advice("eta_unreliable", text)
    })
}

/// A device that never drains: something of it waits in every part of the time, and not less at the end than in the middle,
/// nor there than at the beginning.
fn device(name: &str, depths: &[u64]) -> Option<Advice> {
    let [first, .., last] = depths else { return None };
    let middle = depths.get(depths.len() / 2)?;
    let never = depths.len() >= 4 && depths.iter().all(|depth| *depth > 0) && first <= middle && middle <= last && *last >= 10;
    never.then(|| {
        let text = format!(
            "What waits of {name} does not become less: {first} at the beginning, {last} now. It sends faster than it is \
             worked off, or something of it is held behind a dead letter."
        );
        advice("device_never_drains", text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calm() -> Figures {
        Figures {
            decided: 40_000,
            lanes: [2_000, 30_000, 5_000, 3_000],
            steps: 400,
            step_p95_ms: 24,
            budget_ms: 25,
            most_per_step: 500,
            depth: 20,
            saturated: 100,
            ceiling: 4,
            reasons: vec![("internal".into(), 2), ("unavailable".into(), 2)],
            oldest_parked_h: 3,
            devices: vec![("Rui's iPad".into(), vec![0, 400, 200, 0])],
            eta: Score { estimates: 900, within: 820, off: 900 * 150 },
        }
    }

    fn check(change: impl FnOnce(&mut Figures), expected: Option<(&str, &str)>) {
        let mut figures = calm();
        change(&mut figures);
        let told = advise(&figures);
        let codes: Vec<&str> = told.iter().map(|advice| advice.code.as_str()).collect();
        match expected {
            None => assert_eq!(codes, [""; 0]),
            Some((code, words)) => {
                assert_eq!(codes, [code]);
                assert!(told[0].text.contains(words), "{}", told[0].text);
            }
        }
    }

    #[test]
    fn nothing_is_said_where_all_is_well() {
        check(|_| (), None);
        assert_eq!(advise(&Figures::default()), []);
    }

    #[test]
    fn sizes() {
        check(|now| now.step_p95_ms = 51, Some(("batch_too_large", "up to 51 ms where 25 ms are meant")));
        check(|now| now.step_p95_ms = 50, None);
        let cramped = |now: &mut Figures| (now.step_p95_ms, now.most_per_step, now.depth) = (6, 100, 9_000);
        check(cramped, Some(("batch_too_small", "no more than 100 items")));
        check(|now| (now.step_p95_ms, now.most_per_step, now.depth) = (6, 100, 900), None);
        check(|now| (now.step_p95_ms, now.steps) = (900, 19), None);
    }

    #[test]
    fn lanes_and_workers() {
        check(|now| now.lanes = [900, 60, 30, 10], Some(("lanes_useless", "900 of 1000")));
        check(|now| now.lanes = [899, 61, 30, 10], None);
        check(|now| now.lanes = [90, 0, 0, 0], None);
        check(|now| now.saturated = 800, Some(("ceiling_too_low", "All 4 workers were busy 80 %")));
        check(|now| now.saturated = 799, None);
    }

    #[test]
    fn dead_letters() {
        check(|now| now.reasons = vec![("internal".into(), 5), ("busy".into(), 4)], Some(("poison_repeats", "--code internal")));
        check(|now| now.reasons = vec![("internal".into(), 5), ("busy".into(), 5)], None);
        check(|now| now.reasons = vec![("internal".into(), 4)], None);
        check(|now| now.oldest_parked_h = 24, Some(("parked_waits", "for a day")));
        check(|now| now.oldest_parked_h = 80, Some(("parked_waits", "for 3 days")));
    }

    #[test]
    fn estimates_and_devices() {
        check(|now| now.eta = Score { estimates: 50, within: 50, off: 50 * 501 }, Some(("eta_unreliable", "off by 50 %")));
        check(|now| now.eta = Score { estimates: 50, within: 34, off: 0 }, Some(("eta_unreliable", "68 %")));
        check(|now| now.eta = Score { estimates: 49, within: 0, off: 49 * 9_000 }, None);
        let device = |depths: &[u64]| {
            let devices = vec![("Rui's iPad".to_owned(), depths.to_vec())];
            move |now: &mut Figures| now.devices = devices
        };
        check(device(&[10, 40, 40, 90]), Some(("device_never_drains", "10 at the beginning, 90 now")));
        for drains in [&[10, 40, 30, 20][..], &[10, 0, 40, 90], &[1, 2, 3, 4], &[40, 90, 90], &[]] {
            check(device(drains), None);
        }
    }
}
