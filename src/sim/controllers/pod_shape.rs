//! Pods as objects: as they are created, and as a kubelet describes them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::read::{self, written};
use super::template;
use super::truth::Truth;
use crate::sim::arrivals::{digest, mix};

/// A new pod of a template.
pub(super) fn pod(owner: &Value, pod_template: &Value, name: &str, generate: &str) -> Value {
    let mut metadata = pod_template.get("metadata").cloned().unwrap_or_else(|| json!({}));
    read::set(&mut metadata, "/name", name);
    if !generate.is_empty() {
        read::set(&mut metadata, "/generateName", generate);
    }
    read::set(&mut metadata, "/namespace", read::namespace(owner));
    read::set(&mut metadata, "/ownerReferences", read::owned_by(owner));
    let filled = template::with_defaults(pod_template);
    let mut spec = filled.get("spec").cloned().unwrap_or_else(|| json!({}));
    let volume = format!("kube-api-access-{}", template::letters(digest(name), 5));
    admit(&mut spec, &volume);
    let waiting = json!({"phase": "Pending", "qosClass": quality(&spec)});
    json!({"metadata": metadata, "spec": spec, "status": waiting})
}

/// What admission adds to every pod.
fn admit(spec: &mut Value, volume: &str) {
    let mount = json!({
        "name": volume,
        "readOnly": true,
        "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
    });
    for each in ["containers", "initContainers"] {
        let containers = spec.get_mut(each).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            push(container, "volumeMounts", mount.clone());
        }
    }
    let seconds = |key: &str| {
        json!({
            "key": format!("node.kubernetes.io/{key}"),
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 300,
        })
    };
    push(spec, "tolerations", seconds("not-ready"));
    push(spec, "tolerations", seconds("unreachable"));
    push(spec, "volumes", service_account(volume));
    let Some(fields) = spec.as_object_mut() else { return };
    for (field, value) in [
        ("enableServiceLinks", json!(true)),
        ("preemptionPolicy", json!("PreemptLowerPriority")),
        ("priority", json!(0)),
        ("serviceAccount", json!("default")),
        ("serviceAccountName", json!("default")),
    ] {
        fields.entry(field).or_insert(value);
    }
}

fn service_account(name: &str) -> Value {
    let namespace = json!({"apiVersion": "v1", "fieldPath": "metadata.namespace"});
    json!({
        "name": name,
        "projected": {
            "defaultMode": 420,
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {
                    "name": "kube-root-ca.crt",
                    "items": [{"key": "ca.crt", "path": "ca.crt"}],
                }},
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": namespace}]}},
            ],
        },
    })
}

fn push(object: &mut Value, field: &str, item: Value) {
    let Some(fields) = object.as_object_mut() else { return };
    if let Some(items) = fields.entry(field).or_insert_with(|| json!([])).as_array_mut() {
        items.push(item);
    }
}

fn quality(spec: &Value) -> &'static str {
    let resources = |container: &Value| {
        ["limits", "requests"].into_iter().any(|field| {
            let named = container.pointer(&format!("/resources/{field}"));
            named.and_then(Value::as_object).is_some_and(|named| !named.is_empty())
        })
    };
    if read::list(spec, "/containers").iter().any(resources) { "Burstable" } else { "BestEffort" }
}

/// The address of a pod or of a node.
pub(super) fn address(text: &str, net: u8) -> String {
    let hash = mix(digest(text), 1);
    format!("10.{net}.{}.{}", (hash >> 8) & 0xff, 1 + (hash & 0xff) % 254)
}

/// How a container stands.
#[derive(Clone, Debug)]
pub(super) enum Container {
    /// It is being created.
    Creating,
    /// It waits: why, and in more words.
    Waiting { reason: &'static str, message: String },
    /// It runs since a time.
    Running { since: Timestamp, ready: Ready },
    /// It ended with an error: started, ended.
    Ended { from: Timestamp, until: Timestamp },
}

/// Whether its probe succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    Yes,
    No,
}

/// What a kubelet knows of the containers of a pod.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) now: Container,
    pub(super) restarts: u32,
    pub(super) last: Option<(Timestamp, Timestamp)>,
    pub(super) at: Timestamp,
}

/// A pod that got a node.
pub(super) fn bound(pod: &mut Value, node: &str, at: Timestamp) {
    read::set(pod, "/spec/nodeName", node);
    set_condition(pod, ("PodScheduled", "True"), None, at);
}

/// A pod as its kubelet describes it.
pub(super) fn described(pod: &mut Value, seen: &Seen, truth: &Truth) {
    let is_ready = matches!(seen.now, Container::Running { ready: Ready::Yes, .. });
    let phase = match &seen.now {
        Container::Creating => "Pending",
        Container::Waiting { .. } if seen.restarts == 0 => "Pending",
        Container::Waiting { .. } | Container::Running { .. } | Container::Ended { .. } => {
            "Running"
        }
    };
    read::set(pod, "/status/phase", phase);
    let node = read::text(pod, "/spec/nodeName").to_owned();
    let host = address(&node, 99);
    read::set(pod, "/status/hostIP", host.clone());
    read::set(pod, "/status/hostIPs", json!([{"ip": host}]));
    let own = address(read::uid(pod), 44);
    read::set(pod, "/status/podIP", own.clone());
    read::set(pod, "/status/podIPs", json!([{"ip": own}]));
    if read::time(pod, "/status/startTime").is_none() {
        read::set(pod, "/status/startTime", written(seen.at));
    }
    let names: Vec<&str> = read::list(pod, "/spec/containers")
        .iter()
        .map(|container| read::text(container, "/name"))
        .collect();
    let unready = (!is_ready).then(|| {
        let message = format!("containers with unready status: [{}]", names.join(" "));
        ("ContainersNotReady", message)
    });
    let word = if is_ready { "True" } else { "False" };
    set_condition(pod, ("PodReadyToStartContainers", "True"), None, seen.at);
    set_condition(pod, ("Initialized", "True"), None, seen.at);
    set_condition(pod, ("Ready", word), unready.clone(), seen.at);
    set_condition(pod, ("ContainersReady", word), unready, seen.at);
    containers(pod, seen, truth);
}

