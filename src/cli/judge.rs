//! `judge`: points out of files, judged as Kayenta does. Nothing is asked of any cluster.

use std::fmt::Write as _;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::args_judge::{JudgeArgs, Style};
use super::args_values::Format;
use super::canary_config::{CanaryConfig, MetricConfig, Pair, Point};
use super::document::canary_judgement::{
    CanaryJudgement, Difference, GroupResult, Metadata, MetricResult, ScoreResult, Stats,
};
use super::headless::output::{self, PrintError};
use super::headless::{exit, get, table};
use super::{small_file, tell};
use crate::analysis::kayenta::classify::{Classified, Why, classify};
use crate::analysis::kayenta::rules::{Constants, MetricRules, Weight};
use crate::analysis::kayenta::score::{Because, Grade, Scores, Thresholds, score};
use crate::analysis::kayenta::transform::{mean, transform};
use crate::domain::text::Text;

/// Two weeks of a hundred metrics by the minute are less.
const BYTES_MAX: u64 = 64 << 20;

/// Reads, judges and prints. The exit code: 0 for a pass, 3 for marginal, 4 for a failure.
#[must_use]
pub fn run(args: &JudgeArgs, format: Format) -> u8 {
    match args.style {
        Style::Kayenta => match judged(args) {
            Ok((judgement, grade)) => get::printed(print(&judgement, format), code(grade)),
            Err(words) => {
                tell::say(words);
                exit::USAGE
            }
        },
    }
}

const fn code(grade: Grade) -> u8 {
    match grade {
        Grade::Pass => exit::DONE,
        Grade::Marginal => exit::ON_ITS_WAY,
        Grade::Fail => exit::DEGRADED,
    }
}

fn judged(args: &JudgeArgs) -> Result<(CanaryJudgement, Grade), Text> {
    if args.marginal > args.pass {
        let words = format!("--marginal {} is more than --pass {}", args.marginal, args.pass);
        return Err(Text::clean(&words));
    }
    let config = args.config.as_deref().unwrap_or_else(|| Path::new(""));
    let canary: CanaryConfig = read(config, "a canary config")?;
    let pairs: Vec<Pair> = read(&args.pairs, "a list of pairs")?;
    let rules: Vec<MetricRules> = canary.metrics.iter().map(MetricConfig::rules).collect();
    let constants = Constants { tolerance: args.tolerance, confidence: args.confidence };
    let mut results = Vec::new();
    let mut classified = Vec::new();
    for (at, pair) in pairs.iter().enumerate() {
        let at_rules = canary.metrics.iter().position(|metric| metric.name == pair.name);
        let Some(rules) = at_rules.and_then(|at| rules.get(at)) else {
            let words = format!(
                "{}: [{at}].name: no metric of {} is called {:?}",
                args.pairs.display(),
                config.display(),
                Text::clean(&pair.name).as_str()
            );
            return Err(Text::clean(&words));
        };
        let points = |points: &[Point]| points.iter().map(|point| point.0).collect::<Vec<f64>>();
        let (experiment, control) = (points(&pair.values.experiment), points(&pair.values.control));
        let found = classify(&experiment, &control, rules, constants);
        results.push(result(pair, rules, found, (&experiment, &control)));
        classified.push((rules, found));
    }
    let weights = canary.classifier.group_weights.iter();
    let weights: Vec<(Text, f64)> = weights.map(|(name, it)| (Text::clean(name), *it)).collect();
    let thresholds = Thresholds { pass: args.pass, marginal: args.marginal };
    let scores = score(&classified, &weights, thresholds);
    let summary = summary(&scores);
    let groups = scores.groups.iter().map(|group| GroupResult {
        name: group.name.to_string(),
        score: group.score.unwrap_or(0.0),
        no_data: group.score.is_none(),
    });
    Ok((CanaryJudgement::of(results, groups.collect(), summary), scores.grade))
}

/// A document of a file; what is wrong is told with its place.
fn read<T: DeserializeOwned>(path: &Path, what: &str) -> Result<T, Text> {
    let shown = path.display();
    let text = small_file::text(path, BYTES_MAX)
        .map_err(|unreadable| Text::clean(&format!("{shown}: {}", unreadable.why)))?;
    serde_json::from_str(&text).map_err(|error| {
        // serde_json ends its words with the place, which stands in front here.
        let words = error.to_string();
        let words = words.split(" at line ").next().unwrap_or_default();
        let (line, column) = (error.line(), error.column());
        Text::clean(&format!("{shown}:{line}:{column}: not {what}: {words}"))
    })
}

fn result(
    pair: &Pair,
    rules: &MetricRules,
    found: Classified,
    (experiment, control): (&[f64], &[f64]),
) -> MetricResult {
    let clean = |text: &str| Text::clean(text).to_string();
    MetricResult {
        name: clean(&pair.name),
        id: pair.id.as_deref().map(clean),
        tags: pair.tags.iter().map(|(name, value)| (clean(name), clean(value))).collect(),
        classification: found.classification.name().to_owned(),
        classification_reason: reason(found.why).map(str::to_owned),
        groups: rules.groups.iter().map(Text::to_string).collect(),
        critical: found.weight == Weight::Critical,
        experiment_metadata: Metadata { stats: stats(&transform(experiment, rules)) },
        control_metadata: Metadata { stats: stats(&transform(control, rules)) },
        result_metadata: Difference { ratio: finite(found.deviation) },
    }
}

