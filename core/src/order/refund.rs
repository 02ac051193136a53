//! Refunds: money that goes back. They stand beside the phase and are not multiplied with it.

use super::{Anomaly, Effect, Order, Settlement, Step};
use crate::api::{Currency, REFUNDS_MAX};
use crate::ids::{OutRefundNo, TransactionId};
use crate::money::Fen;
use crate::planted;
use core::fmt;
use core::num::NonZeroU32;

/// Most refunds that an order remembers. A shop may ask for [`REFUNDS_MAX`]; the others are kept
/// for payments that have to go back whatever the shop has asked for.
pub(super) const PARTS_MAX: usize = REFUNDS_MAX + 14;

/// A refund of one payment of an order.
///
/// ```
/// use saoma_core::order::{Effect, Event, Order, RefundBy, RefundEnd, RefundRefused, RefundStage};
/// # use saoma_core::api::{Currency, Payment};
/// # use core::num::NonZeroU32;
/// # use saoma_core::ids::{OrderId, TransactionId};
/// # use saoma_core::{money::Fen, time::UnixTime};
/// # let now = UnixTime::new(1_795_461_960).unwrap();
/// # let id = OrderId::new("20261124032600K7Q2M9XB")?;
/// # let order = Order::begin(id, Fen::new(1800).unwrap(), now, now.plus(900)).order;
/// # let payment = Payment {
/// #     out_trade_no: order.out_trade_no(0).unwrap(),
/// #     transaction_id: TransactionId::new("4200009999202611230000000001")?,
/// #     total_fee: Fen::new(1800).unwrap(),
/// #     currency: Currency::CNY,
/// #     paid_at: now,
/// #     refunded: false,
/// # };
/// # let paid = order.handle(&Event::Paid { attempt: 0, payment }, now).order;
/// // A paid order of 18 yuan; the shop gives 5 of them back.
/// let attempt = paid.kept_attempt().unwrap();
/// let amount = Fen::new(500).unwrap();
/// paid.may_refund(attempt, amount)?;
/// let (refund, wish) = (paid.next_refund(), NonZeroU32::new(7));
/// let asked = Event::RefundAsked { refund, attempt, amount, wish };
/// let step = paid.handle(&asked, now);
/// let part = step.order.refunds()[0];
/// assert_eq!((part.by, part.stage), (RefundBy::Shop, RefundStage::Asked));
/// assert_eq!(step.order.out_refund_no(0).unwrap().as_str(), "20261124032600K7Q2M9XB-S00000007");
///
/// // Never more than was paid.
/// let left = Fen::new(1300).unwrap();
/// let refused = step.order.may_refund(attempt, Fen::new(1301).unwrap());
/// assert_eq!(refused, Err(RefundRefused::TooMuch { left }));
///
/// let done = step.order.handle(&Event::RefundEnded { refund: 0, end: RefundEnd::Done }, now);
/// assert_eq!(done.order.refunds()[0].stage, RefundStage::Done);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RefundPart {
    /// The attempt whose payment goes back.
    pub attempt: u8,
    /// How much of it.
    pub amount: Fen,
    /// Who wants it.
    pub by: RefundBy,
    /// How far it is.
    pub stage: RefundStage,
    /// What the shop's own number of it comes to, which is in our number of it. `None` for those
    /// of the rule, and of a shop in orders of before: their place in the order is their number.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub wish: Option<NonZeroU32>,
}

/// Who wants a refund; an example is at [`RefundPart`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum RefundBy {
    /// The rule that a payment which may not ship goes back, whole.
    Rule,
    /// The shop.
    Shop,
}

/// How far a refund is; an example is at [`RefundPart`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum RefundStage {
    /// It is to be sent, or has been, and its end is not known.
    Asked,
    /// The money is back.
    Done,
    /// WeChat cannot do it; only a person can help.
    Failed,
    /// WeChat has closed its number. By the rule the same money goes back under another one.
    Closed,
    /// A person has decided that it is not owed any more.
    Dropped,
}

/// How a refund ends; an example is at [`RefundPart`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum RefundEnd {
    /// The money is back.
    Done,
    /// It cannot be done; only a person can help.
    Failed,
    /// WeChat has closed its number; the same money may go back under a new one.
    Closed,
    /// A person has decided against it: what was paid is kept, or was paid back in another way.
    Dropped,
}

