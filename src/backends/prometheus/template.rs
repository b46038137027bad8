//! Questions with places for names: `{{namespace}} {{name}} {{hash}} {{window}}`.
//!
//! A name that is put into a question is escaped for the place it stands in (a string or a regular expression), so no
//! name can change the question. A template that does not allow this is refused when it is read, not when it is asked.

use std::fmt::Write as _;
use std::time::Duration;

/// What a place stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Namespace,
    Name,
    Hash,
    Window,
}

impl Place {
    const ALL: [Self; 4] = [Self::Namespace, Self::Name, Self::Hash, Self::Window];

    const fn word(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Name => "name",
            Self::Hash => "hash",
            Self::Window => "window",
        }
    }
}

/// The words that may stand between `{{` and `}}`.
pub const PLACES: [&str; 4] =
    [Place::Namespace.word(), Place::Name.word(), Place::Hash.word(), Place::Window.word()];

/// Where in PromQL a place stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Around {
    /// Outside of strings.
    Bare,
    /// In a string within these quotes.
    Quoted(char),
    /// In a string within these quotes that is a regular expression.
    Regex(char),
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Plain(String),
    Slot(Place, Around),
}

/// A question with places for names. The default asks nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// At which byte.
    pub at: usize,
    /// What.
    pub what: String,
    /// The word that is no place, for a hint.
    pub word: Option<String>,
}

/// The revision that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The workload's namespace.
    pub namespace: &'a str,
    /// The workload's name.
    pub name: &'a str,
    /// The hash of the revision's pod template.
    pub hash: &'a str,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// The first mistake: a place that does not exist, one that could not be escaped, none for the revision.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let mut reader = Reader::new(text);
        while let Some(rest) = text.get(reader.at..).filter(|rest| !rest.is_empty()) {
            reader.step(rest)?;
        }
        let parts = reader.finish();
        let names_revision =
            parts.iter().any(|part| matches!(part, Part::Slot(Place::Hash, _around)));
        if !names_revision {
            let what = "nothing names the revision: {{hash}} is missing, \
                        so canary and stable would get the same answer";
            return Err(Mistake { at: 0, what: what.to_owned(), word: None });
        }
        Ok(Self { parts })
    }

    /// The question for one revision.
    #[must_use]
    pub fn fill(&self, subject: Subject<'_>, window: Duration) -> String {
        let mut out = String::new();
        for part in &self.parts {
            let (place, around) = match part {
                Part::Plain(text) => {
                    out.push_str(text);
                    continue;
                }
                Part::Slot(place, around) => (place, *around),
            };
            match place {
                Place::Namespace => escape_into(&mut out, subject.namespace, around),
                Place::Name => escape_into(&mut out, subject.name, around),
                Place::Hash => escape_into(&mut out, subject.hash, around),
                Place::Window => out.push_str(&duration(window)),
            }
        }
        out
    }
}

/// A duration as PromQL writes it.
#[must_use]
pub fn duration(span: Duration) -> String {
    match span.subsec_millis() {
        0 => format!("{}s", span.as_secs()),
        _ => format!("{}ms", span.as_millis()),
    }
}

/// Walks through a template and knows whether it is in a string.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    around: Around,
    parts: Vec<Part>,
    plain: String,
}

impl<'a> Reader<'a> {
    const fn new(text: &'a str) -> Self {
        Self { text, at: 0, around: Around::Bare, parts: Vec::new(), plain: String::new() }
    }

    fn step(&mut self, rest: &str) -> Result<(), Mistake> {
        if rest.starts_with("{{") {
            return self.slot(rest);
        }
        let Some(next) = rest.chars().next() else { return Ok(()) };
        match (self.around, next) {
            (Around::Bare, '"' | '\'' | '`') => {
                let around =
                    if self.after_match() { Around::Regex(next) } else { Around::Quoted(next) };
                self.take(rest, 1);
                self.around = around;
            }
            (Around::Bare, '#') => self.take(rest, rest.find('\n').unwrap_or(rest.len())),
            (Around::Quoted(quote) | Around::Regex(quote), '\\') if quote != '`' => {
                let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
                self.take(rest, 1 + escaped);
            }
            (Around::Quoted(quote) | Around::Regex(quote), _) if next == quote => {
                self.take(rest, 1);
                self.around = Around::Bare;
            }
            (Around::Bare | Around::Quoted(_) | Around::Regex(_), _) => {
                self.take(rest, next.len_utf8());
            }
        }
        Ok(())
    }

    fn take(&mut self, rest: &str, bytes: usize) {
        self.plain.push_str(rest.get(..bytes).unwrap_or(rest));
        self.at += bytes.max(1);
    }

    /// True when what was read last is `=~` or `!~`.
    fn after_match(&self) -> bool {
        let before = self.text.get(..self.at).unwrap_or_default().trim_end();
        before.ends_with("=~") || before.ends_with("!~")
    }

    fn slot(&mut self, rest: &str) -> Result<(), Mistake> {
        let mistake = |what: &str, word: Option<&str>| Mistake {
            at: self.at,
            what: what.to_owned(),
            word: word.map(str::to_owned),
        };
        let Some(end) = rest.find("}}") else {
            return Err(mistake("\"{{\" without \"}}\"", None));
        };
        let word = rest.get(2..end).unwrap_or_default().trim();
        let Some(place) = Place::ALL.into_iter().find(|place| place.word() == word) else {
            return Err(mistake(&format!("no place {{{{{word}}}}}"), Some(word)));
        };
        let can_be_escaped =
            matches!(self.around, Around::Quoted('"' | '\'') | Around::Regex('"' | '\''));
        if place != Place::Window && !can_be_escaped {
            let what =
                format!("{{{{{word}}}}} must stand in \"double quotes\", where it can be escaped");
            return Err(mistake(&what, None));
        }
        let plain = std::mem::take(&mut self.plain);
        self.parts.push(Part::Plain(plain));
        self.parts.push(Part::Slot(place, self.around));
        self.at += end + 2;
        Ok(())
    }

