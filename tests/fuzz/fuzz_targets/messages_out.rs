//! Whatever a shop asks for is refused, or it is a message that is read back as it was meant and
//! whose signature is good.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saoma_core::api::{PaymentNo, Refund, UnifiedOrder, close_order, order_query, seal};
use saoma_core::ids::{Nonce, OutRefundNo, OutTradeNo, TransactionId};
use saoma_core::money::Fen;
use saoma_core::sign::{SignType, Unverified};
use saoma_core::time::UnixTime;
use saoma_core::xml::{Doc, Draft};
use saoma_fuzz::merchant;

const NOTIFY: &str = "https://pay.example.com/wx/v2/notify";
const START: u64 = 1_795_461_960;

/// Sealed, it is read back with these values.
fn sent<const N: usize>(draft: Draft<'_, N>, algorithm: SignType, means: &[(&str, &str)]) {
    let merchant = merchant();
    let nonce = Nonce::new("ec2316275641faa3aacf3cc599e8730f").expect("a nonce");
    let mut xml = String::new();
    if seal(draft, &nonce, &merchant, algorithm, &mut xml).is_err() {
        // Escapes may make it longer than a document may be.
        return;
    }
    let Ok(doc) = Doc::<'_, 64>::read(xml.as_bytes()) else {
        panic!("what is sent cannot be read: {xml}");
    };
    assert!(Unverified::new(&doc).verify(&merchant.key, algorithm).is_ok(), "{xml}");
    for (name, value) in means {
        assert!(doc.get(name).is_some_and(|got| got == *value), "{name} = {value:?}: {xml}");
    }
}

/// A number, two texts, fen, seconds and the algorithm: numbers of a fixed length first, then the
/// texts, between which stands a byte that no text holds.
fn asked(bytes: &[u8]) -> Option<(&str, &str, &str, u64, u32, bool)> {
    let (fee, rest) = bytes.split_first_chunk()?;
    let (seconds, rest) = rest.split_first_chunk()?;
    let (is_md5, rest) = rest.split_first()?;
    let mut texts = rest.split(|byte| *byte == 0xff).map(std::str::from_utf8);
    let mut text = || texts.next()?.ok();
    let (fee, seconds) = (u64::from_le_bytes(*fee), u32::from_le_bytes(*seconds));
    Some((text()?, text()?, text()?, fee, seconds, is_md5 % 2 == 1))
}

fuzz_target!(|bytes: &[u8]| {
    let Some((number, body, more, fee, seconds, is_md5)) = asked(bytes) else { return };
    let algorithm = if is_md5 { SignType::Md5 } else { SignType::HmacSha256 };
    let mut merchant = merchant();
    merchant.sign_type = algorithm;
    let Ok(number) = OutTradeNo::new(number) else { return };
    sent(
        order_query(&merchant, algorithm, &number),
        algorithm,
        &[("out_trade_no", number.as_str())],
    );
    sent(
        close_order(&merchant, algorithm, &number),
        algorithm,
        &[("out_trade_no", number.as_str())],
    );
    let (Some(fee), Some(start)) = (Fen::new(fee), UnixTime::new(START)) else { return };
    let times = (start, start.plus(u64::from(seconds)));
    let order = UnifiedOrder::new(&number, body, fee, NOTIFY, [127, 0, 0, 1].into(), times);
    if let Ok(order) = order {
        let fee = fee.to_string();
        let means = [("out_trade_no", number.as_str()), ("body", body), ("total_fee", &*fee)];
        sent(order.draft(&merchant, algorithm), algorithm, &means);
        for order in [order.clone().attach(more), order.clone().detail(more), order.goods_tag(more)]
        {
            let Ok(order) = order else { continue };
            sent(order.draft(&merchant, algorithm), algorithm, &means);
        }
    }
    let payment = TransactionId::new("4200009999202611230000000001").expect("a number");
    let Ok(refund) = OutRefundNo::new(more) else { return };
    let asked = Refund::new(PaymentNo::Transaction(&payment), &refund, fee, fee);
    if let Ok(asked) = asked.and_then(|asked| asked.reason(body)) {
        let means = [("out_refund_no", refund.as_str()), ("refund_desc", body)];
        sent(asked.draft(&merchant, algorithm), algorithm, &means);
    }
});
