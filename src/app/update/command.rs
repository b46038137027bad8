//! What the operator asks of the program: moving, opening, going back, showing.

use super::{ask, axis, dialog, feed, order, past, picker, scroll, several};
use crate::analysis::steps;
use crate::app::event::{Command, Effect, Motion, Screen, Show};
use crate::app::focus::{Loadable, POPUPS_MAX, Pager, PagerKind, PickerKind, Popup};
use crate::app::input::{Mouse, MouseAct};
use crate::app::lanes;
use crate::app::listing;
use crate::app::notices::Urgency;
use crate::app::parts;
use crate::app::state::{Purpose, State};
use crate::domain::feed::{LogLife, Query};
use crate::domain::ids::WorkloadRef;
use crate::domain::text::Text;

/// Does what is asked.
#[expect(clippy::needless_pass_by_value, reason = "a command is used up by doing it")]
pub(super) fn run(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Move(motion) => moved(state, motion),
        Command::Open => opened(state),
        Command::Back | Command::No => back(state),
        Command::Quit => quit(state),
        Command::Suspend => vec![Effect::Suspend],
        Command::Refresh => refresh(state),
        Command::NextNeed => jump_to_need(state, 1),
        Command::PreviousNeed => jump_to_need(state, -1),
        Command::ToggleSteady => {
            state.focus.list.shows_steady = !state.focus.list.shows_steady;
            keep_selection(state);
            vec![]
        }
        Command::Mark => marked(state),
        Command::StopRest => several::stop_rest(state),
        Command::Sort => {
            if state.focus.screen == Screen::FleetTimeline {
                state.focus.fleet_axis.grouping = state.focus.fleet_axis.grouping.next();
            } else {
                state.focus.list.sort = state.focus.list.sort.next();
            }
            vec![]
        }
        Command::Filter => {
            if state.focus.screen != Screen::FleetTimeline {
                visit(state, Screen::Fleet);
            }
            state.focus.list.is_filtering = true;
            vec![]
        }
        Command::Go(screen) => go(state, screen),
        Command::Show(show) => shown(state, show),
        Command::Arm => order::arm(state),
        Command::Deed(action) => dialog::open(state, action),
        Command::Approve => dialog::at_gate(state, |gate| gate.kind.approve()),
        Command::Refuse => dialog::at_gate(state, |gate| gate.refuse),
        Command::Yes => dialog::yes(state),
        Command::Reason => dialog::reason(state),
        Command::Zoom(zoom) => axis::zoomed(state, zoom),
        Command::Scroll(toward) => axis::scrolled(state, toward),
        Command::Event(toward) => axis::to_event(state, toward),
        Command::Copy => match &state.focus.selected {
            Some(target) => vec![Effect::Copy(Text::clean(&target.to_string()))],
            None => vec![],
        },
        Command::Save(picture) => vec![Effect::Save(picture)],
    }
}

/// Marks the selected row, or takes its mark away, and goes to the next one.
fn marked(state: &mut State) -> Vec<Effect> {
    let Some(target) = state.focus.selected.clone() else { return vec![] };
    let list = &mut state.focus.list;
    if !list.marked.remove(&target) {
        list.marked.insert(target);
    }
    list_moved(state, Motion::Down, 1)
}

/// Ends the program; what was sent is recorded as left alone.
fn quit(state: &mut State) -> Vec<Effect> {
    let mut effects = order::leave(state);
    effects.push(Effect::Quit);
    effects
}

/// Puts something over the screen; the oldest gives way when there are too many.
pub(super) fn push(state: &mut State, popup: Popup) {
    if state.focus.popups.len() >= POPUPS_MAX {
        state.focus.popups.remove(0);
    }
    state.focus.popups.push(popup);
    state.focus.reach = None;
}

/// One back. Never acts.
fn back(state: &mut State) -> Vec<Effect> {
    state.notices.mark_seen();
    if dialog::left_reason(state) {
        return vec![];
    }
    state.focus.reach = None;
    match state.focus.popups.pop() {
        Some(Popup::Confirm(dialog)) => {
            return dialog.orders.iter().flat_map(|id| order::given_up(state, id)).collect();
        }
        Some(_) => return vec![],
        None => {}
    }
    if state.focus.list.is_filtering {
        state.focus.list.is_filtering = false;
        state.focus.list.filter.reset();
        keep_selection(state);
    } else if state.focus.screen != Screen::Fleet {
        let screen = state.focus.trail.last().copied().unwrap_or(Screen::Fleet);
        return go(state, screen);
    } else if !state.focus.list.marked.is_empty() {
        state.focus.list.marked.clear();
    } else {
        state.focus.list.filter.reset();
        keep_selection(state);
    }
    vec![]
}

