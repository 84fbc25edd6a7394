//! Refusals, as `application/problem+json` (RFC 9457).

use crate::directory::{ChangeError, SignInError, StoreError};
use crate::events::EventsError;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use policy::{Missing, Reason};
use serde_json::{Map, Value, json};

/// A refusal.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    status: StatusCode,
    kind: &'static str,
    detail: String,
    more: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into(), more: Map::new(), headers: Vec::new() }
    }

    /// The one answer for what does not exist, is not visible, or belongs to another account (P5).
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such thing")
    }

    /// Names what is missing (T24).
    pub fn forbidden(reason: Reason) -> Self {
        let mut problem = Self::new(StatusCode::FORBIDDEN, "forbidden", reason.to_string());
        if let Reason::Missing(missing) = reason {
            let missing = match missing {
                Missing::Right(right) => json!({ "right": right.name() }),
                Missing::Category(category, level) => json!({ "category": category.name(), "level": level.name() }),
                Missing::OwnerOnly => json!({ "standing": "owner" }),
                Missing::OwnerOrAdmin => json!({ "standing": "owner_or_admin" }),
            };
            problem.more.insert("missing".to_owned(), missing);
        }
        problem
    }

    /// A value that cannot be, by the name of its field.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", format!("{field}: {message}"));
        problem.more.insert("field".to_owned(), Value::String(field));
        problem
    }

    /// A limit is reached, by its name.
    pub fn limit(limit: &str, max: usize, detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "limit_reached", detail);
        problem.with("limit", json!(limit)).with("max", json!(max))
    }

    pub fn unauthorized() -> Self {
        let problem = Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "no open session: log in");
        problem.header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    pub fn busy(detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).header(RETRY_AFTER, HeaderValue::from_static("1"))
    }

    pub fn too_many(detail: &str, retry_after_s: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail).header(RETRY_AFTER, HeaderValue::from(retry_after_s.max(1)))
    }

    /// Something of ours failed. What, stands in the log alone.
    pub fn failed(what: &str, error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "{what}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "it could not be done")
    }

    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("error");
        let mut body =
            json!({ "type": format!("urn:purview:{}", self.kind), "title": title, "status": self.status.as_u16(), "detail": self.detail });
        if let Value::Object(fields) = &mut body {
            fields.extend(self.more);
        }
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response.headers_mut().extend(self.headers);
        response
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        let text = error.to_string();
        match error {
            ChangeError::NotFound => Self::not_found(),
            ChangeError::Forbidden(reason) => Self::forbidden(reason),
            ChangeError::Invalid { field, message } => Self::invalid(field, message),
            ChangeError::IdentifierTaken => Self::new(StatusCode::CONFLICT, "identifier_taken", text).with("field", json!("identifier")),
            ChangeError::StaleVersion { current } => {
                Self::new(StatusCode::PRECONDITION_FAILED, "stale_version", text).with("version", json!(current))
            }
            ChangeError::LimitReached { limit, max } => Self::limit(limit, max, text),
            ChangeError::StorageFull(reason) => {
                tracing::error!(%reason, "a change took effect, but is not stored");
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", "it took effect, but could not be stored yet")
            }
            ChangeError::Storage(reason) => Self::failed("a change could not be stored", &reason),
            ChangeError::Busy => Self::busy("too much is waiting; try again"),
            ChangeError::Closed => Self::busy("the gateway stops"),
        }
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Refused => Self::new(StatusCode::UNAUTHORIZED, "log_in_refused", error.to_string()),
            SignInError::WhichAccount(accounts) => {
                let accounts: Vec<Value> = accounts.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect();
                let detail = "the address is known in several accounts: name one in \"account\"";
                Self::new(StatusCode::CONFLICT, "which_account", detail).with("accounts", Value::Array(accounts))
            }
            SignInError::Busy => Self::busy("too many log-ins are waiting; try again"),
            SignInError::Storage(reason) => Self::failed("a session could not be stored", &reason),
        }
    }
}

impl From<EventsError> for Problem {
    fn from(error: EventsError) -> Self {
        Self::failed("visits and alerts could not be read", &error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::failed("the directory's files could not be read", &error)
    }
}
