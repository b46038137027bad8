//! The deeds of the command line: the same path as from the screen, confirmed by `--yes` or `--confirm NAME`.

use std::time::Duration;

use tokio::time::Instant;

use super::find::{Found, Wanted};
use super::get::printed;
use super::output::{self, Format};
use super::status::{ambiguous, not_found};
use super::{exit, known};
use crate::app::event::{Ask, Consent, Event};
use crate::app::state::State;
use crate::cli::args::Asked;
use crate::cli::document::order::{self as document, Target};
use crate::cli::tell;
use crate::control::action::{Action, Danger};
use crate::control::gate::Gate;
use crate::control::order::{Order, OrderState};
use crate::control::plan::Rehearsal;
use crate::domain::ids::{WorkloadKind, WorkloadRef};
use crate::domain::text::Text;
use crate::runtime::front::{Cause, Front, Next};

/// One deed.
#[derive(Debug)]
pub struct Deed {
    /// How it prints.
    pub format: Format,
    /// On which workload.
    pub wanted: Wanted,
    /// Which deed.
    pub asked: Asked,
    /// Why.
    pub reason: Text,
    /// How it was confirmed.
    pub consent: Consent,
    /// Whether it is followed until it has arrived.
    pub follow: Follow,
    /// How long it waits for those that have not spoken.
    pub patience: Instant,
    /// How long it is followed, counted from the moment it was asked for, where that was said.
    pub timeout: Option<Duration>,
    /// How far it is.
    pub stage: Stage,
}

/// Whether a deed is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Until it has arrived.
    UntilArrived,
    /// Until it is accepted (`--no-wait`).
    UntilAccepted,
}

/// How far a deed of the command line is.
#[derive(Debug)]
pub enum Stage {
    /// Looking for its target.
    Looking,
    /// Asked for.
    Asked {
        /// On which workload.
        target: WorkloadRef,
        /// Until when it is followed.
        until: Instant,
    },
}

impl Deed {
    fn look(&mut self, state: &State) -> Next {
        let now = Instant::now();
        match self.wanted.find(state) {
            Found::One(target) if self.is_unlooked(state, &target) => {
                Next::Say(vec![Event::Look(target)])
            }
            // Only when the whole list is in: a workload may be told before its ReplicaSets.
            Found::One(target) if is_known(state, &target) && self.knows_enough(state, &target) => {
                self.ask(state, target)
            }
            Found::Many(found) => Next::End(ambiguous(&found)),
            Found::One(target) if now >= self.patience => self.ask(state, target),
            Found::None if known::all_have_spoken(state) || now >= self.patience => {
                let code = not_found(state, &self.wanted);
                tell::say("nothing was sent");
                Next::End(code)
            }
            Found::None | Found::One(_) => {
                Next::Within(self.patience.saturating_duration_since(now))
            }
        }
    }

    /// Its parts are not followed yet, and belong to the plan.
    fn is_unlooked(&self, state: &State, target: &WorkloadRef) -> bool {
        let selected = state.selected().map(|row| &row.workload.target);
        !self.is_safe() && selected != Some(target)
    }

    /// Pods, events, autoscalers and budgets belong to the plan (a roll back deletes the pods that would hold it up, a
    /// restart waits for a budget); pause and abort wait for nothing.
    fn knows_enough(&self, state: &State, target: &WorkloadRef) -> bool {
        let row = state.fleet().row(target);
        self.is_safe() || !state.follows(target) || row.is_some_and(|row| row.detail.is_some())
    }

    const fn is_safe(&self) -> bool {
        match self.asked {
            Asked::Action(action) => matches!(action.danger(), Danger::Safe),
            Asked::Approve => false,
            Asked::Refuse => true,
        }
    }

    /// The deed that is meant for this workload, as it is now.
    fn action(&self, state: &State, target: &WorkloadRef) -> Option<Action> {
        let gate = || {
            let row = state.fleet().row(target)?;
            Gate::of(&row.workload, row.need.as_ref())
        };
        match self.asked {
            Asked::Action(action) => Some(action),
            Asked::Approve => gate().map(|gate| gate.kind.approve()),
            Asked::Refuse => gate().map(|gate| gate.refuse),
        }
    }

