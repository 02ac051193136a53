//! What the database knows: how much waits, and how long. Read when somebody asks, and kept for a
//! moment, so that asking often costs nothing.

use super::Page;
use super::text::Kind;
use crate::clock::Stopwatch;
use crate::store::StoreError;
use saoma_core::bill::BillDate;
use saoma_core::time::UnixTime;
use saoma_core::watch::Phase;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long a glance is good for.
const KEPT: Duration = Duration::from_secs(2);

/// The database at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Glance {
    /// Orders that are not over, by phase.
    pub(crate) orders: Vec<(String, i64)>,
    /// Entries of the outbox that are not done.
    pub(crate) outbox: Vec<Waiting>,
    /// Refunds that are not over, or that failed, by state: how many, and since when.
    pub(crate) refunds: Vec<(String, i64, UnixTime)>,
    /// Differences between bills and records that nobody has settled, by kind.
    pub(crate) differences: Vec<(String, u64)>,
    /// Days whose bills could not be compared so far, and of how many merchants each.
    pub(crate) failing_bills: Vec<(BillDate, u64)>,
}

/// Entries of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) lane: String,
    pub(crate) state: String,
    pub(crate) count: i64,
    /// When the oldest was written of those that do not wait for WeChat's refunds.
    pub(crate) oldest: Option<UnixTime>,
}

/// The last glance.
#[derive(Debug, Default)]
pub(crate) struct Gauges(Mutex<Option<(Stopwatch, Arc<Glance>)>>);

impl Gauges {
    /// The last glance, or a new one when it is too old. One at a time looks.
    pub(crate) async fn glance(
        &self,
        look: impl Future<Output = Result<Glance, StoreError>>,
    ) -> Result<Arc<Glance>, StoreError> {
        let mut last = self.0.lock().await;
        if let Some((since, glance)) = &*last
            && since.elapsed() < KEPT
        {
            return Ok(glance.clone());
        }
        let glance = Arc::new(look.await?);
        *last = Some((Stopwatch::start(), glance.clone()));
        Ok(glance)
    }
}

impl Glance {
    /// Writes what was seen, `None` when the database does not answer.
    pub(crate) fn write(seen: Option<&Self>, now: UnixTime, page: &mut Page) {
        page.family("saoma_database_up", Kind::Gauge, "1 while the database answers.");
        page.sample("saoma_database_up", &[], u8::from(seen.is_some()));
        let Some(seen) = seen else { return };
        seen.write_orders(page);
        seen.write_outbox(now, page);
        seen.write_refunds(now, page);
        seen.write_bills(now, page);
    }

    fn write_bills(&self, now: UnixTime, page: &mut Page) {
        let name = "saoma_bill_differences";
        page.family(name, Kind::Gauge, "Differences between bills and records that are open.");
        for (kind, count) in &self.differences {
            page.sample(name, &[("kind", kind)], count);
        }
        // Of what WeChat no longer has nothing can come, and nobody could end the alert.
        let failing = self.failing_bills.iter().filter(|(date, _)| date.ready(now).is_ok());
        let name = "saoma_bills_failing";
        page.family(name, Kind::Gauge, "Bills that WeChat has and that could not be compared yet.");
        page.sample(name, &[], failing.clone().map(|(_, merchants)| merchants).sum::<u64>());
        let name = "saoma_bill_oldest_failing_seconds";
        page.family(name, Kind::Gauge, "Since when the oldest of those should be compared.");
        let oldest = failing.map(|(date, _)| date.ready_at()).min();
        page.sample(name, &[], oldest.map_or(0, |oldest| now.since(oldest)));
    }

    fn write_orders(&self, page: &mut Page) {
        page.family("saoma_orders", Kind::Gauge, "Orders that are not over, by state.");
        for phase in Phase::ALL.into_iter().filter(|phase| !phase.is_final()) {
            let count = self.orders.iter().find(|(name, _)| name == phase.as_str());
            let count = count.map_or(0, |(_, count)| *count);
            page.sample("saoma_orders", &[("state", phase.as_str())], count);
        }
    }

    fn write_refunds(&self, now: UnixTime, page: &mut Page) {
        page.family("saoma_refunds", Kind::Gauge, "Refunds that are not over or failed, by state.");
        for state in REFUND_STATES {
            let count = self.refunds.iter().find(|(name, ..)| name == state);
            let count = count.map_or(0, |(_, count, _)| *count);
            page.sample("saoma_refunds", &[("state", state)], count);
        }
        let name = "saoma_refund_oldest_unfinished_seconds";
        page.family(name, Kind::Gauge, "Age of the oldest refund that goes on by itself.");
        let goes_on = |state: &str| ["asked", "unsure", "accepted"].contains(&state);
        let oldest = self.refunds.iter().filter(|(state, ..)| goes_on(state));
        let oldest = oldest.map(|(.., since)| *since).min();
        page.sample(name, &[], oldest.map_or(0, |oldest| now.since(oldest)));
    }

    fn write_outbox(&self, now: UnixTime, page: &mut Page) {
        let of = |lane: &str, state: &str| {
            self.outbox.iter().find(|waiting| waiting.lane == lane && waiting.state == state)
        };
        let name = "saoma_outbox_entries";
        page.family(name, Kind::Gauge, "What is still to be done outside, by lane and state.");
        for lane in LANES {
            for state in STATES {
                let count = of(lane, state).map_or(0, |waiting| waiting.count);
                page.sample(name, &[("lane", lane), ("state", state)], count);
            }
        }
        let name = "saoma_outbox_oldest_seconds";
        page.family(name, Kind::Gauge, "Age of the oldest entry of a lane that is late.");
        for lane in LANES {
            let oldest = ["pending", "leased"].iter().filter_map(|state| of(lane, state));
            let oldest = oldest.filter_map(|waiting| waiting.oldest).min();
            page.sample(name, &[("lane", lane)], oldest.map_or(0, |oldest| now.since(oldest)));
        }
    }
}

const REFUND_STATES: [&str; 5] = ["held", "asked", "unsure", "accepted", "failed"];
const LANES: [&str; 2] = ["gateway", "shop"];
const STATES: [&str; 4] = ["pending", "leased", "held", "dead"];
