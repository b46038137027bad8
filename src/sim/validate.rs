//! What an object must be like to be stored, and what the API server says otherwise.

use serde_json::{Value, json};

use super::kind::{Kind, Origin};
use super::object::{meta, text};
use super::schema;
use super::selector::is_label;
use super::status::{Cause, Status};

/// All annotations of an object together.
const ANNOTATION_BYTES_MAX: usize = 262_144;

/// Which part of an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The object itself.
    Main,
    /// Its `/status`.
    Status,
}

/// What cannot even be read: labels that are no texts, and wrong types in built-in kinds. Go's own
/// words.
///
/// # Errors
/// Why it cannot be read.
pub fn readable(kind: Kind, object: &Value) -> Result<(), String> {
    readable_metadata(object)?;
    let facts = kind.facts();
    let shape = schema::of(kind).filter(|_| facts.origin == Origin::BuiltIn);
    match shape.and_then(|shape| shape.first_wrong(object, "")) {
        None => Ok(()),
        Some((path, shape, value)) => Err(wrong_type(facts.kind, &path, shape, value)),
    }
}

/// The part of it that concerns every object.
///
/// # Errors
/// Why it cannot be read.
pub fn readable_metadata(object: &Value) -> Result<(), String> {
    for field in ["labels", "annotations"] {
        match meta(object, field) {
            None | Some(Value::Null) => {}
            Some(Value::Object(pairs)) => {
                if let Some(odd) =
                    pairs.values().find(|value| !value.is_string() && !value.is_null())
                {
                    let word = super::patch::go_word(odd);
                    return Err(format!(
                        "json: cannot unmarshal {word} into Go struct field \
                         ObjectMeta.metadata.{field} of type string"
                    ));
                }
            }
            Some(other) => {
                let word = super::patch::go_word(other);
                return Err(format!(
                    "json: cannot unmarshal {word} into Go struct field ObjectMeta.metadata.{field} \
                     of type map[string]string"
                ));
            }
        }
    }
    if object.get("metadata").is_some_and(|metadata| !metadata.is_object() && !metadata.is_null()) {
        return Err("json: cannot unmarshal into Go struct field ObjectMeta.metadata".into());
    }
    for field in ["name", "generateName", "namespace", "uid", "resourceVersion"] {
        match meta(object, field) {
            None | Some(Value::Null | Value::String(_)) => {}
            Some(odd) => {
                let word = super::patch::go_word(odd);
                return Err(format!(
                    "json: cannot unmarshal {word} into Go struct field ObjectMeta.metadata.{field} \
                     of type string"
                ));
            }
        }
    }
    Ok(())
}

/// A value of a wrong type in Go's words.
#[must_use]
pub fn wrong_type(kind: &str, path: &str, shape: &schema::Shape, value: &Value) -> String {
    let section = match path.split('.').next() {
        Some("spec") => "Spec",
        Some("status") => "Status",
        _ => "",
    };
    format!(
        "json: cannot unmarshal {} into Go struct field {kind}{section}.{path} of type {}",
        super::patch::go_word(value),
        shape.go_word()
    )
}

/// Whether an object may be stored in place of another (`None`: as a new one).
///
/// # Errors
/// 422 with every cause.
pub fn valid(kind: Kind, object: &Value, old: Option<&Value>, part: Part) -> Result<(), Status> {
    let mut causes = Vec::new();
    labels(object, &mut causes);
    annotations(object, &mut causes);
    match kind.facts().origin {
        Origin::Custom => custom(kind, object, old, part, &mut causes),
        Origin::BuiltIn => built_in(kind, object, old, &mut causes),
    }
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Status::invalid(kind, &text(object, "name"), &causes))
    }
}

/// Takes away what Go leaves out when it writes a built-in kind: false, zero and null that say
/// nothing.
pub fn leave_out_zeros(kind: Kind, object: &mut Value) {
    if kind.facts().origin == Origin::Custom {
        return;
    }
    let zeros = [("paused", Value::Bool(false)), ("minReadySeconds", 0.into())];
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
    spec.retain(|_, value| !value.is_null());
    for (field, zero) in zeros {
        if spec.get(field) == Some(&zero) {
            spec.shift_remove(field);
        }
    }
}

/// Whether a name can be an object's.
///
/// # Errors
/// 422.
pub fn valid_name(kind: Kind, name: &str) -> Result<(), Status> {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label = |part: &str| {
        part.starts_with(edge) && part.ends_with(edge) && part.chars().all(|c| edge(c) || c == '-')
    };
    if name.len() <= 253 && name.split('.').all(label) {
        return Ok(());
    }
    let message = format!(
        "Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case \
         alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
    );
    let cause = Cause { reason: "FieldValueInvalid", message, field: "metadata.name".into() };
    Err(Status::invalid(kind, name, &[cause]))
}

