//! Warnings: what a deed does beside what it is meant to do.

use std::sync::Arc;

use super::case::{Case, PAUSE_STEP, Way, has_pods};
use super::draw::Recipe;
use super::target::Target;
use super::{draw, flagger, scale_down, terminate};
use crate::control::action::Action;
use crate::control::footing::Aborted;
use crate::domain::rollout::Step;
use crate::domain::text::Text;
use crate::domain::workload::{OwnerTool, Strategy};

/// What else one must know before saying yes.
pub(super) fn warnings(
    (recipe, action): (Recipe, Action),
    case: Case<'_>,
    aim: Option<&Target<'_>>,
) -> Arc<[Text]> {
    let mut out = Vec::new();
    warn((recipe, action), case, aim, &mut out);
    warn_owner(recipe, case, &mut out);
    out.iter().map(|words| Text::clean(words)).collect()
}

fn warn(
    (recipe, action): (Recipe, Action),
    case: Case<'_>,
    aim: Option<&Target<'_>>,
    out: &mut Vec<String>,
) {
    match recipe {
        Recipe::Pause | Recipe::Hold => warn_pause(case, out),
        Recipe::ClearPause => warn_gate(case, out),
        Recipe::PassStep => warn_pass(case, action, out),
        Recipe::Terminate => terminate::warn(out),
        Recipe::ScaleDown => scale_down::warn(case, out),
        Recipe::Resume | Recipe::Release => {}
        Recipe::PromoteFull => {
            out.push("nothing judges the new version any more on its way".to_owned());
        }
        Recipe::Abort | Recipe::AbortAndUnpause => warn_abort(case, out),
        Recipe::Retry => {
            if case.hand_paused() {
                out.push(
                    "it is paused by hand: nothing moves until somebody resumes it".to_owned(),
                );
            }
        }
        Recipe::BackToStable | Recipe::Rollback => warn_back(case, aim, out),
        Recipe::Canary(recipe) => flagger::warn(recipe, case, out),
        Recipe::Restart => {
            warn_on_delete(case, out);
            out.push("pods come up with what ConfigMaps and Secrets hold now".to_owned());
        }
    }
}

fn warn_pause(case: Case<'_>, out: &mut Vec<String>) {
    match case.way() {
        Way::StatefulSet => out.push(
            "a new pod that goes away meanwhile comes back in the old version; pods added by scaling \
             up are of the new one"
                .to_owned(),
        ),
        Way::DaemonSet => out.push(
            "a pod that goes away meanwhile, and one on a new node, comes in the new version"
                .to_owned(),
        ),
        Way::Canary | Way::BlueGreen | Way::OtherRollout | Way::Flagger | Way::Deployment => {}
    }
    if case.abort() != Aborted::No {
        out.push("it is aborted: the phase stays Degraded although the pause holds".to_owned());
    }
    if case.way() == Way::Canary && case.in_flight() {
        out.push(
            "while paused by hand, a canary ignores spec.replicas (autoscalers too)".to_owned(),
        );
    }
    let after_switch = case.switched()
        && case.rollout().is_some_and(|rollout| rollout.spec.post_promotion_analysis);
    if after_switch {
        out.push(
            "paused in the analysis after the switch, the controller writes this Rollout 15 to 20 \
             times a second"
                .to_owned(),
        );
    }
}

/// What a skip over several steps leaves undone.
fn warn_pass(case: Case<'_>, action: Action, out: &mut Vec<String>) {
    let Some(rollout) = case.rollout() else { return };
    let place = |index| usize::try_from(index).unwrap_or(usize::MAX);
    let from = place(case.next_index());
    let between = place(draw::skip_index(case, action)).saturating_sub(from);
    let over = || rollout.spec.steps.iter().skip(from).take(between);
    let analyses =
        over().filter(|step| matches!(step, Step::Analysis(_) | Step::Experiment)).count();
    let gates = over().filter(|step| matches!(step, Step::Pause(None))).count();
    for (count, what) in [(analyses, "analysis"), (gates, "pause that waits for a human")] {
        if count > 0 {
            out.push(format!("skipped without a word: {count} × {what}"));
        }
    }
    let routes = over().any(|step| {
        matches!(step, Step::SetHeaderRoute(_) | Step::SetMirrorRoute(_) | Step::SetCanaryScale(_))
    });
    if routes {
        out.push(
            "routes and scales that the steps between set or take away stay as they are".to_owned(),
        );
    }
}

fn warn_gate(case: Case<'_>, out: &mut Vec<String>) {
    if case.pauses().len() > 1 {
        out.push("this takes away more than one reason to wait".to_owned());
    }
    if let Some(run) = case.inconclusive_aside() {
        out.push(format!(
            "the analysis {} came to no answer; promoting accepts that, and a new run begins",
            run.name
        ));
        if case.waits_for(PAUSE_STEP) && case.way() == Way::Canary {
            out.push(
                "seen: the controller then goes on past a pause that waits for a human".to_owned(),
            );
        }
    }
}

