//! Pods → facts. The status is the word that `kubectl get pods` prints, by the same rules; the sentence behind it is
//! whatever the kubelet, the scheduler or the container says. Pure and total.

use serde_json::Value;

use super::fields::{Node, Reading};
use super::meta::Metadata;
use super::resource::REPLICATION_CONTROLLERS;
use crate::domain::detail::Pod;
use crate::domain::ids::{Name, PodHash, Uid};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// Kinds that make the pods of a release.
const OWNERS: [&str; 4] = ["ReplicaSet", "StatefulSet", "DaemonSet", REPLICATION_CONTROLLERS.kind];

/// What names the ReplicationController on the pods of a DeploymentConfig.
pub(super) const CONTROLLER_LABEL: &str = "deployment";

/// A pod.
pub(super) fn pod(object: &Value, reading: &mut Reading<'_>) -> Pod {
    let metadata = Metadata::of(object);
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let printed = printed(spec, status, metadata.deleting(reading), reading);
    let owner = metadata.controller().filter(|(kind, _)| OWNERS.contains(kind));
    let of_config = owner.is_some_and(|(kind, _)| kind == REPLICATION_CONTROLLERS.kind);
    let named = || metadata.labels.word(CONTROLLER_LABEL).filter(|_| of_config);
    Pod {
        name: metadata.name(reading),
        uid: metadata.uid(),
        replica_set: owner.map(|(_, uid)| Uid::from_text(reading.shared(uid))),
        hash: metadata.hash().or_else(named).map(|hash| PodHash::from_text(reading.shared(hash))),
        why: why(status, reading),
        status: reading.shared(&printed.word),
        ready: (printed.ready, printed.total),
        restarts: printed.restarts,
        created: metadata.created(reading),
        unready_since: unready_since(status, reading),
        node: reading.text(spec, "nodeName").map(Name::from_text),
        containers: ["initContainers", "containers"]
            .into_iter()
            .flat_map(|key| names(spec, key, reading))
            .collect(),
    }
}

/// Since when the condition `Ready` has been false.
fn unready_since(status: Node<'_>, reading: &mut Reading<'_>) -> Option<Timestamp> {
    let ready = condition(status, "Ready").filter(|it| it.word("status") == Some("False"))?;
    reading.time(ready, "lastTransitionTime")
}

fn names(spec: Node<'_>, key: &str, reading: &mut Reading<'_>) -> Vec<Name> {
    let list = reading.list(spec, key);
    list.iter()
        .map(|value| {
            Name::from_text(reading.text_or_empty(Node::entry(value, "containers[]"), "name"))
        })
        .collect()
}

/// What kubectl prints of a pod.
struct Printed {
    word: String,
    ready: u32,
    total: u32,
    restarts: u32,
}

fn printed(
    spec: Node<'_>,
    status: Node<'_>,
    deleting: Option<Timestamp>,
    reading: &mut Reading<'_>,
) -> Printed {
    let phase = status.word("phase").unwrap_or("Unknown");
    let reason = status.word("reason").filter(|reason| !reason.is_empty());
    let mut word = reason.unwrap_or(phase).to_owned();
    if condition(status, "PodScheduled").and_then(|it| it.word("reason")) == Some("SchedulingGated")
    {
        "SchedulingGated".clone_into(&mut word);
    }
    let mut printed =
        Printed { word, ready: 0, total: length(reading.list(spec, "containers")), restarts: 0 };
    let init = init_containers(spec, status, &mut printed, reading);
    if init.finished || is_true(status, "Initialized") {
        printed.restarts = init.sidecar_restarts;
        main_containers(status, &mut printed, reading);
    }
    if deleting.is_some() && reason == Some("NodeLost") {
        "Unknown".clone_into(&mut printed.word);
    } else if deleting.is_some() && !matches!(phase, "Succeeded" | "Failed") {
        "Terminating".clone_into(&mut printed.word);
    }
    printed
}

