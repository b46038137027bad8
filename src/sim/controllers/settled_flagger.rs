//! A Canary of Flagger when nothing moves: its target without pods, its primary with all, and the route on the primary.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::agenda::Task;
use super::bench::Bench;
use super::settled::Born;
use super::{flagger, flagger_parts as parts, read, settled_native as native};
use crate::sim::object::{set_meta, stamp};
use crate::sim::store::Kind;

pub(super) fn canary(bench: &mut Bench<'_>, born: &Born) {
    bench.store.install(Kind::Canary);
    bench.store.install(Kind::HttpRoute);
    let key = format!("{}/{}", born.namespace(), born.name());
    let mut target = Born { kind: Kind::Deployment, ..born.clone() };
    let mut spec = read::take(&mut target.spec, "canary");
    let primary = primary(&target);
    let demand = bench.life.truth.demanded(&key).unwrap_or(20.0);
    bench.life.truth.demand(&format!("Canary/{key}"), demand);
    bench.life.truth.demand(&key, 0.0);
    bench.life.truth.demand(&format!("{key}-primary"), demand);
    read::set(&mut target.spec, "/replicas", 0);
    native::deployment(bench, &target);
    native::deployment(bench, &primary);
    let Some(deployment) = bench.get(Kind::Deployment, &key) else { return };
    let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": born.name()});
    read::set(&mut spec, "/targetRef", reference);
    read::set(&mut spec, "/service", json!({"port": 80, "targetPort": 8080}));
    let (_, at) = born.last();
    let done = stamp(at + SignedDuration::from_mins(20));
    let hash = parts::hash(&deployment);
    let condition = json!({
        "type": "Promoted", "status": "True", "reason": "Succeeded",
        "message": "Canary analysis completed successfully, promotion finished.",
        "lastTransitionTime": done, "lastUpdateTime": done,
    });
    let mut object = json!({
        "metadata": born.metadata, "spec": spec,
        "status": {
            "phase": "Succeeded", "canaryWeight": 0, "failedChecks": 0, "iterations": 0,
            "lastAppliedSpec": hash, "lastPromotedSpec": hash, "lastTransitionTime": done,
            "trackedConfigs": {}, "conditions": [condition],
        },
    });
    set_meta(&mut object, "creationTimestamp", stamp(at));
    let made = bench.store.create(Kind::Canary, object);
    let Some(made) = made.ok().and_then(|_| bench.get(Kind::Canary, &key)) else { return };
    belongings(bench, &made, born);
    bench.later(Task::Canary, &key, flagger::interval(&made));
}

fn belongings(bench: &mut Bench<'_>, canary: &Value, born: &Born) {
    for (name, app) in parts::services(born.name()) {
        let service = parts::service(canary, (born.namespace(), &name), &app);
        drop(bench.store.create(Kind::Service, service));
    }
    if read::text(canary, "/spec/provider") != "kubernetes" {
        drop(bench.store.create(Kind::HttpRoute, parts::route(canary, born.name())));
    }
    let hooks = read::list(canary, "/spec/analysis/webhooks");
    let asks = |hook: &Value| {
        read::text(hook, "/url").contains(&format!(
            "//{}.{}/",
            parts::LOAD_TESTER,
            born.namespace()
        ))
    };
    if hooks.iter().any(asks) {
        let tester =
            parts::service(canary, (born.namespace(), parts::LOAD_TESTER), parts::LOAD_TESTER);
        drop(bench.store.create(Kind::Service, tester));
    }
}

fn primary(target: &Born) -> Born {
    let name = format!("{}-primary", target.name());
    let mut primary = target.clone();
    read::set(&mut primary.metadata, "/name", name.as_str());
    read::set(&mut primary.metadata, "/labels/app", name.as_str());
    read::set(&mut primary.metadata, "/annotations", json!({}));
    read::set(&mut primary.spec, "/selector/matchLabels/app", name.as_str());
    for (template, _) in &mut primary.versions {
        read::set(template, "/metadata/labels/app", name.as_str());
    }
    "flagger".clone_into(&mut primary.by);
    primary
}
