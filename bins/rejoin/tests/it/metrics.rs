//! `/metrics` of the real process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;

use crate::process::{Served, furnished, head, rejoin};

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&head("GET", path, "", 0, "close")).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn value(page: &str, series: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} is not in {page}")).parse().unwrap()
}

#[test]
fn a_process_tells_what_it_did_and_what_it_took() {
    let folder = furnished();
    let served = Served::start(folder.path(), &[]);
    let token = served.login();
    served.space(&token);
    let (status, page) = get(served.address, "/metrics");
    assert_eq!(status, 200);
    assert!(value(&page, "rejoin_commits_total") >= 2.0);
    assert!(value(&page, "rejoin_commit_jobs_sum") >= 2.0);
    // the page itself was asked for over one of the reading connections, or none: the writer is idle
    assert!(
        (value(&page, "rejoin_store_connections{state=\"busy\"}") + value(&page, "rejoin_store_connections{state=\"idle\"}") - 5.0).abs()
            < 1e-9
    );
    assert!((value(&page, "rejoin_http_requests_total{method=\"POST\",path=\"/api/auth/login\",status=\"200\"}") - 1.0).abs() < 1e-9);
    // argon2id with 19 MiB ran
    assert!(value(&page, "process_cpu_seconds_total") > 0.0);
    assert!(value(&page, "process_resident_memory_bytes") > 1e6);
}

#[test]
fn an_address_of_their_own_takes_them_away_from_the_api() {
    let folder = furnished();
    let mut command = rejoin(folder.path(), &["serve", "--bind", "127.0.0.1:0", "--metrics-bind", "127.0.0.1:0", "--log-format", "json"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut logged = BufReader::new(child.stderr.take().unwrap());
    let own: SocketAddr = loop {
        let mut line = String::new();
        assert!(logged.read_line(&mut line).unwrap() > 0, "the address was never told");
        if line.contains("metrics are served") {
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            break line["address"].as_str().unwrap().parse().unwrap();
        }
    };
    let served = Served::of(child);
    assert_eq!(get(own, "/metrics").0, 200);
    assert_eq!(get(own, "/healthz").0, 404);
    assert_eq!(get(served.address, "/metrics").0, 404);
    assert_eq!(get(served.address, "/healthz").0, 200);
}
