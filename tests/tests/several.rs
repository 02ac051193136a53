//! Two merchants in one server, each with its own key, algorithm and certificate, one of them with
//! two apps; three shops. Whatever is said to WeChat about an order is said in the name of its own
//! merchant and app, and nobody's message, key or bill touches what is another's.
//!
//! The programs must be built before: `cargo build --workspace`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod street;
#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use saoma_core::api::ACK_FAIL;
use saoma_sandbox::gateway::Direction;
use saoma_sandbox::sign::Key;
use saoma_sandbox::{Tender, seal};
use serde_json::json;
use std::collections::BTreeSet;
use street::{BAKERY, CAFE, Order, PARTIES, Party, Street, TEA, read, silent};
use world::notice;

/// The day on which the clocks that stand begin.
const DAY: &str = "/v1/bills/2026-11-24";
/// What a shop's refund `R-1` ends with: `printf R-1 | sha256sum`.
const R1: &str = "aee554ed";

/// A notification about an order in the name of this party, with this key.
fn forged(order: &Order, named: &Party, key: &str, transaction_id: &str) -> String {
    let changes = [
        ("mch_id", named.mch_id),
        ("appid", named.app_id),
        ("transaction_id", transaction_id),
        ("total_fee", &*order.fen.to_string()),
        ("cash_fee", &*order.fen.to_string()),
    ];
    notice(&order.number, key, named.sign_type, &changes)
}

/// Nothing but the owner's own message in the owner's own name pays an order.
async fn forgeries_pay_nothing(street: &Street, orders: &[Order]) {
    let pairs = orders.iter().flat_map(|order| PARTIES.map(|other| (order, other)));
    for (n, (order, other)) in pairs.enumerate() {
        let owner = order.party;
        let payment = format!("420000999920261124000000{n:04}");
        let mut forgeries = Vec::new();
        if other.key != owner.key {
            forgeries.push(forged(order, &other, other.key, &payment));
            forgeries.push(forged(order, &owner, other.key, &payment));
            forgeries.push(forged(order, &other, owner.key, &payment));
        } else if other.app_id != owner.app_id {
            // The merchant's own key, and an app under which the order was not made.
            forgeries.push(forged(order, &other, other.key, &payment));
        }
        for forgery in forgeries {
            assert_eq!(street.notify("notify", forgery.clone()).await, ACK_FAIL, "{forgery}");
        }
    }
    for order in orders {
        assert_eq!(street.view(order).await["phase"], "open", "{order:?}");
    }
    assert_eq!(street.texts("select transaction_id from payment").await, [""; 0]);
    assert_eq!(street.texts("select transaction_id from anomaly").await, [""; 0]);
}

/// To every other shop the order does not exist, and it cannot do anything with it.
async fn others_see_nothing(street: &Street, orders: &[Order]) {
    for order in orders {
        for other in PARTIES.iter().filter(|other| other.shop != order.party.shop) {
            let path = format!("/v1/orders/{}", order.id);
            for path in [path.clone(), format!("{path}/refunds"), format!("{path}/events")] {
                assert_eq!(street.get(other, &path).await.0, 404, "{} {path}", other.shop);
            }
            assert_eq!(street.post(other, &format!("{path}/cancel"), &json!({})).await.0, 404);
            let refund = json!({ "refund_no": "R-1", "amount_fen": 100, "reason": "少一杯" });
            assert_eq!(street.post(other, &format!("{path}/refunds"), &refund).await.0, 404);
        }
        assert!(street.books(order).is_empty(), "{order:?}");
    }
}