    fn ask(&mut self, state: &State, target: WorkloadRef) -> Next {
        let Some(action) = self.action(state, &target) else {
            tell::say(format_args!("{target} in {} waits at no gate", target.cluster));
            return Next::End(exit::REFUSED);
        };
        self.asked = Asked::Action(action);
        let ask = Ask {
            action,
            target: target.clone(),
            reason: self.reason.clone(),
            consent: self.consent.clone(),
        };
        state.orders().recalled().for_each(tell::say);
        let usual = || followed_for(action, target.kind);
        let until = Instant::now() + self.timeout.unwrap_or_else(usual);
        self.stage = Stage::Asked { target, until };
        Next::Say(vec![Event::Ask(Box::new(ask))])
    }

    fn print(&self, order: &Order, rehearsed: Option<&Rehearsal>, code: u8) -> Next {
        self.print_document(order, &document::Order::of(order, rehearsed), code)
    }

    /// The time is over before the order is: the document says how far it is.
    fn out_of_time(&self, order: &Order, rehearsed: Option<&Rehearsal>) -> Next {
        let mut document = document::Order::of(order, rehearsed);
        let how_far = || format!("--timeout passed {}", how_far(order));
        document.message = document.message.or_else(|| Some(how_far()));
        self.print_document(order, &document, exit::of_order(order))
    }

    fn print_document(&self, order: &Order, document: &document::Order, code: u8) -> Next {
        order.notices.iter().for_each(tell::say);
        let result = match self.format {
            Format::Json | Format::Yaml => output::document(self.format, document),
            Format::Table | Format::Wide => output::text(&words(document)),
        };
        Next::End(printed(result, code))
    }

    fn refused_at_once(&self, state: &State, target: &WorkloadRef) -> Option<Next> {
        let (id, refusals) = state.refused_ask()?;
        let deed = self.action(state, target)?.name();
        let target = Target {
            cluster: target.cluster.to_string(),
            namespace: target.namespace.to_string(),
            kind: target.kind.name().to_owned(),
            name: target.name.to_string(),
            uid: state.fleet().row(target).map(|row| row.workload.meta.uid.to_string()),
        };
        let document = document::Order::refused(id.as_str(), deed, target, refusals, state.now());
        let result = match self.format {
            Format::Json | Format::Yaml => output::document(self.format, &document),
            Format::Table | Format::Wide => output::text(&words(&document)),
        };
        Some(Next::End(printed(result, exit::of_refusals(refusals))))
    }
}

/// How long a deed is followed unless it is told (`design/contract.md`). Flagger looks at most once in ten
/// seconds, and its primary rolls before it is past a gate.
const fn followed_for(action: Action, kind: WorkloadKind) -> Duration {
    match (action, kind) {
        (Action::Rollback { .. } | Action::PromoteFull | Action::Restart, _)
        | (Action::Promote, WorkloadKind::Canary) => Duration::from_mins(10),
        (
            Action::Promote
            | Action::Pause
            | Action::Resume
            | Action::Skip { .. }
            | Action::Terminate
            | Action::Abort
            | Action::ScaleDown
            | Action::Retry
            | Action::CloseGate
            | Action::Comment,
            _,
        ) => Duration::from_secs(30),
    }
}

/// Whether every source has spoken, and whether it is known what sessions before this one left behind on this workload.
fn is_known(state: &State, target: &WorkloadRef) -> bool {
    let orders = state.orders();
    known::all_have_spoken(state)
        && !orders.is_recalling()
        && !orders.left().any(|left| left.target == *target)
}

