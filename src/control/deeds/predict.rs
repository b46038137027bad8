//! What a deed will cause, in sentences: which traffic, which pods, how long, and what else one must know
//! before saying yes.

use std::time::Duration;

use super::case::{Case, PAUSE_INCONCLUSIVE_RUN, PAUSE_STEP, Way};
use super::draw::{Recipe, skip_index};
use super::draw_native::partition_before;
use super::flagger;
use super::table::{About, Row};
use super::target::{self, Route, Target};
use super::words::{at_step, count, next_step, pods, share, step_words, version, words_of};
use super::{otherwise, rows_openshift, scale_down, terminate, warn};
use crate::analysis::{flagger_steps, steps};
use crate::control::action::Action;
use crate::control::plan::{PlanContext, Prediction};
use crate::domain::observed::{Timestamp, age};
use crate::domain::rollout::Step;
use crate::domain::text::Text;

/// All that is told of a deed.
pub(super) struct Told {
    pub change: Text,
    pub prediction: Prediction,
    pub instead: Option<Action>,
}

/// Tells what the deed of this row will cause.
pub(super) fn predict(
    row: &Row,
    case: Case<'_>,
    action: Action,
    context: &PlanContext<'_>,
) -> Told {
    let aim = aim(row.recipe, case, action, context);
    let route = aim.as_ref().map(|aim| target::route(case, aim, Some(context.now)));
    let mut effect = effect((row.recipe, action), case, aim.as_ref().zip(route), context.now);
    if let Some(aim) = &aim {
        removed(case, aim, context, &mut effect);
    }
    if let Some(fate) = terminate::fate(row.recipe, case) {
        effect.push_str("; ");
        effect.push_str(&fate);
    }
    let ignored = matches!(row.recipe, Recipe::Abort | Recipe::AbortAndUnpause)
        && case.flies_within_window()
        && !case.hand_paused();
    Told {
        change: change(case, aim.as_ref()),
        prediction: Prediction {
            effect: Text::clean(&effect),
            otherwise: otherwise::otherwise(case, context.now).map(|words| Text::clean(&words)),
            warnings: warn::warnings((row.recipe, action), case, aim.as_ref(), context.detail),
            about: about(row.about, case, route, context.last_took),
            undone_in: warn::undone_in(row.recipe, case),
            owner: warn::reaction(row.recipe, case).map(|(_, reaction)| reaction.kind),
            against: context.failing.clone().filter(|_| action.moves_on()),
        },
        instead: ignored.then_some(Action::Pause),
    }
}

fn aim<'a>(
    recipe: Recipe,
    case: Case<'a>,
    action: Action,
    context: &PlanContext<'_>,
) -> Option<Target<'a>> {
    match recipe {
        Recipe::BackToStable => target::stable(case),
        Recipe::Rollback => target::choose(case, action, Some(context)).ok(),
        Recipe::Pause
        | Recipe::Resume
        | Recipe::ClearPause
        | Recipe::PassStep
        | Recipe::PromoteFull
        | Recipe::Abort
        | Recipe::AbortAndUnpause
        | Recipe::Retry
        | Recipe::Terminate
        | Recipe::ScaleDown
        | Recipe::Hold
        | Recipe::Release
        | Recipe::Canary(_)
        | Recipe::Comment
        | Recipe::Cancel
        | Recipe::Restart => None,
    }
}

fn about(
    about: About,
    case: Case<'_>,
    route: Option<Route>,
    last_took: Option<Duration>,
) -> Option<Duration> {
    match about {
        About::Tick => case.workload.flagger().map(flagger_steps::tick),
        About::Unmeasured | About::Millis(0) => None,
        About::Millis(millis) => Some(Duration::from_millis(millis)),
        About::ByTraffic { routed, pods } => {
            let by_router = case.routed() || case.way() == Way::BlueGreen;
            Some(Duration::from_millis(if by_router { routed } else { pods }))
        }
        About::PerPod(millis) => {
            let pods = case.workload.replicas.desired?;
            Some(Duration::from_millis(millis.saturating_mul(u64::from(pods))))
        }
        About::Route => route.and_then(|route| target::about(case, route, last_took)),
    }
}