/// Why a shop's refund is refused; an example is at [`RefundPart`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundRefused {
    /// Nothing was paid for this attempt, as far as is known.
    NotPaid,
    /// A refund of nothing.
    Nothing,
    /// More than is left of the payment.
    TooMuch {
        /// What is left: the payment less what goes back already.
        left: Fen,
    },
    /// The order has as many refunds as one may have.
    TooMany,
    /// WeChat is being asked about this very payment; ask again when it has answered.
    InDoubt,
}

impl fmt::Display for RefundRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPaid => f.write_str("nothing was paid that could go back"),
            Self::Nothing => f.write_str("a refund is 1 fen at least"),
            Self::TooMuch { left } => {
                write!(f, "only {left} fen of the payment are left to go back")
            }
            Self::TooMany => write!(f, "an order has {REFUNDS_MAX} refunds at most"),
            Self::InDoubt => f.write_str(
                "WeChat is being asked about this payment; ask for the refund again in a minute",
            ),
        }
    }
}

impl core::error::Error for RefundRefused {}

impl Order {
    /// The refunds that we make, in the order in which they were asked for.
    #[must_use]
    pub fn refunds(&self) -> &[RefundPart] {
        &self.refunds
    }

    /// Index of the refund that is asked for next.
    #[must_use]
    pub fn next_refund(&self) -> u8 {
        // There are at most 64.
        u8::try_from(self.refunds.len()).unwrap_or(u8::MAX)
    }

    /// Our number of a refund, or `None` when there is no such refund.
    #[must_use]
    pub fn out_refund_no(&self, refund: u8) -> Option<OutRefundNo> {
        let number = match self.refunds.get(usize::from(refund))?.wish {
            Some(wish) => OutRefundNo::for_wish(&self.id, wish),
            None => OutRefundNo::for_order(&self.id, refund),
        };
        number.ok()
    }

    /// The attempt whose payment is kept: the one that ships.
    #[must_use]
    pub fn kept_attempt(&self) -> Option<u8> {
        let kept = |settled: &Settlement| settled.anomaly.is_none();
        let index = self.attempts.iter().position(|it| it.payment.as_ref().is_some_and(kept))?;
        u8::try_from(index).ok()
    }

    /// What was paid for an attempt, and WeChat's number of it.
    #[must_use]
    pub fn captured(&self, attempt: u8) -> Option<(&TransactionId, Fen)> {
        let settled = self.settlement(attempt)?;
        Some((&settled.transaction_id, settled.amount))
    }

    /// The attempt that this transaction has paid for; none for one that cannot be.
    #[must_use]
    pub fn attempt_of(&self, id: &TransactionId) -> Option<u8> {
        (0..=self.current_attempt()).find(|&it| self.captured(it).is_some_and(|(of, _)| of == id))
    }

    /// The currency of what was paid for an attempt.
    #[must_use]
    pub fn currency(&self, attempt: u8) -> Currency {
        self.settlement(attempt).map_or(Currency::CNY, |settled| settled.currency)
    }

    /// All transactions that were told of for its numbers, those as well that cannot be.
    pub fn transactions(&self) -> impl Iterator<Item = &TransactionId> {
        self.attempts.iter().flat_map(|attempt| {
            let settled = attempt.payment.iter().map(|settled| &settled.transaction_id);
            settled.chain(&attempt.conflicts)
        })
    }

    /// Why the payment of an attempt is not kept; `None` when it is, or when there is none.
    #[must_use]
    pub fn anomaly(&self, attempt: u8) -> Option<Anomaly> {
        self.settlement(attempt)?.anomaly
    }

    /// What can still be asked back of a payment: what was captured less all that goes back
    /// already, by us or by somebody in WeChat's console.
    #[must_use]
    pub fn refundable(&self, attempt: u8) -> Fen {
        self.settlement(attempt).map_or(Fen::ZERO, |settled| {
            let back = self.back(attempt, RefundStage::is_live);
            settled.amount.checked_sub(back).unwrap_or(Fen::ZERO)
        })
    }

    /// Whether a shop may have this refund.
    ///
    /// # Errors
    /// [`RefundRefused`] says why not.
    pub fn may_refund(&self, attempt: u8, amount: Fen) -> Result<(), RefundRefused> {
        let about = self.attempts.get(usize::from(attempt));
        let about = about.filter(|it| it.payment.is_some()).ok_or(RefundRefused::NotPaid)?;
        if amount == Fen::ZERO {
            return Err(RefundRefused::Nothing);
        }
        let left = self.refundable(attempt);
        if amount > left {
            return Err(RefundRefused::TooMuch { left });
        }
        if about.asking || planted!("always-in-doubt") {
            return Err(RefundRefused::InDoubt);
        }
        if self.refunds.len() < REFUNDS_MAX { Ok(()) } else { Err(RefundRefused::TooMany) }
    }

