//! The lines of a snapshot, written into one buffer: bodies are copied as they are stored.

use std::io::Write as _;

use serde::Serialize;
use sync_core::SpaceId;
use sync_core::ports::LiveDocument;

/// The first line.
#[derive(Serialize)]
#[serde(tag = "type", rename = "head")]
pub(super) struct Head {
    pub(super) space_id: SpaceId,
    pub(super) epoch: String,
    pub(super) schema: u32,
    pub(super) documents: i64,
    pub(super) tiers: Vec<Tier>,
}

/// How many documents a tier has.
#[derive(Serialize)]
pub(super) struct Tier {
    pub(super) tier: u8,
    pub(super) documents: i64,
}

/// Where to resume.
#[derive(Serialize)]
#[serde(tag = "type", rename = "mark")]
pub(super) struct MarkLine {
    pub(super) mark: Option<String>,
    pub(super) sent: u64,
}

/// The last line.
#[derive(Serialize)]
#[serde(tag = "type", rename = "end")]
pub(super) struct End {
    pub(super) cursor: Option<String>,
    pub(super) sent: u64,
}

/// Adds a line.
pub(super) fn write_line<T: Serialize>(line: &T, out: &mut Vec<u8>) {
    // a buffer takes everything, and these types always serialise
    if serde_json::to_writer(&mut *out, line).is_ok() {
        out.push(b'\n');
    }
}

/// Adds a document's line.
pub(super) fn write_document(live: LiveDocument<'_>, out: &mut Vec<u8>) {
    let (collection, id) = live.key.split_once('/').unwrap_or_default();
    out.extend_from_slice(b"{\"type\":\"document\",\"collection\":\"");
    out.extend_from_slice(collection.as_bytes());
    out.extend_from_slice(b"\",\"document_id\":\"");
    write_escaped(id, out);
    let _ = write!(out, "\",\"version\":{},\"document\":", live.version);
    out.extend_from_slice(live.body.as_bytes());
    out.extend_from_slice(b"}\n");
}

/// An id is printable ASCII: two of its characters need an escape.
fn write_escaped(id: &str, out: &mut Vec<u8>) {
    for byte in id.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_documents_line_is_json_whatever_its_id() {
        for id in ["a", r#"q"uo\te"#, "a/b", "~!'"] {
            let mut out = Vec::new();
            let key = format!("guests/{id}");
            write_document(LiveDocument { key: &key, version: 7, body: r#"{"n":1}"# }, &mut out);
            let text = String::from_utf8(out).unwrap();
            let line: Value = serde_json::from_str(text.strip_suffix('\n').unwrap()).unwrap();
            assert_eq!(line, json!({"type":"document","collection":"guests","document_id":id,"version":7,"document":{"n":1}}));
        }
    }
}
