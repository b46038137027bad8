//! What is wrong with a scenario: the file, the line, and the nearest right name.

use std::collections::BTreeSet;

use super::kind::Kind;
use super::scenario::{CLUSTERS_MAX, LIVED_MAX, Scenario, Strategy, WORKLOADS_MAX};
use super::scenario_words::StepWords;

/// A mistake that reading found.
pub(super) fn told(error: &toml::de::Error, text: &str, file: &str) -> String {
    let line = error.span().map_or(1, |span| line_of(text, span.start));
    let message = error.message();
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let hint = match names.split_first() {
        Some((wrong, right)) if message.starts_with("unknown") => {
            let near = nearest(wrong, right.iter().copied());
            near.map(|it| format!("; did you mean `{it}`?")).unwrap_or_default()
        }
        Some(_) | None => String::new(),
    };
    let message = match message.split_once(", expected") {
        Some((head, _)) if !hint.is_empty() => head,
        Some(_) | None => message,
    };
    format!("{file}:{line}: {message}{hint}")
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    before.bytes().filter(|byte| *byte == b'\n').count() + 1
}

/// The line on which a text stands in quotes.
fn line_with(text: &str, word: &str) -> usize {
    let quoted = format!("\"{word}\"");
    text.lines().position(|line| line.contains(&quoted)).map_or(1, |line| line + 1)
}

/// Mistakes that no type sees: names that lead nowhere, and more than there may be.
pub(super) fn check(scenario: &Scenario, text: &str, file: &str) -> Result<(), String> {
    let wrong = |word: &str, why: String| Err(format!("{file}:{}: {why}", line_with(text, word)));
    let clusters: BTreeSet<&str> = scenario.clusters.iter().map(|it| it.name.as_str()).collect();
    if clusters.is_empty() || clusters.len() != scenario.clusters.len() {
        return wrong("", "a scenario needs clusters, each with a name of its own".into());
    }
    if clusters.len() > CLUSTERS_MAX {
        return wrong("", format!("more than {CLUSTERS_MAX} clusters"));
    }
    if scenario.lived.0 > LIVED_MAX || scenario.lived.0.is_negative() {
        return wrong("", format!("lived: at most {} hours", LIVED_MAX.as_hours()));
    }
    let many: usize = scenario.workloads.iter().map(|it| it.copies.count.max(1)).sum();
    if many > WORKLOADS_MAX {
        return wrong("", format!("more than {WORKLOADS_MAX} workloads"));
    }
    let unknown = |what: &str, name: &str, known: &BTreeSet<&str>| {
        let near = nearest(name, known.iter().copied());
        let hint = near.map(|it| format!("; did you mean \"{it}\"?")).unwrap_or_default();
        wrong(name, format!("no {what} \"{name}\"{hint}"))
    };
    let analyses: BTreeSet<&str> = scenario.analyses.keys().map(String::as_str).collect();
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for workload in &scenario.workloads {
        if workload.name.split('/').filter(|part| !part.is_empty()).count() != 2 {
            return wrong(&workload.name, "a workload is named namespace/name".into());
        }
        if workload.tags.is_empty() {
            return wrong(&workload.name, "a workload needs at least one tag".into());
        }
        names.insert(&workload.name);
        for cluster in &workload.clusters {
            if !clusters.contains(cluster.as_str()) {
                return unknown("cluster", cluster, &clusters);
            }
        }
        for analysis in analyses_of(&workload.strategy) {
            if !analyses.contains(analysis) {
                return unknown("analysis", analysis, &analyses);
            }
        }
    }
    let places = scenario.acts.iter().map(|act| (&act.cluster, Some(&act.workload)));
    let faults = scenario.faults.iter().map(|fault| (&fault.cluster, None));
    let objects = scenario.objects.iter().map(|raw| (&raw.cluster, None));
    for (cluster, workload) in places.chain(faults).chain(objects) {
        if !clusters.contains(cluster.as_str()) {
            return unknown("cluster", cluster, &clusters);
        }
        if let Some(workload) = workload.filter(|it| !names.contains(it.as_str())) {
            return unknown("workload", workload, &names);
        }
    }
    for raw in &scenario.objects {
        let text = |field: &str| raw.object.get(field).and_then(toml::Value::as_str);
        let (version, kind) = (text("apiVersion").unwrap_or(""), text("kind").unwrap_or(""));
        if Kind::of(version, kind).is_none() {
            return wrong(kind, format!("no kind \"{kind}\" in \"{version}\" is served"));
        }
    }
    Ok(())
}