/// Each shop gives 100 fen back of its first order; the numbers are the same everywhere.
async fn give_back(street: &Street, orders: &[Order]) {
    let body = json!({ "refund_no": "R-1", "amount_fen": 100, "reason": "少一杯" });
    for order in orders {
        let path = format!("/v1/orders/{}/refunds", order.id);
        let (status, refund) = street.post(&order.party, &path, &body).await;
        assert_eq!(status, 201, "{refund}");
    }
    for order in orders {
        let path = format!("/v1/orders/{}/refunds", order.id);
        let is_done = async || {
            let (_, told) = street.get(&order.party, &path).await;
            let refunds = told["refunds"].as_array().unwrap();
            assert_eq!(refunds.len(), 1, "{told}");
            refunds[0]["state"] == "done"
        };
        street.pass(is_done).await;
        assert_eq!(street.books(order), [(format!("{}-S{R1}", order.id), 100, "SUCCESS")]);
    }
}

/// Each refund's end was told and read with its own merchant's key; what another key has sealed,
/// and what another merchant says of it, is not heard.
async fn refunds_are_told_to_their_merchants_alone(street: &Street, orders: &[Order]) {
    for order in orders {
        let payment = street.sandbox.order(&order.number).unwrap().payments.remove(0);
        let told = payment.refunds[0].notification.clone().unwrap();
        assert_eq!(told.state, "acknowledged", "{told:?}");
        let heard = "select order_id from history where name = 'refund_notice'";
        assert_eq!(street.texts(heard).await.iter().filter(|id| **id == order.id).count(), 1);
    }
    let messages = street.sandbox.messages();
    let out = messages.iter().filter(|message| message.direction == Direction::Out);
    let told: Vec<_> = out.filter(|message| message.name.ends_with("refund-notify")).collect();
    let before = street.everything().await;
    for order in orders {
        let owner = order.party;
        let is_its = |body: &str| body.contains(owner.app_id) && body.contains(owner.mch_id);
        let body = &told.iter().find(|message| is_its(&message.request)).unwrap().request;
        let other = if owner.mch_id == TEA.mch_id { CAFE } else { TEA };
        // Sealed with the key of the one, in the name of the other.
        let renamed = body.replace(owner.mch_id, other.mch_id).replace(owner.app_id, other.app_id);
        assert_eq!(street.notify("refund-notify", renamed).await, ACK_FAIL);
        // All of it by the other merchant, about a refund that is not its own, and about one that
        // somebody else would have made.
        let at = body.find("<req_info>").unwrap();
        let sealed = read(body, "req_info").unwrap();
        let content = seal::open(&sealed, &Key::new(owner.key).unwrap()).unwrap();
        for content in [content.clone(), content.replace(&format!("{R1}]]"), "00000009]]")] {
            let sealed = seal::seal(&content, &Key::new(other.key).unwrap());
            let head = body[..at].replace(owner.mch_id, other.mch_id);
            let head = head.replace(owner.app_id, other.app_id);
            let body = format!("{head}<req_info>{sealed}</req_info></xml>");
            assert_eq!(street.notify("refund-notify", body).await, ACK_FAIL, "{content}");
        }
    }
    assert_eq!(street.everything().await, before);
}

/// What was paid for a number that nobody here knows goes back under the app that it was paid
/// under, with its merchant's certificate.
async fn unknown_payments_go_back(street: &Street, numbers: &[(Party, String)]) {
    for (party, number) in numbers {
        let is_back = async || {
            let payment = street.sandbox.order(number).unwrap().payments.remove(0);
            payment.refunds.iter().any(|refund| refund.refund_status == "SUCCESS")
        };
        street.pass(is_back).await;
        let payment = street.sandbox.order(number).unwrap().payments.remove(0);
        let asked = street.sandbox.messages().into_iter().find(|message| {
            message.name == "/secapi/pay/refund"
                && read(&message.request, "transaction_id").as_ref()
                    == Some(&payment.transaction_id)
        });
        let asked = asked.unwrap();
        assert_eq!(read(&asked.request, "appid").unwrap(), party.app_id, "{}", asked.request);
        for other in PARTIES {
            let (_, told) = street.get(&other, "/v1/anomalies").await;
            let told = told["anomalies"].as_array().unwrap();
            let is_it = |anomaly: &&serde_json::Value| anomaly["out_trade_no"] == **number;
            let count = told.iter().filter(is_it).count();
            assert_eq!(count, usize::from(other.mch_id == party.mch_id), "{} {told:?}", other.shop);
        }
    }
}

