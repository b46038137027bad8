//! Which objects carry the traffic of an Argo Rollout (`spec.strategy.canary.trafficRouting`, `reference/rollouts.md` §1.2), and
//! what they say of the canary's share. An object that says nothing sensible is told, never guessed. Pure and total.

use serde_json::Value;

use super::fields::Node;
use super::splits::{How, Protocol, Rule, Share, Split, SplitRef};
use crate::domain::flagger::RouteKind;
use crate::domain::ids::{Name, Namespace};
use crate::domain::text::Text;

/// Objects read for one Rollout; who has more has the first ones told.
const OBJECTS_MAX: usize = 16;

/// The prefixes of annotations unless said.
const NGINX: &str = "nginx.ingress.kubernetes.io";
const ALB: &str = "alb.ingress.kubernetes.io";

/// The longest name of an Ingress; the controller cuts longer ones before their ending.
const INGRESS_NAME_MAX: usize = 253;
const CANARY_INGRESS: &str = "-canary";

/// The plugin for the Gateway API.
const GATEWAY_PLUGIN: &str = "argoproj-labs/gatewayAPI";

/// Routers whose weights are not read, by their key in `trafficRouting`.
const UNREAD: [(&str, &str); 4] =
    [("smi", "SMI"), ("ambassador", "Ambassador"), ("appMesh", "App Mesh"), ("apisix", "APISIX")];

/// An object that carries traffic of a Rollout.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    /// One that can be read.
    Object(SplitRef, Pick),
    /// One that is not read: what it is.
    Unread(Text),
}

/// What of an object belongs to the Rollout.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pick {
    /// The rules with both sides: of these connections, and where names are given of these names.
    Rules(Protocol, Box<[Box<str>]>, Sides),
    /// The annotations of nginx after this prefix.
    Nginx(Box<str>),
    /// The annotation of the AWS load balancer, and the canary's Service.
    Alb(Box<str>, Sides),
}

/// How canary and stable are named in rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sides {
    canary: Side,
    stable: Side,
}

/// A Service, or a subset of one.
#[derive(Clone, Debug, Default, PartialEq)]
struct Side {
    service: Box<str>,
    subset: Option<Box<str>>,
}

impl Side {
    fn is(&self, share: &Share) -> bool {
        let by_subset = self.subset.is_some() && self.subset == share.subset;
        by_subset || !self.service.is_empty() && self.service == share.service
    }

    fn name(&self) -> &str {
        self.subset.as_deref().unwrap_or(&self.service)
    }
}

/// Canary's share (of the weight that means all), and what is odd about it.
pub(super) type Reckoned = Result<(u32, Option<Text>), Text>;

/// What carries a Rollout's traffic; empty without a router.
pub(super) fn wanted(rollout: &Value, own: &SplitOwner<'_>) -> Box<[Wanted]> {
    let canary = Node::root(rollout.pointer("/spec/strategy/canary").unwrap_or(&Value::Null));
    let routing = canary.at("trafficRouting", "");
    let sides = sides(rollout, canary);
    let mut found = nginx(routing.at("nginx", ""), own);
    found.extend(alb(routing.at("alb", ""), own, &sides));
    found.extend(istio(routing.at("istio", ""), own, &sides));
    found.extend(traefik(routing.at("traefik", ""), own, &sides));
    found.extend(plugins(routing.raw("plugins"), own, &sides));
    for (key, name) in UNREAD {
        if routing.raw(key).is_object() {
            found.push(Wanted::Unread(Text::clean(name)));
        }
    }
    found.truncate(OBJECTS_MAX);
    found.into()
}

/// Whose objects they are.
pub(super) struct SplitOwner<'a> {
    /// The Rollout's name.
    pub(super) name: &'a Name,
    /// Its namespace.
    pub(super) namespace: &'a Namespace,
}

impl SplitOwner<'_> {
    fn object(&self, kind: RouteKind, name: &str, namespace: Option<&str>) -> SplitRef {
        let namespace = namespace.filter(|it| !it.is_empty()).map(Namespace::new);
        let namespace = namespace.unwrap_or_else(|| self.namespace.clone());
        SplitRef { kind, namespace, name: Name::new(name) }
    }
}

