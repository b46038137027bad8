//! From looks at raw counters to windows: what canary and stable did between two looks.
//!
//! Every increase of every series is counted in exactly one window, the one in which its newer sample came
//! (`reference/analysis.md` §3.3, feeding rule: never `rate()`, whose windows overlap). A pod of which one series is
//! broken is left out of that window with all its series of that family: to keep its requests and lose its errors would
//! lie. What is missing is a [`Problem`], never zero.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use crate::domain::counter::Counter;
use crate::domain::family::FAMILIES;
use crate::domain::ids::Name;
use crate::domain::look::{Counts, Look, RawSeries, SERIES_MAX, Side};
use crate::domain::observed::{Timestamp, age};
use crate::domain::text::Text;
use crate::domain::window::{Arm, Histogram, Problem, Seen, Window};

/// A series that was not seen in so many looks is forgotten: its pod is gone.
const LOOKS_KEPT: u32 = 8;

/// A stretch of the past: the judge's windows are about as long.
pub const PAST_STRETCH: Duration = Duration::from_secs(15);

/// Windows over which rates are shown: a minute of looks that come every ten seconds.
const RECENT_MAX: usize = 6;

/// What is measured by counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measure {
    /// The share of requests that the server failed.
    Errors,
    /// How long requests take.
    Latency,
}

impl Measure {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Errors, Self::Latency];

    /// The name of the judge's metric.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Latency => "latency",
        }
    }
}

/// What the newest look told of one measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// Which measure.
    pub measure: Measure,
    /// What both arms did since the look before.
    pub window: Window,
    /// Stable's pods, each with its bad requests and all of them: how much pods differ.
    pub pods: Vec<(f64, f64)>,
}

/// What one arm did in a stretch of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sum {
    /// All requests.
    pub total: f64,
    /// Those that the server failed.
    pub bad: f64,
    /// Requests up to a latency: the latency in seconds as bits (ordered, for it is never negative), and how many.
    pub buckets: BTreeMap<u64, f64>,
}

/// Remembers where every counter of one canary and its stable stands.
#[derive(Clone, Debug, Default)]
pub struct Sampler {
    counters: HashMap<SeriesId, Known>,
    /// When a pod was scraped last.
    pods: HashMap<Name, (Timestamp, u32)>,
    looks: u32,
    last: Option<Timestamp>,
    /// By which family each measure is measured, once both arms had it.
    chosen: [Option<&'static str>; 2],
    recent: VecDeque<Recent>,
    left_out: u32,
    source: Text,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct SeriesId {
    family: &'static str,
    pod: Name,
    key: u64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    counter: Counter,
    seen: u32,
}

/// One window of both arms, kept for the rates that are shown.
#[derive(Clone, Debug)]
struct Recent {
    length: Duration,
    /// Of each measure the canary and stable.
    sums: [[Result<Sum, Problem>; 2]; 2],
}

/// Whether a series that is new on a known pod began there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Births {
    /// It was not there before, so it began at zero.
    Seen,
    /// It may have been there.
    Doubted,
}

/// What one pod added in one family.
#[derive(Default)]
struct PodSum {
    sum: Sum,
    tells_outcome: bool,
    problem: Option<Problem>,
}

type ByPod<'a> = BTreeMap<(&'static str, Side, &'a Name), PodSum>;

impl Sampler {
    /// Takes a look. Nothing comes of the first one, and where nothing can be measured (yet).
    pub fn take(&mut self, look: &Look, seen_at: Timestamp) -> Vec<Taken> {
        let now = look.at.unwrap_or(seen_at);
        if self.source != look.source {
            // Another source names its series otherwise, and scrapes at other times: counting begins anew.
            let source = look.source.clone();
            *self = Self { source, chosen: self.chosen, ..Self::default() };
        }
        if self.last.is_some_and(|last| now <= last) {
            return Vec::new();
        }
        self.looks = self.looks.saturating_add(1);
        // Where some are left out, one that is new may only have been left out before.
        let births =
            if look.left_out == 0 && self.left_out == 0 { Births::Seen } else { Births::Doubted };
        self.left_out = look.left_out;
        let by_pod = self.add_up(look, births, now);
        self.choose(&by_pod);
        self.remember(look);
        let Some(last) = self.last.replace(now) else { return Vec::new() };
        let length = age(last, now);
        let sums = Measure::ALL.map(|measure| {
            [Side::Canary, Side::Stable].map(|side| {
                self.family(measure)
                    .map_or(Err(Problem::Missing), |family| arm(family, side, &by_pod))
            })
        });
        let taken = Measure::ALL.into_iter().zip(&sums).filter_map(|(measure, sums)| {
            let family = self.family(measure)?;
            let seen = window(measure, sums);
            let pods = stable_pods(measure, family, &by_pod);
            Some(Taken { measure, window: Window { end: now, length, seen }, pods })
        });
        let taken = taken.collect();
        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(Recent { length, sums });
        taken
    }