fn length(list: &[Value]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

struct Init {
    finished: bool,
    sidecar_restarts: u32,
}

/// Init containers run one after the other; the first that is not finished gives the word. A sidecar (one that always
/// restarts) counts as finished when it has started, and among the containers that must be ready.
fn init_containers(
    spec: Node<'_>,
    status: Node<'_>,
    printed: &mut Printed,
    reading: &mut Reading<'_>,
) -> Init {
    let declared = reading.list(spec, "initContainers");
    let is_sidecar = |name: Option<&str>| {
        declared.iter().any(|container| {
            container.get("name").and_then(Value::as_str) == name
                && container.get("restartPolicy").and_then(Value::as_str) == Some("Always")
        })
    };
    let sidecars = declared
        .iter()
        .filter(|container| is_sidecar(container.get("name").and_then(Value::as_str)))
        .count();
    printed.total += u32::try_from(sidecars).unwrap_or(0);
    let mut init = Init { finished: true, sidecar_restarts: 0 };
    for (index, value) in reading.list(status, "initContainerStatuses").iter().enumerate() {
        let container = Container::of(value, "initContainerStatuses[]");
        let restarts = container.restarts(reading);
        printed.restarts = printed.restarts.saturating_add(restarts);
        let sidecar = is_sidecar(container.node.word("name"));
        if sidecar {
            init.sidecar_restarts = init.sidecar_restarts.saturating_add(restarts);
        }
        if container.exit_code() == Some(0) {
            continue;
        }
        if sidecar && container.node.raw("started") == &Value::Bool(true) {
            printed.ready += u32::from(container.is_ready());
            continue;
        }
        printed.word = if container.terminated.is_there() {
            format!("Init:{}", container.end())
        } else {
            match container.waiting.word("reason") {
                Some(reason) if !reason.is_empty() && reason != "PodInitializing" => {
                    format!("Init:{reason}")
                }
                Some(_) | None => format!("Init:{index}/{}", declared.len()),
            }
        };
        init.finished = false;
        break;
    }
    init
}

fn main_containers(status: Node<'_>, printed: &mut Printed, reading: &mut Reading<'_>) {
    let mut running = false;
    for value in reading.list(status, "containerStatuses").iter().rev() {
        let container = Container::of(value, "containerStatuses[]");
        printed.restarts = printed.restarts.saturating_add(container.restarts(reading));
        let waiting = container.waiting.word("reason").filter(|reason| !reason.is_empty());
        if let Some(reason) = waiting {
            reason.clone_into(&mut printed.word);
        } else if container.terminated.is_there() {
            printed.word = container.end();
        } else if container.is_ready() && container.running.is_there() {
            running = true;
            printed.ready += 1;
        }
    }
    if printed.word == "Completed" && running {
        let word = if is_true(status, "Ready") { "Running" } else { "NotReady" };
        word.clone_into(&mut printed.word);
    }
}

/// One entry of `containerStatuses`.
struct Container<'a> {
    node: Node<'a>,
    waiting: Node<'a>,
    running: Node<'a>,
    terminated: Node<'a>,
}

impl<'a> Container<'a> {
    fn of(value: &'a Value, place: &'static str) -> Self {
        let node = Node::entry(value, place);
        let state = node.at("state", place);
        Self {
            node,
            waiting: state.at("waiting", place),
            running: state.at("running", place),
            terminated: state.at("terminated", place),
        }
    }

    fn restarts(&self, reading: &mut Reading<'_>) -> u32 {
        reading.count(self.node, "restartCount").unwrap_or_default()
    }

    fn is_ready(&self) -> bool {
        self.node.raw("ready") == &Value::Bool(true)
    }

    fn exit_code(&self) -> Option<i64> {
        // The field is required, and 0 when it is not there.
        self.terminated.is_there().then(|| self.terminated.raw("exitCode").as_i64().unwrap_or(0))
    }

    /// How it ended, in kubectl's words.
    fn end(&self) -> String {
        match self.terminated.word("reason").filter(|reason| !reason.is_empty()) {
            Some(reason) => reason.to_owned(),
            None => match self.terminated.raw("signal").as_i64() {
                Some(signal) if signal != 0 => format!("Signal:{signal}"),
                Some(_) | None => format!("ExitCode:{}", self.exit_code().unwrap_or_default()),
            },
        }
    }
}

fn condition<'a>(status: Node<'a>, kind: &str) -> Option<Node<'a>> {
    let list = status.raw("conditions").as_array()?;
    let found =
        list.iter().find(|entry| entry.get("type").and_then(Value::as_str) == Some(kind))?;
    Some(Node::entry(found, "status.conditions[]"))
}

fn is_true(status: Node<'_>, kind: &str) -> bool {
    condition(status, kind).is_some_and(|it| it.word("status") == Some("True"))
}

