//! The clock of the whole chip, the time since the start, and the watchdog.

use crate::chip::{core_m3, system, watchdog};
use core::sync::atomic::{AtomicU32, Ordering};
use cortex_m_rt::exception;

/// The processor's clock.
pub(crate) const HZ: u32 = 50_000_000;
const TICKS_PER_MS: u32 = HZ / 1000;
/// A loop that stands still for this long is started again; it is let go after twice as long.
const WATCHDOG_S: u32 = 4;

/// Milliseconds since the start; goes round after 49 days.
static MS: AtomicU32 = AtomicU32::new(0);

/// Makes the clock 50 MHz from the board's crystal of 8 MHz, and starts counting.
pub(crate) fn start() {
    const BYPASS: u32 = 1 << 11;
    const USE_DIVIDER: u32 = 1 << 22;
    const PLL_LOCKED: u32 = 1 << 6;
    // Crystal 8 MHz; the main oscillator on; the PLL's 200 MHz divided by four. First beside
    // the PLL, and through it when it is stable.
    const RCC: u32 = (3 << 23) | USE_DIVIDER | (0xe << 6);
    system::RCC.write(RCC | BYPASS | (1 << 13));
    system::RCC.write(RCC | BYPASS);
    while system::RIS.read() & PLL_LOCKED == 0 {}
    system::RCC.write(RCC);
    core_m3::SYST_RVR.write(TICKS_PER_MS - 1);
    core_m3::SYST_CVR.write(0);
    core_m3::SYST_CSR.write(0b111);
}

#[exception]
fn SysTick() {
    // One writer: no interrupt interrupts this one and writes as well.
    MS.store(MS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

/// Milliseconds since the start, going round after 49 days.
pub(crate) fn ms() -> u32 {
    MS.load(Ordering::Relaxed)
}

/// Nanoseconds since the start, in steps of 20.
#[cfg(feature = "measure")]
pub(crate) fn nanoseconds() -> u64 {
    loop {
        let before = MS.load(Ordering::Relaxed);
        let left = core_m3::SYST_CVR.read();
        if before == MS.load(Ordering::Relaxed) {
            let ticks = u64::from(before) * u64::from(TICKS_PER_MS);
            return (ticks + u64::from(TICKS_PER_MS - 1 - left)) * u64::from(1_000_000_000 / HZ);
        }
    }
}

/// Waits without doing anything; only for the start and for the end.
pub(crate) fn wait_ms(ms: u32) {
    let from = MS.load(Ordering::Relaxed);
    while MS.load(Ordering::Relaxed).wrapping_sub(from) <= ms {
        cortex_m::asm::wfi();
    }
}

/// Starts the watchdog. From now on [`feed_watchdog`] has to be called.
pub(crate) fn start_watchdog() {
    const UNLOCK: u32 = 0x1acc_e551;
    system::RCGC[0].set(1 << 3);
    watchdog::LOCK.write(UNLOCK);
    watchdog::LOAD.write(WATCHDOG_S * HZ);
    // It counts, and resets the second time that it comes to 0.
    watchdog::CTL.write(0b11);
    watchdog::LOCK.write(0);
}

/// Says that the loop is alive.
pub(crate) fn feed_watchdog() {
    const UNLOCK: u32 = 0x1acc_e551;
    watchdog::LOCK.write(UNLOCK);
    // Clears the first timeout and begins from the top.
    watchdog::ICR.write(1);
    watchdog::LOAD.write(WATCHDOG_S * HZ);
    watchdog::LOCK.write(0);
}
