//! The wishes of people: a shop's refund, and an operator's word about a refund that waits.

use super::super::Service;
use super::super::change::{Change, Needs};
use super::super::create::InvalidField;
use super::super::verb::Verb;
use super::begin::{Wish, key};
use crate::store::{AskedBy, RefundRow, RefundState, StoreError};
use saoma_core::ids::{MchId, OrderId, OutRefundNo, TransactionId};
use saoma_core::money::Fen;
use saoma_core::order::{Event, Order, RefundEnd, RefundRefused};

/// Longest `refund_no` and `reason` in bytes; WeChat shows no longer reason (protocol §7).
const REFUND_NO_MAX: usize = 64;
const REASON_MAX: usize = 80;

/// A refund that somebody asks for, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewRefund {
    wish: Wish,
    amount: Fen,
}

impl NewRefund {
    /// Checks what a shop asks for (docs/api.md §2.9).
    ///
    /// # Errors
    /// [`InvalidField`] names the first field that breaks its rule.
    pub(crate) fn new(
        refund_no: &str,
        amount_fen: u64,
        reason: &str,
    ) -> Result<Self, InvalidField> {
        let refuse = |field, rule| Err(InvalidField { field, rule });
        let is_no = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        let is_length = (1..=REFUND_NO_MAX).contains(&refund_no.len());
        if !is_length || !refund_no.bytes().all(is_no) {
            let rule = "refund_no must be 1 to 64 letters, digits, `_`, `-` or `.`";
            return refuse("refund_no", rule);
        }
        let amount = Fen::new(amount_fen).filter(|fen| (Fen::ZERO..=Fen::ORDER_MAX).contains(fen));
        let may_be_zero = saoma_core::planted!("refund-of-nothing");
        let Some(amount) = amount.filter(|fen| *fen != Fen::ZERO || may_be_zero) else {
            return refuse("amount_fen", "amount_fen must be 1 to 2147483647");
        };
        let is_length = (1..=REASON_MAX).contains(&reason.len());
        let is_text = |c: char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
        if !is_length || !reason.chars().all(is_text) {
            let rule = "reason must be 1 to 80 bytes of UTF-8 (26 Chinese characters) without \
                        control characters";
            return refuse("reason", rule);
        }
        let wish = Wish { refund_no: refund_no.to_owned(), reason: reason.to_owned() };
        Ok(Self { wish, amount })
    }
}

/// Who asks for a refund.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RefundBy<'a> {
    /// The shop of this id, whose order it must be.
    Shop(&'a str),
    /// The operator of this name, which goes into the order's history, and the payment that he
    /// means: any of the order's. When he does not say, the same as a shop's.
    Operator(&'a str, Option<&'a TransactionId>),
}

/// Why a refund is not begun.
#[derive(Debug)]
pub(crate) enum AskRefundError {
    /// There is no such order of this shop.
    NotFound,
    /// The number was used for another amount or reason.
    RefundNoTaken,
    /// The order does not allow it.
    Refused(RefundRefused),
    /// WeChat has this very refund, which this database has lost.
    Lost,
    /// The configuration does not have the order's merchant or app any more: nobody could send it.
    NotConfigured,
    /// The goods are being handed over, and nobody knows yet whether they are out; only an
    /// operator may insist.
    Dispensing,
    /// Not now.
    Store(StoreError),
}

impl From<StoreError> for AskRefundError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What came of an operator's word about a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    /// It goes.
    Released,
    /// It was held and is not made: the money stays.
    Dismissed,
    /// It had failed: somebody has seen to it.
    SeenTo,
}

/// Why an operator's word about a refund changes nothing.
#[derive(Debug)]
pub(crate) enum DecideError {
    /// There is no such refund.
    NotFound,
    /// It does not wait for a word: it is under way or over.
    NotHeld(RefundState),
    /// It cannot be sent at all; it can only be dismissed.
    Unsendable,
    /// Not now.
    Store(StoreError),
}

impl From<StoreError> for DecideError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Service {
    /// Begins a refund of an order's payment; the same request again gives the same refund. `true`:
    /// it is new.
    ///
    /// # Errors
    /// [`AskRefundError`]; nothing has changed then.
    pub(crate) async fn ask_refund(
        &self,
        by: RefundBy<'_>,
        order_id: &OrderId,
        new: &NewRefund,
    ) -> Result<(RefundRow, bool), AskRefundError> {
        let (by, operator, payment) = match by {
            RefundBy::Shop(shop) => (Some(shop.to_owned()), None, None),
            RefundBy::Operator(name, id) => (None, Some(name.to_owned()), id.cloned()),
        };
        let (order_id, new) = (order_id.clone(), new.clone());
        self.execute(Ask { by, operator, payment, order_id, new }).await
    }

