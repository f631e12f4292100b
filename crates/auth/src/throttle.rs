//! How long somebody waits who failed to log in. Pure: the rows are the caller's to keep, in a database that all nodes share,
//! so that more nodes do not mean more tries.
//!
//! A try is counted three times: under its account and network together, under its account, and under its network. It is
//! counted *before* the password is looked at, and taken back when it succeeds, so that a hundred tries at once are a
//! hundred tries. Nothing depends on whether the account exists.
//!
//! | counted under | free tries | then waits, doubling with each try | at most |
//! |---|---|---|---|
//! | account and network | 5 | from 1 s | 15 min |
//! | account | 50 | from 1 s | 1 min |
//! | network | 100 | from 1 s | 1 min |
//!
//! So a stranger locks nobody out of the networks from which they logged in within the last thirty days: there the account
//! is not counted. Elsewhere a stranger with many networks makes everybody wait a minute at most, after which one try is let
//! through, whose it is: while they go on asking, they may take each. An opening that stayed open beyond the first try, or
//! that did not begin the minute anew, would give them as many guesses as they have networks; and before the password is
//! looked at, nothing tells them from somebody who travels. Who travels logs in from a network that is known, or later.

use std::net::{IpAddr, Ipv6Addr};

use ring::digest::{Context, SHA256};
use sync_core::Timestamp;
use sync_core::ports::LoginTries;

/// After so long without a try, counting begins anew, in milliseconds: an hour.
pub const FORGET_MS: i64 = 60 * 60 * 1_000;
/// How long a network is known for an account after a login, in milliseconds: 30 days.
pub const KNOWN_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// A limit of tries.
struct Limit {
    free: i32,
    longest_ms: i64,
}

const PAIR: Limit = Limit { free: 5, longest_ms: 15 * 60 * 1_000 };
const ACCOUNT: Limit = Limit { free: 50, longest_ms: 60 * 1_000 };
const NETWORK: Limit = Limit { free: 100, longest_ms: 60 * 1_000 };

/// What a try is counted under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    pair: [u8; 32],
    account: [u8; 32],
    network: Option<[u8; 32]>,
}

impl Keys {
    /// The keys of a try. `email` is taken in lower case; nothing has to be known of either. The loopback is nobody's
    /// network: whoever comes from there through a proxy that is not declared would share it with everybody.
    #[must_use]
    pub fn of(email: &str, from: Option<IpAddr>) -> Self {
        let (email, network) = (email.trim().to_lowercase(), from.map(network_of));
        let text = network.map(|network| network.to_string()).unwrap_or_default();
        Self {
            pair: key("pair", &email, &text),
            account: key("account", &email, ""),
            network: network.filter(|network| !network.is_loopback()).map(|_| key("network", "", &text)),
        }
    }

    /// All of them.
    #[must_use]
    pub fn list(&self) -> Vec<[u8; 32]> {
        [Some(self.pair), Some(self.account), self.network].into_iter().flatten().collect()
    }

    /// How long to wait before a try, in milliseconds; 0 when it may be made now.
    #[must_use]
    pub fn wait_ms(&self, rows: &[LoginTries], now: Timestamp) -> i64 {
        let wait = |key, limit| rows.iter().find(|row| Some(row.key) == key).map_or(0, |row| wait_ms(row, limit, now));
        let known = self.is_known(rows, now);
        let others = if known { 0 } else { wait(Some(self.account), &ACCOUNT) };
        wait(Some(self.pair), &PAIR).max(others).max(wait(self.network, &NETWORK))
    }

    /// What to add for a try that begins now.
    #[must_use]
    pub fn begin(&self, rows: &[LoginTries], now: Timestamp) -> Vec<LoginTries> {
        self.each(rows, now, |_, stored| {
            let standing = stored.map_or(0, |row| row.tries);
            if stored.is_some_and(|row| is_over(row, now)) { 1 - standing } else { 1 }
        })
    }

    /// What to add once it has failed: nothing is counted again, and the wait begins now.
    #[must_use]
    pub fn fail(&self, rows: &[LoginTries], now: Timestamp) -> Vec<LoginTries> {
        self.each(rows, now, |_, _| 0)
    }

    /// What to add once it has succeeded: the account is known from this network, and what was counted for this try is
    /// taken back. What others failed at stays counted, or somebody could wipe it away by logging in to an account of
    /// their own.
    #[must_use]
    pub fn succeed(&self, rows: &[LoginTries], now: Timestamp) -> Vec<LoginTries> {
        let mut added = self.each(rows, now, |key, stored| {
            let standing = stored.map_or(0, |row| row.tries);
            if key == self.pair { -standing } else { -standing.min(1) }
        });
        for row in added.iter_mut().filter(|row| row.key == self.pair) {
            let until = now.plus_ms(KNOWN_MS);
            (row.known_until, row.kept_until) = (Some(until), until);
        }
        added
    }

