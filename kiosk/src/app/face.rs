//! What goes into the terminal and what comes out of it.

use crate::{
    basket::Basket,
    call::{Answer, JobId, OrderNumbers, Request},
    menu::Item,
    texts::Language,
};
use embedded_graphics::geometry::{Point, Size};

/// What a terminal is told once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The display's size in pixels.
    pub size: Size,
    /// How customers press keys.
    pub keys: Keys,
    /// The language to begin with, and to come back to for the next customer.
    pub language: Language,
    /// The shop's name, at most 64 bytes; a longer one is left out.
    pub merchant: &'static str,
    /// What is sold, at most [`ITEMS_MAX`](crate::menu::ITEMS_MAX) items with different numbers.
    pub menu: &'static [Item],
    /// The numbers of its orders.
    pub numbers: OrderNumbers,
}

/// How customers press keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keys {
    /// They touch the display.
    #[default]
    Touch,
    /// With arrows and [`Key::Select`]: the screen shows what is selected.
    Arrows,
}

/// A key of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// From the attract screen to the menu.
    Start,
    /// One of this item of the menu, counted from 0, into the basket.
    Item(u8),
    /// One more of this line of the basket, counted from 0.
    Plus(u8),
    /// One less.
    Minus(u8),
    /// The page before, in the menu, the basket or the staff's list.
    PageBack,
    /// The next page.
    PageOn,
    /// To the basket.
    Basket,
    /// Make the order.
    Pay,
    /// One step back.
    Back,
    /// Give the order up.
    Cancel,
    /// After an order's end: the next customer.
    Again,
    /// The other language.
    Language,
    /// To the key before the selected one.
    Up,
    /// To the key after the selected one.
    Down,
    /// Like [`Key::Up`]; in a list the page before.
    Left,
    /// Like [`Key::Down`]; in a list the next page.
    Right,
    /// Press the selected key.
    Select,
    /// The staff's own key, a switch behind the door: to the orders that wait for them.
    Staff,
    /// A touch on the display's upper left corner, which shows no key: five of them within five
    /// seconds are [`Key::Staff`].
    Corner,
    /// On the staff's screen: the customer has got these goods.
    Done,
    /// On the staff's screen: settled in another way, such as a refund; the terminal forgets it.
    Forget,
    /// On the staff's screen, after the dispenser failed: it works again.
    Repaired,
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
    /// The way to the server is there (`true`) or not, where a shell knows without a question.
    Link(bool),
    /// What became of a job.
    Dispensed {
        /// The job.
        job: JobId,
        /// What became of it.
        outcome: Dispensed,
    },
    /// The journal's record is written and will survive a power cut, or could not be written.
    Stored(bool),
    /// Time has passed. Four times a second is often enough.
    Tick,
}

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispensed {
    /// The goods are out.
    Done,
    /// Nothing came out, and nothing will: the dispenser is sure.
    Failed,
    /// It cannot be known.
    Unknown,
}

/// Goods to be handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// The goods: shelves and counts.
    pub basket: Basket,
}

/// How much of the display has to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Nothing changed.
    Nothing,
    /// The screen is the same one: the time left, an animation's step, a count, what is selected
    /// or a page of a list.
    Part,
    /// Another screen, language or brightness.
    All,
}

/// What the terminal wants after an input. A shell does it in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Reaction {
    /// Make the journal durable now: the [record](crate::app::App::record) into this slot, 0 or 1.
    /// Then tell with [`Input::Stored`]. What must not happen before is not asked for before.
    pub store: Option<usize>,
    /// To be asked of the server now. It makes the question before void, if that is still open:
    /// a shell may drop it, and its answer changes nothing.
    pub request: Option<Request>,
    /// To be handed to the dispenser now, once; [`Input::Dispensed`] tells what became of it.
    pub dispense: Option<Job>,
    /// After a power cut: the dispenser is asked what became of this job, and moves nothing.
    /// [`Input::Dispensed`] tells; a dispenser that cannot know says [`Dispensed::Unknown`].
    pub recall: Option<JobId>,
    /// To be drawn now, with [`App::draw`](crate::app::App::draw).
    pub damage: Damage,
}
