//! The day as a table for an accountant: CSV that Excel opens as it is, and that cannot do anything
//! there.
//!
//! - UTF-8 with a byte order mark, CRLF, RFC 4180 quotes; every column is named in Chinese and in
//!   English.
//! - A number of an order or a payment has a backtick before it, as in WeChat's own bills: without
//!   it Excel makes 4.2E+27 of 28 digits.
//! - A text that a spreadsheet would take for a formula has an apostrophe before it. Amounts are
//!   never below zero, so no cell at all begins with one of `= + - @`, tab or line end.

use super::words::Words;
use super::{DayReport, DifferenceReport};
use crate::store::BillSum;
use saoma_core::money::Fen;
use saoma_core::time::UnixTime;
use std::fmt::Write as _;

/// What makes Excel read UTF-8.
const BYTE_ORDER_MARK: &str = "\u{FEFF}";

const COLUMNS: [&str; 20] = [
    "账单日期 Bill date",
    "商户号 Merchant",
    "差异代码 Code",
    "差异 Difference",
    "时间（北京） Time (Beijing)",
    "商户订单号 out_trade_no",
    "微信订单号 transaction_id",
    "商户退款单号 out_refund_no",
    "微信退款单号 refund_id",
    "本系统订单 Order",
    "账单笔数 Bill count",
    "账单金额（元） Bill (CNY)",
    "账单金额（分） Bill (fen)",
    "本系统笔数 Our count",
    "本系统金额（元） Ours (CNY)",
    "本系统金额（分） Ours (fen)",
    "状态 State",
    "原因 Reason",
    "备注 Note",
    "处理时间（北京） Ended (Beijing)",
];

/// The beginning of the table: names of columns, and the sums of the day.
pub(crate) fn head(day: &DayReport) -> String {
    let mut text = String::from(BYTE_ORDER_MARK);
    row(&mut text, COLUMNS.map(Cell::Text));
    for (code, name, sums) in [
        ("sum_payments", "收款合计 Payments", day.payments),
        ("sum_refunds", "退款合计 Refunds", day.refunds),
    ] {
        sum_line(&mut text, day, (code, name), sums.map(|sums| (sums.bill, Some(sums.here))));
        let (code, name) = match code {
            "sum_payments" => ("others_payments", "其中其他程序收款 Of other programs"),
            _ => ("others_refunds", "其中其他程序退款 Of other programs"),
        };
        let others = sums.map(|sums| sums.others).filter(|others| others.count > 0);
        if let Some(others) = others {
            sum_line(&mut text, day, (code, name), Some((others, None)));
        }
    }
    text
}

fn sum_line(
    text: &mut String,
    day: &DayReport,
    (code, name): (&str, &str),
    sums: Option<(BillSum, Option<BillSum>)>,
) {
    let there = sums.map(|(there, _)| there);
    let here = sums.and_then(|(_, here)| here);
    let [there_count, here_count] = [there, here].map(|sum| sum.map(|sum| sum.count));
    let [there, here] = [there, here].map(|sum| sum.map(|sum| sum.fen));
    let state = if day.open == 0 { "无差异 even" } else { "有差异 open differences" };
    let state = if day.compared_at.is_none() { "未核对 not compared" } else { state };
    let cells = [
        Cell::Text(&day.date),
        Cell::Number(&day.mch_id),
        Cell::Text(code),
        Cell::Text(name),
        Cell::Nothing,
        Cell::Nothing,
        Cell::Nothing,
        Cell::Nothing,
        Cell::Nothing,
        Cell::Nothing,
        Cell::Count(there_count),
        Cell::Yuan(there),
        Cell::Fen(there),
        Cell::Count(here_count),
        Cell::Yuan(here),
        Cell::Fen(here),
        Cell::Text(state),
        Cell::Nothing,
        Cell::Text(day.last_error.as_deref().unwrap_or_default()),
        Cell::Time(day.compared_at),
    ];
    row(text, cells);
}

