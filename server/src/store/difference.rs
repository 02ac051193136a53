//! What differs between bills and records.

use super::bill::{BillDay, read_fen};
use super::{Conn, Row, StoreError, Value};
use crate::reconcile::words::{State, Why};
use saoma_core::bill::BillDate;
use saoma_core::ids::MchId;
use saoma_core::money::Fen;
use saoma_core::reconcile::{Difference, DifferenceKind};
use saoma_core::time::UnixTime;

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

    /// Records what a run has found. What is recorded already stays as it is; about what is still
    /// open WeChat is asked again.
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
        let tail = "on conflict (mch_id, bill_date, kind, number) do update
                    set run = case when excluded.run > bill_difference.run
                                   then excluded.run else bill_difference.run end,
                        due_at = case when bill_difference.state = 'open'
                                      then coalesce(bill_difference.due_at, excluded.due_at)
                                      else bill_difference.due_at end";
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
        (mch_id, date): (&MchId, &BillDate),
        kind: DifferenceKind,
        numbers: Vec<Value>,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let note = format!("the bill of {date} has it");
        let end = End::new(State::Explained, Why::OtherDay, note);
        for row in Self::elsewhere(conn, (mch_id, date), numbers).await? {
            if row.key.kind == kind {
                Self::set(conn, &row.key, &end, None, now).await?;
            }
        }
        Ok(())
    }

    /// What differs by these numbers on other days.
    async fn elsewhere(
        conn: &mut Conn,
        (mch_id, date): (&MchId, &BillDate),
        numbers: Vec<Value>,
    ) -> Result<Vec<Self>, StoreError> {
        let found = conn.fetch_all("select * from bill_difference", "number", numbers).await?;
        let mut rows: Vec<Self> = found.iter().map(Self::read).collect::<Result<_, _>>()?;
        rows.retain(|row| row.key.mch_id == *mch_id && row.key.date != *date);
        Ok(rows)
    }

    /// Which of these numbers, all of payments or all of refunds, another day's bill is known to
    /// have.
    pub(crate) async fn on_other_days(
        conn: &mut Conn,
        day: (&MchId, &BillDate),
        of_refunds: bool,
        numbers: Vec<Value>,
    ) -> Result<Vec<String>, StoreError> {
        let mut rows = Self::elsewhere(conn, day, numbers).await?;
        rows.retain(|row| row.key.kind.is_of_refund() == of_refunds && row.there.is_some());
        Ok(rows.into_iter().map(|row| row.key.number).collect())
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
        // By kind, so that a payment is asked about before what went back of it.
        let sql = "select * from bill_difference where due_at <= $1
                   order by due_at, mch_id, bill_date, kind, number limit 1";
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

    /// Says where an open difference is; it is asked about again at `again_at`, or never. When the
    /// last question about a day has ended something, the day is compared once more, so that its
    /// sums say how the books are now.
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
        // Of two who end a day's last differences at once, one sees what the other has done.
        BillDay::hold(conn, &key.mch_id, &key.date).await?;
        let End { state, why, note } = end;
        let ended_at = (*state != State::Open).then_some(now);
        let mut values: Vec<Value> = vec![state.words().name.into(), why.words().name.into()];
        values.extend([note.as_str().into(), again_at.into(), ended_at.into()]);
        values.extend(key.values());
        if conn.execute(sql, values).await? == 0 || *state == State::Open {
            return Ok(());
        }
        let sql = "update bill_day set due_at = $1
                   where mch_id = $2 and bill_date = $3 and (due_at is null or due_at > $1)
                     and not exists (
                       select 1 from bill_difference as d
                       where d.mch_id = $2 and d.bill_date = $3 and d.state = 'open'
                         and d.due_at is not null)";
        let [mch_id, date, ..] = key.values();
        conn.execute(sql, vec![now.into(), mch_id, date]).await?;
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

    /// How many payments of the difference's day were for numbers that nobody here knows, and that
    /// may be ours.
    pub(crate) async fn unknown_of(
        conn: &mut Conn,
        key: &DifferenceKey,
    ) -> Result<u64, StoreError> {
        let sql = "select count(*) as unknown from bill_difference
                   where mch_id = $1 and bill_date = $2 and kind = $3 and order_id = ''
                     and why <> $4";
        let [mch_id, date, kind, _] = key.values();
        let not_ours = Why::NotOurs.words().name.into();
        let row = conn.fetch_one(sql, vec![mch_id, date, kind, not_ours]).await?;
        row.map_or(Ok(0), |row| row.number("unknown"))
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
}
