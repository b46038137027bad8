//! One Prometheus: asked in its own time, by few questions at once, within a deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use jiff::SignedDuration;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::sync::{Semaphore, watch};

use super::counters::Matrix;
use super::envelope::Data;
use super::meaning::{self, Told, Unanswered};
use super::reading;
use super::spec::{Login, PrometheusSpec, Secret, sensitive};
use super::transport::{Ask, Reply, Transport};
use crate::backends::source::Nudge;
use crate::domain::feed::{SourceId, SourceKind, Trouble};
use crate::domain::observed::{Clock, Timestamp};
use crate::domain::text::Text;

/// Questions on their way at the same time. More would make us the load that we measure.
const IN_FLIGHT_MAX: usize = 4;

/// How much sooner the server gives up than we do, so that we hear why.
const SERVER_GIVES_UP: Duration = Duration::from_secs(2);

/// Largest answer with one value per series. One is expected; ten thousand series are told by their number, more are
/// refused.
const INSTANT_BYTES_MAX: usize = 2 << 20;

/// Largest answer with curves (`reference/reliability.md` §4.5).
const RANGE_BYTES_MAX: usize = 16 << 20;

/// Clocks that differ by less are called equal (`reference/reliability.md` §4.4).
pub const SKEW_MIN: SignedDuration = SignedDuration::from_secs(2);

/// For how long the difference of the clocks is believed.
const SKEW_AGE_MAX: Duration = Duration::from_mins(5);

/// How long a server that is too busy is left alone when it does not say, and at most.
const HOLD: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(30));

/// One Prometheus. Cheap to clone; all clones share its connections and its limits.
#[derive(Clone)]
pub struct Prometheus {
    inner: Arc<Inner>,
}

struct Inner {
    spec: PrometheusSpec,
    transport: Transport,
    clock: Clock,
    permits: Semaphore,
    skew: Skew,
    hold: watch::Sender<Option<(Timestamp, Trouble)>>,
    nudge: Nudge,
}

/// The server's clock minus ours, in milliseconds, and when that was found out.
struct Skew {
    milliseconds: AtomicI64,
    found_at: AtomicI64,
}

/// A moment in both clocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    /// By our clock.
    pub(super) ours: Timestamp,
    /// By the server's.
    pub(super) theirs: Timestamp,
}

impl Moment {
    /// The server's clock minus ours; zero when they are called equal.
    pub(super) fn skew(&self) -> SignedDuration {
        self.theirs.duration_since(self.ours)
    }
}

impl Prometheus {
    /// Over the network; connects when it is first asked.
    ///
    /// # Errors
    /// What is wrong with the address, the certificates or the proxy.
    pub fn new(spec: PrometheusSpec, clock: Clock) -> Result<Self, Trouble> {
        if let Some(trouble) = spec.mistake() {
            return Err(trouble);
        }
        let transport = Transport::network(&spec)?;
        Ok(Self::over(transport, spec, clock))
    }

