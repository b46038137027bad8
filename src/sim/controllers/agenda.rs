//! Who has to work when. Time jumps from one entry to the next: where nothing is due, nothing is
//! done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

/// Entries kept, at most. A cluster of 10 000 pods has about three for each that starts; beyond,
/// the latest are dropped, for whoever is woken earlier plans them anew.
pub(super) const DUE_MAX: usize = 100_000;

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// The kubelet looks at a pod.
    Pod,
    /// Looks at a ReplicaSet.
    ReplicaSet,
    /// Looks at a Deployment.
    Deployment,
    /// Looks at a StatefulSet.
    StatefulSet,
    /// Looks at a DaemonSet.
    DaemonSet,
    /// Looks at a Rollout.
    Rollout,
    /// Takes a Rollout's note that its workload changed.
    Reference,
    /// Looks at an AnalysisRun.
    AnalysisRun,
    /// Looks at an Experiment.
    Experiment,
    /// Looks at a Canary of Flagger.
    Canary,
    /// Shares the requests of a workload among its pods.
    Balance,
    /// Sees that a pod is gone.
    Gone,
    /// Takes away what its time is over.
    Sweep,
    /// Somebody releases, promotes, breaks something: what the scenario says.
    Script,
}

/// A piece of work: a task and its object, `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) key: Arc<str>,
}

/// All that is due.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    due: BTreeSet<(Timestamp, Job, Why)>,
    planned: BTreeMap<(Job, Why), Timestamp>,
}

/// Why somebody works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// Something changed.
    Change,
    /// It wanted to look again.
    Timer,
}

impl Agenda {
    /// A change wakes somebody: once, however many changes there are before.
    pub(super) fn wake(&mut self, job: Job, at: Timestamp) {
        self.put(job, Why::Change, at);
    }

    /// Somebody wants to look again at a time. Of several times the earliest counts: whoever works
    /// then says anew when to look again.
    pub(super) fn plan(&mut self, job: Job, at: Timestamp) {
        self.put(job, Why::Timer, at);
    }

    fn put(&mut self, job: Job, why: Why, at: Timestamp) {
        let key = (job.clone(), why);
        match self.planned.get(&key) {
            Some(earlier) if *earlier <= at => return,
            Some(later) => drop(self.due.remove(&(*later, job.clone(), why))),
            None => {}
        }
        self.planned.insert(key, at);
        self.due.insert((at, job, why));
        while self.due.len() > DUE_MAX {
            if let Some((_, job, why)) = self.due.pop_last() {
                self.planned.remove(&(job, why));
            }
        }
    }

    /// Takes the next job that is due until a time.
    pub(super) fn next(&mut self, until: Timestamp) -> Option<(Timestamp, Job)> {
        if self.due.first()?.0 > until {
            return None;
        }
        let (at, job, why) = self.due.pop_first()?;
        self.planned.remove(&(job.clone(), why));
        Some((at, job))
    }
}

impl Job {
    pub(super) fn new(task: Task, key: &str) -> Self {
        Self { task, key: key.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    fn at(ms: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_millis(ms)
    }

    #[test]
    fn many_changes_wake_once_and_timers_stay() {
        let mut agenda = Agenda::default();
        let job = || Job::new(Task::Rollout, "shop/web");
        agenda.wake(job(), at(10));
        agenda.wake(job(), at(12));
        agenda.plan(job(), at(500));
        agenda.plan(job(), at(700));
        assert_eq!(agenda.next(at(100)), Some((at(10), job())));
        assert_eq!(agenda.next(at(100)), None);
        agenda.wake(job(), at(20));
        assert_eq!(agenda.next(at(100)), Some((at(20), job())));
        assert_eq!(agenda.next(at(500)), Some((at(500), job())));
        assert_eq!(agenda.next(at(999)), None);
    }

    #[test]
    fn an_earlier_change_wakes_earlier() {
        let mut agenda = Agenda::default();
        let job = || Job::new(Task::Pod, "shop/web-1");
        agenda.wake(job(), at(50));
        agenda.wake(job(), at(10));
        assert_eq!(agenda.next(at(99)).map(|(when, _)| when), Some(at(10)));
        assert_eq!(agenda.next(at(99)), None);
    }
}
