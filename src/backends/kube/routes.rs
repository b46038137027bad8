//! The objects by which Flagger splits traffic → weights (`reference/rollouts.md` §2.7), and the operations that send all
//! of it to the primary. Only objects that a Canary controls; what is split in another way is not read. Pure and total.

use serde_json::{Map, Value, json};

use super::fields::Reading;
use super::meta::Metadata;
use super::splits::{self, Backend, Shape, shape};
use crate::domain::feed::Trouble;
use crate::domain::flagger::{Route, RouteKind};
use crate::domain::ids::Uid;
use crate::domain::text::Text;

/// How Flagger names the Services behind a route.
const PRIMARY: &str = "-primary";
const CANARY: &str = "-canary";

/// The annotations by which nginx splits traffic; what stands before them is a setting of Flagger's.
const NGINX_CANARY: &str = "/canary";
const NGINX_WEIGHT: &str = "/canary-weight";
const NGINX_TOTAL: &str = "/canary-weight-total";
const NGINX_BY: [&str; 2] = ["/canary-by-header", "/canary-by-cookie"];

/// A route and the Canary it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OwnedRoute {
    /// The Canary.
    pub(super) owner: Uid,
    /// Its own identity.
    pub(super) uid: Uid,
    /// What it says.
    pub(super) route: Route,
}

/// Which Service a backend is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Primary,
    Canary,
}

/// One backend of a rule that is a Canary's.
struct Own<'a> {
    place: String,
    host: &'a str,
    side: Side,
    weight: u64,
}

/// A route; `None` for one that is not a Canary's, or that does not split between its two Services.
pub(super) fn route(
    kind: RouteKind,
    object: &Value,
    reading: &mut Reading<'_>,
) -> Option<OwnedRoute> {
    let metadata = Metadata::of(object);
    let owner = canary_of(&metadata)?;
    let (primary, canary) = match shape(kind) {
        Some(shape) => weights(&shape, object)?,
        None => by_annotations(object)?,
    };
    let route = Route {
        kind,
        name: metadata.name(reading),
        canary: share(canary, primary),
        primary: share(primary, canary),
        total: primary.saturating_add(canary),
    };
    Some(OwnedRoute { owner, uid: metadata.uid(), route })
}

/// The Canary that controls it: Flagger makes it the owner of every route that it writes.
fn canary_of(metadata: &Metadata<'_>) -> Option<Uid> {
    let owner = metadata.owners().iter().find(|owner| {
        owner.get("kind").and_then(Value::as_str) == Some("Canary")
            && owner
                .get("apiVersion")
                .and_then(Value::as_str)
                .is_some_and(|version| version.starts_with("flagger.app/"))
    })?;
    owner.get("uid").and_then(Value::as_str).map(Uid::new)
}

/// Weights of primary and canary. An A/B test has a second rule, for all other requests, with the primary alone.
fn weights(shape: &Shape, object: &Value) -> Option<(u64, u64)> {
    let rules = rules(shape, object);
    rules.iter().find_map(|rule| split(rule)).or_else(|| {
        // Traefik's canary is not listed while it gets nothing.
        let alone = shape.rules.is_none().then(|| rules.first())??;
        (alone.len() == 1).then(|| sum(alone, Side::Primary)).flatten().map(|weight| (weight, 0))
    })
}

/// The backends of every rule that are a Canary's.
fn rules<'a>(shape: &Shape, object: &'a Value) -> Vec<Vec<Own<'a>>> {
    let all = splits::rules(shape, object).into_iter();
    all.map(|(_, backends)| backends.into_iter().filter_map(own).collect()).collect()
}

