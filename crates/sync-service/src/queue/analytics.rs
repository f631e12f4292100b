//! How the queue went: figures of a span of time, and what to do about them.

use std::collections::BTreeMap;

use queue::advice::{Advice, Figures, advise};
use queue::histogram::Histogram;
use queue::sizing::STEP_MS;
use sync_core::ports::{Access, ItemCount, ItemState, QueueFigure, QueueFilter, Tx};
use sync_core::protocol::v1::queue::{AdviceText, Analytics, DeviceHealth, EtaAccuracy, LaneFigures, Latency, Point, ReasonCount};
use sync_core::{Code, DeviceId, Problem, SpaceId, Status, Timestamp};

use super::flush::HOUR_S;
use super::pending::totals;
use super::recorder::MINUTE_S;
use super::sight::Sight;
use super::span::Span;
use crate::{Caller, Service, ServiceResult};

/// The longest span of minutes and of hours.
const LONGEST_MS: [(i32, i64); 2] = [(MINUTE_S, 48 * 3_600_000), (HOUR_S, 400 * 24 * 3_600_000)];
/// Parts of the time in which devices are looked at.
const PARTS: usize = 8;
/// Devices that are told.
const MAX_DEVICES: usize = 50;

/// Which figures.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnalyticsQuery {
    /// From when; absent: an hour before `to` by minutes, a day by hours.
    pub from: Option<Timestamp>,
    /// Until when; absent: now.
    pub to: Option<Timestamp>,
    /// By hours instead of minutes.
    pub hours: bool,
    /// What waits is told of this space only.
    pub space_id: Option<SpaceId>,
}

impl Service {
    /// How the organisation's queue went, for admins; who leads a space is told what waits in it, and what to do about that.
    ///
    /// # Errors
    /// `forbidden`; `malformed` for a span that is empty or too long; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn queue_analytics(&self, caller: &Caller, query: AnalyticsQuery) -> ServiceResult<Analytics> {
        let (caller, now) = (*caller, self.now());
        let (from, to, step_s) = span_of(&query, now)?;
        // what this node counted since the last time is told too
        self.flush_queue_figures().await?;
        let work = move |tx: &mut dyn Tx| {
            let sight = Sight::load(tx, &caller)?;
            if !(caller.admin || sight.leads_any()) {
                let detail = "figures of the queue are for admins of the organisation, and for those who lead a space";
                return Err(Problem::new(Code::Forbidden, detail).into());
            }
            let filter = QueueFilter { visible: sight.visible(), space_id: query.space_id, ..QueueFilter::default() };
            let counts = tx.count_queue(caller.organisation_id, &filter)?;
            // what was counted is of all spaces
            if !caller.admin {
                return Ok((counts, Vec::new()));
            }
            let mut figures = tx.list_figures(Some(caller.organisation_id), step_s, (from, to))?;
            if step_s == HOUR_S {
                // hours are of what is old; what is not is still in minutes
                figures.extend(tx.list_figures(Some(caller.organisation_id), MINUTE_S, (from, to))?);
            }
            Ok((counts, figures))
        };
        let (counts, figures) = self.decide(caller.oversee(Access::Read), work).await?;
        let window = Window { from, to, step_s, now, ceiling: self.recorder.most_workers(), most_per_step: self.queue.config.step_items };
        Ok(window.analytics(&counts, &figures, caller.admin))
    }
}

fn span_of(query: &AnalyticsQuery, now: Timestamp) -> Result<(Timestamp, Timestamp, i32), Problem> {
    let (step_s, usual) = if query.hours { (HOUR_S, 24 * 3_600_000) } else { (MINUTE_S, 3_600_000) };
    let to = query.to.unwrap_or(now);
    let from = query.from.unwrap_or(to.plus_ms(-usual));
    let longest = LONGEST_MS.iter().find(|(step, _)| *step == step_s).map_or(0, |(_, longest)| *longest);
    if from >= to || to.millis().saturating_sub(from.millis()) > longest {
        let detail = format!("the query: from is to be before to, by no more than {} hours with this step", longest / 3_600_000);
        return Err(Problem::new(Code::Malformed, detail));
    }
    Ok((from, to, step_s))
}

