//! Finding a byte, eight at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Index of the first byte at or after `at` that is `wanted`.
pub(super) fn find(bytes: &[u8], wanted: u8, at: usize) -> Option<usize> {
    let mut at = at;
    while let Some((chunk, _)) = bytes.get(at..).and_then(<[u8]>::split_first_chunk::<8>) {
        let differs = u64::from_le_bytes(*chunk) ^ (ONES * u64::from(wanted));
        // High bits set where a byte of `differs` is zero; the lowest one set is true.
        let found = differs.wrapping_sub(ONES) & !differs & HIGHS;
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(|&byte| byte == wanted).map(|offset| at + offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_agrees_with_one_at_a_time(
            bytes in proptest::collection::vec(b'_'..=b'b', 0..40),
            at in 0..50_usize,
        ) {
            let naive = (at..bytes.len()).find(|&index| bytes[index] == b'`');
            prop_assert_eq!(find(&bytes, b'`', at), naive);
        }
    }
}
