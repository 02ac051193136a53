//! `saoma-core` for browsers: what the npm package `@saoma/checkout` is made from.
//!
//! Only plain numbers cross the border, and texts as bytes in memory: no glue is needed, the
//! plain JavaScript that is made from the wasm works the same, and nothing of the standard
//! library comes along. JSON is read, requests are sent and pixels are drawn in JavaScript
//! (`npm/src`). It is built without core's feature `merchant`: it cannot sign, and knows no key.
//!
//! One instance of the module is one checkout and one QR code at a time.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![deny(missing_docs)]

pub mod checkout;
mod path;
pub mod qr;

#[cfg(target_arch = "wasm32")]
mod machine {
    //! What a program without the standard library has to bring along.

    /// Nothing of ours takes memory from it; it is not in the package.
    #[global_allocator]
    static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

    /// Without words: they would be half of the module.
    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        core::arch::wasm32::unreachable()
    }
}
