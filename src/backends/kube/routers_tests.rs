use serde_json::{Value, json};

use super::super::fields::{Reading, Words};
use super::super::splits::split;
use super::*;
use crate::domain::fixtures::at;

fn rollout(routing: &Value) -> Value {
    json!({
        "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"strategy": {"canary": {
            "canaryService": "api-canary", "stableService": "api-stable", "trafficRouting": routing,
        }}},
    })
}

fn wanted_by(rollout: &Value) -> Vec<Wanted> {
    let (name, namespace) = (Name::new("api"), Namespace::new("shop"));
    wanted(rollout, &SplitOwner { name: &name, namespace: &namespace }).into()
}

fn names(routing: &Value) -> Vec<String> {
    let name = |wanted: &Wanted| match wanted {
        Wanted::Object(at, _) => format!("{} {}/{}", at.kind, at.namespace, at.name),
        Wanted::Unread(what) => format!("unread {what}"),
    };
    wanted_by(&rollout(routing)).iter().map(name).collect()
}

/// What the first object that this routing names says.
fn says(routing: &Value, object: &Value) -> Result<(u32, Option<String>), String> {
    says_of(&rollout(routing), object, 100)
}

fn says_of(
    rollout: &Value,
    object: &Value,
    weight_max: u32,
) -> Result<(u32, Option<String>), String> {
    let all = wanted_by(rollout);
    let Some(Wanted::Object(place, pick)) = all.first() else { panic!("no object: {all:?}") };
    let mut words = Words::default();
    let split = split(place.kind, object, at(0), &mut Reading::new(&mut words));
    reckon(pick, &split, weight_max)
        .map(|(share, note)| (share, note.map(|note| note.to_string())))
        .map_err(|why| why.to_string())
}

fn said(why: &str) -> Result<(u32, Option<String>), String> {
    Err(why.to_owned())
}

#[test]
fn the_objects_are_those_that_the_controller_writes() {
    for (routing, want) in [
        (json!({"nginx": {"stableIngress": "front"}}), vec!["Ingress shop/api-front-canary"]),
        (
            json!({"nginx": {"stableIngresses": ["a", "b"]}}),
            vec!["Ingress shop/api-a-canary", "Ingress shop/api-b-canary"],
        ),
        (json!({"alb": {"ingress": "front", "servicePort": 80}}), vec!["Ingress shop/front"]),
        (
            json!({"istio": {"virtualService": {"name": "mesh.infra", "routes": ["main"]}}}),
            vec!["VirtualService infra/mesh"],
        ),
        (
            json!({"istio": {"virtualServices": [{"name": "a"}, {"name": "b"}]}}),
            vec!["VirtualService shop/a", "VirtualService shop/b"],
        ),
        (json!({"traefik": {"weightedTraefikServiceName": "w"}}), vec!["TraefikService shop/w"]),
        (
            json!({"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "edge", "namespace": "infra"}}}),
            vec!["HTTPRoute infra/edge"],
        ),
        (
            json!({"plugins": {"argoproj-labs/gatewayAPI": {
                "httpRoutes": [{"name": "a"}, {"name": "b", "ruleName": "r"}], "grpcRoutes": [{"name": "g"}],
            }}}),
            vec!["HTTPRoute shop/a", "HTTPRoute shop/b", "unread GRPCRoute"],
        ),
        (json!({"plugins": {"acme/router": {}}}), vec!["unread plugin acme/router"]),
        (json!({"smi": {}, "appMesh": {}}), vec!["unread SMI", "unread App Mesh"]),
        (json!({}), vec![]),
        (json!("text"), vec![]),
        (json!({"nginx": "x", "plugins": [1], "istio": {"virtualServices": 7}}), vec![]),
    ] {
        assert_eq!(names(&routing), want, "{routing}");
    }
}

#[test]
fn the_name_of_an_ingress_is_cut_as_the_controller_cuts_it() {
    let long = "x".repeat(400);
    let found = names(&json!({"nginx": {"stableIngress": long}}));
    let name = found[0].rsplit('/').next().expect("a name").to_owned();
    assert_eq!((name.len(), name.ends_with("x-canary")), (253, true));
}

fn ingress(annotations: &Value) -> Value {
    json!({"metadata": {"name": "i", "namespace": "shop", "uid": "i", "annotations": annotations}})
}

#[test]
fn an_ingress_of_nginx_says_its_weight_after_the_prefix_of_the_spec() {
    let usual = json!({"nginx": {"stableIngress": "front"}});
    let own = json!({"nginx": {"stableIngress": "front", "annotationPrefix": "acme.io"}});
    let nginx = |more: &[(&str, &str)]| {
        let mut all = json!({});
        for (key, value) in more {
            all[format!("nginx.ingress.kubernetes.io/{key}")] = json!(value);
        }
        ingress(&all)
    };
    let on = ("canary", "true");
    for (routing, object, want) in [
        (&usual, nginx(&[on, ("canary-weight", "25")]), Ok((25, None))),
        (&usual, nginx(&[on, ("canary-weight", "0")]), Ok((0, None))),
        (
            &usual,
            nginx(&[on, ("canary-weight", "100"), ("canary-weight-total", "1000")]),
            Ok((10, Some("its weights add up to 1000".to_owned()))),
        ),
        (
            &usual,
            nginx(&[on, ("canary-weight", "5"), ("canary-by-header", "x-new")]),
            Ok((5, Some("requests with its header go their own way".to_owned()))),
        ),
        (
            &usual,
            nginx(&[("canary", "false"), ("canary-weight", "25")]),
            Ok((0, Some("its annotation canary is turned off".to_owned()))),
        ),
        (&usual, nginx(&[on]), said("it has no annotation canary-weight")),
        (
            &usual,
            nginx(&[on, ("canary-weight", "many")]),
            said("its annotation canary-weight is no number"),
        ),
        (
            &usual,
            nginx(&[on, ("canary-weight", "-5")]),
            said("its annotation canary-weight is no number"),
        ),
        (
            &usual,
            nginx(&[on, ("canary-weight", "250")]),
            Ok((100, Some("its weight is 250 of 100".to_owned()))),
        ),
        (&own, nginx(&[on, ("canary-weight", "25")]), said("it has no annotation acme.io/canary")),
        (
            &own,
            ingress(&json!({"acme.io/canary": "true", "acme.io/canary-weight": " 30 "})),
            Ok((30, None)),
        ),
        (
            &usual,
            ingress(&Value::Null),
            said("it has no annotation nginx.ingress.kubernetes.io/canary"),
        ),
    ] {
        assert_eq!(says(routing, &object), want, "{object}");
    }
}

#[test]
fn an_ingress_of_the_aws_load_balancer_says_it_in_its_forward_action() {
    let routing = json!({"alb": {"ingress": "front", "rootService": "root"}});
    let action = |text: &str| ingress(&json!({"alb.ingress.kubernetes.io/actions.root": text}));
    let groups = |canary: &str| {
        format!(
            r#"{{"Type":"forward","ForwardConfig":{{"TargetGroups":[
                {{"ServiceName":"api-canary","ServicePort":"80","Weight":{canary}}},
                {{"ServiceName":"api-stable","ServicePort":"80","Weight":85}}]}}}}"#
        )
    };
    for (object, want) in [
        (action(&groups("15")), Ok((15, None))),
        (action(&groups("\"15\"")), said("a weight in it is no number")),
        (action(&groups("-1")), said("a weight in it is no number")),
        (action("{"), said("its forward action is no JSON")),
        (action("{}"), said("it does not split between api-stable and api-canary")),
        (
            ingress(&json!({"alb.ingress.kubernetes.io/actions.other": groups("15")})),
            said("it has no annotation alb.ingress.kubernetes.io/actions.root"),
        ),
    ] {
        assert_eq!(says(&routing, &object), want, "{object}");
    }
}

