//! The simulated API server against a real one: `tests/data/kubernetes` holds what Kubernetes 1.36
//! was asked and answered, recorded by `tests/data/record.sh`. Each question is put to the
//! simulator in a world of the same objects; codes, headers, keys, types, the order of events and
//! every value that is no name of a moment must be the same.

#![expect(clippy::expect_used, reason = "helpers of tests")]
#![expect(clippy::disallowed_methods, reason = "recordings are files")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use pilothouse::sim::access::Anonymous;
use pilothouse::sim::api::kubernetes::router;
use pilothouse::sim::kind::Kind;
use pilothouse::sim::shared::Shared;
use pilothouse::sim::world::World;
use serde_json::{Value, json};
use tower::ServiceExt;

/// Values that differ from one moment or machine to the next: only their type is compared.
const VOLATILE: [&str; 10] = [
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "time",
    "continue",
    "gitCommit",
    // Ours are our own words.
    "description",
    // Rows of tables hold ages.
    "cells",
    // Made up from a prefix.
    "name",
];

/// What owners own is not compared field by field.
const SKIPPED: [&str; 1] = ["fieldsV1"];

/// An answer, from either server.
struct Answer {
    code: u64,
    headers: BTreeMap<String, Vec<String>>,
    body: Value,
}

#[tokio::test(start_paused = true)]
async fn the_simulator_answers_as_the_recorded_api_server_did() {
    let mut told = Vec::new();
    let recordings = recordings();
    assert!(recordings.len() > 150, "only {} recordings", recordings.len());
    for (name, recording) in recordings {
        let real = recorded(&recording);
        let ours = play(&recording).await;
        let loose: Vec<&str> = strings(recording.get("loose"));
        let mut differences = Differences { loose, all: Vec::new() };
        if real.code != ours.code {
            differences.note("code", &real.code.into(), &ours.code.into());
        }
        for (header, values) in &real.headers {
            let own = ours.headers.get(header).cloned().unwrap_or_default();
            differences.compare(header, &json!(values), &json!(own));
        }
        let body = if real.body.is_string() { "text" } else { "" };
        differences.compare(body, &real.body, &ours.body);
        told.extend(differences.all.iter().map(|each| format!("{name}: {each}")));
    }
    assert!(told.is_empty(), "{} differences\n{}", told.len(), told.join("\n"));
}

fn recordings() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kubernetes");
    let mut all: Vec<(String, Value)> = std::fs::read_dir(folder)
        .expect("the recordings are there")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let text = std::fs::read_to_string(&path).expect("a readable recording");
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, serde_json::from_str(&text).expect("a recording is JSON"))
        })
        .collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

fn recorded(recording: &Value) -> Answer {
    let answer = &recording["answer"];
    let headers = answer["headers"].as_object().expect("headers");
    Answer {
        code: answer["code"].as_u64().expect("a code"),
        headers: headers
            .iter()
            .map(|(name, values)| {
                (name.clone(), strings(Some(values)).into_iter().map(str::to_owned).collect())
            })
            .collect(),
        body: ["json", "lines", "text"]
            .iter()
            .find_map(|form| answer.get(form))
            .cloned()
            .unwrap_or_default(),
    }
}

fn strings(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A world of the objects that the real server had.
fn world(recording: &Value) -> (Shared, String) {
    let shared =
        Shared::new(World::empty("2026-11-28T00:00:00Z".parse().expect("a time"), &["east"]));
    let revision = shared.change(|world| {
        let cluster = world.cluster("east").expect("a cluster");
        cluster.access.anonymous = Anonymous::Nobody;
        let mut first = String::new();
        for object in recording["given"].as_array().expect("objects") {
            let text = |field: &str| object[field].as_str().unwrap_or_default();
            let kind = Kind::of(text("apiVersion"), text("kind")).expect("a known kind");
            let made = cluster.store.create(kind, object.clone());
            if let (true, Ok(made)) = (first.is_empty(), made) {
                made["metadata"]["resourceVersion"]
                    .as_str()
                    .unwrap_or_default()
                    .clone_into(&mut first);
            }
        }
        if cluster.store.get(Kind::Namespace, "", "recording").is_none() {
            let home = json!({"metadata": {"name": "recording"}});
            cluster.store.create(Kind::Namespace, home).expect("a namespace");
        }
        first
    });
    (shared, revision)
}

async fn play(recording: &Value) -> Answer {
    let (shared, revision) = world(recording);
    let user = recording["user"].as_str().expect("a user");
    let response = ask(&shared, user, &recording["request"], &revision).await;
    for each in recording.get("meanwhile").and_then(Value::as_array).into_iter().flatten() {
        let code = ask(&shared, "admin", each, &revision).await.status().as_u16();
        assert!(code < 300, "{each}: {code}");
    }
    // Every recorded watch is over by then.
    shared.advance(Duration::from_secs(5));
    let code = response.status().as_u16().into();
    let mut headers = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in response.headers() {
        let value = match name.as_str() {
            "audit-id" | "date" => "present",
            _ => value.to_str().expect("a header is text"),
        };
        headers.entry(name.to_string()).or_default().push(value.to_owned());
    }
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    let text = String::from_utf8(bytes.to_vec()).expect("an answer is text");
    Answer { code, headers, body: read(recording, text) }
}

async fn ask(shared: &Shared, user: &str, request: &Value, revision: &str) -> Response<Body> {
    let text = |field: &str| request[field].as_str().unwrap_or_default().replace("@RV@", revision);
    let mut builder = Request::builder()
        .method(text("method").as_str())
        .uri(text("path"))
        .header("user-agent", "recorder/1");
    for header in strings(request.get("headers")) {
        let (name, value) = header.split_once(": ").expect("a header");
        builder = builder.header(name, value);
    }
    if user != "anonymous" {
        builder = builder.header("authorization", format!("Bearer {user}"));
    }
    let request = builder.body(Body::from(text("body"))).expect("a request");
    router(shared, "east").oneshot(request).await.expect("an answer")
}

/// The body in the form of the recording.
fn read(recording: &Value, text: String) -> Value {
    let answer = &recording["answer"];
    if answer.get("lines").is_some() {
        return text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect();
    }
    if answer.get("json").is_some() {
        let value = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text));
        return known(recording, value);
    }
    Value::String(text)
}

