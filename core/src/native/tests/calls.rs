//! What is sent, what is believed of the answers, and what comes of hosts that fail.

use super::host::{Authority, Host, Reply, http, http_bytes, nobody};
use super::{KEY, MD5, merchant, message, nonce, signed, stored_order, stored_refund};
use crate::api::{
    AnswerError, Class, CloseOrderAnswer, ErrCode, FieldError, FieldFault, OrderQueryAnswer,
    PaymentNo, RefundAnswer, RefundNo, RefundQuery, RefundQueryAnswer, RefundState, Refusal,
    ShortUrlAnswer, TradeState, UnifiedOrderAnswer,
};
use crate::ids::{OutRefundNo, OutTradeNo};
use crate::native::{CallError, ClientCertificate, Gateway, Settings, Unsent};
use crate::sign::{ApiKey, SignType, Unverified};
use crate::xml::{DOC_LEN_MAX, Doc};
use core::time::Duration;
use std::string::ToString;
use std::vec::Vec;

fn number() -> OutTradeNo {
    OutTradeNo::new("SM20261123192600000001").unwrap()
}

fn gateway(hosts: &[&str]) -> Gateway {
    Gateway::new(merchant(), hosts).unwrap()
}

/// Limits so short that a test can wait for them.
fn hasty() -> Settings {
    let call_timeout = Duration::from_millis(200);
    Settings { call_timeout, bill_timeout: call_timeout, ..Settings::default() }
}

async fn query(hosts: &[&str]) -> Result<OrderQueryAnswer, CallError> {
    gateway(hosts).order_query(&number(), MD5, &nonce()).await
}

fn not_paid() -> Result<OrderQueryAnswer, CallError> {
    Ok(OrderQueryAnswer::State(TradeState::NotPaid))
}

#[tokio::test]
async fn each_call_goes_to_its_path_signed_with_its_nonce() {
    let host = Host::plain(http(200, message("M9"))).await;
    let gateway = gateway(&[&host.url]);
    // Only the query is answered with its own answer; the others are sent all the same.
    assert_eq!(gateway.order_query(&number(), MD5, &nonce()).await, not_paid());
    assert_eq!(gateway.close_order(&number(), MD5, &nonce()).await, Ok(CloseOrderAnswer::Closed));
    assert!(gateway.unified_order(stored_order().as_bytes(), MD5, &nonce()).await.is_err());
    let number = number();
    let payment = RefundQuery::new(RefundNo::Payment(PaymentNo::OutTrade(&number)));
    let second = payment.offset(10).unwrap();
    assert!(gateway.refund_query(&second, MD5, &nonce(), |_| ()).await.is_err());
    assert!(gateway.short_url("weixin://wxpay/a?b=c&d=e", MD5, &nonce()).await.is_err());

    let requests = host.requests();
    let paths: Vec<_> = requests.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/pay/orderquery",
            "/pay/closeorder",
            "/pay/unifiedorder",
            "/pay/refundquery",
            "/tools/shorturl"
        ]
    );
    for request in &requests {
        let doc: Doc<'_> = Doc::read(request.body.as_bytes()).unwrap();
        let key = ApiKey::new(KEY).unwrap();
        assert!(Unverified::new(&doc).verify(&key, SignType::Md5).is_ok(), "{request:?}");
        assert!(doc.get("nonce_str").is_some_and(|text| text == nonce().as_str()));
    }
    assert!(requests[3].body.contains("<offset>10</offset>"));
}

#[tokio::test]
async fn refunds_are_told_one_by_one() {
    let host = Host::plain(http(200, message("M14"))).await;
    let gateway = gateway(&[&host.url]);
    let first = OutRefundNo::new("R-SM20261123-0001@a").unwrap();
    let query = RefundQuery::new(RefundNo::OutRefund(&first));
    let look = |answer: RefundQueryAnswer<'_, '_, _>| match answer {
        RefundQueryAnswer::Found(refunds) => {
            refunds.iter().map(|refund| refund.state).collect::<Vec<_>>()
        }
        RefundQueryAnswer::Refused(refusal) => panic!("{refusal}"),
    };
    let states = gateway.refund_query(&query, MD5, &nonce(), look).await;
    assert_eq!(states.unwrap(), [RefundState::Success, RefundState::Processing]);
    let other = OutRefundNo::new("R-SM20261123-0009").unwrap();
    let query = RefundQuery::new(RefundNo::OutRefund(&other));
    let error = gateway.refund_query(&query, MD5, &nonce(), |_| ()).await.unwrap_err();
    assert!(matches!(error, CallError::Answer(AnswerError::Field(_))), "{error}");
}

