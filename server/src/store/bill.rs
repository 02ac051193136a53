//! Days whose bills are compared, and the records that they are compared with.

use super::{Conn, Dialect, RefundState, Row, StoreError, Value};
use saoma_core::bill::BillDate;
use saoma_core::ids::MchId;
use saoma_core::money::Fen;
use saoma_core::reconcile::{Here, PaymentHere, RefundHere, RefundProgress, Sum};
use saoma_core::time::UnixTime;

/// A merchant's bill of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BillDay {
    pub(crate) mch_id: MchId,
    pub(crate) date: BillDate,
    /// Whether it was ever compared.
    pub(crate) is_compared: bool,
    /// When it is to be compared next.
    pub(crate) due_at: Option<UnixTime>,
    /// How often it was begun.
    pub(crate) runs: i64,
    /// How often in a row it failed.
    pub(crate) failures: u32,
    pub(crate) last_error: Option<String>,
    pub(crate) compared_at: Option<UnixTime>,
    /// None before it was compared.
    pub(crate) sums: Option<BillSums>,
}

/// How many, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct BillSum {
    pub(crate) count: u64,
    pub(crate) fen: Fen,
}

impl TryFrom<Sum> for BillSum {
    type Error = StoreError;

    fn try_from(sum: Sum) -> Result<Self, StoreError> {
        let fen = u64::try_from(sum.fen).ok().and_then(Fen::new);
        Ok(Self { count: sum.count, fen: fen.ok_or(StoreError::Corrupt("sum"))? })
    }
}

pub(super) fn read_fen(row: &Row, column: &'static str) -> Result<Fen, StoreError> {
    Fen::new(row.number(column)?).ok_or(StoreError::Corrupt(column))
}

/// What a day comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BillSums {
    /// Payments in the bill.
    pub(crate) payments_there: BillSum,
    /// Payments recorded here.
    pub(crate) payments_here: BillSum,
    /// Payments in the bill that other programs of the merchant took.
    pub(crate) payments_others: BillSum,
    /// Refunds in the bill.
    pub(crate) refunds_there: BillSum,
    /// Refunds recorded here.
    pub(crate) refunds_here: BillSum,
    /// Refunds in the bill that other programs of the merchant made.
    pub(crate) refunds_others: BillSum,
}

impl BillSums {
    fn read(row: &Row) -> Result<Option<Self>, StoreError> {
        if row.optional_int("payments_there_count")?.is_none() {
            return Ok(None);
        }
        let sum = |count, fen| -> Result<BillSum, StoreError> {
            Ok(BillSum { count: row.number(count)?, fen: read_fen(row, fen)? })
        };
        Ok(Some(Self {
            payments_there: sum("payments_there_count", "payments_there_fen")?,
            payments_here: sum("payments_here_count", "payments_here_fen")?,
            payments_others: sum("payments_others_count", "payments_others_fen")?,
            refunds_there: sum("refunds_there_count", "refunds_there_fen")?,
            refunds_here: sum("refunds_here_count", "refunds_here_fen")?,
            refunds_others: sum("refunds_others_count", "refunds_others_fen")?,
        }))
    }

    /// In the order of the columns.
    fn values(&self) -> impl Iterator<Item = Value> {
        let count = |sum: BillSum| i64::try_from(sum.count).unwrap_or(i64::MAX);
        [
            self.payments_there,
            self.payments_here,
            self.payments_others,
            self.refunds_there,
            self.refunds_here,
            self.refunds_others,
        ]
        .into_iter()
        .flat_map(move |sum| [count(sum).into(), sum.fen.into()])
    }
}

