//! A symbol before its mask: function patterns and data in place (clauses 6.3 and 7.7.3).

use super::codewords::Codewords;
use super::lines::{Lines, inside};
use super::mask::Mask;
use super::version::Version;

/// The finder pattern with its separator, seen from the corner, and one line of format.
const FINDER: [u64; 9] = [0x7f, 0x41, 0x5d, 0x5d, 0x5d, 0x41, 0x7f, 0, 0];
/// The alignment pattern.
const ALIGNMENT: [u64; 5] = [0x1f, 0x11, 0x15, 0x11, 0x1f];
/// Every second module from the first.
const EVEN: u64 = 0x5555_5555_5555_5555;

/// How a symbol is read: line by line or column by column.
#[derive(Clone, Copy)]
pub(super) enum Side {
    /// A line is a row.
    Rows,
    /// A line is a column.
    Columns,
}

/// A symbol before its mask.
pub(super) struct Sheet {
    /// Modules a side.
    pub(super) size: usize,
    /// Where data stands. The same seen by rows and by columns, since all function patterns
    /// lie symmetrically to the main diagonal.
    free: Lines,
    /// The symbol, seen from each [`Side`].
    sides: [Lines; 2],
}

impl Sheet {
    /// The sheet of a version that carries `codewords`, without format information.
    pub(super) fn new(version: Version, codewords: &Codewords) -> Self {
        let size = version.size();
        let mut patterns = Patterns { dark: Lines::new(), taken: Lines::new() };
        patterns.draw_all(version);

        let Patterns { dark: mut columns, taken: mut free } = patterns;
        for (plane, words) in free.0.iter_mut().enumerate() {
            for word in &mut words[..size] {
                *word = !*word & inside(size, plane);
            }
        }
        place(codewords, &free, &mut columns, size);
        let mut rows = columns.clone();
        rows.transpose(size);
        Self { size, free, sides: [rows, columns] }
    }

    /// Draws the symbol with a mask, over whatever of the same size was drawn before.
    pub(super) fn draw(&self, side: Side, mask: Mask, onto: &mut Lines) {
        for plane in 0..self.size.div_ceil(64) {
            let lines = onto.0[plane][..self.size].iter_mut();
            let from = &self.sides[side as usize].0[plane];
            let free = &self.free.0[plane];
            let mask = mask.lines(side, plane);
            for (((line, from), free), mask) in lines.zip(from).zip(free).zip(mask) {
                *line = from ^ (free & mask);
            }
        }
    }

    /// Writes the 15 bits of format information, each twice: beside the upper left finder
    /// pattern, and beside the two others.
    pub(super) fn write_format(&mut self, bits: u16) {
        // The timing pattern takes the seventh place.
        let beside = |i: usize| if i < 6 { i } else { i + 1 };
        for i in 0..15 {
            let dark = bits >> i & 1 == 1;
            if i < 8 {
                self.put(8, beside(i), dark);
                self.put(self.size - 1 - i, 8, dark);
            } else {
                self.put(beside(14 - i), 8, dark);
                self.put(8, self.size - 15 + i, dark);
            }
        }
        self.put(8, self.size - 8, true);
    }

    fn put(&mut self, x: usize, y: usize, dark: bool) {
        let [rows, columns] = &mut self.sides;
        rows.put(x, y, dark);
        columns.put(y, x, dark);
    }
}

/// The function patterns. What is drawn is symmetric, so rows and columns are the same here.
struct Patterns {
    dark: Lines,
    taken: Lines,
}

impl Patterns {
    fn draw_all(&mut self, version: Version) {
        let size = version.size();
        self.timing(size);
        for (i, &line) in FINDER.iter().enumerate() {
            self.draw(0, i, 9, line);
            self.draw(size - 8, i, 8, line << 1);
            if i < 8 {
                self.draw(0, size - 1 - i, 9, line);
            }
        }
        let last = version.alignments().saturating_sub(1);
        for i in 0..=last {
            for j in 0..=last {
                // The three corners with a finder pattern have no alignment pattern.
                if (i > 0 || (j > 0 && j < last)) && (i < last || j > 0) {
                    let (x, y) = (version.alignment(i) - 2, version.alignment(j) - 2);
                    for (line, pattern) in (y..).zip(ALIGNMENT) {
                        self.draw(x, line, 5, pattern);
                    }
                }
            }
        }
        if let Some(information) = version.information() {
            self.information(size, information.into());
        }
    }

    /// Takes `width` modules of line `y` from column `x` on.
    fn draw(&mut self, x: usize, y: usize, width: u32, bits: u64) {
        self.dark.darken(x, y, bits);
        self.taken.darken(x, y, (1 << width) - 1);
    }

    /// Alternating modules in line 6 and column 6; where they meet a finder or an alignment
    /// pattern, they agree with it.
    fn timing(&mut self, size: usize) {
        for i in 0..size {
            let dark = EVEN >> (i % 2) & 1;
            self.draw(6, i, 1, dark);
            self.draw(i, 6, 1, dark);
        }
    }

    /// The version information: three columns of six beside a finder pattern, and mirrored.
    fn information(&mut self, size: usize, bits: u64) {
        for i in 0..18 {
            let dark = bits >> i & 1;
            self.draw(size - 11 + i % 3, i / 3, 1, dark);
            self.draw(i / 3, size - 11 + i % 3, 1, dark);
        }
    }
}

/// Puts the bits of the codewords where data stands: through pairs of columns from right to
/// left, upwards and downwards in turn, the right column first. What remains stays light.
fn place(codewords: &Codewords, free: &Lines, columns: &mut Lines, size: usize) {
    let mut words = codewords.as_chunks().0.iter();
    // The next `count` bits, from the highest bit on.
    let mut bits = 0;
    let mut count = 0;
    let mut upwards = true;
    // Column 6 is a timing pattern, and the pairs go on beside it.
    for right in (8..size).rev().step_by(2).chain([5, 3, 1]) {
        for half in 0..size.div_ceil(64) {
            let plane = if upwards { size / 64 - half } else { half };
            let height = (size - 64 * plane).min(64);
            let pair = [right, right - 1];
            let free = pair.map(|x| free.0[plane][x]);
            let mut filled = [0, 0];
            for step in 0..height {
                let y = if upwards { height - 1 - step } else { step };
                if count < 2 {
                    let word = words.next().map_or(0, |word| u32::from_be_bytes(*word));
                    bits |= u64::from(word) << (32 - count);
                    count += 32;
                }
                // No branches: where a module is not free, no bit is taken.
                for i in 0..2 {
                    let taken = free[i] >> y & 1;
                    filled[i] |= (bits >> 63 & taken) << y;
                    bits <<= taken;
                    count -= taken;
                }
            }
            for (x, filled) in pair.into_iter().zip(filled) {
                columns.0[plane][x] |= filled;
            }
        }
        upwards = !upwards;
    }
}
