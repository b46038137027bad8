//! Answers questions about a cluster's objects: logs, objects as YAML, two pod templates side by side, pods' counters. Exactly one answer
//! each, within ten seconds (or what `--request-timeout` says).

use serde_json::Value;

use super::cluster::{Cluster, Link};
use super::lean;
use super::meta::{HASH_LABELS, Metadata};
use super::openshift;
use super::past;
use super::resource::{
    CONTROLLER_REVISIONS, DEPLOYMENTS, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, Resource,
    with_query,
};
use super::scrape;
use super::trouble;
use super::wire::{About, Ask};
use crate::domain::feed::{Answer, LogLife, Query, RevisionPair, Trouble};
use crate::domain::ids::{Name, Namespace, PodHash, WorkloadKind, WorkloadRef};
use crate::domain::observed::Observed;
use crate::domain::text::{BLOCK_BYTES_MAX, Block, Text};

/// Lines of a log that are read: more than any screen, little enough for a slow line.
const LOG_LINES: &str = "500";

/// ReplicaSets that may carry one hash: one per workload of that namespace at most, usually one.
const SETS_BYTES_MAX: usize = 4 << 20;

/// Answers a question; one that belongs to another backend is not configured here.
pub async fn answer(cluster: &Cluster, query: &Query) -> Answer {
    let after = cluster.deadline();
    match tokio::time::timeout(after, ask(cluster, query)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(trouble)) => Answer::Failed(trouble),
        Err(_elapsed) => Answer::Failed(Trouble::TimedOut { after }),
    }
}

async fn ask(cluster: &Cluster, query: &Query) -> Result<Answer, Trouble> {
    match query {
        Query::Compare(_) | Query::Charts { .. } | Query::Look { .. } | Query::Record => {
            Err(Trouble::NotConfigured)
        }
        Query::Scrape { target, pods } => {
            let look = scrape::look(cluster, target, pods).await?;
            Ok(Answer::Look(Observed::new(look, cluster.now())))
        }
        Query::Past { kinds, .. } => {
            let past = past::past(cluster, kinds).await?;
            Ok(Answer::Past(Observed::new(past, cluster.now())))
        }
        Query::Log { namespace, pod, container, life, .. } => {
            let block = log(&cluster.link().await?, namespace, pod, (container, *life)).await?;
            Ok(Answer::Block(Observed::new(block, cluster.now())))
        }
        Query::Yaml(target) => {
            let object = object(&cluster.link().await?, target).await?;
            Ok(Answer::Block(Observed::new(yaml(object)?, cluster.now())))
        }
        Query::Templates(pair) => {
            let templates = templates(&cluster.link().await?, pair).await?;
            Ok(Answer::Templates(Observed::new(Box::new(templates), cluster.now())))
        }
    }
}

async fn log(
    link: &Link,
    namespace: &Namespace,
    pod: &Name,
    (container, life): (&Name, LogLife),
) -> Result<Block, Trouble> {
    let bytes = BLOCK_BYTES_MAX.to_string();
    let previous = match life {
        LogLife::Current => "false",
        LogLife::Previous => "true",
    };
    let query = [
        ("container", container.as_str()),
        ("tailLines", LOG_LINES),
        ("limitBytes", bytes.as_str()),
        ("previous", previous),
    ];
    let path = with_query(format!("{}/log", PODS.object(namespace, pod)), &query);
    let about = About::object("get", PODS, namespace, pod).with_subresource("log");
    // A server may round its limit up to a whole line.
    let ask = Ask::get(path, about).at_most(2 * BLOCK_BYTES_MAX);
    let reply = link.reading().call(&ask).await.map_err(|fault| fault.trouble)?;
    if !reply.is_success() {
        return Err(trouble::of_reply(&reply, &ask.about));
    }
    Ok(Block::clean(&String::from_utf8_lossy(&reply.body)))
}

async fn get(
    link: &Link,
    resource: Resource,
    namespace: &Namespace,
    name: &Name,
) -> Result<Value, Trouble> {
    let about = About::object("get", resource, namespace, name);
    link.reading().json(&Ask::get(resource.object(namespace, name), about)).await
}

async fn object(link: &Link, target: &WorkloadRef) -> Result<Value, Trouble> {
    get(link, Resource::of(target.kind), &target.namespace, &target.name).await
}

/// As YAML, without what only machines read.
fn yaml(mut object: Value) -> Result<Block, Trouble> {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    block(&object)
}

fn block(value: &Value) -> Result<Block, Trouble> {
    let text = serde_saphyr::to_string(value)
        .map_err(|_error| Trouble::BadAnswer(Text::clean("an object that YAML cannot hold")))?;
    Ok(Block::clean(&text))
}

