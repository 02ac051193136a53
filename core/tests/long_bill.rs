//! A long bill is read in the memory of a short one: `cargo xtask bench bill` in small.

#[path = "../benches/bill/made.rs"]
mod made;

use allocation_counter::measure;
use flate2::{Compression, read::GzEncoder};
use made::{Kind, MadeBill};
use saoma_core::bill::{FundTotals, TradeTotals, read_bill};
use std::io::Read;

const LINES: u64 = 20_000;

/// Reads a trade bill; gives the most that was on the heap at once.
fn heap_of_trade_bill(lines: u64, input: impl Read) -> u64 {
    let mut seen = 0;
    let mut totals = TradeTotals::default();
    let used = measure(|| {
        totals = read_bill(input, |line| {
            line.expect("a good line");
            seen += 1;
        })
        .expect("a good bill");
    });
    assert_eq!((seen, totals.count), (lines, lines));
    used.bytes_max
}

#[test]
fn a_trade_bill_adds_up_to_what_was_made() {
    let mut made = MadeBill::new(Kind::Trade, LINES);
    let totals: TradeTotals = read_bill(&mut made, |line| assert!(line.is_ok())).expect("good");
    assert_eq!((totals.total_fee.get(), totals.refund_fee.get()), (made.income, made.expense));
    assert_eq!(totals.count, LINES);
}

#[test]
fn a_fund_bill_adds_up_to_what_was_made() {
    let mut made = MadeBill::new(Kind::Fund, LINES);
    let totals: FundTotals = read_bill(&mut made, |line| assert!(line.is_ok())).expect("good");
    assert_eq!((totals.income.get(), totals.expense.get()), (made.income, made.expense));
    assert_eq!((totals.count, totals.expense_count), (LINES, LINES / 10));
}

#[test]
fn a_hundred_times_as_many_lines_need_no_more_memory() {
    let of = |lines| heap_of_trade_bill(lines, MadeBill::new(Kind::Trade, lines));
    assert_eq!(of(LINES), of(LINES / 100));
}

#[test]
fn nor_do_they_when_they_come_compressed() {
    let of = |lines| {
        let mut packed = Vec::new();
        let mut packer = GzEncoder::new(MadeBill::new(Kind::Trade, lines), Compression::fast());
        packer.read_to_end(&mut packed).expect("it can always be read");
        heap_of_trade_bill(lines, packed.as_slice())
    };
    assert_eq!(of(LINES), of(LINES / 100));
}
