//! The intent `shift`: a delay moves what is planned in a range of time by some minutes, evaluated on the server's state.
//!
//! Of what is planned in the range,
//! - what is fixed, over, or has begun stays, and is listed;
//! - what somebody else gave another time since the sender looked keeps that time, and is listed: an explicit time wins;
//! - what somebody else *shifted* since then is the same delay told twice. Two delays never add up by themselves: the
//!   whole shift waits for an answer. Only where the sender is a lead, and all that was shifted before was not by a lead,
//!   it goes through in the place of the earlier one: everything ends where the lead's shift alone would have put it, and
//!   the earlier one becomes the question. So whichever of the two comes first, the same stands in the end.
//! - All else moves, also what was put there after the sender looked: a delay is for everything that comes after it.
//!
//! The range is that of the sender: what a shift that they had not seen moved is looked for where they saw it.

use serde_json::Value;
use sync_core::json::Object;
use sync_core::schema::{Shift, Values};

use crate::local::LocalTime;

/// The longest shift, a day, in minutes.
pub const MAX_MINUTES: i64 = 1_440;
/// The longest reason, in bytes.
pub const MAX_REASON_BYTES: usize = 1_000;

/// What a shift says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftArgs {
    /// The first moment that moves.
    pub from: LocalTime,
    /// The first moment after the range; `None`: there is no end.
    pub to: Option<LocalTime>,
    /// By how many minutes, ±[`MAX_MINUTES`]; 0 moves nothing.
    pub by_min: i64,
    /// Why, in the sender's words.
    pub reason: Option<String>,
}

/// What is wrong with the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgsFault {
    /// Which one, as a pointer into the arguments.
    pub pointer: &'static str,
    /// What it is to be.
    pub detail: String,
}

impl ShiftArgs {
    /// Reads `{"from", "to", "by_min", "reason"}`; other members are left alone.
    ///
    /// # Errors
    /// The first argument that is missing or of another form.
    pub fn read(args: &Value) -> Result<Self, ArgsFault> {
        let fault = |pointer, detail: &str| Err(ArgsFault { pointer, detail: detail.to_owned() });
        if !args.is_object() {
            return fault("", "the arguments of shift are {\"from\", \"to\", \"by_min\", \"reason\"}");
        }
        let time = |name: &str| args.get(name).and_then(Value::as_str).and_then(LocalTime::parse);
        let is_given = |name: &str| args.get(name).is_some_and(|value| !value.is_null());
        let Some(from) = time("from") else { return fault("/from", "from is to be a local time such as 2026-06-20T16:00") };
        let to = time("to");
        if is_given("to") && to.is_none_or(|to| to <= from) {
            return fault("/to", "to is to be a local time after from, or null for all that comes after it");
        }
        let Some(by_min) = args.get("by_min").and_then(Value::as_i64).filter(|by_min| by_min.unsigned_abs() <= MAX_MINUTES.unsigned_abs())
        else {
            return fault("/by_min", "by_min is to be a whole number of minutes from -1440 to 1440; a longer move is another plan");
        };
        let reason = args.get("reason").and_then(Value::as_str).map(str::to_owned);
        if is_given("reason") && reason.as_ref().is_none_or(|reason| reason.len() > MAX_REASON_BYTES) {
            return fault("/reason", "reason is to be a text of at most 1000 bytes, or left out");
        }
        Ok(Self { from, to, by_min, reason })
    }

    /// A shift of all that has a time.
    #[must_use]
    pub const fn of_everything(by_min: i64) -> Self {
        Self { from: LocalTime::FIRST, to: None, by_min, reason: None }
    }

    /// Whether a moment is in the range.
    #[must_use]
    pub fn covers(&self, moment: LocalTime) -> bool {
        self.from <= moment && self.to.is_none_or(|to| moment < to)
    }
}

/// How a collection shifts that declares nothing: `starts_at`, `anchor` and `status` as in a wedding.
#[must_use]
pub fn undeclared() -> Shift {
    let values = |field: &str, is: &[&str]| Values { field: field.into(), is: is.iter().map(|value| (*value).into()).collect() };
    Shift {
        start: "starts_at".into(),
        fixed: Some(values("anchor", &["fixed"])),
        done: Some(values("status", &["started", "done", "skipped"])),
    }
}

/// Who changed a start after the sender looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// The sender's device: what it made, it knows.
    Own,
    /// A shift of the sender's device.
    OwnShift,
    /// Somebody else, who gave it this time.
    Other,
    /// Somebody else's shift.
    OtherShift {
        /// Whether they are a lead.
        lead: bool,
    },
    /// Nobody knows, because the log is not told so far back, or the sender looked at another one.
    Unknown,
}

/// What happened to a start after the sender looked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Meanwhile {
    /// Nothing, or what the sender did.
    #[default]
    Nothing,
    /// Somebody gave it another time than this one.
    Edited {
        /// Where the sender saw it, as far as that is known.
        was: Option<LocalTime>,
    },
    /// Others' shifts moved it.
    Shifted {
        /// By so many seconds altogether.
        by_s: i64,
        /// Whether a lead's is among them.
        lead: bool,
    },
}

/// One change of a start: who made it, and the time before and after.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Who.
    pub hand: Hand,
    /// The time before; `None`: there was none.
    pub before: Option<LocalTime>,
    /// The time after it; `None`: there was none.
    pub after: Option<LocalTime>,
}

