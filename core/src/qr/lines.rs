//! A square of modules as machine words.

use super::version::SIZE_MAX;

/// Words for the lines of a symbol: whole squares of 64 modules.
pub(super) const LINES: usize = SIZE_MAX.next_multiple_of(64);

/// One bit a module: column `x` of line `y` is bit `x % 64` of word `y` in plane `x / 64`.
///
/// Two planes of `u64` and not one of `u128`: the usual codes need the first plane only, and no
/// target shifts 128 bits at once.
#[derive(Clone)]
pub(super) struct Lines(pub(super) [[u64; LINES]; 2]);

impl Lines {
    /// All light.
    pub(super) fn new() -> Self {
        Self([[0; LINES]; 2])
    }

    /// A whole line, column `x` at bit `x`.
    pub(super) fn line(&self, y: usize) -> u128 {
        u128::from(self.0[1][y]) << 64 | u128::from(self.0[0][y])
    }

    /// Gives one module its colour.
    pub(super) fn put(&mut self, x: usize, y: usize, dark: bool) {
        let word = &mut self.0[x / 64][y];
        *word = *word & !(1 << (x % 64)) | u64::from(dark) << (x % 64);
    }

    /// Darkens the modules of line `y` from column `x` on whose bits are set.
    pub(super) fn darken(&mut self, x: usize, y: usize, bits: u64) {
        self.0[x / 64][y] |= bits << (x % 64);
        if x < 64 {
            self.0[1][y] |= bits >> 1 >> (63 - x);
        }
    }

    /// Exchanges lines and columns.
    pub(super) fn transpose(&mut self, size: usize) {
        let planes = size.div_ceil(64);
        let [low, high] = &mut self.0;
        low[64..].swap_with_slice(&mut high[..64]);
        for plane in &mut self.0[..planes] {
            // In squares of 64, the upper right quarter with the lower left one; then so in each
            // quarter, and so on.
            let mut half = 32;
            let mut left = u64::MAX >> 32;
            while half > 0 {
                for square in plane[..64 * planes].chunks_mut(2 * half) {
                    let (upper, lower) = square.split_at_mut(half);
                    for (a, b) in upper.iter_mut().zip(lower) {
                        let exchange = (*a >> half ^ *b) & left;
                        *a ^= exchange << half;
                        *b ^= exchange;
                    }
                }
                half /= 2;
                left ^= left << half;
            }
        }
    }
}

/// The bits of a plane's words that are columns of a symbol `size` modules wide.
pub(super) fn inside(size: usize, plane: usize) -> u64 {
    match size.saturating_sub(64 * plane) {
        0 => 0,
        width => u64::MAX >> 64usize.saturating_sub(width),
    }
}

/// The runs of set bits as ranges, from bit 0 on. Bit 127 must not be set.
pub(super) fn runs(mut line: u128) -> impl Iterator<Item = core::ops::Range<usize>> {
    core::iter::from_fn(move || {
        // Adding its lowest bit carries through the lowest run and lands just behind it.
        let carried = line + (line & line.wrapping_neg());
        let run = line.trailing_zeros() as usize..carried.trailing_zeros() as usize;
        line &= carried;
        (!run.is_empty()).then_some(run)
    })
}