fn warn_abort(case: Case<'_>, out: &mut Vec<String>) {
    if case.flies_within_window() {
        out.push(
            "inside the rollback window the controller ignores abort here; pause holds it"
                .to_owned(),
        );
    }
    if case.routed() && case.current_set().is_some_and(has_pods) {
        out.push(
            "while the aborted pods remain, the controller rewrites the canary Service up to 60 \
             times a second"
                .to_owned(),
        );
    }
}

/// Nobody replaces the pods of `OnDelete`.
fn warn_on_delete(case: Case<'_>, out: &mut Vec<String>) {
    if case.workload.strategy == Strategy::OnDelete {
        out.push(
            "its strategy is OnDelete: every pod stays as it is until somebody deletes it"
                .to_owned(),
        );
    }
    let partition = case.stateful().and_then(|facts| facts.partition).unwrap_or(0);
    if partition > 0 {
        out.push(format!("pods below its partition ({partition}) stay as they are"));
    }
}

fn warn_back(case: Case<'_>, aim: Option<&Target<'_>>, out: &mut Vec<String>) {
    warn_on_delete(case, out);
    out.push(
        "only the pod template goes back: ConfigMaps, Secrets, steps and replicas stay as they are"
            .to_owned(),
    );
    if let Some(target) = aim
        && target.promoted.is_none()
    {
        let number = target.set.revision.map_or("?".to_owned(), |number| number.to_string());
        out.push(format!("whether revision {number} was ever fully promoted cannot be known"));
    }
    let is_older = aim.is_some_and(|aim| Some(&aim.hash) != case.stable());
    if case.in_flight() && is_older && case.abort() == Aborted::No {
        out.push(
            "abort is quicker: all traffic goes back to the stable version, without steps"
                .to_owned(),
        );
    }
    if case.hand_paused() {
        out.push(
            "the pause by hand is lifted too: while it holds, nothing would go back".to_owned(),
        );
    }
    if case.template_elsewhere() {
        out.push(
            "the template lives in the Deployment it refers to: that is what is written".to_owned(),
        );
    }
}

/// What the tool that manages the object will do about it (`reference/rollouts.md` §4.1). As far as its labels tell:
/// whether an Argo CD application heals itself is not known here.
fn warn_owner(recipe: Recipe, case: Case<'_>, out: &mut Vec<String>) {
    let Some(owner) = &case.workload.owner else { return };
    let name = &owner.name;
    let words = match (touches(recipe, case), owner.tool) {
        (Touches::Nothing, _) | (Touches::PausedField, OwnerTool::Helm) => return,
        (Touches::PausedField, _) => format!(
            "{} manages it: if {} is in its source, this is put back",
            manager(owner.tool, name),
            match case.way() {
                Way::StatefulSet | Way::DaemonSet => "spec.updateStrategy",
                Way::Canary
                | Way::BlueGreen
                | Way::OtherRollout
                | Way::Flagger
                | Way::Deployment => "spec.paused",
            }
        ),
        (Touches::Template, OwnerTool::ArgoCd) => format!(
            "Argo CD application {name} manages it: with self-heal it puts this back within seconds, \
             else at its next sync"
        ),
        (Touches::Template, OwnerTool::FluxKustomization) => {
            format!("Flux Kustomization {name} manages it: it puts this back at its next interval")
        }
        (Touches::Template, OwnerTool::FluxHelmRelease) => format!(
            "Flux HelmRelease {name} manages it: it puts this back at its next release, at once \
             where drift detection is on"
        ),
        (Touches::Template, OwnerTool::Helm) => {
            format!("Helm release {name}: this stays until its next upgrade")
        }
        (Touches::Template, OwnerTool::Controller) => {
            format!("{name} owns it and probably puts this back")
        }
    };
    out.push(words);
}

fn manager(tool: OwnerTool, name: &Text) -> String {
    match tool {
        OwnerTool::ArgoCd => format!("Argo CD application {name}"),
        OwnerTool::FluxKustomization => format!("Flux Kustomization {name}"),
        OwnerTool::FluxHelmRelease => format!("Flux HelmRelease {name}"),
        OwnerTool::Helm => format!("Helm release {name}"),
        OwnerTool::Controller => name.as_str().to_owned(),
    }
}

/// Which part of the object a deed writes: owners care for some of them only.
enum Touches {
    Nothing,
    PausedField,
    Template,
}

fn touches(recipe: Recipe, case: Case<'_>) -> Touches {
    match recipe {
        // A Deployment's annotation is part of the template; a Rollout's `spec.restartAt` is in nobody's source.
        Recipe::Restart
            if matches!(case.way(), Way::Deployment | Way::StatefulSet | Way::DaemonSet) =>
        {
            Touches::Template
        }
        Recipe::ClearPause
        | Recipe::PassStep
        | Recipe::PromoteFull
        | Recipe::Abort
        | Recipe::Retry
        | Recipe::Terminate
        | Recipe::ScaleDown
        | Recipe::Canary(_)
        | Recipe::Restart => Touches::Nothing,
        Recipe::Pause
        | Recipe::Resume
        | Recipe::AbortAndUnpause
        | Recipe::Hold
        | Recipe::Release => Touches::PausedField,
        Recipe::BackToStable | Recipe::Rollback => Touches::Template,
    }
}
