//! The goods of a small café, for a terminal that nobody has told what to sell.

use saoma_core::money::Fen;

/// One line of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// How the command line calls it.
    pub name: &'static str,
    /// What the customer reads, on the screen and in WeChat, in both languages.
    pub description: &'static str,
    /// What it costs, in fen.
    pub amount_fen: u32,
}

impl Item {
    /// What it costs.
    #[must_use]
    pub fn amount(&self) -> Fen {
        Fen::new(self.amount_fen.into()).unwrap_or(Fen::ZERO)
    }
}

/// What there is, the house's favourite first.
pub const MENU: [Item; 4] = [
    Item { name: "latte", description: "拿铁 Latte", amount_fen: 1800 },
    Item { name: "americano", description: "美式咖啡 Americano", amount_fen: 1500 },
    Item { name: "matcha", description: "抹茶 Matcha", amount_fen: 1600 },
    Item { name: "water", description: "气泡水 Sparkling water", amount_fen: 800 },
];

/// The name that the sample shop shows; here so that the fonts can write it.
pub const SAMPLE_MERCHANT: &str = "扫码咖啡";

/// The item of a name, or `None`.
#[must_use]
pub fn find(name: &str) -> Option<&'static Item> {
    MENU.iter().find(|item| item.name == name)
}
