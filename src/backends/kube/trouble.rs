//! Every failure of a connection or an answer gets its [`Trouble`]: a sentence and a remedy, and never a secret.

use std::error::Error;
use std::io;

use serde_json::Value;

use super::wire::{About, Fault, Reply, Sent};
use crate::domain::feed::{Permission, Trouble};
use crate::domain::text::Text;

/// Longest piece of a server's words kept in a trouble, in characters.
const WORDS_MAX: usize = 300;

/// How deep the sources of an error are followed; a source that names itself must not hang us.
const CHAIN_MAX: usize = 16;

/// A trouble of our own layers on its way through kube's client as an error.
#[derive(Clone, Debug)]
pub struct Refusal(pub Trouble);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Error for Refusal {}

/// What an answer with a status other than 2xx means.
#[must_use]
pub fn of_reply(reply: &Reply, about: &About) -> Trouble {
    if let Some(title) = html_title(reply) {
        return Trouble::BadAnswer(title);
    }
    let detail = words(reply);
    match reply.status {
        401 => Trouble::NotAuthenticated { detail },
        403 => Trouble::Forbidden(Box::new(Permission {
            verb: Text::clean(about.verb),
            resource: Text::clean(&about.resource),
            namespace: about.namespace.clone(),
        })),
        404 => match &about.name {
            Some(name) => Trouble::NotFound(Text::clean(&format!("{} {name}", about.kind))),
            None => Trouble::KindMissing(Text::clean(about.kind)),
        },
        code => Trouble::Refused { code, detail },
    }
}

/// What a body means that should have been JSON.
#[must_use]
pub fn of_json(reply: &Reply, error: &serde_json::Error) -> Trouble {
    if let Some(title) = html_title(reply) {
        return Trouble::BadAnswer(title);
    }
    if reply.body.is_empty() {
        return Trouble::BadAnswer(Text::clean("an empty answer"));
    }
    json_words(error)
}

/// The sentence of a JSON error. Its own words may quote the body, so only kind and place are kept.
#[must_use]
pub fn json_words(error: &serde_json::Error) -> Trouble {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "JSON is cut off",
        serde_json::error::Category::Syntax => "not JSON",
        serde_json::error::Category::Data => "JSON of another shape",
        serde_json::error::Category::Io => "the answer broke off",
    };
    let place = format!("{what} (line {}, column {})", error.line(), error.column());
    Trouble::BadAnswer(Text::clean(&place))
}

