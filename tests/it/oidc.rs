//! A login by a real provider of identity (`oidc-provider`, in Node): the whole code flow, with its pages filled in as a
//! person would.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use auth::oidc::{challenge_of, escaped};
use serde_json::{Value, json};

use crate::database::Database;
use crate::server::{Server, prepare, run_with};

const VERIFIER: &str = "what only the app knows of this login";
const SECRET: &str = "a secret of the test & its signs: +%";

/// Where the provider is, once it was installed; `None` says so and leaves the test out, except where all tests are run.
fn installed() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("oidc");
    if folder.join("node_modules").is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("REJOIN_TESTS_RUN").is_none(), "tests/run was to install the provider in {}", folder.display());
    println!("left out: `npm ci` in {} installs the provider that this needs", folder.display());
    None
}

/// A provider on a free port; it ends with its standard input.
struct Provider {
    child: Child,
    issuer: String,
}

impl Provider {
    fn start(folder: &Path, redirect_uri: &str, algorithm: &str) -> Self {
        let mut command = Command::new("node");
        command.args(["provider.mjs", redirect_uri, algorithm]).current_dir(folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut issuer = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut issuer).unwrap();
        assert!(issuer.starts_with("http://127.0.0.1:"), "{issuer:?}");
        Self { child, issuer: issuer.trim().to_owned() }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A browser: it keeps cookies and follows nothing by itself.
struct Browser {
    agent: ureq::Agent,
    cookies: BTreeMap<String, String>,
}

struct Page {
    status: u16,
    location: Option<String>,
    body: String,
}

impl Browser {
    fn new() -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).max_redirects_will_error(false);
        Self { agent: config.timeout_global(Some(Duration::from_secs(30))).build().into(), cookies: BTreeMap::new() }
    }

    fn open(&mut self, method: &str, url: &str, form: &[(&str, &str)]) -> Page {
        let body: Vec<_> = form.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(url)
            .header("Cookie", cookies.join("; "))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body.join("&"))
            .unwrap();
        let mut answer = self.agent.run(request).unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        Page { status: answer.status().as_u16(), location, body: answer.body_mut().read_to_string().unwrap() }
    }

    /// Logs in as somebody: follows redirects, and fills in the pages of the provider, until the server is reached again; its
    /// answer.
    fn log_in(&mut self, start: &str, issuer: &str, name: &str, callback: &str) -> Page {
        let mut page = self.open("GET", start, &[]);
        for _ in 0..20 {
            if let Some(location) = page.location.clone() {
                let url = if location.starts_with('/') { format!("{issuer}{location}") } else { location };
                page = self.open("GET", &url, &[]);
                if url.starts_with(callback) {
                    return page;
                }
            } else {
                assert_eq!(page.status, 200, "{}", page.body);
                let action = page.body.split("action=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
                let url = if action.starts_with('/') { format!("{issuer}{action}") } else { action };
                let prompt = if page.body.contains("value=\"login\"") { "login" } else { "consent" };
                page = self.open("POST", &url, &[("prompt", prompt), ("login", name), ("password", "any")]);
            }
        }
        panic!("the login does not end");
    }
}

fn sign_in(server: &Server, provider: &Provider, name: &str) -> Page {
    let callback = format!("{}/api/auth/oidc/studio/callback", server.url());
    let start = format!("{}/api/auth/oidc/studio/start?challenge={}", server.url(), challenge_of(VERIFIER));
    Browser::new().log_in(&start, &provider.issuer, name, &callback)
}

fn add(database: &Database, server: &Server, provider: &Provider) {
    let arguments = ["oidc", "add", "studio", "--organisation", "Alder", "--issuer", &provider.issuer, "--client-id", "rejoin"];
    let more = ["--client-secret-stdin", "--public-url", server.url(), "--by-email"];
    let told = run_with(database, &[&arguments[..], &more].concat(), SECRET);
    assert_eq!(told.trim(), format!("redirect_uri {}/api/auth/oidc/studio/callback", server.url()));
}

fn logs_in(database: &Database, algorithm: &str) {
    let Some(folder) = installed() else { return };
    prepare(database);
    let server = Server::start(database);
    let provider = Provider::start(&folder, &format!("{}/api/auth/oidc/studio/callback", server.url()), algorithm);
    add(database, &server, &provider);
    let page = sign_in(&server, &provider, "ines");
    assert_eq!(page.status, 200, "{}", page.body);
    let code = serde_json::from_str::<Value>(&page.body).unwrap()["code"].as_str().unwrap().to_owned();
    let client = server.anonymous();
    let device = json!({"name":"Inês's phone","platform":"android"});
    let redeem =
        |code: &str, verifier: &str| client.call("POST", "/api/auth/oidc/token", &json!({"code":code,"verifier":verifier,"device":device}));
    let grant = redeem(&code, VERIFIER).unwrap();
    assert!(grant["access_token"].as_str().unwrap().starts_with("rja_"), "{grant}");
    assert!(redeem(&code, VERIFIER).unwrap_err().starts_with("401"), "a code is good once");
    let page = sign_in(&server, &provider, "ines");
    let again = serde_json::from_str::<Value>(&page.body).unwrap()["code"].as_str().unwrap().to_owned();
    assert_eq!(redeem(&again, VERIFIER).unwrap()["user_id"], grant["user_id"], "she is who she was");
    let page = sign_in(&server, &provider, "unverified");
    assert_eq!((page.status, page.body.contains("not_linked")), (403, true), "{}", page.body);
}

#[test]
fn people_log_in_by_their_provider_on_sqlite() {
    logs_in(&Database::sqlite(), "RS256");
    logs_in(&Database::sqlite(), "EdDSA");
}

#[test]
fn people_log_in_by_their_provider_on_postgres() {
    if let Some(database) = Database::postgres() {
        logs_in(&database, "ES256");
    }
}

#[test]
fn a_provider_with_other_keys_is_believed_and_one_that_is_away_is_told() {
    let Some(folder) = installed() else { return };
    let database = Database::sqlite();
    prepare(&database);
    let server = Server::start(&database);
    let callback = format!("{}/api/auth/oidc/studio/callback", server.url());
    let provider = Provider::start(&folder, &callback, "ES256");
    add(&database, &server, &provider);
    let answered = |provider: &Provider| sign_in(&server, provider, "ines").status;
    assert_eq!(answered(&provider), 200);
    drop(provider);
    let page =
        Browser::new().open("GET", &format!("{}/api/auth/oidc/studio/start?challenge={}", server.url(), challenge_of(VERIFIER)), &[]);
    assert_eq!(page.status, 302, "where to go is known for an hour");
    let provider = Provider::start(&folder, &callback, "RS256");
    add(&database, &server, &provider);
    assert_eq!(answered(&provider), 200, "another issuer under the same name is asked anew");
    assert!(run_with(&database, &["oidc", "remove", "studio"], "").contains("removed"));
    let page =
        Browser::new().open("GET", &format!("{}/api/auth/oidc/studio/start?challenge={}", server.url(), challenge_of(VERIFIER)), &[]);
    assert_eq!(page.status, 404);
    let told = run_with(&database, &["oidc", "list", "--json"], "");
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), json!([]));
}
