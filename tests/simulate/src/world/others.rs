//! Operators, and another program of the same merchant.

use super::{Event, World};
use crate::bus::Outcome;
use crate::judge::order_of;
use crate::verdict::{Row, cell};
use saoma_sandbox::gateway::{Arrival, Call, FaultName, RefundEnd};
use saoma_sandbox::sign::{Algorithm, Key, sign};
use saoma_sandbox::time::UnixTime;
use saoma_sandbox::{ConsoleRefund, Target};
use saoma_server::simulation::{APP_ID, Base, MCH_ID, NOTIFY_URL, No};

/// So many refunds of one order are many.
const PARTS_MANY: usize = 10;

impl World {
    /// Another program of the same merchant has an order of its own, with our address, and it is
    /// paid. Or it was one of ours, and the database has lost it.
    pub(super) fn unknown_order(&mut self) {
        self.fault("a number of nobody's paid");
        self.last_unknown += 1;
        let number = match self.luck.chance(500) {
            _ if self.last_unknown <= self.plan.odd.many_unknown => self.lost_number(),
            true => format!("OTHER-{}-{}", self.seed, self.last_unknown),
            false => self.unknown_number(),
        };
        let request = self.signed(&[
            ("appid", APP_ID),
            ("body", "another program's"),
            ("mch_id", MCH_ID),
            ("nonce_str", "a3f0c1d2e4b596877869504132435465"),
            ("notify_url", NOTIFY_URL),
            ("out_trade_no", &number),
            ("product_id", "1"),
            ("sign_type", if self.plan.hmac { "HMAC-SHA256" } else { "MD5" }),
            ("spbill_create_ip", "127.0.0.1"),
            ("total_fee", "4321"),
            ("trade_type", "NATIVE"),
        ]);
        let now = self.gateway_now();
        let arrival = Arrival::of(request.as_bytes());
        let _ = self.gateway.handle(Call::UnifiedOrder, &arrival, now);
        if self.is_number_untold(&number) {
            self.judge.fair.untold.insert(number.clone());
        }
        let is_foreign = self.luck.chance(self.plan.other_currency * 5);
        if is_foreign && self.payment_fault(FaultName::PaidOtherCurrency, &number) {
            self.pays_foreign.insert(number.clone());
        }
        self.force(&number);
        self.may_go_back_in_part(&number);
    }

    /// Somebody gives a fen of it back at once, in the console: whoever hears of the payment by the
    /// bill cannot know what the rest of it is for.
    fn may_go_back_in_part(&mut self, number: &str) {
        let is_untold = self.judge.fair.untold.contains(number) && !self.calm;
        if !is_untold || !self.more.chance(self.plan.odd.by_hand_at_once * 4) {
            return;
        }
        let refund = ConsoleRefund { refund_fen: Some(1), ..ConsoleRefund::default() };
        let (target, now) = (Target::of_number(number), self.gateway_now());
        if let Ok(refund) = self.gateway.refund_by_hand(&target, refund, now) {
            self.fault("refund by hand of what nobody knows");
            self.judge.by_hand.insert(refund.out_refund_no);
            self.look_at_ledger();
            let payments = self.judge.captured.iter().filter(|(_, it)| it.number == number);
            let ids = payments.map(|(id, _)| id.clone());
            self.judge.fair.back_at_once.extend(ids);
        }
    }

    /// A number of the form of ours that nobody here knows: made now, just before a server started
    /// anew, or before there was anybody.
    fn unknown_number(&self) -> String {
        let now = self.gateway_now();
        let since_s = self.now_s().saturating_sub(self.plan.starts_s).cast_signed();
        let last = self.judge.fair.starts_alone.last();
        let last = last.and_then(|start| UnixTime::from_beijing(start)).unwrap_or(now);
        let time = match self.last_unknown % 4 {
            0 => now.beijing(),
            2 => last.plus(-1).beijing(),
            1 => now.plus(-since_s - 3_600).beijing(),
            _ => "20261123192600".to_owned(),
        };
        format!("{time}LST{}", self.last_attempt())
    }

