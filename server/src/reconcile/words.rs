//! What is said about differences, in words for programs, for accountants in Chinese, and in
//! English.

use saoma_core::reconcile::DifferenceKind;

/// A name with what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// For programs, `snake_case`.
    pub(crate) name: &'static str,
    pub(crate) chinese: &'static str,
    pub(crate) english: &'static str,
}

/// Where a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// WeChat is being asked, or a person has to look.
    Open,
    /// The money is in its order now, as if it had been notified.
    Settled,
    /// The money goes back.
    Refunded,
    /// Nothing is wrong, or nothing of ours.
    Explained,
}

impl State {
    const ALL: [Self; 4] = [Self::Open, Self::Settled, Self::Refunded, Self::Explained];

    pub(crate) const fn words(self) -> Words {
        let (name, chinese, english) = match self {
            Self::Open => ("open", "待处理", "open"),
            Self::Settled => ("settled", "已入账", "settled"),
            Self::Refunded => ("refunded", "已退款", "refunded"),
            Self::Explained => ("explained", "已说明", "explained"),
        };
        Words { name, chinese, english }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.words().name == name)
    }
}

/// Why a difference is where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Open: WeChat is being asked.
    Asking,
    /// Settled: the payment was taken, and the shop is told to ship.
    Shipped,
    /// Settled: it was recorded between the comparison and WeChat's answer.
    KnownMeanwhile,
    /// Settled: it agreed when the day was compared again.
    AgreesNow,
    /// Settled: the refund's end was taken from WeChat's answer.
    RefundEnded,
    /// Refunded: the payment may not ship, so it goes back.
    GoesBack,
    /// Open: the payment may not ship, or nobody knows its number, and it is held for a person.
    Held,
    /// Explained: it was given back by hand, in WeChat's console.
    ByHand,
    /// Explained: the bill of another day has it.
    OtherDay,
    /// Explained: the number is not of our form, so another program of the merchant took it.
    NotOurs,
    /// Explained: the payment was taken back at once, as the bill says.
    NotKept,
    /// Open: WeChat says what we say, and its bill does not.
    BillDiffers,
    /// Open: WeChat says what its bill says, and we do not.
    RecordDiffers,
    /// Open: WeChat knows of no such money, although its bill or our record has it.
    Denied,
    /// Open: the transaction or the number belongs to something else.
    Conflict,
    /// Open: no merchant and app of the configuration may ask about it.
    NobodyToAsk,
    /// Open: the sums do not come out even.
    Uneven,
}

impl Why {
    const ALL: [Self; 17] = [
        Self::Asking,
        Self::Shipped,
        Self::KnownMeanwhile,
        Self::AgreesNow,
        Self::RefundEnded,
        Self::GoesBack,
        Self::Held,
        Self::ByHand,
        Self::OtherDay,
        Self::NotOurs,
        Self::NotKept,
        Self::BillDiffers,
        Self::RecordDiffers,
        Self::Denied,
        Self::Conflict,
        Self::NobodyToAsk,
        Self::Uneven,
    ];

    pub(crate) const fn words(self) -> Words {
        let (name, chinese, english) = match self {
            Self::Asking => ("asking", "正在向微信查询", "WeChat is being asked"),
            Self::Shipped => {
                ("shipped", "已补记并通知发货", "taken as a payment; the shop is told to ship")
            }
            Self::KnownMeanwhile => {
                ("known_meanwhile", "查询前已入账", "recorded before WeChat answered")
            }
            Self::AgreesNow => {
                ("agrees_now", "重新核对后一致", "agreed when the day was compared again")
            }
            Self::RefundEnded => (
                "refund_ended",
                "已补记退款结果",
                "the refund's end was taken from WeChat's answer",
            ),
            Self::GoesBack => {
                ("goes_back", "不可发货，款项原路退回", "may not ship, so the money goes back")
            }
            Self::Held => ("held", "不可发货或单号未知，待人工处理", "held for a person to decide"),
            Self::ByHand => {
                ("by_hand", "商户平台人工退款", "given back by hand in WeChat's console")
            }
            Self::OtherDay => {
                ("other_day", "跨零点，见相邻日账单", "around midnight: another day's bill has it")
            }
            Self::NotOurs => (
                "not_ours",
                "非本系统单号，由商户其他程序收款",
                "not a number of ours: another program of the merchant",
            ),
            Self::NotKept => ("not_kept", "已撤销", "taken back at once"),
            Self::BillDiffers => (
                "bill_differs",
                "微信查询结果与本系统一致，与账单不符",
                "WeChat's answer agrees with us and not with its bill",
            ),
            Self::RecordDiffers => (
                "record_differs",
                "微信查询结果与账单一致，与本系统不符",
                "WeChat's answer agrees with its bill and not with us",
            ),
            Self::Denied => ("denied", "微信查无此款", "WeChat says that there is no such money"),
            Self::Conflict => {
                ("conflict", "单号冲突", "the number or the transaction belongs to something else")
            }
            Self::NobodyToAsk => (
                "nobody_to_ask",
                "该应用未配置，无法查询",
                "its app is not configured, so WeChat cannot be asked",
            ),
            Self::Uneven => (
                "uneven",
                "合计不平，请核对重复明细",
                "the sums do not come out even: look for a line that came twice",
            ),
        };
        Words { name, chinese, english }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.words().name == name)
    }
}

/// What a kind of difference is called.
pub(crate) const fn kind(kind: DifferenceKind) -> Words {
    let (chinese, english) = match kind {
        DifferenceKind::MissingHere => ("账单有，本系统无", "payment missing here"),
        DifferenceKind::MissingThere => ("本系统有，账单无", "payment missing in the bill"),
        DifferenceKind::Amount => ("金额不符", "amount differs"),
        DifferenceKind::State => ("状态不符", "state differs"),
        DifferenceKind::OtherDay => ("跨日", "counted on another day"),
        DifferenceKind::RefundMissingHere => ("退款：账单有，本系统无", "refund missing here"),
        DifferenceKind::RefundMissingThere => {
            ("退款：本系统有，账单无", "refund missing in the bill")
        }
        DifferenceKind::RefundAmount => ("退款金额不符", "refund's amount differs"),
        DifferenceKind::RefundState => ("退款状态不符", "refund's state differs"),
        DifferenceKind::RefundOtherDay => ("退款跨日", "refund counted on another day"),
        DifferenceKind::Totals => ("合计不符", "totals differ"),
    };
    Words { name: kind.as_str(), chinese, english }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for state in State::ALL {
            assert_eq!(State::from_name(state.words().name), Some(state));
        }
        for why in Why::ALL {
            assert_eq!(Why::from_name(why.words().name), Some(why));
        }
        assert_eq!((State::from_name(""), Why::from_name("because")), (None, None));
    }
}
