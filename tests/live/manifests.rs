//! Small workloads for the tests: few pods, short steps.

use serde_json::{Value, json};

fn template(name: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{
            "name": "app",
            "image": format!("registry.example.test/{name}:1.0.0"),
            "ports": [{"containerPort": 8080}],
        }]},
    })
}

/// A Rollout with this strategy.
pub(crate) fn rollout(name: &str, replicas: u32, strategy: &Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(name),
            "strategy": strategy,
        },
    })
}

/// A canary by pods with these steps.
pub(crate) fn canary(name: &str, steps: &Value) -> Value {
    rollout(name, 4, &json!({"canary": {"steps": steps}}))
}

pub(crate) fn service(name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": 8080}]},
    })
}

pub(crate) fn ingress(name: &str) -> Value {
    let backend = json!({"service": {"name": format!("{name}-stable"), "port": {"number": 80}}});
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name},
        "spec": {"ingressClassName": "nginx", "rules": [{
            "host": format!("{name}.example.test"),
            "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
        }]},
    })
}

pub(crate) fn deployment(name: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "annotations": {"kubernetes.io/change-cause": "one"}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(name),
        },
    })
}

/// A StatefulSet of three pods, one after the other.
pub(crate) fn stateful_set(name: &str) -> Value {
    let mut body = deployment(name, 3);
    body["kind"] = "StatefulSet".into();
    body["spec"]["serviceName"] = name.into();
    body
}

/// A DaemonSet.
pub(crate) fn daemon_set(name: &str) -> Value {
    let mut body = deployment(name, 0);
    body["kind"] = "DaemonSet".into();
    body["spec"].as_object_mut().unwrap().remove("replicas");
    body
}
