//! How often the judge is wrong and how soon it is right, beside judges that people use: simulated canaries from seeds.
//!
//!     cargo bench --bench judgement              # some minutes on two cores; writes assets/JUDGEMENT.md
//!     cargo bench --bench judgement -- --test    # a few runs of each row, printed only

#![expect(clippy::expect_used, reason = "helpers of benchmarks")]
#![expect(clippy::print_stdout, reason = "prints its tables")]
#![expect(clippy::disallowed_methods, reason = "measures time, and writes one file")]

#[path = "../../judge/draw.rs"]
mod draw;
mod judges;
mod others;
mod report;
mod rows;
#[path = "../../judge/scenarios.rs"]
mod scenarios;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Instant;

use pilothouse::analysis::judge::bound::mean_seconds_min;
use pilothouse::analysis::verdict::Answer;

use draw::Draw;
use judges::Judged;
use others::Slower;
use report::{Delays, Report};
use scenarios::{Case, Share};

/// Runs per row: of our judge, and of Mann and Whitney's, which is slow.
#[derive(Clone, Copy, Debug)]
struct Runs {
    ours: u64,
    slow: u64,
}

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let runs = if is_test { Runs { ours: 20, slow: 4 } } else { Runs { ours: 4_000, slow: 200 } };
    let began = Instant::now();
    let mut report = Report::new(runs.ours, runs.slow);
    false_alarms(&mut report, runs);
    delays(&mut report, runs);
    passes(&mut report, runs);
    speed(&mut report);
    let text = report.finish(began.elapsed());
    println!("{text}");
    if !is_test {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/JUDGEMENT.md");
        fs::write(path, text).expect("the file can be written");
    }
}

fn false_alarms(report: &mut Report, runs: Runs) {
    report.false_alarms();
    for (row, case) in (0_u64..).zip(rows::sound().iter().chain([&rows::unguarded()])) {
        let seed = row * 1_000_000;
        let ours = many(seed, runs.ours, |seed| case.seconds_until(Answer::Fail, seed));
        let [threshold, flagger, peeking] = [judges::threshold, judges::flagger, judges::peeking]
            .map(|judge| compared(case, seed, runs.ours, judge));
        let slow = compared(case, seed, runs.slow, judges::mann_whitney);
        report.alarms(case.name, &[&ours, &threshold, &flagger, &peeking, &slow]);
    }
    let quarter = runs.ours / 4;
    for (row, (name, stable)) in
        (100_u64..).zip([("latency, weight 5 %", 950.0), ("latency, weight 20 %", 200.0)])
    {
        let found =
            many(row * 1_000_000, quarter, |seed| others::latency(Slower::No, stable, seed));
        report.alarms(name, &[&found]);
    }
    for (row, (name, memory)) in (110_u64..).zip([
        ("gauge, no memory", 0.0),
        ("gauge, remembers 0.6", 0.6),
        ("gauge, remembers 0.9", 0.9),
    ]) {
        let found = many(row * 1_000_000, runs.ours, |seed| others::gauge(1.0, memory, seed));
        report.alarms(name, &[&found]);
    }
    let found = many(120_000_000, quarter, |seed| others::six(0, seed));
    report.alarms("six metrics that share a budget", &[&found]);
}

