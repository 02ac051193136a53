//! The operator's page over real HTTP, as a browser sees it.

mod anomalies;
mod bills;

use super::*;
use crate::config::Secret;
use crate::hash_password;
use crate::store::{RefundRow, RefundState, tell_anomalies};
use crate::testing::{START, alter};
use reqwest::RequestBuilder;
use saoma_core::ids::OutRefundNo;
use saoma_core::time::UnixTime;

const PASSWORD: &str = "correct horse battery";
/// What a form about a refund says of it.
const MERCHANT: (&str, &str) = ("mch_id", "1900000109");
const SCRIPT: &str = "<script>alert('1')</script>\"><img src=x>";

/// A browser: it keeps cookies and follows nothing.
struct Browser<'d> {
    desk: &'d Desk,
    cookies: Vec<(String, String)>,
    lang: &'static str,
}

/// What a browser got.
struct Page {
    status: u16,
    headers: HeaderMap,
    html: String,
}

impl Page {
    fn location(&self) -> &str {
        self.headers["location"].to_str().unwrap()
    }

    /// The token of the page's forms.
    fn csrf(&self) -> String {
        let (_, rest) = self.html.split_once("name=\"csrf\" value=\"").expect("there is a form");
        rest.split('"').next().unwrap().to_owned()
    }
}

impl<'d> Browser<'d> {
    fn new(desk: &'d Desk) -> Self {
        Self { desk, cookies: Vec::new(), lang: "en" }
    }

    async fn logged_in(desk: &'d Desk) -> Self {
        let mut browser = Self::new(desk);
        let page = browser.log_in("wang", PASSWORD).await;
        assert_eq!((page.status, page.location()), (303, "/operator"));
        browser
    }

    async fn log_in(&mut self, name: &str, password: &str) -> Page {
        let csrf = self.get("/operator/login").await.csrf();
        let fields =
            [("csrf", &*csrf), ("to", "/operator"), ("name", name), ("password", password)];
        self.post("/operator/login", &fields).await
    }

