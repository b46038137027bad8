//! What fields a kind has and of which type: enough to prune what is unknown and to refuse what is
//! wrong.
//!
//! A shape is written as `{name:shape,…}` (`name!` is required), `[shape]`, `<shape>` for a map of
//! any keys, `int`, `num`, `bool`, `str`, `time`, `intstr`, `*` for anything, `@part` for a shared
//! part.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::Value;

use super::kind::Kind;
use super::schema_shapes as shapes;
use super::status::Cause;

/// The shape of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Anything.
    Any,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// A text.
    Text,
    /// A time in RFC 3339.
    Time,
    /// A whole number or a text: `25%`.
    IntegerOrText,
    /// A list.
    List(Box<Shape>),
    /// An object with any keys.
    Map(Box<Shape>),
    /// An object with these fields.
    Fields(Vec<Field>),
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    name: &'static str,
    need: Need,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Optional,
    Required,
}

/// The shape of objects of a kind; `apiVersion`, `kind` and `metadata` are not part of it.
#[must_use]
pub fn of(kind: Kind) -> Option<&'static Shape> {
    static PARSED: OnceLock<HashMap<Kind, Shape>> = OnceLock::new();
    PARSED.get_or_init(|| sources().map(|(kind, text)| (kind, parse(text))).collect()).get(&kind)
}

/// The shape of `Scale`.
#[must_use]
pub fn scale() -> &'static Shape {
    static PARSED: OnceLock<Shape> = OnceLock::new();
    PARSED.get_or_init(|| parse(shapes::SCALE))
}

fn sources() -> impl Iterator<Item = (Kind, &'static str)> {
    [
        (Kind::Rollout, shapes::ROLLOUT),
        (Kind::AnalysisRun, shapes::ANALYSIS_RUN),
        (Kind::AnalysisTemplate, shapes::ANALYSIS_TEMPLATE),
        (Kind::ClusterAnalysisTemplate, shapes::ANALYSIS_TEMPLATE),
        (Kind::Experiment, shapes::EXPERIMENT),
        (Kind::Deployment, shapes::DEPLOYMENT),
        (Kind::ReplicaSet, shapes::REPLICA_SET),
        (Kind::StatefulSet, shapes::STATEFUL_SET),
        (Kind::DaemonSet, shapes::DAEMON_SET),
        (Kind::ConfigMap, shapes::CONFIG_MAP),
        (Kind::Event, shapes::EVENT),
        (Kind::Lease, shapes::LEASE),
    ]
    .into_iter()
}

impl Shape {
    /// Takes away every field the shape does not know and notes its path.
    pub fn prune(&self, value: &mut Value, path: &str, unknown: &mut Vec<String>) {
        match (self, value) {
            (Self::Fields(fields), Value::Object(object)) => {
                let strange: Vec<String> = object
                    .keys()
                    .filter(|key| fields.iter().all(|field| field.name != key.as_str()))
                    .filter(|key| !path.is_empty() || !GENERAL.contains(&key.as_str()))
                    .cloned()
                    .collect();
                for key in strange {
                    object.shift_remove(&key);
                    unknown.push(join(path, &key));
                }
                for field in fields {
                    if let Some(inner) = object.get_mut(field.name) {
                        field.shape.prune(inner, &join(path, field.name), unknown);
                    }
                }
            }
            (Self::Map(shape), Value::Object(object)) => {
                for (key, inner) in object {
                    shape.prune(inner, &join(path, key), unknown);
                }
            }
            (Self::List(shape), Value::Array(items)) => {
                for (index, inner) in items.iter_mut().enumerate() {
                    shape.prune(inner, &format!("{path}[{index}]"), unknown);
                }
            }
            // What has the wrong type is noticed by `wrong`.
            (_, _) => {}
        }
    }

