//! The connection under a response: a second hold on its socket, for what a body can't say. A body can neither end the
//! sending half after its last byte, as a WebSocket does, nor be asked while its client reads nothing.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::Arc;

use actix_web::dev::Extensions;
use actix_web::rt::net;

/// A second hold on a connection's socket.
#[derive(Debug, Clone)]
pub(crate) struct Hold(Arc<TcpStream>);

/// Holds on to a connection, for as long as it is open. To be given to
/// [`HttpServer::on_connect`](actix_web::HttpServer::on_connect); without it, clients that read nothing are held until the
/// system gives up, and closed WebSockets until their clients hang up.
pub fn on_connect(connection: &dyn Any, data: &mut Extensions) {
    let held = connection.downcast_ref::<net::TcpStream>().and_then(|stream| stream.as_fd().try_clone_to_owned().ok());
    if let Some(socket) = held {
        data.insert(Hold(Arc::new(socket.into())));
    }
}

impl Hold {
    /// Nothing more is sent.
    pub(crate) fn finish(&self) {
        // whoever is gone already needs no end
        let _ = self.0.shutdown(Shutdown::Write);
    }

    /// Breaks it off, whatever is under way.
    pub(crate) fn cut(&self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
