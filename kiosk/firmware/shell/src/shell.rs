//! The loop's turn: what has happened goes into the app, and what it wants is done.

use crate::{dispenser::Dispenser, log::log};
use saoma_kiosk::{
    app::{App, Damage, Input, Reaction},
    journal::RECORD_LEN,
    serial::terminal::{Heard, Terminal},
};

/// How often the app is told that time has passed.
const TICK_MS: u64 = 100;

/// What a board does for its terminal.
pub trait Board {
    /// The next byte that the bridge has said.
    fn take_from_bridge(&mut self) -> Option<u8>;
    /// Says bytes to the bridge.
    fn tell_bridge(&mut self, bytes: &[u8]);
    /// The next byte that the dispenser has said.
    fn take_from_dispenser(&mut self) -> Option<u8>;
    /// Says bytes to the dispenser.
    fn tell_dispenser(&mut self, bytes: &[u8]);
    /// A key that was pressed, or a touch.
    fn input(&mut self) -> Option<Input>;
    /// Writes the journal's record into slot 0 or 1; whether it will survive a power cut.
    fn keep(&mut self, slot: usize, record: &[u8; RECORD_LEN]) -> bool;
    /// Draws what has changed.
    fn draw(&mut self, app: &mut App, damage: Damage);
}

/// The terminal without its board.
pub struct Shell {
    app: &'static mut App,
    line: &'static mut Terminal,
    dispenser: Dispenser,
    tick_ms: u64,
    page: &'static str,
}

impl Shell {
    /// A shell around an app and its end of the line to the bridge.
    pub fn new(app: &'static mut App, line: &'static mut Terminal) -> Self {
        Self { app, line, dispenser: Dispenser::new(), tick_ms: 0, page: "" }
    }

    /// One turn of the loop: all that has happened, and what is to be said.
    #[inline(never)]
    pub fn turn(&mut self, board: &mut impl Board, now_ms: u64) {
        while let Some(input) = self.input(board, now_ms) {
            self.handle(input, board, now_ms);
        }
        if now_ms >= self.tick_ms {
            self.tick_ms = now_ms + TICK_MS;
            self.handle(Input::Tick, board, now_ms);
        }
        self.line.say(now_ms, |bytes| board.tell_bridge(bytes));
    }

    /// The next thing that has happened.
    #[inline(never)]
    fn input(&mut self, board: &mut impl Board, now_ms: u64) -> Option<Input> {
        while let Some(byte) = board.take_from_bridge() {
            if let Some(input) = self.line.take(byte, now_ms).and_then(heard) {
                return Some(input);
            }
        }
        if let Some(input) = self.line.tick(now_ms).and_then(heard) {
            return Some(input);
        }
        if let Some((job, outcome)) = self.dispenser.look(board, now_ms) {
            return Some(Input::Dispensed { job, outcome });
        }
        board.input()
    }

    fn handle(&mut self, input: Input, board: &mut impl Board, now_ms: u64) {
        let mut kept = self.react(input, board, now_ms);
        while let Some(is_kept) = kept {
            kept = self.react(Input::Stored(is_kept), board, now_ms);
        }
    }

    /// Gives the app an input and does what it wants; says whether the journal was written, if
    /// the app wants to know.
    #[inline(never)]
    fn react(&mut self, input: Input, board: &mut impl Board, now_ms: u64) -> Option<bool> {
        let Reaction { store, request, dispense, recall, damage } = self.app.handle(input, now_ms);
        let kept = store.map(|slot| self.keep(board, slot));
        if let Some(request) = request {
            self.line.ask(request);
        }
        if let Some(job) = dispense {
            self.dispenser.dispense(board, job, now_ms);
        }
        if let Some(job) = recall {
            self.dispenser.recall(board, job, now_ms);
        }
        if damage != Damage::Nothing {
            board.draw(self.app, damage);
            self.log_page(board);
        }
        kept
    }

    #[inline(never)]
    fn keep(&mut self, board: &mut impl Board, slot: usize) -> bool {
        let mut record = [0; RECORD_LEN];
        self.app.record(&mut record);
        board.keep(slot, &record)
    }

    fn log_page(&mut self, board: &mut impl Board) {
        let screen = self.app.screen();
        let page = screen.page.name();
        if page != self.page {
            self.page = page;
            log(
                |bytes| board.tell_bridge(bytes),
                format_args!("page {page} {}", screen.order.number),
            );
        }
    }
}

/// What the app has to know of what was heard.
fn heard(heard: Heard) -> Option<Input> {
    match heard {
        Heard::Link { is_up } => Some(Input::Link(is_up)),
        Heard::Reply { ticket, answer } => Some(Input::Reply { ticket, answer }),
        Heard::Lost { ticket } => Some(Input::Lost { ticket }),
        Heard::Time { .. } => None,
    }
}