    /// Whether any of a payment goes back, has gone back or was meant to.
    pub(super) fn refund_started(&self, attempt: u8) -> bool {
        let elsewhere = self.settlement(attempt).is_some_and(|it| it.elsewhere > Fen::ZERO);
        let mut parts = self.refunds.iter().filter(|part| !part.is_forgotten());
        elsewhere || parts.any(|part| part.attempt == attempt)
    }

    /// Whether goods may go out for a payment: none of it has begun to go back.
    pub(super) fn may_ship(&self, attempt: u8) -> bool {
        !self.refund_started(attempt) || planted!("ship-after-refund")
    }

    /// Whether a recorded refund still has to be made: its end is not known, and it would not give
    /// more back than was captured.
    pub(super) fn wants_refund(&self, refund: u8) -> bool {
        self.refunds.get(usize::from(refund)).is_some_and(|part| {
            let captured = self.settlement(part.attempt).map_or(Fen::ZERO, |it| it.amount);
            let sum = self.back(part.attempt, RefundStage::is_done).checked_add(part.amount);
            part.stage.is_live() && !part.stage.is_done() && sum.is_some_and(|sum| sum <= captured)
        })
    }

    /// Whether a person has decided that this payment need not go back. Of one that the rule does
    /// not give back, what he has asked for himself.
    pub(super) fn is_dropped(&self, attempt: u8) -> bool {
        let by_rule = self.anomaly(attempt).is_some_and(Anomaly::is_refund_due);
        let mut parts = self.refunds.iter().filter(|part| part.attempt == attempt);
        parts.any(|part| {
            part.stage == RefundStage::Dropped && (part.by == RefundBy::Rule || !by_rule)
        })
    }

    /// Whether a person has decided to keep what is left of this payment, and nothing more of it
    /// is on its way: neither under way nor with a person because WeChat could not do it.
    pub(super) fn is_rest_kept(&self, attempt: u8) -> bool {
        let waits = |stage| matches!(stage, RefundStage::Asked | RefundStage::Failed);
        let is_kept = |it: &Settlement| it.rest_kept && it.elsewhere_open == Fen::ZERO;
        let mut parts = self.refunds.iter().filter(|part| part.attempt == attempt);
        self.settlement(attempt).is_some_and(is_kept) && !parts.any(|part| waits(part.stage))
    }

    /// Whether WeChat could not do what the rule gives back of this payment: a person was told.
    pub(super) fn has_failed(&self, attempt: u8) -> bool {
        self.refunds.iter().any(|part| {
            let is_failed = part.stage == RefundStage::Failed && part.by == RefundBy::Rule;
            part.attempt == attempt && is_failed
        })
    }

    /// Whether all of a payment is back with the customer.
    pub(super) fn is_back(&self, attempt: u8) -> bool {
        self.settlement(attempt).is_some_and(|settled| {
            let open = match planted!("by-hand-shows-early") {
                true => Fen::ZERO,
                false => settled.elsewhere_open,
            };
            let others = settled.elsewhere.checked_sub(open).unwrap_or(Fen::ZERO);
            let ours = self.ours_back(attempt, RefundStage::is_done);
            others.checked_add(ours).is_none_or(|back| back >= settled.amount)
        })
    }

    /// An attempt whose payment must go back and for which nobody has asked yet. There is none,
    /// except in orders that were stored before refunds stood in them.
    pub(super) fn forgotten_refund(&self) -> Option<u8> {
        let forgotten =
            |anomaly| planted!("forget-second-payment") && anomaly == Anomaly::PaidTwice;
        let any = planted!("given-back-goes-back");
        let due = |settled: &Settlement| {
            settled.anomaly.is_some_and(|it| (it.is_refund_due() || any) && !forgotten(it))
        };
        (0..=self.current_attempt()).find(|&attempt| {
            self.settlement(attempt).is_some_and(due)
                && !self.refund_started(attempt)
                && self.refundable(attempt) > Fen::ZERO
                && !self.refunds.is_full()
        })
    }

    fn settlement(&self, attempt: u8) -> Option<&Settlement> {
        self.attempts.get(usize::from(attempt))?.payment.as_ref()
    }

    /// The sum of a payment's refunds in these stages and of those made elsewhere; as the books
    /// must hold it, never more than was captured.
    fn back(&self, attempt: u8, counts: impl Fn(RefundStage) -> bool) -> Fen {
        self.settlement(attempt).map_or(Fen::ZERO, |settled| {
            let sum = settled.elsewhere.checked_add(self.ours_back(attempt, counts));
            sum.unwrap_or(Fen::MAX).min(settled.amount)
        })
    }

