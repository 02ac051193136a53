//! Anomalies of which no money moves by itself: a person sees to them.

use super::*;
use crate::testing::rows;

const ANOMALIES: &str = "select kind, refund from anomaly";
const WAITS: &str = "1 anomaly waits for you";

fn seen(transaction_id: &str) -> String {
    format!("/operator/anomalies/{transaction_id}/seen")
}

/// An order that is paid, and whose goods nobody has fetched in time.
async fn not_fetched() -> (Desk, Made) {
    let desk = desk().await.crash_into(|config| config.shops[0].webhook = None).await;
    let made = desk.order("A-1").await;
    desk.pay(&made).await;
    desk.clock.advance(600);
    let told = async {
        while rows(&desk.server.store, ANOMALIES).await.is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, told).await.expect("somebody is told");
    (desk, made)
}

#[tokio::test]
async fn goods_that_nobody_fetched_wait_until_a_person_has_seen_to_them() {
    let (desk, made) = not_fetched().await;
    let mut browser = Browser::logged_in(&desk).await;
    assert!(browser.get("/operator").await.html.contains(WAITS));
    let waiting = browser.get("/operator/anomalies").await;
    let form = format!("action=\"{}\"", seen(T1));
    for text in [&*form, "value=\"not_fetched\"", "Not fetched", "To be seen to", "Seen to…"] {
        assert!(waiting.html.contains(text), "{text}: {}", waiting.html);
    }
    assert!(!browser.get("/operator/anomalies?done=1").await.html.contains("Not fetched"));

    let csrf = waiting.csrf();
    let fields = [("csrf", &*csrf), ("kind", "not_fetched")];
    let page = browser.post(&seen(T1), &fields).await;
    assert_eq!((page.status, page.location()), (303, "/operator/anomalies?done=seen"));
    let told = browser.get(page.location()).await.html;
    assert!(told.contains("Seen to: nothing more is done about it."), "{told}");
    assert!(!told.contains("Not fetched"), "{told}");
    assert!(!browser.get("/operator").await.html.contains(WAITS));
    assert!(browser.get("/operator/anomalies?done=1").await.html.contains("Not fetched"));

    // A second click, or a page from before.
    let page = browser.post(&seen(T1), &fields).await;
    assert_eq!((page.status, page.location()), (303, "/operator/anomalies?done=nothing"));
    assert_eq!(rows(&desk.server.store, ANOMALIES).await, ["not_fetched dismissed"]);
    let notes = "select text from history where kind = 'note' and name = 'wang'";
    assert_eq!(rows(&desk.server.store, notes).await, ["seen_to not_fetched"]);
    let order = browser.get(&format!("/operator/orders/{}", made.id)).await.html;
    assert!(order.contains("has seen to this: Not fetched"), "{order}");
    desk.server.stop().await;
}

#[tokio::test]
async fn of_two_clicks_at_once_one_is_too_late() {
    let (desk, _) = not_fetched().await;
    let (mut wang, mut again) = (Browser::logged_in(&desk).await, Browser::logged_in(&desk).await);
    let csrf = [wang.get("/operator").await.csrf(), again.get("/operator").await.csrf()];
    let fields = csrf.each_ref().map(|csrf| [("csrf", &**csrf), ("kind", "not_fetched")]);
    let path = seen(T1);
    let (one, other) = tokio::join!(wang.post(&path, &fields[0]), again.post(&path, &fields[1]));
    let mut came = [one.location(), other.location()];
    came.sort_unstable();
    assert_eq!(came, ["/operator/anomalies?done=nothing", "/operator/anomalies?done=seen"]);
    let notes = "select text from history where kind = 'note' and name = 'wang'";
    assert_eq!(rows(&desk.server.store, notes).await, ["seen_to not_fetched"]);
    desk.server.stop().await;
}

#[tokio::test]
async fn an_anomaly_that_there_is_not_is_not_found() {
    let (desk, _) = not_fetched().await;
    let mut browser = Browser::logged_in(&desk).await;
    let csrf = browser.get("/operator").await.csrf();
    for (transaction_id, kind) in [
        (T1, "not_confirmed"),
        (T1, ""),
        (T1, "not_fetched\0"),
        ("4200009999202611230000000002", "not_fetched"),
        ("4200!", "not_fetched"),
    ] {
        let fields = [("csrf", &*csrf), ("kind", kind)];
        let page = browser.post(&seen(transaction_id), &fields).await;
        assert_eq!(page.status, 404, "{transaction_id} {kind:?}");
    }
    assert_eq!(rows(&desk.server.store, ANOMALIES).await, ["not_fetched open"]);
    desk.server.stop().await;
}

#[tokio::test]
async fn goods_that_are_confirmed_after_all_wait_for_nobody() {
    let (desk, made) = not_fetched().await;
    for (step, refund) in [("dispense", "open"), ("shipped", "done")] {
        let (status, answer) =
            desk.post(&format!("/v1/orders/{}/{step}", made.id), SHOP_KEY, "").await;
        assert_eq!(status, 200, "{answer}");
        let told = [format!("not_fetched {refund}")];
        assert_eq!(rows(&desk.server.store, ANOMALIES).await, told, "{step}");
    }
    let mut browser = Browser::logged_in(&desk).await;
    let overview = browser.get("/operator").await;
    assert!(!overview.html.contains(WAITS), "{}", overview.html);
    let over = browser.get("/operator/anomalies?done=1").await.html;
    assert!(over.contains("Not fetched") && !over.contains("Refunded"), "{over}");
    let csrf = overview.csrf();
    let page = browser.post(&seen(T1), &[("csrf", &csrf), ("kind", "not_fetched")]).await;
    assert_eq!(page.location(), "/operator/anomalies?done=nothing");
    assert_eq!(rows(&desk.server.store, ANOMALIES).await, ["not_fetched done"]);
    desk.server.stop().await;
}

#[tokio::test]
async fn what_was_over_before_an_upgrade_stays_over() {
    let (desk, made) = not_fetched().await;
    alter(&desk.server.store, "update anomaly set refund = 'none'").await;
    let mut browser = Browser::logged_in(&desk).await;
    let overview = browser.get("/operator").await;
    assert!(!overview.html.contains(WAITS), "{}", overview.html);
    assert!(!browser.get("/operator/anomalies").await.html.contains("Not fetched"));
    assert!(browser.get("/operator/anomalies?done=1").await.html.contains("Not fetched"));
    let csrf = overview.csrf();
    let page = browser.post(&seen(T1), &[("csrf", &csrf), ("kind", "not_fetched")]).await;
    assert_eq!(page.location(), "/operator/anomalies?done=nothing");
    for step in ["dispense", "shipped"] {
        desk.post(&format!("/v1/orders/{}/{step}", made.id), SHOP_KEY, "").await;
    }
    assert_eq!(rows(&desk.server.store, ANOMALIES).await, ["not_fetched none"]);
    desk.server.stop().await;
}
