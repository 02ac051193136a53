//! Looks that wait for news (docs/api.md §2.2). Whoever asks here gives up after [`PATIENCE`],
//! which is shorter than the longest wait: an answer proves that something ended it.

use super::*;
use tokio::time::Instant;

fn waiting(made: &Made, version: u64) -> String {
    format!("/v1/orders/{}?after_version={version}&wait_s=25", made.id)
}

async fn version(desk: &Desk, made: &Made) -> u64 {
    let (status, view) = desk.get(&format!("/v1/orders/{}", made.id), &made.token).await;
    assert_eq!(status, 200);
    view["version"].as_u64().unwrap()
}

/// Until so many looks wait.
async fn wait_for_looks(desk: &Desk, looks: &str) {
    let are_there = async {
        while desk.metrics().await["saoma_event_streams"] != looks {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, are_there).await.expect("they wait");
}

#[tokio::test]
async fn a_look_that_waits_hears_of_a_payment_and_of_the_goods() {
    let desk = Desk::start().await;
    let made = desk.order("A-1").await;
    let known = version(&desk, &made).await;
    let path = waiting(&made, known);
    desk.receiver.answer(500);
    let (by_page, by_shop) = (desk.get(&path, &made.token), desk.get(&path, SHOP_KEY));
    let pay = async {
        wait_for_looks(&desk, "2").await;
        desk.pay(&made).await;
    };
    let (by_page, by_shop, ()) = tokio::join!(by_page, by_shop, pay);
    for (status, view) in [by_page, by_shop] {
        assert_eq!((status, view["phase"].as_str()), (200, Some("paid")), "{view}");
        assert!(view["version"].as_u64().unwrap() > known);
    }
    wait_for_looks(&desk, "0").await;
    desk.server.stop().await;
}

#[tokio::test]
async fn a_look_that_knows_less_is_answered_at_once() {
    let desk = Desk::start().await;
    let made = desk.order("A-1").await;
    let known = version(&desk, &made).await;
    let (status, view) = desk.get(&waiting(&made, known - 1), &made.token).await;
    assert_eq!((status, view["version"].as_u64()), (200, Some(known)));
    let (status, _) = desk.get(&waiting(&made, 0).replace("after_version=0&", ""), SHOP_KEY).await;
    assert_eq!(status, 200);
    desk.server.stop().await;
}

#[tokio::test]
async fn a_wait_without_news_ends_with_the_view_as_it_stands_and_is_no_slowness() {
    let began = Instant::now();
    let desk = Desk::start().await;
    let made = desk.order("A-1").await;
    let known = version(&desk, &made).await;
    let path = waiting(&made, known).replace("wait_s=25", "wait_s=1");
    let (status, view) = desk.get(&path, &made.token).await;
    assert_eq!((status, view["version"].as_u64()), (200, Some(known)));
    let all = began.elapsed();
    let metrics = desk.metrics().await;
    let sum = "saoma_http_request_duration_seconds_sum{path=\"/v1/orders/{order_id}\"}";
    let counted = Duration::from_secs_f64(metrics[sum].parse().unwrap());
    // Whatever else took time here: a second of it was waited for.
    assert!(counted <= all - Duration::from_secs(1), "{counted:?} of {all:?}");
    desk.server.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_answers_whoever_waits() {
    let desk = Desk::start().await;
    let made = desk.order("A-1").await;
    let path = waiting(&made, version(&desk, &made).await);
    let request = desk.http.get(desk.url(&path)).bearer_auth(&made.token);
    let look = tokio::spawn(request.send());
    wait_for_looks(&desk, "1").await;
    timeout(Duration::from_secs(3), desk.server.stop()).await.expect("it stops at once");
    let answer = look.await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    let view: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(view["phase"], "placing");
}

#[tokio::test]
async fn what_is_no_number_is_refused_and_a_stranger_does_not_wait() {
    let desk = Desk::start().await;
    let made = desk.order("A-1").await;
    for (query, field) in [("after_version=x", "after_version"), ("wait_s=26", "wait_s")] {
        let path = format!("/v1/orders/{}?{query}", made.id);
        let (status, error) = desk.get(&path, &made.token).await;
        let error = &error["error"];
        assert_eq!((status, error["code"].as_str()), (400, Some("invalid_field")), "{error}");
        assert_eq!(error["field"], field);
    }
    let (status, _) = desk.get(&waiting(&made, 9), "another-token").await;
    assert_eq!(status, 404);
    desk.server.stop().await;
}
