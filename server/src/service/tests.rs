//! The verbs on a real file, as a specification.

use super::*;
use crate::store::{AttemptRow, Lane};
use crate::testing::{KEY, PRICE, Shop, alter, notice_fields, only_shop, sellers, signed};
use saoma_core::ids::OutTradeNo;
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

mod history {
    use super::*;
    use crate::store::HistoryRow;

    #[tokio::test]
    async fn an_order_remembers_every_event_with_what_followed() {
        let mut shop = Shop::open().await;
        let (order_id, number) = open_order(&mut shop, "A-1").await;
        let notice = shop.notice(&number, T1, PRICE);
        shop.service.notify(&notice).await.unwrap();
        shop.service.notify(&notice).await.unwrap();
        let mut reader = shop.service.store.reader().await.unwrap();
        let history = HistoryRow::of(&mut reader, &order_id).await.unwrap();
        let names: Vec<_> = history.iter().map(|row| (&*row.kind, &*row.name)).collect();
        assert_eq!(names, [("event", "placed"), ("event", "paid")]);
        let paid: serde_json::Value = serde_json::from_str(&history[1].text).unwrap();
        assert_eq!(paid["event"]["paid"]["payment"]["transaction_id"], T1);
        assert_eq!(paid["effects"][0]["ship"]["transaction_id"], T1);
        assert_eq!((&paid["phase"], &paid["version"]), (&"paid".into(), &3.into()));
    }
}

mod batches {
    use super::*;

    #[tokio::test]
    async fn verbs_that_wait_together_are_committed_together_and_see_one_another() {
        let mut shop = Shop::open().await;
        let mut orders = Vec::new();
        for n in 0..20 {
            orders.push(open_order(&mut shop, &format!("A-{n}")).await);
        }
        let service = &shop.service;
        let calls = orders.iter().enumerate().flat_map(|(n, (_, number))| {
            let transaction = format!("42000099992026112300000000{n:02}");
            let first = shop.notice(number, &transaction, PRICE);
            let fields = notice_fields(number, &transaction, "1800");
            let mut fields = fields;
            fields.push(("attach", "again"));
            let second = signed(&fields, KEY, SignType::HmacSha256);
            [first.clone(), first, second]
        });
        let calls: Vec<Vec<u8>> = calls.collect();
        let answers = calls.iter().map(|body| service.notify(body));
        for answer in futures_util::future::join_all(answers).await {
            answer.unwrap();
        }
        let count = "select count(*) from outbox where kind = 'ship'";
        assert_eq!(shop.rows(count).await, ["20"]);
        let outcomes = "select outcome, count(*) from message group by outcome order by 1";
        assert_eq!(shop.rows(outcomes).await, ["repeated 20", "ship 20"]);
    }

    #[tokio::test]
    async fn one_that_fails_takes_nobody_with_it() {
        let shop = Shop::open().await;
        let (order_id, _) = shop.order("A-1").await;
        let nobody = OrderId::new("20261123192600NOBODY00").unwrap();
        let (new, only) = (new_order("A-2", PRICE), only_shop());
        let (taken, none, made) = tokio::join!(
            shop.service.cancel(&order_id),
            shop.service.cancel(&nobody),
            shop.service.create(&only, &new),
        );
        assert!(matches!(none, Err(CancelError::NotFound)));
        assert_eq!(taken.unwrap().phase, Phase::Closing);
        assert!(made.unwrap().is_new);
    }
}

mod creating {
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
        let (one, other) =
            tokio::join!(shop.service.create(&of, &new), shop.service.create(&of, &new));
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
}

