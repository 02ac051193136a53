//! The terminal as a machine: keys, answers and time go in, one question to the server, what must
//! be written down, what the dispenser shall do and what to draw come out.
//!
//! It never reads a clock, never talks to anybody and owns no memory but its own: the same machine
//! runs in a Linux process, in a test and on a microcontroller. It holds no secret at all; the
//! device key is the shell's, and the merchant key is nowhere near.

mod face;
mod screen;

use crate::{
    basket::{Basket, COUNT_MAX},
    call::Refusal,
    journal::{self, Head, Journal, RECORD_LEN},
    layout,
    menu::numbered,
    texts::Language,
};
use embedded_graphics::geometry::Size;
pub use face::{Damage, Dispensed, Input, Job, Key, Keys, Reaction, Settings};
use heapless::{String, Vec};
use saoma_core::{money::Fen, watch::View};
pub use screen::{
    BasketPage, Fault, ITEMS_PER_PAGE_MAX, KEYS_MAX, MenuPage, OrderShown, Page, Row, Screen,
    StaffPage,
};

/// The terminal.
#[derive(Clone, Debug)]
pub struct App {
    settings: Settings,
    journal: Journal,
    language: Language,
    basket: Basket,
    place: Place,
    page: usize,
    full: bool,
    focus: Option<Key>,
    view: Option<View>,
    refusal: Option<Refusal>,
    screen: Screen,
    drawn: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Attract,
    Menu,
    Basket,
    Starting,
}

impl App {
    /// A terminal that begins with what was in its journal.
    #[must_use]
    pub fn new(settings: Settings, journal: Journal) -> Self {
        let screen = Screen {
            language: settings.language,
            dimmed: false,
            step: 0,
            focus: None,
            merchant: String::try_from(settings.merchant).unwrap_or_default(),
            page: Page::Attract,
            order: OrderShown::default(),
            code: None,
        };
        Self {
            language: settings.language,
            settings,
            journal,
            basket: Basket::new(),
            place: Place::Attract,
            page: 0,
            full: false,
            focus: None,
            view: None,
            refusal: None,
            screen,
            drawn: false,
        }
    }

    /// The one entry: something happens at `now_ms`, on a clock of any origin that does not go
    /// back.
    pub fn handle(&mut self, input: Input, _now_ms: u64) -> Reaction {
        match input {
            Input::Key(key) => self.on_key(key),
            Input::Touch(at) => {
                if let Some(key) = layout::key_at(&self.screen, self.settings.size, at) {
                    self.on_key(key);
                }
            }
            _ => {}
        }
        Reaction {
            store: None,
            request: None,
            dispense: None,
            recall: None,
            damage: self.refresh(),
        }
    }

    /// What is shown now.
    #[must_use]
    pub const fn screen(&self) -> &Screen {
        &self.screen
    }

    /// The order of the customer in front of the terminal, as the server told last.
    #[must_use]
    pub const fn view(&self) -> Option<&View> {
        self.view.as_ref()
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

    /// Writes the journal's record, when [`Reaction::store`] asks for it.
    pub fn record(&self, record: &mut [u8; RECORD_LEN]) {
        let Journal { sequence, made, broken, .. } = self.journal;
        journal::write(&Head { sequence, made, broken }, self.journal.entries.iter(), record);
    }

    fn on_key(&mut self, key: Key) {
        self.full = false;
        match key {
            Key::Start => self.go(Place::Menu),
            Key::Item(at) => {
                if let Some(item) = self.settings.menu.get(usize::from(at)) {
                    self.full = !self.basket.add(self.settings.menu, item.no);
                }
            }
            Key::Plus(at) => {
                if let Some(line) = self.basket.lines().get(usize::from(at)) {
                    let no = line.no;
                    self.full = !self.basket.add(self.settings.menu, no);
                }
            }
            Key::Minus(at) => {
                if let Some(line) = self.basket.lines().get(usize::from(at)) {
                    let no = line.no;
                    self.basket.remove(no);
                }
            }
            Key::PageBack => self.page = self.page.saturating_sub(1),
            Key::PageOn => self.page += 1,
            Key::Basket => self.go(Place::Basket),
            Key::Pay => self.go(Place::Starting),
            Key::Back if self.place == Place::Basket => self.go(Place::Menu),
            Key::Back | Key::Cancel | Key::Again => {
                self.basket = Basket::new();
                self.go(Place::Attract);
            }
            Key::Language => self.language = self.language.next(),
            _ => {}
        }
    }

    fn go(&mut self, place: Place) {
        self.place = place;
        self.page = 0;
    }

    fn refresh(&mut self) -> Damage {
        let menu = self.settings.menu;
        let total = self.basket.total(menu).unwrap_or(Fen::ZERO);
        let rows = layout::rows(self.settings.size).clamp(1, ITEMS_PER_PAGE_MAX);
        let page = match self.place {
            Place::Attract => Page::Attract,
            Place::Starting => Page::Starting,
            Place::Menu => {
                let first = (self.page * rows).min(menu.len());
                let items = menu.get(first..menu.len().min(first + rows)).unwrap_or(&[]);
                let mut counts = [0; ITEMS_PER_PAGE_MAX];
                for (count, item) in counts.iter_mut().zip(items) {
                    *count = self.basket.count(item.no).min(COUNT_MAX);
                }
                Page::Menu(MenuPage {
                    items,
                    first: u8::try_from(first).unwrap_or(0),
                    counts,
                    page: u8::try_from(self.page).unwrap_or(0),
                    pages: u8::try_from(menu.len().div_ceil(rows)).unwrap_or(0),
                    pieces: self.basket.pieces(),
                    total,
                    full: self.full,
                })
            }
            Place::Basket => {
                let mut shown = Vec::new();
                for line in self.basket.lines() {
                    let Some(item) = numbered(menu, line.no) else { continue };
                    let amount = u64::from(item.amount_fen) * u64::from(line.count);
                    let amount = Fen::new(amount).unwrap_or(Fen::MAX);
                    let _full = shown.push(Row { item, count: line.count, amount });
                }
                Page::Basket(BasketPage {
                    rows: shown,
                    first: 0,
                    page: 0,
                    pages: 1,
                    pieces: self.basket.pieces(),
                    total,
                    full: self.full,
                })
            }
        };
        let screen = Screen {
            language: self.language,
            dimmed: false,
            step: 0,
            focus: self.focus,
            merchant: self.screen.merchant.clone(),
            page,
            order: OrderShown::default(),
            code: None,
        };
        if self.drawn && screen == self.screen {
            return Damage::Nothing;
        }
        self.drawn = true;
        self.screen = screen;
        Damage::All
    }
}