/// Shows a screen, and remembers the way to it; who comes back to one is where he was when he was there.
pub(super) fn visit(state: &mut State, screen: Screen) {
    let (from, trail) = (state.focus.screen, &mut state.focus.trail);
    match trail.iter().position(|known| *known == screen) {
        Some(place) => trail.truncate(place),
        None if screen == Screen::Fleet => trail.clear(),
        None if screen != from => trail.push(from),
        None => {}
    }
    state.focus.screen = screen;
}

fn go(state: &mut State, screen: Screen) -> Vec<Effect> {
    match screen {
        Screen::Gates => return gates(state),
        Screen::FleetTimeline => return axis::fleet(state),
        Screen::Fleet | Screen::Rollout | Screen::Timeline => {}
    }
    if screen != Screen::Fleet && state.focus.selected.is_none() {
        select_first(state);
    }
    if screen != Screen::Fleet && state.selected().is_none() {
        state.notices.say(state.now, Urgency::Info, "no rollout is selected");
        return vec![];
    }
    visit(state, screen);
    state.focus.parts = crate::app::focus::PartsCursor::default();
    state.focus.reach = None;
    watched(state)
}

/// The board of gates: the selected row stays selected when it waits at one, else the most urgent gate is.
fn gates(state: &mut State) -> Vec<Effect> {
    visit(state, Screen::Gates);
    let waiting = listing::gates(state);
    let is_selected =
        |gate: &listing::Waiting<'_>| Some(gate.target) == state.focus.selected.as_ref();
    if !waiting.iter().any(is_selected)
        && let Some(first) = waiting.first().map(|gate| gate.target.clone())
    {
        state.focus.selected = Some(first);
    }
    watched(state)
}

/// The selected row is followed and measured at once.
pub(super) fn watched(state: &mut State) -> Vec<Effect> {
    let Some(target) = state.focus.selected.clone() else { return vec![] };
    let mut effects = feed::follow(state, &target.cluster);
    if feed::shows_charts(state.focus.screen) {
        effects.extend(ask::charts(state, &target));
    }
    effects
}

/// The row that the command line speaks of is followed like a selected one.
pub(super) fn look(state: &mut State, target: WorkloadRef) -> Vec<Effect> {
    state.focus.selected = Some(target);
    watched(state)
}

pub(super) fn select_first(state: &mut State) {
    let first = listed(state).first().map(|target| (*target).clone());
    state.focus.selected = first;
}

/// The releases that this screen lists, in its order; those of one release list what the fleet does.
pub(super) fn listed(state: &State) -> Vec<&WorkloadRef> {
    match state.focus.screen {
        Screen::Gates => listing::gates(state).into_iter().map(|waiting| waiting.target).collect(),
        Screen::FleetTimeline => lanes::targets(state),
        Screen::Fleet | Screen::Rollout | Screen::Timeline => listing::targets(state),
    }
}

/// After the list changed: the selected row stays selected while it exists; only a row that is no longer listed gives
/// way to the first one.
pub(super) fn keep_selection(state: &mut State) {
    // A lane that is selected is listed, whatever is filtered: its own filter decides.
    let is_wanted = |target: &WorkloadRef| match state.focus.screen {
        Screen::FleetTimeline => listing::wanted(state).any(|(wanted, _)| wanted == target),
        Screen::Fleet | Screen::Rollout | Screen::Timeline | Screen::Gates => {
            listing::targets(state).contains(&target)
        }
    };
    if !state.focus.selected.as_ref().is_some_and(is_wanted) {
        select_first(state);
    }
}

fn opened(state: &mut State) -> Vec<Effect> {
    if dialog::left_reason(state) {
        return vec![];
    }
    match state.focus.popups.last() {
        Some(Popup::Picker(_)) => return picker::choose(state),
        Some(Popup::Confirm(_)) => return dialog::submit(state),
        Some(Popup::Pager(_) | Popup::Help { .. } | Popup::Notices { .. }) => return vec![],
        None => {}
    }
    if state.focus.list.is_filtering {
        state.focus.list.is_filtering = false;
        return vec![];
    }
    match state.focus.screen {
        Screen::Fleet | Screen::Gates => go(state, Screen::Rollout),
        Screen::FleetTimeline => go(state, Screen::Timeline),
        Screen::Rollout => shown(state, Show::Log),
        Screen::Timeline => vec![],
    }
}

