//! Customers and shops, each with habits.

use super::machines::Machine;
use super::sellers::number_of;
use super::wishes::Wish;
use super::{Event, World};
use crate::bus::Outcome;
use crate::judge::order_of;
use crate::told::are_fetched;
use saoma_sandbox::gateway::{Fault, FaultName, FaultRule};
use saoma_sandbox::{Coupon, CouponKind, Paid, Target, Tender};
use saoma_server::simulation::{No, View, Who};

/// How often a page looks at its order.
const VIEWS_MAX: u32 = 60;
/// By when a server knows that a number is closed, if nobody asks in between: the last question by
/// time is half an hour old.
const LEARNS_WITHIN_MS: u64 = 3_000_000;

/// A customer, the order, and what it comes to.
#[derive(Debug)]
pub(super) struct Customer {
    pub(super) order_no: String,
    pub(super) price_fen: u64,
    pub(super) expires_in_s: u64,
    pub(super) goods: &'static str,
    /// Who sells.
    pub(super) who: Who,
    pub(super) order_id: Option<String>,
    habit: Habit,
    /// The code that is to be paid: the first one that was shown, or that of the next number.
    pub(super) code: Option<String>,
    /// When somebody closed the first number.
    closed_ms: Option<u64>,
    views: u32,
    tries: u32,
    pub(super) has_paid: bool,
    /// Whether the page stays open after the payment.
    stays: bool,
    pub(super) ordered_ms: u64,
    pub(super) wishes: Vec<Wish>,
    pub(super) machine: Machine,
}

/// What a customer does with the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    Pays,
    PaysLate,
    PaysTwice,
    PaysAfterEnd,
    Cancels,
    Races,
    WalksAway,
    /// The number is closed in the middle, and both it and the next one are paid.
    PaysTwoNumbers,
    /// Just while the server asks for a newer code.
    PaysAtRenewal,
}

impl World {
    pub(super) fn customer(&mut self, at: usize) -> Customer {
        let (people, plan) = (&mut self.people, &self.plan);
        let habit = [
            (plan.pays_late, Habit::PaysLate),
            (plan.pays_twice, Habit::PaysTwice),
            (plan.pays_after_end, Habit::PaysAfterEnd),
            (plan.cancels, Habit::Cancels),
            (plan.races, Habit::Races),
            (plan.walks_away, Habit::WalksAway),
            (plan.two_numbers, Habit::PaysTwoNumbers),
            (plan.pays_at_renewal, Habit::PaysAtRenewal),
        ];
        let habit = habit.into_iter().find(|(often, _)| people.chance(*often));
        let habit = habit.map_or(Habit::Pays, |(_, habit)| habit);
        let device = people.chance(plan.machines).then(|| format!("machine-{}", at % 4));
        let stays = device.is_some() || !self.more.chance(plan.odd.closes_page);
        let is_long = !stays && self.more.chance(500);
        let lives_long = self.more.chance(plan.odd.lives_long);
        let who = self.who_sells(at, device);
        let (goods, people) = (self.some_goods(), &mut self.people);
        Customer {
            order_no: number_of(at, format!("NO-{at}")),
            goods,
            price_fen: people.pick(&[1, 2, 599, 1_800, 9_900, 123_456, 2_147_483_647]),
            expires_in_s: match habit {
                Habit::PaysTwoNumbers => people.pick(&[900, 7_200]),
                Habit::PaysAtRenewal => 7_200,
                _ if lives_long => people.pick(&[14_400, 86_400]),
                _ if is_long => 7_200,
                Habit::PaysLate => people.pick(&[120, 900, 7_200, 7_200]),
                _ => people.pick(&[120, 300, 900, 900, 900, 7_200]),
            },
            // A machine waits for the payment.
            stays: stays || are_fetched(&who),
            who,
            order_id: None,
            habit,
            code: None,
            closed_ms: None,
            views: 0,
            tries: 0,
            has_paid: false,
            ordered_ms: 0,
            wishes: Vec::new(),
            machine: Machine::Waits,
        }
    }

