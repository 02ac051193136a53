//! What WeChat tells.

use super::*;
use crate::store::OrderRow;
use crate::store::look::ListedPayment;
use saoma_postgres::Cluster;
use std::os::unix::fs::symlink;
use std::time::Duration;
use tokio::time::{sleep, timeout};

async fn refusal(shop: &Shop, body: &[u8]) -> String {
    match shop.service.notify(body).await {
        Err(NoticeError::Refused(refusal)) => refusal.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_good_one_pays_the_order_and_ships_it_once() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    assert_eq!(shop.phase(&order_id).await.0, "paid");
    assert_eq!(
        shop.rows("select transaction_id, out_trade_no, total_fee_fen, verdict from payment").await,
        [format!("{T1} {number} 1800 ship")]
    );
    let ship = format!("ship-{order_id} pending");
    let due = "select key, state from outbox where state <> 'done'";
    assert_eq!(shop.rows(due).await, [ship]);
    assert_eq!(shop.rows("select outcome from message").await, ["ship"]);
    assert_eq!(shop.service.anomalies(&only_shop()).await.unwrap(), []);
}

#[tokio::test]
async fn while_the_key_changes_what_either_has_signed_is_taken_and_nothing_else() {
    let mut shop = Shop::open().await;
    let [new, third] = ["n", "t"].map(|letter| letter.repeat(32));
    let mut sellers = sellers(SignType::HmacSha256);
    let key = &mut sellers.sellers[0].merchant.key;
    *key = key.clone().or(&ApiKey::new(&new).unwrap());
    let store = Store::open(&shop.database).await.unwrap();
    let clock = Clock::Manual(shop.clock.clone());
    let (service, _entries) =
        Service::open(store, clock, Random::seeded(2), sellers).await.unwrap();
    for (order_no, key, transaction_id) in [("A-1", KEY, T1), ("A-2", &new, T2)] {
        let (order_id, number) = open_order(&mut shop, order_no).await;
        let by = |key| {
            let fields = notice_fields(&number, transaction_id, "1800");
            signed(&fields, key, SignType::HmacSha256)
        };
        assert!(matches!(service.notify(&by(&third)).await, Err(NoticeError::Refused(_))));
        assert_eq!(shop.phase(&order_id).await.0, "open");
        service.notify(&by(key)).await.unwrap();
        assert_eq!(shop.phase(&order_id).await.0, "paid");
    }
    // Who has one key takes one.
    let (_, number) = open_order(&mut shop, "A-3").await;
    let by_new = signed(
        &notice_fields(&number, "4200009999202611230000000003", "1800"),
        &new,
        SignType::HmacSha256,
    );
    assert_eq!(refusal(&shop, &by_new).await, "sign does not fit the message");
}

#[tokio::test]
async fn the_same_again_is_acknowledged_and_changes_nothing() {
    let mut shop = Shop::open().await;
    let (_, number) = open_order(&mut shop, "A-1").await;
    let notice = shop.notice(&number, T1, PRICE);
    shop.service.notify(&notice).await.unwrap();
    let before = shop.everything().await;
    shop.clock.advance(15);
    shop.service.notify(&notice).await.unwrap();
    assert_eq!(shop.everything().await, before);
}

#[tokio::test]
async fn the_same_payment_in_another_message_changes_no_order() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    let before = shop.phase(&order_id).await;
    let mut fields = notice_fields(&number, T1, "1800");
    fields.retain(|(name, _)| *name != "nonce_str");
    fields.push(("nonce_str", "another"));
    shop.service.notify(&signed(&fields, KEY, SignType::HmacSha256)).await.unwrap();
    assert_eq!(shop.phase(&order_id).await, before);
    let outcomes = shop.rows("select outcome from message order by outcome").await;
    assert_eq!(outcomes, ["repeated", "ship"]);
    let ships = "select count(*) from outbox where kind = 'ship'";
    assert_eq!(shop.rows(ships).await, ["1"]);
}

