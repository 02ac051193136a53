//! Every ideograph of GB 2312, and its punctuation, for names that nobody knew when the terminal
//! was built: goods and merchants as the server tells them.
//!
//! One file of squares of 16 pixels a side, scaled to the size of the font that lacks the
//! character. Made, like the [others](crate::font), from Noto Sans CJK SC by the program in
//! `kiosk/font/`. Numbers are big-endian:
//!
//! | bytes | meaning |
//! | --- | --- |
//! | 2 | number of characters |
//! | 2 each | character, in their order |
//! | 32 each | its pixels, one bit each, two bytes a row, the left one first |

use core::fmt;

static FILE: &[u8] = include_bytes!("../font/gb2312-16.font");

/// Pixels of a square's side.
const SIDE: i32 = 16;
const ROW: usize = 2;
const SQUARE: usize = 32;

/// One character's pixels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Square {
    rows: &'static [u8],
}

/// The pixels of a character, or `None` where GB 2312 has not got it.
pub(crate) fn square(character: char) -> Option<Square> {
    find(FILE, character)
}

fn find(file: &'static [u8], character: char) -> Option<Square> {
    let wanted = u16::try_from(u32::from(character)).ok()?.to_be_bytes();
    let (count, rest) = file.split_first_chunk()?;
    let count = usize::from(u16::from_be_bytes(*count));
    let (characters, squares) = rest.split_at_checked(2 * count)?;
    let (characters, _) = characters.as_chunks();
    let at = characters.binary_search(&wanted).ok()?;
    let rows = squares.get(at * SQUARE..(at + 1) * SQUARE)?;
    Some(Square { rows })
}

impl Square {
    /// How much ink pixel (`x`, `y`) has when the square is `em` pixels wide: 0 to 255.
    pub(crate) fn ink(&self, em: i32, x: i32, y: i32) -> u8 {
        let em = em.max(1);
        // In steps of which a pixel of the square has `em` and one of the picture has SIDE.
        let columns = (x * SIDE / em)..=((x * SIDE + SIDE - 1) / em);
        let rows = (y * SIDE / em)..=((y * SIDE + SIDE - 1) / em);
        let shared = |from: i32, to: i32| {
            ((from + 1) * em).min((to + 1) * SIDE) - (from * em).max(to * SIDE)
        };
        let mut covered = 0;
        for row in rows {
            for column in columns.clone() {
                if self.dark(column, row) {
                    covered += shared(column, x) * shared(row, y);
                }
            }
        }
        // Strokes that are made thinner than a pixel need more ink than their share.
        let ink = covered * 255 / (SIDE * SIDE) * SIDE.max(em) / em;
        u8::try_from(ink).unwrap_or(u8::MAX)
    }

    fn dark(&self, x: i32, y: i32) -> bool {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return false };
        let byte = if x < 16 { self.rows.get(y * ROW + x / 8) } else { None };
        byte.is_some_and(|byte| byte >> (7 - x % 8) & 1 == 1)
    }
}

impl fmt::Debug for Square {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Square").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use encoding_rs::GBK;
    use proptest::prelude::*;

    /// The ideographs' place in GB 2312: rows 16 to 87; row 55 has five fewer.
    fn in_gb2312(character: char) -> bool {
        let mut utf8 = [0; 4];
        let (bytes, _, unmappable) = GBK.encode(character.encode_utf8(&mut utf8));
        match *bytes {
            [high, low] => !unmappable && (0xb0..=0xf7).contains(&high) && low >= 0xa1,
            _ => false,
        }
    }

    #[test]
    fn it_has_all_ideographs_and_each_is_different() {
        let ideographs: std::vec::Vec<char> =
            ('\u{4e00}'..='\u{9fff}').filter(|character| in_gb2312(*character)).collect();
        assert_eq!(ideographs.len(), 6_763);
        let mut seen = std::collections::BTreeSet::new();
        for character in ideographs {
            let square = square(character).unwrap();
            assert!(seen.insert(square.rows), "{character} looks like another one");
        }
    }

    proptest! {
        #[test]
        fn a_character_is_found_where_and_only_where_it_is(character: char) {
            let is_ideograph = ('\u{4e00}'..='\u{9fff}').contains(&character);
            if is_ideograph {
                prop_assert_eq!(square(character).is_some(), in_gb2312(character));
            } else if u32::from(character) > 0xffff {
                prop_assert!(square(character).is_none());
            }
        }

        #[test]
        fn any_size_shows_something_and_nothing_outside(em in 1_i32..120, nth in 0_usize..6_000) {
            let mut all = ('\u{4e00}'..='\u{9fff}').filter_map(square);
            let square = all.nth(nth).unwrap();
            let ink: i64 = (0..em)
                .flat_map(|y| (0..em).map(move |x| i64::from(square.ink(em, x, y))))
                .sum();
            prop_assert!(ink > 0);
            prop_assert_eq!(square.ink(em, em, 0), 0);
            prop_assert_eq!(square.ink(em, 0, em), 0);
            prop_assert_eq!(square.ink(16, 3, 5), 255 * u8::from(square.dark(3, 5)));
        }

        #[test]
        fn a_damaged_file_has_no_characters_and_never_panics(end in 0_usize..300, character: char) {
            prop_assert!(find(&FILE[..end], character).is_none());
        }
    }
}
