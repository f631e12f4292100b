//! Spans of `tracing` as OpenTelemetry wants them: with ids, a parent, a beginning and an end.
//!
//! A trace begins with a span without a parent. It takes up the trace that the client names in `traceparent` (W3C Trace
//! Context) and its decision whether to sample; otherwise it draws an id and decides by it.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Instant;

use sync_core::ports::{Clock as _, Entropy as _};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::export::Exporter;
use crate::system::{SystemClock, SystemEntropy};

/// The field in which a request's span carries what the client sent.
const TRACEPARENT: &str = "trace.parent";

/// A span that is sampled.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) trace_id: [u8; 16],
    pub(super) id: [u8; 8],
    pub(super) parent_id: Option<[u8; 8]>,
    /// Whether a client is on the other end.
    pub(super) is_server: bool,
    pub(super) name: &'static str,
    pub(super) attributes: Vec<(&'static str, Value)>,
    pub(super) began_ns: u128,
    pub(super) ended_ns: u128,
}

/// An attribute's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    Truth(bool),
}

/// Kept with each span, so that its children know their trace. Of a trace that is not sampled there is nothing to keep.
struct Kept(Option<Span>);

/// Gathers spans and hands them over when they end.
pub(super) struct Spans {
    exporter: Arc<Exporter>,
    sample: f64,
    entropy: SystemEntropy,
    /// The wall clock at some instant: durations come from a clock that does not jump.
    epoch: (Instant, u128),
}

impl Spans {
    pub(super) fn new(exporter: Arc<Exporter>, sample: f64) -> Self {
        let now_ms = u128::try_from(SystemClock.now().millis()).unwrap_or(0);
        Self { exporter, sample, entropy: SystemEntropy::new(), epoch: (Instant::now(), now_ms * 1_000_000) }
    }

    fn now_ns(&self) -> u128 {
        self.epoch.1 + self.epoch.0.elapsed().as_nanos()
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// The trace of a span without a parent here, and its parent elsewhere; `None` when it is not sampled.
    fn root(&self, traceparent: Option<&str>) -> Option<([u8; 16], Option<[u8; 8]>)> {
        if let Some((trace_id, parent_id, sampled)) = traceparent.and_then(read_traceparent) {
            return sampled.then_some((trace_id, Some(parent_id)));
        }
        let trace_id = self.random();
        is_sampled(trace_id, self.sample).then_some((trace_id, None))
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let inherited = span.parent().map(|parent| {
            let extensions = parent.extensions();
            let kept = extensions.get::<Kept>().and_then(|Kept(kept)| kept.as_ref());
            kept.map(|kept| (kept.trace_id, Some(kept.id)))
        });
        let is_server = inherited.is_none();
        let place = inherited.unwrap_or_else(|| self.root(fields.traceparent.as_deref()));
        let kept = place.map(|(trace_id, parent_id)| Span {
            trace_id,
            id: self.random(),
            parent_id,
            is_server,
            name: attributes.metadata().name(),
            attributes: fields.others,
            began_ns: self.now_ns(),
            ended_ns: 0,
        });
        span.extensions_mut().insert(Kept(kept));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if let Some(Kept(Some(kept))) = extensions.get_mut::<Kept>() {
            let mut fields = Fields::default();
            values.record(&mut fields);
            kept.attributes.extend(fields.others);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let kept = span.extensions_mut().remove::<Kept>();
        if let Some(Kept(Some(mut ended))) = kept {
            ended.ended_ns = self.now_ns();
            self.exporter.take(ended);
        }
    }
}

/// The fields of a span.
#[derive(Default)]
struct Fields {
    traceparent: Option<String>,
    others: Vec<(&'static str, Value)>,
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.others.push((field.name(), Value::Number(value)));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record_i64(field, i64::try_from(value).unwrap_or(i64::MAX));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.others.push((field.name(), Value::Truth(value)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == TRACEPARENT {
            self.traceparent = Some(value.to_owned());
        } else {
            self.others.push((field.name(), Value::Text(value.to_owned())));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// `00-TRACE-PARENT-FLAGS`, in small hexadecimal letters, neither id zero (W3C Trace Context, 3.2); later versions may
/// add to it.
fn read_traceparent(text: &str) -> Option<([u8; 16], [u8; 8], bool)> {
    let mut parts = text.split('-');
    let [version] = bytes::<1>(parts.next()?)?;
    let (trace_id, parent_id) = (bytes::<16>(parts.next()?)?, bytes::<8>(parts.next()?)?);
    let [flags] = bytes::<1>(parts.next()?)?;
    let whole = version != 0xff && (version > 0 || parts.next().is_none());
    (whole && trace_id != [0; 16] && parent_id != [0; 8]).then_some((trace_id, parent_id, flags & 1 == 1))
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let small = hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if hex.len() != 2 * N || !small {
        return None;
    }
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// By the id's last bytes, which are random: every node decides the same.
fn is_sampled(trace_id: [u8; 16], sample: f64) -> bool {
    let low = trace_id.last_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    f64::from(low) < sample * (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_standard_allows() {
        let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        let read = |text: &str| read_traceparent(text).map(|(_, _, sampled)| sampled);
        assert_eq!(read(&format!("00-{trace}-{parent}-01")), Some(true));
        assert_eq!(read(&format!("00-{trace}-{parent}-00")), Some(false));
        assert_eq!(read(&format!("cc-{trace}-{parent}-01-what-comes-later")), Some(true));
        for wrong in [
            String::new(),
            format!("ff-{trace}-{parent}-01"),
            format!("00-{trace}-{parent}"),
            format!("00-{trace}-{parent}-01-more"),
            format!("00-{}-{parent}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{}-{parent}-01", trace.to_uppercase()),
            format!("00-{trace}x-{parent}-01"),
        ] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn samples_a_share() {
        let ids: Vec<[u8; 16]> = (0..1_000_u32)
            .map(|number| {
                let mut id = [1; 16];
                id[12..].copy_from_slice(&(number * 4_294_967).to_be_bytes());
                id
            })
            .collect();
        let share = |sample| ids.iter().filter(|id| is_sampled(**id, sample)).count();
        assert_eq!((share(0.0), share(1.0)), (0, 1_000));
        assert!((240..=260).contains(&share(0.25)));
        assert!(is_sampled([0xff; 16], 1.0) && !is_sampled([0; 16], 0.0));
    }
}