fn own(backend: Backend<'_>) -> Option<Own<'_>> {
    let service = backend.service();
    let side = match (service.ends_with(PRIMARY), service.ends_with(CANARY)) {
        (true, _) => Side::Primary,
        (false, true) => Side::Canary,
        (false, false) => return None,
    };
    let Backend { place, host, weight, .. } = backend;
    Some(Own { place, host, side, weight: weight.unwrap_or(0) })
}

/// Weights of primary and canary in a rule that names both.
fn split(rule: &[Own<'_>]) -> Option<(u64, u64)> {
    Some((sum(rule, Side::Primary)?, sum(rule, Side::Canary)?))
}

fn sum(rule: &[Own<'_>], side: Side) -> Option<u64> {
    let mut found = rule.iter().filter(|backend| backend.side == side).peekable();
    found.peek()?;
    Some(found.map(|backend| backend.weight).fold(0, u64::saturating_add))
}

/// Weights of primary and canary by the annotations of an Ingress beside the one of the primary.
fn by_annotations(object: &Value) -> Option<(u64, u64)> {
    let (prefix, annotations) = nginx(object)?;
    let value =
        |suffix: &str| annotations.get(&format!("{prefix}{suffix}")).and_then(Value::as_str);
    let number = |suffix: &str| value(suffix).map(|raw| raw.trim().parse::<u64>().unwrap_or(0));
    if value(NGINX_CANARY) != Some("true") {
        return Some((100, 0));
    }
    // What it matches goes to the canary.
    if NGINX_BY.iter().any(|suffix| value(suffix).is_some()) {
        return Some((0, 100));
    }
    let total = number(NGINX_TOTAL).filter(|total| *total > 0).unwrap_or(100);
    let canary = number(NGINX_WEIGHT).unwrap_or(0).min(total);
    let canary = u64::from(share(canary, total - canary));
    Some((100 - canary, canary))
}

/// The annotations of an Ingress that nginx reads as a canary, and what stands before their names.
fn nginx(object: &Value) -> Option<(&str, &Map<String, Value>)> {
    let annotations = object.pointer("/metadata/annotations")?.as_object()?;
    let prefix = annotations.keys().find_map(|key| key.strip_suffix(NGINX_CANARY))?;
    Some((prefix, annotations))
}

/// The operations that send everything to the primary, in each rule that splits. Each first tests that what it changes is
/// still what was read there.
pub(super) fn to_primary(kind: RouteKind, route: &Value) -> Result<Vec<Value>, Trouble> {
    let operations = match shape(kind) {
        Some(shape) => by_weight(&shape, route),
        None => by_annotation(route),
    };
    if operations.is_empty() {
        let why = format!("the {kind} does not split between primary and canary");
        return Err(Trouble::BadAnswer(Text::clean(&why)));
    }
    Ok(operations)
}

fn by_weight(shape: &Shape, route: &Value) -> Vec<Value> {
    let rules = rules(shape, route);
    let splitting = rules.iter().filter(|rule| split(rule).is_some()).flatten();
    splitting
        .flat_map(|Own { place, host, side, .. }| {
            let weight = if *side == Side::Primary { 100 } else { 0 };
            let named = format!("{place}{}", shape.name);
            [
                json!({"op": "test", "path": named, "value": host}),
                json!({"op": "add", "path": format!("{place}/weight"), "value": weight}),
            ]
        })
        .collect()
}

/// Flagger turns it on again by itself when it next gives the canary traffic.
fn by_annotation(route: &Value) -> Vec<Value> {
    let Some((prefix, annotations)) = nginx(route) else { return Vec::new() };
    let key = format!("{prefix}{NGINX_CANARY}");
    let now = annotations.get(&key).cloned().unwrap_or_default();
    let place = key.replace('~', "~0").replace('/', "~1");
    let path = format!("/metadata/annotations/{place}");
    vec![
        json!({"op": "test", "path": path, "value": now}),
        json!({"op": "replace", "path": path, "value": "false"}),
    ]
}

/// Per cent, rounded; nothing gets traffic where all weights are zero.
fn share(one: u64, other: u64) -> u32 {
    let all = one.saturating_add(other);
    if all == 0 {
        return 0;
    }
    let rounded = (u128::from(one) * 100 + u128::from(all) / 2) / u128::from(all);
    u32::try_from(rounded).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::super::fields::Words;
    use super::*;

    fn read(rules: &Value, owner: &Value) -> Option<(u32, u32)> {
        let object = json!({
            "metadata": {"name": "search", "namespace": "shop", "uid": "r", "ownerReferences": [owner]},
            "spec": {"rules": rules},
        });
        let mut words = Words::default();
        let found = route(RouteKind::HttpRoute, &object, &mut Reading::new(&mut words))?;
        assert_eq!((found.owner.as_str(), found.route.name.as_str()), ("c", "search"));
        Some((found.route.primary, found.route.canary))
    }

    fn canary() -> Value {
        json!({"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "search", "uid": "c"})
    }

    fn backend(name: &str, weight: &Value) -> Value {
        json!({"group": "", "kind": "Service", "name": name, "port": 80, "weight": weight})
    }

    #[test]
    fn the_weights_are_found_by_the_suffix_of_the_backends() {
        let both = |primary: Value, canary: Value| json!([{"backendRefs": [backend("s-primary", &primary), backend("s-canary", &canary)]}]);
        let alone = json!({"backendRefs": [backend("s-primary", &json!(100))]});
        let mut test = both(json!(0), json!(100));
        test.as_array_mut().expect("rules").push(alone.clone());
        for (rules, want) in [
            (both(json!(100), json!(0)), Some((100, 0))),
            (both(json!(80), json!(20)), Some((80, 20))),
            (both(json!(2), json!(1)), Some((67, 33))),
            (both(json!(0), json!(0)), Some((0, 0))),
            (both(json!("x"), json!(7)), Some((0, 100))),
            (test, Some((0, 100))),
            (json!([alone]), None),
            (json!([]), None),
            (json!("rules"), None),
            (Value::Null, None),
        ] {
            assert_eq!(read(&rules, &canary()), want, "{rules}");
        }
    }

    #[test]
    fn a_weight_that_is_not_said_is_one_as_the_gateway_api_has_it() {
        let rules = json!([{"backendRefs": [{"name": "s-primary"}, {"name": "s-canary"}]}]);
        assert_eq!(read(&rules, &canary()), Some((50, 50)));
    }

    #[test]
    fn all_traffic_to_the_primary_is_asked_for_by_name_and_only_where_a_rule_splits() {
        let split = json!({"backendRefs": [backend("s-primary", &json!(80)), backend("s-canary", &json!(20))]});
        let alone = json!({"backendRefs": [backend("s-primary", &json!(100))]});
        let found = to_primary(RouteKind::HttpRoute, &json!({"spec": {"rules": [alone, split]}}))
            .expect("a split");
        assert_eq!(
            found,
            [
                json!({"op": "test", "path": "/spec/rules/1/backendRefs/0/name", "value": "s-primary"}),
                json!({"op": "add", "path": "/spec/rules/1/backendRefs/0/weight", "value": 100}),
                json!({"op": "test", "path": "/spec/rules/1/backendRefs/1/name", "value": "s-canary"}),
                json!({"op": "add", "path": "/spec/rules/1/backendRefs/1/weight", "value": 0}),
            ]
        );
        for bad in [json!({}), json!({"spec": {"rules": []}}), json!({"spec": {"rules": [{}]}})] {
            for kind in RouteKind::ALL {
                assert!(to_primary(kind, &bad).is_err(), "{bad}");
            }
        }
    }

    #[test]
    fn a_route_of_somebody_else_is_none_of_ours() {
        let rules = json!([{"backendRefs": [{"name": "s-primary"}, {"name": "s-canary"}]}]);
        for owner in [
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "uid": "c"}),
            json!({"apiVersion": "other/v1", "kind": "Canary", "uid": "c"}),
            json!({"apiVersion": "flagger.app/v1beta1", "kind": "Canary"}),
            Value::Null,
        ] {
            assert_eq!(read(&rules, &owner), None, "{owner}");
        }
    }

    fn weights_of(kind: RouteKind, mut object: Value) -> Option<(u32, u32, u64)> {
        object["metadata"]["name"] = "search".into();
        object["metadata"]["ownerReferences"] = json!([canary()]);
        let mut words = Words::default();
        let found = route(kind, &object, &mut Reading::new(&mut words))?.route;
        assert_eq!(found.kind, kind);
        Some((found.primary, found.canary, found.total))
    }

    fn istio(routes: &[(&str, Value)]) -> Value {
        let routes: Vec<Value> = routes
            .iter()
            .map(|(host, weight)| json!({"destination": {"host": host}, "weight": weight}))
            .collect();
        json!({"spec": {"hosts": ["search"], "http": [{"route": routes}]}})
    }

    #[test]
    fn a_virtual_service_splits_by_the_hosts_of_its_destinations() {
        let short = istio(&[("s-primary", json!(80)), ("s-canary", json!(20))]);
        let whole = istio(&[
            ("s-primary.shop.svc.cluster.local", json!(100)),
            ("s-canary.shop.svc.cluster.local", json!(0)),
        ]);
        let unsaid = json!({"spec": {"http": [{"route": [
            {"destination": {"host": "s-primary"}, "weight": 100}, {"destination": {"host": "s-canary"}},
        ]}]}});
        let odd = istio(&[("s-primary", json!(60)), ("s-canary", json!(20))]);
        let other = istio(&[("s", json!(100))]);
        for (object, want) in [
            (short, Some((80, 20, 100))),
            (whole, Some((100, 0, 100))),
            (unsaid, Some((100, 0, 100))),
            (odd, Some((75, 25, 80))),
            (other, None),
            (json!({}), None),
        ] {
            assert_eq!(weights_of(RouteKind::VirtualService, object.clone()), want, "{object}");
        }
    }

    #[test]
    fn a_traefik_service_that_lists_the_primary_alone_sends_it_all() {
        let weighted = |services: Value| json!({"spec": {"weighted": {"services": services}}});
        let primary = |weight: u32| json!({"name": "s-primary", "port": 80, "weight": weight});
        let canary = json!({"name": "s-canary", "port": 80, "weight": 30});
        for (object, want) in [
            (weighted(json!([primary(70), canary])), Some((70, 30, 100))),
            (weighted(json!([primary(100)])), Some((100, 0, 100))),
            (weighted(json!([])), None),
            (json!({"spec": {"mirroring": {"name": "s"}}}), None),
        ] {
            assert_eq!(weights_of(RouteKind::TraefikService, object.clone()), want, "{object}");
        }
    }

    #[test]
    fn an_ingress_splits_by_annotations_whatever_stands_before_them() {
        let marked = |annotations: Value| json!({"metadata": {"annotations": annotations}});
        for (annotations, want) in [
            (
                json!({"nginx.ingress.kubernetes.io/canary": "true", "nginx.ingress.kubernetes.io/canary-weight": "20"}),
                Some((80, 20, 100)),
            ),
            (
                json!({"custom.example/canary": "true", "custom.example/canary-weight": "5"}),
                Some((95, 5, 100)),
            ),
            (
                json!({"n/canary": "true", "n/canary-weight": "100", "n/canary-weight-total": "1000"}),
                Some((90, 10, 100)),
            ),
            (json!({"n/canary": "false", "n/canary-weight": "20"}), Some((100, 0, 100))),
            (json!({"n/canary": "true", "n/canary-by-header": "x"}), Some((0, 100, 100))),
            (json!({"n/canary": "true", "n/canary-weight": "many"}), Some((100, 0, 100))),
            (json!({"n/rewrite": "/"}), None),
            (Value::Null, None),
        ] {
            assert_eq!(
                weights_of(RouteKind::Ingress, marked(annotations.clone())),
                want,
                "{annotations}"
            );
        }
    }

    #[test]
    fn every_kind_of_route_is_put_back_by_its_own_operations() {
        let split = istio(&[("s-primary", json!(80)), ("s-canary", json!(20))]);
        assert_eq!(
            to_primary(RouteKind::VirtualService, &split).expect("a split"),
            [
                json!({"op": "test", "path": "/spec/http/0/route/0/destination/host", "value": "s-primary"}),
                json!({"op": "add", "path": "/spec/http/0/route/0/weight", "value": 100}),
                json!({"op": "test", "path": "/spec/http/0/route/1/destination/host", "value": "s-canary"}),
                json!({"op": "add", "path": "/spec/http/0/route/1/weight", "value": 0}),
            ]
        );
        let services =
            json!([{"name": "s-primary", "weight": 70}, {"name": "s-canary", "weight": 30}]);
        let weighted = json!({"spec": {"weighted": {"services": services}}});
        let found = to_primary(RouteKind::TraefikService, &weighted).expect("a split");
        assert_eq!(found.len(), 4);
        assert_eq!(
            found[3],
            json!({"op": "add", "path": "/spec/weighted/services/1/weight", "value": 0})
        );
        let ingress = json!({"metadata": {"annotations": {"n.io/canary": "true", "n.io/canary-weight": "20"}}});
        assert_eq!(
            to_primary(RouteKind::Ingress, &ingress).expect("a canary"),
            [
                json!({"op": "test", "path": "/metadata/annotations/n.io~1canary", "value": "true"}),
                json!({"op": "replace", "path": "/metadata/annotations/n.io~1canary", "value": "false"}),
            ]
        );
    }
}
