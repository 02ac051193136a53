//! One line against one record: the first difference that there is, by its name.

use super::entry::{BillEntry, BillRefundState, PaymentState, What};
use crate::bill::BillDate;
use crate::ids::{OutRefundNo, OutTradeNo, TransactionId};
use crate::money::Fen;
use crate::time::UnixTime;

/// What is recorded here: a payment or a refund; an example is at [`Difference`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Here {
    /// Money that came.
    Payment(PaymentHere),
    /// Money that goes back.
    Refund(RefundHere),
}

/// A payment as it is recorded; an example is at [`Difference`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentHere {
    /// The attempt it was paid for.
    pub out_trade_no: OutTradeNo,
    /// WeChat's number.
    pub transaction_id: TransactionId,
    /// What was paid, as WeChat told it: not what the order asked for.
    pub total_fee: Fen,
    /// When it was paid, as WeChat told it.
    pub paid_at: UnixTime,
}

/// A refund as it is recorded.
///
/// ```
/// use saoma_core::bill::BillDate;
/// use saoma_core::ids::{OutRefundNo, TransactionId};
/// use saoma_core::money::Fen;
/// use saoma_core::reconcile::{
///     Difference, DifferenceKind, Here, Question, RefundHere, RefundProgress,
/// };
/// use saoma_core::time::UnixTime;
///
/// let day = BillDate::parse("20261123")?;
/// let here = Here::Refund(RefundHere {
///     out_refund_no: OutRefundNo::new("20261123192600K7Q2M9XB-R1")?,
///     transaction_id: TransactionId::new("4200009999202611230000000001")?,
///     refund_fee: Fen::parse("599")?,
///     progress: RefundProgress::Accepted,
///     accepted_at: UnixTime::parse_beijing("20261123200000")?,
/// });
/// // It was accepted on that day, and the bill does not have it.
/// assert!(here.is_expected(&day));
/// let difference = Difference::missing_there(&here);
/// assert_eq!(difference.kind, DifferenceKind::RefundMissingThere);
/// assert_eq!(difference.question(), Question::Refund);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundHere {
    /// Our number.
    pub out_refund_no: OutRefundNo,
    /// The payment that it goes back from.
    pub transaction_id: TransactionId,
    /// What goes back.
    pub refund_fee: Fen,
    /// How far it is.
    pub progress: RefundProgress,
    /// When we heard that WeChat had accepted it; before that, when it was asked for.
    pub accepted_at: UnixTime,
}

/// How far a refund is; an example is at [`RefundHere`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundProgress {
    /// Asked for; nobody has told us yet that it was accepted.
    Asked,
    /// Definitely refused: no money moved.
    Refused,
    /// Accepted by WeChat and under way.
    Accepted,
    /// The money is back.
    Done,
    /// Accepted, and then it came to nothing.
    Failed,
}

impl Here {
    /// The amount in fen: of the payment, or of the refund.
    #[must_use]
    pub const fn amount(&self) -> Fen {
        match self {
            Self::Payment(payment) => payment.total_fee,
            Self::Refund(refund) => refund.refund_fee,
        }
    }

    /// When it was paid, or accepted.
    #[must_use]
    pub const fn time(&self) -> UnixTime {
        match self {
            Self::Payment(payment) => payment.paid_at,
            Self::Refund(refund) => refund.accepted_at,
        }
    }

    /// Whether the bill of this day should have it. A refund that WeChat has not accepted stands in
    /// no bill.
    #[must_use]
    pub fn is_expected(&self, date: &BillDate) -> bool {
        let accepted = match self {
            Self::Payment(_) => true,
            Self::Refund(refund) => match refund.progress {
                RefundProgress::Asked | RefundProgress::Refused => false,
                RefundProgress::Accepted | RefundProgress::Done | RefundProgress::Failed => true,
            },
        };
        accepted && date.contains(self.time())
    }
}