/// With ping and pong the roles of two Services change from release to release, and the status says how they are now.
fn sides(rollout: &Value, canary: Node<'_>) -> Sides {
    let side =
        |service: Option<&str>| Side { service: service.unwrap_or_default().into(), subset: None };
    let pair = canary.at("pingPong", "");
    if !pair.is_there() {
        return Sides {
            canary: side(canary.word("canaryService")),
            stable: side(canary.word("stableService")),
        };
    }
    let (first, second) = (side(pair.word("pingService")), side(pair.word("pongService")));
    let stable = rollout.pointer("/status/canary/stablePingPong").and_then(Value::as_str);
    match stable {
        Some("pong") => Sides { canary: first, stable: second },
        _ => Sides { canary: second, stable: first },
    }
}

/// The names under the key of many, else the one under the key of one.
fn names<'a>(node: Node<'a>, one: &str, many: &str) -> Vec<&'a str> {
    let all = node.raw(many).as_array().into_iter().flatten();
    let all: Vec<&str> = all.filter_map(Value::as_str).take(OBJECTS_MAX).collect();
    if all.is_empty() { node.word(one).into_iter().collect() } else { all }
}

fn nginx(node: Node<'_>, own: &SplitOwner<'_>) -> Vec<Wanted> {
    let prefix = node.word("annotationPrefix").filter(|it| !it.is_empty()).unwrap_or(NGINX);
    let of = |stable: &str| {
        let mut name = format!("{}-{stable}", own.name);
        let mut end = name.len().min(INGRESS_NAME_MAX - CANARY_INGRESS.len());
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
        name.push_str(CANARY_INGRESS);
        Wanted::Object(own.object(RouteKind::Ingress, &name, None), Pick::Nginx(prefix.into()))
    };
    names(node, "stableIngress", "stableIngresses").into_iter().map(of).collect()
}

fn alb(node: Node<'_>, own: &SplitOwner<'_>, sides: &Sides) -> Vec<Wanted> {
    let prefix = node.word("annotationPrefix").filter(|it| !it.is_empty()).unwrap_or(ALB);
    let root = node.word("rootService").filter(|it| !it.is_empty());
    let key = format!("{prefix}/actions.{}", root.unwrap_or(&sides.stable.service));
    let of = |name: &str| {
        let pick = Pick::Alb(key.as_str().into(), sides.clone());
        Wanted::Object(own.object(RouteKind::Ingress, name, None), pick)
    };
    names(node, "ingress", "ingresses").into_iter().map(of).collect()
}

fn istio(node: Node<'_>, own: &SplitOwner<'_>, sides: &Sides) -> Vec<Wanted> {
    let rule = node.at("destinationRule", "");
    let mut sides = sides.clone();
    sides.canary.subset = rule.word("canarySubsetName").map(Into::into);
    sides.stable.subset = rule.word("stableSubsetName").map(Into::into);
    let one = Some(node.raw("virtualService")).filter(|it| it.is_object());
    let many = node.raw("virtualServices").as_array().into_iter().flatten();
    let all = one.into_iter().chain(many).take(OBJECTS_MAX).map(|it| Node::entry(it, ""));
    all.flat_map(|service| {
        // `name.namespace` is one of another namespace.
        let word = service.word("name").unwrap_or_default();
        let (name, namespace) = word.split_once('.').map_or((word, None), |(n, ns)| (n, Some(ns)));
        let at = own.object(RouteKind::VirtualService, name, namespace);
        let has = |key: &str| service.raw(key).as_array().is_some_and(|list| !list.is_empty());
        let mut protocols = Vec::new();
        if has("routes") || !(has("tlsRoutes") || has("tcpRoutes")) {
            protocols.push((Protocol::Http, listed(service.raw("routes"))));
        }
        protocols.extend(has("tlsRoutes").then(|| (Protocol::Tls, Box::default())));
        protocols.extend(has("tcpRoutes").then(|| (Protocol::Tcp, Box::default())));
        let of = |(protocol, names)| {
            Wanted::Object(at.clone(), Pick::Rules(protocol, names, sides.clone()))
        };
        protocols.into_iter().map(of).collect::<Vec<_>>()
    })
    .collect()
}

fn listed(list: &Value) -> Box<[Box<str>]> {
    let all = list.as_array().into_iter().flatten();
    all.filter_map(Value::as_str).take(OBJECTS_MAX).map(Into::into).collect()
}

fn traefik(node: Node<'_>, own: &SplitOwner<'_>, sides: &Sides) -> Option<Wanted> {
    let at = own.object(RouteKind::TraefikService, node.word("weightedTraefikServiceName")?, None);
    Some(Wanted::Object(at, Pick::Rules(Protocol::Http, Box::default(), sides.clone())))
}

