//! JSON inside fields: the goods of `detail`, the store of `scene_info`, and `promotion_detail` in
//! a query's answer (`docs/protocol.md` §4 and §5).

use serde_json::{Value, json};

use super::order::{CouponKind, Payment};

/// Whether `detail` is what it may be: goods for coupons, in JSON, or free text, which old pages
/// allowed and clients still send.
pub(super) fn is_detail(text: &str) -> bool {
    if !text.trim_start().starts_with('{') {
        return true;
    }
    let Ok(detail) = serde_json::from_str::<Value>(text) else { return false };
    let goods = match &detail["goods_detail"] {
        Value::Null => &[][..],
        Value::Array(goods) => goods,
        _ => return false,
    };
    is_count(&detail["cost_price"], false)
        && is_text(&detail["receipt_id"], 32, false)
        && goods.iter().all(is_goods)
}

fn is_goods(goods: &Value) -> bool {
    is_text(&goods["goods_id"], 32, true)
        && is_text(&goods["wxpay_goods_id"], 32, false)
        && is_text(&goods["goods_name"], 256, false)
        && is_count(&goods["quantity"], true)
        && is_count(&goods["price"], true)
}

/// Whether `scene_info` is a JSON object, and its store, if it has one, is complete.
pub(super) fn is_scene(text: &str) -> bool {
    let Ok(scene @ Value::Object(_)) = serde_json::from_str::<Value>(text) else { return false };
    let store = &scene["store_info"];
    let is_store = || {
        store.is_object()
            && is_text(&store["id"], 32, true)
            && is_text(&store["name"], 64, false)
            && is_text(&store["area_code"], 6, false)
            && is_text(&store["address"], 128, false)
    };
    store.is_null() || is_store()
}

/// A text of so many bytes at most; required, it has at least one.
fn is_text(value: &Value, bytes_max: usize, required: bool) -> bool {
    match value {
        Value::Null => !required,
        Value::String(text) => text.len() <= bytes_max && !(required && text.is_empty()),
        _ => false,
    }
}

/// A whole number that is not negative. Some clients write numbers as text.
fn is_count(value: &Value, required: bool) -> bool {
    match value {
        Value::Null => !required,
        Value::String(text) => text.parse::<u32>().is_ok(),
        number => number.as_u64().is_some(),
    }
}

/// `promotion_detail` of a payment: what its coupons gave. `None` without coupons.
pub(super) fn promotion_detail(payment: &Payment) -> Option<String> {
    let coupons = payment.coupons.iter().map(|coupon| {
        // A coupon that was bought is settled, one that was given away is a discount.
        let kind = if coupon.kind == Some(CouponKind::NoCash) { "DISCOUNT" } else { "COUPON" };
        json!({
            "promotion_id": coupon.id, "name": "代金券", "scope": "GLOBAL", "type": kind,
            "amount": coupon.fee_fen, "activity_id": coupon.id, "wxpay_contribute": 0,
            "merchant_contribute": coupon.fee_fen, "other_contribute": 0,
        })
    });
    let coupons: Vec<_> = coupons.collect();
    (!coupons.is_empty()).then(|| json!({ "promotion_detail": coupons }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goods_for_coupons_have_an_id_a_quantity_and_a_price() {
        for good in [
            r#"{"cost_price":2599,"goods_detail":[{"goods_id":"A&B<1>","goods_name":"拿铁","quantity":1,"price":2599}]}"#,
            r#"{"goods_detail":[{"goods_id":"1","quantity":"2","price":"100"}],"receipt_id":"wx123"}"#,
            "{ \"goods_detail\": [] }",
            "Ipad mini  16G  白色",
            "",
        ] {
            assert!(is_detail(good), "{good}");
        }
        for bad in [
            r#"{"goods_detail":[{"quantity":1,"price":1}]}"#,
            r#"{"goods_detail":[{"goods_id":"1","price":1}]}"#,
            r#"{"goods_detail":[{"goods_id":"1","quantity":1}]}"#,
            r#"{"goods_detail":[{"goods_id":"1","quantity":1,"price":0.5}]}"#,
            r#"{"goods_detail":[{"goods_id":"123456789012345678901234567890123","quantity":1,"price":1}]}"#,
            r#"{"goods_detail":1}"#,
            r#"{"cost_price":-1}"#,
            r#"{"cost_price":1"#,
        ] {
            assert!(!is_detail(bad), "{bad}");
        }
    }

    #[test]
    fn a_store_has_an_id() {
        for good in [
            r#"{"store_info":{"id":"SZTX001","name":"腾大餐厅","area_code":"440305","address":"科技园"}}"#,
            r#"{"store_info":{"id":"1"}}"#,
            r#"{"h5_info":{"type":"Wap"}}"#,
        ] {
            assert!(is_scene(good), "{good}");
        }
        for bad in [
            r#"{"store_info":{"name":"腾大餐厅"}}"#,
            r#"{"store_info":{"id":"1","area_code":"4403055"}}"#,
            r#"{"store_info":"SZTX001"}"#,
            "[]",
            "SZTX001",
        ] {
            assert!(!is_scene(bad), "{bad}");
        }
    }
}
