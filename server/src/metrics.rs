//! What is counted, and how Prometheus reads it (docs/metrics.md).
//!
//! There is one [`Metrics`] for a server, given to those who count. It holds no float, like the
//! rest of this crate: times are counted in microseconds and written as decimal seconds. What the
//! database knows better than a counter stands in [`gauges`].

mod answers;
mod gauges;
mod text;

pub(crate) use answers::{Answer, code_of, code_of_bill, name_of};
pub(crate) use gauges::{Gauges, Glance, Waiting};
pub(crate) use text::{CONTENT_TYPE, Page};

use saoma_core::order::Anomaly;
use saoma_core::time::UnixTime;
use saoma_core::watch::Phase;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use text::{About, Bounds, Counters, Histograms, Kind};

/// What takes a moment, in microseconds: 1 ms to 10 s.
const MOMENTS: Bounds = Bounds::Micros(&[
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
]);
/// What may take a day; it is measured in whole seconds.
const DELAYS: Bounds = Bounds::Micros(&[
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
    900_000_000,
    3_600_000_000,
    21_600_000_000,
    86_400_000_000,
]);
/// How many things were committed together.
const SIZES: Bounds = Bounds::Things(&[1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);

/// What became of a payment notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoticeOutcome {
    /// A payment that ships.
    Ship,
    /// A payment that may not ship.
    Anomaly,
    /// Nothing new.
    Repeated,
    /// Not a good message from WeChat to us.
    Refused,
    /// It could not be kept; WeChat sends it again.
    Failed,
    /// Some of it went back already: WeChat is asked first, and sends it again.
    Later,
}

impl NoticeOutcome {
    const ALL: [Self; 6] =
        [Self::Ship, Self::Anomaly, Self::Repeated, Self::Refused, Self::Failed, Self::Later];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ship => "ship",
            Self::Anomaly => "anomaly",
            Self::Repeated => "repeated",
            Self::Later => "later",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// Everything that is counted since the start.
#[derive(Debug)]
pub(crate) struct Metrics {
    order_changes: Counters<1>,
    notices: Counters<1>,
    notice_refusals: Counters<1>,
    anomalies: Counters<1>,
    notify_to_ship: Histograms<0>,
    gateway_calls: Histograms<1>,
    gateway_answers: Counters<2>,
    webhook_calls: Histograms<0>,
    webhook_answers: Counters<1>,
    batch_sizes: Histograms<0>,
    commits: Histograms<0>,
    requests: Counters<3>,
    request_times: Histograms<1>,
    rate_limited: Counters<1>,
    event_streams: AtomicI64,
    /// The gateway's clock minus ours in seconds; [`NO_OFFSET`] before its first answer.
    clock_offset_s: AtomicI64,
    started_at: UnixTime,
}

const NO_OFFSET: i64 = i64::MIN;

/// An event stream that is open; dropped, it is closed.
#[derive(Debug)]
pub(crate) struct OpenStream(Arc<Metrics>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.event_streams.fetch_sub(1, Ordering::Relaxed);
    }
}

