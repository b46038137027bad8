//! One exchange with an API server, and the lines of a watch. Every answer has a limit in time and size, no body is
//! ever logged, and nothing is sent twice.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_TYPE, DATE, RETRY_AFTER, USER_AGENT, WARNING};
use http::{HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;

use super::resource::Resource;
use super::trouble;
use crate::domain::feed::Trouble;
use crate::domain::ids::{Name, Namespace};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// How long one answer may take unless the operator said otherwise.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Largest object taken. The API server itself refuses objects above 1.5 MiB; a rollout's log or a hostile
/// server must not fill the memory.
pub const OBJECT_BYTES_MAX: usize = 4 << 20;

/// All pages of one list together.
pub const LIST_BYTES_MAX: usize = 64 << 20;

const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

/// The body of an error: more than its sentence nobody reads.
pub const ERROR_BYTES_MAX: usize = 8 << 10;

/// What an exchange is about, for the words of its failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// `get`, `list`, `watch`, `patch` …
    pub verb: &'static str,
    /// The resource with its subresource: `rollouts/status`.
    pub resource: String,
    /// The kind.
    pub kind: &'static str,
    /// Where; `None`: in all namespaces, or it has none.
    pub namespace: Option<Namespace>,
    /// Which object; `None`: a collection.
    pub name: Option<Name>,
}

impl About {
    /// A verb on a collection.
    #[must_use]
    pub fn collection(verb: &'static str, of: Resource, namespace: Option<&Namespace>) -> Self {
        Self {
            verb,
            resource: of.plural.to_owned(),
            kind: of.kind,
            namespace: namespace.cloned(),
            name: None,
        }
    }

    /// A verb on an object.
    #[must_use]
    pub fn object(verb: &'static str, of: Resource, namespace: &Namespace, name: &Name) -> Self {
        Self { name: Some(name.clone()), ..Self::collection(verb, of, Some(namespace)) }
    }

    /// The same on a subresource.
    #[must_use]
    pub fn with_subresource(mut self, subresource: &str) -> Self {
        self.resource = format!("{}/{subresource}", self.resource);
        self
    }

    /// A request outside the resources: `/readyz`, `/version`.
    #[must_use]
    pub fn path(path: &'static str) -> Self {
        Self { verb: "get", resource: path.to_owned(), kind: path, namespace: None, name: None }
    }
}

/// The formats of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A whole object.
    Json,
    /// RFC 7386.
    MergePatch,
    /// RFC 6902.
    JsonPatch,
    /// Kubernetes' own; built-in kinds only.
    StrategicMergePatch,
}

impl Format {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::MergePatch => "application/merge-patch+json",
            Self::JsonPatch => "application/json-patch+json",
            Self::StrategicMergePatch => "application/strategic-merge-patch+json",
        }
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Its method.
    pub method: Method,
    /// Its address with the query.
    pub path: String,
    /// Its body.
    pub body: Option<(Format, Vec<u8>)>,
    /// How long the whole answer may take.
    pub deadline: Duration,
    /// How large it may be.
    pub bytes_max: usize,
    /// Which media types are wanted.
    pub accept: &'static str,
    /// What it is about.
    pub about: About,
}

impl Ask {
    /// A GET.
    #[must_use]
    pub const fn get(path: String, about: About) -> Self {
        let (method, body, accept) = (Method::GET, None, "application/json");
        Self { method, path, body, deadline: DEADLINE, bytes_max: OBJECT_BYTES_MAX, accept, about }
    }

    /// A POST of a whole object.
    #[must_use]
    pub fn post(path: String, body: &Value, about: About) -> Self {
        let body = Some((Format::Json, body.to_string().into_bytes()));
        Self { method: Method::POST, body, ..Self::get(path, about) }
    }

    /// A PATCH.
    #[must_use]
    pub fn patch(path: String, format: Format, body: Vec<u8>, about: About) -> Self {
        Self { method: Method::PATCH, body: Some((format, body)), ..Self::get(path, about) }
    }

