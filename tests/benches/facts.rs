//! A thousand rollouts, as the program itself reads them from the simulator's API server.

use std::collections::BTreeSet;
use std::sync::Arc;

use pilothouse::app::event::{Event, Screen};
use pilothouse::app::input::Input;
use pilothouse::app::keymap::Keymap;
use pilothouse::app::state::{Mode, Session, State};
use pilothouse::app::update::{start, update};
use pilothouse::backends::kube::cluster::{Cluster, ClusterSpec};
use pilothouse::backends::kube::follow::follow;
use pilothouse::cli::assets::KEYMAPS;
use pilothouse::domain::feed::{Feed, Scope, SourceId, SourceKind};
use pilothouse::domain::ids::ClusterName;
use pilothouse::domain::observed::{Observed, Timestamp};
use pilothouse::domain::text::Text;
use pilothouse::domain::workload::Workload;
use pilothouse::sim::world::World;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// News of one cluster.
pub(super) type Feeds = mpsc::Receiver<(SourceId, Observed<Feed>)>;

/// A moment that is the same in every run.
pub(super) fn noon() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a moment")
}

/// The world of a scenario, which has lived as long as it says.
pub(super) fn world(scenario: &str) -> World {
    pilothouse::sim::scenario::world(scenario, 1, noon()).expect("a scenario")
}

/// One thread: what is measured is work, not luck.
pub(super) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// What follows one cluster, and ends when it is dropped.
pub(super) struct Following {
    /// What is told.
    pub(super) feeds: Feeds,
    _scopes: watch::Sender<BTreeSet<Scope>>,
    _task: JoinSet<()>,
}

/// Follows the cluster behind this client. To be called inside a runtime.
pub(super) fn following(client: kube::Client) -> Following {
    let spec = ClusterSpec::mounted(ClusterName::new("east"), client);
    let cluster = Cluster::new(spec, Arc::new(noon));
    let (feed, feeds) = mpsc::channel(64);
    let (scopes, wanted) = watch::channel(BTreeSet::new());
    let mut task = JoinSet::new();
    task.spawn(follow(cluster, wanted, feed));
    Following { feeds, _scopes: scopes, _task: task }
}

/// Every workload that is told until the cluster is known.
pub(super) async fn known(following: &mut Following) -> Vec<Workload> {
    let mut workloads = Vec::new();
    while let Some((_, seen)) = following.feeds.recv().await {
        match seen.value {
            Feed::Changed(changed) => workloads.extend(changed),
            Feed::Synced => break,
            Feed::Removed(_)
            | Feed::Detail(_)
            | Feed::Health(_)
            | Feed::Beat
            | Feed::Identity(_)
            | Feed::Owners(_)
            | Feed::OwnersRead(..)
            | Feed::Sighting(..) => {}
        }
    }
    workloads
}

/// The thousand, whole.
pub(super) fn workloads() -> Vec<Workload> {
    let shared = pilothouse::sim::shared::Shared::new(world("large"));
    let mut workloads = runtime().block_on(async {
        let router = pilothouse::sim::api::kubernetes::router(&shared, "east");
        known(&mut following(kube::Client::new(router, "shop"))).await
    });
    // A workload that was told twice counts as it was told last.
    workloads.reverse();
    workloads.sort_by(|one, two| one.target.cmp(&two.target));
    workloads.dedup_by(|one, two| one.target == two.target);
    workloads
}

fn source() -> SourceId {
    SourceId { cluster: ClusterName::new("east"), kind: SourceKind::Kubernetes }
}

/// These facts, as they come from the cluster.
pub(super) fn changed(workloads: &[Workload]) -> Event {
    Event::Feed(source(), Observed::new(Feed::Changed(workloads.to_vec()), noon()))
}

/// The state that knows these, on a screen of that size, with every row listed.
pub(super) fn state(workloads: &[Workload], (width, height): (u16, u16)) -> State {
    let session = Session {
        clusters: vec![ClusterName::new("east")],
        mode: Mode::Simulated,
        ..Session::empty()
    };
    let (_, keys) = KEYMAPS.first().expect("a keymap");
    let (keymap, _) = Keymap::layered(&[(Text::clean("default"), keys)]);
    let mut state = State::new(session, keymap, noon());
    drop(start(&mut state));
    for event in [
        Event::Input(Input::Resize { width, height }),
        changed(workloads),
        Event::Feed(source(), Observed::new(Feed::Synced, noon())),
        Event::Command(pilothouse::app::event::Command::ToggleSteady),
    ] {
        drop(update(&mut state, event));
    }
    state
}

/// The same, with one rollout open.
pub(super) fn opened(workloads: &[Workload], size: (u16, u16)) -> State {
    let mut state = state(workloads, size);
    drop(update(&mut state, Event::Command(pilothouse::app::event::Command::Open)));
    assert_eq!(state.focus().screen, Screen::Rollout);
    state
}