#[tokio::test]
async fn two_at_the_same_moment_ship_once() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    let notice = shop.notice(&number, T1, PRICE);
    let version = shop.phase(&order_id).await.1;
    let (one, other) = tokio::join!(shop.service.notify(&notice), shop.service.notify(&notice));
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(shop.phase(&order_id).await, ("paid".to_owned(), version + 1));
}

#[tokio::test]
async fn one_that_differs_in_any_byte_is_refused() {
    let mut shop = Shop::open().await;
    let (_, number) = open_order(&mut shop, "A-1").await;
    let good = shop.notice(&number, T1, PRICE);
    let before = shop.everything().await;
    for at in 0..good.len() {
        let mut altered = good.clone();
        altered[at] ^= 1;
        let result = shop.service.notify(&altered).await;
        assert!(matches!(result, Err(NoticeError::Refused(_))), "byte {at}: {result:?}");
    }
    assert_eq!(shop.everything().await, before);
    assert_eq!(shop.service.refused_notices(), u64::try_from(good.len()).unwrap());
    shop.service.notify(&good).await.unwrap();
}

#[tokio::test]
async fn one_that_is_not_from_wechat_to_us_is_refused_and_leaves_no_trace() {
    let mut shop = Shop::open().await;
    let (_, number) = open_order(&mut shop, "A-1").await;
    let fields = notice_fields(&number, T1, "1800");
    let with = |name: &str, value: &'static str| {
        let mut fields = fields.clone();
        fields.iter_mut().filter(|field| field.0 == name).for_each(|field| field.1 = value);
        fields.retain(|field| !field.1.is_empty());
        signed(&fields, KEY, SignType::HmacSha256)
    };
    let unsigned = {
        let text = String::from_utf8(with("nonce_str", "n")).unwrap();
        let at = text.find("<sign>").unwrap();
        format!("{}</xml>", &text[..at]).into_bytes()
    };
    let before = shop.everything().await;
    for (body, reason) in [
        (signed(&fields, &"k".repeat(32), SignType::HmacSha256), "sign does not fit"),
        (signed(&fields, KEY, SignType::Md5), "sign has 32 characters, 64 expected"),
        (unsigned, "there is no sign field"),
        (with("mch_id", "1900000110"), "mch_id is not ours"),
        (with("mch_id", ""), "mch_id is not ours"),
        (with("appid", "wx5a0mademeup0002"), "appid is not ours"),
        (with("result_code", "FAIL"), "result_code is not ours"),
        (with("total_fee", "18.00"), "total_fee has an invalid value"),
        (with("total_fee", ""), "total_fee is missing"),
        (with("time_end", "20261123196731"), "time_end has an invalid value"),
        (with("transaction_id", "42&x=1"), "transaction_id has an invalid value"),
        (with("out_trade_no", "号"), "out_trade_no has an invalid value"),
        (b"".to_vec(), "the document is empty"),
        (b"{}".to_vec(), "the root element has another name"),
        (
            b"<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><xml/>".to_vec(),
            "a document type is not allowed",
        ),
        (b"<xml><sign>1</sign><sign>2</sign></xml>".to_vec(), "a field name is there twice"),
        (vec![b'<'; 16 * 1024 + 1], "the document is longer than 16384 bytes"),
        (b"\xff\xfe<xml/>".to_vec(), "the document is not UTF-8"),
    ] {
        let refusal = refusal(&shop, &body).await;
        assert!(refusal.starts_with(reason), "{refusal}, not {reason}");
    }
    assert_eq!(shop.everything().await, before);
}

