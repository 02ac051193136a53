//! The daily comparison, with server and sandbox and time moved: what the bill has and the server
//! has not ends right, and everybody can read why.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[expect(dead_code, reason = "other tests use the rest of it")]
mod world;

use saoma_core::api::{Merchant, UnifiedOrder, UnifiedOrderAnswer};
use saoma_core::ids::{AppId, MchId, Nonce, OutTradeNo};
use saoma_core::money::Fen;
use saoma_core::native::Gateway;
use saoma_core::sign::{ApiKey, SignType};
use saoma_core::time::UnixTime;
use saoma_sandbox::gateway::Call;
use saoma_sandbox::{ConsoleRefund, FaultRule, Often, Target, Tender};
use saoma_server::{Clock, Random, Reconciled};
use serde_json::Value;
use std::time::Duration;
use world::{APP_ID, KEY, MCH_ID, SHOP_KEY, World};

/// The day on which the world begins, and the seconds until its bill is there.
const DAY: &str = "/v1/bills/2026-11-24";
const UNTIL_BILL: u32 = 110_040;
const PATIENCE: Duration = Duration::from_secs(60);

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.bearer_auth(SHOP_KEY).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// What the shop reads at a path.
async fn get(world: &World, path: &str) -> (u16, Value) {
    answer(http().get(format!("{}{path}", world.base_url()))).await
}

/// The shop wants the day compared.
async fn post(world: &World, path: &str) -> (u16, Value) {
    answer(http().post(format!("{}{path}", world.base_url()))).await
}

fn unnotified() -> Tender {
    Tender { notify: false, ..Tender::default() }
}

/// The first day's answer, once `is` holds of it.
async fn day(world: &World, is: impl Fn(&Value) -> bool) -> Value {
    day_at(world, DAY, is).await
}

