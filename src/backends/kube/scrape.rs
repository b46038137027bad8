//! The counters of a release's pods from the pods themselves, through the API server's pod proxy: for clusters without a
//! Prometheus, and for the hour in which it is dead.
//!
//! A pod that hangs, is cut off, refuses, or answers something else than metrics is a doubt with its name, and costs the
//! others nothing. Of a pod whose answer cannot be trusted nothing is taken: half of its counters would look like fewer
//! errors.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Semaphore;

use super::cluster::Cluster;
use super::metrics_place::Place;
use super::resource::PODS;
use super::trouble;
use super::wire::{About, Ask, Fault, Reply, Sent, Wire};
use crate::backends::exposition::format::{ACCEPT, Format};
use crate::backends::exposition::ledger::{End, Ledger};
use crate::backends::exposition::reader::{Found, Reader, Sample};
use crate::domain::counter;
use crate::domain::family::{self, FAMILIES, Part};
use crate::domain::feed::Trouble;
use crate::domain::ids::{Name, WorkloadRef};
use crate::domain::look::{Look, Looked, RawSeries, SERIES_MAX, Side};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// Pods of one side that are asked. Ten tell of a side what a hundred would, and the way there may be somebody's phone.
const SIDE_PODS_MAX: usize = 10;

/// Pods that are asked at the same time.
const AT_ONCE: usize = 10;

/// How long one pod may take, its object and its metrics together. A look must be over before the next one begins.
const POD_TIME_MAX: Duration = Duration::from_millis(2_500);

/// Largest answer of one pod. Programs of some thousand series stay below one; what is larger is not read to its end.
const POD_BYTES_MAX: usize = 4 << 20;

/// Once so much was read for a look, no further pod is asked: the ones on their way may bring it to three times as much.
const LOOK_BYTES_MAX: u64 = 16 << 20;

/// Looks at these pods.
///
/// # Errors
/// Why no pod could be asked at all: no connection, no right.
pub(super) async fn look(
    cluster: &Cluster,
    target: &WorkloadRef,
    pods: &[(Name, Side)],
) -> Result<Look, Trouble> {
    let wire = cluster.link().await?.reading().clone();
    let (chosen, notes) = choose(pods);
    let rounds = u32::try_from(chosen.len().div_ceil(AT_ONCE)).unwrap_or(u32::MAX).max(1);
    // All rounds together must end before the question itself does.
    let within = POD_TIME_MAX.min(cluster.deadline() * 9 / 10 / rounds);
    let spent = AtomicU64::new(0);
    let scraper = Scraper { cluster, target, wire, within, spent };
    let permits = Semaphore::new(AT_ONCE);
    let (scraper, permits) = (&scraper, &permits);
    let asking = chosen.into_iter().map(|(pod, side)| async move {
        let _permit = permits.acquire().await;
        let answer = scraper.pod(&pod, side).await;
        if answer.is_err() {
            cluster.places().forget(&target.namespace, &pod).await;
        }
        (pod, side, answer)
    });
    let answers = join_all(asking).await;
    if let Some(trouble) = common(&answers) {
        return Err(trouble.clone());
    }
    Ok(together(answers, notes, cluster.now()))
}

/// Which pods are asked, canary and stable in turn, and what is to be told about it. By a hash of their names, so that age
/// and node do not choose, and the same ones are asked in the next look.
fn choose(pods: &[(Name, Side)]) -> (Vec<(Name, Side)>, Vec<Text>) {
    let mut notes = Vec::new();
    let mut of = |side: Side, word: &str| {
        let names: BTreeSet<&Name> =
            pods.iter().filter(|(_, own)| *own == side).map(|(name, _)| name).collect();
        let all = names.len();
        let mut names: Vec<&Name> = names.into_iter().collect();
        names.sort_by_cached_key(|name| {
            let mut hasher = DefaultHasher::new();
            name.hash(&mut hasher);
            hasher.finish()
        });
        names.truncate(SIDE_PODS_MAX);
        if names.len() < all {
            notes.push(Text::clean(&format!("{} of {all} {word} pods are asked", names.len())));
        }
        names
    };
    let (canary, stable) = (of(Side::Canary, "canary"), of(Side::Stable, "stable"));
    let mut chosen = Vec::new();
    for place in 0..canary.len().max(stable.len()) {
        chosen.extend(canary.get(place).map(|pod| (Name::clone(pod), Side::Canary)));
        chosen.extend(stable.get(place).map(|pod| (Name::clone(pod), Side::Stable)));
    }
    (chosen, notes)
}

/// What a pod told.
struct Told {
    at: Timestamp,
    series: Vec<RawSeries>,
    /// Series of known families, also those beyond [`SERIES_MAX`].
    known: usize,
    bytes: u64,
    ledger: Ledger,
}

