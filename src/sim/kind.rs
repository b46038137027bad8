//! The kinds of objects the simulated cluster knows, with everything its API server says about
//! them.

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `v1` ConfigMap.
    ConfigMap,
    /// `v1` Event.
    Event,
    /// `v1` Namespace.
    Namespace,
    /// `v1` Node.
    Node,
    /// `v1` Pod.
    Pod,
    /// `v1` Service.
    Service,
    /// `apps/v1` ControllerRevision.
    ControllerRevision,
    /// `apps/v1` DaemonSet.
    DaemonSet,
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` ReplicaSet.
    ReplicaSet,
    /// `apps/v1` StatefulSet.
    StatefulSet,
    /// `batch/v1` Job.
    Job,
    /// `coordination.k8s.io/v1` Lease.
    Lease,
    /// `networking.k8s.io/v1` Ingress.
    Ingress,
    /// `argoproj.io/v1alpha1` AnalysisRun.
    AnalysisRun,
    /// `argoproj.io/v1alpha1` AnalysisTemplate.
    AnalysisTemplate,
    /// `argoproj.io/v1alpha1` `ClusterAnalysisTemplate`.
    ClusterAnalysisTemplate,
    /// `argoproj.io/v1alpha1` Rollout.
    Rollout,
    /// `argoproj.io/v1alpha1` Experiment.
    Experiment,
    /// `flagger.app/v1beta1` Canary.
    Canary,
    /// `gateway.networking.k8s.io/v1` `HTTPRoute`.
    HttpRoute,
}

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Each in a namespace.
    Namespaced,
    /// In the cluster itself.
    Cluster,
}

/// Who defined a kind; the API server treats the two differently in many answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Part of Kubernetes.
    BuiltIn,
    /// A `CustomResourceDefinition`.
    Custom,
}

/// What the API server says about a kind.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Its group; empty for the core group.
    pub group: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its name in objects: `Rollout`.
    pub kind: &'static str,
    /// Its name in addresses: `rollouts`.
    pub plural: &'static str,
    /// `rollout`.
    pub singular: &'static str,
    /// `ro`.
    pub short: &'static [&'static str],
    /// `all`.
    pub categories: &'static [&'static str],
    /// Where its objects live.
    pub scope: Scope,
    /// Who defined it.
    pub origin: Origin,
    /// Its subresources in the order of discovery, `status` and `scale` among them.
    pub subresources: &'static [&'static str],
    /// The hash that discovery shows for the version in which it is stored.
    pub storage_hash: &'static str,
}

/// All kinds, in the order in which discovery lists them within their group.
pub const KINDS: [Kind; 21] = [
    Kind::ConfigMap,
    Kind::Event,
    Kind::Namespace,
    Kind::Node,
    Kind::Pod,
    Kind::Service,
    Kind::ControllerRevision,
    Kind::DaemonSet,
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::StatefulSet,
    Kind::Job,
    Kind::Lease,
    Kind::Ingress,
    Kind::AnalysisRun,
    Kind::AnalysisTemplate,
    Kind::ClusterAnalysisTemplate,
    Kind::Rollout,
    Kind::Experiment,
    Kind::Canary,
    Kind::HttpRoute,
];

const PLAIN: Facts = Facts {
    group: "",
    version: "v1",
    kind: "",
    plural: "",
    singular: "",
    short: &[],
    categories: &[],
    scope: Scope::Namespaced,
    origin: Origin::BuiltIn,
    subresources: &[],
    storage_hash: "",
};
const APPS: Facts =
    Facts { group: "apps", categories: &["all"], subresources: &["scale", "status"], ..PLAIN };
const ARGO: Facts =
    Facts { group: "argoproj.io", version: "v1alpha1", origin: Origin::Custom, ..PLAIN };

/// One line for each of [`KINDS`], in the same order.
static FACTS: [Facts; KINDS.len()] = [
    Facts {
        short: &["cm"],
        storage_hash: "qFsyl6wFWjQ=",
        ..named(&PLAIN, "ConfigMap", "configmaps", "configmap")
    },
    Facts {
        short: &["ev"],
        storage_hash: "r2yiGXH7wu8=",
        ..named(&PLAIN, "Event", "events", "event")
    },
    Facts {
        short: &["ns"],
        scope: Scope::Cluster,
        subresources: &["finalize", "status"],
        storage_hash: "Q3oi5N2YM8M=",
        ..named(&PLAIN, "Namespace", "namespaces", "namespace")
    },
    Facts {
        short: &["no"],
        scope: Scope::Cluster,
        subresources: &["status"],
        storage_hash: "XwShjMxG9Fs=",
        ..named(&PLAIN, "Node", "nodes", "node")
    },
    Facts {
        short: &["po"],
        categories: &["all"],
        subresources: &["log", "proxy", "status"],
        storage_hash: "xPOwRZ+Yhw8=",
        ..named(&PLAIN, "Pod", "pods", "pod")
    },
    Facts {
        short: &["svc"],
        categories: &["all"],
        subresources: &["proxy", "status"],
        storage_hash: "0/CO1lhkEBI=",
        ..named(&PLAIN, "Service", "services", "service")
    },
    Facts {
        categories: &[],
        subresources: &[],
        storage_hash: "85nkx63pcBU=",
        ..named(&APPS, "ControllerRevision", "controllerrevisions", "controllerrevision")
    },
    Facts {
        short: &["ds"],
        subresources: &["status"],
        storage_hash: "dd7pWHUlMKQ=",
        ..named(&APPS, "DaemonSet", "daemonsets", "daemonset")
    },
    Facts {
        short: &["deploy"],
        storage_hash: "8aSe+NMegvE=",
        ..named(&APPS, "Deployment", "deployments", "deployment")
    },
    Facts {
        short: &["rs"],
        storage_hash: "P1RzHs8/mWQ=",
        ..named(&APPS, "ReplicaSet", "replicasets", "replicaset")
    },
    Facts {
        short: &["sts"],
        storage_hash: "H+vl74LkKdo=",
        ..named(&APPS, "StatefulSet", "statefulsets", "statefulset")
    },
    Facts {
        group: "batch",
        categories: &["all"],
        subresources: &["status"],
        storage_hash: "mudhfqk/qZY=",
        ..named(&PLAIN, "Job", "jobs", "job")
    },
    Facts {
        group: "coordination.k8s.io",
        storage_hash: "gqkMMb/YqFM=",
        ..named(&PLAIN, "Lease", "leases", "lease")
    },
    Facts {
        group: "networking.k8s.io",
        short: &["ing"],
        subresources: &["status"],
        storage_hash: "39NQlfNR+bo=",
        ..named(&PLAIN, "Ingress", "ingresses", "ingress")
    },
    Facts {
        short: &["ar"],
        storage_hash: "xYalUTqk3oY=",
        ..named(&ARGO, "AnalysisRun", "analysisruns", "analysisrun")
    },
    Facts {
        short: &["at"],
        storage_hash: "MZzSbbi1hbI=",
        ..named(&ARGO, "AnalysisTemplate", "analysistemplates", "analysistemplate")
    },
    Facts {
        short: &["cat"],
        scope: Scope::Cluster,
        storage_hash: "1pyZBdPOXlU=",
        ..named(
            &ARGO,
            "ClusterAnalysisTemplate",
            "clusteranalysistemplates",
            "clusteranalysistemplate",
        )
    },
    Facts {
        short: &["ro"],
        subresources: &["status", "scale"],
        storage_hash: "T0mdNo50nFA=",
        ..named(&ARGO, "Rollout", "rollouts", "rollout")
    },
    Facts {
        short: &["exp"],
        storage_hash: "brHhnjwixSk=",
        ..named(&ARGO, "Experiment", "experiments", "experiment")
    },
    Facts {
        group: "flagger.app",
        version: "v1beta1",
        categories: &["all"],
        origin: Origin::Custom,
        subresources: &["status"],
        storage_hash: "g3JlLDbyl+g=",
        ..named(&PLAIN, "Canary", "canaries", "canary")
    },
    Facts {
        group: "gateway.networking.k8s.io",
        categories: &["gateway-api"],
        origin: Origin::Custom,
        subresources: &["status"],
        storage_hash: "s9TOoTqdPlk=",
        ..named(&PLAIN, "HTTPRoute", "httproutes", "httproute")
    },
];

impl Kind {
    /// What the API server says about this kind.
    #[must_use]
    pub fn facts(self) -> &'static Facts {
        &FACTS[self as usize]
    }

    /// The kind behind an address.
    #[must_use]
    pub fn at(group: &str, version: &str, plural: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| {
            let facts = kind.facts();
            facts.plural == plural && facts.group == group && facts.version == version
        })
    }

    /// The kind of an object, by its `apiVersion` and `kind`.
    #[must_use]
    pub fn of(api_version: &str, kind: &str) -> Option<Self> {
        KINDS
            .into_iter()
            .find(|each| each.facts().kind == kind && each.facts().api_version() == api_version)
    }

    /// Whether objects of this kind count generations. Kinds without a desired state do not.
    #[must_use]
    pub const fn has_generation(self) -> bool {
        !matches!(
            self,
            Self::ConfigMap
                | Self::Event
                | Self::Namespace
                | Self::Node
                | Self::Service
                | Self::Lease
                | Self::ControllerRevision
        )
    }
}

impl Facts {
    /// `apiVersion` of its objects.
    #[must_use]
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// The name with the group, as in messages: `rollouts.argoproj.io`; the core group has none.
    #[must_use]
    pub fn qualified(&self, name: &str) -> String {
        match self.group {
            "" => name.to_owned(),
            group => format!("{name}.{group}"),
        }
    }

    /// Whether it has this subresource.
    #[must_use]
    pub fn has(&self, subresource: &str) -> bool {
        self.subresources.contains(&subresource)
    }
}

const fn named(
    base: &Facts,
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
) -> Facts {
    Facts { kind, plural, singular, ..*base }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_address_and_by_its_objects() {
        for (index, kind) in KINDS.into_iter().enumerate() {
            assert_eq!(kind as usize, index, "the tables are read by number");
            let facts = kind.facts();
            assert_eq!(Kind::at(facts.group, facts.version, facts.plural), Some(kind));
            assert_eq!(Kind::of(&facts.api_version(), facts.kind), Some(kind));
        }
    }

    #[test]
    fn names_in_messages_carry_the_group_where_there_is_one() {
        assert_eq!(Kind::Rollout.facts().qualified("rollouts"), "rollouts.argoproj.io");
        assert_eq!(Kind::Pod.facts().qualified("pods"), "pods");
    }
}
