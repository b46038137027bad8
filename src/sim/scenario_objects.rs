//! The objects of a scenario's lines, as a pipeline would have created them.

use serde_json::{Value, json};

use super::scenario::{How, Scenario, WorkloadLine};
use super::store::Kind;
use super::world::Cluster;

/// The nodes of every cluster.
const NODES: [&str; 4] = ["node-a", "node-b", "node-c", "node-d"];

/// The kind of a workload that is released so.
pub(super) const fn kind(how: How) -> Kind {
    match how {
        How::Canary | How::BlueGreen => Kind::Rollout,
        How::Deployment => Kind::Deployment,
    }
}

/// Nodes and namespaces, before anything runs.
pub(super) fn furnish(cluster: &mut Cluster, scenario: &Scenario) -> Result<(), String> {
    for name in NODES {
        put(cluster, Kind::Node, json!({"metadata": {"name": name}}))?;
    }
    let mut namespaces: Vec<&str> = scenario
        .workloads
        .iter()
        .filter(|line| line.cluster == cluster.name)
        .filter_map(|line| line.name.split_once('/').map(|(namespace, _)| namespace))
        .collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    for name in namespaces {
        put(cluster, Kind::Namespace, json!({"metadata": {"name": name}}))?;
    }
    Ok(())
}

/// A workload with the Services and templates that it needs.
pub(super) fn create(cluster: &mut Cluster, line: &WorkloadLine) -> Result<(), String> {
    let (namespace, name) = line
        .name
        .split_once('/')
        .ok_or_else(|| format!("{:?} is not namespace/name", line.name))?;
    let metadata = metadata(line, namespace, name);
    match line.how {
        How::Deployment => {
            put(cluster, Kind::Deployment, deployment(line, &metadata, name))?;
        }
        How::Canary => {
            if line.routed {
                service(cluster, namespace, &format!("{name}-canary"), name)?;
                service(cluster, namespace, &format!("{name}-stable"), name)?;
                ingress(cluster, namespace, name)?;
            }
            let strategy = json!({"canary": canary(line, name)?});
            put(cluster, Kind::Rollout, rollout(line, (&metadata, &strategy), name))?;
        }
        How::BlueGreen => {
            service(cluster, namespace, name, name)?;
            service(cluster, namespace, &format!("{name}-preview"), name)?;
            let strategy = json!({"blueGreen": {
                "activeService": name,
                "previewService": format!("{name}-preview"),
                "autoPromotionEnabled": false,
            }});
            put(cluster, Kind::Rollout, rollout(line, (&metadata, &strategy), name))?;
        }
    }
    Ok(())
}

fn put(cluster: &mut Cluster, kind: Kind, object: Value) -> Result<(), String> {
    cluster.store.create(kind, object).map(drop).map_err(|status| format!("{status:?}"))
}

fn metadata(line: &WorkloadLine, namespace: &str, name: &str) -> Value {
    let mut metadata = json!({"name": name, "namespace": namespace, "labels": {"app": name}});
    if let Some(app) = &line.argocd {
        let (group, kind) = match line.how {
            How::Deployment => ("apps", "Deployment"),
            How::Canary | How::BlueGreen => ("argoproj.io", "Rollout"),
        };
        metadata["annotations"] = json!({
            "argocd.argoproj.io/tracking-id": format!("{app}:{group}/{kind}:{namespace}/{name}"),
        });
    }
    metadata
}

fn template(line: &WorkloadLine, name: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{
            "name": "app",
            "image": line.image,
            "ports": [{"name": "metrics", "containerPort": 8080}],
        }]},
    })
}

fn deployment(line: &WorkloadLine, metadata: &Value, name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": line.replicas,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": line.deadline_seconds.unwrap_or(600),
            "selector": {"matchLabels": {"app": name}},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
            },
            "template": template(line, name),
        },
    })
}

fn rollout(line: &WorkloadLine, (metadata, strategy): (&Value, &Value), name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": metadata,
        "spec": {
            "replicas": line.replicas,
            "progressDeadlineSeconds": line.deadline_seconds.unwrap_or(600),
            "selector": {"matchLabels": {"app": name}},
            "strategy": strategy,
            "template": template(line, name),
        },
    })
}

fn canary(line: &WorkloadLine, name: &str) -> Result<Value, String> {
    let steps: Vec<Value> =
        line.steps.iter().map(|step| written(step)).collect::<Result<_, _>>()?;
    let mut canary = json!({"steps": steps});
    if line.routed {
        canary["canaryService"] = format!("{name}-canary").into();
        canary["stableService"] = format!("{name}-stable").into();
        canary["trafficRouting"] = json!({"nginx": {"stableIngress": name}});
    }
    Ok(canary)
}

/// A step as scenarios write it.
fn written(step: &str) -> Result<Value, String> {
    if let Some(weight) = step.strip_suffix('%') {
        let weight: u32 = weight.parse().map_err(|_| format!("{step:?} is no weight"))?;
        return Ok(json!({"setWeight": weight}));
    }
    match step.split_once(' ') {
        None if step == "pause" => Ok(json!({"pause": {}})),
        Some(("pause", duration)) => Ok(json!({"pause": {"duration": duration}})),
        _ => Err(format!("{step:?} is no step; write \"25%\", \"pause\" or \"pause 2m\"")),
    }
}

fn ingress(cluster: &mut Cluster, namespace: &str, name: &str) -> Result<(), String> {
    let backend = json!({"service": {"name": format!("{name}-stable"), "port": {"number": 80}}});
    let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
    let object = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "ingressClassName": "nginx",
            "rules": [{"host": format!("{name}.example.test"), "http": {"paths": [path]}}],
        },
    });
    put(cluster, Kind::Ingress, object)
}

fn service(cluster: &mut Cluster, namespace: &str, name: &str, app: &str) -> Result<(), String> {
    let object = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": 8080}]},
    });
    put(cluster, Kind::Service, object)
}
