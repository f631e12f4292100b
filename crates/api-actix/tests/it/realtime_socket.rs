//! Sockets: what a client says, and how they end.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use actix_http::{BoxedPayloadStream, Payload};
use actix_web::body::MessageBody;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use api_actix::{Allowance, ApiConfig};
use futures_core::Stream;
use serde_json::{Value, json};
use sync_core::json::RawJson;
use sync_core::ports::{Access, BatchState, ItemState, QueueBatch, QueueItem, Signal, Store};
use sync_core::{BatchId, OpId};
use sync_service::Caller;
use testkit::fake::START;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::harness::{Api, Login, api, api_with, request};
use crate::realtime::{cursor, push};
use crate::realtime_frames::Frames;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

struct Incoming(UnboundedReceiver<Bytes>);

impl Stream for Incoming {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(Ok))
    }
}

/// A socket that is being read.
struct Socket {
    body: Pin<Box<dyn MessageBody<Error = Box<dyn std::error::Error>>>>,
    to: UnboundedSender<Bytes>,
    frames: &'static Frames,
}

impl Socket {
    async fn open<S, B>(api: &Api<S>, login: &Login) -> Self
    where
        S: actix_web::dev::Service<actix_http::Request, Response = actix_web::dev::ServiceResponse<B>, Error = actix_web::Error>,
        B: MessageBody + 'static,
    {
        let request = handshake().insert_header(("authorization", format!("Bearer {}", login.access_token)));
        let (to, from) = unbounded_channel();
        let payload: BoxedPayloadStream = Box::pin(Incoming(from));
        let request = request.to_request().replace_payload(Payload::Stream { payload }).0;
        let response = api.app.call(request).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(response.status().as_u16(), 101);
        assert_eq!(response.headers().get("sec-websocket-accept").unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        Self { body: Box::pin(response.into_body().boxed()), to, frames: Frames::load().await }
    }

    /// Sends a frame, masked with nothing.
    fn send(&self, opcode: u8, payload: &[u8]) {
        let mut bytes = vec![0x80 | opcode];
        let length = u16::try_from(payload.len()).unwrap();
        if length < 126 {
            bytes.push(0x80 | u8::try_from(length).unwrap());
        } else {
            bytes.push(0xfe);
            bytes.extend(length.to_be_bytes());
        }
        bytes.extend([0; 4]);
        bytes.extend(payload);
        self.to.send(bytes.into()).unwrap();
    }

    fn say(&self, frame: &Value) {
        self.send(TEXT, frame.to_string().as_bytes());
    }

    /// What can be read now: opcodes and payloads.
    fn read(&mut self) -> Vec<(u8, Vec<u8>)> {
        let mut text = Vec::new();
        for _ in 0..4 {
            while let Poll::Ready(Some(Ok(bytes))) = self.body.as_mut().poll_next(&mut Context::from_waker(Waker::noop())) {
                text.extend_from_slice(&bytes);
            }
        }
        let mut frames = Vec::new();
        let mut rest = text.as_slice();
        while let [first, length, more @ ..] = rest {
            let (length, more) = match *length {
                126 => (usize::from(u16::from_be_bytes([more[0], more[1]])), &more[2..]),
                length => (usize::from(length), more),
            };
            frames.push((first & 0x0f, more[..length].to_vec()));
            rest = &more[length..];
        }
        frames
    }

    /// The frames that can be read now, each as the document says.
    fn frames(&mut self) -> Vec<Value> {
        let read = |(opcode, payload): (u8, Vec<u8>)| {
            assert_eq!(opcode, TEXT, "{payload:?}");
            let frame = serde_json::from_slice(&payload).unwrap();
            self.frames.check(&frame);
            frame
        };
        self.read().into_iter().map(read).collect()
    }

    /// The status with which it is closed, behind whatever comes before.
    fn closed(&mut self) -> u16 {
        let (opcode, payload) = self.read().pop().unwrap();
        assert_eq!(opcode, CLOSE);
        assert!(matches!(self.body.as_mut().poll_next(&mut Context::from_waker(Waker::noop())), Poll::Ready(None)));
        u16::from_be_bytes([payload[0], payload[1]])
    }
}

fn handshake() -> actix_web::test::TestRequest {
    request("GET", "/api/offline/realtime")
        .insert_header(("upgrade", "websocket"))
        .insert_header(("connection", "upgrade"))
        .insert_header(("sec-websocket-version", "13"))
        .insert_header(("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="))
}

#[actix_web::test]
async fn a_client_follows_and_leaves_spaces() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space = api.space(&ana).await;
    let cursor = cursor(&api, &ana, &space).await;
    let mut socket = Socket::open(&api, &ana).await;
    socket.say(&json!({"type": "subscribe", "spaces": [{"space_id": space, "cursor": cursor}]}));
    socket.say(&json!({"type": "ping"}));
    assert_eq!(socket.frames(), [json!({"type": "pong", "id": "1"})], "what was asked before is done");
    push(&api, &ana, &space, 1).await;
    let frames = socket.frames();
    assert_eq!((frames.len(), &frames[0]["since"], &frames[0]["items"][0]["document_id"]), (1, &json!(cursor), &json!("d1")));
    socket.say(&json!({"type": "unsubscribe", "spaces": [space]}));
    assert_eq!(socket.frames(), Vec::<Value>::new());
    push(&api, &ana, &space, 2).await;
    assert_eq!(socket.frames(), Vec::<Value>::new());
    // from where it was, nothing is missing
    socket.say(&json!({"type": "subscribe", "spaces": [{"space_id": space, "cursor": frames[0]["cursor"]}]}));
    assert_eq!(socket.frames()[0]["items"][0]["document_id"], "d2");
    socket.say(&json!({"type": "subscribe", "spaces": [{"space_id": "01890a5d-ac96-774b-bcce-b302099a8057"}]}));
    assert_eq!(socket.frames()[0]["problem"]["code"], "unknown_space");
}

