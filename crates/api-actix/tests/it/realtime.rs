//! Tickets and server-sent events.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use actix_web::body::MessageBody;
use serde_json::{Value, json};

use crate::harness::{Api, Login, api, request};
use crate::realtime_frames::Frames;

/// Makes a document.
pub(crate) async fn push<S, B>(api: &Api<S>, login: &Login, space: &str, n: u32)
where
    S: actix_web::dev::Service<actix_http::Request, Response = actix_web::dev::ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let op_id = format!("01890000-0000-7000-8000-{n:012x}");
    let operation = json!({"op_id": op_id, "collection": "notes", "document_id": format!("d{n}"), "kind": "create", "base_version": 0, "patch": {"n": n}});
    let reply = api
        .call(&login.access_token, "POST", "/api/offline/sync", json!({"protocol": 1, "space_id": space, "operations": [operation]}))
        .await;
    assert_eq!(reply.json()["results"][0]["status"], "applied", "{reply:?}");
}

/// The cursor of a device that pulled everything.
pub(crate) async fn cursor<S, B>(api: &Api<S>, login: &Login, space: &str) -> String
where
    S: actix_web::dev::Service<actix_http::Request, Response = actix_web::dev::ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let body = json!({"protocol": 1, "pull": {"spaces": {space: {"cursor": null}}}});
    let reply = api.call(&login.access_token, "POST", "/api/offline/sync", body).await.json();
    reply["changes"][space]["cursor"].as_str().unwrap().to_owned()
}

/// A stream of events that is being read.
pub(crate) struct Stream(Pin<Box<dyn MessageBody<Error = Box<dyn std::error::Error>>>>);

impl Stream {
    pub(crate) async fn open<S, B>(api: &Api<S>, token: &str, path: &str, last: Option<&str>) -> Self
    where
        S: actix_web::dev::Service<actix_http::Request, Response = actix_web::dev::ServiceResponse<B>, Error = actix_web::Error>,
        B: MessageBody + 'static,
    {
        let mut request = request("GET", path).insert_header(("accept-encoding", "zstd, gzip"));
        if !token.is_empty() {
            request = request.insert_header(("authorization", format!("Bearer {token}")));
        }
        if let Some(last) = last {
            request = request.insert_header(("last-event-id", last));
        }
        let response = api.app.call(request.to_request()).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(response.status().as_u16(), 200);
        for (name, value) in
            [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no"), ("content-encoding", "")]
        {
            assert_eq!(response.headers().get(name).map_or("", |value| value.to_str().unwrap()), value, "{name}");
        }
        Self(Box::pin(response.into_body().boxed()))
    }

    /// What can be read now.
    pub(crate) fn read(&mut self) -> String {
        let mut text = Vec::new();
        // a look at the store in memory is over when it was begun: asked twice, whatever there is has come
        for _ in 0..2 {
            while let Poll::Ready(Some(Ok(bytes))) = self.0.as_mut().poll_next(&mut Context::from_waker(Waker::noop())) {
                text.extend_from_slice(&bytes);
            }
        }
        String::from_utf8(text).unwrap()
    }

    fn is_over(&mut self) -> bool {
        matches!(self.0.as_mut().poll_next(&mut Context::from_waker(Waker::noop())), Poll::Ready(None))
    }
}

/// The events of a stream: id and data.
async fn events(text: &str) -> Vec<(Option<String>, Value)> {
    let frames = Frames::load().await;
    let of = |event: &str| {
        let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        let data: Value = serde_json::from_str(&line("data: ")?).unwrap();
        frames.check(&data);
        Some((line("id: "), data))
    };
    text.split("\n\n").filter_map(of).collect()
}

#[actix_web::test]
async fn events_carry_frames_and_resume_where_they_were() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let (first, second) = (api.space(&ana).await, api.space(&ana).await);
    let (one, two) = (cursor(&api, &ana, &first).await, cursor(&api, &ana, &second).await);
    let path = format!("/api/offline/events?space={first}&cursor={one}&space={second}&cursor={two}");
    let mut stream = Stream::open(&api, &ana.access_token, &path, None).await;
    let opening = stream.read();
    let retry_ms: u64 = opening.strip_prefix("retry: ").and_then(|rest| rest.strip_suffix("\n\n")).unwrap().parse().unwrap();
    assert!((2_000..4_000).contains(&retry_ms));
    push(&api, &ana, &first, 1).await;
    push(&api, &ana, &second, 2).await;
    push(&api, &ana, &first, 3).await;
    let received = events(&stream.read()).await;
    let told = |events: &[(Option<String>, Value)]| -> Vec<String> {
        let items = events.iter().flat_map(|(_, data)| data["items"].as_array().unwrap().clone());
        items.map(|item| item["document_id"].as_str().unwrap().to_owned()).collect()
    };
    let mut all = told(&received);
    all.sort();
    assert_eq!(all, ["d1", "d2", "d3"]);
    drop(stream);
    push(&api, &ana, &second, 4).await;
    // after every event it goes on without a gap and without a repeat
    for (place, (id, _)) in received.iter().enumerate() {
        let mut resumed = Stream::open(&api, &ana.access_token, &path, Some(id.as_ref().unwrap())).await;
        let rest = events(&resumed.read()).await;
        let mut seen = told(&received[..=place]);
        seen.extend(told(&rest));
        seen.sort();
        assert_eq!(seen, ["d1", "d2", "d3", "d4"]);
    }
}

