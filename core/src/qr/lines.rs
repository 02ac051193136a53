//! A square of modules as machine words.

use super::QUIET_ZONE;
use super::mask::PERIOD;
use super::version::SIZE_MAX;

/// Words in a strip: the symbol's lines after the quiet zone, and at least [`BELOW`] light ones,
/// in whole periods of a mask.
const WORDS: usize = (QUIET_ZONE + SIZE_MAX + BELOW).next_multiple_of(PERIOD);

/// Light lines below the symbol, at least.
pub(super) const BELOW: usize = 5;

/// The column at bit 0 of the second strip.
pub(super) const SECOND: usize = 32;

/// One bit a module, in two strips of 64 columns that overlap: column `x` of line `y` is bit `x`
/// of word `QUIET_ZONE + y` in the first strip, and bit `x - SECOND` in the second.
///
/// Symbols up to version 11 need the first strip only. In larger ones each column has its
/// neighbours near by in one of the strips, so that nobody has to look into two words at once.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Lines(pub(super) [[u64; WORDS]; 2]);

impl Lines {
    /// All light.
    pub(super) fn new() -> Self {
        Self([[0; WORDS]; 2])
    }

    /// Darkens the modules of line `y` from column `x` on whose bits are set, at most nine. Up to
    /// column 53, so also for the format information of version 11, this is in the first strip.
    pub(super) fn darken(&mut self, x: usize, y: usize, bits: u64) {
        let strip = usize::from(x > 53);
        self.0[strip][QUIET_ZONE + y] |= bits << (x - SECOND * strip);
    }

    /// Completes each strip by what was drawn in the other one.
    pub(super) fn join(&mut self) {
        let [first, second] = &mut self.0;
        for (first, second) in first.iter_mut().zip(second) {
            *first |= *second << SECOND;
            *second |= *first >> SECOND;
        }
    }

    /// Whether the module at `(x, y)` is dark.
    pub(super) fn dark(&self, x: usize, y: usize) -> bool {
        let strip = x / 64;
        self.0[strip][QUIET_ZONE + y] >> (x - SECOND * strip) & 1 == 1
    }

    /// A line, column `x` at bit `x`; light outside the symbol.
    pub(super) fn line(&self, y: usize) -> u128 {
        let [first, second] = &self.0;
        match (first[QUIET_ZONE..].get(y), second[QUIET_ZONE..].get(y)) {
            (Some(&first), Some(&second)) => u128::from(first) | u128::from(second) << SECOND,
            _ => 0,
        }
    }
}

/// How many strips a symbol of `size` modules a side needs.
pub(super) fn strips(size: usize) -> usize {
    size.div_ceil(64)
}

/// The lowest `count` bits, at least one.
pub(super) fn lowest(count: usize) -> u64 {
    u64::MAX >> 64usize.saturating_sub(count)
}