/// Discovery is compared for the groups and resources that were recorded: the simulator knows some
/// that the real cluster had and the recording left out, and lacks others.
fn known(recording: &Value, mut value: Value) -> Value {
    for (field, name) in [("resources", "/name"), ("groups", "/name"), ("items", "/metadata/name")]
    {
        let Some(real) = recording["answer"]["json"].get(field).and_then(Value::as_array) else {
            continue;
        };
        let is_discovery =
            recording["request"]["path"].as_str().is_some_and(|path| path.matches('/').count() < 4);
        if let (true, Some(Value::Array(ours))) = (is_discovery, value.get_mut(field)) {
            ours.retain(|each| real.iter().any(|other| other.pointer(name) == each.pointer(name)));
        }
    }
    value
}

struct Differences<'a> {
    loose: Vec<&'a str>,
    all: Vec<String>,
}

impl Differences<'_> {
    fn note(&mut self, path: &str, real: &Value, ours: &Value) {
        let short = |value: &Value| value.to_string().chars().take(300).collect::<String>();
        self.all.push(format!("{path}: real {} ours {}", short(real), short(ours)));
    }

    fn compare(&mut self, path: &str, real: &Value, ours: &Value) {
        let key = path.rsplit('.').find(|part| part.parse::<usize>().is_err()).unwrap_or_default();
        if SKIPPED.contains(&key) {
            return;
        }
        match (real, ours) {
            (Value::Object(theirs), Value::Object(own)) => {
                for (name, value) in theirs {
                    match own.get(name) {
                        Some(other) => self.compare(&format!("{path}.{name}"), value, other),
                        None => self.all.push(format!("{path}.{name}: missing")),
                    }
                }
                for name in own.keys().filter(|name| !theirs.contains_key(*name)) {
                    self.all.push(format!("{path}.{name}: only ours"));
                }
            }
            (Value::Array(theirs), Value::Array(own)) => {
                let (theirs, own) = (sorted(theirs), sorted(own));
                if theirs.len() != own.len() {
                    self.note(&format!("{path} (length)"), real, ours);
                }
                for (index, (value, other)) in theirs.iter().zip(&own).enumerate() {
                    self.compare(&format!("{path}.{index}"), value, other);
                }
            }
            (real, ours) if sort(real) != sort(ours) => self.note(path, real, ours),
            (real, ours) => {
                let is_free = VOLATILE.contains(&key) || self.loose.contains(&key);
                if !is_free && real != ours {
                    self.note(path, real, ours);
                }
            }
        }
    }
}

/// Resources and groups of discovery come in any order.
fn sorted(items: &[Value]) -> Vec<Value> {
    let mut items = items.to_vec();
    let is_discovery = |item: &Value| {
        item.get("verbs").is_some() && item.get("apiGroups").is_none()
            || item.get("versions").is_some()
    };
    // So do rules, which the real server collects from a map.
    if items.iter().all(|item| item.get("apiGroups").or(item.get("nonResourceURLs")).is_some()) {
        items.sort_by_key(ToString::to_string);
    }
    if items.iter().all(is_discovery) {
        items.sort_by_key(|item| {
            ["/name", "/resource", "/subresource", "/metadata/name"]
                .iter()
                .find_map(|at| item.pointer(at)?.as_str().map(str::to_owned))
        });
    }
    items
}

fn sort(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

#[test]
fn a_recording_that_differs_is_noticed() {
    let mut differences = Differences { loose: vec!["message"], all: Vec::new() };
    let real =
        json!({"code": 409, "reason": "Conflict", "message": "a", "details": {"x": 1}, "uid": "1"});
    let ours =
        json!({"code": 409, "reason": "Other", "message": "b", "details": {"y": 1}, "uid": "2"});
    differences.compare("", &real, &ours);
    let expected = [
        ".reason: real \"Conflict\" ours \"Other\"",
        ".details.x: missing",
        ".details.y: only ours",
    ];
    assert_eq!(differences.all, expected);
    let mut differences = Differences { loose: vec![], all: Vec::new() };
    differences.compare("", &json!([{"type": "ADDED"}]), &json!([{"type": "DELETED"}, {}]));
    assert_eq!(differences.all.len(), 2, "{:?}", differences.all);
}
