//! Learned preferences: what people chose before, counted by context, and what that suggests for the next question.
//!
//! Nothing is hidden in it. For every context there are four numbers (a [`Tally`]), and what they suggest can be
//! computed by hand. A context is a text that names collection, field, kind of question, who stood against whom, and
//! how near the event was; each coarser one is the same text without its last part. A decision counts in all of them.
//!
//! **The estimate.** How likely a side is chosen next is the mean of a Beta posterior, this side against all others. In
//! the coarsest context the prior is uniform, Beta(1, 1): two answers that nobody gave, one each way (Laplace's rule of
//! succession). It was preferred to Jeffreys' Beta(½, ½) because it is as easy to tell as it is to compute ("7 of 8"
//! gives 8 of 10), and because it is the more careful one after few answers: one answer alone is worth 67 %, not 75 %.
//! In every finer context the prior is the next coarser one's posterior mean, with the weight of two answers (an
//! m-estimate: Cestnik, *Estimating probabilities*, 1990). So there is no threshold at which a suggestion jumps from one
//! context to another, and a context in which nobody decided anything changes nothing.
//!
//! All of it is integer arithmetic in millionths: the same on every platform.
//!
//! ```
//! use merge_engine::preference::{Choice, Tallies};
//!
//! let mut seen = Tallies::default();
//! let starts_at = ["timeline_events/starts_at", "timeline_events"];
//! for choice in [Choice::Ours, Choice::Ours, Choice::Theirs, Choice::Ours] {
//!     seen.learn(starts_at, choice);
//! }
//! let advice = seen.suggest(starts_at).expect("three of four");
//! assert_eq!(advice.words("Ana", "Starts at"), "Ana chose the server's value in 3 of 4 questions about Starts at");
//! // (3 + 1) of (4 + 2) in the collection, then (3 + 2 × 0.67) of (4 + 2) in the field
//! assert_eq!(advice.confidence.millionths(), 722_222);
//! ```

#[cfg(test)]
mod laws;
mod situation;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
pub use situation::{Nearness, Situation};

/// What somebody chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// What was live.
    Ours,
    /// What the sender wrote.
    Theirs,
    /// What both started from.
    Base,
    /// Something else. It is counted, and never suggested.
    Value,
}

impl Choice {
    /// Every choice.
    pub const ALL: [Self; 4] = [Self::Ours, Self::Theirs, Self::Base, Self::Value];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
            Self::Base => "base",
            Self::Value => "value",
        }
    }

    /// Reads the name on the wire.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == name)
    }

    /// The choice in plain words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Ours => "the server's value",
            Self::Theirs => "the sender's value",
            Self::Base => "the value from before both",
            Self::Value => "another value",
        }
    }
}

/// How often each choice was made in one context. Numbers stop at their largest value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// What was live.
    pub ours: u32,
    /// What the sender wrote.
    pub theirs: u32,
    /// What both started from.
    pub base: u32,
    /// Something else.
    pub value: u32,
}

impl Tally {
    /// How often one choice was made.
    #[must_use]
    pub const fn of(&self, choice: Choice) -> u32 {
        match choice {
            Choice::Ours => self.ours,
            Choice::Theirs => self.theirs,
            Choice::Base => self.base,
            Choice::Value => self.value,
        }
    }

    /// How many decisions there were.
    #[must_use]
    pub const fn samples(&self) -> u32 {
        self.ours.saturating_add(self.theirs).saturating_add(self.base).saturating_add(self.value)
    }

    /// Counts a decision.
    pub const fn count(&mut self, choice: Choice) {
        let number = self.number(choice);
        *number = number.saturating_add(1);
    }

    /// Takes back a decision that was counted: it was undone.
    pub const fn take_back(&mut self, choice: Choice) {
        let number = self.number(choice);
        *number = number.saturating_sub(1);
    }

    const fn number(&mut self, choice: Choice) -> &mut u32 {
        match choice {
            Choice::Ours => &mut self.ours,
            Choice::Theirs => &mut self.theirs,
            Choice::Base => &mut self.base,
            Choice::Value => &mut self.value,
        }
    }
}

/// How likely a side is chosen next, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confidence(u32);

/// One, in millionths.
const ONE: u64 = 1_000_000;
/// How many answers a coarser context weighs in a finer one.
const WEIGHT: u64 = 2;
/// So many answers make a context worth telling of, where there is another.
const ENOUGH: u32 = 3;

impl Confidence {
    /// In millionths, 0 to 1,000,000.
    #[must_use]
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// From 0 to 1.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 1e6
    }

    /// Whether it is more likely than not.
    #[must_use]
    pub const fn is_likely(self) -> bool {
        self.0 > 500_000
    }
}

/// What former decisions suggest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// The side.
    pub choose: Choice,
    /// How likely it is chosen: the posterior mean over all levels.
    pub confidence: Confidence,
    /// How often it was chosen at the level that is told of.
    pub hits: u32,
    /// Of how many decisions there.
    pub samples: u32,
    /// The level that is told of, in which the side was chosen more often than not: the finest such with at least three
    /// decisions, or else the finest such.
    pub level: usize,
}

impl Advice {
    /// The reason in plain words: who chose what, how often, about what.
    #[must_use]
    pub fn words(&self, who: &str, about: &str) -> String {
        let questions = if self.samples == 1 { "question" } else { "questions" };
        format!("{who} chose {} in {} of {} {questions} about {about}", self.choose.words(), self.hits, self.samples)
    }
}

