//! The one source of random numbers.

use saoma_kiosk::call::OrderNumbers;

/// 32 digits and letters without look-alikes (no I, L, O, U).
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Five bits each: nobody draws the same 80 bits twice.
const CHARACTERS: usize = 16;

/// Numbers that no other terminal and no other run of this one gives to its orders.
#[expect(clippy::disallowed_methods, reason = "the one generator of this crate")]
pub(crate) fn order_numbers() -> Result<OrderNumbers, String> {
    let mut bytes = [0_u8; CHARACTERS];
    getrandom::fill(&mut bytes)
        .map_err(|error| format!("the operating system gives no random numbers: {error}"))?;
    let characters = bytes.map(|byte| char::from(BASE32[usize::from(byte % 32)]));
    let prefix = String::from("K-") + &String::from_iter(characters);
    OrderNumbers::new(&prefix).ok_or_else(|| format!("{prefix} is no prefix of order numbers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_have_different_numbers() {
        assert_ne!(order_numbers().unwrap(), order_numbers().unwrap());
    }
}