/// A span of time that is looked at.
struct Window {
    from: Timestamp,
    to: Timestamp,
    step_s: i32,
    now: Timestamp,
    ceiling: usize,
    most_per_step: usize,
}

impl Window {
    fn analytics(&self, counts: &[ItemCount], figures: &[QueueFigure], of_devices: bool) -> Analytics {
        let steps = self.steps(figures);
        let (mut lanes, mut all): (BTreeMap<i32, Span>, Span) = Default::default();
        for ((_, lane), span) in &steps {
            lanes.entry(*lane).or_default().merge(span);
            all.merge(span);
        }
        let devices = if of_devices { self.devices(&steps) } else { Vec::new() };
        let advice = advise(&self.figures(counts, (&lanes, &all), &devices));
        let [conflict, merged] = [Status::Conflict, Status::Merged].map(|status| all.with_status(status));
        Analytics {
            from: self.from,
            to: self.to,
            step_s: self.step_s.into(),
            waiting: totals(counts),
            series: steps.iter().map(|((at, lane), span)| point(*at, *lane, span)).collect(),
            lanes: lanes.iter().map(|(lane, span)| self.lane(*lane, span)).collect(),
            conflict_rate: share(conflict, all.decided_count()),
            auto_resolution_rate: share(merged, merged.saturating_add(conflict)),
            reasons: reasons(&all),
            retries: all.retries,
            parked: all.parked,
            eta: EtaAccuracy {
                estimates: all.eta.estimates,
                mean_off: all.eta.mean_off().and_then(|off| share(off, 1_000)),
                within_range: all.eta.coverage().and_then(|coverage| share(coverage, 1_000)),
            },
            statuses: all.decided,
            devices,
            advice: advice.into_iter().map(|Advice { code, text }| AdviceText { code, text }).collect(),
        }
    }

    /// What was counted by step and lane, over all nodes.
    fn steps(&self, figures: &[QueueFigure]) -> BTreeMap<(i64, i32), Span> {
        let step_ms = i64::from(self.step_s) * 1_000;
        let mut steps: BTreeMap<(i64, i32), Span> = BTreeMap::new();
        for figure in figures {
            let at = figure.at.millis() - figure.at.millis().rem_euclid(step_ms);
            steps.entry((at, figure.lane)).or_default().merge(&Span::read(&figure.body));
        }
        steps
    }

    fn lane(&self, lane: i32, span: &Span) -> LaneFigures {
        let minutes = (self.to.millis().min(self.now.millis()) - self.from.millis()).max(60_000) / 60_000;
        let decided = span.decided_count();
        LaneFigures {
            lane,
            accepted: span.accepted,
            decided,
            per_minute: share(decided, minutes.unsigned_abs()).unwrap_or_default(),
            wait: latency(&span.wait),
            work: latency(&span.work),
        }
    }

    /// Devices with what came and was decided, and how far they were behind at the end of each part of the time.
    fn devices(&self, steps: &BTreeMap<(i64, i32), Span>) -> Vec<DeviceHealth> {
        let length = (self.to.millis() - self.from.millis()).max(1);
        let parts = i64::try_from(PARTS).unwrap_or(1);
        let mut all: BTreeMap<DeviceId, [(u64, u64); PARTS]> = BTreeMap::new();
        for ((at, _), span) in steps {
            let part = usize::try_from((at - self.from.millis()).max(0) * parts / length).unwrap_or(0).min(PARTS - 1);
            for (device_id, (accepted, decided)) in &span.devices {
                if let Some(counts) = all.entry(*device_id).or_default().get_mut(part) {
                    *counts = (counts.0.saturating_add(*accepted), counts.1.saturating_add(*decided));
                }
            }
        }
        let mut healths: Vec<DeviceHealth> = all.into_iter().map(|(device_id, parts)| health(device_id, &parts)).collect();
        healths.sort_by_key(|health| (std::cmp::Reverse(health.behind.last().copied()), health.device_id));
        healths.truncate(MAX_DEVICES);
        healths
    }

