//! Which characters a font has: shared by the program that makes the fonts and by the test that
//! finds out whether they have to be made again.

use saoma_kiosk::{lines, menu, texts::Language};
use std::collections::BTreeSet;

/// Besides letters and digits: what the code adds to texts, and Chinese punctuation.
const SIGNS: &str = "¥·×，。！？：、（）";

/// Letters, digits, signs: what amounts, countdowns and order numbers are made of.
pub(crate) fn basic() -> BTreeSet<char> {
    (' '..='~').chain(SIGNS.chars()).chain(lines::ELLIPSIS.chars()).collect()
}

/// Whatever may stand on a screen.
pub(crate) fn all() -> BTreeSet<char> {
    let mut characters = basic();
    for language in Language::ALL {
        let words = language.words();
        let messages = words.messages();
        let texts = messages.iter().flat_map(|message| [message.title, message.note]);
        characters.extend(texts.chain(words.labels()).flat_map(str::chars));
    }
    characters.extend(menu::SAMPLE_MERCHANT.chars());
    characters.extend(menu::MENU.iter().flat_map(|item| [item.zh, item.en]).flat_map(str::chars));
    characters
}

/// Titles and amounts.
pub(crate) fn large() -> BTreeSet<char> {
    let mut characters = basic();
    for language in Language::ALL {
        characters.extend(language.words().messages().iter().flat_map(|m| m.title.chars()));
    }
    characters
}
