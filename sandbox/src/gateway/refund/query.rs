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
            let detail = "paid more than a year and a half ago: ask by transaction_id, alone or \
                          with refund_id";
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
        if self.names_currency(found.order, payment) {
            fields.push(Field::cdata("fee_type", payment.fee_type));
            fields.push(Field::cdata("cash_fee_type", payment.fee_type));
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

#[cfg(test)]
mod tests {
    use super::super::super::testing::{NOW, Shop};
    use super::super::super::{Coupon, CouponKind, Method, Rules, Tender};
    use super::*;
    use crate::xml::Document;

    const NO: &str = "SM20261123000001";

    /// A paid order with this many refunds of 10 fen each, a minute apart.
    fn refunded(count: u64, tender: Tender) -> Shop {
        let mut shop = Shop::new();
        shop.paid(NO, tender);
        for n in 0..count {
            shop.refund(NO, &format!("R{n}"), 10, &[]).unwrap();
            shop.now = shop.now.plus(60);
        }
        shop
    }

    fn by_number(shop: &mut Shop) -> Result<Document, Code> {
        shop.refund_query(&[("out_trade_no", NO)])
    }

    #[test]
    fn an_answer_has_the_seen_shape() {
        let mut shop = Shop::new();
        shop.paid(NO, Tender::default());
        let accepted = shop.refund(NO, "R0", 10, &[]).unwrap();
        let names = |document: &Document| -> Vec<String> {
            document.iter().map(|(name, _)| name.to_owned()).collect()
        };
        let under_way = by_number(&mut shop).unwrap();
        assert_eq!(under_way.get("refund_status_0"), Some("PROCESSING"));
        assert_eq!(under_way.get("refund_success_time_0"), None);
        shop.now = NOW.plus(5);
        let answer = by_number(&mut shop).unwrap();
        assert_eq!(
            names(&answer),
            [
                "appid",
                "cash_fee",
                "mch_id",
                "nonce_str",
                "out_refund_no_0",
                "out_trade_no",
                "refund_account_0",
                "refund_channel_0",
                "refund_count",
                "refund_fee",
                "refund_fee_0",
                "refund_id_0",
                "refund_recv_accout_0",
                "refund_status_0",
                "refund_success_time_0",
                "result_code",
                "return_code",
                "return_msg",
                "sign",
                "total_fee",
                "transaction_id"
            ],
            "in alphabetical order throughout"
        );
        for (name, value) in [
            ("cash_fee", "1800"),
            ("out_refund_no_0", "R0"),
            ("out_trade_no", NO),
            ("refund_account_0", "REFUND_SOURCE_UNSETTLED_FUNDS"),
            ("refund_channel_0", "ORIGINAL"),
            ("refund_count", "1"),
            ("refund_fee", "10"),
            ("refund_fee_0", "10"),
            ("refund_recv_accout_0", "支付用户的零钱"),
            ("refund_status_0", "SUCCESS"),
            ("refund_success_time_0", "2026-11-23 19:26:05"),
            ("total_fee", "1800"),
        ] {
            assert_eq!(answer.get(name), Some(value), "{name}");
        }
        assert_eq!(answer.get("refund_id_0"), accepted.get("refund_id"));
        let text = &shop.gateway.messages().last().unwrap().response;
        assert!(text.contains("<refund_count>1</refund_count>"), "{text}");
        assert!(text.contains("<total_fee><![CDATA[1800]]></total_fee>"), "{text}");
    }

    #[test]
    fn each_coupon_of_each_refund_is_told() {
        let coupon =
            |id: &str, fee_fen| Coupon { id: id.into(), fee_fen, kind: Some(CouponKind::NoCash) };
        let coupons = vec![coupon("10000", 180), coupon("10001", 360)];
        let mut shop = refunded(2, Tender { coupons, ..Tender::default() });
        let answer = by_number(&mut shop).unwrap();
        for (name, value) in [
            ("settlement_total_fee", "1260"),
            ("settlement_refund_fee_0", "7"),
            ("coupon_refund_fee_0", "3"),
            ("coupon_refund_count_0", "2"),
            ("coupon_type_0_0", "NO_CASH"),
            ("coupon_refund_id_0_0", "10000"),
            ("coupon_refund_fee_0_0", "1"),
            ("coupon_refund_id_0_1", "10001"),
            ("coupon_refund_fee_0_1", "2"),
            ("coupon_refund_fee_1_1", "2"),
        ] {
            assert_eq!(answer.get(name), Some(value), "{name}");
        }
    }

    #[test]
    fn the_number_of_the_refund_counts_before_that_of_the_payment() {
        let mut shop = refunded(2, Tender::default());
        let all = by_number(&mut shop).unwrap();
        let id = |n| all.get(n).unwrap();
        let transaction = ("transaction_id", id("transaction_id"));
        let (first, second) = (("refund_id", id("refund_id_0")), ("out_refund_no", "R1"));
        let unknown = ("out_trade_no", "unknown");
        let asked = |shop: &mut Shop, fields: &[(&str, &str)]| {
            let answer = shop.refund_query(fields).unwrap();
            let count = answer.get("refund_count").unwrap().to_owned();
            (count, answer.get("out_refund_no_0").unwrap().to_owned())
        };
        let all_four = [unknown, transaction, second, first];
        for (fields, told) in [
            (&all_four[..], ("1", "R0")),
            (&all_four[..3], ("1", "R1")),
            (&all_four[..2], ("2", "R0")),
        ] {
            assert_eq!(asked(&mut shop, fields), (told.0.to_owned(), told.1.to_owned()));
        }
        assert_eq!(shop.refund_query(&all_four[..1]).unwrap_err(), Code::RefundNotExist);
    }

    #[test]
    fn ten_are_told_at_a_time() {
        let mut shop = refunded(12, Tender::default());
        let page = |shop: &mut Shop, offset: &str| {
            shop.refund_query(&[("out_trade_no", NO), ("offset", offset)])
        };
        let first = by_number(&mut shop).unwrap();
        assert_eq!(first.get("total_refund_count"), Some("12"));
        assert_eq!(first.get("refund_count"), Some("10"));
        assert_eq!(first.get("refund_fee"), Some("120"), "all of them");
        assert_eq!(first.get("out_refund_no_9"), Some("R9"));
        let second = page(&mut shop, "10").unwrap();
        assert_eq!(second.get("refund_count"), Some("2"));
        assert_eq!(second.get("out_refund_no_0"), Some("R10"));
        assert_eq!(second.get("total_refund_count"), Some("12"));
        assert_eq!(page(&mut shop, "11").unwrap().get("refund_count"), Some("1"));
        for beyond in ["12", "100", "-1", "x", "1.0"] {
            assert_eq!(page(&mut shop, beyond).unwrap_err(), Code::ParamError, "{beyond}");
        }
        let one = refunded(1, Tender::default()).refund_query(&[("out_trade_no", NO)]).unwrap();
        assert_eq!(one.get("total_refund_count"), None, "nobody asked");
    }

    #[test]
    fn more_than_twenty_are_asked_for_one_by_one() {
        let mut shop = refunded(20, Tender::default());
        assert_eq!(by_number(&mut shop).unwrap().get("total_refund_count"), Some("20"));
        shop.refund(NO, "R20", 10, &[]).unwrap();
        assert_eq!(by_number(&mut shop).unwrap_err(), Code::InvalidRequest);
        let one = shop.refund_query(&[("out_refund_no", "R20")]).unwrap();
        assert_eq!(one.get("out_refund_no_0"), Some("R20"));
    }

    #[test]
    fn what_does_not_exist_or_is_anothers_is_said_so() {
        let mut shop = Shop::new();
        let unknown = |shop: &mut Shop, fields: &[(&str, &str)]| {
            assert_eq!(shop.refund_query(fields).unwrap_err(), Code::RefundNotExist, "{fields:?}");
        };
        unknown(&mut shop, &[("out_trade_no", NO)]);
        shop.order(NO, &[]);
        unknown(&mut shop, &[("out_trade_no", NO)]);
        let payment = shop.pay(NO, Tender::default()).unwrap();
        let id = payment.transaction_id.as_str();
        unknown(&mut shop, &[("transaction_id", id)]);
        unknown(&mut shop, &[("transaction_id", "4200009999202611230000000001")]);
        unknown(&mut shop, &[("out_refund_no", "R1")]);
        unknown(&mut shop, &[("refund_id", "50300009992026112300000000001")]);
        let accepted = shop.refund(NO, "R1", 1, &[]).unwrap();
        let other = shop.other_merchant();
        unknown(other, &[("transaction_id", id)]);
        unknown(other, &[("out_refund_no", "R1")]);
        unknown(other, &[("refund_id", accepted.get("refund_id").unwrap())]);
        let answer = other.gateway.messages().last().unwrap().response.clone();
        assert!(answer.starts_with("<xml><appid>"), "refusals are in order, too: {answer}");
    }

    #[test]
    fn a_query_says_what_is_wrong_with_it() {
        let mut shop = refunded(1, Tender::default());
        for (fields, code) in [
            (vec![], Code::ParamError),
            (vec![("transaction_id", "42")], Code::InvalidTransactionId),
            (vec![("out_refund_no", "R.1")], Code::ParamError),
            (vec![("refund_id", "50300009992026112300000000001x!")], Code::ParamError),
        ] {
            assert_eq!(shop.refund_query(&fields).unwrap_err(), code, "{fields:?}");
        }
    }

    #[test]
    fn old_payments_are_found_by_transaction_id_alone() {
        let mut shop = refunded(1, Tender::default());
        let all = by_number(&mut shop).unwrap();
        let transaction = ("transaction_id", all.get("transaction_id").unwrap());
        let refund = ("refund_id", all.get("refund_id_0").unwrap());
        shop.now = NOW.plus(ARCHIVED_S);
        by_number(&mut shop).unwrap();
        shop.now = NOW.plus(ARCHIVED_S + 1);
        for fields in [vec![transaction], vec![transaction, refund]] {
            shop.refund_query(&fields).unwrap();
        }
        let order = ("out_trade_no", NO);
        let number = ("out_refund_no", "R0");
        for fields in [vec![order], vec![number], vec![refund], vec![transaction, number]] {
            let refused = shop.refund_query(&fields).unwrap_err();
            assert_eq!(refused, Code::RefundNotExist, "{fields:?}");
        }
    }

    #[test]
    fn the_money_goes_where_it_came_from() {
        for (method, receiver) in [
            (Method::Balance, "支付用户的零钱"),
            (Method::DebitCard, "招商银行借记卡0403"),
            (Method::CreditCard, "招商银行信用卡0403"),
        ] {
            let mut shop = refunded(1, Tender { method, ..Tender::default() });
            let answer = by_number(&mut shop).unwrap();
            assert_eq!(answer.get("refund_recv_accout_0"), Some(receiver));
        }
    }

    #[test]
    fn ten_refunds_with_many_coupons_are_one_document() {
        let coupon = Coupon { id: "10000".into(), fee_fen: 90, kind: Some(CouponKind::Cash) };
        let rules = Rules { refund_gap_s: 0, ..Rules::default() };
        let mut shop = Shop::with_rules(rules);
        let coupons = vec![coupon; 4];
        shop.paid(NO, Tender { coupons, ..Tender::default() });
        for n in 0..10 {
            shop.refund(NO, &format!("R{n}"), 180, &[]).unwrap();
        }
        let answer = by_number(&mut shop).unwrap();
        assert_eq!(answer.get("coupon_refund_fee_9_3"), Some("9"));
    }
}
