//! The rows of the table for the kinds of Kubernetes itself (`reference/rollouts.md` §3). StatefulSets and
//! DaemonSets have no field for a pause: a partition above all pods, and `OnDelete`, stand for one.

use super::case::Way;
use super::draw::Recipe;
use super::needs::Need;
use super::table::{About, DEADLINE, DEADLINE_LONG, ROLLBACK, Reversal, Row, State, Words};
use crate::control::action::Action;

const DEPLOYMENT: &[Way] = &[Way::Deployment];
const STATEFUL_SET: &[Way] = &[Way::StatefulSet];
const DAEMON_SET: &[Way] = &[Way::DaemonSet];
const SETS: &[Way] = &[Way::StatefulSet, Way::DaemonSet];

pub(super) static ROWS: &[Row] = &[
    Row {
        deed: Action::Pause,
        ways: DEPLOYMENT,
        state: State::Any,
        needs: &[Need::Living, Need::Own, Need::NotHandPaused],
        recipe: Recipe::Pause,
        reversal: Reversal::By(Action::Resume),
        about: About::Millis(1_000),
        deadline: DEADLINE,
        words: Words {
            when: "not paused",
            writes: "spec.paused: true",
            arrived: "paused, and the controller has seen it",
        },
    },
    Row {
        deed: Action::Resume,
        ways: DEPLOYMENT,
        state: State::Any,
        needs: &[Need::Living, Need::Own, Need::HandPaused],
        recipe: Recipe::Resume,
        reversal: Reversal::By(Action::Pause),
        about: About::Millis(5_000),
        deadline: DEADLINE_LONG,
        words: Words { when: "paused", writes: "spec.paused: null", arrived: "rolled out" },
    },
    Row {
        deed: ROLLBACK,
        ways: DEPLOYMENT,
        state: State::Any,
        needs: &[Need::Living, Need::Own, Need::NotHandPaused, Need::Target],
        recipe: Recipe::Rollback,
        reversal: Reversal::ToCurrent,
        about: About::Route,
        deadline: DEADLINE_LONG,
        words: Words {
            when: "not paused, and the ReplicaSet of another template is left",
            writes: "spec.template: that of the older revision, metadata.annotations: likewise",
            arrived: "that version is wanted, and all pods are new and available",
        },
    },
    Row {
        deed: Action::Restart,
        ways: DEPLOYMENT,
        state: State::Any,
        needs: &[Need::Living, Need::Own, Need::NotHandPaused],
        recipe: Recipe::Restart,
        reversal: Reversal::None,
        about: About::PerPod(1_100),
        deadline: DEADLINE_LONG,
        words: Words {
            when: "not paused",
            writes: "annotation kubectl.kubernetes.io/restartedAt of the template: the server's time",
            arrived: "rolled out",
        },
    },
    Row {
        deed: Action::Pause,
        ways: STATEFUL_SET,
        state: State::Any,
        needs: &[Need::Living, Need::Own, Need::NotHandPaused, Need::Rolling, Need::CountSaid],
        recipe: Recipe::Hold,
        reversal: Reversal::By(Action::Resume),
        about: About::Millis(4_000),
        deadline: DEADLINE,
        words: Words {
            when: "its strategy is RollingUpdate, and the partition is below its number of pods",
            writes: "spec.updateStrategy.rollingUpdate.partition: its number of pods; the old one into an annotation",
            arrived: "the controller has seen it, and no pod is missing",
        },
    },
    Row {
        deed: Action::Resume,
        ways: STATEFUL_SET,
        state: State::Any,
        needs: &[Need::Living, Need::Own, Need::Partitioned],
        recipe: Recipe::Release,
        reversal: Reversal::By(Action::Pause),
        about: About::Millis(7_000),
        deadline: DEADLINE_LONG,
        words: Words {
            when: "a partition holds it",
            writes: "spec.updateStrategy.rollingUpdate.partition: what it was before the pause, else 0",
            arrived: "all pods from the partition on are new and available",
        },
    },
    Row {
        deed: Action::Pause,
        ways: DAEMON_SET,
        state: State::Any,
        needs: &[Need::Living, Need::Own, Need::NotHandPaused, Need::Rolling],
        recipe: Recipe::Pause,
        reversal: Reversal::By(Action::Resume),
        about: About::Millis(1_000),
        deadline: DEADLINE,
        words: Words {
            when: "its strategy is RollingUpdate",
            writes: "spec.updateStrategy.type: OnDelete; the old one into an annotation",
            arrived: "paused, and the controller has seen it",
        },
    },
    Row {
        deed: Action::Resume,
        ways: DAEMON_SET,
        state: State::Any,
        needs: &[Need::Living, Need::Own, Need::HandPaused],
        recipe: Recipe::Resume,
        reversal: Reversal::By(Action::Pause),
        about: About::Millis(14_000),
        deadline: DEADLINE_LONG,
        words: Words {
            when: "it was paused by us (OnDelete)",
            writes: "spec.updateStrategy.type: RollingUpdate",
            arrived: "rolled out",
        },
    },
    Row {
        deed: ROLLBACK,
        ways: SETS,
        state: State::Any,
        needs: &[Need::Living, Need::Own, Need::NotHandPaused, Need::Observed, Need::Target],
        recipe: Recipe::Rollback,
        reversal: Reversal::ToCurrent,
        about: About::Route,
        deadline: DEADLINE_LONG,
        words: Words {
            when: "not paused, and another ControllerRevision is left",
            writes: "spec.template: that of the ControllerRevision; a StatefulSet in order: pods that are not ready and of another version are deleted",
            arrived: "that version is wanted, and all pods are new and available",
        },
    },
    Row {
        deed: Action::Restart,
        ways: SETS,
        state: State::Any,
        needs: &[Need::Living, Need::Own, Need::NotHandPaused],
        recipe: Recipe::Restart,
        reversal: Reversal::None,
        about: About::PerPod(2_300),
        deadline: DEADLINE_LONG,
        words: Words {
            when: "not paused",
            writes: "annotation kubectl.kubernetes.io/restartedAt of the template: the server's time",
            arrived: "rolled out",
        },
    },
];