impl BillDay {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let date = BillDate::parse(&row.text("bill_date")?);
        Ok(Self {
            mch_id: row.parsed("mch_id")?,
            date: date.map_err(|_| StoreError::Corrupt("bill_date"))?,
            is_compared: row.text("state")? == "compared",
            due_at: row.optional_time("due_at")?,
            runs: row.int("runs")?,
            failures: row.number("failures")?,
            last_error: row.optional_text("last_error")?,
            compared_at: row.optional_time("compared_at")?,
            sums: BillSums::read(row)?,
        })
    }

    /// Has days compared, each from its time on; those that are planned already stay as they are.
    pub(crate) async fn plan(
        conn: &mut Conn,
        days: Vec<(MchId, BillDate, UnixTime)>,
    ) -> Result<(), StoreError> {
        let values = |(mch_id, date, due_at): (MchId, BillDate, UnixTime)| -> Vec<Value> {
            let zero = Value::from(0_i64);
            let who = [mch_id.as_str().into(), date.as_str().into(), "waiting".into()];
            who.into_iter().chain([due_at.into(), zero.clone(), zero]).collect()
        };
        let head = "insert into bill_day (mch_id, bill_date, state, due_at, runs, failures) values";
        let rows = days.into_iter().map(values).collect();
        conn.execute_rows(head, rows, "on conflict do nothing").await?;
        Ok(())
    }

    /// Lets nobody else change how far a day is until this transaction ends. On SQLite nobody else
    /// writes anyhow.
    pub(crate) async fn hold(
        conn: &mut Conn,
        mch_id: &MchId,
        date: &BillDate,
    ) -> Result<(), StoreError> {
        if conn.dialect() == Dialect::Postgres {
            let sql = "select 1 from bill_day where mch_id = $1 and bill_date = $2 for update";
            conn.fetch(sql, vec![mch_id.as_str().into(), date.as_str().into()]).await?;
        }
        Ok(())
    }

    /// Has a day compared now, again if it was compared before.
    pub(crate) async fn ask_for(
        conn: &mut Conn,
        mch_id: &MchId,
        date: &BillDate,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let sql = "insert into bill_day (mch_id, bill_date, state, due_at, runs, failures)
                   values ($1, $2, 'waiting', $3, 0, 0)
                   on conflict (mch_id, bill_date) do update set due_at = excluded.due_at";
        conn.execute(sql, vec![mch_id.as_str().into(), date.as_str().into(), now.into()]).await?;
        Ok(())
    }

    /// Has days compared at once whose comparison was interrupted, or failed.
    pub(crate) async fn release_all(conn: &mut Conn, now: UnixTime) -> Result<(), StoreError> {
        let sql = "update bill_day set due_at = $1 where due_at > $1 and runs > 0";
        conn.execute(sql, vec![now.into()]).await?;
        Ok(())
    }

    /// The day of these, and of its differences how many are open and how many of those WeChat is
    /// still asked about: all at one moment.
    pub(crate) async fn get_with_open(
        conn: &mut Conn,
        mch_id: &MchId,
        date: &BillDate,
    ) -> Result<Option<(Self, (u64, u64))>, StoreError> {
        let sql = "select b.*,
                       (select count(*) from bill_difference as d where d.mch_id = b.mch_id
                        and d.bill_date = b.bill_date and d.state = 'open') as open,
                       (select count(d.due_at) from bill_difference as d where d.mch_id = b.mch_id
                        and d.bill_date = b.bill_date and d.state = 'open') as asking
                   from bill_day as b where b.mch_id = $1 and b.bill_date = $2";
        let row = conn.fetch_one(sql, vec![mch_id.as_str().into(), date.as_str().into()]).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some((Self::read(&row)?, (row.number("open")?, row.number("asking")?))))
    }

    /// The day of these.
    pub(crate) async fn get(
        conn: &mut Conn,
        mch_id: &MchId,
        date: &BillDate,
    ) -> Result<Option<Self>, StoreError> {
        let sql = "select * from bill_day where mch_id = $1 and bill_date = $2";
        let row = conn.fetch_one(sql, vec![mch_id.as_str().into(), date.as_str().into()]).await?;
        row.as_ref().map(Self::read).transpose()
    }

    /// The newest days of a merchant, or of all of them, newest first, behind the day of a
    /// merchant; at most `limit`.
    pub(crate) async fn newest(
        conn: &mut Conn,
        mch_id: Option<&MchId>,
        (date, after): (&str, &str),
        limit: u32,
    ) -> Result<Vec<Self>, StoreError> {
        let sql = "select * from bill_day
                   where (bill_date < $1 or (bill_date = $1 and mch_id > $2))
                     and ($3 = '' or mch_id = $3)
                   order by bill_date desc, mch_id limit $4";
        let mch_id = mch_id.map_or("", MchId::as_str);
        let values = vec![date.into(), after.into(), mch_id.into(), limit.into()];
        conn.fetch(sql, values).await?.iter().map(Self::read).collect()
    }

    /// The newest day with a difference that is open.
    pub(crate) async fn newest_open(conn: &mut Conn) -> Result<Option<Self>, StoreError> {
        let sql = "select bill_day.* from bill_day join (
                       select mch_id, bill_date from bill_difference where state = 'open'
                       order by bill_date desc, mch_id limit 1
                   ) as latest
                   on latest.mch_id = bill_day.mch_id and latest.bill_date = bill_day.bill_date";
        conn.fetch_one(sql, vec![]).await?.as_ref().map(Self::read).transpose()
    }

    /// Days that nobody could compare so far although it was tried, newest first, and of how many
    /// merchants each. More days than these WeChat does not keep.
    pub(crate) async fn failing(conn: &mut Conn) -> Result<Vec<(BillDate, u64)>, StoreError> {
        let sql = "select bill_date, count(*) as merchants from bill_day
                   where due_at is not null and state = 'waiting' and failures > 0
                   group by bill_date order by bill_date desc limit 100";
        let read = |row: &Row| -> Result<(BillDate, u64), StoreError> {
            let date = BillDate::parse(&row.text("bill_date")?);
            let date = date.map_err(|_| StoreError::Corrupt("bill_date"))?;
            Ok((date, row.number("merchants")?))
        };
        conn.fetch(sql, vec![]).await?.iter().map(read).collect()
    }

    /// The first merchant's of those of one day.
    pub(crate) async fn failing_on(
        conn: &mut Conn,
        date: &BillDate,
    ) -> Result<Option<Self>, StoreError> {
        let sql = "select * from bill_day where bill_date = $1
                       and due_at is not null and state = 'waiting' and failures > 0
                   order by mch_id limit 1";
        let row = conn.fetch_one(sql, vec![date.as_str().into()]).await?;
        row.as_ref().map(Self::read).transpose()
    }

    /// When a day is next to be compared.
    pub(crate) async fn next_due(conn: &mut Conn) -> Result<Option<UnixTime>, StoreError> {
        let sql = "select min(due_at) as due_at from bill_day where due_at is not null";
        let row = conn.fetch_one(sql, vec![]).await?;
        row.map_or(Ok(None), |row| row.optional_time("due_at"))
    }

    /// Takes the day that has been due longest until `until`, when it is due again for somebody
    /// else. Of several who try, one has it.
    pub(crate) async fn claim(
        conn: &mut Conn,
        now: UnixTime,
        until: UnixTime,
    ) -> Result<Option<Self>, StoreError> {
        let sql = "select * from bill_day where due_at <= $1 order by due_at, bill_date limit 1";
        let Some(row) = conn.fetch_one(sql, vec![now.into()]).await? else { return Ok(None) };
        Self::read(&row)?.take(conn, until).await
    }

    /// Takes this day, unless somebody else has meanwhile.
    pub(crate) async fn take(
        mut self,
        conn: &mut Conn,
        until: UnixTime,
    ) -> Result<Option<Self>, StoreError> {
        let sql = "update bill_day set due_at = $1, runs = runs + 1
                   where mch_id = $2 and bill_date = $3 and due_at = $4 and runs = $5";
        let who: [Value; 2] = [self.mch_id.as_str().into(), self.date.as_str().into()];
        let was = [self.due_at.into(), self.runs.into()];
        let values = [until.into()].into_iter().chain(who).chain(was).collect();
        if conn.execute(sql, values).await? != 1 {
            return Ok(None);
        }
        self.due_at = Some(until);
        self.runs += 1;
        Ok(Some(self))
    }

    /// Ends a run well: the day is compared, unless somebody has asked for another run meanwhile.
    /// Where a later one has begun, its sums count.
    pub(crate) async fn compared(
        &self,
        conn: &mut Conn,
        sums: BillSums,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let sql = "update bill_day set state = 'compared', failures = 0, last_error = null,
                       compared_at = $1, payments_there_count = $2, payments_there_fen = $3,
                       payments_here_count = $4, payments_here_fen = $5,
                       payments_others_count = $6, payments_others_fen = $7,
                       refunds_there_count = $8, refunds_there_fen = $9,
                       refunds_here_count = $10, refunds_here_fen = $11,
                       refunds_others_count = $12, refunds_others_fen = $13,
                       due_at = case when due_at = $14 then null else due_at end
                   where mch_id = $15 and bill_date = $16 and runs = $17";
        let mut values: Vec<Value> = vec![now.into()];
        values.extend(sums.values());
        values.extend([self.due_at.into(), self.mch_id.as_str().into()]);
        values.extend([self.date.as_str().into(), self.runs.into()]);
        conn.execute(sql, values).await?;
        Ok(())
    }

    /// Gives up a run in the middle, which is no failure: the day is due now, unless somebody else
    /// has taken it meanwhile.
    pub(crate) async fn left(&self, conn: &mut Conn, now: UnixTime) -> Result<(), StoreError> {
        let sql = "update bill_day set due_at = $1
                   where mch_id = $2 and bill_date = $3 and due_at = $4 and runs = $5";
        let who: [Value; 2] = [self.mch_id.as_str().into(), self.date.as_str().into()];
        let was = [self.due_at.into(), self.runs.into()];
        let values = [now.into()].into_iter().chain(who).chain(was).collect();
        conn.execute(sql, values).await?;
        Ok(())
    }

    /// Ends a run that failed. Where a later one has begun, what came of that one counts.
    pub(crate) async fn failed(
        &self,
        conn: &mut Conn,
        why: &str,
        again_at: Option<UnixTime>,
    ) -> Result<(), StoreError> {
        let sql = "update bill_day set failures = failures + 1, last_error = $1,
                       due_at = case when due_at = $2 then $3 else due_at end
                   where mch_id = $4 and bill_date = $5 and runs = $6";
        let who: [Value; 3] =
            [self.mch_id.as_str().into(), self.date.as_str().into(), self.runs.into()];
        let what = [why.into(), self.due_at.into(), again_at.into()];
        conn.execute(sql, what.into_iter().chain(who).collect()).await?;
        Ok(())
    }
}

