//! The world: one thread, virtual time, a queue of events in the order of their times, and
//! everybody who takes part.

mod another;
mod buttons;
mod end;
mod event;
mod gateway;
mod heard;
mod insisting;
mod keys;
mod lists;
mod looks;
mod machines;
mod meddling;
mod notices;
mod others;
mod pages;
mod people;
mod rare;
mod refused;
mod sellers;
mod servers;
mod taken_up;
mod time;
mod wishes;
mod wrong;

pub(crate) use buttons::{Press, Sight};

use crate::bills::day_of;
use crate::bus::{Bus, Outcome};
use crate::judge::Judge;
use crate::plan::Plan;
use crate::random::{Hash, Random};
use event::{At, Event, Returned};
use notices::Notice;
use pages::Pages;
use people::Customer;
use saoma_sandbox::gateway::{Gateway, Rules};
use saoma_sandbox::{Limits, Merchant};
use saoma_server::simulation::{APP_ID, Base, KEY, MCH_ID, OTHER_APP_ID, REFUND_NOTIFY_URL};
use servers::Node;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// How long after the end of all faults everything has to be at rest, in seconds. A card is paid
/// back within days, notifications are repeated for one, and some goods are never fetched.
const REST_WITHIN_S: u64 = 5 * 86_400;
/// Most events of a run for each order; more is a circle. Of 16,000 seeds of a hundred orders,
/// the worst one had 1,066.
const EVENTS_MAX: u64 = 1_600;
/// A run of fewer orders than this may have as many events as one of so many.
pub(crate) const FEW_ORDERS: u64 = 50;
/// Most turns that servers take at one moment; more is a circle as well.
const TURNS_MAX: u64 = 100_000;

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) trace: u64,
    pub(crate) events: u64,
    pub(crate) orders: u64,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    /// What differed between bills and books, and where that ended.
    pub(crate) differences: BTreeMap<String, u64>,
    pub(crate) violations: Vec<String>,
    /// How many orders had been made when the first violation was seen.
    pub(crate) caught_after: Option<u64>,
}

