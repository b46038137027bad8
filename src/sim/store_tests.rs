use super::*;

fn store() -> Store {
    Store::new("2026-01-01T00:00:00Z".parse().unwrap())
}

fn pod(namespace: &str, name: &str) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name}, "spec": {"nodeName": "a"}})
}

#[test]
fn a_created_object_has_what_the_api_server_fills_in() {
    let mut store = store();
    let made = store.create(Kind::Pod, pod("shop", "web")).unwrap();
    assert_eq!(made["apiVersion"], "v1");
    assert_eq!(made["kind"], "Pod");
    assert_eq!(made["metadata"]["generation"], 1);
    assert_eq!(made["metadata"]["creationTimestamp"], "2026-01-01T00:00:00Z");
    assert_eq!(made["metadata"]["resourceVersion"], store.revision().to_string());
    assert_eq!(made["metadata"]["uid"].as_str().unwrap().len(), 36);
    assert_eq!(store.create(Kind::Pod, pod("shop", "web")).unwrap_err().code, 409);
    assert_eq!(store.create(Kind::Canary, pod("shop", "web")).unwrap_err().code, 404);
    assert_eq!(store.create(Kind::Pod, json!({})).unwrap_err().code, 422);
    assert_eq!(store.create(Kind::Pod, json!("text")).unwrap_err().code, 422);
}

#[test]
fn equal_content_changes_nothing_and_another_spec_makes_a_generation() {
    let mut store = store();
    let made = store.create(Kind::Pod, pod("shop", "web")).unwrap();
    let revision = store.revision();
    // A controller need not carry the resource version along.
    let same = store.update(Kind::Pod, pod("shop", "web")).unwrap();
    assert_eq!((&same, store.revision()), (&made, revision));

    let mut status = made.clone();
    status["status"] = json!({"phase": "Running"});
    let status = store.update(Kind::Pod, status).unwrap();
    assert_eq!(status["metadata"]["generation"], 1);
    let mut spec = status.clone();
    spec["spec"]["nodeName"] = "b".into();
    let spec = store.update(Kind::Pod, spec).unwrap();
    assert_eq!(spec["metadata"]["generation"], 2);
    assert_eq!(spec["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(store.changes_since(revision).unwrap().count(), 2);
    assert_eq!(store.update(Kind::Pod, pod("shop", "none")).unwrap_err().code, 404);
}

#[test]
fn lists_are_in_the_order_of_keys_and_stay_in_their_namespace() {
    let mut store = store();
    for (namespace, name) in [("shop", "b"), ("shop", "a"), ("shop-2", "c"), ("sho", "d")] {
        store.create(Kind::Pod, pod(namespace, name)).unwrap();
    }
    let names = |namespace| {
        let name = |pod: &Value| pod["metadata"]["name"].as_str().unwrap().to_owned();
        store.list(Kind::Pod, namespace).map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(Some("shop")), ["a", "b"]);
    // As in etcd, "shop-2/" sorts before "shop/".
    assert_eq!(names(None), ["d", "c", "a", "b"]);
}

#[test]
fn the_past_can_be_listed_until_it_is_compacted() {
    let mut store = store();
    store.create(Kind::Pod, pod("shop", "a")).unwrap();
    store.create(Kind::Pod, pod("shop", "b")).unwrap();
    let then = store.revision();
    store.delete(Kind::Pod, "shop", "a").unwrap();
    store.create(Kind::Pod, pod("shop", "c")).unwrap();
    let past = store.at_revision(Kind::Pod, then).unwrap();
    assert_eq!(past.keys().collect::<Vec<_>>(), ["shop/a", "shop/b"]);
    store.compact();
    let oldest = store.revision();
    assert_eq!(store.at_revision(Kind::Pod, then).unwrap_err(), Compacted { oldest });
    assert_eq!(store.at_revision(Kind::Pod, oldest).unwrap().len(), 2);
}

#[test]
fn the_log_is_bounded() {
    let mut store = store();
    for index in 0..=LOG_MAX {
        store.create(Kind::Pod, pod("shop", &format!("pod-{index}"))).unwrap();
    }
    assert_eq!(store.changes_since(store.oldest).unwrap().count(), LOG_MAX);
    assert!(store.changes_since(REVISION_FIRST).is_err());
}

#[test]
fn a_pod_ends_gracefully_and_a_finalizer_holds_its_object() {
    let mut store = store();
    store.create(Kind::Pod, pod("shop", "web")).unwrap();
    let key = key(Kind::Pod, "shop", "web");
    let going = store.retire(Kind::Pod, &key, SignedDuration::from_secs(30)).unwrap();
    assert_eq!(going["metadata"]["deletionTimestamp"], "2026-01-01T00:00:30Z");
    store.set_now("2026-01-01T00:00:02Z".parse().unwrap());
    assert_eq!(store.get(Kind::Pod, "shop", "web"), None);

    let mut held = pod("shop", "held");
    held["metadata"]["finalizers"] = json!(["example.test/hold"]);
    store.create(Kind::ConfigMap, held).unwrap();
    let key = super::key(Kind::ConfigMap, "shop", "held");
    let held = store.retire(Kind::ConfigMap, &key, SignedDuration::ZERO).unwrap();
    let mut freed = Value::clone(&held);
    freed["metadata"]["finalizers"] = json!([]);
    store.update(Kind::ConfigMap, freed).unwrap();
    assert_eq!(store.get(Kind::ConfigMap, "shop", "held"), None);
}

#[test]
fn garbage_goes_with_its_owner() {
    let mut store = store();
    let owner = store.create(Kind::ReplicaSet, pod("shop", "web")).unwrap();
    let mut child = pod("shop", "web-1");
    child["metadata"]["ownerReferences"] = json!([{"uid": owner["metadata"]["uid"]}]);
    store.create(Kind::Pod, child).unwrap();
    store.collect_garbage();
    assert!(store.get(Kind::Pod, "shop", "web-1").is_some());
    store.delete(Kind::ReplicaSet, "shop", "web").unwrap();
    store.collect_garbage();
    store.set_now("2026-01-01T00:00:02Z".parse().unwrap());
    assert_eq!(store.get(Kind::Pod, "shop", "web-1"), None);
}

#[test]
fn a_kind_taken_away_takes_its_objects_along() {
    let mut store = store();
    store.create(Kind::Rollout, pod("shop", "web")).unwrap();
    store.uninstall(Kind::Rollout);
    assert!(!store.knows(Kind::Rollout));
    assert_eq!(store.list(Kind::Rollout, None).count(), 0);
    store.install(Kind::Rollout);
    store.create(Kind::Rollout, pod("shop", "web")).unwrap();
}
