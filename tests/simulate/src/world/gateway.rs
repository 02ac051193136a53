//! Calls of servers on their way to the gateway and to shops, and back.

use super::keys::REFUSED;
use super::{Event, World};
use crate::bills::LedgerDay;
use crate::bus::{Call, Reply};
use crate::fair::Ordered;
use crate::judge::order_of;
use saoma_sandbox::gateway::{AnswerEnd, Arrival, Call as GatewayCall, Code, Event as Booked};
use saoma_sandbox::gateway::{Fault, FaultName as F, RefundEnd, RefundTarget};
use saoma_sandbox::{Ending, RefundChannel};
use saoma_server::simulation::{CallError, Came, MCH_ID};
use std::collections::BTreeSet;

/// A call under way.
pub(super) enum Waiting {
    Asked { path: &'static str, body: String, reply: Reply<Came>, lost: bool },
    Answered { reply: Reply<Came>, answer: Came },
    ShopAsked { ship_id: String, body: Vec<u8>, reply: Reply<Option<u16>>, is_signed: bool },
    ShopAnswered { reply: Reply<Option<u16>>, answer: Option<u16> },
}

/// How long a server waits for an answer.
const TIMEOUT_MS: u64 = 10_000;
/// And for a bill.
const BILL_TIMEOUT_MS: u64 = 600_000;

fn timeout_ms(path: &str) -> u64 {
    if path == GatewayCall::DownloadBill.path() { BILL_TIMEOUT_MS } else { TIMEOUT_MS }
}

/// What is said of a refund besides a nonce and a signature.
const REFUND_FIELDS: [&str; 12] = [
    "appid",
    "mch_id",
    "sign_type",
    "transaction_id",
    "out_trade_no",
    "out_refund_no",
    "total_fee",
    "refund_fee",
    "refund_fee_type",
    "refund_account",
    "refund_desc",
    "notify_url",
];

/// Nothing came.
const fn nothing(why: CallError) -> Came {
    (Vec::new(), Some(why))
}

/// What the gateway does now and then to a call.
const FAULTS: [F; 18] = [
    F::SystemErrorBefore,
    F::SystemErrorAfter,
    F::SilentBefore,
    F::SilentAfter,
    F::CutBefore,
    F::CutAfter,
    F::Truncated,
    F::HtmlPage,
    F::Garbage,
    F::HttpErrorBefore,
    F::HttpErrorAfter,
    F::AnswerSignType,
    F::AnswerWrongSignType,
    F::AnswerUnknownFields,
    F::AnswerWrongSign,
    F::AnswerUnsigned,
    F::AnswerLowerCaseSign,
    F::AnswerOfAnother,
];

/// What stands in a field of a document.
pub(super) fn field<'d>(document: &'d str, name: &str) -> Option<&'d str> {
    // Before and after a tag.
    fn around<'d>(text: &'d str, sign: &str, name: &str) -> Option<(&'d str, &'d str)> {
        text.match_indices('<').find_map(|(at, _)| {
            let (before, tag) = text.split_at(at);
            Some((before, tag.strip_prefix(sign)?.strip_prefix(name)?.strip_prefix('>')?))
        })
    }
    let (_, rest) = around(document, "<", name)?;
    let (text, _) = around(rest, "</", name)?;
    Some(text.trim_start_matches("<![CDATA[").trim_end_matches("]]>"))
}

impl World {
    fn latency(&mut self) -> u64 {
        if !self.calm && self.net.chance(self.plan.call_slow) {
            self.fault("slow line");
            return self.net.between(1_000, 9_000);
        }
        self.net.between(5, 120)
    }

    fn wait(&mut self, waiting: Waiting) -> u64 {
        self.last_call += 1;
        self.calls.insert(self.last_call, waiting);
        self.last_call
    }

    pub(super) fn called(&mut self, epoch: u64, call: Call) {
        match call {
            Call::Gateway { path, body, reply } => {
                self.tell(path);
                self.one_call_at_a_time(path, &body);
                if path == GatewayCall::DownloadBill.path() {
                    self.may_die_over_a_bill(epoch);
                }
                if path == GatewayCall::UnifiedOrder.path() {
                    self.may_die_calling(epoch);
                }
                let lost = self.is_out() || !self.calm && self.net.chance(self.plan.call_lost);
                if lost {
                    self.fault("call lost");
                }
                let at = if lost { timeout_ms(path) } else { self.latency() };
                let call = self.wait(Waiting::Asked { path, body, reply, lost });
                self.after(at, Event::CallArrives(call));
            }
            Call::Shop { shop, ship_id, body, signature, reply } => {
                self.tell(&ship_id);
                self.one_at_a_time(&ship_id);
                self.may_die_calling(epoch);
                let is_signed = self.is_signed(&body, &signature);
                if let Some(order_id) = ship_id.strip_prefix("ship-") {
                    self.judge.may_go_out(order_id, self.now_ms);
                    self.judge.is_for_a_webhook(order_id, &shop);
                }
                let at = self.latency();
                let call = self.wait(Waiting::ShopAsked { ship_id, body, reply, is_signed });
                self.after(at, Event::CallArrives(call));
            }
        }
    }

