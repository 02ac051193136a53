//! 查询退款: what became of refunds (`docs/protocol.md` §8).

use super::super::Gateway;
use super::super::answer::Reply;
use super::super::fields::{Form, Rule};
use super::super::order::{OrderKey, Payment};
use super::super::refusal::{Code, Refusal};
use super::super::request::Request;
use super::apply::{check, check_transaction_id};
use super::{Receiver, Refund};
use crate::time::UnixTime;
use crate::xml::Field;

const RULES: [Rule; 5] = [
    Rule::optional("refund_id", 32, Form::Alphanumeric),
    Rule::optional("out_refund_no", 64, Form::KnownOrderNo),
    Rule::optional("transaction_id", 32, Form::Text),
    Rule::optional("out_trade_no", 32, Form::KnownOrderNo),
    Rule::optional("offset", 10, Form::Text),
];

/// How many refunds one answer tells.
const PAGE: usize = 10;

/// The most refunds of a payment that can be asked for by the payment's number.
const BY_PAYMENT_MAX: usize = 20;

/// After how many seconds a payment can be asked for by `transaction_id` only: a year and a half.
const ARCHIVED_S: i64 = 365 * 86_400 + 365 * 43_200;

/// The refunds to tell of, all of one payment.
struct Found<'a> {
    payment: &'a Payment,
    order: &'a OrderKey,
    refunds: Vec<&'a Refund>,
    /// How many there are in all, when that is to be said.
    total: Option<usize>,
}

impl Gateway {
    pub(in crate::gateway) fn refund_query(
        &self,
        request: &Request,
        now: UnixTime,
    ) -> Result<Reply, Refusal> {
        check(request, &RULES)?;
        if let Some(transaction_id) = request.filled("transaction_id") {
            check_transaction_id(transaction_id)?;
        }
        let by_refund = self.refund_meant(request);
        let found = match by_refund {
            Some(refund) => self.found_by_number(refund.ok_or_else(unknown)?)?,
            None => self.found_by_payment(request)?,
        };
        if found.order.mch_id != request.merchant.mch_id {
            return Err(unknown());
        }
        let asked = request.filled("transaction_id");
        let archived = now.since(found.payment.paid_at) > ARCHIVED_S;
        let may = asked == Some(found.payment.transaction_id.as_str())
            && (request.filled("refund_id").is_some() || request.filled("out_refund_no").is_none());
        if archived && !may {
            let detail = "paid more than a year and a half ago: ask by transaction_id, alone or with refund_id";
            return Err(unknown().with_detail(detail));
        }
        Ok(self.told(&found))
    }

    /// The refund that a number of a refund names: `None` when there is no such number in the
    /// request, `Some(None)` when nothing has it.
    fn refund_meant(&self, request: &Request) -> Option<Option<&Refund>> {
        if let Some(refund_id) = request.filled("refund_id") {
            return Some(self.refunds.all.get(refund_id));
        }
        let out_refund_no = request.filled("out_refund_no")?;
        Some(self.refunds.numbered(&request.merchant.mch_id, out_refund_no))
    }

    fn found_by_number<'a>(&'a self, refund: &'a Refund) -> Result<Found<'a>, Refusal> {
        let payment = self.payment(&refund.order, Some(&refund.transaction_id));
        let payment = payment.ok_or_else(unknown)?;
        Ok(Found { payment, order: &refund.order, refunds: vec![refund], total: None })
    }

