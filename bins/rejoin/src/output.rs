//! What commands print: for eyes in columns, for programs as one JSON document.

use std::env;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write as _};

use serde_json::Value;

use crate::failure::Failure;

/// Prints to standard output.
///
/// # Errors
/// [`Failure::Unheard`] when whoever read it is gone, [`Failure::Failed`] when it can't be written.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// Prints what need not be text.
///
/// # Errors
/// Those of [`print`].
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::Unheard,
        _ => Failure::Failed(format!("standard output can't be written: {error}; check where it leads")),
    })
}

/// Prints a JSON document, indented.
///
/// # Errors
/// Those of [`print`].
pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    print(&format!("{value:#}\n"))
}

/// Whether to colour a stream (see no-color.org).
pub(crate) fn colours(stream: &impl io::IsTerminal) -> bool {
    stream.is_terminal()
        && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether standard output is coloured.
pub(crate) fn coloured() -> bool {
    colours(&io::stdout())
}

/// A number of bytes in a unit that suits it.
pub(crate) fn bytes(count: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.iter().find(|(bits, _)| count >> bits > 0) {
        // tenths, cut
        Some((bits, unit)) => {
            let tenths = ((count >> (bits - 10)) * 10) >> 10;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{count} bytes"),
    }
}

/// Rows under a heading, in columns as wide as they need to be.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    heading: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// An empty table.
    pub(crate) const fn new(heading: [&'static str; N]) -> Self {
        Self { heading, rows: Vec::new() }
    }

    /// Adds a row. Control characters in it are shown as `?`: what people typed does not steer a terminal.
    pub(crate) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| cell.chars().map(|shown| if shown.is_control() { '?' } else { shown }).collect()));
    }

    /// The text of it.
    pub(crate) fn render(&self) -> String {
        let heading = self.heading.map(str::to_uppercase);
        let lines = || std::iter::once(&heading).chain(&self.rows);
        let mut widths = [0; N];
        for line in lines() {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut text = String::new();
        for line in lines() {
            let mut row = String::new();
            for (cell, width) in line.iter().zip(widths) {
                // writing to a string does not fail
                let _ = write!(row, "{cell:width$}  ");
            }
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_in_a_unit_that_suits() {
        for (count, expected) in [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (1_024, "1.0 KiB"),
            (1_600, "1.5 KiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["name", "role"]);
        table.row(["Inês".into(), "lead".into()]);
        table.row(["Ana\u{1b}[2J".into(), String::new()]);
        assert_eq!(table.render(), "NAME     ROLE\nInês     lead\nAna?[2J\n");
    }
}
