//! The judge: what really happened, kept in its own simple books, and what must hold of it. It
//! shares nothing with what it judges: it reads the gateway's ledger, sees what shops and machines
//! hand over and what is answered to whom, and knows nothing of the order machine.

use crate::alarms::Alarms;
use crate::fair::Fair;
use crate::heard::Heard;
use saoma_server::UnknownPolicy;
use saoma_server::simulation::{Wanted, Who};
use std::collections::{BTreeMap, BTreeSet};

/// Money that came.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    pub(crate) number: String,
    pub(crate) total_fen: u64,
    pub(crate) at_s: i64,
    /// By our number of the refund.
    pub(crate) refunds: BTreeMap<String, Refund>,
}

/// Money that went back.
#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) fen: u64,
    /// WeChat closed it: the money is with the merchant again.
    pub(crate) closed: bool,
    /// When it was made, its order had shown as shipped.
    pub(crate) is_after_goods: bool,
}

impl Captured {
    pub(crate) fn refunded(&self) -> u64 {
        self.refunds.values().filter(|refund| !refund.closed).map(|refund| refund.fen).sum()
    }
}

/// What was ordered.
#[derive(Clone, Debug)]
pub(crate) struct Bought {
    pub(crate) order_no: String,
    pub(crate) who: Who,
    pub(crate) goods: String,
    pub(crate) price_fen: u64,
    /// How long it may be paid.
    pub(crate) lasts_s: u64,
    /// Ship ids for which goods went out, each with its transaction, if it was named.
    pub(crate) shipped: Vec<(String, Option<String>)>,
    pub(crate) phase: String,
    /// When it came into it, in seconds.
    pub(crate) since_s: i64,
    /// How often it was committed, as far as anybody saw; 0 before that.
    pub(crate) version: i64,
}

/// A refund that the shop was promised, or an operator.
#[derive(Clone, Debug)]
pub(crate) struct Promised {
    pub(crate) order_id: String,
    /// The payment of which it is.
    pub(crate) transaction_id: String,
    pub(crate) fen: u64,
    /// When the shop first heard of it.
    pub(crate) at_ms: u64,
    /// It is an operator's, who may have it while a machine hands the goods out.
    pub(crate) insists: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    pub(crate) captured: BTreeMap<String, Captured>,
    pub(crate) bought: BTreeMap<String, Bought>,
    ids_of_no: BTreeMap<String, String>,
    /// By our number of the refund.
    pub(crate) promised: BTreeMap<String, Promised>,
    /// Numbers of refunds that somebody made in WeChat's console.
    pub(crate) by_hand: BTreeSet<String>,
    /// Our number for each number of a shop.
    pub(crate) numbers_of_wish: BTreeMap<String, String>,
    /// Orders of which the customer was told that they are given up.
    pub(crate) given_up: BTreeSet<String>,
    /// When a machine was let hand out an order's goods, until it says that they are out.
    claimed: BTreeMap<String, u64>,
    /// Orders of which a shop wanted something back.
    pub(crate) wished: BTreeSet<String>,
    /// The text of each number's request, without what changes with each sending.
    requests: BTreeMap<String, String>,
    /// What was asked back of each payment, by number.
    asked_back: BTreeMap<String, BTreeMap<String, u64>>,
    /// Payments in another currency.
    pub(crate) foreign: BTreeSet<String>,
    /// Refunds that WeChat ends badly because the simulation said so.
    pub(crate) ends_badly: BTreeSet<String>,
    /// Those that WeChat cannot give to the customer, or will never make: a person has to.
    pub(crate) ends_in_change: BTreeSet<String>,
    /// Refunds that an operator has decided against, and those let go.
    pub(crate) dismissed: BTreeSet<String>,
    /// Those that one has wanted to decide against: the answer may be lost, and the decision not.
    pub(crate) may_be_dismissed: BTreeSet<String>,
    pub(crate) released: BTreeSet<String>,
    /// What is expected beyond the money.
    pub(crate) fair: Fair,
    /// And of alarms.
    pub(crate) alarms: Alarms,
    /// And of what follows from WeChat's words.
    pub(crate) heard: Heard,
    /// Whether payments that may not be kept wait for a person.
    pub(crate) hold: bool,
    /// The day that the fastest clock showed at first.
    pub(crate) first_day: String,
    /// When servers have started, each by its clock, as numbers begin.
    pub(crate) starts: BTreeSet<String>,
    /// What becomes of payments in a bill that nobody knows.
    pub(crate) unknown: UnknownPolicy,
    pub(crate) violations: Vec<String>,
}