fn refresh(state: &mut State) -> Vec<Effect> {
    let mut effects: Vec<Effect> =
        state.session.clusters.iter().cloned().map(Effect::Reconnect).collect();
    effects.extend(watched(state));
    effects.extend(past::again(state));
    effects
}

fn jump_to_need(state: &mut State, direction: isize) -> Vec<Effect> {
    let rows = match state.focus.screen {
        Screen::FleetTimeline => lanes::targets(state),
        Screen::Fleet | Screen::Rollout | Screen::Timeline | Screen::Gates => {
            listing::targets(state)
        }
    };
    let needing: Vec<&WorkloadRef> = rows
        .into_iter()
        .filter(|target| state.fleet.row(target).is_some_and(|row| row.need.is_some()))
        .collect();
    let here = needing.iter().position(|target| Some(*target) == state.focus.selected.as_ref());
    let next = match here {
        Some(place) => place.saturating_add_signed(direction).min(needing.len().saturating_sub(1)),
        None => 0,
    };
    state.focus.selected =
        needing.get(next).map(|target| (*target).clone()).or(state.focus.selected.clone());
    watched(state)
}

fn shown(state: &mut State, show: Show) -> Vec<Effect> {
    match show {
        Show::Help => push(state, Popup::Help { scroll: 0 }),
        Show::Notices => {
            state.notices.mark_seen();
            push(state, Popup::Notices { scroll: 0 });
        }
        Show::Palette => picker::open(state, PickerKind::Palette),
        Show::Clusters => picker::open(state, PickerKind::Clusters),
        Show::Namespaces => picker::open(state, PickerKind::Namespaces),
        Show::Revisions => picker::open(state, PickerKind::Revisions),
        Show::Steps => picker::open(state, PickerKind::Steps),
        Show::Owners => picker::open(state, PickerKind::Owners),
        Show::Themes => picker::open(state, PickerKind::Themes),
        Show::Yaml => return object(state),
        Show::Diff => return templates(state),
        Show::Log => return log(state, LogLife::Current),
        Show::PreviousLog => return log(state, LogLife::Previous),
    }
    vec![]
}

/// Opens a pager for the answer to a query.
fn page(state: &mut State, title: &str, kind: PagerKind, question: Query) -> Vec<Effect> {
    let effect = ask::query(state, Purpose::Pager, question);
    let Effect::Query(id, _) = &effect else { return vec![] };
    let body = Loadable::Asked(*id);
    let pager = Pager { title: Text::clean(title), body, scroll: 0, shift: 0, kind };
    push(state, Popup::Pager(pager));
    vec![effect]
}

fn object(state: &mut State) -> Vec<Effect> {
    let Some(target) = state.focus.selected.clone() else { return vec![] };
    let title = format!("{} {target} as YAML", target.kind);
    page(state, &title, PagerKind::Yaml, Query::Yaml(target))
}

fn templates(state: &mut State) -> Vec<Effect> {
    let Some(row) = state.selected() else { return vec![] };
    let pair = steps::pair(&row.workload);
    if pair.canary.is_none() {
        state.notices.say(state.now, Urgency::Info, "no canary: stable is what is wanted");
        return vec![];
    }
    let title = format!("{}: stable → canary", pair.target);
    page(state, &title, PagerKind::Diff, Query::Templates(pair))
}

/// The log of the pod under the cursor; else of the first pod that is not ready, else of the first.
fn log(state: &mut State, life: LogLife) -> Vec<Effect> {
    let Some(row) = state.selected() else { return vec![] };
    let Some(detail) = &row.detail else {
        state.notices.say(state.now, Urgency::Info, "pods are not known yet");
        return vec![];
    };
    let under = state.focus.parts.pod.as_ref();
    let chosen = detail.pods.iter().find(|pod| Some(&pod.name) == under);
    let current = row.workload.current_hash();
    let of_current = || detail.pods.iter().filter(|pod| pod.hash.as_ref() == current);
    let pod = chosen
        .or_else(|| of_current().find(|pod| !pod.is_ready()))
        .or_else(|| of_current().next())
        .or_else(|| detail.pods.first());
    let Some((pod, container)) = pod.and_then(|pod| Some((pod, pod.containers.last()?))) else {
        state.notices.say(state.now, Urgency::Info, "no pod to ask for a log");
        return vec![];
    };
    let word = if life == LogLife::Previous { "previous log" } else { "log" };
    let title = format!("{} / {container}: {word}", pod.name);
    let target = &row.workload.target;
    let question = Query::Log {
        cluster: target.cluster.clone(),
        namespace: target.namespace.clone(),
        pod: pod.name.clone(),
        container: container.clone(),
        life,
    };
    page(state, &title, PagerKind::Log, question)
}

