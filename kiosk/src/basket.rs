//! What a customer wants to buy: items with their counts, the sum, and the words for it.

use crate::{
    menu::{Item, numbered},
    texts::Language,
};
use core::fmt::Write as _;
use heapless::{String, Vec};
use saoma_core::{money::Fen, watch::DESCRIPTION_MAX};

/// Most different items in a basket.
pub const LINES_MAX: usize = 8;
/// Most of one item.
pub const COUNT_MAX: u8 = 9;

/// Some of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The item's [number](Item::no).
    pub no: u16,
    /// How many, 1 to [`COUNT_MAX`].
    pub count: u8,
}

/// A basket: every item once, in the order of choosing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basket {
    lines: Vec<Line, LINES_MAX>,
}

impl Basket {
    /// An empty basket.
    #[must_use]
    pub const fn new() -> Self {
        Self { lines: Vec::new() }
    }

    /// A basket of these lines; `None` for too many, for one item twice or for a count outside of
    /// its range.
    #[must_use]
    pub fn of(lines: impl IntoIterator<Item = Line>) -> Option<Self> {
        let mut basket = Self::new();
        for line in lines {
            if line.count == 0 || line.count > COUNT_MAX || basket.count(line.no) > 0 {
                return None;
            }
            basket.lines.push(line).ok()?;
        }
        Some(basket)
    }

    /// What is in it.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many of an item are in it.
    #[must_use]
    pub fn count(&self, no: u16) -> u8 {
        self.lines.iter().find(|line| line.no == no).map_or(0, |line| line.count)
    }

    /// How many pieces are in it.
    #[must_use]
    pub fn pieces(&self) -> u16 {
        self.lines.iter().map(|line| u16::from(line.count)).sum()
    }

    /// What it costs; `None` above what one order may cost, or when the menu has not got it.
    #[must_use]
    pub fn total(&self, menu: &'static [Item]) -> Option<Fen> {
        let mut total = Fen::ZERO;
        for line in &self.lines {
            let one = u64::from(numbered(menu, line.no)?.amount_fen);
            total = total.checked_add(Fen::new(one * u64::from(line.count))?)?;
        }
        (total <= Fen::ORDER_MAX).then_some(total)
    }

    /// Puts one more in. `false`, and nothing changes, when it is full of that or would cost more
    /// than one order may.
    pub fn add(&mut self, menu: &'static [Item], no: u16) -> bool {
        let before = self.clone();
        let added = match self.lines.iter_mut().find(|line| line.no == no) {
            Some(line) if line.count < COUNT_MAX => {
                line.count += 1;
                true
            }
            Some(_) => false,
            None => self.lines.push(Line { no, count: 1 }).is_ok(),
        };
        let fits = added && self.total(menu).is_some();
        if !fits {
            *self = before;
        }
        fits
    }

    /// Takes one out.
    pub fn remove(&mut self, no: u16) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.no == no) {
            line.count -= 1;
        }
        self.lines.retain(|line| line.count > 0);
    }

    /// Its description for the customer, at most 127 bytes: whole names, and how many pieces there
    /// are beside them where not all have room.
    #[must_use]
    pub fn describe(&self, menu: &'static [Item], language: Language) -> String<DESCRIPTION_MAX> {
        let mut named = self.lines.len();
        loop {
            if let Some(text) = self.describe_first(named, menu, language) {
                return text;
            }
            if named <= 1 {
                return self.describe_cut(menu, language);
            }
            named -= 1;
        }
    }

    /// The first `named` lines by their names; `None` when that is too long.
    fn describe_first(
        &self,
        named: usize,
        menu: &'static [Item],
        language: Language,
    ) -> Option<String<DESCRIPTION_MAX>> {
        let words = language.words();
        let mut text = String::new();
        let mut pieces = 0;
        for (at, line) in self.lines.iter().take(named).enumerate() {
            let item = numbered(menu, line.no)?;
            if at > 0 {
                text.push_str(words.and).ok()?;
            }
            text.push_str(item.description(language)).ok()?;
            if line.count > 1 {
                write!(text, "{}{}", words.times, line.count).ok()?;
            }
            pieces += u16::from(line.count);
        }
        if named < self.lines.len() {
            let count = match language {
                // All of them, 等5件; those that are not named, and 3 more.
                Language::Zh => self.pieces(),
                Language::En => self.pieces() - pieces,
            };
            write!(text, "{}{count}{}", words.more.0, words.more.1).ok()?;
        }
        Some(text)
    }

    /// The first name, cut between two characters.
    fn describe_cut(&self, menu: &'static [Item], language: Language) -> String<DESCRIPTION_MAX> {
        let item = self.lines.first().and_then(|line| numbered(menu, line.no));
        let name = item.map_or("", |item| item.description(language));
        let mut text = String::new();
        for character in name.chars() {
            if text.len() + character.len_utf8() > DESCRIPTION_MAX - "…".len() {
                break;
            }
            let _fits = text.push(character);
        }
        let _fits = text.push('…');
        text
    }
}
