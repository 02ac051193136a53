//! Numbers and names with their character sets and lengths (protocol §3).
//!
//! Each is a type of its own, so that an order's id cannot stand where a transaction's is meant,
//! and a text outside its set cannot exist.

use core::fmt;
use core::num::NonZeroU32;
use heapless::String;

/// Why a text is not an id of the kind that was asked for.
///
/// ```
/// use saoma_core::ids::{MchId, OutTradeNo};
///
/// let number = OutTradeNo::new("SM-2026_1123|0002*")?;
/// assert_eq!(number.as_str().len(), 18);
/// let error = MchId::new("19x").unwrap_err();
/// assert_eq!(error.to_string(), "mch_id must be 1 to 32 digits");
/// # Ok::<(), saoma_core::ids::IdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdError {
    /// The kind, in WeChat's word where it has one.
    pub kind: &'static str,
    /// The rule in words: characters and length.
    pub rule: &'static str,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be {}", self.kind, self.rule)
    }
}

impl core::error::Error for IdError {}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

const fn is_trade_no(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'|' | b'*' | b'@')
}

const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

/// `&` and `=` could give a signed text a second meaning (protocol §2.1).
const fn is_product(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'&' | b'=')
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $kind:literal, $min:literal..=$max:literal, $set:ident,
       $rule:literal;)*) => {$(
        $(#[$doc])*
        #[doc = concat!("\n\nRule: ", $rule, ". An example of all ids is at [`IdError`].")]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String<$max>);

        impl $name {
            /// The longest, in bytes.
            pub const LEN_MAX: usize = $max;

            /// Checks and copies a text.
            ///
            /// # Errors
            /// [`IdError`] names the rule.
            pub fn new(text: &str) -> Result<Self, IdError> {
                Self::from_parts([text])
            }

            /// Joins parts, without heap, and checks the whole.
            ///
            /// # Errors
            /// [`IdError`] names the rule.
            pub fn from_parts<'a>(
                parts: impl IntoIterator<Item = &'a str>,
            ) -> Result<Self, IdError> {
                let error = IdError { kind: $kind, rule: $rule };
                let mut id = String::new();
                for part in parts {
                    if !part.bytes().all($set) {
                        return Err(error);
                    }
                    id.push_str(part).map_err(|_| error)?;
                }
                if id.len() < $min { Err(error) } else { Ok(Self(id)) }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl core::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::<$max>::deserialize(from)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// Our own number of an order: what one customer buys.
    OrderId, "order_id", 6..=28, is_word, "6 to 28 letters, digits, `_` or `-`";
    /// WeChat's name for the number of one attempt to be paid, unique under one `mch_id` for ever.
    ///
    /// [`OutTradeNo::for_attempt`] makes ours; a verified message may hold any that follows the
    /// rule.
    OutTradeNo, "out_trade_no", 6..=32, is_trade_no,
        "6 to 32 letters, digits, `_`, `-`, `|`, `*` or `@`";
    /// WeChat's number of a payment.
    TransactionId, "transaction_id", 1..=32, is_word, "1 to 32 letters, digits, `_` or `-`";
    /// The merchant's number.
    MchId, "mch_id", 1..=32, is_digit, "1 to 32 digits";
    /// The application's id, bound to the merchant.
    AppId, "appid", 1..=32, is_word, "1 to 32 letters, digits, `_` or `-`";
    /// A random text that makes each message different.
    Nonce, "nonce_str", 1..=32, is_word, "1 to 32 letters, digits, `_` or `-`";
    /// Our number of a refund, unique under one `mch_id`: the same number is the same refund.
    OutRefundNo, "out_refund_no", 1..=64, is_trade_no,
        "1 to 64 letters, digits, `_`, `-`, `|`, `*` or `@`";
    /// WeChat's number of a refund.
    RefundId, "refund_id", 1..=32, is_word, "1 to 32 letters, digits, `_` or `-`";
    /// WeChat's number of a coupon, or of the part of it that was given back.
    CouponId, "coupon_id", 1..=20, is_word, "1 to 20 letters, digits, `_` or `-`";
    /// Who paid, under one `appid`.
    OpenId, "openid", 1..=128, is_word, "1 to 128 letters, digits, `_` or `-`";
    /// WeChat's number of an order before it is paid, good for two hours.
    PrepayId, "prepay_id", 1..=64, is_word, "1 to 64 letters, digits, `_` or `-`";
    /// The shop's own number of what is sold.
    ProductId, "product_id", 1..=32, is_product,
        "1 to 32 visible ASCII characters other than `&` and `=`";
}

impl OutTradeNo {
    /// The number of attempt `index` (0 to 8) of an order: the order's id, `-`, and 1 for the
    /// first. It is as unique as the order's id.
    ///
    /// # Errors
    /// [`IdError`] for an index above 8.
    pub fn for_attempt(order: &OrderId, index: u8) -> Result<Self, IdError> {
        const DIGITS: &str = "123456789";
        let index = usize::from(index);
        let digit = DIGITS.get(index..=index).unwrap_or("");
        if digit.is_empty() {
            return Err(IdError { kind: "attempt", rule: "0 to 8" });
        }
        Self::from_parts([order.as_str(), "-", digit])
    }
}

impl OutRefundNo {
    /// The number of refund `index` (0 to 98) of an order: the order's id, `-R`, and 1 for the
    /// first. It is as unique as the order's id.
    ///
    /// # Errors
    /// [`IdError`] for an index above 98.
    pub fn for_order(order: &OrderId, index: u8) -> Result<Self, IdError> {
        Self::numbered("", order.as_str(), index)
    }

    /// The number of a refund that a shop wishes for: the order's id, `-S`, and eight hexadecimal
    /// digits of what the shop's own number of it comes to. One wish has one number, also when
    /// whoever made it remembers nothing of it; and no other wish can have it.
    ///
    /// # Errors
    /// None, for the id of an order.
    pub fn for_wish(order: &OrderId, wish: NonZeroU32) -> Result<Self, IdError> {
        let mut digits: String<8> = String::new();
        for byte in wish.get().to_be_bytes() {
            push_hex(&mut digits, byte);
        }
        Self::from_parts([order.as_str(), "-S", &digits])
    }

    /// The number of refund `index` (0 to 98) of a payment that belongs to no order of ours: `T`,
    /// WeChat's number of the payment, `-R`, and 1 for the first.
    ///
    /// # Errors
    /// [`IdError`] for an index above 98.
    pub fn for_transaction(payment: &TransactionId, index: u8) -> Result<Self, IdError> {
        Self::numbered("T", payment.as_str(), index)
    }

    fn numbered(prefix: &str, whose: &str, index: u8) -> Result<Self, IdError> {
        const DIGITS: &str = "0123456789";
        let number = usize::from(index) + 1;
        let digit = |at: usize| DIGITS.get(at..=at).unwrap_or("");
        let (tens, ones) = (number / 10, number % 10);
        if tens > 9 {
            return Err(IdError { kind: "refund", rule: "0 to 98" });
        }
        let tens = if tens == 0 { "" } else { digit(tens) };
        Self::from_parts([prefix, whose, "-R", tens, digit(ones)])
    }
}

impl Nonce {
    /// A nonce of 32 hexadecimal digits from 16 random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        let mut text = String::new();
        for byte in bytes {
            push_hex(&mut text, byte);
        }
        Self(text)
    }
}

/// Puts two hexadecimal digits down; there has to be room for them.
fn push_hex<const N: usize>(text: &mut String<N>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for nibble in [byte >> 4, byte & 15] {
        let _ = text.push(char::from(DIGITS[usize::from(nibble)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn an_out_trade_no_is_6_to_32_characters_of_its_set() {
        assert!(OutTradeNo::new("SM-2026_1123|0002*").is_ok());
        assert!(OutTradeNo::new(&"a".repeat(32)).is_ok());
        for text in ["", "abcde", &"a".repeat(33), "SM 0001", "SM&0001", "SM=0001", "SM０001"] {
            assert!(OutTradeNo::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn each_id_has_its_own_length_and_no_mark_of_the_string_to_sign() {
        type Check = fn(&str) -> bool;
        let checks: [(usize, Check); 7] = [
            (64, |text| OutRefundNo::new(text).is_ok()),
            (32, |text| RefundId::new(text).is_ok()),
            (20, |text| CouponId::new(text).is_ok()),
            (128, |text| OpenId::new(text).is_ok()),
            (64, |text| PrepayId::new(text).is_ok()),
            (32, |text| ProductId::new(text).is_ok()),
            (32, |text| TransactionId::new(text).is_ok()),
        ];
        for (longest, is_id) in checks {
            assert!(is_id("1") && is_id(&"a".repeat(longest)));
            for text in ["", &"a".repeat(longest + 1), "a b", "a&b", "a=b", "咖", "a\n"] {
                assert!(!is_id(text), "{text:?}");
            }
        }
    }

    #[test]
    fn a_transaction_id_cannot_carry_a_forged_message() {
        assert!(TransactionId::new("4200009999202611230000000001").is_ok());
        assert!(TransactionId::new("42&bank_type=OTHERS").is_err());
    }

    #[test]
    fn an_error_names_the_kind_and_the_rule() {
        let error = MchId::new("19x").unwrap_err();
        assert_eq!(error.to_string(), "mch_id must be 1 to 32 digits");
    }

    #[test]
    fn each_refund_has_its_own_number() {
        let order = OrderId::new("20261123192600K7Q2M9XB").unwrap();
        for (index, number) in [(0, "R1"), (8, "R9"), (9, "R10"), (49, "R50"), (98, "R99")] {
            let refund = OutRefundNo::for_order(&order, index).unwrap();
            assert_eq!(refund.as_str(), std::format!("20261123192600K7Q2M9XB-{number}"));
        }
        assert!(OutRefundNo::for_order(&order, 99).is_err());
        let refund = OutRefundNo::for_wish(&order, NonZeroU32::MAX).unwrap();
        assert_eq!(refund.as_str(), "20261123192600K7Q2M9XB-Sffffffff");
        let payment = TransactionId::new(&"4".repeat(32)).unwrap();
        let refund = OutRefundNo::for_transaction(&payment, 0).unwrap();
        assert_eq!(refund.as_str(), std::format!("T{}-R1", "4".repeat(32)));
    }

    #[test]
    fn each_attempt_has_its_own_number() {
        let order = OrderId::new("20261123192600K7Q2M9XB").unwrap();
        let first = OutTradeNo::for_attempt(&order, 0).unwrap();
        assert_eq!(first.as_str(), "20261123192600K7Q2M9XB-1");
        assert_eq!(
            OutTradeNo::for_attempt(&order, 7).unwrap().as_str(),
            "20261123192600K7Q2M9XB-8"
        );
        assert!(OutTradeNo::for_attempt(&order, 9).is_err());
        let longest = OrderId::new(&"a".repeat(28)).unwrap();
        assert!(OutTradeNo::for_attempt(&longest, 8).is_ok());
    }
}
