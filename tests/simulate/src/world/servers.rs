//! The servers: they start, die, have wrong clocks, and wake when something is due.

use super::event::At;
use super::{Event, World};
use crate::bus::{Line, Outcome};
use saoma_core::time::UnixTime;
use saoma_server::ManualClock;
use saoma_server::simulation::{AtOnce, Base, Held, Options, Server, Work};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Most entries of a lane that are performed at once, as the worker has it.
const PARALLEL_MAX: usize = 16;
/// What wakes a server: entries for WeChat, entries for shops, orders, goods, bills.
const KINDS: usize = 5;
/// The last one of them.
const BILLS: usize = 4;
/// When WeChat's bill of the day before is there, by the clock in Beijing.
const BILL_READY_S: u64 = 10 * 3_600;

/// A server, alive or not.
pub(super) struct Node {
    pub(super) skew_s: i64,
    /// What its clock shows.
    shows_s: u64,
    pub(super) held: Held,
    /// Whether it signs new orders by HMAC-SHA256.
    pub(super) hmac: bool,
    clock: ManualClock,
    epoch: u64,
    alive: Option<Alive>,
    is_starting: bool,
    tasks: JoinSet<()>,
}

struct Alive {
    server: Server,
    at_once: AtOnce,
    performing: [usize; 2],
    wakes_ms: [Option<u64>; KINDS],
    /// When each was last looked at, by this server's clock; 0 once its bell has rung again.
    looked_s: [u64; KINDS],
    /// After how many transactions bells were listened to.
    heard: Option<u64>,
    due: [Option<u64>; KINDS],
    /// What it knows of `due`, and of which kinds it looks again.
    known: [Option<u64>; KINDS],
    looks: [bool; KINDS],
    /// Until when its worker would sleep that keeps time.
    next_s: Option<u64>,
    /// Whether it is at its bills.
    reconciles: bool,
    /// When it last did everything about bills that there was, by its clock.
    reconciled_s: Option<u64>,
}

impl Alive {
    /// Whoever hears his own bell looks again at once. `true`: one has rung, and nobody has
    /// committed anything.
    fn listen(&mut self, ended: Option<u64>) -> bool {
        let nothing_new = ended.is_some() && ended == self.heard;
        self.heard = ended;
        let [gateway, shop, time] = self.server.rung();
        for (kind, rung) in [gateway, shop, time, time].into_iter().enumerate() {
            if rung {
                self.looked_s[kind] = 0;
                self.looks[kind] = true;
            }
        }
        nothing_new && (gateway || shop || time)
    }

    /// Who has a database to himself sleeps until what he knew when he looked last, or until his
    /// bell rings. Bills are looked at every few seconds.
    fn knows(&mut self, due: [Option<u64>; KINDS]) -> [Option<u64>; KINDS] {
        let [gateway, shop, orders, goods, bills] = due;
        // What is due is no use to a worker that does not know of it.
        let due = match orders.into_iter().chain(goods).min() == self.next_s {
            true => due,
            false => [gateway, shop, self.next_s, None, bills],
        };
        for (kind, due) in due.into_iter().enumerate() {
            if std::mem::take(&mut self.looks[kind]) || kind == BILLS {
                self.known[kind] = due;
            }
        }
        self.known
    }

    /// When it has something of a kind to do, by its clock, which shows `now_s`.
    fn due_s(&self, kind: usize, due: [Option<u64>; KINDS], now_s: u64) -> Option<u64> {
        if kind != BILLS {
            return due[kind];
        }
        let next_bill = self.reconciled_s.map_or(0, |done_s| next_bill_s(done_s.min(now_s)));
        Some(due[BILLS].map_or(next_bill, |due_s| due_s.min(next_bill)))
    }

    fn is_full(&self, kind: usize) -> bool {
        match kind {
            BILLS => self.reconciles,
            kind => kind < 2 && self.performing[kind] >= PARALLEL_MAX,
        }
    }
}

/// When the next bill is there.
fn next_bill_s(after_s: u64) -> u64 {
    const DAY_S: u64 = 86_400;
    // Beijing is eight hours ahead.
    let since_s = (after_s + 8 * 3_600 + DAY_S - BILL_READY_S) % DAY_S;
    after_s - since_s + DAY_S
}

