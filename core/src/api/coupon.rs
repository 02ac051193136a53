//! Coupons by their number, in payments and in refunds (protocol §5, §7, §8).

use super::fields::{FieldError, Fields, Name};
use crate::ids::CouponId;
use crate::money::Fen;
use crate::xml::FIELDS_MAX;

/// Which kind a coupon is; an example is at [`Coupon`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CouponKind {
    /// `CASH`: the merchant is paid its value.
    Cash,
    /// `NO_CASH`: the merchant bears it, so `settlement_total_fee` is smaller.
    NoCash,
    /// A kind that this version does not know.
    Other,
}

/// A coupon, or the part of it that was given back. Real messages leave out any of the three.
///
/// ```
/// use saoma_core::api::{Coupon, CouponKind};
///
/// /// What the merchant does not get of it, in fen.
/// fn borne(coupon: &Coupon) -> u64 {
///     match (coupon.kind, coupon.fee) {
///         (Some(CouponKind::NoCash), Some(fee)) => fee.get(),
///         _ => 0,
///     }
/// }
/// # let coupon = Coupon { kind: None, id: None, fee: None };
/// # assert_eq!(borne(&coupon), 0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coupon {
    /// Its kind; told only to merchants with coupons of their own.
    pub kind: Option<CouponKind>,
    /// WeChat's number.
    pub id: Option<CouponId>,
    /// Its value in fen, or the part that was given back.
    pub fee: Option<Fen>,
}

/// The names of a coupon's kind, number and value.
pub(super) type Names = [&'static str; 3];

/// The coupons of a payment or a refund, in order; each may break its rule by itself. An example
/// is at [`PayDetails::coupons`](super::PayDetails::coupons).
#[derive(Clone, Debug)]
pub struct Coupons<'d, 'a, const N: usize = FIELDS_MAX> {
    fields: Fields<'d, 'a, N>,
    names: Names,
    /// The refund that they belong to, where the names have two numbers.
    refund: Option<u8>,
    /// How many there are, when the message says so; otherwise up to the first that is not there.
    count: Option<u8>,
    next: u8,
}

impl<'d, 'a, const N: usize> Coupons<'d, 'a, N> {
    pub(super) const fn new(
        fields: Fields<'d, 'a, N>,
        names: Names,
        refund: Option<u8>,
        count: Option<u8>,
    ) -> Self {
        Self { fields, names, refund, count, next: 0 }
    }

    fn read(&self, number: u8) -> Result<Coupon, FieldError> {
        let name = |page| Name::from((page, self.refund.map_or([number; 2], |n| [n, number])));
        let [kind, id, fee] = self.names.map(name);
        Ok(Coupon {
            kind: self.fields.optional(kind)?.map(|kind| {
                if kind == "CASH" {
                    CouponKind::Cash
                } else if kind == "NO_CASH" {
                    CouponKind::NoCash
                } else {
                    CouponKind::Other
                }
            }),
            id: self.fields.optional_parsed(id, CouponId::new)?,
            fee: self.fields.optional_parsed(fee, Fen::parse)?,
        })
    }
}

impl<const N: usize> Iterator for Coupons<'_, '_, N> {
    type Item = Result<Coupon, FieldError>;

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.next;
        if self.count.is_some_and(|count| number >= count) {
            return None;
        }
        let coupon = self.read(number);
        let nothing = Coupon { kind: None, id: None, fee: None };
        if self.count.is_none() && coupon.as_ref() == Ok(&nothing) {
            return None;
        }
        self.next = number.checked_add(1)?;
        Some(coupon)
    }
}
