//! Compressed bodies, in both directions, as a client sees them.

use std::io::{Read as _, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::error::PayloadError;
use actix_web::test::TestRequest;
use actix_web::web::Bytes;
use futures_core::Stream;
use serde_json::{Value, json};
use sync_core::limits::MAX_BODY_BYTES;

use crate::harness::{Login, Reply, api, request};

const OP: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// The codings as other programs write them.
pub(crate) fn pack(coding: &str, plain: &[u8]) -> Vec<u8> {
    match coding {
        "zstd" => zstd::encode_all(plain, 3).unwrap(),
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut packed = Vec::new();
            brotli::BrotliCompress(&mut &*plain, &mut packed, &brotli::enc::BrotliEncoderParams::default()).unwrap();
            packed
        }
        other => panic!("{other}"),
    }
}

pub(crate) fn unpack(coding: &str, packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match coding {
        "zstd" => zstd::stream::copy_decode(packed, &mut plain).unwrap(),
        "gzip" => drop(flate2::read::GzDecoder::new(packed).read_to_end(&mut plain).unwrap()),
        "br" => brotli::BrotliDecompress(&mut &*packed, &mut plain).unwrap(),
        "" => plain.extend_from_slice(packed),
        other => panic!("{other}"),
    }
    plain
}

fn sync(login: &Login) -> TestRequest {
    request("POST", "/api/offline/sync").insert_header(("authorization", format!("Bearer {}", login.access_token)))
}

fn operation(space_id: &str) -> String {
    json!({"protocol":1,"operations":[{"op_id":OP,"space_id":space_id,"collection":"timeline_events","document_id":"evt-1","kind":"create",
        "base_version":0,"patch":{"title":"Ceremony"}}]})
    .to_string()
}

/// One byte at a time, as a bad network would.
struct Dribbled(std::vec::IntoIter<u8>);

impl Stream for Dribbled {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(|byte| Ok(Bytes::from(vec![byte]))))
    }
}

#[actix_web::test]
async fn a_packed_body_is_read_as_if_it_were_plain() {
    for coding in api_actix::ENCODINGS {
        let api = api().await;
        let login = api.member("Studio Luz", "ana@luz.example").await;
        let packed = pack(coding, operation(&api.space(&login).await).as_bytes());
        let reply = api.send(sync(&login).insert_header(("content-encoding", coding)).set_payload(packed.clone())).await;
        assert_eq!(reply.json()["results"][0]["status"], "applied", "{coding} {reply:?}");
        let again = sync(&login).insert_header(("content-encoding", coding));
        let reply = api.send_chunks(again, Dribbled(packed.into_iter())).await;
        assert_eq!(reply.json()["results"][0]["status"], "duplicate", "{coding} {reply:?}");
    }
}

