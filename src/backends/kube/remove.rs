//! Takes a pod away that holds up a roll back: as late as possible, and only the one that was planned.
//!
//! A StatefulSet that replaces its pods in order waits for each to become ready. The pod that never does is made again
//! when it is deleted, of whichever template its controller has seen by then: so that has to be the older one first.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::answer::{answer, ask};
use super::execute::{CONFLICT_WINDOW, CONNECT_PAUSE, PATCH_MAX, Run};
use super::fields::{Reading, Words};
use super::pods;
use super::resource::{PODS, Resource};
use crate::control::footing::Footing;
use crate::control::order::{Attempt, AttemptAnswer, Execution};
use crate::control::plan::ResolvedWrite;
use crate::domain::detail::Pod;
use crate::domain::feed::Trouble;
use crate::domain::ids::{PodHash, Uid};
use crate::domain::text::Text;
use crate::domain::workload::Workload;

/// A controller that has not seen the template after this is not well, and would make the pod of the wrong one.
const SEEN_MAX: Duration = Duration::from_secs(10);

/// Between two looks at the workload.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// Whether a request that had no effect is sent again.
enum Again {
    /// After a pause, while there is time.
    Later,
    /// It would be answered alike.
    Never,
}

/// How the planned pod stands to the way back.
enum Stands {
    /// It holds it up.
    InTheWay,
    /// Its controller replaces it by itself, unless it crashes first: such a pod is ready for moments.
    Ready,
    /// It is gone, on its way, another one, or of the wanted version.
    No,
}

impl Run<'_> {
    /// The write of this index, which deletes a pod. Nothing is sent where the pod is gone, was replaced, has become
    /// ready, or is of the wanted version.
    pub(super) async fn remove(
        &self,
        index: usize,
        report: &mut (impl FnMut(Attempt) + Send),
    ) -> Result<(), Execution> {
        let Some(write) = self.resolved(index) else {
            let why = Trouble::Lost(Text::from("no such write in the plan"));
            return Err(Execution::NotSent { write: index, why });
        };
        let not_sent = |why| Execution::NotSent { write: index, why };
        let wanted = self.seen().await.map_err(not_sent)?;
        let give_up_at = Instant::now() + CONFLICT_WINDOW;
        loop {
            match self.stands(&write, wanted.as_ref()).await.map_err(not_sent)? {
                Stands::InTheWay => {}
                Stands::Ready if Instant::now() + LOOK_PAUSE < give_up_at => {
                    sleep(LOOK_PAUSE).await;
                    continue;
                }
                Stands::Ready | Stands::No => return Ok(()),
            }
            let attempt = self.deletion(index, &write).await;
            let said = attempt.answer.clone();
            report(attempt);
            let (ended, is_again) = match said {
                // Gone between the look and the request, or another one by that name now.
                AttemptAnswer::Accepted { .. }
                | AttemptAnswer::Conflict
                | AttemptAnswer::Rejected { code: 404, .. } => return Ok(()),
                AttemptAnswer::NoAnswer(why) => return self.lost(index, &write, why).await,
                AttemptAnswer::NeverLeft(why) => (not_sent(why), Again::Later),
                AttemptAnswer::Rejected { code, why } => {
                    let name = &write.object.name;
                    let why = format!("the server refused to delete {name} ({code}): {why}");
                    let ended = Execution::Failed { write: index, why: Text::clean(&why) };
                    // The server's own queue sent it away: nothing was done.
                    (ended, if code == 429 { Again::Later } else { Again::Never })
                }
            };
            match is_again {
                Again::Later if Instant::now() + CONNECT_PAUSE < give_up_at => {
                    sleep(CONNECT_PAUSE).await;
                }
                Again::Later | Again::Never => return Err(ended),
            }
        }
    }

    /// No answer came: the pod itself tells. Gone, or on its way, it was deleted; that it is still here proves nothing.
    async fn lost(
        &self,
        index: usize,
        write: &ResolvedWrite,
        why: Trouble,
    ) -> Result<(), Execution> {
        match self.planned_pod(write).await {
            Ok(None) => Ok(()),
            Ok(Some(_)) | Err(_) => Err(Execution::Unknown { write: index, why }),
        }
    }

    /// Waits until the controller has seen the template that was written; says which version that is.
    async fn seen(&self) -> Result<Option<PodHash>, Trouble> {
        let give_up_at = Instant::now() + SEEN_MAX;
        loop {
            let now = self.workload().await?;
            let footing = Footing::of(&now);
            if footing.uid != self.plan().footing.uid {
                return Err(Trouble::NotFound(Text::from("it was deleted and created again")));
            }
            if footing.observed {
                return Ok(now.current_hash().cloned());
            }
            if Instant::now() + LOOK_PAUSE >= give_up_at {
                let words = "the controller has not seen the older template";
                return Err(Trouble::BadAnswer(Text::from(words)));
            }
            sleep(LOOK_PAUSE).await;
        }
    }

    async fn workload(&self) -> Result<Workload, Trouble> {
        let target = &self.plan().target;
        let resource = Resource::of(target.kind);
        let read =
            self.executor.read(&self.wire, resource, &target.namespace, &target.name).await?;
        Ok(self.executor.facts(target.kind, &read.value))
    }

    async fn stands(
        &self,
        write: &ResolvedWrite,
        wanted: Option<&PodHash>,
    ) -> Result<Stands, Trouble> {
        let pod = self.planned_pod(write).await?;
        let in_the_way = pod.filter(|pod| pod.hash.as_ref() != wanted);
        Ok(match in_the_way {
            None => Stands::No,
            Some(pod) if pod.is_ready() => Stands::Ready,
            Some(_) => Stands::InTheWay,
        })
    }

    /// The pod that was planned, while it is here and not on its way out.
    async fn planned_pod(&self, write: &ResolvedWrite) -> Result<Option<Pod>, Trouble> {
        let namespace = &self.plan().target.namespace;
        let read = self.executor.read(&self.wire, PODS, namespace, &write.object.name).await;
        let object = match read {
            Ok(read) => read.value,
            Err(Trouble::NotFound(_)) => return Ok(None),
            Err(why) => return Err(why),
        };
        let mut words = Words::default();
        let pod = pods::pod(&object, &mut Reading::new(&mut words));
        let is_going = object.pointer("/metadata/deletionTimestamp").is_some();
        let is_planned = Some(&pod.uid) == planned_uid(write).as_ref();
        Ok((is_planned && !is_going).then_some(pod))
    }

    async fn deletion(&self, index: usize, write: &ResolvedWrite) -> Attempt {
        let sent_at = self.executor.cluster.now();
        let ask = ask(self.plan(), write, write.body.as_bytes().to_vec(), &[]).within(PATCH_MAX);
        let answered = self.wire.call(&ask).await;
        let audit_id = answered.as_ref().ok().and_then(|reply| reply.audit_id.clone());
        Attempt {
            write: index,
            precondition: None,
            sent_at,
            answer: answer(answered, None),
            audit_id,
        }
    }
}

fn planned_uid(write: &ResolvedWrite) -> Option<Uid> {
    let options: Value = serde_json::from_str(&write.body).ok()?;
    options.pointer("/preconditions/uid").and_then(Value::as_str).map(Uid::new)
}