    /// The end of such a number: of an order's first attempt, or of a later one.
    pub(super) fn last_attempt(&self) -> String {
        format!("{}-{}", self.last_unknown, 1 + self.last_unknown % 8)
    }

    /// Another program of the same merchant closes a number.
    pub(super) fn close_number(&mut self, number: &str) {
        let request = self.signed(&[
            ("appid", APP_ID),
            ("mch_id", MCH_ID),
            ("nonce_str", "a3f0c1d2e4b596877869504132435466"),
            ("out_trade_no", number),
            ("sign_type", if self.plan.hmac { "HMAC-SHA256" } else { "MD5" }),
        ]);
        let now = self.gateway_now();
        let _ = self.gateway.handle(Call::CloseOrder, &Arrival::of(request.as_bytes()), now);
    }

    /// Somebody gives back in WeChat's console, of the first number.
    pub(super) fn by_hand(&mut self, at: usize) {
        let customer = &self.customers[at];
        // Each part of many that WeChat does not take any more would be tried for ever.
        let goes_in_parts = customer.wishes.len() >= PARTS_MANY;
        let Some(order_id) = customer.order_id.as_ref().filter(|_| !goes_in_parts) else { return };
        let target = Target::of_number(format!("{order_id}-1"));
        let refund_fen = self.luck.pick(&[None, Some(1)]);
        let refund = ConsoleRefund { refund_fen, ..ConsoleRefund::default() };
        let now = self.gateway_now();
        if let Ok(refund) = self.gateway.refund_by_hand(&target, refund, now) {
            self.fault("refund by hand");
            // Some come to nothing, and to WeChat it is all the same who has asked for them.
            if self.plan.refund_ends_badly > 0 && !self.calm {
                match at % 8 {
                    0 | 3 | 4 | 6 => self.refund_will_end(&refund.out_refund_no, RefundEnd::Closed),
                    2 => self.refund_will_end(&refund.out_refund_no, RefundEnd::Change),
                    _ => {}
                }
            }
            self.judge.by_hand.insert(refund.out_refund_no);
            self.judge.fair.given_back.insert(at);
            self.look_at_ledger();
        }
    }

    /// A document signed with the merchant's key.
    fn signed(&self, fields: &[(&str, &str)]) -> String {
        let Some(key) = Key::new(self.key) else { return String::new() };
        let algorithm = if self.plan.hmac { Algorithm::HmacSha256 } else { Algorithm::Md5 };
        let signature = sign(fields.iter().copied(), &key, algorithm);
        let mut xml = "<xml>".to_owned();
        for (name, value) in fields {
            xml.push_str(&format!("<{name}>{value}</{name}>"));
        }
        xml + "<sign>" + &signature + "</sign></xml>"
    }

    /// An operator looks at refunds that wait for a person.
    pub(super) fn operator(&mut self) {
        let Base::Memory(memory) = &self.base else { return };
        let rows = memory.refunds();
        self.decide_after_the_end(&rows);
        if !self.plan.hold && self.plan.other_currency == 0 {
            return;
        }
        let held: Vec<(String, bool)> = rows
            .iter()
            .filter(|row| row.get("state").is_some_and(|state| state == "held"))
            .filter_map(|row| {
                Some((row.get("out_refund_no")?.clone(), row.get("trouble")?.is_empty()))
            })
            .collect();
        for (number, may_go) in held {
            // What cannot be sent is paid back by hand.
            let release = may_go && self.people.chance(700);
            self.decide(number.clone(), release);
            if may_go && self.more.chance(self.plan.odd.second_thoughts / 2) {
                self.fault("two people decide at once");
                self.decide(number, !release);
            }
        }
    }