    /// Notes every value of a wrong type and every required field that is missing.
    pub fn wrong(&self, value: &Value, path: &str, causes: &mut Vec<Cause>) {
        match (self, value) {
            (Self::Fields(fields), Value::Object(object)) => {
                for field in fields {
                    let path = join(path, field.name);
                    match object.get(field.name) {
                        Some(inner) => field.shape.wrong(inner, &path, causes),
                        None if field.need == Need::Required => causes.push(Cause {
                            reason: "FieldValueRequired",
                            message: "Required value".into(),
                            field: path,
                        }),
                        None => {}
                    }
                }
            }
            (Self::Map(shape), Value::Object(object)) => {
                for (key, inner) in object {
                    shape.wrong(inner, &join(path, key), causes);
                }
            }
            (Self::List(shape), Value::Array(items)) => {
                for (index, inner) in items.iter().enumerate() {
                    shape.wrong(inner, &format!("{path}[{index}]"), causes);
                }
            }
            (shape, value) if shape.takes(value) => {}
            (shape, value) => causes.push(mismatch(shape, value, path)),
        }
    }

    fn takes(&self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Integer => is_integer(value),
            Self::Number => value.is_number(),
            Self::Bool => value.is_boolean(),
            Self::Text | Self::Time => value.is_string(),
            Self::IntegerOrText => value.is_string() || is_integer(value),
            Self::List(_) => value.is_array(),
            Self::Map(_) | Self::Fields(_) => value.is_object(),
        }
    }

    /// The name of its type in messages.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Any | Self::Map(_) | Self::Fields(_) => "object",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Bool => "boolean",
            Self::Text | Self::Time => "string",
            Self::IntegerOrText => "integer,string",
            Self::List(_) => "array",
        }
    }

    /// The name of its type in Go, which messages of built-in kinds carry.
    #[must_use]
    pub const fn go_word(&self) -> &'static str {
        match self {
            Self::Any | Self::Map(_) | Self::Fields(_) => "map[string]interface {}",
            Self::Integer => "int32",
            Self::Number => "float64",
            Self::Bool => "bool",
            Self::Text => "string",
            Self::Time => "time.Time",
            Self::IntegerOrText => "intstr.IntOrString",
            Self::List(_) => "[]interface {}",
        }
    }

    /// The first value of a wrong type: its path, its shape, and itself.
    #[must_use]
    pub fn first_wrong<'a>(
        &'a self,
        value: &'a Value,
        path: &str,
    ) -> Option<(String, &'a Self, &'a Value)> {
        match (self, value) {
            // Built-in kinds take null for "not set".
            (_, Value::Null) => None,
            (Self::Fields(fields), Value::Object(object)) => fields.iter().find_map(|field| {
                let inner = object.get(field.name)?;
                field.shape.first_wrong(inner, &join(path, field.name))
            }),
            (Self::Map(shape), Value::Object(object)) => object
                .iter()
                // Go names the map and not the key.
                .find_map(|(_, inner)| shape.first_wrong(inner, path)),
            (Self::List(shape), Value::Array(items)) => {
                items.iter().find_map(|inner| shape.first_wrong(inner, path))
            }
            (shape, value) if shape.takes(value) => None,
            (shape, value) => Some((path.to_owned(), shape, value)),
        }
    }
}

const GENERAL: [&str; 3] = ["apiVersion", "kind", "metadata"];

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64()
}

/// The name of a JSON value's type in messages.
#[must_use]
pub fn word_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) if is_integer(value) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn mismatch(shape: &Shape, value: &Value, path: &str) -> Cause {
    let (found, expected) = (word_of(value), shape.word());
    Cause {
        reason: "FieldValueTypeInvalid",
        message: format!(
            "Invalid value: \"{found}\": {path} in body must be of type {expected}: \"{found}\""
        ),
        field: path.to_owned(),
    }
}

fn parse(text: &'static str) -> Shape {
    shape(&mut Reader { text })
}

struct Reader {
    text: &'static str,
}

impl Reader {
    fn eat(&mut self, sign: char) -> bool {
        self.text = self.text.trim_start();
        let rest = self.text.strip_prefix(sign);
        self.text = rest.unwrap_or(self.text);
        rest.is_some()
    }