    /// How much stable's pods differed before the first look: of each stretch of [`PAST_STRETCH`] each pod's bad requests
    /// and all of them. Asked of the first look, whose samples reach further back.
    #[must_use]
    pub fn past(look: &Look, seen_at: Timestamp) -> Vec<Vec<(f64, f64)>> {
        let now = look.at.unwrap_or(seen_at);
        let stable = || look.series.iter().filter(|series| series.side == Side::Stable);
        let tells = |series: &RawSeries| matches!(series.counts, Counts::Good | Counts::Bad);
        let family = FAMILIES
            .iter()
            .map(|family| family.name)
            .find(|family| stable().any(|series| series.family == *family && tells(series)));
        let mut stretches: BTreeMap<u64, BTreeMap<&Name, Sum>> = BTreeMap::new();
        for series in stable().filter(|series| Some(series.family) == family && tells(series)) {
            let mut counter = Counter::Unseen;
            for sample in series.samples.iter() {
                let Ok(Some(step)) = counter.advance(*sample, now) else { continue };
                let stretch = age(step.until, now).as_secs() / PAST_STRETCH.as_secs();
                let sum = stretches.entry(stretch).or_default().entry(&series.pod).or_default();
                sum.total += step.amount;
                sum.bad += if series.counts == Counts::Bad { step.amount } else { 0.0 };
            }
        }
        let of = |pods: BTreeMap<&Name, Sum>| {
            pods.into_values().map(|sum| (sum.bad, sum.total)).collect()
        };
        stretches.into_values().map(of).collect()
    }

    /// The family by which a measure is measured.
    #[must_use]
    pub const fn family(&self, measure: Measure) -> Option<&'static str> {
        match measure {
            Measure::Errors => self.chosen[0],
            Measure::Latency => self.chosen[1],
        }
    }

    /// What an arm did lately, and over how long; `None`: nothing was seen of it.
    #[must_use]
    pub fn lately(&self, measure: Measure, side: Side) -> Option<(Sum, Duration)> {
        let (measure, side) =
            (usize::from(measure == Measure::Latency), usize::from(side == Side::Stable));
        let mut all = Sum::default();
        let mut length = Duration::ZERO;
        for recent in &self.recent {
            let Ok(sum) = &recent.sums[measure][side] else { continue };
            all.add(sum);
            length += recent.length;
        }
        (length > Duration::ZERO).then_some((all, length))
    }

    /// Whether it has taken no look yet.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.looks == 0
    }

    /// Series of the newest look that were left out because there are too many.
    #[must_use]
    pub const fn left_out(&self) -> u32 {
        self.left_out
    }

    fn add_up<'a>(&mut self, look: &'a Look, births: Births, now: Timestamp) -> ByPod<'a> {
        let mut by_pod = ByPod::new();
        for series in look.series.iter().take(SERIES_MAX) {
            let added = self.advance(series, births, now);
            let pod = by_pod.entry((series.family, series.side, &series.pod)).or_default();
            match added {
                Ok(amount) => pod.add(series.counts, amount),
                Err(problem) => pod.problem = Some(problem),
            }
        }
        by_pod
    }

    /// What a series added since the look before.
    fn advance(
        &mut self,
        series: &RawSeries,
        births: Births,
        now: Timestamp,
    ) -> Result<f64, Problem> {
        let id = SeriesId { family: series.family, pod: series.pod.clone(), key: series.key };
        let pod = self.pods.get(&series.pod).filter(|_| births == Births::Seen);
        let born = pod.map(|(at, _)| Counter::Unborn(*at));
        let looks = self.looks;
        let known = self
            .counters
            .entry(id)
            .or_insert(Known { counter: born.unwrap_or_default(), seen: looks });
        known.seen = looks;
        let mut amount = 0.0;
        for sample in series.samples.iter() {
            // A source sends again what it sent before.
            if matches!(known.counter, Counter::At(last) if sample.at <= last.at)
                || matches!(known.counter, Counter::Unborn(at) if sample.at <= at)
            {
                continue;
            }
            amount += known.counter.advance(*sample, now)?.map_or(0.0, |step| step.amount);
        }
        Ok(amount)
    }

    /// Chooses by what each measure is measured: the preferred family that both arms have. Once chosen it stays, or a
    /// judge would be shown two things as one.
    fn choose(&mut self, by_pod: &ByPod<'_>) {
        let has = |family: &'static str, side, measure| {
            by_pod
                .iter()
                .any(|((name, of, _), pod)| *name == family && *of == side && pod.tells(measure))
        };
        for (measure, chosen) in Measure::ALL.into_iter().zip(&mut self.chosen) {
            let both = |family: &'static str| {
                has(family, Side::Canary, measure) && has(family, Side::Stable, measure)
            };
            *chosen = chosen
                .or_else(|| FAMILIES.iter().map(|family| family.name).find(|family| both(family)));
        }
    }

    /// Which pods were looked at, and what is forgotten.
    fn remember(&mut self, look: &Look) {
        let looks = self.looks;
        for looked in &look.pods {
            if let Some(at) = looked.at {
                self.pods.insert(looked.pod.clone(), (at, looks));
            }
        }
        let is_kept = |seen: u32| looks.saturating_sub(seen) < LOOKS_KEPT;
        self.pods.retain(|_, (_, seen)| is_kept(*seen));
        self.counters.retain(|_, known| is_kept(known.seen));
    }
}

