//! The judge's word about what is not a sum of money: what is asked of WeChat, what shops and
//! customers are told, and whether whoever paid in time gets the goods.

use crate::judge::{Captured, Judge, order_of};
use crate::plan::Plan;
use crate::verdict::{Books, cell};
use saoma_sandbox::time::UnixTime;
use saoma_server::UnknownPolicy;
use saoma_server::simulation::{NOTIFY_URL, REFUND_NOTIFY_URL};
use std::collections::{BTreeMap, BTreeSet};

/// WeChat takes no close sooner after an order.
const CLOSE_NOT_BEFORE_S: i64 = 300;

/// An order that may be paid for so long does not run out before WeChat hears of it, unless WeChat
/// cannot be reached meanwhile.
const LONG_S: u64 = 900;

/// Why money goes back by the rule.
const DUE: [&str; 6] = [
    "amount_mismatch",
    "currency_mismatch",
    "paid_after_cancel",
    "paid_after_close",
    "paid_twice",
    "unknown_order",
];
/// How long goods may wait for a machine, and a claim for its confirmation.
pub(crate) const FETCH_WITHIN_S: i64 = 600;
/// Why shops give something back.
const SORRY: &str = "sorry";
/// And why the rule does.
const BY_RULE: &str = "订单未能完成，款项原路退回";

/// What WeChat was asked to take for a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ordered {
    goods: String,
    product_id: String,
    trade_type: String,
    total_fen: u64,
    notify_url: String,
    begins_s: i64,
    lasts_s: i64,
}

impl Ordered {
    /// When it may be paid no more.
    pub(crate) const fn ends_s(&self) -> i64 {
        self.begins_s + self.lasts_s
    }
}

impl Ordered {
    /// As the fields of the request say.
    pub(crate) fn of<'d>(field: impl Fn(&str) -> Option<&'d str>) -> Self {
        let time = |name| field(name).and_then(UnixTime::from_beijing).map_or(0, |time| time.0);
        let text = |name| field(name).unwrap_or_default().to_owned();
        Self {
            goods: text("body"),
            product_id: text("product_id"),
            trade_type: text("trade_type"),
            total_fen: field("total_fee").and_then(|fen| fen.parse().ok()).unwrap_or(0),
            notify_url: text("notify_url"),
            begins_s: time("time_start"),
            lasts_s: time("time_expire") - time("time_start"),
        }
    }
}

/// What the judge keeps for it.
#[derive(Debug, Default)]
pub(crate) struct Fair {
    pub(crate) right_clocks: bool,
    /// Nothing delays what is due.
    pub(crate) is_quiet: bool,
    /// No server dies, and no database fails.
    pub(crate) goes_on: bool,
    /// Whether servers always hold a key that counts.
    right_keys: bool,
    /// For how long WeChat cannot be reached.
    outage_s: u64,
    pub(crate) ordered: BTreeMap<String, Ordered>,
    /// The number of each code that WeChat gave.
    pub(crate) codes: BTreeMap<String, String>,
    /// When it gave each, in seconds.
    pub(crate) given_s: BTreeMap<String, u64>,
    /// Numbers whose code somebody saw.
    pub(crate) seen: BTreeSet<String>,
    /// Of those, the ones that are neither paid nor closed at WeChat's.
    pub(crate) open: BTreeSet<String>,
    /// Payments that somebody made with a phone, which looks whether it may.
    pub(crate) scanned: BTreeSet<String>,
    /// Orders that somebody wanted to give up, in time or not.
    pub(crate) cancelled: BTreeSet<String>,
    /// Orders whose shop has said yes, or whose machine that the goods are out.
    pub(crate) said_yes: BTreeSet<String>,
    /// Numbers of nobody's whose payment is in the bill alone.
    pub(crate) untold: BTreeSet<String>,
    /// Customers to whom somebody gave something back by hand.
    pub(crate) given_back: BTreeSet<usize>,
    /// Payments of which something went back by hand before anybody here could know of them.
    pub(crate) back_at_once: BTreeSet<String>,
    /// When each refund of a payment was asked for last, by payment and number.
    pub(crate) asked_s: BTreeMap<(String, String), i64>,
    /// When a person decided on each refund last, in milliseconds, and whether he let it go.
    pub(crate) decided_ms: BTreeMap<String, (u64, bool)>,
    /// When a machine claimed an order's goods for the first time, and when it was told that its
    /// confirmation is known.
    pub(crate) claimed_s: BTreeMap<String, i64>,
    pub(crate) confirmed_s: BTreeMap<String, i64>,
    /// When each day's bill was first asked for.
    pub(crate) bills_s: BTreeMap<String, i64>,
    /// When a server died last: what it had asked for, nobody here knows for a while.
    pub(crate) died_s: i64,
    /// When the only server that there is has started, as numbers begin. Whoever could not start
    /// may count as one that lives, and then nobody writes down when another one does.
    pub(crate) starts_alone: BTreeSet<String>,
    pub(crate) could_not_start: bool,
    /// Refunds that WeChat will never make, and what it says of each.
    pub(crate) never: BTreeMap<String, &'static str>,
    /// By payment, the refunds that there were when a person decided against one by the rule and no
    /// other was under way.
    pub(crate) dropped: BTreeMap<String, BTreeSet<String>>,
    /// Alarms that an operator has seen to, by payment and kind.
    pub(crate) seen_to: BTreeSet<(String, String)>,
    /// How often in a row somebody was told that it cannot be done now.
    pub(crate) not_now: BTreeMap<String, u32>,
}

