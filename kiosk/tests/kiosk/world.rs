//! A terminal with everything around it: a server, a network that loses things, a journal on two
//! slots, a dispenser, customers, staff, and a plug that can be pulled. All of it from one seed.

use crate::server::Server;
use embedded_graphics::geometry::Size;
use saoma_core::watch::Phase;
use saoma_kiosk::{
    app::{App, Damage, Dispensed, Input, Job, Key, Keys, Page, Reaction, Screen, Settings},
    call::{Answer, JobId, OrderNumbers, Request},
    journal::{Journal, RECORD_LEN, Stage},
    menu::MENU,
    texts::Language,
};
use std::collections::{BTreeMap, BTreeSet};

/// A small generator of numbers, so that a walk can be walked again.
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// Once in so many times.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        times > 0 && self.roll(times) == 0
    }
}

/// How often things go wrong: once in so many times, 0 never.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) lose: u64,
    pub(crate) cut: u64,
    pub(crate) tear: u64,
    pub(crate) jam: u64,
    pub(crate) link: u64,
}

pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) server: Server,
    pub(crate) dice: Dice,
    pub(crate) faults: Faults,
    pub(crate) now_ms: u64,
    /// When this life of the terminal began.
    slots: [Vec<u8>; 2],
    /// What they hold.
    pub(crate) journal: Journal,
    /// How often the goods of an order came out, by job.
    pub(crate) out: BTreeMap<String, u32>,
    /// Orders that the staff have settled.
    pub(crate) by_staff: BTreeSet<String>,
    /// Codes that somebody has seen.
    pub(crate) codes_seen: BTreeSet<String>,
    /// The display shows something since the terminal began.
    is_drawn: bool,
    /// The dispenser remembers its jobs.
    can_tell: bool,
    pub(crate) open: Option<Request>,
    /// Answers that nobody waits for any more.
    late: Vec<(u32, Answer)>,
    /// The newest question's.
    ticket: u32,
    link: bool,
    /// The newest question about the customer's order was answered.
    pub(crate) connected: bool,
    working: Option<(Job, u64)>,
    seed: u64,
}

pub(crate) fn settings(keys: Keys) -> Settings {
    Settings {
        size: Size::new(128, 64),
        keys,
        language: Language::Zh,
        merchant: "扫码咖啡",
        menu: &MENU,
        numbers: OrderNumbers::new("K1").unwrap(),
    }
}

/// Displays of all kinds, with fingers and with arrows.
fn settings_of(seed: u64) -> Settings {
    let sizes = [(128, 64), (240, 240), (320, 240), (480, 320)];
    let (width, height) = sizes[usize::try_from(seed / 2 % 4).unwrap()];
    let keys = if seed.is_multiple_of(2) { Keys::Touch } else { Keys::Arrows };
    Settings { size: Size::new(width, height), ..settings(keys) }
}

