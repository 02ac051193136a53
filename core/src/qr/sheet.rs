//! A symbol before its mask: function patterns and data in place (clauses 6.3 and 7.7.3).

use super::codewords::Codewords;
use super::lines::{BITS, Half, Lines, STEP, STRIPS, Word, lowest, strip, strips};
use super::mask::{Mask, PERIOD};
use super::version::Version;
use super::{Level, QUIET_ZONE};

/// The finder pattern with its separator, seen from the corner, and one line of format.
const FINDER: [Word; 9] = [0x7f, 0x41, 0x5d, 0x5d, 0x5d, 0x41, 0x7f, 0, 0];
/// The alignment pattern.
const ALIGNMENT: [Word; 5] = [0x1f, 0x11, 0x15, 0x11, 0x1f];

/// A symbol before its mask, the modules of the format information light.
pub(super) struct Sheet {
    /// Modules a side.
    pub(super) size: usize,
    /// Where data stands.
    free: Lines,
    dark: Lines,
}

impl Sheet {
    /// The sheet of a version that carries `codewords`.
    pub(super) fn new(version: Version, codewords: &Codewords) -> Self {
        let size = version.size();
        let mut sheet = Self { size, free: Lines::new(), dark: Lines::new() };
        sheet.draw_patterns(version);
        sheet.free.join(STRIPS);
        for strip in 0..strips(size) {
            for word in &mut sheet.free.0[strip][QUIET_ZONE..][..size] {
                *word = !*word & lowest(size - STEP * strip);
            }
        }
        sheet.place(codewords);
        sheet.dark.join(STRIPS);
        sheet
    }

    /// The function patterns. Until it is turned round, `free` tells what they take.
    fn draw_patterns(&mut self, version: Version) {
        let size = self.size;
        // Timing, alternating in line 6 and column 6. Where it meets a finder or an alignment
        // pattern, it agrees with it.
        for i in 0..size {
            let dark = Word::from(i % 2 == 0);
            self.pattern(6, i, 1, dark);
            self.pattern(i, 6, 1, dark);
        }
        for (i, &line) in FINDER.iter().enumerate() {
            self.pattern(0, i, 9, line);
            self.pattern(size - 8, i, 8, line << 1);
            if i < 8 {
                self.pattern(0, size - 1 - i, 9, line);
            }
        }
        // Always dark: the module above the lower left finder pattern.
        self.pattern(8, size - 8, 1, 1);
        let last = version.alignments().saturating_sub(1);
        for i in 0..=last {
            for j in 0..=last {
                // The three corners with a finder pattern have no alignment pattern.
                if (i > 0 || (j > 0 && j < last)) && (i < last || j > 0) {
                    let (x, y) = (version.alignment(i) - 2, version.alignment(j) - 2);
                    for (line, &bits) in ALIGNMENT.iter().enumerate() {
                        self.pattern(x, y + line, 5, bits);
                    }
                }
            }
        }
        if let Some(information) = version.information() {
            for i in 0..18 {
                let (x, y) = (size - 11 + i % 3, i / 3);
                let dark = Word::from(information >> i & 1);
                self.pattern(x, y, 1, dark);
                self.pattern(y, x, 1, dark);
            }
        }
    }

    /// Takes `width` modules of line `y` from column `x` on.
    // Not in eight places: that would be a fourteenth of the code.
    #[inline(never)]
    fn pattern(&mut self, x: usize, y: usize, width: u32, bits: Word) {
        self.dark.darken(x, y, bits);
        self.free.darken(x, y, (1 << width) - 1);
    }

    /// Puts the bits of the codewords where data stands: through pairs of columns from right to
    /// left, upwards and downwards in turn, the right column first. What remains stays light.
    fn place(&mut self, codewords: &Codewords) {
        let mut words = codewords.as_chunks().0.iter();
        // The next `count` bits, from the highest bit on.
        let mut bits: Word = 0;
        let mut count = 0;
        let mut upwards = true;
        // Column 6 is a timing pattern, and the pairs go on beside it.
        for right in (8..self.size).rev().step_by(2).chain([5, 3, 1]) {
            let strip = strip(right);
            let left = right - 1 - STEP * strip;
            let free = &self.free.0[strip][QUIET_ZONE..][..self.size];
            let dark = &mut self.dark.0[strip][QUIET_ZONE..][..self.size];
            for step in 0..self.size {
                let y = if upwards { self.size - 1 - step } else { step };
                if count < 2 {
                    let word = words.next().map_or(0, |word| Half::from_be_bytes(*word));
                    bits |= Word::from(word) << (BITS / 2 - count);
                    count += BITS / 2;
                }
                // Of the left and the right module those that are free, as bits 0 and 1.
                match free[y] >> left & 3 {
                    0 => {}
                    3 => {
                        dark[y] |= bits >> (BITS - 2) << left;
                        bits <<= 2;
                        count -= 2;
                    }
                    one => {
                        dark[y] |= ((bits >> (BITS - 1)) * one) << left;
                        bits <<= 1;
                        count -= 1;
                    }
                }
            }
            upwards = !upwards;
        }
    }

    /// Draws the symbol with mask and format information, over whatever of the same size was
    /// drawn before.
    pub(super) fn draw(&self, mask: Mask, level: Level, onto: &mut Lines) {
        let periods = ..(QUIET_ZONE + self.size).div_ceil(PERIOD);
        for strip in 0..strips(self.size) {
            let patterns = mask.lines(strip);
            let onto = &mut onto.0[strip].as_chunks_mut::<PERIOD>().0[periods];
            let dark = &self.dark.0[strip].as_chunks::<PERIOD>().0[periods];
            let free = &self.free.0[strip].as_chunks::<PERIOD>().0[periods];
            for ((onto, dark), free) in onto.iter_mut().zip(dark).zip(free) {
                for i in 0..PERIOD {
                    onto[i] = dark[i] ^ (free[i] & patterns[i]);
                }
            }
        }
        // The format information stands in column 8 and, the other way round, in line 8: eight
        // bits at the start with a gap for timing, eight at the end.
        let format = mask.format(level);
        let down = Word::from(format);
        let across = Word::from(format.reverse_bits() >> 1);
        let start = |bits: Word| bits & 0x3f | (bits & 0xc0) << 1;
        let end = self.size - 8;
        onto.darken(0, 8, start(across));
        onto.darken(end, 8, across >> 7);
        for i in 0..8 {
            onto.darken(8, i, start(down) >> i & 1);
            // The first of these is the module that is always dark.
            onto.darken(8, end + i, down >> 7 >> i & 1);
        }
        onto.join(strips(self.size));
    }
}
