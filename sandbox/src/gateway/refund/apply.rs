//! 申请退款: a refund is asked for (`docs/protocol.md` §7).

use super::super::Gateway;
use super::super::answer::Reply;
use super::super::fields::{self, Form, Rule, read_fen};
use super::super::order::{OrderKey, Payment};
use super::super::refusal::{Code, Refusal};
use super::super::request::Request;
use super::life::Asked;
use super::{Refund, RefundAccount, Source};
use crate::time::UnixTime;
use crate::xml::Field;

const RULES: [Rule; 9] = [
    Rule::required("out_refund_no", 64, Form::KnownOrderNo),
    Rule::required("total_fee", 10, Form::Fen),
    Rule::required("refund_fee", 10, Form::Fen),
    Rule::optional("transaction_id", 32, Form::Text),
    Rule::optional("out_trade_no", 32, Form::KnownOrderNo),
    Rule::optional("refund_fee_type", 8, Form::OneOf(&["CNY"])),
    Rule::optional("refund_desc", 80, Form::Text),
    Rule::optional(
        "refund_account",
        30,
        Form::OneOf(&[RefundAccount::Unsettled.as_str(), RefundAccount::Recharge.as_str()]),
    ),
    Rule::optional("notify_url", 256, Form::NotifyUrl),
];

/// After how many seconds a payment is an old one, for which refunds are throttled: a month.
const OLD_S: i64 = 30 * 86_400;

/// The most calls for old payments in a minute.
const OLD_CALLS_MAX: u32 = 5000;

impl Gateway {
    pub(in crate::gateway) fn refund(
        &mut self,
        request: &Request,
        now: UnixTime,
    ) -> Result<Reply, Refusal> {
        check(request, &RULES)?;
        let amount = |name| read_fen(request.required(name)).unwrap_or(0);
        let (total_fen, refund_fen) = (amount("total_fee"), amount("refund_fee"));
        if refund_fen > total_fen {
            return Err(Refusal::new(Code::ParamError, "refund_fee不能大于total_fee"));
        }
        let (key, payment) = self.refundable(request)?;
        let number = request.required("out_refund_no");
        if let Some(known) = self.refunds.numbered(&key.mch_id, number) {
            same(known, &payment, total_fen, refund_fen)?;
            return Ok(self.accepted(known, &payment));
        }
        if total_fen != payment.total_fen {
            let text = "total_fee与订单金额不一致";
            let detail = format!("the order's total_fee is {}", payment.total_fen);
            return Err(Refusal::new(Code::ParamError, text).with_detail(detail));
        }
        let asked = Asked {
            out_refund_no: number.to_owned(),
            refund_fen,
            account: match request.filled("refund_account") {
                Some(word) if word == RefundAccount::Recharge.as_str() => RefundAccount::Recharge,
                _ => RefundAccount::Unsettled,
            },
            desc: request.owned("refund_desc"),
            notify_url: request.owned("notify_url"),
            source: Source::Api,
        };
        self.check_pace(&key.mch_id, &payment, now)?;
        let refund_id = self.accept(&key, &payment, asked, now)?;
        Ok(self.accepted(&self.refunds.all[&refund_id], &payment))
    }

    /// The payment that is meant: by `transaction_id` when there is one, else by the order's number.
    fn refundable(&self, request: &Request) -> Result<(OrderKey, Payment), Refusal> {
        let transaction_id = request.filled("transaction_id");
        let key = if let Some(transaction_id) = transaction_id {
            check_transaction_id(transaction_id)?;
            self.transactions.get(transaction_id).cloned()
        } else if let Some(out_trade_no) = request.filled("out_trade_no") {
            let mch_id = request.merchant.mch_id.clone();
            Some(OrderKey { mch_id, out_trade_no: out_trade_no.to_owned() })
        } else {
            let text = "缺少参数out_trade_no或transaction_id";
            return Err(Refusal::new(Code::ParamError, text));
        };
        let key = key.filter(|key| key.mch_id == request.merchant.mch_id);
        let payment = key.as_ref().and_then(|key| self.payment(key, transaction_id)).cloned();
        key.zip(payment).ok_or_else(|| Refusal::new(Code::OrderNotExist, "订单不存在"))
    }

