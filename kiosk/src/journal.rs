//! What a terminal must not forget when the power goes: its open orders.
//!
//! A [`Journal`] is written whole, as one record of [`RECORD_LEN`] bytes, into the older of two
//! slots (files, flash blocks). A record has a version, a sequence and a checksum, so a write that
//! was torn is no record, and the other slot still holds the journal before it.
//!
//! ```text
//! "SAOK" | version 1 | flags 1 | entries 1 | 0 | sequence 8 | made 4 | 6 entries | CRC-32 4
//! ```
//!
//! Numbers are little-endian. What stands in the journal is no secret and gives no right.

use crate::{
    basket::{Basket, LINES_MAX, Line},
    call::{JOB_ID_MAX, JobId, ORDER_NO_MAX, is_order_no},
    check::{CHECK_LEN, Check},
};
use heapless::{String, Vec};
use saoma_core::{ids::OrderId, money::Fen, watch::DESCRIPTION_MAX};

/// Most orders that a terminal follows at once: the customer's, and those that were left behind or
/// wait for the staff. A terminal whose journal is full takes no new order.
pub const ENTRIES_MAX: usize = 6;
/// Length of a record in bytes.
pub const RECORD_LEN: usize = HEADER_LEN + ENTRIES_MAX * ENTRY_LEN + CHECK_LEN;

// Two blocks of a microcontroller's flash, or four sectors of a card.
const _: () = assert!(RECORD_LEN <= 2048);

const MAGIC: [u8; 4] = *b"SAOK";
const VERSION: u8 = 1;
const HEADER_LEN: usize = 20;
/// Stage, order number, id, job and description with their lengths, amount, basket.
const ENTRY_LEN: usize = 1
    + (1 + ORDER_NO_MAX)
    + (1 + OrderId::LEN_MAX)
    + (1 + JOB_ID_MAX)
    + (1 + DESCRIPTION_MAX)
    + 8
    + (1 + 3 * LINES_MAX);

/// How far an order has come, as far as it matters after a power cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is being made, or was: the server may know it.
    Making,
    /// The server knows it; the customer may pay.
    Open,
    /// Paid; the goods are being claimed. Nothing has moved.
    Claiming,
    /// The dispenser was or will be told. After a power cut nobody knows.
    Dispensing(JobId),
    /// The goods are out; the server has to hear of it.
    Handed,
    /// Only the staff can go on.
    Help {
        /// Whether the goods were claimed, so that the server waits to hear that they are out.
        claimed: bool,
    },
}

/// An order that has not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Our number of the order.
    pub order_no: String<ORDER_NO_MAX>,
    /// The server's number, once it is known.
    pub order_id: Option<OrderId>,
    /// What it costs.
    pub amount: Fen,
    /// The goods, as the server was told.
    pub description: String<DESCRIPTION_MAX>,
    /// The goods, as the dispenser knows them.
    pub basket: Basket,
    /// How far it has come.
    pub stage: Stage,
}

/// All that a terminal must not forget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// Grows by one with each record.
    pub sequence: u64,
    /// How many orders this terminal has made: the last number that it gave.
    pub made: u32,
    /// The dispenser failed, and nobody has seen to it since.
    pub broken: bool,
    /// The open orders.
    pub entries: Vec<Entry, ENTRIES_MAX>,
}

impl Journal {
    /// The newest journal of two slots, whatever stands in them; an empty one where neither holds
    /// a record.
    #[must_use]
    pub fn newest(slots: [&[u8]; 2]) -> Self {
        let journals = slots.map(Self::decode);
        let newest = journals.into_iter().flatten().max_by_key(|journal| journal.sequence);
        newest.unwrap_or_default()
    }

    /// Reads a record. `None` for anything else: an empty slot, a torn write, another version.
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let record: &[u8; RECORD_LEN] = record.try_into().ok()?;
        let (body, check) = record.split_last_chunk::<CHECK_LEN>()?;
        if Check::of(body).get() != u32::from_le_bytes(*check) {
            return None;
        }
        let mut bytes = Bytes(body);
        let [version, flags, count, zero] = {
            if bytes.take::<4>()? != MAGIC {
                return None;
            }
            bytes.take()?
        };
        if version != VERSION || flags > 1 || zero != 0 || usize::from(count) > ENTRIES_MAX {
            return None;
        }
        let sequence = u64::from_le_bytes(bytes.take()?);
        let made = u32::from_le_bytes(bytes.take()?);
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(Entry::decode(&mut bytes)?).ok()?;
        }
        Some(Self { sequence, made, broken: flags == 1, entries })
    }

    /// The record of this journal.
    #[must_use]
    pub fn encode(&self) -> [u8; RECORD_LEN] {
        let mut record = [0; RECORD_LEN];
        let head = Head { sequence: self.sequence, made: self.made, broken: self.broken };
        write(&head, self.entries.iter(), &mut record);
        record
    }
}

/// What a record holds beside its entries.
pub(crate) struct Head {
    pub(crate) sequence: u64,
    pub(crate) made: u32,
    pub(crate) broken: bool,
}

