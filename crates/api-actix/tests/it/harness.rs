//! A server without a socket, and the calls that tests make to it.

use std::sync::Arc;

use actix_http::{BoxedPayloadStream, Payload, Request};
use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::error::PayloadError;
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, init_service};
use actix_web::web::Bytes;
use actix_web::{App, Error};
use api_actix::{ApiConfig, ApiState};
use auth::{PasswordConfig, PasswordHasher};
use futures_core::Stream;
use serde_json::{Value, json};
use sync_core::protocol::v1::identity::AddUserRequest;
use sync_service::Service;
use testkit::fake::{FakeClock, SeededEntropy};
use testkit::memory::MemoryStore;

use crate::contract::Contract;

/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// What a call brought back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that it is a problem document of this status and code.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, code: &str) -> Value {
        let body = self.json();
        assert_eq!((self.status.as_u16(), &body["code"]), (status, &json!(code)), "{body}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], format!("https://rejoin.example/errors#{code}"));
        assert_eq!(body["request_id"], self.header("x-request-id"));
        assert!(body["title"].is_string() && body["detail"].is_string() && body["retryable"].is_boolean(), "{body}");
        body
    }
}

/// Who is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    pub(crate) user_id: String,
    pub(crate) device_id: String,
}

pub(crate) struct Api<S> {
    pub(crate) app: S,
    pub(crate) state: ApiState,
    pub(crate) contract: &'static Contract,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) hasher: Arc<PasswordHasher>,
}

/// A server over an empty store.
pub(crate) async fn api() -> Api<impl actix_web::dev::Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error>> {
    api_with(ApiConfig::default()).await
}

/// [`api`] with what an operator may set.
pub(crate) async fn api_with(
    config: ApiConfig,
) -> Api<impl actix_web::dev::Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error>> {
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(FakeClock::new());
    let entropy = Arc::new(SeededEntropy::new(1));
    let mut passwords = PasswordConfig::default();
    (passwords.memory_kib, passwords.passes) = (8, 1);
    let hasher = Arc::new(PasswordHasher::new(&passwords).unwrap());
    let service = Service::new(store.clone(), clock.clone(), entropy.clone(), hasher.clone());
    let state = ApiState::new(service, entropy, config);
    let app = init_service(App::new().configure(|cfg| api_actix::configure_alone(cfg, state.clone()))).await;
    let document = actix_web::test::call_and_read_body_json(&app, request("GET", "/api/openapi.json").to_request()).await;
    Api { app, state, contract: Contract::of(document), store, clock, hasher }
}

impl<S, B> Api<S>
where
    S: actix_web::dev::Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    pub(crate) async fn send(&self, request: TestRequest) -> Reply {
        self.send_raw(request.to_request()).await
    }

    /// A call whose body comes in chunks, without an announced length.
    pub(crate) async fn send_chunks(
        &self,
        request: TestRequest,
        chunks: impl Stream<Item = Result<Bytes, PayloadError>> + 'static,
    ) -> Reply {
        let payload: BoxedPayloadStream = Box::pin(chunks);
        self.send_raw(request.to_request().replace_payload(Payload::Stream { payload }).0).await
    }

    async fn send_raw(&self, request: Request) -> Reply {
        let (method, path) = (request.method().clone(), request.path().to_owned());
        let response = match self.app.call(request).await {
            Ok(response) => response,
            Err(error) => panic!("{error}"),
        };
        let (_, response) = response.into_parts();
        let (response, body) = response.into_parts();
        let body = actix_web::body::to_bytes(body).await.unwrap_or_else(|_| panic!("the body broke off"));
        let reply = Reply { status: response.status(), headers: response.headers().clone(), body };
        self.contract.check(method.as_str(), &path, &reply);
        reply
    }

    /// A call with a token and a JSON body.
    pub(crate) async fn call(&self, token: &str, method: &str, path: &str, body: Value) -> Reply {
        let mut request = request(method, path).insert_header(("authorization", format!("Bearer {token}")));
        if !body.is_null() {
            request = request.insert_header(("content-type", "application/json")).set_payload(body.to_string());
        }
        self.send(request).await
    }

    /// Adds an admin by the back door and logs in.
    pub(crate) async fn member(&self, organisation: &str, email: &str) -> Login {
        let request = AddUserRequest { email: email.into(), password: PASSWORD.into(), name: email.into() };
        self.state.service().bootstrap_user(organisation, request, true).await.unwrap();
        self.login(email).await
    }

    pub(crate) async fn login(&self, email: &str) -> Login {
        let device = json!({"name":"Rui's iPad","platform":"ipados"});
        let reply = self.call("", "POST", "/api/auth/login", json!({"email":email,"password":PASSWORD,"device":device})).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let grant = reply.json();
        let text = |name: &str| grant[name].as_str().unwrap().to_owned();
        Login {
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
            user_id: text("user_id"),
            device_id: text("device_id"),
        }
    }

    /// Makes a space.
    pub(crate) async fn space(&self, login: &Login) -> String {
        let reply = self.call(&login.access_token, "POST", "/api/spaces", json!({"name":"Amara & Joel","event_date":"2026-06-20"})).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json()["space_id"].as_str().unwrap().to_owned()
    }

    /// How many operations of these the store holds.
    pub(crate) async fn held(&self, login: &Login, op_ids: &[&str]) -> usize {
        let reply = self.call(&login.access_token, "POST", "/api/offline/sync/receipts", json!({"op_ids":op_ids})).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["receipts"].as_array().unwrap().iter().filter(|receipt| receipt["held"] == true).count()
    }
}

pub(crate) fn request(method: &str, path: &str) -> TestRequest {
    TestRequest::default().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path)
}