    pub(super) fn order(&mut self, at: usize) {
        let customer = &self.customers[at];
        if customer.order_id.is_some() {
            return;
        }
        // Now and then a shop asks two servers at once.
        let twice = self.net.chance(30);
        for _ in 0..if twice { 2 } else { 1 } {
            let Some(node) = self.some_server() else {
                return self.after(1_000, Event::Order(at));
            };
            let wanted = self.customers[at].wanted();
            self.task(node, move |server| async move {
                let result = server.create(&wanted).await;
                Outcome::Created { customer: at, result }
            });
        }
        // Whoever hears nothing asks again.
        let again = self.people.between(2_000, 9_000);
        self.after(again, Event::Order(at));
    }

    pub(super) fn created(&mut self, at: usize, result: Result<String, No>) {
        let order_id = match result {
            Ok(order_id) => order_id,
            Err(No::Refused(why)) => return self.refused_order(at, &why),
            Err(No::Failed) => return,
        };
        self.tell(&format!("order {order_id}"));
        let customer = &mut self.customers[at];
        self.judge.created(&order_id, &customer.wanted());
        if customer.order_id.is_none() {
            customer.order_id = Some(order_id);
            customer.ordered_ms = self.now_ms;
            self.after(300, Event::View(at));
            self.waits_for_whoever_lives(at);
            self.may_be_odd(at);
            self.opens_page(at);
        }
    }

    /// The customer's page looks at the order.
    pub(super) fn look(&mut self, at: usize) {
        let customer = &mut self.customers[at];
        customer.views += 1;
        let Some(order_id) = customer.order_id.clone() else { return };
        let since = self.judge.version_of(&order_id);
        match self.some_server() {
            Some(node) => self.task(node, move |server| async move {
                let view = server.view(&order_id).await;
                Outcome::Viewed { customer: at, view, since }
            }),
            None => self.after(2_000, Event::View(at)),
        }
    }

    pub(super) fn viewed(&mut self, at: usize, view: Result<Option<View>, No>, since: i64) {
        let Ok(Some(view)) = view else {
            return self.after(2_000, Event::View(at));
        };
        self.judge.reads(&view, since);
        let phase = view.phase.as_str();
        if view.code_url.is_some() && (phase != "open" || view.server_time >= view.expires_at) {
            self.judge.violation(format!("{} shows a code and is {phase}", view.order_id));
        }
        let (id, shown) = (view.order_id.as_str(), (view.amount_fen.get(), view.expires_at.get()));
        self.judge.viewed(id, shown, view.code_url.as_deref());
        self.waits_for_its_code(at, phase);
        self.waits_at_the_page(at, phase);
        if view.server_time < view.expires_at {
            self.code_is_good(view.order_id.as_str(), phase, view.code_url.as_deref());
        }
        let customer = &mut self.customers[at];
        if let (Some(closed_ms), false) = (customer.closed_ms, customer.has_paid) {
            return self.next_number(at, closed_ms, phase, view.code_url.as_deref());
        }
        match phase {
            "placing" if customer.views < VIEWS_MAX => self.after(1_000, Event::View(at)),
            "open" if customer.code.is_none() => {
                if let Some(code) = view.code_url {
                    customer.code = Some(code.as_str().to_owned());
                    self.decide_habit(at);
                    // Some look once more at the very moment at which it ends.
                    let left_s = view.expires_at.since(view.server_time);
                    if self.people.chance(250) && self.customers[at].stays {
                        self.after(left_s * 1000 - self.now_ms % 1000, Event::View(at));
                    }
                }
            }
            "open" | "closing" | "placing" if customer.has_paid && customer.views < VIEWS_MAX => {
                self.after(20_000, Event::View(at));
            }
            "paid" if customer.fetches() => {
                let later = self.people.pick(&[10, 10, 5_000]);
                self.after(later, Event::Dispense(at));
                self.may_want_back(at);
            }
            "paid" | "shipped" => self.may_want_back(at),
            _ => {}
        }
        if phase == "shipped" && self.people.chance(self.plan.by_hand) {
            let later = self.people.pick(&[1, 90_000, 40_000_000]);
            self.after(later, Event::ByHand(at));
        }
        self.may_meddle(at, phase);
        self.may_read_lists(at, phase);
        self.may_show_token(view.order_id.as_str());
        // Whoever has paid may want to give it up all the same.
        if phase == "paid" && self.people.chance(self.plan.cancels / 4) {
            let later = self.people.pick(&[1, 500, 30_000]);
            self.after(later, Event::Cancel(at));
        }
    }

