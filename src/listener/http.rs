//! Trackers that send HTTP requests.

use super::Shared;
use crate::session::Session;
use crate::telemetry;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocols::{HttpRequest, Input, Protocol, ReplyBody};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Header lines of one request that a protocol gets to see.
const HEADERS_MAX: usize = 64;

#[derive(Clone)]
struct Served {
    shared: Arc<Shared>,
    protocol: Protocol,
}

pub(super) async fn serve(shared: Arc<Shared>, protocol: Protocol, listener: TcpListener) {
    let body_bytes_max = shared.config.http_body_bytes_max;
    let stop = shared.stop.clone();
    let app = Router::new()
        .fallback(request)
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .with_state(Served { shared, protocol })
        .into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, app).with_graceful_shutdown(async move { stop.cancelled().await }).await;
    if let Err(error) = served {
        tracing::error!(protocol = protocol.name(), %error, "the HTTP listener ended");
    }
}

async fn request(State(served): State<Served>, ConnectInfo(address): ConnectInfo<SocketAddr>, request: Request) -> Response {
    let Served { shared, protocol } = served;
    let Some(_admission) = shared.connections.admit(address.ip()) else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, HeaderValue::from_static("5"))]).into_response();
    };
    let (parts, body) = request.into_parts();
    let deadline = std::time::Duration::from_secs(shared.config.frame_deadline_s);
    let read = tokio::time::timeout(deadline, axum::body::to_bytes(body, shared.config.http_body_bytes_max)).await;
    let body: Bytes = match read {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let uri = parts.uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
    let headers: Vec<(&str, &str)> =
        parts.headers.iter().take(HEADERS_MAX).filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let input = Input::Http(HttpRequest { method: parts.method.as_str(), uri, headers: &headers, body: &body });
    let mut session = Session::single(protocol);
    let step = session.accept(&input, &shared.outside());
    metrics::counter!(telemetry::FRAMES, "protocol" => protocol.name()).increment(u64::from(step.frames));
    if let Some(identifier) = &step.unknown {
        shared.unknown.note(identifier, protocol, shared.clock.now());
        return (StatusCode::NOT_FOUND, "unknown device\n").into_response();
    }
    if let (Some(what), true) = (step.error, step.replies.is_empty()) {
        return (StatusCode::BAD_REQUEST, format!("{what}\n")).into_response();
    }
    if !step.batch.is_empty() {
        match shared.journal.append(step.batch).await {
            Ok(committed) if committed.refused == 0 => {}
            _ => return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, HeaderValue::from_static("30"))]).into_response(),
        }
    }
    match step.replies.into_iter().next().map(|held| held.body) {
        Some(ReplyBody::Http { status, body }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            let json = body.first().is_some_and(|first| matches!(first, b'[' | b'{'));
            let kind = HeaderValue::from_static(if json { "application/json" } else { "text/plain" });
            (status, [(header::CONTENT_TYPE, kind)], body).into_response()
        }
        _ => StatusCode::OK.into_response(),
    }
}
