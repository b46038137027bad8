//! Carries deeds out: per write read, compare the footing, patch with the version just read, once.
//!
//! A 409 proves that nothing was written and is tried again for a short while; a request that certainly never left
//! likewise. Whatever else happens after a request may have left is `NoAnswer`, and is never sent again: the watch
//! finds the mark (`design/deeds.md`, order of steps 6).

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::answer::{answer, ask, own_object, resource};
use super::cluster::Cluster;
use super::fields::{Reading, Words};
use super::patch::{self, Sources};
use super::resource::Resource;
use super::rows;
use super::sightings::Expectation;
use super::wire::{About, Ask, Wire};
use super::{announce, rehearse};
use crate::control::action::Danger;
use crate::control::clearance::Clearance;
use crate::control::footing::{Aborted, Footing};
use crate::control::order::{Attempt, AttemptAnswer, Execution, Order};
use crate::control::plan::{
    Arrival, ObjectRef, PatchFormat, Plan, Rehearsal, ResolvedWrite, Turn, Write,
};
use crate::control::ports::Executor;
use crate::domain::feed::Trouble;
use crate::domain::ids::{Name, Namespace, ResourceVersion, Uid, WorkloadKind, WorkloadRef};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;
use crate::domain::workload::Workload;

/// So long a conflict is answered by reading and sending again: a rollout in motion is written nine times in 1.5 s.
pub(super) const CONFLICT_WINDOW: Duration = Duration::from_secs(2);

/// The same for pause and abort.
const CONFLICT_WINDOW_SAFE: Duration = Duration::from_secs(5);

/// Between two attempts; a controller in a hot loop writes every 17 ms, and it must not be joined by us.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(20);

/// After a request that never left.
pub(super) const CONNECT_PAUSE: Duration = Duration::from_millis(250);

/// If the read of a pause or an abort takes longer, it goes without a precondition.
const SAFE_READ_MAX: Duration = Duration::from_secs(2);

/// So long one patch may take; never longer, whatever the operator set for reading.
pub(super) const PATCH_MAX: Duration = Duration::from_secs(10);

/// Reads, rehearses and carries out on one cluster. Cheap to clone.
#[derive(Clone)]
pub struct KubeExecutor {
    pub(super) cluster: Cluster,
}

impl KubeExecutor {
    /// On this cluster: an order keeps it until its end, whatever the operator looks at meanwhile.
    #[must_use]
    pub const fn new(cluster: Cluster) -> Self {
        Self { cluster }
    }
}

impl Executor for KubeExecutor {
    async fn rehearse(&self, plan: &Plan) -> Result<Rehearsal, Trouble> {
        rehearse::rehearse(self, plan).await
    }

    async fn execute(
        &self,
        clearance: Clearance,
        mut report: impl FnMut(Attempt) + Send,
    ) -> Execution {
        let wire = match self.cluster.link().await {
            Ok(link) => link.action().clone(),
            Err(why) => return Execution::NotSent { write: 0, why },
        };
        let run = Run { executor: self, clearance: &clearance, wire };
        let mut before = None;
        for (index, write) in clearance.plan().writes.iter().enumerate() {
            let done = match &write.format {
                PatchFormat::Delete => Some(run.remove(index, &mut report).await),
                PatchFormat::Call(call) => Some(run.turn(index, call, &mut report).await),
                PatchFormat::Merge | PatchFormat::Json | PatchFormat::Strategic => None,
            };
            match done {
                Some(Ok(())) => continue,
                Some(Err(ended)) => return ended,
                None => {}
            }
            if clearance.plan().turn(index) == Turn::AfterRun {
                if let Err(ended) = run.until_ended(index).await {
                    return ended;
                }
                before = None;
            }
            match run.write(index, before.take(), &mut report).await {
                Ok(after) => before = Some(after),
                Err(Execution::Failed { .. } | Execution::NotSent { .. })
                    if clearance.plan().turn(index) == Turn::IfAllowed => {}
                Err(ended) => return ended,
            }
        }
        Execution::Accepted
    }

