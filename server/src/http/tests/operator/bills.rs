//! Days whose bills cannot be compared: somebody is told.

use super::*;

/// A day that was tried again and again, and is not due for a long time.
async fn failing(desk: &Desk, bill_date: &str, state: &str) {
    let day = format!(
        "insert into bill_day (mch_id, bill_date, state, due_at, runs, failures, last_error)
         values ('1900000109', '{bill_date}', '{state}', 9999999999, 0, 3, '1 lines break a rule')"
    );
    alter(&desk.server.store, &day).await;
}

#[tokio::test]
async fn a_day_that_cannot_be_compared_is_seen_whatever_was_compared_after_it() {
    let desk = desk().await;
    // One that was compared before and shall be again, and one that WeChat no longer has.
    failing(&desk, "20261119", "compared").await;
    failing(&desk, "20260701", "waiting").await;
    let mut browser = Browser::logged_in(&desk).await;
    let html = browser.get("/operator").await.html;
    assert!(html.contains("class=\"well\"") && !html.contains("could not be compared"), "{html}");

    failing(&desk, "20261121", "waiting").await;
    let newer = "insert into bill_day (mch_id, bill_date, state, due_at, runs, failures)
                 values ('1900000109', '20261122', 'compared', null, 1, 0)";
    alter(&desk.server.store, newer).await;
    let link = "href=\"/operator/bills/2026-11-21?merchant=1900000109\"";
    let html = browser.get("/operator").await.html;
    assert!(html.contains(link) && !html.contains("class=\"well\""), "{html}");
    assert!(html.contains("The bill of 2026-11-21 could not be compared"), "{html}");

    failing(&desk, "20261120", "waiting").await;
    browser.lang = "zh";
    let html = browser.get("/operator").await.html;
    assert!(html.contains("2 份账单对账失败，最早的是 2026-11-20"), "{html}");
    let seen = desk.metrics().await;
    assert_eq!(seen["saoma_bills_failing"], "2");
    // From ten o'clock on the next day until the desk's clock, which stands.
    let since = UnixTime::parse_beijing("20261121100000").unwrap();
    let age = UnixTime::new(START).unwrap().since(since).to_string();
    assert_eq!(seen["saoma_bill_oldest_failing_seconds"], age);
    desk.server.stop().await;
}

#[tokio::test]
async fn the_oldest_day_that_cannot_be_compared_is_seen_however_many_merchants_fail_after_it() {
    let desk = desk().await;
    failing(&desk, "20261120", "waiting").await;
    let many = "insert into bill_day (mch_id, bill_date, state, due_at, runs, failures)
                with recursive n (i) as (select 1 union all select i + 1 from n where i < 600)
                select cast(1900001000 + i as text), '20261121', 'waiting', 9999999999, 0, 1
                from n";
    alter(&desk.server.store, many).await;
    let mut browser = Browser::logged_in(&desk).await;
    let html = browser.get("/operator").await.html;
    assert!(html.contains("601 bills could not be compared, from 2026-11-20 on"), "{html}");
    assert!(html.contains("href=\"/operator/bills/2026-11-20?merchant=1900000109\""), "{html}");
    assert_eq!(desk.metrics().await["saoma_bills_failing"], "601");
    desk.server.stop().await;
}
