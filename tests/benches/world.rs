//! What the simulated world costs: to be made, to live half an hour, to stand still.

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;

use super::facts;

pub(super) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("world");
    group.sample_size(10);
    group.bench_function("the demo lives 30 min", |bench| {
        bench.iter(|| black_box(facts::world("demo")));
    });
    for name in ["demo", "large"] {
        let mut world = facts::world(name);
        let tick = Duration::from_millis(100);
        group.bench_function(format!("{name} lives 100 ms"), |bench| {
            bench.iter(|| world.step(black_box(tick)));
        });
    }
    group.finish();
}
