//! Texts that have to fit: cut to a width, or broken into lines.

use crate::font::Font;
use heapless::Vec;

/// Most lines that a text is broken into.
pub const LINES_MAX: usize = 4;
/// Stands for what was left out.
pub const ELLIPSIS: &str = "…";

/// One line of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'t> {
    /// The words.
    pub text: &'t str,
    /// Whether something was left out after them, so that an [`ELLIPSIS`] follows.
    pub cut: bool,
}

impl<'t> Line<'t> {
    /// The text and what follows it.
    #[must_use]
    pub const fn parts(&self) -> [&'t str; 2] {
        [self.text, if self.cut { ELLIPSIS } else { "" }]
    }

    /// Its width with what follows.
    #[must_use]
    pub fn width(&self, font: &Font) -> i32 {
        self.parts().iter().map(|part| font.width(part)).sum()
    }
}

/// The beginning of a text that fits a width.
#[must_use]
pub fn fit<'t>(font: &Font, text: &'t str, width: i32) -> Line<'t> {
    if font.width(text) <= width {
        return Line { text, cut: false };
    }
    let room = width - font.width(ELLIPSIS);
    let start = prefix(font, text, room);
    Line { text: text.get(..start).unwrap_or("").trim_end(), cut: true }
}

/// The end of a text that fits a width, and whether something before it was left out.
#[must_use]
pub fn fit_end<'t>(font: &Font, text: &'t str, width: i32) -> (bool, &'t str) {
    if font.width(text) <= width {
        return (false, text);
    }
    let room = width - font.width(ELLIPSIS);
    let mut rest = text;
    while font.width(rest) > room {
        let mut characters = rest.chars();
        if characters.next().is_none() {
            break;
        }
        rest = characters.as_str();
    }
    (true, rest)
}

/// Breaks a text into at most `most` lines: at spaces, and beside ideographs, though never so that
/// a line begins with a closing sign. The lines are as few as possible, and then as even as
/// possible. What does not fit is cut.
#[must_use]
pub fn wrap<'t>(font: &Font, text: &'t str, width: i32, most: usize) -> Vec<Line<'t>, LINES_MAX> {
    let mut lines = greedy(font, text, width, most);
    if lines.len() < 2 || lines.iter().any(|line| line.cut) {
        return lines;
    }
    // The narrowest width that needs no more lines is the most even one.
    let (mut narrow, mut wide) = (width / 2, width);
    while narrow + 1 < wide {
        let middle = narrow.midpoint(wide);
        let even = greedy(font, text, middle, lines.len());
        let spoilt = even.iter().any(|line| line.cut || line.width(font) > middle);
        if spoilt || breaks_words(text, &even) {
            narrow = middle;
        } else {
            (lines, wide) = (even, middle);
        }
    }
    lines
}

/// Whether a text fits in at most `most` lines with nothing left out and no word broken.
#[must_use]
pub fn fits_whole(font: &Font, text: &str, width: i32, most: usize) -> bool {
    let lines = wrap(font, text, width, most);
    let fits = |line: &Line<'_>| !line.cut && line.width(font) <= width;
    lines.iter().all(fits) && !breaks_words(text, &lines)
}

/// Whether a line ends where none should.
fn breaks_words(text: &str, lines: &[Line<'_>]) -> bool {
    lines.iter().skip(1).any(|line| {
        // Every line is a part of the text.
        let start = line.text.as_ptr().addr() - text.as_ptr().addr();
        !may_break(text, start)
    })
}

/// Fills each line before the next.
fn greedy<'t>(font: &Font, text: &'t str, width: i32, most: usize) -> Vec<Line<'t>, LINES_MAX> {
    let mut lines = Vec::new();
    let mut rest = text.trim();
    let most = most.min(LINES_MAX);
    while !rest.is_empty() && lines.len() < most {
        let line = if lines.len() + 1 == most {
            fit(font, rest, width)
        } else {
            Line { text: rest.get(..line_end(font, rest, width)).unwrap_or(rest), cut: false }
        };
        rest = rest.get(line.text.len()..).unwrap_or("").trim_start();
        let line = Line { text: line.text.trim_end(), ..line };
        // Never more than LINES_MAX.
        let _full = lines.push(line);
    }
    lines
}

