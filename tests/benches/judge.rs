//! Text from outside, the verdict by limits, and the judge.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Bencher, Criterion};
use pilothouse::analysis::judge::live::Judge;
use pilothouse::analysis::judge::plan::{Kind, MetricPlan, Plan};
use pilothouse::analysis::verdict::{Limits, judge};
use pilothouse::domain::ids::PodHash;
use pilothouse::domain::metric::{Comparison, Finite, MetricKind, MetricPair};
use pilothouse::domain::text::{Block, Text};
use pilothouse::domain::window::{Arm, Histogram, Seen, Window};

use super::facts;

/// What a hostile controller might write: escapes, bidi controls, combining marks, and nothing wrong in between.
fn hostile(chars: usize) -> String {
    "progressing \u{1b}[31m\u{202e}e\u{301}\u{200b} 日本 \u{7}"
        .chars()
        .cycle()
        .take(chars)
        .collect()
}

fn comparison() -> Comparison {
    let pair = |(kind, canary, stable): (MetricKind, f64, f64)| MetricPair {
        kind,
        canary: Ok(Finite::new(canary).expect("finite")),
        stable: Ok(Finite::new(stable).expect("finite")),
        evaluated_at: Some(facts::noon()),
    };
    let pairs = [
        (MetricKind::ErrorRatio, 0.031, 0.004),
        (MetricKind::LatencyP99, 0.412, 0.306),
        (MetricKind::RequestRate, 12.5, 110.0),
    ];
    Comparison {
        canary: Some(PodHash::new("bad1")),
        stable: Some(PodHash::new("good1")),
        pairs: pairs.map(pair).into(),
        source: Text::clean("prometheus"),
        warnings: [].into(),
    }
}

pub(super) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("text");
    let plain = "a".repeat(200);
    group.bench_function("a plain name of 200", |bench| {
        bench.iter(|| black_box(Text::clean(black_box(&plain))));
    });
    let hostile = hostile(10_000);
    group.bench_function("a hostile message of 10 000", |bench| {
        bench.iter(|| black_box(Text::clean(black_box(&hostile))));
    });
    let log = "2026-11-27T12:00:00Z GET /cart 200 12 ms request=abcdef\n".repeat(2_000);
    group.bench_function("a log of 2 000 lines", |bench| {
        bench.iter(|| black_box(Block::clean(black_box(&log))));
    });
    group.finish();

    let (comparison, limits) = (comparison(), Limits::default());
    criterion.bench_function("verdict/three metrics", |bench| {
        bench.iter(|| black_box(judge(black_box(&comparison), &limits)));
    });

    let mut group = criterion.benchmark_group("judge");
    let kind = Kind::Ratio { objective: Some(0.01), harmless: Some(0.001) };
    group.bench_function("1 000 error ratios, a window each", |bench| {
        thousand(bench, &kind, || Seen::Arms {
            canary: arm(1.0, 750.0),
            stable: arm(14.0, 14_250.0),
        });
    });
    let kind = Kind::Histogram { history: vec![] };
    group.bench_function("1 000 histograms of 11 buckets, a window each", |bench| {
        thousand(bench, &kind, || Seen::Histograms {
            canary: buckets(750.0),
            stable: buckets(14_250.0),
        });
    });
    group.finish();
}

fn arm(bad: f64, total: f64) -> Arm {
    Arm::of_total(bad, total).expect("counts")
}

fn buckets(total: f64) -> Histogram {
    let shares = [0.0, 0.05, 0.2, 0.4, 0.77, 0.97, 0.99, 0.999, 1.0, 1.0];
    let pairs: Vec<(f64, f64)> = (1_u32..)
        .zip(shares)
        .map(|(bound, share)| (f64::from(bound), (total * share).round()))
        .chain([(f64::INFINITY, total)])
        .collect();
    Histogram::from_cumulative(&pairs).expect("buckets")
}

/// One round of a thousand judges, each of one metric that goes on and on.
fn thousand(bench: &mut Bencher<'_>, kind: &Kind, seen: impl Fn() -> Seen) {
    let metrics = vec![MetricPlan::new("metric", kind.clone())];
    let judge = Judge::new(Plan { metrics, ..Plan::default() }).expect("the plan is sound");
    let mut judges = vec![judge; 1_000];
    let length = Duration::from_secs(15);
    let mut window = Window { end: facts::noon(), length, seen: Ok(seen()) };
    bench.iter(|| {
        window.end += length;
        for judge in &mut judges {
            judge.take(0, black_box(&window));
        }
    });
}
