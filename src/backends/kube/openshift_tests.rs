//! DeploymentConfigs as OpenShift writes them, and what is read of them.

use serde_json::{Value, json};

use super::super::fields::Words;
use super::super::fleet::{Came, Fleet, FleetKey};
use super::super::pods;
use super::super::rows::{FleetKind, Maker};
use super::*;
use crate::analysis::rollout_status::{Health, status};
use crate::analysis::steps;
use crate::domain::ids::{Name, Namespace, WorkloadRef};
use crate::domain::text::Text;
use crate::domain::workload::Workload;

fn config_json() -> Value {
    json!({
        "apiVersion": "apps.openshift.io/v1", "kind": "DeploymentConfig",
        "metadata": { "name": "shop", "namespace": "demo", "uid": "dc", "generation": 5,
            "resourceVersion": "900" },
        "spec": {
            "replicas": 3, "revisionHistoryLimit": 10, "test": false,
            "selector": { "app": "shop", "deploymentconfig": "shop" },
            "strategy": { "type": "Rolling", "rollingParams": { "timeoutSeconds": 600 } },
            "template": { "metadata": { "labels": { "app": "shop" } },
                "spec": { "containers": [{ "name": "shop", "image": "registry/shop:2" }] } },
            "triggers": [{ "type": "ConfigChange" },
                { "type": "ImageChange", "imageChangeParams": { "automatic": true } }],
        },
        "status": {
            "latestVersion": 2, "observedGeneration": 5, "replicas": 4, "updatedReplicas": 1,
            "availableReplicas": 3, "unavailableReplicas": 1,
            "details": { "message": "config change", "causes": [{ "type": "ConfigChange" }] },
            "conditions": [
                { "type": "Available", "status": "True",
                    "message": "Deployment config has minimum availability." },
                { "type": "Progressing", "status": "True",
                    "reason": "ReplicationControllerUpdated",
                    "message": "replication controller \"shop-2\" is progressing" },
            ],
        },
    })
}

fn controller_json(number: u64, phase: &str, pods: u32) -> Value {
    let name = format!("shop-{number}");
    json!({
        "metadata": { "name": name, "namespace": "demo", "uid": name,
            "annotations": {
                "openshift.io/deployment-config.latest-version": number.to_string(),
                "openshift.io/deployment-config.name": "shop",
                "openshift.io/deployment.phase": phase,
                "openshift.io/deployment.status-reason": "config change" },
            "ownerReferences": [{ "apiVersion": "apps.openshift.io/v1", "controller": true,
                "kind": "DeploymentConfig", "name": "shop", "uid": "dc" }] },
        "spec": { "replicas": pods, "template": { "metadata": { "labels": {
            "app": "shop", "deployment": name, "deploymentconfig": "shop" } },
            "spec": { "containers": [
                { "name": "shop", "image": format!("registry/shop:{number}") }] } } },
        "status": { "replicas": pods, "readyReplicas": pods, "availableReplicas": pods },
    })
}

fn joined(config: &Value, controllers: &[Value]) -> Workload {
    let mut fleet = Fleet::default();
    let kind = FleetKind::Workloads(WorkloadKind::DeploymentConfig);
    for (kind, objects) in
        [(kind, std::slice::from_ref(config)), (FleetKind::Controllers, controllers)]
    {
        let cluster = ClusterName::new("east");
        let mut maker = Maker { cluster, kind, words: Words::default() };
        for object in objects {
            let row = maker.row(object, Timestamp::UNIX_EPOCH).expect("a row");
            fleet.put(&FleetKey { kind, namespace: None }, row, Came::Listed);
        }
    }
    let target = WorkloadRef {
        cluster: ClusterName::new("east"),
        namespace: Namespace::new("demo"),
        kind: WorkloadKind::DeploymentConfig,
        name: Name::new("shop"),
    };
    let parts = fleet.parts(&target).expect("parts");
    assert_eq!(parts.selector.as_deref(), Some("app=shop,deploymentconfig=shop"));
    fleet.workload(&target).expect("a workload")
}