fn plugins(plugins: &Value, own: &SplitOwner<'_>, sides: &Sides) -> Vec<Wanted> {
    let all = plugins.as_object().into_iter().flatten().take(OBJECTS_MAX);
    all.flat_map(|(name, config)| match name.as_str() {
        GATEWAY_PLUGIN => gateway(Node::entry(config, ""), own, sides),
        other => vec![Wanted::Unread(Text::clean(&format!("plugin {other}")))],
    })
    .collect()
}

fn gateway(config: Node<'_>, own: &SplitOwner<'_>, sides: &Sides) -> Vec<Wanted> {
    let space = config.word("namespace");
    let of = |name: &str, rule: Option<&str>, namespace: Option<&str>| {
        let names = rule.filter(|it| !it.is_empty()).map(Into::into).into_iter().collect();
        let at = own.object(RouteKind::HttpRoute, name, namespace.or(space));
        Wanted::Object(at, Pick::Rules(Protocol::Http, names, sides.clone()))
    };
    let one = config.word("httpRoute").filter(|it| !it.is_empty());
    let mut found: Vec<Wanted> =
        one.map(|name| of(name, config.word("httpRouteRuleName"), None)).into_iter().collect();
    let many = config.raw("httpRoutes").as_array().into_iter().flatten().take(OBJECTS_MAX);
    found.extend(many.filter_map(|route| {
        let route = Node::entry(route, "");
        Some(of(route.word("name")?, route.word("ruleName"), route.word("namespace")))
    }));
    for (one, many, kind) in [
        ("grpcRoute", "grpcRoutes", "GRPCRoute"),
        ("tcpRoute", "tcpRoutes", "TCPRoute"),
        ("tlsRoute", "tlsRoutes", "TLSRoute"),
    ] {
        let is_used = config.word(one).is_some_and(|it| !it.is_empty())
            || config.raw(many).as_array().is_some_and(|list| !list.is_empty());
        found.extend(is_used.then(|| Wanted::Unread(Text::clean(kind))));
    }
    found
}

/// The canary's share of `weight_max`, as this object has it.
pub(super) fn reckon(pick: &Pick, split: &Split, weight_max: u32) -> Reckoned {
    match (pick, &split.how) {
        (Pick::Rules(protocol, names, sides), How::Rules(rules)) => {
            by_rules((*protocol, names), sides, rules, weight_max)
        }
        (Pick::Nginx(prefix), How::Marks(marks)) => by_nginx(prefix, marks, weight_max),
        (Pick::Alb(key, sides), How::Marks(marks)) => by_alb(key, sides, marks, weight_max),
        (Pick::Rules(..), How::Marks(_)) | (Pick::Nginx(_) | Pick::Alb(..), How::Rules(_)) => {
            Err(Text::from("it is of another kind"))
        }
    }
}

fn by_rules(
    (protocol, names): (Protocol, &[Box<str>]),
    sides: &Sides,
    rules: &[Rule],
    weight_max: u32,
) -> Reckoned {
    let is_ours = |rule: &&Rule| {
        names.is_empty() || rule.name.as_ref().is_some_and(|name| names.contains(name))
    };
    let rules: Vec<&Rule> =
        rules.iter().filter(|rule| rule.protocol == protocol).filter(is_ours).collect();
    if let Some(missing) =
        names.iter().find(|name| !rules.iter().any(|rule| rule.name.as_ref() == Some(*name)))
    {
        return Err(Text::clean(&format!("it has no route {missing}")));
    }
    let splitting = rules.iter().filter(|rule| {
        let has = |side: &Side| rule.shares.iter().any(|share| side.is(share));
        has(&sides.canary) && has(&sides.stable)
    });
    let shares: Vec<(u32, Option<Text>)> =
        splitting.map(|rule| of_rule(rule, sides, weight_max)).collect::<Result<_, Text>>()?;
    // What sends the canary more is what users see the worst of.
    let Some(most) = shares.iter().max_by_key(|(share, _)| *share).cloned() else {
        let (canary, stable) = (sides.canary.name(), sides.stable.name());
        return Err(Text::clean(&format!("it does not split between {stable} and {canary}")));
    };
    let least = shares.iter().map(|(share, _)| *share).min().unwrap_or(most.0);
    if least == most.0 {
        return Ok(most);
    }
    let note = format!("its routes differ: {least} % and {} %", most.0);
    Ok((most.0, Some(Text::clean(&note))))
}

