//! How a refund begins: its row, with the exact request, and the entry that makes it happen are
//! written in the transaction that decided it, before anything is sent.

use super::super::change::Change;
use super::super::context::Seller;
use crate::config::AnomalyPolicy;
use crate::store::{
    AskedBy, Entry, EntryState, NewEntry, OrderRow, RefundRow, RefundState, StoreError,
};
use saoma_core::api::{Currency, Payment, PaymentNo, Refund, RequestError};
use saoma_core::ids::{AppId, MchId, OutRefundNo, OutTradeNo, TransactionId};
use saoma_core::money::Fen;
use saoma_core::order::{Effect, RefundBy};
use sha2::{Digest as _, Sha256};
use std::num::NonZeroU32;

/// What customers read in WeChat when money that could not be kept goes back.
const REASON: &str = "订单未能完成，款项原路退回";

// Why a refund waits for a person from the start.
const PARTLY_BACK: &str =
    "some of it went back already: see in WeChat's merchant platform what is left";
const LOST: &str = "this database may be an older copy that has lost this order: ask the shop, and \
                    release this refund only if it has not delivered";
const SECOND: &str = "a second payment of one number: see in WeChat's merchant platform whether \
                      both are there, then release this refund or dismiss it";

/// What a shop says about the refund that it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The shop's own number of it.
    pub(crate) refund_no: String,
    /// For the customer's eyes.
    pub(crate) reason: String,
}

impl Wish {
    /// What stands for it in our number of the refund (`OutRefundNo::for_wish`).
    pub(super) fn number(&self) -> NonZeroU32 {
        let digest = Sha256::digest(&self.refund_no);
        let (first, _) = digest.split_at(size_of::<u32>());
        let number = first.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
        NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
    }
}

/// A refund before it is put down.
struct New<'n> {
    number: OutRefundNo,
    index: u8,
    order: Option<&'n OrderRow>,
    transaction_id: &'n TransactionId,
    out_trade_no: OutTradeNo,
    total: Fen,
    part: Fen,
    by: AskedBy,
    wish: Option<&'n Wish>,
    currency: Currency,
    /// Why it waits for a person.
    trouble: Option<&'static str>,
}

/// A payment for a number that no order has.
struct Paid<'p> {
    transaction_id: &'p TransactionId,
    out_trade_no: &'p OutTradeNo,
    total: Fen,
    /// What goes back of it.
    part: Fen,
    currency: Currency,
}

impl<'p> From<&'p Payment> for Paid<'p> {
    fn from(payment: &'p Payment) -> Self {
        let Payment { transaction_id, out_trade_no, total_fee: total, currency, .. } = payment;
        let total = *total;
        let currency = match saoma_core::planted!("unknown-goes-back-in-yuan") {
            true => Currency::CNY,
            false => *currency,
        };
        Self { transaction_id, out_trade_no, total, part: total, currency }
    }
}

impl Change {
    /// Puts down a refund that the order machine has decided.
    pub(in super::super) fn begin_refund(
        &mut self,
        row: &OrderRow,
        refund: u8,
        effect: &Effect,
        wish: Option<&Wish>,
    ) -> Result<(), StoreError> {
        let order = &row.order;
        let part = order.refunds().get(usize::from(refund)).ok_or(StoreError::Corrupt("refund"))?;
        let (transaction_id, total) =
            order.captured(part.attempt).ok_or(StoreError::Corrupt("refund"))?;
        let corrupt = |column| move || StoreError::Corrupt(column);
        let seller = self.context.sellers.of(&row.mch_id, &row.app_id);
        let seller = seller.ok_or_else(corrupt("mch_id"))?.clone();
        let named = match saoma_core::planted!("refund-names-newest-number") {
            true => order.current_attempt(),
            false => part.attempt,
        };
        let new = New {
            number: order.out_refund_no(refund).ok_or_else(corrupt("out_refund_no"))?,
            index: refund,
            order: Some(row),
            transaction_id,
            out_trade_no: order.out_trade_no(named).ok_or_else(corrupt("attempt"))?,
            total,
            part: part.amount,
            by: match part.by {
                RefundBy::Rule => AskedBy::Rule,
                RefundBy::Shop => AskedBy::Shop,
            },
            wish,
            currency: match saoma_core::planted!("foreign-goes-back-in-yuan") {
                true => Currency::CNY,
                false => order.currency(part.attempt),
            },
            trouble: None,
        };
        self.put_new_refund(&seller, &new, effect.clone());
        Ok(())
    }