/// How the bill and the record differ, in the words of `docs/protocol.md` §11.1.
///
/// An example is at [`Difference`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DifferenceKind {
    /// A payment in the bill that is not recorded here.
    MissingHere,
    /// A payment recorded here that is not in the bill.
    MissingThere,
    /// A payment of another amount.
    Amount,
    /// A payment for another number, or one that was not kept.
    State,
    /// A payment that the two count on different days.
    OtherDay,
    /// A refund in the bill that is not recorded here.
    RefundMissingHere,
    /// A refund recorded here that is not in the bill.
    RefundMissingThere,
    /// A refund of another amount.
    RefundAmount,
    /// A refund of another payment, or one that is further than is known here.
    RefundState,
    /// A refund that the two count on different days.
    RefundOtherDay,
    /// The sums do not come out even, although no line says why.
    Totals,
}

impl DifferenceKind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::MissingHere,
        Self::MissingThere,
        Self::Amount,
        Self::State,
        Self::OtherDay,
        Self::RefundMissingHere,
        Self::RefundMissingThere,
        Self::RefundAmount,
        Self::RefundState,
        Self::RefundOtherDay,
        Self::Totals,
    ];

    /// The name, `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingHere => "missing_here",
            Self::MissingThere => "missing_there",
            Self::Amount => "amount",
            Self::State => "state",
            Self::OtherDay => "other_day",
            Self::RefundMissingHere => "refund_missing_here",
            Self::RefundMissingThere => "refund_missing_there",
            Self::RefundAmount => "refund_amount",
            Self::RefundState => "refund_state",
            Self::RefundOtherDay => "refund_other_day",
            Self::Totals => "totals",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether it is about a refund.
    #[must_use]
    pub const fn is_of_refund(self) -> bool {
        match self {
            Self::MissingHere
            | Self::MissingThere
            | Self::Amount
            | Self::State
            | Self::OtherDay
            | Self::Totals => false,
            Self::RefundMissingHere
            | Self::RefundMissingThere
            | Self::RefundAmount
            | Self::RefundState
            | Self::RefundOtherDay => true,
        }
    }
}

/// One difference.
///
/// ```
/// use saoma_core::ids::{OutTradeNo, TransactionId};
/// use saoma_core::money::Fen;
/// use saoma_core::reconcile::{Difference, DifferenceKind, Here, PaymentHere};
/// use saoma_core::time::UnixTime;
///
/// let here = Here::Payment(PaymentHere {
///     out_trade_no: OutTradeNo::new("20261123192600K7Q2M9XB-1")?,
///     transaction_id: TransactionId::new("4200009999202611230000000001")?,
///     total_fee: Fen::parse("1800")?,
///     paid_at: UnixTime::parse_beijing("20261123193142")?,
/// });
/// let difference = Difference::missing_there(&here);
/// assert_eq!(difference.kind, DifferenceKind::MissingThere);
/// assert_eq!(DifferenceKind::from_name("missing_there"), Some(difference.kind));
/// assert_eq!((difference.there, difference.here), (None, Fen::new(1800)));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub kind: DifferenceKind,
    /// What the bill of this day counts, in fen.
    pub there: Option<Fen>,
    /// What this day's records count, in fen.
    pub here: Option<Fen>,
}

/// Whom to ask about a difference before anything is done about it.
///
/// An example is at [`Difference`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// WeChat, about the order.
    Order,
    /// WeChat, about the refunds of the order.
    Refund,
    /// Nobody: the difference explains itself.
    None,
    /// A person: WeChat would say again what is known.
    Person,
}

impl Difference {
    /// What is recorded here and [expected](Here::is_expected), and is not in the bill.
    #[must_use]
    pub const fn missing_there(here: &Here) -> Self {
        let kind = match here {
            Here::Payment(_) => DifferenceKind::MissingThere,
            Here::Refund(_) => DifferenceKind::RefundMissingThere,
        };
        Self { kind, there: None, here: Some(here.amount()) }
    }

