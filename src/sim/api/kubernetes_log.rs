//! What a pod itself says: its containers' logs, and its metrics through the API server's proxy.

use serde_json::{Value, json};

use super::kubernetes::{Ask, Server};
use super::kubernetes_answer::lost;
use super::kubernetes_path::Resource;
use super::kubernetes_reply::{Payload, Reply};
use crate::sim::controllers::flagger_parts::LOAD_TESTER;
use crate::sim::controllers::life::Life;
use crate::sim::kind::Kind;
use crate::sim::status::{Cause, Status};
use crate::sim::world::LogOf;

/// Answers `…/log`.
pub(super) fn log(server: &Server, ask: &Ask, resource: &Resource) -> Result<Reply, Status> {
    let tail = bounded(ask, resource, "tailLines", 0)?;
    let bytes = bounded(ask, resource, "limitBytes", 1)?;
    let which = if ask.query.flag("previous") { LogOf::Previous } else { LogOf::Current };
    let found = server.look(|cluster, _| {
        let pod = cluster
            .store
            .get(Kind::Pod, &resource.namespace, &resource.name)
            .ok_or_else(|| Status::not_found(Kind::Pod, &resource.name))?;
        let container = container(pod, ask.query.text("container"), &resource.name)?;
        if which == LogOf::Current {
            started(pod, &container, &resource.name)?;
        }
        match (cluster.pod_log(pod, &container, which), which) {
            (Some(text), _) => Ok(text),
            (None, LogOf::Current) => Ok(String::new()),
            (None, LogOf::Previous) => Err(Status::bad_request(format!(
                "previous terminated container \"{container}\" in pod \"{}\" not found",
                resource.name
            ))),
        }
    });
    let mut text = found.unwrap_or_else(|| Err(lost()))?;
    if let Some(tail) = tail {
        text = last_lines(&text, tail);
    }
    if let Some(bytes) = bytes {
        let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
    }
    Ok(Reply::new(200, Payload::Text("text/plain", text)))
}

/// Answers `…/proxy/…`: only `/metrics` is served by the pods of this world.
pub(super) fn proxy(server: &Server, resource: &Resource) -> Result<Reply, Status> {
    let (name, port) = match resource.name.split_once(':') {
        Some((name, port)) => (name, port),
        None => (resource.name.as_str(), "80"),
    };
    let found = server.look(|cluster, _| {
        let pod = cluster
            .store
            .get(Kind::Pod, &resource.namespace, name)
            .ok_or_else(|| Status::not_found(Kind::Pod, name))?;
        let address = pod.pointer("/status/podIP").and_then(Value::as_str).unwrap_or_default();
        let metrics = cluster.pod_metrics(pod).filter(|_| serves(pod, port));
        metrics.ok_or_else(|| {
            let told = format!(
                "error trying to reach service: dial tcp {address}:{port}: connect: connection \
                 refused"
            );
            Status::new(503, "ServiceUnavailable", told)
        })
    });
    let metrics = found.unwrap_or_else(|| Err(lost()))?;
    match resource.rest.as_str() {
        "metrics" => Ok(Reply::new(200, Payload::Text("text/plain; version=0.0.4", metrics))),
        _ => Ok(Reply::no_page()),
    }
}

/// Answers what is sent to a Service: of this world's, Flagger's load tester alone listens.
pub(super) fn gate(server: &Server, ask: &Ask, resource: &Resource) -> Result<Reply, Status> {
    let name = resource.name.split(':').next().unwrap_or_default();
    let canary: Value = serde_json::from_slice(&ask.body).unwrap_or_default();
    let field = |name: &str| canary.get(name).and_then(Value::as_str).unwrap_or_default();
    let called = format!("{}.{}", field("name"), field("namespace"));
    let answered = server.change(|cluster, _| {
        if cluster.store.get(Kind::Service, &resource.namespace, name).is_none() {
            return Err(Status::not_found(Kind::Service, name));
        }
        let gates = cluster.life.as_mut().filter(|_| name == LOAD_TESTER).map(Life::gates);
        gates.map(|gates| gates.answer(&resource.rest, &called)).ok_or_else(|| {
            let told = format!("no endpoints available for service \"{}\"", resource.name);
            Status::new(503, "ServiceUnavailable", told)
        })
    });
    let (code, text) = answered.unwrap_or_else(|| Err(lost()))?;
    Ok(Reply::new(code, Payload::Text("text/plain; charset=utf-8", text.to_owned())))
}