    /// A DELETE with its options.
    #[must_use]
    pub fn delete(path: String, options: Vec<u8>, about: About) -> Self {
        let body = Some((Format::Json, options));
        Self { method: Method::DELETE, body, ..Self::get(path, about) }
    }

    /// With another deadline.
    #[must_use]
    pub const fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// With another limit of size.
    #[must_use]
    pub const fn at_most(mut self, bytes_max: usize) -> Self {
        self.bytes_max = bytes_max;
        self
    }

    /// Of other media types than JSON.
    #[must_use]
    pub const fn accepting(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body, within its limit.
    pub body: Bytes,
    /// `Content-Type`.
    pub media_type: Option<String>,
    /// The server's clock, from `Date`.
    pub date: Option<Timestamp>,
    /// The texts of `Warning` headers.
    pub warnings: Vec<Text>,
    /// `Audit-Id`: under this name the API server's audit log tells of the request.
    pub audit_id: Option<Text>,
    /// How long the server asks us to stay away (`Retry-After`, in seconds).
    pub retry_after: Option<Duration>,
}

impl Reply {
    /// Of nothing but a status and a body.
    #[must_use]
    pub const fn of(status: u16, body: Bytes) -> Self {
        Self {
            status,
            body,
            media_type: None,
            date: None,
            warnings: Vec::new(),
            audit_id: None,
            retry_after: None,
        }
    }

    /// True for 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The body as JSON, or what is wrong with the answer.
    ///
    /// # Errors
    /// The trouble that the status or the body tells of.
    pub fn value(&self, about: &About) -> Result<Value, Trouble> {
        if !self.is_success() {
            return Err(trouble::of_reply(self, about));
        }
        serde_json::from_slice(&self.body).map_err(|error| trouble::of_json(self, &error))
    }
}

/// Whether a request may have reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It never left: no connection, no credential.
    No,
    /// It may have arrived: nobody knows what it did.
    Maybe,
}

/// No answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Why.
    pub trouble: Trouble,
    /// Whether it may have happened all the same.
    pub sent: Sent,
}

/// The way to one API server. Cheap to clone.
#[derive(Clone)]
pub struct Wire {
    client: kube::Client,
}

impl Wire {
    /// Over a client without any layer that repeats requests.
    #[must_use]
    pub const fn new(client: kube::Client) -> Self {
        Self { client }
    }

    /// One exchange, one attempt.
    ///
    /// # Errors
    /// Why there is no answer; a status of the server is an answer.
    pub async fn call(&self, ask: &Ask) -> Result<Reply, Fault> {
        match tokio::time::timeout(ask.deadline, self.exchange(ask)).await {
            Ok(answered) => answered,
            Err(_elapsed) => {
                Err(Fault { trouble: Trouble::TimedOut { after: ask.deadline }, sent: Sent::Maybe })
            }
        }
    }

    /// One exchange whose answer is JSON.
    ///
    /// # Errors
    /// The trouble of the connection, the status or the body.
    pub async fn json(&self, ask: &Ask) -> Result<Value, Trouble> {
        self.call(ask).await.map_err(|fault| fault.trouble)?.value(&ask.about)
    }

    /// Opens a stream of lines, each at most `ask.bytes_max` long; `ask.deadline` counts for its beginning only.
    ///
    /// # Errors
    /// Why there is no answer; a status of the server is an answer.
    pub async fn open(&self, ask: &Ask) -> Result<Opened, Fault> {
        let opening = async {
            let response = self.send(ask).await?;
            if response.status().is_success() {
                return Ok(Opened::Lines(Lines::new(response.into_body(), ask.bytes_max)));
            }
            read(response, ERROR_BYTES_MAX).await.map(Opened::Refused)
        };
        let timed_out =
            Fault { trouble: Trouble::TimedOut { after: ask.deadline }, sent: Sent::Maybe };
        tokio::time::timeout(ask.deadline, opening).await.unwrap_or(Err(timed_out))
    }

    async fn exchange(&self, ask: &Ask) -> Result<Reply, Fault> {
        let response = self.send(ask).await?;
        let limit = if response.status().is_success() { ask.bytes_max } else { ERROR_BYTES_MAX };
        read(response, limit).await
    }

