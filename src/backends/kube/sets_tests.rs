//! StatefulSets and DaemonSets recorded from the live control plane (API server 1.36.3), and what is read of them.

use std::path::Path;

use serde_json::{Value, json};

use super::fields::{Reading, Words};
use super::fleet::{Came, Fleet, FleetKey};
use super::pods;
use super::rows::{FleetKind, Maker};
use crate::analysis::rollout_status::{Health, status};
use crate::analysis::steps;
use crate::control::plan::HELD_ANNOTATION;
use crate::domain::detail::Pod;
use crate::domain::ids::{
    ClusterName, Generation, Name, Namespace, PodHash, Revision, WorkloadKind, WorkloadRef,
};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;
use crate::domain::workload::{Controller, DaemonSetFacts, StatefulSetFacts, Strategy, Workload};

const FIRST: &str = "ledger-7bc6956879";
const BAD: &str = "ledger-74db768ff6";

fn recorded(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/objects").join(file);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    super::lean::object(&bytes).expect("JSON")
}

fn items(file: &str) -> Vec<Value> {
    recorded(file)["items"].as_array().expect("items").clone()
}

/// The workload with its revisions, as the fleet joins them.
fn joined(kind: WorkloadKind, object: &Value, revisions: &[Value]) -> Workload {
    let mut fleet = Fleet::default();
    let target = WorkloadRef {
        cluster: ClusterName::new("east"),
        namespace: Namespace::new("shop"),
        kind,
        name: Name::new(object["metadata"]["name"].as_str().expect("a name")),
    };
    let own = (FleetKind::Workloads(kind), std::slice::from_ref(object));
    for (kind, objects) in [own, (FleetKind::Revisions, revisions)] {
        let mut maker = Maker { cluster: target.cluster.clone(), kind, words: Words::default() };
        let key = FleetKey { kind, namespace: None };
        for object in objects {
            let row = maker.row(object, Timestamp::UNIX_EPOCH).expect("a row");
            fleet.put(&key, row, Came::Listed);
        }
    }
    fleet.workload(&target).expect("a workload")
}

fn ledger(state: &str, revisions: &str) -> Workload {
    let object = recorded(&format!("statefulset-ledger-{state}.json"));
    let revisions = items(&format!("revisions-ledger-{revisions}.json"));
    joined(WorkloadKind::StatefulSet, &object, &revisions)
}

fn agent(state: &str) -> Workload {
    let object = recorded(&format!("daemonset-agent-{state}.json"));
    joined(WorkloadKind::DaemonSet, &object, &items("revisions-agent-stuck.json"))
}

fn stateful(workload: &Workload) -> &StatefulSetFacts {
    let Controller::StatefulSet(facts) = &workload.controller else { panic!("no StatefulSet") };
    facts
}

fn daemon(workload: &Workload) -> &DaemonSetFacts {
    let Controller::DaemonSet(facts) = &workload.controller else { panic!("no DaemonSet") };
    facts
}

fn said(workload: &Workload) -> (Health, String) {
    let status = status(workload);
    (status.health, status.message.map(|it| it.to_string()).unwrap_or_default())
}

fn read_pods(file: &str) -> Vec<Pod> {
    let mut words = Words::default();
    items(file).iter().map(|item| pods::pod(item, &mut Reading::new(&mut words))).collect()
}

#[test]
fn a_stateful_set_is_read_in_every_recorded_state() {
    let updating = "Waiting for 1 pods to be ready...";
    let held = "held at partition 2: 1 of 3 pods updated";
    let table = [
        ("healthy", 1, (FIRST, FIRST), (Health::Healthy, "")),
        ("stuck", 2, (FIRST, BAD), (Health::Progressing, updating)),
        ("undone", 3, (FIRST, FIRST), (Health::Progressing, updating)),
        ("recovered", 3, (FIRST, FIRST), (Health::Healthy, "")),
        ("held", 5, (FIRST, "ledger-7cf54c9885"), (Health::Suspended, held)),
    ];
    for (state, observed, (current, wanted), (health, words)) in table {
        let workload = ledger(state, "held");
        let facts = stateful(&workload);
        assert_eq!(&*workload.oddities, &[] as &[Text], "{state}");
        assert_eq!(facts.observed_generation, Some(Generation(observed)), "{state}");
        assert_eq!(facts.current, Some(PodHash::new(current)), "{state}");
        assert_eq!(facts.wanted, Some(PodHash::new(wanted)), "{state}");
        assert_eq!(facts.partition, Some(if state == "held" { 2 } else { 0 }), "{state}");
        assert!(facts.is_ordered && facts.held_from.is_none() && !workload.hand_paused());
        assert_eq!(said(&workload), (health, words.to_owned()), "{state}");
        assert_eq!(workload.replicas.desired, Some(3));
    }
}