/// Lines of the patch that a page moves: a dialog shows only some of it.
const PATCH_PAGE: usize = 4;

fn moved(state: &mut State, motion: Motion) -> Vec<Effect> {
    let page = usize::from(state.focus.size.1.saturating_sub(6)).max(1);
    let patch = match state.focus.popups.last() {
        Some(Popup::Confirm(dialog)) => dialog::scrolled_lines(state, dialog),
        Some(_) | None => 0,
    };
    let (reach, columns) = (state.focus.reach, state.focus.size.0);
    match state.focus.popups.last_mut() {
        Some(Popup::Picker(open)) => {
            open.cursor = step(open.cursor, open.shown.len(), motion, page);
            return vec![];
        }
        Some(Popup::Pager(pager)) => {
            scroll::pager(pager, motion, reach, columns);
            return vec![];
        }
        Some(Popup::Help { scroll } | Popup::Notices { scroll }) => {
            *scroll = scroll::to(*scroll, motion, reach);
            return vec![];
        }
        Some(Popup::Confirm(dialog)) => {
            dialog.scroll = step(dialog.scroll, patch, motion, PATCH_PAGE);
            return vec![];
        }
        None => {}
    }
    match state.focus.screen {
        Screen::Fleet | Screen::Gates => list_moved(state, motion, page),
        Screen::Rollout => {
            parts_moved(state, motion);
            vec![]
        }
        Screen::Timeline => {
            axis::moved(state, motion);
            vec![]
        }
        Screen::FleetTimeline => axis::fleet_moved(state, motion, page),
    }
}

/// A new place in a list of `count`.
pub(super) fn step(at: usize, count: usize, motion: Motion, page: usize) -> usize {
    let last = count.saturating_sub(1);
    match motion {
        Motion::Up => at.saturating_sub(1),
        Motion::Down => at.saturating_add(1).min(last),
        Motion::PageUp => at.saturating_sub(page),
        Motion::PageDown => at.saturating_add(page).min(last),
        Motion::Top => 0,
        Motion::Bottom => last,
        Motion::Left | Motion::Right => at,
    }
}

pub(super) fn list_moved(state: &mut State, motion: Motion, page: usize) -> Vec<Effect> {
    let rows = listed(state);
    let here = rows.iter().position(|target| Some(*target) == state.focus.selected.as_ref());
    let next = here.map_or(0, |at| step(at, rows.len(), motion, page));
    let Some(target) = rows.get(next).map(|target| (*target).clone()) else { return vec![] };
    state.focus.selected = Some(target);
    watched(state)
}

/// The cursor of the rollout screen goes from pod to pod.
fn parts_moved(state: &mut State, motion: Motion) {
    let is_scroll =
        matches!(motion, Motion::PageUp | Motion::PageDown | Motion::Top | Motion::Bottom);
    if is_scroll {
        let reach = state.focus.reach;
        let parts = &mut state.focus.parts;
        parts.pod = None;
        parts.scroll = scroll::to(parts.scroll, motion, reach);
        return;
    }
    let Some(row) = state.selected() else { return };
    let pods = parts::pods(row);
    let under = state.focus.parts.pod.as_ref();
    let here = pods.iter().position(|pod| Some(&pod.name) == under);
    let next = here.map_or(0, |at| step(at, pods.len(), motion, 1));
    state.focus.parts.pod = pods.get(next).map(|pod| pod.name.clone());
}

/// The wheel moves the cursor; a click selects nothing, so that it can do no harm.
pub(super) fn mouse(state: &mut State, mouse: Mouse) -> Vec<Effect> {
    match mouse.act {
        MouseAct::ScrollUp => moved(state, Motion::Up),
        MouseAct::ScrollDown => moved(state, Motion::Down),
        MouseAct::Press(_) | MouseAct::Release | MouseAct::Drag(_) => vec![],
    }
}
