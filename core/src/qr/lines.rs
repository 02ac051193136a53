//! A square of modules as machine words.

use super::version::LINES;

/// One bit a module: column `x` of line `y` is bit `x % 64` of word `y` in plane `x / 64`.
///
/// Two planes of `u64` and not one of `u128`: the usual codes need the first plane only, and no
/// target has 128 bit shifts.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Lines(pub(super) [[u64; LINES]; 2]);

impl Lines {
    /// All light.
    pub(super) fn new() -> Self {
        Self([[0; LINES]; 2])
    }

    /// Darkens the modules of line `y` from column `x` on whose bits are set.
    pub(super) fn darken(&mut self, x: usize, y: usize, bits: u64) {
        let [low, high] = &mut self.0;
        match x.checked_sub(64) {
            Some(x) => high[y] |= bits << x,
            None => {
                low[y] |= bits << x;
                high[y] |= bits >> 1 >> (63 - x);
            }
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