fn delays(report: &mut Report, runs: Runs) {
    report.delays();
    for (row, case) in (200_u64..).zip(rows::sick()) {
        let seed = row * 1_000_000;
        let many_runs = runs.ours / 2;
        let ours = many(seed, many_runs, |seed| case.seconds_until(Answer::Fail, seed));
        let [threshold, flagger] = [judges::threshold, judges::flagger]
            .map(|judge| compared(&case, seed, many_runs, judge));
        let slow = compared(&case, seed, runs.slow, judges::mann_whitney);
        report.delay(case.name, Some(bound(&case)), &[&ours, &threshold, &flagger, &slow]);
    }
    let eighth = runs.ours / 8;
    for (row, (name, slower, stable)) in (300_u64..).zip([
        ("latency × 1.3, weight 5 %", Slower::All, 950.0),
        ("latency × 1.3, weight 20 %", Slower::All, 200.0),
        ("p99 × 1.3 (slowest tenth only), weight 5 %", Slower::Tail, 950.0),
        ("p99 × 1.3 (slowest tenth only), weight 20 %", Slower::Tail, 200.0),
    ]) {
        let found = many(row * 1_000_000, eighth, |seed| others::latency(slower, stable, seed));
        report.delay(name, None, &[&found]);
    }
    for (row, (name, times, memory)) in (310_u64..).zip([
        ("gauge + 15 %, no memory", 1.15, 0.0),
        ("gauge + 50 %, no memory", 1.5, 0.0),
        ("gauge + 50 %, remembers 0.6", 1.5, 0.6),
    ]) {
        let found = many(row * 1_000_000, runs.ours / 2, |seed| others::gauge(times, memory, seed));
        report.delay(name, None, &[&found]);
    }
    for (row, (name, sick)) in
        (320_u64..).zip([("one of six metrics × 3, 20 %", 1), ("three of six × 3, 20 %", 3)])
    {
        let found = many(row * 1_000_000, eighth, |seed| others::six(sick, seed));
        report.delay(name, None, &[&found]);
    }
}

fn passes(report: &mut Report, runs: Runs) {
    report.passes();
    for (row, case) in (400_u64..).zip(rows::passes()) {
        let seed = row * 1_000_000;
        let good = many(seed, runs.ours / 4, |seed| case.seconds_until(Answer::Pass, seed));
        let bad = Case { times: case.worst, ..case };
        let wrong = many(seed, runs.ours / 4, |seed| bad.seconds_until(Answer::Pass, seed));
        report.pass(case.name, &good, &wrong);
    }
}

/// A thousand metrics, one window each, again and again.
fn speed(report: &mut Report) {
    let case = scenarios::SOUND;
    let mut draw = Draw::new(1);
    let mut judges: Vec<_> = (0..1_000).map(|_| case.judge(&mut draw)).collect();
    let run = case.run(&mut draw);
    let began = Instant::now();
    for (number, brought) in (0_u32..).zip(&run) {
        let window = scenarios::window(number, case.seconds, *brought);
        for judge in &mut judges {
            judge.take(0, &window);
        }
    }
    let taken = began.elapsed();
    let end = scenarios::window(240, case.seconds, None).end;
    let asked = Instant::now();
    let answers = judges.iter().filter(|judge| judge.verdict(end).answer == Answer::Fail).count();
    let bytes = judges.first().and_then(|judge| judge.bytes(0)).unwrap_or_default();
    report.speed((count(run.len()) * 1e3, taken), (1e3, asked.elapsed()), bytes);
    assert!(answers == 0 || answers == 1_000, "they saw the same");
}

/// Least mean delay of any judge with 1 % false alarms, once the damage is there.
fn bound(case: &Case) -> f64 {
    let Share::Rates(canary, stable) = case.share else { return f64::NAN };
    let bad = case.base * case.times;
    let laws = ([bad, 1.0 - bad], [case.base, 1.0 - case.base]);
    mean_seconds_min((&laws.0, canary), (&laws.1, stable), 0.01)
}

/// Another judge on the same canaries as ours: the same seeds, history drawn first.
fn compared(case: &Case, seed: u64, runs: u64, judge: Judged) -> Delays {
    many(seed, runs, |seed| {
        let mut draw = Draw::new(seed);
        let _same_history = case.judge(&mut draw);
        let found = judge(&case.run(&mut draw), case.seconds)?;
        let damage = f64::from(case.from) * case.seconds;
        // An alarm before the damage is a false one, and finds nothing.
        (found > damage).then_some(found - damage)
    })
}

/// The runs of a row, on two threads.
fn many(seed: u64, runs: u64, run: impl Fn(u64) -> Option<f64> + Sync) -> Delays {
    let half = |odd: u64| {
        let run = &run;
        move || (0..runs).filter(|at| at % 2 == odd).map(|at| run(seed + at)).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let [even, odd] = [scope.spawn(half(0)), scope.spawn(half(1))];
        let [even, odd] = [even, odd].map(|half| half.join().expect("no run panics"));
        Delays::new(even.into_iter().chain(odd))
    })
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand")]
const fn count(number: usize) -> f64 {
    number as f64
}
