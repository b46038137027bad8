//! The objects of a scenario's workloads, as pipelines write them.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::arrivals::{digest, mix};
use super::controllers::settled::Born;
use super::kind::Kind;
use super::object::{set_meta, stamp};
use super::scenario::{Act, Analysis, Promotes, Raw, Router, Strategy, Workload, WorkloadKind};
use super::scenario_words::StepWords;

/// How far apart versions came, and how long ago the last one.
const RELEASE_EVERY: SignedDuration = SignedDuration::from_hours(70);

/// The kind of a workload, as the API has it.
pub(super) const fn kind_of(workload: &Workload) -> Kind {
    match workload.kind {
        WorkloadKind::Rollout => Kind::Rollout,
        // Somebody who releases changes the target.
        WorkloadKind::Deployment | WorkloadKind::Canary => Kind::Deployment,
        WorkloadKind::StatefulSet => Kind::StatefulSet,
        WorkloadKind::DaemonSet => Kind::DaemonSet,
    }
}

/// An object as the scenario has it; `None`: it is of a kind that nobody knows.
pub(super) fn raw(raw: &Raw, start: Timestamp) -> Option<(Kind, Value)> {
    let mut object = serde_json::to_value(&raw.object).ok()?;
    let text = |field: &str| object.pointer(field).and_then(Value::as_str);
    let kind = Kind::of(text("/apiVersion")?, text("/kind")?)?;
    if text("/metadata/creationTimestamp").is_none() {
        set_meta(&mut object, "creationTimestamp", stamp(start - RELEASE_EVERY));
    }
    Some((kind, object))
}

/// An analysis template.
pub(super) fn analysis_template(namespace: &str, name: &str, analysis: &Analysis) -> Value {
    let mut metric = json!({
        "name": name,
        "interval": analysis.interval.go(),
        "provider": {"prometheus": {
            "address": "http://prometheus.monitoring:9090",
            "query": analysis.query,
        }},
    });
    for (field, text) in
        [("successCondition", &analysis.success), ("failureCondition", &analysis.failure)]
    {
        if !text.is_empty() {
            metric[field] = text.as_str().into();
        }
    }
    for (field, limit) in [
        ("failureLimit", analysis.failure_limit),
        ("inconclusiveLimit", analysis.inconclusive_limit),
        ("count", analysis.count.unwrap_or(0)),
    ] {
        if limit > 0 {
            metric[field] = limit.into();
        }
    }
    let args = json!([{"name": "app"}, {"name": "hash"}]);
    json!({
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"args": args, "metrics": [metric]},
    })
}

/// An analysis block with templates.
fn block(app: &str, names: &[String]) -> Value {
    let templates: Vec<Value> = names.iter().map(|name| json!({"templateName": name})).collect();
    json!({
        "templates": templates,
        "args": [
            {"name": "app", "value": app},
            {"name": "hash", "valueFrom": {"podTemplateHashValue": "Latest"}},
        ],
    })
}

/// A workload to be made.
pub(super) fn born(workload: &Workload, (namespace, name): (&str, &str), start: Timestamp) -> Born {
    let kind = kind_of(workload);
    let labels = labels(workload, name);
    let (annotations, by) = ownership(workload, kind, (namespace, name));
    let mut spec = json!({
        "replicas": workload.replicas,
        "selector": {"matchLabels": {"app": name}},
    });
    match workload.kind {
        WorkloadKind::Rollout => spec["strategy"] = strategy(workload, name),
        WorkloadKind::Deployment | WorkloadKind::Canary => {
            let rolling = json!({"maxSurge": "25%", "maxUnavailable": "25%"});
            spec["strategy"] = json!({"type": "RollingUpdate", "rollingUpdate": rolling});
            spec["progressDeadlineSeconds"] = 600.into();
            spec["revisionHistoryLimit"] = 10.into();
        }
        WorkloadKind::StatefulSet => {
            spec["serviceName"] = name.into();
            spec["podManagementPolicy"] = "OrderedReady".into();
            let rolling = json!({"partition": 0});
            spec["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": rolling});
            spec["revisionHistoryLimit"] = 10.into();
        }
        WorkloadKind::DaemonSet => {
            let rolling = json!({"maxUnavailable": 1, "maxSurge": 0});
            spec["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": rolling});
            spec["revisionHistoryLimit"] = 10.into();
        }
    }
    let is_canary = workload.kind == WorkloadKind::Canary;
    if is_canary {
        spec["canary"] = json!({});
        overlay(&mut spec["canary"], &workload.spec);
    } else {
        overlay(&mut spec, &workload.spec);
    }
    let kind = if is_canary { Kind::Canary } else { kind };
    let count = i32::try_from(workload.tags.len()).unwrap_or(1);
    let versions = workload.tags.iter().zip(1..).map(|(tag, number)| {
        let offset = i64::try_from(digest(name) % 86_400).unwrap_or(0);
        let ago = RELEASE_EVERY * (count - number + 1) + SignedDuration::from_secs(offset);
        (template(workload, name, tag), start - ago)
    });
    let metadata =
        json!({"name": name, "namespace": namespace, "labels": labels, "annotations": annotations});
    Born { kind, metadata, spec, versions: versions.collect(), by }
}