mod notifications {
    use super::*;

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
            shop.rows("select transaction_id, out_trade_no, total_fee_fen, verdict from payment")
                .await,
            [format!("{T1} {number} 1800 ship")]
        );
        let ship = format!("ship-{order_id} pending");
        let due = "select key, state from outbox where state <> 'done'";
        assert_eq!(shop.rows(due).await, [ship]);
        assert_eq!(shop.rows("select outcome from message").await, ["ship"]);
        assert_eq!(shop.service.anomalies(&only_shop()).await.unwrap(), []);
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
            Effect::Close { attempt } => {
                Outcome::Event(Event::CloseConfirmed { attempt: *attempt })
            }
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
            [format!("conflict {T2} none")]
        );
        assert_eq!(shop.rows("select key from outbox where kind = 'refund'").await, [""; 0]);
        assert_eq!(shop.phase(&order_id).await.0, "paid");
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
            [format!("conflict {other} {other_id} none")]
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
        let effect = format!(
            r#"{{"refund":{{"refund":0,"attempt":0,"transaction_id":"{T1}","amount":599}}}}"#
        );
        assert_eq!(shop.rows(held).await, [format!("refund-T{T1}-R1  pending {effect}")]);
        let before = shop.everything().await;
        shop.service.notify(&notice).await.unwrap();
        assert_eq!(shop.everything().await, before);
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
        let text = include_str!("../../../tests/fixtures/v2-ambiguous.json");
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
}

mod giving_up {
    use super::*;

    #[tokio::test]
    async fn an_open_order_closes_and_a_second_time_changes_nothing() {
        let mut shop = Shop::open().await;
        let (order_id, _) = open_order(&mut shop, "A-1").await;
        let view = shop.service.cancel(&order_id).await.unwrap();
        assert_eq!((view.phase, view.code_url), (Phase::Closing, None));
        let before = shop.everything().await;
        let again = shop.service.cancel(&order_id).await.unwrap();
        assert_eq!(again.phase, Phase::Closing);
        assert_eq!(shop.everything().await, before);
    }

    #[tokio::test]
    async fn a_paid_order_and_an_unknown_one_cannot_be_given_up() {
        let mut shop = Shop::open().await;
        let (order_id, number) = open_order(&mut shop, "A-1").await;
        shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
        let refused = shop.service.cancel(&order_id).await;
        assert!(matches!(refused, Err(CancelError::AlreadyPaid)), "{refused:?}");
        let stranger = OrderId::new("20261123192600XXXXXXXX").unwrap();
        let refused = shop.service.cancel(&stranger).await;
        assert!(matches!(refused, Err(CancelError::NotFound)), "{refused:?}");
    }

    #[tokio::test]
    async fn wechat_is_asked_to_close_no_sooner_than_five_minutes_after_ordering() {
        let mut shop = Shop::open().await;
        let (order_id, number) = open_order(&mut shop, "A-1").await;
        shop.service.cancel(&order_id).await.unwrap();
        shop.clock.advance(299);
        shop.service.tick_due().await.unwrap();
        let closes = "select key from outbox where kind = 'close'";
        assert_eq!(shop.rows(closes).await, [""; 0]);
        assert_eq!(
            shop.service.next_tick().await.unwrap().map(|at| at.get()),
            Some(crate::testing::START + 300)
        );
        shop.clock.advance(1);
        shop.service.tick_due().await.unwrap();
        let keys = shop.rows(closes).await;
        assert!(keys.len() == 1 && keys[0].starts_with(&format!("close-{number}-")), "{keys:?}");
    }
}

mod outbox {
    use super::*;

    #[tokio::test]
    async fn what_was_interrupted_is_taken_up_after_a_crash() {
        let mut shop = Shop::open().await;
        let (order_id, number) = open_order(&mut shop, "A-1").await;
        shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
        let claimed = claim(&shop).await.unwrap();
        assert_eq!(claimed.key, format!("ship-{order_id}"));
        let shop = shop.crash().await;
        let again = claim(&shop).await.unwrap();
        assert_eq!((&again.key, again.tries), (&claimed.key, 2));
        shop.service.settle(again.clone(), Outcome::Event(Event::Shipped)).await.unwrap();
        assert_eq!(shop.phase(&order_id).await.0, "shipped");
        assert!(claim(&shop).await.is_none());
    }