#[tokio::test]
async fn another_amount_does_not_ship_and_is_not_lost() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    shop.service.notify(&shop.notice(&number, T1, 1)).await.unwrap();
    let anomalies = shop.service.anomalies(&only_shop()).await.unwrap();
    assert_eq!(
        serde_json::to_string(&anomalies).unwrap(),
        format!(
            "[{{\"order_id\":\"{order_id}\",\"order_no\":\"A-1\",\
             \"kind\":\"amount_mismatch\",\"out_trade_no\":\"{number}\",\
             \"transaction_id\":\"{T1}\",\"expected_fen\":1800,\"paid_fen\":1,\
             \"noticed_at\":1795433160,\"refund\":\"due\"}}]"
        )
    );
    let outbox = "select key, state from outbox where state <> 'done'";
    assert_eq!(shop.rows(outbox).await, [format!("refund-{order_id}-R1 pending")]);
    assert_eq!(shop.phase(&order_id).await.0, "refunding");
    let before = shop.everything().await;
    shop.service.notify(&shop.notice(&number, T1, 1)).await.unwrap();
    assert_eq!(shop.everything().await, before);
}

#[tokio::test]
async fn a_payment_after_cancel_goes_back() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    shop.service.cancel(&order_id).await.unwrap();
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    let verdicts = shop.rows("select verdict from payment").await;
    assert_eq!(verdicts, ["paid_after_cancel"]);
    assert_eq!(shop.rows("select kind, refund from anomaly").await, ["paid_after_cancel due"]);
    assert_eq!(shop.rows("select key from outbox where kind = 'ship'").await, [""; 0]);
}

#[tokio::test]
async fn a_payment_after_the_end_goes_back() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    shop.clock.advance(900);
    while shop.service.tick_due().await.unwrap() > 0 {}
    assert_eq!(shop.phase(&order_id).await.0, "closing");
    perform(&shop, |effect| match effect {
        Effect::Close { attempt } => Outcome::Event(Event::CloseConfirmed { attempt: *attempt }),
        _ => Outcome::Event(Event::NotPaid { attempt: 0 }),
    })
    .await;
    assert_eq!(shop.phase(&order_id).await.0, "expired");
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    assert_eq!(shop.phase(&order_id).await.0, "refunding");
    assert_eq!(shop.rows("select kind from anomaly").await, ["paid_after_close"]);
}

#[tokio::test]
async fn a_second_transaction_for_one_number_moves_no_money() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    shop.service.notify(&shop.notice(&number, T2, PRICE)).await.unwrap();
    assert_eq!(
        shop.rows("select kind, transaction_id, refund from anomaly").await,
        [format!("conflict {T2} held")]
    );
    assert_eq!(shop.rows("select state from outbox where kind = 'refund'").await, ["held"]);
    assert_eq!(shop.phase(&order_id).await.0, "paid");
    let mut reader = shop.service.store.reader().await.unwrap();
    let row = OrderRow::get(&mut reader, &order_id).await.unwrap().unwrap();
    let listed = ListedPayment::of(&mut reader, &row.order).await.unwrap();
    let mut listed: Vec<_> = listed.into_iter().map(|payment| payment.transaction_id).collect();
    listed.sort_unstable();
    assert_eq!(listed, [T1, T2], "its page shows both");
}

#[tokio::test]
async fn one_transaction_belongs_to_one_number_for_ever() {
    let mut shop = Shop::open().await;
    let (_, number) = open_order(&mut shop, "A-1").await;
    let (other_id, other) = open_order(&mut shop, "A-2").await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    let before = shop.phase(&other_id).await;
    shop.service.notify(&shop.notice(&other, T1, PRICE)).await.unwrap();
    assert_eq!(shop.phase(&other_id).await, before, "nothing ships for a doubled transaction");
    assert_eq!(
        shop.rows("select kind, out_trade_no, order_id, refund from anomaly").await,
        [format!("conflict {other} {other_id} open")]
    );
    assert_eq!(shop.rows("select out_trade_no from payment").await, [number]);
}

