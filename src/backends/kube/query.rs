//! Answers questions about a cluster's objects. Exactly one answer each, within ten seconds.

use super::cluster::Cluster;
use crate::domain::feed::{Answer, Query, Trouble};

/// Answers a question.
pub async fn answer(cluster: &Cluster, query: &Query) -> Answer {
    let answered = async {
        let link = cluster.link().await?;
        let _wire = link.reading();
        match query {
            Query::Compare(_) | Query::Charts { .. } => Err(Trouble::NotConfigured),
            Query::Log { .. } | Query::Yaml(_) | Query::Templates(_) => Err(Trouble::NotConfigured),
        }
    };
    match tokio::time::timeout(cluster.deadline(), answered).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(trouble)) => Answer::Failed(trouble),
        Err(_elapsed) => Answer::Failed(Trouble::TimedOut { after: cluster.deadline() }),
    }
}
