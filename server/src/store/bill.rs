//! Bills that were compared, and what differed.

use super::{Conn, Row, StoreError, Value};
use crate::reconcile::words::{State, Why};
use saoma_core::bill::BillDate;
use saoma_core::ids::MchId;
use saoma_core::money::Fen;
use saoma_core::reconcile::{
    Difference, DifferenceKind, Here, PaymentHere, RefundHere, RefundProgress, Sum,
};
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

fn read_fen(row: &Row, column: &'static str) -> Result<Fen, StoreError> {
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

    /// The newest days of all merchants, newest first, before a date; at most `limit`.
    pub(crate) async fn newest(
        conn: &mut Conn,
        before: &str,
        limit: u32,
    ) -> Result<Vec<Self>, StoreError> {
        let sql = "select * from bill_day where bill_date < $1
                   order by bill_date desc, mch_id limit $2";
        conn.fetch(sql, vec![before.into(), limit.into()]).await?.iter().map(Self::read).collect()
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
                   where mch_id = $15 and bill_date = $16";
        let mut values: Vec<Value> = vec![now.into()];
        values.extend(sums.values());
        values.extend([self.due_at.into(), self.mch_id.as_str().into()]);
        values.push(self.date.as_str().into());
        conn.execute(sql, values).await?;
        Ok(())
    }

    /// Ends a run that failed.
    pub(crate) async fn failed(
        &self,
        conn: &mut Conn,
        why: &str,
        again_at: Option<UnixTime>,
    ) -> Result<(), StoreError> {
        let sql = "update bill_day set failures = failures + 1, last_error = $1,
                       due_at = case when due_at = $2 then $3 else due_at end
                   where mch_id = $4 and bill_date = $5";
        let who: [Value; 2] = [self.mch_id.as_str().into(), self.date.as_str().into()];
        let what = [why.into(), self.due_at.into(), again_at.into()];
        conn.execute(sql, what.into_iter().chain(who).collect()).await?;
        Ok(())
    }
}

/// Which difference it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DifferenceKey {
    pub(crate) mch_id: MchId,
    pub(crate) date: BillDate,
    pub(crate) kind: DifferenceKind,
    /// WeChat's number of the payment, or the merchant's of the refund.
    pub(crate) number: String,
}

impl DifferenceKey {
    fn values(&self) -> [Value; 4] {
        let Self { mch_id, date, kind, number } = self;
        let text = |text: &str| Value::from(text);
        [text(mch_id.as_str()), text(date.as_str()), text(kind.as_str()), text(number)]
    }
}

/// Something that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DifferenceRow {
    pub(crate) key: DifferenceKey,
    pub(crate) out_trade_no: String,
    pub(crate) transaction_id: String,
    pub(crate) out_refund_no: String,
    pub(crate) refund_id: String,
    pub(crate) app_id: String,
    /// Empty when the number belongs to no order of ours.
    pub(crate) order_id: String,
    pub(crate) there: Option<Fen>,
    pub(crate) here: Option<Fen>,
    pub(crate) happened_at: UnixTime,
    pub(crate) end: End,
    /// When WeChat is to be asked about it next.
    pub(crate) due_at: Option<UnixTime>,
    pub(crate) tries: u32,
    pub(crate) found_at: UnixTime,
    pub(crate) ended_at: Option<UnixTime>,
}

/// Where a difference is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) state: State,
    pub(crate) why: Why,
    /// What a person may want to know besides.
    pub(crate) note: String,
}

impl End {
    pub(crate) fn new(state: State, why: Why, note: impl Into<String>) -> Self {
        Self { state, why, note: note.into() }
    }
}