/// Whether a container of the pod listens on a port.
fn serves(pod: &Value, port: &str) -> bool {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    let ports = containers.into_iter().flatten().filter_map(|it| it.get("ports")?.as_array());
    ports.flatten().any(|each| {
        each.get("containerPort").and_then(Value::as_u64).is_some_and(|it| port.parse() == Ok(it))
            || each.get("name").and_then(Value::as_str) == Some(port)
    })
}

fn bounded(
    ask: &Ask,
    resource: &Resource,
    field: &str,
    least: i64,
) -> Result<Option<usize>, Status> {
    let Some(number) = ask.query.number(field)? else { return Ok(None) };
    if let (true, Ok(number)) = (number >= least, usize::try_from(number)) {
        return Ok(Some(number));
    }
    let name = &resource.name;
    let message = format!("Invalid value: {number}: must be greater than or equal to {least}");
    let cause = Cause { reason: "FieldValueInvalid", message, field: field.into() };
    let told = format!("PodLogOptions \"{name}\" is invalid: {field}: {}", cause.message);
    let causes = json!([{"reason": cause.reason, "message": cause.message, "field": cause.field}]);
    let details = json!({"name": name, "kind": "PodLogOptions", "causes": causes});
    Err(Status::new(422, "Invalid", told).with_details(details))
}

fn names<'a>(pod: &'a Value, list: &str) -> impl Iterator<Item = &'a str> {
    let containers = pod.pointer(&format!("/spec/{list}")).and_then(Value::as_array);
    containers.into_iter().flatten().filter_map(|each| each.get("name")?.as_str())
}

/// The container that is meant: the one named, else the only one.
fn container(pod: &Value, wanted: &str, name: &str) -> Result<String, Status> {
    let own: Vec<&str> = names(pod, "containers").collect();
    let mut all = names(pod, "initContainers").chain(own.iter().copied());
    match (wanted, own.as_slice()) {
        ("", [only]) => Ok((*only).to_owned()),
        ("", several) => Err(Status::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            several.join(" ")
        ))),
        (wanted, _) if all.any(|each| each == wanted) => Ok(wanted.to_owned()),
        (wanted, _) => {
            Err(Status::bad_request(format!("container {wanted} is not valid for pod {name}")))
        }
    }
}

/// A container that waits for its first start has no log.
fn started(pod: &Value, container: &str, name: &str) -> Result<(), Status> {
    let statuses = pod.pointer("/status/containerStatuses").and_then(Value::as_array);
    let status = statuses.into_iter().flatten().find(|it| it["name"] == container);
    let Some(status) = status else { return Ok(()) };
    let reason = status.pointer("/state/waiting/reason").and_then(Value::as_str);
    let is_first = status.get("restartCount").and_then(Value::as_i64).unwrap_or_default() == 0;
    match reason {
        Some(reason) if is_first => {
            let why = match reason {
                "ContainerCreating" | "PodInitializing" => reason.to_owned(),
                "ErrImagePull" | "ImagePullBackOff" => "trying and failing to pull image".into(),
                other => other.to_owned(),
            };
            Err(Status::bad_request(format!(
                "container \"{container}\" in pod \"{name}\" is waiting to start: {why}"
            )))
        }
        Some(_) | None => Ok(()),
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_is_whole_lines() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(last_lines("a\nb\nc", 1), "c");
        assert_eq!(last_lines("a\n", 9), "a\n");
        assert_eq!(last_lines("a\n", 0), "");
    }

    #[test]
    fn the_container_is_named_or_the_only_one() {
        let pod = |names: &[&str]| {
            let all: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"spec": {"containers": all, "initContainers": [{"name": "init"}]}})
        };
        assert_eq!(container(&pod(&["app"]), "", "web"), Ok("app".into()));
        assert_eq!(container(&pod(&["app", "side"]), "init", "web"), Ok("init".into()));
        for (names, wanted) in [(vec!["app", "side"], ""), (vec!["app"], "nope"), (vec![], "")] {
            assert_eq!(container(&pod(&names), wanted, "web").unwrap_err().code, 400);
        }
    }

    #[test]
    fn a_container_that_waits_for_its_first_start_has_no_log() {
        let pod = |restarts: i64| {
            json!({"status": {"containerStatuses": [{
                "name": "app",
                "restartCount": restarts,
                "state": {"waiting": {"reason": "ImagePullBackOff"}},
            }]}})
        };
        assert_eq!(started(&pod(0), "app", "web").unwrap_err().code, 400);
        assert_eq!(started(&pod(1), "app", "web"), Ok(()));
        assert_eq!(started(&json!({}), "app", "web"), Ok(()));
    }
}