/// The answer at a path, once `is` holds of it.
async fn day_at(world: &World, path: &str, is: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let seen = async {
        loop {
            last = get(world, path).await.1;
            if is(&last) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let seen = tokio::time::timeout(PATIENCE, seen).await;
    assert!(seen.is_ok(), "it never came to that: {last:#}");
    last
}

/// A day that is compared, and about which nobody is asked any more.
async fn settled(world: &World) -> Value {
    settled_at(world, DAY).await
}

async fn settled_at(world: &World, path: &str) -> Value {
    let is = |day: &Value| day["state"] == "compared" && day["due_at"].is_null();
    day_at(world, path, |day| is(day) && day["asking"] == 0).await
}

/// The only difference of a day in short: kind, state, why.
fn only(day: &Value) -> [String; 3] {
    let differences = day["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 1, "{day:#}");
    ["kind", "state", "why"].map(|name| differences[0][name].as_str().unwrap().to_owned())
}

/// Orders at the sandbox what our server knows nothing of, and pays it.
async fn pay_unknown(world: &World, number: &str) {
    let merchant = Merchant {
        mch_id: MchId::new(MCH_ID).unwrap(),
        app_id: AppId::new(APP_ID).unwrap(),
        key: ApiKey::new(KEY).unwrap(),
        sign_type: SignType::Md5,
    };
    let gateway = Gateway::new(merchant.clone(), &[&world.sandbox.base_url()]).unwrap();
    let now = UnixTime::new(world.sandbox.now().0.unsigned_abs()).unwrap();
    let out_trade_no = OutTradeNo::new(number).unwrap();
    let order = UnifiedOrder::new(
        &out_trade_no,
        "别处的咖啡",
        Fen::parse("500").unwrap(),
        "http://127.0.0.1:1/never",
        "203.0.113.7".parse().unwrap(),
        (now, now.plus(900)),
    );
    let mut request = String::new();
    order.unwrap().draft(&merchant, SignType::Md5).write(&mut request).unwrap();
    let nonce = Nonce::from_random([7; 16]);
    let answer = gateway.unified_order(request.as_bytes(), SignType::Md5, &nonce).await.unwrap();
    assert!(matches!(answer, UnifiedOrderAnswer::Placed { .. }), "{answer:?}");
    world.sandbox.pay(&Target::of_number(number), unnotified()).unwrap();
}

#[tokio::test]
async fn a_day_on_which_all_is_well_has_no_difference() {
    let world = World::start().await;
    assert_eq!(get(&world, DAY).await.0, 404, "nobody has compared it yet");
    let order = world.order("A-1").await;
    world.pay(&order);
    world.until(&order.id, "shipped").await;
    world.advance(UNTIL_BILL - 60);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(get(&world, DAY).await.0, 404, "a minute before ten");
    world.advance(120);
    let day = settled(&world).await;
    assert_eq!(day["differences"].as_array().unwrap().len(), 0, "{day:#}");
    assert_eq!(day["payments"]["bill"], serde_json::json!({ "count": 1, "fen": 1800 }));
    assert_eq!(day["payments"]["here"], day["payments"]["bill"]);
    assert_eq!((&day["open"], &day["mch_id"]), (&0.into(), &MCH_ID.into()));
    let (_, days) = get(&world, "/v1/bills").await;
    assert_eq!(days["bills"][0]["date"], "2026-11-24");
}

/// WeChat quotes nothing in a bill.
#[tokio::test]
async fn a_name_that_holds_what_stands_between_the_bills_values_hides_no_line() {
    let world = World::start().await;
    let order = world.order_of("A-1", "拿铁,`大杯,`,").await;
    world.pay(&order);
    world.until(&order.id, "shipped").await;
    world.advance(UNTIL_BILL + 60);
    let day = settled(&world).await;
    assert_eq!(day["differences"].as_array().unwrap().len(), 0, "{day:#}");
    assert_eq!(day["payments"]["bill"], serde_json::json!({ "count": 1, "fen": 1800 }));
    assert_eq!(day["payments"]["here"], day["payments"]["bill"]);
}

#[tokio::test]
async fn a_payment_of_which_nobody_heard_for_a_day_is_found_in_the_bill_and_shipped() {
    let world = World::start().await;
    let order = world.order("A-1").await;
    for call in [Call::OrderQuery, Call::CloseOrder] {
        let rule = FaultRule::next("system_error_before".parse().unwrap()).of_call(call);
        world.sandbox.add_fault(rule.often(Often::Always)).unwrap();
    }
    world.pay_as(&order, unnotified());
    world.advance(UNTIL_BILL + 60);
    let found = day(&world, |day| day["state"] == "compared").await;
    assert_eq!(only(&found), ["missing_here", "open", "asking"]);
    assert_eq!(found["differences"][0]["order_id"], order.id);
    assert!(world.shop.calls().is_empty(), "a bill is not signed: WeChat is asked first");

    world.sandbox.remove_faults();
    world.advance(3_600);
    world.until(&order.id, "shipped").await;
    let day = settled(&world).await;
    let [kind, state, why] = only(&day);
    assert_eq!((kind.as_str(), state.as_str()), ("missing_here", "settled"));
    assert!(["shipped", "known_meanwhile"].contains(&why.as_str()), "{why}");
    assert_eq!(world.shop.calls().len(), 1);
    assert_eq!(day["payments"]["here"], day["payments"]["bill"], "added up again");

    let table = http().get(format!("{}{DAY}.csv", world.base_url())).bearer_auth(SHOP_KEY);
    let table = table.send().await.unwrap();
    assert_eq!(table.headers()["content-type"], "text/csv; charset=utf-8");
    let table = table.text().await.unwrap();
    assert!(table.starts_with('\u{FEFF}') && table.contains("已入账 settled"), "{table}");
    assert!(table.contains(&format!(",`{},", order.number)), "{table}");
}

#[tokio::test]
async fn a_payment_that_every_query_denied_goes_back() {
    let world = World::start().await;
    let order = world.order("A-1").await;
    let rule = FaultRule::next("query_revoked".parse().unwrap()).of_call(Call::OrderQuery);
    world.sandbox.add_fault(rule.often(Often::Always)).unwrap();
    world.pay_as(&order, unnotified());
    world.advance(UNTIL_BILL - 3_600);
    world.until(&order.id, "expired").await;
    world.sandbox.remove_faults();
    world.advance(3_660);
    let day = settled(&world).await;
    assert_eq!(only(&day), ["missing_here", "refunded", "goes_back"]);
    assert_eq!(day["differences"][0]["note"], "paid_after_close");
    assert!(world.shop.calls().is_empty());
    assert_eq!(world.anomalies().await[0]["kind"], "paid_after_close");

    // Once more: nothing is added, nothing is lost, and the sums are even now.
    assert_eq!(post(&world, DAY).await.0, 202);
    let again = settled(&world).await;
    assert_eq!(only(&again), ["missing_here", "refunded", "goes_back"]);
    assert_eq!(again["payments"]["here"]["count"], 1);
}

#[tokio::test]
async fn an_unknown_order_goes_back_when_its_number_can_be_ours() {
    let world = World::with_certificate("").await;
    pay_unknown(&world, "20261124032600LOST0001-1").await;
    pay_unknown(&world, "OTHER-PROGRAM-0001").await;
    world.advance(UNTIL_BILL + 60);
    let day = settled(&world).await;
    let mut ends: Vec<String> = Vec::new();
    for difference in day["differences"].as_array().unwrap() {
        let text = |name: &str| difference[name].as_str().unwrap().to_owned();
        ends.push([text("out_trade_no"), text("state"), text("why"), text("note")].join(" "));
    }
    ends.sort();
    assert_eq!(
        ends,
        [
            "20261124032600LOST0001-1 refunded goes_back unknown_order",
            "OTHER-PROGRAM-0001 explained not_ours ",
        ]
    );
    assert_eq!(day["payments"]["others"], serde_json::json!({ "count": 1, "fen": 500 }));
    let anomalies = world.anomalies().await;
    assert_eq!(anomalies.len(), 1, "{anomalies:?}");
    assert_eq!(anomalies[0]["kind"], "unknown_order");

    // It really goes back, under one number, and the next day's bill says nothing new.
    let refunds = |number: &str| world.sandbox.order(number).unwrap().payments.remove(0).refunds;
    let lost = "20261124032600LOST0001-1";
    let is_back = || refunds(lost).iter().all(|refund| refund.refund_status == "SUCCESS");
    world.pass(4_000, 60, async || !refunds(lost).is_empty() && is_back()).await;
    assert_eq!((refunds(lost).len(), refunds(lost)[0].refund_fee), (1, 500));
    assert!(refunds("OTHER-PROGRAM-0001").is_empty(), "another program's money is not touched");
    world.advance(86_400);
    let next = settled_at(&world, "/v1/bills/2026-11-25").await;
    assert_eq!(next["differences"].as_array().unwrap().len(), 0, "{next:#}");
    assert_eq!(next["refunds"]["bill"], serde_json::json!({ "count": 1, "fen": 500 }));
}

#[tokio::test]
async fn a_policy_to_hold_leaves_an_unknown_order_to_a_person() {
    let lines = "anomalies = \"hold\"\nbill_unknown = \"all\"";
    let world = World::with_certificate(lines).await;
    pay_unknown(&world, "ANY-NUMBER-0001").await;
    world.advance(UNTIL_BILL + 60);
    let day = settled(&world).await;
    assert_eq!(only(&day), ["missing_here", "open", "held"]);
    assert_eq!((&day["open"], &day["payments"]["others"]["count"]), (&1.into(), &0.into()));
}

#[tokio::test]
async fn many_unknown_orders_may_be_another_servers_and_are_left_to_a_person() {
    let world = World::with_certificate("").await;
    let number = |n: u32| format!("20261124032600OTHER{n:04}-1");
    for n in 0..11 {
        pay_unknown(&world, &number(n)).await;
    }
    world.advance(UNTIL_BILL + 60);
    let day = settled(&world).await;
    assert_eq!((&day["open"], &day["payments"]["others"]["count"]), (&11.into(), &0.into()));
    for difference in day["differences"].as_array().unwrap() {
        assert_eq!((&difference["state"], &difference["why"]), (&"open".into(), &"held".into()));
        let note = difference["note"].as_str().unwrap();
        assert!(note.contains("another server"), "{note}");
    }
    assert!(world.anomalies().await.is_empty(), "nothing was taken, nothing goes back");
}

#[tokio::test]
async fn refunds_around_midnight_stand_on_the_day_of_their_acceptance() {
    let world = World::with_certificate("").await;
    // 23:55 on the first day.
    world.advance(73_740);
    let (first, second) = (world.order("A-1").await, world.order("A-2").await);
    for order in [&first, &second] {
        world.pay(order);
        world.until(&order.id, "shipped").await;
    }
    let state = async |order: &world::Order| {
        let refund = world.refunds(&order.id).await.remove(0);
        refund["state"].as_str().unwrap().to_owned()
    };
    let until = async |order: &world::Order, wanted: &str| {
        let mut last = String::new();
        for _ in 0..600 {
            last = state(order).await;
            if last == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{last} instead of {wanted}");
    };
    // Accepted a second before midnight, done on the next day.
    world.advance(298);
    assert_eq!(world.refund(&first.id, "R-1", 500).await.0, 201);
    until(&first, "accepted").await;
    // Accepted a second before midnight; we hear of it only on the next day.
    world.advance(1);
    let rule = FaultRule::next("cut_after".parse().unwrap()).of_call(Call::Refund);
    world.sandbox.add_fault(rule).unwrap();
    assert_eq!(world.refund(&second.id, "R-2", 700).await.0, 201);
    until(&second, "unsure").await;
    world.pass(7_200, 60, async || state(&first).await == "done").await;
    world.pass(7_200, 60, async || state(&second).await == "done").await;

    world.advance(2 * 86_400);
    let first_day = settled(&world).await;
    assert_eq!(only(&first_day), ["refund_other_day", "explained", "other_day"]);
    assert_eq!(first_day["refunds"]["bill"], serde_json::json!({ "count": 2, "fen": 1200 }));
    assert_eq!(first_day["refunds"]["here"], serde_json::json!({ "count": 1, "fen": 500 }));
    let second_day = settled_at(&world, "/v1/bills/2026-11-25").await;
    assert_eq!(only(&second_day), ["refund_other_day", "explained", "other_day"]);
    assert_eq!(second_day["refunds"]["here"], serde_json::json!({ "count": 1, "fen": 700 }));
}

#[tokio::test]
async fn a_refund_made_by_hand_is_named_and_told_to_its_order() {
    let world = World::start().await;
    let order = world.order("A-1").await;
    world.pay(&order);
    world.until(&order.id, "shipped").await;
    let refund = ConsoleRefund { refund_fen: Some(500), ..ConsoleRefund::default() };
    world.advance(60);
    let made = world.sandbox.refund_by_hand(&Target::of_number(&order.number), refund).unwrap();
    world.advance(UNTIL_BILL);
    let day = settled(&world).await;
    assert_eq!(only(&day), ["refund_missing_here", "explained", "by_hand"]);
    let difference = &day["differences"][0];
    assert_eq!(difference["out_refund_no"], made.out_refund_no);
    assert_eq!((&difference["bill_fen"], &difference["here_fen"]), (&500.into(), &Value::Null));
    assert_eq!(difference["order_id"], order.id);
    assert_eq!(day["refunds"]["bill"], serde_json::json!({ "count": 1, "fen": 500 }));
    assert_eq!(day["refunds"]["here"], day["refunds"]["bill"], "it is recorded now");
    let refunds = world.refunds(&order.id).await;
    assert_eq!((refunds.len(), &refunds[0]["asked_by"]), (1, &"elsewhere".into()), "{refunds:?}");
}

#[tokio::test]
async fn of_a_number_paid_twice_the_bill_tells_which_payment_went_back() {
    let world = World::start().await;
    let order = world.order("A-1").await;
    // Asked by the number alone, WeChat tells of the first; we know the second.
    world.pay_as(&order, unnotified());
    let second = world.pay_as(&order, Tender { force: true, ..Tender::default() });
    world.until(&order.id, "shipped").await;
    world.advance(60);
    let by_hand = |payment: Option<String>, refund_fen| {
        let refund = ConsoleRefund {
            transaction_id: payment,
            refund_fen: Some(refund_fen),
            ..ConsoleRefund::default()
        };
        let target = Target::of_number(&order.number);
        world.sandbox.refund_by_hand(&target, refund).unwrap().out_refund_no
    };
    let (of_first, of_second) = (by_hand(None, 300), by_hand(Some(second), 500));
    world.advance(UNTIL_BILL);
    let day = settled(&world).await;
    let differences = day["differences"].as_array().unwrap();
    for (number, fen) in [(&of_first, 300), (&of_second, 500)] {
        let found = differences.iter().find(|found| found["out_refund_no"] == number.as_str());
        let found = found.unwrap_or_else(|| panic!("{number} is not there: {day:#}"));
        assert_eq!((&found["why"], &found["bill_fen"]), (&"by_hand".into(), &fen.into()));
    }
    let refunds = world.refunds(&order.id).await;
    assert_eq!(refunds.len(), 1, "only one of them is of the order's payment: {refunds:?}");
    assert_eq!(
        (&refunds[0]["asked_by"], &refunds[0]["amount_fen"]),
        (&"elsewhere".into(), &500.into())
    );
}

#[tokio::test]
async fn a_bill_that_is_not_there_yet_is_asked_for_again() {
    let world = World::start().await;
    let order = world.order("A-1").await;
    world.pay(&order);
    world.until(&order.id, "shipped").await;
    let rule = FaultRule::next("error; 20003".parse().unwrap()).of_call(Call::DownloadBill);
    world.sandbox.add_fault(rule.often(Often::Next(2))).unwrap();
    world.advance(UNTIL_BILL + 60);
    let failed = day(&world, |day| day["last_error"].is_string()).await;
    assert_eq!((&failed["state"], &failed["payments"]), (&"waiting".into(), &Value::Null));
    world.advance(60);
    day(&world, |day| day["due_at"].as_u64() > failed["due_at"].as_u64()).await;
    world.advance(120);
    let day = settled(&world).await;
    assert_eq!(day["last_error"], Value::Null);
    assert_eq!(day["payments"]["here"]["count"], 1);
}

#[tokio::test]
async fn days_that_were_missed_are_caught_up() {
    let mut world = World::start().await;
    let order = world.order("A-1").await;
    world.pay_as(&order, unnotified());
    world.crash_server();
    world.advance(3 * 86_400 + UNTIL_BILL);
    world.start_server().await;
    let day = settled(&world).await;
    assert_eq!(only(&day)[1], "settled", "{day:#}");
    let (_, days) = get(&world, "/v1/bills").await;
    let dates: Vec<&str> =
        days["bills"].as_array().unwrap().iter().map(|day| day["date"].as_str().unwrap()).collect();
    assert_eq!(dates, ["2026-11-27", "2026-11-26", "2026-11-25", "2026-11-24"]);
}

/// `saoma-server reconcile`, in this process.
async fn reconcile(
    world: &World,
    date: &str,
    merchant: Option<&str>,
) -> Result<Reconciled, String> {
    let (config, clock) = (world.config.clone(), Clock::Manual(world.clock.clone()));
    let done = saoma_server::reconcile(config, clock, Random::seeded(9), date, merchant).await;
    done.map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_command_compares_alone_and_asks_a_server_that_runs() {
    let mut world = World::start().await;
    let order = world.order("A-1").await;
    world.pay_as(&order, unnotified());
    world.crash_server();
    for (date, merchant, problem) in [
        ("yesterday", None, "DATE must be a day such as 2026-11-23"),
        ("2026-11-24", None, "DATE must be a day before today"),
        ("2026-11-22", Some("1900000999"), "no merchant 1900000999"),
    ] {
        let error = reconcile(&world, date, merchant).await.unwrap_err();
        assert!(error.contains(problem), "{error}");
    }
    world.advance(UNTIL_BILL + 60);

    let rule = FaultRule::next("system_error_before".parse().unwrap()).of_call(Call::DownloadBill);
    world.sandbox.add_fault(rule.often(Often::Next(1))).unwrap();
    let failed = reconcile(&world, "2026-11-24", None).await.unwrap();
    assert_eq!((failed.open, failed.failed), (0, 1), "{}", failed.text);
    assert!(failed.text.contains("could not be compared"), "{}", failed.text);

    let rule = FaultRule::next("system_error_before".parse().unwrap()).of_call(Call::OrderQuery);
    world.sandbox.add_fault(rule.often(Often::Next(1))).unwrap();
    let open = reconcile(&world, "2026-11-24", Some(MCH_ID)).await.unwrap();
    assert_eq!((open.open, open.failed), (1, 0), "{}", open.text);
    assert!(open.text.contains("open: payment missing here, bill 18.00, here - yuan"));

    world.start_server().await;
    // The question that had no answer is asked again after a pause.
    world.advance(60);
    world.until(&order.id, "shipped").await;
    settled(&world).await;
    let even = reconcile(&world, "20261124", None).await.unwrap();
    assert_eq!((even.open, even.failed), (0, 0), "{}", even.text);
    assert!(even.text.contains("payments in the bill 1 of 18.00 yuan, here 1 of 18.00 yuan"));
}

#[tokio::test]
async fn who_may_read_bills_and_when() {
    let world = World::start().await;
    for (path, status) in [
        ("/v1/bills/2026-11-31", 400),
        ("/v1/bills/yesterday", 400),
        ("/v1/bills/20261123", 404),
        ("/v1/bills/2026-11-23.csv", 404),
    ] {
        assert_eq!(get(&world, path).await.0, status, "{path}");
    }
    let (status, answer) = post(&world, "/v1/bills/2026-11-24").await;
    assert_eq!((status, &answer["error"]["field"]), (400, &"date".into()), "no bill yet");
    let (status, _) = post(&world, "/v1/bills/2026-08-01").await;
    assert_eq!(status, 400, "no bill any more");
    let without_key = http().get(format!("{}{DAY}", world.base_url())).send().await.unwrap();
    assert_eq!(without_key.status().as_u16(), 401);
}
