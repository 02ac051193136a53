//! The journal's records: read as they were written, and nothing else is read.

use heapless::{String, Vec as Entries};
use proptest::{collection::vec, option, prelude::*, sample::Index};
use saoma_core::{ids::OrderId, money::Fen};
use saoma_kiosk::{
    basket::{Basket, COUNT_MAX, LINES_MAX, Line},
    call::JobId,
    journal::{ENTRIES_MAX, Entry, Journal, RECORD_LEN, Stage},
};

fn stage() -> impl Strategy<Value = Stage> {
    prop_oneof![
        Just(Stage::Making),
        Just(Stage::Open),
        Just(Stage::Claiming),
        "[!-~]{1,40}".prop_map(|id| Stage::Dispensing(JobId::new(&id).unwrap())),
        Just(Stage::Handed),
        any::<bool>().prop_map(|claimed| Stage::Help { claimed }),
    ]
}

fn basket() -> impl Strategy<Value = Basket> {
    vec((any::<u16>(), 1..=COUNT_MAX), 0..=LINES_MAX).prop_map(|lines| {
        let mut basket = Basket::new();
        for (no, count) in lines {
            let lines = basket.lines().iter().copied().chain([Line { no, count }]);
            basket = Basket::of(lines).unwrap_or(basket);
        }
        basket
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    let order_id = option::of("[A-Za-z0-9_-]{6,28}");
    let description = "\\PC{0,42}".prop_filter("127 bytes", |text| text.len() <= 127);
    let amount = 0..=Fen::ORDER_MAX.get();
    ("[A-Za-z0-9_.-]{1,64}", order_id, amount, description, basket(), stage()).prop_map(
        |(order_no, order_id, amount, description, basket, stage)| Entry {
            order_no: String::try_from(order_no.as_str()).unwrap(),
            order_id: order_id.map(|id| OrderId::new(&id).unwrap()),
            amount: Fen::new(amount).unwrap(),
            description: String::try_from(description.as_str()).unwrap(),
            basket,
            stage,
        },
    )
}

fn journal() -> impl Strategy<Value = Journal> {
    (any::<u64>(), any::<u32>(), any::<bool>(), vec(entry(), 0..=ENTRIES_MAX)).prop_map(
        |(sequence, made, broken, entries)| Journal {
            sequence,
            made,
            broken,
            entries: entries.into_iter().collect::<Entries<_, ENTRIES_MAX>>(),
        },
    )
}

proptest! {
    #[test]
    fn a_record_is_read_as_it_was_written(journal in journal()) {
        prop_assert_eq!(Journal::decode(&journal.encode()), Some(journal));
    }

    #[test]
    fn a_torn_write_leaves_the_old_journal_or_the_new_one(
        old in journal(), new in journal(), at in 0..=RECORD_LEN, erased in any::<bool>(),
    ) {
        let new = Journal { sequence: old.sequence.saturating_add(1), ..new };
        prop_assume!(new.sequence > old.sequence);
        let (old_record, new_record) = (old.encode(), new.encode());
        // The slot holds the record before the old one, or was erased.
        let mut torn = if erased { [0xff; RECORD_LEN] } else { old_record };
        torn[..at].copy_from_slice(&new_record[..at]);
        let found = Journal::newest([&torn, &old_record]);
        prop_assert!(found == old || found == new, "{:?}", found);
        prop_assert_eq!(found == new, torn == new_record);
        prop_assert_eq!(Journal::newest([&old_record, &torn]), found);
    }

    #[test]
    fn one_changed_byte_makes_it_no_record(
        journal in journal(), at in any::<Index>(), by in 1..=u8::MAX,
    ) {
        let mut record = journal.encode();
        record[at.index(RECORD_LEN)] ^= by;
        prop_assert_eq!(Journal::decode(&record), None);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..2 * RECORD_LEN)) {
        let _judged = Journal::decode(&bytes);
    }

    /// With a good checksum, so that what lies behind it is reached.
    #[test]
    fn arbitrary_bytes_under_a_good_checksum_never_panic_and_read_back(
        journal in journal(), changes in vec((any::<Index>(), any::<u8>()), 0..6),
    ) {
        let mut record = journal.encode();
        for (at, byte) in changes {
            record[at.index(RECORD_LEN - 4)] = byte;
        }
        let crc = slow_crc32(&record[..RECORD_LEN - 4]).to_le_bytes();
        record[RECORD_LEN - 4..].copy_from_slice(&crc);
        if let Some(read) = Journal::decode(&record) {
            prop_assert_eq!(Journal::decode(&read.encode()), Some(read));
        }
    }
}

/// The checksum as its definition says it: the remainder of a long division.
fn slow_crc32(bytes: &[u8]) -> u32 {
    let bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1));
    let mut remainder = u32::MAX;
    for bit in bits {
        let carry = remainder & 1 ^ u32::from(bit) == 1;
        remainder >>= 1;
        if carry {
            remainder ^= 0xedb8_8320;
        }
    }
    !remainder
}

#[test]
fn the_checksum_is_that_of_the_standard() {
    // The check value of CRC-32/ISO-HDLC.
    assert_eq!(slow_crc32(b"123456789"), 0xcbf4_3926);
    let record = Journal::default().encode();
    let crc = u32::from_le_bytes(record[RECORD_LEN - 4..].try_into().unwrap());
    assert_eq!(crc, slow_crc32(&record[..RECORD_LEN - 4]));
}

#[test]
fn another_version_is_not_read() {
    let mut record = Journal::default().encode();
    record[4] = 2;
    let crc = slow_crc32(&record[..RECORD_LEN - 4]).to_le_bytes();
    record[RECORD_LEN - 4..].copy_from_slice(&crc);
    assert_eq!(Journal::decode(&record), None);
}
