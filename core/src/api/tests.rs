use super::*;
use crate::ids::{Nonce, OutTradeNo, PrepayId};
use crate::money::Fen;
use crate::sign::{Unverified, VerifyError};
use crate::time::UnixTime;
use crate::xml::{Doc, Draft, Text};
use std::string::{String, ToString};
use std::vec::Vec;

mod details;
mod err_code;
mod mode_one;
mod refund;
mod unified_order;

const MESSAGES: &str = include_str!("../../../tests/fixtures/v2-messages.json");
const AMBIGUOUS: &str = include_str!("../../../tests/fixtures/v2-ambiguous.json");
const KEY: &str = "192006250b4c09247ec02edce69f6a2d";

fn merchant(sign_type: SignType) -> Merchant {
    Merchant {
        mch_id: MchId::new("1900000109").unwrap(),
        app_id: AppId::new("wx5a0mademeup0001").unwrap(),
        key: ApiKey::new(KEY).unwrap(),
        sign_type,
    }
}

fn messages() -> Vec<(String, SignType, String)> {
    let messages: Vec<serde_json::Value> = serde_json::from_str(MESSAGES).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_string();
    messages
        .iter()
        .filter(|message| !message["sign"].is_null() && !message["xml"].is_null())
        .map(|message| {
            let sign_type =
                if message["alg"] == "MD5" { SignType::Md5 } else { SignType::HmacSha256 };
            (text(&message["title"]), sign_type, text(&message["xml"]))
        })
        .collect()
}

/// The sample whose title begins with `number`.
fn message(number: &str) -> (SignType, String) {
    let found =
        messages().into_iter().find(|(title, _, _)| title.split(' ').next() == Some(number));
    let (_, sign_type, xml) = found.expect(number);
    (sign_type, xml)
}

#[test]
fn every_signed_sample_verifies_and_fails_with_the_other_algorithm() {
    let messages = messages();
    assert_eq!(messages.len(), 14, "M1 to M14 are signed documents");
    for (title, sign_type, xml) in messages {
        let doc: Doc<'_, 128> = Doc::read(xml.as_bytes()).expect(&title);
        let key = ApiKey::new(KEY).unwrap();
        assert!(Unverified::new(&doc).verify(&key, sign_type).is_ok(), "{title}");
        let other = match sign_type {
            SignType::Md5 => SignType::HmacSha256,
            SignType::HmacSha256 => SignType::Md5,
        };
        let refused = Unverified::new(&doc).verify(&key, other).map(|_| ());
        assert!(matches!(refused, Err(VerifyError::Length { .. })), "{title}");
    }
}

fn notice(xml: &str, sign_type: SignType) -> Result<PayNotice, String> {
    let doc: Doc<'_> = Doc::read(xml.as_bytes()).map_err(|e| e.to_string())?;
    let key = ApiKey::new(KEY).unwrap();
    let verified = Unverified::new(&doc).verify(&key, sign_type).map_err(|e| e.to_string())?;
    PayNotice::read(verified, &merchant(sign_type)).map_err(|e| e.to_string())
}

#[test]
fn a_notice_with_a_coupon_counts_the_whole_amount() {
    let (sign_type, xml) = message("M6");
    let payment = notice(&xml, sign_type).unwrap().payment;
    assert_eq!(payment.total_fee, Fen::new(2599).unwrap());
    assert_eq!(payment.out_trade_no.as_str(), "SM-2026_1123|0002*");
    assert_eq!(payment.transaction_id.as_str(), "4200009999202611230000000001");
    assert_eq!(payment.paid_at, UnixTime::parse_beijing("20261123193142").unwrap());
    assert_eq!(payment.currency, Currency::CNY);
    let (sign_type, xml) = message("M7");
    assert_eq!(notice(&xml, sign_type).unwrap().payment.total_fee, Fen::new(2599).unwrap());
}

#[test]
fn one_changed_byte_in_a_notice_is_refused() {
    let (sign_type, xml) = message("M6");
    let mut seen = 0;
    for at in 0..xml.len() {
        for flip in [1, 2, 8] {
            let mut bytes = xml.clone().into_bytes();
            bytes[at] ^= flip;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            // Line breaks between the fields are not part of what is signed.
            let between =
                xml.as_bytes()[at] == b'\n' && changed.as_bytes()[at].is_ascii_whitespace();
            if !between {
                assert!(notice(&changed, sign_type).is_err(), "byte {at} flipped by {flip}");
                seen += 1;
            }
        }
    }
    assert!(seen > 2_000);
}

