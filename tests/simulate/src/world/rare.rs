//! Rarer habits, and what nobody waits for when nothing delays it.

use super::gateway::{Waiting, field};
use super::wishes::Wish;
use super::{Event, World};
use crate::bus::Outcome;
use crate::judge::{Captured, order_of};
use crate::random::Random;
use crate::told::are_fetched;
use saoma_sandbox::gateway::{Call, Fault, FaultName};
use saoma_server::simulation::{Asker, Held, MACHINES, No, SHOP, WEBHOOK_SECRET, Wanted, Who};

/// When WeChat is asked about a number by time, in seconds after it was made.
const ASKED_S: [u64; 7] = [5, 30, 60, 180, 300, 600, 1_800];
/// How long a server may be at an entry before another one takes it, in seconds.
const LEASE_S: i64 = 60;
/// How long WeChat takes a code, in seconds.
const CODE_LIVES_S: u64 = 7_200;
/// How late anything may be when nothing delays it.
const LATE_MS: u64 = 10_000;
/// How often in a row a signature is refused at most while both keys are held: the next try is by
/// the other one, and may be lost.
const SIGNS_REFUSED_MAX: u32 = 8;
/// What stands in numbers of a database that is gone.
const LOST: &str = "GONE";
/// Parts of a payment that goes back in many: more than one answer holds.
const PARTS: u64 = 14;

impl World {
    /// What may happen to an order besides.
    pub(super) fn may_be_odd(&mut self, at: usize) {
        let odd = &self.plan.odd;
        if self.more.chance(odd.same_number) {
            let later = self.more.pick(&[1, 700, 40_000]);
            self.after(later, Event::SameNumber(at));
        }
        if self.more.chance(self.plan.odd.orders_again) {
            let later = self.more.pick(&[1, 2_000, 300_000, 50_000_000]);
            self.after(later, Event::OrderAgain(at));
        }
        let lasts_s = self.customers[at].expires_in_s;
        if lasts_s > CODE_LIVES_S {
            // Somebody looks at the page hours later.
            for late_s in [120, 600, 3_000, 8_000] {
                self.after((CODE_LIVES_S + late_s) * 1_000, Event::View(at));
            }
        }
        let is_machines = self.customers[at].fetches();
        if is_machines && self.more.chance(self.plan.odd.confirms_unclaimed) {
            self.after(1, Event::ConfirmsUnclaimed(at));
        }
        self.may_ask_wrongly(at);
        // Some give up before there is a code.
        if self.more.chance(self.plan.cancels / 8) {
            self.after(1, Event::Cancel(at));
        }
        if self.more.chance(self.plan.odd.many_parts) {
            self.give_back_in_parts(at);
        }
    }

    /// An order was refused, although nothing is wrong with it.
    pub(super) fn refused_order(&mut self, at: usize, why: &str) {
        let order_no = &self.customers[at].order_no;
        self.judge.violation(format!("{order_no} may not be ordered: {why}"));
    }

    /// The other shop has an order of its own with the same number.
    pub(super) fn same_number(&mut self, at: usize) {
        let Some(node) = self.some_server() else { return };
        self.fault("a number of both shops");
        let customer = &self.customers[at];
        let who = match customer.who.shop {
            MACHINES => Who { shop: SHOP, device: None },
            _ => Who { shop: MACHINES, device: Some("machine-7".to_owned()) },
        };
        let wanted = Wanted { who, expires_in_s: 120, ..customer.wanted() };
        let its = customer.order_id.clone();
        self.task(node, move |server| async move {
            let made = server.create(&wanted).await;
            let order_no = &wanted.order_no;
            let what = format!("an order that is another shop's, or none: {order_no} {made:?}");
            let may_not = match made {
                Ok(order_id) => Some(order_id) == its,
                Err(No::Refused(_)) => true,
                Err(No::Failed) => false,
            };
            Outcome::Meddled { what, may_not }
        });
    }