    /// Whether refunds come too fast: two of one payment within a minute meet each other in the
    /// middle of the work, and those of old payments are slow to find.
    fn check_pace(
        &mut self,
        mch_id: &str,
        payment: &Payment,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let last = self.refunds.of_payment(&payment.transaction_id).next_back();
        let gap_s = last.map(|last| now.since(last.accepted_at));
        if let Some(gap_s) = gap_s.filter(|gap_s| *gap_s < self.rules.refund_gap_s) {
            let text = "退款业务流程错误，需要商户触发重试来解决";
            let detail = format!("the last refund of this payment is {gap_s} s old");
            return Err(Refusal::new(Code::BizErrNeedRetry, text).with_detail(detail));
        }
        if now.since(payment.paid_at) <= OLD_S {
            return Ok(());
        }
        let calls = self.refunds.old_calls.entry(mch_id.to_owned()).or_default();
        let minute = now.0.div_euclid(60);
        *calls = if calls.0 == minute { (minute, calls.1.saturating_add(1)) } else { (minute, 1) };
        if calls.1 > OLD_CALLS_MAX {
            return Err(Refusal::new(Code::FrequencyLimited, "频率限制，请1分钟后再试"));
        }
        Ok(())
    }

    /// What is said of a refund that was accepted. It tells nothing of how far it is.
    fn accepted(&self, refund: &Refund, payment: &Payment) -> Reply {
        let mut fields = vec![
            Field::cdata("transaction_id", &refund.transaction_id),
            Field::cdata("out_trade_no", &refund.order.out_trade_no),
            Field::cdata("out_refund_no", &refund.out_refund_no),
            Field::cdata("refund_id", &refund.refund_id),
            Field::cdata("refund_channel", ""),
            Field::plain("refund_fee", refund.refund_fen),
            Field::plain("coupon_refund_fee", refund.coupon_fen()),
            Field::plain("total_fee", payment.total_fen),
            Field::plain("cash_fee", payment.cash_fen()),
            Field::plain("coupon_refund_count", refund.coupons().count()),
            Field::plain("cash_refund_fee", refund.cash_fen()),
        ];
        for (n, coupon) in refund.coupons().enumerate() {
            let kind = coupon.kind.map(|kind| (format!("coupon_type_{n}"), kind.as_str()));
            fields.extend(kind.map(|(name, word)| Field::cdata(name, word)));
            fields.push(Field::cdata(format!("coupon_refund_id_{n}"), &coupon.id));
            fields.push(Field::plain(format!("coupon_refund_fee_{n}"), coupon.fee_fen));
        }
        if let Some(settlement_fen) = payment.settlement_fen() {
            fields.push(Field::plain("settlement_refund_fee", refund.settlement_fen()));
            fields.push(Field::plain("settlement_total_fee", settlement_fen));
        }
        if self.names_currency(&refund.order) {
            fields.push(Field::cdata("fee_type", "CNY"));
            fields.push(Field::cdata("cash_fee_type", "CNY"));
        }
        Reply { device_info: None, fields }
    }

    /// Whether the order named its currency; then refunds do so as well.
    pub(super) fn names_currency(&self, key: &OrderKey) -> bool {
        let order = self.orders.get(key);
        order.is_some_and(|order| order.parameters.iter().any(|(name, _)| name == "fee_type"))
    }
}

/// Checks a request of this page or of the refund query: they have no code of their own for a
/// field that is missing.
pub(super) fn check(request: &Request, rules: &[Rule]) -> Result<(), Refusal> {
    fields::check(&request.document, rules).map_err(|refusal| match refusal.code {
        Code::LackParams => Refusal { code: Code::ParamError, ..refusal },
        _ => refusal,
    })
}

/// WeChat's numbers of payments have 28 digits; anything else cannot be one.
pub(super) fn check_transaction_id(transaction_id: &str) -> Result<(), Refusal> {
    let digits = transaction_id.bytes().all(|byte| byte.is_ascii_digit());
    if digits && transaction_id.len() == 28 {
        Ok(())
    } else {
        Err(Refusal::new(Code::InvalidTransactionId, "无效transaction_id"))
    }
}

/// Whether a known refund is what is asked for again under its number. Reason and address may be
/// others; they stay what they were.
fn same(known: &Refund, payment: &Payment, total_fen: u64, refund_fen: u64) -> Result<(), Refusal> {
    if known.transaction_id != payment.transaction_id {
        let detail = format!("out_trade_no {} has this out_refund_no", known.order.out_trade_no);
        let text = "商户退款单号已被其他订单使用";
        return Err(Refusal::new(Code::InvalidRequest, text).with_detail(detail));
    }
    if (total_fen, refund_fen) != (payment.total_fen, known.refund_fen) {
        let text = "订单金额或退款金额与之前请求不一致，请核实后再试";
        let detail =
            format!("it was total_fee {}, refund_fee {}", payment.total_fen, known.refund_fen);
        return Err(Refusal::new(Code::RefundFeeMismatch, text).with_detail(detail));
    }
    Ok(())
}