    /// All refunds of a shop's order, oldest first, or `None` when it has no such order.
    pub(crate) async fn refunds(
        &self,
        shop: &str,
        order_id: &OrderId,
    ) -> Result<Option<Vec<RefundRow>>, StoreError> {
        let mut reader = self.store.reader().await?;
        let row = crate::store::OrderRow::get(&mut reader, order_id).await?;
        let any = saoma_core::planted!("any-shop-reads-refunds");
        if row.is_none_or(|row| row.shop != shop && !any) {
            return Ok(None);
        }
        RefundRow::of_order(&mut reader, order_id).await.map(Some)
    }

    /// An operator lets a refund go that was held.
    ///
    /// # Errors
    /// [`DecideError`]; nothing has changed then.
    pub(crate) async fn release_refund(
        &self,
        refund: (&OutRefundNo, &MchId),
        operator: &str,
    ) -> Result<Decided, DecideError> {
        self.decide(refund, operator, true).await
    }

    /// An operator decides that a refund that was held shall not be made, or that one that failed
    /// has been seen to.
    ///
    /// # Errors
    /// [`DecideError`]; nothing has changed then.
    pub(crate) async fn dismiss_refund(
        &self,
        refund: (&OutRefundNo, &MchId),
        operator: &str,
    ) -> Result<Decided, DecideError> {
        self.decide(refund, operator, false).await
    }

    async fn decide(
        &self,
        (number, mch_id): (&OutRefundNo, &MchId),
        operator: &str,
        release: bool,
    ) -> Result<Decided, DecideError> {
        let (number, mch_id, operator) = (number.clone(), mch_id.clone(), operator.to_owned());
        self.execute(Decide { number, mch_id, operator, release }).await
    }
}

/// Begins a refund.
struct Ask {
    by: Option<String>,
    operator: Option<String>,
    payment: Option<TransactionId>,
    order_id: OrderId,
    new: NewRefund,
}

impl Verb for Ask {
    type Out = (RefundRow, bool);
    type Error = AskRefundError;

    fn needs(&self, needs: &mut Needs) {
        needs.orders.push(self.order_id.clone());
    }

    async fn run(&self, change: &mut Change) -> Result<(RefundRow, bool), AskRefundError> {
        let NewRefund { wish, amount } = &self.new;
        let row = change.order(&self.order_id).await?.ok_or(AskRefundError::NotFound)?;
        let any = saoma_core::planted!("any-shop-refunds");
        if self.by.as_ref().is_some_and(|shop| *shop != row.shop) && !any {
            return Err(AskRefundError::NotFound);
        }
        let order = &row.order;
        let attempt = self.attempt(order);
        let attempt = attempt.ok_or(AskRefundError::Refused(RefundRefused::NotPaid))?;
        let known = change.refund_wished(&self.order_id, &wish.refund_no).await?;
        if let Some(known) = known.filter(|_| !saoma_core::planted!("refund-no-not-looked-up")) {
            let any = saoma_core::planted!("refund-no-other-amount");
            let any_reason = saoma_core::planted!("refund-no-other-reason");
            let is_other = known.reason != wish.reason && !any_reason
                || self.payment.as_ref().is_some_and(|meant| *meant != known.transaction_id);
            if known.part != *amount && !any || is_other {
                return Err(AskRefundError::RefundNoTaken);
            }
            return Ok((known, false));
        }
        let may_go = saoma_core::planted!("refund-while-dispensing");
        let unclaimed = saoma_core::planted!("unclaimed-is-dispensing") && row.device.is_some();
        let may_insist = self.by.is_none() && !saoma_core::planted!("nobody-may-insist");
        if !may_insist
            && (order.is_dispensing() || unclaimed)
            && !may_go
            && order.kept_attempt() == Some(attempt)
        {
            return Err(AskRefundError::Dispensing);
        }
        order.may_refund(attempt, *amount).map_err(AskRefundError::Refused)?;
        let refund = order.next_refund();
        // It says which wish it is for: a shop that asks again because an older copy of the
        // database has forgotten it gets the refund that WeChat has, and never another one.
        let number = OutRefundNo::for_wish(&self.order_id, wish.number()).ok();
        let number = number.filter(|_| refund == 0 || !saoma_core::planted!("second-refund-fails"));
        let number = number.ok_or(StoreError::Corrupt("refund"))?;
        match change.any_refund((&number, &row.mch_id)).await? {
            None => {}
            Some(there) if there.by != AskedBy::Elsewhere || there.state == RefundState::Closed => {
                // WeChat gives nothing under a number that it has closed. Or it is another wish of
                // this order with the same digits, which nobody will ever see.
                return Err(AskRefundError::RefundNoTaken);
            }
            Some(_) => return Err(AskRefundError::Lost),
        }
        if change.context.sellers.of(&row.mch_id, &row.app_id).is_none() {
            return Err(AskRefundError::NotConfigured);
        }
        let wished = Some(wish.number());
        let event = Event::RefundAsked { refund, attempt, amount: *amount, wish: wished };
        change.apply_as(row, &event, Some(wish))?;
        if let Some(operator) = &self.operator {
            let text = format!("refund {number}: {} fen, {}", amount.get(), wish.reason);
            change.note(&self.order_id, "note", operator, text);
        }
        let begun = change.refund(&number).await?.ok_or(StoreError::Corrupt("refund"))?;
        Ok((begun, true))
    }
}

