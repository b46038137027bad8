//! The resources that are read and written, and their addresses.

use std::fmt::Write as _;

use crate::domain::flagger::RouteKind;
use crate::domain::ids::{Name, Namespace, WorkloadKind};
use crate::domain::part::PartKind;

/// A resource of the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resource {
    /// Its group; empty for the core group.
    pub group: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its name in addresses.
    pub plural: &'static str,
    /// Its kind.
    pub kind: &'static str,
}

/// Rollouts of Argo.
pub const ROLLOUTS: Resource = argo("rollouts", "Rollout");
/// `AnalysisRuns` of Argo.
pub const ANALYSIS_RUNS: Resource = argo("analysisruns", "AnalysisRun");
/// Experiments of Argo.
pub const EXPERIMENTS: Resource = argo("experiments", "Experiment");
/// Deployments.
pub const DEPLOYMENTS: Resource = apps("deployments", "Deployment");
/// ReplicaSets.
pub const REPLICA_SETS: Resource = apps("replicasets", "ReplicaSet");
/// `StatefulSets`.
pub const STATEFUL_SETS: Resource = apps("statefulsets", "StatefulSet");
/// `DaemonSets`.
pub const DAEMON_SETS: Resource = apps("daemonsets", "DaemonSet");
/// `ControllerRevisions`: the history of `StatefulSets` and `DaemonSets`.
pub const CONTROLLER_REVISIONS: Resource = apps("controllerrevisions", "ControllerRevision");
/// Canaries of Flagger.
pub const CANARIES: Resource =
    Resource { group: "flagger.app", version: "v1beta1", plural: "canaries", kind: "Canary" };
/// `HTTPRoutes` of the Gateway API: how Flagger splits traffic there.
pub const HTTP_ROUTES: Resource = Resource {
    group: "gateway.networking.k8s.io",
    version: "v1",
    plural: "httproutes",
    kind: "HTTPRoute",
};
/// DeploymentConfigs of OpenShift.
pub const DEPLOYMENT_CONFIGS: Resource = Resource {
    group: "apps.openshift.io",
    version: "v1",
    plural: "deploymentconfigs",
    kind: "DeploymentConfig",
};
/// ReplicationControllers: the revisions of DeploymentConfigs.
pub const REPLICATION_CONTROLLERS: Resource =
    core("replicationcontrollers", "ReplicationController");
/// Services: gates are called through their proxy.
pub const SERVICES: Resource = core("services", "Service");
/// `ConfigMaps`.
pub const CONFIG_MAPS: Resource = core("configmaps", "ConfigMap");
/// `VirtualServices` of Istio; this version is served by all that Flagger works with.
pub const VIRTUAL_SERVICES: Resource = Resource {
    group: "networking.istio.io",
    version: "v1beta1",
    plural: "virtualservices",
    kind: "VirtualService",
};
/// `TraefikServices`.
pub const TRAEFIK_SERVICES: Resource = Resource {
    group: "traefik.io",
    version: "v1alpha1",
    plural: "traefikservices",
    kind: "TraefikService",
};
/// The same of before Traefik 3.
pub const OLDER_TRAEFIK_SERVICES: Resource =
    Resource { group: "traefik.containo.us", ..TRAEFIK_SERVICES };
/// Ingresses.
pub const INGRESSES: Resource =
    Resource { group: "networking.k8s.io", version: "v1", plural: "ingresses", kind: "Ingress" };
/// Applications of Argo CD.
pub const APPLICATIONS: Resource = argo("applications", "Application");
/// Kustomizations of Flux.
pub const KUSTOMIZATIONS: Resource = Resource {
    group: "kustomize.toolkit.fluxcd.io",
    version: "v1",
    plural: "kustomizations",
    kind: "Kustomization",
};
/// HelmReleases of Flux.
pub const HELM_RELEASES: Resource = Resource {
    group: "helm.toolkit.fluxcd.io",
    version: "v2",
    plural: "helmreleases",
    kind: "HelmRelease",
};
/// `GitRepositories` of Flux.
pub const GIT_REPOSITORIES: Resource = Resource {
    group: "source.toolkit.fluxcd.io",
    version: "v1",
    plural: "gitrepositories",
    kind: "GitRepository",
};
/// Stages of Kargo.
pub const STAGES: Resource = kargo("stages", "Stage");
/// Promotions of Kargo.
pub const PROMOTIONS: Resource = kargo("promotions", "Promotion");
/// Freight of Kargo.
pub const FREIGHT: Resource = kargo("freights", "Freight");
/// HorizontalPodAutoscalers.
pub const AUTOSCALERS: Resource = Resource {
    group: "autoscaling",
    version: "v2",
    plural: "horizontalpodautoscalers",
    kind: "HorizontalPodAutoscaler",
};
/// PodDisruptionBudgets.
pub const BUDGETS: Resource = Resource {
    group: "policy",
    version: "v1",
    plural: "poddisruptionbudgets",
    kind: "PodDisruptionBudget",
};
/// Pods.
pub const PODS: Resource = core("pods", "Pod");
/// Events (of the core group: the one that every version has).
pub const EVENTS: Resource = core("events", "Event");

