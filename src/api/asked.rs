//! A request as its operation reads it: ids, query, body, version. Whatever is wrong with it is named.

use super::operations::Operation;
use super::problem::Problem;
use crate::delivery::SocketControl;
use crate::model::PublicId;
use axum::extract::Query;
use axum::http::header::{CONTENT_TYPE, IF_MATCH};
use axum::http::{HeaderMap, StatusCode, Uri};
use bytes::Bytes;
use serde::de::DeserializeOwned;

/// A request.
pub(super) struct Asked {
    pub operation: &'static Operation,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Where the answer goes.
    pub socket: Option<SocketControl>,
}

impl Asked {
    /// The id in the path. What is no id is answered like one that stands for nothing.
    pub fn id(&self) -> Result<PublicId, Problem> {
        let at = self.operation.path.split('/').position(|segment| segment == "{id}").ok_or_else(Problem::not_found)?;
        let behind_prefix = self.uri.path().strip_prefix(super::PREFIX).unwrap_or_default();
        let segment = behind_prefix.split('/').nth(at).unwrap_or_default();
        // One spelling only, so that the same thing has the same address.
        PublicId::try_parse(segment).ok().filter(|id| id.to_string() == segment).ok_or_else(Problem::not_found)
    }

    /// The query, all of it known.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let query = Query::<T>::try_from_uri(&self.uri);
        query.map(|Query(query)| query).map_err(|rejection| {
            let text = rejection.body_text();
            let message = text.rsplit("query string: ").next().unwrap_or_default().to_owned();
            let is_name = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            let (path, inner) = message.split_once(": ").filter(|(path, _)| is_name(path)).unwrap_or(("query", &message));
            Problem::invalid(named_in(inner).unwrap_or(path), inner)
        })
    }

    /// The body, all of it known.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let is_json = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            let essence = value.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case("application/json")
        });
        if !is_json {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "application/json is expected"));
        }
        let mut reader = serde_json::Deserializer::from_slice(&self.body);
        let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            let inner = error.into_inner();
            if !inner.is_data() {
                return Problem::new(StatusCode::BAD_REQUEST, "bad_json", inner.to_string());
            }
            let message = inner.to_string();
            // Of what is missing or unknown the path is that of what should hold it.
            let field = match (path.as_str(), named_in(&message)) {
                (".", Some(name)) => name.to_owned(),
                (".", None) => "body".to_owned(),
                (path, Some(name)) if !path.ends_with(name) => format!("{path}.{name}"),
                (path, _) => path.to_owned(),
            };
            Problem::invalid(field, message)
        })?;
        reader.end().map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "bad_json", error.to_string()))?;
        Ok(read)
    }

    /// The version that an edit was made from: `If-Match: "3"`.
    pub fn version(&self) -> Result<Option<u64>, Problem> {
        let Some(value) = self.headers.get(IF_MATCH) else { return Ok(None) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(None);
        }
        let version = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).and_then(|t| t.parse().ok());
        let bad = || Problem::new(StatusCode::BAD_REQUEST, "bad_if_match", "If-Match: the ETag of an answer, such as \"3\", is expected");
        version.map(Some).ok_or_else(bad)
    }
}

/// The field that a message about an unknown or missing one names.
fn named_in(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("unknown field `").or_else(|| message.strip_prefix("missing field `"))?;
    rest.split('`').next()
}
