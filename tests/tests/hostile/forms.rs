//! Every form of the operator's page, sent by other sites.
//!
//! Which forms there are is read from the router itself: a new one is attacked from its first day.

use crate::operator::{FORM, Page, SESSION, log_in, prey, send};
use crate::prey::{Made, PAID, Prey};
use crate::rig::PATIENCE;
use crate::world::MCH_ID;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const ROUTES: &str = include_str!("../../../server/src/operator/routes.rs");
/// The one whose token is in a cookie of its own, and which makes a session instead of using one.
const LOGIN: &str = "/operator/login";

/// The paths to which a form can be sent.
fn forms() -> Vec<&'static str> {
    let (_, router) = ROUTES.split_once("pub(crate) fn router").unwrap();
    let (router, _) = router.split_once("\n}\n").unwrap();
    for other in ["put(", "patch(", "delete(", "any(", "on(", "nest", "merge(", "route_service("] {
        assert!(!router.contains(other), "{other} may take forms that are not looked for here");
    }
    let (_, routes) = router.split_once(".route(").unwrap();
    let routes = routes.split(".route(").filter(|route| route.contains("post("));
    let paths: Vec<&str> = routes.map(|route| route.split('"').nth(1).unwrap()).collect();
    assert_eq!(paths.len(), router.matches("post(").count(), "one form for each path");
    paths
}

/// Orders, refunds, an anomaly and an entry that a form could do something with.
struct Office {
    prey: Prey,
    /// Its order is open: WeChat can be asked about it.
    open: Made,
    /// Paid, and the shop does not take the news: that can be tried again.
    waiting: Made,
    session: String,
    /// The token of the session, and that of another session of the same operator.
    own: String,
    others: String,
}

/// Second and third payment of one number: their refunds wait for a person.
const AGAIN: [&str; 2] = ["4200009999202611240000000778", "4200009999202611240000000779"];

impl Office {
    async fn start() -> Self {
        let prey = prey().await;
        prey.takes_the_good_one().await;
        for transaction_id in AGAIN {
            let again = prey.changed(&[("transaction_id", transaction_id)]);
            assert!(prey.notify(again).await.1.contains("SUCCESS"));
        }
        let (open, waiting) = (prey.order("A-2").await, prey.order("A-3").await);
        prey.rig.shop.fail_next(u32::MAX);
        let paid = [
            ("out_trade_no", &*waiting.number),
            ("transaction_id", "4200009999202611240000000780"),
        ];
        assert!(prey.notify(prey.changed(&paid)).await.1.contains("SUCCESS"));
        // One transaction for a second number: no money moves, and a person has to see to it.
        let doubled = [("out_trade_no", &*open.number), ("transaction_id", PAID)];
        assert!(prey.notify(prey.changed(&doubled)).await.1.contains("SUCCESS"));
        let (session, other) = (log_in(&prey, "").await, log_in(&prey, "").await);
        let own = page(&prey, &session).await.csrf();
        let others = page(&prey, &other).await.csrf();
        assert_ne!(own, others);
        Self { prey, open, waiting, session, own, others }
    }

    /// The path with something in it that is there and waits for just this form.
    fn path(&self, form: &str) -> String {
        let of = if form.ends_with("/query") { &self.open } else { &self.prey.order };
        let held = AGAIN[usize::from(form.ends_with("/dismiss"))];
        let path = form.replace("{order_id}", &of.id);
        let path = path.replace("{transaction_id}", PAID);
        let path = path.replace("{number}", &format!("T{held}-R1")).replace("{date}", "2026-11-24");
        assert!(!path.contains('{'), "{form}: nothing is known that it could be about");
        format!("{path}?merchant={MCH_ID}")
    }

