//! How often somebody may ask: a budget for each address, person, device and organisation, and one of its own for what is
//! urgent. Budgets refill evenly (the generic cell rate algorithm, ITU-T I.371); the answer tells what is left of the one
//! that is nearest to its end (draft-ietf-httpapi-ratelimit-headers-11).
//!
//! They are counted on each node by itself: a client that spreads its requests over N nodes has N budgets. What has to be
//! exact, wrong passwords, is counted in the database instead.

use std::fmt;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::Extensions;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::Clock;
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};
use sync_core::{Code, Problem, Timestamp};
use sync_service::identity::network_of;
use sync_service::{Caller, Service};

use crate::problem::ApiError;

/// Places for keys in one budget: memory is bounded however many ask. Of ten thousand keys about a hundred share one with
/// another (48 pairs). A place takes memory once somebody asks: 17 bytes in a table that doubles, 36 MB with all taken.
const PLACES: u64 = 1 << 20;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// So many requests in so many seconds, all at once too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Requests.
    pub requests: NonZeroU32,
    /// Seconds.
    pub seconds: NonZeroU32,
}

/// A text that is no [`Allowance`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not as 600/60: requests, a stroke, seconds")]
pub struct NoAllowance(String);

impl FromStr for Allowance {
    type Err = NoAllowance;

    fn from_str(text: &str) -> Result<Self, NoAllowance> {
        let parts = text.split_once('/').and_then(|(requests, seconds)| Some((requests.parse().ok()?, seconds.parse().ok()?)));
        let (requests, seconds) = parts.ok_or_else(|| NoAllowance(text.to_owned()))?;
        Ok(Self { requests, seconds })
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.requests, self.seconds)
    }
}

impl Allowance {
    /// So many in so many seconds; numbers below one count as one.
    #[must_use]
    pub fn new(requests: u32, seconds: u32) -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self { requests: at_least_one(requests), seconds: at_least_one(seconds) }
    }

    /// How long one request takes to come back.
    fn period(self) -> Duration {
        Duration::from_secs(self.seconds.get().into()) / self.requests.get()
    }
}

/// Who may ask how often; `None` is as often as they like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// An address, or an IPv6 network of 64 bits. The loopback has none: behind a proxy that is not declared it is
    /// everybody.
    pub address: Option<Allowance>,
    /// A person, on all devices together.
    pub account: Option<Allowance>,
    /// A device.
    pub device: Option<Allowance>,
    /// All of an organisation.
    pub organisation: Option<Allowance>,
    /// A device whose other budgets are used up: small requests, of which those go on that hold urgent operations only.
    pub urgent: Option<Allowance>,
}

impl Default for Limits {
    /// Far above what devices do by themselves.
    fn default() -> Self {
        let minute = |requests| Some(Allowance::new(requests, 60));
        Self { address: minute(30_000), account: minute(12_000), device: minute(6_000), organisation: minute(120_000), urgent: minute(120) }
    }
}

/// What was asked for and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    name: &'static str,
    allowance: Allowance,
    left: u32,
}

impl Standing {
    /// The one of which less is left.
    fn nearer(self, other: Self) -> Self {
        let share = |standing: Self| u64::from(standing.left) * 1_000_000 / u64::from(standing.allowance.requests.get());
        if share(other) < share(self) { other } else { self }
    }

    /// Tells it in headers.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        let Self { name, allowance, left } = self;
        let missing = allowance.requests.get().saturating_sub(left);
        let full_in_s = (allowance.period() * missing).as_millis().div_ceil(1_000);
        let texts = [
            (RATE_LIMIT_POLICY, format!("\"{name}\";q={};w={}", allowance.requests, allowance.seconds)),
            (RATE_LIMIT, format!("\"{name}\";r={left};t={full_in_s}")),
        ];
        for (header, text) in texts {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(header, value);
            }
        }
    }
}

/// A request that comes too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over {
    /// The budget that is used up.
    pub(crate) standing: Standing,
    wait_ms: u64,
}

impl From<Over> for Problem {
    fn from(over: Over) -> Self {
        let Standing { name, allowance, .. } = over.standing;
        let detail = format!(
            "This {name} may send {} requests in {} s, and has sent them. Keep everything, and send the same again in {} s.",
            allowance.requests,
            allowance.seconds,
            over.wait_ms.div_ceil(1_000)
        );
        Self::new(Code::RateLimited, detail).after_ms(over.wait_ms)
    }
}

impl From<Over> for ApiError {
    fn from(over: Over) -> Self {
        Problem::from(over).into()
    }
}

/// The budgets of a server.
pub(crate) struct Budgets {
    address: Budget,
    account: Budget,
    device: Budget,
    organisation: Budget,
    urgent: Budget,
}

