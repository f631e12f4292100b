//! A client that reads nothing, on a socket of the loopback: it is not read for, and it can be cut off.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

use super::{Answering, CloseCode, Received, Sent, open};
use crate::body::BodySlot;
use crate::hold::{self, Hold};

const MESSAGE_BYTES: usize = 65_536;
/// Messages that it would take seconds to fill buffers with, were they made without being asked for.
const ENOUGH: usize = 4_096;

/// What the server tells the test.
enum Event {
    /// A connection was opened.
    Opened(Hold),
    /// It is gone, after so many messages were asked of it.
    Gone(usize),
}

/// Always has something to say.
struct Flood {
    asked: usize,
    events: Sender<Event>,
}

impl Answering for Flood {
    fn is_ready(&self) -> bool {
        true
    }

    fn heard(&mut self) {}

    fn take(&mut self, _: Received) -> Result<(), (CloseCode, &'static str)> {
        Ok(())
    }

    fn poll_send(&mut self, _: &mut Context<'_>) -> Poll<Sent> {
        self.asked += 1;
        Poll::Ready(Sent::Text("*".repeat(MESSAGE_BYTES)))
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        // the test may be over
        let _ = self.events.send(Event::Gone(self.asked));
    }
}

async fn flood(request: HttpRequest, body: web::Payload, events: web::Data<Sender<Event>>) -> HttpResponse {
    let hold = request.conn_data::<Hold>().cloned().unwrap();
    events.send(Event::Opened(hold.clone())).unwrap();
    let flood = Flood { asked: 0, events: events.get_ref().clone() };
    open(&request, BodySlot::new(body.into_inner()), Some(hold), flood).unwrap_or_else(HttpResponse::from_error)
}

fn serve() -> (TcpStream, Receiver<Event>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (events, told) = channel();
    std::thread::spawn(move || {
        let app = move || App::new().app_data(web::Data::new(events.clone())).route("/", web::get().to(flood));
        let server = HttpServer::new(app).on_connect(hold::on_connect).workers(1).disable_signals().listen(listener).unwrap();
        actix_web::rt::System::new().block_on(server.run())
    });
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    client
        .write_all(
            b"GET / HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .unwrap();
    (client, told)
}

#[test]
fn who_reads_nothing_is_not_read_for_and_can_be_cut_off() {
    let (mut client, told) = serve();
    let within = Duration::from_secs(20);
    let Event::Opened(hold) = told.recv_timeout(within).unwrap() else { panic!("gone before it was opened") };
    client.read_exact(&mut [0; 16]).unwrap();
    hold.cut();
    let Event::Gone(asked) = told.recv_timeout(within).unwrap() else { panic!("opened twice") };
    assert!(asked < ENOUGH, "{asked} messages were asked for, and none was read");
    // what was under way may still come, and then the end
    let mut rest = Vec::new();
    let ended = client.read_to_end(&mut rest);
    assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset));
    assert!(rest.len() < ENOUGH * MESSAGE_BYTES);
}
