//! Who looks at a page or sends a form, and the answers that they get.

use super::door::Token;
use super::lang::Lang;
use super::office::Office;
use super::page::{Frame, Notice, problem};
use super::words::Words;
use crate::store::look::{ListedAnomaly, ListedEntry};
use crate::store::{SessionRow, StoreError};
use axum::extract::{Form, FromRequest, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::Markup;
use std::sync::Arc;

/// Nothing inline, nothing from elsewhere, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";
/// More than so many are not counted.
const COUNT_MAX: u32 = 100;
/// The cookie with which a page says what was done, and how long a browser may take to come for
/// that page, in seconds.
const SEAL: &str = "done";
const SEAL_S: u64 = 60;

/// The server's pages.
pub(super) type Desk = Arc<Office>;

/// The language of a browser.
pub(super) fn lang_of(office: &Office, headers: &HeaderMap) -> Lang {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let cookie = office.cookies.get(headers, "language");
    Lang::choose(cookie.as_deref(), accepted.unwrap_or_default())
}

/// An operator with a session that has not expired.
pub(super) struct Visitor {
    pub(super) lang: Lang,
    pub(super) operator: String,
    pub(super) token: Token,
    csrf: String,
    /// Path and query.
    path: String,
    notice: Option<Notice>,
}

impl Visitor {
    async fn of(
        headers: &HeaderMap,
        office: &Office,
    ) -> Result<Option<(String, Token)>, StoreError> {
        let token = office.cookies.get(headers, "session").and_then(|text| Token::read(&text));
        let Some(token) = token else { return Ok(None) };
        let session = office.service.session(&token.digest()).await?;
        // Who was taken out of the configuration, or has another password there, is out at once.
        let is_one = |session: &SessionRow| {
            office.operators.password_of(&session.operator).as_ref() == Some(&session.password)
        };
        Ok(session.filter(is_one).map(|session| (session.operator, token)))
    }

    /// What stands around this visitor's page.
    pub(super) async fn frame(&self, office: &Office) -> Result<Frame<'_>, Response> {
        let counts = async {
            let mut reader = office.looks.for_people().await?;
            let anomalies = ListedAnomaly::count_waiting(&mut reader, COUNT_MAX).await?;
            Ok((anomalies, ListedEntry::count_dead(&mut reader, COUNT_MAX).await?))
        };
        let (anomalies, dead) =
            counts.await.map_err(|error: StoreError| unavailable(self.lang, &error))?;
        Ok(Frame {
            lang: self.lang,
            operator: &self.operator,
            csrf: &self.csrf,
            path: &self.path,
            now: office.now(),
            notice: self.notice,
            anomalies,
            dead,
        })
    }

    /// Goes to a page that says what was done. It says so only to who has the cookie that goes
    /// along, which this session alone can make, for this address alone.
    pub(super) fn done(&self, office: &Office, path: &str, notice: Notice) -> Response {
        let mark = if path.contains('?') { '&' } else { '?' };
        let address = format!("{path}{mark}done={}", notice.name());
        let cookie = office.cookies.set(SEAL, &self.token.seal(&address), SEAL_S);
        ([(header::SET_COOKIE, cookie)], Redirect::to(&address)).into_response()
    }
}

/// What an address says that was done.
fn notice_in(address: &Uri) -> Option<Notice> {
    let done = address.query()?.split('&').find_map(|pair| pair.strip_prefix("done="))?;
    Notice::from_name(done)
}