/// The templates of canary and stable. A canary without ReplicaSet yet is the workload's own template.
async fn templates(link: &Link, pair: &RevisionPair) -> Result<(Block, Block), Trouble> {
    let canary = async {
        match &pair.canary {
            Some(hash) => of_revision(link, &pair.target, hash).await,
            None => of_workload(link, &pair.target).await,
        }
    };
    let stable = async {
        match &pair.stable {
            Some(hash) => of_revision(link, &pair.target, hash).await,
            None => Err(Trouble::NotFound(Text::clean("a stable revision"))),
        }
    };
    let (canary, stable) = futures::try_join!(canary, stable)?;
    Ok((block(&canary)?, block(&stable)?))
}

async fn of_revision(link: &Link, target: &WorkloadRef, hash: &PodHash) -> Result<Value, Trouble> {
    let label = match target.kind {
        WorkloadKind::Rollout | WorkloadKind::Experiment => HASH_LABELS[0],
        WorkloadKind::Deployment | WorkloadKind::Canary => HASH_LABELS[1],
        WorkloadKind::DeploymentConfig => return of_controller(link, target, hash).await,
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => {
            return of_controller_revision(link, target, hash).await;
        }
    };
    let selector = format!("{label}={hash}");
    let collection = REPLICA_SETS.collection(Some(&target.namespace));
    let path = with_query(collection, &[("labelSelector", &selector), ("limit", "50")]);
    let about = About::collection("list", REPLICA_SETS, Some(&target.namespace));
    let ask = Ask::get(path, about).at_most(SETS_BYTES_MAX);
    let reply = link.reading().call(&ask).await.map_err(|fault| fault.trouble)?;
    if !reply.is_success() {
        return Err(trouble::of_reply(&reply, &ask.about));
    }
    let mut found = None;
    lean::page(&reply.body, &mut |mut set| {
        if is_owned(&set, target) {
            found = set.pointer_mut("/spec/template").map(Value::take);
        }
    })
    .map_err(|error| trouble::of_json(&reply, &error))?;
    let missing = || Trouble::NotFound(Text::clean(&format!("the ReplicaSet of revision {hash}")));
    found.map(without_hash).ok_or_else(missing)
}

/// The template of a ReplicationController, without what OpenShift adds to that of the DeploymentConfig.
async fn of_controller(
    link: &Link,
    target: &WorkloadRef,
    hash: &PodHash,
) -> Result<Value, Trouble> {
    let name = Name::new(hash.as_str());
    let mut found = get(link, REPLICATION_CONTROLLERS, &target.namespace, &name).await?;
    let template = found.pointer_mut("/spec/template").map(Value::take);
    let missing = || Trouble::NotFound(Text::clean(&format!("the pod template of {name}")));
    template.map(openshift::without_additions).ok_or_else(missing)
}

/// The template of a ControllerRevision: its name is the hash (StatefulSet), or ends with it (DaemonSet).
async fn of_controller_revision(
    link: &Link,
    target: &WorkloadRef,
    hash: &PodHash,
) -> Result<Value, Trouble> {
    let name = match target.kind {
        WorkloadKind::DaemonSet => Name::new(&format!("{}-{hash}", target.name)),
        WorkloadKind::StatefulSet
        | WorkloadKind::Rollout
        | WorkloadKind::Canary
        | WorkloadKind::DeploymentConfig
        | WorkloadKind::Experiment
        | WorkloadKind::Deployment => Name::new(hash.as_str()),
    };
    let mut found = get(link, CONTROLLER_REVISIONS, &target.namespace, &name).await?;
    let template = found.pointer_mut("/data/spec/template").map(Value::take);
    let missing = || Trouble::NotFound(Text::clean(&format!("the pod template of {name}")));
    let mut template = template.map(without_hash).ok_or_else(missing)?;
    if let Some(template) = template.as_object_mut() {
        // The revision is a patch that replaces the whole template.
        template.remove("$patch");
    }
    Ok(template)
}

fn is_owned(set: &Value, target: &WorkloadRef) -> bool {
    Metadata::of(set).owners().iter().any(|owner| {
        let field = |key: &str| owner.get(key).and_then(Value::as_str);
        field("kind") == Some(target.kind.name()) && field("name") == Some(target.name.as_str())
    })
}

/// The template that is wanted now: the workload's own, or that of the Deployment it names.
async fn of_workload(link: &Link, target: &WorkloadRef) -> Result<Value, Trouble> {
    let mut own = object(link, target).await?;
    let named = own.pointer("/spec/workloadRef/name").and_then(Value::as_str).map(Name::new);
    let kind = own.pointer("/spec/workloadRef/kind").and_then(Value::as_str);
    if let (Some(name), Some("Deployment")) = (named, kind) {
        own = get(link, DEPLOYMENTS, &target.namespace, &name).await?;
    }
    let template = own.pointer_mut("/spec/template").map(Value::take);
    let missing = || Trouble::NotFound(Text::clean(&format!("the pod template of {target}")));
    template.map(without_hash).ok_or_else(missing)
}

/// Two templates differ in their hash always, and that is no difference.
fn without_hash(mut template: Value) -> Value {
    if let Some(metadata) = template.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("creationTimestamp");
        if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
            for label in HASH_LABELS {
                labels.remove(label);
            }
        }
    }
    template
}
