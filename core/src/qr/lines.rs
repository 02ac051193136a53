//! A square of modules as machine words.

use super::QUIET_ZONE;
use super::mask::PERIOD;
use super::version::SIZE_MAX;

/// The machine's own word: of 64 bits, or of 32 on small machines and in JavaScript, which has no
/// larger whole numbers. WebAssembly has them in spite of its small addresses, and says so by
/// `saoma_wide`. With `saoma_narrow` any machine works like the small ones, for tests.
#[cfg(all(any(target_pointer_width = "64", saoma_wide), not(saoma_narrow)))]
mod word {
    pub(crate) type Word = u64;
    pub(crate) type Half = u32;
    pub(crate) const STEP: usize = 32;
    pub(crate) const EVERY_TWELFTH: Word = 0x1001_0010_0100_1001;
    #[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
    pub(crate) fn lower(word: Word) -> u32 {
        word as u32
    }
}
#[cfg(not(all(any(target_pointer_width = "64", saoma_wide), not(saoma_narrow))))]
mod word {
    pub(crate) type Word = u32;
    pub(crate) type Half = u16;
    pub(crate) const STEP: usize = 18;
    pub(crate) const EVERY_TWELFTH: Word = 0x0100_1001;
    pub(crate) fn lower(word: Word) -> u32 {
        word
    }
}
use word::lower;
pub(super) use word::{EVERY_TWELFTH, Half, STEP, Word};

/// Columns of a strip.
pub(super) const BITS: usize = Word::BITS as usize;

/// Strips that the largest symbol needs.
pub(super) const STRIPS: usize = strips(SIZE_MAX);

/// Words in a strip: the symbol's lines after the quiet zone, and at least [`BELOW`] light ones,
/// in whole periods of a mask.
const WORDS: usize = (QUIET_ZONE + SIZE_MAX + BELOW).next_multiple_of(PERIOD);

/// Light lines below the symbol, at least.
pub(super) const BELOW: usize = 5;

/// One bit a module, in strips of a word's width, each [`STEP`] columns to the right of the one
/// before, so that they overlap: column `x` of line `y` is bit `x - STEP * strip` of word
/// `QUIET_ZONE + y`.
///
/// Symbols that are no wider than a word, up to version 11 or 3, need the first strip only. In
/// larger ones each column has its neighbours near by in one of the strips, so that nobody has to
/// look into two words at once.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Lines(pub(super) [[Word; WORDS]; STRIPS]);

impl Lines {
    /// All light.
    pub(super) fn new() -> Self {
        Self([[0; WORDS]; STRIPS])
    }

    /// Darkens the modules of line `y` from column `x` on whose bits are set, at most nine
    /// in the first columns and eight in others. It is in one of the strips that the symbol needs,
    /// also where `x` is as near to its right edge as the format information.
    pub(super) fn darken(&mut self, x: usize, y: usize, bits: Word) {
        const LAST_FIRST: usize = BITS - 8;
        let strip = (x.saturating_sub(LAST_FIRST - STEP) / STEP).min(STRIPS - 1);
        self.0[strip][QUIET_ZONE + y] |= bits << (x - STEP * strip);
    }

    /// Completes each of the first strips by what was drawn in its neighbours among them.
    pub(super) fn join(&mut self, strips: usize) {
        for right in 1..strips {
            if let [.., first, second] = &mut self.0[..=right] {
                for (first, second) in first.iter_mut().zip(second) {
                    *first |= *second << STEP;
                    *second |= *first >> STEP;
                }
            }
        }
    }

    /// Whether the module at `(x, y)` is dark.
    pub(super) fn dark(&self, x: usize, y: usize) -> bool {
        let strip = strip(x);
        self.0[strip][QUIET_ZONE + y] >> (x - STEP * strip) & 1 == 1
    }

    /// The 32 modules of a line from column `first` on; light outside the symbol.
    pub(super) fn part(&self, first: u32, y: usize) -> u32 {
        let mut part = 0;
        for (strip, begin) in self.0.iter().zip((0u32..).step_by(STEP)) {
            let word = strip[QUIET_ZONE..].get(y).map_or(0, |&word| word);
            let distance = begin.abs_diff(first);
            let shifted =
                if begin < first { word.checked_shr(distance) } else { word.checked_shl(distance) };
            part |= lower(shifted.unwrap_or(0));
        }
        part
    }

    /// A line, column `x` at bit `x`; light outside the symbol.
    pub(super) fn line(&self, y: usize) -> u128 {
        let mut line = 0;
        for (i, strip) in self.0.iter().enumerate() {
            let word = strip[QUIET_ZONE..].get(y).map_or(0, |&word| word);
            line |= u128::from(word) << (STEP * i);
        }
        line
    }
}

/// The first strip that has column `x`.
pub(super) const fn strip(x: usize) -> usize {
    x.saturating_sub(BITS - STEP) / STEP
}

/// How many strips a symbol of `size` modules a side needs.
pub(super) const fn strips(size: usize) -> usize {
    strip(size - 1) + 1
}

/// The lowest `count` bits, at least one.
pub(super) fn lowest(count: usize) -> Word {
    Word::MAX >> BITS.saturating_sub(count)
}
