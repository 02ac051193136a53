//! The judge's word about bills: each day of the gateway's ledger was compared, our books say the
//! same, and what they lack a person was told of.

use crate::careful::CLOCKS_APART_S;
use crate::judge::{Captured, Judge, order_of};
use crate::verdict::{Books, Row, cell};
use saoma_sandbox::time::UnixTime;
use saoma_server::UnknownPolicy;
use std::collections::{BTreeMap, BTreeSet};

/// Most payments of nobody's numbers on a day that go back by themselves.
pub(crate) const UNKNOWN_MAX: usize = 10;

/// When the bill of the day before is there, by the clock in Beijing.
const BILL_READY_S: i64 = 10 * 3_600;
/// How long after that it is asked for at the latest when nothing delays it.
const ASKED_WITHIN_S: i64 = 120;

/// How many, and how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) count: u64,
    pub(crate) fen: u64,
}

impl Sum {
    pub(crate) const fn add(&mut self, fen: u64) {
        self.count += 1;
        self.fen += fen;
    }
}

/// A day in the gateway's ledger.
#[derive(Clone, Debug, Default)]
pub(crate) struct LedgerDay {
    /// In 8 digits.
    pub(crate) date: String,
    pub(crate) payments: Sum,
    /// Those that were accepted.
    pub(crate) refunds: Sum,
    /// How much each of those is that is about another program's number, by its own number.
    pub(crate) payments_of_others: BTreeMap<String, u64>,
    pub(crate) refunds_of_others: BTreeMap<String, u64>,
}

/// The day in Beijing, in 8 digits.
pub(crate) fn day_of(at_s: i64) -> String {
    UnixTime(at_s).beijing().chars().take(8).collect()
}

/// When the bill of a day is surely there: at ten o'clock in Beijing on the next day.
fn there_s(date: &str) -> i64 {
    let midnight = UnixTime::from_beijing(&format!("{date}000000"));
    midnight.map_or(0, |midnight| midnight.0 + 86_400 + BILL_READY_S)
}

fn sum(row: &Row, count: &str, fen: &str) -> Sum {
    let number = |column| cell(row, column).parse().unwrap_or(u64::MAX);
    Sum { count: number(count), fen: number(fen) }
}

impl Judge {
    /// Payments that our books may lack: a person was told that a number was paid twice or that
    /// nobody knows it, or they are another program's, or of a time before ours.
    pub(crate) fn left_out(&self, books: &Books) -> BTreeSet<String> {
        let missing = books.differences.iter().filter(|row| cell(row, "kind") == "missing_here");
        let left_out = missing.filter(|row| self.may_be_left_out(row));
        let left_out = left_out.map(|row| cell(row, "number").to_owned());
        let known = |id: &str| books.payments.iter().any(|row| cell(row, "transaction_id") == id);
        let old = self.captured.iter().filter(|(_, it)| self.is_before_us(&day_of(it.at_s)));
        left_out.chain(old.map(|(id, _)| id.clone()).filter(|id| !known(id))).collect()
    }

    /// Whether a day may be before the first one of which a bill is asked for: a server's clock was
    /// past it when it first started, and nothing of ours was paid on it.
    fn is_before_us(&self, date: &str) -> bool {
        let mut of_day = self.captured.values().filter(|it| day_of(it.at_s) == date);
        date < &*self.first_day && of_day.all(|it| !self.bought.contains_key(order_of(&it.number)))
    }

    fn may_be_left_out(&self, row: &Row) -> bool {
        let Some(captured) = self.captured.get(cell(row, "number")) else { return false };
        let number = &captured.number;
        let is_nobodys = !self.bought.contains_key(order_of(number));
        match (cell(row, "state"), cell(row, "why")) {
            ("open", "conflict") => self.is_paid_twice(number),
            ("explained", "not_ours") => {
                is_nobodys && number.starts_with("OTHER-") && self.unknown != UnknownPolicy::All
            }
            ("open", "held") => {
                is_nobodys
                    && match self.unknown {
                        UnknownPolicy::Hold => true,
                        UnknownPolicy::Ours => self.unknown_beside(captured) > UNKNOWN_MAX,
                        UnknownPolicy::All => false,
                    }
            }
            _ => false,
        }
    }

    /// Whether a number that nobody here knows may have been known to this database, and lost: a
    /// server has started with it since the number was made, by any clock.
    pub(crate) fn may_be_lost(&self, number: &str) -> bool {
        let is_ours = !number.starts_with("OTHER-") && !self.bought.contains_key(order_of(number));
        let made = number.get(..14).and_then(UnixTime::from_beijing);
        let since = made.map(|made| made.plus(-CLOCKS_APART_S).beijing());
        let since = since.as_ref().map_or(number, |since| since.as_str());
        is_ours && self.starts.last().is_some_and(|last| since < &**last)
    }

    /// Whether nobody here knows a payment's number, and some of it went back by hand before
    /// anybody had heard of it: what is left of it is a person's to give back.
    pub(crate) fn is_partly_back(&self, transaction_id: &str) -> bool {
        let captured = self.captured.get(transaction_id);
        let is_nobodys = captured.is_some_and(|it| !self.bought.contains_key(order_of(&it.number)));
        is_nobodys && self.fair.back_at_once.contains(transaction_id)
    }

    /// Whether a payment's refund by the rule may wait for a person.
    pub(crate) fn may_be_held(&self, transaction_id: &str) -> bool {
        let captured = self.captured.get(transaction_id);
        let may_be_lost = captured.is_some_and(|it| self.may_be_lost(&it.number));
        self.hold || may_be_lost || self.is_partly_back(transaction_id)
    }

    pub(crate) fn is_paid_twice(&self, number: &str) -> bool {
        self.captured.values().filter(|captured| captured.number == number).count() > 1
    }

