//! The daily comparison for shops (docs/api.md §2.8).

use super::App;
use super::access::ByShop;
use super::error::ApiError;
use crate::reconcile::{DayReport, DifferenceReport, csv, read_date};
use crate::service::Service;
use crate::store::StoreError;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, stream};
use saoma_core::bill::BillDate;
use saoma_core::ids::MchId;
use std::sync::Arc;

/// Most differences of one answer in JSON; the table has all of them.
const DIFFERENCES_MAX: u32 = 500;

/// Most days of one answer.
const DAYS_MAX: u32 = 100;

/// A day with its differences.
#[derive(serde::Serialize)]
struct Answer {
    #[serde(flatten)]
    day: DayReport,
    differences: Vec<DifferenceReport>,
    /// Whether there are more differences than are told here.
    more: bool,
}

/// `GET /v1/bills/{date}`, as JSON, or as a table when the date ends with `.csv`.
pub(super) async fn day(
    ByShop(shop): ByShop,
    path: Result<Path<String>, PathRejection>,
    State(app): State<App>,
) -> Result<Response, ApiError> {
    let name = named(path);
    let (text, as_table) = match name.strip_suffix(".csv") {
        Some(text) => (text, true),
        None => (name.as_str(), false),
    };
    let date = date(text)?;
    let mch_id = merchant(&app, &shop)?;
    let day = app.service.bill_day(&mch_id, &date).await?.ok_or(ApiError::NotFound)?;
    if as_table {
        return Ok(table(app.service, mch_id, date, day));
    }
    let limit = DIFFERENCES_MAX + 1;
    let mut differences = app.service.bill_differences(&mch_id, &date, None, limit).await?;
    let more = differences.len() > DIFFERENCES_MAX as usize;
    differences.truncate(DIFFERENCES_MAX as usize);
    Ok(Json(Answer { day, differences, more }).into_response())
}

/// `GET /v1/bills`: the newest days.
pub(super) async fn days(
    ByShop(shop): ByShop,
    State(app): State<App>,
) -> Result<Response, ApiError> {
    let mch_id = merchant(&app, &shop)?;
    let bills = app.service.bill_days(Some(&mch_id), None, DAYS_MAX).await?;
    Ok(Json(serde_json::json!({ "bills": bills })).into_response())
}

/// `POST /v1/bills/{date}`: has a day compared, again if it was compared before.
pub(super) async fn ask(
    ByShop(shop): ByShop,
    path: Result<Path<String>, PathRejection>,
    State(app): State<App>,
) -> Result<Response, ApiError> {
    let date = date(&named(path))?;
    let mch_id = merchant(&app, &shop)?;
    let ready = date.ready(app.service.context.clock.now());
    ready.map_err(|error| invalid(error.rule))?;
    app.service.ask_for_bill(&mch_id, &date).await?;
    let day = app.service.bill_day(&mch_id, &date).await?.ok_or(ApiError::NotFound)?;
    Ok((StatusCode::ACCEPTED, Json(day)).into_response())
}

/// What stands in the path. Bytes that are no text name no day either.
fn named(path: Result<Path<String>, PathRejection>) -> String {
    path.map(|Path(name)| name).unwrap_or_default()
}

fn date(text: &str) -> Result<BillDate, ApiError> {
    read_date(text).ok_or_else(|| invalid("must be a day in Beijing, such as 2026-11-23"))
}

fn invalid(rule: &str) -> ApiError {
    ApiError::InvalidField { field: "date".to_owned(), message: format!("date {rule}") }
}

/// A shop sees the bills of its merchant.
fn merchant(app: &App, shop: &str) -> Result<MchId, ApiError> {
    let shop = app.service.context.sellers.shop(shop).ok_or(ApiError::NotFound)?;
    Ok(shop.mch_id.clone())
}

/// The table of a day for a download, written while it is read.
pub(crate) fn table(
    service: Arc<Service>,
    mch_id: MchId,
    date: BillDate,
    day: DayReport,
) -> Response {
    let name = format!("attachment; filename=\"bill-{mch_id}-{}.csv\"", day.date);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    (headers, Body::from_stream(lines(service, mch_id, date, day))).into_response()
}

/// Head and lines, a page at a time.
fn lines(
    service: Arc<Service>,
    mch_id: MchId,
    date: BillDate,
    day: DayReport,
) -> impl Stream<Item = Result<Bytes, StoreError>> {
    let head = csv::head(&day);
    let start = (Some(head), None::<DifferenceReport>);
    stream::try_unfold(start, move |(head, last)| {
        let (service, mch_id, date) = (service.clone(), mch_id.clone(), date.clone());
        let day = day.clone();
        async move {
            if let Some(head) = head {
                return Ok(Some((Bytes::from(head), (None, last))));
            }
            let page = service.bill_differences(&mch_id, &date, last.as_ref(), DIFFERENCES_MAX);
            let page = page.await?;
            let text: String = page.iter().map(|difference| csv::line(&day, difference)).collect();
            Ok(page.into_iter().next_back().map(|last| (Bytes::from(text), (None, Some(last)))))
        }
    })
}