    /// The sum of our refunds of a payment in these stages.
    fn ours_back(&self, attempt: u8, counts: impl Fn(RefundStage) -> bool) -> Fen {
        if planted!("refund-ignores-what-goes-back") {
            return Fen::ZERO;
        }
        let any = planted!("refunds-of-other-attempts-count");
        let parts = self.refunds.iter().filter(|part| part.attempt == attempt || any);
        parts
            .filter(|part| counts(part.stage))
            .fold(Fen::ZERO, |sum, part| sum.checked_add(part.amount).unwrap_or(Fen::MAX))
    }
}

impl RefundPart {
    /// Whether this only keeps the place of one that WeChat has under its number, and of which
    /// nothing else is remembered.
    pub(super) fn is_forgotten(&self) -> bool {
        self.amount == Fen::ZERO
    }
}

impl RefundStage {
    /// Counts as money that goes back.
    pub(super) fn is_live(self) -> bool {
        match self {
            Self::Asked | Self::Done => true,
            Self::Closed if planted!("closed-refund-counts") => true,
            Self::Failed | Self::Closed | Self::Dropped => false,
        }
    }

    const fn is_done(self) -> bool {
        match self {
            Self::Done => true,
            Self::Asked | Self::Failed | Self::Closed | Self::Dropped => false,
        }
    }
}

impl Step {
    pub(super) fn refund_asked(
        &mut self,
        refund: u8,
        attempt: u8,
        amount: Fen,
        wish: Option<NonZeroU32>,
    ) {
        let is_next = refund == self.order.next_refund();
        if is_next && self.order.may_refund(attempt, amount).is_ok() {
            self.begin_refund(attempt, amount, RefundBy::Shop, wish);
        }
    }

    pub(super) fn refund_ended(&mut self, refund: u8, end: RefundEnd) {
        let Some(part) = self.order.refunds.get_mut(usize::from(refund)) else { return };
        match (part.stage, end) {
            (RefundStage::Done, _) => {}
            // Money that is back is a fact, whatever was believed before.
            (_, RefundEnd::Done) => part.stage = RefundStage::Done,
            (RefundStage::Dropped, _) => {}
            (_, RefundEnd::Dropped) => part.stage = RefundStage::Dropped,
            (RefundStage::Asked, RefundEnd::Failed) => part.stage = RefundStage::Failed,
            (RefundStage::Asked, RefundEnd::Closed) => {
                part.stage = RefundStage::Closed;
                let part = *part;
                match part.by {
                    RefundBy::Rule if planted!("refund-after-closed-forgotten") => {}
                    // What was decided about another part of the payment stays decided.
                    RefundBy::Rule => self.give_back_most(part.attempt, part.amount),
                    // The shop asked for this refund and is told; it may ask for another.
                    RefundBy::Shop if planted!("shops-closed-refund-again") => {
                        self.give_back(part.attempt);
                    }
                    RefundBy::Shop => {}
                }
            }
            (RefundStage::Failed | RefundStage::Closed, RefundEnd::Failed | RefundEnd::Closed) => {}
        }
    }

    /// Gives back all that is left of a payment that may not be kept. Of a payment of nothing,
    /// nothing goes back.
    pub(super) fn give_back(&mut self, attempt: u8) {
        self.give_back_most(attempt, Fen::MAX);
    }

    /// The same, but no more than this.
    pub(super) fn give_back_most(&mut self, attempt: u8, most: Fen) {
        let mut amount = self.order.refundable(attempt).min(most);
        if planted!("refund-too-little") {
            amount = amount.checked_sub(Fen::new(1).unwrap_or(Fen::ZERO)).unwrap_or(amount);
        }
        if amount > Fen::ZERO {
            self.begin_refund(attempt, amount, RefundBy::Rule, None);
        }
    }

    fn begin_refund(&mut self, attempt: u8, amount: Fen, by: RefundBy, wish: Option<NonZeroU32>) {
        let Some((transaction_id, _)) = self.order.captured(attempt) else { return };
        let transaction_id = transaction_id.clone();
        let refund = self.order.next_refund();
        let part = RefundPart { attempt, amount, by, stage: RefundStage::Asked, wish };
        // When full, every refund before it has failed: a person has been told of each.
        if self.order.refunds.push(part).is_ok() {
            self.emit(Effect::Refund { refund, attempt, transaction_id, amount });
        }
    }
}