    /// The first number was closed by somebody: there will be another one, which is paid, and so is
    /// the first one.
    fn next_number(&mut self, at: usize, closed_ms: u64, phase: &str, code: Option<&str>) {
        let customer = &mut self.customers[at];
        if phase == "open" && code.is_some() && customer.code.as_deref() != code {
            customer.code = code.map(str::to_owned);
            customer.has_paid = true;
            let old = self.people.pick(&[0, 50, 3_000, 200_000]);
            let new = self.people.pick(&[0, 50, 3_000, 200_000]);
            self.after(new, Event::Pay(at));
            self.after(old, Event::PayByForce(at, "an older number paid"));
        } else if matches!(phase, "open" | "placing")
            && self.now_ms < closed_ms.max(self.asked_ms(at)) + LEARNS_WITHIN_MS
        {
            let is_new = self.customers[at].views < VIEWS_MAX;
            self.after(if is_new { 20_000 } else { 120_000 }, Event::View(at));
        } else if phase == "open" && code.is_some() && self.plan.is_right() {
            let order_id = &self.customers[at].order_id;
            let what = format!("{order_id:?} shows the code of a closed number");
            self.judge.violation(what);
        }
    }

    /// When WeChat was asked about the order's first number last. What it said may have been lost.
    fn asked_ms(&self, at: usize) -> u64 {
        let order_id = self.customers[at].order_id.as_deref().unwrap_or_default();
        self.asked_ms.get(&format!("{order_id}-1")).copied().unwrap_or(0)
    }

    fn decide_habit(&mut self, at: usize) {
        let lives_ms = self.customers[at].expires_in_s * 1000;
        let pays = self.people.pick(&[0, 500, 5_000, 30_000, 100_000]);
        let pays = self.people.between(pays / 2, pays + 1).min(lives_ms - 2_000);
        let about_the_end = lives_ms - 3_000 + self.people.below(4_000);
        match self.customers[at].habit {
            Habit::Pays => {
                let pays = self.may_take_his_time(at, pays);
                self.after(pays, Event::Pay(at));
            }
            Habit::PaysLate => self.after(about_the_end, Event::Pay(at)),
            Habit::PaysTwice => {
                self.after(pays, Event::Pay(at));
                let again = self.people.pick(&[0, 50, 10_000, 1_000_000]);
                self.after(pays + again, Event::PayAgain(at));
                if self.more.chance(self.plan.odd.pays_thrice) {
                    let third = self.more.pick(&[0, 5_000, 100_000]);
                    self.after(pays + again + third, Event::PayAgain(at));
                }
            }
            Habit::PaysAfterEnd => {
                let mut later = self.people.pick(&[1, 400_000, 2_000_000]);
                if self.more.chance(300) {
                    // It is over, and WeChat takes no close yet.
                    let gives_up = self.more.between(1_000, 200_000);
                    self.after(lives_ms + gives_up, Event::Cancel(at));
                    later = gives_up + self.more.between(1, 60_000);
                }
                self.after(lives_ms + later, Event::PayByForce(at, "paid after the end"));
            }
            Habit::Cancels => {
                self.after(pays, Event::Cancel(at));
                let later = self.people.pick(&[0, 1, 700, 400_000]);
                if self.people.chance(300) {
                    self.after(pays + later, Event::Pay(at));
                }
            }
            Habit::Races => self.after(pays, Event::Race(at)),
            Habit::WalksAway => self.may_close_again(at),
            Habit::PaysAtRenewal => {}
            Habit::PaysTwoNumbers => {
                let later = self.people.between(301_000, 500_000);
                self.after(later, Event::NumberClosed(at));
            }
        }
    }

