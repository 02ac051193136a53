//! A bill that was put aside against the records, both ways, a few hundred lines at once.

use super::spool::{Spool, number_of};
use super::words::{State, Why};
use crate::service::Service;
use crate::store::{
    AttemptRow, BillDay, BillSum, BillSums, DifferenceKey, DifferenceRow, End, Recorded,
    StoreError, Value,
};
use saoma_core::ids::{MchId, OutTradeNo};
use saoma_core::planted;
use saoma_core::reconcile::{
    BillEntry, Difference, DifferenceKind, Here, PaymentState, Question, Sum, Tally, What, compare,
    has_our_form,
};
use std::collections::{HashMap, HashSet};
use std::io;

/// Of what is looked up at once: all of it, or a little where the simulation wants short days to be
/// done in several pieces as well.
const fn at_once(all: usize, little: usize) -> usize {
    if cfg!(feature = "simulation") { little } else { all }
}

/// Lines that are looked up at once.
const BATCH: usize = at_once(512, 16);
/// Records for which the bill is read through once. A day with more is read several times, so
/// that neither side is ever in memory as a whole.
const BLOCK: usize = at_once(20_000, 20);
/// Records that are read at once.
#[expect(clippy::cast_possible_truncation, reason = "a thousand at most")]
const PAGE: u32 = at_once(1_000, 8) as u32;
/// Lines of other programs that are listed one by one; more are only counted.
const OTHERS_LISTED_MAX: u64 = 1_000;
/// What is noted of a payment that the bill says was taken back.
pub(crate) const NOT_KEPT: &str = "the bill says that this payment was not kept";

/// Why a day could not be compared.
#[derive(Debug)]
pub(super) enum CompareError {
    Store(StoreError),
    /// The file in which the bill was put aside.
    File(io::Error),
}

impl From<StoreError> for CompareError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for CompareError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

/// One comparison of one day.
pub(super) struct Comparison<'c> {
    service: &'c Service,
    day: &'c BillDay,
    /// Whether every payment of the merchant is ours, whatever its number looks like.
    alone: bool,
    tally: Tally,
    payments_others: Sum,
    refunds_others: Sum,
    listed_others: u64,
}

impl<'c> Comparison<'c> {
    /// Compares the bill, records what differs, and gives what the day comes to.
    ///
    /// Payments may be recorded while this runs; when the sums do not come out even, it is done
    /// once more before anybody is told.
    pub(super) async fn run(
        service: &'c Service,
        day: &'c BillDay,
        alone: bool,
        mut spool: Spool,
    ) -> Result<BillSums, CompareError> {
        let mut again = true;
        loop {
            let mut this = Self {
                service,
                day,
                alone,
                tally: Tally::default(),
                payments_others: Sum::default(),
                refunds_others: Sum::default(),
                listed_others: 0,
            };
            this.bill_against_records(&mut spool).await?;
            spool = this.records_against_bill(spool, false).await?;
            spool = this.records_against_bill(spool, true).await?;
            if this.tally.totals().is_some() && again {
                again = false;
                continue;
            }
            this.record_totals().await?;
            return Ok(this.sums()?);
        }
    }

    fn sums(&self) -> Result<BillSums, StoreError> {
        let tally = &self.tally;
        Ok(BillSums {
            payments_there: BillSum::try_from(tally.payments_there)?,
            payments_here: BillSum::try_from(tally.payments_here)?,
            payments_others: BillSum::try_from(self.payments_others)?,
            refunds_there: BillSum::try_from(tally.refunds_there)?,
            refunds_here: BillSum::try_from(tally.refunds_here)?,
            refunds_others: BillSum::try_from(self.refunds_others)?,
        })
    }

    async fn bill_against_records(&mut self, spool: &mut Spool) -> Result<(), CompareError> {
        let mut entries = spool.entries()?;
        loop {
            let batch = entries.batch(BATCH)?;
            if batch.is_empty() {
                return Ok(());
            }
            self.batch(&batch).await?;
            if planted!("bill-first-batch-only") {
                return Ok(());
            }
        }
    }

    async fn batch(&mut self, batch: &[BillEntry]) -> Result<(), StoreError> {
        let mch_id = &self.day.mch_id;
        let known = Known::of(self.service, mch_id, batch).await?;
        let mut found = Vec::new();
        for entry in batch {
            self.tally.add_there(entry);
            let record = known.record(entry);
            let here = record.map(|record| &record.here);
            if let Some(difference) = compare(&self.day.date, entry, here) {
                self.tally.add(&difference);
                found.push((entry, difference, record));
            }
        }
        let orders = self.orders_of(&found).await?;
        let mut rows = Vec::new();
        for (entry, difference, record) in found {
            let order_id = record.map(|record| record.order_id.clone());
            let order_id = order_id.filter(|id| !id.is_empty());
            let order_id = order_id.or_else(|| orders.get(&*entry.out_trade_no).cloned());
            if self.is_of_others(entry, record, order_id.is_some()) {
                self.add_others(entry);
                if self.listed_others > OTHERS_LISTED_MAX {
                    continue;
                }
            }
            rows.push(self.row(entry, difference, record, order_id.unwrap_or_default()));
        }
        self.write(rows).await
    }

