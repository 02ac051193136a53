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

    /// Darkens the module at `(x, y)` if `dark` is 1.
    pub(super) fn set(&mut self, x: usize, y: usize, dark: u8) {
        self.0[x / 64][y] |= u64::from(dark) << (x % 64);
    }

    /// Whether the module at `(x, y)` is dark.
    pub(super) fn get(&self, x: usize, y: usize) -> bool {
        self.0[x / 64][y] >> (x % 64) & 1 == 1
    }
}
