use std::time::Duration;

use axum::body::Body;
use futures::{StreamExt, TryStreamExt};
use http_body_util::BodyExt;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams,
    WatchEvent, WatchParams,
};
use kube::{Api, Client};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::sim::fault::Fault;
use crate::sim::kind::Kind;
use crate::sim::world::World;

fn world() -> Shared {
    let shared = Shared::new(World::empty("2026-01-01T00:00:00Z".parse().unwrap(), &["east"]));
    shared.change(|world| {
        let store = &mut world.cluster("east").unwrap().store;
        let shop = json!({"metadata": {"name": "shop"}, "status": {"phase": "Active"}});
        store.create(Kind::Namespace, shop).unwrap();
        for name in ["api", "web"] {
            store.create(Kind::Rollout, rollout(name)).unwrap();
        }
    });
    shared
}

fn rollout(name: &str) -> Value {
    json!({
        "metadata": {"namespace": "shop", "name": name, "labels": {"app": name}},
        "spec": {"replicas": 3, "strategy": {"canary": {}}},
        "status": {"phase": "Healthy", "selector": format!("app={name}"), "HPAReplicas": 3},
    })
}

fn rollouts(shared: &Shared) -> Api<DynamicObject> {
    let resource = ApiResource {
        group: "argoproj.io".into(),
        version: "v1alpha1".into(),
        api_version: "argoproj.io/v1alpha1".into(),
        kind: "Rollout".into(),
        plural: "rollouts".into(),
    };
    let client = Client::new(router(shared, "east"), "shop");
    Api::namespaced_with(client, "shop", &resource)
}

/// One exchange without a client between.
async fn call(shared: &Shared, method: &str, path: &str, body: Value) -> (u16, Value) {
    let response = raw(shared, method, path, &[], body).await;
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::String(text)))
}

async fn raw(
    shared: &Shared,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Value,
) -> Response<Body> {
    let media = match method {
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    let mut request = Request::builder().method(method).uri(path).header("content-type", media);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    router(shared, "east").oneshot(request.body(body).unwrap()).await.unwrap()
}

fn plan(shared: &Shared, fault: Fault) {
    shared.change(|world| {
        let now = world.now();
        world.cluster("east").unwrap().faults.plan(fault, now);
    });
}

const WEB: &str = "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/web";
const ALL: &str = "/apis/argoproj.io/v1alpha1/rollouts";

fn revision(object: &DynamicObject) -> String {
    object.metadata.resource_version.clone().unwrap()
}

fn code(error: kube::Error) -> u16 {
    let kube::Error::Api(status) = error else { panic!("no answer of the server: {error}") };
    status.code
}

#[tokio::test(start_paused = true)]
async fn a_real_client_lists_pages_and_reads() {
    let api = rollouts(&world());
    let page = api.list(&ListParams::default().limit(1)).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.metadata.remaining_item_count, Some(1));
    let token = page.metadata.continue_.unwrap();
    let rest = api.list(&ListParams::default().limit(1).continue_token(&token)).await.unwrap();
    assert_eq!(rest.items[0].metadata.name.as_deref(), Some("web"));
    assert_eq!(rest.metadata.resource_version, page.metadata.resource_version);
    let chosen = api.list(&ListParams::default().labels("app=web")).await.unwrap();
    assert_eq!(chosen.items.len(), 1);
    assert_eq!(code(api.get("none").await.unwrap_err()), 404);
}