/// The analyses that a strategy names.
pub(super) fn analyses_of(strategy: &Strategy) -> Vec<&str> {
    match strategy {
        Strategy::Canary(it) => {
            let in_steps = it.steps.iter().filter_map(StepWords::analysis);
            in_steps.chain(it.background.iter().map(String::as_str)).collect()
        }
        Strategy::BlueGreen(it) => it.before.iter().chain(&it.after).map(String::as_str).collect(),
    }
}

/// The name that is nearest to another, if any is near enough to be meant.
pub(super) fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |known: &&str| distance(name, known);
    let best = names.into_iter().min_by_key(near)?;
    (distance(name, best) <= 1 + name.chars().count() / 3).then_some(best)
}

/// How many letters have to be changed, added or taken away.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().take(64).enumerate() {
        let mut corner = row[0];
        row[0] = at + 1;
        for (column, with) in other.iter().enumerate() {
            let same = corner + usize::from(letter != *with);
            corner = row[column + 1];
            row[column + 1] = same.min(corner + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        Scenario::parse(text, "mine.toml").unwrap_err()
    }

    const HEAD: &str = "title = 'x'\nclusters = [{ name = 'eu' }]\n";

    #[test]
    fn a_mistake_has_its_file_its_line_and_the_nearest_right_name() {
        let unknown = wrong(&format!("{HEAD}liived = '3m'\n"));
        assert_eq!(unknown, "mine.toml:3: unknown field `liived`; did you mean `lived`?");
        let variant = format!(
            "{HEAD}[[workloads]]\nname = 'a/b'\nimage = 'i'\ntags = ['1']\nkind = 'deploymnet'\n"
        );
        let variant = wrong(&variant);
        assert!(variant.starts_with("mine.toml:7: unknown variant `deploymnet`"), "{variant}");
        assert!(variant.ends_with("did you mean `deployment`?"), "{variant}");
        let span = wrong(&format!("{HEAD}lived = 'soon'\n"));
        assert!(span.starts_with("mine.toml:3: \"soon\" is no span of time"), "{span}");
    }

    #[test]
    fn names_that_lead_nowhere_are_told() {
        let workload = "[[workloads]]\nname = \"shop/web\"\nimage = 'i'\ntags = ['1']\n";
        let act = "[[acts]]\nat = '1s'\ncluster = \"eu\"\nworkload = \"shop/wob\"\ndo = 'abort'\n";
        let told = wrong(&format!("{HEAD}{workload}{act}"));
        assert_eq!(told, "mine.toml:10: no workload \"shop/wob\"; did you mean \"shop/web\"?");
        let told = wrong(&format!("{HEAD}{workload}clusters = [\"ue\"]\n"));
        assert_eq!(told, "mine.toml:7: no cluster \"ue\"");
        let strategy = "strategy.canary.steps = [\"analysis errrors\"]\n";
        let told = wrong(&format!("{HEAD}{workload}{strategy}"));
        assert!(told.contains("no analysis \"errrors\""), "{told}");
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let many = "[[workloads]]\nname = 'a/b'\nimage = 'i'\ntags = ['1']\ncopies.count = 99999\n";
        assert!(wrong(&format!("{HEAD}{many}")).contains("more than 10000 workloads"));
        assert!(wrong(&format!("{HEAD}lived = '40d'\n")).contains("at most 6 hours"));
        assert!(wrong("title = 'x'\nclusters = []\n").contains("needs clusters"));
    }

    #[test]
    fn nearness_has_a_limit() {
        assert_eq!(nearest("wieght", ["weight", "pause"]), Some("weight"));
        assert_eq!(nearest("zzz", ["weight", "pause"]), None);
    }
}
