//! All rollouts, who needs a human first: grouped, aligned, and below them the answer for the selected one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::analysis::need::Group;
use crate::app::event::Command;
use crate::app::keymap::KeyContext;
use crate::app::listing::{self, Line, Shown};
use crate::app::sources::SourceState;
use crate::app::state::State;
use crate::domain::ids::{ClusterName, Namespace, WorkloadRef};
use crate::ui::format::{self, Keep};
use crate::ui::grid::{self, Column};
use crate::ui::ink::{self, Words};
use crate::ui::marks::Mark;
use crate::ui::theme::{Role, Theme};
use crate::ui::{answer, hints, owner, summary, typed};

/// Rows and columns from which on the lower part has room beside the list.
pub const ROOMY: (u16, u16) = (24, 80);

/// Paints the screen below the header.
pub fn paint(state: &State, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let cells = usize::from(area.width);
    let is_roomy = buffer.area.height >= ROOMY.0 && buffer.area.width >= ROOMY.1;
    let mut top = Vec::new();
    if area.height >= 5 {
        top.push(counts(state, cells));
    }
    if is_roomy {
        top.push(hints::notice(state).cut(cells, Keep::Start));
        top.extend(troubles(state, cells));
    }
    let lower = if is_roomy { answer::lines(state, cells) } else { Vec::new() };
    let heights = split(area.height, top.len(), lower.len());
    let [head, list, foot] = cut(area, heights);
    ink::paint(buffer, head, &top, theme);
    ink::paint(buffer, list, &body(state, list), theme);
    ink::paint(buffer, foot, &lower, theme);
}

/// The list keeps at least this many lines; the lower part gives way.
const LIST_ROWS_MIN: u16 = 6;

fn split(height: u16, top: usize, lower: usize) -> [u16; 3] {
    let top = u16::try_from(top).unwrap_or(height).min(height);
    let rest = height - top;
    let lower = u16::try_from(lower).unwrap_or(rest).min(rest.saturating_sub(LIST_ROWS_MIN));
    [top, rest - lower, lower]
}

fn cut(area: Rect, heights: [u16; 3]) -> [Rect; 3] {
    let mut y = area.y;
    heights.map(|height| {
        let part = Rect { y, height, ..area };
        y = y.saturating_add(height);
        part
    })
}

/// How many there are, and how they are listed.
fn counts(state: &State, cells: usize) -> Words {
    let rows = || state.fleet().rows().map(|(_, row)| row);
    let of = |group| rows().filter(|row| row.group == group).count();
    let (moving, needing) = (of(Group::Moving), of(Group::NeedsYou));
    let is_synced = |cluster| state.fleet().is_synced(cluster);
    if state.fleet().is_empty() && !state.session().clusters.iter().any(is_synced) {
        // Nothing was heard yet: a zero would be a lie.
        return Words::new().apart(listed(state), cells);
    }
    let dot = " · ";
    let mut left =
        Words::of(Role::Text, format!(" {}", format::count(state.fleet().len(), "rollout")));
    left = left
        .and(Role::Muted, dot)
        .and(Role::Moving, format!("{moving} moving"))
        .and(Role::Muted, dot);
    let role = if needing > 0 { Role::Danger } else { Role::Good };
    let verb = if needing == 1 { "needs" } else { "need" };
    left.push(role, format!("{needing} {verb} you"));
    left.apart(listed(state), cells)
}

fn listed(state: &State) -> Words {
    let sort = state.focus().list.sort.name();
    filtered(state).and(Role::Muted, format!("   sort: {sort} "))
}