impl DifferenceRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let date = BillDate::parse(&row.text("bill_date")?);
        let fen = |column| match row.optional_int(column)? {
            None => Ok(None),
            Some(_) => read_fen(row, column).map(Some),
        };
        Ok(Self {
            key: DifferenceKey {
                mch_id: row.parsed("mch_id")?,
                date: date.map_err(|_| StoreError::Corrupt("bill_date"))?,
                kind: DifferenceKind::from_name(&row.text("kind")?)
                    .ok_or(StoreError::Corrupt("kind"))?,
                number: row.text("number")?,
            },
            out_trade_no: row.text("out_trade_no")?,
            transaction_id: row.text("transaction_id")?,
            out_refund_no: row.text("out_refund_no")?,
            refund_id: row.text("refund_id")?,
            app_id: row.text("app_id")?,
            order_id: row.text("order_id")?,
            there: fen("there_fen")?,
            here: fen("here_fen")?,
            happened_at: row.time("happened_at")?,
            end: End {
                state: State::from_name(&row.text("state")?).ok_or(StoreError::Corrupt("state"))?,
                why: Why::from_name(&row.text("why")?).ok_or(StoreError::Corrupt("why"))?,
                note: row.text("note")?,
            },
            due_at: row.optional_time("due_at")?,
            tries: row.number("tries")?,
            found_at: row.time("found_at")?,
            ended_at: row.optional_time("ended_at")?,
        })
    }

    /// What the core calls it.
    pub(crate) const fn difference(&self) -> Difference {
        Difference { kind: self.key.kind, there: self.there, here: self.here }
    }

    /// Records what a run has found. What is recorded already stays as it is and is only known to
    /// be there still.
    pub(crate) async fn record(conn: &mut Conn, rows: &[Self], run: i64) -> Result<(), StoreError> {
        let fen = |amount: Option<Fen>| amount.map_or(Value::Int(None), Value::from);
        let values = |row: &Self| -> Vec<Value> {
            let mut values: Vec<Value> = row.key.values().into();
            let numbers = [
                &row.out_trade_no,
                &row.transaction_id,
                &row.out_refund_no,
                &row.refund_id,
                &row.app_id,
                &row.order_id,
            ];
            values.extend(numbers.map(|number| number.as_str().into()));
            values.extend([fen(row.there), fen(row.here), row.happened_at.into()]);
            let End { state, why, note } = &row.end;
            let words = [state.words().name, why.words().name, note.as_str()];
            values.extend(words.map(Value::from));
            values.extend([row.due_at.into(), row.tries.into(), run.into()]);
            values.extend([row.found_at.into(), row.ended_at.into()]);
            values
        };
        let head = "insert into bill_difference (mch_id, bill_date, kind, number, out_trade_no,
                        transaction_id, out_refund_no, refund_id, app_id, order_id, there_fen,
                        here_fen, happened_at, state, why, note, due_at, tries, run, found_at,
                        ended_at) values";
        let tail = "on conflict (mch_id, bill_date, kind, number) do update set run = excluded.run";
        conn.execute_rows(head, rows.iter().map(values).collect(), tail).await?;
        Ok(())
    }

    /// Ends what is open and what this run has not seen any more.
    pub(crate) async fn end_unseen(
        conn: &mut Conn,
        day: &BillDay,
        now: UnixTime,
    ) -> Result<u64, StoreError> {
        let sql = "update bill_difference set state = $1, why = $2, due_at = null, ended_at = $3
                   where mch_id = $4 and bill_date = $5 and state = 'open' and run < $6";
        let words = [State::Settled.words().name, Why::AgreesNow.words().name].map(Value::from);
        let day = [day.mch_id.as_str().into(), day.date.as_str().into(), day.runs.into()];
        let values = words.into_iter().chain([now.into()]).chain(day).collect();
        conn.execute(sql, values).await
    }

    /// Ends what was missing in the bill of another day than `date`, for the bill of `date` has it.
    pub(crate) async fn explain_missing(
        conn: &mut Conn,
        mch_id: &MchId,
        date: &BillDate,
        (kind, numbers): (DifferenceKind, Vec<String>),
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let sql = "update bill_difference
                   set state = $1, why = $2, note = $3, due_at = null, ended_at = $4
                   where mch_id = $5 and kind = $6 and number = $7 and state = 'open'
                     and bill_date <> $8";
        for number in numbers {
            let words = [State::Explained.words().name, Why::OtherDay.words().name];
            let note = format!("the bill of {date} has it");
            let values = words.map(Value::from).into_iter().chain([note.into(), now.into()]);
            let which = [mch_id.as_str(), kind.as_str(), &number, date.as_str()].map(Value::from);
            conn.execute(sql, values.chain(which).collect()).await?;
        }
        Ok(())
    }

    /// Which of these numbers another day's bill is known to have.
    pub(crate) async fn on_other_days(
        conn: &mut Conn,
        (mch_id, date): (&MchId, &BillDate),
        kind: DifferenceKind,
        numbers: Vec<Value>,
    ) -> Result<Vec<String>, StoreError> {
        let select = "select number, mch_id, bill_date, kind, there_fen from bill_difference";
        let found = conn.fetch_all(select, "number", numbers).await?;
        let mut known = Vec::new();
        for row in found {
            let same = row.text("mch_id")? == mch_id.as_str() && row.text("kind")? == kind.as_str();
            let other_day = row.text("bill_date")? != date.as_str();
            if same && other_day && row.optional_int("there_fen")?.is_some() {
                known.push(row.text("number")?);
            }
        }
        Ok(known)
    }

    /// When WeChat is next to be asked about anything.
    pub(crate) async fn next_due(conn: &mut Conn) -> Result<Option<UnixTime>, StoreError> {
        let sql = "select min(due_at) as due_at from bill_difference where due_at is not null";
        let row = conn.fetch_one(sql, vec![]).await?;
        row.map_or(Ok(None), |row| row.optional_time("due_at"))
    }

    /// Takes the difference that has been due longest until `until`, when it is due again for
    /// somebody else.
    pub(crate) async fn claim(
        conn: &mut Conn,
        now: UnixTime,
        until: UnixTime,
    ) -> Result<Option<Self>, StoreError> {
        let sql = "select * from bill_difference where due_at <= $1 order by due_at limit 1";
        let Some(row) = conn.fetch_one(sql, vec![now.into()]).await? else { return Ok(None) };
        let mut row = Self::read(&row)?;
        let sql = "update bill_difference set due_at = $1, tries = tries + 1
                   where mch_id = $2 and bill_date = $3 and kind = $4 and number = $5
                     and due_at = $6";
        let values = [until.into()].into_iter().chain(row.key.values()).chain([row.due_at.into()]);
        if conn.execute(sql, values.collect()).await? != 1 {
            return Ok(None);
        }
        row.due_at = Some(until);
        row.tries += 1;
        Ok(Some(row))
    }

    /// Says where an open difference is; it is asked about again at `again_at`, or never.
    pub(crate) async fn set(
        conn: &mut Conn,
        key: &DifferenceKey,
        end: &End,
        again_at: Option<UnixTime>,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let sql = "update bill_difference
                   set state = $1, why = $2, note = $3, due_at = $4, ended_at = $5
                   where mch_id = $6 and bill_date = $7 and kind = $8 and number = $9
                     and state = 'open'";
        let End { state, why, note } = end;
        let ended_at = (*state != State::Open).then_some(now);
        let mut values: Vec<Value> = vec![state.words().name.into(), why.words().name.into()];
        values.extend([note.as_str().into(), again_at.into(), ended_at.into()]);
        values.extend(key.values());
        conn.execute(sql, values).await?;
        Ok(())
    }

    /// A day's differences in their order, after this one; at most `limit`.
    pub(crate) async fn of_day(
        conn: &mut Conn,
        (mch_id, date): (&MchId, &BillDate),
        after: Option<&DifferenceKey>,
        limit: u32,
    ) -> Result<Vec<Self>, StoreError> {
        let sql = "select * from bill_difference
                   where mch_id = $1 and bill_date = $2 and (kind, number) > ($3, $4)
                   order by kind, number limit $5";
        let (kind, number) = after.map_or(("", ""), |key| (key.kind.as_str(), &key.number));
        let mut values: Vec<Value> = vec![mch_id.as_str().into(), date.as_str().into()];
        values.extend([kind.into(), number.into(), limit.into()]);
        conn.fetch(sql, values).await?.iter().map(Self::read).collect()
    }

    /// How many of a day are open, and how many of those WeChat is still asked about.
    pub(crate) async fn open_of(
        conn: &mut Conn,
        mch_id: &MchId,
        date: &BillDate,
    ) -> Result<(u64, u64), StoreError> {
        let sql = "select count(*) as open, count(due_at) as asking from bill_difference
                   where mch_id = $1 and bill_date = $2 and state = 'open'";
        let row = conn.fetch_one(sql, vec![mch_id.as_str().into(), date.as_str().into()]).await?;
        row.map_or(Ok((0, 0)), |row| Ok((row.number("open")?, row.number("asking")?)))
    }

    /// How many are open in all, by kind, for whoever watches over the server.
    pub(crate) async fn open_by_kind(conn: &mut Conn) -> Result<Vec<(String, u64)>, StoreError> {
        let sql = "select kind, count(*) as open from bill_difference
                   where state = 'open' group by kind order by kind";
        let rows = conn.fetch(sql, vec![]).await?;
        rows.iter().map(|row| Ok((row.text("kind")?, row.number("open")?))).collect()
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

const PAYMENTS: &str =
    "select transaction_id, mch_id, out_trade_no, order_id, total_fee_fen, paid_at from payment";

const REFUNDS: &str = "select * from refund";

impl Recorded {
    fn of_refund(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            order_id: row.text("order_id")?,
            out_trade_no: row.text("out_trade_no")?,
            here: Here::Refund(RefundHere {
                out_refund_no: row.parsed("out_refund_no")?,
                transaction_id: row.parsed("transaction_id")?,
                refund_fee: read_fen(row, "part_fen")?,
                progress: RefundProgress::Asked,
                accepted_at: row.time("accepted_at")?,
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
            return Ok(vec![]);
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

    /// A merchant's payments or refunds of a day, oldest first, after this place.
    pub(crate) async fn of_day(
        conn: &mut Conn,
        day: &BillDay,
        refunds: bool,
        after: Option<&(UnixTime, String)>,
        limit: u32,
    ) -> Result<Vec<Self>, StoreError> {
        let (select, time, number) = if refunds {
            return Ok(vec![]);
        } else {
            (PAYMENTS, "paid_at", "transaction_id")
        };
        let sql = format!(
            "{select} where mch_id = $1 and {time} < $2 and ({time}, {number}) > ($3, $4)
             order by {time}, {number} limit $5"
        );
        let (from, last) =
            after.map_or((day.date.begins_at(), ""), |(time, number)| (*time, number.as_str()));
        let mut values: Vec<Value> = vec![day.mch_id.as_str().into(), day.date.ends_at().into()];
        values.extend([from.into(), last.into(), limit.into()]);
        let rows = conn.fetch(sqlx::AssertSqlSafe(sql), values).await?;
        let read = if refunds { Self::of_refund } else { Self::of_payment };
        rows.iter().map(read).collect()
    }
}