/// Whether a phase is one in which nothing is decided yet.
fn is_open(phase: &str) -> bool {
    matches!(phase, "placing" | "open" | "closing")
}

/// The order that a number of an attempt or a refund belongs to.
pub(crate) fn order_of(number: &str) -> &str {
    number.rsplit_once('-').map_or(number, |(order, _)| order)
}

impl Judge {
    pub(crate) fn violation(&mut self, what: String) {
        // The first ones say what is wrong.
        if self.violations.len() < 8 {
            self.violations.push(what);
        }
    }

    /// A shop was told that its number is this order.
    pub(crate) fn created(&mut self, order_id: &str, wanted: &Wanted) {
        let order_no = &wanted.order_no;
        let known = self.ids_of_no.entry(order_no.clone()).or_insert_with(|| order_id.to_owned());
        if known != order_id {
            let what = format!("{order_no} is {known} and {order_id}");
            return self.violation(what);
        }
        self.bought.entry(order_id.to_owned()).or_insert_with(|| Bought {
            order_no: order_no.clone(),
            who: wanted.who.clone(),
            goods: wanted.goods.clone(),
            price_fen: wanted.amount_fen,
            lasts_s: wanted.expires_in_s,
            shipped: Vec::new(),
            phase: "placing".to_owned(),
            since_s: 0,
            version: 0,
        });
    }

    /// A commit has left an order like this.
    pub(crate) fn changed(&mut self, order_id: &str, (phase, version): (&str, i64), now_s: i64) {
        let Some(order) = self.bought.get_mut(order_id) else { return };
        let was = std::mem::replace(&mut order.phase, phase.to_owned());
        if was != phase {
            order.since_s = now_s;
        }
        let went_back = match was.as_str() {
            // A number that is used up shows as money that goes back, while the order goes on.
            "placing" | "open" | "refunding" => false,
            // Another payment may come, and goes back as well.
            "refunded" => !matches!(phase, "refunding" | "refunded"),
            "closing" => matches!(phase, "placing" | "open"),
            "paid" | "shipped" => {
                !matches!(phase, "paid" | "shipped" | "refunding" | "refunded")
                    || was == "shipped" && phase == "paid"
            }
            "cancelled" | "expired" | "failed" => {
                is_open(phase) || matches!(phase, "paid" | "shipped")
            }
            _ => true,
        };
        let older = version < order.version;
        order.version = version;
        if phase == "shipped" {
            self.alarms.shipped.insert(order_id.to_owned());
        }
        if went_back || older {
            self.violation(format!("{order_id} went from {was} to {phase} (version {version})"));
        }
        self.shown(order_id, phase);
        self.ends_in_time(order_id, phase, now_s);
    }

    /// A request for an order or a refund is at the gateway. `true`: not for the first time.
    pub(crate) fn placed(&mut self, number: &str, text: &str) -> bool {
        let again = self.requests.contains_key(number);
        let known = self.requests.entry(number.to_owned()).or_insert_with(|| text.to_owned());
        if known != text {
            let what = format!("{number} was asked for with another text: {known} and {text}");
            self.violation(what);
        }
        again
    }

