//! One exchange with a Prometheus: over the network, or with a service in this process (the simulator, a test), which
//! a paused clock can wait for. Every body has a limit, and a redirect leads to the same host or nowhere.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

use super::spec::{PrometheusSpec, certificates};
use crate::backends::kube::trouble;
use crate::domain::feed::Trouble;
use crate::domain::text::Text;

/// Time for TCP and TLS together.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// A connection that is not used for so long is closed.
const IDLE_MAX: Duration = Duration::from_mins(1);

/// Idle time before the kernel asks whether the peer still lives, the distance of its questions, and how many.
const TCP_KEEPALIVE: (Duration, Duration, u32) =
    (Duration::from_secs(10), Duration::from_secs(5), 3);

/// Data that nobody acknowledges for so long ends the connection.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(20);

/// Most redirects followed: a gateway in front of a gateway has two.
const REDIRECTS_MAX: usize = 3;

/// The body of an error: more than its sentence nobody reads.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// Longest piece of a server's words that is kept, in characters (`reference/reliability.md` §4.5).
const WORDS_MAX: usize = 200;

type AnyError = Box<dyn Error + Send + Sync>;
type AnyBody = UnsyncBoxBody<Bytes, AnyError>;
type AnyService = BoxCloneSyncService<Request<Full<Bytes>>, Response<AnyBody>, AnyError>;

/// The way to one Prometheus. Cheap to clone.
#[derive(Clone)]
pub(super) enum Transport {
    /// Over the network.
    Network(reqwest::Client),
    /// In this process.
    Mounted(AnyService),
}

/// A question as it goes over the wire.
#[derive(Clone)]
pub(super) struct Ask {
    /// Where to.
    pub(super) url: Url,
    /// The form; `None`: a GET.
    pub(super) form: Option<Bytes>,
    /// Who we are, and what else is sent.
    pub(super) headers: HeaderMap,
    /// Largest body taken of an answer.
    pub(super) bytes_max: usize,
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    /// The HTTP status.
    pub(super) status: u16,
    /// `Content-Type`.
    pub(super) media_type: Option<String>,
    /// `Retry-After`, where it is a number of seconds.
    pub(super) retry_after: Option<Duration>,
    /// The body, within its limit.
    pub(super) body: Vec<u8>,
}

impl Transport {
    /// Over the network, as the spec wants it.
    pub(super) fn network(spec: &PrometheusSpec) -> Result<Self, Trouble> {
        // Only the first call has an effect; every part of the program wants the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (idle, distance, count) = TCP_KEEPALIVE;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("pilothouse/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIME_MAX)
            .pool_idle_timeout(IDLE_MAX)
            .tcp_nodelay(true)
            .tcp_keepalive(idle)
            .tcp_keepalive_interval(distance)
            .tcp_keepalive_retries(count)
            .dns_resolver(Careful);
        #[cfg(target_os = "linux")]
        {
            builder = builder.tcp_user_timeout(TCP_USER_TIMEOUT);
        }
        builder = match &spec.proxy {
            Some(proxy) => {
                builder.proxy(reqwest::Proxy::all(proxy.clone()).map_err(|error| config(&error))?)
            }
            None => builder.no_proxy(),
        };
        builder = match (&spec.ca_file, spec.url.scheme()) {
            (Some(path), _) => builder.tls_certs_only(certificates(path)?),
            // Without TLS no authority is needed, and a machine may have none.
            (None, "http") => builder.tls_certs_only([]),
            (None, _) => builder,
        };
        if let Some(address) = literal(&spec.url).filter(|address| is_link_local(*address)) {
            let words = format!("{address} is a link-local address: never asked");
            return Err(Trouble::Config(Text::clean(&words)));
        }
        Ok(Self::Network(builder.build().map_err(|error| config(&error))?))
    }

    /// A service in this process.
    pub(super) fn mounted<S, B>(service: S) -> Self
    where
        S: tower::Service<Request<Full<Bytes>>, Response = Response<B>>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        S::Error: Into<AnyError>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<AnyError>,
    {
        let service = service
            .map_response(|response: Response<B>| {
                response.map(|body| body.map_err(Into::into).boxed_unsync())
            })
            .map_err(Into::into);
        Self::Mounted(BoxCloneSyncService::new(service))
    }

    /// One exchange; redirects to the same host are followed.
    pub(super) async fn exchange(&self, ask: &Ask) -> Result<Reply, Trouble> {
        let mut url = ask.url.clone();
        for _hop in 0..=REDIRECTS_MAX {
            let response = self.send(ask, &url).await?;
            match redirect(&url, &response)? {
                Some(next) => url = next,
                None => return read(response, ask.bytes_max).await,
            }
        }
        Err(Trouble::BadAnswer(Text::clean("redirects in a circle")))
    }