fn labels(workload: &Workload, name: &str) -> Value {
    let mut labels = json!({"app": name});
    if let Some(team) = &workload.about.team {
        labels["team"] = team.as_str().into();
    }
    if let Some(flux) = &workload.about.flux {
        labels["kustomize.toolkit.fluxcd.io/name"] = flux.as_str().into();
        labels["kustomize.toolkit.fluxcd.io/namespace"] = "flux-system".into();
    }
    if workload.about.helm.is_some() {
        labels["app.kubernetes.io/managed-by"] = "Helm".into();
    }
    labels
}

/// Annotations of a workload, and the tool that writes it.
fn ownership(workload: &Workload, kind: Kind, place: (&str, &str)) -> (Value, String) {
    let (namespace, name) = place;
    let mut annotations: Map<String, Value> = workload
        .about
        .annotations
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    let mut by = "kubectl-client-side-apply";
    if let Some(application) = &workload.about.argocd {
        let facts = kind.facts();
        let id = format!("{application}:{}/{}:{namespace}/{name}", facts.group, facts.kind);
        annotations.insert("argocd.argoproj.io/tracking-id".into(), id.into());
        by = "argocd-controller";
    }
    if let Some(release) = &workload.about.helm {
        annotations.insert("meta.helm.sh/release-name".into(), release.as_str().into());
        annotations.insert("meta.helm.sh/release-namespace".into(), namespace.into());
        by = "helm";
    }
    if workload.about.flux.is_some() {
        by = "kustomize-controller";
    }
    (annotations.into(), by.to_owned())
}

/// The commit a tag was built of: made up, and always the same.
fn commit(image: &str, tag: &str) -> String {
    let seed = mix(digest(image), digest(tag));
    format!("{seed:016x}{:016x}{:08x}", mix(seed, 1), mix(seed, 2) >> 32)
}

/// People who commit.
const AUTHORS: [&str; 8] = ["dana", "lee", "sam", "ines", "omar", "kim", "vera", "noor"];

/// The annotations of the pods of a tag. What an act says of it goes before what is made up.
pub(super) fn pod_annotations(workload: &Workload, tag: &str, act: Option<&Act>) -> Value {
    let made = commit(&workload.image, tag);
    let commit = act.and_then(|act| act.commit.as_deref()).unwrap_or(&made);
    let build = digest(commit);
    let author = AUTHORS[usize::try_from(build % 8).unwrap_or(0)];
    let author = act.and_then(|act| act.author.as_deref()).unwrap_or(author);
    let mut annotations = json!({
        "prometheus.io/scrape": "true",
        "org.opencontainers.image.revision": commit,
        "org.opencontainers.image.authors": author,
        "build-id": format!("{}", 1_000 + build % 9_000),
    });
    for (name, value) in &workload.about.pods {
        let value = value.replace("{tag}", tag).replace("{commit}", commit);
        annotations[name] = value.into();
    }
    annotations
}

