//! Whoever tries what may not be, and answers and notifications that somebody has changed.

use super::gateway::field;
use super::notices::changed;
use super::sellers::other_app;
use super::wrong::{another_machine, another_shop, one_fen};
use super::{Event, World};
use crate::bus::Outcome;
use crate::judge::{Captured, order_of};
use saoma_sandbox::Paid;
use saoma_sandbox::gateway::Call;
use saoma_sandbox::seal::{open, seal};
use saoma_sandbox::sign::Key;
use saoma_server::simulation::{Asker, Base, Wanted, WantedBack};

impl World {
    pub(super) fn may_meddle(&mut self, at: usize, phase: &str) {
        if !matches!(phase, "paid" | "shipped") {
            return;
        }
        self.may_change_words(at);
        self.may_insist(at, 1);
        if self.more.chance(self.plan.odd.meddles) {
            let later = self.more.pick(&[1, 50, 2_000, 100_000]);
            self.after(later, Event::Meddle(at));
        }
    }

    /// Somebody tries what a server has to refuse.
    pub(super) fn meddle(&mut self, at: usize) {
        let customer = &self.customers[at];
        let Some(order_id) = customer.order_id.clone() else { return };
        let (wanted, is_fetched) = (customer.wanted(), customer.fetches());
        let promised = customer.wishes.iter().find(|wish| wish.is_promised);
        let promised = promised.map(|wish| wish.wanted(&order_id));
        let which = self.more.below(6);
        let less = |fen: u64| if fen > 1 { fen - 1 } else { 2 };
        let Some(node) = self.some_server() else { return };
        self.fault("somebody tries what may not be");
        self.task(node, move |server| async move {
            let (what, may_not) = match (which, promised) {
                (0, Some(back)) => {
                    let back = WantedBack { amount_fen: less(back.amount_fen), ..back };
                    let asked = server.refund(&back).await;
                    ("a refund's number with another amount", asked.is_ok())
                }
                (0 | 1, _) => {
                    let by = Asker::Shop(another_shop(&wanted.who));
                    let asked = server.refund(&one_fen(by, &order_id, "NOT-MINE")).await;
                    ("a refund of another shop's order", asked.is_ok())
                }
                (2, _) if is_fetched => {
                    let claimed = server.dispense(&order_id, &another_machine(&wanted.who)).await;
                    ("goods of another machine", claimed.is_ok())
                }
                (3, _) if is_fetched => {
                    let who = another_machine(&wanted.who);
                    let made = server.create(&Wanted { who, ..wanted }).await;
                    ("another machine's order by its number", made.is_ok())
                }
                (4, _) => {
                    let expires_in_s = if wanted.expires_in_s == 900 { 7_200 } else { 900 };
                    let made = server.create(&Wanted { expires_in_s, ..wanted }).await;
                    ("an order's number with another time to pay", made.is_ok())
                }
                _ => {
                    let amount_fen = less(wanted.amount_fen);
                    let made = server.create(&Wanted { amount_fen, ..wanted }).await;
                    ("an order's number with another price", made.is_ok())
                }
            };
            Outcome::Meddled { what: format!("{what}: {order_id}"), may_not }
        });
    }

    pub(super) fn meddled(&mut self, what: &str, may_not: bool) {
        if may_not {
            self.judge.violation(format!("somebody was let have {what}"));
        }
    }

    /// An operator has let a refund go, and would rather not have.
    pub(super) fn second_thought(&mut self, number: String) {
        let Some(node) = self.some_server() else { return };
        self.judge.may_be_dismissed.insert(number.clone());
        self.task(node, move |server| async move {
            let result = server.decide(&number, false).await;
            Outcome::Decided { number, release: false, result }
        });
    }

    /// However its notifications fare, a payment is known by now: WeChat is asked by time.
    ///
    /// Of a number that was paid twice, WeChat's answer tells of one payment, and once that one is
    /// known nobody asks any more; the bill tells of the other.
    pub(super) fn must_be_known(&mut self, transaction_id: &str) {
        let Base::Memory(memory) = &self.base else { return };
        let captured = &self.judge.captured;
        let number = captured.get(transaction_id).map(|payment| &payment.number);
        let mut of_number = captured.iter().filter(|(_, it)| Some(&it.number) == number);
        if !of_number.any(|(id, _)| memory.has_payment(id)) {
            self.judge.violation(format!("{transaction_id} is not known after an hour"));
        }
    }

    /// Somebody gives back in the console what was paid a moment ago.
    pub(super) fn may_go_back_at_once(&mut self, at: usize, paid: &Paid) {
        let often = if self.is_number_untold(&paid.out_trade_no) { 8 } else { 1 };
        if !self.more.chance(self.plan.odd.by_hand_at_once * often) {
            return;
        }
        self.by_hand(at);
        let id = &paid.transaction_id;
        let is_back = self.judge.captured.get(id).is_some_and(|it| !it.refunds.is_empty());
        // Nobody can have heard of the payment without its refund.
        if is_back && self.is_number_untold(&paid.out_trade_no) {
            self.judge.fair.back_at_once.insert(id.clone());
        }
    }

    pub(super) fn plan_ask_after_all(&mut self) {
        // Of some orders their shop never wants anything back: what is told of them counts.
        let given_back = std::mem::take(&mut self.judge.fair.given_back).into_iter();
        for customer in given_back.filter(|customer| customer % 3 != 0) {
            self.after(2 * 86_400_000, Event::TheRest(customer));
            self.after(4 * 86_400_000, Event::AskAfterAll(customer));
        }
    }

