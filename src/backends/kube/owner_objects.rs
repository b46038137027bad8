//! Objects of Argo CD, Flux and Kargo that decide over releases → what they tell of themselves. Pure and total; of the
//! objects that they list only the releases are kept (`reference/rollouts.md` §4.2 to §4.4).

use std::sync::Arc;

use serde_json::Value;

use super::fields::{Node, Reading};
use super::meta::Metadata;
use super::parts::NAMES_MAX;
use super::resource::Resource;
use crate::domain::ids::{Name, Namespace, WorkloadKind};
use crate::domain::owner::{
    Application, Automation, Deployed, Flux, Ignored, IgnoredField, Ignores, Managed, Repository,
    Source, Stage,
};
use crate::domain::text::Text;

/// Releases kept of one Application; more than one application that a person looks after.
const MANAGED_MAX: usize = 1_000;

/// Ignored fields kept of one owner.
const IGNORED_MAX: usize = 100;

/// What Argo CD takes for its own cluster.
const OWN_SERVER: &str = "https://kubernetes.default.svc";

/// The name of its own cluster.
const OWN_NAME: &str = "in-cluster";

/// An Application of Argo CD.
pub(super) fn application(object: &Value, reading: &mut Reading<'_>) -> Application {
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let metadata = Metadata::of(object);
    let health = status.at("health", "status.health");
    let sync = status.at("sync", "status.sync");
    let operation = status.at("operationState", "status.operationState");
    let phase = reading.text(operation, "phase");
    let asked = operation.at("operation", "status.operationState.operation");
    let asked = asked.at("sync", "status.operationState.operation.sync");
    let stage = metadata.annotations.word("kargo.akuity.io/authorized-stage");
    let stage = stage.and_then(|stage| stage.split_once(':'));
    Application {
        health: reading.text(health, "status"),
        message: reading.text(health, "message"),
        sync: reading.text(sync, "status"),
        operation: phase.map(|phase| (phase, reading.text(operation, "message"))),
        source: source(spec, reading),
        automation: automation(spec, &metadata, reading),
        deployed: deployed(status, reading),
        heals: reading.count(asked, "autoHealAttemptsCount").unwrap_or_default(),
        manages: manages(status, reading),
        ignores: ignores(spec, reading),
        elsewhere: elsewhere(spec, reading),
        stage: stage.map(|(project, name)| (reading.shared(project), reading.shared(name))),
    }
}

fn source(spec: Node<'_>, reading: &mut Reading<'_>) -> Source {
    let list = reading.list(spec, "sources");
    let (node, more) = match list.first() {
        Some(first) => (Node::entry(first, "spec.sources[]"), list.len() - 1),
        None => (spec.at("source", "spec.source"), 0),
    };
    Source {
        repo: reading.text_or_empty(node, "repoURL"),
        place: reading.text(node, "path").or_else(|| reading.text(node, "chart")),
        wanted: reading.text(node, "targetRevision"),
        more: u32::try_from(more).unwrap_or(u32::MAX),
    }
}

/// Automated is on where the block is there and not switched off in it.
fn automation(spec: Node<'_>, metadata: &Metadata<'_>, reading: &mut Reading<'_>) -> Automation {
    let is_skipped = metadata.annotations.word("argocd.argoproj.io/skip-reconcile");
    if is_skipped.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Automation::Skipped;
    }
    let policy = spec.at("syncPolicy", "spec.syncPolicy");
    let automated = policy.at("automated", "spec.syncPolicy.automated");
    if !automated.is_there() || reading.boolean(automated, "enabled") == Some(false) {
        return Automation::Off;
    }
    if reading.boolean(automated, "selfHeal") == Some(true) {
        Automation::Heals
    } else {
        Automation::Syncs
    }
}