const fn about<const N: usize>(
    name: &'static str,
    labels: [&'static str; N],
    help: &'static str,
) -> About<N> {
    About { name, help, labels }
}

impl Metrics {
    /// Nothing has happened yet.
    #[must_use]
    pub(crate) fn new(started_at: UnixTime) -> Self {
        let phases = Phase::ALL.map(|phase| [phase.as_str()]);
        let outcomes = NoticeOutcome::ALL.map(|outcome| [outcome.as_str()]);
        Self {
            order_changes: Counters::new(ORDER_CHANGES, phases),
            notices: Counters::new(NOTICES, outcomes),
            notice_refusals: Counters::new(NOTICE_REFUSALS, REFUSAL_REASONS.map(|it| [it])),
            anomalies: Counters::new(ANOMALIES, ANOMALY_KINDS.map(|kind| [kind.as_str()])),
            notify_to_ship: Histograms::new(NOTIFY_TO_SHIP, DELAYS),
            gateway_calls: Histograms::new(GATEWAY_CALLS, MOMENTS),
            gateway_answers: Counters::new(GATEWAY_ANSWERS, answers::told_at_once()),
            webhook_calls: Histograms::new(WEBHOOK_CALLS, MOMENTS),
            webhook_answers: Counters::new(WEBHOOK_ANSWERS, [["OK"]]),
            batch_sizes: Histograms::new(BATCH_SIZES, SIZES),
            commits: Histograms::new(COMMITS, MOMENTS),
            requests: Counters::new(REQUESTS, []),
            request_times: Histograms::new(REQUEST_TIMES, MOMENTS),
            rate_limited: Counters::new(RATE_LIMITED, [["key"], ["address"], ["order"]]),
            event_streams: AtomicI64::new(0),
            clock_offset_s: AtomicI64::new(NO_OFFSET),
            started_at,
        }
    }

    /// An order came into this state.
    pub(crate) fn order_is(&self, phase: Phase) {
        self.order_changes.add([phase.as_str()]);
    }

    /// A notification ended so.
    pub(crate) fn notice(&self, outcome: NoticeOutcome) {
        self.notices.add([outcome.as_str()]);
    }

    /// A notification was refused for one of [`REFUSAL_REASONS`].
    pub(crate) fn notice_refused(&self, reason: &'static str) {
        self.notice(NoticeOutcome::Refused);
        self.notice_refusals.add([reason]);
    }

    /// How many notifications ended so since the start.
    pub(crate) fn noticed(&self, outcome: NoticeOutcome) -> u64 {
        self.notices.get([outcome.as_str()])
    }

    /// A payment that may not ship was noticed.
    pub(crate) fn anomaly(&self, kind: Anomaly) {
        self.anomalies.add([kind.as_str()]);
    }

    /// The shop has confirmed, so many seconds after the payment was committed.
    pub(crate) fn shipped(&self, seconds: u64) {
        self.notify_to_ship.observe([], seconds.saturating_mul(1_000_000));
    }

    /// A call to the gateway ended with `OK`, WeChat's error code, or why there was no answer.
    pub(crate) fn gateway_call(&self, call: &str, code: &str, took: Duration) {
        self.gateway_calls.observe([call], micros(took));
        self.gateway_answers.add([call, code]);
    }

    /// A call to the shop ended with `OK`, an HTTP status, or why there was no answer.
    pub(crate) fn webhook_call(&self, result: &str, took: Duration) {
        self.webhook_calls.observe([], micros(took));
        self.webhook_answers.add([result]);
    }

    /// A transaction of so many changes was committed.
    pub(crate) fn committed(&self, changes: usize, took: Duration) {
        self.batch_sizes.observe([], changes as u64);
        self.commits.observe([], micros(took));
    }

    /// A request was answered.
    pub(crate) fn request(&self, path: &str, method: &str, status: u16, took: Duration) {
        self.requests.add([path, method, &status.to_string()]);
        self.request_times.observe([path], micros(took));
    }

    /// A request was refused because of this limit: `key`, `address` (calls or followers), or the
    /// followers of an `order`.
    pub(crate) fn rate_limited(&self, limit: &'static str) {
        self.rate_limited.add([limit]);
    }

    /// The gateway's clock minus ours.
    pub(crate) fn clock_offset(&self, seconds: i64) {
        self.clock_offset_s.store(seconds, Ordering::Relaxed);
    }

    /// An event stream is open as long as this is kept.
    pub(crate) fn open_stream(self: &Arc<Self>) -> OpenStream {
        self.event_streams.fetch_add(1, Ordering::Relaxed);
        OpenStream(self.clone())
    }

    /// Writes all of it.
    pub(crate) fn write(&self, page: &mut Page) {
        page.family("saoma_build_info", Kind::Gauge, "Always 1; the version is in the label.");
        page.sample("saoma_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        page.family("saoma_start_time_seconds", Kind::Gauge, "When the server started.");
        page.sample("saoma_start_time_seconds", &[], self.started_at.get());
        self.order_changes.write(page);
        self.notices.write(page);
        self.notice_refusals.write(page);
        self.anomalies.write(page);
        self.notify_to_ship.write(page);
        self.gateway_calls.write(page);
        self.gateway_answers.write(page);
        self.webhook_calls.write(page);
        self.webhook_answers.write(page);
        self.batch_sizes.write(page);
        self.commits.write(page);
        self.requests.write(page);
        self.request_times.write(page);
        self.rate_limited.write(page);
        page.family(
            "saoma_event_streams",
            Kind::Gauge,
            "Event streams that are open, and looks that wait for news.",
        );
        page.sample("saoma_event_streams", &[], self.event_streams.load(Ordering::Relaxed));
        let name = "saoma_gateway_clock_offset_seconds";
        page.family(name, Kind::Gauge, "The gateway's clock minus ours, by its last answer.");
        let offset = self.clock_offset_s.load(Ordering::Relaxed);
        if offset != NO_OFFSET {
            page.sample(name, &[], offset);
        }
    }
}

/// Why notifications are refused.
pub(crate) const REFUSAL_REASONS: [&str; 8] = [
    "too_large",
    "document",
    "merchant",
    "sign_missing",
    "sign_length",
    "sign_mismatch",
    "field",
    "refund",
];

/// Every kind of anomaly, so that the first of its kind is seen as a growth.
pub(crate) const ANOMALY_KINDS: [Anomaly; 11] = [
    Anomaly::AmountMismatch,
    Anomaly::CurrencyMismatch,
    Anomaly::PaidAfterCancel,
    Anomaly::PaidAfterClose,
    Anomaly::PaidTwice,
    Anomaly::RefundedElsewhere,
    Anomaly::ElsewhereClosed,
    Anomaly::Conflict,
    Anomaly::UnknownOrder,
    Anomaly::NotFetched,
    Anomaly::NotConfirmed,
];

const ORDER_CHANGES: About<1> =
    about("saoma_order_changes_total", ["state"], "Orders that came into a state.");
const NOTICES: About<1> = about(
    "saoma_notifications_total",
    ["outcome"],
    "Notifications of payments by what became of them, and bad ones of refunds.",
);
const NOTICE_REFUSALS: About<1> = about(
    "saoma_notification_refusals_total",
    ["reason"],
    "Notifications that were refused, by what was wrong.",
);
const ANOMALIES: About<1> =
    about("saoma_anomalies_total", ["kind"], "Payments that may not ship, by kind.");
const NOTIFY_TO_SHIP: About<0> = about(
    "saoma_notify_to_ship_seconds",
    [],
    "From the commit of a payment to the shop's confirmation, in whole seconds.",
);
const GATEWAY_CALLS: About<1> = about(
    "saoma_gateway_call_duration_seconds",
    ["call"],
    "Time of a call to WeChat's gateway, the standby host included.",
);
const GATEWAY_ANSWERS: About<2> = about(
    "saoma_gateway_answers_total",
    ["call", "code"],
    "Calls to WeChat's gateway: OK, WeChat's error code, or why there was no answer.",
);
const WEBHOOK_CALLS: About<0> =
    about("saoma_webhook_duration_seconds", [], "Time of a call to the shop's webhook.");
const WEBHOOK_ANSWERS: About<1> = about(
    "saoma_webhook_answers_total",
    ["result"],
    "Calls to the shop's webhook: OK, its HTTP status, or why there was no answer.",
);
const BATCH_SIZES: About<0> =
    about("saoma_database_batch_size", [], "Changes that were committed together.");
const COMMITS: About<0> = about(
    "saoma_database_commit_duration_seconds",
    [],
    "Time of a transaction from its begin to the end of its commit.",
);
const REQUESTS: About<3> = about(
    "saoma_http_requests_total",
    ["path", "method", "status"],
    "Requests by path, method and status of the answer.",
);
const REQUEST_TIMES: About<1> = about(
    "saoma_http_request_duration_seconds",
    ["path"],
    "Time until an answer begins, by path, without what it was asked to wait for news.",
);
const RATE_LIMITED: About<1> = about(
    "saoma_rate_limited_requests_total",
    ["limit"],
    "Requests that were refused because there were too many, by whose limit.",
);

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
