//! The small languages of scenarios: spans of time and steps of a canary.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A span of time as scenarios write it: `90s`, `1h30m`, `41d`, `-12m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub SignedDuration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong =
            || format!("\"{text}\" is no span of time; write it like 90s, 1h30m, 41d or -12m");
        let (sign, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(&text)),
        };
        let mut ms = 0_i64;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let number: i64 = rest[..end].parse().map_err(|_| wrong())?;
            let tail = &rest[end..];
            let stop = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
            let unit = match &tail[..stop] {
                "d" => 86_400_000,
                "h" => 3_600_000,
                "m" => 60_000,
                "s" => 1_000,
                "ms" => 1,
                _ => return Err(wrong()),
            };
            ms =
                number.checked_mul(unit).and_then(|more| ms.checked_add(more)).ok_or_else(wrong)?;
            rest = &tail[stop..];
        }
        Ok(Self(SignedDuration::from_millis(sign * ms)))
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        format!("{}ms", span.0.as_millis())
    }
}

impl Span {
    /// Milliseconds after a moment that lies so many milliseconds before zero; never before it.
    pub(super) fn ms_after(self, before_ms: u64) -> u64 {
        let ms = i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX);
        u64::try_from(ms.saturating_add_unsigned(before_ms)).unwrap_or(0)
    }

    /// As Go writes it.
    pub(super) fn go(self) -> String {
        let seconds = self.0.as_secs().unsigned_abs();
        let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let part = |count: u64, unit: &str| match count {
            0 => String::new(),
            count => format!("{count}{unit}"),
        };
        let text = format!("{}{}{}", part(hours, "h"), part(minutes, "m"), part(rest, "s"));
        if text.is_empty() { "0s".to_owned() } else { text }
    }
}

/// Characters that one `{x*10000}` may stand for, and all of a file.
const REPEATED_MAX: usize = 20_000;
const EXPANDED_MAX: usize = 2_000_000;

/// A text in which `{x*10000}` stands for ten thousand `x`: nobody has to write such names out.
pub(super) fn expanded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        let inner = &rest[at + 1..];
        let (body, tail) = inner.split_once('}').unwrap_or((inner, ""));
        let more = repeated(body).filter(|more| out.len() + more.len() <= EXPANDED_MAX);
        out.push_str(more.as_deref().unwrap_or("{"));
        rest = if more.is_some() { tail } else { inner };
    }
    out.push_str(rest);
    out
}

fn repeated(body: &str) -> Option<String> {
    let (what, count) = body.split_once('*')?;
    let mut letters = what.chars();
    let (letter, None) = (letters.next()?, letters.next()) else { return None };
    let count: usize = count.parse().ok()?;
    (letter != '\n' && count <= REPEATED_MAX).then(|| letter.to_string().repeat(count))
}

/// A step of a canary in words.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum StepWords {
    /// `weight 10`.
    Weight(i64),
    /// `pause`, `pause 2m`.
    Pause(Option<Span>),
    /// `analysis errors`.
    Analysis(String),
    /// `scale 3`, `scale 50%`, `scale match`.
    Scale(Scale),
    /// `experiment 2m`.
    Experiment(Span),
    /// `plugin checks`.
    Plugin(String),
    /// `header beta`.
    Header(String),
    /// `mirror copy`.
    Mirror(String),
}

/// The size of a canary apart from its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// So many pods.
    Pods(i64),
    /// As for this weight.
    Weight(i64),
    /// As for the weight it has.
    Match,
}

/// The words a step can begin with.
pub(super) const STEP_WORDS: [&str; 8] =
    ["weight", "pause", "analysis", "scale", "experiment", "plugin", "header", "mirror"];

impl TryFrom<String> for StepWords {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let rest = rest.trim();
        let named = || {
            let name = (!rest.is_empty()).then(|| rest.to_owned());
            name.ok_or_else(|| format!("step \"{text}\": {word} what?"))
        };
        let number = |text: &str| {
            text.parse().map_err(|_| format!("step \"{word} {rest}\": \"{text}\" is no number"))
        };
        match word {
            "weight" => Ok(Self::Weight(number(rest)?)),
            "pause" if rest.is_empty() => Ok(Self::Pause(None)),
            "pause" => Ok(Self::Pause(Some(Span::try_from(rest.to_owned())?))),
            "analysis" => Ok(Self::Analysis(named()?)),
            "scale" if rest == "match" => Ok(Self::Scale(Scale::Match)),
            "scale" => Ok(Self::Scale(match rest.strip_suffix('%') {
                Some(weight) => Scale::Weight(number(weight)?),
                None => Scale::Pods(number(rest)?),
            })),
            "experiment" => Ok(Self::Experiment(Span::try_from(rest.to_owned())?)),
            "plugin" => Ok(Self::Plugin(named()?)),
            "header" => Ok(Self::Header(named()?)),
            "mirror" => Ok(Self::Mirror(named()?)),
            other => {
                let nearest = super::scenario_error::nearest(other, STEP_WORDS);
                let hint =
                    nearest.map(|it| format!("; did you mean \"{it}\"?")).unwrap_or_default();
                Err(format!("no step \"{other}\"{hint}"))
            }
        }
    }
}

