//! Goods that are fetched by whoever made the order (docs/api.md §2.8, §2.9).

use super::App;
use super::access::OrderByKey;
use super::error::ApiError;
use crate::service::Claimed;
use axum::Json;
use axum::extract::State;
use saoma_core::watch::View;

/// The answer to a claim.
#[derive(serde::Serialize)]
pub(super) struct Answer {
    ship_id: String,
    again: bool,
    view: View,
}

pub(super) async fn dispense(
    OrderByKey(order_id, holder): OrderByKey,
    State(app): State<App>,
) -> Result<Json<Answer>, ApiError> {
    let Claimed { ship_id, again, row } = app.service.dispense(&order_id, &holder).await?;
    Ok(Json(Answer { ship_id, again, view: app.service.view_of_row(&row)? }))
}

pub(super) async fn shipped(
    OrderByKey(order_id, holder): OrderByKey,
    State(app): State<App>,
) -> Result<Json<View>, ApiError> {
    let row = app.service.confirm(&order_id, &holder).await?;
    Ok(Json(app.service.view_of_row(&row)?))
}