    /// A shop has not heard that it has the order, or has forgotten it.
    pub(super) fn order_again(&mut self, at: usize) {
        let customer = &self.customers[at];
        let Some(order_id) = customer.order_id.clone() else { return };
        let wanted = customer.wanted();
        let Some(node) = self.some_server() else { return };
        self.task(node, move |server| async move {
            let result = server.create(&wanted).await;
            Outcome::Repeated { order_id, result }
        });
    }

    pub(super) fn repeated(&mut self, order_id: &str, result: &Result<String, No>) {
        let is_same = match result {
            Ok(again) => again == order_id,
            Err(No::Failed) => true,
            Err(No::Refused(_)) => false,
        };
        if !is_same {
            self.judge.violation(format!("{order_id} is ordered again: {result:?}"));
        }
    }

    /// A machine confirms before anybody could have paid.
    pub(super) fn confirms_unclaimed(&mut self, at: usize) {
        let customer = &self.customers[at];
        let (order_id, who) = (customer.order_id.clone(), customer.who.clone());
        let Some(order_id) = order_id.filter(|_| are_fetched(&who)) else { return };
        let is_paid = self.judge.captured.values().any(|it| order_of(&it.number) == order_id);
        let Some(node) = self.some_server().filter(|_| !is_paid) else { return };
        self.fault("confirmed before it was claimed");
        self.task(node, move |server| async move {
            let may_not = server.confirm(&order_id, &who).await.is_ok();
            Outcome::Meddled { what: format!("goods confirmed unclaimed: {order_id}"), may_not }
        });
    }

    /// Another program closes each number that an order has.
    pub(super) fn may_close_again(&mut self, at: usize) {
        if self.more.chance(self.plan.odd.closes_again) {
            for turn in 0..7 {
                self.after(310_000 + turn * 950_000, Event::CloseAgain(at));
            }
        }
    }

    pub(super) fn close_again(&mut self, at: usize) {
        let Some(order_id) = self.customers[at].order_id.clone() else { return };
        let now = self.gateway_now();
        for attempt in 1..=8 {
            let number = format!("{order_id}-{attempt}");
            let orders = self.gateway.orders_numbered(&number, now);
            if orders.iter().any(|it| it.closed_at.is_none() && it.payments.is_empty()) {
                self.fault("each number closed by another program");
                self.close_number(&number);
            }
        }
    }

    /// A shop gives an order's payment back in many parts of a fen.
    fn give_back_in_parts(&mut self, at: usize) {
        if self.customers[at].price_fen < 2 * PARTS {
            return;
        }
        self.fault("a payment goes back in many parts");
        for part in 0..PARTS {
            let customer = &mut self.customers[at];
            let (by, wishes) = (Asker::Shop(customer.who.shop), &mut customer.wishes);
            wishes.push(Wish::new(by, format!("PART-{at}-{part}"), 1));
            let place = wishes.len() - 1;
            self.after(600_000 + part * 200_000, Event::Refund(at, place));
        }
    }

    /// Somebody gave a part back by hand; days later the shop wants the rest back, and may.
    pub(super) fn ask_for_the_rest(&mut self, at: usize) {
        let customer = &self.customers[at];
        let Some(order_id) = customer.order_id.clone() else { return };
        let mut payments =
            self.judge.captured.values().filter(|it| order_of(&it.number) == order_id);
        let by_hand = &self.judge.by_hand;
        let is_only_by_hand =
            |it: &&Captured| it.refunds.keys().all(|number| by_hand.contains(number));
        let kept = payments.next().filter(is_only_by_hand);
        let Some(rest) = kept.map(|it| it.total_fen - it.refunded()) else { return };
        let phase = self.judge.bought.get(&order_id).map_or("", |order| &*order.phase);
        let may = matches!(phase, "paid" | "shipped") && payments.next().is_none();
        let is_said = self.judge.fair.said_yes.contains(&order_id);
        if may && is_said && rest > 0 {
            self.fault("the rest after a refund by hand");
            let customer = &mut self.customers[at];
            let (by, wishes) = (Asker::Shop(customer.who.shop), &mut customer.wishes);
            wishes.push(Wish::new(by, format!("REST-{at}"), rest));
            let place = wishes.len() - 1;
            self.after(1, Event::Refund(at, place));
        }
    }

