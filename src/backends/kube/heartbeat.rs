//! Keeps the connection: asks every five seconds on the connection that carries the watches, and throws it away as a whole
//! when no answer comes. No pool may hand out a dead connection again.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::cluster::{Cluster, Link};
use super::live::Live;
use super::probe;
use super::trouble;
use super::wire::{About, Ask, Reply};
use crate::backends::source::{Backoff, Patience};
use crate::domain::feed::Trouble;
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// Distance of heartbeats.
pub(super) const BEAT_EVERY: Duration = Duration::from_secs(5);

/// How long an answer may take.
const BEAT_TIME_MAX: Duration = Duration::from_secs(4);

/// A server that answers "not ready" so many times in a row may be one of several: perhaps another one is.
const NOT_READY_MAX: u32 = 3;

/// A heartbeat's body is two letters; a version is short too.
const BEAT_BYTES_MAX: usize = 64 << 10;

/// News of the connection.
#[derive(Clone, Debug)]
pub(super) enum Pulse {
    /// Trying, for the so-manieth time.
    Connecting(u32),
    /// It works.
    Up(Timestamp),
    /// It still works.
    Beat(Timestamp),
    /// The server works no more than half.
    NotReady(Trouble),
    /// It does not work; tried again at that time.
    Down(Trouble, Timestamp),
    /// Who is logged in.
    Identity(Text),
}

/// Makes connections, watches over them and hands them out, until nobody listens.
pub(super) async fn tend(cluster: Cluster, live: Live, out: mpsc::Sender<Pulse>) {
    let mut backoff = Backoff::new(Patience::CONNECTION);
    loop {
        if out.send(Pulse::Connecting(backoff.failures() + 1)).await.is_err() {
            return;
        }
        let why = match cluster.link().await {
            Err(trouble) => trouble,
            Ok(link) => {
                let why = keep(&cluster, &link, &live, &out, &mut backoff).await;
                live.set(None);
                cluster.discard(link.number());
                match why {
                    End::Failed(why) => why,
                    // The next one is made at once, and nobody needs to hear of it.
                    End::Renewed => continue,
                    End::Unheard => return,
                }
            }
        };
        let wait = backoff.next(cluster.dice());
        if out.send(Pulse::Down(why, cluster.now() + wait)).await.is_err() {
            return;
        }
        cluster.nudge().wait(wait, &mut backoff).await;
    }
}

/// Why a connection ended.
enum End {
    /// It failed.
    Failed(Trouble),
    /// Its client certificate ends: only a new connection carries a new one.
    Renewed,
    /// Nobody listens any more.
    Unheard,
}

/// Watches over one connection until it ends.
async fn keep(
    cluster: &Cluster,
    link: &Link,
    live: &Live,
    out: &mpsc::Sender<Pulse>,
    backoff: &mut Backoff,
) -> End {
    let mut heart = Heart::default();
    if let Err(trouble) = heart.beat(link).await {
        return End::Failed(trouble);
    }
    backoff.reset();
    live.set(Some(link.clone()));
    if out.send(Pulse::Up(cluster.now())).await.is_err() {
        return End::Unheard;
    }
    if let Ok(Some(name)) = probe::who(link.reading(), BEAT_TIME_MAX).await
        && out.send(Pulse::Identity(name)).await.is_err()
    {
        return End::Unheard;
    }
    let mut ticks = tokio::time::interval_at(Instant::now() + BEAT_EVERY, BEAT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut not_ready = 0;
    loop {
        tokio::select! {
            biased;
            () = out.closed() => return End::Unheard,
            _ = ticks.tick() => {}
        }
        if cluster.certificate_is_over().await {
            return End::Renewed;
        }
        let pulse = match heart.beat(link).await {
            Ok(()) => {
                not_ready = 0;
                Pulse::Beat(cluster.now())
            }
            Err(why @ Trouble::Refused { .. }) if not_ready + 1 < NOT_READY_MAX => {
                not_ready += 1;
                Pulse::NotReady(why)
            }
            Err(why) => return End::Failed(why),
        };
        if out.send(pulse).await.is_err() {
            return End::Unheard;
        }
    }
}

/// Asks for the smallest answer that this server gives us.
#[derive(Default)]
struct Heart {
    /// `/readyz` is closed to us, or not there: `/version` is asked for.
    readyz_is_closed: bool,
}

impl Heart {
    async fn beat(&mut self, link: &Link) -> Result<(), Trouble> {
        if !self.readyz_is_closed {
            let reply = ask(link, "/readyz").await?;
            if !matches!(reply.status, 403 | 404) {
                return judge(&reply, "/readyz");
            }
            self.readyz_is_closed = true;
        }
        let reply = ask(link, "/version").await?;
        judge(&reply, "/version")
    }
}

async fn ask(link: &Link, path: &'static str) -> Result<Reply, Trouble> {
    let ask = Ask::get(path.to_owned(), About::path(path));
    let ask = ask.within(BEAT_TIME_MAX).at_most(BEAT_BYTES_MAX);
    link.reading().call(&ask).await.map_err(|fault| fault.trouble)
}

/// Any word of an API server proves that it lives, even a refusal of us: the watches tell of that themselves.
/// A page of something else proves nothing.
fn judge(reply: &Reply, path: &'static str) -> Result<(), Trouble> {
    let trouble = trouble::of_reply(reply, &About::path(path));
    match (reply.status, trouble) {
        (_, why @ Trouble::BadAnswer(_)) => Err(why),
        (500, why) if path == "/readyz" => Err(match not_ready(&reply.body) {
            Some(detail) => Trouble::Refused { code: 500, detail },
            None => why,
        }),
        (200..=299 | 401 | 403, _) => Ok(()),
        (_, why) => Err(why),
    }
}

/// `/readyz` lists its checks, one a line; those that fail begin with `[-]`. `None`: it lists none.
fn not_ready(body: &[u8]) -> Option<Text> {
    let text = String::from_utf8_lossy(body);
    let failing: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("[-]")?.split_whitespace().next())
        .collect();
    (!failing.is_empty()).then(|| trouble::cut(&format!("not ready: {}", failing.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_ready_says_what_it_waits_for() {
        let body = b"[+]ping ok\n[-]etcd failed: reason withheld\n[-]informer-sync failed\nhealthz";
        let told = not_ready(body).expect("two checks fail");
        assert_eq!(told.as_str(), "not ready: etcd, informer-sync");
        assert_eq!(not_ready(b"no such host"), None);
    }
}
