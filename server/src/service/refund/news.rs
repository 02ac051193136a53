//! What WeChat's answers about refunds mean (protocol §7, §8). Nothing is guessed: an outcome that
//! is not definite is asked about, and the same number is sent again only when WeChat does not know
//! it or says that it may be.

use saoma_core::api::{AnswerError, Call, Class, ErrCode, RefundState, Refusal};
use saoma_core::ids::{OutRefundNo, RefundId};
use saoma_core::money::Fen;
use saoma_core::native::{CallError, Unsent};
use saoma_core::planted;
use saoma_core::time::UnixTime;

/// How long to wait before something is tried again that only a person can set right.
const SLOW_S: u64 = 600;
/// How long WeChat wants to be left alone after it was asked for too much.
const BUSY_S: u64 = 60;

/// What came of asking for a refund, or about one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RefundNews {
    /// WeChat has taken it on.
    Accepted(RefundId),
    /// It may have been taken on or not: to be asked about.
    Unsure(String),
    /// Not now: the same again, after this many seconds at least.
    Again {
        /// Why.
        why: String,
        after_s: u64,
        /// Whether a person has to do something about it.
        trouble: bool,
    },
    /// It will never be done under this number; a person has to pay back.
    Failed(String),
    /// What WeChat knows of.
    Told {
        /// The refunds; empty when it knows none.
        refunds: Vec<ToldRefund>,
        /// The payment's amount as WeChat has it.
        total: Option<Fen>,
    },
    /// It is not its turn before then.
    Later(UnixTime),
}

/// A refund as WeChat tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ToldRefund {
    pub(crate) out_refund_no: OutRefundNo,
    pub(crate) refund_id: RefundId,
    pub(crate) part: Fen,
    pub(crate) state: RefundState,
}

impl RefundNews {
    /// The answer to a refund, after `part` was asked for.
    pub(crate) fn of_refund(
        part: Fen,
        answer: Result<Result<(RefundId, Fen), Box<Refusal>>, CallError>,
    ) -> Self {
        match answer {
            Ok(Ok((refund_id, told))) if told == part || planted!("accepted-in-any-sum") => {
                Self::Accepted(refund_id)
            }
            Ok(Ok((_, told))) => slow(format!("WeChat has accepted {told} fen instead of {part}")),
            Ok(Err(refusal)) => Self::refused(&refusal),
            Err(CallError::Unsent(Unsent::NoCertificate(_))) => slow(
                "refunds need the merchant's certificate: set certificate_file and \
                 certificate_key_file (apiclient_cert.pem, apiclient_key.pem), or certificate_file \
                 alone (apiclient_cert.p12), in the merchant's section and start again"
                    .to_owned(),
            ),
            Err(error @ (CallError::Unsent(_) | CallError::CertificateRefused)) => {
                slow(error.to_string())
            }
            Err(error @ (CallError::Untrusted | CallError::Unreachable)) => {
                Self::Again { why: error.to_string(), after_s: 0, trouble: false }
            }
            Err(CallError::Answer(AnswerError::SignRefused))
                if planted!("wrong-key-is-the-end") =>
            {
                Self::Failed("the key was wrong".to_owned())
            }
            // A wrong key is not the end of it, and WeChat's word for that is not signed: like any
            // answer that is none, it is asked about.
            Err(error) => Self::Unsure(error.to_string()),
        }
    }

    fn refused(refusal: &Refusal) -> Self {
        let why = refusal.to_string();
        match refusal.class(Call::Refund) {
            Class::RetrySame if refusal.code == ErrCode::BizErrNeedRetry => {
                Self::Again { why, after_s: BUSY_S, trouble: false }
            }
            Class::RetrySame => Self::Again { why, after_s: 0, trouble: false },
            Class::RetrySlower => Self::Again { why, after_s: BUSY_S, trouble: false },
            Class::TellPerson => match refusal.code {
                ErrCode::NotEnough if planted!("not-enough-is-the-end") => Self::Failed(why),
                // The same number is good again once the balance has been topped up.
                ErrCode::NotEnough => slow(format!("{why}: top up the merchant's balance")),
                _ if planted!("never-is-not-now") => slow(why),
                _ => Self::Failed(format!("{why}: pay it back by hand")),
            },
            Class::Stop if planted!("stop-is-the-end") => Self::Failed(why),
            Class::Stop => slow(format!("{why}{}", what_to_do(&refusal.code))),
            Class::QueryFirst if planted!("any-refusal-is-failed") => Self::Failed(why),
            Class::QueryFirst
            | Class::Paid
            | Class::Done
            | Class::NotFound
            | Class::NewNumber
            | Class::Unknown => Self::Unsure(why),
        }
    }

    /// A refused question about refunds; an unknown number is an answer.
    pub(crate) fn of_query(refusal: &Refusal) -> Self {
        let why = refusal.to_string();
        match refusal.class(Call::RefundQuery) {
            Class::NotFound => Self::Told { refunds: Vec::new(), total: None },
            Class::Stop | Class::TellPerson => slow(why),
            Class::RetrySlower => Self::Again { why, after_s: BUSY_S, trouble: false },
            Class::RetrySame
            | Class::QueryFirst
            | Class::Paid
            | Class::Done
            | Class::NewNumber
            | Class::Unknown => Self::again(why),
        }
    }

    /// A question about refunds without an answer.
    pub(crate) fn of_failed_query(error: &CallError) -> Self {
        let trouble = matches!(error, CallError::Answer(AnswerError::SignRefused));
        Self::Again { why: error.to_string(), after_s: 0, trouble }
    }