#[actix_web::test]
async fn a_bomb_is_cut_off_at_the_limit_of_the_route() {
    let api = api().await;
    let login = api.member("Studio Luz", "ana@luz.example").await;
    let good = operation(&api.space(&login).await);
    for coding in api_actix::ENCODINGS {
        let padded = |size: usize| format!("{good}{}", " ".repeat(size - good.len()));
        let send = |path: &str, plain: &str| {
            let request = request("POST", path).insert_header(("authorization", format!("Bearer {}", login.access_token)));
            api.send(request.insert_header(("content-encoding", coding)).set_payload(pack(coding, plain.as_bytes())))
        };
        let problem = send("/api/offline/sync", &padded(MAX_BODY_BYTES + 1)).await.assert_problem(413, "too_large");
        assert!(problem["detail"].as_str().unwrap().contains(&MAX_BODY_BYTES.to_string()), "{problem}");
        // blanks pack to next to nothing, however many
        send("/api/offline/sync", &padded(3 * MAX_BODY_BYTES)).await.assert_problem(413, "too_large");
        assert_eq!(api.held(&login, &[OP]).await, 0);
        send("/api/auth/login", &" ".repeat(16_385)).await.assert_problem(413, "too_large");
        send("/api/auth/login", &" ".repeat(16_384)).await.assert_problem(400, "malformed_json");
    }
    let whole = pack("zstd", format!("{good}{}", " ".repeat(MAX_BODY_BYTES - good.len())).as_bytes());
    let reply = api.send(sync(&login).insert_header(("content-encoding", "zstd")).set_payload(whole)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[actix_web::test]
async fn what_can_not_be_unpacked_is_told_and_not_taken() {
    let api = api().await;
    let login = api.member("Studio Luz", "ana@luz.example").await;
    let good = operation(&api.space(&login).await);
    for coding in api_actix::ENCODINGS {
        let packed = pack(coding, good.as_bytes());
        let mut damaged = packed.clone();
        damaged[packed.len() / 2] ^= 0xff;
        let cut = packed[..packed.len() / 2].to_vec();
        for (body, part) in [(cut, "ends before"), (good.clone().into_bytes(), "damaged"), (Vec::new(), "ends before"), (damaged, "")] {
            let problem = api.send(sync(&login).insert_header(("content-encoding", coding)).set_payload(body)).await;
            let problem = problem.assert_problem(400, "malformed_json");
            assert!(problem["detail"].as_str().unwrap().contains(part), "{coding}: {problem}");
        }
        assert_eq!(api.held(&login, &[OP]).await, 0, "{coding}");
    }
    for coding in ["deflate", "compress", "zstd, gzip", "\u{fc}"] {
        let reply = api.send(sync(&login).insert_header(("content-encoding", coding.as_bytes())).set_payload("{}")).await;
        reply.assert_problem(415, "unsupported_media_type");
        assert_eq!(reply.header("accept-encoding"), "zstd, br, gzip");
    }
}

/// A page of 20 documents, in the coding asked for.
async fn page(accept: Option<&str>, method: &str) -> Reply {
    let api = api().await;
    let login = api.member("Studio Luz", "ana@luz.example").await;
    for index in 0..20 {
        let body = json!({"name":format!("Amara & Joel {index}"),"event_date":"2026-06-20","time_zone":"Europe/Lisbon"});
        api.call(&login.access_token, "POST", "/api/spaces", body).await;
    }
    let mut request = request(method, "/api/spaces").insert_header(("authorization", format!("Bearer {}", login.access_token)));
    if let Some(accept) = accept {
        request = request.insert_header(("accept-encoding", accept));
    }
    api.send(request).await
}

#[actix_web::test]
async fn answers_come_in_what_the_client_accepts() {
    let plain = page(None, "GET").await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    for (accept, coding) in [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("gzip;q=1, zstd;q=0.5", "gzip"),
        ("identity, zstd;q=0.5", ""),
        ("deflate", ""),
        ("*;q=0", ""),
    ] {
        let reply = page(Some(accept), "GET").await;
        assert_eq!((reply.header("content-encoding"), reply.header("vary")), (coding, "accept-encoding"), "{accept}");
        assert_eq!(unpack(coding, &reply.body), plain.body, "{accept}");
        assert!(coding.is_empty() || reply.body.len() < plain.body.len() / 2, "{accept}: {}", reply.body.len());
        // HEAD tells what GET would
        let head = page(Some(accept), "HEAD").await;
        assert_eq!((head.header("content-encoding"), head.header("vary")), (coding, "accept-encoding"), "HEAD {accept}");
    }
}

#[actix_web::test]
async fn small_and_empty_answers_stay_as_they_are() {
    let api = api().await;
    let login = api.member("Studio Luz", "ana@luz.example").await;
    let small = api.send(request("GET", "/healthz").insert_header(("accept-encoding", "zstd"))).await;
    assert_eq!((small.header("content-encoding"), small.json()), ("", json!({"status":"ok"})));
    let logout = request("POST", "/api/auth/logout").insert_header(("authorization", format!("Bearer {}", login.access_token)));
    let none = api.send(logout.insert_header(("accept-encoding", "zstd"))).await;
    assert_eq!((none.status.as_u16(), none.header("content-encoding"), none.header("vary"), none.body.len()), (204, "", "", 0));
    // a large answer is packed off the reactor, and read the same
    let login = api.login("ana@luz.example").await;
    let ids: Vec<String> = (0..5_000).map(|number| format!("01890a5d-ac96-774b-bcce-{number:012x}")).collect();
    let receipts = |coding: &'static str| {
        let request =
            request("POST", "/api/offline/sync/receipts").insert_header(("authorization", format!("Bearer {}", login.access_token)));
        api.send(request.insert_header(("accept-encoding", coding)).set_payload(json!({"op_ids":ids}).to_string()))
    };
    for coding in api_actix::ENCODINGS {
        let reply = receipts(coding).await;
        assert_eq!(reply.header("content-encoding"), coding);
        let value: Value = serde_json::from_slice(&unpack(coding, &reply.body)).unwrap();
        assert_eq!(value["receipts"].as_array().unwrap().len(), 5_000);
    }
}
