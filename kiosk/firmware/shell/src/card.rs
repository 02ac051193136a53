//! A memory card on the bus, in blocks of 512 bytes: what must survive a power cut lies there.
//!
//! Only what is needed of the SD specification's SPI mode: start, read a block, write a block. A
//! block that was written is read back, because a card that says yes may be wrong.

/// The bus that the card is on.
pub trait Bus {
    /// Whether the card is spoken to from now on.
    fn select_card(&mut self, is_selected: bool);
    /// Sends a byte and gives the one that came back at the same time.
    fn swap(&mut self, byte: u8) -> u8;
    /// Does nothing for so many milliseconds.
    fn wait_ms(&mut self, ms: u32);
}

/// Bytes in a block.
pub const BLOCK: usize = 512;
/// A block.
pub type Block = [u8; BLOCK];

/// What is wrong with the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardError {
    /// It does not answer: there is none, or none that knows this bus.
    Missing,
    /// It refuses a command; its answer.
    Refused(u8),
    /// It is not ready again in time.
    Slow,
    /// It gives back other bytes than were written.
    Worn,
}

/// How many bytes an answer may take to come, and how many a block; far above what the
/// specification allows, and far below what the watchdog does.
const ANSWER_BYTES: u32 = 16;
const READY_BYTES: u32 = 400_000;
const IDLE: u8 = 1;

/// The card.
pub struct Card {
    /// Whether blocks are addressed by number, as on large cards, or by their first byte.
    by_number: bool,
}

impl Card {
    /// Wakes the card up.
    ///
    /// # Errors
    /// What is wrong with the card.
    pub fn start(bus: &mut impl Bus) -> Result<Self, CardError> {
        bus.select_card(false);
        // At least 74 clocks while nobody is spoken to. For the display they are nothing: it
        // ignores this byte.
        (0..10).for_each(|_| {
            bus.swap(0xff);
        });
        let card = with_card(bus, Self::wake);
        card.map(|by_number| Self { by_number })
    }

    fn wake(bus: &mut impl Bus) -> Result<bool, CardError> {
        if command(bus, 0, 0)? != IDLE {
            return Err(CardError::Missing);
        }
        // A card of the second version says its voltage; an old one does not know the question.
        if command(bus, 8, 0x1aa)? == IDLE {
            (0..4).for_each(|_| {
                bus.swap(0xff);
            });
        }
        for _ in 0..500 {
            command(bus, 55, 0)?;
            if command(bus, 41, 1 << 30)? == 0 {
                accept(command(bus, 58, 0)? & !IDLE)?;
                let first = bus.swap(0xff);
                (0..3).for_each(|_| {
                    bus.swap(0xff);
                });
                let by_number = first & 0x40 != 0;
                if !by_number {
                    accept(command(bus, 16, 512)?)?;
                }
                return Ok(by_number);
            }
            bus.wait_ms(2);
        }
        Err(CardError::Slow)
    }

    fn address(&self, number: u32) -> u32 {
        if self.by_number { number } else { number.wrapping_mul(512) }
    }

    /// Reads the block of this number.
    ///
    /// # Errors
    /// What is wrong with the card.
    pub fn read(
        &self,
        bus: &mut impl Bus,
        number: u32,
        block: &mut Block,
    ) -> Result<(), CardError> {
        let address = self.address(number);
        with_card(bus, |bus| {
            accept(command(bus, 17, address)?)?;
            wait_for(bus, |byte| byte != 0xff).and_then(|token| match token {
                0xfe => Ok(()),
                other => Err(CardError::Refused(other)),
            })?;
            block.iter_mut().for_each(|byte| *byte = bus.swap(0xff));
            // The card's own check of the bytes: what lies in the blocks has a better one.
            bus.swap(0xff);
            bus.swap(0xff);
            Ok(())
        })
    }

    /// Writes the block of this number. `Ok` says that it is on the card.
    ///
    /// # Errors
    /// What is wrong with the card.
    pub fn write(&self, bus: &mut impl Bus, number: u32, block: &Block) -> Result<(), CardError> {
        let address = self.address(number);
        with_card(bus, |bus| {
            accept(command(bus, 24, address)?)?;
            bus.swap(0xff);
            bus.swap(0xfe);
            block.iter().for_each(|byte| {
                bus.swap(*byte);
            });
            bus.swap(0xff);
            bus.swap(0xff);
            let answer = wait_for(bus, |byte| byte != 0xff)?;
            if answer & 0x1f != 0b0_0101 {
                return Err(CardError::Refused(answer));
            }
            wait_for(bus, |byte| byte == 0xff)?;
            accept(command(bus, 13, 0)?)?;
            accept(bus.swap(0xff))
        })?;
        let mut copy = [0; BLOCK];
        self.read(bus, number, &mut copy)?;
        if copy == *block { Ok(()) } else { Err(CardError::Worn) }
    }
}

/// Speaks to the card, and then to the display again.
fn with_card<B: Bus, T>(
    bus: &mut B,
    act: impl FnOnce(&mut B) -> Result<T, CardError>,
) -> Result<T, CardError> {
    bus.select_card(true);
    let result = act(bus);
    bus.select_card(false);
    // A card lets go of the line with the next clock only.
    bus.swap(0xff);
    result
}

/// Sends a command and gives the first byte of its answer.
fn command(bus: &mut impl Bus, number: u8, argument: u32) -> Result<u8, CardError> {
    wait_for(bus, |byte| byte == 0xff)?;
    bus.swap(0x40 | number);
    argument.to_be_bytes().into_iter().for_each(|byte| {
        bus.swap(byte);
    });
    // Only the two commands before the card is in this mode are checked.
    bus.swap(match number {
        0 => 0x95,
        8 => 0x87,
        _ => 0x01,
    });
    for _ in 0..ANSWER_BYTES {
        let answer = bus.swap(0xff);
        if answer & 0x80 == 0 {
            return Ok(answer);
        }
    }
    Err(CardError::Missing)
}

fn accept(answer: u8) -> Result<(), CardError> {
    if answer == 0 { Ok(()) } else { Err(CardError::Refused(answer)) }
}

fn wait_for(bus: &mut impl Bus, is_it: impl Fn(u8) -> bool) -> Result<u8, CardError> {
    for _ in 0..READY_BYTES {
        let byte = bus.swap(0xff);
        if is_it(byte) {
            return Ok(byte);
        }
    }
    Err(CardError::Slow)
}
