//! Histograms: for each bound that tells something, "slower than this" is an event of its own.
//!
//! E is the plain average of the e-processes of all (bound, ratio) pairs: each is the test of [`super::ratio`]. A bound tells something when stable's share of slower requests lies within [`TAIL`]; at most eight, evenly
//! spread in the logarithm of that share. Which they are must be known before the windows that they judge, or the test
//! would have looked at the answer first.

use super::mixture::{Mixture, Start};
use super::ratio::{NO_HARM, RatioProcess};
use crate::domain::window::{Arm, Histogram, Problem};

/// Shares of slower requests at which a bound tells something.
pub const TAIL: (f64, f64) = (5e-4, 0.6);
/// Bounds that are watched.
pub const CUTS_MAX: usize = 8;
/// A proof of no harm is asked only for bounds that about one of a hundred of stable's requests is slower than, or more:
/// beyond, it would take hours.
const PROOF_TAIL_MIN: f64 = 0.008;
/// And for so many bounds at most, those with the smallest tails.
const PROOFS_MAX: usize = 4;
const RATIOS: [f64; 7] = [1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0];
const PAIRS: usize = CUTS_MAX * RATIOS.len();

/// A bound that is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cut {
    /// The bucket's bound.
    pub bound: f64,
    /// Stable's share of slower requests, from before.
    pub tail: f64,
}

/// Chooses bounds from stable's tail shares; empty where none tells anything.
#[must_use]
pub fn cuts(tails: &[Cut]) -> Vec<Cut> {
    let (low, high) = TAIL;
    let usable: Vec<Cut> =
        tails.iter().copied().filter(|cut| (low..=high).contains(&cut.tail)).collect();
    if usable.len() <= CUTS_MAX {
        return usable;
    }
    let logs = usable.iter().map(|cut| cut.tail.ln());
    let (most, least) =
        logs.fold((f64::MIN, f64::MAX), |(most, least), log| (most.max(log), least.min(log)));
    let step = (least - most) / super::mixture::count(CUTS_MAX - 1);
    let mut chosen: Vec<usize> =
        (0..CUTS_MAX).map(|at| nearest(&usable, most + step * super::mixture::count(at))).collect();
    chosen.sort_unstable();
    chosen.dedup();
    chosen.into_iter().filter_map(|at| usable.get(at).copied()).collect()
}

/// The first of the bounds whose tail is nearest to this one (both as ln).
fn nearest(cuts: &[Cut], log_tail: f64) -> usize {
    let off = |at: usize| (cuts[at].tail.ln() - log_tail).abs();
    (1..cuts.len()).fold(0, |best, at| if off(at) < off(best) { at } else { best })
}

/// An e-process over the bounds of a histogram.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramProcess {
    cuts: [Cut; CUTS_MAX],
    used: usize,
    boundary: f64,
    mixture: Mixture<PAIRS>,
}

impl HistogramProcess {
    /// Rejects "at no bound is the canary's share of slower requests more than `boundary` times stable's".
    #[must_use]
    pub fn new(chosen: &[Cut], boundary: f64, start: Start) -> Self {
        let mut cuts = [Cut::default(); CUTS_MAX];
        let used = chosen.len().min(CUTS_MAX);
        cuts[..used].copy_from_slice(&chosen[..used]);
        Self { cuts, used, boundary, mixture: Mixture::new(used * RATIOS.len(), start) }
    }

    /// A window. Bounds that one of the two has not got are neutral.
    ///
    /// # Errors
    /// No bound in common: the window is neutral.
    pub fn update(
        &mut self,
        canary: &Histogram,
        stable: &Histogram,
        dispersion: f64,
    ) -> Result<(), Problem> {
        if canary.total() <= 0.0 || stable.total() <= 0.0 {
            self.mixture.skip();
            return Ok(());
        }
        let mut log_ratios = [0.0; PAIRS];
        let mut known = 0;
        let slots = log_ratios.chunks_mut(RATIOS.len());
        for (cut, slots) in self.cuts.iter().take(self.used).zip(slots) {
            let Some((mine, other)) = at_bound(canary, stable, cut.bound) else { continue };
            known += 1;
            let (exposed, unexposed) = (self.boundary * mine.exposure(), other.exposure());
            let both = mine.events() + other.events();
            for (slot, ratio) in slots.iter_mut().zip(RATIOS) {
                let pooled = (ratio * exposed + unexposed) / (exposed + unexposed);
                *slot = (mine.events() * ratio.ln() - both * pooled.ln()) / dispersion.max(1.0);
            }
        }
        if known == 0 {
            self.mixture.skip();
            return Err(Problem::BoundsDiffer);
        }
        self.mixture.step(&log_ratios);
        Ok(())
    }

    /// A window in which nothing was seen.
    pub fn skip(&mut self) {
        self.mixture.skip();
    }

    /// The bounds that are watched.
    #[must_use]
    pub fn cuts(&self) -> &[Cut] {
        &self.cuts[..self.used]
    }

    /// The e-process.
    #[must_use]
    pub const fn mixture(&self) -> &Mixture<PAIRS> {
        &self.mixture
    }
}

/// What was slower than a bound, of all; `None` where one of the two has no such bound.
pub(super) fn at_bound(canary: &Histogram, stable: &Histogram, bound: f64) -> Option<(Arm, Arm)> {
    let arm = |histogram: &Histogram| {
        Arm::of_total(histogram.slower_than(bound)?, histogram.total()).ok()
    };
    Some((arm(canary)?, arm(stable)?))
}

/// The proof that no bound got worse: one process per bound, and all must agree (an intersection of unions, Berger
/// 1982: no correction is needed).
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramNoHarm {
    processes: [Option<(f64, RatioProcess<NO_HARM>)>; PROOFS_MAX],
}

impl HistogramNoHarm {
    /// For the bounds that can be proven in reasonable time; where there is none, for the one with the largest tail.
    #[must_use]
    pub fn new(chosen: &[Cut], worst: f64) -> Self {
        let mut sorted = chosen.to_vec();
        sorted.sort_by(|left, right| left.tail.total_cmp(&right.tail));
        let hopeless = sorted.partition_point(|cut| cut.tail < PROOF_TAIL_MIN);
        let from = hopeless.min(sorted.len().saturating_sub(1));
        let mut bounds = sorted.iter().skip(from).map(|cut| cut.bound);
        let processes = std::array::from_fn(|_| {
            bounds.next().map(|bound| (bound, RatioProcess::no_harm(worst)))
        });
        Self { processes }
    }

    /// A window; a bound that one of the two has not got is neutral.
    pub fn update(&mut self, canary: &Histogram, stable: &Histogram, dispersion: f64) {
        for (bound, process) in self.processes.iter_mut().flatten() {
            match at_bound(canary, stable, *bound) {
                Some((mine, other)) => process.update(mine, other, dispersion),
                None => process.skip(),
            }
        }
    }

    /// A window in which nothing was seen.
    pub fn skip(&mut self) {
        for (_, process) in self.processes.iter_mut().flatten() {
            process.skip();
        }
    }

    /// The processes, one per bound.
    pub fn processes(&self) -> impl Iterator<Item = &RatioProcess<NO_HARM>> {
        self.processes.iter().flatten().map(|(_, process)| process)
    }
}
