//! The pages by their paths. Whoever has no session is led to the login; every form has to carry
//! its session's token.

use super::door::{SESSION_S, Token, Who};
use super::files::PageFile;
use super::lang::Lang;
use super::load;
use super::page::{self, EntryState, LoginPage, Notice};
use super::visitor::{
    Desk, Posted, Visitor, field, is_foreign, lang_of, not_found, page as answer, refused,
    say_once, unavailable, unknown_filter,
};
use super::words::Words;
use crate::service::{AskError, DecideError, Decided};
use crate::store::{SeenTo, SessionRow};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, Path, Query, State};
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use saoma_core::ids::{MchId, OrderId, OutRefundNo, TransactionId};
use std::collections::BTreeMap;

/// Largest form.
const FORM_LEN_MAX: usize = 8 * 1024;
/// How long the login's form is good, in seconds, and how long the language is remembered.
const LOGIN_S: u64 = 3_600;
const LANGUAGE_S: u64 = 365 * 86_400;
/// How long a browser is known from which an operator has come in, in seconds.
const BROWSER_S: u64 = 365 * 86_400;
/// When somebody may try again who found too many waiting, in seconds.
const CROWDED_S: u64 = 2;

/// What stands behind `?` in an address.
pub(super) type Asked = Query<BTreeMap<String, String>>;
type Answer = Result<Response, Response>;

/// All paths of the operator's page.
pub(crate) fn router(office: Desk) -> Router {
    Router::new()
        .route("/operator", get(overview))
        .route("/operator/login", get(login).post(log_in))
        .route("/operator/logout", post(log_out))
        .route("/operator/language", get(language))
        .route("/operator/files/{name}", get(file))
        .route("/operator/orders", get(orders))
        .route("/operator/orders/{order_id}", get(order))
        .route("/operator/orders/{order_id}/query", post(query))
        .route("/operator/orders/{order_id}/refund", post(super::refund::refund))
        .route("/operator/anomalies", get(anomalies))
        .route("/operator/anomalies/{transaction_id}/seen", post(see_to))
        .route("/operator/refunds/{number}/release", post(release))
        .route("/operator/refunds/{number}/dismiss", post(dismiss))
        .route("/operator/outbox", get(outbox))
        .route("/operator/outbox/retry", post(retry))
        .route("/operator/bills", get(bills))
        .route("/operator/bills/{date}", get(bill))
        .route("/operator/bills/{date}/csv", get(bill_csv))
        .route("/operator/bills/{date}/compare", post(compare))
        .route("/operator/settings", get(settings))
        .layer(DefaultBodyLimit::max(FORM_LEN_MAX))
        .layer(middleware::from_fn_with_state(office.clone(), say_once))
        .with_state(office)
}

async fn file(Path(name): Path<String>) -> Response {
    let Some(file) = PageFile::of_name(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, format!("{}; charset=utf-8", file.content_type)),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, file.content).into_response()
}

/// A path of ours to go to; anything else leads to the overview.
pub(super) fn local(to: &str) -> &str {
    let is_ours = to == "/operator" || to.starts_with("/operator/") || to.starts_with("/operator?");
    // What no header can hold is no way either.
    let is_bad = |letter: char| letter == '\\' || letter.is_control();
    if is_ours && !to.contains(is_bad) { to } else { "/operator" }
}

async fn language(State(office): State<Desk>, Query(asked): Asked) -> Response {
    let chosen = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    let Some(lang) = Lang::of_tag(chosen("lang")) else {
        return Redirect::to("/operator").into_response();
    };
    let cookie = office.cookies.set("language", lang.tag(), LANGUAGE_S);
    ([(header::SET_COOKIE, cookie)], Redirect::to(local(chosen("to")))).into_response()
}

async fn login(State(office): State<Desk>, headers: HeaderMap, Query(asked): Asked) -> Response {
    let to = asked.get("to").map(String::as_str).unwrap_or_default();
    login_page(&office, lang_of(&office, &headers), (StatusCode::OK, None), (local(to), ""))
}

/// The login with a form that is bound to the browser.
fn login_page(
    office: &Desk,
    lang: Lang,
    (status, error): (StatusCode, Option<&str>),
    (to, name): (&str, &str),
) -> Response {
    let w = Words::of(lang);
    let Ok(token) = Token::new(&office.random) else {
        return answer(
            StatusCode::SERVICE_UNAVAILABLE,
            page::problem(lang, w.unavailable, w.unavailable_text),
        );
    };
    let csrf = token.csrf();
    let form = page::login(&LoginPage { lang, csrf: &csrf, to, name, error });
    let cookie = office.cookies.set("login", token.expose(), LOGIN_S);
    ([(header::SET_COOKIE, cookie)], answer(status, form)).into_response()
}

