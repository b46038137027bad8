//! Which writes leave our mark where the watch looks for it.

use super::plan::{ObjectKind, PatchFormat, Write};

impl Write {
    /// Whether the watch can know it again: neither a Canary's status nor a route has room for a mark, and the
    /// parts of a release are not watched for marks.
    #[must_use]
    pub const fn leaves_mark(&self) -> bool {
        if matches!(self.format, PatchFormat::Call(_)) {
            return false;
        }
        match self.object.kind {
            ObjectKind::Route(_)
            | ObjectKind::Pod
            | ObjectKind::ReplicaSet
            | ObjectKind::ReplicationController
            | ObjectKind::AnalysisRun
            | ObjectKind::Experiment => false,
            ObjectKind::Canary => self.subresource.is_none(),
            ObjectKind::Rollout
            | ObjectKind::Deployment
            | ObjectKind::DeploymentConfig
            | ObjectKind::StatefulSet
            | ObjectKind::DaemonSet => true,
        }
    }
}