    /// What is recorded here and expected in the bill, and stands in the bill of another day.
    #[must_use]
    pub const fn other_day(here: &Here) -> Self {
        let kind = match here {
            Here::Payment(_) => DifferenceKind::OtherDay,
            Here::Refund(_) => DifferenceKind::RefundOtherDay,
        };
        Self { kind, there: None, here: Some(here.amount()) }
    }

    /// Whom to ask about it.
    #[must_use]
    pub const fn question(&self) -> Question {
        match self.kind {
            DifferenceKind::MissingHere
            | DifferenceKind::MissingThere
            | DifferenceKind::Amount
            | DifferenceKind::State => Question::Order,
            DifferenceKind::RefundMissingHere
            | DifferenceKind::RefundMissingThere
            | DifferenceKind::RefundAmount
            | DifferenceKind::RefundState => Question::Refund,
            DifferenceKind::OtherDay | DifferenceKind::RefundOtherDay => Question::None,
            DifferenceKind::Totals => Question::Person,
        }
    }
}

/// Compares a line of the bill of `date` with what is known of its numbers: of a payment the one
/// with its transaction, of a refund the one with its `out_refund_no`. `None`: they agree.
#[must_use]
pub fn compare(date: &BillDate, entry: &BillEntry, here: Option<&Here>) -> Option<Difference> {
    let differ = |kind| Difference {
        kind,
        there: Some(entry.amount()),
        here: here.filter(|here| here.is_expected(date)).map(Here::amount),
    };
    let kind = match (&entry.what, here) {
        (What::Payment { state, .. }, Some(Here::Payment(payment))) => {
            of_payment(date, entry, *state, payment)
        }
        (What::Refund { state, .. }, Some(Here::Refund(refund))) => {
            of_refund(date, entry, *state, refund)
        }
        (What::Payment { .. }, None | Some(Here::Refund(_))) => Some(DifferenceKind::MissingHere),
        (What::Refund { .. }, None | Some(Here::Payment(_))) => {
            Some(DifferenceKind::RefundMissingHere)
        }
    };
    kind.map(differ)
}

fn of_payment(
    date: &BillDate,
    entry: &BillEntry,
    state: PaymentState,
    here: &PaymentHere,
) -> Option<DifferenceKind> {
    if *entry.transaction_id != *here.transaction_id.as_str() {
        return Some(DifferenceKind::MissingHere);
    }
    if entry.amount() != here.total_fee {
        return Some(DifferenceKind::Amount);
    }
    let kept = match state {
        PaymentState::Paid => true,
        PaymentState::NotKept => false,
    };
    if !kept || *entry.out_trade_no != *here.out_trade_no.as_str() {
        return Some(DifferenceKind::State);
    }
    (!date.contains(here.paid_at)).then_some(DifferenceKind::OtherDay)
}

fn of_refund(
    date: &BillDate,
    entry: &BillEntry,
    state: BillRefundState,
    here: &RefundHere,
) -> Option<DifferenceKind> {
    if entry.amount() != here.refund_fee {
        return Some(DifferenceKind::RefundAmount);
    }
    let as_known = match (state, here.progress) {
        // In the bill at all, so it was accepted.
        (_, RefundProgress::Asked | RefundProgress::Refused) => false,
        // The bill is older than what is known here.
        (
            BillRefundState::Accepted,
            RefundProgress::Accepted | RefundProgress::Done | RefundProgress::Failed,
        ) => true,
        (BillRefundState::Done, RefundProgress::Done)
        | (BillRefundState::Failed, RefundProgress::Failed) => true,
        (BillRefundState::Done, RefundProgress::Accepted | RefundProgress::Failed)
        | (BillRefundState::Failed, RefundProgress::Accepted | RefundProgress::Done) => false,
    };
    if !as_known || *entry.transaction_id != *here.transaction_id.as_str() {
        return Some(DifferenceKind::RefundState);
    }
    (!date.contains(here.accepted_at)).then_some(DifferenceKind::RefundOtherDay)
}
