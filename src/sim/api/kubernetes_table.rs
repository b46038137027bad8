//! Objects as rows of a table and as metadata only: what a client gets that asks for less.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kubernetes_cells as cells;
use super::kubernetes_path::Form;
use super::kubernetes_reply::{Payload, Reply};
use crate::sim::kind::Kind;
use crate::sim::status::Status;

/// A column: name, type, what it shows, priority (0: always, 1: only in wide tables).
type Column = (&'static str, &'static str, &'static str, u8);

/// One object in a form.
pub(super) fn one(
    kind: Kind,
    object: Arc<Value>,
    form: Form,
    include: &str,
    now: Timestamp,
) -> Result<Reply, Status> {
    match form {
        Form::Object => Ok(Reply::new(200, Payload::Shared(object))),
        Form::Metadata => Ok(Reply::json(metadata_of(&object))),
        Form::Table => {
            let metadata = json!({"resourceVersion": object.pointer("/metadata/resourceVersion")});
            Ok(Reply::json(table(kind, &metadata, &[object], include, now)?))
        }
        Form::Discovery => Err(Status::new(406, "NotAcceptable", "no such form")),
    }
}

/// The metadata of an object as an object of its own.
pub(super) fn metadata_of(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object.get("metadata"),
    })
}

/// A table of objects.
///
/// # Errors
/// 400 if it is not known what rows should include.
pub(super) fn table(
    kind: Kind,
    metadata: &Value,
    objects: &[Arc<Value>],
    include: &str,
    now: Timestamp,
) -> Result<Value, Status> {
    let with = |object: &Value| match include {
        "" | "Metadata" => Some(metadata_of(object)),
        "Object" => Some(object.clone()),
        "None" => Some(Value::Null),
        _ => None,
    };
    let row = |object: &Arc<Value>| {
        Some(json!({"cells": cells::of(kind, object, now), "object": with(object)?}))
    };
    let Some(rows) = objects.iter().map(row).collect::<Option<Vec<Value>>>() else {
        return Err(Status::bad_request(format!(
            "Unable to convert to Table as requested: includeObject: Invalid value: \"{include}\": \
             must be 'Metadata', 'Object', 'None', or empty"
        )));
    };
    let columns: Vec<Value> = columns(kind)
        .iter()
        .map(|(name, sort, told, priority)| {
            let format = if *name == "Name" { "name" } else { "" };
            json!({
                "name": name, "type": sort, "format": format, "description": told,
                "priority": priority,
            })
        })
        .collect();
    Ok(json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": columns,
        "rows": rows,
    }))
}

const NAME: Column = ("Name", "string", "The object's name.", 0);
const AGE: Column = ("Age", "string", "Time since it was created.", 0);
const AGE_DATE: Column = ("Age", "date", "Time since it was created.", 0);
const CONTAINERS: Column = ("Containers", "string", "Names of the template's containers.", 1);
const IMAGES: Column = ("Images", "string", "Images of the template's containers.", 1);
const SELECTOR: Column = ("Selector", "string", "Labels of the pods that belong to it.", 1);

const POD: &[Column] = &[
    NAME,
    ("Ready", "string", "Containers that are ready, of all.", 0),
    ("Status", "string", "What the pod is doing, in a word.", 0),
    ("Restarts", "string", "How often containers started again.", 0),
    AGE,
    ("IP", "string", "Its address.", 1),
    ("Node", "string", "Where it runs.", 1),
    ("Nominated Node", "string", "Where it may run soon.", 1),
    ("Readiness Gates", "string", "Further conditions of being ready.", 1),
];
const DEPLOYMENT: &[Column] = &[
    NAME,
    ("Ready", "string", "Ready pods, of those desired.", 0),
    ("Up-to-date", "string", "Pods of the newest template.", 0),
    ("Available", "string", "Pods ready for long enough.", 0),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];
const REPLICA_SET: &[Column] = &[
    NAME,
    ("Desired", "integer", "Pods desired.", 0),
    ("Current", "integer", "Pods that exist.", 0),
    ("Ready", "integer", "Pods that are ready.", 0),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];
const STATEFUL_SET: &[Column] =
    &[NAME, ("Ready", "string", "Ready pods, of those desired.", 0), AGE, CONTAINERS, IMAGES];
const DAEMON_SET: &[Column] = &[
    NAME,
    ("Desired", "integer", "Nodes that should run it.", 0),
    ("Current", "integer", "Nodes that run it.", 0),
    ("Ready", "integer", "Nodes whose pod is ready.", 0),
    ("Up-to-date", "integer", "Nodes that run the newest template.", 0),
    ("Available", "integer", "Nodes whose pod was ready for long enough.", 0),
    ("Node Selector", "string", "Labels of the nodes that run it.", 0),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];