/// The line of a difference.
pub(crate) fn line(day: &DayReport, difference: &DifferenceReport) -> String {
    let mut text = String::new();
    let both = |words: Words| format!("{} {}", words.chinese, words.english);
    let [kind, state, why] = difference.words().map(both);
    let one = |amount: Option<Fen>| amount.map(|_| 1);
    let cells = [
        Cell::Text(&day.date),
        Cell::Number(&day.mch_id),
        Cell::Text(difference.kind.as_str()),
        Cell::Text(&kind),
        Cell::Time(Some(difference.happened_at)),
        Cell::Number(&difference.out_trade_no),
        Cell::Number(&difference.transaction_id),
        Cell::Number(&difference.out_refund_no),
        Cell::Number(&difference.refund_id),
        Cell::Number(&difference.order_id),
        Cell::Count(one(difference.bill_fen)),
        Cell::Yuan(difference.bill_fen),
        Cell::Fen(difference.bill_fen),
        Cell::Count(one(difference.here_fen)),
        Cell::Yuan(difference.here_fen),
        Cell::Fen(difference.here_fen),
        Cell::Text(&state),
        Cell::Text(&why),
        Cell::Text(&difference.note),
        Cell::Time(difference.ended_at),
    ];
    row(&mut text, cells);
    text
}

