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

use crate::{
    call::{Answer, Call, Goods, NewOrder, ORDER_NO_MAX, OrderNumbers, Refusal, Request},
    layout,
    texts::Language,
};
use embedded_graphics::geometry::{Point, Size};
use heapless::String;
use saoma_core::{
    ids::OrderId,
    qr::Matrix,
    watch::{Checkout, Screen, View},
};

/// An answer that takes longer than this is taken for lost.
pub const ANSWER_WITHIN_MS: u64 = 20_000;
/// How often a terminal asks that would otherwise have given up: it stays in its place for ever.
const PATIENCE_MS: u64 = 30_000;
/// The server's word for an order that was paid before it could be given up (`docs/api.md` §4).
const ALREADY_PAID: &str = "already_paid";

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

/// What the terminal shows: the screen of [`watch`](saoma_core::watch), with the terminal's own
/// rules laid over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The order is being made.
    Starting,
    /// The code, the amount and the time left.
    Code {
        /// Seconds until the code may not be paid any more; at least 1.
        left_s: u64,
    },
    /// The last word on the payment is not in yet.
    Checking,
    /// Being given up, as the customer wished: WeChat takes up to five minutes to confirm it. The
    /// next customer need not wait; a payment that still comes is the server's to send back.
    Cancelling,
    /// Paid.
    Paid,
    /// Given up; nothing was paid.
    Cancelled,
    /// Too late; nothing was paid.
    Expired,
    /// A payment goes back.
    Refunding,
    /// A payment is on its way back.
    Refunded,
    /// The order could not be made; nothing was paid.
    Failed,
    /// The server cannot be reached.
    Offline,
    /// The server refuses to go on; only the staff can.
    Help,
}

impl Page {
    /// Its name in one word, for logs and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Code { .. } => "qr",
            Self::Checking => "checking",
            Self::Cancelling => "cancelling",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
            Self::Offline => "offline",
            Self::Help => "help",
        }
    }

    /// Whether this order has come to its end.
    #[must_use]
    pub const fn is_end(self) -> bool {
        match self {
            Self::Paid
            | Self::Cancelled
            | Self::Expired
            | Self::Refunding
            | Self::Refunded
            | Self::Failed
            | Self::Help => true,
            Self::Starting
            | Self::Code { .. }
            | Self::Checking
            | Self::Cancelling
            | Self::Offline => false,
        }
    }

    /// Whether this customer is done and the next one may order.
    #[must_use]
    pub const fn can_order_again(self) -> bool {
        matches!(self, Self::Cancelling) || self.is_end()
    }

    /// Whether the order can be given up.
    #[must_use]
    pub const fn can_cancel(self) -> bool {
        match self {
            Self::Starting | Self::Code { .. } => true,
            Self::Checking
            | Self::Cancelling
            | Self::Paid
            | Self::Cancelled
            | Self::Expired
            | Self::Refunding
            | Self::Refunded
            | Self::Failed
            | Self::Offline
            | Self::Help => false,
        }
    }
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

/// The order that this customer is busy with.
#[derive(Clone, Debug)]
struct Order {
    order_no: String<ORDER_NO_MAX>,
    /// When it began, on the shell's clock; the checkout's clock begins with it.
    began_ms: u64,
    checkout: Checkout,
    /// The newest view.
    view: Option<View>,
    /// The code of that view, where it can be drawn.
    code: Option<Matrix>,
    wish: Wish,
    refusal: Option<Refusal>,
    next: Next,
}

/// Whether the customer wants to give the order up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// No.
    Keep,
    /// Yes, and the server has not said yet that it knows.
    GiveUp,
    /// Yes, and the server knows.
    Told,
}

/// What comes next between terminal and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// A question, at this time.
    Ask { at_ms: u64 },
    /// An answer, before this time; `cancels` when it is the one to [`Call::Cancel`].
    Hear { ticket: u32, before_ms: u64, cancels: bool },
    /// Nothing more.
    Rest,
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

impl Order {
    const fn new(order_no: String<ORDER_NO_MAX>, began_ms: Option<u64>) -> Self {
        Self {
            order_no,
            began_ms: match began_ms {
                Some(began_ms) => began_ms,
                None => u64::MAX,
            },
            checkout: Checkout::new(),
            view: None,
            code: None,
            wish: Wish::Keep,
            refusal: None,
            next: Next::Ask { at_ms: 0 },
        }
    }

    /// The first input of a terminal tells it the time.
    fn begin(&mut self, now_ms: u64) {
        self.began_ms = self.began_ms.min(now_ms);
    }