impl StepWords {
    /// The analysis it names.
    pub(super) fn analysis(&self) -> Option<&str> {
        match self {
            Self::Analysis(name) => Some(name),
            Self::Weight(_)
            | Self::Pause(_)
            | Self::Scale(_)
            | Self::Experiment(_)
            | Self::Plugin(_)
            | Self::Header(_)
            | Self::Mirror(_) => None,
        }
    }

    /// As the API has it. `block` makes an analysis block of a template's name.
    pub(super) fn written(&self, block: impl Fn(&str) -> Value) -> Value {
        match self {
            Self::Weight(weight) => json!({"setWeight": weight}),
            Self::Pause(None) => json!({"pause": {}}),
            Self::Pause(Some(span)) => json!({"pause": {"duration": span.go()}}),
            Self::Analysis(name) => json!({"analysis": block(name)}),
            Self::Scale(Scale::Pods(pods)) => json!({"setCanaryScale": {"replicas": pods}}),
            Self::Scale(Scale::Weight(weight)) => json!({"setCanaryScale": {"weight": weight}}),
            Self::Scale(Scale::Match) => json!({"setCanaryScale": {"matchTrafficWeight": true}}),
            Self::Experiment(span) => {
                let template = |name: &str, of: &str| json!({"name": name, "specRef": of});
                let templates = [template("baseline", "stable"), template("canary", "canary")];
                json!({"experiment": {"duration": span.go(), "templates": templates}})
            }
            Self::Plugin(name) => json!({"plugin": {"name": name, "config": {}}}),
            Self::Header(name) => {
                let matched = json!({"headerName": "x-beta", "headerValue": {"exact": "true"}});
                json!({"setHeaderRoute": {"name": name, "match": [matched]}})
            }
            Self::Mirror(name) => {
                let matched = json!({"method": {"exact": "GET"}});
                json!({"setMirrorRoute": {"name": name, "match": [matched], "percentage": 10}})
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (text, ms) in [
            ("90s", Some(90_000)),
            ("1h30m", Some(5_400_000)),
            ("41d", Some(3_542_400_000_i64)),
            ("-12m", Some(-720_000)),
            ("+70s", Some(70_000)),
            ("250ms", Some(250)),
            ("", None),
            ("90", None),
            ("s", None),
            ("1x", None),
            ("99999999999999999999d", None),
        ] {
            let read = Span::try_from(text.to_owned()).ok().map(|it| it.0.as_millis());
            assert_eq!(read, ms.map(i128::from), "{text}");
        }
        let go = |text: &str| Span::try_from(text.to_owned()).unwrap().go();
        assert_eq!((go("90s"), go("1h"), go("0s")), ("1m30s".into(), "1h".into(), "0s".into()));
    }

    #[test]
    fn long_texts_are_written_short() {
        assert_eq!(expanded("a{x*3}b{yz*3}{x*99999}{x*"), "axxxb{yz*3}{x*99999}{x*");
        assert_eq!(expanded("rate(x{app=\"a\"}[1m]) {*}"), "rate(x{app=\"a\"}[1m]) {*}");
        assert!(expanded(&"{x*20000}".repeat(2_000)).len() < EXPANDED_MAX + 20_000);
    }

    #[test]
    fn steps_are_read_in_words() {
        let read = |text: &str| StepWords::try_from(text.to_owned());
        assert_eq!(read("weight 10"), Ok(StepWords::Weight(10)));
        assert_eq!(read("pause"), Ok(StepWords::Pause(None)));
        assert_eq!(read("scale 50%"), Ok(StepWords::Scale(Scale::Weight(50))));
        assert_eq!(read("scale 3"), Ok(StepWords::Scale(Scale::Pods(3))));
        let pause = read("pause 2m").unwrap().written(|_| Value::Null);
        assert_eq!(pause, json!({"pause": {"duration": "2m"}}));
        assert_eq!(read("wieght 10"), Err("no step \"wieght\"; did you mean \"weight\"?".into()));
        for wrong in ["weight x", "weight", "analysis", "pause soon", "scale half"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
