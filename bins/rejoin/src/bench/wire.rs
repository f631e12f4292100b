//! One HTTP/1.1 connection that counts every byte. Light on purpose: it shares the machine with the server that it
//! measures.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::failure::Failure;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(120);
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// A connection that was idle for longer is made anew: the server may be about to close it.
const IDLE: Duration = Duration::from_secs(10);
/// Header lines that an answer may have.
const HEADERS: usize = 64;
/// The least room for what comes next.
const ROOM: usize = 16 * 1024;

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// `HOST:PORT`, to connect to.
    pub(crate) authority: String,
    /// What stands before each path, without a slash at its end.
    pub(crate) prefix: String,
}

impl Endpoint {
    /// Reads `http://HOST[:PORT][/PREFIX]`.
    ///
    /// # Errors
    /// [`Failure::Input`], which says what is expected.
    pub(crate) fn parse(url: &str) -> Result<Self, Failure> {
        let expected = "an address such as http://127.0.0.1:8080 is expected";
        if url.starts_with("https://") {
            return Err(Failure::Input(format!(
                "--url {url}: the load generator speaks no TLS; give the address of the server behind the proxy, e.g. http://127.0.0.1:8080"
            )));
        }
        let rest = url.strip_prefix("http://").ok_or_else(|| Failure::Input(format!("--url {url}: {expected}")))?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let port_of = |host: &str| host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if host.is_empty() || host.contains(['@', '?', '#', ' ']) || path.contains(['?', '#', ' ']) {
            return Err(Failure::Input(format!("--url {url}: {expected}")));
        }
        let authority = if port_of(host) { host.to_owned() } else { format!("{host}:80") };
        let prefix = path.trim_end_matches('/');
        Ok(Self { authority, prefix: if prefix.is_empty() { String::new() } else { format!("/{prefix}") } })
    }
}

/// How bodies travel, both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Encoding {
    /// As they are.
    None,
    /// Zstandard.
    Zstd,
}

impl Encoding {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Zstd => "zstd",
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) token: &'a str,
    pub(crate) encoding: Encoding,
    pub(crate) body: &'a [u8],
    /// Whether the body is JSON a line, instead of one value.
    pub(crate) lines: bool,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// What `Retry-After` asked for, in seconds.
    pub(crate) retry_after_s: Option<u64>,
    pub(crate) body: Vec<u8>,
}

/// A connection, made when it is needed and held open.
#[derive(Debug)]
pub(crate) struct Connection {
    endpoint: Endpoint,
    stream: Option<TcpStream>,
    used: Instant,
    out: Vec<u8>,
    input: Vec<u8>,
    /// Bytes that were written, heads included.
    pub(crate) sent_bytes: u64,
    /// Bytes that were read, heads included.
    pub(crate) received_bytes: u64,
}

impl Connection {
    pub(crate) fn new(endpoint: &Endpoint) -> Self {
        let endpoint = endpoint.clone();
        Self { endpoint, stream: None, used: Instant::now(), out: Vec::new(), input: Vec::new(), sent_bytes: 0, received_bytes: 0 }
    }

    /// Another one to the same server.
    pub(crate) fn beside(&self) -> Self {
        Self::new(&self.endpoint)
    }

    /// Asks and waits for the whole answer.
    ///
    /// # Errors
    /// [`Failure::Failed`] when there is no answer that can be read.
    pub(crate) async fn ask(&mut self, request: Request<'_>) -> Result<Answer, Failure> {
        let path = request.path.split('?').next().unwrap_or_default();
        let said = format!("{} {path} at {}", request.method, self.endpoint.authority);
        match timeout(ANSWER, self.exchange(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                self.stream = None;
                Err(Failure::Failed(format!("{said}: {error}; is the server still up?")))
            }
            Err(_) => {
                self.stream = None;
                Err(Failure::Failed(format!("{said}: no answer within {} s; is the server overloaded?", ANSWER.as_secs())))
            }
        }
    }