    #[tokio::test]
    async fn a_crash_before_the_first_send_loses_no_order() {
        let shop = Shop::open().await;
        let (_, number) = shop.order("A-1").await;
        let shop = shop.crash().await;
        let entry = claim(&shop).await.unwrap();
        assert_eq!(entry.key, format!("place-{number}"));
        assert!(matches!(shop.service.job(&entry).await.unwrap(), Some(Job::Place(_))));
    }

    #[tokio::test]
    async fn a_lease_keeps_others_off_until_it_runs_out() {
        let mut shop = Shop::open().await;
        let (order_id, number) = open_order(&mut shop, "A-1").await;
        shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
        let first = claim(&shop).await.unwrap();
        shop.clock.advance(59);
        assert!(claim(&shop).await.is_none());
        shop.clock.advance(1);
        let second = claim(&shop).await.unwrap();
        assert_eq!(second.key, first.key);
        // The first one, believed dead, comes back without success: the second has the word.
        let failed = Outcome::Again { event: None, why: "too late".to_owned() };
        shop.service.settle(first.clone(), failed).await.unwrap();
        let leased = "select state, last_error from outbox where kind = 'ship'";
        assert_eq!(shop.rows(leased).await, ["leased -"]);
        // Or with success: a fact is a fact, whoever brings it.
        shop.service.settle(first.clone(), Outcome::Event(Event::Shipped)).await.unwrap();
        shop.service.settle(second.clone(), Outcome::Event(Event::Shipped)).await.unwrap();
        assert_eq!(shop.phase(&order_id).await.0, "shipped");
    }

    #[tokio::test]
    async fn a_shop_that_hangs_holds_nothing_up_at_wechat() {
        let mut shop = Shop::open().await;
        let (_, number) = open_order(&mut shop, "A-1").await;
        shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
        let (_, other) = shop.order("A-2").await;
        let shop = shop.crash().await;
        let place = claim_of(&shop, Lane::Gateway).await.unwrap();
        assert_eq!(place.key, format!("place-{other}"));
        assert!(claim_of(&shop, Lane::Gateway).await.is_none());
        assert!(claim_of(&shop, Lane::Shop).await.is_some());
    }

    #[tokio::test]
    async fn goods_do_not_wait_for_an_answer_of_wechat() {
        let shop = Shop::open().await;
        let (order_id, number) = shop.order("A-1").await;
        let placing = shop.rows("select state from outbox").await;
        shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
        assert_eq!(placing, ["leased"]);
        let ship = claim_of(&shop, Lane::Shop).await.unwrap();
        assert_eq!(ship.key, format!("ship-{order_id}"));
    }

    #[tokio::test]
    async fn tries_pause_longer_and_longer() {
        let mut shop = Shop::open().await;
        let (_, number) = open_order(&mut shop, "A-1").await;
        shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
        for pause in [1, 2, 4, 8] {
            let entry = claim(&shop).await.unwrap();
            let failed = Outcome::Again { event: None, why: "status 500".to_owned() };
            shop.service.settle(entry.clone(), failed).await.unwrap();
            shop.clock.advance(pause - 1);
            assert!(claim(&shop).await.is_none(), "{pause}");
            shop.clock.advance(1);
        }
        let row = "select state, tries, last_error from outbox where kind = 'ship'";
        assert_eq!(shop.rows(row).await, ["pending 4 status 500"]);
    }

    #[tokio::test]
    async fn nobody_works_twice_on_one_order_at_a_time() {
        let mut shop = Shop::open().await;
        open_order(&mut shop, "A-1").await;
        shop.clock.advance(900);
        shop.service.tick_due().await.unwrap();
        let pending = "select kind from outbox where state = 'pending' order by kind";
        assert_eq!(shop.rows(pending).await, ["close", "query"]);
        let first = claim(&shop).await.unwrap();
        assert!(claim(&shop).await.is_none(), "the other waits");
        shop.service.settle(first.clone(), Outcome::Unwanted).await.unwrap();
        assert!(claim(&shop).await.is_some());
    }

