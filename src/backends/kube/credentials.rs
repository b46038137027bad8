//! Who we are to an API server: the `Authorization` header, from wherever the kubeconfig takes it, and the layer that
//! puts it on each request. A plugin runs once at a time, and not again soon after it failed.

use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, StatusCode};
use jiff::Timestamp;
use kube::client::Body;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tower::{BoxError, Service};

use super::exec_plugin::{Credential, Plugin};
use super::trouble::Refusal;
use crate::domain::feed::Trouble;
use crate::domain::observed::Clock;
use crate::domain::text::Text;

/// A token is renewed this long before it expires, so that none expires on its way.
const RENEW_BEFORE: Duration = Duration::from_mins(1);

/// With less than this left it counts as expired: the request must arrive before.
const STILL_GOOD: Duration = Duration::from_secs(5);

/// A token file is read again after this time; kubelet writes a new token long before the old one expires.
const FILE_AGE_MAX: Duration = Duration::from_mins(1);

/// Two runs of a plugin, or two readings forced by a 401, are at least this far apart.
const COOL_DOWN: Duration = Duration::from_secs(10);

/// Where a credential comes from.
#[derive(Clone)]
pub(super) enum Origin {
    /// There is none, or TLS carries it.
    Nowhere,
    /// A header that never changes: bearer token or name and password.
    Fixed(HeaderValue),
    /// A file with a bearer token.
    File(PathBuf),
    /// A program that prints one.
    Plugin(Box<Plugin>),
}

/// The credential of one context.
pub(super) struct Credentials {
    origin: Origin,
    clock: Clock,
    held: Mutex<Held>,
    /// Locked while a plugin runs: never two of them.
    running: Mutex<()>,
}

#[derive(Default)]
struct Held {
    header: Option<HeaderValue>,
    certificate: Option<(String, SecretString)>,
    expires: Option<Timestamp>,
    fetched: Option<Instant>,
    failed: Option<(Instant, Trouble)>,
}

/// How long what is held is still good.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Freshness {
    Good,
    /// Good for the next requests, but not for long.
    Ending,
    Over,
}