/// The slot, 0 or 1, that a record belongs into: never the one that holds the record before it.
pub(crate) const fn slot(sequence: u64) -> usize {
    if sequence.is_multiple_of(2) { 0 } else { 1 }
}

/// Writes a record of the first [`ENTRIES_MAX`] entries.
pub(crate) fn write<'e>(
    head: &Head,
    entries: impl Iterator<Item = &'e Entry>,
    record: &mut [u8; RECORD_LEN],
) {
    record.fill(0);
    let mut count = 0;
    let mut out = Out { record: &mut *record, at: HEADER_LEN };
    for entry in entries.take(ENTRIES_MAX) {
        entry.encode(&mut out);
        count += 1;
    }
    let mut out = Out { record: &mut *record, at: 0 };
    out.put(&MAGIC);
    out.put(&[VERSION, u8::from(head.broken), count, 0]);
    out.put(&head.sequence.to_le_bytes());
    out.put(&head.made.to_le_bytes());
    let (body, check) = record.split_at_mut(RECORD_LEN - CHECK_LEN);
    check.copy_from_slice(&Check::of(body).get().to_le_bytes());
}

impl Entry {
    fn encode(&self, out: &mut Out<'_>) {
        let (stage, job) = match &self.stage {
            Stage::Making => (1, ""),
            Stage::Open => (2, ""),
            Stage::Claiming => (3, ""),
            Stage::Dispensing(job) => (4, job.as_str()),
            Stage::Handed => (5, ""),
            Stage::Help { claimed: false } => (6, ""),
            Stage::Help { claimed: true } => (7, ""),
        };
        out.put(&[stage]);
        out.text::<ORDER_NO_MAX>(&self.order_no);
        out.text::<{ OrderId::LEN_MAX }>(self.order_id.as_ref().map_or("", OrderId::as_str));
        out.text::<JOB_ID_MAX>(job);
        out.text::<DESCRIPTION_MAX>(&self.description);
        out.put(&self.amount.get().to_le_bytes());
        let lines = self.basket.lines();
        out.put(&[u8::try_from(lines.len()).unwrap_or(0)]);
        for at in 0..LINES_MAX {
            let line = lines.get(at).map_or([0; 3], |line| {
                let [low, high] = line.no.to_le_bytes();
                [low, high, line.count]
            });
            out.put(&line);
        }
    }

    fn decode(bytes: &mut Bytes<'_>) -> Option<Self> {
        let [stage] = bytes.take()?;
        let order_no = bytes.text::<ORDER_NO_MAX>()?;
        let order_id = bytes.text::<{ OrderId::LEN_MAX }>()?;
        let job = bytes.text::<JOB_ID_MAX>()?;
        let description = bytes.text::<DESCRIPTION_MAX>()?;
        let amount = Fen::new(u64::from_le_bytes(bytes.take()?))?;
        let [count] = bytes.take()?;
        let mut lines: Vec<Line, LINES_MAX> = Vec::new();
        for at in 0..LINES_MAX {
            let [low, high, pieces] = bytes.take()?;
            if at < usize::from(count) {
                lines.push(Line { no: u16::from_le_bytes([low, high]), count: pieces }).ok()?;
            }
        }
        if order_no.is_empty() || !order_no.bytes().all(is_order_no) {
            return None;
        }
        let stage = match (stage, job.as_str()) {
            (1, "") => Stage::Making,
            (2, "") => Stage::Open,
            (3, "") => Stage::Claiming,
            (4, job) => Stage::Dispensing(JobId::new(job)?),
            (5, "") => Stage::Handed,
            (6, "") => Stage::Help { claimed: false },
            (7, "") => Stage::Help { claimed: true },
            _ => return None,
        };
        let order_id = match order_id.as_str() {
            "" => None,
            id => Some(OrderId::new(id).ok()?),
        };
        Some(Self { order_no, order_id, amount, description, basket: Basket::of(lines)?, stage })
    }
}

/// Where a record is being written.
struct Out<'r> {
    record: &'r mut [u8; RECORD_LEN],
    at: usize,
}

impl Out<'_> {
    fn put(&mut self, bytes: &[u8]) {
        // The record has room for every entry: its length is their sum.
        if let Some(place) = self.record.get_mut(self.at..self.at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
        self.at += bytes.len();
    }

    /// A text of at most `MAX` bytes: its length, and its bytes in a place of `MAX`.
    fn text<const MAX: usize>(&mut self, text: &str) {
        let end = self.at + 1 + MAX;
        let text = text.as_bytes().get(..MAX).unwrap_or(text.as_bytes());
        self.put(&[u8::try_from(text.len()).unwrap_or(0)]);
        self.put(text);
        self.at = end;
    }
}

/// A record that is being read.
struct Bytes<'r>(&'r [u8]);

impl Bytes<'_> {
    fn take<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn text<const MAX: usize>(&mut self) -> Option<String<MAX>> {
        let [length] = self.take()?;
        let place = self.take::<MAX>()?;
        let text = place.get(..usize::from(length))?;
        String::try_from(core::str::from_utf8(text).ok()?).ok()
    }
}
