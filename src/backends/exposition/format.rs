//! In which of the two formats an answer is, by what its server calls it.

use crate::domain::text::Text;

/// What we ask for. OpenMetrics is preferred because its last line proves that nothing was cut off.
pub const ACCEPT: &str = "application/openmetrics-text;version=1.0.0,\
     application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// A format of exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The text format 0.0.4: timestamps in milliseconds, no last line.
    Text,
    /// OpenMetrics 1.0: timestamps in seconds, exemplars, `# EOF` at the end.
    OpenMetrics,
}

/// Types of other things than metrics in text, and what they are.
const OTHERS: [(&str, &str); 4] = [
    ("text/html", "an HTML page"),
    ("application/json", "JSON"),
    ("application/vnd.google.protobuf", "protobuf, which was not asked for"),
    ("image/", "a picture"),
];

impl Format {
    /// By the answer's `Content-Type`; an unknown one is read as text, because many programs send none.
    ///
    /// # Errors
    /// What it is, where it surely holds no metrics in text.
    pub fn of(media_type: Option<&str>) -> Result<Self, Text> {
        let named = media_type.unwrap_or_default().trim().to_ascii_lowercase();
        if named.starts_with("application/openmetrics-text") {
            return Ok(Self::OpenMetrics);
        }
        match OTHERS.iter().find(|(media_type, _)| named.starts_with(media_type)) {
            Some((_, what)) => Err(Text::clean(what)),
            None => Ok(Self::Text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_what_the_server_calls_it() {
        for (media_type, want) in [
            (None, Ok(Format::Text)),
            (Some("text/plain; version=0.0.4; charset=utf-8"), Ok(Format::Text)),
            (Some("Application/OpenMetrics-Text; version=1.0.0"), Ok(Format::OpenMetrics)),
            (Some("application/octet-stream"), Ok(Format::Text)),
            (Some("text/html; charset=utf-8"), Err(Text::clean("an HTML page"))),
            (Some("application/json"), Err(Text::clean("JSON"))),
        ] {
            assert_eq!(Format::of(media_type), want, "{media_type:?}");
        }
    }
}