/// Why a pod told nothing.
enum Silence {
    /// It could not be asked.
    Trouble(Trouble),
    /// Its answer, or its object, is no use: in words.
    Words(Text, u64),
}

impl Silence {
    fn words(words: &str) -> Self {
        Self::Words(Text::clean(words), 0)
    }
}

impl From<Trouble> for Silence {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

type Answered = (Name, Side, Result<Told, Silence>);

/// What keeps every pod from being asked, when it has nothing to do with the pods.
fn common(answers: &[Answered]) -> Option<&Trouble> {
    let mut troubles = answers.iter().map(|(_, _, answer)| match answer {
        Err(Silence::Trouble(trouble)) => is_ours(trouble).then_some(trouble),
        Err(Silence::Words(..)) | Ok(_) => None,
    });
    let first = troubles.next()??;
    troubles.all(|other| other == Some(first)).then_some(first)
}

/// Between us and the API server.
const fn is_ours(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::NotAuthenticated { .. }
        | Trouble::Forbidden(_)
        | Trouble::Config(_)
        | Trouble::Plugin(_)
        | Trouble::Unreachable(_)
        | Trouble::Tls(_)
        | Trouble::NotConfigured
        | Trouble::Lost(_) => true,
        Trouble::KindMissing(_)
        | Trouble::NotFound(_)
        | Trouble::TimedOut { .. }
        | Trouble::BadAnswer(_)
        | Trouble::Refused { .. }
        | Trouble::TooLarge { .. } => false,
    }
}

/// All answers as one look. A pod that has no room is left out whole: the series that a limit would leave of it would
/// change from look to look.
fn together(answers: Vec<Answered>, notes: Vec<Text>, now: Timestamp) -> Look {
    let source = Text::clean("the pods, through the API server");
    let mut look = Look { at: Some(now), notes, source, ..Look::default() };
    let mut is_known = false;
    for (pod, side, answer) in answers {
        let mut doubt = |words: &dyn std::fmt::Display| {
            look.doubts.push(Text::clean(&format!("{pod}: {words}")));
        };
        let mut at = None;
        match answer {
            Err(Silence::Trouble(trouble)) => doubt(&trouble),
            Err(Silence::Words(words, bytes)) => {
                doubt(&words);
                look.bytes += bytes;
            }
            Ok(told) if look.series.len() + told.known > SERIES_MAX => {
                doubt(&format!("{} series of known metrics: too many", told.known));
                look.bytes += told.bytes;
                look.left_out += u32::try_from(told.known).unwrap_or(u32::MAX);
            }
            Ok(told) => {
                is_known |= told.known > 0;
                look.bytes += told.bytes;
                if told.ledger.lost() > 0 {
                    let words = format!("{pod}: of other metrics, {}", told.ledger);
                    look.notes.push(Text::clean(&words));
                }
                look.series.extend(told.series);
                at = Some(told.at);
            }
        }
        look.pods.push(Looked { pod, side, at });
    }
    if !is_known && look.pods.iter().any(|pod| pod.at.is_some()) {
        let words = "the pods expose no metric that is known (http_requests_total and the like)";
        look.notes.push(Text::clean(words));
    }
    look
}

struct Scraper<'a> {
    cluster: &'a Cluster,
    target: &'a WorkloadRef,
    wire: Wire,
    within: Duration,
    /// Bytes of all answers so far.
    spent: AtomicU64,
}

impl Scraper<'_> {
    async fn pod(&self, pod: &Name, side: Side) -> Result<Told, Silence> {
        if !pod.is_canonical() || !self.target.namespace.is_canonical() {
            return Err(Silence::words("a name that Kubernetes does not allow"));
        }
        let spent = self.spent.load(Ordering::Relaxed);
        if spent >= LOOK_BYTES_MAX {
            let words = format!("not asked: the pods before it answered {spent} bytes");
            return Err(Silence::words(&words));
        }
        let asking = async {
            let place = self.place(pod).await?;
            let about = self.about(pod).with_subresource("proxy");
            let address = place.address(&self.target.namespace, pod);
            let ask = Ask::get(address, about).accepting(ACCEPT).at_most(POD_BYTES_MAX);
            let ask = ask.within(self.within);
            let reply = self.wire.call(&ask).await.map_err(broken_off)?;
            self.spent.fetch_add(reply.body.len() as u64, Ordering::Relaxed);
            if reply.is_success() {
                return read(&reply, (pod, side), self.cluster.now());
            }
            Err(refusal(&reply, &ask.about, &place))
        };
        let late = Silence::Trouble(Trouble::TimedOut { after: self.within });
        tokio::time::timeout(self.within, asking).await.unwrap_or(Err(late))
    }

    fn about(&self, pod: &Name) -> About {
        About::object("get", PODS, &self.target.namespace, pod)
    }

    async fn place(&self, pod: &Name) -> Result<Place, Silence> {
        let (places, namespace) = (self.cluster.places(), &self.target.namespace);
        let known = places.get(namespace, pod, self.cluster.now()).await;
        let place = if let Some(place) = known {
            place
        } else {
            let ask = Ask::get(PODS.object(namespace, pod), self.about(pod)).within(self.within);
            let place = Place::of(&self.wire.json(&ask).await?);
            places.put((namespace, pod), place.clone(), self.cluster.now()).await;
            place
        };
        place.map_err(|why| Silence::Words(why, 0))
    }
}