    async fn get(&mut self, path: &str) -> Page {
        self.send(self.desk.http.get(self.desk.url(path))).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| {
                let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
                format!("{name}={value}")
            })
            .collect();
        let request = self.desk.http.post(self.desk.url(path)).body(pairs.join("&"));
        let form = "application/x-www-form-urlencoded";
        self.send(request.header("content-type", form)).await
    }

    async fn send(&mut self, request: RequestBuilder) -> Page {
        let pairs: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header("cookie", pairs.join("; "));
        let response = request.header("accept-language", self.lang).send().await.unwrap();
        for set in response.headers().get_all("set-cookie") {
            let set = set.to_str().unwrap();
            assert!(set.contains("; HttpOnly; SameSite=Lax"), "{set}");
            let (name, rest) = set.split_once('=').unwrap();
            self.cookies.retain(|(each, _)| each != name);
            if !set.contains("Max-Age=0") {
                let value = rest.split(';').next().unwrap();
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Page { status, headers, html: response.text().await.unwrap() }
    }
}

async fn desk() -> Desk {
    let hash = hash_password(PASSWORD, &Random::System).unwrap();
    let operator = |name| format!("[[operators]]\nname = \"{name}\"\npassword_hash = \"{hash}\"\n");
    Desk::start_with(&[operator("wang"), operator("li")].concat()).await
}

async fn order_of(desk: &Desk, order_no: &str, description: &str) -> Made {
    let body = json!({ "order_no": order_no, "amount_fen": PRICE, "description": description });
    let (status, answer) = desk.post("/v1/orders", SHOP_KEY, &body).await;
    assert_eq!(status, 201, "{answer}");
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    let (id, token) = (text("order_id"), text("token"));
    Made { number: format!("{id}-1"), id, token }
}

#[tokio::test]
async fn without_a_session_everything_leads_to_the_login() {
    let desk = desk().await;
    let mut browser = Browser::new(&desk);
    for path in ["/operator", "/operator/orders?q=A", "/operator/settings", "/operator/bills"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 303, "{path}");
        assert!(page.location().starts_with("/operator/login?to=/operator"), "{path}");
    }
    let page = browser.post("/operator/logout", &[]).await;
    assert_eq!(page.status, 303);
    browser.cookies.push(("saoma-session".to_owned(), "A".repeat(32)));
    assert_eq!(browser.get("/operator").await.status, 303, "a token that nobody gave out");
    desk.server.stop().await;
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_get_the_same_answer_and_slow_down() {
    let desk = desk().await;
    let mut browser = Browser::new(&desk);
    let wrong = browser.log_in("wang", "correct horse batterz").await;
    let nobody = browser.log_in("nobody", PASSWORD).await;
    assert_eq!((wrong.status, nobody.status), (401, 401));
    for page in [&wrong, &nobody] {
        assert!(page.html.contains("Name or password is wrong."));
        assert!(!page.html.contains("horse"));
    }
    for _ in 0..2 {
        browser.log_in("wang", "x").await;
    }
    let waits = browser.log_in("wang", PASSWORD).await;
    assert_eq!(waits.status, 429);
    assert_eq!(waits.headers["retry-after"], "1");
    assert!(waits.html.contains("Too many failures. Try again in 1 s."));
    assert_eq!(browser.log_in("li", PASSWORD).await.status, 303, "others are not held up");
    desk.clock.advance(1);
    assert_eq!(browser.log_in("wang", PASSWORD).await.status, 303);
    desk.server.stop().await;
}

#[tokio::test]
async fn nobody_keeps_an_operator_out_of_a_browser_that_is_known() {
    let desk = desk().await;
    let mut known = Browser::logged_in(&desk).await;
    let csrf = known.get("/operator").await.csrf();
    assert_eq!(known.post("/operator/logout", &[("csrf", &csrf)]).await.status, 303);
    let mut stranger = Browser::new(&desk);
    // Another operator's mark is of no use.
    assert_eq!(stranger.log_in("li", PASSWORD).await.status, 303);
    stranger.cookies.retain(|(name, _)| name != "saoma-session");
    while stranger.log_in("wang", "x").await.status != 429 {}
    assert_eq!(known.log_in("wang", PASSWORD).await.status, 303);
    assert_eq!(stranger.log_in("wang", PASSWORD).await.status, 429);
    while known.log_in("wang", "x").await.status != 429 {}
    assert_eq!(known.log_in("wang", PASSWORD).await.status, 429, "it waits for its own mistakes");
    desk.server.stop().await;
}

/// Tries to log in as `wang`, behind a proxy that saw this address.
async fn log_in_from(browser: &mut Browser<'_>, address: &str, password: &str) -> u16 {
    let csrf = browser.get("/operator/login").await.csrf();
    let password = password.replace(' ', "+");
    let body = format!("csrf={csrf}&to=/operator&name=wang&password={password}");
    let request = browser.desk.http.post(browser.desk.url("/operator/login")).body(body);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    browser.send(request.header("x-forwarded-for", address)).await.status
}

#[tokio::test]
async fn a_stranger_keeps_no_operator_out_who_comes_from_another_address() {
    let proxy = std::net::IpAddr::from([127, 0, 0, 1]);
    let desk = desk().await.crash_into(|config| config.trusted_proxies = vec![proxy.into()]).await;
    let mut stranger = Browser::new(&desk);
    while log_in_from(&mut stranger, "203.0.113.1", "x").await != 429 {}
    assert_eq!(log_in_from(&mut stranger, "203.0.113.1", PASSWORD).await, 429);
    let mut new = Browser::new(&desk);
    assert_eq!(log_in_from(&mut new, "203.0.113.2", PASSWORD).await, 303);
    desk.server.stop().await;
}

#[tokio::test]
async fn logins_are_counted_by_address_unless_the_browser_is_known() {
    let change = |config: &mut Config| {
        (config.limits.address_per_s, config.limits.address_burst) = (1, 2);
    };
    let desk = desk().await.crash_into(change).await;
    let mut known = Browser::logged_in(&desk).await;
    let mut stranger = Browser::new(&desk);
    assert_eq!(stranger.post("/operator/login", &[("name", "li")]).await.status, 403);
    let page = stranger.log_in("li", PASSWORD).await;
    assert_eq!(page.status, 429);
    assert_eq!(page.headers["retry-after"], "2");
    assert!(page.html.contains("Too many requests at once."), "it has made no mistake");
    let limited = "saoma_rate_limited_requests_total{limit=\"address\"}";
    assert_eq!(desk.metrics().await[limited], "1");
    assert_eq!(known.log_in("wang", PASSWORD).await.status, 303);
    desk.clock.advance(1);
    assert_eq!(stranger.log_in("li", PASSWORD).await.status, 303);
    desk.server.stop().await;
}

#[tokio::test]
async fn a_login_needs_its_own_form() {
    let desk = desk().await;
    let mut browser = Browser::new(&desk);
    let fields = |csrf: &'static str| [("csrf", csrf), ("name", "wang"), ("password", PASSWORD)];
    let page = browser.post("/operator/login", &fields("")).await;
    assert_eq!(page.status, 403);
    let page = browser.post("/operator/login", &fields("0123456789ABCDEFGHJKMNPQRSTVWXYZ")).await;
    assert_eq!(page.status, 403);
    assert!(browser.cookies.iter().all(|(name, _)| name != "saoma-session"));
    // Nobody is led to another site afterwards.
    let csrf = browser.get("/operator/login?to=//evil.example").await.csrf();
    let fields = [("csrf", &*csrf), ("to", "//evil.example"), ("name", "wang")];
    let fields = [&fields[..], &[("password", PASSWORD)]].concat();
    assert_eq!(browser.post("/operator/login", &fields).await.location(), "/operator");
    desk.server.stop().await;
}

#[tokio::test]
async fn a_session_ends_by_time_and_by_logout() {
    let desk = desk().await;
    let mut browser = Browser::logged_in(&desk).await;
    desk.clock.advance(12 * 3_600 - 1);
    let page = browser.get("/operator").await;
    assert_eq!(page.status, 200);
    desk.clock.advance(1);
    assert_eq!(browser.get("/operator").await.status, 303, "over after twelve hours");

    let mut browser = Browser::logged_in(&desk).await;
    let kept = browser.cookies.clone();
    let csrf = browser.get("/operator").await.csrf();
    assert_eq!(browser.post("/operator/logout", &[("csrf", &csrf)]).await.status, 303);
    assert_eq!(browser.get("/operator").await.status, 303);
    browser.cookies = kept;
    assert_eq!(browser.get("/operator").await.status, 303, "the old cookie is worth nothing");

    // Only the digest is stored, and it survives a restart.
    let browser = Browser::logged_in(&desk).await;
    let cookies = browser.cookies.clone();
    let token = &cookies.iter().find(|(name, _)| name == "saoma-session").unwrap().1;
    let stored = crate::testing::rows(&desk.server.store, "select digest from session").await;
    assert!(stored.iter().all(|digest| digest.len() == 64 && !digest.contains(&**token)));
    let desk = desk.crash().await;
    let mut browser = Browser { desk: &desk, cookies, lang: "en" };
    assert_eq!(browser.get("/operator").await.status, 200);
    desk.server.stop().await;
}

#[tokio::test]
async fn a_session_ends_with_its_password() {
    let desk = desk().await;
    let mut wang = Browser::logged_in(&desk).await;
    assert_eq!(wang.get("/operator").await.status, 200);
    let cookies = wang.cookies;
    let desk = desk
        .crash_into(|config| {
            let hash = hash_password("another horse", &Random::System).unwrap();
            config.operators[0].password_hash = Secret::new(hash);
        })
        .await;
    let mut thief = Browser { desk: &desk, cookies, lang: "en" };
    assert_eq!(thief.get("/operator").await.status, 303);
    desk.server.stop().await;
}

#[tokio::test]
async fn nobody_learns_by_guessing_who_is_an_operator() {
    let desk = desk().await;
    let mut statuses = Vec::new();
    for name in ["nobody", "no-one", "wang"] {
        let mut stranger = Browser::new(&desk);
        let mut of_name = Vec::new();
        for _ in 0..5 {
            of_name.push(stranger.log_in(name, "x").await.status);
        }
        statuses.push(of_name);
    }
    assert_eq!(statuses, [[401, 401, 401, 429, 429]; 3]);
    desk.server.stop().await;
}

#[tokio::test]
async fn a_form_without_its_sessions_token_does_nothing() {
    let desk = desk().await;
    let made = desk.order("A-1").await;
    let mut browser = Browser::logged_in(&desk).await;
    let other = Browser::logged_in(&desk).await.get("/operator").await.csrf();
    let own = browser.get("/operator").await.csrf();
    let query = format!("/operator/orders/{}/query", made.id);
    // `tests/tests/hostile/forms.rs` reads from the router which there are, and tries more.
    for path in [
        &*query,
        &format!("/operator/orders/{}/refund", made.id),
        "/operator/anomalies/T-1/seen",
        "/operator/refunds/R-1/release",
        "/operator/refunds/R-1/dismiss",
        "/operator/outbox/retry",
        "/operator/bills/2026-11-24/compare?merchant=1900000109",
        "/operator/logout",
    ] {
        for csrf in ["", "x", &*other] {
            let page = browser.post(path, &[("csrf", csrf), ("key", "x")]).await;
            assert_eq!(page.status, 403, "{path} {csrf}");
        }
        assert_eq!(browser.post(path, &[]).await.status, 403, "{path}");
    }
    let body = format!("csrf={own}");
    let foreign =
        desk.http.post(desk.url(&query)).body(body).header("sec-fetch-site", "cross-site");
    let form = "application/x-www-form-urlencoded";
    assert_eq!(browser.send(foreign.header("content-type", form)).await.status, 403);
    let notes =
        crate::testing::rows(&desk.server.store, "select name from history where kind = 'note'");
    assert!(notes.await.is_empty());
    let page = browser.post(&query, &[("csrf", &own)]).await;
    assert_eq!(page.status, 303, "{}", page.html);
    let sql = "select name, text from history where kind = 'note'";
    assert_eq!(crate::testing::rows(&desk.server.store, sql).await, ["wang query"]);
    desk.server.stop().await;
}

#[tokio::test]
async fn an_order_is_found_by_each_of_its_numbers() {
    let desk = desk().await;
    let (made, other) = (desk.order("A-1").await, desk.order("A-2").await);
    desk.pay(&made).await;
    desk.wait_for_phase(&made, "shipped").await;
    let mut browser = Browser::logged_in(&desk).await;
    for q in ["A-1", &made.id, &made.number, T1, &format!("{}-R1", made.id), " A-1 "] {
        let q = q.replace(' ', "%20");
        let page = browser.get(&format!("/operator/orders?q={q}")).await;
        assert!(page.html.contains(&format!("/operator/orders/{}\"", made.id)), "{q}");
        assert!(!page.html.contains(&other.id), "{q}");
    }
    for (filter, found) in [
        ("phase=shipped", [true, false]),
        ("phase=placing", [false, true]),
        ("phase=placing&shop=shop&merchant=1900000109&day=2026-11-23", [false, true]),
        ("shop=other", [false, false]),
        ("day=2026-11-22", [false, false]),
        ("q=%27%20or%201%3D1%20--", [false, false]),
    ] {
        let page = browser.get(&format!("/operator/orders?{filter}")).await;
        let shown = [&made, &other].map(|order| page.html.contains(&order.id));
        assert_eq!((page.status, shown), (200, found), "{filter}");
    }
    for filter in
        ["orders?day=nonsense", "orders?phase=Shipped", "orders?q=A-1&day=1", "outbox?state=undead"]
    {
        let page = browser.get(&format!("/operator/{filter}")).await;
        assert_eq!(page.status, 400, "{filter}");
        assert!(page.html.contains("no such state or day"), "{filter}");
        assert!(!page.html.contains(&made.id) && !page.html.contains(&other.id), "{filter}");
    }
    desk.server.stop().await;
}

#[tokio::test]
async fn of_an_archived_order_its_month_is_told_and_not_that_there_was_none() {
    let desk = desk().await;
    let made = desk.order("A-1").await;
    desk.pay(&made).await;
    desk.wait_for_phase(&made, "shipped").await;
    // This leaves with a month; the numbers stay.
    for table in ["orders", "attempt", "outbox", "history"] {
        let leave = format!("delete from {table} where order_id = '{}'", made.id);
        alter(&desk.server.store, &leave).await;
    }
    let mut browser = Browser::logged_in(&desk).await;
    for (lang, archived, none) in [
        ("en", "Archived with the month 2026-11", "No such orders"),
        ("zh-CN", "已随 2026-11 月份归档", "没有符合的订单"),
    ] {
        browser.lang = lang;
        for (q, is_there) in [("A-1", true), (T1, true), ("A-2", false)] {
            let html = browser.get(&format!("/operator/orders?q={q}")).await.html;
            let said = [archived, &made.id, none].map(|text| html.contains(text));
            assert_eq!(said, [is_there, is_there, !is_there], "{lang} {q}: {html}");
        }
    }
    desk.server.stop().await;
}

#[tokio::test]
async fn a_list_goes_on_where_it_ended() {
    let desk = desk().await;
    let mut ids = Vec::new();
    for i in 0..60 {
        desk.clock.advance(1);
        ids.push(desk.order(&format!("B-{i}")).await.id);
    }
    let mut browser = Browser::logged_in(&desk).await;
    let first = browser.get("/operator/orders").await.html;
    let (_, next) = first.split_once("rel=\"next\" href=\"").expect("there is more");
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    let second = browser.get(&next).await.html;
    for id in &ids {
        let row = format!("href=\"/operator/orders/{id}\"");
        assert!(first.contains(&row) != second.contains(&row), "{id} stands on one of them");
    }
    assert!(!second.contains("rel=\"next\""), "that was all");
    desk.server.stop().await;
}

#[tokio::test]
async fn what_others_have_written_stays_text_and_secrets_stay_hidden() {
    let desk = desk().await;
    let made = order_of(&desk, "A-1", SCRIPT).await;
    desk.pay(&made).await;
    desk.wait_for_phase(&made, "shipped").await;
    let mut browser = Browser::logged_in(&desk).await;
    for path in ["/operator/orders".to_owned(), format!("/operator/orders/{}", made.id)] {
        let page = browser.get(&path).await;
        assert!(page.html.contains("&lt;script&gt;alert("), "{path}");
        assert_eq!(page.html.matches("<script").count(), 1, "{path}");
        assert!(!page.html.contains("<img src=x"), "{path}");
        for secret in [KEY, SHOP_KEY, WEBHOOK_SECRET, "oMadeUpOpenIdForTests000001", &made.token] {
            assert!(!page.html.contains(secret), "{path} {secret}");
        }
    }
    let order = browser.get(&format!("/operator/orders/{}", made.id)).await.html;
    assert!(order.contains("oMad••••0001") && order.contains("&lt;sign&gt;"), "{order}");
    let settings = browser.get("/operator/settings").await.html;
    for secret in [KEY, SHOP_KEY, WEBHOOK_SECRET, "argon2id", "/webhook"] {
        assert!(!settings.contains(secret), "{secret}");
    }
    let found = browser.get("/operator/orders?q=%3Cscript%3Ealert(1)%3C/script%3E").await.html;
    assert!(found.contains("&lt;script&gt;") && found.matches("<script").count() == 1);
    desk.server.stop().await;
}

#[tokio::test]
async fn every_page_answers_in_both_languages_and_as_strictly() {
    let desk = desk().await;
    let made = desk.order("A-1").await;
    let order = format!("/operator/orders/{}", made.id);
    for (lang, tag) in [("en-GB,en", "en"), ("zh-CN", "zh-CN"), ("fr", "zh-CN")] {
        let mut browser = Browser::logged_in(&desk).await;
        browser.lang = lang;
        for path in [
            "/operator",
            "/operator/orders",
            &order,
            "/operator/anomalies",
            "/operator/anomalies?done=1",
            "/operator/outbox",
            "/operator/outbox?state=dead",
            "/operator/outbox?state=held",
            "/operator/bills",
            "/operator/settings",
            "/operator/login",
        ] {
            let page = browser.get(path).await;
            assert_eq!(page.status, 200, "{path}");
            assert!(page.html.contains(&format!("<html lang=\"{tag}\">")), "{path} {lang}");
            let policy = page.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
            assert_eq!(page.headers["x-frame-options"], "DENY", "{path}");
            assert_eq!(page.headers["cache-control"], "no-store", "{path}");
        }
        let missing = browser.get("/operator/orders/20261123192600XXXXXXXX").await;
        assert_eq!(missing.status, 404);
        let switched = browser.get("/operator/language?lang=en&to=/operator/orders%3Fq=1").await;
        assert_eq!(switched.location(), "/operator/orders?q=1");
        assert!(browser.get("/operator").await.html.contains("<html lang=\"en\">"));
        let away = browser.get("/operator/language?lang=zh&to=https://evil.example").await;
        assert_eq!(away.location(), "/operator");
    }
    desk.server.stop().await;
}

#[tokio::test]
async fn what_pages_load_may_be_kept_for_ever() {
    let desk = desk().await;
    let mut browser = Browser::new(&desk);
    let html = browser.get("/operator/login").await.html;
    let files: Vec<&str> = html.split('"').filter(|text| text.contains("/files/")).collect();
    assert!(files.len() >= 3, "{html}");
    for file in files {
        let answer = browser.get(file).await;
        assert_eq!(answer.status, 200, "{file}");
        assert!(answer.headers["cache-control"].to_str().unwrap().contains("immutable"), "{file}");
    }
    assert_eq!(browser.get("/operator/files/page.css").await.status, 404);
    desk.server.stop().await;
}

#[tokio::test]
async fn a_refund_is_confirmed_by_its_amount_and_stands_in_the_history() {
    let desk = desk().await;
    let made = desk.order("A-1").await;
    desk.pay(&made).await;
    desk.wait_for_phase(&made, "shipped").await;
    let mut browser = Browser::logged_in(&desk).await;
    let path = format!("/operator/orders/{}", made.id);
    let refund = format!("{path}/refund");
    let order = browser.get(&path).await;
    assert!(order.html.contains("value=\"18.00\""), "all of it may go back");
    let csrf = order.csrf();
    let payment = ("transaction_id", T1);
    let wish = [("csrf", &*csrf), ("amount", "5"), ("reason", "顾客说点错了"), payment];
    let too_much = [wish[0], ("amount", "18.01"), wish[2], payment];
    let confirm = browser.post(&refund, &too_much).await;
    assert_eq!(confirm.status, 409, "the first step says so too");
    assert!(confirm.html.contains("more than can still be refunded"), "{}", confirm.html);
    let confirm = browser.post(&refund, &wish).await;
    assert_eq!(confirm.status, 200);
    assert!(confirm.html.contains("¥5.00") && confirm.html.contains("顾客说点错了"));
    let (_, number) = confirm.html.split_once("name=\"refund_no\" value=\"").unwrap();
    let number = number.split('"').next().unwrap().to_owned();
    let count =
        async || crate::testing::rows(&desk.server.store, "select part_fen from refund").await;
    let typed =
        |again: &'static str| [&wish[..], &[("refund_no", &*number), ("again", again)]].concat();
    assert_eq!(browser.post(&refund, &typed("5.01")).await.status, 409);
    // He had a payment before his eyes that is none of the order's.
    let other = ("transaction_id", "4200009999202611230000000002");
    let [csrf_field, amount, reason, _] = wish;
    for step in [&[][..], &[("refund_no", &*number), ("again", "5.00")]] {
        let wish = [&[csrf_field, amount, reason, other], step].concat();
        assert_eq!(browser.post(&refund, &wish).await.status, 404);
    }
    assert_eq!(count().await, [""; 0], "the first step and a wrong amount do nothing");
    for _ in 0..2 {
        let page = browser.post(&refund, &typed("5.00")).await;
        assert_eq!((page.status, page.location()), (303, &*format!("{path}?done=refund")));
    }
    assert_eq!(count().await, ["500"], "the same form twice is one refund");
    let sql = "select name, text from history where kind = 'note'";
    let notes = crate::testing::rows(&desk.server.store, sql).await;
    assert!(notes.len() == 1 && notes[0].starts_with("wang refund "), "{notes:?}");
    let order = browser.get(&path).await.html;
    assert!(order.contains("value=\"13.00\"") && order.contains("顾客说点错了"));
    for (amount, reason) in [("13.01", "x"), ("0", "x"), ("abc", "x"), ("1", "")] {
        let wish = [("amount", amount), ("reason", reason), ("again", amount)];
        let wish = [&[("csrf", &*csrf), payment], &wish[..]].concat();
        assert_eq!(browser.post(&refund, &wish).await.status, 409, "{amount} {reason}");
    }
    assert_eq!(count().await, ["500"]);
    desk.server.stop().await;
}

#[tokio::test]
async fn what_was_done_is_said_once_and_never_because_of_a_link() {
    let desk = desk().await;
    let made = desk.order("A-1").await;
    let mut browser = Browser::logged_in(&desk).await;
    let path = format!("/operator/orders/{}", made.id);
    let said = "class=\"notice\"";
    for link in [&*format!("{path}?done=refund"), "/operator/anomalies?done=released"] {
        assert!(!browser.get(link).await.html.contains(said), "{link}");
    }
    let csrf = browser.get(&path).await.csrf();
    let page = browser.post(&format!("{path}/query"), &[("csrf", &csrf)]).await;
    assert_eq!(page.location(), format!("{path}?done=queried"));
    let cookies = browser.cookies.clone();
    for link in [&*format!("{path}?done=refund"), "/operator/anomalies?done=queried"] {
        assert!(!browser.get(link).await.html.contains(said), "another link: {link}");
        browser.cookies.clone_from(&cookies);
    }
    assert!(browser.get(page.location()).await.html.contains(said));
    assert!(!browser.get(page.location()).await.html.contains(said), "it is said once");
    browser.cookies = cookies;
    browser.cookies.retain(|(name, _)| name != "saoma-session");
    assert_eq!(browser.log_in("li", PASSWORD).await.status, 303);
    assert!(!browser.get(page.location()).await.html.contains(said), "another session's");
    desk.server.stop().await;
}

#[tokio::test]
async fn a_second_payment_of_a_number_waits_on_its_orders_page() {
    let desk = desk().await;
    let made = desk.order("A-1").await;
    desk.pay(&made).await;
    let second = "4200009999202611230000000077";
    desk.pay_by(&made, second).await;
    let mut browser = Browser::logged_in(&desk).await;
    let path = format!("/operator/orders/{}", made.id);
    let dismiss = format!("/operator/refunds/T{second}-R1/dismiss");
    for page in [path.as_str(), "/operator/anomalies"] {
        assert!(browser.get(page).await.html.contains(&dismiss), "{page}");
    }
    let csrf = browser.get(&path).await.csrf();
    assert_eq!(browser.post(&dismiss, &[("csrf", &csrf), MERCHANT]).await.status, 303);
    for page in [path.as_str(), "/operator/anomalies"] {
        assert!(!browser.get(page).await.html.contains(&dismiss), "{page}");
    }
    desk.server.stop().await;
}

#[tokio::test]
async fn what_was_paid_in_another_currency_is_not_shown_as_yuan() {
    let desk = desk().await;
    let made = desk.order("A-1").await;
    let mut fields = notice_fields(&made.number, T1, "250");
    fields.iter_mut().find(|(name, _)| *name == "fee_type").unwrap().1 = "USD";
    desk.notify(signed(&fields, KEY, SignType::HmacSha256)).await;
    let mut browser = Browser::logged_in(&desk).await;
    let overview = browser.get("/operator").await.html;
    assert!(overview.contains("¥0.00") && !overview.contains("¥2.50"), "{overview}");
    let path = format!("/operator/orders/{}", made.id);
    for page in [path.as_str(), "/operator/anomalies"] {
        let html = browser.get(page).await.html;
        assert!(html.contains("2.50 (not in yuan)") && !html.contains("¥2.50"), "{page}: {html}");
    }
    desk.server.stop().await;
}

#[tokio::test]
async fn a_refund_that_cannot_be_sent_is_not_released() {
    let desk = desk().await;
    let made = desk.order("A-1").await;
    // More than WeChat takes in one request.
    desk.notify(signed(&notice_fields(&made.number, T1, "2147483648"), KEY, SignType::HmacSha256))
        .await;
    let mut browser = Browser::logged_in(&desk).await;
    let path = format!("/operator/orders/{}", made.id);
    for page in [path.as_str(), "/operator/anomalies"] {
        let html = browser.get(page).await.html;
        assert!(html.contains("/dismiss\"") && !html.contains("/release\""), "{page}: {html}");
        assert!(html.contains("Give the money back in WeChat"), "{page}: {html}");
    }
    // A page from before, or somebody who types the address.
    let csrf = browser.get(&path).await.csrf();
    let release = format!("/operator/refunds/{}-R1/release", made.id);
    let page = browser.post(&release, &[("csrf", &csrf), MERCHANT]).await;
    let told = browser.get(page.location()).await.html;
    assert!(told.contains("class=\"notice\"") && told.contains("Give the money back"), "{told}");
    let states = crate::testing::rows(&desk.server.store, "select state from refund").await;
    assert_eq!(states, ["held"]);
    desk.server.stop().await;
}

#[tokio::test]
async fn a_refund_that_failed_is_ended_on_either_page_by_whoever_has_seen_to_it() {
    let desk = desk().await;
    let made = desk.order("A-1").await;
    desk.notify(signed(&notice_fields(&made.number, T1, "1"), KEY, SignType::HmacSha256)).await;
    let number = OutRefundNo::new(&format!("{}-R1", made.id)).unwrap();
    let store = &desk.server.store;
    let mut tx = store.begin().await.unwrap();
    let refund = RefundRow::ours(&mut tx, &number).await.unwrap().unwrap();
    let trouble = Some("USER_ACCOUNT_ABNORMAL: pay it back by hand".to_owned());
    let failed = RefundRow { state: RefundState::Failed, trouble, ..refund };
    RefundRow::put_all(&mut tx, &[&failed], UnixTime::new(START).unwrap()).await.unwrap();
    tell_anomalies(&mut tx, &[&failed.transaction_id]).await.unwrap();
    tx.commit().await.unwrap();
    let mut browser = Browser::logged_in(&desk).await;
    let path = format!("/operator/orders/{}", made.id);
    let dismiss = format!("/operator/refunds/{number}/dismiss");
    for page in [path.as_str(), "/operator/anomalies"] {
        let html = browser.get(page).await.html;
        assert!(html.contains(&dismiss) && html.contains("Seen to"), "{page}: {html}");
        assert!(html.contains("name=\"mch_id\" value=\"1900000109\""), "{page}: {html}");
        assert!(!html.contains("/release\"") && !html.contains("stays with the merchant"));
    }
    let csrf = browser.get(&path).await.csrf();
    let seen = browser.post(&dismiss, &[("csrf", &csrf), MERCHANT]).await;
    assert_eq!(seen.status, 303);
    let told = browser.get(seen.location()).await.html;
    assert!(told.contains("Seen to: nothing more is done about it."), "{told}");
    assert!(!told.contains("the money stays"), "{told}");
    for page in [path.as_str(), "/operator/anomalies"] {
        assert!(!browser.get(page).await.html.contains(&dismiss), "{page}");
    }
    let states = crate::testing::rows(store, "select state from refund").await;
    assert_eq!(states, ["dismissed"]);
    desk.server.stop().await;
}

#[tokio::test]
async fn an_entry_is_tried_again_when_an_operator_says_so() {
    let desk = desk().await;
    desk.receiver.answer(500);
    let made = desk.order("A-1").await;
    desk.pay(&made).await;
    settled(&desk, 1).await;
    let mut browser = Browser::logged_in(&desk).await;
    let page = browser.get("/operator/outbox").await;
    assert!(page.html.contains("tell the shop to ship"), "{}", page.html);
    desk.receiver.answer(200);
    let key = format!("ship-{}", made.id);
    let fields = [("csrf", &*page.csrf()), ("order_id", &made.id), ("key", &key)];
    assert_eq!(browser.post("/operator/outbox/retry", &fields).await.status, 303);
    desk.wait_for_phase(&made, "shipped").await;
    let sql = "select name, text from history where kind = 'note'";
    let notes = crate::testing::rows(&desk.server.store, sql).await;
    assert_eq!(notes, [format!("wang retry {key}")]);
    let again = browser.post("/operator/outbox/retry", &fields).await;
    assert!(again.location().ends_with("done=nothing"), "it is done already");
    desk.server.stop().await;
}

#[tokio::test]
async fn what_is_to_be_done_is_listed_to_its_end() {
    let desk = desk().await;
    // Two parts, which are full.
    for i in 0..100_u64 {
        let (lane, due_at) = (if i % 2 == 0 { "gateway" } else { "shop" }, START + 90_000 + i / 7);
        let entry = format!(
            "insert into outbox (order_id, key, mch_id, kind, lane, effect, state, due_at, tries,
                 created_at, updated_at)
             values ('20261123192600{i:08}', 'ship-{i}', '1900000109', 'ship', '{lane}', '{{}}',
                 'pending', {due_at}, 0, {START}, {START})"
        );
        alter(&desk.server.store, &entry).await;
    }
    let mut browser = Browser::logged_in(&desk).await;
    let mut found = Vec::new();
    let mut path = "/operator/outbox".to_owned();
    let mut parts = 0;
    loop {
        let html = browser.get(&path).await.html;
        parts += 1;
        let keys = html.split("name=\"key\" value=\"").skip(1);
        found.extend(keys.map(|rest| rest.split('"').next().unwrap().to_owned()));
        let Some((_, next)) = html.split_once("rel=\"next\" href=\"") else { break };
        path = next.split('"').next().unwrap().replace("&amp;", "&");
    }
    let all: Vec<String> = (0..100).map(|i| format!("ship-{i}")).collect();
    assert_eq!(found, all, "each once, what is due first before the rest");
    assert_eq!(parts, 2, "and none is empty");
    desk.server.stop().await;
}