const fn argo(plural: &'static str, kind: &'static str) -> Resource {
    Resource { group: "argoproj.io", version: "v1alpha1", plural, kind }
}

const fn kargo(plural: &'static str, kind: &'static str) -> Resource {
    Resource { group: "kargo.akuity.io", version: "v1alpha1", plural, kind }
}

const fn apps(plural: &'static str, kind: &'static str) -> Resource {
    Resource { group: "apps", version: "v1", plural, kind }
}

const fn core(plural: &'static str, kind: &'static str) -> Resource {
    Resource { group: "", version: "v1", plural, kind }
}

impl Resource {
    /// The resource of a kind of workload.
    #[must_use]
    pub const fn of(kind: WorkloadKind) -> Self {
        match kind {
            WorkloadKind::Rollout => ROLLOUTS,
            WorkloadKind::Deployment => DEPLOYMENTS,
            WorkloadKind::StatefulSet => STATEFUL_SETS,
            WorkloadKind::DaemonSet => DAEMON_SETS,
            WorkloadKind::Canary => CANARIES,
            WorkloadKind::DeploymentConfig => DEPLOYMENT_CONFIGS,
            WorkloadKind::Experiment => EXPERIMENTS,
        }
    }

    /// The resource of a kind of route.
    #[must_use]
    pub const fn of_route(kind: RouteKind) -> Self {
        match kind {
            RouteKind::HttpRoute => HTTP_ROUTES,
            RouteKind::VirtualService => VIRTUAL_SERVICES,
            RouteKind::TraefikService => TRAEFIK_SERVICES,
            RouteKind::OlderTraefikService => OLDER_TRAEFIK_SERVICES,
            RouteKind::Ingress => INGRESSES,
        }
    }

    /// The resource of a kind of part.
    #[must_use]
    pub const fn of_part(kind: PartKind) -> Self {
        match kind {
            PartKind::ReplicaSet => REPLICA_SETS,
            PartKind::AnalysisRun => ANALYSIS_RUNS,
            PartKind::Experiment => EXPERIMENTS,
            PartKind::Application => APPLICATIONS,
            PartKind::Kustomization => KUSTOMIZATIONS,
            PartKind::HelmRelease => HELM_RELEASES,
            PartKind::GitRepository => GIT_REPOSITORIES,
            PartKind::Stage => STAGES,
            PartKind::Promotion => PROMOTIONS,
            PartKind::Freight => FREIGHT,
        }
    }

    /// The address of the collection: in one namespace, or (`None`) in all.
    #[must_use]
    pub fn collection(&self, namespace: Option<&Namespace>) -> String {
        let mut path = match self.group {
            "" => format!("/api/{}", self.version),
            group => format!("/apis/{group}/{}", self.version),
        };
        if let Some(namespace) = namespace {
            path.push_str("/namespaces/");
            push_encoded(&mut path, namespace.as_str());
        }
        path.push('/');
        path.push_str(self.plural);
        path
    }

    /// The address of one object.
    #[must_use]
    pub fn object(&self, namespace: &Namespace, name: &Name) -> String {
        let mut path = self.collection(Some(namespace));
        path.push('/');
        push_encoded(&mut path, name.as_str());
        path
    }

    /// `apiVersion` of its objects.
    #[must_use]
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }
}

/// Adds `?key=value&…` to a path, encoded.
#[must_use]
pub fn with_query(mut path: String, pairs: &[(&str, &str)]) -> String {
    for (index, (key, value)) in pairs.iter().enumerate() {
        path.push(if index == 0 { '?' } else { '&' });
        push_encoded(&mut path, key);
        path.push('=');
        push_encoded(&mut path, value);
    }
    path
}

/// Everything but the unreserved characters of RFC 3986 becomes `%XX`, so that no name can change an address.
fn push_encoded(path: &mut String, raw: &str) {
    for byte in raw.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_the_api_server() {
        let shop = Namespace::new("shop");
        assert_eq!(ROLLOUTS.collection(None), "/apis/argoproj.io/v1alpha1/rollouts");
        assert_eq!(PODS.collection(Some(&shop)), "/api/v1/namespaces/shop/pods");
        assert_eq!(
            DEPLOYMENTS.object(&shop, &Name::new("web")),
            "/apis/apps/v1/namespaces/shop/deployments/web"
        );
        assert_eq!(ROLLOUTS.api_version(), "argoproj.io/v1alpha1");
        assert_eq!(PODS.api_version(), "v1");
    }

    #[test]
    fn a_hostile_name_cannot_leave_its_place_in_the_address() {
        let shop = Namespace::new("../../secrets?x=");
        assert_eq!(
            PODS.collection(Some(&shop)),
            "/api/v1/namespaces/..%2F..%2Fsecrets%3Fx%3D/pods"
        );
        assert_eq!(
            with_query("/x".into(), &[("labelSelector", "app in (a,b)"), ("limit", "5")]),
            "/x?labelSelector=app%20in%20%28a%2Cb%29&limit=5"
        );
    }
}
