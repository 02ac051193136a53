//! The goods of a small café, for a terminal that nobody has told what to sell.

use crate::texts::Language;
use saoma_core::money::Fen;

/// One line of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// How the command line calls it.
    pub name: &'static str,
    /// What a customer reads who reads Chinese.
    pub zh: &'static str,
    /// What a customer reads who reads English.
    pub en: &'static str,
    /// What it costs, in fen.
    pub amount_fen: u32,
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

    /// What it costs.
    #[must_use]
    pub fn amount(&self) -> Fen {
        // Every u32 is below the limit of 2^53.
        Fen::new(self.amount_fen.into()).unwrap_or(Fen::MAX)
    }
}

/// What there is, the house's favourite first.
pub const MENU: [Item; 4] = [
    Item { name: "latte", zh: "燕麦拿铁", en: "Oat latte", amount_fen: 1800 },
    Item { name: "pour-over", zh: "云南手冲", en: "Yunnan pour-over", amount_fen: 2600 },
    Item { name: "jasmine", zh: "茉莉绿茶", en: "Jasmine green tea", amount_fen: 1250 },
    Item { name: "egg-tart", zh: "葡式蛋挞", en: "Egg tart", amount_fen: 900 },
];

/// The name that the sample shop shows; here so that the fonts can write it.
pub const SAMPLE_MERCHANT: &str = "扫码咖啡";

/// The item of a name, or `None`.
#[must_use]
pub fn find(name: &str) -> Option<&'static Item> {
    MENU.iter().find(|item| item.name == name)
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
        }
        assert_eq!(find("tea"), None);
    }
}