impl Meanwhile {
    /// Adds up the changes since the sender looked, newest first.
    ///
    /// A start that somebody gave to what had none is not *another* time. What the sender's own device set, it set
    /// knowing, or overruling, all that came before it.
    #[must_use]
    pub fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        let (mut shifted, mut edited, mut was) = (None, false, None);
        for step in steps {
            match step.hand {
                Hand::Own => break,
                Hand::OwnShift => {}
                Hand::Other => {
                    was = step.before;
                    edited |= step.before.is_some();
                }
                Hand::OtherShift { lead } => {
                    was = step.before;
                    shifted = Some(add(shifted, &step, lead));
                }
                // it may have been a shift: what is not known is asked
                Hand::Unknown => shifted = Some(add(shifted, &Step { before: step.after, ..step }, true)),
            }
        }
        match (edited, shifted) {
            (true, _) => Self::Edited { was },
            (false, Some((by_s, lead))) => Self::Shifted { by_s, lead },
            (false, None) => Self::Nothing,
        }
    }
}

fn add(sum: Option<(i64, bool)>, step: &Step, lead: bool) -> (i64, bool) {
    let (by_s, led) = sum.unwrap_or_default();
    let moved = step.after.zip(step.before).map_or(0, |(after, before)| after.seconds().saturating_sub(before.seconds()));
    (by_s.saturating_add(moved), led || lead)
}

/// Whether a shift may stand in the place of one that its sender had not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    /// It waits for an answer.
    Ask,
    /// The sender is a lead: it stands in the place of others' shifts, but for leads'.
    Replace,
    /// It was asked, and the answer is that both shifts are meant.
    Add,
}

/// A live document of the collection, as its sender may see it.
#[derive(Debug, Clone, Copy)]
pub struct Planned<'a> {
    /// Its id.
    pub id: &'a str,
    /// As it is now.
    pub body: &'a Object,
    /// What happened to its start after the sender looked.
    pub meanwhile: Meanwhile,
}

/// A document that a shift moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its id.
    pub id: String,
    /// Its start now.
    pub from: String,
    /// Its start afterwards, written in the same form; the same where another's shift did just that already.
    pub to: String,
    /// Where the sender saw it.
    pub seen: LocalTime,
    /// Others' shifts that the sender had not seen moved it by so many seconds.
    pub others_s: Option<i64>,
}

/// Why a document in the range stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excluded {
    /// It is declared fixed.
    Fixed,
    /// Somebody gave it another time, which the sender had not seen.
    Edited,
    /// It is over, or has begun.
    Done,
}

impl Excluded {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Edited => "edited",
            Self::Done => "done",
        }
    }
}

/// What a shift does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shifted {
    /// What moves, by where the sender saw it, then by id.
    pub moved: Vec<Moved>,
    /// What stays, by id.
    pub excluded: Vec<(String, Excluded)>,
    /// It meets a shift that the sender had not seen, and somebody is to say whether both are meant: nothing of it
    /// happens until then.
    pub asks: bool,
}

/// Evaluates a shift on the documents of a collection, in any order. Documents without a readable start, and those that
/// would leave the years 1 to 9999, stay without a word.
#[must_use]
pub fn shift<'a>(rule: &Shift, args: &ShiftArgs, planned: impl IntoIterator<Item = Planned<'a>>, meeting: Meeting) -> Shifted {
    let mut shifted = Shifted::default();
    if args.by_min == 0 {
        return shifted;
    }
    for item in planned {
        match fate(rule, args, &item, meeting) {
            Some(Fate::Moves(moved, asks)) => {
                shifted.asks |= asks;
                shifted.moved.push(moved);
            }
            Some(Fate::Stays(reason)) => shifted.excluded.push((item.id.to_owned(), reason)),
            None => {}
        }
    }
    shifted.moved.sort_by(|a, b| (a.seen, &a.id).cmp(&(b.seen, &b.id)));
    shifted.excluded.sort_by(|a, b| a.0.cmp(&b.0));
    shifted
}

enum Fate {
    Moves(Moved, bool),
    Stays(Excluded),
}

/// What becomes of one document; `None`: it is not concerned.
fn fate(rule: &Shift, args: &ShiftArgs, item: &Planned<'_>, meeting: Meeting) -> Option<Fate> {
    let from = item.body.get(&rule.start)?.as_str()?;
    let now = LocalTime::parse(from)?;
    let (seen, is_concerned) = match item.meanwhile {
        Meanwhile::Nothing => (now, args.covers(now)),
        Meanwhile::Edited { was } => (now, args.covers(now) || was.is_some_and(|was| args.covers(was))),
        Meanwhile::Shifted { by_s, .. } => {
            let seen = now.plus_s(by_s.saturating_neg());
            (seen, args.covers(seen))
        }
    };
    if !is_concerned {
        return None;
    }
    let holds = |values: &Option<Values>| values.as_ref().is_some_and(|values| values.holds(item.body));
    if holds(&rule.fixed) {
        return Some(Fate::Stays(Excluded::Fixed));
    }
    if holds(&rule.done) {
        return Some(Fate::Stays(Excluded::Done));
    }
    let (start, others_s, asks) = match (item.meanwhile, meeting) {
        (Meanwhile::Edited { .. }, _) => return Some(Fate::Stays(Excluded::Edited)),
        (Meanwhile::Nothing, _) => (now, None, false),
        (Meanwhile::Shifted { by_s, lead: false }, Meeting::Replace) => (seen, Some(by_s), false),
        (Meanwhile::Shifted { by_s, .. }, _) => (now, Some(by_s), meeting != Meeting::Add),
    };
    let to = start.plus_s(args.by_min.saturating_mul(60)).written_like(from)?;
    Some(Fate::Moves(Moved { id: item.id.to_owned(), from: from.to_owned(), to, seen, others_s }, asks))
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
