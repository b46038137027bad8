//! The way between one process and the API server: real requests of the real client, carried, lost, delayed, doubled and cut
//! as the weather has it. What arrives is noted by the witness, whatever its sender learns of it.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use futures::{StreamExt as _, stream};
use http::{Method, Request, Response, StatusCode, request::Parts};
use http_body_util::BodyExt as _;
use pilothouse::backends::kube::trouble::Refusal;
use pilothouse::domain::feed::Trouble;
use pilothouse::domain::text::Text;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};
use tower::{BoxError, ServiceExt as _};

use crate::dice::Dice;
use crate::life::Life;
use crate::sabotage::Sabotage;
use crate::story::Story;
use crate::weather::{Fate, Sort, Weather};
use crate::witness::{Arrival, Witness};

/// How long a request takes when all is well.
const LATENCY: Duration = Duration::from_millis(3);

/// On an answer that no server gave.
const FORGED: &str = "x-forged";

/// The wire of one process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) router: Router,
    pub(crate) weather: Arc<Weather>,
    pub(crate) dice: Arc<Mutex<Dice>>,
    pub(crate) life: Life,
    pub(crate) witness: Witness,
    pub(crate) story: Story,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) start: Instant,
}

/// A request whose body was read.
#[derive(Clone)]
struct Letter {
    method: Method,
    uri: http::Uri,
    headers: http::HeaderMap,
    body: Bytes,
    sort: Sort,
}

impl Letter {
    async fn of(request: Request<kube::client::Body>) -> Self {
        let (Parts { method, uri, headers, .. }, body) = request.into_parts();
        let body =
            body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let query = uri.query().unwrap_or_default();
        let is_dry =
            query.contains("dryRun=All") || body.windows(8).any(|word| word == b"\"dryRun\"");
        let sort = match method {
            Method::GET if query.contains("watch=true") => Sort::Watch,
            Method::PATCH | Method::DELETE if !is_dry => Sort::Write,
            Method::POST if uri.path().starts_with("/apis/authentication") => Sort::Read,
            Method::POST if uri.path().starts_with("/apis/authorization") => Sort::Read,
            Method::GET => Sort::Read,
            _ => Sort::Harmless,
        };
        Self { method, uri, headers, body, sort }
    }