    async fn announce(&self, order: &Order, identity: Option<&Text>) -> Result<(), Text> {
        announce::announce(&self.cluster, order, identity).await
    }
}

/// An object as it was just read.
pub(super) struct Read {
    pub value: Value,
    pub date: Option<Timestamp>,
}

impl KubeExecutor {
    /// One object from the server itself: without `resourceVersion` no cache answers.
    pub(super) async fn read(
        &self,
        wire: &Wire,
        resource: Resource,
        namespace: &Namespace,
        name: &Name,
    ) -> Result<Read, Trouble> {
        let about = About::object("get", resource, namespace, name);
        let ask = Ask::get(resource.object(namespace, name), about).within(self.cluster.deadline());
        let reply = wire.call(&ask).await.map_err(|fault| fault.trouble)?;
        Ok(Read { value: reply.value(&ask.about)?, date: reply.date })
    }

    /// The object as facts, without its ReplicaSets: all that a footing needs.
    pub(super) fn facts(&self, kind: WorkloadKind, object: &Value) -> Workload {
        let mut words = Words::default();
        let reading = Reading::new(&mut words);
        let (cluster, now) = (self.cluster.name(), self.cluster.now());
        rows::known(kind, object, (cluster, now), reading).workload
    }

    /// What has to be read for a write to this object: the target (for the footing) and, where it is another one, the
    /// object itself.
    pub(super) async fn stand(
        &self,
        wire: &Wire,
        plan: &Plan,
        written: &ObjectRef,
    ) -> Result<Stand, Trouble> {
        let target = &plan.target;
        let own = own_object(plan);
        let target_read =
            self.read(wire, Resource::of(target.kind), &target.namespace, &target.name);
        let (target_read, other) = if *written == own {
            (target_read.await?, None)
        } else {
            let other = self.read(wire, resource(written.kind), &target.namespace, &written.name);
            let (target_read, other) = tokio::try_join!(target_read, other)?;
            (target_read, Some(other))
        };
        let facts = self.facts(target.kind, &target_read.value);
        let object = other.unwrap_or(target_read);
        let field =
            |path: &str| object.value.pointer(path).and_then(Value::as_str).unwrap_or_default();
        Ok(Stand {
            footing: Footing::of(&facts),
            version: ResourceVersion::new(field("/metadata/resourceVersion")),
            uid: Uid::new(field("/metadata/uid")),
            server_time: object.date.unwrap_or_else(|| self.cluster.now()),
            object: object.value,
        })
    }

    /// The write with its values, from what was just read.
    pub(super) async fn resolve(
        &self,
        wire: &Wire,
        plan: &Plan,
        (write, stand): (&Write, &Stand),
    ) -> Result<ResolvedWrite, Trouble> {
        let set = match patch::needed_set(write) {
            Some((resource, name)) => {
                Some(self.read(wire, resource, &plan.target.namespace, name).await?.value)
            }
            None => None,
        };
        let sources =
            Sources { object: &stand.object, set: set.as_ref(), server_time: stand.server_time };
        patch::resolve(plan, write, &sources)
    }
}

/// What a write stands on.
pub(super) struct Stand {
    /// Of the workload.
    pub footing: Footing,
    /// Of the object that is written to.
    pub version: ResourceVersion,
    /// Of the object that is written to.
    pub uid: Uid,
    /// The server's clock.
    pub server_time: Timestamp,
    /// The object that is written to.
    pub object: Value,
}

/// Where a former write left its object: the next one to the same object needs no read.
struct After {
    object: ObjectRef,
    version: ResourceVersion,
    uid: Uid,
}

/// One write, ready to leave.
pub(super) struct Ready {
    write: ResolvedWrite,
    /// `None`: it goes without a precondition (pause, abort, when reading failed).
    pub(super) precondition: Option<(ResourceVersion, Uid)>,
}

/// One clearance on its way.
pub(super) struct Run<'a> {
    pub(super) executor: &'a KubeExecutor,
    clearance: &'a Clearance,
    pub(super) wire: Wire,
}

