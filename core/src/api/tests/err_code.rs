//! Every error code of protocol §4 to §8, §11 and §12, with its class for the call.

use crate::api::{Call, Class, ErrCode};

fn assert_classes(call: Call, rows: &[(Class, &[&str])]) {
    for (class, names) in rows {
        for name in *names {
            let code = ErrCode::from_name(name);
            assert!(!matches!(code, ErrCode::Other(_)), "{name} has no variant");
            assert_eq!(code.as_str(), *name);
            assert_eq!(code.class(call), *class, "{name} after {}", call.path());
        }
    }
}

const COMMON_BUGS: &[&str] = &[
    "APPID_NOT_EXIST",
    "MCHID_NOT_EXIST",
    "APPID_MCHID_NOT_MATCH",
    "LACK_PARAMS",
    "PARAM_ERROR",
    "SIGNERROR",
    "XML_FORMAT_ERROR",
    "REQUIRE_POST_METHOD",
    "POST_DATA_EMPTY",
    "NOT_UTF8",
    "NOAUTH",
];

#[test]
fn after_a_unified_order() {
    assert_classes(
        Call::UnifiedOrder,
        &[
            (Class::RetrySame, &["SYSTEMERROR"]),
            (Class::RetrySlower, &["FREQUENCY_LIMITED"]),
            (Class::Paid, &["ORDERPAID"]),
            (Class::NewNumber, &["ORDERCLOSED"]),
            (Class::QueryFirst, &["OUT_TRADE_NO_USED", "INVALID_REQUEST"]),
            (Class::TellPerson, &["NOTENOUGH"]),
            (Class::Stop, COMMON_BUGS),
        ],
    );
}

#[test]
fn after_a_query_and_a_close() {
    assert_classes(
        Call::OrderQuery,
        &[
            (Class::RetrySame, &["SYSTEMERROR"]),
            (Class::NotFound, &["ORDERNOTEXIST"]),
            (Class::Stop, &["INVALID_REQUEST"]),
            (Class::Stop, COMMON_BUGS),
        ],
    );
    assert_classes(
        Call::CloseOrder,
        &[
            (Class::RetrySame, &["SYSTEMERROR", "INVALID_REQUEST"]),
            (Class::Paid, &["ORDERPAID"]),
            (Class::Done, &["ORDERCLOSED"]),
            (Class::NotFound, &["ORDERNOTEXIST"]),
            (Class::Stop, COMMON_BUGS),
        ],
    );
}

#[test]
fn after_a_refund() {
    assert_classes(
        Call::Refund,
        &[
            (Class::RetrySame, &["SYSTEMERROR", "BIZERR_NEED_RETRY", "ORDER_NOT_READY"]),
            (Class::RetrySlower, &["FREQUENCY_LIMITED", "INVALID_REQ_TOO_MUCH"]),
            (Class::TellPerson, &["NOTENOUGH", "USER_ACCOUNT_ABNORMAL", "TRADE_OVERDUE"]),
            (Class::QueryFirst, &["ERROR"]),
            (
                Class::Stop,
                &[
                    "REFUND_FEE_MISMATCH",
                    "ORDERNOTEXIST",
                    "INVALID_TRANSACTIONID",
                    "INVALID_REQUEST",
                    "CERT_ERROR",
                ],
            ),
            (Class::Stop, COMMON_BUGS),
        ],
    );
}

#[test]
fn after_a_refund_query_and_a_short_link() {
    assert_classes(
        Call::RefundQuery,
        &[
            (Class::RetrySame, &["SYSTEMERROR"]),
            (Class::NotFound, &["REFUNDNOTEXIST", "ORDERNOTEXIST"]),
            (Class::Stop, &["INVALID_TRANSACTIONID", "INVALID_REQUEST"]),
            (Class::Stop, COMMON_BUGS),
        ],
    );
    assert_classes(
        Call::ShortUrl,
        &[(Class::RetrySame, &["SYSTEMERROR"]), (Class::Stop, COMMON_BUGS)],
    );
}

#[test]
fn a_code_that_nobody_knows_is_an_unknown_outcome_and_kept() {
    for call in Call::ALL {
        assert_eq!(ErrCode::from_name("NEW_IN_2027").class(call), Class::Unknown);
        assert_eq!(ErrCode::from_name("").class(call), Class::Unknown);
        assert_eq!(ErrCode::from_name("systemerror").class(call), Class::Unknown);
    }
    let long = ErrCode::from_name(&"咖".repeat(20));
    assert_eq!(long.as_str(), "咖".repeat(10), "whole characters, at most 32 bytes");
}

#[test]
fn every_call_has_its_path_and_two_want_a_certificate() {
    let mut paths = Call::ALL.map(Call::path);
    paths.sort_unstable();
    assert!(paths.windows(2).all(|pair| pair[0] != pair[1]));
    let certified = Call::ALL.into_iter().filter(|call| call.needs_certificate());
    assert!(certified.eq([Call::Refund, Call::FundBill]));
}
