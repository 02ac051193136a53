//! Carries the app's questions to the server, one after another, in a thread of their own.

use crate::{key::DeviceKey, run::Event};
use saoma_kiosk::{
    app::Input,
    call::{Call, Request},
    wire,
};
use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};
use ureq::{
    Agent,
    http::{Response, header::AUTHORIZATION},
};

/// From the question to the answer's last byte; the server may wait two seconds for WeChat.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Until the server's machine answers at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Starts the thread. It ends when the sender is dropped.
pub(crate) fn start(server: String, key: DeviceKey, events: Sender<Event>) -> Sender<Request> {
    let (sender, requests) = channel();
    let carrier = Carrier { agent: agent(), server, key };
    thread::spawn(move || carrier.work(&requests, &events));
    sender
}

fn agent() -> Agent {
    Agent::config_builder()
        .timeout_global(Some(ANSWER_WITHIN))
        .timeout_connect(Some(CONNECT_WITHIN))
        // Refusals are answers, and a redirect would carry the key to somebody else.
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(concat!("saoma-kiosk/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

struct Carrier {
    agent: Agent,
    server: String,
    key: DeviceKey,
}

impl Carrier {
    fn work(&self, requests: &Receiver<Request>, events: &Sender<Event>) {
        for Request { ticket, call } in requests {
            let event = match self.ask(&call) {
                Ok(answer) => Event::Heard(Input::Reply { ticket, answer }),
                Err(problem) => Event::NotHeard { ticket, problem },
            };
            if events.send(event).is_err() {
                return;
            }
        }
    }

    fn ask(&self, call: &Call) -> Result<saoma_kiosk::call::Answer, String> {
        let mut response = self.send(call).map_err(|error| self.problem(&error))?;
        let status = response.status().as_u16();
        // One byte more than is read shows that it is too long.
        let most = u64::try_from(wire::REPLY_MAX).unwrap_or(u64::MAX).saturating_add(1);
        let body = response.body_mut().with_config().limit(most).read_to_vec();
        let body = body.map_err(|error| self.problem(&error))?;
        wire::read(call, status, &body).map_err(|error| format!("{}: {error}", self.server))
    }

    fn send(&self, call: &Call) -> Result<Response<ureq::Body>, ureq::Error> {
        let url = format!("{}{}", self.server, wire::path(call));
        let authorization = self.key.authorization();
        match (wire::method(call), wire::body(call)) {
            ("GET", _) => self.agent.get(url).header(AUTHORIZATION, authorization).call(),
            (_, Some(body)) => self
                .agent
                .post(url)
                .header(AUTHORIZATION, authorization)
                .content_type("application/json")
                .send(body.as_bytes()),
            (_, None) => self.agent.post(url).header(AUTHORIZATION, authorization).send_empty(),
        }
    }

    fn problem(&self, error: &ureq::Error) -> String {
        format!("cannot reach {}: {error}", self.server)
    }
}
