//! Lists to choose from: what is in them, what matches, what choosing does.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::again;
use crate::analysis::{owner_status, part_status, steps};
use crate::app::command::{COMMANDS, Listing};
use crate::app::event::{Command, Effect};
use crate::app::focus::{Choice, Entry, Picker, PickerKind, Popup};
use crate::app::keymap::KeyContext;
use crate::app::listing;
use crate::app::state::State;
use crate::control::action::Action;
use crate::control::deeds::candidates::{Candidate, candidates};
use crate::control::plan::PlanContext;
use crate::domain::ids::OrderId;
use crate::domain::part::PartKind;
use crate::domain::text::Text;

/// Opens a list.
pub(super) fn open(state: &mut State, kind: PickerKind) {
    let entries = match kind {
        PickerKind::Palette => palette(state),
        PickerKind::Clusters => clusters(state),
        PickerKind::Namespaces => namespaces(state),
        PickerKind::Revisions => revisions(state),
        PickerKind::Steps => ahead(state),
        PickerKind::Owners => owners(state),
        PickerKind::Themes => themes(state),
    };
    let query = tui_input::Input::default();
    let mut picker = Picker { kind, query, entries, shown: Vec::new(), cursor: 0 };
    search(&mut picker);
    super::command::push(state, Popup::Picker(picker));
}

/// Which entries match what is typed, best first; all in their order when nothing is.
pub(super) fn search(picker: &mut Picker) {
    picker.cursor = 0;
    let query = picker.query.value();
    if query.trim().is_empty() {
        picker.shown = (0..picker.entries.len()).collect();
        return;
    }
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(query, CaseMatching::Ignore, Normalization::Smart);
    let mut buffer = Vec::new();
    let length = |place: &usize| picker.entries.get(*place).map_or(0, |e| e.label.as_str().len());
    let mut scored: Vec<(u32, usize)> = picker
        .entries
        .iter()
        .enumerate()
        .filter_map(|(place, entry)| {
            let haystack = Utf32Str::new(entry.label.as_str(), &mut buffer);
            pattern.score(haystack, &mut matcher).map(|score| (score, place))
        })
        .collect();
    // Of two equally good ones the shorter is nearer to what was typed.
    scored.sort_by_key(|(score, place)| (std::cmp::Reverse(*score), length(place), *place));
    picker.shown = scored.into_iter().map(|(_, place)| place).collect();
}

/// Does what the entry under the cursor says.
pub(super) fn choose(state: &mut State) -> Vec<Effect> {
    let Some(Popup::Picker(picker)) = state.focus.popups.last() else { return vec![] };
    let entry = picker.shown.get(picker.cursor).and_then(|place| picker.entries.get(*place));
    let Some(choice) = entry.map(|entry| entry.choice.clone()) else { return vec![] };
    let kind = picker.kind;
    state.focus.popups.pop();
    let list = &mut state.focus.list;
    match choice {
        Choice::Command(command) => return again(state, command),
        Choice::Cluster(cluster) => list.clusters = [cluster].into(),
        Choice::Namespace(namespace) => list.namespaces = [namespace].into(),
        Choice::All if kind == PickerKind::Clusters => list.clusters.clear(),
        Choice::All => list.namespaces.clear(),
        Choice::Release(target) => {
            state.focus.selected = target.or(state.focus.selected.take());
            return super::command::watched(state);
        }
        Choice::Theme(name) => return vec![Effect::Theme(name)],
    }
    super::command::keep_selection(state);
    vec![]
}

fn all(what: &str) -> Entry {
    Entry { label: Text::clean(what), hint: Text::default(), choice: Choice::All }
}

fn clusters(state: &State) -> Vec<Entry> {
    let each = state.session.clusters.iter().map(|cluster| {
        let source = state.sources.kubernetes(cluster);
        let word = source.map_or("", |source| source.state(state.now).name());
        Entry {
            label: Text::clean(cluster.as_str()),
            hint: Text::clean(word),
            choice: Choice::Cluster(cluster.clone()),
        }
    });
    std::iter::once(all("all clusters")).chain(each).collect()
}