#[actix_web::test]
async fn what_is_no_frame_is_told_and_what_is_no_json_ends_it() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let mut socket = Socket::open(&api, &ana).await;
    for bad in [json!({}), json!([]), json!({"type": "push"}), json!({"type": "subscribe", "spaces": [{"space_id": 7}]})] {
        socket.say(&bad);
        let frames = socket.frames();
        assert_eq!((&frames[0]["type"], &frames[0]["problem"]["code"]), (&json!("failed"), &json!("malformed")), "{bad}");
    }
    let many: Vec<Value> = (0..1_001).map(|n| json!({"space_id": format!("01890000-0000-7000-8000-{n:012x}")})).collect();
    socket.say(&json!({"type": "subscribe", "spaces": many[..600]}));
    socket.read();
    socket.say(&json!({"type": "unsubscribe", "spaces": []}));
    assert_eq!(socket.frames(), Vec::<Value>::new());
    socket.send(TEXT, b"{\"type\":");
    assert_eq!(socket.closed(), 1007);
    for (opcode, payload, status) in [(2, b"{}".as_slice(), 1003), (CLOSE, &[3, 232], 1000), (TEXT, b"\xff", 1007), (3, b"", 1002)] {
        let mut socket = Socket::open(&api, &ana).await;
        socket.send(opcode, payload);
        assert_eq!(socket.closed(), status);
    }
    let mut socket = Socket::open(&api, &ana).await;
    socket.to.send(Bytes::from_static(&[0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1])).unwrap();
    assert_eq!(socket.closed(), 1009, "refused by its length alone");
}