/// What may stand in a cell.
#[derive(Clone, Copy, Debug)]
enum Cell<'a> {
    Nothing,
    /// Words; what looks like a formula is made harmless.
    Text(&'a str),
    /// Digits that must stay as they are; nothing is known about other characters in it.
    Number(&'a str),
    Count(Option<u64>),
    Yuan(Option<Fen>),
    Fen(Option<Fen>),
    Time(Option<UnixTime>),
}

fn row<const N: usize>(text: &mut String, cells: [Cell<'_>; N]) {
    for (n, cell) in cells.into_iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        put(text, cell);
    }
    text.push_str("\r\n");
}

fn put(text: &mut String, cell: Cell<'_>) {
    // Writing to a text cannot fail.
    let _ = match cell {
        Cell::Nothing | Cell::Number("") => Ok(()),
        Cell::Text(words) => {
            let words = in_a_line(words);
            let mark = if looks_like_a_formula(&words) { "'" } else { "" };
            quoted(text, mark, &words);
            Ok(())
        }
        Cell::Number(number) => {
            quoted(text, "`", &in_a_line(number));
            Ok(())
        }
        Cell::Count(count) => count.map_or(Ok(()), |count| write!(text, "{count}")),
        Cell::Yuan(fen) => fen.map_or(Ok(()), |fen| write!(text, "{}", fen.yuan())),
        Cell::Fen(fen) => fen.map_or(Ok(()), |fen| write!(text, "{fen}")),
        Cell::Time(time) => time.map_or(Ok(()), |time| write!(text, "{}", beijing(time))),
    };
}

/// Whether a spreadsheet may take a text for a formula: by its first character, by the first after
/// spaces, and by the wide forms that Chinese spreadsheets take as well.
fn looks_like_a_formula(text: &str) -> bool {
    const STARTS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    text.trim_start().starts_with(STARTS)
}

/// A text in one line, whatever it holds.
fn in_a_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A cell's text; a semicolon parts cells as well where the comma is in numbers.
fn quoted(text: &mut String, mark: &str, words: &str) {
    if !words.contains(['"', ',', ';']) {
        text.push_str(mark);
        text.push_str(words);
        return;
    }
    text.push('"');
    text.push_str(mark);
    text.push_str(&words.replace('"', "\"\""));
    text.push('"');
}

/// `2026-11-23 19:31:42`, Beijing time.
pub(crate) fn beijing(time: UnixTime) -> String {
    let digits = time.beijing();
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    let date = [part(0..4), part(4..6), part(6..8)].join("-");
    let clock = [part(8..10), part(10..12), part(12..14)].join(":");
    format!("{date} {clock}")
}

#[cfg(test)]
mod tests {
    use super::super::report::SumsReport;
    use super::super::words::{State, Why};
    use super::*;
    use saoma_core::reconcile::DifferenceKind;

    fn sum(count: u64, fen: u64) -> BillSum {
        BillSum { count, fen: Fen::new(fen).unwrap() }
    }

    fn day() -> DayReport {
        let payments = SumsReport { bill: sum(3, 5_198), here: sum(1, 2_599), others: sum(1, 1) };
        let refunds = SumsReport { bill: sum(0, 0), here: sum(0, 0), others: sum(0, 0) };
        DayReport {
            mch_id: "1900000109".to_owned(),
            date: "2026-11-23".to_owned(),
            state: "compared",
            compared_at: UnixTime::parse_beijing("20261124100001").ok(),
            due_at: None,
            last_error: None,
            payments: Some(payments),
            refunds: Some(refunds),
            open: 1,
            asking: 0,
        }
    }

    fn difference(out_trade_no: &str, note: &str) -> DifferenceReport {
        DifferenceReport {
            kind: DifferenceKind::MissingHere,
            number: String::new(),
            order_id: "20261123192600K7Q2M9XB".to_owned(),
            out_trade_no: out_trade_no.to_owned(),
            transaction_id: "4200009999202611230000000001".to_owned(),
            out_refund_no: String::new(),
            refund_id: String::new(),
            bill_fen: Fen::new(5),
            here_fen: None,
            happened_at: UnixTime::parse_beijing("20261123235959").unwrap(),
            state: State::Open,
            why: Why::Asking,
            note: note.to_owned(),
            found_at: UnixTime::parse_beijing("20261124100001").unwrap(),
            ended_at: None,
            due_at: None,
        }
    }

    /// What a spreadsheet reads: RFC 4180, naively.
    fn cells(text: &str) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
        let (mut quoted, mut chars) = (false, text.chars().peekable());
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
                '"' => quoted = !quoted,
                ',' if !quoted => row.push(std::mem::take(&mut cell)),
                '\r' if !quoted => {}
                '\n' if !quoted => {
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
                c => cell.push(c),
            }
        }
        assert!(row.is_empty() && cell.is_empty(), "every row ends with a line end");
        rows
    }

    #[test]
    fn a_day_is_a_table_with_sums_and_differences() {
        let text = head(&day()) + &line(&day(), &difference("20261123192600K7Q2M9XB-1", ""));
        let text = text.strip_prefix(BYTE_ORDER_MARK).expect("a byte order mark");
        assert_eq!(text.matches("\r\n").count(), text.matches('\n').count(), "CRLF");
        let rows = cells(text);
        assert_eq!(rows.len(), 5, "names, payments, others, refunds, a difference");
        assert!(rows.iter().all(|row| row.len() == COLUMNS.len()));
        for name in &rows[0] {
            let chinese = name.chars().any(|c| ('一'..='龥').contains(&c));
            let english = name.chars().any(|c| c.is_ascii_alphabetic());
            assert!(chinese && english, "{name} in both languages");
        }
        assert_eq!(rows[1][10..16], ["3", "51.98", "5198", "1", "25.99", "2599"]);
        assert_eq!(rows[2][10..16], ["1", "0.01", "1", "", "", ""]);
        let difference = &rows[4];
        assert_eq!(difference[..3], ["2026-11-23", "`1900000109", "missing_here"]);
        assert_eq!(difference[4], "2026-11-23 23:59:59");
        assert_eq!(difference[6], "`4200009999202611230000000001", "Excel keeps 28 digits");
        assert_eq!(difference[10..16], ["1", "0.05", "5", "", "", ""]);
    }

    #[test]
    fn no_cell_can_be_a_formula() {
        let evil = [
            "=HYPERLINK(\"http://evil.example\",\"x\")",
            "+1+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "\u{1}=1",
            "  =1",
            "\u{3000}=1",
            "＝1",
            "－1",
            "a\r\n=1",
            "a,=1",
            "a;=1",
            "\",=1",
        ];
        for text in evil {
            let mut day = day();
            day.last_error = Some(text.to_owned());
            let written = head(&day) + &line(&day, &difference(text, text));
            let rows = cells(&written);
            assert!(rows.iter().all(|row| row.len() == COLUMNS.len()), "{text:?} stays in a cell");
            assert!(!written.contains(";=") || written.contains("\"a;=1\""), "{written}");
            for cell in rows.iter().flatten() {
                let first = cell.trim_start_matches('\u{FEFF}').trim_start().chars().next();
                let bad = first.is_some_and(|c| "=+-@\t\r\n＝＋－＠".contains(c));
                assert!(!bad, "{text:?} gives {cell:?}");
            }
            let shown = text.replace(char::is_control, " ");
            assert!(rows[4][5].ends_with(&shown), "and is still there to be read");
        }
    }

    #[test]
    fn a_day_that_was_not_compared_has_no_sums() {
        let waiting = DayReport {
            state: "waiting",
            compared_at: None,
            payments: None,
            refunds: None,
            last_error: Some("WeChat gives no bill: Bill Creating (20002)".to_owned()),
            ..day()
        };
        let rows = cells(&head(&waiting));
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[1][10..17], ["", "", "", "", "", "", "未核对 not compared"]);
        assert!(rows[1][18].contains("Bill Creating"));
    }
}
