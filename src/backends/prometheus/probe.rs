//! Small questions about a Prometheus itself: is it one, which, how far are the clocks apart, does it still answer.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::mpsc;

use super::client::Prometheus;
use super::envelope::BuildInfo;
use super::meaning::Unanswered;
use crate::backends::source::{Backoff, Patience, dice};
use crate::domain::feed::{Feed, SourceHealth, SourceId, Trouble};
use crate::domain::observed::{Observed, Timestamp};
use crate::domain::text::Text;

/// Distance of two heartbeats, as for clusters.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What answers at the address.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// What it calls itself; `Prometheus` where it says nothing.
    pub product: Text,
    /// Its version, where it says one (a gateway may keep that to itself).
    pub version: Option<Text>,
    /// Its clock minus ours.
    pub skew: SignedDuration,
    /// How long the answer took.
    pub took: Duration,
}

impl Prometheus {
    /// Asks who is there. Something that evaluates PromQL is a Prometheus; everything else is a trouble.
    ///
    /// # Errors
    /// Why nobody answers, or what answers instead.
    pub async fn probe(&self) -> Result<Probe, Trouble> {
        let after = self.spec().timeout;
        match tokio::time::timeout(after, self.probed()).await {
            Ok(probed) => probed.map_err(trouble),
            Err(_elapsed) => Err(Trouble::TimedOut { after }),
        }
    }

    async fn probed(&self) -> Result<Probe, Unanswered> {
        let headers = self.headers().await?;
        let (skew, took) = self.measure_skew(&headers).await?;
        let info: Result<BuildInfo, _> = self.document(&headers, "status/buildinfo").await;
        let info = info.unwrap_or_default();
        let said = |words: Option<String>| {
            words.filter(|words| !words.is_empty()).map(|words| Text::clean(&words))
        };
        let product = said(info.application).unwrap_or_else(|| Text::clean("Prometheus"));
        Ok(Probe { product, version: said(info.version), skew, took })
    }

    async fn beat(&self) -> Result<(), Trouble> {
        let after = self.spec().timeout;
        let beat = async {
            let headers = self.headers().await?;
            self.measure_skew(&headers).await
        };
        match tokio::time::timeout(after, beat).await {
            Ok(beat) => beat.map(|_skew| ()).map_err(trouble),
            Err(_elapsed) => Err(Trouble::TimedOut { after }),
        }
    }
}

fn trouble(unanswered: Unanswered) -> Trouble {
    match unanswered {
        Unanswered::Server(trouble) => trouble,
        Unanswered::Question(words) => Trouble::BadAnswer(words),
    }
}

/// Tells how a Prometheus does, until the receiver of `feeds` is gone: a heartbeat, and its health when that changes.
pub async fn follow(prometheus: Prometheus, feeds: mpsc::Sender<(SourceId, Observed<Feed>)>) {
    tokio::select! {
        () = feeds.closed() => {}
        () = beats(&prometheus, &feeds) => {}
    }
}

/// Ends when nobody listens any more.
async fn beats(prometheus: &Prometheus, feeds: &mpsc::Sender<(SourceId, Observed<Feed>)>) {
    let mut backoff = Backoff::new(Patience::CONNECTION);
    let mut told = SourceHealth::Connecting { attempt: 1 };
    if !tell(prometheus, feeds, Feed::Health(told.clone())).await {
        return;
    }
    loop {
        let (health, wait) = match prometheus.beat().await {
            Ok(()) => {
                backoff.reset();
                (SourceHealth::Live, HEARTBEAT)
            }
            Err(why) => sick(prometheus, why, &mut backoff),
        };
        let is_live = health == SourceHealth::Live;
        if health != told {
            told = health;
            if !tell(prometheus, feeds, Feed::Health(told.clone())).await {
                return;
            }
        }
        if is_live && !tell(prometheus, feeds, Feed::Beat).await {
            return;
        }
        tokio::time::sleep(wait).await;
    }
}

async fn tell(
    prometheus: &Prometheus,
    feeds: &mpsc::Sender<(SourceId, Observed<Feed>)>,
    feed: Feed,
) -> bool {
    feeds.send((prometheus.source(), Observed::new(feed, prometheus.now()))).await.is_ok()
}

/// What a failed heartbeat says of the source, and when the next one comes.
fn sick(prometheus: &Prometheus, why: Trouble, backoff: &mut Backoff) -> (SourceHealth, Duration) {
    let wait = backoff.next(dice());
    let is_denied = matches!(
        why,
        Trouble::NotAuthenticated { .. }
            | Trouble::Forbidden(_)
            | Trouble::Refused { code: 403, .. }
    );
    if is_denied {
        // Nothing changes until somebody mends the credentials; the file with them is read anew each time.
        return (SourceHealth::Denied(why), Patience::WATCH.longest);
    }
    let retry_at = prometheus.now().checked_add(wait).unwrap_or(Timestamp::MAX);
    (SourceHealth::Down { why, retry_at }, wait)
}
