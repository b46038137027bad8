//! At the start: which deeds did sessions before this one leave behind, and what became of them? The records say which, the
//! objects say what; the answer is recorded, so that the next start does not ask again.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::mpsc::Sender;
use tokio::time::{sleep, timeout};

use crate::app::event::Event;
use crate::backends::audit_file::AuditFile;
use crate::backends::kube::cluster::Cluster;
use crate::backends::kube::look::look;
use crate::control::audit::{AuditEntry, AuditRecord};
use crate::control::leftover::Leftover;
use crate::control::ports::AuditLog;
use crate::domain::ids::ClusterName;
use crate::domain::observed::Clock;
use crate::domain::text::Text;

/// So long the disk may take to tell; a hanging one holds up nothing but itself.
const READ_MAX: Duration = Duration::from_secs(4);

/// Between two looks at an object whose fate is not known yet.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Tells of what was left behind, and then of each what became of it. Ends when all of it is known.
pub(super) async fn recall(
    (audit, clock): (AuditFile, Clock),
    clusters: BTreeMap<ClusterName, Cluster>,
    answers: Sender<Event>,
) {
    let left = match timeout(READ_MAX, audit.unfinished()).await {
        Ok(Ok(left)) => left,
        Ok(Err(why)) => {
            let words = format!("cannot look for deeds that were left behind: {why}");
            let _ = answers.send(Event::Told(Err(Text::clean(&words)))).await;
            Vec::new()
        }
        Err(_elapsed) => {
            let words = "cannot look for deeds that were left behind: the disk does not answer";
            let _ = answers.send(Event::Told(Err(Text::from(words)))).await;
            Vec::new()
        }
    };
    let ours: Vec<(Leftover, Cluster)> = left
        .into_iter()
        .filter_map(|left| Some((left.clone(), clusters.get(&left.target.cluster)?.clone())))
        .collect();
    let told = ours.iter().map(|(left, _)| left.clone()).collect();
    let _ = answers.send(Event::Left(told)).await;
    join_all(ours.iter().map(|(left, cluster)| settle((&audit, &clock), cluster, left, &answers)))
        .await;
}

async fn settle(
    (audit, clock): (&AuditFile, &Clock),
    cluster: &Cluster,
    left: &Leftover,
    answers: &Sender<Event>,
) {
    let outcome = loop {
        if let Ok(seen) = look(cluster, left).await
            && let Some(outcome) = left.judge(seen.as_ref(), clock())
        {
            break outcome;
        }
        sleep(LOOK_EVERY).await;
    };
    let words = Text::from("left behind by a session that ended; found by looking at the object");
    for entry in [AuditEntry::Note(words), AuditEntry::Outcome(outcome.clone())] {
        let identity = left.by.clone();
        let record = AuditRecord { order: left.order.clone(), at: clock(), identity, entry };
        if let Err(why) = audit.append(record).await {
            let words =
                format!("what became of a deed that was left behind is not recorded: {why}");
            let _ = answers.send(Event::Told(Err(Text::clean(&words)))).await;
        }
    }
    let _ = answers.send(Event::Settled(left.order.clone(), outcome)).await;
}
