//! What is in a notification of a payment (`docs/protocol.md` §9).

use super::super::answer::signature;
use super::super::order::{Order, Payment};
use crate::merchant::Merchant;
use crate::xml::{self, Field};

/// The notification of a payment, in the shape seen: names in alphabetical order, everything in
/// CDATA but `total_fee` and `coupon_fee`, no `return_msg`, no `sign_type`, `sign` at the end.
pub(in crate::gateway) fn body(
    order: &Order,
    payment: &Payment,
    merchant: &Merchant,
    nonce: String,
) -> String {
    let mut fields = vec![
        Field::cdata("appid", &order.appid),
        Field::cdata("bank_type", payment.method.bank_type()),
        Field::cdata("cash_fee", payment.cash_fen().to_string()),
        Field::cdata("fee_type", payment.fee_type),
        Field::cdata("is_subscribe", "N"),
        Field::cdata("mch_id", &order.key.mch_id),
        Field::cdata("nonce_str", nonce),
        Field::cdata("openid", &payment.openid),
        Field::cdata("out_trade_no", &order.key.out_trade_no),
        Field::cdata("result_code", "SUCCESS"),
        Field::cdata("return_code", "SUCCESS"),
        Field::cdata("time_end", payment.paid_at.beijing()),
        Field::plain("total_fee", payment.total_fen),
        Field::cdata("trade_type", "NATIVE"),
        Field::cdata("transaction_id", &payment.transaction_id),
    ];
    fields.extend(order.attach.as_ref().map(|attach| Field::cdata("attach", attach)));
    fields.extend(order.device_info.as_ref().map(|device| Field::cdata("device_info", device)));
    if let Some(settlement_fen) = payment.settlement_fen() {
        fields.push(Field::cdata("settlement_total_fee", settlement_fen.to_string()));
    }
    if !payment.coupons.is_empty() {
        fields.push(Field::cdata("coupon_count", payment.coupons.len().to_string()));
        fields.push(Field::plain("coupon_fee", payment.coupon_fen()));
    }
    for (n, coupon) in payment.coupons.iter().enumerate() {
        fields.push(Field::cdata(format!("coupon_fee_{n}"), coupon.fee_fen.to_string()));
        fields.push(Field::cdata(format!("coupon_id_{n}"), &coupon.id));
        let kind = coupon.kind.map(|kind| Field::cdata(format!("coupon_type_{n}"), kind.as_str()));
        fields.extend(kind);
    }
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    fields.push(signature(&fields, merchant, order.algorithm));
    xml::write(&fields)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{KEY, NOTIFY_URL, Shop};
    use super::super::super::{Coupon, CouponKind, Delivery, Tender};
    use crate::sign::{self, Algorithm, Key};
    use crate::xml::Document;

    const NO: &str = "SM20261123000001";

    /// What is sent for an order that is paid so.
    fn paid(tender: Tender) -> Delivery {
        let mut shop = Shop::new();
        shop.order(NO, &[("attach", "深圳分店")]);
        shop.pay(NO, tender).unwrap();
        shop.gateway.poll(shop.now).send.pop().unwrap()
    }

    #[test]
    fn a_notification_has_the_seen_shape() {
        let delivery = paid(Tender {
            coupons: vec![Coupon { id: "2000000000276621044".into(), fee_fen: 58, kind: None }],
            ..Tender::default()
        });
        assert_eq!(delivery.url, NOTIFY_URL);
        let document = Document::read(delivery.body.as_bytes()).unwrap();
        let names: Vec<_> = document.iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "appid",
                "attach",
                "bank_type",
                "cash_fee",
                "coupon_count",
                "coupon_fee",
                "coupon_fee_0",
                "coupon_id_0",
                "fee_type",
                "is_subscribe",
                "mch_id",
                "nonce_str",
                "openid",
                "out_trade_no",
                "result_code",
                "return_code",
                "time_end",
                "total_fee",
                "trade_type",
                "transaction_id",
                "sign"
            ]
        );
        assert!(delivery.body.contains("<total_fee>1800</total_fee>"));
        assert!(delivery.body.contains("<coupon_fee>58</coupon_fee>"));
        assert!(delivery.body.contains("<cash_fee><![CDATA[1742]]></cash_fee>"));
        assert!(delivery.body.contains("<attach><![CDATA[深圳分店]]></attach>"));
    }

    #[test]
    fn coupons_that_were_given_away_make_the_settlement_smaller() {
        let delivery = paid(Tender {
            coupons: vec![
                Coupon { id: "10000".into(), fee_fen: 99, kind: Some(CouponKind::Cash) },
                Coupon { id: "10001".into(), fee_fen: 500, kind: Some(CouponKind::NoCash) },
            ],
            ..Tender::default()
        });
        let document = Document::read(delivery.body.as_bytes()).unwrap();
        for (name, value) in [
            ("cash_fee", "1201"),
            ("settlement_total_fee", "1300"),
            ("coupon_fee", "599"),
            ("coupon_count", "2"),
            ("coupon_type_0", "CASH"),
            ("coupon_type_1", "NO_CASH"),
        ] {
            assert_eq!(document.get(name), Some(value), "{name}");
        }
    }

    #[test]
    fn a_notification_is_signed_with_the_algorithm_of_its_order() {
        for (algorithm, length) in [(Algorithm::Md5, 32), (Algorithm::HmacSha256, 64)] {
            let mut shop = Shop::new();
            shop.algorithm = algorithm;
            shop.order(NO, &[]);
            shop.pay(NO, Tender::default()).unwrap();
            let delivery = shop.gateway.poll(shop.now).send.pop().unwrap();
            let document = Document::read(delivery.body.as_bytes()).unwrap();
            let sign = document.get("sign").unwrap();
            assert_eq!((sign.len(), document.get("sign_type")), (length, None));
            assert!(sign::verify(document.iter(), &Key::new(KEY).unwrap(), algorithm, sign));
        }
    }
}
