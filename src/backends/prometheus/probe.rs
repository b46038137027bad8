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
        biased;
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
        prometheus.nudge().wait(wait, &mut backoff).await;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::script::{Turn, on_time, says, scalar, scripted, spec, vector};
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_probe_tells_who_answers_and_how_far_its_clock_is_off() {
        let info =
            r#"{"status":"success","data":{"version":"3.5.0","application":"Grafana Mimir"}}"#;
        let (prometheus, _asked) = scripted(spec(), move |asked| match &*asked.path {
            "/prefix/api/v1/status/buildinfo" => says(info),
            _ => Turn::Takes(Duration::from_millis(500), scalar(1_040.25)),
        });
        let probe = prometheus.probe().await.unwrap();
        assert_eq!(
            (probe.product.as_str(), probe.version.unwrap().as_str()),
            ("Grafana Mimir", "3.5.0")
        );
        assert_eq!(probe.skew, SignedDuration::from_secs(40));
        assert_eq!(probe.took, Duration::from_millis(500));
        let (prometheus, _asked) = scripted(
            spec(),
            on_time(|_| Turn::Says(404, "text/plain", "404 page not found".into())),
        );
        let probe = prometheus.probe().await.unwrap();
        assert_eq!((probe.product.as_str(), probe.version), ("Prometheus", None));
    }

    #[tokio::test(start_paused = true)]
    async fn what_evaluates_no_promql_is_no_prometheus() {
        for (turn, want) in [
            (Turn::Says(200, "text/html", "<title>Grafana</title>".into()), "page \"Grafana\""),
            (
                Turn::Says(404, "text/plain", "404 page not found".into()),
                "no Prometheus at this path",
            ),
            (says(vector(&[])), "time() has no answer"),
            (says(r#"{"status":"ok"}"#), "answered 200"),
            (Turn::Breaks, "cannot connect"),
        ] {
            let (prometheus, _asked) = scripted(spec(), move |_| turn.clone());
            let trouble = prometheus.probe().await.unwrap_err().to_string();
            assert!(trouble.contains(want), "{trouble} should hold {want}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn followers_hear_health_once_and_a_beat_every_five_seconds() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let (prometheus, _asked) =
            scripted(spec(), move |_| match count.fetch_add(1, Ordering::SeqCst) {
                0 => Turn::Breaks,
                1..4 => says(scalar(1_000.0)),
                _ => Turn::Says(401, "text/plain", "expired".into()),
            });
        let (sender, mut feeds) = tokio::sync::mpsc::channel(16);
        let following = tokio::spawn(follow(prometheus.clone(), sender));
        let mut heard = Vec::new();
        while heard.len() < 7 {
            let (source, seen) = feeds.recv().await.unwrap();
            assert_eq!(source, prometheus.source());
            heard.push((seen.value, seen.at));
        }
        let [connecting, down, live, beat, again, third, denied] = &heard[..] else { panic!() };
        assert_eq!(connecting.0, Feed::Health(SourceHealth::Connecting { attempt: 1 }));
        assert!(matches!(&down.0, Feed::Health(SourceHealth::Down { .. })));
        assert_eq!(live.0, Feed::Health(SourceHealth::Live));
        assert_eq!([&beat.0, &again.0, &third.0], [&Feed::Beat; 3]);
        assert_eq!(again.1.duration_since(beat.1), SignedDuration::from_secs(5));
        assert!(matches!(&denied.0, Feed::Health(SourceHealth::Denied(_))));
        drop(feeds);
        following.await.unwrap();
    }
}
