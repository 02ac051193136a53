//! The serial lines to bridge and dispenser. What comes in is put by the interrupts into rings.

use core::{cell::RefCell, fmt};
use cortex_m::interrupt::{Mutex, free};
use saoma_kiosk_shell::Ring;
use stm32f4xx_hal::{
    nb,
    pac::{Interrupt, NVIC, USART1, USART2, interrupt},
    prelude::*,
    serial::{Rx, Serial, Tx},
};

/// The lines' speed.
pub(crate) const BAUD: u32 = 115_200;

/// What the bridge has said.
pub(crate) static BRIDGE: Ring = Ring::new();
/// What the dispenser has said.
pub(crate) static DISPENSER: Ring = Ring::new();

type Shared<T> = Mutex<RefCell<Option<T>>>;

static BRIDGE_ENDS: Shared<(Tx<USART1>, Rx<USART1>)> = Mutex::new(RefCell::new(None));
static DISPENSER_ENDS: Shared<(Tx<USART2>, Rx<USART2>)> = Mutex::new(RefCell::new(None));

/// Takes the lines over and lets their interrupts in.
pub(crate) fn start(bridge: Serial<USART1>, dispenser: Serial<USART2>) {
    let (mut bridge, mut dispenser) = (bridge.split(), dispenser.split());
    bridge.1.listen();
    dispenser.1.listen();
    free(|cs| {
        BRIDGE_ENDS.borrow(cs).replace(Some(bridge));
        DISPENSER_ENDS.borrow(cs).replace(Some(dispenser));
    });
    for line in [Interrupt::USART1, Interrupt::USART2] {
        // SAFETY: letting an interrupt in can break a section of code that keeps it out by its
        // mask; this program has none: it uses `free`, which keeps all of them out.
        #[expect(unsafe_code, reason = "there is no other way")]
        unsafe {
            NVIC::unmask(line);
        }
    }
}

/// Says bytes to the bridge.
pub(crate) fn tell_bridge(bytes: &[u8]) {
    for byte in bytes {
        // Interrupts are kept out for a moment only, and not until there is room for the byte.
        let full = || free(|cs| write(BRIDGE_ENDS.borrow(cs), |(tx, _)| tx.write(*byte)));
        while full() {}
    }
}

/// Says bytes to the dispenser.
pub(crate) fn tell_dispenser(bytes: &[u8]) {
    for byte in bytes {
        let full = || free(|cs| write(DISPENSER_ENDS.borrow(cs), |(tx, _)| tx.write(*byte)));
        while full() {}
    }
}

/// Tries to write; whether there was no room.
fn write<T, E>(ends: &RefCell<Option<T>>, write: impl FnOnce(&mut T) -> nb::Result<(), E>) -> bool {
    let mut ends = ends.borrow_mut();
    matches!(ends.as_mut().map(write), Some(Err(nb::Error::WouldBlock)))
}

/// Tells the bridge's log.
pub(crate) fn log(text: fmt::Arguments<'_>) {
    saoma_kiosk_shell::log(tell_bridge, text);
}

#[interrupt]
fn USART1() {
    free(|cs| {
        if let Some((_, rx)) = BRIDGE_ENDS.borrow(cs).borrow_mut().as_mut()
            && let Ok(byte) = rx.read()
        {
            // A byte that came in wrong is left out, and the frame's check will tell.
            BRIDGE.put(byte);
        }
    });
}

#[interrupt]
fn USART2() {
    free(|cs| {
        if let Some((_, rx)) = DISPENSER_ENDS.borrow(cs).borrow_mut().as_mut()
            && let Ok(byte) = rx.read()
        {
            DISPENSER.put(byte);
        }
    });
}
