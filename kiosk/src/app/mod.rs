//! The terminal as a machine: keys, answers and time go in, one question to the server and what
//! to draw come out.
//!
//! It never reads a clock, never talks to anybody and owns no memory but its own: the same machine
//! runs in a Linux process, in a test and on a microcontroller. It holds no secret at all; the
//! device key is the shell's, and the merchant key is nowhere near.
//!
//! Rules it keeps:
//! - **Without a connection no code is shown.** Who pays a code that nobody watches would wait in
//!   front of a screen that does not move.
//! - **One question at a time**, each with its own ticket, and an answer that is late changes
//!   nothing. A shell that loses an answer does not stop the terminal.
//! - **Making an order is asked again with the same number** until there is an answer, so that it
//!   is made once.
//! - **Nothing is said of money that is not known**: where the server refuses to talk about an
//!   order that may be paid, the customer is sent to the staff with the order's number.

mod order;
mod page;

use crate::{
    call::{Answer, Call, Goods, OrderNumbers, Refusal, Request},
    layout,
    texts::Language,
};
use embedded_graphics::geometry::{Point, Size};
use order::{Next, Order};
pub use page::Page;
use saoma_core::{ids::OrderId, qr::Matrix, watch::View};

/// An answer that takes longer than this is taken for lost.
pub const ANSWER_WITHIN_MS: u64 = 20_000;

/// A key of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The other language.
    Language,
    /// Give the order up.
    Cancel,
    /// After an order's end: the next one.
    Again,
}

/// What happens to the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is no heap to put the answer on")]
pub enum Input {
    /// A key was pressed.
    Key(Key),
    /// The display was touched.
    Touch(Point),
    /// The server answered the question with this ticket.
    Reply {
        /// The question's ticket.
        ticket: u32,
        /// The answer.
        answer: Answer,
    },
    /// The question with this ticket will not be answered.
    Lost {
        /// The question's ticket.
        ticket: u32,
    },
    /// Time has passed. Four times a second is often enough.
    Tick,
}

/// How much of the display has to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Nothing changed.
    Nothing,
    /// Only the time left.
    Countdown,
    /// Everything.
    All,
}

/// What the terminal wants after an input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Reaction {
    /// To be asked of the server now.
    pub request: Option<Request>,
    /// To be drawn now, with [`App::draw`](crate::app::App::draw).
    pub damage: Damage,
}

/// The terminal.
#[derive(Clone, Debug)]
pub struct App {
    size: Size,
    goods: Goods,
    numbers: OrderNumbers,
    language: Language,
    order: Order,
    tickets: u32,
    shown: Option<Shown>,
}

/// What is on the display, so that it is drawn when it changes and only then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shown {
    page: Page,
    language: Language,
    /// The version of the view that a code was drawn from.
    version: Option<u64>,
}

impl App {
    /// A terminal that begins to make an order with the first input.
    #[must_use]
    pub fn new(size: Size, language: Language, goods: Goods, mut numbers: OrderNumbers) -> Self {
        let order = Order::new(numbers.next(), None);
        Self { size, goods, numbers, language, order, tickets: 0, shown: None }
    }

    /// The one entry: something happens at `now_ms`, on a clock of any origin that does not go
    /// back.
    pub fn handle(&mut self, input: Input, now_ms: u64) -> Reaction {
        self.order.begin(now_ms);
        match input {
            Input::Key(key) => self.on_key(key, now_ms),
            Input::Touch(at) => {
                if let Some(key) = layout::key_at(self, at) {
                    self.on_key(key, now_ms);
                }
            }
            Input::Reply { ticket, answer } => {
                if self.order.waits_for(ticket) {
                    self.order.on_answer(answer, &self.goods, self.size, now_ms);
                }
            }
            Input::Lost { ticket } => {
                if self.order.waits_for(ticket) {
                    self.order.on_lost(now_ms);
                }
            }
            Input::Tick => {}
        }
        Reaction { request: self.ask(now_ms), damage: self.look(now_ms) }
    }

    /// What is shown now.
    #[must_use]
    pub fn page(&self) -> Page {
        self.shown.map_or(Page::Starting, |shown| shown.page)
    }

    /// The language it is shown in.
    #[must_use]
    pub const fn language(&self) -> Language {
        self.language
    }

    /// The display's size in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// What is sold.
    #[must_use]
    pub const fn goods(&self) -> &Goods {
        &self.goods
    }

    /// The order as the server told last.
    #[must_use]
    pub const fn view(&self) -> Option<&View> {
        self.order.view.as_ref()
    }

    /// The code to be scanned, while the display can show it.
    #[must_use]
    pub const fn code(&self) -> Option<&Matrix> {
        self.order.code.as_ref()
    }

    /// The number that this terminal gave to the order.
    #[must_use]
    pub fn order_no(&self) -> &str {
        &self.order.order_no
    }

    /// The server's number of the order, once it is known.
    #[must_use]
    pub fn order_id(&self) -> Option<&OrderId> {
        self.order.view.as_ref().map(|view| &view.order_id)
    }

    /// Why only the staff can help, on [`Page::Help`].
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        self.order.refusal.as_ref()
    }

    fn on_key(&mut self, key: Key, now_ms: u64) {
        let page = self.page();
        match key {
            Key::Language => self.language = self.language.next(),
            Key::Cancel => {
                if page.can_cancel() {
                    self.order.cancel(now_ms);
                }
            }
            Key::Again => {
                if page.can_order_again() {
                    self.order = Order::new(self.numbers.next(), Some(now_ms));
                }
            }
        }
    }

    /// The question that is due, if any.
    fn ask(&mut self, now_ms: u64) -> Option<Request> {
        if let Next::Hear { before_ms, .. } = self.order.next
            && now_ms >= before_ms
        {
            self.order.on_lost(now_ms);
        }
        match self.order.next {
            Next::Ask { at_ms } if now_ms >= at_ms => {}
            Next::Ask { .. } | Next::Hear { .. } | Next::Rest => return None,
        }
        self.tickets = self.tickets.wrapping_add(1);
        let before_ms = now_ms.saturating_add(ANSWER_WITHIN_MS);
        let call = self.order.call(&self.goods);
        let cancels = matches!(call, Call::Cancel(_));
        self.order.next = Next::Hear { ticket: self.tickets, before_ms, cancels };
        Some(Request { ticket: self.tickets, call })
    }

    /// Takes what is to be shown now and says how it differs from what was.
    fn look(&mut self, now_ms: u64) -> Damage {
        let page = self.order.page(now_ms);
        let is_code = matches!(page, Page::Code { .. });
        let version = self.order.view.as_ref().map(|view| view.version).filter(|_| is_code);
        let now = Shown { page, language: self.language, version };
        let before = self.shown.replace(now);
        match before {
            Some(before) if before == now => Damage::Nothing,
            Some(Shown { page: Page::Code { .. }, language, version })
                if is_code && (language, version) == (now.language, now.version) =>
            {
                Damage::Countdown
            }
            Some(_) | None => Damage::All,
        }
    }
}