/// Days of two merchants that were compared and are even.
async fn even_days(desk: &Desk, count: u32) {
    for day in 1..=count {
        for mch_id in ["1900000109", "1900000110"] {
            let day = format!(
                "insert into bill_day (mch_id, bill_date, state, due_at, runs, failures)
                 values ('{mch_id}', '202610{day:02}', 'compared', null, 1, 0)"
            );
            alter(&desk.server.store, &day).await;
        }
    }
}

#[tokio::test]
async fn no_day_falls_between_two_pages_of_bills() {
    let desk = desk().await;
    even_days(&desk, 31).await;
    // So that the page ends in the middle of a day.
    let first = "delete from bill_day where mch_id = '1900000110' and bill_date = '20261031'";
    alter(&desk.server.store, first).await;
    let mut browser = Browser::logged_in(&desk).await;
    let mut found = std::collections::BTreeSet::new();
    let mut path = "/operator/bills".to_owned();
    loop {
        let html = browser.get(&path).await.html;
        let links = html.split("href=\"/operator/bills").skip(1);
        let links: Vec<&str> = links.map(|rest| rest.split('"').next().unwrap()).collect();
        found.extend(links.iter().filter(|link| link.starts_with("/2026")).map(|l| l.to_string()));
        let older = links.iter().find(|link| link.starts_with("?before="));
        let Some(older) = older else { break };
        path = format!("/operator/bills{}", older.replace("&amp;", "&"));
    }
    assert_eq!(found.len(), 61, "{found:?}");
    desk.server.stop().await;
}

#[tokio::test]
async fn an_open_difference_is_seen_at_a_glance_whatever_came_after_it() {
    let desk = desk().await;
    even_days(&desk, 3).await;
    let mut browser = Browser::logged_in(&desk).await;
    let link = "href=\"/operator/bills/2026-10-02?merchant=1900000110\"";
    assert!(!browser.get("/operator").await.html.contains(link));
    let open = "insert into bill_difference (mch_id, bill_date, kind, number, out_trade_no,
                    transaction_id, out_refund_no, refund_id, app_id, order_id, happened_at, state,
                    why, note, tries, run, found_at)
                values ('1900000110', '20261002', 'missing_here', '1', '', '1', '', '', '', '', 1,
                    'open', 'by_hand', '', 0, 1, 1)";
    alter(&desk.server.store, open).await;
    let html = browser.get("/operator").await.html;
    assert_eq!(html.matches(link).count(), 2, "what to do, and the tile: {html}");
    desk.server.stop().await;
}
