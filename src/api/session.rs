//! Sessions: who asks, logging in and out, one-time tickets (P13: a user's sessions are his own).

use super::answer::Answer;
use super::asked::Asked;
use super::call::Call;
use super::problem::Problem;
use super::state::ApiState;
use super::told::{Telling, Told, time};
use crate::directory::{Change, Session, SessionId};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use policy::{Action, Facts, Observed, Resource};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::IpAddr;

const COOKIE_NAME: &str = "purview_session";

/// What a request shows to be let in.
pub(super) struct Credentials {
    state: ApiState,
    token: Option<String>,
    is_cookie: bool,
}

impl Credentials {
    /// `Authorization: Bearer` first, then the cookie.
    pub fn of(state: &ApiState, headers: &HeaderMap) -> Self {
        let bearer = headers.get(AUTHORIZATION).map(|value| {
            let text = value.to_str().unwrap_or_default();
            text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map_or("", |(_, token)| token.trim())
        });
        let (token, is_cookie) = match bearer {
            Some(token) => (Some(token.to_owned()), false),
            None => (cookie(headers), true),
        };
        Self { state: state.clone(), token, is_cookie }
    }

    /// The open session, if there is one.
    pub fn session(&self) -> Option<Session> {
        self.state.directory().session(self.token.as_deref()?)
    }

    /// Whether it was sent by the browser itself, whatever page asked for it.
    pub const fn is_cookie(&self) -> bool {
        self.is_cookie
    }
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE_NAME).then(|| value.to_owned())
    })
}

/// Who asks. A change that comes with the browser's cookie has to come from a page of ours.
pub(super) fn authenticate(state: &ApiState, headers: &HeaderMap, is_change: bool) -> Result<Session, Problem> {
    let credentials = Credentials::of(state, headers);
    let session = credentials.session().ok_or_else(Problem::unauthorized)?;
    if is_change && credentials.is_cookie() {
        from_allowed_origin(state, headers, true)?;
    }
    Ok(session)
}

/// Whether the page that asks is one of ours, or of an origin that was allowed. `needed`: whether it has to say what it is.
pub(super) fn from_allowed_origin(state: &ApiState, headers: &HeaderMap, needed: bool) -> Result<(), Problem> {
    let refused = || Problem::new(StatusCode::FORBIDDEN, "origin", "Origin: a request with this cookie has to come from an allowed origin");
    let Some(origin) = headers.get(ORIGIN) else {
        return if needed { Err(refused()) } else { Ok(()) };
    };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let same = origin.split_once("://").is_some_and(|(scheme, rest)| matches!(scheme, "http" | "https") && Some(rest) == host);
    if same || state.inner.config.origins.iter().any(|allowed| allowed == origin) { Ok(()) } else { Err(refused()) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogIn {
    email: String,
    password: String,
    #[serde(default)]
    account: Option<crate::model::PublicId>,
}

/// `POST /session`.
pub(super) async fn log_in(state: &ApiState, address: IpAddr, asked: &Asked) -> Result<Response, Problem> {
    from_allowed_origin(state, &asked.headers, false)?;
    let LogIn { email, password, account } = asked.json()?;
    let attempt = state
        .inner
        .log_ins
        .attempt(address, &email)
        .map_err(|wait_s| Problem::too_many("too many failed log-ins; try again later", wait_s))?;
    let signed_in = state.directory().sign_in(&email, &password, account).await;
    if !matches!(signed_in, Err(crate::directory::SignInError::Refused)) {
        attempt.succeeded();
    }
    let signed_in = signed_in?;
    let snapshot = state.directory().snapshot();
    let (user, account) = (snapshot.user(signed_in.session.user), snapshot.account(signed_in.session.account));
    let (Some(user), Some(account)) = (user, account) else { return Err(Problem::unauthorized()) };
    let token = signed_in.token.as_str();
    let body = json!({
        "token": token,
        "session": signed_in.session.id.0,
        "user": { "id": user.public_id, "name": user.name, "surname": user.surname },
        "account": { "id": account.public_id, "name": account.name },
    });
    let secure = asked.headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    let idle_s = state.inner.config.session_idle_s;
    let cookie =
        format!("{COOKIE_NAME}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={idle_s}{}", if secure { "; Secure" } else { "" });
    let mut response = axum::Json(body).into_response();
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `DELETE /session`.
pub(super) async fn log_out(call: Call) -> Result<Answer, Problem> {
    call.change(Change::CloseSession { session: call.session.id }).await?;
    let Answer::Done(mut done) = Answer::nothing() else { return Ok(Answer::nothing()) };
    let gone = format!("{COOKIE_NAME}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    if let Ok(gone) = HeaderValue::try_from(gone) {
        done.headers.insert(SET_COOKIE, gone);
    }
    Ok(Answer::Done(done))
}

/// `DELETE /sessions/{id}`.
pub(super) async fn close(call: Call) -> Result<Answer, Problem> {
    call.change(Change::CloseSession { session: SessionId(call.id()?) }).await?;
    Ok(Answer::nothing())
}

/// An open session, as its user sees it.
struct SessionView {
    session: Session,
    is_this: bool,
}

impl Observed for SessionView {
    fn facts(&self) -> Facts<'_> {
        Facts::new(self.session.account, Resource::OwnSession, Action::See).of_user(self.session.user)
    }
}

impl Told for SessionView {
    fn value(&self, _: &Telling<'_>) -> Value {
        let Session { id, user: _, account: _, created_at, used_at } = self.session;
        json!({ "id": id.0, "created_at": time(created_at), "used_at": time(used_at), "this": self.is_this })
    }
}

/// `GET /sessions`: as many as a user can have at once, so on one page.
pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let sessions = call.stores().directory.sessions(call.session.user);
    let views = sessions.into_iter().map(|session| SessionView { session, is_this: session.id == call.session.id });
    let rows: Vec<_> = views.filter_map(|view| policy::admit(view, &call.viewer, call.now).ok()).collect();
    Ok(Answer::list(&rows, None, &call.telling(&call.snapshot())))
}

/// `POST /stream-tickets`: opens one stream, once, soon.
pub(super) async fn ticket(call: Call) -> Result<Answer, Problem> {
    let (ticket, expires_s) = call.state.inner.tickets.issue(call.session)?;
    Ok(Answer::own(&json!({ "ticket": ticket, "expires_in_s": expires_s })))
}