    /// The orders of lines that differ, by the number of the attempt.
    async fn orders_of(
        &self,
        found: &[(&BillEntry, Difference, Option<&Recorded>)],
    ) -> Result<HashMap<String, String>, StoreError> {
        let number = |(entry, ..): &(&BillEntry, _, _)| OutTradeNo::new(&entry.out_trade_no).ok();
        let numbers: Vec<OutTradeNo> = found.iter().filter_map(number).collect();
        if numbers.is_empty() {
            return Ok(HashMap::new());
        }
        let attempts =
            AttemptRow::get_all(&mut self.service.store.reader().await?, &numbers).await?;
        let pair =
            |attempt: AttemptRow| (attempt.out_trade_no.to_string(), attempt.order_id.to_string());
        Ok(attempts.into_iter().map(pair).collect())
    }

    /// Whether a line is about money that another program of the merchant took.
    fn is_of_others(&self, entry: &BillEntry, record: Option<&Recorded>, has_order: bool) -> bool {
        let is_ours = has_our_form(&entry.out_trade_no) || planted!("bill-all-numbers-ours");
        !self.alone && record.is_none() && !has_order && !is_ours
    }

    fn add_others(&mut self, entry: &BillEntry) {
        let is_payment = matches!(entry.what, What::Payment { .. });
        let sum = match is_payment != planted!("others-swapped") {
            true => &mut self.payments_others,
            false => &mut self.refunds_others,
        };
        sum.count += u64::from(!planted!("others-not-counted"));
        sum.fen += i128::from(entry.amount().get());
        self.listed_others += 1;
    }

    fn row(
        &self,
        entry: &BillEntry,
        difference: Difference,
        record: Option<&Recorded>,
        order_id: String,
    ) -> DifferenceRow {
        let others = self.is_of_others(entry, record, !order_id.is_empty());
        let mut end = match difference.question() {
            _ if others => End::new(State::Explained, Why::NotOurs, ""),
            Question::None => End::new(State::Explained, Why::OtherDay, ""),
            Question::Order | Question::Refund | Question::Person => {
                End::new(State::Open, Why::Asking, "")
            }
        };
        if matches!(entry.what, What::Payment { state: PaymentState::NotKept, .. }) {
            NOT_KEPT.clone_into(&mut end.note);
        }
        let (out_refund_no, refund_id) = match &entry.what {
            What::Payment { .. } => (String::new(), String::new()),
            What::Refund { out_refund_no, refund_id, .. } => {
                (out_refund_no.to_string(), refund_id.to_string())
            }
        };
        DifferenceRow {
            out_trade_no: entry.out_trade_no.to_string(),
            transaction_id: entry.transaction_id.to_string(),
            out_refund_no,
            refund_id,
            app_id: entry.app_id.to_string(),
            happened_at: entry.time,
            ..self.new_row(difference, key_of(entry), order_id, end)
        }
    }

    /// A row about this number without what only the bill or only the record knows.
    fn new_row(
        &self,
        difference: Difference,
        number: &str,
        order_id: String,
        end: End,
    ) -> DifferenceRow {
        let now = self.service.context.clock.now();
        let asks = end.state == State::Open && difference.question() != Question::Person;
        let (there, here) = match planted!("difference-wrong-way-round") {
            true => (difference.here, difference.there),
            false => (difference.there, difference.here),
        };
        DifferenceRow {
            key: DifferenceKey {
                mch_id: self.day.mch_id.clone(),
                date: self.day.date.clone(),
                kind: difference.kind,
                number: number.to_owned(),
            },
            out_trade_no: String::new(),
            transaction_id: String::new(),
            out_refund_no: String::new(),
            refund_id: String::new(),
            app_id: String::new(),
            order_id,
            there,
            here,
            happened_at: self.day.date.begins_at(),
            due_at: asks.then_some(now),
            tries: 0,
            found_at: now,
            ended_at: (end.state != State::Open).then_some(now),
            end,
        }
    }

    /// Records what differs. What stands in this bill is missing in no other one.
    async fn write(&self, mut rows: Vec<DifferenceRow>) -> Result<(), StoreError> {
        // A line may come twice; the sums tell of that.
        let mut seen = HashSet::new();
        rows.retain(|row| seen.insert((row.key.kind, row.key.number.clone())));
        if rows.is_empty() {
            return Ok(());
        }
        let now = self.service.context.clock.now();
        let of = |kind| -> Vec<Value> {
            let same = rows.iter().filter(|row| row.key.kind == kind && row.there.is_some());
            same.map(|row| row.key.number.as_str().into()).collect()
        };
        let elsewhere = [
            (DifferenceKind::MissingThere, of(DifferenceKind::OtherDay)),
            (DifferenceKind::RefundMissingThere, of(DifferenceKind::RefundOtherDay)),
        ];
        let mut tx = self.service.store.begin().await?;
        DifferenceRow::record(&mut tx, &rows, self.day.runs).await?;
        for (kind, numbers) in elsewhere {
            let day = (&self.day.mch_id, &self.day.date);
            DifferenceRow::explain_missing(&mut tx, day, kind, numbers, now).await?;
        }
        tx.commit().await
    }

