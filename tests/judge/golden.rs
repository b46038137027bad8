//! The reference implementation's own numbers, window by window (`tests/data/judge/vectors.json`, computed by
//! `reference/seqtest.py`).

use pilothouse::analysis::judge::absolute::AbsoluteProcess;
use pilothouse::analysis::judge::bound::mean_seconds_min;
use pilothouse::analysis::judge::confidence::RatioInterval;
use pilothouse::analysis::judge::gauge::GaugeProcess;
use pilothouse::analysis::judge::histogram::{Cut, HistogramProcess, cuts};
use pilothouse::analysis::judge::history::{Autocorrelation, Dispersion};
use pilothouse::analysis::judge::mixture::Start;
use pilothouse::analysis::judge::ratio::RatioProcess;
use pilothouse::domain::window::{Arm, Histogram};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../data/judge/vectors.json")).expect("the vectors are JSON")
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().expect("a number")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|item| item.as_f64().expect("a number")).collect()
}

fn rows(value: &Value) -> &Vec<Value> {
    value["rows"].as_array().expect("rows")
}

/// 1e-9 relative; near zero, where the reference itself holds -2e-16 for nothing, as much absolutely.
fn agree(found: f64, wanted: f64, what: &str) {
    let off = (found - wanted).abs();
    assert!(off <= 1e-9 * wanted.abs().max(1e-3), "{what}: {found} instead of {wanted}");
}

fn arms(row: &Value) -> (Arm, Arm) {
    let arm = |bad, total| Arm::of_total(number(row, bad), number(row, total)).expect("counts");
    (arm("c", "n_c"), arm("b", "n_b"))
}

#[test]
fn ratios_agree_with_the_reference() {
    let vectors = vectors();
    let cases = vectors["ratio"].as_array().expect("cases");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let config = &case["config"];
        let dispersion = number(config, "dispersion");
        let start = Start::only_within(240);
        let mut harm = RatioProcess::harm(number(config, "r0"), start);
        let mut no_harm = RatioProcess::no_harm(number(config, "ni_r1"));
        let mut shown = RatioInterval::default();
        for (at, row) in rows(case).iter().enumerate() {
            let what = format!("{} row {at}", case["name"]);
            let (canary, stable) = arms(row);
            harm.update(canary, stable, dispersion);
            no_harm.update(canary, stable, dispersion);
            shown.update(canary, stable, dispersion);
            agree(harm.mixture().log_e(), number(row, "log_e"), &what);
            agree(harm.mixture().p(), number(row, "p"), &what);
            agree(no_harm.mixture().log_e(), number(row, "log_e_pass"), &what);
            agree(shown.likeliest(), number(row, "mle"), &what);
            let wanted = numbers(&row["cs95"]);
            let found = shown.interval(0.05);
            // The reference gives the ends of its grid where nothing bounds the ratio.
            agree(found.low.unwrap_or(1.0 / 64.0), wanted[0], &what);
            agree(found.high.unwrap_or(64.0), wanted[1], &what);
        }
    }
}

/// Counts per bucket, fastest first; the bounds' numbers stand for the bounds.
fn histogram(counts: &[f64]) -> Histogram {
    let mut sum = 0.0;
    let mut buckets = Vec::new();
    for (bound, count) in (0_u32..).zip(counts) {
        sum += count;
        buckets.push((f64::from(bound), sum));
    }
    buckets.last_mut().expect("a bucket").0 = f64::INFINITY;
    Histogram::from_cumulative(&buckets).expect("a histogram")
}

#[test]
fn histograms_agree_with_the_reference() {
    let vectors = vectors();
    let case = &vectors["histogram"];
    let tails: Vec<Cut> = (0_u32..)
        .zip(numbers(&case["tail_frac"]))
        .map(|(bound, tail)| Cut { bound: f64::from(bound), tail })
        .collect();
    let chosen = cuts(&tails);
    let bounds: Vec<f64> = chosen.iter().map(|cut| cut.bound).collect();
    assert_eq!(bounds, numbers(&case["cuts"]));
    let mut process = HistogramProcess::new(&chosen, 1.0, Start::only_within(240));
    for (at, row) in rows(case).iter().enumerate() {
        let [canary, stable] = ["canary", "baseline"].map(|arm| histogram(&numbers(&row[arm])));
        process.update(&canary, &stable, 1.0).expect("the bounds are the same");
        agree(process.mixture().log_e(), number(row, "log_e"), &format!("histogram row {at}"));
    }
}

#[test]
fn gauges_agree_with_the_reference() {
    let vectors = vectors();
    let case = &vectors["gauge"];
    let (margin, memory) = (number(case, "margin"), number(case, "phi"));
    let mut process = GaugeProcess::new(margin, memory, Start::only_within(240));
    for (at, row) in rows(case).iter().enumerate() {
        process.update(row["d"].as_f64());
        agree(process.mixture().log_e(), number(row, "log_e"), &format!("gauge row {at}"));
    }
}

#[test]
fn absolute_limits_agree_with_the_reference() {
    let vectors = vectors();
    let case = &vectors["absolute"];
    let mut process = AbsoluteProcess::above(number(case, "p_max"), Start::only_within(240));
    for (at, row) in rows(case).iter().enumerate() {
        let canary = Arm::of_total(number(row, "c"), number(row, "n")).expect("counts");
        process.update(canary, 1.0);
        agree(process.mixture().log_e(), number(row, "log_e"), &format!("absolute row {at}"));
    }
}

#[test]
fn estimates_from_history_agree_with_the_reference() {
    let vectors = vectors();
    let case = &vectors["dispersion_upper"];
    let list = |name: &str| case[name].as_array().expect("a list").clone();
    let mut dispersion = Dispersion::default();
    for (counts, totals) in list("counts").iter().zip(list("totals")) {
        let pods: Vec<(f64, f64)> = numbers(counts).into_iter().zip(numbers(&totals)).collect();
        dispersion.observe(&pods);
    }
    agree(dispersion.upper(), number(case, "value"), "dispersion");

    let case = &vectors["ar1_phi_upper"];
    let mut memory = Autocorrelation::default();
    for difference in numbers(&case["d"]) {
        memory.observe(difference);
    }
    agree(memory.upper().expect("history"), number(case, "value"), "autocorrelation");
}

#[test]
fn the_lower_bound_agrees_with_the_reference() {
    for case in vectors()["lower_bound"].as_array().expect("cases") {
        let (canary, stable) = (numbers(&case["pc"]), numbers(&case["pb"]));
        let found = mean_seconds_min(
            (&canary, number(case, "rate_c")),
            (&stable, number(case, "rate_b")),
            number(case, "alpha"),
        );
        agree(found, number(case, "seconds"), "lower bound");
    }
}
