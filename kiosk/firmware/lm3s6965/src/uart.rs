//! The serial lines: 115200 baud, 8 bits, no parity.
//!
//! What comes in is put by the interrupt into a ring, so that no byte is lost while a picture is
//! drawn; what goes out is written when there is room.

use crate::chip::{Port, Reg, UartBlock, core_m3, system};
use cortex_m_rt::exception;
use saoma_kiosk_shell::Ring;

static RINGS: [Ring; 2] = [Ring::new(), Ring::new()];
const BLOCKS: [UartBlock; 2] = [UartBlock::UART0, UartBlock::UART1];
/// Numbers of the interrupts of `BLOCKS`.
const IRQS: [i16; 2] = [5, 6];

const FR_RX_EMPTY: u32 = 1 << 4;
const FR_TX_FULL: u32 = 1 << 5;
const INT_RX: u32 = 1 << 4;
const INT_RX_TIMEOUT: u32 = 1 << 6;

/// A serial line.
#[derive(Clone, Copy)]
pub(crate) struct Uart(usize);

impl Uart {
    /// The line to the bridge.
    pub(crate) const BRIDGE: Self = Self(0);
    /// The line to the dispenser.
    pub(crate) const DISPENSER: Self = Self(1);

    /// Makes the line ready.
    pub(crate) fn start(self) {
        system::RCGC[1].set(1 << self.0);
        match self.0 {
            0 => Port::A.give_away(0b11),
            _ => Port::D.give_away(0b1100),
        }
        let block = self.block();
        block.ctl().write(0);
        // 50 MHz / (16 * 115200) = 27 + 8/64.
        block.ibrd().write(27);
        block.fbrd().write(8);
        // 8 bits, with its own small queues.
        block.lcrh().write(0b111_0000);
        block.icr().write(0x7ff);
        block.im().write(INT_RX | INT_RX_TIMEOUT);
        block.ctl().write(0x301);
        core_m3::NVIC_ISER0.write(1 << IRQS[self.0 & 1]);
    }

    const fn block(self) -> UartBlock {
        BLOCKS[self.0 & 1]
    }

    /// The next byte that has come in.
    pub(crate) fn take(self) -> Option<u8> {
        RINGS.get(self.0)?.take()
    }

    /// Sends bytes; waits while the line's own queue is full.
    pub(crate) fn send(self, bytes: &[u8]) {
        let (flags, data): (Reg, Reg) = (self.block().fr(), self.block().dr());
        for byte in bytes {
            while flags.read() & FR_TX_FULL != 0 {}
            data.write((*byte).into());
        }
    }
}

/// All interrupts but those of the core come here: the two of the serial lines are the only ones
/// that are let in.
///
/// # Safety
/// It is called by the processor only.
#[exception]
unsafe fn DefaultHandler(irq: i16) {
    for (index, block) in BLOCKS.iter().enumerate() {
        if IRQS[index] == irq {
            block.icr().write(INT_RX | INT_RX_TIMEOUT);
            while block.fr().read() & FR_RX_EMPTY == 0 {
                let [byte, errors, ..] = block.dr().read().to_le_bytes();
                // A byte that came in wrong is left out, and the frame's check will tell.
                if errors & 0b1111 == 0 {
                    RINGS[index].put(byte);
                }
            }
        }
    }
}
