//! A signed document is an answer to each call, or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saoma_core::api::{
    CloseOrderAnswer, OrderQueryAnswer, PaymentNo, RefundAnswer, RefundNo, RefundQueryAnswer,
    ShortUrlAnswer, UnifiedOrderAnswer,
};
use saoma_core::ids::{OutRefundNo, OutTradeNo, TransactionId};
use saoma_core::sign::SignType;
use saoma_fuzz::{merchant, with_signed};

fuzz_target!(|bytes: &[u8]| {
    let merchant = merchant();
    let number = OutTradeNo::new("SM20261123192600000001").expect("a number");
    let refund = OutRefundNo::new("R-SM20261123-0001@a").expect("a number");
    let payment = TransactionId::new("4200009999202611230000000001").expect("a number");
    with_signed::<64>(bytes, |doc| {
        let _ = UnifiedOrderAnswer::read(doc, &merchant, SignType::Md5);
        let _ = OrderQueryAnswer::read(doc, &merchant, SignType::Md5, &number);
        let _ = CloseOrderAnswer::read(doc, &merchant, SignType::Md5);
        let _ = ShortUrlAnswer::read(doc, &merchant, SignType::Md5);
        let answer = RefundAnswer::read(doc, &merchant, SignType::Md5, &refund);
        if let Ok(RefundAnswer::Accepted(refund)) = answer {
            assert!(refund.refund_fee <= refund.total_fee);
            assert!(refund.coupons().count() <= 256);
        }
    });
    with_signed::<256>(bytes, |doc| {
        for asked in
            [RefundNo::OutRefund(&refund), RefundNo::Payment(PaymentNo::Transaction(&payment))]
        {
            let answer = RefundQueryAnswer::read(doc, &merchant, SignType::Md5, asked);
            if let Ok(RefundQueryAnswer::Found(refunds)) = answer {
                assert_eq!(refunds.iter().count(), usize::from(refunds.count()));
                for refund in refunds.iter() {
                    assert!(refund.refund_fee <= refunds.total_fee);
                    assert!(refund.coupons().count() <= 256);
                }
            }
        }
    });
});
