//! The footing of a plan: what it stands on. While it is the same, a new version of the object changes nothing;
//! when it differs, the operator is asked again and told what changed (`design/deeds.md`, Footing).

use std::sync::Arc;

use crate::domain::flagger::{Flagger, Phase};
use crate::domain::ids::{Generation, PodHash, Uid};
use crate::domain::rollout::{Rollout, RolloutFlags};
use crate::domain::text::Text;
use crate::domain::workload::{Controller, Workload};

/// What a plan stands on.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent fields of the wire")]
pub struct Footing {
    /// The object itself.
    pub uid: Uid,
    /// Its spec.
    pub generation: Generation,
    /// Whether the controller has seen that spec (and, with `workloadRef`, that template).
    pub observed: bool,
    /// The wanted template. `None` for a Deployment: its object does not name it, and its generation
    /// changes with every template.
    pub current: Option<PodHash>,
    /// The proven template.
    pub stable: Option<PodHash>,
    /// How far Flagger's run is.
    pub run: Option<Run>,
    /// The step, counted as the controller counts it (from 0).
    pub step_index: Option<u32>,
    /// Paused by hand.
    pub spec_paused: bool,
    /// Reasons of the controller's pauses.
    pub pauses: Arc<[Text]>,
    /// `abort` and whether the controller acted on it.
    pub abort: Aborted,
    /// `promoteFull`.
    pub promote_full: bool,
    /// Blue-green's active selector.
    pub active: Option<PodHash>,
}

/// How far Flagger's run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its phase.
    pub phase: Phase,
    /// The weight that its status tells.
    pub weight: u32,
}

/// How far an abort is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aborted {
    /// None asked for.
    No,
    /// Asked for, not acted on.
    Asked,
    /// Acted on.
    Done,
    /// Taken back (retry), and the controller has not acted on that yet.
    Lifted,
}

impl Aborted {
    /// Reads it from the two fields of the wire.
    #[must_use]
    pub const fn of(flags: RolloutFlags) -> Self {
        match (flags.abort, flags.aborted_at) {
            (false, None) => Self::No,
            (true, None) => Self::Asked,
            (true, Some(_)) => Self::Done,
            (false, Some(_)) => Self::Lifted,
        }
    }
}

impl Footing {
    /// The footing of this workload now.
    #[must_use]
    pub fn of(workload: &Workload) -> Self {
        match &workload.controller {
            Controller::Argo(rollout) => Self::of_rollout(workload, rollout),
            Controller::Flagger(flagger) => Self::of_flagger(workload, flagger),
            // It has no status subresource: its generation counts what its controller says, too.
            Controller::Experiment(_) => {
                Self { generation: Generation(0), ..Self::of_native(workload, false) }
            }
            Controller::Deployment(_) | Controller::StatefulSet(_) | Controller::DaemonSet(_) => {
                Self::of_native(workload, workload.hand_paused())
            }
            Controller::DeploymentConfig(facts) => Self {
                // Named by the status itself: another version is another footing.
                current: facts.current.clone(),
                ..Self::of_native(workload, facts.paused)
            },
        }
    }

    fn of_rollout(workload: &Workload, rollout: &Rollout) -> Self {
        let status = &rollout.status;
        Self {
            uid: workload.meta.uid.clone(),
            generation: workload.meta.generation,
            observed: is_observed(workload),
            current: status.hashes.current.clone(),
            stable: status.hashes.stable.clone(),
            run: None,
            step_index: status.step_index,
            spec_paused: rollout.spec.paused,
            pauses: status.pauses.iter().map(|pause| pause.reason.clone()).collect(),
            abort: Aborted::of(status.flags),
            promote_full: status.flags.promote_full,
            active: status.selectors.active.clone(),
        }
    }

    fn of_flagger(workload: &Workload, flagger: &Flagger) -> Self {
        let (spec, status) = (&flagger.spec, &flagger.status);
        Self {
            run: Some(Run { phase: status.phase, weight: status.weight }),
            // Flagger writes the hash of the template of the run; the object itself names no pod hash.
            current: status.applied.clone().map(PodHash::from_text),
            stable: status.promoted.clone().map(PodHash::from_text),
            ..Self::of_native(workload, spec.suspend)
        }
    }

    #[expect(clippy::fn_params_excessive_bools, reason = "one field of the wire")]
    fn of_native(workload: &Workload, spec_paused: bool) -> Self {
        Self {
            run: None,
            uid: workload.meta.uid.clone(),
            generation: workload.meta.generation,
            observed: is_observed(workload),
            current: None,
            stable: None,
            step_index: None,
            spec_paused,
            pauses: Arc::default(),
            abort: Aborted::No,
            promote_full: false,
            active: None,
        }
    }

    /// True when this is the same object and, as far as either says, the same wanted version:
    /// what pause and abort need, and no more.
    #[must_use]
    pub fn is_same_release(&self, now: &Self) -> bool {
        self.uid == now.uid && self.current == now.current
    }

