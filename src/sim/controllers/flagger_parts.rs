//! What belongs to a Canary: its primary, its Services, its route; who is asked by its webhooks, and what its metrics say.

use serde_json::{Value, json};

use super::agenda::{Job, Task};
use super::bench::Bench;
use super::flagger::Look;
use super::read;
use crate::sim::arrivals::digest;
use crate::sim::promql::query::Query;
use crate::sim::promql::value::Value as Answer;
use crate::sim::store::Kind;

/// The Service that answers as Flagger's load tester does.
pub(in crate::sim) const LOAD_TESTER: &str = "flagger-loadtester";

/// What a template is, for Flagger to compare.
pub(super) fn hash(deployment: &Value) -> String {
    let template = deployment.pointer("/spec/template").map(Value::to_string).unwrap_or_default();
    digest(&template).to_string()
}

/// Makes what is missing.
pub(super) fn ensure(look: &mut Look<'_, '_>) {
    let (namespace, primary) = (look.namespace(), look.primary_name());
    if look.bench.store.get(Kind::Deployment, &namespace, &primary).is_none() {
        let made = primary_of(&look.target, &primary, &look.canary);
        drop(look.bench.store.create(Kind::Deployment, made));
    }
    for (name, app) in services(&look.target_name()) {
        if look.bench.store.get(Kind::Service, &namespace, &name).is_none() {
            let service = service(&look.canary, (&namespace, &name), &app);
            drop(look.bench.store.create(Kind::Service, service));
        }
    }
    let name = look.target_name();
    if look.is_weighted() && look.bench.store.get(Kind::HttpRoute, &namespace, &name).is_none() {
        let route = route(&look.canary, &name);
        drop(look.bench.store.create(Kind::HttpRoute, route));
    }
}

/// The Services of a target, and whose pods each selects.
pub(super) fn services(target: &str) -> [(String, String); 3] {
    let primary = format!("{target}-primary");
    [
        (target.to_owned(), primary.clone()),
        (format!("{target}-canary"), target.to_owned()),
        (primary.clone(), primary),
    ]
}

pub(super) fn service(canary: &Value, (namespace, name): (&str, &str), app: &str) -> Value {
    let owners = read::owned_by(canary);
    json!({
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": owners},
        "spec": {"selector": {"app": app}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    })
}

/// The route of a Canary, with everything on the primary.
pub(super) fn route(canary: &Value, name: &str) -> Value {
    let backend = |suffix: &str, weight: i64| json!({"group": "", "kind": "Service", "name": format!("{name}-{suffix}"), "port": 80, "weight": weight});
    json!({
        "metadata": {"name": name, "namespace": read::namespace(canary), "ownerReferences": read::owned_by(canary)},
        "spec": {
            "hostnames": [format!("{name}.example.test")],
            "rules": [{"backendRefs": [backend("primary", 100), backend("canary", 0)]}],
        },
    })
}

fn primary_of(target: &Value, name: &str, canary: &Value) -> Value {
    let mut spec = target.get("spec").cloned().unwrap_or_default();
    read::set(&mut spec, "/selector/matchLabels/app", name);
    read::set(&mut spec, "/template/metadata/labels/app", name);
    let labels = json!({"app": name});
    json!({
        "metadata": {"name": name, "namespace": read::namespace(target), "labels": labels,
            "ownerReferences": read::owned_by(canary)},
        "spec": spec,
    })
}

/// How many pods the new version gets: as many as serve.
pub(super) fn replicas(look: &Look<'_, '_>) -> i64 {
    let primary = look.bench.store.get(Kind::Deployment, &look.namespace(), &look.primary_name());
    primary.and_then(|object| read::int(object, "/spec/replicas")).unwrap_or(1)
}

/// The primary gets the template of the target.
pub(super) fn copy_template(look: &mut Look<'_, '_>) {
    let (namespace, name) = (look.namespace(), look.primary_name());
    let Some(primary) = look.bench.store.get(Kind::Deployment, &namespace, &name) else { return };
    let mut object = primary.clone();
    let mut template = look.target.pointer("/spec/template").cloned().unwrap_or_default();
    read::set(&mut template, "/metadata/labels/app", name.as_str());
    // Every promotion has its own, so that even the same template brings new pods.
    let id = look.bench.store.uid();
    read::set(&mut template, "/metadata/annotations/flagger-id", id);
    read::set(&mut object, "/spec/template", template);
    look.bench.write(Kind::Deployment, object);
}

/// The new version's share by the route.
pub(super) fn weight(look: &Look<'_, '_>) -> i64 {
    let route = look.bench.store.get(Kind::HttpRoute, &look.namespace(), &look.target_name());
    route.map_or(0, carried)
}

fn carried(route: &Value) -> i64 {
    let backends = read::list(route, "/spec/rules/0/backendRefs");
    let canary = backends.iter().find(|it| read::text(it, "/name").ends_with("-canary"));
    canary.map_or(0, |it| read::count(it, "/weight"))
}

pub(super) fn set_weight(look: &mut Look<'_, '_>, weight: i64) {
    let (namespace, name) = (look.namespace(), look.target_name());
    let Some(found) = look.bench.store.get(Kind::HttpRoute, &namespace, &name) else { return };
    let mut object = found.clone();
    for (index, backend) in read::list(found, "/spec/rules/0/backendRefs").iter().enumerate() {
        let is_canary = read::text(backend, "/name").ends_with("-canary");
        let share = if is_canary { weight } else { 100 - weight };
        read::set(&mut object, &format!("/spec/rules/0/backendRefs/{index}/weight"), share);
    }
    look.bench.write(Kind::HttpRoute, object);
}

/// The next weight of the ladder; `None` at its top.
pub(super) fn next_weight(canary: &Value, now: i64) -> Option<i64> {
    let listed = read::list(canary, "/spec/analysis/stepWeights");
    if !listed.is_empty() {
        return listed.iter().filter_map(Value::as_i64).find(|weight| *weight > now);
    }
    let step = read::count(canary, "/spec/analysis/stepWeight");
    let top = read::int(canary, "/spec/analysis/maxWeight").unwrap_or(100);
    (step > 0 && now < top).then(|| (now + step).min(top))
}

/// The requests of a Canary follow its route.
pub(super) fn flow(bench: &mut Bench<'_>, route: &Value) {
    let (namespace, name) = (read::namespace(route), read::name(route));
    let Some(all) = bench.life.truth.demanded(&format!("Canary/{namespace}/{name}")) else {
        return;
    };
    #[expect(clippy::cast_precision_loss, reason = "weights are small")]
    let share = carried(route).clamp(0, 100) as f64 / 100.0;
    for (deployment, part) in [(name.to_owned(), share), (format!("{name}-primary"), 1.0 - share)] {
        let key = format!("{namespace}/{deployment}");
        bench.life.truth.demand(&key, all * part);
        let now = bench.now();
        bench.life.agenda.wake(Job::new(Task::Balance, &format!("Deployment/{key}")), now);
    }
}

/// The first webhook of a kind that says no.
pub(super) fn first_no(look: &Look<'_, '_>, kind: &str) -> Option<String> {
    hooks(look, kind)
        .find(|hook| !says_yes(look, hook))
        .map(|hook| read::text(hook, "/name").to_owned())
}

/// The first webhook of a kind that says yes.
pub(super) fn first_yes(look: &Look<'_, '_>, kind: &str) -> Option<String> {
    hooks(look, kind)
        .find(|hook| says_yes(look, hook))
        .map(|hook| read::text(hook, "/name").to_owned())
}

fn hooks<'a>(look: &'a Look<'_, '_>, kind: &str) -> impl Iterator<Item = &'a Value> {
    let kind = kind.to_owned();
    let all = read::list(&look.canary, "/spec/analysis/webhooks").iter();
    all.filter(move |hook| match read::text(hook, "/type") {
        "" => kind == "rollout",
        own => own == kind,
    })
}