const fn reason(why: Why) -> Option<&'static str> {
    match why {
        Why::Compared => None,
        Why::Identical => Some("both sides hold the same values"),
        Why::OneValue => Some("all values of both sides are one"),
        Why::NoExperiment => Some("no data of the experiment"),
        Why::NoControl => Some("no data of the control"),
        Why::Neither => Some("no data of either side"),
        Why::AllTied => Some("all values are tied: there is no interval"),
    }
}

fn stats(values: &[f64]) -> Stats {
    let known = |value: f64| finite(value).filter(|_| !values.is_empty());
    Stats {
        count: values.len(),
        mean: known(mean(values)),
        min: known(values.iter().copied().fold(f64::INFINITY, f64::min)),
        max: known(values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn summary(scores: &Scores) -> ScoreResult {
    let why = match &scores.because {
        Because::Sum => "weighted sum of the groups".to_owned(),
        Because::Critical(name) => format!("{name} is critical and did not pass"),
        Because::Nodata(share) => format!("{share:.0} % of the metrics have no data"),
        Because::Nothing => "no metric is scored".to_owned(),
    };
    ScoreResult {
        score: scores.summary,
        classification: scores.grade.name().to_owned(),
        classification_reason: why,
    }
}

fn print(judgement: &CanaryJudgement, format: Format) -> Result<(), PrintError> {
    match format {
        Format::Json | Format::Yaml => output::document(format, judgement),
        Format::Table | Format::Wide => output::text(&told(judgement)),
    }
}

fn told(judgement: &CanaryJudgement) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |it| format!("{it:.4}"));
    let head = ["METRIC", "RESULT", "CONTROL", "EXPERIMENT", "RATIO", "GROUPS", "WHY"];
    let rows = judgement.results.iter().map(|result| {
        let critical = if result.critical { " (critical)" } else { "" };
        vec![
            result.name.clone(),
            format!("{}{critical}", result.classification),
            number(result.control_metadata.stats.mean),
            number(result.experiment_metadata.stats.mean),
            number(result.result_metadata.ratio),
            result.groups.join(","),
            result.classification_reason.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    });
    let head = std::iter::once(head.iter().map(ToString::to_string).collect());
    let rows: Vec<Vec<String>> = head.chain(rows).collect();
    let mut text = table::aligned(&rows);
    for group in &judgement.group_scores {
        let score =
            if group.no_data { "no data".to_owned() } else { format!("{:.2}", group.score) };
        let _ = writeln!(text, "group {}: {score}", group.name);
    }
    let ScoreResult { score, classification, classification_reason: why } = &judgement.score;
    let _ = writeln!(text, "{classification}: {score:.2} of 100, {why}");
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const CONFIG: &str = r#"{"metrics": [{"name": "m", "groups": ["g"]}]}"#;

    /// The answer to these two files, and the folder that they stand in.
    fn answer(config: &str, pairs: &str) -> Result<Grade, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let args = JudgeArgs {
            style: Style::Kayenta,
            config: Some(path("config", config)),
            pairs: path("pairs", pairs),
            pass: 95.0,
            marginal: 75.0,
            tolerance: 0.25,
            confidence: 0.98,
        };
        let shown = folder.path().display().to_string();
        judged(&args)
            .map(|(_, grade)| grade)
            .map_err(|words| words.as_str().replace(&format!("{shown}/"), ""))
    }

    fn pairs(control: &str, experiment: &str) -> String {
        format!(
            r#"[{{"name": "m", "values": {{"control": [{control}], "experiment": [{experiment}]}}}}]"#
        )
    }

    #[test]
    fn the_two_documents_are_judged() {
        for (control, experiment, grade) in [
            ("1, 2, 3, 4", "4, 3, 2, 1", Grade::Pass),
            ("1, 2, 3, 4, 5, 6, 7, 8", "21, 22, 23, 24, 25, 26, 27, 28", Grade::Fail),
            (r#""NaN", null"#, "1, 2", Grade::Fail),
            ("", "", Grade::Fail),
        ] {
            assert_eq!(answer(CONFIG, &pairs(control, experiment)), Ok(grade), "{control}");
        }
        assert_eq!(answer(CONFIG, "[]"), Ok(Grade::Fail), "nothing is no pass");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_with_its_place() {
        for (config, pairs, words) in [
            (CONFIG, "", "pairs:1:0: not a list of pairs: EOF while parsing a value"),
            (CONFIG, "[\n{]", "pairs:2:2: not a list of pairs: key must be a string"),
            ("{}", "[]", "config:1:2: not a canary config: missing field `metrics`"),
            (
                CONFIG,
                &pairs(r#""oops""#, "1"),
                r#"pairs:1:45: not a list of pairs: a point is a number or "NaN", and not "oops""#,
            ),
            (
                CONFIG,
                r#"[{"name": "x", "values": {}}]"#,
                r#"pairs: [0].name: no metric of config is called "x""#,
            ),
        ] {
            assert_eq!(answer(config, pairs), Err(words.to_owned()));
        }
    }
}
