//! Between two writes of a deed on Flagger: waits until its run has got where it should, by reading. A write that puts
//! something back must be sent whatever the watch does.

use std::time::Duration;

use serde_json::Value;
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
        self.until(write, |canary| {
            let Some(canary) = canary else { return true };
            let word = canary.pointer("/status/phase").and_then(Value::as_str);
            matches!(word.map(Phase::parse), Some(Phase::Succeeded | Phase::Failed))
        })
        .await
    }

    /// Returns when the Canary is as wanted; it is `None` once it is gone.
    pub(super) async fn until(
        &self,
        write: usize,
        is_so: impl Fn(Option<&Value>) -> bool,
    ) -> Result<(), Execution> {
        let plan = self.plan();
        let give_up_at = Instant::now() + plan.deadline;
        loop {
            let target = &plan.target;
            let read = self.executor.read(&self.wire, CANARIES, &target.namespace, &target.name);
            let is_there = match read.await {
                Ok(read) => is_so(Some(&read.value)),
                Err(Trouble::NotFound(_)) => is_so(None),
                Err(_) => false,
            };
            if is_there {
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