/// "revision 7 (web:2.1) → revision 6 (web:2.0)"; without a target: from stable to what is wanted.
fn change(case: Case<'_>, aim: Option<&Target<'_>>) -> Text {
    if let Some(experiment) = case.workload.experiment() {
        return Text::clean(&terminate::versions(experiment));
    }
    let current = case.current_set();
    let words = match (aim, case.stable_set()) {
        (Some(target), _) => format!("{} → {}", version(current), version(Some(target.set))),
        (None, Some(stable)) if case.in_flight() => {
            format!("{} → {}", version(Some(stable)), version(current))
        }
        (None, _) => version(current),
    };
    Text::clean(&words)
}

fn effect(
    (recipe, action): (Recipe, Action),
    case: Case<'_>,
    aim: Option<(&Target<'_>, Route)>,
    now: Timestamp,
) -> String {
    match recipe {
        Recipe::Pause => pause_effect(case),
        Recipe::Resume => resume_effect(case, now),
        Recipe::ClearPause => gate_effect(case),
        Recipe::PassStep => pass_effect(case, action),
        Recipe::Terminate => terminate::effect(case),
        Recipe::ScaleDown => scale_down::effect(case),
        Recipe::PromoteFull => full_effect(case),
        Recipe::Abort => abort_effect(case),
        Recipe::AbortAndUnpause => format!(
            "{}; the pause by hand is lifted too, because while it holds, aborted pods go on serving",
            abort_effect(case)
        ),
        Recipe::BackToStable => format!(
            "the spec goes back to {} instead of an abort: after the switch an abort could leave \
             the active Service without pods; the Service selects {} again",
            version(case.stable_set()),
            version(case.stable_set()),
        ),
        Recipe::Retry => format!(
            "{} starts again at its first step; every analysis runs anew",
            version(case.current_set())
        ),
        Recipe::Rollback => {
            aim.map_or(String::new(), |(target, route)| rollback_effect(case, target, route, now))
        }
        Recipe::Restart => restart_effect(case),
        Recipe::Cancel => rows_openshift::cancel_effect(case),
        Recipe::Canary(recipe) => flagger::effect(recipe, case),
        Recipe::Comment => "nothing changes: what you write goes into the audit file, and as an \
                            Event onto the object, for all who look at it"
            .to_owned(),
        Recipe::Hold => {
            let pods = count(case.workload.replicas.desired);
            format!("{}; the partition goes {} → {pods}", pause_effect(case), partition(case))
        }
        Recipe::Release => {
            let before = partition_before(case);
            let end = if before == 0 {
                "all are new".to_owned()
            } else {
                format!("those from {before} on are new")
            };
            format!(
                "it goes on replacing pods until {end}; the partition goes {} → {before}",
                partition(case)
            )
        }
    }
}

fn partition(case: Case<'_>) -> u32 {
    case.stateful().and_then(|facts| facts.partition).unwrap_or(0)
}

/// Which pods are deleted, because they would hold up the way back.
fn removed(case: Case<'_>, aim: &Target<'_>, context: &PlanContext<'_>, effect: &mut String) {
    let pods = target::in_the_way(case, aim, context.detail);
    let names: Vec<&str> = pods.iter().map(|pod| pod.name.as_str()).collect();
    if !names.is_empty() {
        effect.push_str("; ");
        effect.push_str(&names.join(", "));
        effect.push_str(" will be deleted: not ready, it would hold up the way back for ever");
    }
}

fn pause_effect(case: Case<'_>) -> String {
    match case.way() {
        Way::DeploymentConfig => rows_openshift::pause_effect(case),
        Way::Deployment | Way::StatefulSet | Way::DaemonSet => {
            let updated = count(case.workload.replicas.updated);
            let desired = count(case.workload.replicas.desired);
            format!("it stays as it is: {updated} of {desired} new pods stay")
        }
        Way::Canary if case.in_flight() => {
            format!("it holds {}; {} stays on it", at_step(case), share(case))
        }
        Way::BlueGreen if case.in_flight() && case.switched() => {
            "it holds after the switch: the new version keeps all traffic, the old one its pods"
                .to_owned()
        }
        Way::BlueGreen if case.in_flight() => {
            "it holds before the switch: the stable version keeps all traffic".to_owned()
        }
        Way::Canary | Way::BlueGreen | Way::OtherRollout | Way::Flagger | Way::Experiment => {
            "nothing is on its way; the next update will wait at its start".to_owned()
        }
    }
}

fn resume_effect(case: Case<'_>, now: Timestamp) -> String {
    if case.way() == Way::DeploymentConfig {
        return rows_openshift::resume_effect(case);
    }
    if case.is_native() {
        return "it goes on replacing pods until all are new".to_owned();
    }
    let timer = case.step().and_then(|(_, step)| match step {
        Step::Pause(Some(length)) => Some(*length),
        Step::Pause(None)
        | Step::SetWeight(_)
        | Step::Analysis(_)
        | Step::Experiment
        | Step::SetCanaryScale(_)
        | Step::SetHeaderRoute(_)
        | Step::SetMirrorRoute(_)
        | Step::Plugin(_)
        | Step::Unknown => None,
    });
    let waited = case
        .pauses()
        .iter()
        .find(|pause| pause.reason.as_str() == PAUSE_STEP)
        .and_then(|pause| pause.since)
        .map(|since| age(since, now));
    match (timer, waited) {
        (Some(timer), Some(waited)) if waited >= timer => {
            "it goes on; its timed pause ran out meanwhile and ends at once".to_owned()
        }
        (Some(timer), Some(waited)) => format!(
            "it goes on; its timed pause has {} left",
            words_of(timer.saturating_sub(waited))
        ),
        _ if !case.pauses().is_empty() => {
            "it goes on to its gate, and waits there as before; results of analyses act".to_owned()
        }
        _ => "it goes on where it stopped; results of analyses that came meanwhile act".to_owned(),
    }
}

fn gate_effect(case: Case<'_>) -> String {
    let reasons: Vec<&str> = case.pauses().iter().map(|pause| pause.reason.as_str()).collect();
    let cleared = reasons.join(" and ");
    match case.way() {
        Way::BlueGreen if case.waits_for(PAUSE_INCONCLUSIVE_RUN) => {
            format!("{cleared} is taken away; the analysis that came to no answer runs again")
        }
        Way::BlueGreen => format!(
            "{cleared} is taken away: the active Service selects {} at once, with all traffic",
            version(case.current_set())
        ),
        Way::Canary
        | Way::OtherRollout
        | Way::Flagger
        | Way::Deployment
        | Way::StatefulSet
        | Way::DaemonSet
        | Way::DeploymentConfig
        | Way::Experiment => {
            format!("{cleared} is taken away; {}", next_step(case))
        }
    }
}

fn pass_effect(case: Case<'_>, action: Action) -> String {
    let to = skip_index(case, action);
    if to > case.next_index() {
        return jump_effect(case, to);
    }
    let (index, step) = match case.step() {
        Some((index, step)) => (index, step_words(step)),
        None => return next_step(case),
    };
    let what = if case.inconclusive_step() {
        "counts as passed although it came to no answer"
    } else {
        "is skipped and not waited for"
    };
    format!("step {} ({step}) {what}; {}", index + 1, next_step(case))
}

/// Over several steps: what stands between is not done, and the weight is the last one that is asked for until then.
fn jump_effect(case: Case<'_>, to: u32) -> String {
    let place = usize::try_from(to).unwrap_or(usize::MAX);
    let steps = case.rollout().map_or(&[][..], |rollout| &rollout.spec.steps);
    let label = steps.get(place).map(step_words).unwrap_or_default();
    let from = case.step().map_or(0, |(index, _)| index + 1);
    format!(
        "steps {from} to {to} are not waited for; step {} ({label}) runs next, with weight {} %",
        to + 1,
        steps::weight_at(steps, place)
    )
}

fn full_effect(case: Case<'_>) -> String {
    let left = case.step_count().saturating_sub(case.step().map_or(case.step_count(), |it| it.0));
    match case.way() {
        Way::BlueGreen => format!(
            "{} becomes active and stable at once; no pause, no analysis is waited for",
            version(case.current_set())
        ),
        Way::Canary
        | Way::OtherRollout
        | Way::Flagger
        | Way::Deployment
        | Way::StatefulSet
        | Way::DaemonSet
        | Way::DeploymentConfig
        | Way::Experiment => format!(
            "{} takes all traffic as soon as its pods are available; {left} steps and their \
             analyses are skipped",
            version(case.current_set())
        ),
    }
}

fn abort_effect(case: Case<'_>) -> String {
    let stable = version(case.stable_set());
    let spec = "the spec still wants the new version";
    match (case.way(), case.routed()) {
        (Way::BlueGreen, _) => format!(
            "the active Service stays with {stable}; the new version's pods stay{}; {spec}",
            pods_stay(case)
        ),
        (_, true) if case.rollout().is_some_and(|it| it.spec.traffic.dynamic_stable_scale) => {
            format!("traffic goes back to {stable} as its pods come up again, not at once; {spec}")
        }
        (_, true) => format!(
            "all traffic goes back to {stable} at once; the new version's pods stay{}; {spec}",
            pods_stay(case)
        ),
        (_, false) => format!(
            "pods of {stable} take the place of the new version's {}; {spec}",
            pods(case.current_set().and_then(|set| set.replicas.current))
        ),
    }
}

fn pods_stay(case: Case<'_>) -> String {
    let delay = case.rollout().and_then(|rollout| rollout.spec.abort_scale_down_delay);
    delay.map_or(" and are not taken away".to_owned(), |delay| {
        format!(" {} longer", words_of(delay))
    })
}

fn rollback_effect(case: Case<'_>, target: &Target<'_>, route: Route, now: Timestamp) -> String {
    let aim = version(Some(target.set));
    match route {
        Route::ToStable => format!("back to {aim}, the stable version: at once, without steps"),
        Route::WithinDelay { until } => format!(
            "back to {aim}: its pods are kept for {} more, so the switch is at once",
            words_of(age(now, until))
        ),
        Route::WithinWindow => {
            format!("back to {aim}: inside the rollback window with pods, so without steps")
        }
        Route::WithinWindowCold => format!(
            "back to {aim}: inside the rollback window, so without steps, as soon as its pods are up"
        ),
        Route::Anew => format!("back to {aim} like any new version: {}", all_steps(case)),
        Route::Rolling => {
            let number = case.current_revision().map_or("the next one".to_owned(), |revision| {
                (revision.0.saturating_add(1)).to_string()
            });
            format!(
                "back to {aim}, which becomes revision {number}; pods are replaced {}",
                few(case)
            )
        }
    }
}

/// How many at once.
const fn few(case: Case<'_>) -> &'static str {
    match case.way() {
        Way::StatefulSet => "one after the other, the last one first",
        Way::DaemonSet => "node by node",
        Way::Deployment
        | Way::Canary
        | Way::BlueGreen
        | Way::OtherRollout
        | Way::Flagger
        | Way::DeploymentConfig
        | Way::Experiment => "a few at a time",
    }
}

fn all_steps(case: Case<'_>) -> String {
    match case.way() {
        Way::BlueGreen => "beside the active one first, then the switch".to_owned(),
        Way::Canary
        | Way::OtherRollout
        | Way::Flagger
        | Way::Deployment
        | Way::StatefulSet
        | Way::DaemonSet
        | Way::DeploymentConfig
        | Way::Experiment => {
            format!("all {} steps and their analyses run again", case.step_count())
        }
    }
}

fn restart_effect(case: Case<'_>) -> String {
    let pods = pods(case.workload.replicas.desired);
    match case.way() {
        Way::Deployment | Way::StatefulSet | Way::DaemonSet => {
            format!("its {pods} are replaced {}, same version", few(case))
        }
        Way::Canary
        | Way::BlueGreen
        | Way::OtherRollout
        | Way::Flagger
        | Way::DeploymentConfig
        | Way::Experiment => {
            format!("its {pods} are evicted and made anew, stable ones first, same version")
        }
    }
}