    /// What advice is computed from.
    fn figures(&self, counts: &[ItemCount], (lanes, all): (&BTreeMap<i32, Span>, &Span), devices: &[DeviceHealth]) -> Figures {
        let of_lane = |lane: i32| lanes.get(&lane).map_or(0, |span| span.accepted);
        let parked = counts.iter().filter(|count| count.state == ItemState::Parked).map(|count| count.oldest).min();
        let hours = |since: Timestamp| u64::try_from((self.now.millis() - since.millis()) / 3_600_000).unwrap_or(0);
        Figures {
            decided: all.step_items,
            lanes: [0, 1, 2, 3].map(of_lane),
            steps: all.work.count(),
            step_p95_ms: all.work.quantile(950).unwrap_or(0),
            budget_ms: STEP_MS.unsigned_abs(),
            most_per_step: u64::try_from(self.most_per_step).unwrap_or(u64::MAX),
            depth: lanes.values().filter_map(|span| span.depth.checked_div(span.looks)).sum(),
            saturated: all.saturated_ms.saturating_mul(1_000).checked_div(all.watched_ms).unwrap_or(0),
            ceiling: u64::try_from(self.ceiling).unwrap_or(0),
            reasons: all.parked_reasons.iter().map(|(code, count)| (code.clone(), *count)).collect(),
            oldest_parked_h: parked.map_or(0, hours),
            devices: devices.iter().map(|health| (format!("the device {}", health.device_id), health.behind.clone())).collect(),
            eta: all.eta,
        }
    }
}

fn health(device_id: DeviceId, parts: &[(u64, u64)]) -> DeviceHealth {
    let (mut accepted, mut decided, mut behind) = (0_u64, 0_u64, Vec::new());
    for (came, went) in parts {
        (accepted, decided) = (accepted.saturating_add(*came), decided.saturating_add(*went));
        behind.push(accepted.saturating_sub(decided));
    }
    DeviceHealth { device_id, accepted, decided, behind }
}

fn point(at: i64, lane: i32, span: &Span) -> Point {
    Point {
        at: Timestamp::from_millis(at),
        lane,
        accepted: span.accepted,
        decided: span.decided_count(),
        retries: span.retries,
        parked: span.parked,
        depth: span.depth.checked_div(span.looks),
    }
}

fn latency(histogram: &Histogram) -> Latency {
    Latency {
        count: histogram.count(),
        p50_ms: histogram.quantile(500),
        p95_ms: histogram.quantile(950),
        p99_ms: histogram.quantile(990),
        max_ms: histogram.largest(),
        buckets: histogram.buckets().collect(),
    }
}

fn reasons(all: &Span) -> Vec<ReasonCount> {
    let parked = |code: &String| all.parked_reasons.get(code).copied().unwrap_or(0);
    let mut reasons: Vec<ReasonCount> =
        all.reasons.iter().map(|(code, failures)| ReasonCount { code: code.clone(), failures: *failures, parked: parked(code) }).collect();
    reasons.sort_by(|one, other| other.failures.cmp(&one.failures).then_with(|| one.code.cmp(&other.code)));
    reasons
}

/// A share to four places; `None` of nothing.
fn share(part: u64, whole: u64) -> Option<f64> {
    let ten_thousandths = (u128::from(part) * 10_000).checked_div(u128::from(whole))?;
    Some(f64::from(u32::try_from(ten_thousandths).unwrap_or(u32::MAX)) / 10_000.0)
}
