//! What things cost: `cargo bench`, under three minutes on two cores. Figures: `assets/PERFORMANCE.md`.
//!
//! Facts are not made up here: a world of 1 000 rollouts is simulated, and read over the wire by the program's own
//! reading side. `cargo test` does not run these; `cargo bench -- --test` runs each of them once.

#![expect(clippy::expect_used, reason = "helpers of benchmarks")]

mod facts;
mod judge;
mod order;
mod reading;
mod screen;
mod world;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .configure_from_args();
    judge::benches(&mut criterion);
    order::benches(&mut criterion);
    reading::benches(&mut criterion);
    reading::expositions(&mut criterion);
    screen::benches(&mut criterion);
    world::benches(&mut criterion);
    criterion.final_summary();
}
