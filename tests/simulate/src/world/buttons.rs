//! An operator's buttons: something is tried at once, WeChat is asked, an alarm is seen to.

use super::{Event, World};
use crate::bus::Outcome;
use crate::random::Random;
use crate::verdict::{Row, cell};
use saoma_server::simulation::{Base, Listed, No};
use std::collections::{BTreeMap, BTreeSet};

/// What comes up sooner is not worth a button.
const WAITS_S: i64 = 15;
/// After so many tries somebody is told, or gives up: only time may lead there.
const TRIES_MAX: i64 = 12;
/// Where so much waits nobody presses a button for each.
const MANY: usize = 5;
/// How late a call may go out, in seconds.
const LATE_S: i64 = 10;
/// How often it has to be so in a row, and how far apart: a call of the same order may just have
/// ended, and the next one begin.
const LATE_TIMES: u32 = 3;
const LATE_AGAIN_MS: u64 = 1_500;
/// At what millisecond of a minute he presses: at no other one's.
const AT_MS: u64 = 17_337;
/// What is said of a refund that a person may let go once he has looked.
const LET_GO: &str = "release this refund";
/// For so long he looks each minute, and later three times an hour; at last each second hour.
const EAGER_MS: u64 = 3_600_000;
const CALM_MS: u64 = 2 * 86_400_000;

/// What he saw when he pressed a button for an entry or an order.
#[derive(Debug)]
pub(crate) struct Press {
    order_id: String,
    /// What waited then.
    waited: Vec<Listed>,
    /// Whether WeChat was to be asked.
    asks: bool,
}

/// An alarm that he says he has seen to, and how far the alarms of its payment were.
#[derive(Debug)]
pub(crate) struct Sight {
    transaction_id: String,
    kind: String,
    before: BTreeMap<String, String>,
}

impl World {
    /// In most runs an operator looks around again and again.
    pub(super) fn plan_buttons(&mut self, stop_ms: u64) {
        if !self.pages.random.chance(700) {
            return;
        }
        let mut at_ms = AT_MS;
        while at_ms < stop_ms + CALM_MS {
            self.after(at_ms, Event::Buttons);
            at_ms += match at_ms {
                at_ms if at_ms < EAGER_MS => 60_000,
                at_ms if at_ms < stop_ms => 1_200_000,
                _ => 7_200_000,
            };
        }
    }

    pub(super) fn press_buttons(&mut self) {
        let Base::Memory(memory) = &self.base else { return };
        let waiting = memory.waiting(self.now_s().cast_signed() + WAITS_S);
        let alarms = self.pages.random.chance(200).then(|| memory.anomalies());
        let often = if waiting.len() > MANY { 40 } else { 250 };
        let mut pressed = BTreeSet::new();
        for entry in waiting {
            let is_tried = (1..=TRIES_MAX).contains(&entry.tries);
            // Of two buttons for one order each would have the other's way.
            if is_tried && self.pages.random.chance(often) && pressed.insert(entry.order_id.clone())
            {
                match entry.kind.as_str() {
                    "query" => self.press_ask(entry.order_id),
                    _ => self.press_retry(entry),
                }
            }
        }
        if let Some(alarms) = alarms {
            self.see_to_alarms(&alarms);
            self.let_doubtful_go();
            self.ask_about_some_order(&pressed);
            self.retry_what_is_over();
        }
    }

    fn press_retry(&mut self, entry: Listed) {
        let Some(node) = self.any_server() else { return };
        self.fault("an operator has something tried at once");
        if let Some(number) = entry.key.strip_prefix("refund-") {
            self.judge.heard.hurried.insert(number.to_owned());
        }
        self.task(node, move |server| async move {
            let result = server.retry(&entry.order_id, &entry.key).await;
            let order_id = entry.order_id.clone();
            let press = Press { order_id, waited: vec![entry], asks: false };
            Outcome::Pressed { press, result }
        });
    }

    fn press_ask(&mut self, order_id: String) {
        let Base::Memory(memory) = &self.base else { return };
        let from_s = self.now_s().cast_signed() + WAITS_S;
        let mut waited = memory.entries_of(&order_id);
        waited.retain(|it| it.kind == "query" && it.state == "pending" && it.due_at > from_s);
        let Some(node) = self.any_server() else { return };
        self.fault("an operator has WeChat asked");
        self.task(node, move |server| async move {
            let result = server.ask_wechat(&order_id).await;
            Outcome::Pressed { press: Press { order_id, waited, asks: true }, result }
        });
    }

    /// Whether no server's clock is wrong at this moment, whatever it was before.
    fn are_clocks_right(&self) -> bool {
        self.nodes.iter().all(|node| node.skew_s == 0)
    }

    /// What waited is tried now, unless something new is asked.
    pub(super) fn pressed(&mut self, press: &Press, result: &Result<bool, No>) {
        let Base::Memory(memory) = &self.base else { return };
        if *result == Err(No::Failed) || !self.are_clocks_right() {
            return;
        }
        let entries = memory.entries_of(&press.order_id);
        let is_left = press.waited.iter().any(|it| entries.contains(it));
        let asks_anew = press.asks && *result == Ok(true);
        if is_left && !asks_anew || result.is_err() {
            self.judge.violation(format!("{press:?} has changed nothing: {result:?}"));
        }
        if *result == Ok(true) {
            let order_id = press.order_id.clone();
            let late_ms = LATE_S.cast_unsigned() * 1_000 + LATE_AGAIN_MS;
            self.after(late_ms, Event::MustBeTried(order_id, 1));
        }
    }