#[test]
fn controller_revisions_are_its_history_with_the_pods_that_it_tells_of() {
    let workload = ledger("held", "held");
    let told: Vec<_> = workload
        .revisions
        .iter()
        .map(|set| (set.revision, set.name.as_str(), set.replicas.current))
        .collect();
    assert_eq!(
        told,
        [
            (Some(Revision(4)), "ledger-7cf54c9885", Some(1)),
            (Some(Revision(3)), FIRST, Some(2)),
            // Two changes in a row: nobody counts the pods of a third revision.
            (Some(Revision(2)), BAD, None),
        ]
    );
    let image = &workload.revisions[0].images[0].image;
    assert_eq!(image.as_str(), "registry.example.test/shop/ledger:3.0.0");
    assert_eq!(steps::canary(&workload).map(|set| set.revision), Some(Some(Revision(4))));
    assert_eq!(steps::stable(&workload).map(|set| set.revision), Some(Some(Revision(3))));
}

#[test]
fn pods_of_a_stateful_set_are_of_its_revisions_and_know_since_when_they_are_not_ready() {
    let stuck = ledger("stuck", "undone");
    let pods = read_pods("pods-ledger-stuck.json");
    let told: Vec<_> = pods
        .iter()
        .map(|pod| (pod.name.as_str(), pod.hash.as_ref().map(PodHash::as_str), pod.is_ready()))
        .collect();
    let expected = [
        ("ledger-0", Some(FIRST), true),
        ("ledger-1", Some(FIRST), true),
        ("ledger-2", Some(BAD), false),
    ];
    assert_eq!(told, expected);
    assert!(pods.iter().all(|pod| pod.replica_set.as_ref() == Some(&stuck.meta.uid)));
    assert_eq!(pods[2].status.as_str(), "CrashLoopBackOff");
    assert!(pods[2].unready_since.is_some() && pods[0].unready_since.is_none());
    // After a roll back alone the bad pod stands in the way as before.
    let undone = read_pods("pods-ledger-undone.json");
    assert_eq!((undone[2].uid.clone(), undone[2].is_ready()), (pods[2].uid.clone(), false));
}

#[test]
fn a_daemon_set_is_read_in_every_recorded_state() {
    let wait = "Waiting for daemon set \"agent\" rollout to finish: 1 out of 2 new pods have been updated...";
    let delete = "2 pods wait to be deleted by hand (OnDelete)";
    let table = [
        ("healthy", Strategy::RollingUpdate, (Health::Healthy, "")),
        ("stuck", Strategy::RollingUpdate, (Health::Progressing, wait)),
        ("undone", Strategy::RollingUpdate, (Health::Healthy, "")),
        ("ondelete", Strategy::OnDelete, (Health::Suspended, delete)),
    ];
    for (state, strategy, (health, words)) in table {
        let workload = agent(state);
        assert_eq!(&*workload.oddities, &[] as &[Text], "{state}");
        assert_eq!(workload.strategy, strategy, "{state}");
        assert_eq!(said(&workload), (health, words.to_owned()), "{state}");
        assert_eq!(workload.replicas.desired, Some(2), "{state}");
        assert!(!daemon(&workload).held && !workload.hand_paused(), "{state}");
    }
    let stuck = agent("stuck");
    assert_eq!(daemon(&stuck).wanted, Some(PodHash::new("d9c779c65")));
    let hashes: Vec<_> =
        read_pods("pods-agent-stuck.json").into_iter().map(|pod| pod.hash).collect();
    assert!(hashes.contains(&daemon(&stuck).wanted), "{hashes:?}");
}

#[test]
fn our_pause_is_known_by_its_annotation() {
    let mut object = recorded("statefulset-ledger-held.json");
    object["metadata"]["annotations"] = json!({ HELD_ANNOTATION: "1" });
    let held = joined(WorkloadKind::StatefulSet, &object, &[]);
    assert_eq!((stateful(&held).held_from, held.hand_paused()), (Some(1), true));
    object["metadata"]["annotations"] = json!({ HELD_ANNOTATION: "soon" });
    assert_eq!(stateful(&joined(WorkloadKind::StatefulSet, &object, &[])).held_from, None);
    object["metadata"]["annotations"] = json!({});
    object["spec"]["updateStrategy"]["rollingUpdate"]["partition"] = json!(3);
    assert!(joined(WorkloadKind::StatefulSet, &object, &[]).hand_paused(), "above all its pods");
    let mut object = recorded("daemonset-agent-ondelete.json");
    object["metadata"]["annotations"] = json!({ HELD_ANNOTATION: "RollingUpdate" });
    assert!(joined(WorkloadKind::DaemonSet, &object, &[]).hand_paused());
    // Somebody turned it back with another tool.
    object["spec"]["updateStrategy"]["type"] = json!("RollingUpdate");
    assert!(!joined(WorkloadKind::DaemonSet, &object, &[]).hand_paused());
}