impl Node {
    pub(super) fn new(skew_s: i64, now_s: u64, hmac: bool) -> Self {
        Self {
            skew_s,
            shows_s: now_s,
            held: Held::Old,
            hmac,
            clock: ManualClock::new(UnixTime::new(now_s).unwrap_or(UnixTime::MAX)),
            epoch: 0,
            alive: None,
            is_starting: false,
            tasks: JoinSet::new(),
        }
    }

    /// The server, if it lives.
    pub(super) fn server(&self) -> Option<&Server> {
        self.alive.as_ref().map(|alive| &alive.server)
    }

    /// Whether nothing of a lane is being performed.
    pub(super) fn rests(&self, for_shops: bool) -> bool {
        let lane = usize::from(for_shops);
        self.alive.as_ref().is_some_and(|alive| alive.performing[lane] == 0)
    }

    /// Hears its bells, and asks for its worker's time where that `is_needed`. `true`: a bell has
    /// rung for nothing.
    pub(super) async fn listen(&mut self, ended: Option<u64>, is_needed: bool) -> bool {
        let Some(alive) = &mut self.alive else { return false };
        let for_nothing = alive.listen(ended);
        if is_needed && (alive.looks[2] || alive.looks[3]) {
            alive.next_s = alive.server.next_time().await;
        }
        for_nothing
    }
}

impl World {
    pub(super) fn set_clocks(&mut self) {
        let now_s = self.now_s();
        for node in &mut self.nodes {
            let shows_s = now_s.saturating_add_signed(node.skew_s);
            if shows_s != node.shows_s
                && let Some(now) = UnixTime::new(shows_s)
            {
                node.shows_s = shows_s;
                node.clock.set(now);
            }
        }
    }

    /// Some server that lives.
    pub(super) fn some_server(&mut self) -> Option<usize> {
        let alive: Vec<usize> =
            (0..self.nodes.len()).filter(|node| self.nodes[*node].alive.is_some()).collect();
        let first = *alive.first()?;
        if alive.len() == 1 { Some(first) } else { Some(self.net.pick(&alive)) }
    }