impl World {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        let mut dice = Dice(seed);
        let can_tell = dice.roll(2) == 0;
        Self {
            app: App::new(settings_of(seed), Journal::default()),
            is_drawn: false,
            server: Server::new(),
            dice,
            faults,
            now_ms: 0,
            slots: [vec![], vec![]],
            journal: Journal::default(),
            out: BTreeMap::new(),
            by_staff: BTreeSet::new(),
            codes_seen: BTreeSet::new(),
            can_tell,
            open: None,
            late: vec![],
            ticket: 0,
            link: true,
            connected: true,
            working: None,
            seed,
        }
    }

    fn read_slots(&mut self) {
        self.journal = Journal::newest([&self.slots[0], &self.slots[1]]);
    }

    /// The power is cut, and comes back.
    pub(crate) fn cut(&mut self) {
        // What was on its way may still arrive.
        if let Some(request) = self.open.take()
            && self.dice.roll(2) == 0
        {
            let _nobody_hears = self.server.answer(&request.call);
        }
        // The flap may have moved already.
        if let Some((job, _)) = self.working.take()
            && self.dice.roll(2) == 0
        {
            self.drop_goods(&job.id);
        }
        self.late.clear();
        self.link = true;
        self.connected = true;
        self.app = App::new(settings_of(self.seed), self.journal.clone());
        self.is_drawn = false;
        self.put(Input::Tick);
    }

    fn drop_goods(&mut self, job: &JobId) {
        let what = format!("seed {}, {} ms: {job}", self.seed, self.now_ms);
        let times = self.out.entry(job.to_string()).or_default();
        *times += 1;
        assert_eq!(*times, 1, "{what} came out twice");
        let id = job.as_str().strip_prefix("ship-").unwrap();
        let order = self.server.orders.iter().find(|order| order.id == id).unwrap();
        assert!(order.paid && order.claimed, "{what} came out unpaid or unclaimed");
    }

    /// Something happens to the terminal, and what it wants is done, or not.
    pub(crate) fn put(&mut self, input: Input) {
        if let Input::Link(up) = input {
            self.link = up;
        }
        let before = self.is_drawn.then(|| self.app.screen().clone());
        let reaction = self.app.handle(input, self.now_ms);
        let Reaction { store, request, dispense, recall, damage } = reaction;
        self.check_damage(before.as_ref(), damage);
        if let Some(request) = request {
            self.ticket = request.ticket;
            // The one before is void, and may have been carried all the same.
            if let Some(Request { ticket, call }) = self.open.replace(request) {
                let answer = self.server.answer(&call);
                self.late.push((ticket, answer));
            }
        }
        self.check();
        if let Some(slot) = store {
            return self.write(slot, dispense.is_some());
        }
        if let Some(job) = dispense {
            assert!(self.working.is_none(), "seed {}: two jobs at once", self.seed);
            if self.dice.once_in(self.faults.cut) {
                if self.dice.roll(2) == 0 {
                    self.drop_goods(&job.id);
                }
                return self.cut();
            }
            let takes_ms = self.dice.roll(8_000);
            self.working = Some((job, self.now_ms + takes_ms));
        }
        if let Some(job) = recall {
            let outcome = match self.out.get(job.as_str()) {
                _ if !self.can_tell => Dispensed::Unknown,
                Some(_) => Dispensed::Done,
                None => Dispensed::Failed,
            };
            self.put(Input::Dispensed { job, outcome });
        }
    }

    /// The record is written, torn, or cannot be written.
    fn write(&mut self, slot: usize, moves: bool) {
        assert!(!moves, "seed {}: told to move before it is written", self.seed);
        let mut record = [0; RECORD_LEN];
        self.app.record(&mut record);
        if self.dice.once_in(self.faults.tear) {
            let length = usize::try_from(self.dice.roll(RECORD_LEN as u64)).unwrap();
            let mut torn = self.slots[slot].clone();
            torn.resize(RECORD_LEN, 0xff);
            torn[..length].copy_from_slice(&record[..length]);
            self.slots[slot] = torn;
            self.read_slots();
            return if self.dice.roll(2) == 0 {
                self.cut()
            } else {
                self.put(Input::Stored(false))
            };
        }
        self.slots[slot] = record.to_vec();
        self.read_slots();
        if self.dice.once_in(self.faults.cut) {
            return self.cut();
        }
        self.put(Input::Stored(true));
    }

    /// The dispenser goes on.
    fn work(&mut self) {
        let Some((job, until_ms)) = self.working.take() else { return };
        if self.now_ms < until_ms {
            self.working = Some((job, until_ms));
            return;
        }
        let outcome = match self.dice.once_in(self.faults.jam) {
            false => {
                self.drop_goods(&job.id);
                Dispensed::Done
            }
            true => match self.dice.roll(4) {
                0 => Dispensed::Failed,
                1 => {
                    self.drop_goods(&job.id);
                    Dispensed::Unknown
                }
                2 => Dispensed::Unknown,
                // It never says anything.
                _ => return,
            },
        };
        self.put(Input::Dispensed { job: job.id, outcome });
    }

    /// The network carries the open question, or loses it on the way there or back.
    pub(crate) fn carry(&mut self) {
        let Some(Request { ticket, call }) = self.open.take() else { return };
        if self.dice.once_in(self.faults.lose) {
            match self.dice.roll(4) {
                0 => {}
                // It takes too long.
                1 => {
                    let answer = self.server.answer(&call);
                    return self.late.push((ticket, answer));
                }
                _ => {
                    let _lost = self.server.answer(&call);
                }
            }
            self.connected = false;
            return self.put(Input::Lost { ticket });
        }
        let answer = self.server.answer(&call);
        self.connected = true;
        self.put(Input::Reply { ticket, answer });
    }

    pub(crate) fn tick(&mut self, wait_ms: u64) {
        let seconds = (self.now_ms + wait_ms) / 1_000 - self.now_ms / 1_000;
        self.now_ms += wait_ms;
        self.server.wait(seconds);
        self.work();
        self.put(Input::Tick);
    }

    /// Somebody presses something that is on the screen.
    pub(crate) fn press_any(&mut self) {
        let keys = self.app.screen().keys();
        let at = usize::try_from(self.dice.roll(keys.len() as u64)).unwrap();
        let key = keys[at];
        if matches!(self.app.screen().page, Page::Staff(_)) {
            return self.be_staff(key);
        }
        self.put(Input::Key(key));
    }

    /// The staff look at the goods before they say that the customer has them.
    fn be_staff(&mut self, key: Key) {
        let number = self.app.screen().order.number.to_string();
        if matches!(key, Key::Done | Key::Forget) {
            let job = self.server.by_no(&number).map(|order| format!("ship-{}", order.id));
            let is_out = job.is_some_and(|job| self.out.contains_key(&job));
            self.by_staff.insert(number);
            return self.put(Input::Key(if is_out { Key::Done } else { Key::Forget }));
        }
        self.put(Input::Key(key));
    }

    /// Somebody wants to buy something, and mostly goes on.
    pub(crate) fn be_customer(&mut self) {
        let chance = self.dice.roll(10);
        let item = Key::Item(u8::try_from(self.dice.roll(2)).unwrap());
        let key = match &self.app.screen().page {
            _ if chance == 0 => return self.press_any(),
            Page::Attract => Key::Start,
            Page::Menu(menu) if menu.pieces == 0 || chance < 4 => item,
            Page::Menu(_) => Key::Basket,
            Page::Basket(_) => Key::Pay,
            Page::Code { .. } if chance < 8 => return self.pay_any(),
            Page::Code { .. } | Page::Starting => Key::Language,
            page if page.can_order_again() => Key::Again,
            _ => return,
        };
        self.put(Input::Key(key));
    }

    /// One thing of all that may happen.
    pub(crate) fn step(&mut self) {
        match self.dice.roll(32) {
            0..=9 => self.be_customer(),
            10 => self.press_any(),
            11 => {
                let keys = [Key::Staff, Key::Corner, Key::Select, Key::Down, Key::Pay, Key::Again];
                let at = usize::try_from(self.dice.roll(6)).unwrap();
                self.put(Input::Key(keys[at]));
            }
            12 => self.pay_any(),
            13 => self.refund_any(),
            14 => self.change_something(),
            15 if self.dice.once_in(self.faults.cut) => self.cut(),
            15 => self.be_late(),
            16 => {
                let wait_ms = self.dice.roll(60_000);
                self.tick(wait_ms);
            }
            17..=25 => self.carry(),
            _ => {
                let wait_ms = self.dice.roll(1_500);
                self.tick(wait_ms);
            }
        }
    }

    /// An answer comes that may be too late.
    fn be_late(&mut self) {
        if let Some((ticket, answer)) = self.late.pop() {
            self.connected |= ticket == self.ticket;
            self.put(Input::Reply { ticket, answer });
        }
    }

    /// The shop gives money back.
    fn refund_any(&mut self) {
        let count = self.server.orders.len() as u64;
        if self.faults.lose > 0 && count > 0 && self.dice.once_in(4) {
            let at = usize::try_from(self.dice.roll(count)).unwrap();
            self.server.refund(at);
        }
    }

    /// The connection, the key and WeChat's pace, which are good most of the time.
    fn change_something(&mut self) {
        let mut turn = |bad: bool| if bad { true } else { self.dice.once_in(self.faults.link) };
        let (link, key, slow) =
            (turn(!self.link), turn(self.server.key_revoked), turn(self.server.slow_codes));
        self.server.key_revoked ^= key;
        self.server.slow_codes ^= slow;
        if link {
            self.put(Input::Link(!self.link));
        }
    }

    /// Somebody pays a code that was shown.
    fn pay_any(&mut self) {
        let orders = self.server.orders.iter().enumerate();
        let seen = |code: &str| self.codes_seen.contains(code);
        let payable: Vec<usize> = orders
            .filter(|(_, order)| !order.paid && seen(&order.code_url()))
            .map(|(at, _)| at)
            .collect();
        if let Some(at) = payable.last() {
            self.server.pay(*at);
        }
    }

    /// What has changed is drawn, and nothing else.
    fn check_damage(&mut self, before: Option<&Screen>, damage: Damage) {
        let after = self.app.screen();
        let Some(before) = before else {
            assert_eq!(damage, Damage::All, "seed {}: the first picture", self.seed);
            self.is_drawn = true;
            return;
        };
        assert_eq!(damage == Damage::Nothing, before == after, "seed {}: {damage:?}", self.seed);
        if damage == Damage::Part {
            assert_eq!(before.page.name(), after.page.name(), "seed {}", self.seed);
            assert_eq!(before.order, after.order, "seed {}", self.seed);
        }
    }

    /// What must be true at every moment.
    fn check(&mut self) {
        let (seed, now_ms) = (self.seed, self.now_ms);
        let what = || format!("seed {seed}, {now_ms} ms");
        if let Page::Code { left_s } = self.app.screen().page {
            assert!(self.link && self.connected, "{}: a code without a connection", what());
            let view = self.app.view().expect("a code has a view");
            assert!((1..=301).contains(&left_s), "{}: {left_s} seconds left", what());
            self.codes_seen.insert(view.code_url.clone().unwrap().to_string());
        } else {
            assert!(self.app.screen().code.is_none(), "{}: a code on another page", what());
        }
        let journal = &self.journal;
        for order in self.server.orders.iter().filter(|order| order.is_open()) {
            let number = order.made.order_no.as_str();
            let is_kept = journal.entries.iter().any(|entry| entry.order_no == number);
            assert!(
                is_kept || self.by_staff.contains(number),
                "{}: {number} is {:?} and forgotten",
                what(),
                order.phase
            );
        }
        assert!(self.app.open_orders() <= saoma_kiosk::journal::ENTRIES_MAX, "{}", what());
    }

    /// Nothing goes wrong any more, nobody touches anything, and time passes until nothing is
    /// left but what waits for the staff.
    pub(crate) fn calm_down(&mut self) {
        self.faults = Faults::default();
        self.server.key_revoked = false;
        self.server.slow_codes = false;
        self.put(Input::Link(true));
        for _ in 0..3_000 {
            let entries = &self.journal.entries;
            let is_over = entries.iter().all(|entry| matches!(entry.stage, Stage::Help { .. }));
            if is_over && self.app.screen().page == Page::Attract {
                return;
            }
            self.carry();
            self.tick(1_000);
        }
    }

    /// What must be true in the end.
    pub(crate) fn check_end(&self) {
        let what = format!("seed {}", self.seed);
        let journal = &self.journal;
        for order in &self.server.orders {
            let number = order.made.order_no.as_str();
            let entry = journal.entries.iter().find(|entry| entry.order_no == number);
            let waits = entry.is_some_and(|entry| matches!(entry.stage, Stage::Help { .. }));
            assert!(entry.is_none() || waits, "{what}: {number} is not over: {entry:?} {order:?}");
            let out = self.out.contains_key(&format!("ship-{}", order.id));
            let goes_back = matches!(order.phase, Phase::Refunding | Phase::Refunded);
            let handed = out && order.confirmed;
            let by_staff = self.by_staff.contains(number);
            if order.paid {
                assert!(
                    handed || goes_back && !out || waits || by_staff,
                    "{what}: {number} was paid, and nobody has anything: {order:?}"
                );
            } else {
                assert!(!out && (by_staff || !order.is_open()), "{what}: {number} {order:?}");
            }
        }
    }
}