/// Why a client gave no answer, and whether the request may have arrived.
#[must_use]
pub fn of_client(error: &kube::Error) -> Fault {
    let root: &(dyn Error + 'static) =
        if let kube::Error::Service(inner) = error { inner.as_ref() } else { error };
    let sent = if chain(root).any(never_left) { Sent::No } else { Sent::Maybe };
    Fault { trouble: of_error(root), sent }
}

fn never_left(error: &(dyn Error + 'static)) -> bool {
    error.is::<Refusal>()
        || error
            .downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect)
}

/// What an error of the connection means.
#[must_use]
pub fn of_error(error: &(dyn Error + 'static)) -> Trouble {
    let mut deepest = None;
    for link in chain(error) {
        if let Some(Refusal(trouble)) = link.downcast_ref::<Refusal>() {
            return trouble.clone();
        }
        if let Some(tls) = link.downcast_ref::<rustls::Error>() {
            return Trouble::Tls(tls_words(tls));
        }
        deepest = Some(link);
    }
    let Some(deepest) = deepest else { return unreachable("no reason given") };
    if let Some(words) = chain(error).find_map(io_words) {
        return unreachable(words);
    }
    let is_timeout = |link: &(dyn Error + 'static)| {
        link.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_timeout)
    };
    if chain(error).any(is_timeout) {
        return unreachable("the connection stopped answering");
    }
    Trouble::Unreachable(cut(&deepest.to_string()))
}

fn unreachable(words: &str) -> Trouble {
    Trouble::Unreachable(Text::clean(words))
}

/// Common failures in the words of people.
const IO_WORDS: [(io::ErrorKind, &str); 8] = [
    (io::ErrorKind::ConnectionRefused, "connection refused"),
    (io::ErrorKind::ConnectionReset, "connection reset"),
    (io::ErrorKind::ConnectionAborted, "connection reset"),
    (io::ErrorKind::UnexpectedEof, "the connection broke off"),
    (io::ErrorKind::BrokenPipe, "the connection broke off"),
    (io::ErrorKind::TimedOut, "the connection stopped answering"),
    (io::ErrorKind::HostUnreachable, "no route to host"),
    (io::ErrorKind::NetworkUnreachable, "network unreachable"),
];

fn io_words(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let kind = error.downcast_ref::<io::Error>()?.kind();
    IO_WORDS.iter().find(|(known, _)| *known == kind).map(|(_, words)| *words)
}

fn tls_words(error: &rustls::Error) -> Text {
    use rustls::CertificateError as Certificate;
    let rustls::Error::InvalidCertificate(why) = error else { return cut(&error.to_string()) };
    let words = if matches!(why, Certificate::Expired | Certificate::ExpiredContext { .. }) {
        "the server's certificate has expired"
    } else if matches!(why, Certificate::NotValidYet | Certificate::NotValidYetContext { .. }) {
        "the server's certificate is not valid yet (or our clock is wrong)"
    } else if matches!(why, Certificate::UnknownIssuer) {
        "the server's certificate is of an unknown authority"
    } else if matches!(
        why,
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. }
    ) {
        "the server's certificate is for another name"
    } else if matches!(why, Certificate::BadSignature) {
        "the server's certificate has a wrong signature"
    } else {
        return cut(&error.to_string());
    };
    Text::clean(words)
}

/// An error and its sources, those inside `io::Error` included.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |link| inner(*link)).take(CHAIN_MAX)
}

fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inside) => Some(inside),
        None => error.source(),
    }
}

/// `HTML page "title"`, if it is one.
pub(super) fn html_title(reply: &Reply) -> Option<Text> {
    let text = String::from_utf8_lossy(reply.body.get(..ERROR_HEAD.min(reply.body.len()))?);
    let is_html = reply.media_type.as_deref().is_some_and(|kind| kind.starts_with("text/html"))
        || text.trim_start().starts_with('<');
    if !is_html {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|start| {
        let start = start + "<title>".len();
        let end = start + lower.get(start..)?.find('<')?;
        text.get(start..end)
    });
    Some(match title {
        Some(title) => cut(&format!("HTML page \"{}\" (status {})", title.trim(), reply.status)),
        None => Text::clean(&format!("an HTML page (status {})", reply.status)),
    })
}

/// How much of a body is searched for a title.
const ERROR_HEAD: usize = 8 << 10;

/// The API server's own words, and not those of what it passes on.
pub(super) fn is_status(reply: &Reply) -> bool {
    let value: Option<Value> = serde_json::from_slice(&reply.body).ok();
    value.is_some_and(|value| value.get("kind").and_then(Value::as_str) == Some("Status"))
}

/// The sentence of a `Status`, or the beginning of whatever it is.
fn words(reply: &Reply) -> Text {
    let status: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let message = status.as_ref().and_then(|status| status.get("message")).and_then(Value::as_str);
    match message {
        Some(message) if !message.is_empty() => cut(message),
        Some(_) | None if reply.body.is_empty() => Text::clean("no words"),
        Some(_) | None => cut(String::from_utf8_lossy(&reply.body).trim()),
    }
}

/// The first words of a text of unknown length.
pub(super) fn cut(raw: &str) -> Text {
    match raw.char_indices().nth(WORDS_MAX) {
        Some((end, _)) => Text::clean(&format!("{}…", raw.get(..end).unwrap_or_default())),
        None => Text::clean(raw),
    }
}
