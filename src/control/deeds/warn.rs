//! Warnings: what a deed does beside what it is meant to do.

use std::sync::Arc;
use std::time::Duration;

use super::case::{Case, PAUSE_STEP, Way, has_pods};
use super::draw::Recipe;
use super::target::Target;
use super::{draw, flagger, scale_down, terminate};
use crate::analysis::bounds;
use crate::analysis::owner_status::{self, Field, Reaction, ReactionKind};
use crate::control::action::Action;
use crate::control::footing::Aborted;
use crate::domain::bounds::Bounds;
use crate::domain::detail::Detail;
use crate::domain::rollout::Step;
use crate::domain::text::Text;
use crate::domain::workload::Strategy;

/// What else one must know before saying yes.
pub(super) fn warnings(
    (recipe, action): (Recipe, Action),
    case: Case<'_>,
    aim: Option<&Target<'_>>,
    detail: Option<&Detail>,
) -> Arc<[Text]> {
    let mut out = Vec::new();
    warn((recipe, action), case, aim, &mut out);
    if let Some(detail) = detail.filter(|_| recipe == Recipe::Restart) {
        warn_bounds(case, &detail.bounds, &mut out);
    }
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
        Recipe::Terminate => terminate::warn(case, out),
        Recipe::ScaleDown => scale_down::warn(case, out),
        Recipe::Resume | Recipe::Release | Recipe::Cancel | Recipe::Comment => {}
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
        Way::Canary
        | Way::BlueGreen
        | Way::OtherRollout
        | Way::Flagger
        | Way::Deployment
        | Way::DeploymentConfig
        | Way::Experiment => {}
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

/// What bounds the pods from outside while they are made anew.
fn warn_bounds(case: Case<'_>, found: &Bounds, out: &mut Vec<String>) {
    // Only Argo's controller evicts; the others delete, and no budget holds them.
    if let Some(budget) = bounds::blocking(found).filter(|_| case.rollout().is_some()) {
        out.push(format!("{}: the restart waits until it does", bounds::blocked(budget)));
    }
    if let Some(scaler) = &found.autoscaler {
        let range = bounds::range(scaler);
        out.push(format!("autoscaler {} may change their number meanwhile: {range}", scaler.name));
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

/// In about what time its owner puts a change of the template back as soon as it sees it.
pub(super) fn undone_in(recipe: Recipe, case: Case<'_>) -> Option<Duration> {
    let (field, reaction) = reaction(recipe, case)?;
    reaction.about.filter(|_| field == Field::Template && reaction.kind == ReactionKind::Soon)
}

/// What the owner does about the field that the deed writes.
pub(super) fn reaction(recipe: Recipe, case: Case<'_>) -> Option<(Field, Reaction)> {
    let (owner, field) = case.workload.owner.as_ref().zip(touches(recipe, case))?;
    Some((field, owner_status::reaction(owner, &case.workload.target, field)))
}

/// What the tool that manages the object will do about it, and where the way back is that lasts
/// (`reference/rollouts.md` §4.1).
fn warn_owner(recipe: Recipe, case: Case<'_>, out: &mut Vec<String>) {
    let Some((owner, (field, reaction))) = case.workload.owner.as_ref().zip(reaction(recipe, case))
    else {
        return;
    };
    let name = owner_status::title(owner);
    if field == Field::Template {
        out.push(format!("{name} {}", reaction.words));
        if reaction.kind != ReactionKind::Never
            && let Some(lasting) = owner_status::lasting(owner)
        {
            out.push(format!("lasting: {}", lasting.words));
        }
    } else if reaction.kind <= ReactionKind::Unknown {
        // What is not in its source it does not miss.
        let path = field.pointer().trim_start_matches('/').replace('/', ".");
        out.push(format!("if {path} is in its source: {name} {}", reaction.words));
    }
}

/// Which field a deed writes that an owner may care for. A restart leaves an annotation that is in nobody's source,
/// so nobody takes it away.
fn touches(recipe: Recipe, case: Case<'_>) -> Option<Field> {
    match recipe {
        Recipe::ClearPause
        | Recipe::PassStep
        | Recipe::PromoteFull
        | Recipe::Abort
        | Recipe::Retry
        | Recipe::Terminate
        | Recipe::ScaleDown
        | Recipe::Canary(_)
        | Recipe::Comment
        | Recipe::Cancel
        | Recipe::Restart => None,
        Recipe::Pause
        | Recipe::Resume
        | Recipe::AbortAndUnpause
        | Recipe::Hold
        | Recipe::Release => Some(match case.way() {
            Way::StatefulSet | Way::DaemonSet => Field::UpdateStrategy,
            Way::Canary
            | Way::BlueGreen
            | Way::OtherRollout
            | Way::Flagger
            | Way::Deployment
            | Way::DeploymentConfig
            | Way::Experiment => Field::Paused,
        }),
        Recipe::BackToStable | Recipe::Rollback => Some(Field::Template),
    }
}