    async fn send(&self, ask: &Ask, url: &Url) -> Result<Response<AnyBody>, Trouble> {
        let body = ask.form.clone().unwrap_or_default();
        match self {
            Self::Network(client) => {
                let request = builder(ask, url).body(body).map_err(|error| config(&error))?;
                let request =
                    reqwest::Request::try_from(request).map_err(|error| config(&error))?;
                let response = client.execute(request).await.map_err(|error| unanswered(&error))?;
                Ok(Response::from(response).map(|body| body.map_err(Into::into).boxed_unsync()))
            }
            Self::Mounted(service) => {
                let body = Full::new(body);
                let request = builder(ask, url).body(body).map_err(|error| config(&error))?;
                let answered = service.clone().oneshot(request).await;
                answered.map_err(|error| trouble::of_error(error.as_ref()))
            }
        }
    }
}

fn builder(ask: &Ask, url: &Url) -> http::request::Builder {
    let mut builder = Request::builder().uri(url.as_str()).header(ACCEPT, "application/json");
    if let Some(headers) = builder.headers_mut() {
        headers.extend(ask.headers.clone());
    }
    match ask.form {
        Some(_) => {
            builder.method(Method::POST).header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        }
        None => builder.method(Method::GET),
    }
}

/// Where an answer sends us, when it is the same host: nobody else gets our question and our credentials.
fn redirect<B>(from: &Url, response: &Response<B>) -> Result<Option<Url>, Trouble> {
    if !response.status().is_redirection() {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let Some(next) = location.and_then(|location| from.join(location).ok()) else {
        let words = format!("redirects to nowhere (status {})", response.status().as_u16());
        return Err(Trouble::BadAnswer(Text::clean(&words)));
    };
    let same_port = next.port_or_known_default() == from.port_or_known_default();
    let same_host = next.host_str() == from.host_str() && next.host_str().is_some();
    // A 303 asks for another page to be read, which is how login pages begin.
    let repeats = response.status() != StatusCode::SEE_OTHER;
    let keeps_scheme = next.scheme() == from.scheme();
    if same_host && same_port && keeps_scheme && repeats {
        return Ok(Some(next));
    }
    let origin = next.origin().ascii_serialization();
    let words = format!("redirects to {origin}, which is not followed (a login page?)");
    Err(Trouble::BadAnswer(cut(&words)))
}

/// Reads a body up to its limit. Of an error the beginning is enough; anything else that is too large is refused.
async fn read(response: Response<AnyBody>, bytes_max: usize) -> Result<Reply, Trouble> {
    let (parts, mut body) = response.into_parts();
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let is_success = parts.status.is_success();
    let limit = if is_success { bytes_max } else { ERROR_BYTES_MAX };
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| trouble::of_error(error.as_ref()))?;
        let Ok(data) = frame.into_data() else { continue };
        let room = limit - read.len();
        read.extend_from_slice(data.get(..room).unwrap_or(&data));
        if data.len() > room {
            if is_success {
                let bytes_max = u64::try_from(bytes_max).unwrap_or(u64::MAX);
                return Err(Trouble::TooLarge { bytes_max });
            }
            break;
        }
    }
    Ok(Reply {
        status: parts.status.as_u16(),
        media_type: header(CONTENT_TYPE).map(str::to_owned),
        retry_after: header(RETRY_AFTER)
            .and_then(|seconds| seconds.trim().parse().ok())
            .map(Duration::from_secs),
        body: read,
    })
}

fn config(error: &(dyn Error + 'static)) -> Trouble {
    match error.source() {
        Some(source) => config(source),
        None => Trouble::Config(cut(&format!("Prometheus: {error}"))),
    }
}

/// Why the client of the network has no answer; its own words hold the address, so only what lies below is told.
fn unanswered(error: &reqwest::Error) -> Trouble {
    if error.is_connect() && error.is_timeout() {
        return Trouble::TimedOut { after: CONNECT_TIME_MAX };
    }
    trouble::of_error(error)
}

/// Looks names up and leaves out the addresses that nobody keeps a Prometheus at, but clouds their secrets.
#[derive(Clone, Copy)]
struct Careful;

impl Resolve for Careful {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let kept: Vec<SocketAddr> =
                found.filter(|address| !is_link_local(address.ip())).collect();
            if kept.is_empty() {
                return Err(AnyError::from("the name leads to link-local addresses only"));
            }
            let kept: Addrs = Box::new(kept.into_iter());
            Ok(kept)
        })
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => mapped.is_link_local(),
            None => address.is_unicast_link_local(),
        },
    }
}

/// The address that a URL names without a name server.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// The first words of a text of unknown length.
pub(super) fn cut(raw: &str) -> Text {
    match raw.char_indices().nth(WORDS_MAX) {
        Some((end, _)) => Text::clean(&format!("{}…", raw.get(..end).unwrap_or_default())),
        None => Text::clean(raw),
    }
}
