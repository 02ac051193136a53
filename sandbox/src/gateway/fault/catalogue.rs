//! Every fault there is: its name and what it does, in this one place. README, `--help`, the
//! control interface and the console take them from here.

use super::super::NoticeKind;
use super::super::refusal::Code;

/// What a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strikes {
    /// A merchant's call.
    Call,
    /// A notification, when it is made.
    Notice,
    /// A payment, when it is made.
    Payment,
    /// An order, when it has been closed.
    Close,
}

/// The parameter that a fault takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// None.
    Nothing,
    /// A number.
    Number {
        /// Of what.
        unit: &'static str,
        /// What is taken when none is given.
        default: u64,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A code of the error tables.
    Code {
        /// What is taken when none is given.
        default: Code,
    },
}

/// A line of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultEntry {
    /// Which fault.
    pub name: FaultName,
    /// Its name as it is written.
    pub word: &'static str,
    /// What it strikes.
    pub strikes: Strikes,
    /// Its parameter.
    pub takes: Takes,
    /// The `total_fee` of an order that asks for it, where magic amounts are on.
    pub magic_fen: u64,
    /// What it does.
    pub line: &'static str,
}

/// The magic amounts are this and the number of the fault.
const MAGIC_FEN: u64 = 4_040_400;

/// The most seconds that a fault waits: a day.
const S_MAX: u64 = 86_400;

const fn seconds(default: u64) -> Takes {
    Takes::Number { unit: "s", default, min: 0, max: S_MAX }
}

const fn copies(default: u64) -> Takes {
    Takes::Number { unit: "copies", default, min: 1, max: 100 }
}

macro_rules! catalogue {
    ($($number:literal $name:ident $word:literal $strikes:ident $takes:expr, $line:literal;)*) => {
        /// The name of a fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FaultName {
            $(#[doc = $line] $name,)*
        }

        /// All faults.
        pub const CATALOGUE: &[FaultEntry] = &[$(FaultEntry {
            name: FaultName::$name,
            word: $word,
            strikes: Strikes::$strikes,
            takes: $takes,
            magic_fen: MAGIC_FEN + $number,
            line: $line,
        },)*];
    };
}