    /// A refund is asked for at the gateway.
    pub(crate) fn refund_asked(
        &mut self,
        transaction_id: &str,
        number: &str,
        (fen, of_fen): (u64, u64),
    ) {
        let paid = self.captured.get(transaction_id).map(|captured| captured.total_fen);
        if paid.is_some_and(|paid| paid != of_fen) {
            self.violation(format!("{number} is of {of_fen} fen, and {paid:?} were paid"));
        }
        let asked = self.asked_back.entry(transaction_id.to_owned()).or_default();
        let before = asked.insert(number.to_owned(), fen);
        if before.is_some_and(|before| before != fen) {
            return self.violation(format!("{number} asks back {before:?} and {fen} fen"));
        }
        let captured = self.captured.get(transaction_id);
        let closed = |number: &String| {
            captured.is_some_and(|it| it.refunds.get(number).is_some_and(|refund| refund.closed))
                || self.ends_badly.contains(number)
                || self.ends_in_change.contains(number)
        };
        let sum: u64 = asked.iter().filter(|(number, _)| !closed(number)).map(|(_, fen)| fen).sum();
        let total = captured.map_or(0, |captured| captured.total_fen);
        // What somebody gave back by hand makes WeChat refuse ours; others may be asked for then.
        let by_hand = captured
            .is_some_and(|it| it.refunds.keys().any(|number| self.by_hand.contains(number)));
        if sum > total && !by_hand {
            self.violation(format!("{sum} of {total} fen of {transaction_id} are asked back"));
        }
        let by_rule = !self.promised.contains_key(number);
        if by_rule && self.hold && !self.released.contains(number) && !self.may_be_shops(number) {
            self.violation(format!("{number} was to wait for a person"));
        }
        if by_rule && self.needs_a_person(transaction_id, number) {
            self.violation(format!("{number} goes back, and a person had to look first"));
        }
        if self.dismissed.contains(number) {
            self.violation(format!("{number} is asked for, though a person decided against it"));
        }
    }

    /// Whether any refund of this payment was sent, or one of this number.
    pub(crate) fn is_asked_back(&self, payment: Option<&str>, number: &str) -> bool {
        match payment {
            Some(payment) => self.asked_back.contains_key(payment),
            None => self.asked_back.values().any(|asked| asked.contains_key(number)),
        }
    }

    /// Whether the rule has asked for any of this payment.
    pub(crate) fn is_asked_back_by_rule(&self, payment: &str) -> bool {
        let mut asked = self.asked_back.get(payment).into_iter().flat_map(BTreeMap::keys);
        asked.any(|number| self.is_by_rule(number) && !self.may_be_shops(number))
    }

    /// Neither a shop has asked for this refund nor a person made it.
    pub(crate) fn is_by_rule(&self, number: &str) -> bool {
        !self.promised.contains_key(number) && !self.by_hand.contains(number)
    }

    /// A shop has asked for a refund of this order, and perhaps has not heard of its number yet.
    fn may_be_shops(&self, number: &str) -> bool {
        self.wished.contains(order_of(number))
    }

    /// The gateway has taken money.
    pub(crate) fn paid(&mut self, transaction_id: &str, number: &str, total_fen: u64, at_s: i64) {
        let refunds = BTreeMap::new();
        let captured = Captured { number: number.to_owned(), total_fen, at_s, refunds };
        if self.captured.insert(transaction_id.to_owned(), captured).is_some() {
            self.violation(format!("{transaction_id} twice: the gateway is wrong"));
        }
    }

    /// The gateway gives money back.
    pub(crate) fn refunded(&mut self, transaction_id: &str, number: &str, fen: u64) {
        let Some(captured) = self.captured.get_mut(transaction_id) else { return };
        let is_after_goods = self.alarms.shipped.contains(order_of(&captured.number));
        let refund = Refund { fen, closed: false, is_after_goods };
        captured.refunds.insert(number.to_owned(), refund);
        let (sum, total) = (captured.refunded(), captured.total_fen);
        if sum > total {
            self.violation(format!("{sum} of {total} fen of {transaction_id} went back"));
        }
    }

