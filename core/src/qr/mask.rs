//! Data masks and format information (clauses 7.8 and 7.9).

use super::lines::{EVERY_TWELFTH, STEP, Word};
use super::{Level, QUIET_ZONE};

/// Modules after which every mask repeats, across and down.
pub(super) const PERIOD: usize = 12;

/// The lines of each mask, from the quiet zone above the symbol on.
const PATTERNS: [[u16; PERIOD]; 8] = {
    let mut patterns = [[0; PERIOD]; 8];
    let mut at = 0;
    while at < 8 * PERIOD * PERIOD {
        let (mask, y, x) = (at / PERIOD / PERIOD, at / PERIOD % PERIOD, at % PERIOD);
        patterns[mask][(QUIET_ZONE + y) % PERIOD] |= (inverts(mask, x, y) as u16) << x;
        at += 1;
    }
    patterns
};

/// Whether a mask inverts the module at `(x, y)` (table 10).
const fn inverts(mask: usize, x: usize, y: usize) -> bool {
    match mask {
        0 => (x + y).is_multiple_of(2),
        1 => y.is_multiple_of(2),
        2 => x.is_multiple_of(3),
        3 => (x + y).is_multiple_of(3),
        4 => (x / 3 + y / 2).is_multiple_of(2),
        5 => x * y % 2 + x * y % 3 == 0,
        6 => (x * y % 2 + x * y % 3).is_multiple_of(2),
        _ => ((x + y) % 2 + x * y % 3).is_multiple_of(2),
    }
}

/// One of the eight masks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Mask(u8);

impl Mask {
    /// All masks in order.
    pub(super) const ALL: [Self; 8] =
        [Self(0), Self(1), Self(2), Self(3), Self(4), Self(5), Self(6), Self(7)];

    /// The mask with the number `number % 8`.
    pub(super) fn new(number: u8) -> Self {
        Self(number % 8)
    }

    /// The mask's number.
    pub(super) fn number(self) -> u8 {
        self.0
    }

    /// Its lines in a strip.
    pub(super) fn lines(self, strip: usize) -> [Word; PERIOD] {
        let missing = STEP * strip % PERIOD;
        let mut lines = [0; PERIOD];
        for (line, &pattern) in lines.iter_mut().zip(&PATTERNS[usize::from(self.0)]) {
            let pattern = Word::from(pattern);
            let pattern = pattern >> missing | pattern << (PERIOD - missing);
            *line = (pattern & 0xfff).wrapping_mul(EVERY_TWELFTH);
        }
        lines
    }

    /// The 15 bits of format information (annex C).
    pub(super) fn format(self, level: Level) -> u16 {
        // In the standard's order the levels are M, L, H, Q.
        let level = level as u16 ^ 1;
        let data = level << 3 | u16::from(self.0);
        let remainder = (0..10).fold(data, |rest, _| (rest << 1) ^ ((rest >> 9) * 0x537));
        (data << 10 | remainder) ^ 0x5412
    }
}