impl Fair {
    pub(crate) fn of(plan: &Plan) -> Self {
        let (right_clocks, right_keys) = (plan.right_clocks(), plan.right_keys());
        let outage_s = plan.odd.outage_s.1 - plan.odd.outage_s.0;
        let (is_quiet, goes_on) = (plan.is_quiet(), plan.goes_on());
        Self { right_clocks, is_quiet, goes_on, right_keys, outage_s, ..Self::default() }
    }
}

impl Judge {
    /// A request for an order is at the gateway.
    pub(crate) fn ordered(&mut self, number: &str, ordered: Ordered, now_s: i64) {
        self.is_still_wanted(number, now_s);
        self.fair.ordered.entry(number.to_owned()).or_insert(ordered);
    }

    /// A close of a number is at the gateway.
    pub(crate) fn close_asked(&mut self, number: &str, now_s: i64) {
        let Some(ordered) = self.fair.ordered.get(number) else { return };
        let age_s = now_s - ordered.begins_s;
        if self.fair.right_clocks && age_s < CLOSE_NOT_BEFORE_S {
            self.violation(format!("{number} is closed when it is {age_s} s old"));
        }
    }

    /// A refund is asked for, for this reason; WeChat tells of it there.
    pub(crate) fn refund_worded(&mut self, number: &str, why: &str, notify_url: &str) {
        let is_shops = self.promised.contains_key(number);
        let is_true = match why {
            SORRY => is_shops || self.wished.contains(order_of(number)),
            BY_RULE => !is_shops,
            _ => false,
        };
        if !is_true || notify_url != REFUND_NOTIFY_URL {
            self.violation(format!(
                "{number} is asked for because {why:?}, and {notify_url} hears"
            ));
        }
    }

    /// A customer sees an order.
    pub(crate) fn viewed(
        &mut self,
        order_id: &str,
        (amount_fen, expires_s): (u64, u64),
        code: Option<&str>,
    ) {
        let first = self.fair.ordered.get(&format!("{order_id}-1"));
        if first.is_some_and(|first| first.ends_s() != expires_s.cast_signed()) {
            self.violation(format!("{order_id} is shown to end at {expires_s}: {first:?}"));
        }
        let price = self.bought.get(order_id).map(|order| order.price_fen);
        if price.is_some_and(|price| price != amount_fen) {
            self.violation(format!("{order_id} is shown as {amount_fen} fen"));
        }
        let Some(code) = code else { return };
        let number = self.fair.codes.get(code).cloned();
        match number.filter(|number| order_of(number) == order_id) {
            Some(number) => {
                self.fair.seen.insert(number);
            }
            None => self.violation(format!("{order_id} shows a code that is not its own: {code}")),
        }
    }

    /// An order shows as this from now on.
    pub(crate) fn shown(&mut self, order_id: &str, phase: &str) {
        if phase == "shipped" && !self.fair.said_yes.contains(order_id) {
            self.violation(format!("{order_id} is shipped, and nobody has said so"));
        }
    }

