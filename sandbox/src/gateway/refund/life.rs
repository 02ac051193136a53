//! The life of a refund: whether it may begin, its beginning, its end.

use super::super::ledger::RefundParts;
use super::super::notice::{NewNotice, Plan};
use super::super::order::{Coupon, OrderKey, Payment};
use super::super::refusal::{Code, Refusal};
use super::super::{Gateway, numbers};
use super::share::share;
use super::{
    Ending, REFUND_WITHIN_S, REFUNDS_MAX, Refund, RefundAccount, RefundEnd, Source, notice,
};
use crate::time::UnixTime;

/// A refund that is asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) out_refund_no: String,
    pub(super) refund_fen: u64,
    pub(super) account: RefundAccount,
    pub(super) desc: Option<String>,
    /// Where its end is told, instead of the merchant's address for all refunds.
    pub(super) notify_url: Option<String>,
    pub(super) source: Source,
}

impl Gateway {
    /// A payment of this order: by WeChat's number, else the first.
    pub(super) fn payment(&self, key: &OrderKey, transaction_id: Option<&str>) -> Option<&Payment> {
        let mut payments = self.orders.get(key)?.payments.iter();
        payments.find(|payment| transaction_id.is_none_or(|id| payment.transaction_id == id))
    }

    /// Accepts a refund, when the rules for all refunds allow it.
    pub(super) fn accept(
        &mut self,
        key: &OrderKey,
        payment: &Payment,
        asked: Asked,
        now: UnixTime,
    ) -> Result<String, Refusal> {
        let before = self.refunds.before(payment);
        self.check_payment(payment, before.refund_fen, asked.refund_fen, now)?;
        let parts = share(payment, &before, asked.refund_fen);
        let part = |(coupon, fee_fen): (&Coupon, u64)| Coupon { fee_fen, ..coupon.clone() };
        let merchant = self.merchants.get(&key.mch_id);
        let own_url = merchant.and_then(|merchant| merchant.refund_notify_url.clone());
        let refund = Refund {
            refund_id: String::new(),
            order: key.clone(),
            transaction_id: payment.transaction_id.clone(),
            ending: self.refunds.ending_of(key, &asked.out_refund_no),
            out_refund_no: asked.out_refund_no,
            refund_fen: asked.refund_fen,
            coupons: payment.coupons.iter().zip(parts).map(part).collect(),
            account: asked.account,
            desc: asked.desc,
            notify_url: asked.notify_url.or(own_url),
            source: asked.source,
            accepted_at: now,
            due: now.plus(self.rules.refund_after_s),
            ended_at: None,
            place: 0,
        };
        if self.funds.of(&key.mch_id).of(refund.account) < refund.settlement_fen() {
            return Err(Refusal::new(Code::NotEnough, "基本账户余额不足，请充值后重新发起"));
        }
        let refund_id = self.new_refund_id(now);
        self.begin(Refund { refund_id: refund_id.clone(), ..refund }, payment, now);
        self.settle_refunds(now);
        Ok(refund_id)
    }

    /// Whether so much of a payment may go back now.
    fn check_payment(
        &self,
        payment: &Payment,
        before_fen: u64,
        refund_fen: u64,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        if now.since(payment.paid_at) > REFUND_WITHIN_S {
            return Err(Refusal::new(Code::TradeOverdue, "订单已经超过退款期限"));
        }
        if before_fen >= payment.total_fen {
            return Err(Refusal::new(Code::Error, "订单已全额退款"));
        }
        if before_fen.saturating_add(refund_fen) > payment.total_fen {
            return Err(Refusal::new(Code::Error, "累计退款金额大于支付金额"));
        }
        if self.refunds.count(&payment.transaction_id) >= REFUNDS_MAX {
            return Err(Refusal::new(Code::Error, "订单退款次数超过限制"));
        }
        Ok(())
    }

    fn new_refund_id(&mut self, now: UnixTime) -> String {
        loop {
            let refund_id = numbers::refund_id(&mut self.random, now);
            if !self.refunds.all.contains_key(&refund_id) {
                return refund_id;
            }
        }
    }

    fn begin(&mut self, refund: Refund, payment: &Payment, now: UnixTime) {
        let key = refund.order.clone();
        self.funds.take(&key.mch_id, refund.account, refund.settlement_fen());
        if let Some(merchant) = self.merchants.get(&key.mch_id) {
            let parts = RefundParts {
                refund_id: &refund.refund_id,
                out_refund_no: &refund.out_refund_no,
                refund_fen: refund.refund_fen,
                settlement_fen: refund.settlement_fen(),
                coupon_fen: refund.coupon_fen(),
            };
            self.ledger.refund_accepted(merchant, &key, payment, parts, now);
        }
        if let Some(order) = self.orders.get_mut(&key) {
            order.is_refunded = true;
        }
        self.refunds.insert(refund);
    }

    /// Ends the refunds whose time has come, each at its time.
    pub(in crate::gateway) fn settle_refunds(&mut self, now: UnixTime) {
        while let Some(refund_id) = self.refunds.next_due(now) {
            let refund = self.refunds.all.get(&refund_id);
            if let Some((ending, due)) = refund.map(|refund| (refund.ending, refund.due)) {
                self.end(&refund_id, ending, due);
            }
        }
    }

    /// Ends a refund that is under way.
    pub(super) fn end(&mut self, refund_id: &str, ending: Ending, at: UnixTime) {
        let Some(refund) = self.refunds.all.get_mut(refund_id) else { return };
        self.refunds.due.remove(&(refund.due, refund.place));
        refund.ending = ending;
        refund.ended_at = Some(at);
        if ending.end != RefundEnd::Success {
            // Either way the merchant has the money again.
            self.funds.put(&refund.order.mch_id, refund.account, refund.settlement_fen());
            let (order, transaction_id) = (&refund.order, &refund.transaction_id);
            self.ledger.refund_closed(order, transaction_id, refund_id, at);
        }
        self.notify_refund(refund_id, at);
    }

    /// Tells the merchant of a refund's end, if it has said where.
    fn notify_refund(&mut self, refund_id: &str, at: UnixTime) {
        let Some(refund) = self.refunds.all.get(refund_id) else { return };
        let Some(url) = refund.notify_url.clone() else { return };
        let nonce = numbers::nonce(&mut self.random);
        let payment = self.payment(&refund.order, Some(&refund.transaction_id));
        let merchant = self.merchants.get(&refund.order.mch_id);
        let (Some(payment), Some(merchant)) = (payment, merchant) else { return };
        let body = notice::body(refund, payment, merchant, nonce);
        let new = NewNotice {
            order: refund.order.clone(),
            subject: refund_id.to_owned(),
            url,
            body,
            due: Some(at),
        };
        self.notices.add(new, Plan::default());
    }
}
