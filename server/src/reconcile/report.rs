//! What is told about days and differences: to shops as JSON, to accountants as CSV, to operators
//! as rows of a page.

use super::words::{self, State, Why, Words};
use crate::service::Service;
use crate::store::{BillDay, BillSum, BillSums, Conn, DifferenceKey, DifferenceRow, StoreError};
use saoma_core::bill::BillDate;
use saoma_core::ids::MchId;
use saoma_core::money::Fen;
use saoma_core::reconcile::DifferenceKind;
use saoma_core::time::UnixTime;
use serde::{Serialize, Serializer};

/// A merchant's bill of a day, as it is told (docs/api.md §2.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct DayReport {
    pub(crate) mch_id: String,
    /// `2026-11-23`.
    pub(crate) date: String,
    /// `waiting` (never compared yet) or `compared`.
    pub(crate) state: &'static str,
    pub(crate) compared_at: Option<UnixTime>,
    /// When it is compared next.
    pub(crate) due_at: Option<UnixTime>,
    /// Why it could not be compared last time.
    pub(crate) last_error: Option<String>,
    /// None before it was compared.
    pub(crate) payments: Option<SumsReport>,
    pub(crate) refunds: Option<SumsReport>,
    /// How many differences are open.
    pub(crate) open: u64,
    /// Of those, how many WeChat is still being asked about; the others wait for a person.
    pub(crate) asking: u64,
}

/// What both sides come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SumsReport {
    /// In the bill.
    pub(crate) bill: BillSum,
    /// Recorded here.
    pub(crate) here: BillSum,
    /// In the bill, of other programs of the merchant.
    pub(crate) others: BillSum,
}

/// A difference, as it is told (docs/api.md §2.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct DifferenceReport {
    #[serde(serialize_with = "kind_name")]
    pub(crate) kind: DifferenceKind,
    #[serde(skip)]
    pub(crate) number: String,
    pub(crate) order_id: String,
    pub(crate) out_trade_no: String,
    pub(crate) transaction_id: String,
    pub(crate) out_refund_no: String,
    pub(crate) refund_id: String,
    /// What the bill says.
    pub(crate) bill_fen: Option<Fen>,
    /// What is recorded here.
    pub(crate) here_fen: Option<Fen>,
    pub(crate) happened_at: UnixTime,
    #[serde(serialize_with = "state_name")]
    pub(crate) state: State,
    #[serde(serialize_with = "why_name")]
    pub(crate) why: Why,
    /// What a person may want to know besides.
    pub(crate) note: String,
    pub(crate) found_at: UnixTime,
    pub(crate) ended_at: Option<UnixTime>,
    /// When WeChat is asked about it next.
    pub(crate) due_at: Option<UnixTime>,
}

fn kind_name<S: Serializer>(kind: &DifferenceKind, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(kind.as_str())
}

fn state_name<S: Serializer>(state: &State, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(state.words().name)
}

fn why_name<S: Serializer>(why: &Why, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(why.words().name)
}

impl DifferenceReport {
    /// What kind of difference it is, where it is and why: for people.
    pub(crate) const fn words(&self) -> [Words; 3] {
        [words::kind(self.kind), self.state.words(), self.why.words()]
    }

    fn of(row: DifferenceRow) -> Self {
        Self {
            kind: row.key.kind,
            number: row.key.number,
            order_id: row.order_id,
            out_trade_no: row.out_trade_no,
            transaction_id: row.transaction_id,
            out_refund_no: row.out_refund_no,
            refund_id: row.refund_id,
            bill_fen: row.there,
            here_fen: row.here,
            happened_at: row.happened_at,
            state: row.end.state,
            why: row.end.why,
            note: row.end.note,
            found_at: row.found_at,
            ended_at: row.ended_at,
            due_at: row.due_at,
        }
    }
}

impl DayReport {
    fn of(day: BillDay, (open, asking): (u64, u64)) -> Self {
        let payments = |sums: BillSums| SumsReport {
            bill: sums.payments_there,
            here: sums.payments_here,
            others: sums.payments_others,
        };
        let refunds = |sums: BillSums| SumsReport {
            bill: sums.refunds_there,
            here: sums.refunds_here,
            others: sums.refunds_others,
        };
        Self {
            mch_id: day.mch_id.to_string(),
            date: date_text(&day.date),
            state: if day.is_compared { "compared" } else { "waiting" },
            compared_at: day.compared_at,
            due_at: day.due_at,
            last_error: day.last_error,
            payments: day.sums.map(payments),
            refunds: day.sums.map(refunds),
            open,
            asking,
        }
    }
}

