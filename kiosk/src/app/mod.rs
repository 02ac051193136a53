//! The terminal as a machine: keys, answers and time go in, one question to the server, what must
//! be written down, what the dispenser shall do and what to draw come out.
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
//!   is made once; and the number is in the [journal](crate::journal) before it is asked for.
//! - **No open order is forgotten.** One whose customer has left is followed in the background,
//!   and after a power cut all are asked about before the menu comes. The terminal never gives an
//!   order up by itself: it expires, or is paid after all. Then the goods come out as soon as
//!   nobody else is busy here, unless it is so late that nobody can be waiting.
//! - **Goods come out at most once.** Claimed at the server, the job written down, the dispenser
//!   told, the receipt written down, the server told. What cannot be known is for the staff, with
//!   the order's number.
//! - **Nothing is said of money that is not known**: where the server refuses to talk about an
//!   order that may be paid, the customer is sent to the staff with the order's number.

mod face;
mod hand;
mod order;
mod screen;
mod show;
mod talk;
mod times;
mod walk;

use crate::{
    basket::Basket,
    call::Refusal,
    journal::{ENTRIES_MAX, Journal},
    layout,
    shown::Shown,
    texts::Language,
};
use embedded_graphics::geometry::Size;
pub use face::{Damage, Dispensed, Input, Job, Key, Keys, Reaction, Settings};
use hand::Store;
use heapless::Vec;
use order::Order;
use saoma_core::watch::{Checkout, View};
pub use screen::{
    BasketPage, Fault, ITEMS_PER_PAGE_MAX, KEYS_MAX, MenuPage, OrderShown, Page, Row, Screen,
    StaffPage,
};
use talk::Asked;
pub use times::{
    ANSWER_WITHIN_MS, CANCEL_AFTER_MS, DIM_AFTER_MS, DISPENSE_WITHIN_MS, GONE_AFTER_S,
    HELD_WITHIN_MS, IDLE_END_MS, IDLE_HELP_MS, IDLE_MS, IDLE_OFFLINE_MS, IDLE_REFUND_MS,
    RECALL_WITHIN_MS, STEP_MS,
};
use walk::{Corner, Place};

/// The terminal.
#[derive(Clone, Debug)]
pub struct App {
    settings: Settings,
    /// When it began, on the shell's clock; its own clock begins with it.
    began_ms: Option<u64>,

    // What must not be forgotten.
    /// Of the newest record that is durable.
    sequence: u64,
    /// How many orders were made.
    made: u32,
    /// The dispenser failed.
    broken: bool,
    orders: Vec<Order, ENTRIES_MAX>,
    dirty: bool,
    store: Store,

    // Between terminal and server.
    link: bool,
    asked: Option<Asked>,
    tickets: u32,
    key_refused: bool,
    refusal: Option<Refusal>,

    // Between terminal and customer.
    customer: Option<Customer>,
    place: Place,
    language: Language,
    basket: Basket,
    /// The basket could not take what was just chosen.
    full: bool,
    /// The page of a list, and which order on the staff's screen.
    page: u8,
    focus: Option<Key>,
    corner: Corner,
    touched_ms: u64,

    // What is shown.
    screen: Screen,
    page_since_ms: u64,
    drawn: bool,
    /// What the display shows, so that only what differs is sent to it.
    shown: Shown,
}

/// Whoever stands in front of the terminal with an order.
#[derive(Clone, Debug)]
struct Customer {
    /// The order's id in this life of the terminal.
    order: u32,
    checkout: Checkout,
    view: Option<View>,
    /// Whether [`Screen::code`] is that of the view.
    coded: bool,
}

impl App {
    /// A terminal that begins with what was in its journal.
    #[must_use]
    pub fn new(settings: Settings, journal: Journal) -> Self {
        let screen = show::blank(&settings);
        let mut app = Self {
            began_ms: None,
            sequence: journal.sequence,
            made: journal.made,
            broken: journal.broken,
            orders: Vec::new(),
            dirty: false,
            store: Store::Written,
            link: true,
            asked: None,
            tickets: 0,
            key_refused: false,
            refusal: None,
            customer: None,
            place: Place::Attract,
            language: settings.language,
            basket: Basket::new(),
            full: false,
            page: 0,
            focus: None,
            corner: Corner::default(),
            touched_ms: 0,
            screen,
            page_since_ms: 0,
            drawn: false,
            shown: Shown::new(),
            settings,
        };
        for (id, entry) in (0..).zip(journal.entries) {
            // A journal has no more entries than the terminal has places.
            let _full = app.orders.push(Order::found(id, entry));
        }
        let _first = app.refresh(0);
        app.drawn = false;
        app
    }

    /// The one entry: something happens at `now_ms`, on a clock of any origin that does not go
    /// back.
    pub fn handle(&mut self, input: Input, now_ms: u64) -> Reaction {
        let now_ms = now_ms.saturating_sub(*self.began_ms.get_or_insert(now_ms));
        match input {
            Input::Key(key) => self.on_key(key, now_ms),
            Input::Touch(at) => match layout::key_at(&self.screen, self.settings.size, at) {
                Some(key) => self.on_key(key, now_ms),
                None => self.touched_ms = now_ms,
            },
            Input::Reply { ticket, answer } => self.on_reply(ticket, answer, now_ms),
            Input::Lost { ticket } => self.on_lost(ticket, now_ms),
            Input::Link(up) => self.on_link(up, now_ms),
            Input::Dispensed { job, outcome } => self.on_dispensed(&job, outcome, now_ms),
            Input::Stored(ok) => self.on_stored(ok, now_ms),
            Input::Tick => {}
        }
        self.end_waiting(now_ms);
        self.end_idling(now_ms);
        self.hand_over(now_ms);
        let store = self.store(now_ms);
        let request = self.ask(now_ms);
        let dispense = self.dispense(now_ms);
        let recall = self.recall(now_ms);
        Reaction { store, request, dispense, recall, damage: self.refresh(now_ms) }
    }

    /// What is shown now.
    #[must_use]
    pub const fn screen(&self) -> &Screen {
        &self.screen
    }

    /// The order of the customer in front of the terminal, as the server told last.
    #[must_use]
    pub fn view(&self) -> Option<&View> {
        self.customer.as_ref()?.view.as_ref()
    }

    /// Why only the staff can help, on [`Page::Help`] and [`Page::OutOfService`], where it was the
    /// server that refused.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// The display's size in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.settings.size
    }

    /// What is to be shown, on which display, and what it shows.
    pub(crate) const fn display(&mut self) -> (&Screen, Size, &mut Shown) {
        (&self.screen, self.settings.size, &mut self.shown)
    }

    /// What the display shows, for [`App::draw`]; to be [forgotten](Shown::forget) when the
    /// display was switched off.
    pub const fn shown(&mut self) -> &mut Shown {
        &mut self.shown
    }

    /// How many orders are followed, those that wait for the staff included.
    #[must_use]
    pub fn open_orders(&self) -> usize {
        self.orders.iter().filter(|order| !order.settled).count()
    }

    fn order_ref(&self, id: u32) -> Option<&Order> {
        self.orders.iter().find(|order| order.id == id)
    }

    fn order_mut(&mut self, id: u32) -> Option<&mut Order> {
        self.orders.iter_mut().find(|order| order.id == id)
    }

    /// The order of the customer in front.
    fn front(&self) -> Option<u32> {
        self.customer.as_ref().map(|customer| customer.order)
    }

    /// Whether it has just begun and does not know yet how its open orders stand.
    fn is_resuming(&self) -> bool {
        self.orders.iter().any(Order::is_unclear)
    }
}