/// How likely a side is chosen next, by tallies from the finest to the coarsest context. A half where there are none.
#[must_use]
pub fn confidence(levels: &[Tally], choice: Choice) -> Confidence {
    let refine = |coarser: u64, tally: &Tally| {
        let (hits, samples) = (u64::from(tally.of(choice)), Choice::ALL.iter().map(|one| u64::from(tally.of(*one))).sum::<u64>());
        (hits * ONE + WEIGHT * coarser) / (samples + WEIGHT)
    };
    // the prior of the coarsest: one of two
    let mean = levels.iter().rev().fold(ONE / 2, refine);
    Confidence(u32::try_from(mean).unwrap_or(1_000_000))
}

/// What tallies suggest, from the finest to the coarsest context: the side that is more likely chosen than all others
/// together. `None` where there is none such, or nothing was decided yet.
#[must_use]
pub fn suggest(levels: &[Tally]) -> Option<Advice> {
    let likely = |choice: &Choice| levels.iter().any(|tally| tally.of(*choice) > 0) && confidence(levels, *choice).is_likely();
    let choose = [Choice::Ours, Choice::Theirs, Choice::Base].into_iter().find(likely)?;
    let backs = |tally: &Tally| u64::from(tally.of(choose)) * 2 > u64::from(tally.samples());
    let often = levels.iter().position(|tally| backs(tally) && tally.samples() >= ENOUGH);
    let level = often.or_else(|| levels.iter().position(backs))?;
    let told = levels.get(level)?;
    Some(Advice { choose, confidence: confidence(levels, choose), hits: told.of(choose), samples: told.samples(), level })
}

/// Tallies by context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tallies(BTreeMap<String, Tally>);

impl Tallies {
    /// Counts a decision in each of its contexts.
    pub fn learn<'a>(&mut self, contexts: impl IntoIterator<Item = &'a str>, choice: Choice) {
        for context in contexts {
            match self.0.get_mut(context) {
                Some(tally) => tally.count(choice),
                None => self.0.entry(context.to_owned()).or_default().count(choice),
            }
        }
    }

    /// The tally of a context; empty where nothing was decided.
    #[must_use]
    pub fn of(&self, context: &str) -> Tally {
        self.0.get(context).copied().unwrap_or_default()
    }

    /// What former decisions suggest in these contexts, the finest first.
    #[must_use]
    pub fn suggest<'a>(&self, contexts: impl IntoIterator<Item = &'a str>) -> Option<Advice> {
        suggest(&contexts.into_iter().map(|context| self.of(context)).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally([ours, theirs, base, value]: [u32; 4]) -> Tally {
        Tally { ours, theirs, base, value }
    }

    #[test]
    fn suggestions_can_be_computed_by_hand() {
        for (levels, expected) in [
            (vec![], None),
            (vec![[0, 0, 0, 0]], None),
            (vec![[1, 0, 0, 0]], Some((Choice::Ours, 666_666, "1 of 1"))),
            (vec![[7, 1, 0, 0]], Some((Choice::Ours, 800_000, "7 of 8"))),
            (vec![[0, 8, 0, 0]], Some((Choice::Theirs, 900_000, "8 of 8"))),
            (vec![[2, 2, 0, 0]], None),
            (vec![[1, 0, 3, 0]], Some((Choice::Base, 666_666, "3 of 4"))),
            // what somebody typed is nothing to suggest
            (vec![[0, 0, 0, 9]], None),
            // two answers here are told by the level where there are more, and count all the same
            (vec![[0, 2, 0, 0], [8, 2, 0, 0]], Some((Choice::Theirs, 625_000, "2 of 2"))),
            (vec![[2, 0, 0, 0], [8, 2, 0, 0]], Some((Choice::Ours, 875_000, "8 of 10"))),
            (vec![[0, 4, 0, 0], [8, 6, 0, 0]], Some((Choice::Theirs, 812_500, "4 of 4"))),
            // a context without decisions changes nothing
            (vec![[0, 0, 0, 0], [7, 1, 0, 0]], Some((Choice::Ours, 800_000, "7 of 8"))),
        ] {
            let tallies: Vec<Tally> = levels.iter().copied().map(tally).collect();
            let told = suggest(&tallies)
                .map(|advice| (advice.choose, advice.confidence.millionths(), format!("{} of {}", advice.hits, advice.samples)));
            assert_eq!(told, expected.map(|(choose, millionths, words)| (choose, millionths, words.to_owned())), "{levels:?}");
        }
    }

    #[test]
    fn numbers_stop_at_their_largest_value() {
        let mut full = tally([u32::MAX; 4]);
        full.count(Choice::Ours);
        assert_eq!((full.ours, full.samples()), (u32::MAX, u32::MAX));
        assert_eq!(suggest(&[full; 9]), None, "four sides alike");
        let mut empty = Tally::default();
        empty.take_back(Choice::Base);
        assert_eq!(empty, Tally::default());
        let one = suggest(&[tally([u32::MAX, 0, 0, 0])]).unwrap();
        assert!(one.confidence.millionths() <= 1_000_000 && one.confidence.as_f64() <= 1.0);
    }
}
