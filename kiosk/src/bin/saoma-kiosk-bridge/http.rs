//! The way to the server: one thread for each call, and one that watches whether it is there.

use crate::{bridge::Event, clock, key::DeviceKey};
use saoma_kiosk::{
    serial::message::{Method, Ticket},
    wire::REPLY_MAX,
};
use std::{
    sync::{Arc, mpsc::Sender},
    thread,
    time::Duration,
};
use ureq::{
    Agent,
    http::{Response, header::AUTHORIZATION},
};

/// From the question to the answer's last byte: the server may hold a look for 25 seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(35);
/// Until the server's machine answers at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// How often the bridge looks whether the server is there, and how long it waits for that.
const WATCH_EVERY: Duration = Duration::from_secs(2);
const WATCH_WITHIN: Duration = Duration::from_secs(3);

/// A call as it comes over the line.
pub(crate) struct Call {
    pub(crate) ticket: Ticket,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

/// What the server said; `None` when it could not be asked.
pub(crate) struct Outcome {
    pub(crate) ticket: Ticket,
    pub(crate) answer: Result<(u16, Vec<u8>), String>,
}

/// The way to the server.
#[derive(Clone)]
pub(crate) struct Http(Arc<Inner>);

struct Inner {
    agent: Agent,
    server: String,
    key: DeviceKey,
}

impl Http {
    pub(crate) fn new(server: String, key: DeviceKey) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(ANSWER_WITHIN))
            .timeout_connect(Some(CONNECT_WITHIN))
            // Refusals are answers, and a redirect would carry the key to somebody else.
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("saoma-kiosk-bridge/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        Self(Arc::new(Inner { agent, server, key }))
    }

    /// Tells from time to time whether the server is there.
    pub(crate) fn watch(&self, events: Sender<Event>) {
        let Self(inner) = self.clone();
        let url = format!("{}/healthz", inner.server);
        thread::spawn(move || {
            loop {
                let config = inner.agent.get(&url).config().timeout_global(Some(WATCH_WITHIN));
                let answer = config.build().call();
                // A proxy without a server behind it answers as well.
                let is_up = answer.is_ok_and(|answer| answer.status().as_u16() < 500);
                if events.send(Event::Server(is_up)).is_err() {
                    return;
                }
                clock::wait(WATCH_EVERY);
            }
        });
    }

    /// Asks, and tells what came of it.
    pub(crate) fn ask(&self, call: Call, events: Sender<Event>) {
        let Self(inner) = self.clone();
        thread::spawn(move || {
            let answer = inner.ask(&call);
            // Fails only when the program is ending.
            let _ = events.send(Event::Done(Outcome { ticket: call.ticket, answer }));
        });
    }
}

impl Inner {
    fn ask(&self, call: &Call) -> Result<(u16, Vec<u8>), String> {
        let mut response = self.send(call).map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let most = u64::try_from(REPLY_MAX).unwrap_or(u64::MAX);
        let body = response.body_mut().with_config().limit(most).read_to_vec();
        let body =
            body.map_err(|error| format!("no answer that a terminal could read: {error}"))?;
        Ok((status, body))
    }

    fn send(&self, call: &Call) -> Result<Response<ureq::Body>, ureq::Error> {
        let url = format!("{}{}", self.server, call.path);
        let authorization = self.key.authorization();
        match call.method {
            Method::Get => self.agent.get(url).header(AUTHORIZATION, authorization).call(),
            Method::Post => {
                let request = self.agent.post(url).header(AUTHORIZATION, authorization);
                if call.body.is_empty() {
                    request.send_empty()
                } else {
                    request.content_type("application/json").send(call.body.as_slice())
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, io::Write as _, net::TcpListener, sync::mpsc::channel};

    /// What a bridge says of a server that answers its first question with this status.
    fn told(status: &'static str) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, "device-key").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").unwrap();
        });
        let (events, heard) = channel();
        Http::new(server, DeviceKey::load(&file).unwrap()).watch(events);
        matches!(heard.recv().unwrap(), Event::Server(true))
    }

    #[test]
    fn a_proxy_without_a_server_behind_it_is_no_server() {
        assert!(told("200 OK"));
        assert!(!told("502 Bad Gateway"));
    }
}
