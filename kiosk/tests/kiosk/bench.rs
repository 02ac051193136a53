//! A terminal on a bench: every step is made by hand, and what it wants is looked at.

use crate::world::settings;
use embedded_graphics::geometry::Size;
use heapless::String;
use saoma_core::{
    ids::OrderId,
    money::Fen,
    time::UnixTime,
    watch::{Phase, View},
};
use saoma_kiosk::{
    app::{App, Damage, Dispensed, Input, Job, Key, Keys, Page, Reaction, Settings},
    call::{Answer, Call, JobId, Refusal, Request},
    journal::{Journal, RECORD_LEN, Stage},
};

pub(crate) const ORDER_ID: &str = "20261123192600K7Q2M9XB";
const BEGAN_S: u64 = 1_795_461_960;

/// Remembers the time, the open question, and what was written down.
pub(crate) struct Bench {
    pub(crate) app: App,
    pub(crate) now_ms: u64,
    pub(crate) open: Option<Request>,
    pub(crate) damage: Damage,
    /// The newest record.
    pub(crate) journal: Journal,
    /// Whether what is to be stored is stored at once.
    pub(crate) stores: bool,
    pub(crate) slots: Vec<usize>,
    pub(crate) job: Option<Job>,
    pub(crate) recall: Option<JobId>,
}

impl Bench {
    pub(crate) fn with(keys: Keys, journal: Journal) -> Self {
        let size = match keys {
            Keys::Touch => Size::new(480, 320),
            Keys::Arrows => Size::new(128, 64),
        };
        let settings = Settings { size, ..settings(keys) };
        let app = App::new(settings, journal.clone());
        Self {
            app,
            now_ms: 1_000_000,
            open: None,
            damage: Damage::Nothing,
            journal,
            stores: true,
            slots: vec![],
            job: None,
            recall: None,
        }
    }

    /// A terminal that has just been switched on.
    pub(crate) fn new() -> Self {
        let mut bench = Self::with(Keys::Touch, Journal::default());
        bench.tick(0);
        bench
    }

    /// A terminal after a power cut.
    pub(crate) fn found(journal: Journal) -> Self {
        let mut bench = Self::with(Keys::Touch, journal);
        bench.tick(0);
        bench
    }

    /// The power is cut, and comes back: nothing is left but the journal.
    pub(crate) fn cut(&self) -> Self {
        Self::found(self.journal.clone())
    }

    /// An order that is being made: one latte and two egg tarts.
    pub(crate) fn with_order() -> Self {
        let mut bench = Self::new();
        bench.buy();
        bench
    }

    /// A terminal that shows a code and holds a look.
    pub(crate) fn with_code() -> Self {
        let mut bench = Self::with_order();
        bench.view(Phase::Open, 1);
        assert_eq!(bench.page(), &Page::Code { left_s: 300 });
        bench
    }

    /// One that was paid: the goods are being claimed.
    pub(crate) fn with_payment() -> Self {
        let mut bench = Self::with_code();
        bench.view(Phase::Paid, 2);
        assert_eq!(bench.asked(), Some(&Call::Dispense(order_id())));
        bench
    }

    /// One whose dispenser is at work.
    pub(crate) fn with_job() -> Self {
        let mut bench = Self::with_payment();
        bench.claimed(false);
        assert!(bench.job.is_some());
        bench
    }

    pub(crate) fn buy(&mut self) {
        for key in [Key::Start, Key::Item(0), Key::Item(3), Key::Item(3), Key::Basket, Key::Pay] {
            if let Key::Item(at) = key {
                self.turn_to(at);
            }
            self.key(key);
        }
    }

    /// To the page of the menu that has this item.
    pub(crate) fn turn_to(&mut self, item: u8) {
        while !self.app.screen().keys().contains(&Key::Item(item)) {
            self.key(Key::PageOn);
        }
    }

