//! The connection to one API server: HTTP/2 where the server speaks it, so that the heartbeat travels on the
//! connection that carries the watches; keepalives at every level, so that a silent network is noticed within seconds;
//! no layer that sends anything twice.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::Uri;
use hyper::rt::{Read, Write};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt};
use tower::{BoxError, Layer, Service, ServiceBuilder};

use super::certificate;
use super::credentials::{After401, Authorized, Credentials};
use super::trouble::{self, Refusal};
use crate::domain::feed::Trouble;
use crate::domain::text::Text;

/// Time for TCP and TLS together: a stopped API server still accepts TCP, its kernel does that.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// Idle time before the kernel asks whether the peer still lives, the distance of its questions, and how many
/// it asks: 4 + 2 × 3 = 10 s until a dead peer is known without our doing anything.
const TCP_KEEPALIVE: (Duration, Duration, u32) =
    (Duration::from_secs(4), Duration::from_secs(2), 3);

/// Data that nobody acknowledges for so long ends the connection (the kernel's own patience is 15 minutes).
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(9);

/// HTTP/2 pings, and how long their answer may take.
const PING: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(4));

/// A connection that is not used for so long is closed.
const IDLE_MAX: Duration = Duration::from_mins(1);

/// Everything needed to connect, captured once.
pub(super) struct Dialer {
    config: kube::Config,
    credentials: Arc<Credentials>,
    proxy: Option<Intercept>,
}

/// The two clients of one connection's life.
#[derive(Clone)]
pub(super) struct Clients {
    /// For everything that only reads.
    pub(super) reading: kube::Client,
    /// For everything that writes: one attempt, whatever happens.
    pub(super) action: kube::Client,
}

impl Dialer {
    /// `config` carries no credential that `credentials` carries.
    pub(super) const fn new(
        config: kube::Config,
        credentials: Arc<Credentials>,
        proxy: Option<Intercept>,
    ) -> Self {
        Self { config, credentials, proxy }
    }

    /// Makes clients with pools of their own; nothing of an earlier connection is used again. The first request
    /// connects.
    pub(super) async fn dial(&self) -> Result<Clients, Trouble> {
        let config = self.with_certificate().await?;
        certificate::check(&config.auth_info, self.credentials.now())?;
        // Only the first call has an effect; every part of the program wants the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIME_MAX));
        let (idle, distance, count) = TCP_KEEPALIVE;
        tcp.set_keepalive(Some(idle));
        tcp.set_keepalive_interval(Some(distance));
        tcp.set_keepalive_retries(Some(count));
        tcp.set_tcp_user_timeout(Some(TCP_USER_TIMEOUT));
        let Some(proxy) = &self.proxy else { return self.over(&config, tcp) };
        match proxy.uri().scheme_str() {
            Some("http") => {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp);
                if let Some(header) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(header.clone());
                }
                self.over(&config, tunnel)
            }
            Some("https") => {
                let to_proxy =
                    config.rustls_https_connector_with_connector(tcp).map_err(config_trouble)?;
                let mut tunnel = Tunnel::new(proxy.uri().clone(), to_proxy);
                if let Some(header) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(header.clone());
                }
                self.over(&config, tunnel)
            }
            Some("socks5" | "socks5h") => {
                let mut socks = SocksV5::new(proxy.uri().clone(), tcp);
                if let Some((user, password)) = proxy.raw_auth() {
                    socks = socks.with_auth(user.to_owned(), password.to_owned());
                }
                self.over(&config, socks)
            }
            other => {
                let scheme = other.unwrap_or("no scheme");
                let words = format!("proxy {}: {scheme} is not supported", shown(proxy.uri()));
                Err(Trouble::Config(Text::clean(&words)))
            }
        }
    }

    /// The certificate of a plugin has expired: only a new connection carries a new one.
    pub(super) async fn is_over(&self) -> bool {
        self.credentials.certificate_is_over().await
    }

    async fn with_certificate(&self) -> Result<kube::Config, Trouble> {
        let mut config = self.config.clone();
        if let Some((certificate, key)) = self.credentials.certificate().await? {
            use base64::Engine as _;
            use secrecy::{ExposeSecret as _, SecretString};
            let engine = base64::engine::general_purpose::STANDARD;
            config.auth_info.client_certificate_data = Some(engine.encode(certificate));
            let key = SecretString::from(engine.encode(key.expose_secret()));
            config.auth_info.client_key_data = Some(key);
        }
        Ok(config)
    }

    fn over<C>(&self, config: &kube::Config, connector: C) -> Result<Clients, Trouble>
    where
        C: Service<Uri> + Clone + Send + Sync + 'static,
        C::Response: Read + Write + Connection + Unpin + Send + 'static,
        C::Future: Send + 'static,
        C::Error: Into<BoxError>,
    {
        let tls = config.rustls_client_config().map_err(certificates)?;
        let mut https =
            hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        if let Some(name) = &config.tls_server_name {
            let parsed = name.clone().try_into().map_err(|_error| {
                Trouble::Config(Text::clean(&format!("tls-server-name {name:?} is no server name")))
            })?;
            let resolver = hyper_rustls::FixedServerNameResolver::new(parsed);
            https = https.with_server_name_resolver(resolver);
        }
        let https = https.enable_http1().enable_http2().wrap_connector(connector);
        let auth = config.auth_layer().map_err(config_trouble)?;
        let headers = config.extra_headers_layer().map_err(config_trouble)?;
        let client = |after_401| {
            let http = HyperClient::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_MAX)
                .retry_canceled_requests(false)
                .http2_keep_alive_interval(PING.0)
                .http2_keep_alive_timeout(PING.1)
                .http2_keep_alive_while_idle(true)
                .build::<_, Body>(Deadline { inner: https.clone() });
            let service = ServiceBuilder::new()
                .layer(config.base_uri_layer())
                .layer(&headers)
                .map_err(BoxError::from)
                .service(http);
            // kube's own layer is there for OIDC only; everything else is in `credentials`.
            let service = tower::util::option_layer(auth.as_ref()).layer(service);
            let service = Authorized::new(service, Arc::clone(&self.credentials), after_401);
            kube::Client::new(service, config.default_namespace.clone())
        };
        Ok(Clients { reading: client(After401::SendAgain), action: client(After401::Keep) })
    }
}

/// An address without name and password.
pub(super) fn shown(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!(
        "{}://{host}{port}{}",
        uri.scheme_str().unwrap_or("https"),
        uri.path().trim_end_matches('/')
    )
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn config_trouble(error: kube::Error) -> Trouble {
    Trouble::Config(trouble::cut(&error.to_string()))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn certificates(error: kube::Error) -> Trouble {
    let words = format!("the certificates of this context cannot be used: {error}");
    Trouble::Config(trouble::cut(&words))
}

/// Ends connecting after its time, TLS included.
#[derive(Clone)]
struct Deadline<C> {
    inner: C,
}

impl<C> Service<Uri> for Deadline<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Response: Send + 'static,
    C::Error: Into<BoxError>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<C::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        Box::pin(async move {
            match tokio::time::timeout(CONNECT_TIME_MAX, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_elapsed) => Err(Refusal(Trouble::TimedOut { after: CONNECT_TIME_MAX }).into()),
            }
        })
    }
}