    /// An order shows as refunded; whether a customer has the whole of a payment again, the gateway
    /// says. A person may have seen to it in another way.
    pub(crate) fn shown_refunded(&mut self, order_id: &str, is_back: bool) {
        let seen_to = self.captured.values().any(|captured| {
            order_of(&captured.number) == order_id
                && captured.refunds.keys().any(|number| self.may_be_dismissed.contains(number))
        });
        if !is_back && !seen_to {
            self.violation(format!("{order_id} shows as refunded, and no payment is back"));
        }
    }

    /// What a shop is told of a payment, besides its amount.
    pub(crate) fn shop_told(
        &mut self,
        order_id: &str,
        order_no: Option<&str>,
        (transaction_id, at_s): (&str, Option<i64>),
    ) {
        let known = self.bought.get(order_id).map(|order| order.order_no.clone());
        if known.is_some() && known.as_deref() != order_no {
            self.violation(format!("{order_id} is {known:?}, and its shop is told {order_no:?}"));
        }
        let paid_s = self.captured.get(transaction_id).map(|captured| captured.at_s);
        if paid_s.is_some() && paid_s != at_s {
            let what = format!("{order_id} was paid at {paid_s:?}, and its shop is told {at_s:?}");
            self.violation(what);
        }
    }

    /// Goods of an order go out.
    pub(crate) fn may_be_handed_over(&mut self, order_id: &str, transaction_id: Option<&str>) {
        let gone = |id: &str| self.fair.back_at_once.contains(id);
        if transaction_id.is_some_and(gone) {
            self.violation(format!("{order_id} ships for what went back by hand before"));
        }
    }

    /// A shop was told that this much is more than is left, its other refunds included.
    pub(crate) fn refused_as_too_much(&mut self, order_id: &str, all_fen: u64) {
        let Some(order) = self.bought.get(order_id) else { return };
        let mut payments =
            self.captured.values().filter(|captured| order_of(&captured.number) == order_id);
        let kept = match order.shipped.first() {
            Some((_, Some(id))) => self.captured.get(id),
            Some((_, None)) => payments.next().filter(|_| payments.next().is_none()),
            None => None,
        };
        let by_hand = |captured: &Captured| -> u64 {
            let refunds = captured.refunds.iter();
            let by_hand = refunds.filter(|(number, _)| self.by_hand.contains(*number));
            by_hand.map(|(_, refund)| refund.fen).sum()
        };
        let fits = kept.is_some_and(|kept| all_fen + by_hand(kept) <= kept.total_fen);
        let may_fail = self.ends_badly.iter().any(|number| order_of(number) == order_id);
        if fits && !may_fail {
            self.violation(format!("{order_id}: {all_fen} fen are said to be too much to go back"));
        }
    }

    /// Whether refunds of an order may fail: WeChat ends one badly, or somebody gave something back
    /// by hand.
    pub(crate) fn may_fail(&self, order_id: &str) -> bool {
        let by_hand = self.captured.values().any(|captured| {
            order_of(&captured.number) == order_id
                && captured.refunds.keys().any(|number| self.by_hand.contains(number))
        });
        by_hand || self.ends_badly.iter().any(|number| order_of(number) == order_id)
    }

    /// What is left of it when nothing moves any more.
    pub(crate) fn fair_at_rest(&mut self, books: &Books) {
        let mut wrong = Vec::new();
        for (number, ordered) in &self.fair.ordered {
            let Some(order) = self.bought.get(order_of(number)) else { continue };
            let is_right = ordered.total_fen == order.price_fen
                && ordered.lasts_s == order.lasts_s.cast_signed()
                && ordered.notify_url == NOTIFY_URL
                && (&*ordered.goods, &*ordered.trade_type) == (&*order.goods, "NATIVE")
                && ordered.product_id == *number
                && self
                    .fair
                    .ordered
                    .get(&format!("{}-1", order_of(number)))
                    .is_none_or(|first| first.ends_s() == ordered.ends_s());
            if !is_right {
                wrong.push(format!("{number} was ordered as {ordered:?}, and wished {order:?}"));
            }
        }
        for row in &books.payments {
            let (id, at_s) = (cell(row, "transaction_id"), cell(row, "paid_at").parse().ok());
            if self.captured.get(id).is_some_and(|captured| Some(captured.at_s) != at_s) {
                wrong.push(format!("{id} was paid at {at_s:?}, as it is recorded"));
            }
        }
        for row in &books.orders {
            let (id, phase) = (cell(row, "order_id"), cell(row, "phase"));
            // One whose time is over when it gets there at last is refused, and fails: a clock is
            // wrong, or a key was for hours.
            let is_long =
                self.bought.get(id).is_some_and(|it| it.lasts_s >= LONG_S + self.fair.outage_s);
            let is_right = self.fair.right_clocks && self.fair.right_keys;
            if phase == "failed" && is_long && is_right && !self.is_impossible(id) {
                wrong.push(format!("{id} has failed, and WeChat takes it"));
            }
            if matches!(phase, "cancelled" | "expired") {
                let open = self.fair.open.iter().filter(|number| order_of(number) == id);
                wrong.extend(open.map(|number| format!("{number} is {phase} and never closed")));
            }
        }
        let mut alarms: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for row in &books.anomalies {
            alarms.entry(cell(row, "transaction_id")).or_default().insert(cell(row, "kind"));
        }
        self.impossible_fail(books, &mut wrong);
        self.alarms_are_right(&alarms, &mut wrong);
        self.alarms_say(books, &mut wrong);
        self.alarms_end(books, &mut wrong);
        self.goods_are_late(books, &mut wrong);
        self.by_hand_is_told(books, &alarms, &mut wrong);
        self.paid_in_time(&alarms, &mut wrong);
        self.others_money(&mut wrong);
        self.phases_are_right(books, &alarms, &mut wrong);
        wrong.into_iter().for_each(|what| self.violation(what));
    }

