//! Any bytes in a terminal's store are a journal or none; what is read is written the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saoma_kiosk::journal::{Journal, RECORD_LEN};

fuzz_target!(|bytes: &[u8]| {
    same(bytes);
    // The fuzzer cannot guess a checksum.
    let mut record = [0; RECORD_LEN];
    let (body, sum) = record.split_at_mut(RECORD_LEN - 4);
    for (place, byte) in body.iter_mut().zip(bytes) {
        *place = *byte;
    }
    sum.copy_from_slice(&crc32(body).to_le_bytes());
    same(&record);
    let _ = Journal::newest([bytes, &record]);
});

fn same(record: &[u8]) {
    if let Some(journal) = Journal::decode(record) {
        let again = Journal::decode(&journal.encode());
        assert_eq!(again.as_ref(), Some(&journal));
    }
}

/// CRC-32 of ISO-HDLC, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 }
        })
    };
    !bytes.iter().fold(u32::MAX, step)
}
