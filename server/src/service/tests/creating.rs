//! Making orders.

use super::*;

#[tokio::test]
async fn the_same_request_gives_the_same_order_and_token() {
    let shop = Shop::open().await;
    let first = shop.service.create(&only_shop(), &new_order("A-1", PRICE)).await.unwrap();
    let before = shop.everything().await;
    let second = shop.service.create(&only_shop(), &new_order("A-1", PRICE)).await.unwrap();
    assert!(first.is_new && !second.is_new);
    assert_eq!(first.order_id, second.order_id);
    assert_eq!(shop.everything().await, before);
    let token = shop.service.token(&first.order_id);
    assert_eq!(token.len(), 32);
    let shop = shop.crash().await;
    assert!(shop.service.is_token(&first.order_id, &token), "a restart changes no token");
}

#[tokio::test]
async fn another_request_with_the_same_number_is_refused() {
    let shop = Shop::open().await;
    shop.service.create(&only_shop(), &new_order("A-1", PRICE)).await.unwrap();
    let before = shop.everything().await;
    for other in [
        new_order("A-1", PRICE + 1),
        NewOrder::new("A-1", PRICE, "Saoma Cafe - Tea", 900).unwrap(),
        NewOrder::new("A-1", PRICE, "Saoma Cafe - Latte", 901).unwrap(),
        new_order("A-1", PRICE).by(Some("machine-1")),
    ] {
        let refused = shop.service.create(&only_shop(), &other).await;
        assert!(matches!(refused, Err(CreateError::OrderNoTaken)), "{refused:?}");
    }
    assert_eq!(shop.everything().await, before);
}

#[tokio::test]
async fn two_at_the_same_moment_are_one() {
    let shop = Shop::open().await;
    let new = new_order("A-1", PRICE);
    let of = only_shop();
    let (one, other) = tokio::join!(shop.service.create(&of, &new), shop.service.create(&of, &new));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.order_id, other.order_id);
    assert_ne!(one.is_new, other.is_new);
}

#[tokio::test]
async fn the_exact_request_is_stored_before_anything_is_sent() {
    let shop = Shop::open().await;
    let (_, number) = shop.order("A-1").await;
    let requests = shop.rows("select request from attempt").await;
    let doc: Doc<'_> = Doc::read(requests[0].as_bytes()).unwrap();
    let value = |name| doc.get(name).map(|text| text.to_string());
    assert_eq!(value("out_trade_no").as_deref(), Some(&*number));
    assert_eq!(value("total_fee").as_deref(), Some("1800"));
    assert_eq!(value("sign_type").as_deref(), Some("HMAC-SHA256"));
    assert_eq!(value("time_start").as_deref(), Some("20261123192600"));
    assert_eq!(value("time_expire").as_deref(), Some("20261123194100"));
    assert_eq!(value("notify_url").as_deref(), Some("http://127.0.0.1:8080/wx/v2/notify"));
    assert_eq!((value("nonce_str"), value("sign")), (None, None));
    let leased = format!("place-{number} leased 1");
    assert_eq!(shop.rows("select key, state, tries from outbox").await, [leased]);
}

#[tokio::test]
async fn an_id_is_the_time_in_beijing_and_a_token_opens_one_order() {
    let shop = Shop::open().await;
    let (one, _) = shop.order("A-1").await;
    let (other, _) = shop.order("A-2").await;
    assert!(one.as_str().starts_with("20261123192600"));
    assert_eq!(one.as_str().len(), 22);
    assert_ne!(one, other);
    let token = shop.service.token(&one);
    assert!(shop.service.is_token(&one, &token));
    assert!(!shop.service.is_token(&other, &token));
    for wrong in ["", "x", &token[1..], &token.to_lowercase()] {
        assert!(!shop.service.is_token(&one, wrong), "{wrong:?}");
    }
}

#[tokio::test]
async fn what_xml_cannot_carry_is_an_invalid_description() {
    let shop = Shop::open().await;
    let new = NewOrder::new("A-1", PRICE, "a\u{FFFE}b", 900).unwrap();
    let refused = shop.service.create(&only_shop(), &new).await;
    assert!(
        matches!(&refused, Err(CreateError::Invalid(field)) if field.field == "description"),
        "{refused:?}"
    );
    assert_eq!(shop.everything().await, "");
}

#[tokio::test]
async fn markup_in_a_description_is_only_text() {
    let shop = Shop::open().await;
    let description = "</body><total_fee>1</total_fee>&key=]]>";
    let new = NewOrder::new("A-1", PRICE, description, 900).unwrap();
    let order_id = shop.service.create(&only_shop(), &new).await.unwrap().order_id;
    let requests = shop.rows("select request from attempt").await;
    let doc: Doc<'_> = Doc::read(requests[0].as_bytes()).unwrap();
    assert!(doc.get("body").is_some_and(|body| body == description));
    let view = shop.service.view(&order_id).await.unwrap().unwrap();
    assert_eq!(view.description.as_str(), description);
}