    /// Nothing is known.
    pub(crate) const fn again(why: String) -> Self {
        Self::Again { why, after_s: 0, trouble: false }
    }
}

/// What helps where trying again does not, with what goes before it.
const fn what_to_do(code: &ErrCode) -> &'static str {
    match code {
        ErrCode::NoAuth => ": the merchant may not refund: see to it in WeChat's merchant platform",
        ErrCode::CertError => {
            ": the certificate is another merchant's or has run out: get a new one in WeChat's \
             merchant platform, set it as certificate_file and start again"
        }
        ErrCode::RefundFeeMismatch => {
            ": WeChat has another amount under this number: compare both in the merchant platform"
        }
        ErrCode::OrderNotExist | ErrCode::InvalidTransactionId => {
            ": WeChat does not know the payment: compare its numbers in the merchant platform"
        }
        ErrCode::AppIdNotExist | ErrCode::MchIdNotExist | ErrCode::AppIdMchIdNotMatch => {
            ": correct mch_id or app_id in the merchant's section and start again"
        }
        _ => "",
    }
}

/// Only a person can help; it is never given up.
const fn slow(why: String) -> RefundNews {
    RefundNews::Again { why, after_s: SLOW_S, trouble: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str) -> RefundNews {
        let part = Fen::new(599).unwrap();
        RefundNews::of_refund(part, Ok(Err(Box::new(Refusal::from(ErrCode::from_name(name))))))
    }

    #[test]
    fn every_refusal_of_a_refund_has_its_answer() {
        let after = |name| match refused(name) {
            RefundNews::Again { after_s, trouble, .. } => (after_s, trouble),
            other => panic!("{name}: {other:?}"),
        };
        for (name, expected) in [
            ("SYSTEMERROR", (0, false)),
            ("ORDER_NOT_READY", (0, false)),
            ("BIZERR_NEED_RETRY", (60, false)),
            ("FREQUENCY_LIMITED", (60, false)),
            ("INVALID_REQ_TOO_MUCH", (60, false)),
            ("NOTENOUGH", (600, true)),
            ("REFUND_FEE_MISMATCH", (600, true)),
            ("ORDERNOTEXIST", (600, true)),
            ("INVALID_TRANSACTIONID", (600, true)),
            ("PARAM_ERROR", (600, true)),
            ("INVALID_REQUEST", (600, true)),
            ("NOAUTH", (600, true)),
            ("CERT_ERROR", (600, true)),
            ("APPID_NOT_EXIST", (600, true)),
        ] {
            assert_eq!(after(name), expected, "{name}");
        }
        for (name, advice) in [
            ("NOTENOUGH", "top up"),
            ("NOAUTH", "may not refund"),
            ("CERT_ERROR", "certificate_file"),
            ("REFUND_FEE_MISMATCH", "another amount"),
            ("ORDERNOTEXIST", "does not know the payment"),
            ("APPID_NOT_EXIST", "correct mch_id or app_id"),
        ] {
            let RefundNews::Again { why, .. } = refused(name) else { panic!("{name}") };
            assert!(why.starts_with(name) && why.contains(advice), "{why}");
        }
        for name in ["USER_ACCOUNT_ABNORMAL", "TRADE_OVERDUE"] {
            let RefundNews::Failed(why) = refused(name) else { panic!("{name}") };
            assert!(why.contains("by hand"), "{why}");
        }
        for name in ["ERROR", "NEW_IN_2027"] {
            assert!(matches!(refused(name), RefundNews::Unsure(_)), "{name}");
        }
    }

    #[test]
    fn an_unknown_outcome_is_asked_about_and_what_was_not_sent_is_not() {
        let part = Fen::new(599).unwrap();
        let of = |error| RefundNews::of_refund(part, Err(error));
        let wrong_key = CallError::Answer(AnswerError::SignRefused);
        let unknown = [CallError::Timeout, CallError::Broken, CallError::Status(502)];
        for error in unknown.into_iter().chain([wrong_key.clone()]) {
            assert!(matches!(of(error), RefundNews::Unsure(_)));
        }
        // A person is told when it cannot be asked about either.
        let trouble = |error| match RefundNews::of_failed_query(&error) {
            RefundNews::Again { trouble, .. } => trouble,
            other => panic!("{other:?}"),
        };
        assert!(trouble(wrong_key) && !trouble(CallError::Timeout));
        let no_certificate = Unsent::NoCertificate(Call::Refund);
        let RefundNews::Again { why, trouble, .. } = of(CallError::Unsent(no_certificate)) else {
            panic!("it was not sent")
        };
        assert!(trouble && why.contains("certificate_file"), "{why}");
        let id = RefundId::new("50300000000000000000000000001").unwrap();
        let accepted = RefundNews::of_refund(part, Ok(Ok((id.clone(), part))));
        assert_eq!(accepted, RefundNews::Accepted(id.clone()));
        let other = RefundNews::of_refund(part, Ok(Ok((id, Fen::new(1).unwrap()))));
        assert!(matches!(other, RefundNews::Again { trouble: true, .. }));
    }

    #[test]
    fn a_question_about_an_unknown_number_is_answered() {
        let of = |name| RefundNews::of_query(&Refusal::from(ErrCode::from_name(name)));
        let nothing = RefundNews::Told { refunds: vec![], total: None };
        assert_eq!(of("REFUNDNOTEXIST"), nothing);
        assert_eq!(of("ORDERNOTEXIST"), nothing);
        assert!(matches!(of("SYSTEMERROR"), RefundNews::Again { trouble: false, .. }));
        assert!(matches!(of("NOAUTH"), RefundNews::Again { trouble: true, .. }));
    }
}