    /// Walks through the records of the day, in blocks, and asks whether the bill has them.
    async fn records_against_bill(
        &mut self,
        mut spool: Spool,
        refunds: bool,
    ) -> Result<Spool, CompareError> {
        let (mut last, mut more) = (None, true);
        while more {
            let mut block = Vec::new();
            while more && block.len() < BLOCK {
                let mut reader = self.service.store.reader().await?;
                let page =
                    Recorded::of_day(&mut reader, self.day, refunds, last.as_ref(), PAGE).await?;
                more = page.last().is_some() && !planted!("bill-first-page-only");
                last = page.last().map(Recorded::place).or(last);
                block.extend(page);
            }
            block.retain(|record| record.here.is_expected(&self.day.date));
            if block.is_empty() {
                continue;
            }
            let numbers: HashSet<String> = block.iter().map(Recorded::number).collect();
            let (back, seen) = spool.seen_aside(refunds, numbers).await?;
            spool = back;
            self.block(&block, &seen, refunds).await?;
        }
        Ok(spool)
    }

    async fn block(
        &mut self,
        block: &[Recorded],
        seen: &HashSet<String>,
        refunds: bool,
    ) -> Result<(), StoreError> {
        block.iter().for_each(|record| self.tally.add_here(&record.here));
        let missing: Vec<_> =
            block.iter().filter(|record| !seen.contains(&record.number())).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let numbers = missing.iter().map(|record| record.number().into()).collect();
        let mut reader = self.service.store.reader().await?;
        let which = (&self.day.mch_id, &self.day.date);
        let elsewhere = DifferenceRow::on_other_days(&mut reader, which, refunds, numbers).await?;
        drop(reader);
        let mut rows = Vec::new();
        for record in missing {
            let number = record.number();
            let (difference, end) = if elsewhere.contains(&number) {
                let end = End::new(State::Explained, Why::OtherDay, "");
                (Difference::other_day(&record.here), end)
            } else {
                let end = End::new(State::Open, Why::Asking, "");
                (Difference::missing_there(&record.here), end)
            };
            self.tally.add(&difference);
            let (out_trade_no, out_refund_no) = match &record.here {
                Here::Payment(payment) => (payment.out_trade_no.to_string(), String::new()),
                Here::Refund(_) => (record.out_trade_no.clone(), number.clone()),
            };
            rows.push(DifferenceRow {
                out_trade_no,
                transaction_id: record.transaction_id().to_owned(),
                out_refund_no,
                happened_at: record.here.time(),
                ..self.new_row(difference, &number, record.order_id.clone(), end)
            });
        }
        self.write(rows).await
    }

    /// Records that the sums do not come out even.
    async fn record_totals(&self) -> Result<(), StoreError> {
        let Some(difference) = self.tally.totals() else { return Ok(()) };
        let tally = &self.tally;
        let note = format!(
            "payments {} against {}, refunds {} against {} fen",
            tally.payments_there.fen,
            tally.payments_here.fen,
            tally.refunds_there.fen,
            tally.refunds_here.fen
        );
        let end = End::new(State::Open, Why::Uneven, note);
        self.write(vec![self.new_row(difference, "", String::new(), end)]).await
    }
}

/// What a difference of this entry is told apart by: a refund may lack the merchant's number.
fn key_of(entry: &BillEntry) -> &str {
    match &entry.what {
        What::Refund { refund_id, .. } if number_of(entry).is_empty() => refund_id,
        What::Payment { .. } | What::Refund { .. } => number_of(entry),
    }
}

/// What is recorded of the numbers of a batch.
struct Known {
    payments: HashMap<String, Recorded>,
    refunds: HashMap<String, Recorded>,
}

impl Known {
    async fn of(
        service: &Service,
        mch_id: &MchId,
        batch: &[BillEntry],
    ) -> Result<Self, StoreError> {
        let numbers = |refunds: bool| -> Vec<_> {
            let same = batch.iter().filter(|entry| entry.out_refund_no().is_some() == refunds);
            same.map(|entry| number_of(entry).into()).collect()
        };
        let mut reader = service.store.reader().await?;
        let by_number = |records: Vec<Recorded>| {
            records.into_iter().map(|record| (record.number(), record)).collect()
        };
        let payments = Recorded::of_numbers(&mut reader, mch_id, false, numbers(false)).await?;
        let refunds = Recorded::of_numbers(&mut reader, mch_id, true, numbers(true)).await?;
        Ok(Self { payments: by_number(payments), refunds: by_number(refunds) })
    }

    fn record(&self, entry: &BillEntry) -> Option<&Recorded> {
        let records = if entry.out_refund_no().is_some() { &self.refunds } else { &self.payments };
        records.get(number_of(entry))
    }
}
