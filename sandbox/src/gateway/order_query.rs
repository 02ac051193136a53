//! 查询订单: what became of an order (`docs/protocol.md` §5).

use super::Gateway;
use super::answer::Reply;
use super::fields::{self, Form, Rule};
use super::nested;
use super::order::{Order, OrderKey, Payment, TradeState};
use super::refusal::{Code, Refusal};
use super::request::Request;
use crate::time::UnixTime;
use crate::xml::Field;

const RULES: [Rule; 2] = [
    Rule::optional("transaction_id", 32, Form::Alphanumeric),
    Rule::optional("out_trade_no", 32, Form::KnownOrderNo),
];

impl Gateway {
    pub(super) fn order_query(&self, request: &Request, now: UnixTime) -> Result<Reply, Refusal> {
        fields::check(&request.document, &RULES)?;
        let order = self.queried(request)?;
        let state = order.told_state(now);
        Ok(match state {
            TradeState::NotPay => not_paid(order),
            TradeState::Closed => closed(order),
            TradeState::Success | TradeState::Refund => {
                let asked = request.filled("transaction_id");
                let is_asked = |p: &&Payment| asked.is_none_or(|id| p.transaction_id == id);
                let payment = order.payments.iter().find(is_asked).ok_or_else(unknown)?;
                paid(order, payment, self.payment_state(payment))
            }
        })
    }

    /// What is said of a payment. Of one that has gone back as a whole some have seen CLOSED; the
    /// `transaction_id` is there all the same.
    fn payment_state(&self, payment: &Payment) -> TradeState {
        if self.refunds.of_payment(&payment.transaction_id).next().is_none() {
            return TradeState::Success;
        }
        let whole = self.refunds.refunded_fen(payment) >= payment.total_fen;
        if whole && self.rules.closed_when_refunded {
            TradeState::Closed
        } else {
            TradeState::Refund
        }
    }

    /// The order that is asked for: by `transaction_id` when there is one, else by number.
    fn queried(&self, request: &Request) -> Result<&Order, Refusal> {
        let ours = |order: &&Order| order.key.mch_id == request.merchant.mch_id;
        let order = if let Some(transaction_id) = request.filled("transaction_id") {
            // The number of a payment under way is given out already, and stands for nothing yet.
            let paid =
                |order: &&Order| order.payments.iter().any(|p| p.transaction_id == transaction_id);
            let key = self.transactions.get(transaction_id);
            key.and_then(|key| self.orders.get(key)).filter(paid)
        } else if let Some(out_trade_no) = request.filled("out_trade_no") {
            self.orders.get(&OrderKey {
                mch_id: request.merchant.mch_id.clone(),
                out_trade_no: out_trade_no.to_owned(),
            })
        } else {
            return Err(Refusal::new(Code::LackParams, "缺少参数out_trade_no或transaction_id"));
        };
        order.filter(ours).ok_or_else(unknown)
    }
}

fn unknown() -> Refusal {
    Refusal::new(Code::OrderNotExist, "order not exist")
}

/// The short form: nothing of a payer, a bank or a time.
fn not_paid(order: &Order) -> Reply {
    Reply {
        device_info: Some(order.device_info.clone().unwrap_or_default()),
        fields: vec![
            Field::plain("total_fee", order.total_fen),
            Field::cdata("out_trade_no", &order.key.out_trade_no),
            Field::cdata("trade_state", TradeState::NotPay.as_str()),
            Field::cdata("trade_state_desc", TradeState::NotPay.description()),
        ],
    }
}

/// Shorter still: not even the amount, but `attach`, also when it is empty.
fn closed(order: &Order) -> Reply {
    Reply {
        device_info: None,
        fields: vec![
            Field::cdata("out_trade_no", &order.key.out_trade_no),
            Field::cdata("attach", order.attach.as_deref().unwrap_or_default()),
            Field::cdata("trade_state", TradeState::Closed.as_str()),
            Field::cdata("trade_state_desc", TradeState::Closed.description()),
        ],
    }
}

