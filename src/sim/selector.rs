//! Label and field selectors as the API server reads them.

use serde_json::Value;

use super::kind::{Kind, Origin, Scope};
use super::object::meta;

/// A label selector: every requirement must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operator {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

/// A field selector: every requirement must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, Sense, String)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sense {
    Equal,
    Different,
}

impl Labels {
    /// Reads a selector: `a=b,c!=d,e in (f,g),h,!i`.
    ///
    /// # Errors
    /// What is wrong, in the API server's words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut words = Words::of(text);
        let mut all = Vec::new();
        if words.peek().is_empty() {
            return Ok(Self::default());
        }
        loop {
            all.push(requirement(&mut words)?);
            match words.next() {
                "" => return Ok(Self(all)),
                "," if !words.peek().is_empty() => {}
                "," => return Err("found '', expected: identifier after ','".into()),
                other => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
            }
        }
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object is selected.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        let labels = meta(object, "labels");
        self.0.iter().all(|each| {
            let value = labels.and_then(|labels| labels.get(&each.key)).and_then(Value::as_str);
            each.operator.accepts(value)
        })
    }
}

impl Operator {
    fn accepts(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
            Self::In(set) => value.is_some_and(|value| set.iter().any(|each| each == value)),
            // An object without the label is not in the set.
            Self::NotIn(set) => value.is_none_or(|value| set.iter().all(|each| each != value)),
            Self::Above(limit) => number().is_some_and(|number| number > *limit),
            Self::Below(limit) => number().is_some_and(|number| number < *limit),
        }
    }
}

fn requirement(words: &mut Words<'_>) -> Result<Requirement, String> {
    let wrong = |told: String| format!("unable to parse requirement: {told}");
    if words.peek() == "!" {
        words.next();
        let key = words.next().to_owned();
        is_key(&key).map_err(wrong)?;
        return Ok(Requirement { key, operator: Operator::Absent });
    }
    let key = words.next().to_owned();
    is_key(&key).map_err(wrong)?;
    let operator = match words.peek() {
        "" | "," => return Ok(Requirement { key, operator: Operator::Exists }),
        operator => operator,
    };
    words.next();
    let operator = match operator {
        "in" => Operator::In(set(words).map_err(wrong)?),
        "notin" => Operator::NotIn(set(words).map_err(wrong)?),
        "=" | "==" => Operator::In(vec![exact(words).map_err(wrong)?]),
        "!=" => Operator::NotIn(vec![exact(words).map_err(wrong)?]),
        ">" | "<" => {
            let text = exact(words).map_err(wrong)?;
            let limit = text.parse().map_err(|_| {
                wrong(format!(
                    "values[0][{key}]: Invalid value: \"{text}\": for 'Gt', 'Lt' operators, the \
                     value must be an integer"
                ))
            })?;
            if operator == ">" { Operator::Above(limit) } else { Operator::Below(limit) }
        }
        other => {
            return Err(wrong(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")));
        }
    };
    Ok(Requirement { key, operator })
}

fn exact(words: &mut Words<'_>) -> Result<String, String> {
    match words.peek() {
        "" | "," => Ok(String::new()),
        word if is_word(word) => {
            let value = words.next().to_owned();
            is_value(&value)?;
            Ok(value)
        }
        other => Err(format!("found '{other}', expected: identifier")),
    }
}

fn set(words: &mut Words<'_>) -> Result<Vec<String>, String> {
    match words.next() {
        "(" => {}
        other => return Err(format!("found '{other}' expected: '('")),
    }
    let mut values = Vec::new();
    loop {
        match words.peek() {
            // "(a,)" and "()" hold an empty value.
            "," | ")" => values.push(String::new()),
            word if is_word(word) => {
                let value = words.next().to_owned();
                is_value(&value)?;
                values.push(value);
            }
            other => return Err(format!("found '{other}', expected: ',' or ')'")),
        }
        match words.next() {
            "," => {}
            ")" => return Ok(values),
            other => return Err(format!("found '{other}', expected: ',' or ')'")),
        }
    }
}

fn is_key(key: &str) -> Result<(), String> {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    let fits = is_label(name) && !name.is_empty() && key.len() <= 316;
    fits.then_some(()).ok_or_else(|| {
        format!("key: Invalid value: \"{key}\": name part must consist of alphanumeric characters")
    })
}

fn is_value(value: &str) -> Result<(), String> {
    is_label(value).then_some(()).ok_or_else(|| {
        format!("values[0]: Invalid value: \"{value}\": a valid label must be alphanumeric")
    })
}

/// Whether a text can be a label's value.
#[must_use]
pub fn is_label(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && edge(text.chars().next())
        && edge(text.chars().last())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn is_word(word: &str) -> bool {
    !word.is_empty() && !matches!(word, "(" | ")" | "," | "!" | "=" | "==" | "!=" | "<" | ">")
}

/// The words and signs of a label selector; the end is an empty one.
struct Words<'a> {
    rest: &'a str,
    ahead: &'a str,
}

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
        let mut words = Self { rest: text, ahead: "" };
        words.next();
        words
    }

    fn peek(&self) -> &'a str {
        self.ahead
    }

    fn next(&mut self) -> &'a str {
        let word = self.ahead;
        self.rest = self.rest.trim_start();
        let signs = ["==", "!=", "=", "!", "(", ")", ",", "<", ">"];
        let length = signs.iter().find(|sign| self.rest.starts_with(**sign)).map_or_else(
            || {
                let end = |c: char| c.is_whitespace() || "=!(),<>".contains(c);
                self.rest.find(end).unwrap_or(self.rest.len())
            },
            |sign| sign.len(),
        );
        (self.ahead, self.rest) = self.rest.split_at(length);
        word
    }
}