#[actix_web::test]
async fn who_subscribes_too_often_is_told_to_wait_and_stays() {
    let mut config = ApiConfig::default();
    // the space, its cursor, the handshake, and two subscriptions
    config.limits.device = Some(Allowance::new(5, 50));
    let api = api_with(config).await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space = api.space(&ana).await;
    let cursor = cursor(&api, &ana, &space).await;
    let mut socket = Socket::open(&api, &ana).await;
    let subscribe = json!({"type": "subscribe", "spaces": [{"space_id": space, "cursor": cursor}]});
    let again = |socket: &mut Socket| {
        socket.say(&json!({"type": "unsubscribe", "spaces": [space]}));
        socket.say(&subscribe);
        socket.frames()
    };
    for _ in 0..2 {
        assert_eq!(again(&mut socket), Vec::<Value>::new());
    }
    for _ in 0..3 {
        let frames = again(&mut socket);
        let problem = &frames[0]["problem"];
        assert_eq!((frames.len(), &frames[0]["type"], &problem["code"]), (1, &json!("failed"), &json!("rate_limited")), "{frames:?}");
        assert!(problem["detail"].as_str().unwrap().ends_with("send the same again in 10 s."), "{problem}");
    }
    assert_eq!(api.state.hub().figures().spaces, 0, "nothing was looked at");
    socket.say(&json!({"type": "ping"}));
    assert_eq!(socket.frames()[0]["type"], "pong", "the connection stays");
    api.clock.advance_ms(10_000);
    assert_eq!(again(&mut socket), Vec::<Value>::new());
    assert_eq!(api.state.hub().figures().spaces, 1);
}

#[actix_web::test]
async fn signs_of_life_go_both_ways() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let mut socket = Socket::open(&api, &ana).await;
    assert_eq!(socket.read(), []);
    socket.send(PING, b"hello");
    assert_eq!(socket.read(), [(PONG, b"hello".to_vec())]);
    for _ in 0..6 {
        api.clock.advance_ms(25_000);
        api.state.hub().tick();
        assert_eq!(socket.read(), [(PING, Vec::new())]);
        socket.send(PONG, b"");
        assert_eq!(socket.read(), []);
    }
    api.clock.advance_ms(60_001);
    api.state.hub().tick();
    assert_eq!(socket.closed(), 1008, "nothing was heard for a minute");
}

#[actix_web::test]
async fn whoever_is_shut_out_is_closed_at_once() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let mut socket = Socket::open(&api, &ana).await;
    assert_eq!(socket.read(), []);
    let path = format!("/api/auth/devices/{}", ana.device_id);
    assert_eq!(api.call(&ana.access_token, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(socket.closed(), 1008);
}

#[actix_web::test]
async fn a_server_that_stops_closes_them() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let mut socket = Socket::open(&api, &ana).await;
    assert_eq!(socket.read(), []);
    api.state.begin_draining();
    assert_eq!(socket.closed(), 1001);
}

#[actix_web::test]
async fn who_asks_for_no_socket_is_told_how() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let reply = api.call(&ana.access_token, "GET", "/api/offline/realtime", Value::Null).await;
    reply.assert_problem(400, "malformed");
    assert_eq!(reply.header("sec-websocket-version"), "13");
    let old =
        handshake().insert_header(("sec-websocket-version", "8")).insert_header(("authorization", format!("Bearer {}", ana.access_token)));
    api.send(old).await.assert_problem(400, "malformed");
    assert_eq!(api.state.hub().figures().connections, 0);
}

#[actix_web::test]
async fn a_device_has_so_many_sockets_and_no_more() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let mut sockets = Vec::new();
    for _ in 0..64 {
        sockets.push(Socket::open(&api, &ana).await);
    }
    let reply = api.send(handshake().insert_header(("authorization", format!("Bearer {}", ana.access_token)))).await;
    reply.assert_problem(503, "overloaded");
    assert!(!reply.header("retry-after").is_empty());
    sockets.pop();
    Socket::open(&api, &ana).await;
}

/// What a batch and a dead letter of a device look like in the store.
async fn queue_something<S>(api: &Api<S>, caller: Caller, space: &str) -> Vec<Signal> {
    let (space_id, batch_id) = (space.parse().unwrap(), BatchId(uuid::Uuid::from_u128(7)));
    let nothing = RawJson::of(&json!({}));
    let batch = QueueBatch {
        batch_id,
        organisation_id: caller.organisation_id,
        user_id: caller.user_id,
        device_id: caller.device_id,
        sent_at: None,
        received_at: START,
        epochs: nothing.clone(),
        atomic: false,
        state: BatchState::Sealed,
        operations: 2,
        bytes: 20,
        decided: 1,
        decided_bytes: 10,
        finished_at: None,
    };
    let item = QueueItem {
        organisation_id: caller.organisation_id,
        op_id: OpId(uuid::Uuid::from_u128(8)),
        identity: [0; 32],
        space_id,
        user_id: caller.user_id,
        device_id: caller.device_id,
        batch_id,
        seq: 1,
        key: "notes/d".into(),
        group: None,
        lane: 1,
        rank: 0,
        state: ItemState::Parked,
        waits_for: None,
        attempts: 5,
        not_before: None,
        fence: None,
        size_bytes: 10,
        accepted_at: START,
        code: None,
        problem: None,
        payload: nothing,
        original: None,
    };
    let store: &dyn Store = &*api.store;
    let write = store.transact(Access::Write, move |tx| {
        tx.put_batch(&batch)?;
        tx.insert_items(std::slice::from_ref(&item))
    });
    write.await.unwrap();
    vec![Signal::Batch(caller.device_id, batch_id), Signal::DeadLetter(caller.device_id, space_id)]
}

