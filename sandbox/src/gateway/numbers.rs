//! The numbers that the gateway gives out, in the shapes seen from the real one.

use crate::random::Random;
use crate::time::UnixTime;

const DIGITS: &[u8] = b"0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A nonce: 16 letters and digits.
pub(super) fn nonce(random: &mut Random) -> String {
    random.text(ALPHANUMERIC, 16)
}

/// `wx`, day and time, 6 digits, 16 hex digits, 4 zeroes: 36 characters.
pub(super) fn prepay_id(random: &mut Random, now: UnixTime) -> String {
    let time = now.beijing();
    format!("wx{}{}{}0000", &time[6..], random.text(DIGITS, 6), random.text(HEX, 16))
}

/// A `code_url`: mostly the plain shape, sometimes one of the two with a second parameter, so that
/// nobody relies on a prefix or forgets that it holds an `&` (`docs/protocol.md` §4).
pub(super) fn code_url(random: &mut Random) -> String {
    let code = random.text(ALPHANUMERIC, 7);
    match random.below(8) {
        0 => format!("weixin://wxpay/bizpayurl/up?pr={code}&groupid=00"),
        1 => format!("weixin://pay.weixin.qq.com/bizpayurl/up?pr={code}&groupid=00"),
        _ => format!("weixin://wxpay/bizpayurl?pr={code}zz"),
    }
}

/// A short link (`docs/protocol.md` §12).
pub(super) fn short_url(random: &mut Random) -> String {
    format!("weixin://wxpay/s/{}", random.text(ALPHANUMERIC, 7))
}

/// A key of the old sandbox: 32 hex digits.
pub(super) fn sandbox_key(random: &mut Random) -> String {
    random.text(HEX, 32)
}

/// 28 digits: `4200`, 6 digits, the day, 10 digits (`docs/protocol.md` §3).
pub(super) fn transaction_id(random: &mut Random, now: UnixTime) -> String {
    let day = &now.beijing()[..8];
    format!("4200{}{day}{}", random.text(DIGITS, 6), random.text(DIGITS, 10))
}

/// 29 digits: `503`, 7 digits, the day, 11 digits, as in published answers (the pages say 28).
pub(super) fn refund_id(random: &mut Random, now: UnixTime) -> String {
    let day = &now.beijing()[..8];
    format!("503{}{day}{}", random.text(DIGITS, 7), random.text(DIGITS, 11))
}

/// The number that the console gives to a refund made there by hand: `VP`, day and time, 8 digits.
pub(super) fn console_refund_no(random: &mut Random, now: UnixTime) -> String {
    format!("VP{}{}", now.beijing(), random.text(DIGITS, 8))
}

/// A payer under an appid: `o` and 27 characters.
pub(super) fn openid(random: &mut Random) -> String {
    format!("o{}", random.text(ALPHANUMERIC, 27))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_795_433_160);

    #[test]
    fn numbers_have_the_seen_shapes() {
        let random = &mut Random::new(1);
        let prepay_id = prepay_id(random, NOW);
        assert!(prepay_id.starts_with("wx23192600") && prepay_id.len() == 36, "{prepay_id}");
        let transaction_id = transaction_id(random, NOW);
        assert!(transaction_id.starts_with("4200") && transaction_id.len() == 28);
        assert_eq!(&transaction_id[10..18], "20261123");
        assert!(transaction_id.bytes().all(|byte| byte.is_ascii_digit()));
        let refund_id = refund_id(random, NOW);
        assert!(refund_id.starts_with("503") && refund_id.len() == 29);
        assert_eq!(&refund_id[10..18], "20261123");
        assert!(console_refund_no(random, NOW).starts_with("VP20261123192600"));
        assert_eq!(openid(random).len(), 28);
        assert_eq!(nonce(random).len(), 16);
    }

    #[test]
    fn codes_come_in_all_seen_shapes_and_fit_64_bytes() {
        let random = &mut Random::new(1);
        let codes: Vec<_> = (0..100).map(|_| code_url(random)).collect();
        assert!(codes.iter().all(|code| code.starts_with("weixin://") && code.len() <= 64));
        for part in ["/bizpayurl?pr=", "wxpay/bizpayurl/up?pr=", "qq.com/bizpayurl/up?pr="] {
            assert!(codes.iter().any(|code| code.contains(part)), "{part}");
        }
    }
}