/// Once a request has left, a connection that breaks is mostly the pod's: the API server hands its end on to us.
fn broken_off(fault: Fault) -> Silence {
    match (fault.trouble, fault.sent) {
        (Trouble::Unreachable(why), Sent::Maybe) => {
            Silence::Words(Text::clean(&format!("its answer broke off: {why}")), 0)
        }
        (trouble, _) => Silence::Trouble(trouble),
    }
}

/// Who refused: the API server, or the pod behind it.
fn refusal(reply: &Reply, about: &About, place: &Place) -> Silence {
    if trouble::is_status(reply) {
        return Silence::Trouble(trouble::of_reply(reply, about));
    }
    let what = trouble::html_title(reply)
        .unwrap_or_else(|| trouble::cut(String::from_utf8_lossy(&reply.body).trim()));
    let words = format!("answers {} at {}: {what}", reply.status, place.path);
    Silence::Words(Text::clean(&words), reply.body.len() as u64)
}

/// The counters of an answer.
fn read(reply: &Reply, (pod, side): (&Name, Side), at: Timestamp) -> Result<Told, Silence> {
    let bytes = reply.body.len() as u64;
    let useless = |words: &str| Silence::Words(Text::clean(words), bytes);
    if let Some(page) = trouble::html_title(reply) {
        return Err(useless(&format!("answers {page} and no metrics")));
    }
    let format = Format::of(reply.media_type.as_deref())
        .map_err(|what| useless(&format!("answers {what} and no metrics")))?;
    let (mut series, mut known, mut broken) = (Vec::new(), 0_usize, 0_u64);
    let mut found = |found: Found<'_>| match found {
        Found::Lost(_, line) => broken += u64::from(is_known(line)),
        Found::Sample(sample) => match raw(sample, (pod, side), at) {
            Raw::Other => {}
            Raw::Broken => broken += 1,
            Raw::Series(it) => {
                known += 1;
                if known <= SERIES_MAX {
                    series.push(it);
                }
            }
        },
    };
    let mut reader = Reader::new(format);
    reader.push(&reply.body, &mut found);
    let ledger = reader.finish(&mut found);
    if ledger.samples == 0 {
        return Err(useless(&match ledger.lines {
            0 => "an empty answer".to_owned(),
            _ => format!("no metrics in its answer: {ledger}"),
        }));
    }
    if ledger.end == End::NoEof {
        return Err(useless("its answer is cut off: no # EOF at the end"));
    }
    if broken > 0 {
        let words = match ledger.lost() {
            0 => format!("{broken} buckets without a bound (le)"),
            _ => ledger.to_string(),
        };
        return Err(useless(&words));
    }
    Ok(Told { at, series, known, bytes, ledger })
}

/// Whether a line that was lost may have been one of ours; of a name in quotes the beginning tells as well.
fn is_known(line: &[u8]) -> bool {
    let start = line.iter().position(|byte| !b" \t{\"".contains(byte)).unwrap_or(line.len());
    let line = line.get(start..).unwrap_or_default();
    FAMILIES.iter().any(|family| {
        let name = family.name.as_bytes();
        // A line that was cut within the name may be ours as well.
        line.starts_with(name) || (!line.is_empty() && name.starts_with(line))
    })
}

/// What a sample is to us.
enum Raw {
    /// Of a family that is not known.
    Other,
    /// Of a known family, and it cannot be said what it counts.
    Broken,
    /// A counter.
    Series(RawSeries),
}

fn raw(sample: &Sample<'_>, (pod, side): (&Name, Side), now: Timestamp) -> Raw {
    if matches!(family::of(&sample.name), Some((_, Part::Bucket))) && !has_bound(sample) {
        return Raw::Broken;
    }
    let counted = family::counts(&sample.name, |label| sample.label(label));
    let Some((family, counts)) = counted else { return Raw::Other };
    let at = sample.at.unwrap_or(now);
    Raw::Series(RawSeries {
        family: family.name,
        counts,
        side,
        pod: pod.clone(),
        key: sample.key,
        samples: Arc::from([counter::Sample { at, value: sample.value }]),
    })
}

fn has_bound(sample: &Sample<'_>) -> bool {
    let bound = sample.label("le").and_then(|le| le.parse::<f64>().ok());
    bound.is_some_and(|bound| !bound.is_nan())
}