#[tokio::test]
async fn a_refusal_keeps_its_words() {
    let words = "余额不足".repeat(20);
    let fields =
        [("err_code", "NOTENOUGH"), ("err_code_des", words.as_str()), ("result_code", "FAIL")];
    let host = Host::plain(http(200, signed(&fields))).await;
    let refusal = Refusal::new(ErrCode::NotEnough, &words);
    assert_eq!(refusal.description.chars().count(), 42, "whole characters");
    assert_eq!(query(&[&host.url]).await, Ok(OrderQueryAnswer::Refused(refusal)));
}

#[tokio::test]
async fn a_short_link_is_asked_for_only_with_a_link_that_wechat_would_take() {
    let answer = signed(&[("result_code", "SUCCESS"), ("short_url", "weixin://wxpay/s/XXXXXX")]);
    let host = Host::plain(http(200, answer)).await;
    let gateway = gateway(&[&host.url]);
    let short_url = "weixin://wxpay/s/XXXXXX".try_into().unwrap();
    let answer = gateway.short_url("weixin://wxpay/bizpayurl?a=1&b=2", MD5, &nonce()).await;
    assert_eq!(answer, Ok(ShortUrlAnswer::Short { short_url }));
    let error = gateway.short_url("https://example.com", MD5, &nonce()).await.unwrap_err();
    assert!(matches!(error, CallError::Unsent(Unsent::Value(_))), "{error}");
    assert_eq!(host.requests().len(), 1);
}

#[tokio::test]
async fn a_stored_request_that_is_none_is_not_sent() {
    let host = Host::plain(http(200, message("M13"))).await;
    let (certificate, key) = Authority::new().issue("1900000109");
    let certificate = ClientCertificate::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    let settings = Settings { certificate: Some(certificate), ..Settings::default() };
    let gateway = Gateway::with(merchant(), &[&host.url], settings).unwrap();
    let refund = async |request: &str| {
        let look = |answer: RefundAnswer<'_, '_, _>| matches!(answer, RefundAnswer::Accepted(_));
        gateway.refund(request.as_bytes(), MD5, &nonce(), look).await
    };
    let good = stored_refund();
    let nobodys =
        |fault| CallError::Unsent(Unsent::Field(FieldError { field: "out_refund_no", fault }));
    let renamed = good.replace("out_refund_no", "out_refund_on");
    assert_eq!(refund(&renamed).await, Err(nobodys(FieldFault::Missing)));
    let invalid = good.replace("R-SM", "R SM");
    assert_eq!(refund(&invalid).await, Err(nobodys(FieldFault::Invalid)));
    let sealed = good.replace("<xml>", "<xml><nonce_str>x</nonce_str>");
    assert!(matches!(refund(&sealed).await, Err(CallError::Unsent(Unsent::Seal(_)))));
    assert!(matches!(refund(&good[..80]).await, Err(CallError::Unsent(Unsent::Stored(_)))));
    assert!(host.requests().is_empty());
    assert_eq!(refund(&good).await, Ok(true));
    let other = good.replace("0001@a", "0002@a");
    assert!(matches!(refund(&other).await, Err(CallError::Answer(AnswerError::Field(_)))));
}