#[tokio::test]
async fn a_payment_for_an_unknown_number_is_acknowledged_and_has_to_go_back() {
    let shop = Shop::open().await;
    let notice = shop.notice("SOMEBODYELSES-1", T1, 599);
    shop.service.notify(&notice).await.unwrap();
    let anomalies =
        serde_json::to_value(shop.service.anomalies(&only_shop()).await.unwrap()).unwrap();
    assert_eq!(anomalies[0]["kind"], "unknown_order");
    assert_eq!(anomalies[0]["order_id"], serde_json::Value::Null);
    assert_eq!(anomalies[0]["order_no"], serde_json::Value::Null);
    assert_eq!(anomalies[0]["expected_fen"], serde_json::Value::Null);
    assert_eq!(anomalies[0]["refund"], "due");
    let held = "select key, order_id, state, effect from outbox";
    let effect =
        format!(r#"{{"refund":{{"refund":0,"attempt":0,"transaction_id":"{T1}","amount":599}}}}"#);
    assert_eq!(shop.rows(held).await, [format!("refund-T{T1}-R1  pending {effect}")]);
    let before = shop.everything().await;
    shop.service.notify(&notice).await.unwrap();
    assert_eq!(shop.everything().await, before);
}

#[tokio::test]
async fn a_number_that_an_older_database_may_have_lost_is_left_to_a_person() {
    for (is_used_before, is_restarted_after_s, is_used_after_s, state) in [
        (true, None, None, "asked"),
        (true, Some(60), None, "held"),
        // A later number may have been committed before.
        (true, Some(120), Some(1), "held"),
        // Or it was made after the start, by a server whose clock is behind.
        (true, Some(60), Some(60), "held"),
        // This database was in use when the number was made, and had no such order.
        (true, Some(61), Some(60), "asked"),
        // It is no copy of one that had it.
        (false, Some(60), None, "asked"),
    ] {
        let mut shop = Shop::open().await;
        if is_used_before {
            open_order(&mut shop, "A-0").await;
        }
        shop.clock.advance(60);
        let number = format!("{}LOST0001-1", shop.service.context.clock.now().beijing());
        if let Some(later_s) = is_used_after_s {
            shop.clock.advance(later_s);
            open_order(&mut shop, "A-1").await;
        }
        if let Some(later_s) = is_restarted_after_s {
            shop.clock.advance(later_s);
            let store = Store::open(&shop.database).await.unwrap();
            let clock = Clock::Manual(shop.clock.clone());
            let sellers = sellers(SignType::HmacSha256);
            Service::open(store, clock, Random::seeded(2), sellers).await.unwrap();
        }
        shop.service.notify(&shop.notice(&number, T1, 599)).await.unwrap();
        assert_eq!(shop.rows("select state from refund").await, [state]);
        let refund = if state == "held" { "held" } else { "due" };
        let told = shop.rows("select kind, refund from anomaly").await;
        assert_eq!(told, [format!("unknown_order {refund}")]);
    }
}

#[tokio::test]
async fn what_a_server_whose_clock_is_ahead_has_made_may_be_lost_as_well() {
    let mut shop = Shop::open().await;
    open_order(&mut shop, "A-0").await;
    shop.clock.advance(120);
    let by_its_clock = shop.service.context.clock.now().plus(40).beijing();
    shop.clock.advance(10);
    let (store, clock) = (Store::open(&shop.database).await.unwrap(), shop.clock.clone());
    let sellers = sellers(SignType::HmacSha256);
    Service::open(store, Clock::Manual(clock), Random::seeded(2), sellers).await.unwrap();
    let number = format!("{by_its_clock}LOST0001-1");
    shop.service.notify(&shop.notice(&number, T1, 599)).await.unwrap();
    assert_eq!(shop.rows("select state from refund").await, ["held"]);
}

#[tokio::test]
async fn what_a_failover_may_have_lost_is_left_to_a_person_although_no_server_starts() {
    const SOCKET: &str = ".s.PGSQL.5432";
    let (primary, folder) = (Cluster::own().unwrap(), tempfile::tempdir().unwrap());
    // The database's name, which leads to the one first and then to the other.
    let name = folder.path().join(SOCKET);
    symlink(primary.folder().join(SOCKET), &name).unwrap();
    let here = folder.path().display().to_string().replace('/', "%2F");
    let mut shop = Shop::open_at(format!("postgres://postgres@{here}/postgres")).await;
    open_order(&mut shop, "A-0").await;
    let standby = primary.replica().unwrap();
    shop.clock.advance(60);
    let number = format!("{}LOST0001-1", shop.service.context.clock.now().beijing());
    primary.crash().unwrap();
    assert_eq!(standby.psql("postgres", "select pg_promote()").unwrap(), "t");
    std::fs::remove_file(&name).unwrap();
    symlink(standby.folder().join(SOCKET), &name).unwrap();
    shop.clock.advance(60);
    let notice = shop.notice(&number, T1, 599);
    let taken = async {
        // As WeChat does, until it is taken.
        while shop.service.notify(&notice).await.is_err() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(60), taken).await.unwrap();
    assert_eq!(standby.psql("postgres", "select state from refund").unwrap(), "held");
}

#[tokio::test]
async fn a_later_number_of_an_order_that_is_known_can_only_be_a_lost_one() {
    let mut shop = Shop::open().await;
    let (_, number) = open_order(&mut shop, "A-1").await;
    let lost = number.replace("-1", "-2");
    shop.service.notify(&shop.notice(&lost, T1, PRICE)).await.unwrap();
    assert_eq!(shop.rows("select kind, refund from anomaly").await, ["unknown_order held"]);
}

#[tokio::test]
async fn the_algorithm_is_the_one_stored_with_the_number() {
    // The order was made while the merchant used MD5; since then HMAC-SHA256 is configured.
    let mut shop = Shop::open_with(SignType::Md5).await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    let store = Store::open(&shop.database).await.unwrap();
    let clock = Clock::Manual(shop.clock.clone());
    let sellers = sellers(SignType::HmacSha256);
    let (service, _entries) =
        Service::open(store, clock, Random::seeded(2), sellers).await.unwrap();
    let fields = notice_fields(&number, T1, "1800");
    let hmac = signed(&fields, KEY, SignType::HmacSha256);
    assert!(matches!(service.notify(&hmac).await, Err(NoticeError::Refused(_))));
    service.notify(&signed(&fields, KEY, SignType::Md5)).await.unwrap();
    assert_eq!(shop.phase(&order_id).await.0, "paid");
}

#[tokio::test]
async fn of_two_messages_with_one_signature_only_the_genuine_one_is_taken() {
    let text = include_str!("../../../../tests/fixtures/v2-ambiguous.json");
    let pair: serde_json::Value = serde_json::from_str(text).unwrap();
    let message = |name: &str| {
        let fields = pair[name].as_object().unwrap().iter();
        let mut xml = String::from("<xml>");
        for (name, value) in fields {
            xml += &format!("<{name}><![CDATA[{}]]></{name}>", value.as_str().unwrap());
        }
        xml + &format!("<sign>{}</sign></xml>", pair["sign"].as_str().unwrap())
    };
    let shop = Shop::open_with(SignType::Md5).await;
    let forged = refusal(&shop, message("forged").as_bytes()).await;
    // The signature is good: the fields' own rules have to notice.
    assert!(!forged.contains("sign"), "{forged}");
    assert_eq!(shop.everything().await, "");
    shop.service.notify(message("genuine").as_bytes()).await.unwrap();
    assert_eq!(
        shop.rows("select kind, out_trade_no, paid_fen from anomaly").await,
        ["unknown_order SMSMALL1 1"]
    );
}

#[tokio::test]
async fn an_anomaly_is_listed_newest_first() {
    let shop = Shop::open().await;
    shop.service.notify(&shop.notice("NUMBER-1", T1, 1)).await.unwrap();
    shop.clock.advance(1);
    shop.service.notify(&shop.notice("NUMBER-2", T2, 1)).await.unwrap();
    let anomalies = shop.service.anomalies(&only_shop()).await.unwrap();
    let ids: Vec<_> = anomalies.iter().map(|anomaly| anomaly.transaction_id.as_str()).collect();
    assert_eq!(ids, [T2, T1]);
}