/// See the module.
pub(crate) struct World {
    seed: u64,
    plan: Plan,
    now_ms: u64,
    queue: BinaryHeap<Reverse<At>>,
    placed: u64,
    events: u64,
    trace: Hash,
    verbose: bool,
    bus: Bus,
    base: Base,
    nodes: Vec<Node>,
    epochs: u64,
    gateway: Gateway,
    gateway_wakes_ms: Option<u64>,
    /// The merchant's key at the gateway.
    key: &'static str,
    seen_of_day: BTreeMap<i64, usize>,
    /// When WeChat was asked about each number last.
    asked_ms: BTreeMap<String, u64>,
    calls: BTreeMap<u64, gateway::Waiting>,
    last_call: u64,
    notices: BTreeMap<u64, Notice>,
    last_notice: u64,
    /// Notifications of payments that wait for one about a refund, by payment.
    held_back: BTreeMap<String, String>,
    last_unknown: u64,
    customers: Vec<Customer>,
    answers: BTreeMap<&'static str, Vec<u8>>,
    /// Numbers whose next payment is in another currency.
    pays_foreign: BTreeSet<String>,
    /// How often in a row each call was refused because of its signature.
    refused_signs: BTreeMap<(&'static str, String), u32>,
    judge: Judge,
    calm: bool,
    faults: BTreeMap<&'static str, u64>,
    caught_after: Option<u64>,
    net: Random,
    people: Random,
    luck: Random,
    servers: Random,
    keys: Random,
    more: Random,
    habits: Random,
    pages: Pages,
}

impl World {
    /// A world of this seed, in which nothing has happened yet.
    pub(crate) fn new(seed: u64, plan: Plan, base: Base, verbose: bool) -> Self {
        let refund_after_s = plan.odd.refund_after_s;
        let closed_when_refunded = plan.odd.closed_when_refunded;
        let rules =
            Rules { limits: Limits::OFF, refund_after_s, closed_when_refunded, ..Rules::default() };
        let merchant = Merchant::new(MCH_ID, APP_ID, KEY, "Saoma Cafe");
        let mut merchant = merchant.expect("the made-up merchant is a good one");
        merchant.more_appids.push(OTHER_APP_ID.to_owned());
        merchant.refund_notify_url = Some(REFUND_NOTIFY_URL.to_owned());
        let mut judge = Judge::default();
        (judge.hold, judge.unknown) = (plan.hold, plan.unknown);
        judge.fair = crate::fair::Fair::of(&plan);
        let start_ms = plan.starts_s * 1000;
        let mut world = Self {
            seed,
            now_ms: start_ms,
            queue: BinaryHeap::new(),
            placed: 0,
            events: 0,
            trace: Hash::new(),
            verbose,
            bus: Bus::default(),
            base,
            nodes: Vec::new(),
            epochs: 0,
            gateway: Gateway::new(rules, [merchant], seed),
            gateway_wakes_ms: None,
            key: KEY,
            seen_of_day: BTreeMap::new(),
            asked_ms: BTreeMap::new(),
            calls: BTreeMap::new(),
            last_call: 0,
            notices: BTreeMap::new(),
            last_notice: 0,
            held_back: BTreeMap::new(),
            last_unknown: 0,
            customers: Vec::new(),
            answers: BTreeMap::new(),
            pays_foreign: BTreeSet::new(),
            refused_signs: BTreeMap::new(),
            judge,
            calm: false,
            faults: BTreeMap::new(),
            caught_after: None,
            net: Random::new(seed, "network"),
            people: Random::new(seed, "people"),
            luck: Random::new(seed, "luck"),
            servers: Random::new(seed, "servers"),
            keys: Random::new(seed, "key change"),
            more: Random::new(seed, "more happens"),
            habits: Random::new(seed, "newer habits"),
            pages: Pages::new(seed),
            plan,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        if let Base::Memory(memory) = &self.base {
            memory.set_trouble(self.plan.trouble);
        }
        for node in 0..self.plan.nodes {
            let skew = if self.plan.skew_s == 0 || self.servers.chance(300) {
                0
            } else {
                self.plan.skew_s
            };
            let now_s = self.now_s();
            let first_day = day_of(now_s.saturating_add_signed(skew).cast_signed());
            self.judge.first_day = first_day.max(std::mem::take(&mut self.judge.first_day));
            self.nodes.push(Node::new(skew, now_s, self.plan.hmac));
            self.after(node as u64, Event::Start(node));
        }
        let mut at_ms = 1_000;
        for customer in 0..self.plan.orders {
            let customer = usize::try_from(customer).unwrap_or(0);
            let who = self.customer(customer);
            self.customers.push(who);
            self.after(at_ms, Event::Order(customer));
            if self.people.chance(self.plan.unknown_orders) {
                self.after(at_ms + 1, Event::UnknownOrder);
            }
            at_ms += self.people.below(2 * self.plan.gap_ms + 1);
        }
        self.plan_many_unknown(at_ms);
        let stop_ms = at_ms + self.plan.faults_last_s * 1000;
        for _ in 0..self.plan.power_cuts {
            let (node, at) = (self.some_node(), self.luck.below(at_ms + 3_600_000));
            self.after(at, Event::PowerCut(node));
        }
        for _ in 0..self.plan.clock_jumps {
            let (node, at) = (self.some_node(), self.luck.below(at_ms + 3_600_000));
            self.after(at, Event::ClockJump(node));
        }
        self.plan_key_change(at_ms + 3_600_000);
        self.plan_buttons(stop_ms);
        for hour in 1..stop_ms / 3_600_000 {
            self.after(hour * 3_600_000, Event::Operator);
        }
        self.after(stop_ms, Event::FaultsStop);
    }

    fn some_node(&mut self) -> usize {
        let nodes = self.nodes.len() as u64;
        usize::try_from(self.luck.below(nodes)).unwrap_or(0)
    }

    const fn now_s(&self) -> u64 {
        self.now_ms / 1000
    }

    fn gateway_now(&self) -> saoma_sandbox::time::UnixTime {
        saoma_sandbox::time::UnixTime(self.now_s().cast_signed())
    }

    /// Has something happen after so many milliseconds.
    fn after(&mut self, ms: u64, event: Event) {
        self.placed += 1;
        let time_ms = self.now_ms + ms;
        self.queue.push(Reverse(At { time_ms, place: self.placed, event }));
    }

    fn fault(&mut self, name: &'static str) {
        *self.faults.entry(name).or_default() += 1;
    }

    fn tell(&mut self, words: &str) {
        self.trace.add(&self.now_ms.to_le_bytes());
        self.trace.add(words.as_bytes());
        if self.verbose {
            println!("{:>12.3} {words}", self.now_ms as f64 / 1000.0 - self.plan.starts_s as f64);
        }
    }

    /// Runs to the end.
    pub(crate) async fn run(mut self) -> Ran {
        let mut ends_ms = u64::MAX;
        let events_max = EVENTS_MAX * self.plan.orders.max(FEW_ORDERS);
        while let Some(Reverse(at)) = self.queue.pop() {
            if at.time_ms > ends_ms || !self.judge.violations.is_empty() {
                break;
            }
            self.now_ms = at.time_ms;
            self.events += 1;
            if self.events > events_max {
                self.judge.violation("it never comes to rest: events without end".to_owned());
                break;
            }
            if matches!(at.event, Event::FaultsStop) {
                ends_ms = self.now_ms + REST_WITHIN_S * 1000;
            }
            self.set_clocks();
            // What happens in the same millisecond happens together; but for what may change
            // nothing.
            let alone = self.is_forged(&at.event);
            self.happens(at.event);
            while let Some(Reverse(next)) = self.queue.peek()
                && !alone
                && next.time_ms == self.now_ms
                && !self.is_forged(&next.event)
            {
                let Some(Reverse(next)) = self.queue.pop() else { break };
                self.events += 1;
                self.happens(next.event);
            }
            self.settle().await;
            if self.caught_after.is_none() && !self.judge.violations.is_empty() {
                let made = self.customers.iter().filter(|it| it.order_id.is_some()).count();
                self.caught_after = Some(made as u64);
            }
        }
        self.end().await
    }

    /// Lets everybody run until nobody can do anything more at this moment.
    async fn settle(&mut self) {
        let (mut turns, mut has_run) = (0_u64, false);
        loop {
            while !self.bus.is_idle() {
                turns += 1;
                if turns > TURNS_MAX {
                    let what = "a server never comes to rest: it works without end".to_owned();
                    return self.judge.violation(what);
                }
                match self.base {
                    // Those who die at a write tell nobody.
                    Base::Memory(_) => tokio::task::yield_now().await,
                    // A database on a disk works in threads of its own.
                    Base::Sqlite(_) => self.bus.news().await,
                }
                self.bury();
            }
            self.bury();
            let calls = self.bus.take_calls();
            let outcomes = self.bus.take_outcomes();
            if calls.is_empty() && outcomes.is_empty() {
                break;
            }
            has_run = true;
            for (epoch, call) in calls {
                self.called(epoch, call);
            }
            for (epoch, outcome) in outcomes {
                self.came_of(epoch, outcome);
            }
        }
        self.look_at_ledger();
        if has_run {
            self.ask_when_due().await;
        }
        if let Base::Memory(memory) = &self.base {
            let all_changed = memory.changed();
            self.pages_hear(&all_changed);
            for changed in all_changed {
                let when_s = self.now_ms.cast_signed() / 1000;
                self.judge.changed(&changed.order_id, (&changed.phase, changed.version), when_s);
                if changed.phase == "refunded" {
                    let is_back = self.is_back(&changed.order_id);
                    self.judge.shown_refunded(&changed.order_id, is_back);
                }
            }
        }
        self.listen().await;
        self.plan_wakes();
        self.plan_gateway();
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Order(customer) => self.order(customer),
            Event::View(customer) => self.look(customer),
            Event::Pay(customer) => self.pay(customer),
            Event::PayAgain(customer) => self.pay_again(customer),
            Event::PayByForce(customer, fault) => self.pay_by_force(customer, fault),
            Event::NumberClosed(customer) => self.number_closed(customer),
            Event::ByHand(customer) => self.by_hand(customer),
            Event::Cancel(customer) => self.cancel(customer),
            Event::Race(customer) => {
                self.pay(customer);
                self.cancel(customer);
            }
            Event::Refund(customer, wish) => self.ask_back(customer, wish),
            Event::Dispense(customer) => self.dispense(customer),
            Event::Flap(customer) => self.flap(customer),
            Event::Confirm(customer) => self.confirm(customer),
            Event::Operator => self.operator(),
            Event::SecondThought(number) => self.second_thought(number),
            Event::Meddle(customer) => self.meddle(customer),
            Event::AsksWrongly(customer) => self.asks_wrongly(customer),
            Event::ChangesWords(customer) => self.changes_words(customer),
            Event::Insists(customer) => self.insists(customer),
            Event::ReadLists(customer) => self.read_lists(customer),
            Event::Buttons => self.press_buttons(),
            Event::MustBeTried(order_id, times) => self.must_be_tried(order_id, times),
            Event::AskAfterAll(customer) => self.ask_after_all(customer),
            Event::MustBeMissed(order_id) => self.must_be_missed(&order_id),
            Event::MustBeKnown(payment) => self.must_be_known(&payment),
            Event::MustBeTold(order_id) => self.must_be_told(&order_id),
            Event::MustHaveCode(customer) => self.must_have_code(customer),
            Event::MustBeAskedBack(payment, number) => {
                self.must_be_asked_back(payment.as_deref(), &number)
            }
            Event::MustBeTroubled(number, told_ms) => self.must_be_troubled(&number, told_ms),
            Event::CloseAgain(customer) => self.close_again(customer),
            Event::TheRest(customer) => self.ask_for_the_rest(customer),
            Event::SameNumber(customer) => self.same_number(customer),
            Event::ConfirmsUnclaimed(customer) => self.confirms_unclaimed(customer),
            Event::OrderAgain(customer) => self.order_again(customer),
            Event::OtherSignType(node) => self.other_sign_type(node),
            Event::UnknownOrder => self.unknown_order(),
            Event::NoticeArrives(notice) => self.notice_arrives(notice),
            Event::Returned(id, returned) => self.returned(id, &returned),
            Event::PollGateway => self.poll_gateway(),
            Event::CallArrives(call) => self.call_arrives(call),
            Event::AnswerArrives(call) => self.answer_arrives(call),
            Event::Wake { node, kind } => self.wake(node, kind),
            Event::Start(node) => self.start(node),
            Event::PowerCut(node) => self.power_cut(node),
            Event::ClockJump(node) => self.clock_jump(node),
            Event::SetKey => self.set_key(),
            Event::Hold(node, held) => self.hold(node, held),
            Event::FaultsStop => self.faults_stop(),
        }
    }