    /// The database of another server under the same merchant is gone, and with it what it knew.
    pub(super) fn plan_many_unknown(&mut self, span_ms: u64) {
        for _ in 0..self.plan.odd.many_unknown {
            let at_ms = self.more.below(span_ms.min(300_000));
            self.after(at_ms, Event::UnknownOrder);
        }
    }

    /// A number of the form of ours that nobody here knows, and of which nobody is notified.
    pub(super) fn lost_number(&self) -> String {
        format!("20261123192600{LOST}{}", self.last_attempt())
    }

    pub(super) fn is_lost_number(number: &str) -> bool {
        number.contains(LOST)
    }

    /// Whether WeChat cannot be reached by anybody.
    pub(super) fn is_out(&self) -> bool {
        let (from_s, until_s) = self.plan.odd.outage_s;
        let since_s = self.now_s().saturating_sub(self.plan.starts_s);
        (from_s..until_s).contains(&since_s)
    }

    /// The gateway says now and then that it will not do it now.
    pub(super) fn not_now(&mut self, call: Call, body: &str) -> Option<Fault> {
        if let Some(code) = self.never(call, body).or_else(|| self.refuses(call, body)) {
            self.fault(code);
            return Fault::with(FaultName::Error, code).ok();
        }
        if self.calm || !self.more.chance(self.plan.odd.not_now) {
            return None;
        }
        let codes: &[&str] = match call {
            // It may not know a number yet that it has just taken.
            Call::OrderQuery | Call::CloseOrder if self.may_be_unknown(call, body) => {
                &["FREQUENCY_LIMITED", "INVALID_REQ_TOO_MUCH", "ORDERNOTEXIST"]
            }
            Call::UnifiedOrder | Call::OrderQuery | Call::CloseOrder | Call::RefundQuery => {
                &["FREQUENCY_LIMITED", "INVALID_REQ_TOO_MUCH"]
            }
            Call::Refund => &[
                "FREQUENCY_LIMITED",
                "INVALID_REQ_TOO_MUCH",
                "NOTENOUGH",
                "BIZERR_NEED_RETRY",
                "ERROR",
                "ORDER_NOT_READY",
                // Only a person can set these right, and then the same number is good again.
                "ORDERNOTEXIST",
                "CERT_ERROR",
                "NOAUTH",
                "INVALID_REQUEST",
                "REFUND_FEE_MISMATCH",
                "INVALID_TRANSACTIONID",
                "PARAM_ERROR",
            ],
            _ => return None,
        };
        let code = self.more.pick(codes);
        self.fault(code);
        Fault::with(FaultName::Error, code).ok()
    }

