//! Data masks and format information (clauses 7.8 and 7.9), and which mask is the best.

use super::Level;
use super::penalty;
use super::sheet::Sheet;
use super::version::LINES;

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
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Mask(u8);

impl Mask {
    /// The mask with the number `number % 8`.
    pub(super) fn new(number: u8) -> Self {
        Self(number % 8)
    }

    /// The mask with the least penalty; of equal ones the first.
    pub(super) fn best(sheet: &Sheet, level: Level) -> Self {
        let mut symbol = Symbol::new(sheet.size);
        let mut best = (u32::MAX, Self(0));
        for mask in (0..8).map(Self) {
            symbol.draw(sheet, Side::Rows, mask, level);
            let mut penalty = penalty::of_area(&symbol) + penalty::of_lines(&symbol);
            symbol.draw(sheet, Side::Columns, mask, level);
            penalty += penalty::of_lines(&symbol);
            if penalty < best.0 {
                best = (penalty, mask);
            }
        }
        best.1
    }

    /// The mask's number.
    pub(super) fn number(self) -> u8 {
        self.0
    }

    /// Its lines from column `64 * plane` on.
    fn lines(self, side: Side, plane: usize) -> [u64; PERIOD] {
        PATTERNS[usize::from(self.0)][side as usize].map(|pattern| {
            let pattern = u64::from(pattern);
            // Column 64 is the fifth of its period.
            let pattern = if plane == 0 { pattern } else { (pattern >> 4 | pattern << 8) & 0xfff };
            pattern.wrapping_mul(0x1001_0010_0100_1001)
        })
    }

    /// The 15 bits of format information (annex C).
    fn format(self, level: Level) -> u16 {
        let level = match level {
            Level::L => 1,
            Level::M => 0,
            Level::Q => 3,
            Level::H => 2,
        };
        let data = level << 3 | u16::from(self.0);
        let remainder = (0..10).fold(data, |rest, _| rest << 1 ^ (rest >> 9) * 0x537);
        (data << 10 | remainder) ^ 0x5412
    }
}

/// How a symbol is read: line by line or column by column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// A line is a row.
    Rows,
    /// A line is a column.
    Columns,
}

/// A finished symbol, read from one side.
pub(super) struct Symbol {
    /// Modules a side.
    pub(super) size: usize,
    /// As in [`Lines`](super::lines::Lines), between light lines.
    planes: [[u64; Self::BORDER + LINES + Self::BORDER]; 2],
}

impl Symbol {
    /// Light lines above and below.
    pub(super) const BORDER: usize = 4;

    /// All light.
    pub(super) fn new(size: usize) -> Self {
        Self { size, planes: [[0; _]; 2] }
    }

    /// Draws a sheet with its mask and the format information, over whatever was here of the
    /// same size.
    pub(super) fn draw(&mut self, sheet: &Sheet, side: Side, mask: Mask, level: Level) {
        let from = match side {
            Side::Rows => &sheet.rows,
            Side::Columns => &sheet.columns,
        };
        for plane in 0..self.size.div_ceil(64) {
            let pattern = mask.lines(side, plane);
            let lines = self.planes[plane][Self::BORDER..].as_chunks_mut::<PERIOD>().0;
            let from = from.0[plane][..self.size.next_multiple_of(PERIOD)].as_chunks::<PERIOD>().0;
            let free = sheet.free.0[plane].as_chunks::<PERIOD>().0;
            for ((lines, from), free) in lines.iter_mut().zip(from).zip(free) {
                for i in 0..PERIOD {
                    lines[i] = from[i] ^ (free[i] & pattern[i]);
                }
            }
        }
        self.write_format(side, mask.format(level));
    }

    /// A plane's lines.
    pub(super) fn lines(&self, plane: usize) -> &[u64] {
        &self.planes[plane][Self::BORDER..][..self.size]
    }

    /// A plane's lines with [`Symbol::BORDER`] light lines above, and below at least as many.
    pub(super) fn with_border(&self, plane: usize) -> &[u64] {
        &self.planes[plane]
    }

    /// The format information stands in line 8 and in column 8, in both beside the two finder
    /// patterns; nine modules at the start, of which the seventh is timing, eight at the end.
    fn write_format(&mut self, side: Side, bits: u16) {
        let reversed = bits.reverse_bits() >> 1;
        let [mut row, mut column] = [reversed, bits].map(|bits| {
            let start = bits & 0x3f | (bits & 0xc0) << 1;
            (u64::from(start), u64::from(bits >> 7))
        });
        // The module above the lower left finder pattern is always dark.
        column.1 |= 1;
        if side == Side::Columns {
            (row, column) = (column, row);
        }
        let end = self.size - 8;
        let [low, high] = &mut self.planes;
        let (low, high) = (&mut low[Self::BORDER..], &mut high[Self::BORDER..]);
        for i in 0..9 {
            low[i] |= (column.0 >> i & 1) << 8;
        }
        for i in 0..8 {
            low[end + i] |= (column.1 >> i & 1) << 8;
        }
        low[8] |= row.0;
        // The last eight modules may begin in the first plane and end in the second.
        let end = u128::from(row.1) << end;
        low[8] |= end as u64;
        high[8] |= (end >> 64) as u64;
    }
}