const ROLLOUT: &[Column] = &[
    NAME,
    ("Desired", "integer", "Pods desired.", 0),
    ("Current", "integer", "Pods that exist.", 0),
    ("Up-to-date", "integer", "Pods of the newest template.", 0),
    ("Available", "integer", "Pods ready for long enough.", 0),
    AGE_DATE,
];
const RUN: &[Column] = &[NAME, ("Status", "string", "Its phase.", 0), AGE_DATE];
const TEMPLATE: &[Column] = &[NAME, AGE_DATE];
const EVENT: &[Column] = &[
    ("Last Seen", "string", "When it last happened.", 0),
    ("Type", "string", "Normal or Warning.", 0),
    ("Reason", "string", "What happened, in a word.", 0),
    ("Object", "string", "What it is about.", 0),
    ("Subobject", "string", "Which part of it.", 1),
    ("Source", "string", "Who tells it.", 1),
    ("Message", "string", "What happened.", 0),
    ("First Seen", "string", "When it first happened.", 1),
    ("Count", "string", "How often.", 1),
    ("Name", "string", "The object's name.", 1),
];
const NODE: &[Column] = &[
    NAME,
    ("Status", "string", "Whether it is ready.", 0),
    ("Roles", "string", "What it is for.", 0),
    AGE,
    ("Version", "string", "Version of its kubelet.", 0),
    ("Internal-IP", "string", "Its address inside.", 1),
    ("External-IP", "string", "Its address outside.", 1),
    ("OS-Image", "string", "Its system.", 1),
    ("Kernel-Version", "string", "Its kernel.", 1),
    ("Container-Runtime", "string", "What runs its containers.", 1),
];
const SERVICE: &[Column] = &[
    NAME,
    ("Type", "string", "How it is reached.", 0),
    ("Cluster-IP", "string", "Its address inside.", 0),
    ("External-IP", "string", "Its address outside.", 0),
    ("Port(s)", "string", "Its ports.", 0),
    AGE,
    SELECTOR,
];
const NAMESPACE: &[Column] = &[NAME, ("Status", "string", "Active or Terminating.", 0), AGE];
const CONFIG_MAP: &[Column] = &[NAME, ("Data", "string", "How many keys it holds.", 0), AGE];
const CONTROLLER_REVISION: &[Column] = &[
    NAME,
    ("Controller", "string", "Whose revision it is.", 0),
    ("Revision", "string", "Its number.", 0),
    AGE,
];
const JOB: &[Column] = &[
    NAME,
    ("Status", "string", "Whether it is done.", 0),
    ("Completions", "string", "Pods that are done, of those wanted.", 0),
    ("Duration", "string", "How long it took.", 0),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];
const LEASE: &[Column] = &[NAME, ("Holder", "string", "Who holds it.", 0), AGE];
const INGRESS: &[Column] = &[
    NAME,
    ("Class", "string", "Which controller serves it.", 0),
    ("Hosts", "string", "Hosts it answers for.", 0),
    ("Address", "string", "Where it is reached.", 0),
    ("Ports", "string", "On which ports.", 0),
    AGE,
];
const CANARY: &[Column] = &[
    NAME,
    ("Status", "string", "Its phase.", 0),
    ("Weight", "string", "Traffic of the canary in percent.", 0),
    ("Suspended", "boolean", "Whether it is suspended.", 1),
    ("FailedChecks", "string", "Checks that failed so far.", 1),
    ("Interval", "string", "Time between checks.", 1),
    ("Mirror", "boolean", "Whether traffic is mirrored.", 1),
    ("StepWeight", "string", "Weight of a step.", 1),
    ("StepWeights", "string", "Weights of the steps.", 1),
    ("MaxWeight", "string", "Weight of the last step.", 1),
    ("LastTransitionTime", "string", "When its phase last changed.", 0),
];
const HTTP_ROUTE: &[Column] =
    &[NAME, ("Hostnames", "string", "Hosts it answers for.", 0), AGE_DATE];

/// The columns of a kind.
const fn columns(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Pod => POD,
        Kind::Deployment => DEPLOYMENT,
        Kind::ReplicaSet => REPLICA_SET,
        Kind::StatefulSet => STATEFUL_SET,
        Kind::DaemonSet => DAEMON_SET,
        Kind::Rollout => ROLLOUT,
        Kind::AnalysisRun | Kind::Experiment => RUN,
        Kind::AnalysisTemplate | Kind::ClusterAnalysisTemplate => TEMPLATE,
        Kind::Event => EVENT,
        Kind::Node => NODE,
        Kind::Service => SERVICE,
        Kind::Namespace => NAMESPACE,
        Kind::ConfigMap => CONFIG_MAP,
        Kind::ControllerRevision => CONTROLLER_REVISION,
        Kind::Job => JOB,
        Kind::Lease => LEASE,
        Kind::Ingress => INGRESS,
        Kind::Canary => CANARY,
        Kind::HttpRoute => HTTP_ROUTE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::kind::KINDS;

    #[test]
    fn every_row_has_a_cell_for_each_column_whatever_the_object_lacks() {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        for kind in KINDS {
            for object in [json!({}), json!({"metadata": {"name": "web"}, "spec": 3})] {
                let rows = [Arc::new(object)];
                let table = table(kind, &json!({}), &rows, "None", now).unwrap();
                let columns = table["columnDefinitions"].as_array().unwrap().len();
                let cells = table["rows"][0]["cells"].as_array().unwrap().len();
                assert_eq!(cells, columns, "{kind:?}");
            }
        }
    }

    #[test]
    fn rows_include_what_is_asked_for() {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let rows = [Arc::new(json!({"metadata": {"name": "web"}, "spec": {}}))];
        let object = |include| {
            let table = table(Kind::Rollout, &json!({}), &rows, include, now);
            table.map(|table| table["rows"][0]["object"].clone())
        };
        assert_eq!(object("").unwrap()["kind"], "PartialObjectMetadata");
        assert_eq!(object("Object").unwrap()["spec"], json!({}));
        assert_eq!(object("None").unwrap(), Value::Null);
        assert_eq!(object("Foo").unwrap_err().code, 400);
    }
}