fn namespaces(state: &State) -> Vec<Entry> {
    let mut counts = std::collections::BTreeMap::new();
    for (target, _) in state.fleet.rows() {
        *counts.entry(target.namespace.clone()).or_insert(0usize) += 1;
    }
    let each = counts.into_iter().map(|(namespace, count)| Entry {
        label: Text::clean(namespace.as_str()),
        hint: Text::clean(&format!("{count} rollouts")),
        choice: Choice::Namespace(namespace),
    });
    std::iter::once(all("all namespaces")).chain(each).collect()
}

fn revisions(state: &State) -> Vec<Entry> {
    let Some(row) = state.selected() else { return vec![] };
    let mut context = PlanContext::new(state.now, OrderId::new("none"), Text::default());
    context.detail = row.detail.as_ref();
    let entry = |candidate: &Candidate<'_>| {
        let images = candidate.set.images.iter().map(|image| image.image.as_str());
        let images = images.collect::<Vec<_>>().join(", ");
        let chosen = if candidate.is_default { "last good: " } else { "" };
        let revision = candidate.revision;
        Entry {
            label: Text::clean(&format!("revision {revision}  {images}")),
            hint: Text::clean(&format!("{chosen}{}", candidate.standing.words())),
            choice: Choice::Command(Command::Deed(Action::Rollback { to: Some(revision) })),
        }
    };
    candidates(&row.workload, &context).iter().map(entry).collect()
}

/// The steps after the running one.
fn ahead(state: &State) -> Vec<Entry> {
    let Some(rollout) = state.selected().and_then(|row| row.workload.rollout()) else {
        return vec![];
    };
    let Some(running) = rollout.status.step_index else { return vec![] };
    let entry = |(index, step)| {
        let number = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
        Entry {
            label: Text::clean(&format!("step {number}  {}", steps::label(step))),
            hint: Text::clean(&format!(
                "weight {} %",
                steps::weight_at(&rollout.spec.steps, index)
            )),
            choice: Choice::Command(Command::Deed(Action::Skip { to: Some(number) })),
        }
    };
    let after = usize::try_from(running).unwrap_or(usize::MAX).saturating_add(1);
    rollout.spec.steps.iter().enumerate().skip(after).map(entry).collect()
}

/// Every owner with its state, then what cannot be read. Choosing one selects the first release that it manages.
fn owners(state: &State) -> Vec<Entry> {
    let managed = listing::managed(state);
    let parts = state.owners.iter().filter(|it| it.target.kind != PartKind::GitRepository);
    let known = parts.map(|part| {
        let target = &part.target;
        let releases = managed.get(target).map(Vec::as_slice).unwrap_or_default();
        let status = part_status::status(part);
        let mut words: Vec<String> = status.phase.iter().map(Text::to_string).collect();
        words.push(status.health.name().to_owned());
        words.extend(owner_status::habit(part).map(str::to_owned));
        words.push(format!("{} of the releases", releases.len()));
        words.push(target.cluster.to_string());
        Entry {
            label: Text::clean(&format!(
                "{} {}/{}",
                target.kind.name(),
                target.namespace,
                target.name
            )),
            hint: Text::clean(&words.join(" · ")),
            choice: Choice::Release(releases.first().cloned()),
        }
    });
    let unread = state.owners.unread().map(|(cluster, kind, why)| Entry {
        label: Text::clean(&format!("{} in {cluster}", kind.name())),
        hint: Text::clean(&format!("cannot be read: {why}")),
        choice: Choice::Release(None),
    });
    known.chain(unread).collect()
}

fn themes(state: &State) -> Vec<Entry> {
    let entry = |name: &Text| Entry {
        label: name.clone(),
        hint: Text::default(),
        choice: Choice::Theme(name.clone()),
    };
    state.session.themes.iter().map(entry).collect()
}

/// What the palette lists on this screen: deeds are there even where they are impossible, and say why when opened.
fn palette(state: &State) -> Vec<Entry> {
    let here = KeyContext::of_screen(state.focus().screen);
    COMMANDS
        .iter()
        .filter(|spec| spec.listing == Listing::Palette && spec.id != "palette")
        .filter(|spec| here.reaches(spec.context) || spec.context == KeyContext::Fleet)
        .map(|spec| Entry {
            label: Text::clean(spec.title),
            hint: Text::clean(spec.help),
            choice: Choice::Command(spec.command.clone()),
        })
        .collect()
}
