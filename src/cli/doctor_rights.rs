//! The rights that the program uses, and which of them are missing. Kinds that a cluster does not have need none.

use std::collections::BTreeSet;

use super::doctor::of_trouble;
use super::document::doctor::{Finding, Mark};
use super::headless::exit;
use crate::backends::kube::cluster::Cluster;
use crate::backends::kube::probe::{self, Access};
use crate::backends::kube::resource::{
    ANALYSIS_RUNS, APPLICATIONS, AUTOSCALERS, BUDGETS, CANARIES, CONFIG_MAPS, CONTROLLER_REVISIONS,
    DAEMON_SETS, DEPLOYMENT_CONFIGS, DEPLOYMENTS, EVENTS, EXPERIMENTS, GIT_REPOSITORIES,
    HELM_RELEASES, HTTP_ROUTES, INGRESSES, KUSTOMIZATIONS, OLDER_TRAEFIK_SERVICES, PODS,
    REPLICA_SETS, REPLICATION_CONTROLLERS, ROLLOUTS, Resource, SERVICES, STAGES, STATEFUL_SETS,
    TRAEFIK_SERVICES, VIRTUAL_SERVICES,
};
use crate::domain::feed::Trouble;
use crate::domain::ids::Namespace;

/// What a right is for.
#[derive(Clone, Copy)]
enum Use {
    /// Without it nothing of the kind is seen.
    Seeing,
    /// Without it a part of a screen is missing.
    Detail,
    /// Without it pods cannot be asked for their own counters.
    Counters,
    /// Without it deeds are refused.
    Deeds,
    /// Without it others are not told of deeds.
    Telling,
}

/// Rights on one kind.
struct Wanted {
    resource: Resource,
    part: Option<&'static str>,
    verbs: &'static [&'static str],
    used: Use,
}

const fn on(resource: Resource, verbs: &'static [&'static str], used: Use) -> Wanted {
    Wanted { resource, part: None, verbs, used }
}

const fn on_part(
    resource: Resource,
    part: &'static str,
    verbs: &'static [&'static str],
    used: Use,
) -> Wanted {
    Wanted { resource, part: Some(part), verbs, used }
}

const FOLLOW: &[&str] = &["list", "watch"];
const CHANGE: &[&str] = &["get", "patch"];

static WANTED: &[Wanted] = &[
    on(ROLLOUTS, FOLLOW, Use::Seeing),
    on(CANARIES, FOLLOW, Use::Seeing),
    on(DEPLOYMENTS, FOLLOW, Use::Seeing),
    on(STATEFUL_SETS, FOLLOW, Use::Seeing),
    on(DAEMON_SETS, FOLLOW, Use::Seeing),
    on(DEPLOYMENT_CONFIGS, FOLLOW, Use::Seeing),
    on(EXPERIMENTS, FOLLOW, Use::Seeing),
    on(REPLICA_SETS, FOLLOW, Use::Seeing),
    on(CONTROLLER_REVISIONS, FOLLOW, Use::Seeing),
    on(REPLICATION_CONTROLLERS, FOLLOW, Use::Seeing),
    on(PODS, FOLLOW, Use::Detail),
    on(EVENTS, FOLLOW, Use::Detail),
    on(ANALYSIS_RUNS, FOLLOW, Use::Detail),
    on(AUTOSCALERS, FOLLOW, Use::Detail),
    on(BUDGETS, FOLLOW, Use::Detail),
    on(HTTP_ROUTES, FOLLOW, Use::Detail),
    on(VIRTUAL_SERVICES, FOLLOW, Use::Detail),
    on(TRAEFIK_SERVICES, FOLLOW, Use::Detail),
    on(OLDER_TRAEFIK_SERVICES, FOLLOW, Use::Detail),
    on(INGRESSES, FOLLOW, Use::Detail),
    on(APPLICATIONS, FOLLOW, Use::Detail),
    on(KUSTOMIZATIONS, FOLLOW, Use::Detail),
    on(HELM_RELEASES, FOLLOW, Use::Detail),
    on(GIT_REPOSITORIES, FOLLOW, Use::Detail),
    on(STAGES, FOLLOW, Use::Detail),
    on_part(PODS, "log", &["get"], Use::Detail),
    on_part(PODS, "proxy", &["get"], Use::Counters),
    on(CONFIG_MAPS, &["get"], Use::Detail),
    on(ROLLOUTS, CHANGE, Use::Deeds),
    on_part(ROLLOUTS, "status", &["patch"], Use::Deeds),
    on(ANALYSIS_RUNS, CHANGE, Use::Deeds),
    on(EXPERIMENTS, CHANGE, Use::Deeds),
    on(CANARIES, CHANGE, Use::Deeds),
    on_part(CANARIES, "status", &["patch"], Use::Deeds),
    on(HTTP_ROUTES, CHANGE, Use::Deeds),
    on_part(SERVICES, "proxy", &["create"], Use::Deeds),
    on(DEPLOYMENTS, CHANGE, Use::Deeds),
    on(STATEFUL_SETS, CHANGE, Use::Deeds),
    on(DAEMON_SETS, CHANGE, Use::Deeds),
    on(REPLICA_SETS, CHANGE, Use::Deeds),
    on(CONTROLLER_REVISIONS, &["get"], Use::Deeds),
    on(PODS, &["get", "delete"], Use::Deeds),
    on(DEPLOYMENT_CONFIGS, CHANGE, Use::Deeds),
    on(REPLICATION_CONTROLLERS, CHANGE, Use::Deeds),
    on(EVENTS, &["create"], Use::Telling),
];