/// A document of these fields and this signature, as WeChat would send it.
fn signed(fields: &serde_json::Value, sign: &str) -> String {
    let mut doc: Draft<'_, 64> = Draft::new();
    for (name, value) in fields.as_object().unwrap() {
        doc.push(name, Text::new(value.as_str().unwrap())).unwrap();
    }
    doc.push("sign", Text::new(sign)).unwrap();
    let mut xml = String::new();
    doc.write(&mut xml).unwrap();
    xml
}

#[test]
fn the_genuine_one_of_two_messages_with_one_signature_passes_and_the_forged_one_does_not() {
    let pair: serde_json::Value = serde_json::from_str(AMBIGUOUS).unwrap();
    let sign = pair["sign"].as_str().unwrap();
    let genuine = notice(&signed(&pair["genuine"], sign), SignType::Md5).unwrap();
    assert_eq!(genuine.payment.out_trade_no.as_str(), "SMSMALL1");
    assert_eq!(genuine.payment.total_fee, Fen::new(1).unwrap());

    let forged = signed(&pair["forged"], sign);
    let doc: Doc<'_> = Doc::read(forged.as_bytes()).unwrap();
    let key = ApiKey::new(KEY).unwrap();
    assert!(Unverified::new(&doc).verify(&key, SignType::Md5).is_ok(), "the signature is good");
    assert_eq!(notice(&forged, SignType::Md5), Err("mch_id is missing".into()));
}

/// A good notice with some fields set, added or (with "") removed, signed again by us.
fn notice_with(changes: &[(&str, &str)]) -> Result<PayNotice, String> {
    let (_, xml) = message("M6");
    let original: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
    let mut doc: Draft<'_, 64> = Draft::new();
    let changed = |name: &str| changes.iter().find(|(changed, _)| *changed == name);
    for field in original.fields().filter(|field| field.name != "sign") {
        let value = changed(field.name).map_or(field.value, |(_, value)| Text::new(value));
        doc.push(field.name, value).unwrap();
    }
    for (name, value) in changes.iter().filter(|(name, _)| original.get(name).is_none()) {
        doc.push(name, Text::new(value)).unwrap();
    }
    let sign = ApiKey::new(KEY).unwrap().sign(&doc, SignType::Md5);
    let mut doc: Draft<'_, 64> = doc;
    doc.push("sign", Text::new(sign.as_str())).unwrap();
    let mut xml = String::new();
    doc.write(&mut xml).unwrap();
    notice(&xml, SignType::Md5)
}

#[test]
fn after_the_signature_each_field_is_checked_against_its_own_rule() {
    assert!(notice_with(&[]).is_ok());
    for field in [
        "return_code",
        "result_code",
        "appid",
        "mch_id",
        "nonce_str",
        "trade_type",
        "transaction_id",
        "out_trade_no",
        "total_fee",
        "time_end",
    ] {
        let error = notice_with(&[(field, "")]).unwrap_err();
        assert_eq!(error, std::format!("{field} is missing"));
    }
    for (field, value, fault) in [
        ("return_code", "FAIL", "is not ours"),
        ("result_code", "success", "is not ours"),
        ("appid", "wx0000000000000000", "is not ours"),
        ("mch_id", "1900000108", "is not ours"),
        ("trade_type", "NATIVE&x=1", "has an invalid value"),
        ("total_fee", "0", "has an invalid value"),
        ("transaction_id", "42&bank_type=OTHERS", "has an invalid value"),
        ("out_trade_no", "a b c d e f", "has an invalid value"),
        ("out_trade_no", "123456789012345678901234567890123", "has an invalid value"),
        ("total_fee", "25.99", "has an invalid value"),
        ("total_fee", "-1", "has an invalid value"),
        ("total_fee", "02599", "has an invalid value"),
        ("time_end", "20261131000000", "has an invalid value"),
    ] {
        let error = notice_with(&[(field, value)]).unwrap_err();
        assert_eq!(error, std::format!("{field} {fault}"), "{value}");
    }
    let dollars = notice_with(&[("fee_type", "USD")]).unwrap().payment.currency;
    assert_eq!((dollars.as_str(), dollars.is_cny()), ("USD", false));
    assert!(notice_with(&[("fee_type", "usd")]).is_err());
    assert_eq!(notice_with(&[("fee_type", "")]).unwrap().payment.currency, Currency::CNY);
    assert!(notice_with(&[("key", "x&key=y")]).is_ok(), "unknown fields are signed, not judged");
}

