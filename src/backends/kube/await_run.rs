//! Between two writes of a deed on Flagger: waits until its run has ended, by reading. A write that puts something back must
//! be sent whatever the watch does.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::execute::Run;
use super::resource::CANARIES;
use crate::control::order::Execution;
use crate::domain::feed::Trouble;
use crate::domain::flagger::Phase;

/// Flagger looks every ten seconds at most often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Run<'_> {
    /// Returns when the run has succeeded or failed.
    pub(super) async fn until_ended(&self, write: usize) -> Result<(), Execution> {
        let plan = self.plan();
        let give_up_at = Instant::now() + plan.deadline;
        loop {
            let target = &plan.target;
            let read = self.executor.read(&self.wire, CANARIES, &target.namespace, &target.name);
            let phase = match read.await {
                Ok(read) => {
                    let word = read.value.pointer("/status/phase").and_then(|it| it.as_str());
                    word.map_or(Phase::Unknown, Phase::parse)
                }
                Err(why @ Trouble::NotFound(_)) => return Err(Execution::NotSent { write, why }),
                Err(_) => Phase::Unknown,
            };
            if matches!(phase, Phase::Succeeded | Phase::Failed) {
                return Ok(());
            }
            if Instant::now() >= give_up_at {
                let why = Trouble::TimedOut { after: plan.deadline };
                return Err(Execution::NotSent { write, why });
            }
            sleep(LOOK_EVERY).await;
        }
    }
}
