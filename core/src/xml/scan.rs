//! Finding the bytes that end a run of ordinary text, eight at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// What ends a run of text besides control characters: markup, a possible `]]>`, and `0xEF`, with
/// which the two forbidden characters U+FFFE and U+FFFF begin.
pub(super) const TEXT: &[u8] = b"<&]\xEF";
/// What ends a run in a CDATA section.
pub(super) const CDATA: &[u8] = b"]\xEF";
/// What may not be written as it stands.
pub(super) const WRITTEN: &[u8] = b"<&>\xEF";

fn is_stop(byte: u8, stops: &[u8]) -> bool {
    byte < 0x20 || stops.contains(&byte)
}

/// Bit 7 set where a byte of `word` is zero, the lowest one truly, those above it perhaps falsely;
/// the other bits mean nothing.
const fn zeroes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

/// Index of the first byte that is below 0x20 or one of `stops`, or the length.
#[inline]
pub(super) fn next_stop(bytes: &[u8], stops: &[u8]) -> usize {
    let mut at = 0;
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*chunk);
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        let found = stops
            .iter()
            .fold(controls, |found, &stop| found | zeroes(word ^ (ONES * u64::from(stop))));
        if found & HIGHS != 0 {
            return at + ((found & HIGHS).trailing_zeros() / 8) as usize;
        }
        at += 8;
        rest = after;
    }
    at + rest.iter().position(|&byte| is_stop(byte, stops)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn eight_at_a_time_finds_what_one_at_a_time_finds(
            bytes in proptest::collection::vec(
                prop_oneof![4 => 0x20..=0xFF_u8, 1 => any::<u8>()], 0..60),
        ) {
            for stops in [TEXT, CDATA, WRITTEN] {
                let naive = bytes.iter().position(|&byte| is_stop(byte, stops));
                prop_assert_eq!(next_stop(&bytes, stops), naive.unwrap_or(bytes.len()));
            }
        }
    }
}
