//! Trackers that send HTTP requests.

use super::{Shared, stream};
use crate::frames::Direction;
use crate::session::Session;
use crate::telemetry;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use protocols::{HttpRequest, Input, Protocol, ReplyBody};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Header lines of one request.
const HEADERS_MAX: usize = 64;
/// Bytes of a request before its body.
const HEAD_BYTES_MAX: usize = 16 * 1024;

pub(super) async fn serve(shared: Arc<Shared>, protocol: Protocol, listener: TcpListener) {
    stream::accept(&shared, protocol.name(), &listener, |stream, address| {
        shared.tasks.spawn(connection(Arc::clone(&shared), protocol, stream, address));
    })
    .await;
}

/// A connection has as long for each request's head, the pause before it included, as a frame has.
async fn connection(shared: Arc<Shared>, protocol: Protocol, stream: TcpStream, address: SocketAddr) {
    let Some(admission) = shared.connections.admit(address.ip()) else { return };
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(answer(&shared, protocol, request.map(Body::new)).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(shared.config.frame_deadline_s))
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut served = std::pin::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = admission.cut.cancelled() => return,
        () = shared.stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(protocol = protocol.name(), connection = admission.number, %error, "connection ended");
    }
}

async fn answer(shared: &Shared, protocol: Protocol, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let deadline = Duration::from_secs(shared.config.frame_deadline_s);
    let read = tokio::time::timeout(deadline, axum::body::to_bytes(body, shared.config.http_body_bytes_max)).await;
    let body: Bytes = match read {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let uri = parts.uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
    let headers: Vec<(&str, &str)> = parts.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let input = Input::Http(HttpRequest { method: parts.method.as_str(), uri, headers: &headers, body: &body });
    let mut session = Session::single(protocol);
    let step = session.accept(&input, &shared.outside());
    shared.watch(&session, Direction::In, &[parts.method.as_str().as_bytes(), b" ", uri.as_bytes(), b"\n", &body].concat(), step.told);
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