async fn log_in(
    State(office): State<Desk>,
    headers: HeaderMap,
    extensions: Extensions,
    form: Result<Form<Vec<(String, String)>>, axum::extract::rejection::FormRejection>,
) -> Response {
    let lang = lang_of(&office, &headers);
    let w = Words::of(lang);
    let Ok(Form(fields)) = form else { return refused(lang) };
    let (to, name) = (local(field(&fields, "to")), field(&fields, "name").trim());
    let again = |status, error: &str| login_page(&office, lang, (status, Some(error)), (to, name));
    let later = |wait_s: u64, error: &str| {
        let mut response = again(StatusCode::TOO_MANY_REQUESTS, error);
        response.headers_mut().insert(header::RETRY_AFTER, wait_s.into());
        response
    };
    let crowded = || later(CROWDED_S, &w.crowded_login(CROWDED_S));
    let Some(who) = who(&office, name, &headers, &extensions) else { return crowded() };
    let token = office.cookies.get(&headers, "login").and_then(|text| Token::read(&text));
    let is_ours = token.is_some_and(|token| token.is_csrf(field(&fields, "csrf")));
    if !is_ours || is_foreign(&headers) {
        return again(StatusCode::FORBIDDEN, w.login_again);
    }
    // Who does not even get a place has made no mistake.
    let Some(waiting) = office.operators.line_up(matches!(who, Who::Known(_))) else {
        return crowded();
    };
    let wait_s = office.patience.attempt(&who, office.now());
    if wait_s > 0 {
        return later(wait_s, &w.too_many_logins(wait_s));
    }
    let password = field(&fields, "password").to_owned();
    if !office.operators.may_enter(waiting, name, password).await {
        let is_known = office.operators.password_of(name).is_some();
        tracing::warn!(is_known, "a login failed");
        return again(StatusCode::UNAUTHORIZED, w.wrong_login);
    }
    office.patience.succeeded(&who);
    enter(&office, lang, name, to).await
}

/// Who would log in; `None`: too many calls came from this address.
///
/// A browser from which an operator has come in before waits for its own mistakes only: nobody can
/// keep an operator out by making some, nor by coming in a crowd.
fn who(office: &Desk, name: &str, headers: &HeaderMap, extensions: &Extensions) -> Option<Who> {
    let mark = office.cookies.get(headers, "browser");
    if let Some(mark) = mark.filter(|mark| office.service.is_mark(name, mark)) {
        return Some(Who::Known(mark));
    }
    let origin = office.gate.login(extensions, headers, office.now());
    if origin.is_none() {
        office.service.context.metrics.rate_limited("address");
    }
    Some(Who::stranger(&office.service.mark(name), origin?))
}

/// Begins the session of somebody who may come in.
async fn enter(office: &Desk, lang: Lang, name: &str, to: &str) -> Response {
    let Ok(token) = Token::new(&office.random) else { return refused(lang) };
    let session = SessionRow {
        digest: token.digest(),
        operator: name.to_owned(),
        password: office.operators.password_of(name).unwrap_or_default(),
        expires_at: office.now().plus(SESSION_S),
    };
    if let Err(error) = office.service.begin_session(session).await {
        return unavailable(lang, &error);
    }
    tracing::info!(operator = name, "an operator has logged in");
    let cookies = office.cookies;
    let headers = [
        (header::SET_COOKIE, cookies.set("session", token.expose(), SESSION_S)),
        (header::SET_COOKIE, cookies.set("browser", &office.service.mark(name), BROWSER_S)),
        (header::SET_COOKIE, cookies.set("login", "", 0)),
    ];
    let mut response = Redirect::to(to).into_response();
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().append(name, value);
        }
    }
    response
}

async fn log_out(State(office): State<Desk>, posted: Posted) -> Answer {
    let Visitor { lang, token, .. } = &posted.visitor;
    let ended = office.service.end_session(token.digest()).await;
    ended.map_err(|error| unavailable(*lang, &error))?;
    let cookie = office.cookies.set("session", "", 0);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/operator/login")).into_response())
}

async fn overview(State(office): State<Desk>, visitor: Visitor) -> Answer {
    let frame = visitor.frame(&office).await?;
    let page = load::overview(&office).await.map_err(|error| unavailable(visitor.lang, &error))?;
    Ok(answer(StatusCode::OK, page::overview(&frame, &page)))
}

