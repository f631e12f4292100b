//! A server that echoes.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::OnceLock;
use std::task::{Context, Poll};

use actix_web::dev::Payload;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

use super::super::{Answering, CloseCode, Received, Sent, open};
use crate::body::BodySlot;
use crate::hold::{self, Hold};

/// Sends back what it is sent.
#[derive(Default)]
struct Echo(VecDeque<Sent>);

impl Answering for Echo {
    fn is_ready(&self) -> bool {
        self.0.is_empty()
    }

    fn heard(&mut self) {}

    fn take(&mut self, message: Received) -> Result<(), (CloseCode, &'static str)> {
        self.0.extend(match message {
            Received::Text(text) => Some(Sent::Text(text)),
            Received::Binary(bytes) => Some(Sent::Binary(bytes)),
            _ => None,
        });
        Ok(())
    }

    fn poll_send(&mut self, _: &mut Context<'_>) -> Poll<Sent> {
        self.0.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

async fn echo(request: HttpRequest, body: web::Payload) -> HttpResponse {
    let body: Payload = body.into_inner();
    let hold = request.conn_data::<Hold>().cloned();
    match open(&request, BodySlot::new(body), hold, Echo::default()) {
        Ok(response) => response,
        Err(error) => HttpResponse::from_error(error),
    }
}

/// Where the server of all cases listens.
pub(super) fn address() -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let server = HttpServer::new(|| App::new().route("/", web::get().to(echo))).on_connect(hold::on_connect);
            let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
            actix_web::rt::System::new().block_on(server)
        });
        address
    })
}