/// Only the load tester is there to be asked.
fn says_yes(look: &Look<'_, '_>, hook: &Value) -> bool {
    let url = read::text(hook, "/url");
    let Some((host, path)) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    let host = host.split(':').next().unwrap_or_default();
    let mut labels = host.split('.');
    let (name, namespace) = (labels.next().unwrap_or_default(), labels.next().unwrap_or_default());
    if name != LOAD_TESTER || look.bench.store.get(Kind::Service, namespace, name).is_none() {
        return false;
    }
    look.bench.life.gates.check(path, &look.called()).unwrap_or(true)
}

/// What a metric says against the new version, in Flagger's words.
pub(super) fn failing(look: &Look<'_, '_>) -> Option<String> {
    let metrics = read::list(&look.canary, "/spec/analysis/metrics");
    metrics.iter().find_map(|metric| judged(look, metric))
}

fn judged(look: &Look<'_, '_>, metric: &Value) -> Option<String> {
    let (name, target) = (read::text(metric, "/name"), look.target_name());
    let of = format!("namespace=\"{}\",app=\"{target}\"", look.namespace());
    let limit =
        |side: &str| metric.pointer(&format!("/thresholdRange/{side}")).and_then(Value::as_f64);
    let query = match name {
        "request-success-rate" => format!(
            "sum(rate(http_requests_total{{{of},code!~\"5..\"}}[1m])) / sum(rate(http_requests_total{{{of}}}[1m])) * 100"
        ),
        "request-duration" => format!(
            "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{{{of}}}[1m]))) * 1000"
        ),
        _ => return None,
    };
    let now = look.bench.store.now().as_millisecond();
    let answer = Query::parse(&query).ok()?.instant(&*look.bench.traffic, now).ok()?;
    let value = match answer {
        Answer::Vector(found) => found.first().map(|sample| sample.value),
        Answer::Scalar(value) => Some(value),
        Answer::Matrix(_) | Answer::Text(_) => None,
    };
    let Some(value) = value.filter(|value| value.is_finite()) else {
        return Some(format!(
            "Halt advancement no values found for gatewayapi:v1 metric {name} probably {target}.{} is not receiving traffic",
            look.namespace()
        ));
    };
    let halt = format!("Halt {} advancement", look.called());
    match (limit("min"), limit("max")) {
        (Some(least), _) if value < least => {
            Some(format!("{halt} success rate {value:.2}% < {least}%"))
        }
        (_, Some(most)) if value > most => {
            Some(format!("{halt} request duration {value:.0}ms > {most}ms"))
        }
        _ => None,
    }
}