/// A payment or a refund as it is recorded, to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) here: Here,
    /// Empty when the payment's number is unknown.
    pub(crate) order_id: String,
    /// The attempt that was paid; empty when only the order's id is known.
    pub(crate) out_trade_no: String,
}

macro_rules! payments {
    () => {
        "select transaction_id, mch_id, out_trade_no, order_id, total_fee_fen, paid_at from payment"
    };
}

/// Ours, and those that somebody gave back by hand.
macro_rules! refunds {
    () => {
        "select out_refund_no, mch_id, order_id, transaction_id, out_trade_no, part_fen, state,
             refund_id, accepted_at, created_at from refund"
    };
}

const PAYMENTS: &str = payments!();
const REFUNDS: &str = refunds!();
const PAYMENTS_OF_DAY: &str = concat!(
    payments!(),
    " where mch_id = $1 and paid_at < $2 and (paid_at, transaction_id) > ($3, $4)
      order by paid_at, transaction_id limit $5"
);
const REFUNDS_OF_DAY: &str = concat!(
    refunds!(),
    " where mch_id = $1 and accepted_at < $2 and (accepted_at, out_refund_no) > ($3, $4)
      order by accepted_at, out_refund_no limit $5"
);

fn progress(row: &Row) -> Result<RefundProgress, StoreError> {
    let state = RefundState::from_name(&row.text("state")?);
    let was_accepted = row.optional_text("refund_id")?.is_some();
    Ok(match state.ok_or(StoreError::Corrupt("state"))? {
        RefundState::Held | RefundState::Asked | RefundState::Unsure => RefundProgress::Asked,
        RefundState::Accepted => RefundProgress::Accepted,
        RefundState::Done => RefundProgress::Done,
        RefundState::Failed | RefundState::Closed | RefundState::Dismissed if was_accepted => {
            RefundProgress::Failed
        }
        RefundState::Failed | RefundState::Closed | RefundState::Dismissed => {
            RefundProgress::Refused
        }
    })
}

