//! The verbs on a real file, as a specification.

mod batches;
mod creating;
mod giving_up;
mod history;
mod notifications;
mod outbox;
mod time;

use super::*;
use crate::store::{AttemptRow, Lane};
use crate::testing::{KEY, PRICE, Shop, alter, notice_fields, only_shop, sellers, signed};
use saoma_core::ids::OutTradeNo;
use saoma_core::money::Fen;
use saoma_core::order::{Effect, Event};
use saoma_core::sign::{ApiKey, SignType};
use saoma_core::watch::Phase;
use saoma_core::xml::Doc;

const T1: &str = "4200009999202611230000000001";
const T2: &str = "4200009999202611230000000002";

fn new_order(order_no: &str, amount_fen: u64) -> NewOrder {
    NewOrder::new(order_no, amount_fen, "Saoma Cafe - Latte", 900).unwrap()
}

/// WeChat's answers, as the worker reports them.
fn placed() -> Outcome {
    let code_url = "weixin://wxpay/bizpayurl?pr=1".try_into().unwrap();
    Outcome::Event(Event::Placed { attempt: 0, code_url })
}

/// The next entry that is due in a lane.
async fn claim_of(shop: &Shop, lane: Lane) -> Option<Entry> {
    shop.service.claim(lane, 1).await.unwrap().pop()
}

/// The next entry that is due in any lane.
async fn claim(shop: &Shop) -> Option<Entry> {
    match claim_of(shop, Lane::Gateway).await {
        Some(entry) => Some(entry),
        None => claim_of(shop, Lane::Shop).await,
    }
}

/// Performs what is due with these answers, and gives the keys of what was performed.
async fn perform(shop: &Shop, answer: impl Fn(&Effect) -> Outcome) -> Vec<String> {
    let mut keys = Vec::new();
    while let Some(entry) = claim(shop).await {
        let outcome = match shop.service.job(&entry).await.unwrap() {
            Some(_) => answer(&entry.effect),
            None => Outcome::Unwanted,
        };
        keys.push(entry.key.clone());
        shop.service.settle(entry, outcome).await.unwrap();
    }
    keys
}

/// An order with a code, and its first number.
async fn open_order(shop: &mut Shop, order_no: &str) -> (OrderId, String) {
    let (order_id, number) = shop.order(order_no).await;
    let entry = shop.at_once.try_recv().unwrap();
    shop.service.settle(entry.clone(), placed()).await.unwrap();
    (order_id, number)
}

#[tokio::test]
async fn a_number_of_one_merchant_is_never_paid_by_a_message_of_another() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    let store = Store::open(&shop.database).await.unwrap();
    let mut sellers = sellers(SignType::HmacSha256);
    let mut other = sellers.sellers[0].clone();
    other.merchant.mch_id = "1900000110".parse().unwrap();
    other.merchant.key = ApiKey::new(&"k".repeat(32)).unwrap();
    sellers.sellers.push(other);
    let clock = Clock::Manual(shop.clock.clone());
    let (service, _entries) =
        Service::open(store, clock, Random::seeded(2), sellers).await.unwrap();
    let mut fields = notice_fields(&number, T1, "1800");
    let theirs = fields.iter().position(|(name, _)| *name == "mch_id").unwrap();
    fields[theirs].1 = "1900000110";
    let foreign = signed(&fields, &"k".repeat(32), SignType::HmacSha256);
    assert!(matches!(service.notify(&foreign).await, Err(NoticeError::Refused(_))));
    // About a number that is nobody's, the same merchant is heard.
    fields.iter_mut().find(|(name, _)| *name == "out_trade_no").unwrap().1 = "THEIRS-0001";
    let theirs = signed(&fields, &"k".repeat(32), SignType::HmacSha256);
    service.notify(&theirs).await.unwrap();
    assert_eq!(shop.phase(&order_id).await.0, "open");
    assert_eq!(
        shop.rows("select mch_id, kind, out_trade_no from anomaly").await,
        ["1900000110 unknown_order THEIRS-0001"]
    );
}

