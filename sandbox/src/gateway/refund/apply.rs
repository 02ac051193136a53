//! 申请退款: a refund is asked for (`docs/protocol.md` §7).

use super::super::Gateway;
use super::super::answer::Reply;
use super::super::fields::{self, Form, Rule, read_fen};
use super::super::order::{OTHER_CURRENCY, OrderKey, Payment};
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
    Rule::optional("refund_fee_type", 8, Form::OneOf(&["CNY", OTHER_CURRENCY])),
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
        if request.filled("refund_fee_type").unwrap_or("CNY") != payment.fee_type {
            let text = "refund_fee_type与支付币种不一致";
            let detail = format!("the payment's fee_type is {}", payment.fee_type);
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

    /// The payment that is meant: by `transaction_id` when there is one, else by the number of its
    /// order.
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
        if self.names_currency(&refund.order, payment) {
            fields.push(Field::cdata("fee_type", payment.fee_type));
            fields.push(Field::cdata("cash_fee_type", payment.fee_type));
        }
        Reply { device_info: None, fields }
    }

    /// Whether the order named its currency, or was paid in another one; then refunds name it as
    /// well.
    pub(super) fn names_currency(&self, key: &OrderKey, payment: &Payment) -> bool {
        let order = self.orders.get(key);
        payment.fee_type != "CNY"
            || order
                .is_some_and(|order| order.parameters.iter().any(|(name, _)| name == "fee_type"))
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

#[cfg(test)]
mod tests {
    use super::super::super::testing::{MCH_ID, NOW, Shop};
    use super::super::super::{Call, Coupon, CouponKind, Rules, Target, Tender};
    use super::super::{Ending, REFUND_WITHIN_S, RefundEnd, RefundTarget};
    use super::*;
    use crate::xml::Document;

    const NO: &str = "SM20261123000001";

    fn paid(tender: Tender) -> Shop {
        let mut shop = Shop::new();
        shop.paid(NO, tender);
        shop
    }

    fn names(document: &Document) -> Vec<&str> {
        document.iter().map(|(name, _)| name).collect()
    }

    /// Refunds, a minute after whatever was before.
    fn next(shop: &mut Shop, out_refund_no: &str, refund_fen: u64) -> Result<Document, Code> {
        shop.now = shop.now.plus(60);
        shop.refund(NO, out_refund_no, refund_fen, &[])
    }

    #[test]
    fn an_answer_has_the_seen_shape() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        let payment = shop.pay(NO, Tender::default()).unwrap();
        let answer = shop.refund(NO, "R-SM20261123-0001@a", 599, &[]).unwrap();
        assert_eq!(
            names(&answer),
            [
                "return_code",
                "return_msg",
                "appid",
                "mch_id",
                "nonce_str",
                "sign",
                "result_code",
                "transaction_id",
                "out_trade_no",
                "out_refund_no",
                "refund_id",
                "refund_channel",
                "refund_fee",
                "coupon_refund_fee",
                "total_fee",
                "cash_fee",
                "coupon_refund_count",
                "cash_refund_fee"
            ]
        );
        for (name, value) in [
            ("transaction_id", &*payment.transaction_id),
            ("out_trade_no", NO),
            ("out_refund_no", "R-SM20261123-0001@a"),
            ("refund_channel", ""),
            ("refund_fee", "599"),
            ("coupon_refund_fee", "0"),
            ("total_fee", "1800"),
            ("cash_fee", "1800"),
            ("coupon_refund_count", "0"),
            ("cash_refund_fee", "599"),
        ] {
            assert_eq!(answer.get(name), Some(value), "{name}");
        }
        assert_eq!(answer.get("refund_id").map(str::len), Some(29));
        let text = &shop.gateway.messages().last().unwrap().response;
        assert!(text.contains("<refund_channel><![CDATA[]]></refund_channel>"), "{text}");
        assert!(text.contains("<refund_fee>599</refund_fee>"), "{text}");
    }

    #[test]
    fn coupons_go_back_one_by_one() {
        let coupon = |id: &str, fee_fen, kind| Coupon { id: id.into(), fee_fen, kind };
        let coupons = vec![
            coupon("10000", 99, Some(CouponKind::Cash)),
            coupon("10001", 500, Some(CouponKind::NoCash)),
            coupon("10002", 1, None),
        ];
        let mut shop = paid(Tender { coupons, ..Tender::default() });
        let answer = shop.refund(NO, "R1", 900, &[]).unwrap();
        for (name, value) in [
            ("cash_fee", "1200"),
            ("settlement_total_fee", "1300"),
            ("cash_refund_fee", "601"),
            ("settlement_refund_fee", "650"),
            ("coupon_refund_fee", "299"),
            ("coupon_refund_count", "2"),
            ("coupon_type_0", "CASH"),
            ("coupon_refund_id_0", "10000"),
            ("coupon_refund_fee_0", "49"),
            ("coupon_type_1", "NO_CASH"),
            ("coupon_refund_id_1", "10001"),
            ("coupon_refund_fee_1", "250"),
        ] {
            assert_eq!(answer.get(name), Some(value), "{name}");
        }
        assert_eq!(answer.get("coupon_refund_id_2"), None, "half of one fen is nothing");
        let rest = next(&mut shop, "R2", 900).unwrap();
        for (name, value) in [
            ("cash_refund_fee", "599"),
            ("settlement_refund_fee", "650"),
            ("coupon_refund_fee", "301"),
            ("coupon_refund_count", "3"),
            ("coupon_refund_fee_0", "50"),
            ("coupon_refund_fee_2", "1"),
        ] {
            assert_eq!(rest.get(name), Some(value), "{name}");
        }
        assert_eq!(rest.get("coupon_type_2"), None);
    }

    #[test]
    fn the_currency_is_said_when_the_order_said_it() {
        let mut shop = Shop::new();
        shop.order(NO, &[("fee_type", "CNY")]);
        shop.pay(NO, Tender::default()).unwrap();
        let answer = shop.refund(NO, "R1", 900, &[]).unwrap();
        assert_eq!(answer.get("fee_type"), Some("CNY"));
        assert_eq!(answer.get("cash_fee_type"), Some("CNY"));
        let query = shop.refund_query(&[("out_refund_no", "R1")]).unwrap();
        assert_eq!(query.get("fee_type"), Some("CNY"));
    }

    #[test]
    fn each_field_has_its_form_and_length() {
        let mut shop = paid(Tender::default());
        shop.gateway.rules.limits = super::super::super::Limits::OFF;
        let long = "R".repeat(65);
        let long_url = format!("https://pay.example.com/{}", "a".repeat(240));
        let desc = "少".repeat(27);
        for (name, value) in [
            ("out_refund_no", ""),
            ("out_refund_no", long.as_str()),
            ("out_refund_no", "R 1"),
            ("out_refund_no", "R.1"),
            ("total_fee", ""),
            ("total_fee", "18.00"),
            ("total_fee", "1799"),
            ("refund_fee", ""),
            ("refund_fee", "0"),
            ("refund_fee", "-1"),
            ("refund_fee", "1801"),
            ("out_trade_no", ""),
            ("refund_fee_type", "USD"),
            ("refund_desc", desc.as_str()),
            ("refund_account", "REFUND_SOURCE"),
            ("notify_url", "https://pay.example.com/a?b=1"),
            ("notify_url", long_url.as_str()),
        ] {
            shop.now = shop.now.plus(1); // more of them in a second would be too many
            let refused = shop.refund(NO, "R1", 900, &[(name, value)]).unwrap_err();
            assert_eq!(refused, Code::ParamError, "{name} {value}");
        }
        assert_eq!(shop.query(NO).get("trade_state"), Some("SUCCESS"), "nothing has changed");
        let desc = "少".repeat(26);
        let fitting = [
            ("out_refund_no", "R_-|*@1"),
            ("refund_fee_type", "CNY"),
            ("refund_desc", &desc),
            ("refund_account", "REFUND_SOURCE_UNSETTLED_FUNDS"),
            ("notify_url", "https://pay.example.com/refunds"),
        ];
        shop.refund(NO, "R1", 900, &fitting).unwrap();
    }

    #[test]
    fn the_transaction_id_wins() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        let payment = shop.pay(NO, Tender::default()).unwrap();
        let id = ("transaction_id", payment.transaction_id.as_str());
        let answer = shop.refund("another", "R1", 900, &[id]).unwrap();
        assert_eq!(answer.get("out_trade_no"), Some(NO));
        for bad in ["1", "420000999920261123000000000", "4200009999202611230000000001x", "订单"] {
            let refused = shop.refund(NO, "R2", 900, &[("transaction_id", bad)]).unwrap_err();
            assert_eq!(refused, Code::InvalidTransactionId, "{bad}");
        }
        let unknown = [("transaction_id", "4200009999202611230000000001")];
        assert_eq!(shop.refund(NO, "R2", 900, &unknown).unwrap_err(), Code::OrderNotExist);
    }

    #[test]
    fn what_is_not_paid_or_anothers_does_not_exist() {
        let mut shop = Shop::new();
        assert_eq!(shop.refund(NO, "R1", 900, &[]).unwrap_err(), Code::OrderNotExist);
        shop.order(NO, &[]);
        assert_eq!(shop.refund(NO, "R1", 900, &[]).unwrap_err(), Code::OrderNotExist);
        let payment = shop.pay(NO, Tender::default()).unwrap();
        let id = [("transaction_id", payment.transaction_id.as_str())];
        let other = shop.other_merchant();
        assert_eq!(other.refund(NO, "R1", 900, &[]).unwrap_err(), Code::OrderNotExist);
        assert_eq!(other.refund(NO, "R1", 900, &id).unwrap_err(), Code::OrderNotExist);
    }

    #[test]
    fn one_number_is_one_refund() {
        let mut shop = paid(Tender::default());
        let first = shop.refund(NO, "R1", 900, &[]).unwrap();
        let again = shop.refund(NO, "R1", 900, &[("refund_desc", "again")]).unwrap();
        assert_eq!(again.get("refund_id"), first.get("refund_id"), "even within the minute");
        let count = |shop: &mut Shop| shop.gateway.orders(NOW)[0].payments[0].refunds.len();
        assert_eq!(count(&mut shop), 1);
        for (name, value) in [("refund_fee", "901"), ("total_fee", "1801")] {
            let refused = shop.refund(NO, "R1", 900, &[(name, value)]).unwrap_err();
            assert_eq!(refused, Code::RefundFeeMismatch, "{name}");
        }
        let other = "SM20261123000002";
        shop.paid(other, Tender::default());
        assert_eq!(shop.refund(other, "R1", 900, &[]).unwrap_err(), Code::InvalidRequest);
        assert_eq!(count(&mut shop), 0, "of the other order");
    }

    #[test]
    fn two_merchants_may_use_one_number() {
        let mut shop = paid(Tender::default());
        let first = shop.refund(NO, "R1", 900, &[]).unwrap();
        let other = shop.other_merchant();
        other.paid(NO, Tender::default());
        let second = other.refund(NO, "R1", 900, &[]).unwrap();
        assert_ne!(first.get("refund_id"), second.get("refund_id"));
    }

    #[test]
    fn refunds_are_at_most_the_payment() {
        let mut shop = paid(Tender::default());
        shop.refund(NO, "R1", 1000, &[]).unwrap();
        assert_eq!(next(&mut shop, "R2", 801).unwrap_err(), Code::Error);
        let told = shop.gateway.messages().last().unwrap().response.clone();
        assert!(told.contains("累计退款金额大于支付金额"), "{told}");
        next(&mut shop, "R2", 800).unwrap();
        assert_eq!(next(&mut shop, "R3", 1).unwrap_err(), Code::Error);
        let told = shop.gateway.messages().last().unwrap().response.clone();
        assert!(told.contains("订单已全额退款"), "{told}");
        next(&mut shop, "R1", 1000).unwrap();
    }

    #[test]
    fn a_payment_has_at_most_50_refunds() {
        let mut shop = paid(Tender::default());
        for n in 0..50 {
            next(&mut shop, &format!("R{n}"), 1).unwrap();
        }
        assert_eq!(next(&mut shop, "R50", 1).unwrap_err(), Code::Error);
        next(&mut shop, "R49", 1).unwrap();
    }

    #[test]
    fn two_refunds_of_a_payment_are_a_minute_apart() {
        let mut shop = paid(Tender::default());
        shop.refund(NO, "R1", 1, &[]).unwrap();
        shop.now = NOW.plus(59);
        assert_eq!(shop.refund(NO, "R2", 1, &[]).unwrap_err(), Code::BizErrNeedRetry);
        let other = "SM20261123000002";
        shop.paid(other, Tender::default());
        shop.refund(other, "R3", 1, &[]).unwrap();
        shop.now = NOW.plus(60);
        shop.refund(NO, "R2", 1, &[]).unwrap();
    }

    #[test]
    fn a_desk_may_refund_faster() {
        let mut shop = Shop::with_rules(Rules { refund_gap_s: 0, ..Rules::default() });
        shop.paid(NO, Tender::default());
        shop.refund(NO, "R1", 1, &[]).unwrap();
        shop.refund(NO, "R2", 1, &[]).unwrap();
    }

    #[test]
    fn a_payment_can_be_refunded_for_a_year() {
        let mut shop = paid(Tender::default());
        shop.now = NOW.plus(REFUND_WITHIN_S);
        shop.refund(NO, "R1", 1, &[]).unwrap();
        shop.now = NOW.plus(REFUND_WITHIN_S + 60);
        assert_eq!(shop.refund(NO, "R2", 1, &[]).unwrap_err(), Code::TradeOverdue);
        shop.refund(NO, "R1", 1, &[]).expect("what was accepted stays so");
    }

    #[test]
    fn old_payments_are_refunded_slowly() {
        let mut shop = paid(Tender::default());
        shop.now = UnixTime((NOW.0 + OLD_S + 60) / 60 * 60);
        let refused = |shop: &mut Shop| shop.refund(NO, "R1", 1, &[]).err();
        shop.gateway.refunds.old_calls.insert(MCH_ID.into(), (shop.now.0 / 60, OLD_CALLS_MAX));
        assert_eq!(refused(&mut shop), Some(Code::FrequencyLimited));
        shop.now = shop.now.plus(59);
        assert_eq!(refused(&mut shop), Some(Code::FrequencyLimited));
        shop.now = shop.now.plus(1);
        assert_eq!(refused(&mut shop), None, "the next minute");
    }

    #[test]
    fn a_refund_needs_money_in_its_account() {
        let mut shop = paid(Tender::default());
        let funds = |shop: &Shop| shop.gateway.funds(Some(MCH_ID)).unwrap();
        assert_eq!((funds(&shop).unsettled_fen, funds(&shop).recharge_fen), (1800, 0));
        let recharge = [("refund_account", "REFUND_SOURCE_RECHARGE_FUNDS")];
        assert_eq!(shop.refund(NO, "R1", 900, &recharge).unwrap_err(), Code::NotEnough);
        shop.gateway.set_funds(Some(MCH_ID), Some(899), Some(901)).unwrap();
        assert_eq!(shop.refund(NO, "R1", 900, &[]).unwrap_err(), Code::NotEnough);
        shop.refund(NO, "R1", 900, &recharge).expect("the same number from the other account");
        assert_eq!((funds(&shop).unsettled_fen, funds(&shop).recharge_fen), (899, 1));
        let query = shop.refund_query(&[("out_refund_no", "R1")]).unwrap();
        assert_eq!(query.get("refund_account_0"), Some("REFUND_SOURCE_RECHARGE_FUNDS"));
    }

    #[test]
    fn what_came_to_nothing_may_go_back_under_a_new_number() {
        let mut shop = paid(Tender::default());
        let order = RefundTarget::Order(Target::of_number(NO));
        let closed = Ending { end: RefundEnd::Closed, ..Ending::default() };
        shop.gateway.plan_refund(&order, closed, NOW).unwrap();
        shop.refund(NO, "R1", 1800, &[]).unwrap();
        assert_eq!(next(&mut shop, "R1", 1800).unwrap().get("out_refund_no"), Some("R1"));
        shop.gateway.plan_refund(&order, Ending::default(), shop.now).unwrap();
        next(&mut shop, "R2", 1800).unwrap();
        shop.now = shop.now.plus(5);
        for (number, status) in [("R1", "REFUNDCLOSE"), ("R2", "SUCCESS")] {
            let query = shop.refund_query(&[("out_refund_no", number)]).unwrap();
            assert_eq!(query.get("refund_status_0"), Some(status));
        }
        assert_eq!(next(&mut shop, "R3", 1).unwrap_err(), Code::Error);
    }

    #[test]
    fn a_refunded_order_is_said_to_be_one() {
        let mut shop = paid(Tender::default());
        shop.refund(NO, "R1", 900, &[]).unwrap();
        let answer = shop.query(NO);
        assert_eq!(answer.get("trade_state"), Some("REFUND"));
        assert_eq!(answer.get("trade_state_desc"), Some("订单发生过退款，退款详情请查询退款单"));
        assert_eq!(answer.get("total_fee"), Some("1800"), "the long form");
        assert_eq!(shop.order_refused(NO, &[]).0, Code::OrderPaid);
        assert_eq!(shop.close_refused(NO), Code::OrderPaid);
        let view = &shop.gateway.orders(NOW)[0];
        assert_eq!((view.trade_state, view.not_payable), ("REFUND", Some("order_paid")));
    }

    #[test]
    fn a_wholly_refunded_order_may_show_as_closed() {
        for (closed_when_refunded, state) in [(false, "REFUND"), (true, "CLOSED")] {
            let mut shop = Shop::with_rules(Rules { closed_when_refunded, ..Rules::default() });
            shop.paid(NO, Tender::default());
            shop.refund(NO, "R1", 1000, &[]).unwrap();
            assert_eq!(shop.query(NO).get("trade_state"), Some("REFUND"), "a part");
            next(&mut shop, "R2", 800).unwrap();
            let answer = shop.query(NO);
            assert_eq!(answer.get("trade_state"), Some(state));
            assert!(answer.get("transaction_id").is_some());
        }
    }

    #[test]
    fn of_two_payments_each_is_refunded_by_its_own_number() {
        let mut shop = paid(Tender::default());
        let second = shop.pay(NO, Tender { force: true, ..Tender::default() }).unwrap();
        let id = ("transaction_id", second.transaction_id.as_str());
        shop.refund(NO, "R1", 1800, &[id]).unwrap();
        assert_eq!(shop.query(NO).get("trade_state"), Some("SUCCESS"), "the first");
        let answer = shop.query_with(&[id]).unwrap();
        assert_eq!(answer.get("trade_state"), Some("REFUND"));
        shop.refund(NO, "R2", 1800, &[]).unwrap();
    }

    #[test]
    fn a_refund_is_booked_in_the_ledger() {
        let mut shop = paid(Tender::default());
        assert_eq!(shop.gateway.account_fen(MCH_ID), 1789);
        shop.refund(NO, "R1", 1800, &[]).unwrap();
        assert_eq!(shop.gateway.account_fen(MCH_ID), 0);
        assert_eq!(shop.gateway.ledger(MCH_ID, NOW).len(), 2);
    }

    #[test]
    fn a_refund_by_another_method_than_post_is_refused() {
        let answer = Shop::new().gateway.handle_other_method(Call::Refund, NOW);
        assert_eq!(answer.code, Some(Code::RequirePostMethod));
    }
}
