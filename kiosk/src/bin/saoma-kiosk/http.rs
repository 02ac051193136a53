//! The way to the server. Each question has a thread of its own, because one that waits for news
//! must not hold the next one up; another thread looks after the way itself, so that the app
//! knows of a broken line before a customer does.

use crate::{key::DeviceKey, random, run::Event};
use saoma_kiosk::{
    app::Input,
    call::{Answer, Call, LOOK_WAIT_S, Request},
    wire,
};
use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc::Sender},
    thread,
    time::Duration,
};
use ureq::{
    Agent,
    http::{Response, header::AUTHORIZATION},
    tls::{RootCerts, TlsConfig, parse_pem},
};

/// From the question to the answer's last byte; the server may wait two seconds for WeChat.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The same for one that waits for news; the app does not wait much longer.
const NEWS_WITHIN: Duration = Duration::from_secs(LOOK_WAIT_S + 4);
/// Until the server's machine answers at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long a way may go without being used before it is tried.
const TRY_AFTER: Duration = Duration::from_secs(10);
/// The shortest and the longest pause after a failure, each half of it by chance: many terminals
/// at one server do not come back at the same moment.
const PAUSE_MIN_MS: u64 = 500;
const PAUSE_MAX_MS: u64 = 8_000;
/// Longest body that is read where only the status counts.
const GLANCE_MAX: u64 = 64 * 1024;

/// The way to the server. Clones are the same way.
#[derive(Clone)]
pub(crate) struct Uplink(Arc<Way>);

struct Way {
    agent: Agent,
    server: String,
    key: DeviceKey,
    state: Mutex<State>,
}

/// What is known of the way.
#[derive(Debug, Default)]
struct State {
    /// What the app was told.
    is_up: Option<bool>,
    /// Failures since the last answer.
    failures: u32,
    /// Something was heard since the way was tried last.
    was_used: bool,
    /// What was complained of last, so that it is said once.
    trouble: String,
}

/// What the server says to this terminal's key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    Known,
    Unknown,
}

impl Uplink {
    pub(crate) fn new(server: &str, key: DeviceKey, roots: Option<&Path>) -> Result<Self, String> {
        let agent = agent(roots)?;
        let (server, state) = (server.to_owned(), Mutex::default());
        Ok(Self(Arc::new(Way { agent, server, key, state })))
    }

    /// Begins to look after the way.
    pub(crate) fn watch(&self, events: Sender<Event>) {
        let way = self.0.clone();
        thread::spawn(move || {
            loop {
                let was_used = std::mem::take(&mut way.state().was_used);
                if !was_used {
                    let tried = way.try_it();
                    if way.learn(tried.err(), &events).is_err() {
                        return;
                    }
                    way.state().was_used = false;
                }
                let failures = way.state().failures;
                thread::sleep(if failures == 0 { TRY_AFTER } else { pause(failures) });
            }
        });
    }

    /// Asks, and has the answer sent.
    pub(crate) fn ask(&self, request: Request, events: Sender<Event>) {
        let way = self.0.clone();
        thread::spawn(move || {
            let failures = way.state().failures;
            if failures > 0 {
                thread::sleep(pause(failures.min(3)));
            }
            let Request { ticket, call } = request;
            let event = match way.ask(&call) {
                Ok(Ok(answer)) => {
                    let _ = way.learn(None, &events);
                    Event::For(Input::Reply { ticket, answer })
                }
                // The server is there, and is busy or says what we do not understand.
                Ok(Err(problem)) => {
                    way.complain(&problem);
                    Event::For(Input::Lost { ticket })
                }
                Err(problem) => {
                    let _ = way.learn(Some(problem), &events);
                    Event::For(Input::Lost { ticket })
                }
            };
            // When nobody listens any more, the program is ending.
            let _ = events.send(event);
        });
    }

    /// Asks for an order that no server makes, to learn what it says to the key.
    pub(crate) fn key_state(&self) -> Result<KeyState, String> {
        let url = format!("{}/v1/orders", self.0.server);
        let request = self.0.agent.post(url).header(AUTHORIZATION, self.0.key.authorization());
        let answer = request.content_type("application/json").send("{}");
        let status = answer.map_err(|error| self.0.problem(&error))?.status().as_u16();
        match status {
            400 => Ok(KeyState::Known),
            401 => Ok(KeyState::Unknown),
            _ => Err(format!("{} is no Saoma server, or not well (HTTP {status})", self.0.server)),
        }
    }
}

/// A pause that grows with the failures.
fn pause(failures: u32) -> Duration {
    let longest = PAUSE_MIN_MS << failures.saturating_sub(1).min(10);
    let longest = longest.min(PAUSE_MAX_MS);
    Duration::from_millis(longest / 2 + random::below(longest / 2 + 1))
}