    /// How many payments of a day were for numbers of the form of ours that nobody here knows. Who
    /// was told of one in time does not count it.
    fn unknown_beside(&self, captured: &Captured) -> usize {
        let day = day_of(captured.at_s);
        let of_day = self.captured.values().filter(|it| day_of(it.at_s) == day);
        let numbers = of_day.map(|it| &it.number).filter(|number| !number.starts_with("OTHER-"));
        numbers.filter(|number| !self.bought.contains_key(order_of(number))).count()
    }

    /// A day's bill is asked for.
    pub(crate) fn bill_asked(&mut self, date: &str, now_s: i64) {
        let early_s = there_s(date) - now_s;
        if early_s > 0 && self.fair.right_clocks {
            self.violation(format!("the bill of {date} is asked for {early_s} s too early"));
        }
        self.fair.bills_s.entry(date.to_owned()).or_insert(now_s);
    }

    /// Where nothing delays it each day's bill was asked for as soon as it was there.
    pub(crate) fn bills_in_time(&mut self, days: &[LedgerDay]) {
        if !self.fair.is_quiet {
            return;
        }
        for LedgerDay { date, .. } in days {
            let asked_s = self.fair.bills_s.get(date).copied();
            let late_s = asked_s.map_or(0, |asked_s| asked_s - there_s(date));
            if late_s > ASKED_WITHIN_S {
                self.violation(format!("the bill of {date} is asked for {late_s} s too late"));
            }
        }
    }

    /// Each day is compared, and its sums are the ledger's.
    pub(crate) fn days_compared(&mut self, books: &Books, days: &[LedgerDay]) {
        for day in days {
            let date = &day.date;
            let row = books.bills.iter().find(|row| cell(row, "bill_date") == date);
            let Some(row) = row else {
                if self.is_before_us(date) {
                    continue;
                }
                self.violation(format!("nobody thinks of the bill of {date}"));
                continue;
            };
            if cell(row, "state") != "compared" || !cell(row, "due_at").is_empty() {
                let error = cell(row, "last_error");
                self.violation(format!("the bill of {date} is never compared: {error}"));
                continue;
            }
            self.others_counted(row, day, books);
            for (refunds, ledger, [there, here]) in [
                (false, day.payments, ["payments_there", "payments_here"]),
                (true, day.refunds, ["refunds_there", "refunds_here"]),
            ] {
                let read = |name: &str| sum(row, &format!("{name}_count"), &format!("{name}_fen"));
                let (there, here) = (read(there), read(here));
                if there != ledger {
                    let what = format!("{date}: {ledger:?} at WeChat, {there:?} in its bill");
                    self.violation(what);
                }
                // What differs for good is told of line by line.
                let differs = books.differences.iter().any(|row| {
                    cell(row, "bill_date") == date
                        && cell(row, "kind").starts_with("refund_") == refunds
                        && matches!(cell(row, "state"), "open" | "explained")
                });
                // Where WeChat names other sums, what is under way is never known to be taken.
                let is_otherwise = refunds && !self.heard.other_sums.is_empty();
                if here != there && !differs && !is_otherwise {
                    self.violation(format!("{date}: {there:?} in the bill, {here:?} here"));
                }
            }
        }
    }

    /// What the bill has of another program's, and our books have not, is counted by itself. Where
    /// all payments are said to be ours there is none.
    fn others_counted(&mut self, row: &Row, day: &LedgerDay, books: &Books) {
        let is_none = self.unknown == UnknownPolicy::All;
        for (name, rows, key, of_others) in [
            ("payments", &books.payments, "transaction_id", &day.payments_of_others),
            ("refunds", &books.refunds, "out_refund_no", &day.refunds_of_others),
        ] {
            let counted = sum(row, &format!("{name}_others_count"), &format!("{name}_others_fen"));
            let (mut least, mut most) = (Sum::default(), Sum::default());
            for (number, fen) in of_others.iter().filter(|_| !is_none) {
                most.add(*fen);
                // What is known by now may not have been when the bill was compared.
                if !rows.iter().any(|row| cell(row, key) == number) {
                    least.add(*fen);
                }
            }
            let is_so = (least.count..=most.count).contains(&counted.count)
                && (least.fen..=most.fen).contains(&counted.fen);
            if !is_so {
                let date = &day.date;
                self.violation(format!(
                    "{date}, other programs' {name}: {counted:?}, not {most:?}"
                ));
            }
        }
    }

    /// Each difference ends; what stays open is for a person, by the rule.
    pub(crate) fn differences_end(&mut self, books: &Books, left_out: &BTreeSet<String>) {
        for row in &books.differences {
            let (date, kind, number) =
                (cell(row, "bill_date"), cell(row, "kind"), cell(row, "number"));
            let (state, why, note) = (cell(row, "state"), cell(row, "why"), cell(row, "note"));
            if !cell(row, "due_at").is_empty() {
                self.violation(format!(
                    "{date}, {kind} of {number} is asked about for ever: {note}"
                ));
            }
            // The gateway's bill has each payment once, on its day, as it is in the ledger.
            if matches!(kind, "missing_there" | "amount" | "state" | "other_day" | "totals") {
                self.violation(format!("{date}, {kind} of {number}: {state}, {why}, {note}"));
            }
            let number_paid = self.captured.get(number).map(|captured| captured.number.clone());
            let by_rule = match why {
                "conflict" => number_paid.is_some_and(|number| self.is_paid_twice(&number)),
                "held" => self.may_be_held(number),
                _ => false,
            };
            let may_stay = left_out.contains(number) || self.has_another_sum(number);
            if state == "open" && !by_rule && !may_stay {
                self.violation(format!("{date}, {kind} of {number} stays open: {why}, {note}"));
            }
        }
    }
}