    fn tender(&mut self, at: usize) -> Tender {
        let price_fen = self.customers[at].price_fen;
        let mut tender = Tender::default();
        if price_fen > 10 && self.people.chance(self.plan.coupons) {
            self.fault("coupon");
            let kind = self.people.pick(&[None, Some(CouponKind::Cash), Some(CouponKind::NoCash)]);
            let fee_fen = self.people.between(1, price_fen / 2);
            tender.coupons.push(Coupon { id: "1001".to_owned(), fee_fen, kind });
        }
        tender
    }

    pub(super) fn pay(&mut self, at: usize) {
        let Some(code) = self.customers[at].code.clone() else { return };
        let Some(order_id) = self.customers[at].order_id.clone() else { return };
        let number = format!("{order_id}-1");
        if self.customers[at].habit == Habit::PaysTwoNumbers {
            // This code is not the first number's.
        } else if self.people.chance(self.plan.other_amount) {
            self.payment_fault(FaultName::PaidOtherAmount, &number);
        } else if self.people.chance(self.plan.other_currency) {
            if self.payment_fault(FaultName::PaidOtherCurrency, &number) {
                self.pays_foreign.insert(number);
            }
        } else if self.people.chance(self.plan.query_lags) {
            self.payment_fault(FaultName::QueryLags, &number);
        }
        let tender = self.tender(at);
        let now = self.gateway_now();
        let paid = self.gateway.pay(&Target::of_code(code), tender, now);
        self.tell(match &paid {
            Ok(_) => "paid",
            Err(_) => "not paid",
        });
        let paid = paid.ok();
        if let Some(paid) = &paid {
            self.has_scanned(at, &paid.transaction_id, &paid.out_trade_no);
        }
        if self.has_paid(paid.as_ref()) {
            self.customers[at].has_paid = true;
            let later = self.people.pick(&[1_000, 20_000, 200_000]);
            if self.customers[at].stays {
                self.after(later, Event::View(at));
            }
            if let Some(paid) = paid {
                self.may_go_back_at_once(at, &paid);
            }
        }
    }

    /// Somebody has paid with a phone, as it should be.
    fn has_scanned(&mut self, at: usize, transaction_id: &str, number: &str) {
        self.judge.fair.scanned.insert(transaction_id.to_owned());
        let customer = &self.customers[at];
        let age_ms = self.now_ms - customer.ordered_ms;
        let is_long = customer.expires_in_s >= 7_200 && age_ms < 1_500_000;
        if is_long && self.plan.is_right() && number.ends_with("-1") {
            let event = Event::MustBeKnown(transaction_id.to_owned());
            self.after(5_400_000 - age_ms, event);
        }
        self.is_asked_about_in_time(transaction_id, (number, age_ms));
    }

    pub(super) fn payment_fault(&mut self, name: FaultName, number: &str) -> bool {
        self.fault(name.as_str());
        let rule = FaultRule::next(Fault::new(name)).of_order(number);
        self.gateway.add_fault(rule).is_ok()
    }

    /// The gateway takes a second payment for a number, as it never should.
    pub(super) fn pay_again(&mut self, at: usize) {
        let Some(order_id) = &self.customers[at].order_id else { return };
        if !self.customers[at].has_paid {
            return;
        }
        let number = format!("{order_id}-1");
        self.fault("number paid twice");
        self.force(&number);
        self.may_insist(at, 5);
    }