    /// What an operator has made due is performed: a server that has nothing else to do for it has
    /// been woken. One that shares its database looks every few seconds anyhow.
    pub(super) fn must_be_tried(&mut self, order_id: String, times: u32) {
        let Base::Memory(memory) = &self.base else { return };
        let now_s = self.now_s().cast_signed();
        let lives = self.nodes[0].server().is_some() && now_s - self.judge.fair.died_s > 60;
        if !lives || !self.is_alone() || !self.are_clocks_right() {
            return;
        }
        let entries = memory.entries_of(&order_id);
        let sleeps = |for_shops: bool| {
            let mut of_lane = entries.iter().filter(|it| it.for_shops == for_shops);
            let is_due = |it: &Listed| it.state == "pending" && it.due_at + LATE_S < now_s;
            let is_busy = of_lane.clone().any(|it| it.state == "leased");
            !is_busy && self.nodes[0].rests(for_shops) && of_lane.any(is_due)
        };
        match sleeps(false) || sleeps(true) {
            true if times >= LATE_TIMES => {
                let what = format!("{order_id:?} is due, and nobody is at it: {entries:?}");
                self.judge.violation(what);
            }
            true => self.after(LATE_AGAIN_MS, Event::MustBeTried(order_id, times + 1)),
            false => {}
        }
    }

    /// Of some order that is not paid yet WeChat is asked although nothing waits.
    fn ask_about_some_order(&mut self, pressed: &BTreeSet<String>) {
        let Some(order_id) = self.some_order() else { return };
        let is_open = self.judge.bought.get(&order_id).is_some_and(|it| it.phase == "open");
        if is_open && !pressed.contains(&order_id) {
            self.press_ask(order_id);
        }
    }

    /// What is done is not tried again.
    fn retry_what_is_over(&mut self) {
        let Some(order_id) = self.some_order() else { return };
        let Base::Memory(memory) = &self.base else { return };
        let key = format!("place-{order_id}-1");
        let entries = memory.entries_of(&order_id);
        let is_done = entries.iter().any(|it| it.key == key && it.state == "done");
        let Some(node) = self.any_server().filter(|_| is_done) else { return };
        self.task(node, move |server| async move {
            let may_not = server.retry(&order_id, &key).await == Ok(true);
            Outcome::Meddled { what: format!("{key} tried again, which is done"), may_not }
        });
    }

    fn some_order(&mut self) -> Option<String> {
        let customers = self.customers.len() as u64;
        let at = usize::try_from(self.pages.random.below(customers.max(1))).unwrap_or(0);
        self.customers.get(at)?.order_id.clone()
    }

    /// An operator has seen to some of the alarms that wait for that.
    fn see_to_alarms(&mut self, alarms: &[Row]) {
        let mut seen = BTreeSet::new();
        for row in alarms {
            let (id, kind) = (cell(row, "transaction_id"), cell(row, "kind"));
            let is_open = cell(row, "refund") == "open";
            if !is_open || !self.pages.random.chance(100) || !seen.insert(id) {
                continue;
            }
            let Some(node) = self.any_server() else { return };
            let before = states_of(alarms, id);
            self.fault("an operator has seen to an alarm");
            let (transaction_id, kind) = (id.to_owned(), kind.to_owned());
            // Whatever he is told, it may be so.
            self.judge.fair.seen_to.insert((transaction_id.clone(), kind.clone()));
            self.task(node, move |server| async move {
                let result = server.see_to(&transaction_id, &kind).await;
                Outcome::SeenTo { sight: Sight { transaction_id, kind, before }, result }
            });
        }
    }

    /// Some of the refunds that wait because somebody had to look first an operator lets go: he has
    /// looked. Where some of the payment is back already he cannot know how much more may go.
    fn let_doubtful_go(&mut self) {
        let Base::Memory(memory) = &self.base else { return };
        for row in memory.refunds() {
            let (number, trouble) = (cell(&row, "out_refund_no"), cell(&row, "trouble"));
            let payment = self.judge.captured.get(cell(&row, "transaction_id"));
            let is_whole = payment.is_some_and(|payment| payment.refunds.is_empty());
            let is_doubtful = cell(&row, "state") == "held" && trouble.contains(LET_GO);
            if is_doubtful && is_whole && Random::new(self.seed, number).chance(250) {
                self.fault("an operator lets a doubtful refund go");
                self.decide(number.to_owned(), true);
            }
        }
    }

    /// The alarm is over, and no other one of the payment is for that.
    pub(super) fn seen_to(&mut self, sight: &Sight, result: &Result<bool, No>) {
        let Base::Memory(memory) = &self.base else { return };
        if *result == Err(No::Failed) {
            return;
        }
        let after = states_of(&memory.anomalies(), &sight.transaction_id);
        let is_open = after.get(&sight.kind).is_some_and(|state| state == "open");
        let others_end = after.iter().any(|(kind, state)| {
            *kind != sight.kind && state == "dismissed" && sight.before.get(kind) != Some(state)
        });
        if is_open || others_end {
            self.judge.violation(format!("{sight:?} was seen to, {result:?}: {after:?}"));
        }
    }
}

/// How far the alarms of a payment are, by kind.
fn states_of(alarms: &[Row], transaction_id: &str) -> BTreeMap<String, String> {
    let of_payment = alarms.iter().filter(|row| cell(row, "transaction_id") == transaction_id);
    of_payment.map(|row| (cell(row, "kind").to_owned(), cell(row, "refund").to_owned())).collect()
}