impl Budgets {
    pub(crate) fn new(limits: &Limits, service: &Service) -> Self {
        let time = Time::of(service);
        let budget = |name, allowance| Budget::new(name, allowance, &time);
        Self {
            address: budget("address", limits.address),
            account: budget("account", limits.account),
            device: budget("device", limits.device),
            organisation: budget("organisation", limits.organisation),
            urgent: budget("urgent", limits.urgent),
        }
    }

    /// Takes a request of an address, before anything of it is looked at.
    pub(crate) fn take_from_address(&self, address: Option<IpAddr>) -> Result<Option<Standing>, Over> {
        let network = address.map(network_of);
        network.filter(|network| !network.is_loopback()).map_or(Ok(None), |network| self.address.take(network))
    }

    /// Takes a request of somebody whose token is good, from each of their budgets; the first that is used up says so. What
    /// is left of the one that is nearest to its end.
    pub(crate) fn take(&self, caller: &Caller) -> Result<Option<Standing>, Over> {
        let device = self.device.take(caller.device_id.as_bytes())?;
        let account = self.account.take(caller.user_id.as_bytes())?;
        let organisation = self.organisation.take(caller.organisation_id.as_bytes())?;
        Ok([device, account, organisation].into_iter().flatten().reduce(Standing::nearer))
    }

    /// Takes a small request of a device whose other budgets are used up.
    pub(crate) fn take_urgent(&self, caller: &Caller) -> Result<Option<Standing>, Over> {
        self.urgent.take(caller.device_id.as_bytes())
    }
}

/// Notes what is left of a budget with the request, whose answer tells of the one that is nearest to its end.
pub(crate) fn note(extensions: &mut Extensions, standing: Option<Standing>) {
    let before = extensions.get::<Standing>().copied();
    if let Some(nearest) = before.into_iter().chain(standing).reduce(Standing::nearer) {
        extensions.insert(nearest);
    }
}

type Limiter = RateLimiter<u64, HashMapStateStore<u64>, Time, StateInformationMiddleware>;

/// One kind of budget: one for each key.
struct Budget {
    name: &'static str,
    limiter: Option<(Allowance, Limiter)>,
    places: RandomState,
}

impl Budget {
    fn new(name: &'static str, allowance: Option<Allowance>, time: &Time) -> Self {
        let limiter = allowance.and_then(|allowance| {
            let quota = Quota::with_period(allowance.period())?.allow_burst(allowance.requests);
            Some((allowance, Limiter::new(quota, HashMapStateStore::default(), time.clone())))
        });
        Self { name, limiter, places: RandomState::new() }
    }

    fn take(&self, key: impl Hash) -> Result<Option<Standing>, Over> {
        let Some((allowance, limiter)) = &self.limiter else { return Ok(None) };
        let standing = |left| Standing { name: self.name, allowance: *allowance, left };
        let place = place_of(&self.places, key);
        let told: Result<StateSnapshot, NotUntil<Nanos>> = limiter.check_key(&place);
        match told {
            Ok(snapshot) => Ok(Some(standing(snapshot.remaining_burst_capacity()))),
            Err(until) => {
                let wait = until.wait_time_from(limiter.clock().now()).as_nanos().div_ceil(1_000_000);
                Err(Over { standing: standing(0), wait_ms: u64::try_from(wait).unwrap_or(u64::MAX) })
            }
        }
    }
}

fn place_of(places: &RandomState, key: impl Hash) -> u64 {
    places.hash_one(key) % PLACES
}

/// Time that never goes back, whatever the clock does: budgets would stay empty until it is there again.
#[derive(Clone)]
struct Time(Arc<Passing>);

struct Passing {
    service: Service,
    /// When the clock was looked at last, and what had passed by then, in milliseconds.
    last: Mutex<(Timestamp, u64)>,
}

impl Time {
    fn of(service: &Service) -> Self {
        let last = Mutex::new((service.now(), 0));
        Self(Arc::new(Passing { service: service.clone(), last }))
    }
}

impl Clock for Time {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let now = self.0.service.now();
        let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, passed) = *last;
        let since = u64::try_from(now.millis().saturating_sub(at.millis())).unwrap_or(0);
        *last = (now, passed.saturating_add(since));
        Duration::from_millis(last.1).into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn few_of_many_share_a_place() {
        // 48 pairs on average, and more than 150 never: fifteen times their deviation beyond that
        let places = RandomState::new();
        let taken: BTreeSet<u64> = (0_u32..10_000).map(|key| place_of(&places, key)).collect();
        assert!(taken.len() > 10_000 - 150, "{}", taken.len());
        assert!(taken.iter().all(|place| *place < PLACES));
    }
}