    /// Of each payment that goes back by the rule a person is told why, and it is true.
    fn alarms_are_right(&self, alarms: &BTreeMap<&str, BTreeSet<&str>>, wrong: &mut Vec<String>) {
        for (id, captured) in &self.captured {
            let kinds = alarms.get(id.as_str());
            let by_rule = captured.refunds.keys().any(|number| self.is_by_rule(number));
            if by_rule && kinds.is_none() {
                wrong.push(format!("{id} goes back, and nobody is told why"));
            }
            // What somebody has given back by hand is not ours to give back as well.
            let by_hand = kinds.is_some_and(|kinds| kinds.iter().eq(&["refunded_elsewhere"]));
            let mut refunds = captured.refunds.iter();
            let is_closed =
                refunds.any(|(number, refund)| refund.closed && self.by_hand.contains(number));
            if by_hand && !is_closed && self.is_asked_back_by_rule(id) {
                wrong.push(format!("{id} was given back by hand, and goes back by the rule"));
            }
            let Some(order) = self.bought.get(order_of(&captured.number)) else { continue };
            let has = |kind| kinds.is_some_and(|kinds| kinds.contains(kind));
            let after_end = has("paid_after_close") || has("paid_after_cancel");
            if has("amount_mismatch") && captured.total_fen == order.price_fen
                || has("currency_mismatch") && !self.foreign.contains(id)
                || after_end && !order.shipped.is_empty()
            {
                wrong.push(format!("{id} is said to be {kinds:?}"));
            }
        }
    }

    /// What a person reads of a payment is so, and that its money is back once the rule has given
    /// back all of it.
    fn alarms_say(&self, books: &Books, wrong: &mut Vec<String>) {
        for row in &books.anomalies {
            let id = cell(row, "transaction_id");
            let Some(captured) = self.captured.get(id) else { continue };
            let order_id = order_of(&captured.number);
            let is_ours = self.bought.contains_key(order_id);
            let is_it = cell(row, "paid_fen").parse::<u64>() == Ok(captured.total_fen)
                && cell(row, "out_trade_no") == captured.number
                && (cell(row, "order_id") == order_id || !is_ours);
            let mut refunds =
                books.refunds.iter().filter(|refund| cell(refund, "transaction_id") == id);
            let all_back = captured.refunded() == captured.total_fen
                && captured.refunds.keys().all(|number| self.is_by_rule(number))
                && refunds.all(|refund| matches!(cell(refund, "state"), "done" | "closed"));
            let is_due = DUE.contains(&cell(row, "kind"));
            if !is_it || is_due && all_back && cell(row, "refund") != "done" {
                wrong.push(format!("{captured:?} is told of as {row:?}"));
            }
        }
    }