    #[tokio::test]
    async fn a_number_that_is_over_is_followed_by_the_next_with_its_own_request() {
        let mut shop = Shop::open().await;
        let (order_id, _) = shop.order("A-1").await;
        let entry = shop.at_once.try_recv().unwrap();
        let over = Outcome::Event(Event::NumberOver { attempt: 0 });
        shop.service.settle(entry.clone(), over).await.unwrap();
        let second = OutTradeNo::new(&format!("{order_id}-2")).unwrap();
        let mut reader = shop.service.store.reader().await.unwrap();
        let attempt = AttemptRow::get(&mut reader, &second).await.unwrap().unwrap();
        assert!(attempt.request.contains(&format!("<out_trade_no>{second}</out_trade_no>")));
        drop(reader);
        let entry = claim(&shop).await.unwrap();
        assert_eq!(entry.key, format!("place-{second}"));
        let notice = shop.notice(second.as_str(), T1, PRICE);
        shop.service.notify(&notice).await.unwrap();
        assert_eq!(shop.phase(&order_id).await.0, "paid");
    }

    #[tokio::test]
    async fn a_paid_order_is_not_placed_any_more() {
        let mut shop = Shop::open().await;
        let (order_id, number) = shop.order("A-1").await;
        let entry = shop.at_once.try_recv().unwrap();
        shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
        assert!(shop.service.job(&entry).await.unwrap().is_none());
        shop.service.settle(entry.clone(), Outcome::Unwanted).await.unwrap();
        assert_eq!(shop.phase(&order_id).await.0, "paid");
    }

    #[tokio::test]
    async fn a_payment_found_by_query_is_the_payment_of_the_notification() {
        let mut shop = Shop::open().await;
        let (order_id, number) = open_order(&mut shop, "A-1").await;
        shop.clock.advance(5);
        shop.service.tick_due().await.unwrap();
        let payment = saoma_core::api::Payment {
            out_trade_no: OutTradeNo::new(&number).unwrap(),
            transaction_id: T1.parse().unwrap(),
            total_fee: saoma_core::money::Fen::new(PRICE).unwrap(),
            currency: saoma_core::api::Currency::Cny,
            paid_at: shop.service.context.clock.now(),
            refunded: false,
        };
        let done = perform(&shop, |effect| match effect {
            Effect::Query { .. } => Outcome::Payment(payment.clone()),
            _ => Outcome::Event(Event::Shipped),
        })
        .await;
        assert_eq!(done.len(), 2, "{done:?}");
        assert_eq!(shop.phase(&order_id).await.0, "shipped");
        let before = shop.phase(&order_id).await;
        shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
        assert_eq!(shop.phase(&order_id).await, before);
        assert_eq!(shop.rows("select outcome from message").await, ["repeated"]);
    }

    #[tokio::test]
    async fn an_answer_with_a_payment_of_another_number_is_no_answer() {
        let mut shop = Shop::open().await;
        let (_, number) = open_order(&mut shop, "A-1").await;
        let (other_id, other) = open_order(&mut shop, "A-2").await;
        shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
        perform(&shop, |_| Outcome::Event(Event::Shipped)).await;
        shop.clock.advance(5);
        shop.service.tick_due().await.unwrap();
        let entry = claim(&shop).await.unwrap();
        assert_eq!(entry.order_id.as_ref(), Some(&other_id));
        let payment = saoma_core::api::Payment {
            out_trade_no: OutTradeNo::new(&other).unwrap(),
            transaction_id: T1.parse().unwrap(),
            total_fee: saoma_core::money::Fen::new(PRICE).unwrap(),
            currency: saoma_core::api::Currency::Cny,
            paid_at: shop.service.context.clock.now(),
            refunded: false,
        };
        shop.service.settle(entry.clone(), Outcome::Payment(payment)).await.unwrap();
        assert_eq!(shop.rows("select kind from anomaly").await, ["conflict"]);
        let query = "select state, tries from outbox where state = 'pending'";
        assert_eq!(shop.rows(query).await, ["pending 1"]);
        assert_eq!(shop.phase(&other_id).await.0, "open");
    }
}

