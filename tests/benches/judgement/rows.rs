//! The canaries of the tables that count errors.

use super::scenarios::{Case, Clumps, SOUND, Share, Told};

const TEN: f64 = 10.0;

/// Nothing is wrong (or no more than is tolerated).
pub(super) fn sound() -> Vec<Case> {
    let share = Share::Rates;
    vec![
        Case { name: "errors, weight 5 %", ..SOUND },
        Case { name: "errors, weight 20 %", share: share(50.0, 200.0), ..SOUND },
        Case { name: "errors, stable of the same size", share: share(50.0, 50.0), ..SOUND },
        Case { name: "errors, windows of 5 s", seconds: 5.0, windows: 720, ..SOUND },
        Case {
            name: "weight 5-10-25-50 %, drifting error rate",
            share: Share::Ramp(1_000.0),
            ..SOUND
        },
        Case { name: "20 % of the canary's scrapes lost", lost: 0.2, ..SOUND },
        Case {
            name: "bursts of 1 to 5, φ learnt",
            clumps: Clumps::Bursts,
            told: Told::Learnt,
            ..SOUND
        },
        Case {
            name: "bursts of 1 to 5, no history (φ = 4)",
            clumps: Clumps::Bursts,
            told: Told::Unknown,
            ..SOUND
        },
        Case {
            name: "overdispersed (gamma per pod and window), φ learnt",
            clumps: Clumps::Overdispersed,
            told: Told::Learnt,
            ..SOUND
        },
        Case { name: "1.25 times stable, tolerated 1.25", times: 1.25, tolerated: 1.25, ..SOUND },
    ]
}

/// Misuse: what the guard is for.
pub(super) fn unguarded() -> Case {
    Case { name: "bursts of 1 to 5, φ = 1 (misuse)", clumps: Clumps::Bursts, ..SOUND }
}

/// Something is wrong.
pub(super) fn sick() -> Vec<Case> {
    let share = Share::Rates;
    let ten = Case { times: TEN, ..SOUND };
    let hundred = Case { share: share(100.0, 1_900.0), ..ten };
    let three = Case { times: 3.0, ..SOUND };
    vec![
        Case { name: "0.1 → 1 %, canary 100/s at 5 %", ..hundred },
        Case { name: "0.1 → 1 %, canary 100/s at 20 %", share: share(100.0, 400.0), ..ten },
        Case {
            name: "0.1 → 1 %, canary 100/s at 20 %, windows of 5 s",
            share: share(100.0, 400.0),
            seconds: 5.0,
            windows: 720,
            ..ten
        },
        Case { name: "0.1 → 1 %, canary 100/s at 50 %", share: share(100.0, 100.0), ..ten },
        Case { name: "0.1 → 1 %, canary 100/s at 5 %, φ learnt", told: Told::Learnt, ..hundred },
        Case {
            name: "0.1 → 1 %, canary 100/s at 5 %, no history", told: Told::Unknown, ..hundred
        },
        Case { name: "0.1 → 1 %, canary 50/s at 5 %", ..ten },
        Case { name: "0.1 → 1 %, canary 50/s at 20 %", share: share(50.0, 200.0), ..ten },
        Case {
            name: "0.1 → 1 %, canary 20/s at 20 % (100/s in all)",
            share: share(20.0, 80.0),
            ..ten
        },
        Case { name: "0.1 → 0.3 %, canary 50/s at 5 %", ..three },
        Case { name: "0.1 → 0.3 %, canary 50/s at 20 %", share: share(50.0, 200.0), ..three },
        Case {
            name: "0.1 → 1 % after 20 minutes, canary 50/s at 20 %",
            share: share(50.0, 200.0),
            from: 80,
            ..ten
        },
        Case {
            name: "bursts, 0.1 → 1 %, 50/s at 5 %, φ learnt",
            clumps: Clumps::Bursts,
            told: Told::Learnt,
            ..ten
        },
        Case {
            name: "bursts, 0.1 → 0.3 %, 50/s at 5 %, φ learnt",
            clumps: Clumps::Bursts,
            told: Told::Learnt,
            ..three
        },
    ]
}

/// A pass is asked for: what it must exclude, with a canary that is as good as stable.
pub(super) fn passes() -> Vec<Case> {
    vec![
        Case { name: "excludes 1.5 times", worst: 1.5, ..SOUND },
        Case { name: "excludes 2 times", worst: 2.0, ..SOUND },
        Case { name: "excludes 3 times", worst: 3.0, ..SOUND },
    ]
}