/// The last deployment of the history, and the last different one before it; without a history what it compares with.
fn deployed(status: Node<'_>, reading: &mut Reading<'_>) -> Option<Deployed> {
    let revision = |entry: &Value| {
        let several = entry.pointer("/revisions/0").and_then(Value::as_str);
        let one = entry.get("revision").and_then(Value::as_str).filter(|it| !it.is_empty());
        one.or(several).map(str::to_owned)
    };
    let history = reading.list(status, "history");
    let Some(last) = history.last() else {
        let revision = revision(status.raw("sync"))?;
        return Some(Deployed { revision: reading.shared(&revision), ..Deployed::default() });
    };
    let now = revision(last)?;
    let before = history.iter().rev().filter_map(revision).find(|before| *before != now);
    let node = Node::entry(last, "status.history[]");
    let by = node.at("initiatedBy", "status.history[].initiatedBy");
    Some(Deployed {
        revision: reading.shared(&now),
        before: before.map(|before| reading.shared(&before)),
        at: reading.time(node, "deployedAt"),
        by: reading.text(by, "username"),
    })
}

/// The releases of `status.resources`.
fn manages(status: Node<'_>, reading: &mut Reading<'_>) -> Arc<[Managed]> {
    let resources = reading.list(status, "resources");
    let managed = resources.iter().filter_map(|entry| {
        let word = |key: &str| entry.get(key).and_then(Value::as_str);
        let (group, kind) = (word("group")?, word("kind")?);
        let kind = WorkloadKind::ALL.into_iter().find(|it| {
            let resource = Resource::of(*it);
            (resource.group, resource.kind) == (group, kind)
        })?;
        Some((kind, word("namespace").unwrap_or_default(), word("name")?))
    });
    managed
        .take(MANAGED_MAX)
        .map(|(kind, namespace, name)| Managed {
            kind,
            namespace: Namespace::from_text(reading.shared(namespace)),
            name: Name::from_text(reading.shared(name)),
        })
        .collect()
}

fn elsewhere(spec: Node<'_>, reading: &mut Reading<'_>) -> Option<Text> {
    let destination = spec.at("destination", "spec.destination");
    let server = destination.word("server").filter(|server| !server.is_empty());
    let name = destination.word("name").filter(|name| !name.is_empty());
    let other = server.filter(|server| *server != OWN_SERVER);
    let other = other.or(name.filter(|name| *name != OWN_NAME));
    other.map(|other| reading.shared(other))
}