mod time {
    use super::*;

    #[tokio::test]
    async fn an_order_asks_for_lost_payments_and_ends_by_itself() {
        let mut shop = Shop::open().await;
        let (order_id, _) = open_order(&mut shop, "A-1").await;
        let mut asked = Vec::new();
        for second in 1..=1_000 {
            shop.clock.advance(1);
            while shop.service.tick_due().await.unwrap() > 0 {}
            let done = perform(&shop, |effect| match effect {
                Effect::Query { attempt } => Outcome::Event(Event::NotPaid { attempt: *attempt }),
                Effect::Close { attempt } => {
                    Outcome::Event(Event::CloseConfirmed { attempt: *attempt })
                }
                other => panic!("{other:?}"),
            })
            .await;
            let kinds = done.iter().map(|key| key.split('-').next().unwrap_or("").to_owned());
            asked.extend(kinds.map(|kind| (second, kind)));
        }
        let asked: Vec<_> = asked.iter().map(|(second, kind)| (*second, kind.as_str())).collect();
        let queries = [5, 30, 60, 180, 300, 600].map(|second| (second, "query"));
        assert_eq!(asked[..6], queries);
        assert_eq!(asked[6..], [(900, "close"), (900, "query")]);
        assert_eq!(shop.phase(&order_id).await.0, "expired");
        assert_eq!(shop.service.next_tick().await.unwrap(), None);
    }

    #[tokio::test]
    async fn somebody_who_watches_late_has_wechat_asked() {
        let mut shop = Shop::open().await;
        let (order_id, _) = open_order(&mut shop, "A-1").await;
        shop.clock.advance(70);
        shop.service.tick_due().await.unwrap();
        let answer = |_: &Effect| Outcome::Event(Event::NotPaid { attempt: 0 });
        assert_eq!(perform(&shop, answer).await.len(), 1);
        shop.clock.advance(119);
        // An order that is not due: only the watcher asks.
        alter(&shop.service.store, "update orders set due_at = null").await;
        shop.service.view(&order_id).await.unwrap();
        assert!(perform(&shop, answer).await.is_empty());
        shop.clock.advance(1);
        shop.service.view(&order_id).await.unwrap();
        shop.service.view(&order_id).await.unwrap();
        assert_eq!(perform(&shop, answer).await.len(), 1);
    }

    #[tokio::test]
    async fn somebody_who_watches_does_not_keep_time_from_its_work() {
        let mut shop = Shop::open().await;
        let (order_id, _) = open_order(&mut shop, "A-1").await;
        shop.clock.advance(900);
        shop.service.view(&order_id).await.unwrap();
        shop.service.tick_due().await.unwrap();
        assert_eq!(shop.phase(&order_id).await.0, "closing");
    }

    #[tokio::test]
    async fn time_that_changes_nothing_does_not_come_up_again_at_once() {
        let mut shop = Shop::open().await;
        open_order(&mut shop, "A-1").await;
        alter(&shop.service.store, "update orders set due_at = 1").await;
        assert_eq!(shop.service.tick_due().await.unwrap(), 1);
        assert_eq!(shop.service.tick_due().await.unwrap(), 0);
        let next = shop.service.next_tick().await.unwrap().unwrap();
        assert_eq!(next, shop.service.context.clock.now().plus(5));
    }
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

#[tokio::test]
async fn what_a_stopping_server_has_leased_and_not_begun_is_due_at_once() {
    let mut shop = Shop::open().await;
    shop.order("A-1").await;
    let entry = shop.at_once.try_recv().unwrap();
    assert!(shop.service.claim(Lane::Gateway, 16).await.unwrap().is_empty(), "it is leased");
    let key = entry.key.clone();
    shop.service.give_back(entry).await.unwrap();
    let claimed = shop.service.claim(Lane::Gateway, 16).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!((&claimed[0].key, claimed[0].tries), (&key, 2));
}