    /// What the forms need together.
    fn fields(&self) -> String {
        let Made { id, .. } = &self.waiting;
        format!(
            "amount=1.00&again=1.00&reason=x&refund_no=R-1&order_id={id}&key=ship-{id}\
             &mch_id={MCH_ID}&kind=conflict&transaction_id={PAID}"
        )
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Page {
        let cookie = format!("{SESSION}={}", self.session);
        let headers = [&[("cookie", &*cookie)], headers].concat();
        send(&self.prey, "POST", path, &headers, body).await
    }

    /// What others can make the operator's browser send, and what they would need.
    async fn attack(&self, path: &str) {
        let (own, others, fields) = (&self.own, &self.others, self.fields());
        let good = format!("csrf={own}&{fields}");
        for (what, body) in [
            ("no body", String::new()),
            ("no token", fields.clone()),
            ("an empty token", format!("csrf=&{fields}")),
            ("another session's token", format!("csrf={others}&{fields}")),
            ("another session's first", format!("csrf={others}&csrf={own}&{fields}")),
            ("the session itself", format!("csrf={}&{fields}", self.session)),
            ("half a token", format!("csrf={}&{fields}", &own[..own.len() / 2])),
            ("a longer token", format!("csrf={own}A&{fields}")),
            ("another name", format!("CSRF={own}&{fields}")),
        ] {
            assert_eq!(self.post(path, &[FORM], &body).await.status, 403, "{path}: {what}");
        }
        let in_path = format!("{path}&csrf={own}&{fields}");
        let page = self.post(&in_path, &[FORM], &fields).await;
        assert_eq!(page.status, 403, "{path}: the token in the address");
        for site in ["cross-site", "same-site", "x", ""] {
            let from = [FORM, ("sec-fetch-site", site)];
            assert_eq!(self.post(path, &from, &good).await.status, 403, "{path}: from {site:?}");
        }
        // Pages of other sites can send these types as well, or may wish to.
        let json = format!("{{\"csrf\":\"{own}\"}}");
        let parts =
            format!("--b\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{own}\r\n--b--");
        for (kind, body) in [
            ("text/plain", &good),
            ("application/json", &json),
            ("multipart/form-data; boundary=b", &parts),
            ("", &good),
        ] {
            let typed = [("content-type", kind)];
            assert_eq!(self.post(path, &typed, body).await.status, 403, "{path}: {kind:?}");
        }
        let cookie = format!("{SESSION}={}", self.session);
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            let page =
                send(&self.prey, method, &in_path, &[FORM, ("cookie", &cookie)], &good).await;
            let is_page = method == "GET" && path.starts_with(LOGIN);
            assert_eq!(page.status, if is_page { 200 } else { 405 }, "{path}: {method}");
        }
    }

    /// The same form with the session's token does what it is for: it was the token that it lacked.
    async fn send_as_operator(&self, path: &str) {
        let books = self.prey.books();
        let good = format!("csrf={}&{}", self.own, self.fields());
        let done = async {
            loop {
                let page = self.post(path, &[FORM], &good).await;
                assert_eq!(page.status, 303, "{path}: {}", page.html);
                let to = page.headers["location"].to_str().unwrap().to_owned();
                assert!(!to.contains("login?to="), "{path}: nobody was logged in");
                if !to.ends_with("done=nothing") {
                    break;
                }
                // Just now the entry is on its way to the shop.
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, done).await.unwrap_or_else(|_| panic!("{path} does nothing"));
        assert_ne!(self.prey.books(), books, "{path} changed nothing");
    }
}

async fn page(prey: &Prey, session: &str) -> Page {
    let cookie = format!("{SESSION}={session}");
    send(prey, "GET", "/operator", &[("cookie", &cookie)], "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_cannot_make_the_operators_browser_do_anything() {
    let office = Office::start().await;
    let books = office.prey.books();
    let mut forms = forms();
    for form in &forms {
        office.attack(&office.path(form)).await;
        assert_eq!(office.prey.books(), books, "{form}");
    }
    let still = page(&office.prey, &office.session).await;
    assert_eq!(still.status, 200, "nobody was logged out either");
    // Last of all the session ends.
    forms.retain(|form| *form != LOGIN);
    forms.sort_by_key(|form| form.ends_with("/logout"));
    for form in &forms {
        office.send_as_operator(&office.path(form)).await;
    }
    assert_eq!(page(&office.prey, &office.session).await.status, 303);
    println!("{} forms and the login", forms.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_the_operators_is_shown_inside_another() {
    let prey = prey().await;
    let page = page(&prey, &log_in(&prey, "").await).await;
    for (name, wanted) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
    ] {
        let value = page.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(value, Some(wanted), "{name}");
    }
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
}