    async fn exchange(&mut self, request: Request<'_>) -> io::Result<Answer> {
        if self.stream.is_none() || self.used.elapsed() > IDLE {
            let connecting = timeout(CONNECT, TcpStream::connect(&self.endpoint.authority));
            let stream = connecting.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        self.write_request(request)?;
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        stream.write_all(&self.out).await?;
        self.sent_bytes += count(self.out.len());
        self.input.clear();
        let head = loop {
            if let Some(head) = read_head(&self.input)? {
                break head;
            }
            self.received_bytes += more(stream, &mut self.input).await?;
        };
        let mut body = Body::new(&head, request.method == "HEAD");
        while !body.take(&self.input)? {
            self.received_bytes += more(stream, &mut self.input).await?;
        }
        if head.closes {
            self.stream = None;
        }
        self.used = Instant::now();
        let body = decode(head.encoding, body.content)?;
        Ok(Answer { status: head.status, retry_after_s: head.retry_after_s, body })
    }

    fn write_request(&mut self, request: Request<'_>) -> io::Result<()> {
        let Request { method, path, token, encoding, body, lines } = request;
        let packed;
        let (body, encoding) = match encoding {
            Encoding::Zstd if !body.is_empty() => {
                packed = zstd::bulk::compress(body, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                (packed.as_slice(), "content-encoding: zstd\r\naccept-encoding: zstd\r\n")
            }
            Encoding::Zstd => (body, "accept-encoding: zstd\r\n"),
            Encoding::None => (body, ""),
        };
        let Endpoint { authority, prefix } = &self.endpoint;
        let authorization = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
        let kind = match (body.is_empty(), lines) {
            (true, _) => "",
            (false, false) => "content-type: application/json\r\n",
            (false, true) => "content-type: application/x-ndjson\r\n",
        };
        let head = format!(
            "{method} {prefix}{path} HTTP/1.1\r\nhost: {authority}\r\n{authorization}{kind}{encoding}content-length: {}\r\n\r\n",
            body.len()
        );
        self.out.clear();
        self.out.extend_from_slice(head.as_bytes());
        self.out.extend_from_slice(body);
        Ok(())
    }
}

/// What the head of an answer says.
#[derive(Debug)]
struct Head {
    /// Where the body begins.
    bytes: usize,
    status: u16,
    length: Option<usize>,
    chunked: bool,
    closes: bool,
    encoding: Encoding,
    retry_after_s: Option<u64>,
}

fn read_head(input: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(bytes) = parsed.parse(input).map_err(|error| damaged(&error.to_string()))? else {
        return Ok(None);
    };
    let status = parsed.code.ok_or_else(|| damaged("it has no status"))?;
    let closes = parsed.version == Some(0);
    let mut head = Head { bytes, status, length: None, chunked: false, closes, encoding: Encoding::None, retry_after_s: None };
    for header in parsed.headers {
        let value = std::str::from_utf8(header.value).unwrap_or_default().trim();
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("content-length") {
            head.length = value.parse().ok();
        } else if is("transfer-encoding") {
            head.chunked = value.eq_ignore_ascii_case("chunked");
        } else if is("connection") {
            head.closes |= value.eq_ignore_ascii_case("close");
        } else if is("retry-after") {
            head.retry_after_s = value.parse().ok();
        } else if is("content-encoding") {
            head.encoding = match value {
                "zstd" => Encoding::Zstd,
                "identity" => Encoding::None,
                other => return Err(damaged(&format!("its encoding {other} was not asked for"))),
            };
        }
    }
    Ok(Some(head))
}

/// A body in the making.
#[derive(Debug)]
struct Body {
    /// Up to where the input was taken.
    place: usize,
    /// Bytes that are still to come of a body of known length, or of a chunk.
    left: Option<usize>,
    chunked: bool,
    content: Vec<u8>,
}

impl Body {
    fn new(head: &Head, is_empty: bool) -> Self {
        let none = is_empty || matches!(head.status, 204 | 304);
        let left = if none { Some(0) } else { head.length.or((!head.chunked).then_some(0)) };
        Self { place: head.bytes, left, chunked: head.chunked && !none, content: Vec::with_capacity(left.unwrap_or(ROOM)) }
    }

    /// Takes what is there; whether that was all of it.
    fn take(&mut self, input: &[u8]) -> io::Result<bool> {
        if !self.chunked {
            return Ok(self.take_left(input));
        }
        loop {
            if self.left.is_some() && !self.take_left(input) {
                return Ok(false);
            }
            let rest = input.get(self.place..).unwrap_or_default();
            match httparse::parse_chunk_size(rest).map_err(|_| damaged("a chunk has no size"))? {
                httparse::Status::Partial => return Ok(false),
                // the last chunk, without trailers
                httparse::Status::Complete((head, 0)) => return Ok(rest.len() >= head + 2),
                httparse::Status::Complete((head, size)) => {
                    self.place += head;
                    self.left = Some(usize::try_from(size).map_err(|_| damaged("a chunk is too large"))? + 2);
                }
            }
        }
    }

    /// Takes what is there of a known number of bytes; whether that was all of it.
    fn take_left(&mut self, input: &[u8]) -> bool {
        let rest = input.get(self.place..).unwrap_or_default();
        let left = self.left.unwrap_or_default();
        let taken = left.min(rest.len());
        self.content.extend_from_slice(rest.get(..taken).unwrap_or_default());
        self.place += taken;
        if taken < left {
            self.left = Some(left - taken);
            return false;
        }
        if self.chunked {
            // the line's end after the chunk
            self.content.truncate(self.content.len().saturating_sub(2));
        }
        self.left = if self.chunked { None } else { Some(0) };
        true
    }
}

async fn more(stream: &mut TcpStream, input: &mut Vec<u8>) -> io::Result<u64> {
    input.reserve(ROOM);
    match stream.read_buf(input).await? {
        0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection before its answer was complete")),
        read => Ok(count(read)),
    }
}

fn decode(encoding: Encoding, body: Vec<u8>) -> io::Result<Vec<u8>> {
    match encoding {
        Encoding::Zstd if !body.is_empty() => zstd::stream::decode_all(body.as_slice()),
        _ => Ok(body),
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the answer is not HTTP: {what}"))
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
