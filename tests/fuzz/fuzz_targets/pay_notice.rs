//! A signed document is a payment or an error, whatever its fields are; an unsigned one is none.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saoma_core::api::{PayDetails, PayNotice, ScanNotice};
use saoma_core::sign::{SignType, Unverified};
use saoma_core::xml::{Doc, FIELDS_MAX};
use saoma_fuzz::{merchant, verified, with_signed};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(doc) = Doc::<'_, FIELDS_MAX>::read(bytes) {
        for algorithm in [SignType::Md5, SignType::HmacSha256] {
            let _ = Unverified::new(&doc).verify(&merchant().key, algorithm);
        }
    }
    with_signed::<64>(bytes, |doc| {
        let verified = verified(doc);
        if let Ok(notice) = PayNotice::read(verified, &merchant()) {
            let said = |name| doc.get(name).expect("a required field").to_string();
            assert_eq!(said("total_fee"), notice.payment.total_fee.to_string());
            assert_eq!(said("time_end"), notice.payment.paid_at.beijing().as_str());
            assert_eq!(said("out_trade_no"), notice.payment.out_trade_no.as_str());
        }
        let _ = ScanNotice::read(verified, &merchant());
        let details = PayDetails::of(verified);
        let _ = (details.openid(), details.is_subscribe(), details.bank_type());
        let _ = (details.cash_fee(), details.cash_fee_type(), details.coupon_fee());
        let _ = (details.settlement_total_fee(), details.attach(), details.device_info());
        let _ = details.promotion_detail();
        if let Ok(coupons) = details.coupons() {
            assert!(coupons.count() <= 256);
        }
    });
});
