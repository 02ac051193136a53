//! The operator's page, attacked from other sites.

use crate::prey::Prey;
use reqwest::header::{HeaderMap, SET_COOKIE};
use saoma_server::{Random, hash_password};

const PASSWORD: &str = "correct horse battery";
const SESSION: &str = "saoma-session";

async fn prey() -> Prey {
    let hash = hash_password(PASSWORD, &Random::System).unwrap();
    let operator = format!("[[operators]]\nname = \"wang\"\npassword_hash = \"{hash}\"\n");
    Prey::start_with(&operator).await
}

struct Page {
    status: u16,
    headers: HeaderMap,
    html: String,
}

impl Page {
    /// The value that it sets a cookie to.
    fn sets(&self, name: &str) -> Option<String> {
        let all = self.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap());
        let start = format!("{name}=");
        all.filter_map(|set| set.strip_prefix(&start)?.split(';').next())
            .next_back()
            .map(str::to_owned)
    }

    fn csrf(&self) -> String {
        let (_, rest) = self.html.split_once("name=\"csrf\" value=\"").expect("there is a form");
        rest.split('"').next().unwrap().to_owned()
    }
}

async fn send(prey: &Prey, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Page {
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let mut request = http.build().unwrap().request(method.parse().unwrap(), prey.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.body(body.to_owned()).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Page { status, headers, html: response.text().await.unwrap() }
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Logs in with a browser that had this session's cookie before; gives the new one.
async fn log_in(prey: &Prey, before: &str) -> String {
    let login = send(prey, "GET", "/operator/login", &[], "").await;
    let cookie = format!("{before}; saoma-login={}", login.sets("saoma-login").unwrap());
    let password = PASSWORD.replace(' ', "+");
    let body = format!("csrf={}&to=/operator&name=wang&password={password}", login.csrf());
    let page = send(prey, "POST", "/operator/login", &[FORM, ("cookie", &cookie)], &body).await;
    assert_eq!(page.status, 303, "{}", page.html);
    page.sets(SESSION).expect("a session")
}

/// The books without the sessions, which a login makes.
fn books(prey: &Prey) -> String {
    let books = prey.books();
    let (start, rest) = books.split_once("\nsession\n").unwrap();
    let end = rest.lines().skip_while(|line| line.contains('|'));
    start.to_owned() + &end.collect::<String>()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_somebody_else_has_chosen_is_never_the_operators() {
    let prey = prey().await;
    let books_before = books(&prey);
    let chosen = "A".repeat(32);
    let session = log_in(&prey, &format!("{SESSION}={chosen}")).await;
    assert_ne!(session, chosen);
    let with = async |cookie: &str| {
        send(&prey, "GET", "/operator", &[("cookie", cookie)], "").await.status
    };
    assert_eq!(with(&format!("{SESSION}={session}")).await, 200);
    assert_eq!(with(&format!("{SESSION}={chosen}")).await, 303);
    // A second cookie of the name, as another host of the domain could set it.
    assert_eq!(with(&format!("{SESSION}={chosen}; {SESSION}={session}")).await, 303);
    let again = log_in(&prey, &format!("{SESSION}={session}")).await;
    assert_ne!(again, session, "each login has its own");
    assert_eq!(books(&prey), books_before);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_cannot_make_the_operators_browser_do_anything() {
    let prey = prey().await;
    prey.takes_the_good_one().await;
    let session = log_in(&prey, "").await;
    let cookie = format!("{SESSION}={session}");
    let other = log_in(&prey, "").await;
    let csrf_of = async |session: &str| {
        let cookie = format!("{SESSION}={session}");
        send(&prey, "GET", "/operator", &[("cookie", &cookie)], "").await.csrf()
    };
    let (own, others) = (csrf_of(&session).await, csrf_of(&other).await);
    let books_before = books(&prey);
    let order = format!("/operator/orders/{}", prey.order.id);
    let paths = [
        format!("{order}/query"),
        format!("{order}/refund"),
        "/operator/outbox/retry".to_owned(),
        "/operator/bills/20261124".to_owned(),
        "/operator/logout".to_owned(),
    ];
    let fields = "&amount=18.00&again=18.00&reason=x&key=x&confirm=1";
    let with = |csrf: &str| format!("csrf={csrf}{fields}");
    for path in &paths {
        for (what, more, body) in [
            ("no token", None, with("")),
            ("another session's token", None, with(&others)),
            ("twice", None, format!("csrf={others}&csrf={own}{fields}")),
            ("from another site", Some(("sec-fetch-site", "cross-site")), with(&own)),
            ("from a sister", Some(("sec-fetch-site", "same-site")), with(&own)),
        ] {
            let mut headers = vec![FORM, ("cookie", &*cookie)];
            headers.extend(more);
            let page = send(&prey, "POST", path, &headers, &body).await;
            assert!(matches!(page.status, 403..=405), "{path} {what}: {}", page.status);
        }
        // Other types of body and other methods do not get around the token.
        let json = [("content-type", "application/json"), ("cookie", &*cookie)];
        let page = send(&prey, "POST", path, &json, &format!("{{\"csrf\":\"{own}\"}}")).await;
        assert!(page.status >= 400, "{path}: {}", page.status);
        let plain = [("content-type", "text/plain"), ("cookie", &*cookie)];
        let page = send(&prey, "POST", path, &plain, &with(&own)).await;
        assert!(page.status >= 400, "{path}: {}", page.status);
        let page =
            send(&prey, "GET", &format!("{path}?{}", with(&own)), &[("cookie", &cookie)], "").await;
        assert!(page.status != 303 || page.html.is_empty(), "{path}: {}", page.status);
    }
    assert_eq!(books(&prey), books_before);
    let still = send(&prey, "GET", "/operator", &[("cookie", &cookie)], "").await;
    assert_eq!(still.status, 200, "nobody was logged out either");
    for (name, wanted) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", ""),
    ] {
        let value = still.headers.get(name).map(|value| value.to_str().unwrap());
        assert!(value.is_some_and(|value| value.contains(wanted)), "{name}: {value:?}");
    }
    let policy = still.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_from_another_site_is_none() {
    let prey = prey().await;
    let books_before = prey.books();
    let login = send(&prey, "GET", "/operator/login", &[], "").await;
    let cookie = format!("saoma-login={}", login.sets("saoma-login").unwrap());
    let password = PASSWORD.replace(' ', "+");
    let body = format!("csrf={}&name=wang&password={password}", login.csrf());
    for headers in [
        vec![FORM],
        vec![FORM, ("cookie", "saoma-login=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")],
        vec![FORM, ("cookie", &*cookie), ("sec-fetch-site", "cross-site")],
    ] {
        let page = send(&prey, "POST", "/operator/login", &headers, &body).await;
        assert_eq!(page.status, 403, "{headers:?}");
        assert_eq!(page.sets(SESSION), None);
    }
    for name in ["wang'--", "wang\0", "WANG", "wang ", "", "../wang"] {
        let body = format!("csrf={}&name={name}&password=x", login.csrf());
        let page =
            send(&prey, "POST", "/operator/login", &[FORM, ("cookie", &cookie)], &body).await;
        assert!(matches!(page.status, 401 | 403 | 429), "{name:?}: {}", page.status);
        assert_eq!(page.sets(SESSION), None);
    }
    assert_eq!(prey.books(), books_before);
}