/// Bytes of the longest beginning that is no wider than `width`.
fn prefix(font: &Font, text: &str, width: i32) -> usize {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += font.advance(character);
        if used > width {
            return at;
        }
    }
    text.len()
}

/// Where the first line of a text ends, in bytes; at least one character.
fn line_end(font: &Font, text: &str, width: i32) -> usize {
    let fits = prefix(font, text, width);
    if fits == text.len() {
        return fits;
    }
    let breaks = text.char_indices().skip(1).map(|(at, _)| at).filter(|at| may_break(text, *at));
    let last = breaks.take_while(|at| text[..*at].trim_end().len() <= fits).last();
    let first = text.chars().next().map_or(0, char::len_utf8);
    last.unwrap_or(fits).max(first)
}

/// Whether a line may begin at byte `at`.
fn may_break(text: &str, at: usize) -> bool {
    let (before, after) = text.split_at(at);
    let (Some(last), Some(next)) = (before.chars().last(), after.chars().next()) else {
        return false;
    };
    if next == ' ' || "，。！？：、）…".contains(next) {
        return false;
    }
    last == ' ' || is_ideograph(last) || is_ideograph(next)
}

/// Chinese characters and signs: they stand without spaces.
fn is_ideograph(character: char) -> bool {
    character >= '\u{2e80}'
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::font::SIZE_16;
    use std::{string::String, vec::Vec as StdVec};

    fn wrapped(text: &str, width: i32, most: usize) -> StdVec<String> {
        let lines = wrap(&SIZE_16, text, width, most);
        for line in &lines {
            assert!(line.width(&SIZE_16) <= width, "{line:?} is wider than {width}");
        }
        lines.iter().map(|line| line.parts().concat()).collect()
    }

    #[test]
    fn what_fits_stays_in_one_line() {
        assert_eq!(wrapped("Thank you", 200, 3), ["Thank you"]);
        assert_eq!(wrapped("谢谢惠顾", 64, 3), ["谢谢惠顾"]);
        assert_eq!(wrapped("", 64, 3), StdVec::<String>::new());
    }

    #[test]
    fn english_breaks_at_spaces_and_chinese_anywhere() {
        assert_eq!(wrapped("Please do not pay again", 112, 3), ["Please do", "not pay again"]);
        assert_eq!(wrapped("请用微信扫码支付", 80, 3), ["请用微信", "扫码支付"]);
    }

    #[test]
    fn no_line_begins_with_a_closing_sign() {
        assert_eq!(wrapped("没有扣款，请重新下单", 64, 3), ["没有扣", "款，请重", "新下单"]);
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        assert_eq!(wrapped("Please do not pay again", 78, 2), ["Please do", "not pay…"]);
        let line = fit(&SIZE_16, "Sparkling water", 60);
        assert!(line.cut && line.width(&SIZE_16) <= 60 && !line.text.is_empty());
        let (cut, end) = fit_end(&SIZE_16, "20261123192600K7Q2M9XB", 100);
        assert!(cut && end.ends_with("K7Q2M9XB"));
    }

    #[test]
    fn a_word_wider_than_the_line_is_broken() {
        let lines = wrapped("Donaudampfschifffahrt", 60, 3);
        assert!(lines.len() > 1);
    }

    #[test]
    fn no_width_is_too_small_to_end() {
        for width in [-5, 0, 1, 7] {
            assert!(wrap(&SIZE_16, "微信 WeChat", width, 3).len() <= 3);
            let _end = fit_end(&SIZE_16, "微信", width);
        }
    }
}