    /// The gateway takes a payment for the first number, as it never should.
    pub(super) fn pay_by_force(&mut self, at: usize, fault: &'static str) {
        let Some(order_id) = &self.customers[at].order_id else { return };
        let number = format!("{order_id}-1");
        self.fault(fault);
        self.force(&number);
        self.customers[at].has_paid = true;
        self.after(30_000, Event::View(at));
    }

    pub(super) fn force(&mut self, number: &str) {
        let tender = Tender { force: true, ..Tender::default() };
        let now = self.gateway_now();
        // An order that never got there cannot be paid either.
        let paid = self.gateway.pay(&Target::of_number(number), tender, now);
        self.tell(&format!("{number} paid by force: {:?}", paid.is_ok()));
        self.has_paid(paid.ok().as_ref());
    }

    /// The gateway has taken a payment, or not.
    fn has_paid(&mut self, paid: Option<&Paid>) -> bool {
        if let Some(paid) = paid
            && self.pays_foreign.remove(&paid.out_trade_no)
        {
            self.judge.foreign.insert(paid.transaction_id.clone());
        }
        self.look_at_ledger();
        paid.is_some()
    }

    /// A server asks for a number's code once more. Some pay at that moment.
    pub(super) fn asked_again(&mut self, number: &str) -> bool {
        let order_id = order_of(number);
        let pays = |customer: &Customer| {
            customer.habit == Habit::PaysAtRenewal
                && !customer.has_paid
                && customer.code.is_some()
                && customer.order_id.as_deref() == Some(order_id)
        };
        let Some(at) = self.customers.iter().position(pays) else { return false };
        self.after(0, Event::PayByForce(at, "paid while its code is renewed"));
        true
    }

    /// Somebody closes the order's first number at WeChat, and it is not this server.
    pub(super) fn number_closed(&mut self, at: usize) {
        let customer = &mut self.customers[at];
        let Some(order_id) = &customer.order_id else { return };
        let number = format!("{order_id}-1");
        // One that WeChat has given no code for has a successor already.
        let shown = customer.code.as_ref().and_then(|code| self.judge.fair.codes.get(code));
        if shown != Some(&number) {
            return;
        }
        customer.closed_ms = Some(self.now_ms);
        customer.views = 0;
        self.fault("number closed by another program");
        self.close_number(&number);
        self.after(20_000, Event::View(at));
    }

    pub(super) fn cancel(&mut self, at: usize) {
        let Some(order_id) = self.customers[at].order_id.clone() else { return };
        self.judge.fair.cancelled.insert(order_id.clone());
        if let Some(node) = self.some_server() {
            self.task(node, move |server| async move {
                let result = server.cancel(&order_id).await;
                Outcome::Cancelled { customer: at, result }
            });
        }
    }

    pub(super) fn cancelled(&mut self, at: usize, result: &Result<View, No>) {
        // Whoever is told so after the end has given up what WeChat has not closed yet.
        if let Ok(view) = result {
            self.judge.reads(view, 0);
            self.judge.given_up.insert(view.order_id.as_str().to_owned());
        }
        self.may_be_told_so(at, result);
        self.judge.answered(&format!("giving up {at}"), *result == Err(No::Failed));
        let customer = &mut self.customers[at];
        customer.tries += 1;
        if *result == Err(No::Failed) && customer.tries < 5 {
            self.after(1_000, Event::Cancel(at));
        }
    }

    /// What is paid and kept cannot be given up, and what nobody has paid for always can.
    fn may_be_told_so(&mut self, at: usize, result: &Result<View, No>) {
        let Some(order_id) = &self.customers[at].order_id else { return };
        let mut payments = self.judge.captured.values();
        let is_wrong = match result {
            Ok(view) => matches!(view.phase.as_str(), "paid" | "shipped"),
            Err(No::Refused(_)) => !payments.any(|it| order_of(&it.number) == order_id),
            Err(No::Failed) => false,
        };
        if is_wrong {
            let what = format!("{order_id} is given up: {result:?}");
            self.judge.violation(what);
        }
    }
}
