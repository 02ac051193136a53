//! The one source of random numbers.

/// 32 digits and letters without look-alikes (no I, L, O, U).
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Five bits each. Staff read them from the screen, and a shop has few terminals.
const NAME_LEN: usize = 8;

/// A name that no other terminal of the shop has.
pub(crate) fn name() -> Result<String, String> {
    let bytes = bytes::<NAME_LEN>()?;
    Ok(bytes.iter().map(|byte| char::from(BASE32[usize::from(byte % 32)])).collect())
}

/// A number below `end`, to spread what would else come at once.
pub(crate) fn below(end: u64) -> u64 {
    bytes().map_or(0, u64::from_ne_bytes) % end.max(1)
}

#[expect(clippy::disallowed_methods, reason = "the one generator of this crate")]
fn bytes<const LEN: usize>() -> Result<[u8; LEN], String> {
    let mut bytes = [0; LEN];
    getrandom::fill(&mut bytes)
        .map_err(|error| format!("the operating system gives no random numbers: {error}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use saoma_kiosk::call::OrderNumbers;

    #[test]
    fn names_differ_and_orders_can_be_numbered_with_them() {
        let (one, other) = (name().unwrap(), name().unwrap());
        assert_ne!(one, other);
        assert!(OrderNumbers::new(&one).is_some());
        assert!((0..99).all(|_| below(3) < 3) && below(0) == 0);
    }
}
