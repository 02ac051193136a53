//! Data masks and format information (clauses 7.8 and 7.9).

use super::Level;
use super::sheet::Side;

/// Modules after which every mask repeats, across and down.
const PERIOD: usize = 12;

/// For each mask its rows and its columns.
const PATTERNS: [[[u16; PERIOD]; 2]; 8] = {
    let mut all = [[[0; PERIOD]; 2]; 8];
    let mut at = 0;
    while at < 8 * PERIOD * PERIOD {
        let (mask, line, i) = (at / PERIOD / PERIOD, at / PERIOD % PERIOD, at % PERIOD);
        all[mask][0][line] |= (inverts(mask, i, line) as u16) << i;
        all[mask][1][line] |= (inverts(mask, line, i) as u16) << i;
        at += 1;
    }
    all
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
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mask(u8);

impl Mask {
    /// The mask with the number `number % 8`.
    pub(super) fn new(number: u8) -> Self {
        Self(number % 8)
    }

    /// All masks in order.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..8).map(Self)
    }

    /// The mask's number.
    pub(super) fn number(self) -> u8 {
        self.0
    }

    /// Its lines from column `64 * plane` on.
    pub(super) fn lines(self, side: Side, plane: usize) -> impl Iterator<Item = u64> {
        let patterns = &PATTERNS[usize::from(self.0)][side as usize];
        patterns.iter().cycle().map(move |&pattern| {
            let pattern = u64::from(pattern);
            // Column 64 is the fifth of its period.
            let pattern = if plane == 0 { pattern } else { (pattern >> 4 | pattern << 8) & 0xfff };
            pattern.wrapping_mul(0x1001_0010_0100_1001)
        })
    }

    /// The 15 bits of format information (annex C).
    pub(super) fn format(self, level: Level) -> u16 {
        let level = match level {
            Level::L => 1,
            Level::M => 0,
            Level::Q => 3,
            Level::H => 2,
        };
        let data = level << 3 | u16::from(self.0);
        let remainder = (0..10).fold(data, |rest, _| (rest << 1) ^ ((rest >> 9) * 0x537));
        (data << 10 | remainder) ^ 0x5412
    }
}
