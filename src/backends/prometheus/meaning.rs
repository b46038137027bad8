//! What an answer means: numbers, or why there are none. This is the table of `reference/reliability.md` §4.5.

use serde::Deserialize;

use super::envelope::{Data, Envelope};
use super::transport::{Reply, cut};
use crate::backends::kube::trouble::json_words;
use crate::domain::feed::Trouble;
use crate::domain::text::Text;

/// How Prometheus marks a hint about the query where it has no list of its own for them (2.48 to 2.53): the value
/// stands.
const HINT: &str = "PromQL info:";

/// An answer that is one.
pub(super) struct Told<D> {
    /// What was asked for.
    pub(super) data: D,
    /// A note because of which the data may be incomplete or doubtful.
    pub(super) doubt: Option<Text>,
    /// All notes, doubts included.
    pub(super) notes: Vec<Text>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Unanswered {
    /// This one question is not one: another may be answered.
    Question(Text),
    /// The server or something before it: nothing is answered.
    Server(Trouble),
}

impl From<Trouble> for Unanswered {
    fn from(trouble: Trouble) -> Self {
        Self::Server(trouble)
    }
}

/// Reads an answer to a query.
pub(super) fn query(reply: &Reply) -> Result<Told<Data>, Unanswered> {
    read(reply)
}

/// Reads any answer.
pub(super) fn read<'a, D: Deserialize<'a>>(reply: &'a Reply) -> Result<Told<D>, Unanswered> {
    if let Some(page) = html(reply) {
        return Err(Trouble::BadAnswer(page).into());
    }
    let envelope = envelope::<D>(reply);
    if !(200..300).contains(&reply.status) {
        return Err(refused(reply, envelope.as_ref().ok()));
    }
    if !is_json(reply) {
        let kind = reply.media_type.as_deref().unwrap_or_default();
        return Err(Trouble::BadAnswer(cut(&format!("not Prometheus: {kind}"))).into());
    }
    let envelope = envelope?;
    if envelope.status != "success" {
        return Err(refused(reply, Some(&envelope)));
    }
    let Some(data) = envelope.data else {
        return Err(Trouble::BadAnswer(Text::clean("success without data")).into());
    };
    let warnings: Vec<Text> = envelope.warnings.0.iter().map(|note| cut(note)).collect();
    let doubt = warnings.iter().find(|note| !note.as_str().starts_with(HINT)).cloned();
    let mut notes = warnings;
    notes.extend(envelope.infos.0.iter().map(|note| cut(note)));
    Ok(Told { data, doubt, notes })
}

fn envelope<'a, D: Deserialize<'a>>(reply: &'a Reply) -> Result<Envelope<'a, D>, Trouble> {
    if reply.body.is_empty() {
        return Err(Trouble::BadAnswer(Text::clean("an empty answer")));
    }
    serde_json::from_slice(&reply.body).map_err(|error| json_words(&error))
}

/// What an answer other than success means. Prometheus' own words are kept where it has some.
fn refused<D>(reply: &Reply, envelope: Option<&Envelope<'_, D>>) -> Unanswered {
    let kind = envelope.and_then(|envelope| envelope.error_type.as_deref());
    let own = envelope.and_then(|envelope| envelope.error.as_deref());
    let words = match (kind, own) {
        (Some(kind), Some(own)) => cut(&format!("{kind}: {own}")),
        (None, Some(words)) | (Some(words), None) => cut(words),
        (None, None) => raw_words(reply),
    };
    match (reply.status, kind) {
        (400 | 422, Some(_)) | (200..300, Some("bad_data" | "execution")) => {
            Unanswered::Question(words)
        }
        (401, _) => Trouble::NotAuthenticated { detail: words }.into(),
        (404, _) => {
            let words = format!("no Prometheus at this path: {words}");
            Trouble::BadAnswer(cut(&words)).into()
        }
        (code, _) => Trouble::Refused { code, detail: words }.into(),
    }
}

/// The beginning of a body that is none of ours.
fn raw_words(reply: &Reply) -> Text {
    let text = String::from_utf8_lossy(&reply.body);
    match text.trim() {
        "" => Text::clean("no words"),
        words => cut(words),
    }
}

fn is_json(reply: &Reply) -> bool {
    reply.media_type.as_deref().is_none_or(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json") || kind.ends_with("+json")
    })
}

/// How much of a body is searched for a title.
const HEAD_BYTES: usize = 16 << 10;

/// What a web page calls itself, if the answer is one.
fn html(reply: &Reply) -> Option<Text> {
    let head = reply.body.get(..HEAD_BYTES.min(reply.body.len()))?;
    let head = String::from_utf8_lossy(head);
    let is_page = reply.media_type.as_deref().is_some_and(|kind| kind.starts_with("text/html"))
        || head.trim_start().starts_with('<');
    if !is_page {
        return None;
    }
    let lower = head.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|tag| {
        let start = tag + lower.get(tag..)?.find('>')? + 1;
        let end = start + lower.get(start..)?.find('<')?;
        head.get(start..end)
    });
    let title = title.map(|title| title.split_whitespace().collect::<Vec<_>>().join(" "));
    Some(match title.filter(|title| !title.is_empty()) {
        Some(title) => cut(&format!("not Prometheus: page \"{title}\" (status {})", reply.status)),
        None => Text::clean(&format!("not Prometheus: a web page (status {})", reply.status)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, media_type: &str, body: &str) -> Reply {
        let media_type = (!media_type.is_empty()).then(|| media_type.to_owned());
        Reply { status, media_type, retry_after: None, body: body.as_bytes().to_vec() }
    }

    const JSON: &str = "application/json";
    const EMPTY: &str = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;

    #[test]
    fn what_is_no_answer_says_what_it_is() {
        let login = "<!doctype html><html><head><TITLE>\n  Sign in \x1b[31m</title>";
        for (reply, want) in [
            (
                reply(200, "text/html", login),
                "not Prometheus: page \"Sign in ^[[31m\" (status 200)",
            ),
            (reply(200, JSON, "<html>"), "not Prometheus: a web page (status 200)"),
            (reply(502, "text/html", "<title>502</title>"), "page \"502\" (status 502)"),
            (reply(200, "text/plain", EMPTY), "not Prometheus: text/plain"),
            (reply(200, JSON, ""), "an empty answer"),
            (reply(200, JSON, &EMPTY[..40]), "JSON is cut off"),
            (reply(200, JSON, "{}"), "JSON of another shape"),
            (reply(200, JSON, r#"{"status":"success"}"#), "success without data"),
            (reply(404, "text/plain", "404 page not found"), "no Prometheus at this path"),
            (reply(401, "", ""), "not authenticated: no words"),
            (reply(429, "", "slow down"), "answered 429: slow down"),
            (reply(400, "", "plain HTTP to an HTTPS port"), "answered 400: plain HTTP"),
            (reply(204, JSON, ""), "an empty answer"),
        ] {
            let Err(Unanswered::Server(trouble)) = query(&reply) else { panic!("{want}") };
            let trouble = trouble.to_string();
            assert!(trouble.contains(want), "{trouble} should hold {want}");
        }
    }

    #[test]
    fn errors_keep_the_words_of_prometheus() {
        let error = |kind| format!(r#"{{"status":"error","errorType":"{kind}","error":"words"}}"#);
        for (status, kind, question) in [
            (400, "bad_data", true),
            (422, "execution", true),
            (200, "execution", true),
            (200, "internal", false),
            (503, "timeout", false),
            (499, "canceled", false),
            (500, "internal", false),
        ] {
            let words = format!("{kind}: words");
            match query(&reply(status, JSON, &error(kind))).err().unwrap() {
                Unanswered::Question(told) => {
                    assert!(question, "{status} {kind}");
                    assert_eq!(told.as_str(), words);
                }
                Unanswered::Server(trouble) => {
                    assert!(!question, "{status} {kind}");
                    assert_eq!(
                        trouble,
                        Trouble::Refused { code: status, detail: words[..].into() }
                    );
                }
            }
        }
    }

    #[test]
    fn a_warning_raises_doubt_and_a_hint_does_not() {
        let told = |notes: &str| {
            let body = EMPTY.replace("]}}", &format!("]}},{notes}}}"));
            query(&reply(200, "application/json; charset=utf-8", &body)).ok().unwrap()
        };
        let partial = told(r#""warnings":["store down: \u001b[2J"]"#);
        assert_eq!(partial.doubt.unwrap().as_str(), "store down: ^[[2J");
        let hint = told(r#""warnings":["PromQL info: not a counter"],"infos":["b"]"#);
        assert_eq!(hint.doubt, None);
        assert_eq!(hint.notes.len(), 2);
        assert!(told(r#""warnings":null"#).notes.is_empty());
    }

    #[test]
    fn long_words_are_cut() {
        let trouble = query(&reply(500, "", &"x".repeat(5_000))).err().unwrap();
        let Unanswered::Server(trouble) = trouble else { panic!() };
        assert!(trouble.to_string().chars().count() < 250);
    }
}
