//! The address that the server takes, and who can listen on the wires.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;

use super::report::Check;
use crate::settings::Door;
use crate::tls::Certificate;

/// How long whoever holds the address may take to say what it is.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Whether the address is free, or Rejoin is there already.
pub(super) fn address(bind: SocketAddr) -> Check {
    if bind.port() == 0 {
        return Check::ok("address", format!("{bind}: any port that is free"));
    }
    match TcpListener::bind(bind) {
        Ok(_) => Check::ok("address", format!("{bind} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => serving(bind, SocketAddr::new(reachable(bind.ip()), bind.port())),
        Err(error) => {
            let fix = match error.kind() {
                ErrorKind::PermissionDenied => {
                    "take a port above 1023 with --bind, or AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit".to_owned()
                }
                ErrorKind::AddrNotAvailable => "give --bind an address of this machine; `ip address` lists them".to_owned(),
                _ => taken(bind),
            };
            Check::failure("address", format!("{bind} can't be listened on: {error}"), fix)
        }
    }
}

/// The address at which a server on this machine is reached that listens on every one.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(every) if every.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(every) if every.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        one => one,
    }
}

fn taken(bind: SocketAddr) -> String {
    format!("choose another address with --bind, or stop who uses it: ss -ltnp 'sport = :{}' tells", bind.port())
}

fn serving(bind: SocketAddr, near: SocketAddr) -> Check {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(ANSWER_WITHIN)).proxy(None).build().into();
    let answer = agent.get(format!("http://{near}/readyz")).call().ok().and_then(|mut answer| {
        let body: Value = serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()?;
        Some((answer.status().as_u16(), body))
    });
    match answer {
        Some((200, body)) if body.get("status") == Some(&"ready".into()) => {
            Check::ok("address", format!("{bind}: Rejoin serves there and is ready"))
        }
        Some((503, body)) if body.get("code").is_some() => {
            let detail = body.get("detail").and_then(Value::as_str).unwrap_or_default();
            let found = format!("{bind}: Rejoin answers there and is not ready: {detail}");
            Check::failure("address", found, "look into its log; its database is the usual reason, see the checks above")
        }
        _ => Check::failure("address", format!("{bind} is taken by something that is not Rejoin"), taken(bind)),
    }
}

/// Whether what is said between devices, server and database can be listened to.
pub(super) fn encryption(bind: SocketAddr, door: &Door, database_url: &str) -> Check {
    let certificate = door.tls.as_ref().map(Certificate::load);
    if let Some(Err(failure)) = certificate {
        return Check::failure("encryption", failure.to_string(), "correct tls.cert and tls.key; the server does not start like this");
    }
    let way = match (door.tls.is_some(), bind.ip().is_loopback()) {
        (true, _) => "devices connect by TLS",
        (false, true) => "only this machine can connect",
        (false, false) if door.proxies.is_empty() => {
            return Check::failure(
                "encryption",
                format!("{bind}: others can connect, and nothing would be encrypted; the server does not start like this"),
                "tls.cert and tls.key, or server.trusted_proxies with the proxy that speaks TLS before this server",
            );
        }
        (false, false) => "a proxy speaks TLS with devices; the network between it and this server is to be private",
    };
    match far_host(database_url) {
        None => Check::ok("encryption", format!("{way}, and the database is on this machine")),
        Some(host) => Check::warning(
            "encryption",
            format!("{way}, and the connection to PostgreSQL on {host} is not encrypted"),
            "keep that network private, or tunnel it (WireGuard, stunnel, ssh -L)",
        ),
    }
}

/// The host of a PostgreSQL URL, unless it is this machine.
fn far_host(url: &str) -> Option<String> {
    let (host, _) = host_and_port(url)?;
    let near = host.starts_with('/') || host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    (!near).then_some(host)
}

/// Where a PostgreSQL URL leads: a host, or the folder of a socket.
fn host_and_port(url: &str) -> Option<(String, u16)> {
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"))?;
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let named = |name: &str| tail.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)).unwrap_or_default();
    let (host, port) = match place.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
        Some((host, port)) => (host, port.trim_start_matches(':')),
        None => place.split_once(':').unwrap_or((place, "")),
    };
    let host = if host.is_empty() { named("host=") } else { host };
    let port = if port.is_empty() { named("port=") } else { port };
    let host = if host.is_empty() { "localhost" } else { host };
    Some((host.replace("%2F", "/").replace("%2f", "/"), port.parse().unwrap_or(5_432)))
}

