//! The lines of a file, plain or gzipped.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, stdin};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::failure::Failure;
use crate::progress::Progress;

/// What a gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// One line.
#[derive(Debug)]
pub(super) struct Line {
    /// The how-manieth case it is, from 0.
    pub(super) index: usize,
    /// Where it stands in the file, from 1. Empty lines are no cases, but count.
    pub(super) number: usize,
    /// Its text.
    pub(super) text: Vec<u8>,
}

/// The lines of a file, read one by one.
pub(super) struct Lines {
    file: PathBuf,
    reader: Box<dyn BufRead + Send>,
    index: usize,
    number: usize,
    failure: Option<io::Error>,
}

impl Lines {
    /// Opens a file; `-` is standard input. What is read of it is told to `progress`, as a part
    /// of this name.
    pub(super) fn open(file: &Path, what: &str, progress: Progress) -> Result<Self, Failure> {
        let (inner, size): (Box<dyn Read + Send>, _) = if file == Path::new("-") {
            (Box::new(stdin()), 0)
        } else {
            let open = File::open(file).and_then(|open| Ok((open.metadata()?.len(), open)));
            let (size, open) = open.map_err(|error| unreadable(file, &error))?;
            (Box::new(open), size)
        };
        progress.begin(what, usize::try_from(size).unwrap_or(usize::MAX));
        let mut source = BufReader::with_capacity(1 << 16, Watched { inner, progress });
        let gzipped = source.fill_buf().map_err(|error| unreadable(file, &error))?.starts_with(&GZIP);
        let reader: Box<dyn BufRead + Send> =
            if gzipped { Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(source))) } else { Box::new(source) };
        Ok(Self { file: file.to_owned(), reader, index: 0, number: 0, failure: None })
    }

    /// The next line that is not empty.
    pub(super) fn next(&mut self) -> Option<Line> {
        while self.failure.is_none() {
            let mut text = Vec::new();
            match self.reader.read_until(b'\n', &mut text) {
                Ok(0) => return None,
                Ok(_) => self.number += 1,
                Err(error) => self.failure = Some(error),
            }
            if self.failure.is_none() && !text.trim_ascii().is_empty() {
                self.index += 1;
                return Some(Line { index: self.index - 1, number: self.number, text });
            }
        }
        None
    }

    /// Whether every line could be read.
    pub(super) fn end(self) -> Result<(), Failure> {
        self.failure.map_or(Ok(()), |error| {
            Err(Failure::Input(format!(
                "{}: it can't be read behind line {}: {error}; what stands before was merged",
                self.file.display(),
                self.number
            )))
        })
    }
}

/// A source whose reading is watched.
struct Watched<R> {
    inner: R,
    progress: Progress,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.progress.advance(read);
        Ok(read)
    }
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    Failure::Input(format!("{}: it can't be read: {error}", file.display()))
}
