//! Every day the bill: what WeChat counted against what is recorded here (docs/protocol.md §11.1).
//!
//! For each merchant and each day there is a row. When the bill is surely there, from ten o'clock
//! in Beijing on the next day, whoever takes the row downloads the bill, puts it aside, compares it
//! both ways and records each difference. Then WeChat is asked about each difference, and what the
//! signed answer tells is taken through the same verbs as a notification: a lost payment ships, an
//! unknown one goes back. What is left is open for a person and says why.
//!
//! Nothing is held while WeChat is asked: the rows are the list of what is to be done, taking one
//! is one conditional update, and whoever dies over one leaves it to the next.

mod ask;
mod command;
mod compare;
pub(crate) mod csv;
mod report;
mod spool;
pub(crate) mod words;

pub(crate) use ask::Told;
pub use command::{ReconcileError, Reconciled, reconcile};
pub(crate) use compare::NOT_KEPT;
pub(crate) use report::{DayReport, DifferenceReport, SumsReport, read_date};
pub(crate) use words::Words;

use crate::clock::Stopwatch;
use crate::config::{Config, UnknownPolicy};
use crate::metrics::{code_of_bill, name_of};
use crate::service::Service;
use crate::store::{
    BillDay, BillSums, Conn, Dialect, DifferenceRow, Recorded, StoreError, setting,
};
use crate::worker::Worker;
use compare::{CompareError, Comparison};
use saoma_core::api::{Call, Class};
use saoma_core::bill::{
    BillDate, BillErrorKind, BillForm, FailureKind, LineError, TradeBillKind, TradeLine,
};
use saoma_core::ids::{AppId, MchId};
use saoma_core::native::{DownloadError, Gateway};
use saoma_core::reconcile::BillEntry;
use saoma_core::time::UnixTime;
use spool::{Spool, SpoolWriter};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// Most days that are caught up; WeChat keeps bills for three months (protocol §11).
const DAYS_BACK_MAX: u64 = 90;
const DAY_S: u64 = 86_400;
/// Who takes a day has it for so long. A whole bill may take ten minutes to come.
const DAY_LEASE_S: u64 = 3_600;
/// Who takes a difference has it for so long.
const QUESTION_LEASE_S: u64 = 120;
/// The pause when the bill is not made yet (protocol §11).
const NOT_YET_S: u64 = 1_800;
/// The longest pause after other failures.
const PAUSE_MAX_S: u64 = 3_600;
/// The pause when only a person can help.
const PERSON_S: u64 = 6 * 3_600;
/// Another process may have asked for a day; this is how soon that is noticed.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How long to wait after the database failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Compares bills and asks about differences.
#[derive(Debug)]
pub(crate) struct Reconciler {
    worker: Arc<Worker>,
    /// The last day of each merchant that was planned.
    planned: Mutex<HashMap<MchId, BillDate>>,
    /// What becomes of payments in the bill that nobody here knows.
    unknown: HashMap<MchId, UnknownPolicy>,
}

/// Why a day could not be compared.
#[derive(Debug)]
struct Failure {
    /// For a person; nothing secret.
    why: String,
    /// When to try again, in seconds from now.
    again_in_s: u64,
}

impl Reconciler {
    pub(crate) fn new(worker: Arc<Worker>, config: &Config) -> Self {
        let unknown = config.merchants.iter();
        let unknown = unknown.map(|known| (known.mch_id.clone(), known.bill_unknown)).collect();
        Self::with(worker, unknown)
    }

    pub(crate) fn with(worker: Arc<Worker>, unknown: HashMap<MchId, UnknownPolicy>) -> Self {
        Self { worker, planned: Mutex::default(), unknown }
    }

    fn service(&self) -> &Service {
        &self.worker.service
    }

    fn gateway(&self, mch_id: &MchId, app_id: &AppId) -> Option<&Gateway> {
        self.worker.gateways.get(&(mch_id.clone(), app_id.clone()))
    }

    fn policy(&self, mch_id: &MchId) -> UnknownPolicy {
        self.unknown.get(mch_id).copied().unwrap_or_default()
    }

    fn now(&self) -> UnixTime {
        self.service().context.clock.now()
    }

