//! A server that speaks TLS, and one that would not and can be reached by anybody. The certificates are of these tests alone.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
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
/// Within this a new certificate is surely there, and a server that refuses to start is gone.
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

/// A server that is told to listen at this address, in the clear.
fn in_the_clear(folder: &Path, bind: &str, arguments: &[&str]) -> Command {
    rejoin(folder, &[&["serve", "--bind", bind], arguments].concat())
}

#[test]
fn nobody_is_served_in_the_clear_from_everywhere() {
    let folder = furnished();
    // the last is no address of this machine: it is refused before anything is bound
    for bind in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let child = in_the_clear(folder.path(), bind, &[]).spawn().unwrap();
        let mut refused = Served { child, address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)) };
        assert_eq!(refused.wait(WITHIN).code(), Some(2), "{bind}");
        let (mut announced, mut said) = (String::new(), String::new());
        refused.child.stdout.take().unwrap().read_to_string(&mut announced).unwrap();
        refused.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(said.contains("give tls.cert and tls.key, or name the proxy"), "{bind}: {said}");
        assert!(said.contains(&format!("{bind} can be reached from other machines")), "{bind}: {said}");
        assert_eq!(announced, "", "{bind}");
    }
    let output =
        run(rejoin(folder.path(), &["serve", "--bind", "127.0.0.1:0", "--tls-cert", "nowhere.pem", "--tls-key", "nowhere.key"]), "");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("nowhere.pem"), "{output:?}");
}

#[test]
fn a_proxy_that_is_named_may_be_served_in_the_clear() {
    let folder = furnished();
    let mut command = in_the_clear(folder.path(), "0.0.0.0:0", &["--trusted-proxies", "127.0.0.1", "--log-level", "error"]);
    let mut served = Served::of(command.stderr(Stdio::inherit()).spawn().unwrap());
    assert!(served.address.ip().is_unspecified(), "{}", served.address);
    served.address.set_ip(Ipv4Addr::LOCALHOST.into());
    assert_eq!(served.call("GET", "/healthz", "", "").0, 200);
}