    /// A refund came to nothing.
    pub(crate) fn refund_closed(&mut self, transaction_id: &str, number: &str) {
        let captured = self.captured.get_mut(transaction_id);
        if let Some(refund) = captured.and_then(|captured| captured.refunds.get_mut(number)) {
            refund.closed = true;
        }
    }

    /// Goods of an order go out; `transaction_id` is the payment for which, where it is named.
    pub(crate) fn handed_over(
        &mut self,
        order_id: &str,
        ship_id: &str,
        transaction_id: Option<&str>,
        amount_fen: Option<u64>,
    ) {
        let Some(order) = self.bought.get_mut(order_id) else {
            return self.violation(format!("{order_id} ships, and nobody ordered it"));
        };
        order.shipped.push((ship_id.to_owned(), transaction_id.map(str::to_owned)));
        let (times, price) = (order.shipped.len(), order.price_fen);
        if times > 1 {
            return self.violation(format!("{order_id} ships {times} times"));
        }
        if amount_fen.is_some_and(|amount| amount != price) {
            self.violation(format!("{order_id} ships for {amount_fen:?} instead of {price} fen"));
        }
        self.may_be_handed_over(order_id, transaction_id);
        self.is_not_told_back(order_id, transaction_id);
        if self.given_up.contains(order_id) {
            self.violation(format!("{order_id} ships, although it was given up"));
        }
        let fits = |id: &str, captured: &Captured| {
            let by_rule = |number: &String| self.is_by_rule(number) && !self.may_be_shops(number);
            order_of(&captured.number) == order_id
                && captured.total_fen == price
                && transaction_id.is_none_or(|wanted| wanted == id)
                && !self.foreign.contains(id)
                && !captured.refunds.keys().any(by_rule)
        };
        if !self.captured.iter().any(|(id, captured)| fits(id, captured)) {
            self.violation(format!("{order_id} ships, and nothing good was paid for it"));
        }
    }
}

impl Judge {
    /// A shop was promised a refund; the same wish again must come to the same number.
    pub(crate) fn promise(&mut self, refund_no: &str, number: String, promised: Promised) {
        let known =
            self.numbers_of_wish.entry(refund_no.to_owned()).or_insert_with(|| number.clone());
        if *known != number {
            let what = format!("the refund {refund_no} was begun as {known} and as {number}");
            return self.violation(what);
        }
        if self.promised.contains_key(&number) {
            return;
        }
        let claimed = self.claimed.get(&promised.order_id);
        if !promised.insists && claimed.is_some_and(|at_ms| *at_ms < promised.at_ms) {
            self.violation(format!("{number} was begun while a machine hands the goods out"));
        }
        self.promised.insert(number, promised);
    }

    /// Goods of an order may go out from now on.
    pub(crate) fn may_go_out(&mut self, order_id: &str, at_ms: u64) {
        let mut promised = self.promised.iter();
        // An operator may mean another payment than the one that is kept.
        let begun = promised.find(|(_, it)| {
            it.order_id == order_id
                && it.at_ms < at_ms
                && (!it.insists || self.is_only_payment(order_id, &it.transaction_id))
        });
        if let Some((number, _)) = begun {
            self.violation(format!("{order_id} may go out although {number} was promised back"));
        }
    }

    /// A machine was let hand the goods out.
    pub(crate) fn claimed(&mut self, order_id: &str, at_ms: u64) {
        self.may_go_out(order_id, at_ms);
        self.claimed.entry(order_id.to_owned()).or_insert(at_ms);
        let at_s = (at_ms / 1_000).cast_signed();
        self.fair.claimed_s.entry(order_id.to_owned()).or_insert(at_s);
    }

    /// A machine says that they are out.
    pub(crate) fn confirms(&mut self, order_id: &str) {
        self.claimed.remove(order_id);
        self.fair.said_yes.insert(order_id.to_owned());
    }
}