/// What is filtered, or the key that does.
#[must_use]
pub fn filtered(state: &State) -> Words {
    let list = &state.focus().list;
    let key = |command| hints::key_of(state.keymap(), KeyContext::Fleet, command);
    let mut words = Words::new();
    if list.is_filtering || !list.filter.value().is_empty() {
        words = words.and(Role::Key, "/ ");
        words = if list.is_filtering {
            words.then(typed::line(&list.filter, 30))
        } else {
            words.and(Role::Input, list.filter.value().to_owned())
        };
    } else if let Some(key) = key(&Command::Filter) {
        words = words.and(Role::Key, key).and(Role::Muted, " filter");
    }
    for (what, chosen) in [
        ("cluster", list.clusters.iter().map(ClusterName::as_str).collect::<Vec<_>>().join(",")),
        ("namespace", list.namespaces.iter().map(Namespace::as_str).collect::<Vec<_>>().join(",")),
    ] {
        if !chosen.is_empty() {
            words = words.and(Role::Muted, format!("   {what}: ")).and(Role::Focus, chosen);
        }
    }
    if !list.marked.is_empty() {
        words = words.and(Role::Focus, format!("   + {} marked", list.marked.len()));
    }
    let waiting = state.orders().waiting();
    if waiting > 0 {
        words = words.and(Role::Waiting, format!("   {waiting} wait their turn"));
    }
    words
}

/// Most clusters in trouble that are told in full; the others keep their chip.
const TROUBLES_MAX: usize = 3;

/// Clusters that do not do what they should: what is wrong, and what helps.
#[must_use]
pub fn troubles(state: &State, cells: usize) -> Vec<Words> {
    let mut lines: Vec<Words> = state
        .session()
        .clusters
        .iter()
        .filter_map(|cluster| trouble(state, cluster))
        .take(TROUBLES_MAX)
        .map(|line| line.cut(cells, Keep::Start))
        .collect();
    if !lines.is_empty() {
        lines.push(Words::new());
    }
    lines
}

/// What is wrong with a cluster and what helps, in one line.
#[must_use]
pub fn trouble(state: &State, cluster: &ClusterName) -> Option<Words> {
    let source = state.sources().kubernetes(cluster)?;
    let said = summary::source(source, state.now());
    let head = Words::of(said.role, format!(" {} {cluster}", said.mark.sign()));
    if let Some(trouble) = source.trouble() {
        let words = head.and(Role::Text, format!("  {trouble}"));
        return Some(words.and(Role::Muted, format!(" · {}", trouble.remedy())));
    }
    (source.state(state.now()) == SourceState::Stale).then(|| {
        head.and(Role::Stale, format!("  {}", said.word)).and(
            Role::Muted,
            " · what is shown of it may be old; deeds but pause and abort are refused",
        )
    })
}

/// The list, or what stands there while there is none.
fn body(state: &State, area: Rect) -> Vec<Words> {
    let height = usize::from(area.height);
    let cells = usize::from(area.width);
    if state.fleet().is_empty() {
        return empty(state, cells, height);
    }
    let lines = listing::lines(state);
    if lines.is_empty() {
        let words = format!(" nothing contains “{}”", state.focus().list.filter.value());
        return vec![Words::new(), Words::of(Role::Muted, words)];
    }
    let chosen = lines.iter().position(|line| match line {
        Line::Row(target) => Some(*target) == state.focus().selected.as_ref(),
        Line::Heading(..) => false,
    });
    let all = lines;
    let (start, lines) = page(&all, chosen.unwrap_or(0), height);
    let rows: Vec<Vec<Words>> = lines
        .iter()
        .map(|line| match line {
            Line::Row(target) => row(state, target),
            Line::Heading(..) => Vec::new(),
        })
        .collect();
    let widths = grid::widths(&COLUMNS, &rows, cells);
    let mut painted: Vec<Words> = lines
        .iter()
        .zip(rows)
        .map(|(line, cells)| match line {
            Line::Heading(group, count, shown) => heading(state, *group, *count, *shown),
            Line::Row(_) => grid::row(&COLUMNS, &widths, cells),
        })
        .collect();
    if height >= MARKED_ROWS_MIN {
        mark_ends(&mut painted, &all, start);
    }
    painted
}

/// Rows from which on there is room to say that there is more.
const MARKED_ROWS_MIN: usize = 6;