    /// Puts down the refund of a payment for a number that nobody knows, under the app that it was
    /// paid under. It waits for a person where the number may have been lost.
    pub(in super::super) fn give_back_unknown(
        &mut self,
        paid_under: (&MchId, &AppId),
        payment: &Payment,
        is_lost: bool,
    ) -> Result<(), StoreError> {
        let lost = is_lost.then_some(LOST);
        let is_partly_back = payment.refunded && !saoma_core::planted!("partly-back-goes-back");
        let trouble = if is_partly_back { Some(PARTLY_BACK) } else { lost };
        self.begin_unknown(paid_under, 0, &payment.into(), trouble)
    }

    /// Puts down the refund of a second payment for a number. By WeChat's own rules there is none,
    /// so no money moves before a person has looked.
    pub(in super::super) fn hold_second(
        &mut self,
        paid_under: (&MchId, &AppId),
        payment: &Payment,
    ) -> Result<(), StoreError> {
        let second = (!saoma_core::planted!("second-is-sent")).then_some(SECOND);
        let trouble = if payment.refunded { Some(PARTLY_BACK) } else { second };
        self.begin_unknown(paid_under, 0, &payment.into(), trouble)
    }

    /// Puts down the refund after one that WeChat has closed, of a payment without an order: of all
    /// that is left of it.
    pub(super) async fn next_unknown(&mut self, closed: &RefundRow) -> Result<(), StoreError> {
        let back = self.back_elsewhere(&closed.transaction_id).await?;
        let part = closed.total.checked_sub(back).filter(|part| *part > Fen::ZERO);
        let Some(part) = part else { return Ok(()) };
        let next = u8::from(!saoma_core::planted!("closed-number-again"));
        let paid = Paid {
            transaction_id: &closed.transaction_id,
            out_trade_no: &closed.out_trade_no,
            total: closed.total,
            part,
            currency: closed.currency(),
        };
        let paid_under = (&closed.mch_id, &closed.app_id);
        self.begin_unknown(paid_under, closed.index.saturating_add(next), &paid, None)
    }

    fn begin_unknown(
        &mut self,
        (mch_id, app_id): (&MchId, &AppId),
        index: u8,
        paid: &Paid<'_>,
        trouble: Option<&'static str>,
    ) -> Result<(), StoreError> {
        let Paid { transaction_id, out_trade_no, total, part, currency } = *paid;
        let seller = self.context.sellers.of(mch_id, app_id);
        let seller = seller.ok_or(StoreError::Corrupt("mch_id"))?.clone();
        let number = OutRefundNo::for_transaction(transaction_id, index);
        let new = New {
            number: number.map_err(|_| StoreError::Corrupt("refund"))?,
            index,
            order: None,
            transaction_id,
            out_trade_no: out_trade_no.clone(),
            total,
            part,
            by: AskedBy::Rule,
            wish: None,
            currency,
            trouble,
        };
        let effect = Effect::Refund {
            refund: index,
            attempt: 0,
            transaction_id: transaction_id.clone(),
            amount: part,
        };
        self.put_new_refund(&seller, &new, effect);
        Ok(())
    }