fn containers(pod: &mut Value, seen: &Seen, truth: &Truth) {
    let uid = read::uid(pod).to_owned();
    let of = |container: &Value| status(container, seen, truth, &uid);
    let main: Vec<Value> = read::list(pod, "/spec/containers").iter().map(of).collect();
    let early = |container: &Value| {
        let stays = read::text(container, "/restartPolicy") == "Always";
        match (&seen.now, stays) {
            (_, true) | (Container::Creating, false) => of(container),
            (_, false) => finished(container, seen, truth, &uid),
        }
    };
    let first: Vec<Value> = read::list(pod, "/spec/initContainers").iter().map(early).collect();
    read::set(pod, "/status/containerStatuses", main);
    if !first.is_empty() {
        read::set(pod, "/status/initContainerStatuses", first);
    }
}

fn finished(container: &Value, seen: &Seen, truth: &Truth, uid: &str) -> Value {
    let mut done = status(container, seen, truth, uid);
    let ended = json!({
        "exitCode": 0,
        "reason": "Completed",
        "startedAt": written(seen.at),
        "finishedAt": written(seen.at),
    });
    read::set(&mut done, "/state", json!({"terminated": ended}));
    read::set(&mut done, "/ready", true);
    read::set(&mut done, "/started", false);
    done
}

fn container_id(uid: &str, restart: u32) -> String {
    let seed = mix(digest(uid), u64::from(restart));
    let part = |number: u64| format!("{:016x}", mix(seed, number));
    format!("containerd://{}{}{}{}", part(1), part(2), part(3), part(4))
}

fn status(container: &Value, seen: &Seen, truth: &Truth, uid: &str) -> Value {
    let image = read::text(container, "/image");
    let id = |restart: u32| container_id(uid, restart);
    let ended = |(from, until): (Timestamp, Timestamp), restart: u32| {
        json!({"terminated": {
            "exitCode": 1,
            "reason": "Error",
            "startedAt": written(from),
            "finishedAt": written(until),
            "containerID": id(restart),
        }})
    };
    let (state, is_ready, has_started) = match &seen.now {
        Container::Creating => (json!({"waiting": {"reason": "ContainerCreating"}}), false, false),
        Container::Waiting { reason, message } => {
            (json!({"waiting": {"reason": reason, "message": message}}), false, false)
        }
        Container::Running { since, ready } => {
            (json!({"running": {"startedAt": written(*since)}}), *ready == Ready::Yes, true)
        }
        Container::Ended { from, until } => (ended((*from, *until), seen.restarts), false, false),
    };
    let has_id = has_started || matches!(seen.now, Container::Ended { .. }) || seen.last.is_some();
    let repository = image.split_once('@').map_or(image, |(name, _)| name);
    let repository = match repository.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => repository,
    };
    let image_id =
        if has_id { format!("{repository}@{}", truth.digest(image)) } else { String::new() };
    let last = match seen.last {
        Some(times) => ended(times, seen.restarts.saturating_sub(1)),
        None => json!({}),
    };
    let mut status = json!({
        "name": read::text(container, "/name"),
        "state": state,
        "lastState": last,
        "ready": is_ready,
        "restartCount": seen.restarts,
        "image": image,
        "imageID": image_id,
        "started": has_started,
    });
    if has_id {
        status["containerID"] = id(seen.restarts).into();
    }
    status
}

fn set_condition(
    pod: &mut Value,
    (kind, status): (&str, &str),
    why: Option<(&str, String)>,
    at: Timestamp,
) {
    let mut conditions = read::list(pod, "/status/conditions").to_vec();
    let old = conditions.iter().position(|it| read::text(it, "/type") == kind);
    let same = old.and_then(|index| conditions.get(index));
    let since = match same.filter(|it| read::text(it, "/status") == status) {
        Some(it) => it.get("lastTransitionTime").cloned().unwrap_or_default(),
        None => written(at),
    };
    let mut condition = json!({
        "type": kind,
        "observedGeneration": 1,
        "status": status,
        "lastProbeTime": null,
        "lastTransitionTime": since,
    });
    if let Some((reason, message)) = why {
        condition["reason"] = reason.into();
        condition["message"] = message.into();
    }
    match old {
        Some(index) => conditions[index] = condition,
        None => conditions.push(condition),
    }
    read::set(pod, "/status/conditions", conditions);
}

/// Whether a pod is ready.
pub(super) fn is_ready(pod: &Value) -> bool {
    ready_since(pod).is_some()
}

/// Since when a pod is ready.
pub(super) fn ready_since(pod: &Value) -> Option<Timestamp> {
    let conditions = read::list(pod, "/status/conditions");
    let ready = conditions.iter().find(|it| read::text(it, "/type") == "Ready")?;
    (read::text(ready, "/status") == "True")
        .then(|| read::time(ready, "/lastTransitionTime").unwrap_or_default())
}