#[actix_web::test]
async fn every_frame_is_as_the_document_says() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space = api.space(&ana).await;
    let (first, second) = (ana.clone(), api.login("ana@luz.example").await);
    let mut socket = Socket::open(&api, &first).await;
    socket.say(&json!({"type": "subscribe", "spaces": [{"space_id": space, "cursor": cursor(&api, &first, &space).await}, {"space_id": ana.user_id}]}));
    socket.say(&json!({"type": "ping"}));
    let mut frames = socket.frames();
    // two devices that disagree, and an answer
    for (n, login, base, text) in [(1, &first, 0, "a"), (2, &second, 1, "b"), (3, &first, 1, "c")] {
        let kind = if n == 1 { "create" } else { "update" };
        let operation = json!({"op_id": format!("01890000-0000-7000-8000-{n:012x}"), "collection": "notes", "document_id": "d", "kind": kind,
            "base_version": base, "patch": {"text": text}});
        let body = json!({"protocol": 1, "space_id": space, "operations": [operation]});
        let result = api.call(&login.access_token, "POST", "/api/offline/sync", body).await.json()["results"][0].clone();
        if let Some(conflict_id) = result["conflict_id"].as_str() {
            frames.extend(socket.frames());
            let version = &frames.last().unwrap()["version"];
            let answer = json!({"conflict_id": conflict_id, "op_id": "01890000-0000-7000-8000-00000000000a", "version": version,
                "fields": {"/text": {"choose": "ours"}}});
            let reply = api.call(&first.access_token, "PUT", "/api/offline/sync/resolve", json!({"resolutions": [answer]})).await;
            assert_eq!(reply.json()["results"][0]["status"], "applied", "{reply:?}");
        }
        frames.extend(socket.frames());
    }
    let schema = json!({"name": "party", "version": 2, "collections": {"notes": {"fields": {}}}});
    let reply = api.call(&first.access_token, "PUT", &format!("/api/spaces/{space}"), json!({"schema": schema})).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    frames.extend(socket.frames());
    // the queue, and who is here
    let service = api.state.service().clone();
    let (caller, other) =
        (service.authenticate(&first.access_token).await.unwrap(), service.authenticate(&second.access_token).await.unwrap());
    service.flush_devices().await.unwrap();
    let mut signals = queue_something(&api, caller, &space).await;
    signals.push(Signal::Presence(other.user_id, other.device_id));
    service.broadcaster().publish(&signals);
    frames.extend(socket.frames());
    let store: &dyn Store = &*api.store;
    let decided = [(BatchId(uuid::Uuid::from_u128(7)), 1, 10)];
    store.transact(Access::Write, move |tx| tx.count_decided(&decided, START)).await.unwrap();
    service.broadcaster().publish(&signals[..1]);
    frames.extend(socket.frames());
    api.state.begin_draining();
    let last: Vec<Value> =
        socket.read().into_iter().filter(|(opcode, _)| *opcode == TEXT).map(|(_, text)| serde_json::from_slice(&text).unwrap()).collect();
    for frame in &last {
        socket.frames.check(frame);
    }
    frames.extend(last);
    let types: BTreeSet<&str> = frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    let all = ["backoff", "cache", "change", "completed", "conflict", "failed", "pong", "presence", "progress", "resolved"];
    assert_eq!(types, all.into(), "and revoked, where others look");
}
