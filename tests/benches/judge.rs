//! Text from outside, and the verdict.

use std::hint::black_box;

use criterion::Criterion;
use pilothouse::analysis::verdict::{Limits, judge};
use pilothouse::domain::ids::PodHash;
use pilothouse::domain::metric::{Comparison, Finite, MetricKind, MetricPair};
use pilothouse::domain::text::{Block, Text};

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
}