    /// What changed from this footing to `now`, in sentences; empty when nothing did.
    #[must_use]
    pub fn differences(&self, now: &Self) -> Vec<Text> {
        if self.uid != now.uid {
            return vec![Text::from("it was deleted and created again")];
        }
        let mut out = Vec::new();
        changed_hash(&mut out, "the wanted version", (&self.current, &now.current));
        changed_hash(&mut out, "the stable version", (&self.stable, &now.stable));
        changed_hash(&mut out, "the active version", (&self.active, &now.active));
        self.run_difference(now, &mut out);
        self.step_difference(now, &mut out);
        self.pause_differences(now, &mut out);
        self.flag_differences(now, &mut out);
        self.spec_difference(now, &mut out);
        out
    }

    fn run_difference(&self, now: &Self, out: &mut Vec<Text>) {
        let (Some(then), Some(now)) = (self.run, now.run) else { return };
        if then.phase != now.phase {
            out.push(sentence(&format!("phase {} → {}", then.phase.name(), now.phase.name())));
        }
        if then.weight != now.weight {
            out.push(sentence(&format!("weight {} % → {} %", then.weight, now.weight)));
        }
    }

    fn step_difference(&self, now: &Self, out: &mut Vec<Text>) {
        if self.step_index == now.step_index {
            return;
        }
        let word = |index: Option<u32>| index.map_or("none".to_owned(), |index| index.to_string());
        out.push(sentence(&format!("step {} → {}", word(self.step_index), word(now.step_index))));
    }

    fn pause_differences(&self, now: &Self, out: &mut Vec<Text>) {
        match (self.spec_paused, now.spec_paused) {
            (false, true) => out.push(Text::from("somebody paused it")),
            (true, false) => out.push(Text::from("somebody resumed it")),
            (false, false) | (true, true) => {}
        }
        let gone = self.pauses.iter().filter(|reason| !now.pauses.contains(reason));
        out.extend(gone.map(|reason| sentence(&format!("it no longer waits ({reason})"))));
        let new = now.pauses.iter().filter(|reason| !self.pauses.contains(reason));
        out.extend(new.map(|reason| sentence(&format!("it waits now ({reason})"))));
    }

    fn flag_differences(&self, now: &Self, out: &mut Vec<Text>) {
        if self.abort != now.abort {
            out.push(Text::from(match now.abort {
                Aborted::No => "the abort is over",
                Aborted::Asked => "an abort was asked for",
                Aborted::Done => "it was aborted",
                Aborted::Lifted => "somebody retried it",
            }));
        }
        match (self.promote_full, now.promote_full) {
            (false, true) => out.push(Text::from("a full promotion was asked for")),
            (true, false) => out.push(Text::from("the full promotion is over")),
            (false, false) | (true, true) => {}
        }
    }

    /// The spec, where nothing above has told of it already.
    fn spec_difference(&self, now: &Self, out: &mut Vec<Text>) {
        if self.generation != now.generation
            && self.spec_paused == now.spec_paused
            && self.current == now.current
        {
            out.push(sentence(&format!(
                "the spec was changed (generation {} → {})",
                self.generation, now.generation
            )));
        }
        match (self.observed, now.observed) {
            (true, false) => out.push(Text::from("the controller has not seen the newest spec")),
            (false, true) => out.push(Text::from("the controller has seen the newest spec now")),
            (false, false) | (true, true) => {}
        }
    }
}

/// Whether the controller has seen the spec as it is now. Strictly equal: the hashes that controllers before 1.0
/// wrote there belong to Rollouts that are never written (`design/deeds.md`).
#[must_use]
pub fn is_observed(workload: &Workload) -> bool {
    match &workload.controller {
        Controller::Argo(rollout) => {
            let generation = workload.meta.generation.to_string();
            let own = rollout.status.observed_generation.as_ref().map(Text::as_str)
                == Some(generation.as_str());
            own && is_workload_observed(rollout)
        }
        // These write no generation.
        Controller::Flagger(_) | Controller::Experiment(_) => true,
        Controller::Deployment(_)
        | Controller::StatefulSet(_)
        | Controller::DaemonSet(_)
        | Controller::DeploymentConfig(_) => {
            workload.native_observed().is_some_and(|seen| seen >= workload.meta.generation)
        }
    }
}

/// `rollout.argoproj.io/workload-generation` = `status.workloadObservedGeneration`; true without `workloadRef`.
fn is_workload_observed(rollout: &Rollout) -> bool {
    let Some(source) = &rollout.spec.workload_ref else { return true };
    let seen = rollout.status.workload_observed_generation.as_ref().map(Text::as_str);
    source.generation.map(|generation| generation.to_string()).as_deref() == seen
}

fn changed_hash(
    out: &mut Vec<Text>,
    what: &str,
    (then, now): (&Option<PodHash>, &Option<PodHash>),
) {
    if then == now {
        return;
    }
    let word = |hash: &Option<PodHash>| {
        hash.as_ref().map_or("none".to_owned(), |hash| hash.as_str().to_owned())
    };
    out.push(sentence(&format!("{what} changed: {} → {}", word(then), word(now))));
}

fn sentence(words: &str) -> Text {
    Text::clean(words)
}