/// What a person reads.
fn words(order: &document::Order) -> String {
    let target = &order.target;
    let mut lines = vec![format!(
        "{} {} {}/{} in {}: {}",
        order.deed, target.kind, target.namespace, target.name, target.cluster, order.outcome
    )];
    lines.extend(order.message.iter().map(|message| format!("  {message}")));
    lines.extend(order.plan.prediction.iter().map(|words| format!("  expected: {words}")));
    for write in &order.plan.writes {
        let part = write.subresource.as_deref().map_or_else(String::new, |part| format!("/{part}"));
        let body = write.body.as_ref().map_or_else(String::new, |body| format!(" {body}"));
        // A call to a gate names its address; everything else is a write to an object.
        lines.push(match write.format.as_str() {
            call if call.starts_with("POST ") => format!("  {call}{body}"),
            "delete" => format!("  delete {}{body}", write.object),
            _ => format!("  patch {}{part}{body}", write.object),
        });
    }
    for attempt in &order.attempts {
        lines.push(format!("  attempt on write {}: {}", attempt.write + 1, attempt.answer));
    }
    for refusal in &order.refusals {
        lines.push(format!("  refused by {}: {}; {}", refusal.check, refusal.why, refusal.remedy));
    }
    if let Some(reversal) = &order.plan.reversal {
        lines.push(format!("  undone by: {reversal}"));
    }
    lines.push(format!("  order {}", order.id));
    lines.join("\n") + "\n"
}

/// Where the time was over for an order that has not ended.
fn how_far(order: &Order) -> String {
    match &order.state {
        OrderState::Rehearsing | OrderState::Rehearsed(_) | OrderState::RehearsalFailed(_) => {
            "before it was sent: nothing was sent".to_owned()
        }
        OrderState::Sending => "while it was being sent: it may have happened".to_owned(),
        OrderState::Unknown { why, .. } => format!("while it is unknown: {why}"),
        OrderState::Converging | OrderState::Ended(_) => match &order.waiting_for {
            Some(what) => format!("while it is on its way: {what}"),
            None => "while it is on its way".to_owned(),
        },
    }
}

/// Whether there is nothing more to wait for, and the exit code.
fn finished(order: &Order, deed: &Deed) -> Option<u8> {
    match &order.state {
        OrderState::Ended(_) => Some(exit::of_order(order)),
        OrderState::Converging if deed.follow == Follow::UntilAccepted => Some(exit::DONE),
        OrderState::Rehearsed(_) | OrderState::RehearsalFailed(_)
            if deed.consent == Consent::None =>
        {
            let is_fine = matches!(order.state, OrderState::Rehearsed(_));
            Some(if is_fine { exit::DONE } else { exit::NO_ANSWER })
        }
        OrderState::Rehearsing
        | OrderState::Rehearsed(_)
        | OrderState::RehearsalFailed(_)
        | OrderState::Sending
        | OrderState::Converging
        | OrderState::Unknown { .. } => None,
    }
}

impl Front for Deed {
    fn read(&mut self, state: &State) -> Next {
        let Stage::Asked { target, until } = &self.stage else {
            return self.look(state);
        };
        let (target, until) = (target.clone(), *until);
        let Some(order) = state.orders().latest(&target) else {
            return self.refused_at_once(state, &target).unwrap_or(Next::Wait);
        };
        let rehearsed = state.orders().rehearsal(order.id());
        let now = Instant::now();
        match finished(order, self) {
            Some(code) => self.print(order, rehearsed, code),
            None if now >= until => self.out_of_time(order, rehearsed),
            None => Next::Within(until.saturating_duration_since(now)),
        }
    }

    fn quit(&mut self, state: &State, cause: Cause) -> u8 {
        if let Stage::Asked { target, .. } = &self.stage
            && let Some(order) = state.orders().latest(target)
        {
            let rehearsed = state.orders().rehearsal(order.id());
            let was_sent = !order.attempts.is_empty();
            let note = if was_sent {
                "interrupted after it was sent; the audit file says so, the cluster goes on"
            } else {
                "interrupted before it was sent"
            };
            tell::say(note);
            let _ = self.print(order, rehearsed, exit::INTERRUPTED);
        }
        exit::of_cause(cause)
    }
}
