//! Reading a body line by line: what is in memory is one line and one piece.

use actix_web::web::{Buf as _, Bytes, BytesMut};
use sync_core::limits::MAX_LINE_BYTES;

use crate::body::BodyReader;
use crate::problem::ApiError;

/// A body's lines.
pub(crate) struct LineReader {
    body: BodyReader,
    held: BytesMut,
    /// Up to here no end of a line was found.
    searched: usize,
    /// The line that is being passed over is too long.
    too_long: bool,
    ended: bool,
}

/// A line.
pub(crate) enum Line {
    /// Its bytes, without its end.
    Whole(Bytes),
    /// It is longer than [`MAX_LINE_BYTES`], and was passed over.
    TooLong,
}

impl LineReader {
    pub(crate) fn new(body: BodyReader) -> Self {
        Self { body, held: BytesMut::new(), searched: 0, too_long: false, ended: false }
    }

    /// The next line that is not empty; `None` at the end.
    ///
    /// # Errors
    /// Those of [`BodyReader::next`].
    pub(crate) async fn next(&mut self) -> Result<Option<Line>, ApiError> {
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Some(line));
            }
            if self.ended {
                return Ok(None);
            }
            match self.body.next().await? {
                Some(piece) => self.held.extend_from_slice(&piece),
                None => self.ended = true,
            }
        }
    }

    fn take_line(&mut self) -> Option<Line> {
        loop {
            let found = self.held.get(self.searched..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n'));
            let end = found.map(|at| self.searched + at);
            let Some(end) = end.or_else(|| (self.ended && !self.held.is_empty()).then_some(self.held.len())) else {
                self.pass_over();
                return None;
            };
            let line = self.held.split_to(end).freeze();
            if !self.held.is_empty() {
                self.held.advance(1);
            }
            self.searched = 0;
            if std::mem::take(&mut self.too_long) || line.len() > MAX_LINE_BYTES {
                return Some(Line::TooLong);
            }
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Some(Line::Whole(line));
            }
        }
    }

    /// Lets go of what is held of a line that is too long already.
    fn pass_over(&mut self) {
        self.too_long |= self.held.len() > MAX_LINE_BYTES;
        if self.too_long {
            self.held.clear();
        }
        self.searched = self.held.len();
    }
}
