//! What a client sends over a socket, and the ticket that opens one.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::limits::MAX_PULL_SPACES;
use crate::{Code, Problem, SpaceId, json};

/// The answer to `POST /api/offline/realtime/ticket`.
#[derive(Debug, Clone, Serialize)]
pub struct TicketGrant {
    /// Good once.
    pub ticket: String,
    /// For how long.
    pub expires_in_s: i64,
}

/// A space that is followed from a cursor on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subscribed {
    /// The space.
    pub space_id: SpaceId,
    /// The cursor that the device holds; absent: it is told to pull.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientFrame {
    /// Follow these spaces.
    Subscribe {
        /// Each with its cursor.
        spaces: Vec<Subscribed>,
        /// The schema that the device speaks.
        schema: Option<u32>,
    },
    /// Follow these no longer.
    Unsubscribe {
        /// Their ids.
        spaces: Vec<SpaceId>,
    },
    /// Are you there?
    Ping,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    Subscribe {
        spaces: Vec<Subscribed>,
        #[serde(default)]
        schema: Option<u32>,
    },
    Unsubscribe {
        spaces: Vec<Named>,
    },
    Ping {},
}

/// A space, by its id alone or as an entry of `subscribe`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Id(SpaceId),
    Entry { space_id: SpaceId },
}

impl ClientFrame {
    /// Reads a frame.
    ///
    /// # Errors
    /// `malformed_json` when it is no I-JSON, `malformed` when it is none of these, `too_large` when it names more spaces
    /// than a pull may.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let value: Value = json::parse_strict(text.as_bytes()).map_err(|error| Problem::new(Code::MalformedJson, error.to_string()))?;
        let said = serde_json::from_value(value).map_err(|error| {
            Problem::new(Code::Malformed, format!("this is no frame of a client: {error}; there are subscribe, unsubscribe and ping"))
        })?;
        let frame = match said {
            Said::Subscribe { spaces, schema } => Self::Subscribe { spaces, schema },
            Said::Unsubscribe { spaces } => {
                let id = |named| match named {
                    Named::Id(space_id) | Named::Entry { space_id } => space_id,
                };
                Self::Unsubscribe { spaces: spaces.into_iter().map(id).collect() }
            }
            Said::Ping {} => Self::Ping,
        };
        let named = match &frame {
            Self::Subscribe { spaces, .. } => spaces.len(),
            Self::Unsubscribe { spaces } => spaces.len(),
            Self::Ping => 0,
        };
        if named > MAX_PULL_SPACES {
            let detail = format!("this names {named} spaces, and one frame may name {MAX_PULL_SPACES}; send several");
            return Err(Problem::new(Code::TooLarge, detail).at("/spaces"));
        }
        Ok(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn reads_what_a_client_says() {
        let space_id: SpaceId = ID.parse().unwrap();
        let subscribed = |cursor: Option<&str>| vec![Subscribed { space_id, cursor: cursor.map(str::to_owned) }];
        let unsubscribe = ClientFrame::Unsubscribe { spaces: vec![space_id] };
        for (text, expected) in [
            (
                format!(r#"{{"type":"subscribe","spaces":[{{"space_id":"{ID}","cursor":"c"}}]}}"#),
                ClientFrame::Subscribe { spaces: subscribed(Some("c")), schema: None },
            ),
            (
                format!(r#"{{"spaces":[{{"space_id":"{ID}","cursor":null}}],"type":"subscribe","schema":3}}"#),
                ClientFrame::Subscribe { spaces: subscribed(None), schema: Some(3) },
            ),
            (format!(r#"{{"type":"unsubscribe","spaces":["{ID}"]}}"#), unsubscribe.clone()),
            (format!(r#"{{"type":"unsubscribe","spaces":[{{"space_id":"{ID}"}}]}}"#), unsubscribe),
            (r#"{"type":"ping","id":"7"}"#.to_owned(), ClientFrame::Ping),
        ] {
            assert_eq!(ClientFrame::parse(&text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for (text, code) in [
            ("", Code::MalformedJson),
            ("ping", Code::MalformedJson),
            (r#"{"type":"ping","type":"ping"}"#, Code::MalformedJson),
            ("[]", Code::Malformed),
            ("{}", Code::Malformed),
            (r#"{"type":"push"}"#, Code::Malformed),
            (r#"{"type":"subscribe"}"#, Code::Malformed),
            (r#"{"type":"subscribe","spaces":[{"space_id":"x"}]}"#, Code::Malformed),
            (r#"{"type":"subscribe","spaces":{}}"#, Code::Malformed),
        ] {
            assert_eq!(ClientFrame::parse(text).map_err(|problem| problem.code), Err(code), "{text}");
        }
        let many = vec![format!("\"{ID}\""); MAX_PULL_SPACES + 1].join(",");
        let text = format!(r#"{{"type":"unsubscribe","spaces":[{many}]}}"#);
        assert_eq!(ClientFrame::parse(&text).map_err(|problem| problem.code), Err(Code::TooLarge));
    }
}