/// Every call that was made, in whose name; gives the kinds of calls that were made for each.
fn every_call_is_in_its_owners_name(
    street: &Street,
    orders: &[Order],
    unknown: &[(Party, String)],
) {
    let mut owners: Vec<(Party, BTreeSet<String>)> = Vec::new();
    let known = orders.iter().map(|order| (order.party, &order.number));
    for (party, number) in known.chain(unknown.iter().map(|(party, number)| (*party, number))) {
        let order = street.sandbox.order(number).unwrap();
        assert_eq!((&*order.mch_id, &*order.appid), (party.mch_id, party.app_id));
        let mut names = BTreeSet::from([number.clone()]);
        for payment in order.payments {
            names.insert(payment.transaction_id);
            names.extend(payment.refunds.into_iter().map(|refund| refund.out_refund_no));
        }
        owners.push((party, names));
    }
    let messages = street.sandbox.messages();
    for call in messages.iter().filter(|message| message.direction == Direction::In) {
        let request = &call.request;
        if call.name == "/pay/downloadbill" {
            // The whole merchant's, whichever of its apps asks.
            let named = read(request, "mch_id").zip(read(request, "appid")).unwrap();
            assert!(PARTIES.iter().any(|it| (it.mch_id, it.app_id) == (&*named.0, &*named.1)));
            assert_eq!(call.code, None, "{request} {:?}", call.detail);
            continue;
        }
        let about = ["out_refund_no", "transaction_id", "out_trade_no"];
        let about = about.iter().find_map(|name| read(request, name)).unwrap();
        let (owner, _) = owners.iter().find(|(_, names)| names.contains(&about)).unwrap();
        let named = [read(request, "mch_id").unwrap(), read(request, "appid").unwrap()];
        assert_eq!(named, [owner.mch_id, owner.app_id], "{request}");
        let sign = read(request, "sign").unwrap().len();
        assert_eq!(sign, owner.sign_type.sign_len(), "{request}");
        assert_eq!(call.code, None, "{request} {:?}", call.detail);
    }
}

/// How many calls of this kind were made in each party's name.
fn count(street: &Street, call: &str) -> [usize; 3] {
    let messages = street.sandbox.messages();
    let is_call = |it: &&saoma_sandbox::gateway::Message| {
        it.direction == Direction::In && it.name.ends_with(call)
    };
    PARTIES.map(|party| {
        let its = messages.iter().filter(is_call);
        its.filter(|it| read(&it.request, "appid").as_deref() == Some(party.app_id)).count()
    })
}

#[tokio::test]
async fn everything_is_said_and_heard_in_the_name_of_its_own_merchant_and_app() {
    let street = Street::of_programs().await;
    let mut orders = Vec::new();
    for (party, fen) in PARTIES.into_iter().zip([1800, 2500, 700]) {
        orders.push(street.order(party, "A-1", fen).await);
    }
    forgeries_pay_nothing(&street, &orders).await;
    others_see_nothing(&street, &orders).await;

    // The first orders are told of; of the second ones a query hears.
    for order in &orders {
        street.pay(order, Tender::default());
    }
    let mut untold = Vec::new();
    for (party, fen) in PARTIES.into_iter().zip([300, 400, 500]) {
        let order = street.order(party, "A-2", fen).await;
        street.pay(&order, silent());
        untold.push(order);
    }
    for order in orders.iter().chain(&untold) {
        street.until(order, "shipped").await;
    }
    for party in PARTIES {
        let mine = orders.iter().chain(&untold).filter(|order| order.party.shop == party.shop);
        let mine: BTreeSet<String> = mine.map(|order| order.id.clone()).collect();
        assert_eq!(street.told(&party), mine, "{}", party.shop);
    }
    others_see_nothing(&street, &orders).await;
    give_back(&street, &orders).await;
    refunds_are_told_to_their_merchants_alone(&street, &orders).await;

    let mut unknown = Vec::new();
    for (n, party) in PARTIES.into_iter().enumerate() {
        let number = format!("20261124032600LOST000{n}-1");
        street.pay_unknown(&party, &number, Tender::default()).await;
        unknown.push((party, number));
    }
    unknown_payments_go_back(&street, &unknown).await;
    orders.extend(untold);
    every_call_is_in_its_owners_name(&street, &orders, &unknown);
    for (call, least) in [("unifiedorder", 3), ("orderquery", 1), ("refund", 2), ("refundquery", 1)]
    {
        let counts = count(&street, call);
        assert!(counts.iter().all(|count| *count >= least), "{call}: {counts:?}");
    }
    street.stop().await;
}