fn virtual_service(http: &Value) -> Value {
    json!({"metadata": {"name": "mesh", "namespace": "shop", "uid": "v"}, "spec": {"http": http}})
}

fn destination(host: &str, subset: Option<&str>, weight: &Value) -> Value {
    json!({"destination": {"host": host, "subset": subset}, "weight": weight})
}

#[test]
fn a_virtual_service_says_it_in_the_routes_that_are_named() {
    let routing = json!({"istio": {"virtualService": {"name": "mesh", "routes": ["main"]}}});
    let main = |canary: Value, stable: Value| {
        json!({"name": "main", "route": [
            destination("api-stable.shop.svc.cluster.local", None, &stable),
            destination("api-canary", None, &canary),
        ]})
    };
    let other = json!({"name": "other", "route": [
        destination("api-stable", None, &json!(10)), destination("api-canary", None, &json!(90)),
    ]});
    let alone = json!({"name": "main", "route": [destination("api-stable", None, &json!(100))]});
    for (http, want) in [
        (json!([other, main(json!(25), json!(75))]), Ok((25, None))),
        (json!([main(json!(0), json!(100))]), Ok((0, None))),
        (
            json!([main(json!(20), json!(60))]),
            Ok((25, Some("its weights add up to 80".to_owned()))),
        ),
        (
            json!([main(json!(0), json!(0))]),
            Ok((0, Some("all its weights are 0, nobody is served".to_owned()))),
        ),
        (json!([main(json!("25"), json!(75))]), said("a weight in it is no number")),
        (json!([main(json!(-25), json!(75))]), said("a weight in it is no number")),
        (json!([other]), said("it has no route main")),
        (json!([alone]), said("it does not split between api-stable and api-canary")),
        (json!("http"), said("it has no route main")),
    ] {
        assert_eq!(says(&routing, &virtual_service(&http)), want, "{http}");
    }
}