fn of_rule(rule: &Rule, sides: &Sides, weight_max: u32) -> Reckoned {
    let no_number = || Text::from("a weight in it is no number");
    let mut total = 0_u64;
    let mut canary = 0_u64;
    for share in &rule.shares {
        let weight = share.weight.ok_or_else(no_number)?;
        total = total.saturating_add(weight);
        if sides.canary.is(share) {
            canary = canary.saturating_add(weight);
        }
    }
    Ok(share_of(canary, total, weight_max))
}

/// A share in the weight that means all. Weights add up to that or to 100 as the controller writes them; others are
/// what somebody else made of them.
fn share_of(canary: u64, total: u64, weight_max: u32) -> (u32, Option<Text>) {
    if total == 0 {
        return (0, Some(Text::from("all its weights are 0, nobody is served")));
    }
    if is_whole(total, weight_max) {
        return (u32::try_from(canary).unwrap_or(weight_max), None);
    }
    let rounded =
        (u128::from(canary) * u128::from(weight_max) + u128::from(total) / 2) / u128::from(total);
    let note = format!("its weights add up to {total}");
    (u32::try_from(rounded).unwrap_or(weight_max), Some(Text::clean(&note)))
}

/// A rule may keep a part for others: then canary and stable share less than 100.
fn is_whole(total: u64, weight_max: u32) -> bool {
    total == u64::from(weight_max) || total == 100 && weight_max < 100
}

type Marks = [(Box<str>, Box<str>)];

fn by_nginx(prefix: &str, marks: &Marks, weight_max: u32) -> Reckoned {
    let value = |suffix: &str| {
        let mut found = marks.iter().filter(|(key, _)| {
            key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')) == Some(suffix)
        });
        found.next().map(|(_, value)| value.trim())
    };
    let number = |suffix: &str| match value(suffix) {
        None => Ok(None),
        Some(raw) => raw
            .parse::<u64>()
            .map(Some)
            .map_err(|_error| Text::clean(&format!("its annotation {suffix} is no number"))),
    };
    match value("canary") {
        Some("true") => {}
        Some(_) => return Ok((0, Some(Text::from("its annotation canary is turned off")))),
        None => return Err(Text::clean(&format!("it has no annotation {prefix}/canary"))),
    }
    let total = number("canary-weight-total")?.filter(|total| *total > 0).unwrap_or(100);
    let canary =
        number("canary-weight")?.ok_or_else(|| Text::from("it has no annotation canary-weight"))?;
    if canary > total {
        let note = format!("its weight is {canary} of {total}");
        return Ok((weight_max, Some(Text::clean(&note))));
    }
    let by = [("canary-by-header", "header"), ("canary-by-cookie", "cookie")];
    let also = by.into_iter().find(|(suffix, _)| value(suffix).is_some());
    let also = also.map(|(_, by)| Text::clean(&format!("requests with its {by} go their own way")));
    // The controller writes its own weight into it, whatever the total is.
    let raw = u32::try_from(canary).unwrap_or(weight_max);
    if is_whole(total, weight_max) {
        return Ok((raw, also));
    }
    Ok(share_of(canary, total, weight_max))
}

fn by_alb(key: &str, sides: &Sides, marks: &Marks, weight_max: u32) -> Reckoned {
    let Some((_, raw)) = marks.iter().find(|(mark, _)| **mark == *key) else {
        return Err(Text::clean(&format!("it has no annotation {key}")));
    };
    let action: Value =
        serde_json::from_str(raw).map_err(|_error| Text::from("its forward action is no JSON"))?;
    let groups = either(&action, "forwardConfig", "ForwardConfig")
        .and_then(|config| either(config, "targetGroups", "TargetGroups"))
        .and_then(Value::as_array);
    let shares = groups.into_iter().flatten().map(|group| Share {
        service: either(group, "serviceName", "ServiceName")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .into(),
        subset: None,
        weight: either(group, "weight", "Weight").and_then(Value::as_u64),
    });
    let rule = Rule { protocol: Protocol::Http, name: None, shares: shares.collect() };
    by_rules((Protocol::Http, &[]), sides, &[rule], weight_max)
}

/// The load balancer's controller reads both spellings.
fn either<'a>(value: &'a Value, one: &str, other: &str) -> Option<&'a Value> {
    value.get(one).or_else(|| value.get(other))
}

#[cfg(test)]
#[path = "routers_tests.rs"]
mod tests;
