//! A symbol before its mask: function patterns and data in place (clauses 6.3 and 7.7.3).

use super::codewords::Codewords;
use super::lines::Lines;
use super::version::Version;

/// The finder pattern with its separator, seen from the corner, and one line of format.
const FINDER: [u64; 9] = [0x7f, 0x41, 0x5d, 0x5d, 0x5d, 0x41, 0x7f, 0, 0];
/// The alignment pattern.
const ALIGNMENT: [u64; 5] = [0x1f, 0x11, 0x15, 0x11, 0x1f];
/// Every second module from the first.
const EVEN: u64 = 0x5555_5555_5555_5555;

/// A symbol before its mask, with the modules of the format information light.
pub(super) struct Sheet {
    /// Modules a side.
    pub(super) size: usize,
    /// Where data stands. The same seen by rows and by columns, since all function patterns
    /// lie symmetrically to the main diagonal.
    pub(super) free: Lines,
    /// The symbol by rows.
    pub(super) rows: Lines,
    /// The symbol by columns.
    pub(super) columns: Lines,
}

impl Sheet {
    /// The sheet of a version that carries `codewords`.
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
        Self { size, free, rows, columns }
    }
}

/// The bits of a plane's words that are columns of a symbol of `size` modules a side.
pub(super) fn inside(size: usize, plane: usize) -> u64 {
    match size.saturating_sub(64 * plane) {
        0 => 0,
        width => u64::MAX >> 64usize.saturating_sub(width),
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
        let corner = size - 8;
        for (i, &line) in FINDER.iter().enumerate() {
            self.draw(0, i, 9, line);
            self.draw(corner, i, 8, line << 1);
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
        for y in 0..size {
            self.draw(6, y, 1, EVEN >> (y % 2) & 1);
        }
        for plane in 0..2 {
            self.dark.0[plane][6] = EVEN & inside(size, plane);
            self.taken.0[plane][6] = inside(size, plane);
        }
    }

    /// The version information: three columns of six beside a finder pattern, and mirrored.
    fn information(&mut self, size: usize, bits: u64) {
        for i in 0..6 {
            self.draw(size - 11, i, 3, bits >> (3 * i) & 7);
        }
        for i in 0..3 {
            let every_third = (0..6).fold(0, |line, j| line | (bits >> (3 * j + i) & 1) << j);
            self.draw(0, size - 11 + i, 6, every_third);
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
            let free = &free.0[plane][right - 1..][..2];
            let columns = &mut columns.0[plane][right - 1..][..2];
            for step in 0..height {
                let y = if upwards { height - 1 - step } else { step };
                if count < 2 {
                    let word = words.next().map_or(0, |word| u32::from_be_bytes(*word));
                    bits |= u64::from(word) << (32 - count);
                    count += 32;
                }
                // No branches: where a module is not free, no bit is taken.
                let (left, right) = (free[0] >> y & 1, free[1] >> y & 1);
                columns[1] |= (bits >> 63 & right) << y;
                bits <<= right;
                columns[0] |= (bits >> 63 & left) << y;
                bits <<= left;
                count -= left + right;
            }
        }
        upwards = !upwards;
    }
}