impl Ask {
    /// The attempt whose payment goes back: that of the payment which somebody has looked at and
    /// named, and no other one's. Where none is named, of an order without a payment that is kept,
    /// the first that there is.
    fn attempt(&self, order: &Order) -> Option<u8> {
        let any = saoma_core::planted!("refund-of-unnamed-payment");
        if let Some(meant) = self.payment.as_ref().filter(|_| !any) {
            return order.attempt_of(meant);
        }
        let first = saoma_core::planted!("refund-of-first-payment");
        let kept = order.kept_attempt().filter(|_| !first);
        let mut attempts = 0..=order.current_attempt();
        kept.or_else(|| attempts.find(|attempt| order.captured(*attempt).is_some()))
    }
}

/// An operator's word.
struct Decide {
    number: OutRefundNo,
    mch_id: MchId,
    operator: String,
    release: bool,
}

impl Verb for Decide {
    type Out = Decided;
    type Error = DecideError;

    async fn run(&self, change: &mut Change) -> Result<Decided, DecideError> {
        let row = change.any_refund((&self.number, &self.mch_id)).await?;
        let mut row = row.ok_or(DecideError::NotFound)?;
        let from = row.state;
        let may_be_sent = saoma_core::planted!("failed-is-sent-again");
        let is_failed = row.state == RefundState::Failed && (!self.release || may_be_sent);
        let any = saoma_core::planted!("decided-twice");
        if row.state != RefundState::Held && !is_failed && !any {
            return Err(DecideError::NotHeld(row.state));
        }
        if self.release && !row.is_sendable() {
            return Err(DecideError::Unsendable);
        }
        let word = if self.release { "released" } else { "dismissed" };
        tracing::info!(
            out_refund_no = self.number.as_str(),
            operator = self.operator,
            word,
            "a refund that needed a person"
        );
        let order_id = row.order_id.clone();
        if let Some(order_id) = &order_id {
            let text = format!("refund {} {word}", self.number);
            change.note(order_id, "note", &self.operator, text);
        }
        let (index, key) = (row.index, key(&self.number));
        if self.release {
            row.state = RefundState::Asked;
            row.trouble = None;
            change.put_decided(row, from);
            let forgotten = saoma_core::planted!("released-not-woken");
            change.wake(order_id.as_ref(), &key, !forgotten).await?;
            return Ok(Decided::Released);
        }
        row.state = RefundState::Dismissed;
        row.ended_at = Some(change.now);
        row.trouble = None;
        change.put_decided(row.clone(), from);
        if row.by == AskedBy::Elsewhere {
            // Of what we did not make the order knows no more than the sums.
            change.tell_elsewhere(&row).await?;
        } else if let Some(order_id) = &order_id
            && let Some(order) = change.order(order_id).await?
        {
            // Where it is archived, the refund's row is all that is left.
            change.apply(order, &Event::RefundEnded { refund: index, end: RefundEnd::Dropped })?;
        }
        if saoma_core::planted!("dismissed-is-sent") {
            let row = change.refund(&self.number).await?;
            let mut row = row.ok_or(DecideError::NotFound)?;
            row.state = RefundState::Asked;
            change.put_refund(row);
        }
        // Its entry is performed once more, finds that it is over, and ends.
        change.wake(order_id.as_ref(), &key, true).await?;
        Ok(if is_failed { Decided::SeenTo } else { Decided::Dismissed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_and_one_beyond() {
        let field = |refund_no: &str, amount_fen, reason: &str| {
            NewRefund::new(refund_no, amount_fen, reason).map_or_else(|error| error.field, |_| "")
        };
        let (no, reason) = ("a".repeat(64), "咖".repeat(26) + "ab");
        assert_eq!(field(&no, 2_147_483_647, &reason), "");
        for (refund_no, amount_fen, reason, bad) in [
            ("", 1, "x", "refund_no"),
            (&*format!("{no}a"), 1, "x", "refund_no"),
            ("a b", 1, "x", "refund_no"),
            ("R", 0, "x", "amount_fen"),
            ("R", 2_147_483_648, "x", "amount_fen"),
            ("R", u64::MAX, "x", "amount_fen"),
            ("R", 1, "", "reason"),
            ("R", 1, &*format!("{reason}a"), "reason"),
            ("R", 1, "a\nb", "reason"),
            ("R", 1, "a\u{ffff}b", "reason"),
        ] {
            assert_eq!(field(refund_no, amount_fen, reason), bad, "{refund_no:?} {reason:?}");
        }
    }
}