    fn word(&mut self) -> &'static str {
        self.text = self.text.trim_start();
        let end = self.text.find(|c: char| !c.is_alphanumeric()).unwrap_or(self.text.len());
        let (word, rest) = self.text.split_at(end);
        self.text = rest;
        word
    }
}

fn shape(reader: &mut Reader) -> Shape {
    if reader.eat('{') {
        let mut fields = Vec::new();
        while !reader.eat('}') && !reader.text.is_empty() {
            let name = reader.word();
            let need = if reader.eat('!') { Need::Required } else { Need::Optional };
            reader.eat(':');
            fields.push(Field { name, need, shape: shape(reader) });
            reader.eat(',');
        }
        return Shape::Fields(fields);
    }
    if reader.eat('[') {
        let inner = shape(reader);
        reader.eat(']');
        return Shape::List(Box::new(inner));
    }
    if reader.eat('<') {
        let inner = shape(reader);
        reader.eat('>');
        return Shape::Map(Box::new(inner));
    }
    if reader.eat('@') {
        let name = reader.word();
        let part = shapes::PARTS.iter().find(|(part, _)| *part == name);
        return part.map_or(Shape::Any, |(_, text)| parse(text));
    }
    if reader.eat('*') {
        return Shape::Any;
    }
    match reader.word() {
        "int" => Shape::Integer,
        "num" => Shape::Number,
        "bool" => Shape::Bool,
        "str" => Shape::Text,
        "time" => Shape::Time,
        "intstr" => Shape::IntegerOrText,
        _ => Shape::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_shape_is_read_to_its_end() {
        for (kind, text) in sources() {
            let mut reader = Reader { text };
            shape(&mut reader);
            assert_eq!(reader.text, "", "{kind:?}");
        }
        for (name, text) in shapes::PARTS {
            let mut reader = Reader { text };
            shape(&mut reader);
            assert_eq!(reader.text, "", "{name}");
        }
    }

    #[test]
    fn unknown_fields_are_pruned_and_named() {
        let mut rollout = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": "web", "anything": 1},
            "spec": {
                "pausedd": true,
                "template": {"spec": {"whatever": 1}},
                "strategy": {"canary": {"steps": [{"setWeight": 5, "x": 1}]}},
            },
            "status": {"q": 1},
            "extra": 1,
        });
        let mut unknown = Vec::new();
        of(Kind::Rollout).unwrap().prune(&mut rollout, "", &mut unknown);
        let expected = ["extra", "spec.pausedd", "spec.strategy.canary.steps[0].x", "status.q"];
        assert_eq!(unknown, expected);
        assert_eq!(rollout["spec"]["strategy"]["canary"]["steps"][0], json!({"setWeight": 5}));
        assert_eq!(rollout["spec"]["template"]["spec"]["whatever"], 1);
    }

    #[test]
    fn wrong_types_and_missing_fields_are_named_with_both_types() {
        let rollout = json!({
            "spec": {"paused": "yes", "strategy": {"canary": {"maxSurge": "25%"}}},
            "status": {"abort": false, "pauseConditions": [{"reason": "x"}], "message": 3},
        });
        let mut causes = Vec::new();
        of(Kind::Rollout).unwrap().wrong(&rollout, "", &mut causes);
        let told: Vec<(&str, &str)> =
            causes.iter().map(|cause| (cause.field.as_str(), cause.message.as_str())).collect();
        let expected = [
            (
                "spec.paused",
                "Invalid value: \"string\": spec.paused in body must be of type boolean: \
                 \"string\"",
            ),
            (
                "status.message",
                "Invalid value: \"integer\": status.message in body must be of type string: \
                 \"integer\"",
            ),
            ("status.pauseConditions[0].startTime", "Required value"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn the_first_wrong_value_of_a_built_in_kind_is_found() {
        let deployment = json!({"spec": {"replicas": null, "paused": "yes"}});
        let (path, shape, value) =
            of(Kind::Deployment).unwrap().first_wrong(&deployment, "").unwrap();
        assert_eq!((path.as_str(), shape.go_word()), ("spec.paused", "bool"));
        assert_eq!(value, "yes");
        assert_eq!(of(Kind::Node), None);
    }
}