/// `spec.ignoreDifferences`.
fn ignores(spec: Node<'_>, reading: &mut Reading<'_>) -> Ignores {
    /// A list of the entry, and what its words are.
    type Field = (&'static str, fn(Text) -> IgnoredField);
    const FIELDS: [Field; 3] = [
        ("jsonPointers", IgnoredField::Pointer),
        ("jqPathExpressions", IgnoredField::Jq),
        ("managedFieldsManagers", IgnoredField::Manager),
    ];
    let mut out = Vec::new();
    for entry in reading.list(spec, "ignoreDifferences") {
        let node = Node::entry(entry, "spec.ignoreDifferences[]");
        for (key, field) in FIELDS {
            for word in reading.list(node, key).iter().filter_map(Value::as_str) {
                out.push(Ignored {
                    kind: reading.text_or_empty(node, "kind"),
                    name: reading.text(node, "name"),
                    namespace: reading.text(node, "namespace"),
                    field: field(reading.shared(word)),
                });
            }
        }
    }
    out.truncate(IGNORED_MAX);
    let policy = spec.at("syncPolicy", "spec.syncPolicy");
    let mut options = reading.list(policy, "syncOptions").iter().filter_map(Value::as_str);
    let by_sync = options.any(|option| option == "RespectIgnoreDifferences=true");
    Ignores { fields: out.into(), by_sync }
}

/// A Kustomization of Flux.
pub(super) fn kustomization(object: &Value, reading: &mut Reading<'_>) -> Flux {
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let from = spec.at("sourceRef", "spec.sourceRef");
    let (repo, repository) = reference(from, object, reading);
    let revision = reading.text(status, "lastAppliedRevision");
    Flux {
        source: Source { repo, place: reading.text(spec, "path"), wanted: None, more: 0 },
        repository,
        deployed: revision.map(|revision| Deployed { revision, ..Deployed::default() }),
        ignores: spared_paths(spec, reading),
        ..shared(spec, reading)
    }
}

/// `spec.ignore` of a Kustomization.
fn spared_paths(spec: Node<'_>, reading: &mut Reading<'_>) -> Ignores {
    let mut out = Vec::new();
    for entry in reading.list(spec, "ignore") {
        let node = Node::entry(entry, "spec.ignore[]");
        let target = node.at("target", "spec.ignore[].target");
        for path in reading.list(node, "paths").iter().filter_map(Value::as_str) {
            out.push(Ignored {
                kind: reading.text_or_empty(target, "kind"),
                name: reading.text(target, "name"),
                namespace: reading.text(target, "namespace"),
                field: IgnoredField::Pointer(reading.shared(path)),
            });
        }
    }
    out.truncate(IGNORED_MAX);
    Ignores { fields: out.into(), by_sync: true }
}

/// A HelmRelease of Flux.
pub(super) fn helm_release(object: &Value, reading: &mut Reading<'_>) -> Flux {
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let chart = spec.at("chart", "spec.chart").at("spec", "spec.chart.spec");
    let by_name = spec.at("chartRef", "spec.chartRef");
    let from = if by_name.is_there() {
        by_name
    } else {
        chart.at("sourceRef", "spec.chart.spec.sourceRef")
    };
    let (repo, repository) = reference(from, object, reading);
    let drift = spec.at("driftDetection", "spec.driftDetection");
    Flux {
        drift: reading.text(drift, "mode"),
        source: Source {
            repo,
            place: reading.text(chart, "chart"),
            wanted: reading.text(chart, "version"),
            more: 0,
        },
        repository,
        deployed: released(status, reading),
        ..shared(spec, reading)
    }
}

/// The newest entry of a HelmRelease's history, and the chart before it.
fn released(status: Node<'_>, reading: &mut Reading<'_>) -> Option<Deployed> {
    let history = reading.list(status, "history");
    let version =
        |entry: &Value| entry.get("chartVersion").and_then(Value::as_str).map(str::to_owned);
    let last = history.first()?;
    let now = version(last)?;
    let before = history.iter().filter_map(version).find(|before| *before != now);
    let node = Node::entry(last, "status.history[]");
    Some(Deployed {
        revision: reading.shared(&now),
        before: before.map(|before| reading.shared(&before)),
        at: reading.time(node, "lastDeployed"),
        by: None,
    })
}

/// What both kinds of Flux share.
fn shared(spec: Node<'_>, reading: &mut Reading<'_>) -> Flux {
    Flux {
        suspend: reading.boolean(spec, "suspend").unwrap_or_default(),
        interval: reading.duration(spec, "interval"),
        elsewhere: spec.raw("kubeConfig").is_object(),
        ..Flux::default()
    }
}

/// A source in words, and which GitRepository it is, if it is one.
fn reference(
    from: Node<'_>,
    object: &Value,
    reading: &mut Reading<'_>,
) -> (Text, Option<(Namespace, Name)>) {
    let own = object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
    let (Some(kind), Some(name)) = (from.word("kind"), from.word("name")) else {
        return (Text::default(), None);
    };
    let namespace = from.word("namespace").unwrap_or(own);
    let repository = (kind == "GitRepository").then(|| {
        (Namespace::from_text(reading.shared(namespace)), Name::from_text(reading.shared(name)))
    });
    (reading.shared(&format!("{kind} {namespace}/{name}")), repository)
}

/// A GitRepository of Flux.
pub(super) fn repository(object: &Value, reading: &mut Reading<'_>) -> Repository {
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let wanted = spec.at("ref", "spec.ref");
    let artifact = status.at("artifact", "status.artifact");
    let wanted = ["commit", "name", "semver", "tag", "branch"]
        .into_iter()
        .find_map(|key| reading.text(wanted, key));
    Repository {
        suspend: reading.boolean(spec, "suspend").unwrap_or_default(),
        url: reading.text_or_empty(spec, "url"),
        wanted,
        revision: reading.text(artifact, "revision"),
    }
}

/// A Stage of Kargo.
pub(super) fn stage(object: &Value, reading: &mut Reading<'_>) -> Stage {
    let status = Node::root(object).at("status", "status");
    let health = status.at("health", "status.health");
    let issues = reading.list(health, "issues");
    let issues = issues.iter().filter_map(Value::as_str).take(NAMES_MAX);
    let issues: Arc<[Text]> = issues.map(|issue| reading.shared(issue)).collect();
    let promotion = status.at("currentPromotion", "status.currentPromotion");
    let window = status.at("promotionWindowStatus", "status.promotionWindowStatus");
    let is_closed = reading.boolean(window, "closed").unwrap_or_default();
    Stage {
        health: reading.text(health, "status"),
        issues,
        promotion: reading.text(promotion, "name"),
        closed: is_closed.then(|| reading.text_or_empty(window, "reason")),
        freight: reading.text(status, "freightSummary"),
        automatic: reading.boolean(status, "autoPromotionEnabled").unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fields::Words;
    use super::*;

    fn read<T>(object: &Value, with: fn(&Value, &mut Reading<'_>) -> T) -> (T, usize) {
        let mut words = Words::default();
        let mut reading = Reading::new(&mut words);
        let found = with(object, &mut reading);
        (found, reading.oddities().len())
    }

    fn orders() -> Value {
        json!({
            "metadata": { "name": "orders", "namespace": "argocd",
                "annotations": { "kargo.akuity.io/authorized-stage": "shop:prod" } },
            "spec": {
                "source": { "repoURL": "http://git/shop.git", "path": "orders", "targetRevision": "main" },
                "destination": { "server": "https://kubernetes.default.svc", "namespace": "gitops" },
                "syncPolicy": { "automated": { "selfHeal": true, "prune": true },
                    "syncOptions": ["CreateNamespace=true", "RespectIgnoreDifferences=true"] },
                "ignoreDifferences": [{ "group": "argoproj.io", "kind": "Rollout",
                    "jsonPointers": ["/spec/replicas"], "jqPathExpressions": [".spec.paused"],
                    "managedFieldsManagers": ["kube-controller-manager"] }],
            },
            "status": {
                "sync": { "status": "OutOfSync", "revision": "c3" },
                "health": { "status": "Healthy" },
                "history": [
                    { "id": 0, "revision": "c1", "deployedAt": "2026-01-01T00:00:00Z" },
                    { "id": 1, "revision": "c2", "deployedAt": "2026-01-02T00:00:00Z",
                        "initiatedBy": { "username": "dana" } },
                    { "id": 2, "revision": "c2", "deployedAt": "2026-01-03T00:00:00Z",
                        "initiatedBy": { "automated": true } },
                ],
                "operationState": { "phase": "Succeeded",
                    "operation": { "sync": { "autoHealAttemptsCount": 2 } } },
                "resources": [
                    { "kind": "Service", "namespace": "gitops", "name": "orders", "version": "v1" },
                    { "group": "argoproj.io", "kind": "Rollout", "namespace": "gitops", "name": "orders" },
                    { "group": "apps", "kind": "Rollout", "namespace": "gitops", "name": "fake" },
                ],
            },
        })
    }

    #[test]
    fn an_application_tells_source_policy_history_and_the_releases_it_manages() {
        let (found, odd) = read(&orders(), application);
        assert_eq!(odd, 0);
        assert_eq!(found.automation, Automation::Heals);
        assert_eq!(found.source.place.as_ref().map(Text::as_str), Some("orders"));
        let deployed = found.deployed.unwrap();
        assert_eq!((deployed.revision.as_str(), deployed.before), ("c2", Some(Text::from("c1"))));
        assert_eq!((deployed.at, deployed.by), ("2026-01-03T00:00:00Z".parse().ok(), None));
        assert_eq!((found.heals, found.manages.len()), (2, 1));
        assert_eq!(found.manages[0].kind, WorkloadKind::Rollout);
        assert_eq!((found.ignores.fields.len(), found.ignores.by_sync), (3, true));
        assert_eq!(found.elsewhere, None);
        assert_eq!(found.stage, Some((Text::from("shop"), Text::from("prod"))));
    }

    #[test]
    fn automation_is_what_the_policy_says_now() {
        let mut object = orders();
        for (automated, want) in [
            (json!({}), Automation::Syncs),
            (json!({ "selfHeal": false }), Automation::Syncs),
            (json!({ "selfHeal": true, "enabled": true }), Automation::Heals),
            (json!({ "selfHeal": true, "enabled": false }), Automation::Off),
            (json!(null), Automation::Off),
        ] {
            object["spec"]["syncPolicy"]["automated"] = automated;
            assert_eq!(read(&object, application).0.automation, want);
        }
        let skip = json!({ "argocd.argoproj.io/skip-reconcile": "true" });
        object["metadata"]["annotations"] = skip;
        assert_eq!(read(&object, application).0.automation, Automation::Skipped);
    }

    #[test]
    fn several_sources_other_clusters_and_no_history_are_read_too() {
        let mut object = orders();
        object["spec"]["sources"] = json!([
            { "repoURL": "http://charts", "chart": "orders", "targetRevision": "1.2.*" },
            { "repoURL": "http://git/values.git", "ref": "values" },
        ]);
        object["spec"]["destination"] = json!({ "name": "west" });
        object["status"]["history"] = json!([]);
        object["status"]["sync"] = json!({ "revisions": ["1.2.3", "c9"] });
        let found = read(&object, application).0;
        assert_eq!((found.source.repo.as_str(), found.source.more), ("http://charts", 1));
        assert_eq!(found.elsewhere, Some(Text::from("west")));
        assert_eq!(found.deployed.unwrap().revision.as_str(), "1.2.3");
        object["spec"]["destination"] = json!({ "name": "in-cluster" });
        assert_eq!(read(&object, application).0.elsewhere, None);
    }

    #[test]
    fn objects_of_flux_tell_source_interval_and_what_they_leave_alone() {
        let object = json!({
            "metadata": { "name": "orders", "namespace": "flux" },
            "spec": { "interval": "10m", "path": "./orders", "suspend": true,
                "sourceRef": { "kind": "GitRepository", "name": "shop" },
                "ignore": [{ "paths": ["/spec/replicas"], "target": { "kind": "Rollout" } }] },
            "status": { "lastAppliedRevision": "main@sha1:c2" },
        });
        let found = read(&object, kustomization).0;
        assert_eq!(found.interval, Some(std::time::Duration::from_mins(10)));
        assert_eq!(found.source.repo.as_str(), "GitRepository flux/shop");
        assert_eq!(found.repository, Some((Namespace::new("flux"), Name::new("shop"))));
        assert_eq!(found.deployed.unwrap().revision.as_str(), "main@sha1:c2");
        assert!(found.suspend && !found.elsewhere && found.ignores.fields.len() == 1);
        let object = json!({
            "metadata": { "name": "orders", "namespace": "flux" },
            "spec": { "driftDetection": { "mode": "enabled" }, "kubeConfig": {},
                "chart": { "spec": { "chart": "orders", "version": "1.x",
                    "sourceRef": { "kind": "HelmRepository", "name": "shop", "namespace": "charts" } } } },
            "status": { "history": [
                { "chartVersion": "1.4.0", "lastDeployed": "2026-01-03T00:00:00Z" },
                { "chartVersion": "1.4.0" }, { "chartVersion": "1.3.9" },
            ] },
        });
        let found = read(&object, helm_release).0;
        assert_eq!(found.source.repo.as_str(), "HelmRepository charts/shop");
        let deployed = found.deployed.unwrap();
        assert_eq!(
            (deployed.revision.as_str(), deployed.before),
            ("1.4.0", Some(Text::from("1.3.9")))
        );
        assert!(found.elsewhere && found.drift.is_some() && found.repository.is_none());
    }

    #[test]
    fn what_has_wrong_types_is_odd_and_the_rest_stands() {
        let object = json!({ "spec": { "source": 5, "syncPolicy": [], "ignoreDifferences": "x" },
            "status": { "history": {}, "resources": [1, {}], "health": { "status": "Healthy" } } });
        let (found, odd) = read(&object, application);
        assert_eq!((found.health, odd), (Some(Text::from("Healthy")), 2));
        let _ = read(&object, kustomization);
        let _ = read(&object, helm_release);
    }
}