    /// With a service in this process (the simulator's router, a test's script) in place of the network.
    #[must_use]
    pub fn mounted<S, B>(service: S, spec: PrometheusSpec, clock: Clock) -> Self
    where
        S: tower::Service<Request<Full<Bytes>>, Response = Response<B>>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Self::over(Transport::mounted(service), spec, clock)
    }

    fn over(transport: Transport, spec: PrometheusSpec, clock: Clock) -> Self {
        let skew = Skew { milliseconds: AtomicI64::new(0), found_at: AtomicI64::new(i64::MIN) };
        let permits = Semaphore::new(IN_FLIGHT_MAX);
        let hold = watch::Sender::new(None);
        let nudge = Nudge::default();
        Self { inner: Arc::new(Inner { spec, transport, clock, permits, skew, hold, nudge }) }
    }

    /// Where it is and what is asked.
    #[must_use]
    pub fn spec(&self) -> &PrometheusSpec {
        &self.inner.spec
    }

    /// The source that it is.
    #[must_use]
    pub fn source(&self) -> SourceId {
        SourceId { cluster: self.inner.spec.cluster.clone(), kind: SourceKind::Prometheus }
    }

    /// Ends the wait between two tries.
    #[must_use]
    pub fn nudge(&self) -> &Nudge {
        &self.inner.nudge
    }

    /// Where it is, as shown.
    #[must_use]
    pub fn place(&self) -> Text {
        self.inner.spec.place()
    }

    /// Now, by our clock.
    pub(super) fn now(&self) -> Timestamp {
        (self.inner.clock)()
    }

    /// Now in both clocks. Asks the server for its time when that was not done lately.
    pub(super) async fn moment(&self, headers: &HeaderMap) -> Result<Moment, Unanswered> {
        let skew = &self.inner.skew;
        let found_at = skew.found_at.load(Ordering::Relaxed);
        let age = self.now().as_millisecond().checked_sub(found_at);
        let is_known = age.is_some_and(|age| {
            u64::try_from(age).is_ok_and(|age| Duration::from_millis(age) < SKEW_AGE_MAX)
        });
        if !is_known {
            self.measure_skew(headers).await?;
        }
        let skew = SignedDuration::from_millis(skew.milliseconds.load(Ordering::Relaxed));
        let skew = if skew.abs() < SKEW_MIN { SignedDuration::ZERO } else { skew };
        let ours = self.now();
        Ok(Moment { ours, theirs: ours.checked_add(skew).unwrap_or(ours) })
    }

    /// The server's clock minus ours, as near as one exchange allows, and how long that took.
    pub(super) async fn measure_skew(
        &self,
        headers: &HeaderMap,
    ) -> Result<(SignedDuration, Duration), Unanswered> {
        let sent = self.now();
        let form = [("query", "time()")];
        let reply = self.ask(headers, "query", &form, INSTANT_BYTES_MAX).await?;
        // A store that is down makes every answer partial, but not the time.
        let told = Told { doubt: None, ..meaning::query(&reply)? };
        let number = reading::number(&told);
        let received = self.now();
        let theirs = number.reading.ok().and_then(|value| reading::timestamp(value.get()));
        let Some(theirs) = theirs else {
            let words = Text::clean("time() has no answer: not Prometheus");
            return Err(Trouble::BadAnswer(words).into());
        };
        let took = received.duration_since(sent);
        let skew = theirs.duration_since(sent) - took / 2;
        let milliseconds = i64::try_from(skew.as_millis()).unwrap_or(i64::MAX);
        self.inner.skew.milliseconds.store(milliseconds, Ordering::Relaxed);
        self.inner.skew.found_at.store(received.as_millisecond(), Ordering::Relaxed);
        Ok((skew, took.unsigned_abs()))
    }

    /// One value per series at a moment of the server's clock.
    pub(super) async fn instant(
        &self,
        headers: &HeaderMap,
        question: &str,
        at: Timestamp,
    ) -> Result<Told<Data>, Unanswered> {
        let at = unix(at);
        let form = [("query", question), ("time", &at)];
        let reply = self.ask(headers, "query", &form, INSTANT_BYTES_MAX).await?;
        meaning::query(&reply)
    }

    /// Samples as they were scraped, up to a moment of the server's clock.
    pub(super) async fn raw(
        &self,
        headers: &HeaderMap,
        question: &str,
        at: Timestamp,
    ) -> Result<Told<Matrix>, Unanswered> {
        let at = unix(at);
        let form = [("query", question), ("time", &at)];
        let reply = self.ask(headers, "query", &form, RANGE_BYTES_MAX).await?;
        meaning::read(&reply)
    }

    /// Curves at the points of a grid.
    pub(super) async fn range(
        &self,
        headers: &HeaderMap,
        question: &str,
        grid: reading::Grid,
    ) -> Result<Told<Data>, Unanswered> {
        let [start, end] = [grid.start, grid.end()].map(|second| second.to_string());
        let step = grid.step.to_string();
        let form = [("query", question), ("start", &start), ("end", &end), ("step", &step)];
        let reply = self.ask(headers, "query_range", &form, RANGE_BYTES_MAX).await?;
        meaning::query(&reply)
    }

    /// A document that is not a query.
    pub(super) async fn document<D: for<'de> Deserialize<'de>>(
        &self,
        headers: &HeaderMap,
        path: &str,
    ) -> Result<D, Unanswered> {
        let url = self.url(path)?;
        let ask = Ask { url, form: None, headers: headers.clone(), bytes_max: INSTANT_BYTES_MAX };
        let reply = self.exchange(&ask).await?;
        meaning::read::<D>(&reply).map(|told| told.data)
    }

    async fn ask(
        &self,
        headers: &HeaderMap,
        path: &str,
        form: &[(&str, &str)],
        bytes_max: usize,
    ) -> Result<Reply, Trouble> {
        let timeout = self.inner.spec.timeout.saturating_sub(SERVER_GIVES_UP);
        let timeout = timeout.max(Duration::from_secs(1));
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .append_pair("timeout", &super::template::duration(timeout))
            .finish();
        let form = Some(Bytes::from(form));
        let url = self.url(path)?;
        self.exchange(&Ask { url, form, headers: headers.clone(), bytes_max }).await
    }

    async fn exchange(&self, ask: &Ask) -> Result<Reply, Trouble> {
        // The semaphore is never closed.
        let _permit = self.inner.permits.acquire().await;
        let reply = self.inner.transport.exchange(ask).await?;
        if matches!(reply.status, 429 | 503) {
            self.hold(&reply);
        }
        Ok(reply)
    }

    /// Leaves a server alone that is too busy.
    fn hold(&self, reply: &Reply) {
        let (unsaid, longest) = HOLD;
        let wait = reply.retry_after.unwrap_or(unsaid).min(longest);
        let Err(Unanswered::Server(trouble)) = meaning::query(reply) else { return };
        let until = self.now().checked_add(wait).unwrap_or(Timestamp::MAX);
        self.inner.hold.send_replace(Some((until, trouble)));
    }

    /// Why nothing is asked at this moment.
    pub(super) fn held(&self) -> Option<Trouble> {
        let hold = self.inner.hold.borrow();
        hold.as_ref().filter(|(until, _)| self.now() < *until).map(|(_, trouble)| trouble.clone())
    }

    fn url(&self, path: &str) -> Result<reqwest::Url, Trouble> {
        let mut url = self.inner.spec.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        let base = url.path().trim_end_matches('/');
        let whole = format!("{base}/api/v1/{path}");
        url.set_path(&whole);
        let stripped = url.set_username("").and_then(|()| url.set_password(None));
        stripped
            .map_err(|()| Trouble::Config(Text::clean("the address of Prometheus has no host")))?;
        Ok(url)
    }

    /// Who we are and what is sent with every question. Reads files, so away from the loop that carries everything.
    pub(super) async fn headers(&self) -> Result<HeaderMap, Trouble> {
        let from_files =
            matches!(
                &self.inner.spec.login,
                Login::Bearer(Secret::File(_)) | Login::Basic { password: Secret::File(_), .. }
            ) || self.inner.spec.headers.iter().any(|(_, value)| matches!(value, Secret::File(_)));
        if !from_files {
            return headers(&self.inner.spec);
        }
        let this = self.clone();
        let read = tokio::task::spawn_blocking(move || headers(&this.inner.spec)).await;
        read.unwrap_or_else(|_error| Err(Trouble::Lost(Text::clean("reading credentials"))))
    }
}