catalogue! {
    1 SystemErrorBefore "system_error_before" Call Takes::Nothing,
        "SYSTEMERROR; the call had no effect";
    2 SystemErrorAfter "system_error_after" Call Takes::Nothing,
        "SYSTEMERROR, although the call had its effect";
    3 Error "error" Call Takes::Code { default: Code::FrequencyLimited },
        "refused with this code of the error tables; the call had no effect";
    4 SilentBefore "silent_before" Call Takes::Nothing,
        "no answer ever comes; the call had no effect";
    5 SilentAfter "silent_after" Call Takes::Nothing,
        "no answer ever comes, although the call had its effect";
    6 CutBefore "cut_before" Call Takes::Nothing,
        "the connection is cut without an answer; the call had no effect";
    7 CutAfter "cut_after" Call Takes::Nothing,
        "the connection is cut without an answer, although the call had its effect";
    8 Truncated "truncated" Call Takes::Number { unit: "bytes", default: 0, min: 0, max: 65_536 },
        "the answer breaks off after so many bytes (0: after half of it)";
    9 HtmlPage "html_page" Call Takes::Nothing,
        "the answer is an HTML page with status 200; the call had its effect";
    10 Garbage "garbage" Call Takes::Number { unit: "bytes", default: 256, min: 1, max: 65_536 },
        "the answer is random bytes; the call had its effect";
    11 HttpErrorBefore "http_error_before" Call HTTP_STATUS,
        "a page with this HTTP status; the call had no effect";
    12 HttpErrorAfter "http_error_after" Call HTTP_STATUS,
        "a page with this HTTP status, although the call had its effect";
    13 Slow "slow" Call Takes::Number { unit: "ms", default: 3_000, min: 1, max: 600_000 },
        "the answer takes so long, in real time";
    14 AnswerSignType "answer_sign_type" Call Takes::Nothing,
        "the answer names its sign_type";
    15 AnswerNoSignType "answer_no_sign_type" Call Takes::Nothing,
        "the answer leaves its sign_type out, as real ones do";
    16 AnswerWrongSignType "answer_wrong_sign_type" Call Takes::Nothing,
        "the answer names another sign_type than the one it is signed with";
    17 AnswerUnknownFields "answer_unknown_fields" Call Takes::Nothing,
        "the answer has fields that nobody knows, signed like the others";
    18 AnswerWrongSign "answer_wrong_sign" Call Takes::Nothing,
        "one digit of the answer's signature is wrong";
    19 AnswerUnsigned "answer_unsigned" Call Takes::Nothing,
        "the answer has no signature";
    20 AnswerLowerCaseSign "answer_lower_case_sign" Call Takes::Nothing,
        "the answer's signature is in lower case";
    21 AnswerOfAnother "answer_of_another" Call Takes::Nothing,
        "the answer names another merchant, rightly signed";
    22 NoticeLost "notice_lost" Notice Takes::Nothing,
        "nobody is ever notified, unless by hand";
    23 NoticeFirstLost "notice_first_lost" Notice
        Takes::Number { unit: "sendings", default: 1, min: 1, max: 16 },
        "the first so many sendings of the schedule get lost";
    24 NoticeLate "notice_late" Notice seconds(60),
        "the first sending comes so much later";
    25 NoticeRepeated "notice_repeated" Notice copies(3),
        "so many copies follow the first sending, one after the other, whatever is answered";
    26 NoticeTogether "notice_together" Notice copies(5),
        "so many copies arrive at the same instant as the first sending";
    27 NoticeReordered "notice_reordered" Notice Takes::Nothing,
        "it waits until a later notification of the merchant was answered";
    28 NoticeForged "notice_forged" Notice Takes::Nothing,
        "before it comes a forgery, in the right form but made with another key";
    29 NoticeAltered "notice_altered" Notice Takes::Nothing,
        "before it comes a copy with another amount (a refund: other bytes), not signed anew";
    30 NoticeOfAnother "notice_of_another" Notice Takes::Nothing,
        "before it come the bytes of an earlier notification of the merchant";
    31 NoticeReplayed "notice_replayed" Notice seconds(60),
        "its bytes come once more so much later, whatever was answered";
    32 NoticeWrongSign "notice_wrong_sign" Notice Takes::Nothing,
        "the first sending is wrongly signed, its repetition rightly";
    33 NoticeUnsigned "notice_unsigned" Notice Takes::Nothing,
        "the first sending has no signature, its repetition has one";
    34 NoticeLowerCaseSign "notice_lower_case_sign" Notice Takes::Nothing,
        "its signature is in lower case";
    35 NoticeSignType "notice_sign_type" Notice Takes::Nothing,
        "it names its sign_type";
    36 NoticeNoSignType "notice_no_sign_type" Notice Takes::Nothing,
        "it leaves its sign_type out, as real ones do";
    37 NoticeWrongSignType "notice_wrong_sign_type" Notice Takes::Nothing,
        "it names another sign_type than the one it is signed with";
    38 NoticeUnknownFields "notice_unknown_fields" Notice Takes::Nothing,
        "it has fields that nobody knows, signed like the others";
    39 NoticeCut "notice_cut" Notice Takes::Nothing,
        "the connection of the first sending is cut in the middle of its body";
    40 PaidOtherAmount "paid_other_amount" Payment
        Takes::Number { unit: "fen", default: 0, min: 0, max: 2_147_483_647 },
        "so much is paid instead of the order's amount (0: one fen less, of one fen one more)";
    41 PaidOtherCurrency "paid_other_currency" Payment Takes::Nothing,
        "the payment's fee_type is USD";
    42 PaidTwice "paid_twice" Payment Takes::Nothing,
        "the order is paid by a second transaction as well";
    43 PaidAfterClose "paid_after_close" Close seconds(1),
        "so long after it was closed the order is paid all the same";
    44 QueryLags "query_lags" Payment seconds(10),
        "the order query says NOTPAY for so long after the payment";
    45 QueryClosed "query_closed" Call Takes::Nothing,
        "an order query says CLOSED, whatever else it tells";
    46 QueryRevoked "query_revoked" Call Takes::Nothing,
        "an order query says REVOKED, as of bar-code pay";
    47 QueryUserPaying "query_user_paying" Call Takes::Nothing,
        "an order query says USERPAYING";
    48 QueryPayError "query_pay_error" Call Takes::Nothing,
        "an order query says PAYERROR";
    49 QueryAccept "query_accept" Call Takes::Nothing,
        "an order query says ACCEPT, as of automatic debits";
}