/// The kind without which nobody uses rights on this one; `None`: every cluster has it.
fn needs(resource: Resource) -> Option<Resource> {
    const EVERYWHERE: [&str; 5] = ["", "apps", "autoscaling", "policy", "networking.k8s.io"];
    if resource == REPLICATION_CONTROLLERS {
        Some(DEPLOYMENT_CONFIGS)
    } else if resource == SERVICES {
        Some(CANARIES)
    } else {
        (!EVERYWHERE.contains(&resource.group)).then_some(resource)
    }
}

/// The rights on kinds that this cluster has, and what went wrong with finding that out.
async fn wanted(cluster: &Cluster) -> (Vec<&'static Wanted>, Option<Trouble>) {
    let kinds: BTreeSet<Resource> = WANTED.iter().filter_map(|it| needs(it.resource)).collect();
    let (mut missing, mut wrong) = (BTreeSet::new(), None);
    for kind in kinds {
        let found = probe::is_installed(cluster, kind).await;
        if !found.as_ref().is_ok_and(|has| *has) {
            missing.insert(kind);
        }
        wrong = wrong.or(found.err());
    }
    let is_there = |right: &&Wanted| needs(right.resource).is_none_or(|it| !missing.contains(&it));
    (WANTED.iter().filter(is_there).collect(), wrong)
}

/// Every right in every namespace that is followed; those that are there are one line.
pub(super) async fn rights(cluster: &Cluster, name: &str) -> Vec<Finding> {
    let mut places: Vec<Option<Namespace>> =
        cluster.spec().namespaces.iter().cloned().map(Some).collect();
    if places.is_empty() {
        places.push(None);
    }
    let (wanted, wrong) = wanted(cluster).await;
    let mut findings: Vec<Finding> =
        wrong.iter().map(|trouble| of_trouble(name, "kinds", trouble)).collect();
    let all = wanted.iter().map(|right| right.verbs.len()).sum::<usize>();
    for place in places {
        let mut granted = 0usize;
        for right in &wanted {
            for verb in right.verbs {
                let (resource, subresource) = (right.resource, right.part);
                let access = Access { verb, resource, subresource, namespace: place.clone() };
                match probe::review(cluster, &access).await {
                    Ok(review) if review.allowed => granted += 1,
                    Ok(_) => findings.push(missing(name, &access, right.used)),
                    Err(trouble) => findings.push(of_trouble(name, "permissions", &trouble)),
                }
            }
        }
        let at = place.as_ref().map_or("all namespaces", Namespace::as_str);
        let words = format!("{granted} of {all} rights in {at}");
        // What is missing is told above, one by one.
        let mark = if granted == all { Mark::Ok } else { Mark::Warn };
        findings.push(Finding::new(name, "permissions", mark, &words));
    }
    findings
}

fn missing(name: &str, access: &Access, used: Use) -> Finding {
    let part = access.subresource.map_or_else(String::new, |part| format!("/{part}"));
    let at = access.namespace.as_ref().map_or("all namespaces", Namespace::as_str);
    let right = format!("no right to {} {}{part} in {at}", access.verb, access.resource.plural);
    let (mark, effect) = match used {
        Use::Seeing => {
            (Mark::Fail, "nothing of it is shown; name namespaces with -n or ask for it")
        }
        Use::Detail => (Mark::Warn, "that part of the screen stays empty"),
        Use::Counters => {
            (Mark::Warn, "where no Prometheus answers, the pods cannot be asked in its place")
        }
        Use::Deeds => (Mark::Warn, "deeds that need it are refused before anything is sent"),
        Use::Telling => (
            Mark::Warn,
            "deeds leave no Event on their object; the audit file has them all the same",
        ),
    };
    Finding::new(name, "permissions", mark, &right).remedy(effect).code(exit::DENIED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::kube::follow::read_everywhere;

    #[test]
    fn everything_that_is_watched_is_asked_about() {
        for resource in read_everywhere() {
            let is_asked = |verb: &str| {
                let mut of =
                    WANTED.iter().filter(|it| it.resource == resource && it.part.is_none());
                of.any(|it| it.verbs.contains(&verb))
            };
            assert!(is_asked("list") && is_asked("watch"), "{resource:?}");
        }
    }
}