    fn found_by_payment(&self, request: &Request) -> Result<Found<'_>, Refusal> {
        let transaction_id = request.filled("transaction_id");
        let key = match (transaction_id, request.filled("out_trade_no")) {
            (Some(id), _) => self.transactions.get(id).cloned(),
            (None, Some(out_trade_no)) => Some(OrderKey {
                mch_id: request.merchant.mch_id.clone(),
                out_trade_no: out_trade_no.to_owned(),
            }),
            (None, None) => {
                let text = "缺少参数refund_id、out_refund_no、transaction_id或out_trade_no";
                return Err(Refusal::new(Code::ParamError, text));
            }
        };
        let order = key.and_then(|key| self.orders.get(&key)).ok_or_else(unknown)?;
        let payment = self.payment(&order.key, transaction_id).ok_or_else(unknown)?;
        let total = self.refunds.count(&payment.transaction_id);
        if total == 0 {
            return Err(unknown());
        }
        if total > BY_PAYMENT_MAX {
            let text = "退款次数超过20次，请使用退款单号查询";
            return Err(Refusal::new(Code::InvalidRequest, text));
        }
        let said = request.filled("offset");
        let offset = said.map_or(Ok(0), str::parse::<usize>);
        let offset = offset.ok().filter(|offset| *offset < total);
        let offset = offset.ok_or_else(|| Refusal::format("offset"))?;
        let refunds = self.refunds.of_payment(&payment.transaction_id);
        Ok(Found {
            payment,
            order: &order.key,
            refunds: refunds.skip(offset).take(PAGE).collect(),
            total: (said.is_some() || total > PAGE).then_some(total),
        })
    }

    fn told(&self, found: &Found<'_>) -> Reply {
        let payment = found.payment;
        let mut fields = vec![
            Field::cdata("transaction_id", &payment.transaction_id),
            Field::cdata("out_trade_no", &found.order.out_trade_no),
            Field::cdata("total_fee", payment.total_fen.to_string()),
            Field::cdata("cash_fee", payment.cash_fen().to_string()),
            Field::plain("refund_count", found.refunds.len()),
            Field::plain("refund_fee", self.refunds.refunded_fen(payment)),
        ];
        fields.extend(found.total.map(|total| Field::plain("total_refund_count", total)));
        if let Some(settlement_fen) = payment.settlement_fen() {
            fields.push(Field::cdata("settlement_total_fee", settlement_fen.to_string()));
        }
        if self.names_currency(found.order) {
            fields.push(Field::cdata("fee_type", "CNY"));
            fields.push(Field::cdata("cash_fee_type", "CNY"));
        }
        for (n, refund) in found.refunds.iter().enumerate() {
            record(&mut fields, n, refund, payment);
        }
        Reply { device_info: None, fields }
    }
}

fn unknown() -> Refusal {
    Refusal::new(Code::RefundNotExist, "not exist")
}

/// One refund, under its place in the answer.
fn record(fields: &mut Vec<Field>, n: usize, refund: &Refund, payment: &Payment) {
    let receiver = match refund.receiver(payment) {
        Receiver::Change => "支付用户的零钱",
        Receiver::Card(card) => card,
    };
    fields.extend([
        Field::cdata(format!("out_refund_no_{n}"), &refund.out_refund_no),
        Field::cdata(format!("refund_id_{n}"), &refund.refund_id),
        Field::cdata(format!("refund_channel_{n}"), refund.ending.channel.as_str()),
        Field::plain(format!("refund_fee_{n}"), refund.refund_fen),
        Field::cdata(format!("refund_status_{n}"), refund.status()),
        Field::cdata(format!("refund_account_{n}"), refund.account.as_str()),
        Field::cdata(format!("refund_recv_accout_{n}"), receiver),
    ]);
    if let Some(success_at) = refund.success_at() {
        fields.push(Field::cdata(format!("refund_success_time_{n}"), success_at.to_string()));
    }
    if payment.settlement_fen().is_some() {
        fields.push(Field::plain(format!("settlement_refund_fee_{n}"), refund.settlement_fen()));
    }
    if payment.coupons.is_empty() {
        return;
    }
    fields.push(Field::plain(format!("coupon_refund_fee_{n}"), refund.coupon_fen()));
    fields.push(Field::plain(format!("coupon_refund_count_{n}"), refund.coupons().count()));
    for (m, coupon) in refund.coupons().enumerate() {
        let kind = coupon.kind.map(|kind| (format!("coupon_type_{n}_{m}"), kind.as_str()));
        fields.extend(kind.map(|(name, word)| Field::cdata(name, word)));
        fields.push(Field::cdata(format!("coupon_refund_id_{n}_{m}"), &coupon.id));
        fields.push(Field::plain(format!("coupon_refund_fee_{n}_{m}"), coupon.fee_fen));
    }
}