fn labels(object: &Value, causes: &mut Vec<Cause>) {
    let pairs = meta(object, "labels").and_then(Value::as_object);
    for (key, value) in pairs.into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        if !is_label(value) {
            causes.push(bad_word(
                "metadata.labels",
                value,
                "a valid label must be an empty string or",
            ));
        }
        if !is_key(key) {
            causes.push(bad_word("metadata.labels", key, "name part must"));
        }
    }
}

fn annotations(object: &Value, causes: &mut Vec<Cause>) {
    let Some(pairs) = meta(object, "annotations").and_then(Value::as_object) else { return };
    for key in pairs.keys().filter(|key| !is_key(key)) {
        causes.push(bad_word("metadata.annotations", key, "name part must"));
    }
    let bytes: usize =
        pairs.iter().map(|(key, value)| key.len() + value.as_str().map_or(0, str::len)).sum();
    if bytes > ANNOTATION_BYTES_MAX {
        causes.push(Cause {
            reason: "FieldValueTooLong",
            message: format!("Too long: may not be more than {ANNOTATION_BYTES_MAX} bytes"),
            field: "metadata.annotations".into(),
        });
    }
}

fn is_key(key: &str) -> bool {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    !name.is_empty() && is_label(name)
}

fn bad_word(field: &str, word: &str, rule: &str) -> Cause {
    Cause {
        reason: "FieldValueInvalid",
        message: format!(
            "Invalid value: \"{word}\": {rule} consist of alphanumeric characters, '-', '_' or '.', \
             and must start and end with an alphanumeric character"
        ),
        field: field.into(),
    }
}

fn custom(kind: Kind, object: &Value, old: Option<&Value>, part: Part, causes: &mut Vec<Cause>) {
    let mut wrong = Vec::new();
    if let Some(shape) = schema::of(kind) {
        shape.wrong(object, "", &mut wrong);
    }
    if part == Part::Status {
        // The handler of `/status` looks at nothing else, and names fields from there.
        wrong.retain(|cause| cause.field.starts_with("status"));
        for cause in &mut wrong {
            let short = cause.field.trim_start_matches("status.").to_owned();
            cause.message = cause
                .message
                .replace(&format!("{} in body", cause.field), &format!("{short} in body"));
        }
    }
    let replicas = object.pointer("/spec/replicas");
    let counts = kind.facts().has("scale");
    match replicas.filter(|_| counts) {
        Some(Value::Number(number)) if number.as_i64().is_some_and(|number| number < 0) => {
            wrong.push(Cause {
                reason: "FieldValueInvalid",
                message: format!("Invalid value: {number}: should be a non-negative integer"),
                field: ".spec.replicas".into(),
            });
        }
        Some(_) | None => {}
    }
    let selector = |object: &Value| object.pointer("/spec/selector").cloned();
    if let (Kind::Rollout, Some(Some(before))) = (kind, old.map(selector))
        && wrong.is_empty()
        && selector(object) != Some(before)
    {
        wrong.push(Cause {
            reason: "FieldValueInvalid",
            message: "Invalid value: .spec.selector is immutable".into(),
            field: "spec.selector".into(),
        });
    }
    let is_shapeless = wrong.iter().any(|cause| cause.field != ".spec.replicas")
        && wrong.iter().all(|cause| cause.field != "spec.selector");
    causes.append(&mut wrong);
    if is_shapeless {
        causes.push(Cause {
            reason: "FieldValueInvalid",
            message:
                "Invalid value: null: some validation rules were not checked because the object \
                      was invalid; correct the existing errors to complete validation"
                    .into(),
            field: "<nil>".into(),
        });
    }
}

fn built_in(kind: Kind, object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let invalid = |field: &str, message: String| Cause {
        reason: "FieldValueInvalid",
        message,
        field: field.into(),
    };
    let replicas = object.pointer("/spec/replicas").and_then(Value::as_i64);
    if let Some(number) = replicas.filter(|number| *number < 0) {
        let told = format!("Invalid value: {number}: must be greater than or equal to 0");
        causes.push(invalid("spec.replicas", told));
    }
    let selects =
        matches!(kind, Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet);
    if selects {
        let labels = object.pointer("/spec/template/metadata/labels").cloned().unwrap_or_default();
        let wanted = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
        let fits = wanted
            .is_none_or(|wanted| wanted.iter().all(|(key, value)| labels.get(key) == Some(value)));
        if !fits {
            let told =
                format!("Invalid value: {labels}: `selector` does not match template `labels`");
            causes.push(invalid("spec.template.metadata.labels", told));
        }
        let selector = |object: &Value| object.pointer("/spec/selector").cloned();
        if let Some(Some(_)) = old.map(selector).filter(|before| *before != selector(object)) {
            let selector = selector(object).unwrap_or_else(|| json!({}));
            let told = format!("Invalid value: {selector}: field is immutable");
            causes.push(invalid("spec.selector", told));
        }
    }
    if let (Kind::Pod, Some(old)) = (kind, old)
        && fixed_spec(old) != fixed_spec(object)
    {
        causes.push(Cause {
            reason: "FieldValueForbidden",
            message: "Forbidden: pod updates may not change fields other than \
                      `spec.containers[*].image`,`spec.initContainers[*].image`,\
                      `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
                      tolerations),`spec.terminationGracePeriodSeconds`"
                .into(),
            field: "spec".into(),
        });
    }
    if kind == Kind::Event {
        let about = object.pointer("/involvedObject/namespace").and_then(Value::as_str);
        let home = text(object, "namespace");
        match about {
            Some(about) if about != home => causes.push(invalid(
                "involvedObject.namespace",
                format!("Invalid value: \"{about}\": does not match event.namespace"),
            )),
            Some(_) | None => {}
        }
    }
}

