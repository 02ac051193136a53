//! A memory card on the bus, in blocks of 512 bytes: what must survive a power cut lies there.
//!
//! Only what is needed of the SD specification's SPI mode: start, read a block, write a block. A
//! block that was written is read back, because a card that says yes may be wrong.

use crate::{
    clock,
    spi::{Select, Spi},
};

/// Bytes in a block.
pub(crate) const BLOCK: usize = 512;
/// A block.
pub(crate) type Block = [u8; BLOCK];

/// What is wrong with the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CardError {
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
pub(crate) struct Card {
    /// Whether blocks are addressed by number, as on large cards, or by their first byte.
    by_number: bool,
}

impl Card {
    /// Wakes the card up.
    pub(crate) fn start(spi: &mut Spi) -> Result<Self, CardError> {
        spi.select(Select::Display);
        // At least 74 clocks while nobody is spoken to. For the display they are nothing: it
        // ignores this byte.
        (0..10).for_each(|_| {
            spi.swap(0xff);
        });
        let card = with_card(spi, Self::wake);
        card.map(|by_number| Self { by_number })
    }

    fn wake(spi: &mut Spi) -> Result<bool, CardError> {
        if command(spi, 0, 0)? != IDLE {
            return Err(CardError::Missing);
        }
        // A card of the second version says its voltage; an old one does not know the question.
        if command(spi, 8, 0x1aa)? == IDLE {
            (0..4).for_each(|_| {
                spi.swap(0xff);
            });
        }
        for _ in 0..500 {
            command(spi, 55, 0)?;
            if command(spi, 41, 1 << 30)? == 0 {
                accept(command(spi, 58, 0)? & !IDLE)?;
                let first = spi.swap(0xff);
                (0..3).for_each(|_| {
                    spi.swap(0xff);
                });
                let by_number = first & 0x40 != 0;
                if !by_number {
                    accept(command(spi, 16, 512)?)?;
                }
                return Ok(by_number);
            }
            clock::wait_ms(2);
        }
        Err(CardError::Slow)
    }

    fn address(&self, number: u32) -> u32 {
        if self.by_number { number } else { number.wrapping_mul(512) }
    }

    /// Reads the block of this number.
    pub(crate) fn read(
        &self,
        spi: &mut Spi,
        number: u32,
        block: &mut Block,
    ) -> Result<(), CardError> {
        let address = self.address(number);
        with_card(spi, |spi| {
            accept(command(spi, 17, address)?)?;
            wait_for(spi, |byte| byte != 0xff).and_then(|token| match token {
                0xfe => Ok(()),
                other => Err(CardError::Refused(other)),
            })?;
            block.iter_mut().for_each(|byte| *byte = spi.swap(0xff));
            // The card's own check of the bytes: what lies in the blocks has a better one.
            spi.swap(0xff);
            spi.swap(0xff);
            Ok(())
        })
    }

    /// Writes the block of this number. `Ok` says that it is on the card.
    pub(crate) fn write(&self, spi: &mut Spi, number: u32, block: &Block) -> Result<(), CardError> {
        let address = self.address(number);
        with_card(spi, |spi| {
            accept(command(spi, 24, address)?)?;
            spi.swap(0xff);
            spi.swap(0xfe);
            block.iter().for_each(|byte| {
                spi.swap(*byte);
            });
            spi.swap(0xff);
            spi.swap(0xff);
            let answer = wait_for(spi, |byte| byte != 0xff)?;
            if answer & 0x1f != 0b0_0101 {
                return Err(CardError::Refused(answer));
            }
            wait_for(spi, |byte| byte == 0xff)?;
            accept(command(spi, 13, 0)?)?;
            accept(spi.swap(0xff))
        })?;
        let mut copy = [0; BLOCK];
        self.read(spi, number, &mut copy)?;
        if copy == *block { Ok(()) } else { Err(CardError::Worn) }
    }
}

/// Speaks to the card, and then to the display again.
fn with_card<T>(
    spi: &mut Spi,
    act: impl FnOnce(&mut Spi) -> Result<T, CardError>,
) -> Result<T, CardError> {
    spi.select(Select::Card);
    let result = act(spi);
    spi.select(Select::Display);
    // A card lets go of the line with the next clock only.
    spi.swap(0xff);
    result
}

/// Sends a command and gives the first byte of its answer.
fn command(spi: &mut Spi, number: u8, argument: u32) -> Result<u8, CardError> {
    wait_for(spi, |byte| byte == 0xff)?;
    spi.swap(0x40 | number);
    argument.to_be_bytes().into_iter().for_each(|byte| {
        spi.swap(byte);
    });
    // Only the two commands before the card is in this mode are checked.
    spi.swap(match number {
        0 => 0x95,
        8 => 0x87,
        _ => 0x01,
    });
    for _ in 0..ANSWER_BYTES {
        let answer = spi.swap(0xff);
        if answer & 0x80 == 0 {
            return Ok(answer);
        }
    }
    Err(CardError::Missing)
}

fn accept(answer: u8) -> Result<(), CardError> {
    if answer == 0 { Ok(()) } else { Err(CardError::Refused(answer)) }
}

fn wait_for(spi: &mut Spi, is_it: impl Fn(u8) -> bool) -> Result<u8, CardError> {
    for _ in 0..READY_BYTES {
        let byte = spi.swap(0xff);
        if is_it(byte) {
            return Ok(byte);
        }
    }
    Err(CardError::Slow)
}
