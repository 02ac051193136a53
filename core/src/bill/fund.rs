//! 资金账单, the fund bill: every movement of one of the merchant's accounts on a day.

use super::reader::{Book, LineFault, Totals};
use super::table::{Columns, HeaderFault, Names, Row};
use super::yuan::{fen, signed_fen, whole};
use crate::money::Fen;
use crate::time::UnixTime;

/// The columns; the brackets are wide on one page.
const COLUMNS: [Names; 11] = [
    &["记账时间"],
    &["微信支付业务单号"],
    &["资金流水单号"],
    &["业务名称"],
    &["业务类型"],
    &["收支类型"],
    &["收支金额(元)", "收支金额（元）"],
    &["账户结余(元)", "账户结余（元）"],
    &["资金变更提交申请人"],
    &["备注"],
    &["业务凭证号"],
];

const TIME: usize = 0;
const TRADE_NO: usize = 1;
const FLOW_NO: usize = 2;
const NAME: usize = 3;
const KIND: usize = 4;
const DIRECTION: usize = 5;
const AMOUNT: usize = 6;
const BALANCE: usize = 7;
const OPERATOR: usize = 8;
const NOTE: usize = 9;
const VOUCHER_NO: usize = 10;

/// The column with a text that people choose: the reason of a transfer stands there.
const FREE: [usize; 1] = [NOTE];

/// The columns of the summary.
const SUMMARY: [Names; 5] =
    [&["资金流水总笔数"], &["收入笔数"], &["收入金额"], &["支出笔数"], &["支出金额"]];

/// Whether money came or went; an example is at [`FundLine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// 收入: into the account.
    Income,
    /// 支出: out of it.
    Expense,
}

/// One movement of money. Texts are as they stand in the bill.
///
/// ```
/// use saoma_core::bill::{Direction, FundBill};
///
/// let text = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),\
/// 账户结余(元),资金变更提交申请人,备注,业务凭证号\r
/// `2026-11-23 13:54:01,`50300009992026112300000001,`4200009999202611230000000009,`退款,`退款,\
/// `支出,`0.01,`0.22,`1900000109API,`退款总金额0.01元;含手续费0.00元,`R-SM20261123-1\r
/// 资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\r
/// `1,`0,`0.00,`1,`0.01\r\n";
///
/// let mut bill = FundBill::new();
/// bill.feed(text.as_bytes(), |line| {
///     let line = line.expect("a good line");
///     assert_eq!((line.direction, line.amount.get()), (Direction::Expense, 1));
/// })?;
/// assert_eq!(bill.finish(|_| ())?.expense.get(), 1);
/// # Ok::<(), saoma_core::bill::BillError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FundLine<'l> {
    /// When it was booked.
    pub time: UnixTime,
    /// WeChat's number of what it was for.
    pub trade_no: &'l str,
    /// WeChat's number of the movement.
    pub flow_no: &'l str,
    /// What it was for: 交易, 退款, ...
    pub name: &'l str,
    /// Its kind: 交易, 退款, 扣除交易手续费, ...
    pub kind: &'l str,
    /// Whether money came or went.
    pub direction: Direction,
    /// How much, in fen.
    pub amount: Fen,
    /// What the account holds after it, in fen; below zero when it owes.
    pub balance_fen: i64,
    /// Who asked for it.
    pub operator: &'l str,
    /// A note; may hold commas, and the very characters between values.
    pub note: &'l str,
    /// Our number of what it was for.
    pub voucher_no: &'l str,
}

/// The sums of a fund bill, equal to its summary; an example is at [`FundLine`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FundTotals {
    /// How many lines.
    pub count: u64,
    /// How many of them are incomes.
    pub income_count: u64,
    /// What came, in fen.
    pub income: Fen,
    /// How many are expenses.
    pub expense_count: u64,
    /// What went, in fen.
    pub expense: Fen,
}

impl Totals for FundTotals {}

impl Book for FundTotals {
    type Line<'l> = FundLine<'l>;

    fn begins_summary(line: &str) -> bool {
        line.trim_start_matches('`').starts_with("资金流水总笔数")
    }

    fn header(line: &str) -> Result<Columns, HeaderFault> {
        Columns::read(line, &COLUMNS, &[TIME, TRADE_NO, FLOW_NO, DIRECTION, AMOUNT, BALANCE])
    }

    fn summary_header(line: &str) -> Result<Columns, HeaderFault> {
        Columns::read(line, &SUMMARY, &[0, 2, 4])
    }

    fn line<'l>(columns: &Columns, line: &'l str) -> Result<FundLine<'l>, LineFault> {
        // With too many values the note has the surplus, for had it been in front of the direction
        // and the amounts, these would not have their form.
        let values = columns.split(line, &FREE)?;
        read(Row::new(columns, &values)).map_err(|column| LineFault::Value { column })
    }

    fn add(&mut self, line: &FundLine<'_>) -> Option<()> {
        self.count += 1;
        match line.direction {
            Direction::Income => {
                self.income_count += 1;
                self.income = self.income.checked_add(line.amount)?;
            }
            Direction::Expense => {
                self.expense_count += 1;
                self.expense = self.expense.checked_add(line.amount)?;
            }
        }
        Some(())
    }

    fn check(&self, columns: &Columns, line: &str) -> Result<(), &'static str> {
        let values = columns.split(line, &[]).map_err(|_| SUMMARY[0][0])?;
        let row = Row::new(columns, &values);
        row.agrees(0, whole, self.count)?;
        row.agrees(1, whole, self.income_count)?;
        row.agrees(2, fen, self.income)?;
        row.agrees(3, whole, self.expense_count)?;
        row.agrees(4, fen, self.expense)
    }
}

/// Reads a line; an error names the column.
fn read<'l>(row: Row<'_, 'l>) -> Result<FundLine<'l>, &'static str> {
    let amount = |column| row.parsed(column, fen)?.ok_or(row.name(column));
    let direction = row.parsed(DIRECTION, |text| match text {
        "收入" => Some(Direction::Income),
        "支出" => Some(Direction::Expense),
        _ => None,
    })?;
    let time = row.parsed(TIME, |text| UnixTime::parse_date_time(text).ok())?;
    Ok(FundLine {
        time: time.ok_or(row.name(TIME))?,
        trade_no: row.text(TRADE_NO),
        flow_no: row.text(FLOW_NO),
        name: row.text(NAME),
        kind: row.text(KIND),
        direction: direction.ok_or(row.name(DIRECTION))?,
        amount: amount(AMOUNT)?,
        balance_fen: row.parsed(BALANCE, signed_fen)?.ok_or(row.name(BALANCE))?,
        operator: row.text(OPERATOR),
        note: row.text(NOTE),
        voucher_no: row.text(VOUCHER_NO),
    })
}
