//! Names of things. A tuple of strings is a mistake that compiles; these are not.
//!
//! Every name passes through the sanitiser when it is made. A Kubernetes name that its own grammar forbids (a hostile
//! or broken server) is shown escaped, and [`is_canonical`](Name::is_canonical) says that no deed may be aimed at it.

use std::fmt;

use super::text::Text;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Text);

        impl $name {
            /// Makes it from what was read; hostile characters are escaped.
            #[must_use]
            pub fn new(raw: &str) -> Self {
                Self(Text::clean(raw))
            }

            /// Makes it from text that is clean already, and shares its memory.
            #[must_use]
            pub const fn from_text(text: Text) -> Self {
                Self(text)
            }

            /// As it is written and shown.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// True when it is written as Kubernetes allows (lower-case letters, digits, `-`, `.`; at most 253 bytes),
            /// so that what is shown is what is sent.
            #[must_use]
            pub fn is_canonical(&self) -> bool {
                let bytes = self.as_str().as_bytes();
                !bytes.is_empty()
                    && bytes.len() <= 253
                    && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.as_str())
            }
        }
    };
}

id!(/// A context of the kubeconfig: what the operator calls the cluster.
    ClusterName);
id!(/// A namespace.
    Namespace);
id!(/// The name of an object.
    Name);
id!(/// The identity that the API server gave an object; a re-created object has another one.
    Uid);
id!(/// The version of an object as the API server counts it; the precondition of every patch.
    ResourceVersion);
id!(/// The hash of a pod template: it ties ReplicaSets, pods and metrics to a revision.
    PodHash);
id!(/// Our own name of an order, written into the cluster as a mark and into the audit file.
    OrderId);

/// The kinds of workload that are released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkloadKind {
    /// `argoproj.io/v1alpha1` Rollout.
    Rollout,
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` StatefulSet.
    StatefulSet,
    /// `apps/v1` DaemonSet.
    DaemonSet,
    /// `flagger.app/v1beta1` Canary.
    Canary,
    /// `apps.openshift.io/v1` DeploymentConfig.
    DeploymentConfig,
    /// `argoproj.io/v1alpha1` Experiment that stands alone: no Rollout's step made it.
    Experiment,
}

impl WorkloadKind {
    /// All kinds, in the order in which they are listed.
    pub const ALL: [Self; 7] = [
        Self::Rollout,
        Self::Canary,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::DeploymentConfig,
        Self::Experiment,
    ];

    /// As the API server spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rollout => "Rollout",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Canary => "Canary",
            Self::DeploymentConfig => "DeploymentConfig",
            Self::Experiment => "Experiment",
        }
    }

    /// Words that name this kind on the command line, the first one preferred.
    #[must_use]
    pub const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Rollout => &["rollout", "rollouts", "ro"],
            Self::Deployment => &["deployment", "deployments", "deploy"],
            Self::StatefulSet => &["statefulset", "statefulsets", "sts"],
            Self::DaemonSet => &["daemonset", "daemonsets", "ds"],
            Self::Canary => &["canary", "canaries"],
            Self::DeploymentConfig => &["deploymentconfig", "deploymentconfigs", "dc"],
            Self::Experiment => &["experiment", "experiments", "exp"],
        }
    }

    /// Reads a word of the command line.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        Self::ALL.into_iter().find(|kind| kind.words().contains(&word.as_str()))
    }
}

impl fmt::Display for WorkloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which workload: by name, never by its place in a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkloadRef {
    /// The cluster it lives in.
    pub cluster: ClusterName,
    /// Its namespace.
    pub namespace: Namespace,
    /// Its kind.
    pub kind: WorkloadKind,
    /// Its name.
    pub name: Name,
}

impl fmt::Display for WorkloadRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// How often an object's spec was changed, as the API server counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub i64);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a revision. Numbers move when an old template comes back; the pod hash does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Ties an answer to its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueryId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_grammar_are_canonical() {
        for (raw, canonical) in
            [("web-1.x", true), ("", false), ("Web", false), ("a\u{202e}b", false), ("a b", false)]
        {
            assert_eq!(Name::new(raw).is_canonical(), canonical, "{raw:?}");
        }
        assert!(!Name::new(&"a".repeat(300)).is_canonical());
    }

    #[test]
    fn a_kind_is_known_by_its_usual_words() {
        assert_eq!(WorkloadKind::parse("ro"), Some(WorkloadKind::Rollout));
        assert_eq!(WorkloadKind::parse("Deploy"), Some(WorkloadKind::Deployment));
        assert_eq!(WorkloadKind::parse("pod"), None);
    }
}
