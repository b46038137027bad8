//! The objects by which Flagger splits traffic → weights (`reference/rollouts.md` §2.7). Pure and total.

use serde_json::{Value, json};

use super::fields::{Node, Reading};
use super::meta::Metadata;
use crate::domain::feed::Trouble;
use crate::domain::flagger::Route;
use crate::domain::ids::Uid;
use crate::domain::text::Text;

/// How Flagger names the Services behind a route.
const PRIMARY: &str = "-primary";
const CANARY: &str = "-canary";

/// The Gateway API's weight of a backend that names none.
const WEIGHT_UNSAID: u64 = 1;

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

/// An `HTTPRoute`; `None` for one that is not a Canary's, or that does not split between its two Services.
pub(super) fn http_route(object: &Value, reading: &mut Reading<'_>) -> Option<OwnedRoute> {
    let metadata = Metadata::of(object);
    let owner = canary_of(&metadata)?;
    let rules = Node::root(object).at("spec", "spec").raw("rules").as_array()?;
    // An A/B test has a second rule, for all other requests, with the primary alone.
    let (primary, canary) = rules.iter().find_map(split)?;
    let route = Route {
        kind: Text::from("HTTPRoute"),
        name: metadata.name(reading),
        canary: share(canary, primary),
        primary: share(primary, canary),
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

/// Weights of primary and canary in a rule that names both.
fn split(rule: &Value) -> Option<(u64, u64)> {
    let backends = rule.get("backendRefs")?.as_array()?;
    let weight = |suffix: &str| {
        let mut found = backends.iter().filter(|backend| is_backend(backend, suffix)).peekable();
        found.peek()?;
        Some(found.map(weight).fold(0, u64::saturating_add))
    };
    Some((weight(PRIMARY)?, weight(CANARY)?))
}

fn is_backend(backend: &Value, suffix: &str) -> bool {
    backend.get("name").and_then(Value::as_str).is_some_and(|name| name.ends_with(suffix))
}

fn weight(backend: &Value) -> u64 {
    backend.get("weight").map_or(WEIGHT_UNSAID, |weight| weight.as_u64().unwrap_or(0))
}

/// The operations that send everything to the primary, in each rule that splits. Each first tests that the backend is still
/// the one that was read there.
pub(super) fn to_primary(route: &Value) -> Result<Vec<Value>, Trouble> {
    let rules = route.pointer("/spec/rules").and_then(Value::as_array);
    let mut operations = Vec::new();
    for (rule, found) in rules.into_iter().flatten().enumerate() {
        if split(found).is_none() {
            continue;
        }
        let backends = found.get("backendRefs").and_then(Value::as_array);
        for (index, backend) in backends.into_iter().flatten().enumerate() {
            let weight = if is_backend(backend, PRIMARY) {
                100
            } else if is_backend(backend, CANARY) {
                0
            } else {
                continue;
            };
            let place = format!("/spec/rules/{rule}/backendRefs/{index}");
            let name = backend.get("name").cloned().unwrap_or_default();
            operations.push(json!({"op": "test", "path": format!("{place}/name"), "value": name}));
            operations
                .push(json!({"op": "add", "path": format!("{place}/weight"), "value": weight}));
        }
    }
    if operations.is_empty() {
        let why = Text::from("the route does not split between primary and canary");
        return Err(Trouble::BadAnswer(why));
    }
    Ok(operations)
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
        let found = http_route(&object, &mut Reading::new(&mut words))?;
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
        let found = to_primary(&json!({"spec": {"rules": [alone, split]}})).expect("a split");
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
            assert!(to_primary(&bad).is_err(), "{bad}");
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
}