    pub(super) fn call_arrives(&mut self, call: u64) {
        match self.calls.remove(&call) {
            Some(Waiting::Asked { path, body, reply, lost }) => {
                let (at, answer) = match lost {
                    true => (0, nothing(CallError::Timeout)),
                    false => self.ask_gateway(path, &body),
                };
                self.is_about_to_arrive(&body, at);
                let call = self.wait(Waiting::Answered { reply, answer });
                self.after(at, Event::AnswerArrives(call));
            }
            Some(Waiting::ShopAsked { ship_id, body, reply, is_signed }) => {
                if !is_signed {
                    self.judge.violation(format!("{ship_id}: its signature is not the shop's"));
                }
                let answer = self.shop_is_told(&ship_id, &body);
                let at = if answer.is_some() { self.latency() } else { TIMEOUT_MS };
                let call = self.wait(Waiting::ShopAnswered { reply, answer });
                self.after(at, Event::AnswerArrives(call));
            }
            Some(Waiting::Answered { .. } | Waiting::ShopAnswered { .. }) | None => {}
        }
    }

    pub(super) fn answer_arrives(&mut self, call: u64) {
        match self.calls.remove(&call) {
            Some(Waiting::Answered { reply, answer }) => self.bus.answer(reply, answer),
            Some(Waiting::ShopAnswered { reply, answer }) => self.bus.answer(reply, answer),
            Some(Waiting::Asked { .. } | Waiting::ShopAsked { .. }) | None => {}
        }
    }

    /// The gateway answers; gives when the answer is there, and what it is.
    fn ask_gateway(&mut self, path: &'static str, body: &str) -> (u64, Came) {
        let Some(call) = GatewayCall::of(path) else { return (0, nothing(CallError::Broken)) };
        let pays_now = self.note_request(call, body);
        let mut faults = Vec::new();
        if !self.calm && self.luck.chance(self.plan.gateway_fault) {
            let name = self.luck.pick(&FAULTS);
            self.fault(name.as_str());
            faults.push(Fault::new(name));
            if name == F::AnswerOfAnother && call == GatewayCall::OrderQuery && !self.is_paid(body)
            {
                // What is true of another's number is not true of this one.
                faults.push(Fault::new(F::QueryClosed));
            }
        }
        faults.extend(self.not_now(call, body));
        if call == GatewayCall::OrderQuery && faults.is_empty() {
            faults.extend(self.in_other_words(body));
        }
        let now = self.gateway_now();
        let arrival = Arrival { body: body.as_bytes(), certificate: Some(MCH_ID), faults: &faults };
        let answer = self.gateway.handle(call, &arrival, now);
        self.one_key_is_taken(path, body, answer.code == Some(Code::SignError));
        if answer.code == Some(Code::SignError) {
            self.fault("another key's signature refused");
        }
        self.look_at_ledger();
        self.trace.add(&answer.body);
        if self.verbose {
            let number = field(body, "out_trade_no").unwrap_or_default();
            println!("             {path} {number} {:?} {:?}", answer.code, answer.detail);
        }
        if self.sign_is_said_to_be_wrong() {
            return (self.latency(), (self.keys.pick(&REFUSED).to_vec(), None));
        }
        if !self.calm && self.net.chance(self.plan.answer_lost) {
            self.fault("answer lost");
            return (timeout_ms(path), nothing(CallError::Timeout));
        }
        self.note_code(call, body, &answer.body);
        // Nothing else has happened to that answer.
        if matches!(&*faults, [only] if only.name() == F::Error) {
            self.note_put_off(call, body, &answer);
        }
        let mut at = self.latency();
        if pays_now {
            // The payment may be known before this answer is.
            at += self.more.below(2_000);
        }
        let (code, mut came, status) = (answer.code, answer.body, answer.manner.status);
        came = self.in_other_sums(call, came);
        if code.is_none() && status == 200 && faults.is_empty() {
            self.other_sum_comes(call, body, at);
            came = self.may_go_wrong(path, came);
        }
        if code == Some(Code::SystemError) {
            came = self.in_a_new_word(came);
        }
        match answer.manner.ending {
            AnswerEnd::Never => (timeout_ms(path), nothing(CallError::Timeout)),
            _ if status != 200 => (at, nothing(CallError::Status(status))),
            AnswerEnd::Cut => (at, nothing(CallError::Broken)),
            AnswerEnd::CutAfter(bytes) => {
                came.truncate(bytes);
                (at, (came, Some(CallError::Broken)))
            }
            AnswerEnd::Whole => (at, (came, None)),
        }
    }

