//! What shops want back.

use super::machines::Machine;
use super::sellers::number_of;
use super::wrong::one_fen;
use super::{Event, World};
use crate::bus::Outcome;
use crate::judge::Promised;
use saoma_server::simulation::{Asker, Begun, No, WantedBack};

/// How often something is asked again that could not be done now.
const TRIES_MAX: u32 = 400;
/// How long WeChat may be asked about a payment when nothing delays it.
const DOUBT_MS: u64 = 180_000;
/// And once nothing goes wrong any more: pauses grow to ten minutes before.
const CALM_DOUBT_MS: u64 = 1_800_000;

/// A refund that the shop wants, or an operator.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    by: Asker,
    refund_no: String,
    fen: u64,
    tries: u32,
    /// When the shop was first told that WeChat is being asked about the payment.
    doubted_ms: Option<u64>,
    is_over: bool,
    pub(super) is_promised: bool,
}

impl Wish {
    pub(super) const fn new(by: Asker, refund_no: String, fen: u64) -> Self {
        let doubted_ms = None;
        Self { by, refund_no, fen, tries: 0, doubted_ms, is_over: false, is_promised: false }
    }

    /// It is an operator who insists on it.
    pub(super) const fn is_operators(&self) -> bool {
        matches!(self.by, Asker::Operator(_))
    }

    /// The refund, as it is asked for each time.
    pub(super) fn wanted(&self, order_id: &str) -> WantedBack {
        let back = one_fen(self.by.clone(), order_id, &self.refund_no);
        WantedBack { amount_fen: self.fen, ..back }
    }

    /// The shop was told that it may not be.
    const fn is_refused(&self) -> bool {
        self.is_over && !self.is_promised
    }
}

impl World {
    /// Now and then the shop gives something back.
    pub(super) fn may_want_back(&mut self, at: usize) {
        let has_asked = self.customers[at].wishes.iter().any(|wish| !wish.is_operators());
        if has_asked || !self.people.chance(self.plan.refunds) {
            return;
        }
        let (price, shop) = (self.customers[at].price_fen, self.customers[at].who.shop);
        for wish in 0..self.people.between(1, 3) {
            let fen = self.people.pick(&[price, price / 2, price / 3, 1]).max(1);
            let refund_no = number_of(at, format!("BACK-{at}-{wish}"));
            let wishes = &mut self.customers[at].wishes;
            wishes.push(Wish::new(Asker::Shop(shop), refund_no, fen));
            let place = wishes.len() - 1;
            let later = self.people.pick(&[1, 1, 500, 90_000]);
            self.after(later, Event::Refund(at, place));
            if self.people.chance(300) {
                self.after(later, Event::Refund(at, place));
            }
        }
    }

    pub(super) fn ask_back(&mut self, at: usize, wish: usize) {
        let Some(node) = self.some_server() else {
            return self.after(1_000, Event::Refund(at, wish));
        };
        let customer = &mut self.customers[at];
        let Some(order_id) = customer.order_id.clone() else { return };
        let Some(wish_of) = customer.wishes.get_mut(wish).filter(|it| !it.is_over) else { return };
        wish_of.tries += 1;
        let back = wish_of.wanted(&order_id);
        self.judge.wished.insert(order_id);
        self.task(node, move |server| async move {
            let result = server.refund(&back).await;
            Outcome::Refunded { customer: at, wish, result }
        });
        // Whoever hears nothing asks again.
        let again = self.people.between(8_000, 20_000);
        self.after(again, Event::Refund(at, wish));
    }

    pub(super) fn refund_begun(&mut self, at: usize, wish: usize, result: Result<Begun, No>) {
        self.judge.answered(&format!("refund {wish} of {at}"), result == Err(No::Failed));
        let customer = &mut self.customers[at];
        let Some(order_id) = customer.order_id.clone() else { return };
        let Some(wish_of) = customer.wishes.get_mut(wish) else { return };
        match result {
            Ok(begun) => {
                (wish_of.is_over, wish_of.is_promised) = (true, true);
                let wish = wish_of.clone();
                self.has_begun(order_id, &wish, begun);
            }
            Err(No::Failed) if wish_of.tries < TRIES_MAX => {}
            // It is asked for again.
            Err(No::Refused(why)) if why.contains("InDoubt") && wish_of.tries < TRIES_MAX => {
                let since_ms = *wish_of.doubted_ms.get_or_insert(self.now_ms);
                let calm_ms = self.judge.alarms.calm_s.map(|calm_s| calm_s.unsigned_abs() * 1_000);
                let is_long = |since_ms: u64, most| self.now_ms.saturating_sub(since_ms) > most;
                let for_ever = self.plan.right_clocks()
                    && calm_ms.is_some_and(|calm_ms| is_long(calm_ms.max(since_ms), CALM_DOUBT_MS));
                if for_ever || is_long(since_ms, DOUBT_MS) && self.plan.is_quiet() {
                    let what = format!("{order_id}: WeChat is asked about its payment for ever");
                    self.judge.violation(what);
                }
            }
            Err(No::Refused(why)) if !wish_of.is_promised => {
                wish_of.is_over = true;
                if let Asker::Operator(meant) = wish_of.by.clone() {
                    return self.insisted_rightly(&order_id, meant.as_deref(), &why);
                }
                let fen = wish_of.fen;
                let wishes = customer.wishes.iter().filter(|it| !it.is_refused());
                let others = wishes.map(|it| it.fen).sum::<u64>();
                if why.contains("TooMuch") {
                    self.judge.refused_as_too_much(&order_id, others + fen);
                }
                self.refused_rightly(at, &order_id, &why);
            }
            Err(_) => wish_of.is_over = true,
        }
    }

    /// Whoever wanted something back hears that it has begun.
    fn has_begun(&mut self, order_id: String, wish: &Wish, begun: Begun) {
        let Begun { number, transaction_id } = begun;
        let meant = match &wish.by {
            Asker::Operator(meant) => meant.as_deref(),
            Asker::Shop(_) => None,
        };
        self.judge.begun_of(&order_id, &transaction_id, meant);
        if self.plan.is_quiet() {
            // Before it others of the payment may be sent, a minute apart.
            self.after(360_000, Event::MustBeAskedBack(None, number.clone()));
        }
        let (fen, at_ms, insists) = (wish.fen, self.now_ms, wish.is_operators());
        let promised = Promised { order_id, transaction_id, fen, at_ms, insists };
        self.judge.promise(&wish.refund_no, number, promised);
    }

    /// Why a shop's refund was refused may be so.
    fn refused_rightly(&mut self, at: usize, order_id: &str, why: &str) {
        let order = self.judge.bought.get(order_id);
        let is_wrong = match why {
            // It is the shop's own order, each wish has a number of its own, and they are few.
            "NotFound" | "RefundNoTaken" | "Lost" | "Refused(TooMany)" => true,
            "Refused(NotPaid)" => order.is_some_and(|it| matches!(&*it.phase, "paid" | "shipped")),
            "Dispensing" => self.customers[at].machine == Machine::Waits,
            // No field of it is beyond its rule.
            _ => why.starts_with("InvalidField"),
        };
        if is_wrong {
            self.judge.violation(format!("{order_id} may not be given back: {why}"));
        }
    }
}