    const fn clock(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.began_ms)
    }

    fn waits_for(&self, ticket: u32) -> bool {
        matches!(self.next, Next::Hear { ticket: waited, .. } if waited == ticket)
    }

    fn call(&self, goods: &Goods) -> Call {
        match &self.view {
            None => Call::Make(NewOrder {
                order_no: self.order_no.clone(),
                amount_fen: goods.amount(),
                description: String::try_from(goods.description()).unwrap_or_default(),
            }),
            Some(view) if self.wish == Wish::GiveUp => Call::Cancel(view.order_id.clone()),
            Some(view) => Call::Look(view.order_id.clone()),
        }
    }

    fn cancel(&mut self, now_ms: u64) {
        self.wish = Wish::GiveUp;
        if matches!(self.next, Next::Ask { .. }) {
            self.next = Next::Ask { at_ms: now_ms };
        }
    }

    fn on_answer(&mut self, answer: Answer, goods: &Goods, size: Size, now_ms: u64) {
        match answer {
            Answer::View(view) => self.on_view(view, goods, size, now_ms),
            // Paid before it could be given up: the next view says so.
            Answer::Refused(refusal) if refusal.code == ALREADY_PAID => {
                self.wish = Wish::Keep;
                self.next = Next::Ask { at_ms: now_ms };
            }
            Answer::Refused(refusal) => self.refuse(refusal),
        }
    }

    fn on_view(&mut self, view: View, goods: &Goods, size: Size, now_ms: u64) {
        if let Some(wrong) = self.wrong(&view, goods) {
            let code = String::try_from(wrong).unwrap_or_default();
            return self.refuse(Refusal { status: 0, code });
        }
        if matches!(self.next, Next::Hear { cancels: true, .. }) {
            self.wish = Wish::Told;
        }
        self.checkout.on_view(view.snapshot(), self.clock(now_ms));
        if self.view.as_ref().is_none_or(|known| known.version <= view.version) {
            let known = self.view.as_ref().and_then(|known| known.code_url.as_ref());
            if known != view.code_url.as_ref() {
                self.code = view.code_url.as_ref().and_then(|url| layout::code_for(size, url));
            }
            self.view = Some(view);
        }
        let ended = self.view.as_ref().is_some_and(|view| view.phase.is_final());
        self.next = if ended {
            Next::Rest
        } else if self.wish == Wish::GiveUp {
            Next::Ask { at_ms: now_ms }
        } else {
            self.ask_later(now_ms)
        };
    }

    /// What makes an answer unfit to be shown to this customer.
    fn wrong(&self, view: &View, goods: &Goods) -> Option<&'static str> {
        if self.view.as_ref().is_some_and(|known| known.order_id != view.order_id) {
            Some("another_order")
        } else if view.amount_fen != goods.amount() {
            Some("another_amount")
        } else {
            None
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.refusal = Some(refusal);
        self.next = Next::Rest;
    }

    fn on_lost(&mut self, now_ms: u64) {
        self.checkout.on_lost();
        self.next = self.ask_later(now_ms);
    }

    fn ask_later(&self, now_ms: u64) -> Next {
        let wait_ms = self.checkout.next_poll_ms(self.clock(now_ms)).unwrap_or(PATIENCE_MS);
        Next::Ask { at_ms: now_ms.saturating_add(wait_ms) }
    }

    fn page(&self, now_ms: u64) -> Page {
        let page = self.page_of_checkout(now_ms);
        // What is known of the money stays on the screen.
        if self.refusal.is_some() && !page.is_end() { Page::Help } else { page }
    }

    fn page_of_checkout(&self, now_ms: u64) -> Page {
        let has_code = self.view.as_ref().is_some_and(|view| view.code_url.is_some());
        let offline = self.checkout.offline();
        match self.checkout.screen(self.clock(now_ms)) {
            Screen::Loading | Screen::Waiting { .. } | Screen::Checking { .. } if offline => {
                Page::Offline
            }
            Screen::Loading | Screen::Waiting { .. } | Screen::Checking { .. }
                if self.wish == Wish::Told =>
            {
                Page::Cancelling
            }
            Screen::Loading if self.wish == Wish::Keep => Page::Starting,
            Screen::Waiting { left_s, .. } if has_code && self.wish == Wish::Keep => {
                Page::Code { left_s }
            }
            Screen::Loading | Screen::Waiting { .. } | Screen::Checking { .. } => Page::Checking,
            Screen::Paid => Page::Paid,
            Screen::Cancelled => Page::Cancelled,
            Screen::Expired => Page::Expired,
            Screen::Refunding => Page::Refunding,
            Screen::Refunded => Page::Refunded,
            Screen::Failed => Page::Failed,
        }
    }
}
