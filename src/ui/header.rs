//! The top of every screen: which clusters, how they do, who we are there, what may be done, and the clock.

use crate::app::sources::SourceState;
use crate::app::state::{Mode, State};
use crate::domain::feed::SourceKind;
use crate::domain::ids::ClusterName;

use super::format;
use super::ink::Words;
use super::summary;
use super::theme::Role;

/// The header line in this many cells. What matters most is left out last: the mode and clusters in trouble.
#[must_use]
pub fn line(state: &State, cells: usize) -> Words {
    let mode = mode(state);
    let clock = Words::of(Role::Muted, format!("{} ", format::clock(state.now())));
    let identity = identity(state).map(|who| Words::of(Role::Muted, who));
    let name = Words::of(Role::Focus, " pilothouse");
    let chips = chips(state);
    let gap = || Words::of(Role::Text, "   ");
    let right = |parts: Vec<Words>| join(parts, &gap());
    let all = |identity: Option<Words>| {
        right(std::iter::once(mode.clone()).chain(identity).chain([clock.clone()]).collect())
    };
    let short = || Words::of(Role::Text, " ").then(troubled(state));
    let long = |chips: &Words| name.clone().then(gap()).then(chips.clone());
    let plans = [
        (long(&chips), all(identity.clone())),
        (long(&chips), all(None)),
        (long(&troubled(state)), all(identity)),
        (long(&troubled(state)), all(None)),
        (short(), all(None)),
        (short(), mode.clone().and(Role::Text, " ")),
    ];
    let fits = |(left, right): &(Words, Words)| left.width() + right.width() < cells;
    let last = (Words::of(Role::Text, " ").then(mode), Words::new());
    let (left, right) = plans.into_iter().find(fits).unwrap_or(last);
    left.apart(right, cells)
}

fn join(parts: Vec<Words>, gap: &Words) -> Words {
    let mut parts = parts.into_iter().filter(|part| !part.is_empty());
    let first = parts.next().unwrap_or_default();
    parts.fold(first, |line, part| line.then(gap.clone()).then(part))
}

/// What may be done here, in a look of its own.
fn mode(state: &State) -> Words {
    let armed: Vec<&str> = state.orders().armed().map(ClusterName::as_str).collect();
    match state.session().mode {
        Mode::Simulated => Words::of(Role::Simulated, " SIMULATED "),
        Mode::ReadOnly => Words::of(Role::ReadOnly, "read-only"),
        Mode::Real if armed.is_empty() => Words::of(Role::Observe, "observe"),
        Mode::Real => {
            let which = if armed.len() > 3 {
                format!("{} clusters", armed.len())
            } else {
                armed.join(", ")
            };
            Words::of(Role::Armed, format!(" ARMED {which} "))
        }
    }
}

/// Who we are, where the selected rollout lives; else where anybody told.
fn identity(state: &State) -> Option<String> {
    let here = state.focus().selected.as_ref().map(|target| &target.cluster);
    let told = |cluster: &ClusterName| state.sources().kubernetes(cluster)?.identity.clone();
    let who = here.and_then(told).or_else(|| state.session().clusters.iter().find_map(told))?;
    Some(format::cut(who.as_str(), 24, format::Keep::Start, "…"))
}

/// Every cluster with its mark.
fn chips(state: &State) -> Words {
    let all = state.session().clusters.iter().map(|cluster| chip(state, cluster));
    join(all.collect(), &Words::of(Role::Text, "   "))
}

/// Clusters in trouble one by one, the others counted.
fn troubled(state: &State) -> Words {
    let clusters = &state.session().clusters;
    let (well, unwell): (Vec<_>, Vec<_>) =
        clusters.iter().partition(|cluster| is_well(state, cluster));
    let mut parts = Vec::new();
    if !well.is_empty() {
        let count = Words::of(Role::Text, format!("{} live ", well.len()));
        parts.push(count.and(Role::Good, "●"));
    }
    parts.extend(unwell.into_iter().map(|cluster| chip(state, cluster)));
    join(parts, &Words::of(Role::Text, "   "))
}

fn is_well(state: &State, cluster: &ClusterName) -> bool {
    let source = state.sources().kubernetes(cluster);
    source.is_some_and(|source| source.state(state.now()) == SourceState::Live)
}

fn chip(state: &State, cluster: &ClusterName) -> Words {
    let name = format::cut(cluster.as_str(), 24, format::Keep::End, "…");
    let words = Words::of(Role::Text, name);
    let Some(source) = state.sources().kubernetes(cluster) else {
        return words.and(Role::Unknown, " ○");
    };
    let said = summary::source(source, state.now());
    let mut words = words.and(said.role, format!(" {}", said.mark.sign()));
    if !said.word.is_empty() {
        words.push(said.role, format!(" {}", said.word));
    }
    let metrics = state.sources().get(cluster, SourceKind::Prometheus);
    if let Some(metrics) = metrics {
        let is_silent = !matches!(
            metrics.state(state.now()),
            SourceState::Live | SourceState::Connecting | SourceState::Stale
        );
        if is_silent && said.word.is_empty() {
            words.push(Role::Warning, " ▲ metrics");
        }
    }
    words
}