#[test]
fn subsets_of_one_host_are_told_apart_by_the_destination_rule() {
    let routing = json!({"istio": {
        "virtualService": {"name": "mesh"},
        "destinationRule": {"name": "api", "canarySubsetName": "new", "stableSubsetName": "old"},
    }});
    let http = json!([{"route": [
        destination("api", Some("old"), &json!(70)), destination("api", Some("new"), &json!(30)),
    ]}]);
    assert_eq!(says(&routing, &virtual_service(&http)), Ok((30, None)));
}

#[test]
fn connections_that_are_passed_on_have_rules_of_their_own() {
    let routing =
        json!({"istio": {"virtualService": {"name": "mesh", "tlsRoutes": [{"port": 443}]}}});
    let split = json!([{"match": [{"port": 443}], "route": [
        destination("api-stable", None, &json!(55)), destination("api-canary", None, &json!(45)),
    ]}]);
    let object = json!({"metadata": {"name": "mesh"}, "spec": {"tls": split}});
    assert_eq!(says(&routing, &object), Ok((45, None)));
    assert_eq!(
        says(&routing, &virtual_service(&split)),
        said("it does not split between api-stable and api-canary")
    );
}

fn http_route(rules: &Value) -> Value {
    json!({"metadata": {"name": "edge", "namespace": "shop", "uid": "h"}, "spec": {"rules": rules}})
}

fn backends(all: &[(&str, Value)]) -> Value {
    let all: Vec<Value> =
        all.iter().map(|(name, weight)| json!({"name": name, "weight": weight})).collect();
    json!({"backendRefs": all})
}

#[test]
fn a_route_of_the_gateway_api_says_it_in_each_rule_with_both() {
    let plugin = |config: Value| json!({"plugins": {"argoproj-labs/gatewayAPI": config}});
    let any = plugin(json!({"httpRoute": "edge"}));
    let one = plugin(json!({"httpRoute": "edge", "httpRouteRuleName": "argo"}));
    let both = |canary: u32| {
        backends(&[("api-stable", json!(100 - canary)), ("api-canary", json!(canary))])
    };
    let mut named = both(20);
    named["name"] = json!("argo");
    let header = backends(&[("api-canary", json!(1))]);
    for (routing, rules, want) in [
        (&any, json!([header, both(40)]), Ok((40, None))),
        (
            &any,
            json!([both(10), both(40)]),
            Ok((40, Some("its routes differ: 10 % and 40 %".to_owned()))),
        ),
        (&one, json!([both(40), named]), Ok((20, None))),
        (&one, json!([both(40)]), said("it has no route argo")),
        (&any, json!([header]), said("it does not split between api-stable and api-canary")),
        (&any, json!([]), said("it does not split between api-stable and api-canary")),
    ] {
        assert_eq!(says(routing, &http_route(&rules)), want, "{rules}");
    }
}

#[test]
fn a_part_that_is_kept_for_others_changes_nothing_of_what_the_controller_means() {
    let mut rollout =
        rollout(&json!({"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "edge"}}}));
    rollout["spec"]["strategy"]["canary"]["trafficRouting"]["maxTrafficWeight"] = json!(95);
    let rules = json!([backends(&[
        ("discovery", json!(5)),
        ("api-stable", json!(75)),
        ("api-canary", json!(20)),
    ])]);
    assert_eq!(says_of(&rollout, &http_route(&rules), 95), Ok((20, None)));
    let thousandths = json!([backends(&[("api-stable", json!(990)), ("api-canary", json!(10))])]);
    assert_eq!(says_of(&rollout, &http_route(&thousandths), 1_000), Ok((10, None)));
}

#[test]
fn a_weighted_service_of_traefik_says_it_in_its_services() {
    let routing = json!({"traefik": {"weightedTraefikServiceName": "w"}});
    let object = |services: Value| json!({"metadata": {"name": "w"}, "spec": {"weighted": {"services": services}}});
    let both = json!([{"name": "api-stable", "weight": 60}, {"name": "api-canary", "weight": 40}]);
    assert_eq!(says(&routing, &object(both)), Ok((40, None)));
    assert_eq!(
        says(&routing, &object(json!([{"name": "api-stable", "weight": 60}]))),
        said("it does not split between api-stable and api-canary")
    );
}

#[test]
fn with_ping_and_pong_the_status_says_which_one_is_the_canary() {
    let routing = json!({"alb": {"ingress": "front", "rootService": "root"}});
    let mut rollout = rollout(&routing);
    rollout["spec"]["strategy"]["canary"]["pingPong"] =
        json!({"pingService": "ping", "pongService": "pong"});
    let action = r#"{"ForwardConfig":{"TargetGroups":[{"ServiceName":"ping","Weight":30},{"ServiceName":"pong","Weight":70}]}}"#;
    let object = ingress(&json!({"alb.ingress.kubernetes.io/actions.root": action}));
    for (stable, want) in [("ping", 70), ("pong", 30)] {
        rollout["status"] = json!({"canary": {"stablePingPong": stable}});
        assert_eq!(says_of(&rollout, &object, 100), Ok((want, None)), "{stable}");
    }
}
