//! Sessions and logins of the operator's page, as strangers would have them.

use crate::prey::Prey;
use reqwest::header::{HeaderMap, SET_COOKIE};
use saoma_server::{Random, hash_password};

const PASSWORD: &str = "correct horse battery";
pub(crate) const SESSION: &str = "saoma-session";

/// A server that has an operator.
pub(crate) async fn prey() -> Prey {
    let hash = hash_password(PASSWORD, &Random::System).unwrap();
    let operator = format!("[[operators]]\nname = \"wang\"\npassword_hash = \"{hash}\"\n");
    Prey::start_with(&operator).await
}

pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) html: String,
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

    /// The token of its forms.
    pub(crate) fn csrf(&self) -> String {
        let (_, rest) = self.html.split_once("name=\"csrf\" value=\"").expect("there is a form");
        rest.split('"').next().unwrap().to_owned()
    }
}

pub(crate) async fn send(
    prey: &Prey,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Page {
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let mut request = http.build().unwrap().request(method.parse().unwrap(), prey.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.body(body.to_owned()).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Page { status, headers, html: response.text().await.unwrap() }
}

pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Logs in with a browser that had this session's cookie before; gives the new one.
pub(crate) async fn log_in(prey: &Prey, before: &str) -> String {
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
