//! Bytes on their way from an interrupt to the loop.

use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// Bytes in a ring: what comes in 88 ms at 115200 baud, several times what a full picture takes.
const RING: usize = 1024;

/// A ring with one who puts in, the interrupt, and one who takes out, the program.
pub struct Ring {
    bytes: [AtomicU8; RING],
    /// How many were put in and taken out since the start, going round.
    put: AtomicUsize,
    taken: AtomicUsize,
}

impl Ring {
    /// An empty ring.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: [const { AtomicU8::new(0) }; RING],
            put: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
        }
    }

    /// Puts a byte in; one that comes when the ring is full is lost.
    pub fn put(&self, byte: u8) {
        let put = self.put.load(Ordering::Relaxed);
        if put.wrapping_sub(self.taken.load(Ordering::Acquire)) == RING {
            // Full: the byte is lost, and the frame's check will tell.
            return;
        }
        if let Some(place) = self.bytes.get(put % RING) {
            place.store(byte, Ordering::Relaxed);
            self.put.store(put.wrapping_add(1), Ordering::Release);
        }
    }

    /// Takes the next byte out.
    pub fn take(&self) -> Option<u8> {
        let taken = self.taken.load(Ordering::Relaxed);
        if taken == self.put.load(Ordering::Acquire) {
            return None;
        }
        let byte = self.bytes.get(taken % RING)?.load(Ordering::Relaxed);
        self.taken.store(taken.wrapping_add(1), Ordering::Release);
        Some(byte)
    }
}

impl Default for Ring {
    fn default() -> Self {
        Self::new()
    }
}
