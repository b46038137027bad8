//! The API server of one simulated cluster: one router, to be mounted in process or on loopback.
//!
//! A request passes silence and other faults, authentication, authorization and its handler, in
//! this order, and leaves with the headers of the real server. Handlers are plain functions over
//! the world.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request, Response, header};
use axum::routing::{get, post};
use futures::stream;
use http_body_util::{BodyExt, Limited};
use jiff::{SignedDuration, Timestamp};

use super::kubernetes_path::{Query, Resource, Target};
use super::kubernetes_reply::{Payload, Print, Reply};
use super::{control, kubernetes_answer as answer, prometheus};
use crate::sim::access::User;
use crate::sim::audit::Write;
use crate::sim::fault::{Hit, Verb, What};
use crate::sim::object::http_date;
use crate::sim::shared::Shared;
use crate::sim::status::Status;
use crate::sim::world::{self, Cluster};

/// Largest body of a request: the API server's own limit.
pub const BODY_BYTES_MAX: usize = 3 << 20;

/// The routes of a cluster's API server, of its Prometheus under `/prometheus`, and of the world's
/// own controls under `/sim`.
pub fn router(shared: &Shared, cluster: &str) -> Router {
    let server = Server { shared: shared.clone(), cluster: cluster.to_owned() };
    let router = Router::new()
        .route("/sim/now", get(control::now))
        .route("/sim/advance", post(control::advance))
        .route("/sim/fault", post(control::plan_fault).get(control::faults))
        .route("/sim/audit", get(control::audit))
        .fallback(serve)
        .with_state(server);
    match world::prometheus(shared, cluster) {
        Some(source) => router.nest("/prometheus", prometheus::router(source)),
        None => router,
    }
}

/// The server of one cluster of the world.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) shared: Shared,
    pub(super) cluster: String,
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) uri: String,
    pub(super) target: Target,
    pub(super) query: Query,
    pub(super) headers: axum::http::HeaderMap,
    pub(super) body: Bytes,
}

impl Ask {
    fn of(parts: &Parts) -> Self {
        Self {
            method: parts.method.clone(),
            uri: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            target: Target::parse(parts.uri.path()),
            query: Query::parse(parts.uri.query().unwrap_or_default()),
            headers: parts.headers.clone(),
            body: Bytes::new(),
        }
    }