    /// What the judge has to know of a request. `true`: somebody pays at this moment.
    fn note_request(&mut self, call: GatewayCall, body: &str) -> bool {
        self.names_its_app(body);
        match call {
            GatewayCall::UnifiedOrder => {
                let Some(number) = field(body, "out_trade_no") else { return false };
                let told: Vec<&str> = [
                    "total_fee",
                    "body",
                    "notify_url",
                    "time_start",
                    "time_expire",
                    "product_id",
                    "trade_type",
                    "spbill_create_ip",
                    "attach",
                ]
                .iter()
                .map(|name| field(body, name).unwrap_or_default())
                .collect();
                let now_s = self.now_s().cast_signed();
                self.number_before_is_over(number);
                self.judge.ordered(number, Ordered::of(|name| field(body, name)), now_s);
                if self.judge.placed(number, &told.join("|")) {
                    return self.asked_again(number);
                }
            }
            GatewayCall::OrderQuery => {
                let number = field(body, "out_trade_no").unwrap_or_default();
                self.asked_ms.insert(number.to_owned(), self.now_ms);
            }
            GatewayCall::CloseOrder => {
                let number = field(body, "out_trade_no").unwrap_or_default();
                self.judge.close_asked(number, self.now_s().cast_signed());
            }
            GatewayCall::Refund => {
                let number = field(body, "out_refund_no").unwrap_or_default();
                let transaction_id = field(body, "transaction_id").unwrap_or_default();
                let fen = |name| field(body, name).and_then(|fen| fen.parse().ok()).unwrap_or(0);
                let sums = (fen("refund_fee"), fen("total_fee"));
                let now_s = self.now_s().cast_signed();
                self.judge.refund_in_turn(transaction_id, number, now_s);
                self.judge.refund_waits(number, now_s);
                self.judge.refund_asked(transaction_id, number, sums);
                let told = REFUND_FIELDS.map(|name| field(body, name).unwrap_or_default());
                self.judge.placed(number, &told.join("|"));
                self.may_have_another_sum(number, sums.0);
                let [.., why, notify_url] = told;
                self.judge.refund_worded(number, why, notify_url);
                if self.luck.chance(self.plan.refund_ends_badly)
                    && !self.judge.ends_badly.contains(number)
                    && !self.calm
                {
                    self.refund_will_end_badly(number);
                }
            }
            GatewayCall::DownloadBill => {
                let date = field(body, "bill_date").unwrap_or_default();
                self.judge.bill_asked(date, self.now_s().cast_signed());
            }
            _ => {}
        }
        false
    }

    fn refund_will_end_badly(&mut self, number: &str) {
        let end = if self.luck.chance(700) { RefundEnd::Closed } else { RefundEnd::Change };
        self.refund_will_end(number, end);
    }

    pub(super) fn refund_will_end(&mut self, number: &str, end: RefundEnd) {
        let target = RefundTarget::Number {
            mch_id: Some(MCH_ID.to_owned()),
            out_refund_no: number.to_owned(),
        };
        let ending = Ending { end, channel: RefundChannel::default() };
        let now = self.gateway_now();
        if self.gateway.plan_refund(&target, ending, now).is_ok() {
            self.fault("refund ends badly");
            self.judge.ends_badly.insert(number.to_owned());
            if end == RefundEnd::Change {
                self.judge.ends_in_change.insert(number.to_owned());
            }
        }
    }

    /// What the gateway has booked since we looked.
    pub(super) fn look_at_ledger(&mut self) {
        let now = self.gateway_now();
        let today = (now.0 + 8 * 3_600).div_euclid(86_400);
        for day in [today - 1, today] {
            let of = saoma_sandbox::time::UnixTime(day * 86_400 - 8 * 3_600);
            let entries = self.gateway.ledger(MCH_ID, of);
            let seen = self.seen_of_day.entry(day).or_default();
            for entry in entries.get(*seen..).unwrap_or_default() {
                let (id, number) = (entry.transaction_id.as_str(), entry.out_trade_no.as_str());
                match &entry.event {
                    Booked::Paid { total_fen, .. } => {
                        self.judge.paid(id, number, *total_fen, entry.at.0);
                    }
                    Booked::RefundAccepted(refund) => {
                        self.judge.refunded(id, &refund.out_refund_no, refund.refund_fen);
                    }
                    Booked::RefundClosed(refund) => {
                        self.judge.refund_closed(id, &refund.out_refund_no);
                    }
                }
            }
            *seen = entries.len();
        }
    }

