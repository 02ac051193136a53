//! What notifications and queries tell besides the payment.

use super::{KEY, message};
use crate::api::{CouponKind, FieldError, FieldFault, PayDetails};
use crate::money::Fen;
use crate::sign::{ApiKey, SignType, Unverified};
use crate::xml::{Doc, Draft, Text};
use std::string::String;
use std::vec::Vec;

fn fen(fen: u64) -> Option<Fen> {
    Fen::new(fen)
}

/// Verifies a sample and looks at its details.
fn with_sample(number: &str, look: impl FnOnce(PayDetails<'_, '_>)) {
    let (sign_type, xml) = message(number);
    let doc: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
    let key = ApiKey::new(KEY).unwrap();
    look(PayDetails::of(Unverified::new(&doc).verify(&key, sign_type).unwrap()));
}

/// Signs these fields and looks at their details.
fn with_fields(fields: &[(&str, &str)], look: impl FnOnce(PayDetails<'_, '_>)) {
    let key = ApiKey::new(KEY).unwrap();
    let mut doc: Draft<'_, 64> = Draft::new();
    for (name, value) in fields {
        doc.push(name, Text::new(value)).unwrap();
    }
    let sign = key.sign(&doc, SignType::Md5);
    let mut doc: Draft<'_, 64> = doc;
    doc.push("sign", Text::new(sign.as_str())).unwrap();
    let mut xml = String::new();
    doc.write(&mut xml).unwrap();
    let doc: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
    look(PayDetails::of(Unverified::new(&doc).verify(&key, SignType::Md5).unwrap()));
}

#[test]
fn a_coupon_without_its_kind_as_real_messages_have_it() {
    with_sample("M6", |details| {
        assert_eq!(details.openid().unwrap().unwrap().as_str(), "oMadeUpOpenIdForTests000001");
        assert_eq!(details.is_subscribe(), Ok(Some(false)));
        assert_eq!(details.bank_type().unwrap().unwrap(), "OTHERS");
        assert_eq!(details.cash_fee(), Ok(fen(2541)));
        assert_eq!(details.cash_fee_type(), Ok(None));
        assert_eq!(details.settlement_total_fee(), Ok(None));
        assert_eq!(details.coupon_fee(), Ok(fen(58)));
        assert!(details.attach().unwrap().is_some_and(|attach| attach == "深圳分店"));
        assert_eq!(details.device_info(), Ok(None));
        assert_eq!(details.promotion_detail(), Ok(None));
        let coupons: Vec<_> = details.coupons().unwrap().map(Result::unwrap).collect();
        assert_eq!(coupons.len(), 1);
        assert_eq!(coupons[0].kind, None);
        assert_eq!(coupons[0].id.as_ref().unwrap().as_str(), "2000000000276621044");
        assert_eq!(coupons[0].fee, fen(58));
    });
}

#[test]
fn two_coupons_one_of_which_the_merchant_bears() {
    with_sample("M7", |details| {
        assert_eq!(details.bank_type().unwrap().unwrap(), "CMB_CREDIT");
        assert_eq!(details.cash_fee_type().unwrap().unwrap(), "CNY");
        assert_eq!(details.settlement_total_fee(), Ok(fen(2099)));
        let coupons: Vec<_> = details.coupons().unwrap().map(Result::unwrap).collect();
        let kinds: Vec<_> = coupons.iter().map(|coupon| coupon.kind.unwrap()).collect();
        assert_eq!(kinds, [CouponKind::Cash, CouponKind::NoCash]);
        let sum = coupons.iter().map(|coupon| coupon.fee.unwrap().get()).sum::<u64>();
        assert_eq!(fen(sum), details.coupon_fee().unwrap());
    });
}

#[test]
fn a_query_tells_the_till() {
    with_sample("M10", |details| {
        assert!(details.device_info().unwrap().is_some_and(|device| device == "kiosk-7"));
        assert_eq!(details.coupons().unwrap().count(), 0);
    });
}

#[test]
fn numbers_are_read_in_both_spellings_but_not_in_both_at_once() {
    let fields = [
        ("coupon_fee_$0", "58"),
        ("coupon_id_$0", "7"),
        ("coupon_fee_1", "9"),
        ("coupon_id_3", "1"),
    ];
    with_fields(&fields, |details| {
        let fees: Vec<_> = details.coupons().unwrap().map(|coupon| coupon.unwrap().fee).collect();
        assert_eq!(fees, [fen(58), fen(9)], "up to the first that is not there");
    });
    with_fields(&[("coupon_fee_$0", "58"), ("coupon_fee_0", "580")], |details| {
        let twice = FieldError { field: "coupon_fee_$n", fault: FieldFault::Invalid };
        assert_eq!(details.coupons().unwrap().next(), Some(Err(twice)));
    });
}

#[test]
fn the_count_says_how_many_coupons_there_are() {
    with_fields(&[("coupon_count", "2"), ("coupon_fee_1", "9")], |details| {
        let fees: Vec<_> = details.coupons().unwrap().map(|coupon| coupon.unwrap().fee).collect();
        assert_eq!(fees, [None, fen(9)]);
    });
    for count in ["256", "-1", "x", "02"] {
        with_fields(&[("coupon_count", count)], |details| {
            assert_eq!(details.coupons().err().unwrap().field, "coupon_count");
        });
    }
    with_fields(&[("coupon_count", "255")], |details| {
        assert_eq!(details.coupons().unwrap().count(), 255);
    });
}

#[test]
fn each_detail_is_checked_by_its_own_rule() {
    let long = "x".repeat(129);
    let fields = [
        ("openid", "a&b"),
        ("is_subscribe", "y"),
        ("bank_type", "icbc"),
        ("cash_fee", "1.5"),
        ("cash_fee_type", "cny"),
        ("settlement_total_fee", "-1"),
        ("coupon_fee", "0x1"),
        ("coupon_fee_0", "58 "),
        ("coupon_id_1", "123456789012345678901"),
        ("coupon_count", "2"),
        ("attach", long.as_str()),
        ("device_info", &long[..33]),
    ];
    with_fields(&fields, |details| {
        let errors = [
            details.openid().map(|_| ()),
            details.is_subscribe().map(|_| ()),
            details.bank_type().map(|_| ()),
            details.cash_fee().map(|_| ()),
            details.cash_fee_type().map(|_| ()),
            details.settlement_total_fee().map(|_| ()),
            details.coupon_fee().map(|_| ()),
            details.coupons().unwrap().next().unwrap().map(|_| ()),
            details.coupons().unwrap().nth(1).unwrap().map(|_| ()),
            details.attach().map(|_| ()),
            details.device_info().map(|_| ()),
        ];
        let names = [
            "openid",
            "is_subscribe",
            "bank_type",
            "cash_fee",
            "cash_fee_type",
            "settlement_total_fee",
            "coupon_fee",
            "coupon_fee_$n",
            "coupon_id_$n",
            "attach",
            "device_info",
        ];
        for (error, field) in errors.into_iter().zip(names) {
            assert_eq!(error, Err(FieldError { field, fault: FieldFault::Invalid }));
        }
    });
}