#[tokio::test]
async fn the_standby_host_is_asked_when_the_first_fails_in_any_way() {
    type Check = fn(&CallError) -> bool;

    let good = http_bytes(200, message("M9").as_bytes());
    let forged = message("M9").replace("NOTPAY", "CLOSED");
    let long = std::format!("<xml><a>{}</a></xml>", "x".repeat(DOC_LEN_MAX));
    let refused = "<xml><return_code>FAIL</return_code><return_msg>no</return_msg></xml>";
    let failures: [(Reply, Check); 9] = [
        (http(200, "<html>502</html>"), |e| matches!(e, CallError::Answer(AnswerError::Read(_)))),
        (http(200, ""), |e| matches!(e, CallError::Answer(AnswerError::Read(_)))),
        (http(200, forged), |e| matches!(e, CallError::Answer(AnswerError::Verify(_)))),
        (http(200, refused), |e| matches!(e, CallError::Answer(AnswerError::Refused { .. }))),
        (http(200, long), |e| *e == CallError::TooLong),
        (http(503, message("M9")), |e| *e == CallError::Status(503)),
        (http(302, message("M9")), |e| *e == CallError::Status(302)),
        (Reply::Bytes(good[..good.len() - 9].to_vec()), |e| *e == CallError::Broken),
        (Reply::Bytes(b"garbage\r\n\r\n".to_vec()), |e| *e == CallError::Broken),
    ];
    let standby = Host::plain(http(200, message("M9"))).await;
    for (at, (reply, is_expected)) in failures.into_iter().enumerate() {
        let first = Host::plain(reply).await;
        let error = query(&[&first.url]).await.unwrap_err();
        assert!(is_expected(&error), "{at}: {error:?}");
        assert_eq!(query(&[&first.url, &standby.url]).await, not_paid(), "{at}");
        assert_eq!((first.requests().len(), standby.requests().len()), (2, at + 1));
    }
    let nobody = nobody().await;
    assert_eq!(query(&[&nobody]).await, Err(CallError::Unreachable));
    assert_eq!(query(&[&nobody, &standby.url]).await, not_paid());
}

#[tokio::test]
async fn a_host_that_falls_silent_is_not_waited_for() {
    let good = http_bytes(200, message("M9").as_bytes());
    for reply in [Reply::Stall(Vec::new()), Reply::Stall(good[..good.len() - 9].to_vec())] {
        let host = Host::plain(reply).await;
        let gateway = Gateway::with(merchant(), &[&host.url], hasty()).unwrap();
        let answer = gateway.order_query(&number(), MD5, &nonce()).await;
        assert_eq!(answer, Err(CallError::Timeout));
    }
}

#[tokio::test]
async fn no_error_of_a_call_repeats_address_body_or_key() {
    let host = Host::plain(http(500, KEY)).await;
    let nobody = nobody().await;
    let garbage = Host::plain(http(200, std::format!("<xml>{KEY}"))).await;
    for url in [&host.url, &nobody, &garbage.url] {
        let error = query(&[url]).await.unwrap_err();
        let text = std::format!("{error:?} {error}");
        assert!(!text.contains(KEY) && !text.contains("127.0.0.1"), "{text}");
    }
}

#[tokio::test]
async fn an_order_is_placed_or_refused_by_a_code_with_a_class() {
    let host = Host::plain(http(200, message("M5"))).await;
    let answer =
        gateway(&[&host.url]).unified_order(stored_order().as_bytes(), MD5, &nonce()).await;
    let Ok(UnifiedOrderAnswer::Refused(refusal)) = answer else { panic!("{answer:?}") };
    assert_eq!(refusal.class(crate::api::Call::UnifiedOrder), Class::Paid);
    assert_eq!(refusal.to_string(), "ORDERPAID (该订单已支付)");
}

#[tokio::test]
async fn the_first_host_that_says_a_time_is_believed_and_nobody_else_is_asked() {
    let dated = |date: &str| {
        let head = ["HTTP/1.1 404 -\r\ndate: ", date, "\r\n\r\n"].concat();
        Reply::Bytes(head.into_bytes())
    };
    let said = Host::plain(dated("Mon, 23 Nov 2026 11:26:00 GMT")).await;
    let silent = Host::plain(http(200, "")).await;
    let wrong = Host::plain(dated("yesterday")).await;
    let down = nobody().await;
    let hosts = [down.as_str(), &silent.url, &wrong.url, &said.url, &down];
    let date = gateway(&hosts).date().await.unwrap().unwrap();
    assert_eq!(date.beijing().as_str(), "20261123192600");
    assert_eq!(gateway(&[&silent.url, &wrong.url, &down]).date().await, Ok(None));
    assert_eq!(gateway(&[&down]).date().await, Err(CallError::Unreachable));
}