impl Fields {
    /// Reads a selector for objects of a kind: `metadata.name=web,status.phase!=Running`.
    ///
    /// # Errors
    /// What is wrong, in the API server's words.
    pub fn parse(text: &str, kind: Kind) -> Result<Self, String> {
        let mut all = Vec::new();
        for term in terms(text).into_iter().filter(|term| !term.is_empty()) {
            let (field, sense, value) = split(&term)
                .ok_or_else(|| format!("invalid selector: '{text}'; can't understand '{term}'"))?;
            known(kind, &field)?;
            all.push((field, sense, value));
        }
        Ok(Self(all))
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object is selected.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(field, sense, wanted)| {
            let is_equal = field_of(object, field) == *wanted;
            match sense {
                Sense::Equal => is_equal,
                Sense::Different => !is_equal,
            }
        })
    }
}

/// Cuts at commas that are not escaped.
fn terms(text: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        match c {
            ',' if !escaped => terms.push(String::new()),
            c => terms.last_mut().into_iter().for_each(|term| term.push(c)),
        }
        escaped = c == '\\' && !escaped;
    }
    terms
}

fn split(term: &str) -> Option<(String, Sense, String)> {
    let (at, sign, sense) = [("!=", Sense::Different), ("==", Sense::Equal), ("=", Sense::Equal)]
        .into_iter()
        .filter_map(|(sign, sense)| Some((term.find(sign)?, sign, sense)))
        .min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())))?;
    let value = term.get(at + sign.len()..)?.replace("\\,", ",").replace("\\=", "=");
    Some((term.get(..at)?.to_owned(), sense, value.replace("\\\\", "\\")))
}

fn known(kind: Kind, field: &str) -> Result<(), String> {
    let facts = kind.facts();
    let own: Option<&[&str]> = match kind {
        Kind::Pod => Some(&[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ]),
        Kind::Event => Some(&[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ]),
        Kind::Node => Some(&["spec.unschedulable"]),
        Kind::Namespace => Some(&["status.phase", "name"]),
        Kind::Job => Some(&["status.successful"]),
        Kind::Service => Some(&["spec.clusterIP", "spec.type"]),
        Kind::ConfigMap
        | Kind::ControllerRevision
        | Kind::DaemonSet
        | Kind::Deployment
        | Kind::ReplicaSet
        | Kind::StatefulSet
        | Kind::Lease
        | Kind::Ingress
        | Kind::AnalysisRun
        | Kind::AnalysisTemplate
        | Kind::ClusterAnalysisTemplate
        | Kind::Rollout
        | Kind::Experiment
        | Kind::Canary
        | Kind::HttpRoute => None,
    };
    let is_general = field == "metadata.name"
        || field == "metadata.namespace" && facts.scope == Scope::Namespaced;
    if is_general || own.is_some_and(|own| own.contains(&field)) {
        return Ok(());
    }
    Err(match (own, facts.origin) {
        (None, Origin::BuiltIn) => format!(
            "\"{field}\" is not a known field selector: only \"metadata.name\", \
             \"metadata.namespace\""
        ),
        (Some(_), _) | (None, Origin::Custom) => format!("field label not supported: {field}"),
    })
}