    fn finish(mut self) -> Vec<Part> {
        self.parts.push(Part::Plain(self.plain));
        self.parts
    }
}

/// Writes a name so that it stands for itself and nothing else.
fn escape_into(out: &mut String, name: &str, around: Around) {
    let regex = matches!(around, Around::Regex(_));
    for c in name.chars() {
        match c {
            '\\' if regex => out.push_str(r"\\\\"),
            '\\' => out.push_str(r"\\"),
            '"' | '\'' => {
                out.push('\\');
                // Go knows no `\'` within double quotes, nor the other way round.
                if around != Around::Quoted(c) && around != Around::Regex(c) {
                    out.pop();
                }
                out.push(c);
            }
            c if regex && ".+*?()|[]{}^$".contains(c) => {
                out.push_str(r"\\");
                out.push(c);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn filled(template: &str, name: &str) -> String {
        let subject = Subject { namespace: "shop", name, hash: "5f9c" };
        Template::parse(template).unwrap().fill(subject, MINUTE)
    }

    #[test]
    fn places_are_filled_and_names_escaped_for_where_they_stand() {
        for (template, name, want) in [
            (r#"x{n="{{name}}",h="{{hash}}"}[{{window}}]"#, "web", r#"x{n="web",h="5f9c"}[60s]"#),
            (r#"x{n="{{ name }}",h="{{hash}}"}"#, r#"a"b\c"#, r#"x{n="a\"b\\c",h="5f9c"}"#),
            (r#"x{n='{{name}}',h="{{hash}}"}"#, r#"a"b'c"#, r#"x{n='a"b\'c',h="5f9c"}"#),
            (r#"x{p=~"{{name}}-{{hash}}-.+"}"#, "a.b", r#"x{p=~"a\\.b-5f9c-.+"}"#),
            (r#"x{p !~ "{{name}}",h="{{hash}}"}"#, "a|b", r#"x{p !~ "a\\|b",h="5f9c"}"#),
            (r#"x{p=~"{{name}}",h="{{hash}}"}"#, r"a\b", r#"x{p=~"a\\\\b",h="5f9c"}"#),
            (r#"x{n="{{name}}",h="{{hash}}"}"#, "a\nb", r#"x{n="a\u000ab",h="5f9c"}"#),
            (r#"x{q="\"{{name}}",h="{{hash}}"}"#, "a", r#"x{q="\"a",h="5f9c"}"#),
            (
                "x{h=\"{{hash}}\"} # it's \"\n + y[{{window}}]",
                "a",
                "x{h=\"5f9c\"} # it's \"\n + y[60s]",
            ),
            (r#"x{r=`\d`,h="{{hash}}",w=`{{window}}`}"#, "a", r#"x{r=`\d`,h="5f9c",w=`60s`}"#),
        ] {
            assert_eq!(filled(template, name), want, "{template}");
        }
    }

    #[test]
    fn the_injection_of_the_threat_list_stays_a_name() {
        let name = r#""} or vector(1) #"#;
        let question = filled(r#"up{name="{{name}}",h="{{hash}}"}"#, name);
        assert_eq!(question, r#"up{name="\"} or vector(1) #",h="5f9c"}"#);
        assert!(promql_parser::parser::parse(&question).is_ok());
    }

    #[test]
    fn a_template_that_cannot_be_asked_safely_is_refused_with_its_place() {
        for (template, at, what) in [
            (r#"x{h="{{hash}}",n={{name}}}"#, 17, "must stand in \"double quotes\""),
            (r#"x{h="{{hash}}",n=`{{name}}`}"#, 18, "must stand in \"double quotes\""),
            (r#"x{h="{{hsah}}"}"#, 5, "no place {{hsah}}"),
            (r#"x{h="{{hash"}"#, 5, "without"),
            ("sum(rate(x[{{window}}]))", 0, "{{hash}} is missing"),
            ("", 0, "{{hash}} is missing"),
        ] {
            let mistake = Template::parse(template).unwrap_err();
            assert_eq!(mistake.at, at, "{template}");
            assert!(mistake.what.contains(what), "{}", mistake.what);
        }
    }

    #[test]
    fn durations_are_written_as_promql_reads_them() {
        assert_eq!(duration(Duration::from_millis(1_500)), "1500ms");
        assert_eq!(duration(Duration::from_hours(1)), "3600s");
    }

    proptest! {
        #[test]
        fn no_name_can_change_the_question(name in any::<String>()) {
            let question = filled(r#"up{a="{{name}}",b=~"{{name}}",h="{{hash}}"}"#, &name);
            let parsed = promql_parser::parser::parse(&question);
            let Ok(promql_parser::parser::Expr::VectorSelector(selector)) = parsed else {
                return Err(TestCaseError::fail(format!("{question}: {parsed:?}")));
            };
            let value = selector.matchers.find_matchers("a").remove(0).value;
            prop_assert_eq!(value, name.clone());
            prop_assert_eq!(selector.matchers.matchers.len(), 3);
            let promql_parser::label::MatchOp::Re(regex) =
                selector.matchers.find_matchers("b").remove(0).op else {
                return Err(TestCaseError::fail("no regular expression"));
            };
            prop_assert!(regex.is_match(&name), "{} {:?}", question, name);
        }

        #[test]
        fn reading_a_template_never_panics(text in r#"[{}a-z"'`\\#=~\n é]{0,40}"#) {
            let _ = Template::parse(&text);
        }
    }
}