/// A service for a merchant with two apps, on the shop's database.
async fn with_two_apps(shop: &Shop) -> Service {
    let mut sellers = sellers(SignType::HmacSha256);
    let mut second = sellers.sellers[0].clone();
    second.merchant.app_id = "wx5a0mademeup0002".parse().unwrap();
    sellers.sellers.push(second);
    let store = Store::open(&shop.database).await.unwrap();
    let clock = Clock::Manual(shop.clock.clone());
    Service::open(store, clock, Random::seeded(2), sellers).await.unwrap().0
}

#[tokio::test]
async fn a_number_of_one_app_is_never_paid_by_a_message_in_the_name_of_another() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    let service = with_two_apps(&shop).await;
    let mut fields = notice_fields(&number, T1, "1800");
    fields.iter_mut().find(|(name, _)| *name == "appid").unwrap().1 = "wx5a0mademeup0002";
    let before = shop.everything().await;
    match service.notify(&signed(&fields, KEY, SignType::HmacSha256)).await {
        Err(NoticeError::Refused(refusal)) => assert_eq!(refusal.to_string(), "appid is not ours"),
        other => panic!("{other:?}"),
    }
    assert_eq!(shop.everything().await, before);
    service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    assert_eq!(shop.phase(&order_id).await.0, "paid");
}

#[tokio::test]
async fn what_was_paid_for_no_order_goes_back_under_the_app_that_it_was_paid_under() {
    let shop = Shop::open().await;
    let service = with_two_apps(&shop).await;
    for (number, transaction_id, app) in
        [("THEIRS-0001", T1, "wx5a0mademeup0001"), ("THEIRS-0002", T2, "wx5a0mademeup0002")]
    {
        let mut fields = notice_fields(number, transaction_id, "1800");
        fields.iter_mut().find(|(name, _)| *name == "appid").unwrap().1 = app;
        service.notify(&signed(&fields, KEY, SignType::HmacSha256)).await.unwrap();
    }
    assert_eq!(
        shop.rows("select out_trade_no, app_id from refund order by 1").await,
        ["THEIRS-0001 wx5a0mademeup0001", "THEIRS-0002 wx5a0mademeup0002"]
    );
    // WeChat closes the second one: the next number is the same app's.
    let is_second = |entry: &Entry| entry.key.contains(T2);
    let entries = service.claim(Lane::Gateway, 16).await.unwrap();
    let entry = entries.into_iter().find(is_second).unwrap();
    let refund = ToldRefund {
        out_refund_no: format!("T{T2}-R1").parse().unwrap(),
        refund_id: "50300000000000000000000000001".parse().unwrap(),
        part: Fen::new(PRICE).unwrap(),
        state: saoma_core::api::RefundState::Closed,
    };
    let closed = RefundNews::Told { refunds: vec![refund], total: Fen::new(PRICE) };
    service.settle(entry, Outcome::Refund(closed)).await.unwrap();
    assert_eq!(
        shop.rows(
            "select out_refund_no, app_id from refund where out_trade_no = 'THEIRS-0002' \
                   order by 1"
        )
        .await,
        [format!("T{T2}-R1 wx5a0mademeup0002"), format!("T{T2}-R2 wx5a0mademeup0002")]
    );
}

#[tokio::test]
async fn what_a_stopping_server_has_leased_and_not_begun_is_due_at_once() {
    let mut shop = Shop::open().await;
    shop.order("A-1").await;
    let entry = shop.at_once.try_recv().unwrap();
    assert!(shop.service.claim(Lane::Gateway, 16).await.unwrap().is_empty(), "it is leased");
    let key = entry.key.clone();
    shop.service.give_back(entry, "the server stopped").await.unwrap();
    let row = "select state, tries, last_error from outbox";
    assert_eq!(shop.rows(row).await, ["pending 0 the server stopped"]);
    let claimed = shop.service.claim(Lane::Gateway, 16).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!((&claimed[0].key, claimed[0].tries), (&key, 1), "it was not tried");
}