fn agent(roots: Option<&Path>) -> Result<Agent, String> {
    let mut tls = TlsConfig::builder();
    if let Some(file) = roots {
        let problem = |what: &str| format!("root certificates {}: {what}", file.display());
        let pem = fs::read(file).map_err(|error| problem(&error.to_string()))?;
        let items = parse_pem(&pem).filter_map(Result::ok);
        let certificates: Vec<_> = items
            .filter_map(|item| match item {
                ureq::tls::PemItem::Certificate(certificate) => Some(certificate),
                _ => None,
            })
            .collect();
        if certificates.is_empty() {
            return Err(problem("no certificate in PEM is in it"));
        }
        tls = tls.root_certs(RootCerts::new_with_certs(&certificates));
    }
    let config = Agent::config_builder()
        .timeout_global(Some(ANSWER_WITHIN))
        .timeout_connect(Some(CONNECT_WITHIN))
        // Refusals are answers, and a redirect would carry the key to somebody else.
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .tls_config(tls.build())
        .user_agent(concat!("saoma-kiosk/", env!("CARGO_PKG_VERSION")));
    Ok(config.build().into())
}

impl Way {
    fn state(&self) -> MutexGuard<'_, State> {
        // It is whole at every moment, whoever panicked meanwhile.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way is there, or what is wrong with it; the app hears of a change.
    fn learn(&self, trouble: Option<String>, events: &Sender<Event>) -> Result<(), ()> {
        let is_up = trouble.is_none();
        let mut state = self.state();
        state.failures = if is_up { 0 } else { state.failures.saturating_add(1) };
        state.was_used |= is_up;
        if state.is_up == Some(is_up) {
            return Ok(());
        }
        state.is_up = Some(is_up);
        match &trouble {
            None => tracing::info!(server = self.server, "connected"),
            Some(problem) => tracing::warn!("{problem}"),
        }
        state.trouble = trouble.unwrap_or_default();
        drop(state);
        events.send(Event::For(Input::Link(is_up))).map_err(|_| ())
    }

    fn complain(&self, problem: &str) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.trouble != problem {
            tracing::warn!("{problem}");
            problem.clone_into(&mut state.trouble);
        }
    }

    /// Whether somebody answers who is no proxy without a server behind it.
    fn try_it(&self) -> Result<(), String> {
        let answer = self.agent.get(format!("{}/healthz", self.server)).call();
        let mut response = answer.map_err(|error| self.problem(&error))?;
        // Read to its end, so that the connection can be used again.
        let _ = response.body_mut().with_config().limit(GLANCE_MAX).read_to_vec();
        let status = response.status().as_u16();
        if status < 500 { Ok(()) } else { Err(format!("{}: HTTP {status}", self.server)) }
    }

    /// The answer; the outer error is one of the way, the inner one of what came.
    fn ask(&self, call: &Call) -> Result<Result<Answer, String>, String> {
        let mut response = self.send(call).map_err(|error| self.problem(&error))?;
        let status = response.status().as_u16();
        // One byte more than is read shows that it is too long.
        let most = u64::try_from(wire::REPLY_MAX).unwrap_or(u64::MAX).saturating_add(1);
        let body = response.body_mut().with_config().limit(most).read_to_vec();
        let body = match body {
            Ok(body) => body,
            Err(ureq::Error::BodyExceedsLimit(_)) => vec![0; wire::REPLY_MAX + 1],
            Err(error) => return Err(self.problem(&error)),
        };
        Ok(wire::read(call, status, &body).map_err(|error| format!("{}: {error}", self.server)))
    }

    fn send(&self, call: &Call) -> Result<Response<ureq::Body>, ureq::Error> {
        let url = format!("{}{}", self.server, wire::path(call));
        let authorization = self.key.authorization();
        let waits = matches!(call, Call::Look { after_version: Some(_), .. });
        let within = Some(if waits { NEWS_WITHIN } else { ANSWER_WITHIN });
        match (wire::method(call), wire::body(call)) {
            ("GET", _) => {
                let request = self.agent.get(url).header(AUTHORIZATION, authorization);
                request.config().timeout_global(within).build().call()
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_limit_and_are_never_the_same_for_all() {
        let ms = |failures| u64::try_from(pause(failures).as_millis()).unwrap();
        for _ in 0..100 {
            assert!((250..=500).contains(&ms(1)));
            assert!((1_000..=2_000).contains(&ms(3)));
            assert!((4_000..=8_000).contains(&ms(5)) && (4_000..=8_000).contains(&ms(u32::MAX)));
        }
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let file = tempfile::NamedTempFile::with_suffix("-roots.pem").unwrap();
        let problem = agent(Some(file.path())).unwrap_err();
        assert!(problem.contains("-roots.pem"), "{problem}");
    }
}