    /// Nobody is told of goods that were fetched in time, and confirmed.
    fn goods_are_late(&self, books: &Books, wrong: &mut Vec<String>) {
        for row in &books.anomalies {
            let (id, order_id) = (cell(row, "transaction_id"), cell(row, "order_id"));
            let paid_s = self.captured.get(id).map(|captured| captured.at_s);
            let claimed_s = self.fair.claimed_s.get(order_id).copied();
            let confirmed_s = self.fair.confirmed_s.get(order_id).copied();
            let (from_s, until_s) = match cell(row, "kind") {
                "not_fetched" => (paid_s, claimed_s),
                "not_confirmed" => (claimed_s, confirmed_s),
                _ => continue,
            };
            let took_s = until_s.zip(from_s).map(|(until_s, from_s)| until_s - from_s);
            let in_time = took_s.is_some_and(|took_s| took_s < FETCH_WITHIN_S);
            if in_time && self.fair.right_clocks {
                wrong.push(format!("{order_id} took {took_s:?} s, and is told of as {row:?}"));
            }
        }
    }

    /// Where nothing ships because some of a payment went back by hand a person is told, and so he
    /// is when that has come to nothing. Where its shop wanted something back it knows itself why.
    fn by_hand_is_told(
        &self,
        books: &Books,
        alarms: &BTreeMap<&str, BTreeSet<&str>>,
        wrong: &mut Vec<String>,
    ) {
        for (id, captured) in &self.captured {
            let order_id = order_of(&captured.number);
            let Some(order) = self.bought.get(order_id) else { continue };
            let is_good = order.shipped.is_empty()
                && !self.wished.contains(order_id)
                && !self.is_paid_twice(&captured.number);
            let mut by_hand = captured.refunds.iter().filter(|it| self.by_hand.contains(it.0));
            if !is_good || by_hand.clone().next().is_none() {
                continue;
            }
            let kinds = alarms.get(id.as_str());
            let has = |kind| kinds.is_some_and(|kinds| kinds.contains(kind));
            let is_closed = by_hand.all(|(_, refund)| refund.closed);
            if !is_closed && kinds.is_none() {
                wrong.push(format!("{id} goes back by hand, nothing ships, and nobody is told"));
            }
            // What WeChat could not give is the person's who was told of that refund.
            let has_failed = books.refunds.iter().any(|row| {
                cell(row, "transaction_id") == id
                    && matches!(cell(row, "state"), "failed" | "dismissed")
            });
            let waits = order.phase == "paid" && has("refunded_elsewhere") && !has_failed;
            if is_closed && waits && !has("elsewhere_closed") {
                wrong.push(format!("{id} did not go back by hand after all, and nobody is told"));
            }
        }
    }

    /// Whoever paid once, in time, with a phone, what it costs, gets the goods: unless somebody
    /// wanted it otherwise.
    fn paid_in_time(&self, alarms: &BTreeMap<&str, BTreeSet<&str>>, wrong: &mut Vec<String>) {
        let mut times: BTreeMap<&str, u64> = BTreeMap::new();
        for captured in self.captured.values() {
            *times.entry(order_of(&captured.number)).or_default() += 1;
        }
        for id in &self.fair.scanned {
            let Some(captured) = self.captured.get(id) else { continue };
            let order_id = order_of(&captured.number);
            let Some(order) = self.bought.get(order_id) else { continue };
            let otherwise = captured.total_fen != order.price_fen
                || self.foreign.contains(id)
                || times.get(order_id) != Some(&1)
                || self.fair.cancelled.contains(order_id)
                || self.wished.contains(order_id)
                || captured.refunds.keys().any(|number| self.by_hand.contains(number));
            let waits = |kind: &&str| matches!(*kind, "not_fetched" | "not_confirmed");
            let waits = alarms.get(id.as_str()).is_some_and(|kinds| kinds.iter().any(waits));
            if !otherwise && order.shipped.is_empty() && !waits {
                wrong.push(format!(
                    "{id} ({}) was paid in time, and nothing ships",
                    captured.number
                ));
            }
        }
    }

    /// What only the bill tells of, and is not ours to move, stays where it is.
    fn others_money(&self, wrong: &mut Vec<String>) {
        for (id, captured) in &self.captured {
            let number = &captured.number;
            let stays = match self.unknown {
                UnknownPolicy::All => false,
                UnknownPolicy::Ours => number.starts_with("OTHER-"),
                UnknownPolicy::Hold => true,
            };
            let by_itself = captured
                .refunds
                .keys()
                .any(|number| self.is_by_rule(number) && !self.is_let_go(number));
            if stays && self.fair.untold.contains(number) && by_itself {
                wrong.push(format!("{id} ({number}) was not ours to give back"));
            }
        }
    }
}
