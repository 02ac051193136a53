//! How much of the stack was ever used: cortex-m-rt paints it at the start, and what is not
//! painted any more was used.

use core::ptr;
use cortex_m_rt::STACK_PAINT_VALUE;

unsafe extern "C" {
    /// The lowest word of the stack, from `memory.x`.
    static _stack_end: u32;
    /// The word above its highest.
    static _stack_start: u32;
}

/// Bytes of the stack that were used at some time, and all that there are.
pub(crate) fn used() -> (usize, usize) {
    let (low, end) = (&raw const _stack_end, &raw const _stack_start);
    let all = (end.addr() - low.addr()) / size_of::<u32>();
    let is_painted = |word: &usize| {
        // SAFETY: `word` is below `all`, so this reads a word of the stack, which is memory of
        // this chip. It may hold anything, and every pattern of bits is a `u32`.
        unsafe { ptr::read_volatile(low.add(*word)) == STACK_PAINT_VALUE }
    };
    let unused = (0..all).take_while(is_painted).count();
    ((all - unused) * size_of::<u32>(), all * size_of::<u32>())
}