    fn request(&self) -> Request<Body> {
        let mut request = Request::new(Body::from(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// Sabotage: a dry run that is none.
    fn in_earnest(&mut self) {
        let uri = self.uri.to_string();
        if self.method == Method::PATCH && uri.contains("dryRun=All") {
            self.uri = uri.replace("&dryRun=All", "").parse().unwrap();
            self.sort = Sort::Write;
        }
    }

    fn words(&self) -> String {
        format!("{} {}", self.method, self.uri.path())
    }

    fn is_heartbeat(&self) -> bool {
        matches!(self.uri.path(), "/readyz" | "/version")
    }
}

impl Wire {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The client that a process is given.
    pub(crate) fn client(&self) -> kube::Client {
        let wire = self.clone();
        let service = tower::service_fn(move |request| {
            let wire = wire.clone();
            async move { wire.carry(request).await }
        });
        kube::Client::new(service, "shop")
    }

    async fn carry(self, request: Request<kube::client::Body>) -> Result<Response<Body>, BoxError> {
        let mut letter = Letter::of(request).await;
        if !self.life.cross("a request leaves") {
            return pending().await;
        }
        if self.sabotage == Some(Sabotage::WithoutYes) {
            letter.in_earnest();
        }
        if letter.sort == Sort::Write {
            self.hold_back().await;
            if self.sabotage == Some(Sabotage::DropsVersion) {
                letter.body = with_version(&letter.body, None);
            }
        }
        let fate = self.weather.fate(letter.sort, self.now(), &mut self.dice.lock().unwrap());
        self.story.tell(self.life.who(), || format!("{} {fate:?}", letter.words()));
        sleep(LATENCY).await;
        let answer = self.fare(&letter, fate).await?;
        if !self.life.cross("an answer arrives") {
            return pending().await;
        }
        if answer.headers().get(FORGED).is_none() {
            self.witness.heard(self.life.who(), self.now());
        }
        Ok(self.on_the_way(answer, letter.sort))
    }

    /// Sabotage: what must never wait, waits.
    async fn hold_back(&self) {
        if self.sabotage == Some(Sabotage::WaitsForDisk)
            && let Some((_, until)) = self.weather.decay(self.now())
        {
            sleep_until(self.start + until).await;
        }
    }

    async fn fare(&self, letter: &Letter, fate: Fate) -> Result<Response<Body>, BoxError> {
        match fate {
            Fate::Well => Ok(self.arrive(letter).await),
            Fate::Refused => {
                let why = Trouble::Unreachable(Text::from("connection refused"));
                Err(Box::new(Refusal(why)))
            }
            Fate::LostRequest => self.silence(letter).await,
            Fate::LostAnswer => {
                let _ = self.arrive(letter).await;
                self.silence(letter).await
            }
            Fate::Late(ms) => Ok(self.late(letter, Duration::from_millis(ms)).await),
            Fate::Slow(ms) => {
                let answer = self.arrive(letter).await;
                sleep(Duration::from_millis(ms)).await;
                Ok(answer)
            }
            Fate::Torn => {
                let _ = self.arrive(letter).await;
                let torn = stream::iter([Ok("{\"kind\":\"Rol"), Err(broken())]);
                Ok(Response::new(Body::from_stream(torn)))
            }
            Fate::Twice => {
                let answer = self.arrive(letter).await;
                let _ = self.arrive(letter).await;
                Ok(answer)
            }
            Fate::Says(code) => Ok(said(code)),
            Fate::DoneThen(code) => {
                let _ = self.arrive(letter).await;
                Ok(said(code))
            }
        }
    }

    /// It is on its way whether anybody waits for it or not.
    async fn late(&self, letter: &Letter, by: Duration) -> Response<Body> {
        let (wire, letter) = (self.clone(), letter.clone());
        let (tell, told) = oneshot::channel();
        tokio::spawn(async move {
            sleep(by).await;
            let _ = tell.send(wire.arrive(&letter).await);
        });
        match told.await {
            Ok(answer) => answer,
            Err(_) => pending().await,
        }
    }

    /// No answer comes; what a careless program would make of that is sabotage.
    async fn silence(&self, letter: &Letter) -> Result<Response<Body>, BoxError> {
        match self.sabotage {
            Some(Sabotage::TrustsOldFacts) if letter.is_heartbeat() => {
                let mut answer = said(200);
                answer.headers_mut().insert(FORGED, http::HeaderValue::from_static("yes"));
                Ok(answer)
            }
            Some(Sabotage::SilenceIsDone) if letter.sort == Sort::Write => {
                let object = json!({"metadata": {"resourceVersion": "1", "generation": 1}});
                Ok(Response::new(Body::from(object.to_string())))
            }
            Some(Sabotage::SilenceIsRefused) if letter.sort == Sort::Write => Ok(said(422)),
            Some(Sabotage::Retries) if letter.sort == Sort::Write => {
                sleep(Duration::from_secs(1)).await;
                let version = self.witness.version(letter.uri.path());
                let body = with_version(&letter.body, version.as_deref());
                Ok(self.arrive(&Letter { body, ..letter.clone() }).await)
            }
            _ => pending().await,
        }
    }

    /// The request reaches the API server.
    async fn arrive(&self, letter: &Letter) -> Response<Body> {
        let before = self.witness.version(letter.uri.path());
        let answered = self.router.clone().oneshot(letter.request()).await;
        let Ok(answer) = answered;
        if letter.sort != Sort::Write {
            return answer;
        }
        let (head, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        let object: Value = serde_json::from_slice(&body).unwrap_or_default();
        let after = object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        self.witness.arrived(Arrival {
            who: self.life.who().to_owned(),
            at: self.now(),
            method: letter.method.clone(),
            path: letter.uri.path().to_owned(),
            body: serde_json::from_slice(&letter.body).unwrap_or_default(),
            code: head.status.as_u16(),
            changed: head.status.is_success() && (after.map(str::to_owned) != before),
        });
        Response::from_parts(head, Body::from(body))
    }

    /// What becomes of an answer on its way: streams are held and cut, and reach nobody who is dead.
    fn on_the_way(&self, answer: Response<Body>, sort: Sort) -> Response<Body> {
        if sort != Sort::Watch {
            return answer;
        }
        let (head, body) = answer.into_parts();
        let frames = body.into_data_stream();
        let cut = self.weather.cut_after(self.now()).map(|at| self.start + at);
        let carried =
            stream::unfold((self.clone(), frames), move |(wire, mut frames)| async move {
                let frame = tokio::select! {
                    biased;
                    () = at(cut) => Some(Err(axum::Error::new(broken()))),
                    frame = frames.next() => frame,
                };
                while let Some(until) = wire.weather.held_until(wire.now()) {
                    sleep_until(wire.start + until).await;
                }
                if wire.life.is_over() {
                    return pending().await;
                }
                wire.witness.heard(wire.life.who(), wire.now());
                frame.map(|frame| (frame, (wire, frames)))
            });
        Response::from_parts(head, Body::from_stream(carried))
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

fn broken() -> std::io::Error {
    std::io::ErrorKind::ConnectionReset.into()
}

/// An answer of the server or of something before it, which did nothing.
fn said(code: u16) -> Response<Body> {
    let reason = if code == 409 { "Conflict" } else { "InternalError" };
    let words = json!({"kind": "Status", "status": "Failure", "reason": reason, "code": code,
        "message": "so the weather has it"});
    let mut answer = Response::new(Body::from(words.to_string()));
    *answer.status_mut() = StatusCode::from_u16(code).unwrap();
    answer
}

/// The same patch on another version, or on none.
fn with_version(body: &[u8], version: Option<&str>) -> Bytes {
    let Ok(mut patch) = serde_json::from_slice::<Value>(body) else {
        return Bytes::copy_from_slice(body);
    };
    match &mut patch {
        Value::Array(operations) => {
            operations.retain(|it| version.is_some() || it["path"] != "/metadata/resourceVersion");
            for operation in operations {
                if operation["path"] == "/metadata/resourceVersion" {
                    operation["value"] = version.into();
                }
            }
        }
        Value::Object(_) => {
            if let Some(metadata) = patch.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("resourceVersion");
                metadata.extend(version.map(|it| ("resourceVersion".to_owned(), it.into())));
            }
        }
        _ => {}
    }
    Bytes::from(patch.to_string())
}