async fn orders(State(office): State<Desk>, visitor: Visitor, Query(asked): Asked) -> Answer {
    let frame = visitor.frame(&office).await?;
    let page = load::orders(&office, &asked).await;
    let page = page.map_err(|error| unavailable(visitor.lang, &error))?;
    let page = page.ok_or_else(|| unknown_filter(visitor.lang))?;
    Ok(answer(StatusCode::OK, page::orders(&frame, &page)))
}

async fn order(
    State(office): State<Desk>,
    visitor: Visitor,
    Path(order_id): Path<String>,
) -> Answer {
    let frame = visitor.frame(&office).await?;
    let order_id = OrderId::new(&order_id).map_err(|_| not_found(visitor.lang))?;
    let page = load::order(&office, &order_id).await;
    let page = page.map_err(|error| unavailable(visitor.lang, &error))?;
    let page = page.ok_or_else(|| not_found(visitor.lang))?;
    Ok(answer(StatusCode::OK, page::order(&frame, &page)))
}

async fn query(State(office): State<Desk>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Visitor { lang, operator, .. } = &posted.visitor;
    let order_id = OrderId::new(&id).map_err(|_| not_found(*lang))?;
    let asked = office.service.ask_wechat(order_id, operator).await;
    let is_asked = asked.map_err(|error| match error {
        AskError::NotFound => not_found(*lang),
        AskError::Store(error) => unavailable(*lang, &error),
    })?;
    let notice = if is_asked { Notice::Queried } else { Notice::Nothing };
    Ok(posted.visitor.done(&office, &format!("/operator/orders/{id}"), notice))
}

async fn anomalies(State(office): State<Desk>, visitor: Visitor, Query(asked): Asked) -> Answer {
    let frame = visitor.frame(&office).await?;
    let page = load::anomalies(&office, &asked).await;
    let page = page.map_err(|error| unavailable(visitor.lang, &error))?;
    Ok(answer(StatusCode::OK, page::anomalies(&frame, &page)))
}

async fn see_to(State(office): State<Desk>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Visitor { lang, operator, .. } = &posted.visitor;
    let id = TransactionId::new(&id).map_err(|_| not_found(*lang))?;
    let seen = office.service.see_to(id, posted.field("kind"), operator).await;
    let done = |notice| posted.visitor.done(&office, "/operator/anomalies", notice);
    match seen.map_err(|error| unavailable(*lang, &error))? {
        SeenTo::Now(_) => Ok(done(Notice::SeenTo)),
        SeenTo::NotOpen => Ok(done(Notice::Nothing)),
        SeenTo::Unknown => Err(not_found(*lang)),
    }
}

async fn release(State(office): State<Desk>, Path(number): Path<String>, posted: Posted) -> Answer {
    decide(&office, &number, &posted, true).await
}

async fn dismiss(State(office): State<Desk>, Path(number): Path<String>, posted: Posted) -> Answer {
    decide(&office, &number, &posted, false).await
}

async fn decide(office: &Desk, number: &str, posted: &Posted, release: bool) -> Answer {
    let Visitor { lang, operator, .. } = &posted.visitor;
    let number = OutRefundNo::new(number).map_err(|_| not_found(*lang))?;
    let mch_id = MchId::new(posted.field("mch_id")).map_err(|_| not_found(*lang))?;
    let refund = (&number, &mch_id);
    let decided = if release {
        office.service.release_refund(refund, operator).await
    } else {
        office.service.dismiss_refund(refund, operator).await
    };
    let done = |notice| posted.visitor.done(office, "/operator/anomalies", notice);
    match decided {
        Ok(Decided::Released) => Ok(done(Notice::Released)),
        Ok(Decided::Dismissed) => Ok(done(Notice::Dismissed)),
        Ok(Decided::SeenTo) => Ok(done(Notice::SeenTo)),
        Err(DecideError::NotHeld(state)) => {
            tracing::info!(operator, state = state.as_str(), "a refund was not held any more");
            Ok(done(Notice::Nothing))
        }
        Err(DecideError::Unsendable) => Ok(done(Notice::Unsendable)),
        Err(DecideError::NotFound) => Err(not_found(*lang)),
        Err(DecideError::Store(error)) => Err(unavailable(*lang, &error)),
    }
}