    async fn send(&self, ask: &Ask) -> Result<Response<Body>, Fault> {
        let request = request(ask)
            .map_err(|error| Fault { trouble: trouble::of_error(&error), sent: Sent::No })?;
        self.client.send(request).await.map_err(|error| trouble::of_client(&error))
    }
}

fn request(ask: &Ask) -> Result<Request<Body>, http::Error> {
    let mut builder = Request::builder()
        .method(ask.method.clone())
        .uri(&ask.path)
        .header(ACCEPT, ask.accept)
        .header(
            USER_AGENT,
            HeaderValue::from_static(concat!("pilothouse/", env!("CARGO_PKG_VERSION"))),
        );
    let mut bytes = Vec::new();
    if let Some((format, body)) = &ask.body {
        builder = builder.header(CONTENT_TYPE, format.media_type());
        bytes.clone_from(body);
    }
    builder.body(Body::from(bytes))
}

/// Reads a body up to its limit. Of an error the beginning is enough; anything else that is too large is refused.
async fn read(response: Response<Body>, bytes_max: usize) -> Result<Reply, Fault> {
    let (parts, mut body) = response.into_parts();
    let header =
        |name| parts.headers.get(&name).and_then(|value: &HeaderValue| value.to_str().ok());
    let mut reply = Reply {
        status: parts.status.as_u16(),
        body: Bytes::new(),
        media_type: header(CONTENT_TYPE).map(str::to_owned),
        date: header(DATE).and_then(http_date),
        audit_id: header(AUDIT_ID).map(Text::clean),
        retry_after: header(RETRY_AFTER).and_then(|raw| raw.parse().ok()).map(Duration::from_secs),
        warnings: parts
            .headers
            .get_all(WARNING)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .map(warning_text)
            .take(16)
            .collect(),
    };
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| trouble::of_client(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        if read.len() + data.len() > bytes_max {
            if reply.is_success() {
                let bytes_max = u64::try_from(bytes_max).unwrap_or(u64::MAX);
                return Err(Fault { trouble: Trouble::TooLarge { bytes_max }, sent: Sent::Maybe });
            }
            read.extend_from_slice(data.get(..bytes_max - read.len()).unwrap_or_default());
            break;
        }
        read.extend_from_slice(&data);
    }
    reply.body = read.freeze();
    Ok(reply)
}

fn http_date(raw: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(raw).ok().map(|zoned| zoned.timestamp())
}

/// The text of `299 - "text"`.
fn warning_text(raw: &str) -> Text {
    let text = raw.split_once('"').map_or(raw, |(_, rest)| rest.trim_end_matches('"'));
    Text::clean(text)
}

/// The answer to a request for a stream.
pub enum Opened {
    /// The stream.
    Lines(Lines),
    /// A status other than 2xx.
    Refused(Reply),
}

/// The lines of a stream, each within the limit.
pub struct Lines {
    body: Body,
    pending: BytesMut,
    searched: usize,
    line_bytes_max: usize,
}

impl Lines {
    fn new(body: Body, line_bytes_max: usize) -> Self {
        Self { body, pending: BytesMut::new(), searched: 0, line_bytes_max }
    }

    /// The next whole line; `None` when the stream ended. A last line without its line break is thrown away:
    /// the connection was cut within it. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The trouble of the connection, or a line above the limit.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Trouble> {
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Some(line));
            }
            if self.pending.len() > self.line_bytes_max {
                let bytes_max = u64::try_from(self.line_bytes_max).unwrap_or(u64::MAX);
                return Err(Trouble::TooLarge { bytes_max });
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(trouble::of_client(&error).trouble),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.pending.extend_from_slice(&data);
                    }
                }
            }
        }
    }

    fn take_line(&mut self) -> Option<Bytes> {
        let unseen = self.pending.get(self.searched..)?;
        let Some(position) = unseen.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.pending.len();
            return None;
        };
        let mut line = self.pending.split_to(self.searched + position + 1);
        line.truncate(line.len() - 1);
        self.searched = 0;
        Some(line.freeze())
    }
}
