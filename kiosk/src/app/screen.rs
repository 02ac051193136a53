//! What the terminal shows: a plain value, from which the picture is made and nothing else.

use super::Key;
use crate::{basket::LINES_MAX, call::ORDER_NO_MAX, menu::Item, texts::Language};
use heapless::{String, Vec};
use saoma_core::{
    money::Fen,
    qr::Matrix,
    watch::{DESCRIPTION_MAX, MERCHANT_MAX},
};

/// Most items on one page of the menu.
pub const ITEMS_PER_PAGE_MAX: usize = 12;
/// Most keys of a screen: the basket's, with two for each line.
pub const KEYS_MAX: usize = 24;

/// What is on the display. Two equal screens look alike, on the same display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    /// The language of all words.
    pub language: Language,
    /// Nobody has been here for a while: the display may be darker.
    pub dimmed: bool,
    /// Where an animation is: grows by one with each step where something moves (see
    /// [`Page::moves`]), else 0. After 65535 comes 0.
    pub step: u16,
    /// On a display with arrow keys: the key that [`Key::Select`] means now. A touch display has
    /// none.
    pub focus: Option<Key>,
    /// The shop's name.
    pub merchant: String<MERCHANT_MAX>,
    /// Which screen it is, and what only this one has.
    pub page: Page,
    /// The order that it speaks of; empty on the pages without one.
    pub order: OrderShown,
    /// The code to be scanned, on [`Page::Code`] where it fits the display, and only there.
    pub code: Option<Matrix>,
}

/// An order as its customer sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderShown {
    /// The number that the staff ask for; empty when there is no order.
    pub number: String<ORDER_NO_MAX>,
    /// What it costs.
    pub amount: Fen,
    /// The goods.
    pub goods: String<DESCRIPTION_MAX>,
}

/// The screens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// Nobody is there: whoever comes by is invited.
    Attract,
    /// What there is to buy.
    Menu(MenuPage),
    /// What is to be bought.
    Basket(BasketPage),
    /// The terminal has just begun and asks what became of its open orders.
    Resuming,
    /// The order is being made.
    Starting,
    /// The code, goods, amount and the time left.
    Code {
        /// Seconds until the code may not be paid any more; at least 1.
        left_s: u64,
    },
    /// The last word on the payment is not in yet.
    Checking,
    /// Being given up, as the customer wished: WeChat takes up to five minutes to confirm it. The
    /// next customer need not wait.
    Cancelling,
    /// Paid; the goods are coming.
    Dispensing,
    /// The goods are out.
    Take,
    /// Given up; nothing was paid.
    Cancelled,
    /// Too late; nothing was paid.
    Expired,
    /// The order could not be made; nothing was paid.
    Failed,
    /// A payment goes back.
    Refunding,
    /// A payment is on its way back.
    Refunded,
    /// Only the staff can go on; they ask for the order's number.
    Help,
    /// The server cannot be reached.
    Offline,
    /// Nothing can be sold until somebody has seen to it.
    OutOfService(Fault),
    /// For the staff: the orders that wait for them.
    Staff(StaffPage),
}

/// One page of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuPage {
    /// The items of this page; the first is [`Key::Item`] number `first`.
    pub items: &'static [Item],
    /// Where in the menu they begin.
    pub first: u8,
    /// How many of each are in the basket already.
    pub counts: [u8; ITEMS_PER_PAGE_MAX],
    /// This page, from 0.
    pub page: u8,
    /// How many pages there are.
    pub pages: u8,
    /// How many pieces are in the basket.
    pub pieces: u16,
    /// What the basket costs.
    pub total: Fen,
    /// The basket could not take what was just chosen.
    pub full: bool,
}

/// One page of the basket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasketPage {
    /// The lines of this page; the first is [`Key::Plus`] and [`Key::Minus`] number `first`.
    pub rows: Vec<Row, LINES_MAX>,
    /// Where in the basket they begin.
    pub first: u8,
    /// This page, from 0.
    pub page: u8,
    /// How many pages there are.
    pub pages: u8,
    /// How many pieces are in the basket.
    pub pieces: u16,
    /// What the basket costs.
    pub total: Fen,
    /// The basket could not take one more.
    pub full: bool,
}

/// Some of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Of what.
    pub item: &'static Item,
    /// How many.
    pub count: u8,
    /// What they cost together.
    pub amount: Fen,
}