/// Why nothing answers where a PostgreSQL URL leads, in the words of the operating system.
pub(super) fn silence(url: &str) -> Option<String> {
    let (host, port) = host_and_port(url)?;
    if host.starts_with('/') {
        let socket = format!("{host}/.s.PGSQL.{port}");
        return UnixStream::connect(&socket).err().map(|error| format!("{socket}: {error}"));
    }
    let reached = (host.as_str(), port).to_socket_addrs().and_then(|addresses| {
        let mut last = None;
        for address in addresses {
            match TcpStream::connect_timeout(&address, ANSWER_WITHIN) {
                Ok(_) => return Ok(()),
                Err(error) => last = Some(error),
            }
        }
        last.map_or(Ok(()), Err)
    });
    reached.err().map(|error| format!("{host} port {port}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;
    use crate::settings::{Settings, Sources};

    #[test]
    fn tells_near_databases_from_far_ones() {
        for (url, expected) in [
            ("sqlite:rejoin.db", None),
            ("postgres:///rejoin", None),
            ("postgres://ana:a@b@localhost:5432/rejoin", None),
            ("postgres://ana@%2Frun%2Fpostgresql/rejoin", None),
            ("postgres:///rejoin?host=/run/postgresql", None),
            ("postgres:///rejoin?user=a&host=db", Some("db")),
            ("postgres://127.0.0.1/rejoin", None),
            ("postgresql://[::1]:5432/rejoin", None),
            ("postgresql://[fd00::1]:5432/rejoin", Some("fd00::1")),
            ("postgres://ana@db.example:5432/rejoin", Some("db.example")),
        ] {
            assert_eq!(far_host(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn says_why_nobody_answers() {
        let socket = silence("postgres://ana@%2Fno%2Fsuch/rejoin").unwrap();
        assert!(socket.starts_with("/no/such/.s.PGSQL.5432: ") && socket.contains("No such file"), "{socket}");
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("postgres://ana:a@b@{}/rejoin?x=1", held.local_addr().unwrap());
        assert_eq!(silence(&url), None);
        drop(held);
        assert!(silence(&url).unwrap().contains("refused"));
        assert_eq!(host_and_port("postgres:///rejoin?host=db&port=6432"), Some(("db".to_owned(), 6_432)));
    }

    #[test]
    fn what_leaves_the_machine_is_found() {
        let door = |proxies: &str| {
            let flags = vec![("server.trusted_proxies", Some(proxies.to_owned()))];
            Settings::load(&Sources { flags, ..Sources::default() }).unwrap().door
        };
        let check = |bind: &str, proxies, url| encryption(bind.parse().unwrap(), &door(proxies), url).status;
        assert_eq!(check("127.0.0.1:8080", "none", "sqlite:rejoin.db"), Status::Ok);
        assert_eq!(check("0.0.0.0:8080", "none", "sqlite:rejoin.db"), Status::Failure);
        assert_eq!(check("0.0.0.0:8080", "10.0.0.1", "sqlite:rejoin.db"), Status::Ok);
        assert_eq!(check("[::1]:8080", "none", "postgres://db/rejoin"), Status::Warning);
    }

    #[test]
    fn a_stranger_on_the_port_is_a_failure() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let bind = held.local_addr().unwrap();
        let stranger = std::thread::spawn(move || {
            let (mut stream, _) = held.accept().unwrap();
            // whoever asks may have gone already
            let _ = std::io::Write::write_all(&mut stream, b"SSH-2.0-other\r\n");
        });
        let check = address(bind);
        stranger.join().unwrap();
        assert_eq!(check.status, Status::Failure);
        assert!(check.found.contains("not Rejoin"), "{check:?}");
        assert_eq!(address(bind).status, Status::Ok, "free again");
        assert_eq!(address("192.0.2.1:9".parse().unwrap()).status, Status::Failure, "not of this machine");
        assert_eq!(address("127.0.0.1:0".parse().unwrap()).status, Status::Ok);
    }
}