    pub(super) fn header(&self, name: &header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn agent(&self) -> &str {
        self.header(&header::USER_AGENT)
    }

    /// The media type of the body, without parameters.
    pub(super) fn media_type(&self) -> &str {
        self.header(&header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim()
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.header(&header::AUTHORIZATION).strip_prefix("Bearer ").map(str::trim)
    }

    /// Its verb; `None`: the method fits no resource.
    pub(super) fn verb(&self) -> Option<Verb> {
        match &self.target {
            Target::Resource(resource) => resource.verb(&self.method, &self.query),
            Target::Path(_) => Some(Verb::Get),
        }
    }

    /// Runs with the request as faults see it.
    fn hit<T>(&self, with: impl FnOnce(Hit<'_>) -> T) -> T {
        let verb = self.verb().unwrap_or(Verb::Get);
        match &self.target {
            Target::Resource(resource) => {
                with(Hit { verb, resource: &resource.full(), name: &resource.name })
            }
            Target::Path(path) => with(Hit { verb, resource: path, name: "" }),
        }
    }
}

impl Server {
    /// Looks at the cluster and the time; `None`: the world lost it.
    pub(super) fn look<T>(&self, at: impl FnOnce(&Cluster, Timestamp) -> T) -> Option<T> {
        self.shared.look(|world| {
            let found = world.clusters.iter().find(|cluster| cluster.name == self.cluster)?;
            Some(at(found, world.now()))
        })
    }

    /// Changes the cluster so that watches see it.
    pub(super) fn change<T>(&self, with: impl FnOnce(&mut Cluster, Timestamp) -> T) -> Option<T> {
        self.shared.change(|world| {
            let now = world.now();
            world.cluster(&self.cluster).map(|cluster| with(cluster, now))
        })
    }

    /// Changes what no watch can see: counters and records.
    fn note<T>(&self, with: impl FnOnce(&mut Cluster, Timestamp) -> T) -> Option<T> {
        self.shared.quietly(|world| {
            let now = world.now();
            world.cluster(&self.cluster).map(|cluster| with(cluster, now))
        })
    }

    /// Waits for a moment of simulated time.
    pub(super) async fn until(&self, done: impl Fn(&Cluster, Timestamp) -> bool) {
        let mut bell = self.shared.bell();
        while !self.look(&done).unwrap_or(true) {
            bell.rings().await;
        }
    }
}

async fn serve(State(server): State<Server>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let mut ask = Ask::of(&parts);
    server.until(|cluster, now| !ask.hit(|hit| cluster.faults.is_silent(hit, now))).await;
    let happens = server.note(|cluster, now| {
        if cluster.faults.take_compaction(now) {
            cluster.store.compact();
        }
        ask.hit(|hit| cluster.faults.take(hit, now))
    });
    let happens = happens.unwrap_or_default();
    if happens.contains(&What::LostRequest) {
        return never().await;
    }
    for what in &happens {
        if let What::Slow { ms } = what {
            let wait = SignedDuration::from_millis(i64::try_from(*ms).unwrap_or(i64::MAX / 4));
            if let Some(due) = server.look(|_, now| now + wait) {
                server.until(|_, now| now >= due).await;
            }
        }
    }
    let (reply, who) = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => {
            ask.body = collected.to_bytes();
            respond(&server, &ask, &happens)
        }
        Err(_) => (too_large().into(), None),
    };
    // A login page comes from a proxy: the server never saw the request.
    let id = if happens.iter().any(|what| matches!(what, What::Html { .. })) {
        server.note(|cluster, _| cluster.audit.next_id()).unwrap_or_default()
    } else {
        record(&server, &ask, reply.code, who.as_ref())
    };
    if happens.contains(&What::Duplicated) {
        let (again, who) = respond(&server, &ask, &[]);
        record(&server, &ask, again.code, who.as_ref());
    }
    let response = finish(&server, &ask, reply, &id);
    spoil(response, &happens).await
}

/// The answer, and who asked.
fn respond(server: &Server, ask: &Ask, happens: &[What]) -> (Reply, Option<User>) {
    if happens.contains(&What::TokenExpired) {
        return (unauthorized().into(), None);
    }
    let user = server.look(|cluster, _| cluster.access.user(ask.token())).flatten();
    let Some(user) = user else { return (unauthorized().into(), None) };
    for what in happens {
        match what {
            What::Status { code, retry_after } => {
                return (refusal(ask, &user, *code, *retry_after), Some(user));
            }
            What::Html { code } => return (login_page(*code), Some(user)),
            What::Silence
            | What::LostRequest
            | What::LostResponse
            | What::BrokenResponse
            | What::Duplicated
            | What::Slow { .. }
            | What::WatchCut
            | What::WatchEnd
            | What::WatchGone
            | What::Truncated
            | What::WrongType { .. }
            | What::TokenExpired
            | What::ClockSkew { .. }
            | What::Compaction => {}
        }
    }
    (answer::answer(server, ask, &user), Some(user))
}

fn unauthorized() -> Status {
    Status::new(401, "Unauthorized", "Unauthorized")
}

fn too_large() -> Status {
    let told = format!("Request entity too large: limit is {BODY_BYTES_MAX}");
    Status::new(413, "RequestEntityTooLarge", told)
}

fn login_page(code: u16) -> Reply {
    let page = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\
                <body><h1>Sign in to continue</h1></body></html>\n";
    Reply::new(code, Payload::Text("text/html; charset=utf-8", page.into()))
}

/// A refusal that a fault asks for, as the server would word it.
fn refusal(ask: &Ask, user: &User, code: u16, retry_after: Option<u32>) -> Reply {
    let empty = Resource::default();
    let resource = if let Target::Resource(resource) = &ask.target { resource } else { &empty };
    let status = match code {
        403 => {
            let asked = resource.asked(ask.verb().unwrap_or(Verb::Get));
            let (told, details) = asked.refused_to(user);
            Status::new(403, "Forbidden", told).with_details(details)
        }
        409 => match resource.kind() {
            Some(kind) => Status::conflict(kind, &resource.name, answer::MODIFIED),
            None => Status::new(409, "Conflict", answer::MODIFIED),
        },
        410 => Status::new(410, "Expired", "The resourceVersion for the provided list is too old."),
        // Flow control answers in plain text.
        429 => {
            let told = "Too many requests, please try again later.\n";
            let seconds = retry_after.unwrap_or(1).to_string();
            return Reply::text(429, told).with(header::RETRY_AFTER, &seconds);
        }
        503 => Status::new(503, "ServiceUnavailable", "apiserver is shutting down"),
        504 => {
            let told = "Timeout: request did not complete within the allotted timeout";
            Status::new(504, "Timeout", told)
        }
        code => Status { code, ..Status::internal("etcdserver: request timed out") },
    };
    Status { retry_after, ..status }.into()
}

/// Gives the request its id and remembers it if it was a write.
fn record(server: &Server, ask: &Ask, code: u16, who: Option<&User>) -> String {
    let verb = ask.verb().filter(|verb| verb.is_write());
    let Target::Resource(resource) = &ask.target else {
        return server.note(|cluster, _| cluster.audit.next_id()).unwrap_or_default();
    };
    let noted = server.note(|cluster, now| {
        let id = cluster.audit.next_id();
        if let Some(verb) = verb {
            cluster.audit.note(Write {
                id: id.clone(),
                at: now,
                verb: verb.word().into(),
                uri: ask.uri.clone(),
                user: who.map(User::info).unwrap_or_default(),
                agent: ask.agent().to_owned(),
                object: resource.object_ref(),
                body: serde_json::from_slice(&ask.body).unwrap_or_default(),
                code,
            });
        }
        id
    });
    noted.unwrap_or_default()
}

fn finish(server: &Server, ask: &Ask, reply: Reply, id: &str) -> Response<Body> {
    let print = Print::of(ask.query.text("pretty"), ask.agent());
    let mut response = reply.into_http(print);
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("audit-id", id);
    }
    let date = server.look(|cluster, now| http_date(now + cluster.faults.skew(now)));
    if let Some(Ok(date)) = date.map(|date| HeaderValue::from_str(&date)) {
        headers.insert(header::DATE, date);
    }
    if ask.method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

/// What a fault does to an answer that is ready.
async fn spoil(response: Response<Body>, happens: &[What]) -> Response<Body> {
    let mut response = response;
    for what in happens {
        match what {
            What::LostResponse => return never().await,
            What::Truncated => response = halve(response, Ending::Clean).await,
            What::BrokenResponse => response = halve(response, Ending::Broken).await,
            What::WrongType { media } => {
                if let Ok(media) = HeaderValue::from_str(media) {
                    response.headers_mut().insert(header::CONTENT_TYPE, media);
                }
            }
            What::Silence
            | What::LostRequest
            | What::Duplicated
            | What::Slow { .. }
            | What::Status { .. }
            | What::WatchCut
            | What::WatchEnd
            | What::WatchGone
            | What::Html { .. }
            | What::TokenExpired
            | What::ClockSkew { .. }
            | What::Compaction => {}
        }
    }
    response
}

#[derive(Clone, Copy)]
enum Ending {
    Clean,
    Broken,
}

/// The first half of an answer. Streams have no half.
async fn halve(response: Response<Body>, ending: Ending) -> Response<Body> {
    let (parts, body) = response.into_parts();
    if http_body::Body::size_hint(&body).exact().is_none() {
        return Response::from_parts(parts, body);
    }
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let half = whole.slice(..whole.len() / 2);
    let body = match ending {
        Ending::Clean => Body::from(half),
        Ending::Broken => Body::from_stream(stream::iter([Ok(half), Err(broken())])),
    };
    Response::from_parts(parts, body)
}

/// What a body says whose connection breaks.
pub(super) fn broken() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the connection broke")
}

/// No answer, ever. It ends when the client goes.
async fn never() -> Response<Body> {
    std::future::pending::<Infallible>().await;
    Response::new(Body::empty())
}

#[cfg(test)]
#[path = "kubernetes_tests.rs"]
mod tests;