/// Why nothing can be sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The dispenser failed.
    Dispenser,
    /// The journal cannot be written.
    Journal,
    /// The journal is full of orders that wait for the staff.
    Full,
    /// The server refuses this terminal's key.
    Key,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 4] = [Self::Dispenser, Self::Journal, Self::Full, Self::Key];

    /// What the staff read, the same in every language: `E1`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Dispenser => "E1",
            Self::Journal => "E2",
            Self::Full => "E3",
            Self::Key => "E4",
        }
    }
}

/// One of the orders that wait for the staff; which, is in [`Screen::order`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaffPage {
    /// Which of them, from 0.
    pub at: u8,
    /// How many there are; 0: none waits.
    pub of: u8,
    /// What is wrong with the terminal.
    pub fault: Option<Fault>,
}

impl Page {
    /// Its name in one word, for logs and files.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Attract => "attract",
            Self::Menu(_) => "menu",
            Self::Basket(_) => "basket",
            Self::Resuming => "resuming",
            Self::Starting => "starting",
            Self::Code { .. } => "qr",
            Self::Checking => "checking",
            Self::Cancelling => "cancelling",
            Self::Dispensing => "dispensing",
            Self::Take => "take",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
            Self::Help => "help",
            Self::Offline => "offline",
            Self::OutOfService(_) => "out-of-service",
            Self::Staff(_) => "staff",
        }
    }

    /// Whether this order has come to its end.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        matches!(
            self,
            Self::Take
                | Self::Cancelled
                | Self::Expired
                | Self::Failed
                | Self::Refunding
                | Self::Refunded
                | Self::Help
        )
    }

    /// Whether this customer is done and the next one may order.
    #[must_use]
    pub const fn can_order_again(&self) -> bool {
        matches!(self, Self::Cancelling) || self.is_end()
    }

    /// Whether the order can be given up.
    #[must_use]
    pub const fn can_cancel(&self) -> bool {
        matches!(self, Self::Starting | Self::Code { .. })
    }

    /// Whether something moves on it, so that time alone changes the picture.
    #[must_use]
    pub const fn moves(&self) -> bool {
        matches!(
            self,
            Self::Attract
                | Self::Resuming
                | Self::Starting
                | Self::Checking
                | Self::Cancelling
                | Self::Dispensing
                | Self::Take
                | Self::Refunding
                | Self::Offline
        )
    }
}

impl Screen {
    /// The keys that mean something now, in reading order; the language's is always the last but
    /// for [`Key::Staff`], which no screen shows.
    #[must_use]
    pub fn keys(&self) -> Vec<Key, KEYS_MAX> {
        let mut keys = Vec::new();
        // The fullest page, the basket's, has 21.
        let mut push = |more: &[Key]| {
            let _full = keys.extend_from_slice(more);
        };
        match &self.page {
            Page::Attract => push(&[Key::Start]),
            Page::Menu(menu) => {
                let items = u8::try_from(menu.items.len()).unwrap_or(0);
                (0..items).for_each(|at| push(&[Key::Item(menu.first + at)]));
                if menu.pages > 1 {
                    push(&[Key::PageBack, Key::PageOn]);
                }
                if menu.pieces > 0 {
                    push(&[Key::Basket]);
                }
                push(&[Key::Back]);
            }
            Page::Basket(basket) => {
                let rows = u8::try_from(basket.rows.len()).unwrap_or(0);
                for at in basket.first..basket.first + rows {
                    push(&[Key::Minus(at), Key::Plus(at)]);
                }
                if basket.pages > 1 {
                    push(&[Key::PageBack, Key::PageOn]);
                }
                push(&[Key::Back, Key::Pay]);
            }
            Page::Staff(staff) => {
                if staff.of > 1 {
                    push(&[Key::PageBack, Key::PageOn]);
                }
                if staff.of > 0 {
                    push(&[Key::Done, Key::Forget]);
                }
                if staff.fault == Some(Fault::Dispenser) {
                    push(&[Key::Repaired]);
                }
                push(&[Key::Back]);
            }
            page if page.can_cancel() => push(&[Key::Cancel]),
            page if page.can_order_again() => push(&[Key::Again]),
            _ => {}
        }
        push(&[Key::Language]);
        keys
    }
}
