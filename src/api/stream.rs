//! `GET /stream`: lets a viewer in by cookie, bearer token or one-time ticket, and hands him to delivery.

use super::operations::Operation;
use super::problem::Problem;
use super::session::{Credentials, from_allowed_origin};
use super::state::ApiState;
use crate::delivery::{SocketControl, Who};
use crate::directory::Session;
use crate::router::SessionId;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, FromRequestParts as _, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// The address that a request came from.
pub(super) fn address(parts: &Parts) -> IpAddr {
    control(parts).map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |control| control.address.ip())
}

pub(super) fn control(parts: &Parts) -> Option<&SocketControl> {
    parts.extensions.get::<ConnectInfo<SocketControl>>().map(|ConnectInfo(control)| control)
}

pub(super) async fn open(state: &ApiState, operation: &Operation, request: Request) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let session = who(state, &parts)?;
    super::serve::may(state, operation, &session)?;
    let Some(control) = control(&parts).cloned() else {
        return Err(Problem::failed("a stream was asked for", &"its socket is not known"));
    };
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await.map_err(|rejection| {
        let status = rejection.status();
        Problem::new(if status.is_client_error() { status } else { StatusCode::BAD_REQUEST }, "no_web_socket", rejection.body_text())
    })?;
    let who = Who { user: session.user, account: session.account, session: SessionId(session.id.0) };
    Ok(Arc::clone(&state.inner.delivery).upgrade(upgrade, who, control))
}

/// A ticket says by itself who it was made for. A cookie counts only on a page of ours. A token in the address counts for nothing.
fn who(state: &ApiState, parts: &Parts) -> Result<Session, Problem> {
    let ticket = parts.uri.query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("ticket=")));
    if let Some(ticket) = ticket {
        let session = state.inner.tickets.redeem(ticket)?;
        return if state.directory().session_is_open(session.id) { Ok(session) } else { Err(Problem::unauthorized()) };
    }
    let credentials = Credentials::of(state, &parts.headers);
    let session = credentials.session().ok_or_else(Problem::unauthorized)?;
    if credentials.is_cookie() {
        from_allowed_origin(state, &parts.headers, true)?;
    }
    Ok(session)
}