#[test]
fn a_unified_order_is_answered_by_a_code_or_a_signed_refusal() {
    let placed = |number: &str| {
        let (sign_type, xml) = message(number);
        let doc: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
        UnifiedOrderAnswer::read(&doc, &merchant(sign_type), sign_type)
    };
    let code = |url: &str, prepay: &str| {
        let prepay_id = Some(PrepayId::new(prepay).unwrap());
        Ok(UnifiedOrderAnswer::Placed { code_url: url.try_into().unwrap(), prepay_id })
    };
    assert_eq!(
        placed("M3"),
        code("weixin://wxpay/bizpayurl?pr=a1B2c3Dzz", "wx231926001234567890abcdef0123450000")
    );
    let upper = "weixin://pay.weixin.qq.com/bizpayurl/up?pr=NwY5Mz9&groupid=00";
    assert_eq!(placed("M4"), code(upper, "wx231926001234567890abcdef0123460000"));
    assert_eq!(
        placed("M5"),
        Ok(UnifiedOrderAnswer::Refused(Refusal::new(ErrCode::OrderPaid, "该订单已支付")))
    );
}

#[test]
fn a_query_tells_the_state_in_its_short_and_its_long_form() {
    let number = OutTradeNo::new("SM20261123192600000001").unwrap();
    let query = |sample: &str, number: &OutTradeNo| {
        let (sign_type, xml) = message(sample);
        let doc: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
        OrderQueryAnswer::read(&doc, &merchant(sign_type), sign_type, number)
    };
    assert_eq!(query("M9", &number), Ok(OrderQueryAnswer::State(TradeState::NotPaid)));
    let Ok(OrderQueryAnswer::State(TradeState::Paid(payment))) = query("M10", &number) else {
        panic!("M10 is paid");
    };
    assert_eq!(payment.total_fee, Fen::new(1).unwrap());
    assert!(!payment.refunded);
    let other = OutTradeNo::new("SM20261123192600000002").unwrap();
    assert!(matches!(query("M9", &other), Err(AnswerError::Field(_))), "about another number");
}

#[test]
fn a_close_that_lost_the_race_says_paid() {
    let (sign_type, xml) = message("M11");
    let doc: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
    let answer = CloseOrderAnswer::read(&doc, &merchant(sign_type), sign_type).unwrap();
    assert_eq!(answer, CloseOrderAnswer::Refused(Refusal::new(ErrCode::OrderPaid, "order paid")));
    assert_eq!(ErrCode::OrderPaid.class(Call::CloseOrder), Class::Paid);
    assert_eq!(ErrCode::OrderClosed.class(Call::CloseOrder), Class::Done);
    assert_eq!(ErrCode::OrderClosed.class(Call::UnifiedOrder), Class::NewNumber);
    assert_eq!(ErrCode::from_name("NEW_IN_2027").class(Call::CloseOrder), Class::Unknown);
}

#[test]
fn an_answer_without_a_good_signature_proves_nothing() {
    let read = |xml: &str| {
        let doc: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
        CloseOrderAnswer::read(&doc, &merchant(SignType::Md5), SignType::Md5)
    };
    let refused = |why: &str| {
        let code = "<return_code>FAIL</return_code>";
        read(&std::format!("<xml>{code}<return_msg>{why}</return_msg></xml>"))
    };
    for why in ["签名错误", "签名失败", "SIGNERROR", "sign error"] {
        assert_eq!(refused(why), Err(AnswerError::SignRefused), "{why}");
    }
    for why in ["参数错误", "sign_type参数格式错误"] {
        let return_msg = why.try_into().unwrap();
        assert_eq!(refused(why), Err(AnswerError::Refused { return_msg }), "{why}");
    }
    assert!(matches!(
        read("<xml><result_code>SUCCESS</result_code></xml>"),
        Err(AnswerError::Field(_))
    ));
    let unsigned =
        "<xml><return_code>SUCCESS</return_code><result_code>SUCCESS</result_code></xml>";
    assert_eq!(read(unsigned), Err(AnswerError::Verify(VerifyError::Missing)));
}