fn headers(spec: &PrometheusSpec) -> Result<HeaderMap, Trouble> {
    let mut headers = HeaderMap::new();
    for (name, value) in &spec.headers {
        headers.insert(name.clone(), sensitive(&value.reveal()?, name.as_str())?);
    }
    let login = match &spec.login {
        Login::None => return Ok(headers),
        Login::Bearer(token) => {
            SecretString::from(format!("Bearer {}", token.reveal()?.expose_secret()))
        }
        Login::Basic { username, password } => {
            use base64::Engine as _;
            let password = password.reveal()?;
            let pair = SecretString::from(format!("{username}:{}", password.expose_secret()));
            let engine = base64::engine::general_purpose::STANDARD;
            SecretString::from(format!("Basic {}", engine.encode(pair.expose_secret())))
        }
    };
    headers.insert(AUTHORIZATION, sensitive(&login, "the credentials of Prometheus")?);
    Ok(headers)
}

/// A time as the API takes it.
fn unix(at: Timestamp) -> String {
    let milliseconds = at.as_millisecond();
    let sign = if milliseconds < 0 { "-" } else { "" };
    let milliseconds = milliseconds.unsigned_abs();
    format!("{sign}{}.{:03}", milliseconds / 1_000, milliseconds % 1_000)
}
