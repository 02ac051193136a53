//! A line of the bill, without what nobody compares: small, owned, and able to be put aside.

use crate::bill::{BillState, TradeLine};
use crate::ids::OrderId;
use crate::money::Fen;
use crate::time::UnixTime;
use heapless::String;

/// A number as it stands in the bill. Ours have at most 64 characters; what is longer is cut off
/// and is none of ours. Nothing is known about its characters.
pub type BillNumber = String<72>;

/// A payment or a refund of the bill; an example is at [the module](super).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BillEntry {
    /// When it was paid; of a refund, when WeChat accepted it.
    pub time: UnixTime,
    /// The application it was paid under.
    pub app_id: BillNumber,
    /// `NATIVE`, or what other programs of the merchant use.
    pub trade_type: BillNumber,
    /// WeChat's number of the payment.
    pub transaction_id: BillNumber,
    /// The merchant's number of the payment.
    pub out_trade_no: BillNumber,
    /// What it is.
    pub what: What,
}

/// What a [`BillEntry`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum What {
    /// Money that came.
    Payment {
        /// The order's amount, coupons included.
        total_fee: Fen,
        /// Whether it stayed.
        state: PaymentState,
    },
    /// Money that went back.
    Refund {
        /// The merchant's number.
        out_refund_no: BillNumber,
        /// WeChat's number.
        refund_id: BillNumber,
        /// What goes back, coupons included.
        refund_fee: Fen,
        /// Where it was when the bill was made.
        state: BillRefundState,
    },
}

/// What a bill says of a payment; it stands in [`What`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PaymentState {
    /// `SUCCESS`.
    Paid,
    /// `REVOKED`, or a state that this version does not know.
    NotKept,
}

/// What a bill says of a refund; it stands in [`What`]. A bill is not changed when a refund comes
/// further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum BillRefundState {
    /// Accepted and under way, or a state that this version does not know.
    Accepted,
    /// The money is back.
    Done,
    /// It came to nothing.
    Failed,
}

impl BillEntry {
    /// Takes what is to be compared from a line.
    #[must_use]
    pub fn of(line: &TradeLine<'_>) -> Self {
        let what = match (line.state, &line.refund) {
            (BillState::Refund, Some(refund)) => What::Refund {
                out_refund_no: clip(refund.out_refund_no),
                refund_id: clip(refund.refund_id),
                refund_fee: match crate::planted!("bill-refund-without-coupons") {
                    true => refund.settlement_refund_fee,
                    false => refund.refund_fee,
                },
                state: match refund.state {
                    "SUCCESS" => BillRefundState::Done,
                    "FAIL" | "REFUNDCLOSE" | "CHANGE" => BillRefundState::Failed,
                    _ => BillRefundState::Accepted,
                },
            },
            (state, _) => What::Payment {
                total_fee: line.total_fee,
                state: match state {
                    BillState::Success => PaymentState::Paid,
                    BillState::Refund | BillState::Revoked | BillState::Other => {
                        PaymentState::NotKept
                    }
                },
            },
        };
        Self {
            // A bill of refunds has the payment's time first and the refund's own besides.
            time: line.refund.as_ref().and_then(|refund| refund.applied_at).unwrap_or(line.time),
            app_id: clip(line.app_id),
            trade_type: clip(line.trade_type),
            transaction_id: clip(line.transaction_id),
            out_trade_no: clip(line.out_trade_no),
            what,
        }
    }

    /// The amount in fen: of the payment, or of the refund.
    #[must_use]
    pub const fn amount(&self) -> Fen {
        match self.what {
            What::Payment { total_fee, .. } => total_fee,
            What::Refund { refund_fee, .. } => refund_fee,
        }
    }

    /// The merchant's number of the refund.
    #[must_use]
    pub fn out_refund_no(&self) -> Option<&str> {
        match &self.what {
            What::Payment { .. } => None,
            What::Refund { out_refund_no, .. } => Some(out_refund_no),
        }
    }
}

/// The beginning of a text, up to a character that does not fit whole.
fn clip(text: &str) -> BillNumber {
    let mut number = BillNumber::new();
    let _ = text.chars().try_for_each(|character| number.push(character));
    number
}

/// Whether a number has the form of one of an attempt of ours: Beijing's time of 14 digits, more of
/// the order's id, `-`, and 1 to 8. A bill is the whole merchant's, and other programs of the
/// merchant may take payments as well; money of theirs is not ours to move.
///
/// ```
/// use saoma_core::reconcile::has_our_form;
///
/// assert!(has_our_form("20261123192600K7Q2M9XB-1"));
/// assert!(!has_our_form("201210240000023"));
/// ```
#[must_use]
pub fn has_our_form(out_trade_no: &str) -> bool {
    let Some((order_id, attempt)) = out_trade_no.rsplit_once('-') else { return false };
    let Some(time) = order_id.get(..14) else { return false };
    let first = crate::planted!("only-first-numbers-are-ours");
    matches!(attempt.as_bytes(), [digit @ b'1'..=b'8'] if *digit == b'1' || !first)
        && order_id.len() > time.len()
        && UnixTime::parse_beijing(time).is_ok()
        && OrderId::new(order_id).is_ok()
}
