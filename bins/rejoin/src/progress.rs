//! How far a run is, on standard error, where a person watches.

use std::io::{IsTerminal as _, stderr};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar, or nothing where nobody watches.
#[derive(Debug, Clone)]
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    pub(crate) fn new() -> Self {
        if !stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{msg:28} {bar:40} {human_pos}/{human_len} {per_sec} {eta}") {
            bar.set_style(style);
        }
        Self(Some(bar))
    }

    /// A bar that counts the bytes of a file.
    pub(crate) fn of_bytes() -> Self {
        let progress = Self::new();
        if let Some(bar) = &progress.0
            && let Ok(style) = ProgressStyle::with_template("{msg:28} {bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
        {
            bar.set_style(style);
        }
        progress
    }

    /// A new part of the run, with so many steps.
    pub(crate) fn begin(&self, what: &str, steps: usize) {
        if let Some(bar) = &self.0 {
            bar.reset();
            bar.set_message(what.to_owned());
            bar.set_length(u64::try_from(steps).unwrap_or(u64::MAX));
        }
    }

    pub(crate) fn advance(&self, steps: usize) {
        if let Some(bar) = &self.0 {
            bar.inc(u64::try_from(steps).unwrap_or(u64::MAX));
        }
    }

    /// Clears the line for what is printed next.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