    /// Of what WeChat could not give to the customer an operator says now and then that he has seen
    /// to it. Nothing else can be decided about a refund that is over.
    fn decide_after_the_end(&mut self, rows: &[Row]) {
        if self.plan.odd.meddles == 0 {
            return;
        }
        for row in rows {
            let (number, state) = (cell(row, "out_refund_no").to_owned(), cell(row, "state"));
            let is_failed = state == "failed";
            if is_failed && self.judge.ends_in_change.contains(&number) && self.more.chance(5) {
                self.fault("somebody has seen to a refund that failed");
                self.decide(number, false);
            } else if matches!(state, "done" | "closed" | "failed") && self.more.chance(3) {
                let release = is_failed || self.more.chance(500);
                self.decide_too_late(number, release);
            }
        }
    }

    fn decide_too_late(&mut self, number: String, release: bool) {
        let Some(node) = self.some_server() else { return };
        self.fault("somebody decides on a refund that is over");
        self.task(node, move |server| async move {
            let may_not = server.decide(&number, release).await.is_ok();
            Outcome::Meddled { what: format!("a word on {number}, which is over"), may_not }
        });
    }

    pub(super) fn decide(&mut self, number: String, release: bool) {
        let Some(node) = self.some_server() else { return };
        let wanted = match release {
            true => &mut self.judge.released,
            false => &mut self.judge.may_be_dismissed,
        };
        wanted.insert(number.clone());
        self.task(node, move |server| async move {
            let result = server.decide(&number, release).await;
            Outcome::Decided { number, release, result }
        });
    }

    pub(super) fn decided(&mut self, number: &str, release: bool, result: &Result<(), No>) {
        self.judge.answered(&format!("a word on {number}"), *result == Err(No::Failed));
        if release && *result == Ok(()) && self.more.chance(self.plan.odd.second_thoughts) {
            let later = self.more.pick(&[1, 3_000, 60_000]);
            self.after(later, Event::SecondThought(number.to_owned()));
        }
        if *result == Ok(()) {
            let now = (self.now_ms, release);
            let before = self.judge.fair.decided_ms.insert(number.to_owned(), now);
            if before == Some((self.now_ms, !release)) {
                self.judge.violation(format!("{number} is released and dismissed at once"));
            }
        }
        if !release && *result == Ok(()) {
            self.judge.dismissed.insert(number.to_owned());
            self.dropped(number);
        }
    }

    /// A person has decided against this refund: by the rule no more of its payment goes back. Now
    /// and then somebody gives some of it back in WeChat's console all the same, which comes to
    /// nothing.
    fn dropped(&mut self, number: &str) {
        let Base::Memory(memory) = &self.base else { return };
        let rows = memory.refunds();
        let row = rows.iter().find(|row| cell(row, "out_refund_no") == number);
        let Some(id) = row.map(|row| cell(row, "transaction_id")) else { return };
        let of_payment = rows.iter().filter(|row| cell(row, "transaction_id") == id);
        let is_over =
            |row: &Row| matches!(cell(row, "state"), "done" | "closed" | "failed" | "dismissed");
        let may_be_shops = self.judge.wished.contains(order_of(number));
        if !self.judge.is_by_rule(number) || may_be_shops || !of_payment.clone().all(is_over) {
            return;
        }
        let known = of_payment.map(|row| cell(row, "out_refund_no").to_owned()).collect();
        self.judge.fair.dropped.entry(id.to_owned()).or_insert(known);
        if !self.calm && self.more.chance(self.plan.odd.by_hand_at_once * 5) {
            self.back_by_hand_in_vain(id);
        }
    }

    fn back_by_hand_in_vain(&mut self, transaction_id: &str) {
        let Some(captured) = self.judge.captured.get(transaction_id) else { return };
        let number = captured.number.clone();
        let is_orders = self.judge.bought.contains_key(order_of(&number));
        if !is_orders || self.judge.is_paid_twice(&number) {
            return;
        }
        let refund = ConsoleRefund { refund_fen: Some(1), ..ConsoleRefund::default() };
        let now = self.gateway_now();
        if let Ok(refund) = self.gateway.refund_by_hand(&Target::of_number(number), refund, now) {
            self.fault("refund by hand of what a person has decided against");
            self.refund_will_end(&refund.out_refund_no, RefundEnd::Closed);
            self.judge.by_hand.insert(refund.out_refund_no);
            self.look_at_ledger();
        }
    }
}