#[tokio::test(start_paused = true)]
async fn a_patch_with_a_stale_revision_is_refused_and_a_fresh_one_is_seen_by_the_watch() {
    let shared = world();
    let api = rollouts(&shared);
    let old = api.get("web").await.unwrap();
    let params = WatchParams::default().timeout(20);
    let mut events = api.watch(&params, &revision(&old)).await.unwrap().boxed();

    let pause = |revision: &str| {
        Patch::Merge(json!({
            "metadata": {"resourceVersion": revision}, "spec": {"paused": true},
        }))
    };
    let stale = api.patch("web", &PatchParams::default(), &pause("1")).await.unwrap_err();
    assert_eq!(code(stale), 409);
    let mut dry = PatchParams::apply("pilothouse");
    dry.dry_run = true;
    dry.force = false;
    let rehearsed = api.patch("web", &dry, &pause(&revision(&old))).await.unwrap();
    assert_eq!(rehearsed.metadata.generation, Some(2));
    assert_eq!(api.get("web").await.unwrap().metadata.generation, Some(1));

    let fresh = pause(&revision(&old));
    let done = api.patch("web", &PatchParams::default(), &fresh).await.unwrap();
    assert_eq!(done.metadata.generation, Some(2));
    let same = json!({"metadata": {"resourceVersion": revision(&done)}, "spec": {"paused": true}});
    let again = api.patch("web", &PatchParams::default(), &Patch::Merge(same)).await.unwrap();
    assert_eq!(revision(&again), revision(&done));

    match events.try_next().await.unwrap() {
        Some(WatchEvent::Modified(object)) => assert_eq!(revision(&object), revision(&done)),
        other => panic!("{other:?}"),
    }
    // Nothing else happened: the watch ends at its time.
    shared.advance(Duration::from_secs(21));
    assert!(matches!(events.try_next().await.unwrap(), Some(WatchEvent::Bookmark(_))));
    assert!(events.try_next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_status_patch_changes_the_status_alone() {
    let shared = world();
    let api = rollouts(&shared);
    let body = json!({
        "metadata": {"annotations": {"pilothouse.dev/order": "1"}},
        "spec": {"paused": true},
        "status": {"abort": true, "message": "pilothouse 1 abort"},
    });
    let params = PatchParams { field_manager: Some("pilothouse".into()), ..PatchParams::default() };
    let done = api.patch_status("web", &params, &Patch::Merge(&body)).await.unwrap();
    assert_eq!(done.metadata.annotations, None);
    assert_eq!(done.data["spec"].get("paused"), None);
    assert_eq!(done.data["status"]["abort"], true);
    assert_eq!(done.metadata.generation, Some(1));
    let managed = &done.metadata.managed_fields.unwrap()[0];
    assert_eq!(managed.manager.as_deref(), Some("pilothouse"));
    assert_eq!(managed.subresource.as_deref(), Some("status"));
    // And the main resource drops the status.
    let main = api.patch("web", &params, &Patch::Merge(json!({"status": {"abort": false}}))).await;
    assert_eq!(main.unwrap().data["status"]["abort"], true);
}

#[tokio::test(start_paused = true)]
async fn objects_are_made_replaced_and_deleted() {
    let shared = world();
    let api = rollouts(&shared);
    let made: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": "cart"}, "spec": {"replicas": 1},
    }))
    .unwrap();
    let made = api.create(&PostParams::default(), &made).await.unwrap();
    assert_eq!(
        code(
            api.create(&PostParams::default(), &{
                let mut again = made.clone();
                again.metadata.resource_version = None;
                again
            })
            .await
            .unwrap_err()
        ),
        409
    );
    let mut next = made.clone();
    next.data["spec"]["replicas"] = 2.into();
    let next = api.replace("cart", &PostParams::default(), &next).await.unwrap();
    assert_eq!(next.metadata.generation, Some(2));
    assert_eq!(code(api.replace("cart", &PostParams::default(), &made).await.unwrap_err()), 409);
    let wrong = DeleteParams::default()
        .preconditions(kube::api::Preconditions { uid: Some("x".into()), resource_version: None });
    assert_eq!(code(api.delete("cart", &wrong).await.unwrap_err()), 409);
    api.delete("cart", &DeleteParams::default()).await.unwrap();
    assert_eq!(code(api.get("cart").await.unwrap_err()), 404);
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_what_enters_changes_and_leaves_its_selector() {
    let shared = world();
    let path = format!("{ALL}?watch=1&labelSelector=app%3Dweb&timeoutSeconds=5");
    let response = raw(&shared, "GET", &path, &[], Value::Null).await;
    let relabel = |app: &'static str| {
        let body = json!({"metadata": {"labels": {"app": app}}});
        let shared = &shared;
        async move { assert_eq!(call(shared, "PATCH", WEB, body).await.0, 200) }
    };
    let annotate = json!({"metadata": {"annotations": {"x": "y"}}});
    assert_eq!(call(&shared, "PATCH", WEB, annotate).await.0, 200);
    relabel("other").await;
    relabel("web").await;
    assert_eq!(call(&shared, "DELETE", WEB, Value::Null).await.0, 200);
    shared.advance(Duration::from_secs(6));
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let lines: Vec<Value> = bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|it| serde_json::from_slice(it).ok())
        .collect();
    let words: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(words, ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]);
    // What left is told as it was last seen, at the revision at which it left.
    assert_eq!(lines[2]["object"]["metadata"]["labels"]["app"], "web");
    let revisions: Vec<u64> = lines
        .iter()
        .map(|line| line["object"]["metadata"]["resourceVersion"].as_str().unwrap())
        .map(|text| text.parse().unwrap())
        .collect();
    assert!(revisions.is_sorted_by(|a, b| a < b), "{revisions:?}");
}

