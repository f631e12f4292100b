//! What is exported as lines: read page by page, one ahead of what is written. Whoever reads slowly is read for slowly.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use serde::Serialize;
use sync_core::Problem;
use sync_core::ports::Transaction;

use crate::{Service, ServiceResult};

type Reading = Transaction<Result<Page, Problem>>;
/// Begins to read the next page.
type Next = Box<dyn FnOnce(&Service) -> Reading + Send>;

/// An export that is being read. Dropping it ends the reading.
pub struct Export {
    service: Service,
    first: Option<Page>,
    pending: Option<Reading>,
    sent: u64,
    /// What its last line calls the number of the others.
    counted: &'static str,
}

/// A page's lines, and how to go on; `None` at the end.
pub(crate) struct Page {
    lines: Vec<u8>,
    rows: u64,
    next: Option<Next>,
}

#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    item: &'a T,
}

impl Page {
    /// The last page: a line of a kind for each item.
    pub(crate) fn of<T: Serialize>(kind: &'static str, items: &[T]) -> Self {
        let mut page = Self { lines: Vec::new(), rows: 0, next: None };
        for item in items {
            // values of these types always have a text
            page.lines.extend(serde_json::to_vec(&Line { kind, item }).unwrap_or_default());
            page.lines.push(b'\n');
            page.rows += 1;
        }
        page
    }

    /// The same page, with more after it.
    pub(crate) fn then(self, next: impl FnOnce(&Service) -> Reading + Send + 'static) -> Self {
        Self { next: Some(Box::new(next)), ..self }
    }
}

impl Export {
    pub(crate) fn new(service: Service, first: Page, counted: &'static str) -> Self {
        Self { service, first: Some(first), pending: None, sent: 0, counted }
    }

    /// The next lines, a page at a time; `None` after the last. After an error there is nothing more.
    pub fn poll_lines(&mut self, context: &mut Context<'_>) -> Poll<Option<ServiceResult<Vec<u8>>>> {
        if let Some(page) = self.first.take() {
            return Poll::Ready(Some(Ok(self.write(page))));
        }
        let Some(pending) = &mut self.pending else { return Poll::Ready(None) };
        let outcome = ready!(Pin::new(pending).poll(context));
        self.pending = None;
        Poll::Ready(Some(match outcome {
            Ok(Ok(page)) => Ok(self.write(page)),
            Ok(Err(problem)) => Err(problem.into()),
            Err(error) => Err(error.into()),
        }))
    }

    /// A page's lines; the next page is read meanwhile.
    fn write(&mut self, page: Page) -> Vec<u8> {
        let mut lines = page.lines;
        self.sent += page.rows;
        match page.next {
            Some(next) => self.pending = Some(next(&self.service)),
            None => lines.extend(format!("{{\"type\":\"end\",\"{}\":{}}}\n", self.counted, self.sent).into_bytes()),
        }
        lines
    }
}