const HTTP_STATUS: Takes = Takes::Number { unit: "status", default: 502, min: 500, max: 599 };

impl FaultName {
    /// Its line of the catalogue.
    pub fn entry(self) -> &'static FaultEntry {
        // The table has a line for each name, in the order of the names.
        &CATALOGUE[self as usize]
    }

    /// Its name as it is written.
    pub fn as_str(self) -> &'static str {
        self.entry().word
    }

    /// The fault of this name.
    pub fn of(word: &str) -> Option<Self> {
        CATALOGUE.iter().find(|entry| entry.word == word).map(|entry| entry.name)
    }

    /// The state that an order query tells instead of the true one, and its text.
    pub(super) const fn told_state(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::QueryClosed => Some(("CLOSED", "订单已关闭")),
            Self::QueryRevoked => Some(("REVOKED", "已撤销")),
            Self::QueryUserPaying => Some(("USERPAYING", "用户支付中")),
            Self::QueryPayError => Some(("PAYERROR", "支付失败")),
            Self::QueryAccept => Some(("ACCEPT", "已接收，等待扣款")),
            _ => None,
        }
    }

    /// Whether it happens by chance. A wrong state of an order never does: it would not be a fault
    /// on the way, but a lie, and whoever believes it is right to.
    pub(super) const fn comes_by_chance(self) -> bool {
        self.told_state().is_none()
    }

    /// Whether it can strike a notification of this kind. That of a refund has no signature.
    pub(super) const fn fits(self, notice: Option<NoticeKind>) -> bool {
        let is_of_signature = matches!(
            self,
            Self::NoticeWrongSign
                | Self::NoticeUnsigned
                | Self::NoticeLowerCaseSign
                | Self::NoticeSignType
                | Self::NoticeNoSignType
                | Self::NoticeWrongSignType
        );
        !(is_of_signature && matches!(notice, Some(NoticeKind::Refund)))
    }

    /// The fault that an order of this amount asks for.
    pub(super) fn of_magic(total_fen: u64) -> Option<Self> {
        CATALOGUE.iter().find(|entry| entry.magic_fen == total_fen).map(|entry| entry.name)
    }
}

impl Takes {
    /// The parameter in words: its unit or kind, and what is taken when none is given.
    pub fn describe(self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Number { unit, default, .. } => Some(format!("{unit}, {default}")),
            Self::Code { default } => Some(format!("code, {}", default.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_name_finds_its_line_and_no_word_or_amount_comes_twice() {
        let mut words = BTreeSet::new();
        let mut amounts = BTreeSet::new();
        for (at, entry) in CATALOGUE.iter().enumerate() {
            assert_eq!(entry.name.entry(), entry);
            assert_eq!(FaultName::of(entry.word), Some(entry.name));
            assert_eq!(FaultName::of_magic(entry.magic_fen), Some(entry.name));
            assert_eq!(entry.magic_fen, MAGIC_FEN + at as u64 + 1);
            assert!(words.insert(entry.word) && amounts.insert(entry.magic_fen));
        }
        assert_eq!(FaultName::of_magic(1800), None);
    }

    #[test]
    fn the_readme_has_every_line_of_the_catalogue() {
        let readme = include_str!("../../../README.md");
        for entry in CATALOGUE {
            let parameter = entry.takes.describe().unwrap_or_default();
            let line = format!(
                "| `{}` | {parameter} | {} | {} |",
                entry.word, entry.line, entry.magic_fen
            );
            assert!(readme.contains(&line), "the README lacks\n{line}");
        }
    }
}