fn field_of(object: &Value, field: &str) -> String {
    let field = match field {
        // An event's source is its component, under either of its two names.
        "source" => "source.component",
        "name" => "metadata.name",
        "status.successful" => "status.succeeded",
        field => field,
    };
    let found = field.split('.').try_fold(object, |value, part| value.get(part));
    match found {
        None | Some(Value::Null) => match field {
            "spec.unschedulable" | "spec.hostNetwork" => "false".into(),
            _ => String::new(),
        },
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_are_selected_by_equality_and_by_set() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front", "n": "5"}}});
        let table = [
            ("", true),
            ("app=web", true),
            ("app==web,tier=front", true),
            ("app=web,tier=back", false),
            ("app!=web", false),
            ("other!=x", true),
            ("app in (web, api)", true),
            ("app notin (web,api)", false),
            ("other notin (x)", true),
            ("app", true),
            ("!app", false),
            ("!other", true),
            ("n>4,n<6", true),
            ("n>5", false),
            ("app>4", false),
            ("other=", false),
            ("app in ()", false),
        ];
        for (text, expected) in table {
            assert_eq!(Labels::parse(text).unwrap().matches(&object), expected, "{text}");
        }
    }

    #[test]
    fn a_broken_label_selector_is_told_as_the_api_server_tells_it() {
        let table = [
            ("a==b==c", "found '==', expected: ',' or 'end of string'"),
            ("a in b", "unable to parse requirement: found 'b' expected: '('"),
            ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
            ("a,", "found '', expected: identifier after ','"),
        ];
        for (text, expected) in table {
            assert_eq!(Labels::parse(text).unwrap_err(), expected, "{text}");
        }
        for text in ["=", "a b", ",", "a>b", "!", "-a", "a in (-)", "é=1"] {
            assert!(Labels::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn fields_are_selected_where_the_kind_has_them() {
        let pod = json!({
            "metadata": {"name": "web-1", "namespace": "shop"},
            "spec": {"nodeName": "a"},
            "status": {"phase": "Running"},
        });
        let table = [
            ("metadata.name=web-1", true),
            ("metadata.name==web-1,spec.nodeName=a", true),
            ("status.phase!=Running", false),
            ("status.phase!=Failed", true),
            ("spec.hostNetwork=false", true),
            ("spec.schedulerName=", true),
        ];
        for (text, expected) in table {
            assert_eq!(Fields::parse(text, Kind::Pod).unwrap().matches(&pod), expected, "{text}");
        }
        let event = json!({"involvedObject": {"name": "a=b,c"}, "source": {"component": "x"}});
        for text in ["involvedObject.name=a\\=b\\,c", "source=x", "involvedObject.uid="] {
            assert!(Fields::parse(text, Kind::Event).unwrap().matches(&event), "{text}");
        }
    }

    #[test]
    fn an_unknown_field_is_refused_in_the_words_of_its_kind() {
        let table = [
            (Kind::Rollout, "spec.paused=true", "field label not supported: spec.paused"),
            (Kind::Pod, "spec.foo=true", "field label not supported: spec.foo"),
            (
                Kind::Deployment,
                "status.foo=true",
                "\"status.foo\" is not a known field selector: only \"metadata.name\", \
                 \"metadata.namespace\"",
            ),
            (Kind::Event, "foo", "invalid selector: 'foo'; can't understand 'foo'"),
        ];
        for (kind, text, expected) in table {
            assert_eq!(Fields::parse(text, kind).unwrap_err(), expected);
        }
        assert!(Fields::parse("metadata.namespace=x", Kind::Node).is_err());
    }
}