#[actix_web::test]
async fn an_id_of_another_stream_leads_to_a_pull() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space = api.space(&ana).await;
    push(&api, &ana, &space, 1).await;
    let path = format!("/api/offline/events?space={space}&cursor={}", cursor(&api, &ana, &space).await);
    for last in ["", "nonsense", "..", "a.b"] {
        let mut stream = Stream::open(&api, &ana.access_token, &path, Some(last)).await;
        let received = events(&stream.read()).await;
        assert_eq!(received.len(), 1, "{last:?}");
        assert!(received[0].0.is_none() && received[0].1["items"].is_null(), "{received:?}");
    }
}

#[actix_web::test]
async fn a_ticket_opens_a_stream_once() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space = api.space(&ana).await;
    let reply = api.call(&ana.access_token, "POST", "/api/offline/realtime/ticket", Value::Null).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["expires_in_s"]), (201, &json!(30)));
    let path = format!("/api/offline/events?space={space}&ticket={}", reply.json()["ticket"].as_str().unwrap());
    let mut stream = Stream::open(&api, "", &path, None).await;
    assert!(stream.read().starts_with("retry: "));
    api.send(request("GET", &path)).await.assert_problem(401, "unauthenticated");
    let other = "/api/offline/realtime?ticket=rjt_nonsense";
    api.send(request("GET", other)).await.assert_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn a_stream_beats_and_ends_with_the_login() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space = api.space(&ana).await;
    let path = format!("/api/offline/events?space={space}&cursor={}", cursor(&api, &ana, &space).await);
    let mut stream = Stream::open(&api, &ana.access_token, &path, None).await;
    stream.read();
    api.clock.advance_ms(25_000);
    api.state.hub().tick();
    assert_eq!(stream.read(), ": still here\n\n");
    assert_eq!(api.call(&ana.access_token, "POST", "/api/auth/logout", Value::Null).await.status, 204);
    let last = events(&stream.read()).await;
    assert_eq!(last[0].1, json!({"type": "revoked", "id": last[0].1["id"], "what": "session"}));
    assert!(stream.is_over());
    assert_eq!(api.state.hub().figures().spaces, 1, "until it is dropped");
    drop(stream);
    assert_eq!((api.state.hub().figures().spaces, api.state.hub().figures().connections), (0, 0));
}

#[actix_web::test]
async fn a_stream_is_asked_for_in_plain_words() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space = api.space(&ana).await;
    let many: Vec<String> = (0..33).map(|n| format!("space=01890000-0000-7000-8000-{n:012x}")).collect();
    for query in [
        String::new(),
        "space=x".into(),
        "cursor=x".into(),
        format!("space={space}&space={space}"),
        format!("space={space}&cursor=a&cursor=b"),
        format!("space={space}&schema=new"),
        format!("space={space}&since=3"),
        many.join("&"),
    ] {
        api.call(&ana.access_token, "GET", &format!("/api/offline/events?{query}"), Value::Null).await.assert_problem(400, "malformed");
    }
    let reply = api.call(&ana.access_token, "HEAD", &format!("/api/offline/events?space={space}"), Value::Null).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type"), reply.body.len()), (200, "text/event-stream", 0));
}

#[actix_web::test]
async fn a_server_that_stops_takes_nobody() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space = api.space(&ana).await;
    let path = format!("/api/offline/events?space={space}");
    let mut stream = Stream::open(&api, &ana.access_token, &path, None).await;
    stream.read();
    api.state.begin_draining();
    let last = events(&stream.read()).await;
    assert_eq!((&last[0].1["type"], &last[0].1["reason"]), (&json!("backoff"), &json!("draining")));
    assert!(stream.is_over());
    let reply = api.call(&ana.access_token, "GET", &path, Value::Null).await;
    reply.assert_problem(503, "overloaded");
    assert!(!reply.header("retry-after").is_empty());
}
