//! While the merchant changes its key: what is sent again with the other one, and what is not.

use super::host::{Host, Reply, http};
use super::{KEY, MD5, merchant, message, nonce, signed, stored_order};
use crate::api::{AnswerError, Merchant, OrderQueryAnswer, TradeState};
use crate::bill::{BillDate, BillForm, FailureKind, TradeBillKind};
use crate::ids::OutTradeNo;
use crate::native::{CallError, Gateway};
use crate::sign::{ApiKey, Unverified};
use crate::xml::Doc;
use std::string::{String, ToString as _};
use std::vec::Vec;

/// Who changes its key: `KEY` signs first, and this one counts as well.
const NEW_KEY: &str = "SaomaSampleKey000000000000000586";

const REFUSED: &str = "<xml><return_code>FAIL</return_code><return_msg>签名错误</return_msg></xml>";

fn number() -> OutTradeNo {
    OutTradeNo::new("SM20261123192600000001").unwrap()
}

fn with_both_keys(hosts: &[&str]) -> Gateway {
    let key = ApiKey::new(KEY).unwrap().or(&ApiKey::new(NEW_KEY).unwrap());
    Gateway::new(Merchant { key, ..merchant() }, hosts).unwrap()
}

/// The order of keys that a host's requests were signed with; `true` for the new one.
fn signed_by_new(host: &Host) -> Vec<bool> {
    let is_by = |body: &str, key: &str| {
        let doc: Doc<'_> = Doc::read(body.as_bytes()).unwrap();
        Unverified::new(&doc).verify(&ApiKey::new(key).unwrap(), MD5).is_ok()
    };
    let bodies = host.requests().into_iter().map(|request| request.body);
    let by_new = |body: String| {
        assert!(is_by(&body, KEY) != is_by(&body, NEW_KEY), "{body}");
        is_by(&body, NEW_KEY)
    };
    bodies.map(by_new).collect()
}

#[tokio::test]
async fn what_is_refused_unsigned_is_sent_once_more_with_the_other_key() {
    let refused = |why: &str| http(200, REFUSED.replace("签名错误", why));
    for why in ["签名错误", "whatever it says by then"] {
        let host = Host::plain(refused(why)).await;
        let gateway = with_both_keys(&[&host.url]);
        let stored = stored_order();
        let order = async || gateway.unified_order(stored.as_bytes(), MD5, &nonce()).await;
        let error = order().await.unwrap_err();
        assert_eq!(error == CallError::Answer(AnswerError::SignRefused), why.contains("签名"));
        assert_eq!(signed_by_new(&host), [false, true], "either once, and nothing is remembered");
        // But for the signature it is the same, byte for byte.
        let bodies = host.requests().into_iter().map(|request| request.body);
        let unsigned = |body: String| {
            let (before, after) = body.split_once("<sign>").unwrap();
            (before.to_string(), after[32..].to_string())
        };
        let bodies: Vec<_> = bodies.map(unsigned).collect();
        assert_eq!(bodies[0], bodies[1]);
        assert!(order().await.is_err());
        assert_eq!(signed_by_new(&host), [false, true, false, true]);
    }
    // One key has no other.
    let host = Host::plain(refused("签名错误")).await;
    let gateway = Gateway::new(merchant(), &[&host.url]).unwrap();
    let answer = gateway.order_query(&number(), MD5, &nonce()).await;
    assert_eq!(answer, Err(CallError::Answer(AnswerError::SignRefused)));
    assert_eq!(host.requests().len(), 1);
}

#[tokio::test]
async fn what_the_right_key_is_refused_for_is_what_is_told() {
    let other = REFUSED.replace("签名错误", "参数错误");
    for replies in [[REFUSED, &*other], [&*other, REFUSED]] {
        let replies = replies.map(|reply| http(200, reply));
        let host = Host::plain(Reply::EachInTurn(Vec::from(replies))).await;
        let answer = with_both_keys(&[&host.url]).order_query(&number(), MD5, &nonce()).await;
        let return_msg = "参数错误".try_into().unwrap();
        assert_eq!(answer, Err(CallError::Answer(AnswerError::Refused { return_msg })));
        assert_eq!(signed_by_new(&host), [false, true]);
    }
}

#[tokio::test]
async fn the_key_that_wechat_took_last_signs_first() {
    // It took the new key, and then has the old one again.
    let host = Host::plain(Reply::EachInTurn(Vec::from([
        http(200, REFUSED),
        http(200, message("M9")),
        http(200, message("M9")),
        http(200, REFUSED),
        http(200, message("M9")),
        http(200, message("M9")),
    ])))
    .await;
    let gateway = with_both_keys(&[&host.url]);
    // Clones share what is known.
    for _ in 0..4 {
        let answer = gateway.clone().order_query(&number(), MD5, &nonce()).await;
        assert_eq!(answer, Ok(OrderQueryAnswer::State(TradeState::NotPaid)));
    }
    assert_eq!(signed_by_new(&host), [false, true, true, true, false, false]);
}

#[tokio::test]
async fn a_signed_word_that_the_signature_is_wrong_is_no_answer_either() {
    let host =
        Host::plain(http(200, signed(&[("err_code", "SIGNERROR"), ("result_code", "FAIL")]))).await;
    let answer = with_both_keys(&[&host.url]).close_order(&number(), MD5, &nonce()).await;
    assert_eq!(answer, Err(CallError::Answer(AnswerError::SignRefused)));
    assert_eq!(signed_by_new(&host), [false, true]);
}

#[tokio::test]
async fn whoever_does_not_answer_is_not_asked_with_another_key() {
    let forged = message("M9").replace("NOTPAY", "CLOSED");
    for reply in [http(503, ""), http(200, "<html>"), http(200, forged), Reply::Bytes(Vec::new())] {
        let host = Host::plain(reply).await;
        assert!(with_both_keys(&[&host.url]).close_order(&number(), MD5, &nonce()).await.is_err());
        assert_eq!(signed_by_new(&host), [false]);
    }
}

#[tokio::test]
async fn a_bill_is_asked_for_with_the_other_key_when_its_signature_is_refused() {
    const ALL: &str = include_str!("../../../../tests/fixtures/bills/all.csv");
    let refused = |why: &str| http(200, REFUSED.replace("签名错误", why));
    let day = BillDate::parse("20261123").unwrap();
    for (first, second, by_new, kind) in [
        ("sign error", http(200, ALL), &[false, true][..], None),
        ("sign error", refused("sign error"), &[false, true], Some(FailureKind::Sign)),
        ("sign error", refused("Bill Creating"), &[false, true], Some(FailureKind::Creating)),
        ("PARAM_ERROR", refused("sign error"), &[false, true], Some(FailureKind::Request)),
        ("Bill Creating", http(200, ALL), &[false], Some(FailureKind::Creating)),
    ] {
        let host = Host::plain(Reply::EachInTurn(Vec::from([refused(first), second]))).await;
        let standby = Host::plain(http(200, ALL)).await;
        let gateway = with_both_keys(&[&host.url, &standby.url]);
        let what = (TradeBillKind::All, BillForm::Gzip);
        let result = gateway.download_bill(&day, what, MD5, &nonce(), |_| ()).await;
        let failure = result.as_ref().err().and_then(|error| error.failure());
        assert_eq!(failure.map(|failure| failure.kind), kind, "{result:?}");
        assert_eq!(signed_by_new(&host), by_new);
        assert!(standby.requests().is_empty(), "WeChat's word is an answer");
    }
}
