//! The one way of every request: who asks, how often, may he at all; then the operation; then the answer, past the gate.

use super::answer::{Answer, Way};
use super::asked::Asked;
use super::call::{Call, refusal};
use super::operations::{OPERATIONS, Operation, Run};
use super::problem::Problem;
use super::session::{authenticate, log_in};
use super::state::ApiState;
use super::{idempotency, stream};
use crate::directory::Session;
use crate::telemetry;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, on};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use policy::Verdict;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often an answer is made anew because the viewer changed meanwhile.
const TRIES_MAX: usize = 3;

/// The interface as a service.
pub fn router(state: ApiState) -> Router {
    let mut router = Router::new();
    for operation in OPERATIONS {
        let Ok(filter) =
            Method::from_bytes(operation.method.as_bytes()).map_err(|_| ()).and_then(|m| MethodFilter::try_from(m).map_err(|_| ()))
        else {
            tracing::error!(method = operation.method, "no such method: the operation is not served");
            continue;
        };
        let state = state.clone();
        let path = format!("{}{}", super::PREFIX, operation.path);
        router = router.route(&path, on(filter, move |request: Request| measured(state.clone(), operation, request)));
    }
    router
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this is not done here; see Allow")
        })
        .layer(axum::middleware::map_response(with_safe_headers))
}

async fn with_safe_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}

async fn measured(state: ApiState, operation: &'static Operation, request: Request) -> Response {
    let begun = Instant::now();
    let response = serve(&state, operation, request).await.unwrap_or_else(Problem::into_response);
    let status = response.status().as_u16().to_string();
    metrics::counter!(telemetry::REQUESTS, "method" => operation.method, "route" => operation.path, "status" => status).increment(1);
    metrics::histogram!(telemetry::REQUEST_TIME, "method" => operation.method, "route" => operation.path)
        .record(begun.elapsed().as_secs_f64());
    response
}

async fn serve(state: &ApiState, operation: &'static Operation, request: Request) -> Result<Response, Problem> {
    let _running = state.inner.running.try_acquire().map_err(|_| Problem::busy("too many requests are under way"))?;
    match operation.run {
        Run::LogIn => {
            let (parts, body) = request.into_parts();
            let body = whole(state, &parts.headers, body).await?;
            let address = stream::address(&parts);
            log_in(state, address, &Asked { operation, uri: parts.uri, headers: parts.headers, body, socket: None }).await
        }
        Run::Stream => stream::open(state, operation, request).await,
        Run::Read(_) | Run::Change(_) => {
            let (parts, body) = request.into_parts();
            let session = authenticate(state, &parts.headers, operation.is_change())?;
            let rate =
                state.inner.rates.take(session.id).map_err(|wait_s| Problem::too_many("too many requests of this session", wait_s))?;
            let mut response = match may(state, operation, &session) {
                Ok(()) => {
                    let body = whole(state, &parts.headers, body).await?;
                    let socket = stream::control(&parts).cloned();
                    let asked = Arc::new(Asked { operation, uri: parts.uri, headers: parts.headers, body, socket });
                    run(state, operation, session, asked).await.unwrap_or_else(Problem::into_response)
                }
                Err(problem) => problem.into_response(),
            };
            rate.tell(response.headers_mut());
            Ok(response)
        }
    }
}

/// What is refused before anything is looked up (P5).
pub(super) fn may(state: &ApiState, operation: &Operation, session: &Session) -> Result<(), Problem> {
    let Some((resource, action)) = operation.needs else { return Ok(()) };
    let guard = state.inner.delivery.router.body(session.user).ok_or_else(Problem::unauthorized)?;
    let verdict = if operation.is_by_id() {
        policy::may_by_id(guard.viewer(), resource, action)
    } else {
        policy::may(guard.viewer(), resource, action)
    };
    match verdict {
        Verdict::Allow => Ok(()),
        Verdict::Forbid(reason) | Verdict::Hide(reason) => {
            state.directory().denied(session.user, resource, action, &reason);
            Err(refusal(verdict))
        }
    }
}

async fn run(state: &ApiState, operation: &'static Operation, session: Session, asked: Arc<Asked>) -> Result<Response, Problem> {
    match operation.run {
        Run::Change(handler) => {
            idempotency::once(&state.inner.idempotency, &session, &asked, async {
                let call = call(state, session, &asked)?.0;
                handler(call).await
            })
            .await
        }
        Run::Read(handler) => {
            for _ in 0..TRIES_MAX {
                let (call, guard) = call(state, session, &asked)?;
                let way = Way { guard, directory: state.directory().clone(), session: session.id, socket: asked.socket.clone() };
                match handler(call).await? {
                    Answer::Done(done) => return Ok(done.respond()),
                    Answer::Shown(shown) => {
                        if let Some(response) = shown.respond(&way) {
                            return Ok(response);
                        }
                    }
                }
                authenticate(state, &asked.headers, false)?;
            }
            Err(Problem::busy("access changes faster than can be answered"))
        }
        Run::LogIn | Run::Stream => Err(Problem::not_found()),
    }
}

/// Registered first, compiled afterwards: whatever is taken away from now on turns the gate.
fn call(state: &ApiState, session: Session, asked: &Arc<Asked>) -> Result<(Call, crate::router::BodyGuard), Problem> {
    let guard = state.inner.delivery.router.body(session.user).ok_or_else(Problem::unauthorized)?;
    let viewer = Arc::clone(guard.viewer());
    Ok((Call { state: state.clone(), session, viewer, now: state.inner.clock.now(), asked: Arc::clone(asked) }, guard))
}

/// The body, if it is not too long and does not take too long.
async fn whole(state: &ApiState, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let bytes_max = state.inner.config.body_bytes_max;
    let too_large = || {
        let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("a body has at most {bytes_max} bytes"));
        problem.with("max", serde_json::json!(bytes_max))
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > bytes_max) {
        return Err(too_large());
    }
    let gather = async {
        let mut gathered = BytesMut::new();
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "bad_body", error.to_string()))?;
            if gathered.len().saturating_add(piece.len()) > bytes_max {
                return Err(too_large());
            }
            gathered.extend_from_slice(&piece);
        }
        Ok(gathered.freeze())
    };
    let wait = Duration::from_secs(state.inner.config.body_timeout_s);
    let late = || Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "the body did not arrive in time");
    tokio::time::timeout(wait, gather).await.map_err(|_| late())?
}