    /// Compares every day when its bill is there, until told to stop.
    pub(crate) async fn keep_books(self, mut stop: watch::Receiver<bool>) {
        self.take_up().await;
        loop {
            let looked_at = self.now();
            if let Err(error) = self.work(&stop).await {
                tracing::error!(%error, "bills cannot be compared");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.service().context.bells.bills.notified() => {}
                () = self.next(looked_at) => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Nobody else can be at a day: one SQLite file serves one process.
    pub(crate) async fn take_up(&self) {
        let store = &self.service().store;
        if store.dialect() != Dialect::Sqlite {
            return;
        }
        let released = async {
            let mut tx = store.begin().await?;
            BillDay::release_all(&mut tx, self.now()).await?;
            tx.commit().await
        };
        if let Err(error) = released.await {
            tracing::error!(%error, "days that were interrupted wait for an hour");
        }
    }

    /// Does everything that is due.
    pub(crate) async fn work(&self, stop: &watch::Receiver<bool>) -> Result<(), StoreError> {
        self.plan().await?;
        while !*stop.borrow() {
            if let Some(day) = self.claim_day().await? {
                self.compare_day(&day, stop.clone()).await?;
            } else if let Some(row) = self.claim_difference().await? {
                self.ask(row).await?;
            } else {
                break;
            }
        }
        Ok(())
    }

    /// Waits until something else is due. What was due already when it was looked at is somebody
    /// else's, or has failed.
    async fn next(&self, looked_at: UnixTime) {
        match self.next_due().await {
            Ok(due) => {
                let at = due.map_or(next_bill(looked_at), |due| due.min(next_bill(looked_at)));
                self.service().context.clock.sleep_until(at.max(looked_at.plus(1))).await;
            }
            Err(error) => {
                tracing::error!(%error, "bills cannot be read");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }

    /// When the first day or difference comes up that is planned.
    pub(crate) async fn next_due(&self) -> Result<Option<UnixTime>, StoreError> {
        let mut reader = self.service().store.reader().await?;
        let day = BillDay::next_due(&mut reader).await?;
        let difference = DifferenceRow::next_due(&mut reader).await?;
        Ok([day, difference].into_iter().flatten().min())
    }

    /// Plans the days whose bills are there by now, from the merchant's first day with us on.
    pub(crate) async fn plan(&self) -> Result<(), StoreError> {
        let now = self.now();
        let late_s = if saoma_core::planted!("bill-a-day-late") { DAY_S } else { 0 };
        let last = last_ready(minus(now, late_s));
        let sellers = &self.service().context.sellers.sellers;
        let merchants: BTreeSet<&MchId> =
            sellers.iter().map(|seller| &seller.merchant.mch_id).collect();
        let mut planned = self.planned.lock().await;
        for mch_id in merchants {
            if planned.get(mch_id) == Some(&last) {
                continue;
            }
            let mut tx = self.service().store.begin().await?;
            let first = first_day(&mut tx, mch_id, now).await?;
            let days = days_between(&first, &last, now);
            let days = days.into_iter().map(|date| (mch_id.clone(), date, now)).collect();
            BillDay::plan(&mut tx, days).await?;
            tx.commit().await?;
            planned.insert(mch_id.clone(), last.clone());
        }
        Ok(())
    }

    /// Compares a day now and asks about what differs, as far as WeChat answers now, until nothing
    /// more comes of it. Gives whether it could be compared.
    async fn compare_now(&self, mch_id: &MchId, date: &BillDate) -> Result<bool, StoreError> {
        let now = self.now();
        let mut tx = self.service().store.begin().await?;
        BillDay::ask_for(&mut tx, mch_id, date, now).await?;
        tx.commit().await?;
        let mut is_compared = false;
        // What an answer has ended has the day compared once more.
        while let Some(day) = self.take_day(mch_id, date).await? {
            // Nobody stops this one: whoever is tired of it ends the process.
            let (_go_on, stop) = watch::channel(false);
            is_compared = self.compare_day(&day, stop).await?;
            while let Some(row) = self.claim_difference().await? {
                self.ask(row).await?;
            }
        }
        Ok(is_compared)
    }

    /// Takes this day when it is due.
    async fn take_day(
        &self,
        mch_id: &MchId,
        date: &BillDate,
    ) -> Result<Option<BillDay>, StoreError> {
        let now = self.now();
        let mut tx = self.service().store.begin().await?;
        let day = BillDay::get(&mut tx, mch_id, date).await?;
        let day = match day.filter(|day| day.due_at.is_some_and(|due| due <= now)) {
            Some(day) => day.take(&mut tx, now.plus(DAY_LEASE_S)).await?,
            None => None,
        };
        tx.commit().await?;
        Ok(day)
    }

    async fn claim_day(&self) -> Result<Option<BillDay>, StoreError> {
        let now = self.now();
        let due = BillDay::next_due(&mut self.service().store.reader().await?).await?;
        if due.is_none_or(|due| due > now) {
            return Ok(None);
        }
        let mut tx = self.service().store.begin().await?;
        let day = BillDay::claim(&mut tx, now, now.plus(DAY_LEASE_S)).await?;
        tx.commit().await?;
        Ok(day)
    }

    async fn claim_difference(&self) -> Result<Option<DifferenceRow>, StoreError> {
        let now = self.now();
        let due = DifferenceRow::next_due(&mut self.service().store.reader().await?).await?;
        if due.is_none_or(|due| due > now) {
            return Ok(None);
        }
        let mut tx = self.service().store.begin().await?;
        let row = DifferenceRow::claim(&mut tx, now, now.plus(QUESTION_LEASE_S)).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Compares a day that was taken, and writes down how that went. That the server stops is no
    /// failure: nobody is to be told of it.
    async fn compare_day(
        &self,
        day: &BillDay,
        mut stop: watch::Receiver<bool>,
    ) -> Result<bool, StoreError> {
        let result = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => None,
            result = self.compare(day) => Some(result),
        };
        let (mch_id, bill_date) = (day.mch_id.as_str(), day.date.as_str());
        let now = self.now();
        let mut tx = self.service().store.begin().await?;
        let is_compared = match &result {
            None => {
                day.left(&mut tx, now).await?;
                tracing::info!(mch_id, bill_date, "a bill is left until the next start");
                false
            }
            Some(Ok(sums)) => {
                BillDay::hold(&mut tx, &day.mch_id, &day.date).await?;
                DifferenceRow::end_unseen(&mut tx, day, now).await?;
                day.compared(&mut tx, *sums, now).await?;
                let (there, here) = (sums.payments_there, sums.payments_here);
                tracing::info!(mch_id, bill_date, there = there.count, here = here.count, "a bill");
                true
            }
            Some(Err(Failure { why, again_in_s })) => {
                day.failed(&mut tx, why, Some(now.plus(*again_in_s))).await?;
                tracing::warn!(mch_id, bill_date, why, again_in_s, "no bill");
                false
            }
        };
        tx.commit().await?;
        Ok(is_compared)
    }

    async fn compare(&self, day: &BillDay) -> Result<BillSums, Failure> {
        let spool = self.download(day).await?;
        let alone = self.policy(&day.mch_id) == UnknownPolicy::All;
        Comparison::run(self.service(), day, alone, spool).await.map_err(|error| match error {
            CompareError::Store(error) => after(day, error.to_string()),
            CompareError::File(error) => after(day, format!("the temporary file: {error}")),
        })
    }

    /// The bill of a day, put aside; only when its lines add up to its own sums.
    async fn download(&self, day: &BillDay) -> Result<Spool, Failure> {
        let sellers = &self.service().context.sellers.sellers;
        let mut sellers = sellers.iter().map(|seller| &seller.merchant);
        let seller = sellers.find(|merchant| merchant.mch_id == day.mch_id);
        let gateway = seller.and_then(|seller| self.gateway(&seller.mch_id, &seller.app_id));
        let Some((gateway, seller)) = gateway.zip(seller) else {
            let why = "the merchant is not in the configuration".to_owned();
            return Err(Failure { why, again_in_s: PERSON_S });
        };
        let mut form = BillForm::Gzip;
        loop {
            let nonce = self.service().context.nonce();
            let nonce = nonce.map_err(|error| after(day, error.to_string()))?;
            let file = |error| after(day, format!("the temporary file: {error}"));
            let mut spool = SpoolWriter::new().map_err(file)?;
            let what = (TradeBillKind::All, form);
            let on_line = |line: Result<TradeLine<'_>, LineError>| {
                // A line that breaks a rule is told by the download's end.
                if let Ok(line) = line {
                    spool.push(&BillEntry::of(&line));
                }
            };
            let began = Stopwatch::start();
            let totals = gateway.download_bill(&day.date, what, seller.sign_type, &nonce, on_line);
            let totals = totals.await;
            let metrics = &self.service().context.metrics;
            let call = name_of(Call::TradeBill);
            metrics.gateway_call(call, code_of_bill(&totals), began.elapsed());
            match totals {
                Ok(_) => return spool.finish().map_err(file),
                Err(error) if form == BillForm::Gzip && is_gzip_failure(&error) => {
                    form = BillForm::Text;
                }
                Err(error) => return Err(of_download(day, &error)),
            }
        }
    }
}

fn is_gzip_failure(error: &DownloadError) -> bool {
    error.failure().is_some_and(|failure| failure.kind == FailureKind::Gzip)
}

/// What a failed download asks of us.
fn of_download(day: &BillDay, error: &DownloadError) -> Failure {
    let why = error.to_string();
    let class = error.failure().map(|failure| failure.kind.class());
    match (class, error) {
        (Some(Class::RetrySlower), _) => Failure { why, again_in_s: NOT_YET_S },
        (Some(Class::Stop | Class::TellPerson), _) => Failure { why, again_in_s: PERSON_S },
        (None, DownloadError::Bill(error)) if is_wrong(&error.kind) => {
            Failure { why, again_in_s: PERSON_S }
        }
        _ => after(day, why),
    }
}

/// Whether a bill would be as wrong when it came again.
const fn is_wrong(kind: &BillErrorKind) -> bool {
    matches!(
        kind,
        BillErrorKind::BadLines { .. }
            | BillErrorKind::SummaryDiffers { .. }
            | BillErrorKind::ColumnMissing { .. }
            | BillErrorKind::ColumnTwice { .. }
            | BillErrorKind::TooManyColumns
    )
}

/// Again after 1, 2, 4, ... up to 60 minutes.
fn after(day: &BillDay, why: String) -> Failure {
    let pause_s: u64 = 60 << day.failures.min(6);
    Failure { why, again_in_s: pause_s.min(PAUSE_MAX_S) }
}

/// The merchant's first day with us: the one on which somebody first asks for it. Our clock may be
/// fast then, so an earlier day on which an order of ours was paid, as WeChat says, counts as well.
async fn first_day(tx: &mut Conn, mch_id: &MchId, now: UnixTime) -> Result<BillDate, StoreError> {
    let name = format!("bills_from-{mch_id}");
    let first = setting(tx, &name, BillDate::of(now).as_str()).await?;
    let first = BillDate::parse(&first).map_err(|_| StoreError::Corrupt("setting"))?;
    let paid_at = Recorded::first_paid_at(tx, mch_id).await?;
    let paid = paid_at.map(BillDate::of).filter(|paid| paid.begins_at() < first.begins_at());
    Ok(paid.unwrap_or(first))
}

/// The last day whose bill is there.
fn last_ready(now: UnixTime) -> BillDate {
    let day_before = |date: &BillDate| BillDate::of(minus(date.begins_at(), 1));
    let yesterday = day_before(&BillDate::of(now));
    let early = saoma_core::planted!("bill-at-midnight");
    if yesterday.ready_at() <= now || early { yesterday } else { day_before(&yesterday) }
}

/// When the next bill will be there.
fn next_bill(now: UnixTime) -> UnixTime {
    BillDate::of(last_ready(now).ends_at()).ready_at()
}

/// The days from `first` to `last`, but not those of more than ninety days ago.
fn days_between(first: &BillDate, last: &BillDate, now: UnixTime) -> Vec<BillDate> {
    let oldest = minus(BillDate::of(now).begins_at(), DAYS_BACK_MAX * DAY_S);
    let mut date = BillDate::of(first.begins_at().max(oldest));
    let mut days = Vec::new();
    while date.begins_at() <= last.begins_at() {
        let next = BillDate::of(date.ends_at());
        days.push(std::mem::replace(&mut date, next));
    }
    days
}

fn minus(time: UnixTime, seconds: u64) -> UnixTime {
    UnixTime::new(time.get().saturating_sub(seconds)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