/// The page that says what was done takes the cookie away, so that it is said once.
pub(super) async fn say_once(State(office): State<Desk>, request: Request, next: Next) -> Response {
    let is_said = request.method() == Method::GET
        && notice_in(request.uri()).is_some()
        && office.cookies.get(request.headers(), SEAL).is_some();
    let mut response = next.run(request).await;
    if is_said && let Ok(cookie) = office.cookies.set(SEAL, "", 0).parse() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

impl FromRequestParts<Desk> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, office: &Desk) -> Result<Self, Response> {
        let lang = lang_of(office, &parts.headers);
        let found = Self::of(&parts.headers, office).await;
        let path = parts.uri.path_and_query().map_or("/operator", |path| path.as_str()).to_owned();
        let Some((operator, token)) = found.map_err(|error| unavailable(lang, &error))? else {
            return Err(Redirect::to(&super::page::login_path(&path)).into_response());
        };
        // Anybody can make a link that says something was done.
        let seal = office.cookies.get(&parts.headers, SEAL);
        let is_ours = seal.is_some_and(|seal| token.is_seal(&seal, &path));
        let notice = notice_in(&parts.uri).filter(|_| is_ours);
        let csrf = token.csrf();
        Ok(Self { lang, operator, token, csrf, path, notice })
    }
}

/// A form that an operator has sent from a page of the same session.
pub(super) struct Posted {
    pub(super) visitor: Visitor,
    fields: Vec<(String, String)>,
}

impl Posted {
    /// A field; empty when it is not there, or holds a NUL: PostgreSQL takes none in a text, and
    /// nothing of ours has one.
    pub(super) fn field(&self, name: &str) -> &str {
        let value = field(&self.fields, name);
        if value.contains('\0') { "" } else { value }
    }
}

pub(super) fn field<'f>(fields: &'f [(String, String)], name: &str) -> &'f str {
    fields.iter().find(|(each, _)| each == name).map_or("", |(_, value)| value)
}

impl FromRequest<Desk> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, office: &Desk) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let lang = lang_of(office, &parts.headers);
        let is_foreign = is_foreign(&parts.headers);
        let visitor = Visitor::from_request_parts(&mut parts, office).await?;
        let request = Request::from_parts(parts, body);
        let fields = Form::<Vec<(String, String)>>::from_request(request, office).await;
        let Form(fields) = fields.map_err(|_| refused(lang))?;
        if is_foreign || !visitor.token.is_csrf(field(&fields, "csrf")) {
            return Err(refused(lang));
        }
        Ok(Self { visitor, fields })
    }
}

/// A browser says itself when another site has sent a form.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    site.is_some_and(|site| !matches!(site, "same-origin" | "none"))
}

/// A page, as strictly as browsers take it.
pub(super) fn page(status: StatusCode, markup: Markup) -> Response {
    let headers: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let mut response = (status, headers, markup.into_string()).into_response();
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

pub(super) fn refused(lang: Lang) -> Response {
    let w = Words::of(lang);
    page(StatusCode::FORBIDDEN, problem(lang, w.refused, w.refused_text))
}

pub(super) fn not_found(lang: Lang) -> Response {
    let w = Words::of(lang);
    page(StatusCode::NOT_FOUND, problem(lang, w.not_found, w.not_found_text))
}

/// The address asks for a state or a day that there is not: everything would be another answer.
pub(super) fn unknown_filter(lang: Lang) -> Response {
    let w = Words::of(lang);
    page(StatusCode::BAD_REQUEST, problem(lang, w.unknown_filter, w.unknown_filter_text))
}

/// The database does not answer; what it says is logged, never shown.
pub(super) fn unavailable(lang: Lang, error: &StoreError) -> Response {
    tracing::error!(%error, "an operator's page failed");
    let w = Words::of(lang);
    page(StatusCode::SERVICE_UNAVAILABLE, problem(lang, w.unavailable, w.unavailable_text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn a_field_with_a_nul_is_as_good_as_none() {
        let token = Token::new(&Random::seeded(1)).unwrap();
        let visitor = Visitor {
            lang: Lang::En,
            operator: "wang".to_owned(),
            csrf: token.csrf(),
            token,
            path: "/operator".to_owned(),
            notice: None,
        };
        let fields = [("key", "ship-\0"), ("order_id", "A")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let posted = Posted { visitor, fields };
        assert_eq!(["key", "order_id", "x"].map(|name| posted.field(name)), ["", "A", ""]);
    }
}
