//! What the terminal must not forget, on the memory card: who it is, how often it has started,
//! and the app's journal.
//!
//! Each is kept twice and written in turn, with a check, so that a write that was cut off leaves
//! the record before it.
//!
//! ```text
//! block 64, 65     "SAOC" | made at 4 | starts 4 | CRC-32 4
//! block 72, 80     the journal, up to 8 blocks each (saoma_kiosk::journal)
//! ```

use crate::card::{BLOCK, Block, Bus, Card, CardError};
use core::fmt::{self, Write as _};
use heapless::String;
use saoma_kiosk::check::Check;
use saoma_kiosk::journal::{Journal, RECORD_LEN};

const MAGIC: [u8; 4] = *b"SAOC";
const NAME_BLOCKS: [u32; 2] = [64, 65];
const JOURNAL_BLOCKS: [u32; 2] = [72, 80];
const RECORD_BLOCKS: usize = RECORD_LEN.div_ceil(BLOCK);
// A record stays within its slot.
const _: () = assert!(RECORD_BLOCKS <= 8);

/// The card with what lies on it.
pub struct Store {
    card: Card,
}

/// Which card this is.
#[derive(Clone, Copy)]
pub struct Name {
    /// When the card was first used: seconds, Unix. A card that is exchanged for an empty one
    /// begins to count orders again; this keeps their numbers apart.
    made_unix_s: u32,
    /// How often the terminal has started with it.
    pub starts: u32,
}

/// Why nothing can be kept.
#[derive(Clone, Copy, Debug)]
pub enum StoreError {
    /// The card does not work.
    Card(CardError),
    /// Something else lies where the records should be, or both of a kind are damaged.
    Damaged,
}

impl From<CardError> for StoreError {
    fn from(error: CardError) -> Self {
        Self::Card(error)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Card(error) => write!(f, "memory card: {error:?}"),
            Self::Damaged => f.write_str("memory card: its records are damaged or not ours"),
        }
    }
}

impl Store {
    /// Wakes the card up.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(bus: &mut impl Bus) -> Result<Self, StoreError> {
        Ok(Self { card: Card::start(bus)? })
    }

    /// The name on the card; `None` when the card is empty.
    ///
    /// # Errors
    /// [`StoreError`] says what is wrong with the card.
    #[inline(never)]
    pub fn name(&self, bus: &mut impl Bus) -> Result<Option<Name>, StoreError> {
        let (mut newest, mut is_empty) = (None, true);
        let mut block = [0; BLOCK];
        for number in NAME_BLOCKS {
            self.card.read(bus, number, &mut block)?;
            is_empty &= block.iter().all(|byte| *byte == 0) || block.iter().all(|b| *b == 0xff);
            let name = Name::decode(&block);
            newest = match (newest, name) {
                (Some(Name { starts, .. }), Some(name)) if name.starts < starts => newest,
                (_, Some(name)) => Some(name),
                (_, None) => newest,
            };
        }
        if newest.is_none() && !is_empty { Err(StoreError::Damaged) } else { Ok(newest) }
    }

    /// Makes an empty card ready.
    ///
    /// # Errors
    /// [`StoreError`] says what is wrong with the card.
    pub fn make(&self, bus: &mut impl Bus, unix_s: u64) -> Result<Name, StoreError> {
        // The journal first: a card with a name and without a journal has lost it.
        self.write(bus, 0, &Journal::default().encode())?;
        let [a, b, c, d, ..] = unix_s.to_le_bytes();
        Ok(Name { made_unix_s: u32::from_le_bytes([a, b, c, d]), starts: 0 })
    }

    /// Counts this start.
    ///
    /// # Errors
    /// [`StoreError`] says what is wrong with the card.
    pub fn count_start(&self, bus: &mut impl Bus, name: &mut Name) -> Result<(), StoreError> {
        name.starts = name.starts.wrapping_add(1).max(1);
        let number = NAME_BLOCKS[usize::from(name.starts % 2 == 1)];
        Ok(self.card.write(bus, number, &name.encode())?)
    }

    /// The newest journal.
    ///
    /// # Errors
    /// [`StoreError`] says what is wrong with the card.
    pub fn journal(&self, bus: &mut impl Bus) -> Result<Journal, StoreError> {
        // One after the other, because there is not much room for two.
        let [first, second] = JOURNAL_BLOCKS;
        let sequences = [self.sequence(bus, first)?, self.sequence(bus, second)?];
        let newest = if sequences[0] > sequences[1] { first } else { second };
        self.record(bus, newest)?.ok_or(StoreError::Damaged)
    }

    #[inline(never)]
    fn sequence(&self, bus: &mut impl Bus, first: u32) -> Result<Option<u64>, StoreError> {
        Ok(self.record(bus, first)?.map(|journal| journal.sequence))
    }

    /// The journal of a slot; `None` when there is none.
    #[inline(never)]
    fn record(&self, bus: &mut impl Bus, first: u32) -> Result<Option<Journal>, StoreError> {
        let mut record = [0; RECORD_LEN];
        for (number, part) in (first..).zip(record.chunks_mut(BLOCK)) {
            let mut block = [0; BLOCK];
            self.card.read(bus, number, &mut block)?;
            part.copy_from_slice(block.get(..part.len()).unwrap_or_default());
        }
        Ok(Journal::decode(&record))
    }

    /// Writes the journal's record into slot 0 or 1. `Ok` says that it will survive.
    ///
    /// # Errors
    /// [`StoreError`] says what is wrong with the card.
    #[inline(never)]
    pub fn write(
        &self,
        bus: &mut impl Bus,
        slot: usize,
        record: &[u8; RECORD_LEN],
    ) -> Result<(), StoreError> {
        for (number, part) in (JOURNAL_BLOCKS[slot % 2]..).zip(record.chunks(BLOCK)) {
            let mut block = [0; BLOCK];
            block.get_mut(..part.len()).unwrap_or_default().copy_from_slice(part);
            self.card.write(bus, number, &block)?;
        }
        Ok(())
    }
}

impl Name {
    fn encode(&self) -> Block {
        let mut block = [0; BLOCK];
        let [made, starts] = [self.made_unix_s, self.starts].map(u32::to_le_bytes);
        let head = MAGIC.iter().chain(&made).chain(&starts);
        let check = head.clone().fold(Check::new(), |check, byte| check.with(*byte));
        let bytes = head.copied().chain(check.get().to_le_bytes());
        block.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        block
    }

    fn decode(block: &Block) -> Option<Self> {
        let (words, _) = block.as_chunks::<4>();
        let [magic, made, starts, check, ..] = *words else { return None };
        let name =
            Self { made_unix_s: u32::from_le_bytes(made), starts: u32::from_le_bytes(starts) };
        let is_ours = magic == MAGIC && name.encode().get(12..16) == Some(&check);
        is_ours.then_some(name)
    }

    /// What the numbers of orders begin with: the chip's own number and the card's age, in digits
    /// and letters.
    pub fn prefix(&self, chip: [u32; 2]) -> String<24> {
        let mut prefix = String::new();
        // 1 + 6 + 1 + at most 7.
        let _fits = write!(prefix, "K{:06X}-", chip[1] & 0xff_ffff);
        let mut rest = self.made_unix_s;
        while rest > 0 {
            const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
            let digit = DIGITS.get(rest as usize % 32).copied().unwrap_or(b'0');
            let _fits = prefix.push(char::from(digit));
            rest /= 32;
        }
        prefix
    }
}
