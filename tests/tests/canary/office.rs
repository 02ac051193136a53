//! An operator who looks at every page, sends every form, and makes mistakes.

use super::Ears;
use super::world::{MCH_ID, SHOP_KEY};
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use saoma_server::{Random, hash_password};
use std::collections::BTreeMap;

pub(super) const PASSWORD: &str = "canary-operator-password-01";
const WRONG_PASSWORD: &str = "canary-operator-password-02";
/// The day that is compared.
const DAY: &str = "2026-11-23";

/// The hash of the password, and the lines of the configuration with it.
pub(super) fn operator() -> (String, String) {
    let hash = hash_password(PASSWORD, &Random::System).unwrap();
    let lines = format!("[[operators]]\nname = \"wang\"\npassword_hash = \"{hash}\"\n");
    (hash, lines)
}

/// The operator's browser.
struct Browser<'e> {
    ears: &'e Ears,
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
    /// Every value that a cookie has had.
    told: Vec<String>,
}

impl Browser<'_> {
    /// Sends a request. Whoever is given a cookie is told its value, and nobody else: it is kept
    /// here, and all else that is answered is heard.
    async fn ask(&mut self, request: reqwest::RequestBuilder) -> (u16, HeaderMap, String) {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let cookie = pairs.collect::<Vec<_>>().join("; ");
        let mut response = request.header(COOKIE, cookie).send().await.unwrap();
        let headers = response.headers_mut();
        let set: Vec<_> = headers.get_all(SET_COOKIE).iter().cloned().collect();
        headers.remove(SET_COOKIE);
        for set in set {
            let (name, rest) = set.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.remove(name);
            if !value.is_empty() {
                self.cookies.insert(name.to_owned(), value.to_owned());
                self.told.push(value.to_owned());
            }
        }
        let headers = response.headers().clone();
        let (status, html) = self.ears.listen(response).await;
        (status, headers, html)
    }

    async fn get(&mut self, path: &str) -> (u16, String) {
        let request = self.http.get(format!("{}{path}", self.ears.rig.url));
        let (status, _, html) = self.ask(request).await;
        (status, html)
    }

    /// A page that is there.
    async fn page(&mut self, path: &str) -> String {
        let (status, html) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {html}");
        html
    }

    /// Sends a form, and follows to where it leads.
    async fn post(&mut self, path: &str, fields: &str) -> u16 {
        let request = self.http.post(format!("{}{path}", self.ears.rig.url));
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let (status, headers, _) = self.ask(request.body(fields.to_owned())).await;
        if let Some(to) = headers.get(LOCATION) {
            self.get(to.to_str().unwrap()).await;
        }
        status
    }

    async fn log_in(&mut self, password: &str) -> u16 {
        let csrf = field(&self.page("/operator/login").await, "csrf");
        let fields = format!("csrf={csrf}&to=/operator&name=wang&password={password}");
        self.post("/operator/login", &fields).await
    }
}

/// What a page's first form with this field has in it.
fn field(html: &str, name: &str) -> String {
    let begin = format!("name=\"{name}\" value=\"");
    let (_, rest) = html.split_once(&*begin).expect("there is a form");
    rest.split('"').next().unwrap().to_owned()
}

/// Looks at everything there is about this order, which is paid, and does what can be done. Gives
/// what the browser alone was told.
pub(super) async fn visit(ears: &Ears, id: &str) -> Vec<String> {
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let http = http.build().unwrap();
    let mut browser = Browser { ears, http, cookies: BTreeMap::new(), told: Vec::new() };
    assert_eq!(browser.get("/operator").await.0, 303, "nobody is logged in");
    assert_eq!(browser.log_in(WRONG_PASSWORD).await, 401);
    assert_eq!(browser.log_in(PASSWORD).await, 303);
    let session = browser.cookies["saoma-session"].clone();

    let order = format!("/operator/orders/{id}");
    let bill = format!("/operator/bills/{DAY}");
    let page = browser.page(&order).await;
    let (csrf, payment) = (field(&page, "csrf"), field(&page, "transaction_id"));
    let refund = |fields: &str| format!("{fields}&reason=x&transaction_id={payment}");
    for (form, fields, status) in [
        (format!("{order}/query"), "", 303),
        (format!("{order}/refund"), &*refund("amount=1.00"), 200),
        (format!("{order}/refund"), &refund("amount=1.00&again=1.00&refund_no=op-1"), 303),
        (format!("{order}/refund"), &refund("amount=99.00"), 409),
        ("/operator/outbox/retry".to_owned(), "key=x", 303),
        ("/operator/anomalies/T-0/seen".to_owned(), "kind=not_fetched", 404),
        ("/operator/refunds/R-0/release".to_owned(), "", 404),
        ("/operator/refunds/R-0/dismiss".to_owned(), "", 404),
        (format!("{bill}/compare?merchant={MCH_ID}"), "", 303),
    ] {
        let sent = browser.post(&form, &format!("csrf={csrf}&{fields}")).await;
        assert_eq!(sent, status, "{form} {fields}");
        assert_eq!(browser.post(&form, fields).await, 403, "{form}");
    }
    for path in [
        "/operator",
        "/operator/orders",
        "/operator/orders?phase=shipped",
        &format!("/operator/orders?q={id}"),
        &order,
        "/operator/anomalies",
        "/operator/anomalies?done=1",
        "/operator/outbox",
        "/operator/outbox?state=dead",
        "/operator/outbox?state=held",
        "/operator/bills",
        &format!("{bill}?merchant={MCH_ID}"),
        &format!("{bill}/csv?merchant={MCH_ID}"),
        "/operator/settings",
    ] {
        browser.page(path).await;
    }
    assert_eq!(browser.get("/operator/orders/20261123192600XXXXXXXX").await.0, 404);
    assert_eq!(browser.get("/operator/orders?day=x").await.0, 400);
    // A secret in the wrong place comes back to whoever typed it. The log is not to have it.
    for secret in [PASSWORD, SHOP_KEY] {
        let url = format!("{}/operator/orders?q={secret}", ears.rig.url);
        let cookie = format!("saoma-session={session}");
        browser.http.get(url).header(COOKIE, cookie).send().await.unwrap();
    }
    assert_eq!(browser.post("/operator/logout", &format!("csrf={csrf}")).await, 303);
    assert!(browser.told.contains(&session) && browser.told.len() > 3);
    [browser.told, [PASSWORD, WRONG_PASSWORD].map(str::to_owned).into()].concat()
}
