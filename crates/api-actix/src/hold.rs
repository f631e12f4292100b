//! The connection under a response: a second hold on its socket, for what a body can't say. A body can neither end the
//! sending half after its last byte, as a WebSocket does, nor be asked while its client reads nothing.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::Arc;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net;

/// A second hold on a connection's socket.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    socket: Arc<TcpStream>,
    is_plain: bool,
}

/// Holds on to a connection, for as long as it is open. To be given to
/// [`HttpServer::on_connect`](actix_web::HttpServer::on_connect); without it, clients that read nothing are held until the
/// system gives up, and closed WebSockets until their clients hang up.
pub fn on_connect(connection: &dyn Any, data: &mut Extensions) {
    let plain = connection.downcast_ref::<net::TcpStream>();
    let encrypted = || Some(connection.downcast_ref::<TlsStream<net::TcpStream>>()?.get_ref().0);
    let held = plain.or_else(encrypted).and_then(|stream| stream.as_fd().try_clone_to_owned().ok());
    if let Some(socket) = held {
        data.insert(Hold { socket: Arc::new(socket.into()), is_plain: plain.is_some() });
    }
}

impl Hold {
    /// Nothing more is sent. Where there is TLS its own end has to go out first, so that clients hang up instead.
    pub(crate) fn finish(&self) {
        if self.is_plain {
            // whoever is gone already needs no end
            let _ = self.socket.shutdown(Shutdown::Write);
        }
    }

    /// Breaks it off, whatever is under way.
    pub(crate) fn cut(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}
