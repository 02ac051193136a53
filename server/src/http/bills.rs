//! The daily comparison for shops (docs/api.md §2.8).

use super::App;
use super::access::ByShop;
use super::error::ApiError;
use crate::reconcile::{DayReport, DifferenceReport, csv, read_date};
use crate::service::Service;
use crate::store::StoreError;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, stream};
use saoma_core::bill::BillDate;
use saoma_core::ids::MchId;
use std::sync::Arc;

/// Most differences of one answer in JSON; the table has all of them.
const DIFFERENCES_MAX: u32 = 500;

/// A day with its differences.
#[derive(serde::Serialize)]
struct Answer {
    #[serde(flatten)]
    day: DayReport,
    differences: Vec<DifferenceReport>,
    /// Whether there are more differences than are told here.
    more: bool,
}