#[tokio::test(start_paused = true)]
async fn bookmarks_come_every_minute_and_once_before_the_end() {
    let shared = world();
    let path = format!(
        "{ALL}?watch=1&allowWatchBookmarks=true&timeoutSeconds=150&sendInitialEvents=true\
         &resourceVersionMatch=NotOlderThan"
    );
    let mut lines =
        raw(&shared, "GET", &path, &[], Value::Null).await.into_body().into_data_stream();
    let mut told = Vec::new();
    let reader = tokio::spawn(async move {
        while let Some(line) = lines.next().await {
            let line: Value = serde_json::from_slice(&line.unwrap()).unwrap();
            let end =
                line["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"].clone();
            told.push((line["type"].as_str().unwrap().to_owned(), end == "true"));
        }
        told
    });
    for _ in 0..160 {
        tokio::task::yield_now().await;
        shared.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    let told = reader.await.unwrap();
    let word = |word: &str, end| (word.to_owned(), end);
    assert_eq!(told[..3], [word("ADDED", false), word("ADDED", false), word("BOOKMARK", true)]);
    assert_eq!(
        told[3..],
        [word("BOOKMARK", false), word("BOOKMARK", false), word("BOOKMARK", false)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_too_old_is_told_and_a_cut_one_breaks() {
    let shared = world();
    plan(&shared, Fault::new(What::Compaction));
    let old =
        raw(&shared, "GET", &format!("{ALL}?watch=1&resourceVersion=1"), &[], Value::Null).await;
    assert_eq!(old.status(), 200);
    let bytes = old.into_body().collect().await.unwrap().to_bytes();
    let event: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));

    let now = shared.look(|world| world.clusters[0].store.revision());
    let path = format!("{ALL}?watch=1&resourceVersion={now}");
    let open = raw(&shared, "GET", &path, &[], Value::Null).await;
    shared.advance(Duration::from_millis(1));
    plan(&shared, Fault::new(What::WatchCut));
    assert!(open.into_body().collect().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn silence_holds_requests_and_watches_until_it_is_over() {
    let shared = world();
    let now = shared.look(|world| world.clusters[0].store.revision());
    let path = format!("{ALL}?watch=1&resourceVersion={now}&timeoutSeconds=60");
    let mut open =
        raw(&shared, "GET", &path, &[], Value::Null).await.into_body().into_data_stream();
    plan(&shared, Fault::new(What::Silence).lasting(3_000));
    let write = {
        let shared = shared.clone();
        let body = json!({"spec": {"paused": true}});
        tokio::spawn(async move { call(&shared, "PATCH", WEB, body).await.0 })
    };
    let wait = Duration::from_secs(1);
    assert!(tokio::time::timeout(wait, open.next()).await.is_err(), "nothing is heard");
    assert!(!write.is_finished());
    shared.advance(Duration::from_secs(3));
    assert_eq!(write.await.unwrap(), 200);
    assert!(open.next().await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_has_taken_effect_and_a_lost_request_has_not() {
    let shared = world();
    let generation = || {
        shared.look(|world| {
            let web = world.clusters[0].store.get(Kind::Rollout, "shop", "web").unwrap();
            web["metadata"]["generation"].as_i64().unwrap()
        })
    };
    let wait = Duration::from_secs(10);
    for (what, expected) in [(What::LostRequest, 1), (What::LostResponse, 2)] {
        plan(&shared, Fault::new(what).on(Verb::Patch, "rollouts").times(1));
        let body = json!({"spec": {"paused": true}});
        let answer = tokio::time::timeout(wait, call(&shared, "PATCH", WEB, body)).await;
        assert!(answer.is_err());
        assert_eq!(generation(), expected);
    }
    // A duplicated one with a revision takes effect once: the second is a conflict nobody sees.
    plan(&shared, Fault::new(What::Duplicated).on(Verb::Patch, "rollouts").times(1));
    let revision =
        call(&shared, "GET", WEB, Value::Null).await.1["metadata"]["resourceVersion"].clone();
    let body = json!({"metadata": {"resourceVersion": revision}, "spec": {"paused": false}});
    assert_eq!(call(&shared, "PATCH", WEB, body).await.0, 200);
    assert_eq!(generation(), 3);
}

#[tokio::test(start_paused = true)]
async fn answers_can_be_spoiled_in_every_way() {
    let shared = world();
    let spoil = |what: What| plan(&shared, Fault::new(what).on(Verb::Get, "rollouts").times(1));
    for code in [403, 409, 410, 429, 500, 502, 503, 504] {
        spoil(What::Status { code, retry_after: Some(7) });
        let answer = raw(&shared, "GET", WEB, &[], Value::Null).await;
        assert_eq!(answer.status().as_u16(), code);
        assert_eq!(answer.headers()["retry-after"], "7");
    }
    spoil(What::Html { code: 200 });
    let html = raw(&shared, "GET", WEB, &[], Value::Null).await;
    assert_eq!(html.headers()["content-type"], "text/html; charset=utf-8");
    spoil(What::Truncated);
    let (status, body) = call(&shared, "GET", WEB, Value::Null).await;
    assert_eq!((status, body.is_string()), (200, true), "half an object is no JSON");
    spoil(What::BrokenResponse);
    let broken = raw(&shared, "GET", WEB, &[], Value::Null).await;
    assert!(broken.into_body().collect().await.is_err());
    spoil(What::WrongType { media: "application/yaml".into() });
    let odd = raw(&shared, "GET", WEB, &[], Value::Null).await;
    assert_eq!(odd.headers()["content-type"], "application/yaml");
    spoil(What::TokenExpired);
    assert_eq!(call(&shared, "GET", WEB, Value::Null).await.0, 401);
    plan(&shared, Fault::new(What::ClockSkew { seconds: 120 }));
    let skewed = raw(&shared, "GET", WEB, &[], Value::Null).await;
    assert_eq!(skewed.headers()["date"], "Thu, 01 Jan 2026 00:02:00 GMT");
    assert!(skewed.headers().contains_key("audit-id"));
}

#[tokio::test(start_paused = true)]
async fn every_write_is_in_the_audit_trail_and_no_read() {
    let shared = world();
    let viewer = [("authorization", "Bearer viewer"), ("user-agent", "pilothouse/0.1.0")];
    let body = json!({"status": {"abort": true}});
    let path = format!("{WEB}/status?dryRun=All");
    assert_eq!(raw(&shared, "PATCH", &path, &viewer, body.clone()).await.status(), 403);
    // What a proxy answers never reached the server.
    plan(&shared, Fault::new(What::Html { code: 200 }).times(1));
    assert_eq!(raw(&shared, "PATCH", WEB, &viewer, body.clone()).await.status(), 200);
    assert_eq!(call(&shared, "GET", WEB, Value::Null).await.0, 200);
    assert_eq!(call(&shared, "PATCH", &format!("{WEB}/status"), body.clone()).await.0, 200);
    let trail = call(&shared, "GET", "/sim/audit", Value::Null).await.1;
    let lines: Vec<Value> =
        trail.as_str().unwrap().lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["userAgent"], "pilothouse/0.1.0");
    assert_eq!(lines[0]["user"]["username"], "viewer@example.test");
    assert_eq!(lines[0]["responseStatus"]["code"], 403);
    assert_eq!(lines[1]["objectRef"]["subresource"], "status");
    assert_eq!(lines[1]["requestObject"], body);
}

#[tokio::test(start_paused = true)]
async fn nothing_that_is_sent_makes_it_panic() {
    let shared = world();
    let table = [
        ("GET", "/", 200),
        ("GET", "/nothing", 404),
        ("GET", "/apis/argoproj.io/v1alpha1/foos", 404),
        ("GET", "/api/v1/foos", 404),
        ("GET", "/apis/flagger.app/v1beta1/canaries", 404),
        ("GET", "/api/v1/namespaces/shop/pods/none/log?tailLines=x", 400),
        ("GET", "/api/v1/namespaces/shop/pods/none/proxy/metrics", 404),
        ("GET", "/api/v1/pods?limit=99999999999999999999", 400),
        ("GET", "/api/v1/pods?labelSelector=%00%ff", 400),
        ("DELETE", "/version", 405),
        ("FOO", "/api/v1/pods", 405),
        ("POST", "/api/v1/namespaces/shop/pods/web", 405),
        ("PATCH", ALL, 400),
        ("PUT", "/api/v1/namespaces/shop/pods", 405),
        ("POST", "/sim/advance?ms=-1", 400),
        ("POST", "/sim/advance?ms=99999999999", 400),
        ("PUT", "/sim/audit", 405),
    ];
    for (method, path, expected) in table {
        let (code, _) = call(&shared, method, path, Value::Null).await;
        assert_eq!(code, expected, "{method} {path}");
    }
    for body in
        ["", "{", "[]", "3", "null", "\"x\"", "{\"metadata\":3}", "{\"metadata\":{\"name\":3}}"]
    {
        for (method, path) in [
            ("POST", "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts"),
            ("POST", "/api/v1/namespaces/shop/events"),
            ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
            ("PUT", WEB),
            ("PATCH", WEB),
            ("PATCH", &format!("{WEB}/scale")),
            ("POST", "/sim/fault"),
        ] {
            let request = Request::builder().method(method).uri(path).header(
                "content-type",
                if method == "PATCH" { "application/merge-patch+json" } else { "application/json" },
            );
            let request = request.body(Body::from(body)).unwrap();
            let code = router(&shared, "east").oneshot(request).await.unwrap().status().as_u16();
            let is_told = (400..=422).contains(&code) || (body.is_empty() && code == 204);
            assert!(is_told, "{method} {path} {body}: {code}");
        }
    }
    let large = json!({"metadata": {"annotations": {"a": "x".repeat(BODY_BYTES_MAX)}}});
    assert_eq!(call(&shared, "PATCH", WEB, large).await.0, 413);
}

#[tokio::test(start_paused = true)]
async fn time_and_faults_are_driven_from_outside() {
    let shared = world();
    let (code, now) = call(&shared, "POST", "/sim/advance?ms=1500", Value::Null).await;
    assert_eq!((code, &now["now"]), (200, &json!("2026-01-01T00:00:01.5Z")));
    let fault = json!({"what": {"status": {"code": 503}}, "verb": "list", "count": 1});
    assert_eq!(call(&shared, "POST", "/sim/fault", fault.clone()).await.0, 204);
    assert_eq!(call(&shared, "GET", "/sim/fault", Value::Null).await.1[0]["verb"], "list");
    assert_eq!(call(&shared, "GET", ALL, Value::Null).await.0, 503);
    assert_eq!(call(&shared, "GET", ALL, Value::Null).await.0, 200);
    assert_eq!(call(&shared, "POST", "/sim/fault", Value::Null).await.0, 204);
    assert_eq!(call(&shared, "GET", "/sim/fault", Value::Null).await.1, json!([]));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..proptest::prelude::ProptestConfig::default()
    })]

    #[test]
    fn any_request_is_answered(
        method in "GET|POST|PUT|PATCH|DELETE|HEAD|FOO",
        path in "/(api/v1|apis/argoproj\\.io/v1alpha1|apis/apps/v1)/namespaces/shop/\
                 (pods|rollouts|deployments|events)(/web)?(/status|/scale|/log|/proxy/x)?",
        query in "((limit|watch|dryRun|continue|fieldManager|labelSelector|fieldSelector|resourceVersion)\
                  =[a-zA-Z0-9,()=%!]{0,8}&?){0,3}",
        media in "application/(merge-patch|json-patch|strategic-merge-patch)\\+json|application/json",
        body in "[\\[\\]{}\",:a-z0-9]{0,24}|\\{\"spec\":[\\[\\]{}0-9\"]{0,8}\\}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let code = runtime.block_on(async {
            let request = Request::builder().method(method.as_str()).uri(format!("{path}?{query}"));
            let request = request.header("content-type", media).body(Body::from(body)).unwrap();
            // The head is enough: a watch goes on.
            router(&world(), "east").oneshot(request).await.unwrap().status().as_u16()
        });
        proptest::prop_assert!((200..=505).contains(&code), "{}", code);
    }
}
