//! Faults over the control interface: asked for, looked at, forgotten. Documented in the README.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde_json::json;

use super::control::{Answer, ControlError, read};
use crate::gateway::input::{AddFault, RemoveFault, RemoveFaults};
use crate::gateway::{CATALOGUE, FaultEntry, FaultError, FaultRule};
use crate::shared::Shared;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/faults", get(list).post(add).delete(remove_all))
        .route("/faults/catalogue", get(catalogue))
        .route("/faults/{id}", delete(remove))
}

impl From<FaultError> for ControlError {
    fn from(error: FaultError) -> Self {
        let (status, code) = match error {
            FaultError::TooMany => (StatusCode::CONFLICT, "too_many_faults"),
            FaultError::UnknownName { .. }
            | FaultError::Parameter { .. }
            | FaultError::NotOfCalls { .. }
            | FaultError::NotOfNotices { .. }
            | FaultError::PerMille => (StatusCode::BAD_REQUEST, "invalid_fault"),
        };
        Self { status, code, message: error.to_string() }
    }
}

async fn add(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let rule: FaultRule = read(&body)?;
    let fault = rule.fault;
    let id = shared.act(AddFault { rule }).await??;
    tracing::info!(id, %fault, "a fault was asked for");
    Ok(Json(json!({ "id": id })))
}

async fn list(State(shared): State<Arc<Shared>>) -> Answer {
    let (faults, struck, per_mille) = shared.look(|gateway, _| {
        let struck: BTreeMap<_, _> =
            gateway.faults_struck().map(|(name, times)| (name.as_str(), times)).collect();
        (gateway.faults(), struck, gateway.faults_per_mille())
    });
    Ok(Json(json!({ "faults": faults, "struck": struck, "per_mille": per_mille })))
}

async fn remove(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    let removed = match id.parse() {
        Ok(id) => shared.act(RemoveFault { id }).await?,
        Err(_) => false,
    };
    if !removed {
        let (status, message) = (StatusCode::NOT_FOUND, "there is no such rule".to_owned());
        return Err(ControlError { status, code: "unknown_fault", message });
    }
    Ok(Json(json!({ "removed": 1 })))
}

async fn remove_all(State(shared): State<Arc<Shared>>) -> Answer {
    let removed = shared.act(RemoveFaults {}).await?;
    Ok(Json(json!({ "removed": removed })))
}

async fn catalogue() -> Answer {
    let line = |entry: &FaultEntry| {
        json!({
            "name": entry.word,
            "strikes": entry.strikes,
            "parameter": entry.takes.describe(),
            "magic_total_fee": entry.magic_fen,
            "line": entry.line,
        })
    };
    let lines: Vec<_> = CATALOGUE.iter().map(line).collect();
    Ok(Json(json!({ "faults": lines })))
}
