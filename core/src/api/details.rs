//! What a payment's message tells besides the payment itself (protocol §5, §9).

use super::coupon::Coupons;
use super::fields::{FieldError, Fields, count, word};
use crate::ids::OpenId;
use crate::money::Fen;
use crate::sign::Verified;
use crate::xml::{FIELDS_MAX, Text};
use heapless::String;

/// The other fields of a payment notification, or of an order query that found a payment.
///
/// None is required and none decides whether a payment is good, so each is read when it is asked
/// for: one that is odd costs nobody the payment.
///
/// ```
/// use saoma_core::api::PayDetails;
/// use saoma_core::sign::{ApiKey, SignType, Unverified};
/// use saoma_core::xml::{Doc, Draft, Text};
///
/// # let key = ApiKey::new("192006250b4c09247ec02edce69f6a2d")?;
/// # let mut message: Draft<'_, 64> = Draft::new();
/// # for (name, value) in [("openid", "oMadeUpOpenIdForTests000001"), ("cash_fee", "2541"),
/// #     ("coupon_fee", "58"), ("coupon_count", "1"), ("coupon_fee_0", "58"),
/// #     ("coupon_id_0", "2000000000276621044")] {
/// #     message.push(name, Text::new(value))?;
/// # }
/// # let sign = key.sign(&message, SignType::Md5);
/// # let mut message = message;
/// # message.push("sign", Text::new(sign.as_str()))?;
/// # let mut xml = String::new();
/// # message.write(&mut xml)?;
/// # let message: Doc<'_> = Doc::read(xml.as_bytes())?;
/// let verified = Unverified::new(&message).verify(&key, SignType::Md5)?;
/// let details = PayDetails::of(verified);
/// assert_eq!(details.cash_fee()?.map(|fee| fee.get()), Some(2541));
/// assert_eq!(details.bank_type()?, None);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PayDetails<'d, 'a, const N: usize = FIELDS_MAX>(Fields<'d, 'a, N>);

impl<'d, 'a, const N: usize> PayDetails<'d, 'a, N> {
    /// The details of a message.
    #[must_use]
    pub const fn of(verified: Verified<'d, 'a, N>) -> Self {
        Self(Fields(verified))
    }

    /// Who paid.
    ///
    /// # Errors
    /// [`FieldError`] when `openid` breaks its rule.
    pub fn openid(self) -> Result<Option<OpenId>, FieldError> {
        self.0.optional_parsed("openid", OpenId::new)
    }

    /// Whether the payer follows the shop's account. Since 2026 WeChat always says no.
    ///
    /// # Errors
    /// [`FieldError`] when `is_subscribe` is neither `Y` nor `N`.
    pub fn is_subscribe(self) -> Result<Option<bool>, FieldError> {
        self.0.optional_parsed("is_subscribe", |flag| match flag {
            "Y" => Ok(true),
            "N" => Ok(false),
            _ => Err(()),
        })
    }

    /// The bank and the kind of card, for example `ICBC_DEBIT`; `OTHERS` without a card.
    ///
    /// # Errors
    /// [`FieldError`] when it is longer than 32 bytes or no word of capitals.
    pub fn bank_type(self) -> Result<Option<String<32>>, FieldError> {
        self.0.optional_parsed("bank_type", word)
    }

    /// What the payer paid in money, in fen: `total_fee` without the coupons.
    ///
    /// # Errors
    /// [`FieldError`] when it is no amount.
    pub fn cash_fee(self) -> Result<Option<Fen>, FieldError> {
        self.0.optional_parsed("cash_fee", Fen::parse)
    }

    /// The currency of [`cash_fee`](Self::cash_fee), for example `CNY`.
    ///
    /// # Errors
    /// [`FieldError`] when it is longer than 16 bytes or no word of capitals.
    pub fn cash_fee_type(self) -> Result<Option<String<16>>, FieldError> {
        self.0.optional_parsed("cash_fee_type", word)
    }

    /// What the merchant will be paid, in fen: `total_fee` without the coupons that the merchant
    /// bears. There only when such a coupon was used.
    ///
    /// # Errors
    /// [`FieldError`] when it is no amount.
    pub fn settlement_total_fee(self) -> Result<Option<Fen>, FieldError> {
        self.0.optional_parsed("settlement_total_fee", Fen::parse)
    }

    /// The value of all coupons together, in fen.
    ///
    /// # Errors
    /// [`FieldError`] when it is no amount.
    pub fn coupon_fee(self) -> Result<Option<Fen>, FieldError> {
        self.0.optional_parsed("coupon_fee", Fen::parse)
    }

    /// The coupons one by one.
    ///
    /// ```
    /// # use saoma_core::api::PayDetails;
    /// # use saoma_core::sign::{ApiKey, SignType, Unverified};
    /// # use saoma_core::xml::{Doc, Draft, Text};
    /// # let key = ApiKey::new("192006250b4c09247ec02edce69f6a2d")?;
    /// # let mut message: Draft<'_, 64> = Draft::new();
    /// # for (name, value) in [("coupon_fee_0", "58"), ("coupon_fee_$1", "500"),
    /// #     ("coupon_type_$1", "NO_CASH")] {
    /// #     message.push(name, Text::new(value))?;
    /// # }
    /// # let sign = key.sign(&message, SignType::Md5);
    /// # let mut message = message;
    /// # message.push("sign", Text::new(sign.as_str()))?;
    /// # let mut xml = String::new();
    /// # message.write(&mut xml)?;
    /// # let message: Doc<'_> = Doc::read(xml.as_bytes())?;
    /// # let details = PayDetails::of(Unverified::new(&message).verify(&key, SignType::Md5)?);
    /// for coupon in details.coupons()? {
    ///     let coupon = coupon?;
    ///     println!("{:?} {:?}", coupon.id, coupon.fee);
    /// }
    /// # assert_eq!(details.coupons()?.count(), 2);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`FieldError`] when `coupon_count` is no number below 256.
    pub fn coupons(self) -> Result<Coupons<'d, 'a, N>, FieldError> {
        let count = self.0.optional_parsed("coupon_count", count)?;
        let names = ["coupon_type_$n", "coupon_id_$n", "coupon_fee_$n"];
        Ok(Coupons::new(self.0, names, None, count))
    }

    /// The text that the shop gave when it ordered.
    ///
    /// # Errors
    /// [`FieldError`] when it is longer than 128 bytes.
    pub fn attach(self) -> Result<Option<Text<'a>>, FieldError> {
        self.short("attach", 128)
    }

    /// The shop or the till that the order named.
    ///
    /// # Errors
    /// [`FieldError`] when it is longer than 32 bytes.
    pub fn device_info(self) -> Result<Option<Text<'a>>, FieldError> {
        self.short("device_info", 32)
    }

    /// Which coupon was used for which of the goods, as JSON; only in queries, of orders with
    /// [`item_coupons`](super::UnifiedOrder::item_coupons).
    ///
    /// # Errors
    /// [`FieldError`] when it is longer than 6000 bytes.
    pub fn promotion_detail(self) -> Result<Option<Text<'a>>, FieldError> {
        self.short("promotion_detail", 6_000)
    }

    fn short(self, name: &'static str, max: usize) -> Result<Option<Text<'a>>, FieldError> {
        match self.0.optional(name)? {
            Some(text) if text.len() > max => Err(super::fields::invalid(name)),
            text => Ok(text),
        }
    }
}
