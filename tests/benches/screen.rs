//! From an event to bytes: the machine, the paint, the encoder.

use std::hint::black_box;

use criterion::{BatchSize, Criterion};
use pilothouse::app::event::{Command, Event, Motion, Screen, Toward, Zoom};
use pilothouse::app::state::State;
use pilothouse::app::update::update;
use pilothouse::cli::assets::THEMES;
use pilothouse::domain::text::Text;
use pilothouse::runtime::colour::ColourLevel;
use pilothouse::runtime::encoder::{Encoder, Frame};
use pilothouse::ui::theme::Theme;
use pilothouse::ui::view;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::facts;

const SIZES: [(u16, u16); 3] = [(80, 24), (160, 50), (300, 100)];

fn theme() -> Theme {
    let find = |name: &str| {
        let theme = THEMES.iter().find(|(known, _)| *known == name);
        theme.map(|(name, text)| (Text::clean(name), (*text).to_owned()))
    };
    Theme::load("dark", &find).0
}

fn painted(state: &State, theme: &Theme) -> Buffer {
    let (width, height) = state.focus().size;
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    view::paint(state, theme, &mut buffer);
    buffer
}

fn frame(state: &State, theme: &Theme) -> Frame {
    Frame { buffer: painted(state, theme), cursor: None }
}

pub(super) fn benches(criterion: &mut Criterion) {
    let workloads = facts::workloads();
    let theme = theme();
    let mut group = criterion.benchmark_group("update");
    group.bench_function("a burst of 1 000 changed rollouts", |bench| {
        let mut state = facts::state(&workloads, (160, 50));
        bench.iter_batched(
            || facts::changed(&workloads),
            |event| black_box(update(&mut state, event)),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("one changed rollout among 1 000", |bench| {
        let mut state = facts::state(&workloads, (160, 50));
        let one = workloads.get(..1).expect("a workload");
        bench.iter_batched(
            || facts::changed(one),
            |event| black_box(update(&mut state, event)),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("cursor down among 1 000", |bench| {
        let mut state = facts::state(&workloads, (160, 50));
        bench.iter(|| black_box(update(&mut state, Event::Command(Command::Move(Motion::Down)))));
    });
    group.bench_function("to the event before and after, on any of 1 000 lanes", |bench| {
        let mut state = lanes(&workloads, (160, 50));
        bench.iter(|| {
            for toward in [Toward::Earlier, Toward::Later] {
                black_box(update(&mut state, Event::Command(Command::Event(toward))));
            }
        });
    });
    group.finish();

    let mut group = criterion.benchmark_group("paint");
    for (width, height) in SIZES {
        let fleet = facts::state(&workloads, (width, height));
        group.bench_function(format!("fleet of 1 000, {width}x{height}"), |bench| {
            bench.iter(|| black_box(painted(&fleet, &theme)));
        });
        let rollout = facts::opened(&workloads, (width, height));
        group.bench_function(format!("rollout, {width}x{height}"), |bench| {
            bench.iter(|| black_box(painted(&rollout, &theme)));
        });
        let lanes = lanes(&workloads, (width, height));
        group.bench_function(format!("fleet timeline of 1 000 lanes, {width}x{height}"), |bench| {
            bench.iter(|| black_box(painted(&lanes, &theme)));
        });
    }
    group.finish();
    encoder(criterion, &workloads, &theme);
}

/// The fleet's time axis with all lanes and all that is known.
fn lanes(workloads: &[pilothouse::domain::workload::Workload], size: (u16, u16)) -> State {
    let mut state = facts::state(workloads, size);
    for command in [
        Command::Go(Screen::FleetTimeline),
        Command::ToggleSteady,
        Command::Zoom(Zoom::All),
        Command::Event(Toward::Earlier),
    ] {
        drop(update(&mut state, Event::Command(command)));
    }
    state
}

fn encoder(
    criterion: &mut Criterion,
    workloads: &[pilothouse::domain::workload::Workload],
    theme: &Theme,
) {
    let mut group = criterion.benchmark_group("encode");
    for (width, height) in SIZES {
        let mut state = facts::state(workloads, (width, height));
        let before = frame(&state, theme);
        drop(update(&mut state, Event::Command(Command::Move(Motion::Down))));
        let after = frame(&state, theme);
        let mut encoder = Encoder::new(ColourLevel::Full);
        let _ = encoder.encode(&before);
        group.bench_function(format!("cursor down and up, {width}x{height}"), |bench| {
            bench.iter(|| {
                black_box(encoder.encode(&after));
                black_box(encoder.encode(&before));
            });
        });
        group.bench_function(format!("whole, {width}x{height}"), |bench| {
            bench.iter(|| {
                encoder.forget();
                black_box(encoder.encode(&before));
            });
        });
    }
    group.finish();
}
