//! The world's own controls, beside the API: time, faults, and the audit trail.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::kubernetes::Server;
use super::kubernetes_path::Query;
use crate::sim::fault::Fault;

/// The longest leap of one request: an hour of simulated time is 14 400 steps.
const LEAP_MAX: Duration = Duration::from_hours(1);

/// `GET /sim/now`.
pub(super) async fn now(State(server): State<Server>) -> Response {
    Json(json!({"now": server.shared.look(|world| world.now().to_string())})).into_response()
}

/// `POST /sim/advance?ms=N`.
pub(super) async fn advance(State(server): State<Server>, RawQuery(query): RawQuery) -> Response {
    let query = Query::parse(query.as_deref().unwrap_or_default());
    match query.text("ms").parse().map(Duration::from_millis) {
        Ok(by) if by <= LEAP_MAX => {
            server.shared.advance(by);
            now(State(server)).await
        }
        _ => refuse("ms is a whole number of milliseconds, at most an hour"),
    }
}

/// `POST /sim/fault` with a fault as JSON; an empty body forgets all faults of the cluster.
pub(super) async fn plan_fault(State(server): State<Server>, body: Bytes) -> Response {
    if body.is_empty() {
        server.change(|cluster, _| cluster.faults.clear());
        return StatusCode::NO_CONTENT.into_response();
    }
    match serde_json::from_slice::<Fault>(&body) {
        Ok(fault) => {
            server.change(|cluster, now| cluster.faults.plan(fault, now));
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => refuse(&error.to_string()),
    }
}

/// `GET /sim/fault`: the faults of the cluster.
pub(super) async fn faults(State(server): State<Server>) -> Response {
    let planned = server.look(|cluster, _| {
        let written = |fault: &Fault| serde_json::to_value(fault).unwrap_or_default();
        cluster.faults.iter().map(written).collect::<Vec<Value>>()
    });
    Json(planned.unwrap_or_default()).into_response()
}

/// `GET /sim/audit`: every write that reached the server, one JSON object a line.
pub(super) async fn audit(State(server): State<Server>) -> Response {
    let lines = server.look(|cluster, _| cluster.audit.to_lines()).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response()
}

fn refuse(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": why}))).into_response()
}