#[test]
fn a_config_on_its_way_has_its_newest_controller_as_the_new_version() {
    let controllers = [controller_json(1, "Complete", 3), controller_json(2, "Running", 1)];
    let workload = joined(&config_json(), &controllers);
    let Controller::DeploymentConfig(facts) = &workload.controller else { panic!("{workload:?}") };
    assert_eq!((facts.paused, facts.test, facts.latest), (false, false, Some(Revision(2))));
    assert_eq!(facts.triggers, Triggers { config: true, image: true });
    assert_eq!((workload.strategy, workload.oddities.len()), (Strategy::RollingUpdate, 0));
    let name =
        |set: Option<&crate::domain::workload::ReplicaSet>| set.map(|it| it.name.to_string());
    assert_eq!(name(steps::canary(&workload)).as_deref(), Some("shop-2"));
    assert_eq!(name(steps::stable(&workload)).as_deref(), Some("shop-1"));
    let deployer = workload.revisions[0].deployer.as_ref().expect("a deployer");
    assert_eq!(
        (deployer.phase.as_str(), deployer.reason.as_ref().map(Text::as_str)),
        ("Running", Some("config change"))
    );
    let said = status(&workload);
    assert_eq!((said.health, said.phase), (Health::Progressing, Some(Text::from("Running"))));
    let words = "Waiting for rollout to finish: 1 out of 3 new replicas have been updated...";
    assert_eq!(said.message, Some(Text::from(words)));
}

#[test]
fn a_pod_of_a_config_belongs_to_its_controller() {
    let object = json!({ "metadata": { "name": "shop-2-x", "labels": { "deployment": "shop-2" },
        "ownerReferences": [{ "kind": "ReplicationController", "controller": true, "uid": "rc" }] } });
    let pod = pods::pod(&object, &mut Reading::new(&mut Words::default()));
    assert_eq!(pod.hash, Some(PodHash::new("shop-2")));
    assert_eq!(pod.replica_set, Some(Uid::new("rc")));
}

#[test]
fn a_version_is_compared_without_what_names_it() {
    let of = |number| {
        without_additions(controller_json(number, "Complete", 1)["spec"]["template"].take())
    };
    let (mut one, two) = (of(1), of(2));
    assert_ne!(one, two, "the image differs");
    one["spec"] = two["spec"].clone();
    assert_eq!(one, two);
    assert_eq!(one["metadata"]["labels"], json!({ "app": "shop" }));
    assert_eq!(without_additions(json!([])), json!([]));
}

#[test]
fn what_is_odd_is_said_and_controllers_of_nobody_are_none_of_ours() {
    let mut config = config_json();
    config["spec"]["triggers"] = json!([{ "type": "Moon" }, 7]);
    config["spec"]["strategy"]["type"] = "Sideways".into();
    config["status"]["latestVersion"] = "two".into();
    config["spec"]["paused"] = "yes".into();
    let workload = joined(&config, &[]);
    let Controller::DeploymentConfig(facts) = &workload.controller else { panic!("{workload:?}") };
    assert_eq!((facts.paused, facts.latest, &facts.current), (false, None, &None));
    assert_eq!(workload.strategy, Strategy::Unknown);
    let odd = workload.oddities.iter().map(Text::as_str).collect::<Vec<_>>().join("; ");
    for key in ["triggers", "strategy", "latestVersion", "paused"] {
        assert!(odd.contains(key), "{key}: {odd}");
    }
    let mut words = Words::default();
    let mut alone = controller_json(1, "Complete", 1);
    alone["metadata"]["ownerReferences"] = json!([]);
    assert!(controller(&alone, Reading::new(&mut words)).is_none());
    let cluster = ClusterName::new("east");
    for hostile in [json!(null), json!([]), json!({ "spec": [], "status": 7 })] {
        let reading = Reading::new(&mut words);
        let _ = config_of(&hostile, &cluster, reading);
        assert!(controller(&hostile, Reading::new(&mut words)).is_none());
    }
}

fn config_of(object: &Value, cluster: &ClusterName, reading: Reading<'_>) -> Known {
    config(object, cluster, Timestamp::UNIX_EPOCH, reading)
}