impl Credentials {
    pub(super) fn new(origin: Origin, clock: Clock) -> Self {
        Self { origin, clock, held: Mutex::default(), running: Mutex::new(()) }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The header for a request now. A credential that ends soon is renewed while it still serves, so that a slow plugin
    /// holds nobody up.
    pub(super) async fn header(self: &Arc<Self>) -> Result<Option<HeaderValue>, Trouble> {
        match &self.origin {
            Origin::Nowhere => Ok(None),
            Origin::Fixed(header) => Ok(Some(header.clone())),
            Origin::File(path) => {
                let mut held = self.held.lock().await;
                let fresh = held.fetched.is_some_and(|at| at.elapsed() < FILE_AGE_MAX);
                if !fresh {
                    read_file(path, &mut held).await?;
                }
                Ok(held.header.clone())
            }
            Origin::Plugin(plugin) => {
                let (freshness, header) = {
                    let held = self.held.lock().await;
                    (self.freshness(&held), held.header.clone())
                };
                match freshness {
                    Freshness::Good => return Ok(header),
                    Freshness::Ending => {
                        self.renew_beside();
                        return Ok(header);
                    }
                    Freshness::Over => self.renew(plugin).await?,
                }
                Ok(self.held.lock().await.header.clone())
            }
        }
    }

    /// The client certificate that a plugin gave; the connection is made with it.
    pub(super) async fn certificate(
        self: &Arc<Self>,
    ) -> Result<Option<(String, SecretString)>, Trouble> {
        self.header().await?;
        Ok(self.held.lock().await.certificate.clone())
    }

    /// True when the connection was made with a certificate that has expired or soon will.
    pub(super) async fn certificate_is_over(&self) -> bool {
        let held = self.held.lock().await;
        held.certificate.is_some() && self.freshness(&held) != Freshness::Good
    }

    /// The server refused this header: forgets it, unless it is newer than that. Returns another one if there is.
    pub(super) async fn refused(&self, used: Option<&HeaderValue>) -> Option<HeaderValue> {
        {
            let mut held = self.held.lock().await;
            if held.header.as_ref() != used {
                return held.header.clone();
            }
            if held.fetched.is_some_and(|at| at.elapsed() < COOL_DOWN) {
                return None;
            }
            match &self.origin {
                Origin::Nowhere | Origin::Fixed(_) => return None,
                Origin::File(path) => read_file(path, &mut held).await.ok()?,
                Origin::Plugin(_) => held.fetched = None,
            }
        }
        if let Origin::Plugin(plugin) = &self.origin {
            self.renew(plugin).await.ok()?;
        }
        self.held.lock().await.header.clone().filter(|header| Some(header) != used)
    }

    fn freshness(&self, held: &Held) -> Freshness {
        let lasts =
            |at_least: Duration| held.expires.is_none_or(|expires| self.now() + at_least < expires);
        if held.fetched.is_none() || !lasts(STILL_GOOD) {
            Freshness::Over
        } else if lasts(RENEW_BEFORE) {
            Freshness::Good
        } else {
            Freshness::Ending
        }
    }

    fn renew_beside(self: &Arc<Self>) {
        if self.running.try_lock().is_err() {
            return;
        }
        let this = Arc::clone(self);
        tokio::spawn(async move {
            if let Origin::Plugin(plugin) = &this.origin {
                // What goes wrong is held, and told when the old one is over.
                let _ = this.renew(plugin).await;
            }
        });
    }

    /// Runs the plugin, unless somebody just did.
    async fn renew(&self, plugin: &Plugin) -> Result<(), Trouble> {
        let _alone = self.running.lock().await;
        {
            let held = self.held.lock().await;
            if self.freshness(&held) == Freshness::Good {
                return Ok(());
            }
            if let Some((at, trouble)) = &held.failed
                && at.elapsed() < COOL_DOWN
            {
                return Err(trouble.clone());
            }
        }
        let run = plugin.run().await.and_then(|credential| {
            let header = credential.token.as_ref().map(bearer).transpose()?;
            Ok((credential, header))
        });
        let mut held = self.held.lock().await;
        match run {
            Ok((Credential { certificate, expires, token: _ }, header)) => {
                *held = Held {
                    header,
                    certificate,
                    expires,
                    fetched: Some(Instant::now()),
                    failed: None,
                };
                Ok(())
            }
            Err(trouble) => {
                held.failed = Some((Instant::now(), trouble.clone()));
                Err(trouble)
            }
        }
    }
}

async fn read_file(path: &PathBuf, held: &mut Held) -> Result<(), Trouble> {
    let read = tokio::fs::read_to_string(path).await;
    held.fetched = Some(Instant::now());
    match read {
        Ok(token) => {
            held.header = Some(bearer(&SecretString::from(token.trim().to_owned()))?);
            Ok(())
        }
        // Some put the file there at the start only: the token that was read then goes on.
        Err(_) if held.header.is_some() => Ok(()),
        Err(error) => Err(Trouble::Config(Text::clean(&format!("{}: {error}", path.display())))),
    }
}

/// `Bearer …`, marked so that nothing prints it.
pub(super) fn bearer(token: &SecretString) -> Result<HeaderValue, Trouble> {
    sensitive(&format!("Bearer {}", token.expose_secret()))
}

/// `Basic …`, marked so that nothing prints it.
pub(super) fn basic(user: &str, password: &SecretString) -> Result<HeaderValue, Trouble> {
    let pair = format!("{user}:{}", password.expose_secret());
    sensitive(&format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
}

fn sensitive(raw: &str) -> Result<HeaderValue, Trouble> {
    let mut value = HeaderValue::from_str(raw).map_err(|_error| {
        Trouble::Config(Text::clean("the credential holds characters that no header may hold"))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// What to do with a request that was answered 401 when there is a newer credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After401 {
    /// Send it once more: a 401 did nothing, and it only reads.
    SendAgain,
    /// Keep the answer: one deed, one attempt.
    Keep,
}

/// Puts the credential on each request.
#[derive(Clone)]
pub(super) struct Authorized<S> {
    inner: S,
    credentials: Arc<Credentials>,
    after_401: After401,
}

impl<S> Authorized<S> {
    pub(super) const fn new(inner: S, credentials: Arc<Credentials>, after_401: After401) -> Self {
        Self { inner, credentials, after_401 }
    }
}

impl<S, B> Service<Request<Body>> for Authorized<S>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Send,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<B>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let spare = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, spare);
        let (credentials, after_401) = (Arc::clone(&self.credentials), self.after_401);
        Box::pin(async move {
            let again = match after_401 {
                After401::SendAgain => copy(&request),
                After401::Keep => None,
            };
            let used = credentials.header().await.map_err(Refusal)?;
            let response = inner.call(with(request, used.as_ref())).await.map_err(Into::into)?;
            if response.status() != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            let newer = credentials.refused(used.as_ref()).await;
            match (newer, again) {
                (Some(newer), Some(request)) => {
                    std::future::poll_fn(|context| inner.poll_ready(context))
                        .await
                        .map_err(Into::into)?;
                    inner.call(with(request, Some(&newer))).await.map_err(Into::into)
                }
                (Some(_) | None, _) => Ok(response),
            }
        })
    }
}

fn with(mut request: Request<Body>, header: Option<&HeaderValue>) -> Request<Body> {
    if let Some(header) = header {
        request.headers_mut().insert(AUTHORIZATION, header.clone());
    }
    request
}

fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    let mut again = Request::new(request.body().try_clone()?);
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.headers_mut() = request.headers().clone();
    Some(again)
}