    fn is_known(&self, rows: &[LoginTries], now: Timestamp) -> bool {
        rows.iter().any(|row| row.key == self.pair && row.known_until.is_some_and(|until| now < until))
    }

    fn each(&self, rows: &[LoginTries], now: Timestamp, count: impl Fn([u8; 32], Option<&LoginTries>) -> i32) -> Vec<LoginTries> {
        let added = self.list().into_iter().map(|key| {
            let stored = rows.iter().find(|row| row.key == key);
            let known_until = stored.and_then(|row| row.known_until).filter(|until| now < *until);
            let forgotten_at = now.plus_ms(FORGET_MS);
            let kept_until = known_until.map_or(forgotten_at, |until| until.max(forgotten_at));
            LoginTries { key, tries: count(key, stored), tried_at: now, known_until, kept_until }
        });
        added.collect()
    }
}

/// The network that an address stands for: an IPv6 customer has at least a /64 to choose from.
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            if v6.is_loopback() { v6.into() } else { Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into() }
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// A row under which nobody tried for so long that counting begins anew. A clock that went back forgets nothing.
fn is_over(row: &LoginTries, now: Timestamp) -> bool {
    now.millis().saturating_sub(row.tried_at.millis()) >= FORGET_MS
}

fn wait_ms(row: &LoginTries, limit: &Limit, now: Timestamp) -> i64 {
    let beyond = row.tries.saturating_sub(limit.free);
    if beyond < 0 || is_over(row, now) {
        return 0;
    }
    let doubled = 1_000_i64.checked_shl(beyond.unsigned_abs().min(40)).unwrap_or(i64::MAX);
    let wait = doubled.min(limit.longest_ms);
    let waited = now.millis().saturating_sub(row.tried_at.millis());
    wait.saturating_sub(waited).clamp(0, wait)
}

