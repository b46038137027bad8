//! Restarting the pods of a Rollout, a few at a time.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::Value;

use super::argo_pass::Pass;
use super::pod_shape::ready_since;
use super::read;
use super::sets::{Rs, sum};
use crate::sim::object::is_going;
use crate::sim::store::Kind;

/// When to look again if nothing else wakes the controller.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

impl Pass<'_, '_> {
    /// Evicts pods that are older than the time of the restart; answers how many.
    pub(super) fn restart_pods(&mut self) -> i64 {
        let Some(at) = self.ro.restart_at().map(str::to_owned) else { return 0 };
        let Ok(time) = at.parse::<jiff::Timestamp>() else { return 0 };
        let now = self.bench.now();
        if time > now {
            self.at(time);
            return 0;
        }
        let done = read::time(&self.ro.object, "/status/restartedAt");
        if done == Some(time) || now <= time {
            return 0;
        }
        let sets: Vec<Rs> = self.all().into_iter().cloned().collect();
        let mut pods: Vec<Arc<Value>> =
            sets.iter().flat_map(|set| self.bench.owned(Kind::Pod, &set.object)).collect();
        // In the order in which the API server lists them, whatever they belong to.
        pods.sort_by(|a, b| read::name(a).cmp(read::name(b)));
        let patience =
            SignedDuration::from_secs(read::count(&self.ro.object, "/spec/minReadySeconds"));
        let is_available = |pod: &&Arc<Value>| {
            !is_going(pod) && ready_since(pod).is_some_and(|since| since + patience <= now)
        };
        let available = i64::try_from(pods.iter().filter(is_available).count()).unwrap_or(0);
        let wanted = sum(&sets, Rs::wanted).max(self.ro.replicas());
        let mut room = available - (wanted - self.ro.max_unavailable().max(1));
        let (mut old, mut restarted) = (0, 0);
        for pod in pods.iter().filter(|pod| read::created(pod) < time) {
            old += 1;
            if room > 0 && !is_going(pod) {
                self.bench.delete_pod(&read::key(pod));
                room -= 1;
                restarted += 1;
            }
        }
        if old == restarted {
            self.next["restartedAt"] = at.into();
        } else {
            self.later(LOOK_AGAIN);
        }
        restarted
    }
}