impl Recorded {
    fn of_refund(row: &Row) -> Result<Self, StoreError> {
        let accepted_at = row.optional_time("accepted_at")?;
        Ok(Self {
            order_id: row.text("order_id")?,
            out_trade_no: row.text("out_trade_no")?,
            here: Here::Refund(RefundHere {
                out_refund_no: row.parsed("out_refund_no")?,
                transaction_id: row.parsed("transaction_id")?,
                refund_fee: read_fen(row, "part_fen")?,
                progress: progress(row)?,
                accepted_at: accepted_at.map_or_else(|| row.time("created_at"), Ok)?,
            }),
        })
    }

    fn of_payment(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            order_id: row.text("order_id")?,
            out_trade_no: row.text("out_trade_no")?,
            here: Here::Payment(PaymentHere {
                out_trade_no: row.parsed("out_trade_no")?,
                transaction_id: row.parsed("transaction_id")?,
                total_fee: read_fen(row, "total_fee_fen")?,
                paid_at: row.time("paid_at")?,
            }),
        })
    }

    /// What it is looked up by: the transaction of a payment, our number of a refund.
    pub(crate) fn number(&self) -> String {
        match &self.here {
            Here::Payment(payment) => payment.transaction_id.to_string(),
            Here::Refund(refund) => refund.out_refund_no.to_string(),
        }
    }

    /// WeChat's number of the payment.
    pub(crate) fn transaction_id(&self) -> &str {
        match &self.here {
            Here::Payment(payment) => payment.transaction_id.as_str(),
            Here::Refund(refund) => refund.transaction_id.as_str(),
        }
    }

    /// Its place in the order of [`of_day`](Self::of_day).
    pub(crate) fn place(&self) -> (UnixTime, String) {
        (self.here.time(), self.number())
    }

    /// What is recorded of a merchant's numbers.
    pub(crate) async fn of_numbers(
        conn: &mut Conn,
        mch_id: &MchId,
        refunds: bool,
        numbers: Vec<Value>,
    ) -> Result<Vec<Self>, StoreError> {
        let rows = if refunds {
            conn.fetch_all(REFUNDS, "out_refund_no", numbers).await?
        } else {
            conn.fetch_all(PAYMENTS, "transaction_id", numbers).await?
        };
        let read = if refunds { Self::of_refund } else { Self::of_payment };
        let mut found = Vec::new();
        for row in rows {
            if row.text("mch_id")? == mch_id.as_str() {
                found.push(read(&row)?);
            }
        }
        Ok(found)
    }

    /// When an order of this merchant was first paid, as WeChat has it.
    pub(crate) async fn first_paid_at(
        conn: &mut Conn,
        mch_id: &MchId,
    ) -> Result<Option<UnixTime>, StoreError> {
        let sql = "select paid_at from payment where mch_id = $1 and order_id <> ''
                   order by paid_at limit 1";
        let row = conn.fetch_one(sql, vec![mch_id.as_str().into()]).await?;
        row.map(|row| row.time("paid_at")).transpose()
    }

    /// A merchant's payments or refunds of a day, oldest first, after this place.
    pub(crate) async fn of_day(
        conn: &mut Conn,
        day: &BillDay,
        refunds: bool,
        after: Option<&(UnixTime, String)>,
        limit: u32,
    ) -> Result<Vec<Self>, StoreError> {
        let (from, last) =
            after.map_or((day.date.begins_at(), ""), |(time, number)| (*time, number.as_str()));
        let mut values: Vec<Value> = vec![day.mch_id.as_str().into(), day.date.ends_at().into()];
        values.extend([from.into(), last.into(), limit.into()]);
        if refunds {
            conn.fetch(REFUNDS_OF_DAY, values).await?.iter().map(Self::of_refund).collect()
        } else {
            conn.fetch(PAYMENTS_OF_DAY, values).await?.iter().map(Self::of_payment).collect()
        }
    }
}
