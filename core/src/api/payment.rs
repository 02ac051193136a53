//! A payment as WeChat reports it, whether by notification or by query.

use super::fields::{FieldError, Fields, invalid};
use crate::ids::{OutTradeNo, TransactionId};
use crate::money::Fen;
use crate::time::UnixTime;
use core::fmt;

/// The currency of a payment, three capital letters of ISO 4217. Anything but
/// [`CNY`](Self::CNY) is wrong for a domestic merchant, and goes back as it came.
///
/// ```
/// use saoma_core::api::Currency;
///
/// assert_eq!(Currency::new("CNY"), Some(Currency::CNY));
/// assert_eq!(Currency::new("USD").map(|it| it.to_string()), Some("USD".to_owned()));
/// assert_eq!(Currency::new("usd"), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Yuan, also meant when the field is left out.
    pub const CNY: Self = Self(*b"CNY");

    /// Reads its letters.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let letters: [u8; 3] = text.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }

    /// Its letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether it is yuan.
    #[must_use]
    pub fn is_cny(&self) -> bool {
        *self == Self::CNY
    }
}

impl Default for Currency {
    fn default() -> Self {
        Self::CNY
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = heapless::String::<3>::deserialize(from)?;
        let wrong = || serde::de::Error::custom("a currency is three capital letters");
        Self::new(&text).ok_or_else(wrong)
    }
}

/// Money that a customer has paid; an example is at [`PayNotice`](super::PayNotice).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Payment {
    /// The attempt it was paid for.
    pub out_trade_no: OutTradeNo,
    /// WeChat's number of the payment.
    pub transaction_id: TransactionId,
    /// The order's amount as WeChat knows it; coupons are part of it. **This** is what must equal
    /// the order's amount, never `cash_fee` or `settlement_total_fee` (protocol §9).
    pub total_fee: Fen,
    /// The currency of `total_fee`.
    pub currency: Currency,
    /// `time_end`: when it was paid.
    pub paid_at: UnixTime,
    /// The query's `REFUND`: at least a part has already been given back (protocol §5).
    pub refunded: bool,
}

impl Payment {
    /// Reads the fields that a notification and a query share. All of them are required, so that
    /// no message that only shares a signature can pass (protocol §2.1).
    pub(super) fn read<const N: usize>(fields: Fields<'_, '_, N>) -> Result<Self, FieldError> {
        fields.parsed("trade_type", |word| {
            let valid = word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
            if valid { Ok(()) } else { Err(()) }
        })?;
        let currency = |text: &str| Currency::new(text).ok_or(());
        let currency = fields.optional_parsed("fee_type", currency)?.unwrap_or_default();
        let total_fee = fields.fen("total_fee")?;
        if total_fee == Fen::ZERO {
            // Nothing was paid, so nothing could ship or go back.
            return Err(invalid("total_fee"));
        }
        Ok(Self {
            out_trade_no: fields.parsed("out_trade_no", OutTradeNo::new)?,
            transaction_id: fields.parsed("transaction_id", TransactionId::new)?,
            total_fee,
            currency,
            paid_at: fields.time("time_end")?,
            refunded: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString as _;

    #[test]
    fn a_currency_is_three_capital_letters_everywhere() {
        let dollar = Currency::new("USD").unwrap();
        assert_eq!((dollar.to_string(), std::format!("{dollar:?}")), ("USD".into(), "USD".into()));
        for wrong in ["", "usd", "US", "USDT", "U$D", "元"] {
            assert_eq!(Currency::new(wrong), None, "{wrong}");
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_currency_is_read_as_it_was_written() {
        let dollar = Currency::new("USD").unwrap();
        let text = serde_json::to_string(&dollar).unwrap();
        assert_eq!(text, "\"USD\"");
        assert_eq!(serde_json::from_str::<Currency>(&text).unwrap(), dollar);
        let wrong = serde_json::from_str::<Currency>("\"usd\"").unwrap_err().to_string();
        assert!(wrong.contains("three capital letters"), "{wrong}");
    }
}
