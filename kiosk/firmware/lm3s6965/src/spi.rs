//! The bus that display and memory card share, and who is spoken to on it.

use crate::chip::{Port, ssi, system};

/// Pins of port A: clock, in, out; and the display's selection.
const PINS_A: u8 = 0b11_0100;
const DISPLAY_A: u8 = 0b1000;
/// Pin of port D: the card's selection.
const CARD_D: u8 = 0b1;

const SR_TX_NOT_FULL: u32 = 1 << 1;
const SR_RX_NOT_EMPTY: u32 = 1 << 2;

/// Who listens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Select {
    /// The display, which listens whenever the card does not (on the board it has a line too).
    Display,
    /// The memory card.
    Card,
}

/// The bus. There is one.
pub(crate) struct Spi(());

impl Spi {
    /// Makes the bus ready.
    pub(crate) fn start() -> Self {
        system::RCGC[1].set(1 << 4);
        Port::A.give_away(PINS_A);
        Port::A.make_outputs(DISPLAY_A);
        Port::D.make_outputs(CARD_D);
        ssi::CR1.write(0);
        // 50 MHz / 8 = 6.25 MHz, which both can take; eight bits; clock low at rest.
        ssi::CPSR.write(8);
        ssi::CR0.write(0x07);
        ssi::CR1.write(1 << 1);
        let mut spi = Self(());
        spi.select(Select::Display);
        spi
    }

    /// Speaks to one of them from now on.
    pub(crate) fn select(&mut self, select: Select) {
        let is_card = select == Select::Card;
        Port::A.data(DISPLAY_A).write(if is_card { DISPLAY_A.into() } else { 0 });
        Port::D.data(CARD_D).write(if is_card { 0 } else { CARD_D.into() });
    }

    /// Sends a byte and gives the one that came back at the same time.
    pub(crate) fn swap(&mut self, byte: u8) -> u8 {
        while ssi::SR.read() & SR_TX_NOT_FULL == 0 {}
        ssi::DR.write(byte.into());
        while ssi::SR.read() & SR_RX_NOT_EMPTY == 0 {}
        let [byte, ..] = ssi::DR.read().to_le_bytes();
        byte
    }
}
