//! The rows of the table for Argo's Rollouts.

use super::case::Way;
use super::draw::Recipe;
use super::needs::Need;
use super::table::{About, DEADLINE, DEADLINE_LONG, ROLLBACK, Reversal, Row, State, Words};
use crate::control::action::Action;

const ARGO: &[Way] = &[Way::Canary, Way::BlueGreen];
const ROLLOUT: &[Way] = &[Way::Canary, Way::BlueGreen, Way::OtherRollout];
const CANARY: &[Way] = &[Way::Canary];
const BLUE_GREEN: &[Way] = &[Way::BlueGreen];

const SKIP: Action = Action::Skip { to: None };

const SKIP_NEEDS: &[Need] = &[
    Need::Living,
    Need::StepRuns,
    Need::StepAhead,
    Need::InFlight,
    Need::Observed,
    Need::NotAborted,
    Need::NotHandPaused,
    Need::BackgroundDecided,
];

const ABORT_NEEDS: &[Need] = &[Need::Living, Need::InFlight, Need::Observed, Need::AbortNotDone];

pub(super) static ROWS: &[Row] = &[
    Row {
        deed: Action::Pause,
        ways: ROLLOUT,
        state: State::Any,
        needs: &[Need::Living, Need::NotHandPaused],
        recipe: Recipe::Pause,
        reversal: Reversal::By(Action::Resume),
        about: About::Millis(36),
        deadline: DEADLINE,
        words: Words {
            when: "not paused by hand",
            writes: "spec.paused: true",
            arrived: "paused by hand, and the controller has seen it",
        },
    },
    Row {
        deed: Action::Resume,
        ways: ROLLOUT,
        state: State::Any,
        needs: &[Need::Living, Need::HandPaused],
        recipe: Recipe::Resume,
        reversal: Reversal::By(Action::Pause),
        about: About::Millis(26),
        deadline: DEADLINE,
        words: Words {
            when: "paused by hand",
            writes: "spec.paused: false",
            arrived: "not paused by hand, and the controller has seen it",
        },
    },
    Row {
        deed: Action::Promote,
        ways: CANARY,
        state: State::InconclusiveStep,
        needs: &[Need::Living, Need::Gate, Need::NotHandPaused, Need::NotAborted, Need::Observed],
        recipe: Recipe::PassStep,
        reversal: Reversal::By(Action::Abort),
        about: About::Millis(300),
        deadline: DEADLINE,
        words: Words {
            when: "the running step came to no answer",
            writes: "status.pauseConditions: null, controllerPause: false, currentStepIndex: next",
            arrived: "at that step, and the run of the old one is gone",
        },
    },
    Row {
        deed: Action::Promote,
        ways: ARGO,
        state: State::Any,
        needs: &[Need::Living, Need::Gate, Need::NotHandPaused, Need::NotAborted, Need::Observed],
        recipe: Recipe::ClearPause,
        reversal: Reversal::By(Action::Abort),
        about: About::Millis(83),
        deadline: DEADLINE,
        words: Words {
            when: "the controller waits at a gate; not paused by hand, not aborted",
            writes: "status.pauseConditions: null",
            arrived: "canary: past the step; blue-green: the new version is active",
        },
    },
    Row {
        deed: Action::PromoteFull,
        ways: ARGO,
        state: State::Any,
        needs: &[
            Need::Living,
            Need::InFlight,
            Need::Observed,
            Need::NotAborted,
            Need::NotHandPaused,
        ],
        recipe: Recipe::PromoteFull,
        reversal: Reversal::ToStable,
        about: About::Millis(80),
        deadline: DEADLINE_LONG,
        words: Words {
            when: "an update is on its way; not aborted, not paused by hand",
            writes: "status.promoteFull: true",
            arrived: "the new version is the stable one",
        },
    },
    Row {
        deed: SKIP,
        ways: CANARY,
        state: State::PauseStep,
        needs: SKIP_NEEDS,
        recipe: Recipe::ClearPause,
        reversal: Reversal::By(Action::Abort),
        about: About::Millis(64),
        deadline: DEADLINE,
        words: Words {
            when: "the running step is a pause",
            writes: "status.pauseConditions: null",
            arrived: "past the step",
        },
    },
    Row {
        deed: SKIP,
        ways: CANARY,
        state: State::Any,
        needs: SKIP_NEEDS,
        recipe: Recipe::PassStep,
        reversal: Reversal::By(Action::Abort),
        about: About::Millis(39),
        deadline: DEADLINE,
        words: Words {
            when: "a step runs; not aborted, not paused by hand",
            writes: "status.pauseConditions: null, controllerPause: false, currentStepIndex: the next one, or the one that was chosen",
            arrived: "at that step, and the run of the old one is gone",
        },
    },
    Row {
        deed: Action::Abort,
        ways: BLUE_GREEN,
        state: State::Switched,
        needs: &[Need::Living, Need::StableKept, Need::TemplateWritable],
        recipe: Recipe::BackToStable,
        reversal: Reversal::ToCurrent,
        about: About::Millis(114),
        deadline: DEADLINE,
        words: Words {
            when: "blue-green has switched, and the new version is not stable yet",
            writes: "spec.template: that of stable, spec.paused: false (an abort could end without pods)",
            arrived: "the stable version is active",
        },
    },
    Row {
        deed: Action::Abort,
        ways: CANARY,
        state: State::HandPausedByPods,
        needs: &[
            Need::Living,
            Need::InFlight,
            Need::Observed,
            Need::AbortNotDone,
            Need::OutsideWindow,
        ],
        recipe: Recipe::AbortAndUnpause,
        reversal: Reversal::By(Action::Retry),
        about: About::Millis(1_000),
        deadline: DEADLINE,
        words: Words {
            when: "an update is on its way, by pods, paused by hand",
            writes: "status.abort: true, promoteFull: false; then spec.paused: false",
            arrived: "abortedAt is set, and the new version has no pods",
        },
    },
    Row {
        deed: Action::Abort,
        ways: ARGO,
        state: State::Any,
        needs: ABORT_NEEDS,
        recipe: Recipe::Abort,
        reversal: Reversal::By(Action::Retry),
        about: About::ByTraffic { routed: 90, pods: 1_000 },
        deadline: DEADLINE,
        words: Words {
            when: "an update is on its way and not aborted (or aborted and still serving)",
            writes: "status.abort: true, promoteFull: false",
            arrived: "abortedAt is set, and the new version has no traffic (by pods: no pods)",
        },
    },
    Row {
        deed: Action::Terminate,
        ways: ARGO,
        state: State::Any,
        needs: &[Need::Living, Need::AnalysisRuns],
        recipe: Recipe::Terminate,
        reversal: Reversal::None,
        about: About::Millis(1_000),
        deadline: DEADLINE,
        words: Words {
            when: "an analysis or experiment of the Rollout runs",
            writes: "spec.terminate: true of each AnalysisRun and Experiment that runs",
            arrived: "the Rollout no longer waits for any of them",
        },
    },
    Row {
        deed: Action::Terminate,
        ways: &[Way::Experiment],
        state: State::Any,
        needs: &[Need::Living, Need::ExperimentRuns],
        recipe: Recipe::Terminate,
        reversal: Reversal::None,
        about: About::Millis(1_000),
        deadline: DEADLINE,
        words: Words {
            when: "it is not over, and its end is not asked for",
            writes: "spec.terminate: true",
            arrived: "its phase is a final one",
        },
    },
    Row {
        deed: Action::ScaleDown,
        ways: CANARY,
        state: State::Any,
        needs: &[
            Need::Living,
            Need::InFlight,
            Need::ByPods,
            Need::AbortUnanswered,
            Need::StableServes,
            Need::NewPods,
        ],
        recipe: Recipe::ScaleDown,
        reversal: Reversal::None,
        about: About::Millis(1_000),
        deadline: DEADLINE,
        words: Words {
            when: "a canary by pods whose abort is asked for and not acted on: its controller is silent",
            writes: "spec.replicas: 0 of the new version's ReplicaSet",
            arrived: "the new version has no pods",
        },
    },
    Row {
        deed: Action::Retry,
        ways: ARGO,
        state: State::Any,
        needs: &[Need::Living, Need::Aborted],
        recipe: Recipe::Retry,
        reversal: Reversal::By(Action::Abort),
        about: About::Millis(35),
        deadline: DEADLINE,
        words: Words {
            when: "aborted",
            writes: "status.abort: false",
            arrived: "abortedAt is gone, and the update goes on",
        },
    },
    Row {
        deed: ROLLBACK,
        ways: ROLLOUT,
        state: State::Any,
        needs: &[Need::Living, Need::Target, Need::TemplateWritable],
        recipe: Recipe::Rollback,
        reversal: Reversal::ToCurrent,
        about: About::Route,
        deadline: DEADLINE_LONG,
        words: Words {
            when: "the ReplicaSet of another revision is left",
            writes: "spec.template: that of the older revision, spec.paused: false",
            arrived: "that version is wanted, stable and healthy, with all traffic",
        },
    },
    Row {
        deed: Action::Restart,
        ways: ROLLOUT,
        state: State::Any,
        needs: &[Need::Living],
        recipe: Recipe::Restart,
        reversal: Reversal::None,
        about: About::PerPod(1_100),
        deadline: DEADLINE_LONG,
        words: Words {
            when: "always",
            writes: "spec.restartAt: the server's time",
            arrived: "restartedAt is that time, and it is healthy",
        },
    },
];