fn unified<'a>(
    number: &'a OutTradeNo,
    body: &'a str,
    fen: u64,
    url: &'a str,
    life_s: u64,
) -> Result<UnifiedOrder<'a>, RequestError> {
    let start = UnixTime::parse_beijing("20261123192600").unwrap();
    let ip = "203.0.113.7".parse().unwrap();
    let expire = start.plus(life_s);
    UnifiedOrder::new(number, body, Fen::new(fen).unwrap(), url, ip, (start, expire))
}

#[test]
fn what_wechat_would_refuse_late_is_refused_early() {
    let number = OutTradeNo::new("SM0001").unwrap();
    const URL: &str = "https://pay.example.com/wx/v2/notify";
    assert!(unified(&number, &"咖".repeat(42), 1, URL, 60).is_ok());
    let long = std::format!("https://a/{}", "x".repeat(247));
    for (field, result) in [
        ("body", unified(&number, "", 1, URL, 60)),
        ("body", unified(&number, &"咖".repeat(43), 1, URL, 60)),
        ("body", unified(&number, "a\nb", 1, URL, 60)),
        ("total_fee", unified(&number, "a", 0, URL, 60)),
        ("total_fee", unified(&number, "a", 2_147_483_648, URL, 60)),
        ("time_expire", unified(&number, "a", 1, URL, 59)),
        ("notify_url", unified(&number, "a", 1, "https://a/b?c=d", 60)),
        ("notify_url", unified(&number, "a", 1, "pay.example.com/notify", 60)),
        ("notify_url", unified(&number, "a", 1, "https://pay.example.com", 60)),
        ("notify_url", unified(&number, "a", 1, "https:///notify", 60)),
        ("notify_url", unified(&number, "a", 1, &long, 60)),
        ("notify_url", unified(&number, "a", 1, "https://支付/notify", 60)),
        ("out_trade_no", unified(&OutTradeNo::new("R-0001@a").unwrap(), "a", 1, URL, 60)),
    ] {
        assert_eq!(result.expect_err(field).field, field);
    }
    let order = || unified(&number, "a", 1, URL, 60).unwrap();
    assert!(order().attach("深圳分店").is_ok());
    for attach in ["a&b", "a=b", "a\0", &"x".repeat(128)] {
        assert_eq!(order().attach(attach).expect_err(attach).field, "attach");
    }
}

#[test]
fn a_stored_request_is_replayed_with_a_new_nonce_and_the_same_fields() {
    let merchant = merchant(SignType::HmacSha256);
    let number = OutTradeNo::new("SM20261123192600000001").unwrap();
    let order = unified(&number, "扫码示例店-美式咖啡", 1, "https://a.example/n", 900).unwrap();
    let mut stored = String::new();
    order.draft(&merchant, SignType::HmacSha256).write(&mut stored).unwrap();
    assert!(!stored.contains("nonce_str") && !stored.contains("<sign>"));

    let send = |random: [u8; 16]| {
        let doc: Doc<'_> = Doc::read(stored.as_bytes()).unwrap();
        let doc: Draft<'_> = Draft::copy_of(&doc).unwrap();
        let mut out = String::new();
        let nonce = Nonce::from_random(random);
        seal(doc, &nonce, &merchant, SignType::HmacSha256, &mut out).unwrap();
        out
    };
    let (first, second) = (send([1; 16]), send([255; 16]));
    assert_ne!(first, second);
    for sent in [&first, &second] {
        let doc: Doc<'_> = Doc::read(sent.as_bytes()).unwrap();
        assert!(Unverified::new(&doc).verify(&merchant.key, SignType::HmacSha256).is_ok());
        assert!(doc.get("time_expire").is_some_and(|time| time == "20261123194100"));
        assert!(!sent.contains(KEY));
    }
    let sealed: Doc<'_> = Doc::read(first.as_bytes()).unwrap();
    let sealed: Draft<'_> = Draft::copy_of(&sealed).unwrap();
    let again =
        seal(sealed, &Nonce::from_random([2; 16]), &merchant, SignType::Md5, &mut String::new());
    assert!(again.is_err(), "a sealed request is not sealed twice");
}

#[test]
fn the_acknowledgement_is_exact() {
    assert_eq!(
        ACK_SUCCESS,
        "<xml><return_code><![CDATA[SUCCESS]]></return_code>\
         <return_msg><![CDATA[OK]]></return_msg></xml>"
    );
    assert_eq!(
        ACK_FAIL,
        "<xml><return_code><![CDATA[FAIL]]></return_code>\
         <return_msg><![CDATA[SIGNERROR]]></return_msg></xml>"
    );
}