/// The part of a pod's spec that cannot change once it exists.
fn fixed_spec(pod: &Value) -> Value {
    let mut spec = pod.get("spec").cloned().unwrap_or_default();
    for list in ["containers", "initContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
            container.shift_remove("image");
        }
    }
    if let Some(fields) = spec.as_object_mut() {
        for field in ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"] {
            fields.shift_remove(field);
        }
    }
    spec
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(kind: Kind, object: &Value, old: Option<&Value>, part: Part) -> Vec<String> {
        let Err(status) = valid(kind, object, old, part) else { return Vec::new() };
        let causes = status.to_value()["details"]["causes"].clone();
        let causes = causes.as_array().unwrap().clone();
        causes.iter().map(|cause| cause["field"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn every_cause_is_named_by_its_field() {
        let rollout = |spec: Value, status: Value| json!({"spec": spec, "status": status});
        let table = [
            (
                rollout(json!({}), json!({"abort": "yes"})),
                Part::Status,
                vec!["status.abort", "<nil>"],
            ),
            (
                rollout(json!({"paused": 1}), json!({"abort": "yes"})),
                Part::Status,
                vec!["status.abort", "<nil>"],
            ),
            (rollout(json!({"replicas": -1}), json!({})), Part::Main, vec![".spec.replicas"]),
            (json!({}), Part::Main, vec!["spec", "<nil>"]),
            (rollout(json!({}), json!({"abort": true})), Part::Status, vec![]),
        ];
        for (object, part, expected) in table {
            assert_eq!(fields(Kind::Rollout, &object, None, part), expected, "{object}");
        }
        let labels = json!({"metadata": {"labels": {"a": "b c"}, "annotations": {"a b": "x"}}});
        let expected = ["metadata.labels", "metadata.annotations"];
        assert_eq!(fields(Kind::ConfigMap, &labels, None, Part::Main), expected);
        let long = json!({"metadata": {"annotations": {"a": "x".repeat(300_000)}}});
        assert_eq!(fields(Kind::ConfigMap, &long, None, Part::Main), ["metadata.annotations"]);
    }

    #[test]
    fn what_never_changes_may_not_change() {
        let with = |app: &str| {
            json!({"spec": {
                "selector": {"matchLabels": {"app": app}},
                "template": {"metadata": {"labels": {"app": "web"}}},
            }})
        };
        let (old, new) = (with("web"), with("other"));
        let expected = ["spec.template.metadata.labels", "spec.selector"];
        assert_eq!(fields(Kind::Deployment, &new, Some(&old), Part::Main), expected);
        assert_eq!(fields(Kind::Rollout, &new, Some(&old), Part::Main), ["spec.selector"]);
        assert_eq!(fields(Kind::Deployment, &old, Some(&old), Part::Main), Vec::<String>::new());
    }

    #[test]
    fn what_go_cannot_read_is_told_in_its_words() {
        let table = [
            (Kind::ConfigMap, json!({"metadata": {"labels": {"a": 1}}}), "cannot unmarshal number"),
            (Kind::Rollout, json!({"metadata": {"annotations": []}}), "cannot unmarshal array"),
            (Kind::Pod, json!({"metadata": 3}), "ObjectMeta.metadata"),
            (
                Kind::Deployment,
                json!({"spec": {"paused": "yes"}}),
                "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of \
                 type bool",
            ),
        ];
        for (kind, object, expected) in table {
            let told = readable(kind, &object).unwrap_err();
            assert!(told.contains(expected), "{told}");
        }
        // Definitions are checked later and tell every cause.
        assert_eq!(readable(Kind::Rollout, &json!({"spec": {"paused": "yes"}})), Ok(()));
    }

    #[test]
    fn names_are_dns_subdomains() {
        for name in ["web", "web-1", "a.b", "0"] {
            assert_eq!(valid_name(Kind::Pod, name), Ok(()), "{name}");
        }
        for name in ["", "Web", "a_b", "-a", "a-", "a..b", "ä", &"a".repeat(254)] {
            assert_eq!(valid_name(Kind::Pod, name).unwrap_err().code, 422, "{name}");
        }
    }
}