async fn outbox(State(office): State<Desk>, visitor: Visitor, Query(asked): Asked) -> Answer {
    let frame = visitor.frame(&office).await?;
    let page = load::outbox(&office, &asked).await;
    let page = page.map_err(|error| unavailable(visitor.lang, &error))?;
    let page = page.ok_or_else(|| unknown_filter(visitor.lang))?;
    Ok(answer(StatusCode::OK, page::outbox(&frame, &page)))
}

async fn retry(State(office): State<Desk>, posted: Posted) -> Answer {
    let Visitor { lang, operator, .. } = &posted.visitor;
    let id = posted.field("order_id");
    let order_id = match id {
        "" => None,
        id => Some(OrderId::new(id).map_err(|_| not_found(*lang))?),
    };
    let retried = office.service.retry(order_id, posted.field("key").to_owned(), operator).await;
    let is_retried = retried.map_err(|error| unavailable(*lang, &error))?;
    let notice = if is_retried { Notice::Retried } else { Notice::Nothing };
    let path = match id {
        "" => "/operator/outbox".to_owned(),
        id => format!("/operator/orders/{id}"),
    };
    Ok(posted.visitor.done(&office, &path, notice))
}

async fn bills(State(office): State<Desk>, visitor: Visitor, Query(asked): Asked) -> Answer {
    let frame = visitor.frame(&office).await?;
    let page = load::bills(&office, &asked).await;
    let page = page.map_err(|error| unavailable(visitor.lang, &error))?;
    Ok(answer(StatusCode::OK, page::bills(&frame, &page)))
}

async fn bill(
    State(office): State<Desk>,
    visitor: Visitor,
    Path(date): Path<String>,
    Query(asked): Asked,
) -> Answer {
    let frame = visitor.frame(&office).await?;
    let which = load::which_bill(&date, &asked).ok_or_else(|| not_found(visitor.lang))?;
    let page = load::bill(&office, &which).await;
    let page = page.map_err(|error| unavailable(visitor.lang, &error))?;
    let page = page.ok_or_else(|| not_found(visitor.lang))?;
    Ok(answer(StatusCode::OK, page::bill(&frame, &page)))
}

async fn bill_csv(
    State(office): State<Desk>,
    visitor: Visitor,
    Path(date): Path<String>,
    Query(asked): Asked,
) -> Answer {
    let (mch_id, date) = load::which_bill(&date, &asked).ok_or_else(|| not_found(visitor.lang))?;
    let day = office.service.bill_day(&mch_id, &date).await;
    let day = day.map_err(|error| unavailable(visitor.lang, &error))?;
    let day = day.ok_or_else(|| not_found(visitor.lang))?;
    Ok(crate::http::bill_table(office.service.clone(), mch_id, date, day))
}

async fn compare(
    State(office): State<Desk>,
    Path(day): Path<String>,
    Query(asked): Asked,
    posted: Posted,
) -> Answer {
    let Visitor { lang, operator, .. } = &posted.visitor;
    let which = load::which_bill(&day, &asked).ok_or_else(|| not_found(*lang))?;
    let (mch_id, date) = &which;
    tracing::info!(operator, %mch_id, day, "an operator has a bill compared again");
    let asked = office.service.ask_for_bill(mch_id, date).await;
    asked.map_err(|error| unavailable(*lang, &error))?;
    let path = format!("/operator/bills/{day}?merchant={mch_id}");
    Ok(posted.visitor.done(&office, &path, Notice::Retried))
}

async fn settings(State(office): State<Desk>, visitor: Visitor) -> Answer {
    let frame = visitor.frame(&office).await?;
    let page = load::settings(&office).await;
    let page = page.map_err(|error| unavailable(visitor.lang, &error))?;
    Ok(answer(StatusCode::OK, page::settings(&frame, &page)))
}

/// Where the page of an entry's state is.
pub(super) const fn outbox_state(state: EntryState) -> &'static str {
    match state {
        EntryState::Dead => "dead",
        EntryState::Held => "held",
        EntryState::Pending
        | EntryState::AtWeChat
        | EntryState::Leased
        | EntryState::Device
        | EntryState::Done => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_elsewhere() {
        for to in ["/operator", "/operator/orders?q=1", "/operator?done=x"] {
            assert_eq!(local(to), to);
        }
        for to in [
            "",
            "//evil.example",
            "https://evil.example",
            "/operatorx",
            "/v1/orders",
            "/operator/\\evil.example",
            "/operator/\r\nSet-Cookie: a=b",
            "/operator/\u{1}",
            "/operator/\u{7f}",
        ] {
            assert_eq!(local(to), "/operator", "{to:?}");
        }
    }
}