    /// Days after somebody gave all of it back by hand, the shop wants to do so as well.
    pub(super) fn ask_after_all(&mut self, at: usize) {
        let customer = &self.customers[at];
        let Some(order_id) = customer.order_id.clone() else { return };
        let by = Asker::Shop(customer.who.shop);
        let amount_fen = customer.price_fen;
        let mut payments =
            self.judge.captured.values().filter(|it| order_of(&it.number) == order_id);
        let is_back = |it: &Captured| it.refunded() == it.total_fen;
        let all_back = payments.next().is_some_and(is_back) && payments.next().is_none();
        let Some(node) = self.some_server().filter(|_| all_back) else { return };
        self.task(node, move |server| async move {
            let back = WantedBack { amount_fen, ..one_fen(by, &order_id, "AFTER-ALL") };
            let may_not = server.refund(&back).await.is_ok();
            Outcome::Meddled { what: format!("{order_id} given back once more"), may_not }
        });
    }

    /// Which of the numbers whose code somebody saw are neither paid nor closed.
    pub(super) fn look_at_numbers(&mut self) {
        let now = self.gateway_now();
        let mut open = self.judge.fair.seen.clone();
        open.retain(|number| {
            let orders = self.gateway.orders_numbered(number, now);
            orders.iter().any(|order| order.closed_at.is_none() && order.payments.is_empty())
        });
        self.judge.fair.open = open;
    }

    /// Which code is which number's.
    pub(super) fn note_code(&mut self, call: Call, request: &str, answer: &[u8]) {
        if call == Call::UnifiedOrder
            && let Some(number) = field(request, "out_trade_no")
            && let Some(code) =
                std::str::from_utf8(answer).ok().and_then(|it| field(it, "code_url"))
        {
            self.judge.fair.codes.insert(code.to_owned(), number.to_owned());
            self.judge.fair.given_s.insert(code.to_owned(), self.now_s());
        }
    }

    /// A good answer may be another one's (`answers` has the last of each kind), or be changed on
    /// its way.
    pub(super) fn may_go_wrong(&mut self, path: &'static str, answer: Vec<u8>) -> Vec<u8> {
        // The others do not say what they are about.
        let says = [Call::OrderQuery, Call::Refund, Call::RefundQuery].map(Call::path);
        if !says.contains(&path) && path != Call::CloseOrder.path() {
            return answer;
        }
        let before = self.answers.insert(path, answer.clone());
        if self.calm {
            return answer;
        }
        if self.more.chance(self.plan.odd.answer_mixed_up)
            && says.contains(&path)
            && let Some(before) = before.filter(|before| !is_about_the_same(before, &answer))
        {
            self.fault("an answer to the question before");
            return before;
        }
        if self.more.chance(self.plan.odd.answer_altered)
            && let Ok(text) = std::str::from_utf8(&answer)
        {
            if field(text, "trade_state") == Some("NOTPAY") && self.more.chance(500) {
                return self.in_anothers_name(text).into_bytes();
            }
            let (name, value) = self.more.pick(&[
                ("trade_state", "CLOSED"),
                ("trade_state", "NOTPAY"),
                ("total_fee", "1"),
                ("refund_fee", "1"),
                ("refund_status_0", "SUCCESS"),
                ("refund_status_0", "REFUNDCLOSE"),
            ]);
            let other = changed(text, name, value);
            if other != text {
                self.fault("an answer changed on its way");
                return other.into_bytes();
            }
        }
        answer
    }

    /// What became of another's number, rightly signed: one word says that it is not this one.
    fn in_anothers_name(&mut self, answer: &str) -> String {
        self.fault("an answer in another's name");
        let (name, value) =
            self.more.pick(&[("appid", other_app(answer)), ("mch_id", "1900000110")]);
        let closed = self.resigned(answer, "trade_state", "CLOSED");
        self.resigned(&closed, name, value)
    }

    /// An order's next number is asked for: the one before it cannot be paid any more, or was.
    pub(super) fn number_before_is_over(&mut self, number: &str) {
        let Some((order_id, attempt)) = number.rsplit_once('-') else { return };
        let before = attempt.parse::<u64>().unwrap_or(0).saturating_sub(1);
        let before = format!("{order_id}-{before}");
        let orders = self.gateway.orders_numbered(&before, self.gateway_now());
        let is_open = orders.iter().any(|it| it.closed_at.is_none() && it.payments.is_empty());
        let is_new = !self.judge.fair.ordered.contains_key(number);
        if is_open && is_new && self.plan.right_clocks() {
            self.judge.violation(format!("{number} is ordered, and {before} is still open"));
        }
    }

    /// Whoever has seen two refund notifications puts a third together of their blocks: one that
    /// says of another refund that it is done.
    pub(super) fn put_together(&mut self, body: &str) {
        let numbers: Vec<&String> = self.judge.ends_badly.iter().collect();
        if numbers.is_empty() {
            return;
        }
        let number = self.more.pick(&numbers).clone();
        let Some(key) = Key::new(self.key) else { return };
        let Some(sealed) = field(body, "req_info") else { return };
        let Some(plain) = open(sealed, &key) else { return };
        let plain = changed(&plain, "out_refund_no", &number);
        let plain = changed(&plain, "refund_status", "SUCCESS");
        let forged = body.replacen(sealed, &seal(&plain, &key), 1);
        self.fault("a refund notice put together");
        self.judge.heard.hurried.insert(number);
        let at = self.more.between(1, 400);
        self.deliver(at, None, &forged, true, false);
    }
}

/// Whether two answers are about the same number.
fn is_about_the_same(one: &[u8], other: &[u8]) -> bool {
    let number = |answer: &[u8]| {
        let text = std::str::from_utf8(answer).unwrap_or_default();
        let names = ["out_refund_no", "out_refund_no_0", "out_trade_no"];
        names.iter().find_map(|name| field(text, name).map(str::to_owned))
    };
    number(one) == number(other)
}
