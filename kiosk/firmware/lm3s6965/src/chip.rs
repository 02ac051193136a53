//! The registers of the LM3S6965 that are used, by the names of its data sheet.
//!
//! This is one of the few places that touch the hardware; everything above is safe code.

use core::ptr;

/// One register.
#[derive(Clone, Copy)]
pub(crate) struct Reg(usize);

impl Reg {
    /// What stands in it.
    pub(crate) fn read(self) -> u32 {
        // SAFETY: a `Reg` is only made in this file, from addresses of the data sheet's memory
        // map: device registers of 32 bits, aligned, there for ever, and none of them is memory
        // that Rust has given to anything. Reading one has no effect on memory.
        unsafe { ptr::read_volatile(self.0 as *const u32) }
    }

    /// Puts a value into it.
    pub(crate) fn write(self, value: u32) {
        // SAFETY: as for `read`. None of the peripherals used is told to write into memory
        // itself: the chip's DMA is in the Ethernet controller only, whose registers are not here.
        unsafe { ptr::write_volatile(self.0 as *mut u32, value) }
    }

    /// Sets these bits. Not for registers that an interrupt changes as well.
    pub(crate) fn set(self, bits: u32) {
        self.write(self.read() | bits);
    }

    /// Clears these bits. Not for registers that an interrupt changes as well.
    pub(crate) fn clear(self, bits: u32) {
        self.write(self.read() & !bits);
    }
}

/// A block of registers.
#[derive(Clone, Copy)]
struct Block(usize);

impl Block {
    const fn at(self, offset: usize) -> Reg {
        Reg(self.0 + offset)
    }
}

/// System control.
pub(crate) mod system {
    use super::{Block, Reg};

    const SYSTEM: Block = Block(0x400f_e000);
    /// The clock.
    pub(crate) const RCC: Reg = SYSTEM.at(0x60);
    /// Whether the PLL is locked (bit 6).
    pub(crate) const RIS: Reg = SYSTEM.at(0x50);
    /// What has caused the last resets.
    pub(crate) const RESC: Reg = SYSTEM.at(0x5c);
    /// Clocks of the watchdog, of serial lines and SSI, of ports.
    pub(crate) const RCGC: [Reg; 3] = [SYSTEM.at(0x100), SYSTEM.at(0x104), SYSTEM.at(0x108)];
    /// The chip's own number, its network address: the factory writes it.
    pub(crate) const USER: [Reg; 2] = [SYSTEM.at(0x1e0), SYSTEM.at(0x1e4)];
}

/// A port of eight pins.
#[derive(Clone, Copy)]
pub(crate) struct Port(Block);

impl Port {
    pub(crate) const A: Self = Self(Block(0x4000_4000));
    pub(crate) const C: Self = Self(Block(0x4000_6000));
    pub(crate) const D: Self = Self(Block(0x4000_7000));
    pub(crate) const E: Self = Self(Block(0x4002_4000));
    pub(crate) const F: Self = Self(Block(0x4002_5000));

    /// These pins alone: bits 9 to 2 of the address are a mask, so that no read is needed.
    pub(crate) const fn data(self, pins: u8) -> Reg {
        self.0.at((pins as usize) << 2)
    }

    /// Makes these pins outputs.
    pub(crate) fn make_outputs(self, pins: u8) {
        self.0.at(0x400).set(pins.into());
        self.0.at(0x51c).set(pins.into());
    }

    /// Makes these pins inputs that are 1 while nothing pulls them down.
    pub(crate) fn make_inputs(self, pins: u8) {
        self.0.at(0x400).clear(pins.into());
        self.0.at(0x510).set(pins.into());
        self.0.at(0x51c).set(pins.into());
    }

    /// Gives these pins to the peripheral behind them.
    pub(crate) fn give_away(self, pins: u8) {
        self.0.at(0x420).set(pins.into());
        self.0.at(0x51c).set(pins.into());
    }
}

/// A serial line, ARM's PL011.
#[derive(Clone, Copy)]
pub(crate) struct UartBlock(Block);

impl UartBlock {
    pub(crate) const UART0: Self = Self(Block(0x4000_c000));
    pub(crate) const UART1: Self = Self(Block(0x4000_d000));

    pub(crate) const fn dr(self) -> Reg {
        self.0.at(0x00)
    }
    pub(crate) const fn fr(self) -> Reg {
        self.0.at(0x18)
    }
    pub(crate) const fn ibrd(self) -> Reg {
        self.0.at(0x24)
    }
    pub(crate) const fn fbrd(self) -> Reg {
        self.0.at(0x28)
    }
    pub(crate) const fn lcrh(self) -> Reg {
        self.0.at(0x2c)
    }
    pub(crate) const fn ctl(self) -> Reg {
        self.0.at(0x30)
    }
    pub(crate) const fn im(self) -> Reg {
        self.0.at(0x38)
    }
    pub(crate) const fn icr(self) -> Reg {
        self.0.at(0x44)
    }
}

/// The synchronous serial interface, ARM's PL022.
pub(crate) mod ssi {
    use super::{Block, Reg};

    const SSI0: Block = Block(0x4000_8000);
    pub(crate) const CR0: Reg = SSI0.at(0x00);
    pub(crate) const CR1: Reg = SSI0.at(0x04);
    pub(crate) const DR: Reg = SSI0.at(0x08);
    pub(crate) const SR: Reg = SSI0.at(0x0c);
    pub(crate) const CPSR: Reg = SSI0.at(0x10);
}

/// The watchdog.
pub(crate) mod watchdog {
    use super::{Block, Reg};

    const WATCHDOG: Block = Block(0x4000_0000);
    pub(crate) const LOAD: Reg = WATCHDOG.at(0x00);
    pub(crate) const CTL: Reg = WATCHDOG.at(0x08);
    pub(crate) const ICR: Reg = WATCHDOG.at(0x0c);
    pub(crate) const LOCK: Reg = WATCHDOG.at(0xc00);
}

/// The core's own.
pub(crate) mod core_m3 {
    use super::{Block, Reg};

    const CORE: Block = Block(0xe000_e000);
    /// SysTick.
    pub(crate) const SYST_CSR: Reg = CORE.at(0x10);
    pub(crate) const SYST_RVR: Reg = CORE.at(0x14);
    pub(crate) const SYST_CVR: Reg = CORE.at(0x18);
    /// Lets interrupts 0 to 31 in; a bit that is written as 0 changes nothing.
    pub(crate) const NVIC_ISER0: Reg = CORE.at(0x100);
}