fn template(workload: &Workload, name: &str, tag: &str) -> Value {
    let mut labels = json!({"app": name});
    if let Some(team) = &workload.about.team {
        labels["team"] = team.as_str().into();
    }
    let probe = json!({"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5});
    let container = json!({
        "name": "app",
        "image": format!("{}:{tag}", workload.image),
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "PORT", "value": "8080"}],
        "readinessProbe": probe,
        "resources": {
            "requests": {"cpu": "250m", "memory": "256Mi"},
            "limits": {"memory": "512Mi"},
        },
    });
    json!({
        "metadata": {"labels": labels, "annotations": pod_annotations(workload, tag, None)},
        "spec": {"containers": [container]},
    })
}

fn strategy(workload: &Workload, name: &str) -> Value {
    match &workload.strategy {
        Strategy::Canary(it) => {
            let analysis = |template: &str| block(name, &[template.to_owned()]);
            let steps: Vec<Value> =
                it.steps.iter().map(|step: &StepWords| step.written(analysis)).collect();
            let mut canary = json!({"steps": steps});
            if !it.background.is_empty() {
                canary["analysis"] = block(name, &it.background);
                if let Some(from) = it.background_from {
                    canary["analysis"]["startingStep"] = from.into();
                }
            }
            if let Some(router) = it.router {
                canary["canaryService"] = format!("{name}-canary").into();
                canary["stableService"] = format!("{name}-stable").into();
                canary["trafficRouting"] = match router {
                    Router::Nginx => json!({"nginx": {"stableIngress": name}}),
                    Router::Istio => json!({"istio": {"virtualService": {"name": name}}}),
                    Router::Gateway => {
                        let route = json!({"httpRoute": name});
                        json!({"plugins": {"argoproj-labs/gatewayAPI": route}})
                    }
                };
            }
            overlay(&mut canary, &it.spec);
            json!({"canary": canary})
        }
        Strategy::BlueGreen(it) => {
            let mut blue_green = json!({
                "activeService": format!("{name}-active"),
                "previewService": format!("{name}-preview"),
            });
            match it.promotes {
                Promotes::AtOnce => {}
                Promotes::Human => blue_green["autoPromotionEnabled"] = false.into(),
                Promotes::After(span) => {
                    blue_green["autoPromotionSeconds"] = span.0.as_secs().into();
                }
            }
            for (field, names) in
                [("prePromotionAnalysis", &it.before), ("postPromotionAnalysis", &it.after)]
            {
                if !names.is_empty() {
                    blue_green[field] = block(name, names);
                }
            }
            overlay(&mut blue_green, &it.spec);
            json!({"blueGreen": blue_green})
        }
    }
}

/// Lays fields over an object.
fn overlay(object: &mut Value, fields: &toml::Table) {
    let Ok(Value::Object(fields)) = serde_json::to_value(fields) else { return };
    *object = super::patch::merge(std::mem::take(object), fields);
}

/// The services and the ingress of a Rollout, as its controller left them.
pub(super) fn services(workload: &Workload, place: (&str, &str), hash: &str) -> Vec<(Kind, Value)> {
    let (namespace, name) = place;
    let service = |role: &str| {
        let selector = json!({"app": name, "rollouts-pod-template-hash": hash});
        let metadata = json!({
            "name": format!("{name}-{role}"),
            "namespace": namespace,
            "labels": {"app": name},
            "annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": name},
        });
        let port = json!({"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"});
        let spec = json!({"selector": selector, "ports": [port], "type": "ClusterIP"});
        (Kind::Service, json!({"metadata": metadata, "spec": spec, "status": {"loadBalancer": {}}}))
    };
    match &workload.strategy {
        Strategy::BlueGreen(_) => vec![service("active"), service("preview")],
        Strategy::Canary(it) => match it.router {
            None => Vec::new(),
            Some(Router::Istio | Router::Gateway) => vec![service("canary"), service("stable")],
            Some(Router::Nginx) => {
                vec![
                    service("canary"),
                    service("stable"),
                    (Kind::Ingress, ingress(namespace, name)),
                ]
            }
        },
    }
}

fn ingress(namespace: &str, name: &str) -> Value {
    let backend = json!({"service": {"name": format!("{name}-stable"), "port": {"number": 80}}});
    let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
    let rule = json!({"host": format!("{name}.example.com"), "http": {"paths": [path]}});
    json!({
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ingressClassName": "nginx", "rules": [rule]},
        "status": {"loadBalancer": {}},
    })
}