/// The sentence behind the status: of the first container that waits or ended badly, of the scheduler, of the pod.
/// A pod that is well has none.
fn why(status: Node<'_>, reading: &mut Reading<'_>) -> Option<Text> {
    let all = ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .flat_map(|key| reading.list(status, key))
        .collect::<Vec<_>>();
    let said = all.into_iter().find_map(|value| {
        let container = Container::of(value, "containerStatuses[]");
        container_words(&container)
    });
    if let Some(words) = said {
        return Some(Text::clean(&words));
    }
    let unmet = ["PodScheduled", "Initialized", "Ready"].into_iter().find_map(|kind| {
        let condition = condition(status, kind)?;
        let message = condition.word("message").filter(|message| !message.is_empty())?;
        (condition.word("status") != Some("True")).then_some(message)
    });
    let message = status.word("message").filter(|message| !message.is_empty());
    message.or(unmet).map(Text::clean)
}

fn container_words(container: &Container<'_>) -> Option<String> {
    let name = container.node.word("name").unwrap_or_default();
    if let Some(message) = container.waiting.word("message").filter(|message| !message.is_empty()) {
        let last = container.node.at("lastState", "lastState").at("terminated", "lastState");
        let ended = match (last.word("reason"), last.raw("exitCode").as_i64()) {
            (Some(reason), Some(code)) => format!(" (last end: {reason}, exit code {code})"),
            (Some(_) | None, _) => String::new(),
        };
        return Some(format!("{name}: {message}{ended}"));
    }
    let code = container.exit_code().filter(|code| *code != 0)?;
    let words = container.terminated.word("message").filter(|message| !message.is_empty());
    let words = words.map(|words| format!(": {words}")).unwrap_or_default();
    Some(format!("{name}: {}, exit code {code}{words}", container.end()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fields::Words;
    use super::*;

    fn read(spec: &Value, status: &Value, metadata: &Value) -> Pod {
        let object = json!({ "metadata": metadata, "spec": spec, "status": status });
        let mut words = Words::default();
        pod(&object, &mut Reading::new(&mut words))
    }

    /// What kubectl prints of a pod with these init containers and containers, as `word ready/total restarts`.
    fn printed(init: &Value, main: &Value, rest: &Value) -> String {
        let names = |list: &Value| -> Value {
            let list = list.as_array().expect("a list").iter();
            list.map(|it| json!({ "name": it["name"], "restartPolicy": it["policy"] })).collect()
        };
        let spec = json!({ "initContainers": names(init), "containers": names(main) });
        let mut status = json!({ "phase": "Running", "initContainerStatuses": init,
            "containerStatuses": main });
        let status_fields = status.as_object_mut().expect("an object");
        status_fields.extend(rest.as_object().expect("an object").clone());
        let pod = read(&spec, &status, &json!({ "name": "p" }));
        format!("{} {}/{} {}", pod.status, pod.ready.0, pod.ready.1, pod.restarts)
    }

    fn state(state: &str, reason: &str, code: i64) -> Value {
        json!({ state: { "reason": reason, "exitCode": code } })
    }

    #[test]
    fn init_containers_and_sidecars_are_told_as_kubectl_tells_them() {
        let app =
            json!([{ "name": "app", "state": { "waiting": { "reason": "PodInitializing" } } }]);
        let up = json!([{ "name": "app", "ready": true, "state": { "running": {} } }]);
        let done = json!({ "name": "a", "state": state("terminated", "Completed", 0) });
        let pending = json!({ "phase": "Pending" });
        let through = json!({});
        for (init, main, rest, want) in [
            (
                json!([{ "name": "a", "state": { "running": {} } }, { "name": "b" }]),
                &app,
                &pending,
                "Init:0/2 0/1 0",
            ),
            (
                json!([done, { "name": "b", "state": { "running": {} } }]),
                &app,
                &pending,
                "Init:1/2 0/1 0",
            ),
            (
                json!([{ "name": "a", "restartCount": 3, "state": state("waiting", "CrashLoopBackOff", 0) }]),
                &app,
                &pending,
                "Init:CrashLoopBackOff 0/1 3",
            ),
            (
                json!([{ "name": "a", "state": state("terminated", "Error", 1) }]),
                &app,
                &pending,
                "Init:Error 0/1 0",
            ),
            (
                json!([{ "name": "a", "state": { "terminated": { "exitCode": 7 } } }]),
                &app,
                &pending,
                "Init:ExitCode:7 0/1 0",
            ),
            (
                json!([{ "name": "a", "state": { "terminated": { "exitCode": 1, "signal": 9 } } }]),
                &app,
                &pending,
                "Init:Signal:9 0/1 0",
            ),
            (json!([done]), &up, &through, "Running 1/1 0"),
            (
                json!([{ "name": "s", "policy": "Always", "started": true, "ready": true,
                    "restartCount": 2, "state": { "running": {} } }, done]),
                &up,
                &through,
                "Running 2/2 2",
            ),
            (
                json!([{ "name": "s", "policy": "Always", "started": false, "state": { "running": {} } }]),
                &app,
                &pending,
                "Init:0/1 0/2 0",
            ),
        ] {
            assert_eq!(printed(&init, main, rest), want, "{init}");
        }
    }

    #[test]
    fn containers_are_told_as_kubectl_tells_them() {
        let up = json!({ "name": "b", "ready": true, "state": { "running": {} } });
        let none = json!([]);
        for (main, rest, want) in [
            (
                json!([{ "name": "a", "restartCount": 4, "state": state("waiting", "CrashLoopBackOff", 0) }]),
                json!({}),
                "CrashLoopBackOff 0/1 4",
            ),
            (
                json!([{ "name": "a", "state": state("terminated", "OOMKilled", 137) }]),
                json!({}),
                "OOMKilled 0/1 0",
            ),
            (
                json!([{ "name": "a", "state": { "terminated": { "exitCode": 3 } } }]),
                json!({}),
                "ExitCode:3 0/1 0",
            ),
            (
                json!([{ "name": "a", "state": { "terminated": { "signal": 15, "exitCode": 0 } } }]),
                json!({}),
                "Signal:15 0/1 0",
            ),
            (
                json!([{ "name": "a", "state": state("terminated", "Completed", 0) }, up]),
                json!({ "conditions": [{ "type": "Ready", "status": "True" }] }),
                "Running 1/2 0",
            ),
            (
                json!([{ "name": "a", "state": state("terminated", "Completed", 0) }, up]),
                json!({}),
                "NotReady 1/2 0",
            ),
            (
                json!([{ "name": "a" }]),
                json!({ "phase": "Failed", "reason": "Evicted" }),
                "Evicted 0/1 0",
            ),
            (json!([{ "name": "a" }]), json!({ "phase": "Pending" }), "Pending 0/1 0"),
        ] {
            assert_eq!(printed(&none, &main, &rest), want, "{main}");
        }
    }

    #[test]
    fn a_pod_that_goes_is_terminating_and_one_on_a_lost_node_is_unknown() {
        let leaving = json!({ "name": "p", "deletionTimestamp": "2026-01-01T00:00:00Z" });
        for (status, want) in [
            (json!({ "phase": "Running" }), "Terminating"),
            (json!({ "phase": "Running", "reason": "NodeLost" }), "Unknown"),
            (json!({ "phase": "Succeeded" }), "Succeeded"),
            (json!({ "phase": "Failed", "reason": "Evicted" }), "Evicted"),
        ] {
            assert_eq!(read(&json!({}), &status, &leaving).status.as_str(), want, "{status}");
        }
    }

    #[test]
    fn the_sentence_behind_a_status_is_that_of_the_first_who_has_one() {
        for (status, want) in [
            (
                json!({ "containerStatuses": [{ "name": "app", "state": { "waiting": {
                    "reason": "ImagePullBackOff", "message": "manifest unknown" } } }] }),
                Some("app: manifest unknown"),
            ),
            (
                json!({ "containerStatuses": [{ "name": "app",
                    "state": { "waiting": { "message": "back-off 5m0s" } },
                    "lastState": { "terminated": { "reason": "OOMKilled", "exitCode": 137 } } }] }),
                Some("app: back-off 5m0s (last end: OOMKilled, exit code 137)"),
            ),
            (
                json!({ "containerStatuses": [{ "name": "app", "state": { "terminated": {
                    "reason": "Error", "exitCode": 2, "message": "no such table" } } }] }),
                Some("app: Error, exit code 2: no such table"),
            ),
            (
                json!({ "conditions": [{ "type": "PodScheduled", "status": "False",
                    "message": "0/3 nodes are available" }] }),
                Some("0/3 nodes are available"),
            ),
            (
                json!({ "message": "The node was low on resource: memory." }),
                Some("The node was low on resource: memory."),
            ),
            (
                json!({ "containerStatuses": [{ "name": "app", "ready": true, "state": { "running": {} } }] }),
                None,
            ),
            (json!({}), None),
        ] {
            let pod = read(&json!({}), &status, &json!({ "name": "p" }));
            assert_eq!(pod.why.as_ref().map(Text::as_str), want, "{status}");
        }
    }
}