    /// Has a server do something.
    pub(super) fn task<F>(&mut self, node: usize, task: impl FnOnce(Server) -> F)
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let bus = self.bus.clone();
        let node = &mut self.nodes[node];
        if let Some(alive) = &node.alive {
            while node.tasks.try_join_next().is_some() {}
            // Futures are large: each is moved once.
            let task = Box::pin(task(alive.server.clone()));
            node.tasks.spawn(bus.task(node.epoch, task));
        }
    }

    pub(super) fn start(&mut self, node: usize) {
        if self.nodes[node].alive.is_some() || self.nodes[node].is_starting {
            return;
        }
        self.epochs += 1;
        let epoch = self.epochs;
        self.bus.begin(epoch);
        let line = Arc::new(Line { bus: self.bus.clone(), epoch });
        let options = Options {
            hold: self.plan.hold,
            unknown: self.plan.unknown,
            hmac: self.nodes[node].hmac,
            held: self.nodes[node].held,
            seed: self.seed.wrapping_mul(1_000).wrapping_add(epoch),
        };
        let (base, bus) = (self.base.clone(), self.bus.clone());
        let node = &mut self.nodes[node];
        (node.epoch, node.is_starting) = (epoch, true);
        node.tasks = JoinSet::new();
        let clock = node.clock.clone();
        node.tasks.spawn(bus.task(epoch, async move {
            match Server::start(&base, options, &clock, line).await {
                Ok(started) => Outcome::Started(Box::new(started)),
                Err(_) => Outcome::NotStarted,
            }
        }));
    }

    pub(super) fn node_of(&self, epoch: u64) -> Option<usize> {
        self.nodes.iter().position(|node| node.epoch == epoch)
    }

    pub(super) fn started(&mut self, epoch: u64, (server, at_once): (Server, AtOnce)) {
        let Some(node) = self.node_of(epoch) else { return };
        self.tell(&format!("server {node} lives"));
        self.nodes[node].is_starting = false;
        let now = UnixTime::new(self.nodes[node].shows_s).unwrap_or(UnixTime::MAX);
        self.judge.starts.insert(now.beijing().as_str().to_owned());
        let is_alone = self.nodes.len() == 1 && !self.judge.fair.could_not_start;
        if is_alone && self.plan.right_clocks() {
            self.judge.fair.starts_alone.insert(now.beijing().as_str().to_owned());
        }
        self.nodes[node].alive = Some(Alive {
            server,
            at_once,
            performing: [0; 2],
            wakes_ms: [None; KINDS],
            looked_s: [0; KINDS],
            heard: None,
            due: [None; KINDS],
            known: [None; KINDS],
            looks: [true; KINDS],
            next_s: None,
            reconciles: false,
            reconciled_s: None,
        });
    }

    pub(super) fn not_started(&mut self, epoch: u64) {
        let Some(node) = self.node_of(epoch) else { return };
        self.nodes[node].is_starting = false;
        self.judge.fair.could_not_start = true;
        self.after(1_000, Event::Start(node));
    }

    /// Those who died at a write are gone.
    pub(super) fn bury(&mut self) {
        let Base::Memory(memory) = &self.base else { return };
        for life in memory.died() {
            let is_it = |node: &Node| match &node.alive {
                Some(alive) => alive.server.life() == life,
                None => false,
            };
            let starting = |node: &Node| node.is_starting;
            let node = self.nodes.iter().position(is_it);
            let node = node.or_else(|| self.nodes.iter().position(starting));
            if let Some(node) = node {
                self.dies(node);
            }
        }
    }

    /// Which keys a server holds from now on: it is started again.
    pub(super) fn hold(&mut self, node: usize, held: Held) {
        if self.nodes[node].is_starting {
            return self.after(1_000, Event::Hold(node, held));
        }
        self.fault("started again with other keys");
        self.nodes[node].held = held;
        if self.nodes[node].alive.is_some() {
            self.dies(node);
        }
    }

    /// A server signs new orders in the other way from now on: it is started again.
    pub(super) fn other_sign_type(&mut self, node: usize) {
        if self.nodes[node].is_starting {
            return self.after(1_000, Event::OtherSignType(node));
        }
        self.fault("started again with the other sign type");
        self.nodes[node].hmac = !self.plan.hmac;
        if self.nodes[node].alive.is_some() {
            self.dies(node);
        }
    }

    fn dies(&mut self, node: usize) {
        self.tell(&format!("server {node} dies"));
        let back = if self.calm { 1 } else { self.servers.between(100, 120_000) };
        let dead = &mut self.nodes[node];
        if let (Some(alive), Base::Memory(memory)) = (&dead.alive, &self.base) {
            memory.power_cut(alive.server.life());
        }
        dead.alive = None;
        dead.is_starting = false;
        dead.tasks = JoinSet::new();
        let epoch = dead.epoch;
        dead.epoch = 0;
        self.bus.end(epoch);
        self.hang_up(node);
        self.judge.fair.died_s = self.now_s().cast_signed();
        self.judge.alarms.back_ms = self.judge.alarms.back_ms.max(self.now_ms + back);
        self.after(back, Event::Start(node));
    }

    pub(super) fn power_cut(&mut self, node: usize) {
        if !self.calm && self.nodes[node].alive.is_some() {
            self.fault("power cut");
            self.dies(node);
        }
    }

    pub(super) fn clock_jump(&mut self, node: usize) {
        if self.calm {
            return;
        }
        self.fault("clock jump");
        let most = self.luck.pick(&[5_u64, 60, 3_600, 86_400]);
        let by = self.luck.below(most).cast_signed();
        self.nodes[node].skew_s = if self.luck.chance(500) { by } else { -by };
    }

    /// When somebody has something to do, he is woken then.
    pub(super) fn plan_wakes(&mut self) {
        let due = match &self.base {
            Base::Memory(memory) => Some(memory.next_due()),
            Base::Sqlite(_) => None,
        };
        let (now_ms, is_alone) = (self.now_ms, self.is_alone());
        for node in 0..self.nodes.len() {
            self.take_at_once(node);
            let skew_s = self.nodes[node].skew_s;
            let Some(alive) = &mut self.nodes[node].alive else { continue };
            let due = match due {
                Some(due) if is_alone => alive.knows(due),
                Some(due) => due,
                None => alive.due,
            };
            let now_s = (now_ms / 1000).saturating_add_signed(skew_s);
            for kind in 0..KINDS {
                let due_s = alive.due_s(kind, due, now_s).filter(|_| !alive.is_full(kind));
                let Some(due_s) = due_s else { continue };
                // What was due already when it was looked at waits for somebody, as the worker
                // has it.
                let due_s = due_s.max(alive.looked_s[kind].min(now_s) + 1);
                let at_ms = due_s.saturating_add_signed(-skew_s).saturating_mul(1000);
                let at_ms = at_ms.max(now_ms);
                if alive.wakes_ms[kind].is_none_or(|wakes_ms| wakes_ms > at_ms + 60) {
                    let jitter = self.servers.below(40);
                    alive.wakes_ms[kind] = Some(at_ms + jitter);
                    self.placed += 1;
                    self.queue.push(std::cmp::Reverse(At {
                        time_ms: at_ms + jitter,
                        place: self.placed,
                        event: Event::Wake { node, kind },
                    }));
                }
            }
        }
    }

    fn take_at_once(&mut self, node: usize) {
        while let Some(alive) = &mut self.nodes[node].alive
            && let Some(work) = alive.at_once.take()
        {
            self.perform(node, 0, work);
        }
    }

    fn perform(&mut self, node: usize, lane: usize, work: Work) {
        if let Some(alive) = &mut self.nodes[node].alive {
            alive.performing[lane] += 1;
            alive.looks[lane] = true;
        }
        self.task(node, |server| async move {
            server.perform(work).await;
            Outcome::Performed { lane }
        });
    }

    pub(super) fn performed(&mut self, epoch: u64, lane: usize) {
        let Some(node) = self.node_of(epoch) else { return };
        if let Some(alive) = &mut self.nodes[node].alive {
            alive.performing[lane] = alive.performing[lane].saturating_sub(1);
            alive.looked_s[lane] = 0;
            alive.looks[lane] = true;
        }
    }

    pub(super) fn wake(&mut self, node: usize, kind: usize) {
        let now_ms = self.now_ms;
        let now_s = self.now_s().saturating_add_signed(self.nodes[node].skew_s);
        let due = match &self.base {
            Base::Memory(memory) => Some(memory.next_due()),
            Base::Sqlite(_) => None,
        };
        let Some(alive) = &mut self.nodes[node].alive else { return };
        let due = alive.due_s(kind, due.unwrap_or(alive.due), now_s);
        if alive.wakes_ms[kind] != Some(now_ms) {
            // Another wake has taken this one's place.
            return;
        }
        alive.wakes_ms[kind] = None;
        alive.looks[kind] = true;
        if due.is_none_or(|due| due > now_s) {
            return;
        }
        if alive.is_full(kind) {
            return;
        }
        alive.looked_s[kind] = now_s;
        if kind == BILLS {
            alive.reconciles = true;
            self.task(node, |server| async move {
                Outcome::Reconciled { went_well: server.reconcile().await.is_ok() }
            });
            return;
        }
        if kind >= 2 {
            self.task(node, |server| async move {
                // What fails comes up again.
                let _ = server.tick().await;
                Outcome::Ticked
            });
            return;
        }
        let room = PARALLEL_MAX.saturating_sub(alive.performing[kind]);
        let limit = u32::try_from(room).unwrap_or(1);
        if limit > 0 {
            self.task(node, move |server| async move {
                let works = server.claim(kind == 1, limit).await.unwrap_or_default();
                Outcome::Claimed { lane: kind, works }
            });
        }
    }

    /// Whoever keeps time sees what comes next.
    pub(super) fn ticked(&mut self, epoch: u64) {
        let Some(node) = self.node_of(epoch) else { return };
        if let Some(alive) = &mut self.nodes[node].alive {
            (alive.looks[2], alive.looks[3]) = (true, true);
        }
    }

    pub(super) fn reconciled(&mut self, epoch: u64, went_well: bool) {
        let Some(node) = self.node_of(epoch) else { return };
        if let Some(alive) = &mut self.nodes[node].alive {
            alive.reconciles = false;
            if went_well {
                alive.reconciled_s = Some(alive.looked_s[BILLS]);
            }
        }
    }

    pub(super) fn claimed(&mut self, epoch: u64, lane: usize, works: Vec<Work>) {
        let Some(node) = self.node_of(epoch) else { return };
        if let Some(alive) = &mut self.nodes[node].alive {
            alive.looks[lane] = true;
        }
        if works.is_empty() {
            // Nothing happened, each second perhaps for a day: what is due waits for another entry
            // of its order, which was leased when a clock was a day fast.
            self.events = self.events.saturating_sub(1);
        }
        for work in works {
            self.perform(node, lane, work);
        }
    }

    /// A database on a disk is asked when something is due.
    pub(super) async fn ask_when_due(&mut self) {
        let Base::Sqlite(_) = &self.base else { return };
        for node in &mut self.nodes {
            if let Some(alive) = &mut node.alive {
                alive.due = alive.server.due().await;
            }
        }
    }
}
