//! What a unified order takes, and what it refuses early.

use super::{merchant, unified};
use crate::api::{Detail, Goods, RequestError, SceneInfo, Store, UnifiedOrder, cut};
use crate::ids::{OutTradeNo, ProductId};
use crate::money::Fen;
use crate::sign::SignType;
use crate::xml::Doc;
use proptest::prelude::*;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

const URL: &str = "https://pay.example.com/wx/v2/notify";

fn with_order<T>(look: impl FnOnce(UnifiedOrder<'_>) -> T) -> T {
    let number = OutTradeNo::new("SM0001").unwrap();
    look(unified(&number, "a", 1, URL, 60).unwrap())
}

/// The value of a field in the request.
fn value(order: &UnifiedOrder<'_>, name: &str) -> Option<String> {
    let merchant = merchant(SignType::Md5);
    order.draft(&merchant, SignType::Md5).get(name).map(|text| text.to_string())
}

#[test]
fn every_optional_field_reaches_the_request() {
    let number = OutTradeNo::new("SM0001").unwrap();
    let product = ProductId::new("SKU|0002").unwrap();
    let order = unified(&number, "a", 1, URL, 60).unwrap();
    assert_eq!(value(&order, "product_id").unwrap(), "SM0001", "its own number by default");
    let order = order
        .device_info("till-7")
        .and_then(|order| order.detail(r#"{"goods_detail":[]}"#))
        .and_then(|order| order.attach("深圳分店"))
        .and_then(|order| order.goods_tag("WXG"))
        .and_then(|order| order.scene_info(r#"{"store_info":{"id":"SZTX001"}}"#))
        .and_then(|order| order.payer("IDCARD", "110101199003070000", "张三"))
        .unwrap()
        .product_id(&product)
        .no_credit()
        .receipt()
        .profit_sharing(true)
        .profit_sharing(false)
        .item_coupons();
    for (name, expected) in [
        ("device_info", "till-7"),
        ("detail", r#"{"goods_detail":[]}"#),
        ("attach", "深圳分店"),
        ("goods_tag", "WXG"),
        ("scene_info", r#"{"store_info":{"id":"SZTX001"}}"#),
        ("user_type", "IDCARD"),
        ("user_creid", "110101199003070000"),
        ("user_truename", "张三"),
        ("product_id", "SKU|0002"),
        ("limit_pay", "no_credit"),
        ("receipt", "Y"),
        ("profit_sharing", "N"),
        ("version", "1.0"),
    ] {
        assert_eq!(value(&order, name).as_deref(), Some(expected), "{name}");
    }
    let shown = format!("{order:?}");
    assert!(!shown.contains("张三") && !shown.contains("110101"), "{shown}");
}

#[test]
fn lengths_are_bytes_and_each_limit_has_one_more() {
    type Set = for<'a> fn(UnifiedOrder<'a>, &'a str) -> Result<UnifiedOrder<'a>, RequestError>;
    let fields: [(&str, usize, Set); 6] = [
        ("attach", 127, |order, text| order.attach(text)),
        ("device_info", 32, |order, text| order.device_info(text)),
        ("goods_tag", 32, |order, text| order.goods_tag(text)),
        ("user_type", 32, |order, text| order.payer(text, "1", "a")),
        ("user_creid", 32, |order, text| order.payer("1", text, "a")),
        ("user_truename", 64, |order, text| order.payer("1", "1", text)),
    ];
    for (field, limit, set) in fields {
        let check = |text: &str| with_order(|order| set(order, text).map(|_| ()));
        assert_eq!(check(&"a".repeat(limit)), Ok(()), "{field}");
        let chinese = "咖".repeat(limit / 3 + 1);
        for text in [&"a".repeat(limit + 1), &chinese, "a\nb", "a\u{7f}", "\0"] {
            let error = check(text).expect_err(text);
            assert_eq!(error.field, field);
            assert!(error.rule.contains(&limit.to_string()), "{error} names no limit");
        }
    }
}

#[test]
fn a_text_that_comes_back_holds_no_mark_of_the_string_to_sign() {
    for text in ["a&b", "a=b", "x&out_trade_no=SMBIG001"] {
        assert_eq!(with_order(|order| order.attach(text).err()).unwrap().field, "attach");
        assert_eq!(with_order(|order| order.device_info(text).err()).unwrap().field, "device_info");
        assert!(ProductId::new(text).is_err());
    }
    assert!(ProductId::new("").is_err() && ProductId::new("咖啡").is_err());
}

#[test]
fn json_is_one_object_within_its_limit() {
    for json in ["", "1", "[]", "{", "{}}", r#"{"a":1,}"#, "{a:1}"] {
        assert_eq!(with_order(|order| order.detail(json).err()).unwrap().field, "detail");
        assert_eq!(with_order(|order| order.scene_info(json).err()).unwrap().field, "scene_info");
    }
    let filled = |len: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(len - 8));
    assert!(with_order(|order| order.detail(&filled(6_144)).is_ok()));
    assert!(with_order(|order| order.detail(&filled(6_145)).is_err()));
    assert!(with_order(|order| order.scene_info(&filled(256)).is_ok()));
    assert!(with_order(|order| order.scene_info(&filled(257)).is_err()));
}

fn goods(goods_id: &str) -> Goods<'_> {
    let price = Fen::new(2599).unwrap();
    Goods { goods_id, wxpay_goods_id: "", goods_name: "", quantity: 1, price }
}

#[test]
fn goods_and_shops_are_written_as_json_or_refused() {
    let full =
        Goods { wxpay_goods_id: "1001", goods_name: "拿铁 \\\"大杯\"", ..goods("A&B<1>") };
    let detail = Detail::new(&[full, goods("B")], Fen::new(5198), "R-1").unwrap();
    let json: serde_json::Value = serde_json::from_str(detail.as_str()).unwrap();
    assert_eq!(json["cost_price"], 5198);
    assert_eq!(json["receipt_id"], "R-1");
    assert_eq!(json["goods_detail"][0]["goods_name"], "拿铁 \\\"大杯\"");
    assert_eq!(json["goods_detail"][1]["goods_id"], "B");
    assert!(with_order(|order| order.detail(detail.as_str()).is_ok()));

    let long = "x".repeat(257);
    let many: Vec<_> = (0..100).map(|_| goods(&long[..32])).collect();
    for (field, result) in [
        ("goods_detail", Detail::new(&[], None, "")),
        ("goods_id", Detail::new(&[goods("")], None, "")),
        ("goods_id", Detail::new(&[goods(&long[..33])], None, "")),
        ("goods_id", Detail::new(&[goods("a\nb")], None, "")),
        (
            "wxpay_goods_id",
            Detail::new(&[Goods { wxpay_goods_id: &long[..33], ..goods("a") }], None, ""),
        ),
        ("goods_name", Detail::new(&[Goods { goods_name: &long, ..goods("a") }], None, "")),
        ("quantity", Detail::new(&[Goods { quantity: 0, ..goods("a") }], None, "")),
        ("price", Detail::new(&[Goods { price: Fen::MAX, ..goods("a") }], None, "")),
        ("receipt_id", Detail::new(&[goods("a")], None, &long[..33])),
        ("detail", Detail::new(&many, None, "")),
    ] {
        assert_eq!(result.expect_err(field).field, field);
    }

    let store =
        Store { id: "SZTX001", name: "腾大餐厅", area_code: "440305", address: "科技园" };
    let scene = SceneInfo::new(&store).unwrap();
    let json: serde_json::Value = serde_json::from_str(scene.as_str()).unwrap();
    assert_eq!(json["store_info"]["address"], "科技园");
    for (field, store) in [
        ("id", Store { id: "", ..store }),
        ("id", Store { id: &long[..33], ..store }),
        ("name", Store { name: &long[..65], ..store }),
        ("area_code", Store { area_code: "44030", ..store }),
        ("area_code", Store { area_code: "４４０３０５", ..store }),
        ("address", Store { address: &long[..129], ..store }),
        ("scene_info", Store { name: &long[..64], address: &long[..128], ..store }),
    ] {
        assert_eq!(SceneInfo::new(&store).expect_err(field).field, field);
    }
}

proptest! {
    #[test]
    fn a_cut_text_is_the_longest_beginning_that_fits(text in "\\PC{0,40}", bytes in 0..60_usize) {
        let head = cut(&text, bytes);
        prop_assert!(text.starts_with(head) && head.len() <= bytes);
        let next = text[head.len()..].chars().next();
        prop_assert!(next.is_none_or(|next| head.len() + next.len_utf8() > bytes));
    }

    #[test]
    fn goods_are_read_back_as_they_were(names in proptest::collection::vec("\\PC{0,40}", 1..8)) {
        let goods: Vec<_> =
            names.iter().map(|name| Goods { goods_name: name, ..goods("a") }).collect();
        let detail = Detail::new(&goods, None, "").unwrap();
        let json: serde_json::Value = serde_json::from_str(detail.as_str()).unwrap();
        for (written, name) in json["goods_detail"].as_array().unwrap().iter().zip(&names) {
            prop_assert_eq!(written["goods_name"].as_str().unwrap_or(""), name);
            prop_assert_eq!(&written["price"], 2599);
        }
    }

    #[test]
    fn a_request_is_read_back_as_it_was(body in "[a-z咖啡<>&\"' ]{1,40}", attach in "\\PC{0,40}") {
        let number = OutTradeNo::new("SM0001").unwrap();
        let merchant = merchant(SignType::Md5);
        let order = unified(&number, &body, 1, URL, 60).unwrap();
        if let Ok(order) = order.attach(&attach) {
            let doc = order.draft(&merchant, SignType::Md5);
            let mut xml = String::new();
            doc.write(&mut xml).unwrap();
            let read: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
            prop_assert!(read.fields().eq(doc.fields().iter().copied()));
        }
    }
}