    fn came_of(&mut self, epoch: u64, outcome: Outcome) {
        match outcome {
            Outcome::Started(server) => self.started(epoch, *server),
            Outcome::NotStarted => self.not_started(epoch),
            Outcome::Created { customer, result } => self.created(customer, result),
            Outcome::Viewed { customer, view, since } => self.viewed(customer, view, since),
            Outcome::Cancelled { customer, result } => self.cancelled(customer, &result),
            Outcome::Noticed { notice, answer } => self.noticed(notice, answer),
            Outcome::Claimed { lane, works } => self.claimed(epoch, lane, works),
            Outcome::Performed { lane } => self.performed(epoch, lane),
            Outcome::Ticked => self.ticked(epoch),
            Outcome::Reconciled { went_well } => self.reconciled(epoch, went_well),
            Outcome::Refunded { customer, wish, result } => {
                self.refund_begun(customer, wish, result);
            }
            Outcome::Decided { number, release, result } => {
                self.decided(&number, release, &result);
            }
            Outcome::Dispensed { customer, result } => self.dispensed(customer, result),
            Outcome::Confirmed { customer, result } => self.confirmed(customer, &result),
            Outcome::Pressed { press, result } => self.pressed(&press, &result),
            Outcome::SeenTo { sight, result } => self.seen_to(&sight, &result),
            Outcome::Meddled { what, may_not } => self.meddled(&what, may_not),
            Outcome::Repeated { order_id, result } => self.repeated(&order_id, &result),
        }
    }
}
