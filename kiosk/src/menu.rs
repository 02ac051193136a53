//! What is sold: the lines of a menu, and the goods of a small café for a terminal that nobody has
//! told what to sell.

use crate::texts::Language;
use saoma_core::money::Fen;

/// Most lines of a menu that are shown.
pub const ITEMS_MAX: usize = 64;

/// A drawing that stands for goods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symbol {
    /// A cup with a handle.
    Cup,
    /// A glass with a straw.
    Glass,
    /// A pot with a spout.
    Pot,
    /// A bottle.
    Bottle,
    /// Something baked.
    Bread,
    /// A cake or a tart.
    Cake,
    /// A bag of something.
    Bag,
    /// Anything else.
    #[default]
    Parcel,
}

impl Symbol {
    /// Every symbol.
    pub const ALL: [Self; 8] = [
        Self::Cup,
        Self::Glass,
        Self::Pot,
        Self::Bottle,
        Self::Bread,
        Self::Cake,
        Self::Bag,
        Self::Parcel,
    ];

    /// Its name in one word, for configuration files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cup => "cup",
            Self::Glass => "glass",
            Self::Pot => "pot",
            Self::Bottle => "bottle",
            Self::Bread => "bread",
            Self::Cake => "cake",
            Self::Bag => "bag",
            Self::Parcel => "parcel",
        }
    }

    /// The symbol of a name, or `None`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|symbol| symbol.name() == name)
    }
}

/// One line of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its number, the same for ever: the dispenser's shelf, and how the journal remembers it.
    pub no: u16,
    /// How the command line calls it.
    pub name: &'static str,
    /// What a customer reads who reads Chinese.
    pub zh: &'static str,
    /// What a customer reads who reads English.
    pub en: &'static str,
    /// What it costs, in fen.
    pub amount_fen: u32,
    /// What it looks like.
    pub symbol: Symbol,
}

impl Item {
    /// What the customer reads, on the screen and in WeChat.
    #[must_use]
    pub const fn description(&self, language: Language) -> &'static str {
        match language {
            Language::Zh => self.zh,
            Language::En => self.en,
        }
    }

    /// What one costs.
    #[must_use]
    pub fn amount(&self) -> Fen {
        // Every u32 is below the limit of 2^53.
        Fen::new(self.amount_fen.into()).unwrap_or(Fen::MAX)
    }
}

/// What there is, the house's favourite first.
pub const MENU: [Item; 8] = [
    item(1, "latte", "燕麦拿铁", "Oat latte", 1800, Symbol::Cup),
    item(2, "pour-over", "云南手冲", "Yunnan pour-over", 2600, Symbol::Pot),
    item(3, "jasmine", "茉莉绿茶", "Jasmine green tea", 1250, Symbol::Glass),
    item(4, "egg-tart", "葡式蛋挞", "Egg tart", 900, Symbol::Cake),
    item(5, "americano", "冰美式", "Iced americano", 1500, Symbol::Glass),
    item(6, "croissant", "黄油可颂", "Butter croissant", 1200, Symbol::Bread),
    item(7, "sparkling", "青柠气泡水", "Lime sparkling water", 800, Symbol::Bottle),
    item(8, "beans", "咖啡豆", "Coffee beans", 6800, Symbol::Bag),
];

const fn item(
    no: u16,
    name: &'static str,
    zh: &'static str,
    en: &'static str,
    amount_fen: u32,
    symbol: Symbol,
) -> Item {
    Item { no, name, zh, en, amount_fen, symbol }
}

/// The name that the sample shop shows; here so that the fonts can write it.
pub const SAMPLE_MERCHANT: &str = "扫码咖啡";

/// The item of a name, or `None`.
#[must_use]
pub fn find(name: &str) -> Option<&'static Item> {
    MENU.iter().find(|item| item.name == name)
}

/// The item of a number, or `None`.
#[must_use]
pub fn numbered(menu: &'static [Item], no: u16) -> Option<&'static Item> {
    menu.iter().find(|item| item.no == no)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Goods;

    #[test]
    fn everything_on_the_menu_can_be_sold_and_found() {
        for item in &MENU {
            for language in Language::ALL {
                assert!(Goods::new(item.description(language), item.amount()).is_ok());
            }
            assert_eq!(find(item.name), Some(item));
            assert_eq!(numbered(&MENU, item.no), Some(item));
        }
        assert_eq!(find("tea"), None);
        assert_eq!(numbered(&MENU, 0), None);
    }

    #[test]
    fn every_symbol_has_its_name() {
        for symbol in Symbol::ALL {
            assert_eq!(Symbol::from_name(symbol.name()), Some(symbol));
        }
        assert_eq!(Symbol::from_name("Cup"), None);
    }
}