/// Says in the first and the last line how many rows lie above and below: the most urgent one may be among them.
fn mark_ends(painted: &mut [Words], all: &[Line<'_>], start: usize) {
    let rows =
        |lines: &[Line<'_>]| lines.iter().filter(|line| matches!(line, Line::Row(_))).count();
    let end = start + painted.len();
    let count = |hidden: &[Line<'_>], under: &[Line<'_>]| match rows(hidden) {
        0 => 0,
        hidden => hidden + rows(under),
    };
    let (before, rest) = all.split_at(start.min(all.len()));
    let after = all.get(end..).unwrap_or_default();
    let above = count(before, rest.get(..1).unwrap_or_default());
    let below = count(after, all.get(end.saturating_sub(1)..end).unwrap_or_default());
    if let (Some(line), 1..) = (painted.first_mut(), above) {
        *line = Words::of(Role::Muted, format!("   ↑ {above} more above"));
    }
    if let (Some(line), 1..) = (painted.last_mut(), below) {
        *line = Words::of(Role::Muted, format!("   ↓ {below} more below"));
    }
}

/// The page on which the chosen line is, and its first line. The chosen one is neither the first nor the last of a page
/// that has neighbours. Pages turn as a whole: a list that scrolls line by line costs every cell of it.
#[must_use]
pub fn page<T>(lines: &[T], chosen: usize, height: usize) -> (usize, &[T]) {
    if lines.len() <= height || height == 0 {
        return (0, lines);
    }
    let step = height.saturating_sub(2).max(1);
    let start = (chosen / step * step).saturating_sub(1).min(lines.len() - height);
    (start, lines.get(start..start + height).unwrap_or(lines))
}

fn heading(state: &State, group: Group, count: usize, shown: Shown) -> Words {
    let words = Words::of(Role::Heading, format!("   {}  {count}", group.title()));
    let key = hints::key_of(state.keymap(), KeyContext::Fleet, &Command::ToggleSteady);
    match (shown, key) {
        (Shown::Listed, _) => words,
        (Shown::Hidden, None) => words.and(Role::Muted, " hidden"),
        (Shown::Hidden, Some(key)) => {
            words.and(Role::Muted, " hidden · ").and(Role::Key, key).and(Role::Muted, " shows them")
        }
    }
}

/// Mark, name, cluster, progress, weight, state, why, age, versions, owner.
const COLUMNS: [Column; 10] = [
    Column::text(3, 3, 9),
    Column::text(14, 40, 10),
    Column::text(2, 14, 5).tail(),
    Column::text(10, 14, 6),
    Column::text(4, 8, 4),
    Column::text(10, 16, 8),
    Column::text(13, 80, 3),
    Column::number(5, 7),
    Column::text(12, 34, 2),
    Column::text(24, 34, 1),
];

fn row(state: &State, target: &WorkloadRef) -> Vec<Words> {
    let Some(row) = state.fleet().row(target) else { return Vec::new() };
    let now = state.now();
    let is_chosen = Some(target) == state.focus().selected.as_ref();
    let said = summary::state(row, state.orders().latest(target), now);
    let cursor = if is_chosen { Mark::Cursor.sign() } else { " " };
    let is_marked = state.focus().list.marked.contains(target);
    let mark = Words::of(Role::Focus, cursor)
        .and(Role::Focus, if is_marked { "+" } else { " " })
        .and(said.role, said.mark.sign());
    let name_role = if is_chosen { Role::Selection } else { Role::Text };
    let name = Words::of(Role::Muted, format!("{}/", target.namespace));
    let name = if is_chosen { name.all(Role::Selection) } else { name };
    let cells = vec![
        mark,
        name.and(name_role, target.name.as_str()),
        Words::of(Role::Muted, target.cluster.as_str()),
        Words::of(Role::Muted, summary::progress(row)),
        Words::of(Role::Canary, summary::weight(row, now)),
        Words::of(said.role, said.word),
        summary::why(row, state.now()),
        Words::of(Role::Muted, format::since(summary::since(row), now)),
        summary::versions(&row.workload).words(),
        row.workload
            .owner
            .as_ref()
            .map_or_else(Words::new, |owner| Words::of(Role::Muted, owner::short(owner))),
    ];
    aged(state, target, cells)
}

/// The cells of a row (mark and name first), told as old when its cluster is silent: by its mark, for those who see no
/// colours, and by the colour. Of the chosen row the cursor and the name stay what they are.
#[must_use]
pub fn aged(state: &State, target: &WorkloadRef, mut cells: Vec<Words>) -> Vec<Words> {
    let source = state.sources().kubernetes(&target.cluster);
    let is_stale = source.is_some_and(|source| {
        matches!(
            source.state(state.now()),
            SourceState::Stale | SourceState::Down | SourceState::Denied
        )
    });
    if !is_stale {
        return cells;
    }
    let is_chosen = Some(target) == state.focus().selected.as_ref();
    let (kept, cursor) = if is_chosen { (2, Mark::Cursor.sign()) } else { (0, " ") };
    if let Some(mark) = cells.first_mut() {
        let marked = if state.focus().list.marked.contains(target) { "+" } else { " " };
        *mark = Words::of(Role::Focus, cursor)
            .and(Role::Focus, marked)
            .and(Role::Stale, Mark::Stale.sign());
    }
    let aged = |(place, words): (usize, Words)| {
        if place < kept { words } else { words.all(Role::Stale) }
    };
    cells.into_iter().enumerate().map(aged).collect()
}

/// No rollout is known: still connecting, in trouble, or there is none.
fn empty(state: &State, cells: usize, height: usize) -> Vec<Words> {
    let clusters = &state.session().clusters;
    let mut lines = vec![Words::new(); usize::from(height > 8)];
    if clusters.is_empty() {
        lines.push(Words::of(Role::Text, " no cluster is configured"));
        lines.extend(told(
            "name a context with --context, or set KUBECONFIG; `pilothouse demo` shows a simulated fleet",
            cells,
        ));
        return lines;
    }
    for cluster in clusters.iter().take(height) {
        lines.push(waiting(state, cluster).cut(cells, Keep::Start));
    }
    let is_synced = clusters.iter().any(|cluster| state.fleet().is_synced(cluster));
    if is_synced {
        lines.push(Words::new());
        lines.extend(told(
            "Argo Rollouts and Deployments are looked for; -A looks in all namespaces, -n NAME in one",
            cells,
        ));
    }
    lines
}

/// A sentence over as many lines as it needs.
fn told(text: &str, cells: usize) -> impl Iterator<Item = Words> {
    let lines = format::wrap(text, cells.saturating_sub(2), 4, ink::CUT);
    lines.into_iter().map(|line| Words::of(Role::Muted, format!(" {line}")))
}

fn waiting(state: &State, cluster: &ClusterName) -> Words {
    use crate::domain::feed::SourceHealth;
    if let Some(trouble) = trouble(state, cluster) {
        return trouble;
    }
    if state.fleet().is_synced(cluster) {
        return Words::of(Role::Good, " ●")
            .and(Role::Text, format!(" {cluster}  no rollouts here"));
    }
    let attempt = match state.sources().kubernetes(cluster).map(|source| &source.health) {
        Some(SourceHealth::Connecting { attempt }) if *attempt > 1 => format!(" (try {attempt})"),
        Some(SourceHealth::Live) => {
            return Words::of(Role::Unknown, " ○")
                .and(Role::Text, format!(" reading the rollouts of {cluster} …"));
        }
        _ => String::new(),
    };
    Words::of(Role::Unknown, " ○").and(Role::Text, format!(" connecting to {cluster} …{attempt}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_line_is_never_where_a_page_says_that_there_is_more() {
        for count in 1..40usize {
            let lines: Vec<usize> = (0..count).collect();
            for height in 4..20usize {
                for chosen in 0..count {
                    let (start, page) = page(&lines, chosen, height);
                    let place = page.iter().position(|line| *line == chosen).unwrap();
                    assert_eq!(page.len(), height.min(count));
                    assert!(start == 0 || place > 0, "{chosen} of {count} in {height}");
                    let is_end = start + page.len() == count;
                    assert!(is_end || place + 1 < page.len(), "{chosen} of {count} in {height}");
                }
            }
        }
    }
}