/// What follows from an answer.
enum Next {
    Done(After),
    /// After this pause, unless the time is over: then it ended so.
    Again(Duration, Execution),
    Ended(Execution),
}

impl Run<'_> {
    pub(super) fn plan(&self) -> &Plan {
        self.clearance.plan()
    }

    fn is_safe(&self) -> bool {
        self.plan().action.danger() == Danger::Safe
    }

    async fn write(
        &self,
        index: usize,
        before: Option<After>,
        report: &mut (impl FnMut(Attempt) + Send),
    ) -> Result<After, Execution> {
        let window = if self.is_safe() { CONFLICT_WINDOW_SAFE } else { CONFLICT_WINDOW };
        let give_up_at = Instant::now() + window;
        let mut ready = self.carried(index, before);
        loop {
            let now = match ready.take() {
                Some(ready) => ready,
                None => self.ready(index).await?,
            };
            let attempt = self.attempt(index, &now).await;
            let next = self.next(index, &now, &attempt);
            report(attempt);
            match next {
                Next::Done(after) => return Ok(after),
                Next::Again(pause, _) if Instant::now() + pause < give_up_at => sleep(pause).await,
                Next::Ended(ended) | Next::Again(_, ended) => return Err(ended),
            }
        }
    }

    /// The second write to the same object goes at once, with the version that the first one's answer named.
    fn carried(&self, index: usize, before: Option<After>) -> Option<Ready> {
        let before = before?;
        let write = self.plan().writes.get(index)?;
        if write.object != before.object {
            return None;
        }
        let resolved = self.resolved(index)?;
        Some(Ready { write: resolved, precondition: Some((before.version, before.uid)) })
    }

    /// Reads, compares the footing, and fills the write in.
    pub(super) async fn ready(&self, index: usize) -> Result<Ready, Execution> {
        let Some(write) = self.plan().writes.get(index) else {
            let why = Trouble::Lost(Text::clean("no such write in the plan"));
            return Err(Execution::NotSent { write: index, why });
        };
        let reading = self.executor.stand(&self.wire, self.plan(), &write.object);
        let stand = if self.is_safe() {
            timeout(SAFE_READ_MAX, reading)
                .await
                .unwrap_or(Err(Trouble::TimedOut { after: SAFE_READ_MAX }))
        } else {
            reading.await
        };
        match stand {
            Ok(stand) => self.standing(index, write, &stand).await,
            Err(Trouble::NotFound(what)) => {
                let gone = Text::clean(&format!("{what} is gone"));
                Err(Execution::Superseded { write: index, differences: vec![gone] })
            }
            Err(why) if self.is_safe() => self.blind(index, why),
            Err(why) => Err(Execution::NotSent { write: index, why }),
        }
    }

    async fn standing(
        &self,
        index: usize,
        write: &Write,
        stand: &Stand,
    ) -> Result<Ready, Execution> {
        let differences = self.differences(index, &stand.footing);
        if !differences.is_empty() {
            return Err(Execution::Superseded { write: index, differences });
        }
        let resolved = match self.clearance.writes().get(index) {
            Some(resolved) => resolved.clone(),
            None => self
                .executor
                .resolve(&self.wire, self.plan(), (write, stand))
                .await
                .map_err(|why| Execution::NotSent { write: index, why })?,
        };
        Ok(Ready {
            write: resolved,
            precondition: Some((stand.version.clone(), stand.uid.clone())),
        })
    }

    /// What stands against this write now; empty when nothing does.
    fn differences(&self, index: usize, now: &Footing) -> Vec<Text> {
        let then = &self.plan().footing;
        if index > 0 {
            return self.second_differences(now);
        }
        if self.is_safe() && then.is_same_release(now) {
            return Vec::new();
        }
        then.differences(now)
    }

    /// For a later write only uid, version and what the first one did must still hold.
    fn second_differences(&self, now: &Footing) -> Vec<Text> {
        let then = &self.plan().footing;
        if then.uid != now.uid {
            return then.differences(now);
        }
        let aborts = self.plan().arrival == Arrival::Aborted;
        if aborts && then.current != now.current {
            return vec![Text::from("another version is wanted now")];
        }
        if aborts && !matches!(now.abort, Aborted::Asked | Aborted::Done) {
            return vec![Text::from("the abort was taken back")];
        }
        Vec::new()
    }

    /// The write with its values, where none of them has to be read.
    pub(super) fn resolved(&self, index: usize) -> Option<ResolvedWrite> {
        if let Some(resolved) = self.clearance.writes().get(index) {
            return Some(resolved.clone());
        }
        let write = self.plan().writes.get(index)?;
        let server_time = self.executor.cluster.now();
        let sources = Sources { object: &Value::Null, set: None, server_time };
        patch::resolve(self.plan(), write, &sources).ok()
    }

    /// Pause and abort go even when nothing can be read.
    fn blind(&self, index: usize, why: Trouble) -> Result<Ready, Execution> {
        match self.resolved(index) {
            Some(write) => Ok(Ready { write, precondition: None }),
            None => Err(Execution::NotSent { write: index, why }),
        }
    }

    /// One HTTP attempt.
    async fn attempt(&self, index: usize, ready: &Ready) -> Attempt {
        let precondition = ready.precondition.as_ref().map(|(version, _)| version.clone());
        let sent_at = self.executor.cluster.now();
        let mut attempt = Attempt {
            write: index,
            precondition,
            sent_at,
            answer: AttemptAnswer::NeverLeft(Trouble::NotConfigured),
            audit_id: None,
        };
        let body = match patch::with_version(&ready.write, attempt.precondition.as_ref()) {
            Ok(body) => body,
            Err(why) => {
                attempt.answer = AttemptAnswer::NeverLeft(why);
                return attempt;
            }
        };
        self.expect(ready);
        let ask = ask(self.plan(), &ready.write, body, &[]).within(PATCH_MAX);
        let answered = self.wire.call(&ask).await;
        attempt.audit_id = answered.as_ref().ok().and_then(|reply| reply.audit_id.clone());
        attempt.answer = answer(answered, attempt.precondition.as_ref());
        attempt
    }

    /// Says what is about to be written, so that the mark cannot pass unseen. Nobody watching is no reason not to write.
    fn expect(&self, ready: &Ready) {
        let plan = self.plan();
        let object = &ready.write.object;
        let Some(kind) = object.kind.workload() else { return };
        let _ = self.executor.cluster.sightings().expect(Expectation {
            order: plan.id.clone(),
            target: WorkloadRef { kind, name: object.name.clone(), ..plan.target.clone() },
            uid: ready
                .precondition
                .as_ref()
                .map_or(plan.footing.uid.clone(), |(_, uid)| uid.clone()),
            after: ready.precondition.as_ref().map(|(version, _)| version.clone()),
        });
    }

    fn next(&self, index: usize, ready: &Ready, attempt: &Attempt) -> Next {
        match &attempt.answer {
            AttemptAnswer::Accepted { version, .. } => Next::Done(After {
                object: ready.write.object.clone(),
                version: version.clone(),
                uid: ready
                    .precondition
                    .as_ref()
                    .map_or_else(|| self.plan().footing.uid.clone(), |(_, uid)| uid.clone()),
            }),
            AttemptAnswer::Conflict => {
                let why = Text::from("it is written by others faster than we could write to it");
                Next::Again(ATTEMPT_PAUSE, Execution::Failed { write: index, why })
            }
            AttemptAnswer::NeverLeft(why) => {
                Next::Again(CONNECT_PAUSE, Execution::NotSent { write: index, why: why.clone() })
            }
            AttemptAnswer::Rejected { code, why } => {
                let why = Text::clean(&format!("the server refused it ({code}): {why}"));
                let ended = Execution::Failed { write: index, why };
                // Sent away by the server's own queueing: nothing was written.
                if *code == 429 { Next::Again(CONNECT_PAUSE, ended) } else { Next::Ended(ended) }
            }
            AttemptAnswer::NoAnswer(why) => {
                Next::Ended(Execution::Unknown { write: index, why: why.clone() })
            }
        }
    }
}