fn paid(order: &Order, payment: &Payment, state: TradeState) -> Reply {
    let mut fields = vec![
        Field::cdata("openid", &payment.openid),
        Field::cdata("is_subscribe", "N"),
        Field::cdata("trade_type", "NATIVE"),
        Field::cdata("bank_type", payment.method.bank_type()),
        Field::plain("total_fee", payment.total_fen),
        Field::cdata("fee_type", payment.fee_type),
        Field::plain("cash_fee", payment.cash_fen()),
        Field::cdata("cash_fee_type", payment.fee_type),
    ];
    if let Some(settlement_fen) = payment.settlement_fen() {
        fields.push(Field::plain("settlement_total_fee", settlement_fen));
    }
    if !payment.coupons.is_empty() {
        fields.push(Field::plain("coupon_fee", payment.coupon_fen()));
        fields.push(Field::plain("coupon_count", payment.coupons.len()));
    }
    for (n, coupon) in payment.coupons.iter().enumerate() {
        let kind = coupon.kind.map(|kind| Field::cdata(format!("coupon_type_{n}"), kind.as_str()));
        fields.extend(kind);
        fields.push(Field::cdata(format!("coupon_id_{n}"), &coupon.id));
        fields.push(Field::plain(format!("coupon_fee_{n}"), coupon.fee_fen));
    }
    let promotion =
        (order.parameter("version") == Some("1.0")).then(|| nested::promotion_detail(payment));
    fields.extend(promotion.flatten().map(|text| Field::cdata("promotion_detail", text)));
    fields.extend([
        Field::cdata("transaction_id", &payment.transaction_id),
        Field::cdata("out_trade_no", &order.key.out_trade_no),
        Field::cdata("attach", order.attach.as_deref().unwrap_or_default()),
        Field::cdata("time_end", payment.paid_at.beijing()),
        Field::cdata("trade_state", state.as_str()),
        Field::cdata("trade_state_desc", state.description()),
    ]);
    Reply { device_info: Some(order.device_info.clone().unwrap_or_default()), fields }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NOW, Shop};
    use super::super::{Code, Coupon, CouponKind, ORDER_LIFE_S, Tender};
    use crate::xml::Document;

    const NO: &str = "SM20261123000001";

    fn names(document: &Document) -> Vec<&str> {
        document.iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn an_unpaid_order_has_the_short_form() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        let answer = shop.query(NO);
        assert_eq!(
            names(&answer),
            [
                "return_code",
                "return_msg",
                "appid",
                "mch_id",
                "device_info",
                "nonce_str",
                "sign",
                "result_code",
                "total_fee",
                "out_trade_no",
                "trade_state",
                "trade_state_desc"
            ]
        );
        assert_eq!(answer.get("device_info"), Some(""));
        assert_eq!(answer.get("trade_state"), Some("NOTPAY"));
        assert_eq!(answer.get("trade_state_desc"), Some("订单未支付"));
        assert_eq!(answer.get("total_fee"), Some("1800"));
    }

    #[test]
    fn an_order_past_its_end_is_still_not_paid() {
        let mut shop = Shop::new();
        shop.order(NO, &[("time_expire", &NOW.plus(60).beijing())]);
        shop.now = NOW.plus(3600);
        assert_eq!(shop.query(NO).get("trade_state"), Some("NOTPAY"));
    }

    #[test]
    fn a_closed_order_has_the_shortest_form() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        shop.now = NOW.plus(300);
        shop.close(NO);
        let answer = shop.query(NO);
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
                "out_trade_no",
                "attach",
                "trade_state",
                "trade_state_desc"
            ]
        );
        assert_eq!(answer.get("trade_state"), Some("CLOSED"));
    }

    #[test]
    fn an_order_nobody_closed_is_closed_after_seven_days() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        shop.now = NOW.plus(ORDER_LIFE_S);
        assert_eq!(shop.query(NO).get("trade_state"), Some("CLOSED"));
    }

    #[test]
    fn a_paid_order_has_the_long_form() {
        let mut shop = Shop::new();
        shop.order(NO, &[("attach", "深圳分店"), ("device_info", "kiosk-7")]);
        shop.now = NOW.plus(91);
        let paid = shop.pay(NO, Tender::default()).unwrap();
        let answer = shop.query(NO);
        for (name, value) in [
            ("device_info", "kiosk-7"),
            ("is_subscribe", "N"),
            ("trade_type", "NATIVE"),
            ("bank_type", "OTHERS"),
            ("total_fee", "1800"),
            ("fee_type", "CNY"),
            ("cash_fee", "1800"),
            ("cash_fee_type", "CNY"),
            ("transaction_id", &paid.transaction_id),
            ("out_trade_no", NO),
            ("attach", "深圳分店"),
            ("time_end", "20261123192731"),
            ("trade_state", "SUCCESS"),
            ("trade_state_desc", "支付成功"),
        ] {
            assert_eq!(answer.get(name), Some(value), "{name}");
        }
        assert!(answer.get("openid").is_some_and(|openid| openid.len() == 28));
        assert_eq!(answer.get("coupon_count"), None);
        assert_eq!(answer.get("settlement_total_fee"), None);
    }

    #[test]
    fn coupons_are_listed_and_make_cash_and_settlement_smaller() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        let coupons = vec![
            Coupon { id: "10000".into(), fee_fen: 99, kind: Some(CouponKind::Cash) },
            Coupon { id: "10001".into(), fee_fen: 500, kind: Some(CouponKind::NoCash) },
            Coupon { id: "10002".into(), fee_fen: 1, kind: None },
        ];
        shop.pay(NO, Tender { coupons, ..Tender::default() }).unwrap();
        let answer = shop.query(NO);
        for (name, value) in [
            ("total_fee", "1800"),
            ("cash_fee", "1200"),
            ("settlement_total_fee", "1300"),
            ("coupon_fee", "600"),
            ("coupon_count", "3"),
            ("coupon_id_0", "10000"),
            ("coupon_fee_0", "99"),
            ("coupon_type_0", "CASH"),
            ("coupon_type_1", "NO_CASH"),
            ("coupon_fee_2", "1"),
        ] {
            assert_eq!(answer.get(name), Some(value), "{name}");
        }
        assert_eq!(answer.get("coupon_type_2"), None, "often left out");
    }

    #[test]
    fn what_coupons_gave_is_told_to_orders_of_version_1_0() {
        for (version, is_told) in [("1.0", true), ("", false)] {
            let mut shop = Shop::new();
            shop.order(NO, &[("version", version)]);
            let coupon = Coupon { id: "7".into(), fee_fen: 9, kind: Some(CouponKind::NoCash) };
            shop.pay(NO, Tender { coupons: vec![coupon], ..Tender::default() }).unwrap();
            let answer = shop.query(NO);
            let promotion = answer.get("promotion_detail").unwrap_or_default();
            assert_eq!(promotion.contains(r#""promotion_id":"7""#), is_told, "{promotion}");
            assert_eq!(promotion.contains(r#""type":"DISCOUNT""#), is_told, "{promotion}");
        }
    }

    #[test]
    fn a_paid_order_is_found_by_its_transaction() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        let paid = shop.pay(NO, Tender::default()).unwrap();
        let both = [("transaction_id", paid.transaction_id.as_str()), ("out_trade_no", "wrong")];
        assert_eq!(shop.query_with(&both).unwrap().get("out_trade_no"), Some(NO));
    }

    #[test]
    fn what_does_not_exist_is_said_so() {
        let mut shop = Shop::new();
        assert_eq!(shop.query_with(&[("out_trade_no", NO)]).unwrap_err(), Code::OrderNotExist);
        let transaction = [("transaction_id", "4200009999202611230000000003")];
        assert_eq!(shop.query_with(&transaction).unwrap_err(), Code::OrderNotExist);
    }

    #[test]
    fn another_merchants_order_does_not_exist() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        let paid = shop.pay(NO, Tender::default()).unwrap();
        let other = shop.other_merchant();
        assert_eq!(other.query_with(&[("out_trade_no", NO)]).unwrap_err(), Code::OrderNotExist);
        let transaction = [("transaction_id", paid.transaction_id.as_str())];
        assert_eq!(other.query_with(&transaction).unwrap_err(), Code::OrderNotExist);
    }

    #[test]
    fn a_query_for_nothing_lacks_a_number() {
        assert_eq!(Shop::new().query_with(&[]).unwrap_err(), Code::LackParams);
    }

    #[test]
    fn a_second_forced_payment_is_seen_by_its_own_number_only() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        let first = shop.pay(NO, Tender::default()).unwrap();
        let second = shop.pay(NO, Tender { force: true, ..Tender::default() }).unwrap();
        assert_ne!(first.transaction_id, second.transaction_id);
        assert_eq!(shop.query(NO).get("transaction_id"), Some(&*first.transaction_id));
        let by_second = [("transaction_id", second.transaction_id.as_str())];
        let answer = shop.query_with(&by_second).unwrap();
        assert_eq!(answer.get("transaction_id"), Some(&*second.transaction_id));
    }
}
