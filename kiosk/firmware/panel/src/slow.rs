//! The second bus, with the memory card and the touch controller (XPT2046), and the watchdog,
//! which has to be fed while either is waited for.

use crate::wait_ms;
use saoma_kiosk::app::Input;
use saoma_kiosk_shell::card::Bus;
use stm32f4xx_hal::{
    gpio::{Output, PA8, PB2, PB12},
    pac::SPI2,
    spi::Spi,
    watchdog::IndependentWatchdog,
};

/// What the controller is asked: the place along each side, in 12 bits, and then to rest.
const ACROSS: u8 = 0xd0;
const DOWN: u8 = 0x90;
/// What it answers at the panel's edges.
const ACROSS_RANGE: (i32, i32) = (250, 3_850);
const DOWN_RANGE: (i32, i32) = (250, 3_850);
/// A touch counts when it has been there for this many looks, a millisecond or more apart.
const STEADY: u8 = 10;
/// The panel's size in pixels.
const SIZE: (i32, i32) = (320, 240);

/// The second bus.
pub(crate) struct Slow {
    pub(crate) spi: Spi<SPI2>,
    pub(crate) card: PB12<Output>,
    pub(crate) touch: PA8<Output>,
    pub(crate) pen: PB2,
    pub(crate) watchdog: IndependentWatchdog,
    /// Looks since the finger came.
    pub(crate) held: u8,
}

impl Slow {
    pub(crate) fn feed_watchdog(&mut self) {
        self.watchdog.feed();
    }

    /// Where a finger has come down.
    pub(crate) fn touched(&mut self) -> Option<Input> {
        if self.pen.is_high() {
            self.held = 0;
            return None;
        }
        self.held = self.held.saturating_add(1);
        if self.held != STEADY {
            return None;
        }
        let across = place(self.ask(ACROSS), ACROSS_RANGE, SIZE.0);
        let down = place(self.ask(DOWN), DOWN_RANGE, SIZE.1);
        Some(Input::Touch(embedded_graphics::geometry::Point::new(across, down)))
    }

    fn ask(&mut self, question: u8) -> i32 {
        self.touch.set_low();
        self.swap(question);
        let (high, low) = (self.swap(0), self.swap(0));
        self.touch.set_high();
        (i32::from(high) << 8 | i32::from(low)) >> 3 & 0xfff
    }
}

/// From the controller's number to a pixel.
fn place(number: i32, (from, to): (i32, i32), pixels: i32) -> i32 {
    ((number - from) * pixels / (to - from)).clamp(0, pixels - 1)
}

impl Bus for Slow {
    fn select_card(&mut self, is_selected: bool) {
        self.watchdog.feed();
        if is_selected { self.card.set_low() } else { self.card.set_high() }
    }

    fn swap(&mut self, byte: u8) -> u8 {
        let mut bytes = [byte];
        // A bus that fails gives what no card says: 0xff.
        match self.spi.transfer_in_place(&mut bytes) {
            Ok(()) => bytes[0],
            Err(_) => u8::MAX,
        }
    }

    fn wait_ms(&mut self, ms: u32) {
        wait_ms(ms);
    }
}
