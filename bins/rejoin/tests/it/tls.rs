//! A server that speaks TLS, and one that would not and can be reached by anybody. The certificates are of these tests alone.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::process::{Served, furnished, rejoin, run, text};

type Pair = (&'static str, &'static str);
const ONE: Pair = (include_str!("tls/one.pem"), include_str!("tls/one.key"));
const OTHER: Pair = (include_str!("tls/two.pem"), include_str!("tls/two.key"));
/// When a new certificate is surely there.
const WITHIN: Duration = Duration::from_secs(60);

fn put(folder: &Path, (cert, key): Pair) {
    fs::write(folder.join("tls.pem"), cert).unwrap();
    fs::write(folder.join("tls.key"), key).unwrap();
}

/// A request of somebody who trusts one certificate alone; the protocol that was agreed on, and the answer.
fn ask(served: &Served, (trusted, _): Pair, offered: &[&str]) -> Result<(Option<String>, String), String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, served.connect());
    stream.conn.complete_io(&mut stream.sock).map_err(|error| error.to_string())?;
    let agreed = stream.conn.alpn_protocol().map(|name| String::from_utf8(name.to_vec()).unwrap());
    if agreed.as_deref() == Some("h2") {
        return Ok((agreed, String::new()));
    }
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    // who closes without a word said all the same
    let _ = stream.read_to_string(&mut answer);
    Ok((agreed, answer))
}

/// Has the certificate read again, until it is this one.
fn takes_up(served: &Served, pair: Pair) {
    served.signal("HUP");
    let until = Instant::now() + WITHIN;
    while ask(served, pair, &[]).is_err() {
        assert!(Instant::now() < until, "the new certificate is not taken up");
    }
}

#[test]
fn a_certificate_is_served_and_replaced_while_the_server_runs() {
    let folder = furnished();
    put(folder.path(), ONE);
    let served = Served::start(folder.path(), &["--tls-cert", "tls.pem", "--tls-key", "tls.key", "--log-level", "error"]);
    let (_, answer) = ask(&served, ONE, &["http/1.1"]).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("strict-transport-security"), "{answer}");
    assert_eq!(ask(&served, ONE, &["h2", "http/1.1"]).unwrap().0.as_deref(), Some("h2"));
    assert!(ask(&served, OTHER, &[]).is_err(), "it is not another one's");
    let mut plain = TcpStream::connect(served.address).unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "nothing is answered in the clear");

    put(folder.path(), OTHER);
    takes_up(&served, OTHER);
    assert!(ask(&served, ONE, &[]).is_err());
    // what can't be used changes nothing
    put(folder.path(), (ONE.0, OTHER.1));
    served.signal("HUP");
    assert!(ask(&served, OTHER, &[]).is_ok());
    put(folder.path(), ONE);
    takes_up(&served, ONE);
}

#[test]
fn nobody_is_served_in_the_clear_from_everywhere() {
    let folder = furnished();
    let output = run(rejoin(folder.path(), &["serve", "--bind", "0.0.0.0:0"]), "");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("give tls.cert and tls.key, or name the proxy"), "{output:?}");
    let output =
        run(rejoin(folder.path(), &["serve", "--bind", "127.0.0.1:0", "--tls-cert", "nowhere.pem", "--tls-key", "nowhere.key"]), "");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("nowhere.pem"), "{output:?}");
}