    /// Whether the whole of a payment of this order is with the customer again.
    pub(super) fn is_back(&self, order_id: &str) -> bool {
        let captured = self.judge.captured.values().map(|captured| captured.number.as_str());
        let numbers: BTreeSet<&str> =
            captured.filter(|number| order_of(number) == order_id).collect();
        let now = self.gateway_now();
        let mut orders =
            numbers.iter().flat_map(|number| self.gateway.orders_numbered(number, now));
        orders.any(|order| {
            order.payments.iter().any(|payment| {
                let done = payment.refunds.iter().filter(|it| it.refund_status == "SUCCESS");
                done.map(|refund| refund.refund_fee).sum::<u64>() == payment.total_fee
            })
        })
    }

    /// The shop is told to ship. It does so once for each ship id.
    fn shop_is_told(&mut self, ship_id: &str, body: &[u8]) -> Option<u16> {
        let fails = !self.calm && self.net.chance(self.plan.shop_fails);
        let how = self.net.below(3);
        if self.are_shops_out() {
            self.fault("shops are out of reach for hours");
            return if how == 0 { None } else { Some(503) };
        }
        if fails && how == 0 {
            self.fault("shop cannot be reached");
            return None;
        }
        if fails && how == 1 {
            self.fault("shop fails");
            return Some(500);
        }
        let told: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| told.get(name).and_then(serde_json::Value::as_str);
        let order_id = text("order_id").unwrap_or_default().to_owned();
        let order = self.judge.bought.get(&order_id);
        let is_new =
            order.is_none_or(|order| order.shipped.iter().all(|(shipped, _)| shipped != ship_id));
        if is_new {
            let amount = told.get("amount_fen").and_then(serde_json::Value::as_u64);
            let transaction_id = text("transaction_id").map(str::to_owned);
            let at_s = told.get("paid_at").and_then(serde_json::Value::as_i64);
            let payment = transaction_id.as_deref().unwrap_or_default();
            self.judge.shop_told(&order_id, text("order_no"), (payment, at_s));
            self.judge.handed_over(&order_id, ship_id, transaction_id.as_deref(), amount);
        }
        self.judge.fair.said_yes.insert(order_id);
        if fails {
            self.fault("shop's yes lost");
            return None;
        }
        Some(200)
    }

    /// The gateway's ledger day by day. It says the same as the judge's books.
    pub(super) fn ledger_days(&mut self) -> Vec<LedgerDay> {
        let (mut paid, mut back) = (0_u64, 0_u64);
        let mut days = Vec::new();
        for day in self.seen_of_day.keys() {
            let of = saoma_sandbox::time::UnixTime(day * 86_400 - 8 * 3_600);
            let date = of.beijing().chars().take(8).collect();
            let mut sums = LedgerDay { date, ..LedgerDay::default() };
            for entry in self.gateway.ledger(MCH_ID, of) {
                let is_others = entry.out_trade_no.starts_with("OTHER-");
                match &entry.event {
                    Booked::Paid { total_fen, .. } => {
                        paid += total_fen;
                        sums.payments.add(*total_fen);
                        if is_others {
                            let number = entry.transaction_id.clone();
                            sums.payments_of_others.insert(number, *total_fen);
                        }
                    }
                    Booked::RefundAccepted(refund) => {
                        back += refund.refund_fen;
                        sums.refunds.add(refund.refund_fen);
                        if is_others {
                            let number = refund.out_refund_no.clone();
                            sums.refunds_of_others.insert(number, refund.refund_fen);
                        }
                    }
                    Booked::RefundClosed(refund) => back -= refund.refund_fen,
                }
            }
            if sums.payments.count + sums.refunds.count > 0 {
                days.push(sums);
            }
        }
        let ours_paid: u64 = self.judge.captured.values().map(|it| it.total_fen).sum();
        let ours_back: u64 = self.judge.captured.values().map(|it| it.refunded()).sum();
        if (paid, back) != (ours_paid, ours_back) {
            self.judge.violation(format!(
                "the gateway has {paid} - {back} fen, the judge {ours_paid} - {ours_back}"
            ));
        }
        days
    }
}