    /// Some refunds WeChat will never make, and it says so however often it is asked for them.
    fn never(&mut self, call: Call, body: &str) -> Option<&'static str> {
        let number = field(body, "out_refund_no").filter(|_| call == Call::Refund)?.to_owned();
        let known = self.judge.fair.never.get(&number).copied();
        let is_made = self.judge.captured.values().any(|it| it.refunds.contains_key(&number));
        let begins = known.is_none() && !is_made && !self.calm;
        if !begins || !self.more.chance(self.plan.odd.not_now / 5) {
            return known;
        }
        let code = self.more.pick(&["USER_ACCOUNT_ABNORMAL", "TRADE_OVERDUE"]);
        self.judge.ends_in_change.insert(number.clone());
        self.judge.fair.never.insert(number, code);
        Some(code)
    }

    /// Some numbers WeChat may not know when they are to be closed, and the others when it is asked
    /// about them: who says so both times is believed. What it has said to be used it knows.
    fn may_be_unknown(&self, call: Call, body: &str) -> bool {
        let number = field(body, "out_trade_no").unwrap_or_default();
        let on_close = number.bytes().map(u64::from).sum::<u64>() % 2 == 1;
        let is_used = self.judge.heard.used.contains(number);
        (call == Call::CloseOrder) == on_close && !self.is_paid(body) && !is_used
    }

    /// Of a number that is not paid WeChat says that somebody is about to pay; of one that is
    /// closed, for ever, that it was taken back or that a payment failed.
    pub(super) fn in_other_words(&mut self, body: &str) -> Option<Fault> {
        let number = field(body, "out_trade_no").unwrap_or_default().to_owned();
        let orders = self.gateway.orders_numbered(&number, self.gateway_now());
        let order = orders.first().filter(|order| order.payments.is_empty())?;
        let of_number = &mut Random::new(self.seed, &number);
        let says = |random: &mut Random| random.chance(self.plan.odd.other_words);
        let name = match order.closed_at {
            Some(_) if says(of_number) => {
                of_number.pick(&[FaultName::QueryRevoked, FaultName::QueryPayError])
            }
            None if !self.calm && says(of_number) => {
                self.more.pick(&[FaultName::QueryUserPaying, FaultName::QueryAccept])
            }
            Some(_) | None => return None,
        };
        self.fault(name.as_str());
        Some(Fault::new(name))
    }

    /// What WeChat says when it does not know itself what happened is now and then a code that
    /// nobody here knows.
    pub(super) fn in_a_new_word(&mut self, answer: Vec<u8>) -> Vec<u8> {
        if !self.more.chance(400) {
            return answer;
        }
        self.fault("a code that nobody knows");
        let answer = String::from_utf8_lossy(&answer);
        self.resigned(&answer, "err_code", "NEW_IN_2027").into_bytes()
    }

    /// Whether no shop can be reached by anybody.
    pub(super) fn are_shops_out(&self) -> bool {
        let (from_s, until_s) = self.plan.odd.shops_out_s;
        let since_s = self.now_s().saturating_sub(self.plan.starts_s);
        !self.calm && (from_s..until_s).contains(&since_s)
    }

    pub(super) fn is_paid(&self, body: &str) -> bool {
        let number = field(body, "out_trade_no").unwrap_or_default();
        self.judge.captured.values().any(|it| it.number == number)
    }

    /// While all servers hold both of the merchant's keys, WeChat takes one of them.
    pub(super) fn one_key_is_taken(&mut self, path: &'static str, body: &str, refused: bool) {
        let name = ["out_refund_no", "out_trade_no", "transaction_id"];
        let number = name.iter().find_map(|name| field(body, name)).unwrap_or_default().to_owned();
        let times = self.refused_signs.entry((path, number)).or_default();
        *times = if refused { *times + 1 } else { 0 };
        let times = *times;
        let all_hold_both = self.nodes.iter().all(|node| node.held == Held::Both);
        if times > SIGNS_REFUSED_MAX && all_hold_both {
            let what = format!("{path} is refused {times} times, and both keys are held");
            self.judge.violation(what);
        }
    }

    /// Whoever is at an entry of the outbox is alone at it.
    pub(super) fn one_call_at_a_time(&mut self, path: &'static str, body: &str) {
        let name = match Call::of(path) {
            Some(Call::UnifiedOrder | Call::CloseOrder) => "out_trade_no",
            Some(Call::Refund) => "out_refund_no",
            _ => return,
        };
        let Some(number) = field(body, name) else { return };
        let same = |waiting: &Waiting| match waiting {
            Waiting::Asked { path: other, body, .. } => {
                *other == path && field(body, name) == Some(number)
            }
            _ => false,
        };
        if self.nobody_leaves_anything() && self.calls.values().any(same) {
            self.judge.violation(format!("{path} of {number}: two at once"));
        }
    }

    /// The same of what shops are told.
    pub(super) fn one_at_a_time(&mut self, ship_id: &str) {
        let same = |waiting: &Waiting| match waiting {
            Waiting::ShopAsked { ship_id: other, .. } => other == ship_id,
            _ => false,
        };
        if self.nobody_leaves_anything() && self.calls.values().any(same) {
            self.judge.violation(format!("a shop is told {ship_id} twice at once"));
        }
    }

    /// No server has died over an entry, and none takes another one's for old.
    fn nobody_leaves_anything(&self) -> bool {
        let since_s = self.now_s().cast_signed() - self.judge.fair.died_s;
        self.plan.right_clocks() && since_s > LEASE_S
    }

    /// A shop looks whether it was really told, and just now: what is older may be a repetition by
    /// somebody else.
    pub(super) fn is_signed(&self, body: &[u8], signature: &str) -> bool {
        let Some((time, digest)) =
            signature.strip_prefix("t=").and_then(|it| it.split_once(",v1="))
        else {
            return false;
        };
        let is_new = time.parse::<u64>().is_ok_and(|time| time.abs_diff(self.now_s()) <= 1);
        let told = [time.as_bytes(), b".", body].concat();
        (is_new || !self.plan.right_clocks())
            && digest == crate::hmac::hex(WEBHOOK_SECRET.as_bytes(), &told)
    }

    /// A customer waits for the code: seconds, if nothing delays it.
    pub(super) fn waits_for_its_code(&mut self, at: usize, phase: &str) {
        let customer = &self.customers[at];
        let waits_ms = self.now_ms - customer.ordered_ms;
        if phase == "placing" && (LATE_MS..60_000).contains(&waits_ms) && self.plan.is_quiet() {
            let what = format!("{:?} has no code after {waits_ms} ms", customer.order_id);
            self.judge.violation(what);
        }
    }

    /// The code of an order that is open is one that WeChat takes; where nothing delays it, there
    /// is always one.
    pub(super) fn code_is_good(&mut self, order_id: &str, phase: &str, code: Option<&str>) {
        let given_s = code.and_then(|code| self.judge.fair.given_s.get(code));
        let age_s = given_s.map_or(0, |given_s| self.now_s().saturating_sub(*given_s));
        if age_s > CODE_LIVES_S + 60 && self.plan.right_clocks() {
            self.judge.violation(format!("{order_id} shows a code that is {age_s} s old"));
        }
        if phase == "open" && code.is_none() && self.plan.is_quiet() {
            self.judge.violation(format!("{order_id} is open and shows no code"));
        }
    }

    /// Whoever has paid is asked about when it is time, if nothing delays it.
    pub(super) fn is_asked_about_in_time(
        &mut self,
        transaction_id: &str,
        (number, age_ms): (&str, u64),
    ) {
        let next_s = ASKED_S.iter().find(|at_s| **at_s * 1_000 > age_ms + 1_000);
        if let Some(next_s) = next_s
            && self.plan.is_quiet()
            && number.ends_with("-1")
        {
            let event = Event::MustBeKnown(transaction_id.to_owned());
            self.after(next_s * 1_000 + LATE_MS - age_ms, event);
        }
    }

    /// Some of a payment of this number, or of this order, is owed back since a while: it has been
    /// asked for.
    pub(super) fn must_be_asked_back(&mut self, payment: Option<&str>, number: &str) {
        let is_sent = self.judge.is_asked_back(payment, number);
        if !is_sent && !self.judge.may_fail(order_of(number)) {
            self.judge.violation(format!("{number} ({payment:?}) is owed, and not asked for"));
        }
    }

    /// A payment was acknowledged a moment ago; its shop has been told.
    pub(super) fn must_be_told(&mut self, order_id: &str) {
        if let Some(later_ms) = self.until_taken_up_ms() {
            return self.after(later_ms, Event::MustBeTold(order_id.to_owned()));
        }
        let Some(order) = self.judge.bought.get(order_id) else { return };
        let is_machines = are_fetched(&order.who);
        let wished = self.judge.wished.contains(order_id);
        if order.phase == "paid" && !is_machines && !wished && !self.judge.may_fail(order_id) {
            self.judge.violation(format!("{order_id} is paid, and its shop was not told"));
        }
    }
}
