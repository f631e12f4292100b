//! What is said when Rejoin itself is wrong.

use std::any::Any;
use std::io::{self, Write as _};
use std::panic;
use std::process;

use crate::commands::version::line;

/// After the lines of a panic, says how to report it. A panic because nobody reads the output any more is none: the process
/// ends without a word.
pub(crate) fn explain() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |information| {
        if nobody_reads(information.payload()) {
            process::exit(0);
        }
        usual(information);
        // where that can't be written nothing can
        let _ = writeln!(io::stderr(), "{}", advice());
    }));
}

/// What `println!` panics with when the reader of a pipe is gone.
fn nobody_reads(payload: &(dyn Any + Send)) -> bool {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    text.is_some_and(|text| text.starts_with("failed printing to stdout") && text.contains("Broken pipe"))
}

fn advice() -> String {
    format!(
        "rejoin: this is a defect of Rejoin and not of what you did. What was acknowledged is safe in the database.\n\
         Please report it where you have Rejoin from, with the lines above, the command, and this: {}\n\
         With RUST_BACKTRACE=1 the lines above say more. They hold no document, but look through them first.",
        line()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_no_defect() {
        let pipe = "failed printing to stdout: Broken pipe (os error 32)".to_owned();
        assert!(nobody_reads(&pipe));
        assert!(!nobody_reads(&"index out of bounds"));
        assert!(!nobody_reads(&7));
    }

    #[test]
    fn the_advice_names_the_version() {
        assert!(advice().contains(env!("CARGO_PKG_VERSION")));
    }
}