    pub(crate) fn put(&mut self, input: Input) {
        let reaction = self.app.handle(input, self.now_ms);
        let Reaction { store, request, dispense, recall, damage } = reaction;
        self.damage = damage;
        self.open = request.or(self.open.take());
        self.job = dispense.or(self.job.take());
        self.recall = recall.or(self.recall.take());
        if let Some(slot) = store {
            self.slots.push(slot);
            if self.stores {
                self.store();
                // What was drawn first is what is looked at.
                self.damage = damage;
            }
        }
    }

    /// The record is written and durable.
    pub(crate) fn store(&mut self) {
        let mut record = [0; RECORD_LEN];
        self.app.record(&mut record);
        self.journal = Journal::decode(&record).unwrap();
        self.put(Input::Stored(true));
    }

    pub(crate) fn key(&mut self, key: Key) {
        self.put(Input::Key(key));
    }

    pub(crate) fn tick(&mut self, wait_ms: u64) {
        self.now_ms += wait_ms;
        self.put(Input::Tick);
    }

    pub(crate) fn ticket(&mut self) -> u32 {
        self.open.take().expect("an open question").ticket
    }

    pub(crate) fn answer(&mut self, answer: Answer) {
        let ticket = self.ticket();
        self.put(Input::Reply { ticket, answer });
    }

    pub(crate) fn view(&mut self, phase: Phase, version: u64) {
        self.answer(Answer::View(self.view_of(phase, version)));
    }

    pub(crate) fn claimed(&mut self, again: bool) {
        let view = self.view_of(Phase::Paid, 2);
        self.answer(Answer::Claimed { job: job_id(), again, view });
    }

    pub(crate) fn refuse(&mut self, status: u16, code: &str) {
        let code = String::try_from(code).unwrap();
        self.answer(Answer::Refused(Refusal { status, code }));
    }

    pub(crate) fn lose(&mut self) {
        let ticket = self.ticket();
        self.put(Input::Lost { ticket });
    }

    pub(crate) fn dispensed(&mut self, outcome: Dispensed) {
        self.put(Input::Dispensed { job: job_id(), outcome });
    }

    /// The view that a server gives now; the order was made when the terminal began.
    pub(crate) fn view_of(&self, phase: Phase, version: u64) -> View {
        let server_time = UnixTime::new(BEGAN_S + (self.now_ms - 1_000_000) / 1_000).unwrap();
        let code = "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz";
        View {
            order_id: order_id(),
            version,
            phase,
            amount_fen: Fen::new(3_600).unwrap(),
            merchant: String::try_from("扫码咖啡").unwrap(),
            description: String::try_from("燕麦拿铁、葡式蛋挞×2").unwrap(),
            code_url: (phase == Phase::Open).then(|| String::try_from(code).unwrap()),
            expires_at: UnixTime::new(BEGAN_S + 300).unwrap(),
            server_time,
        }
    }

    pub(crate) fn asked(&self) -> Option<&Call> {
        self.open.as_ref().map(|request| &request.call)
    }

    pub(crate) fn page(&self) -> &Page {
        &self.app.screen().page
    }

    /// The stage of the only entry in the journal.
    pub(crate) fn stage(&self) -> &Stage {
        assert_eq!(self.journal.entries.len(), 1, "{:?}", self.journal);
        &self.journal.entries[0].stage
    }

    /// How long until the next question, in steps of a tick.
    pub(crate) fn wait_for_question(&mut self) -> u64 {
        let start_ms = self.now_ms;
        while self.open.is_none() {
            self.tick(250);
            assert!(self.now_ms < start_ms + 600_000, "nothing is asked for ten minutes");
        }
        self.now_ms - start_ms
    }
}

pub(crate) fn order_id() -> OrderId {
    OrderId::new(ORDER_ID).unwrap()
}

pub(crate) fn job_id() -> JobId {
    JobId::new(&format!("ship-{ORDER_ID}")).unwrap()
}

/// A look that the server may hold for news after this version.
pub(crate) fn held(version: u64) -> Call {
    Call::Look { order_id: order_id(), after_version: Some(version) }
}

/// A look that is answered at once.
pub(crate) fn look() -> Call {
    Call::Look { order_id: order_id(), after_version: None }
}