impl Service {
    /// A merchant's bill of a day, or `None` when nobody has asked for it yet.
    pub(crate) async fn bill_day(
        &self,
        mch_id: &MchId,
        date: &BillDate,
    ) -> Result<Option<DayReport>, StoreError> {
        day_of(&mut self.store.reader().await?, mch_id, date).await
    }

    /// The newest day that has open differences, or the newest of all when none has.
    pub(crate) async fn bill_to_see(&self) -> Result<Option<DayReport>, StoreError> {
        let open = BillDay::newest_open(&mut self.store.reader().await?).await?;
        match open {
            Some(day) => self.bill_day(&day.mch_id, &day.date).await,
            None => Ok(self.bill_days(None, None, 1).await?.pop()),
        }
    }

    /// The oldest day that could not be compared so far although WeChat still has its bill, and how
    /// many there are of those. No line of such a day is looked at, and the days after it hide it.
    pub(crate) async fn failing_bill(&self) -> Result<Option<(DayReport, u64)>, StoreError> {
        let now = self.context.clock.now();
        let mut reader = self.store.reader().await?;
        let mut days = BillDay::failing(&mut reader).await?;
        days.retain(|(date, _)| date.ready(now).is_ok());
        let count = days.iter().map(|(_, merchants)| merchants).sum();
        let Some((oldest, _)) = days.last() else { return Ok(None) };
        // It may have been compared meanwhile.
        let day = BillDay::failing_on(&mut reader, oldest).await?;
        Ok(day.map(|day| (DayReport::of(day, (0, 0)), count)))
    }

    /// The newest days of a merchant, or of all of them, newest first; at most `limit`, behind the
    /// day of a merchant.
    pub(crate) async fn bill_days(
        &self,
        mch_id: Option<&MchId>,
        behind: Option<(&BillDate, &str)>,
        limit: u32,
    ) -> Result<Vec<DayReport>, StoreError> {
        let mut reader = self.store.reader().await?;
        let before = behind.map_or(("9", ""), |(date, mch_id)| (date.as_str(), mch_id));
        let mut days = Vec::new();
        for day in BillDay::newest(&mut reader, mch_id, before, limit).await? {
            let open = DifferenceRow::open_of(&mut reader, &day.mch_id, &day.date).await?;
            days.push(DayReport::of(day, open));
        }
        Ok(days)
    }

    /// A day's differences, by kind and number; at most `limit`, after this one.
    pub(crate) async fn bill_differences(
        &self,
        mch_id: &MchId,
        date: &BillDate,
        after: Option<&DifferenceReport>,
        limit: u32,
    ) -> Result<Vec<DifferenceReport>, StoreError> {
        differences_of(&mut self.store.reader().await?, (mch_id, date), after, limit).await
    }

    /// Has a day compared as soon as somebody can, again if it was compared before.
    pub(crate) async fn ask_for_bill(
        &self,
        mch_id: &MchId,
        date: &BillDate,
    ) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        BillDay::ask_for(&mut tx, mch_id, date, self.context.clock.now()).await?;
        tx.commit().await?;
        self.context.bells.bills.notify_one();
        Ok(())
    }
}

/// A merchant's bill of a day, as this connection sees it.
pub(super) async fn day_of(
    conn: &mut Conn,
    mch_id: &MchId,
    date: &BillDate,
) -> Result<Option<DayReport>, StoreError> {
    let day = BillDay::get_with_open(conn, mch_id, date).await?;
    Ok(day.map(|(day, open)| DayReport::of(day, open)))
}

/// A day's differences, as this connection sees them.
pub(super) async fn differences_of(
    conn: &mut Conn,
    (mch_id, date): (&MchId, &BillDate),
    after: Option<&DifferenceReport>,
    limit: u32,
) -> Result<Vec<DifferenceReport>, StoreError> {
    let after = after.map(|last| DifferenceKey {
        mch_id: mch_id.clone(),
        date: date.clone(),
        kind: last.kind,
        number: last.number.clone(),
    });
    let rows = DifferenceRow::of_day(conn, (mch_id, date), after.as_ref(), limit).await?;
    Ok(rows.into_iter().map(DifferenceReport::of).collect())
}

/// `2026-11-23`.
fn date_text(date: &BillDate) -> String {
    let part = |range: std::ops::Range<usize>| date.as_str().get(range).unwrap_or_default();
    [part(0..4), part(4..6), part(6..8)].join("-")
}

/// Reads a day as people write it: `2026-11-23`, or as WeChat does: `20261123`.
pub(crate) fn read_date(text: &str) -> Option<BillDate> {
    let digits: String = match text.split('-').collect::<Vec<_>>()[..] {
        [year, month, day] if year.len() == 4 && month.len() == 2 && day.len() == 2 => {
            [year, month, day].concat()
        }
        [digits] => digits.to_owned(),
        _ => return None,
    };
    BillDate::parse(&digits).ok()
}
