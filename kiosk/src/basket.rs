//! What a customer wants to buy: items with their counts, the sum, and the words for it.

use crate::{
    call::AMOUNT_MAX_FEN,
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
        (total.get() <= AMOUNT_MAX_FEN.into()).then_some(total)
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

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::{
        call::Goods,
        menu::{MENU, Symbol},
    };
    use std::{boxed::Box, string::ToString as _, vec::Vec as Many};

    fn basket(lines: &[(u16, u8)]) -> Basket {
        Basket::of(lines.iter().map(|(no, count)| Line { no: *no, count: *count })).unwrap()
    }

    /// A menu of items that all have this name and price.
    fn menu_of(name: &'static str, amount_fen: u32) -> &'static [Item] {
        let items = (1..=9).map(|no| Item {
            no,
            name: "x",
            zh: name,
            en: name,
            amount_fen,
            symbol: Symbol::Parcel,
        });
        Box::leak(items.collect::<Many<_>>().into_boxed_slice())
    }

    #[test]
    fn an_item_is_in_it_once_and_counted() {
        let mut basket = Basket::new();
        for no in [1, 3, 1] {
            assert!(basket.add(&MENU, no));
        }
        assert_eq!((basket.count(1), basket.count(3), basket.pieces()), (2, 1, 3));
        assert_eq!(basket.total(&MENU), Fen::new(2 * 1800 + 1250));
        basket.remove(1);
        basket.remove(3);
        basket.remove(3);
        assert_eq!(basket.lines(), [Line { no: 1, count: 1 }]);
    }

    #[test]
    fn what_the_menu_has_not_got_cannot_be_bought() {
        let mut basket = Basket::new();
        assert!(!basket.add(&MENU, 99) && basket.is_empty());
        let gone = Basket::of([Line { no: 99, count: 1 }]).unwrap();
        assert_eq!(gone.total(&MENU), None);
    }

    #[test]
    fn a_basket_costs_no_more_than_an_order_may() {
        let menu = menu_of("gold", 4_000_000);
        let mut basket = Basket::new();
        assert!(basket.add(menu, 1) && basket.add(menu, 2));
        assert!(!basket.add(menu, 1) && !basket.add(menu, 3), "12,000,000 fen are too much");
        assert_eq!(basket.total(menu), Fen::new(8_000_000));
    }

    #[test]
    fn lines_that_are_no_basket_are_refused() {
        let line = |no, count| Line { no, count };
        assert_eq!(Basket::of([line(1, 0)]), None);
        assert_eq!(Basket::of([line(1, COUNT_MAX + 1)]), None);
        assert_eq!(Basket::of([line(1, 1), line(1, 1)]), None);
        assert_eq!(Basket::of((1..=9).map(|no| line(no, 1))), None);
        assert!(Basket::of((1..=8).map(|no| line(no, COUNT_MAX))).is_some());
    }

    #[test]
    fn a_description_names_the_goods_in_the_customers_language() {
        for (lines, zh, en) in [
            (&[(1, 1)][..], "燕麦拿铁", "Oat latte"),
            (&[(1, 2)], "燕麦拿铁×2", "Oat latte ×2"),
            (&[(1, 1), (4, 2)], "燕麦拿铁、葡式蛋挞×2", "Oat latte, Egg tart ×2"),
        ] {
            let basket = basket(lines);
            assert_eq!(basket.describe(&MENU, Language::Zh), zh);
            assert_eq!(basket.describe(&MENU, Language::En), en);
        }
    }

    #[test]
    fn where_not_all_names_have_room_the_rest_is_counted() {
        let all: Many<(u16, u8)> = (1..=8).map(|no| (no, 9)).collect();
        let text = basket(&all).describe(&MENU, Language::Zh);
        assert_eq!(
            text,
            "燕麦拿铁×9、云南手冲×9、茉莉绿茶×9、葡式蛋挞×9、冰美式×9、黄油可颂×9等72件"
        );
        let text = basket(&all).describe(&MENU, Language::En);
        assert_eq!(
            text,
            "Oat latte ×9, Yunnan pour-over ×9, Jasmine green tea ×9, Egg tart ×9, \
             Iced americano ×9, Butter croissant ×9 and 18 more"
        );
    }

    #[test]
    fn a_name_that_is_too_long_is_cut_between_two_characters() {
        let long: &'static str = Box::leak("é".repeat(100).into_boxed_str());
        let menu = menu_of(long, 100);
        for language in Language::ALL {
            let text = basket(&[(1, 2), (2, 1)]).describe(menu, language);
            assert_eq!(text.as_str(), "é".repeat(62) + "…", "127 bytes at most");
        }
    }

    #[test]
    fn every_basket_has_a_description_that_the_server_takes() {
        let names = [
            "",
            "茶",
            "Sparkling water with everything",
            "一二三四五六七八九十一二三四五六七八九十",
        ];
        let names = names
            .map(str::to_string)
            .into_iter()
            .chain([27, 126, 127, 128, 300].map(|length| "a".repeat(length)));
        for name in names {
            let menu = menu_of(Box::leak(name.clone().into_boxed_str()), 100);
            for lines in 1..=8 {
                for count in [1, 9] {
                    let lines: Many<(u16, u8)> = (1..=lines).map(|no| (no, count)).collect();
                    for language in Language::ALL {
                        let text = basket(&lines).describe(menu, language);
                        let empty = name.is_empty() && lines.len() == 1 && count == 1;
                        assert!(Goods::new(&text, Fen::new(1).unwrap()).is_ok() || empty, "{text}");
                    }
                }
            }
        }
    }
}