fn key(kind: &str, email: &str, network: &str) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in ["rejoin/login", kind, email, network] {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use testkit::fake::START;

    use super::*;

    /// The rows of a database.
    #[derive(Default)]
    struct Book(BTreeMap<[u8; 32], LoginTries>);

    impl Book {
        fn rows(&self, keys: &Keys) -> Vec<LoginTries> {
            keys.list().iter().filter_map(|key| self.0.get(key)).copied().collect()
        }

        fn add(&mut self, rows: Vec<LoginTries>) {
            for row in rows {
                let tries = self.0.get(&row.key).map_or(0, |row| row.tries) + row.tries;
                assert!(tries >= 0, "nothing is taken back that was not counted");
                self.0.insert(row.key, LoginTries { tries, ..row });
            }
        }

        /// Tries; how long it would have to wait instead.
        fn attempt(&mut self, keys: &Keys, fits: bool, now: Timestamp) -> i64 {
            let wait = keys.wait_ms(&self.rows(keys), now);
            if wait == 0 {
                self.add(keys.begin(&self.rows(keys), now));
                let rows = self.rows(keys);
                self.add(if fits { keys.succeed(&rows, now) } else { keys.fail(&rows, now) });
            }
            wait
        }
    }

    fn from(host: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0xc633_6400 | host).into()
    }

    #[test]
    fn the_sixth_try_waits_and_each_one_twice_as_long() {
        let (mut book, keys, mut now) = (Book::default(), Keys::of("ana@example.org", Some(from(1))), START);
        for _ in 0..5 {
            assert_eq!(book.attempt(&keys, false, now), 0);
        }
        let mut waits = Vec::new();
        for _ in 0..12 {
            let wait = book.attempt(&keys, false, now);
            waits.push(wait / 1_000);
            now = now.plus_ms(wait - 1);
            assert_eq!(book.attempt(&keys, true, now), 1, "the right password waits as well");
            now = now.plus_ms(1);
            assert_eq!(book.attempt(&keys, false, now), 0);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(book.attempt(&keys, true, now.plus_ms(900_000)), 0);
        assert_eq!(book.attempt(&keys, false, now.plus_ms(900_001)), 0, "it was forgotten");
    }

    #[test]
    fn a_stranger_locks_nobody_else_out() {
        let (mut book, mut now) = (Book::default(), START);
        let home = Keys::of("ana@example.org", Some(from(1)));
        assert_eq!(book.attempt(&home, true, now), 0);
        // from many networks, as fast as they may, for an hour
        for host in 0..3_600 {
            now = now.plus_ms(1_000);
            book.attempt(&Keys::of("ana@example.org", Some(from(2 + host % 200))), false, now);
        }
        assert_eq!(book.attempt(&home, true, now), 0, "she comes from where she came from before");
        let hotel = Keys::of("ana@example.org", Some(from(250)));
        let wait = book.attempt(&hotel, true, now);
        assert!((1..=60_000).contains(&wait), "{wait}");
        assert_eq!(book.attempt(&hotel, true, now.plus_ms(wait)), 0);
        assert_eq!(book.attempt(&Keys::of("bo@example.org", Some(from(1))), true, now), 0, "other accounts have nothing to do with it");
    }

    #[test]
    fn elsewhere_one_try_a_minute_is_let_through_whose_it_is() {
        let (mut book, mut now) = (Book::default(), START);
        let [home, hotel] = [1, 250].map(|host| Keys::of("ana@example.org", Some(from(host))));
        assert_eq!(book.attempt(&home, true, now), 0);
        let mut guesses = Vec::new();
        for second in 0..3_600 {
            now = now.plus_ms(1_000);
            let stranger = Keys::of("ana@example.org", Some(from(2 + second % 199)));
            guesses.extend((book.attempt(&stranger, false, now) == 0).then_some(second));
            assert!(second < 60 || book.attempt(&hotel, true, now) > 0, "{second}: the stranger was there before");
        }
        assert_eq!(guesses.iter().filter(|second| **second >= 1_800).count(), 30, "a guess a minute, whatever they have");
        assert_eq!(book.attempt(&home, true, now), 0, "where she is known she does not wait");
        assert_eq!(book.attempt(&hotel, true, now.plus_ms(60_000)), 0, "and elsewhere once they rest for a minute");
    }

    #[test]
    fn many_accounts_from_one_network_wait_and_one_of_their_own_does_not_help() {
        let (mut book, now) = (Book::default(), START);
        let mut waited = 0;
        for number in 0..200 {
            waited += i32::from(book.attempt(&Keys::of(&format!("guess{number}@example.org"), Some(from(1))), false, now) > 0);
            if number < 99 {
                assert_eq!(book.attempt(&Keys::of("own@example.org", Some(from(1))), true, now), 0, "{number}");
            }
        }
        assert_eq!(waited, 100);
        let local = |number| Keys::of(&format!("guess{number}@example.org"), Some(std::net::Ipv4Addr::LOCALHOST.into()));
        assert!((0..200).all(|number| book.attempt(&local(number), false, now) == 0), "the loopback may be everybody");
    }

    #[test]
    fn an_hour_without_a_try_is_a_new_beginning() {
        let (mut book, keys) = (Book::default(), Keys::of("ana@example.org", Some(from(1))));
        for _ in 0..6 {
            book.attempt(&keys, false, START);
        }
        assert!(book.attempt(&keys, false, START) > 0);
        let later = START.plus_ms(FORGET_MS);
        for _ in 0..5 {
            assert_eq!(book.attempt(&keys, false, later), 0);
        }
        assert_eq!(book.attempt(&keys, false, later), 1_000);
        assert_eq!(book.attempt(&keys, false, START), 1_000, "the clock went back: no longer than it would have been");
    }

    #[test]
    fn tries_at_once_are_as_many_tries() {
        let (mut book, keys) = (Book::default(), Keys::of("ana@example.org", Some(from(1))));
        for _ in 0..5 {
            assert_eq!(keys.wait_ms(&book.rows(&keys), START), 0);
            book.add(keys.begin(&book.rows(&keys), START));
        }
        assert_eq!(keys.wait_ms(&book.rows(&keys), START), 1_000, "none of the five is decided yet");
    }

    #[test]
    fn keys_are_those_of_a_network_and_an_account_in_any_case() {
        let of = |email, address: &str| Keys::of(email, Some(address.parse().unwrap()));
        assert_eq!(of("Ana@Example.org ", "2001:db8::1"), of("ana@example.org", "2001:db8::ffff:2"));
        assert_eq!(of("ana@example.org", "::ffff:198.51.100.7"), of("ana@example.org", "198.51.100.7"));
        let (one, other) = (of("ana@example.org", "2001:db8::1"), of("ana@example.org", "2001:db8:0:1::1"));
        assert_eq!(one.account, other.account);
        assert!(one.pair != other.pair && one.network != other.network);
        assert_eq!(of("ana@example.org", "::1").network, None);
        assert_ne!(key("pair", "a", "bc"), key("pair", "ab", "c"));
    }
}
