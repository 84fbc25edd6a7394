//! `/healthz`, `/readyz` and `/metrics`, on an address of their own.

use crate::journal::Journal;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Whether the pipeline has caught up once since the start.
pub(super) type CaughtUp = Arc<AtomicBool>;

#[derive(Clone)]
struct Health {
    journal: Journal,
    caught_up: CaughtUp,
    metrics: PrometheusHandle,
}

pub(super) async fn serve(listener: TcpListener, journal: Journal, caught_up: CaughtUp, stop: CancellationToken) {
    let health = Health { journal, caught_up, metrics: crate::telemetry::recorder() };
    let upkeep = health.metrics.clone();
    let app =
        Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).route("/metrics", get(metrics)).with_state(health);
    let stopped = stop.clone();
    let served = axum::serve(listener, app).with_graceful_shutdown(async move { stopped.cancelled().await });
    let mut every = tokio::time::interval(std::time::Duration::from_secs(5));
    let upkeeping = async {
        // Without it the recorder's histograms grow for as long as nobody asks for them.
        loop {
            every.tick().await;
            upkeep.run_upkeep();
        }
    };
    tokio::select! {
        served = async { served.await } => if let Err(error) = served { tracing::error!(%error, "the telemetry address ended") },
        () = upkeeping => {}
    }
}

/// The process lives and can still make records durable.
async fn healthz(State(health): State<Health>) -> Response {
    if health.journal.poisoned() { (StatusCode::SERVICE_UNAVAILABLE, "journal: failed\n").into_response() } else { "ok\n".into_response() }
}

/// Check by check: whether trackers and viewers are served as they should be.
async fn readyz(State(health): State<Health>) -> Response {
    let checks = [
        ("journal", !health.journal.poisoned()),
        ("disk", !health.journal.disk_full()),
        ("pipeline", health.caught_up.load(Ordering::Relaxed)),
    ];
    let body: serde_json::Map<String, serde_json::Value> =
        checks.iter().map(|(name, good)| ((*name).to_owned(), serde_json::Value::from(if *good { "ok" } else { "failing" }))).collect();
    let status = if checks.iter().all(|(_, good)| *good) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(body)).into_response()
}

async fn metrics(State(health): State<Health>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], health.metrics.render()).into_response()
}