#[tokio::test]
async fn each_merchant_closes_its_own_orders_and_compares_its_own_bill() {
    let street = Street::with_standing_clocks().await;
    let (mut orders, mut unknown) = (Vec::new(), Vec::new());
    for (n, party) in PARTIES.into_iter().enumerate() {
        let fen = 1_000 + 100 * u64::try_from(n).unwrap();
        let paid = street.order(party, "A-1", fen).await;
        street.pay(&paid, Tender::default());
        street.until(&paid, "shipped").await;
        let given_up = street.order(party, "A-2", fen).await;
        let path = format!("/v1/orders/{}/cancel", given_up.id);
        assert_eq!(street.post(&party, &path, &json!({})).await.0, 200);
        // Nobody hears of this one before the bill comes.
        let number = format!("20261124032600LOST000{n}-1");
        street.pay_unknown(&party, &number, silent()).await;
        unknown.push((party, number));
        orders.extend([paid, given_up]);
    }
    for given_up in orders.iter().filter(|order| order.order_no == "A-2") {
        let is_over = async || street.view(given_up).await["phase"] == "cancelled";
        street.pass(is_over).await;
        assert_eq!(street.sandbox.order(&given_up.number).unwrap().trade_state, "CLOSED");
    }
    assert_eq!(count(&street, "closeorder"), [1, 1, 1]);
    let paid: Vec<Order> = orders.iter().filter(|order| order.order_no == "A-1").cloned().collect();
    give_back(&street, &paid).await;

    street.advance(110_040);
    for (party, orders, fen) in [(TEA, 1, 1_000), (CAFE, 2, 2_300), (BAKERY, 2, 2_300)] {
        let day = street.compared(&party, DAY).await;
        assert_eq!(day["mch_id"], party.mch_id);
        // Those that nobody knew are of 500 fen each, and taken by now.
        let both = json!({ "count": 2 * orders, "fen": fen + 500 * orders });
        assert_eq!((&day["payments"]["bill"], &day["payments"]["here"]), (&both, &both), "{day:#}");
        let back = json!({ "count": orders, "fen": 100 * orders });
        assert_eq!((&day["refunds"]["bill"], &day["refunds"]["here"]), (&back, &back), "{day:#}");
        let found = day["differences"].as_array().unwrap();
        let found = found.iter().map(|it| it["out_trade_no"].as_str().unwrap().to_owned());
        let theirs = unknown.iter().filter(|(owner, _)| owner.mch_id == party.mch_id);
        let theirs: BTreeSet<String> = theirs.map(|(_, number)| number.clone()).collect();
        assert_eq!(found.collect::<BTreeSet<_>>(), theirs);
    }
    unknown_payments_go_back(&street, &unknown).await;
    every_call_is_in_its_owners_name(&street, &orders, &unknown);
    let [tea, cafe, bakery] = count(&street, "downloadbill");
    assert!(tea > 0 && cafe + bakery > 0, "each merchant's own: {tea} {cafe} {bakery}");
    street.stop().await;
}