impl PodSum {
    fn add(&mut self, counts: Counts, amount: f64) {
        match counts {
            Counts::Requests => self.sum.total += amount,
            Counts::Good => {
                self.sum.total += amount;
                self.tells_outcome = true;
            }
            Counts::Bad => {
                self.sum.total += amount;
                self.sum.bad += amount;
                self.tells_outcome = true;
            }
            Counts::UpTo(bound) => {
                *self.sum.buckets.entry(bound.max(0.0).to_bits()).or_default() += amount;
            }
        }
    }

    fn tells(&self, measure: Measure) -> bool {
        match measure {
            Measure::Errors => self.tells_outcome,
            Measure::Latency => !self.sum.buckets.is_empty(),
        }
    }
}

impl Sum {
    fn add(&mut self, other: &Self) {
        self.total += other.total;
        self.bad += other.bad;
        for (bound, amount) in &other.buckets {
            *self.buckets.entry(*bound).or_default() += amount;
        }
    }

    /// The latency below which this share of the requests is, in seconds, as Prometheus interpolates it; `None`: no
    /// requests, or a histogram that is none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let buckets: Vec<(f64, f64)> =
            self.buckets.iter().map(|(bits, count)| (f64::from_bits(*bits), *count)).collect();
        let (last, total) = *buckets.last()?;
        if last.is_finite() || total <= 0.0 || buckets.len() < 2 {
            return None;
        }
        let rank = share * total;
        let at = buckets.partition_point(|(_, count)| *count < rank);
        let (bound, count) = *buckets.get(at)?;
        let (from, before) = at.checked_sub(1).map_or((0.0, 0.0), |before| buckets[before]);
        if bound.is_infinite() {
            return Some(from);
        }
        let inside = count - before;
        Some(if inside > 0.0 { from + (bound - from) * (rank - before) / inside } else { bound })
    }
}

/// What all sound pods of one side added.
fn arm(family: &'static str, side: Side, by_pod: &ByPod<'_>) -> Result<Sum, Problem> {
    let mut all = None;
    let mut problem = Problem::Missing;
    for ((name, of, _), pod) in by_pod {
        if *name != family || *of != side {
            continue;
        }
        match pod.problem {
            Some(found) => problem = found,
            None => all.get_or_insert_with(Sum::default).add(&pod.sum),
        }
    }
    all.ok_or(problem)
}

fn window(measure: Measure, [canary, stable]: &[Result<Sum, Problem>; 2]) -> Result<Seen, Problem> {
    let (canary, stable) = (canary.as_ref().map_err(|it| *it)?, stable.as_ref().map_err(|it| *it)?);
    Ok(match measure {
        Measure::Errors => Seen::Arms {
            canary: Arm::of_total(canary.bad, canary.total)?,
            stable: Arm::of_total(stable.bad, stable.total)?,
        },
        Measure::Latency => {
            Seen::Histograms { canary: histogram(canary)?, stable: histogram(stable)? }
        }
    })
}

fn histogram(sum: &Sum) -> Result<Histogram, Problem> {
    let buckets: Vec<(f64, f64)> =
        sum.buckets.iter().map(|(bits, count)| (f64::from_bits(*bits), *count)).collect();
    Histogram::from_cumulative(&buckets)
}

fn stable_pods(measure: Measure, family: &str, by_pod: &ByPod<'_>) -> Vec<(f64, f64)> {
    let is_sound = |pod: &PodSum| pod.problem.is_none() && measure == Measure::Errors;
    by_pod
        .iter()
        .filter(|((name, side, _), pod)| *name == family && *side == Side::Stable && is_sound(pod))
        .map(|(_, pod)| (pod.sum.bad, pod.sum.total))
        .collect()
}

#[cfg(test)]
#[path = "sampling_tests.rs"]
mod tests;
