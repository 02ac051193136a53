//! Finding the bytes that end a run of ordinary text, eight at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Whether text may not simply run on over this byte: markup, a possible `]]>`, a control
/// character, or `0xEF`, with which the two forbidden characters U+FFFE and U+FFFF begin.
const fn is_stop(byte: u8) -> bool {
    matches!(byte, b'<' | b'&' | b']' | 0..0x20 | 0xEF)
}

/// High bits set where a byte of `word` is zero; above a true one there may be false ones.
const fn zeroes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

/// High bits set where a byte of `word` is a stop byte; the lowest one set is true.
const fn stops(word: u64) -> u64 {
    zeroes(word ^ (ONES * b'<' as u64))
        | zeroes(word ^ (ONES * b'&' as u64))
        | zeroes(word ^ (ONES * b']' as u64))
        | zeroes(word ^ (ONES * 0xEF))
        | (word.wrapping_sub(ONES * 0x20) & !word & HIGHS)
}

/// Index of the first stop byte at or after `at`, or the length.
pub(super) fn next_stop(bytes: &[u8], at: usize) -> usize {
    let mut at = at;
    while let Some((chunk, _)) = bytes.get(at..).and_then(<[u8]>::split_first_chunk::<8>) {
        let found = stops(u64::from_le_bytes(*chunk));
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|&byte| !is_stop(byte)) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    proptest! {
        #[test]
        fn eight_at_a_time_finds_what_one_at_a_time_finds(
            bytes in proptest::collection::vec(
                prop_oneof![4 => 0x20..=0xFF_u8, 1 => any::<u8>()], 0..60),
        ) {
            let naive: Vec<usize> =
                (0..bytes.len()).filter(|&at| is_stop(bytes[at])).collect();
            for at in 0..=bytes.len() {
                let expected = naive.iter().find(|&&stop| stop >= at);
                prop_assert_eq!(next_stop(&bytes, at), *expected.unwrap_or(&bytes.len()));
            }
        }
    }
}