    fn put_new_refund(&mut self, seller: &Seller, new: &New<'_>, effect: Effect) {
        let by_rule = new.by == AskedBy::Rule || saoma_core::planted!("hold-for-shops-too");
        let is_held = by_rule && seller.anomalies == AnomalyPolicy::Hold;
        let is_held = is_held && !saoma_core::planted!("hold-ignored");
        let is_held =
            is_held && (new.order.is_some() || !saoma_core::planted!("hold-not-for-unknown"));
        let reason = new.wish.map_or(REASON, |wish| &wish.reason);
        let (request, trouble) = match request(seller, new, reason) {
            Ok(request) => (request, new.trouble.map(str::to_owned)),
            Err(error) => (String::new(), Some(format!("{error}: refund it by hand"))),
        };
        let state = match (is_held, &trouble) {
            (false, None) => RefundState::Asked,
            (true, _) | (_, Some(_)) => RefundState::Held,
        };
        let merchant = &seller.merchant;
        let order_id = new.order.map(|row| row.order.id().clone());
        tracing::info!(
            order_id = order_id.as_ref().map(saoma_core::ids::OrderId::as_str),
            out_refund_no = new.number.as_str(),
            part_fen = new.part.get(),
            by = new.by.as_str(),
            state = state.as_str(),
            trouble,
            "a refund"
        );
        self.put_refund(RefundRow {
            out_refund_no: new.number.clone(),
            mch_id: merchant.mch_id.clone(),
            app_id: merchant.app_id.clone(),
            order_id: order_id.clone(),
            index: new.index,
            transaction_id: new.transaction_id.clone(),
            out_trade_no: new.out_trade_no.clone(),
            total: new.total,
            part: new.part,
            by: new.by,
            refund_no: new.wish.map(|wish| wish.refund_no.clone()),
            reason: reason.to_owned(),
            sign_type: merchant.sign_type,
            request,
            state,
            refund_id: None,
            trouble,
            sent_at: None,
            accepted_at: None,
            ended_at: None,
            created_at: self.now,
        });
        let state = match state {
            RefundState::Asked if saoma_core::planted!("refund-a-day-late") => {
                EntryState::PendingFrom(self.now.plus(86_400))
            }
            RefundState::Asked => EntryState::PendingFrom(self.now),
            _ => EntryState::Held,
        };
        let mch_id = merchant.mch_id.clone();
        self.put_entry(NewEntry { key: key(&new.number), order_id, mch_id, effect, state });
    }
}

const KEY: &str = "refund-";

/// The key of the entry that makes a refund happen.
pub(super) fn key(number: &OutRefundNo) -> String {
    format!("{KEY}{number}")
}

/// Our number of the refund that an entry makes happen, if it makes one.
pub(super) fn number_of(entry: &Entry) -> Result<Option<OutRefundNo>, StoreError> {
    if !matches!(entry.effect, Effect::Refund { .. }) {
        return Ok(None);
    }
    let number = entry.key.strip_prefix(KEY).map(OutRefundNo::new);
    let number = number.and_then(Result::ok).ok_or(StoreError::Corrupt("key"))?;
    Ok(Some(number))
}

/// What is sent, and sent again, without nonce and signature.
fn request(seller: &Seller, new: &New<'_>, reason: &str) -> Result<String, RequestError> {
    let payment = PaymentNo::Transaction(new.transaction_id);
    let total = if saoma_core::planted!("refund-total-is-part") { new.part } else { new.total };
    let notify_url = match saoma_core::planted!("refund-notice-as-payment") {
        true => &seller.notify_url,
        false => &seller.refund_notify_url,
    };
    let refund = Refund::new(payment, &new.number, total, new.part)?
        .currency(new.currency)
        .reason(reason)?
        .notify_url(notify_url)?;
    let mut request = String::new();
    let merchant = &seller.merchant;
    let written = refund.draft(merchant, merchant.sign_type).write(&mut request);
    let rule = "must not hold a character that XML cannot carry";
    written.map_err(|_| RequestError { field: "refund_desc", rule })?;
    Ok(request)
}
