//! A small fleet to paint in tests, made of domain values and fed through the machine's own door, and a way to read
//! meanings off a painted buffer.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::event::{Command, Event};
use crate::app::focus::Popup;
use crate::app::input::Input;
use crate::app::keymap::Keymap;
use crate::app::state::{Mode, Session, State};
use crate::app::update::{start, update};
use crate::control::footing::Footing;
use crate::control::order::OrderNews;
use crate::control::plan::{Access, AccessAnswer, DryRun, Rehearsal};
use crate::domain::feed::{Answer, Feed, SourceHealth, SourceId, SourceKind};
use crate::domain::ids::{
    ClusterName, Generation, Name, Namespace, PodHash, QueryId, ResourceVersion, Revision, Uid,
    WorkloadKind, WorkloadRef,
};
use crate::domain::observed::{Observed, Timestamp};
use crate::domain::owner::{Owner, OwnerTool};
use crate::domain::rollout::{
    BlueGreenSpec, Hashes, PauseCondition, Rollout, RolloutSpec, RolloutStatus, Step, TrafficSpec,
    Weights,
};
use crate::domain::text::{Block, Text};
use crate::domain::workload::{
    Build, Controller, DeploymentFacts, Image, ObjectMeta, ReplicaCounts, ReplicaSet, Strategy,
    Workload,
};

use super::testing_parts::{application, charts, comparison};
use super::theme::{Role, Theme};
use super::view;

/// The present of all tests.
pub(super) fn now() -> Timestamp {
    "2026-07-01T14:02:40Z".parse().unwrap()
}

/// So many seconds before the present.
pub(super) fn ago(seconds: u64) -> Timestamp {
    now() - Duration::from_secs(seconds)
}

pub(super) fn target(path: &str) -> WorkloadRef {
    let mut parts = path.split('/');
    let mut next = || parts.next().unwrap_or_default();
    WorkloadRef {
        cluster: ClusterName::new(next()),
        namespace: Namespace::new(next()),
        kind: WorkloadKind::Rollout,
        name: Name::new(next()),
    }
}

pub(super) fn counts(desired: u32, ready: u32) -> ReplicaCounts {
    let count = Some(ready);
    let current = Some(desired);
    ReplicaCounts { desired: current, current, updated: current, ready: count, available: count }
}

/// A workload under construction.
pub(super) struct Make(pub(super) Workload);

/// A canary of `cluster/namespace/name`, healthy, with one revision.
pub(super) fn canary(path: &str, tag: &str) -> Make {
    let steps: Arc<[Step]> = [
        Step::SetWeight(5),
        Step::Pause(Some(Duration::from_mins(5))),
        Step::SetWeight(20),
        Step::Pause(None),
        Step::Analysis([Name::new("success-rate")].into()),
        Step::SetWeight(50),
    ]
    .into();
    let traffic = TrafficSpec { routed: true, ..TrafficSpec::default() };
    let deadline = Duration::from_mins(10);
    let spec =
        RolloutSpec { steps, traffic, progress_deadline: deadline, ..RolloutSpec::default() };
    let hash = PodHash::new("stable1");
    let hashes = Hashes { current: Some(hash.clone()), stable: Some(hash.clone()) };
    let status = RolloutStatus {
        phase: Some(Text::clean("Healthy")),
        observed_generation: Some(Text::clean("7")),
        hashes,
        step_index: Some(6),
        ..RolloutStatus::default()
    };
    Make(Workload {
        target: target(path),
        meta: ObjectMeta {
            uid: Uid::new(&format!("uid-{}", path.replace('/', "-"))),
            resource_version: ResourceVersion::new("4711"),
            generation: Generation(7),
            created: Some(ago(900_000)),
            deleting: None,
            hands: [].into(),
        },
        strategy: Strategy::Canary,
        replicas: counts(18, 18),
        controller: Controller::Argo(Box::new(Rollout { spec, status, routers: Arc::from([]) })),
        conditions: [].into(),
        revisions: [set(path, "stable1", 42, tag, ago(400_000))].into(),
        part_of: None,
        owner: None,
        build: Build::default(),
        oddities: [].into(),
        seen_at: now(),
    })
}

/// A Deployment that replaces a few pods at a time.
pub(super) fn deployment(path: &str, (old, new): (&str, &str), updated: u32) -> Make {
    let mut make = canary(path, old);
    let workload = &mut make.0;
    workload.target.kind = WorkloadKind::Deployment;
    workload.strategy = Strategy::RollingUpdate;
    workload.replicas =
        ReplicaCounts { updated: Some(updated), current: Some(13), ..counts(12, 12) };
    workload.controller = Controller::Deployment(DeploymentFacts {
        observed_generation: Some(Generation(7)),
        current_hash: Some(PodHash::new("canary1")),
        revision: Some(Revision(56)),
        ..DeploymentFacts::default()
    });
    let mut newer = set(path, "canary1", 56, new, ago(70));
    newer.replicas = counts(updated, updated);
    workload.revisions = [newer, set(path, "stable1", 55, old, ago(86_400))].into();
    make
}

fn set(path: &str, hash: &str, number: u64, tag: &str, created: Timestamp) -> ReplicaSet {
    let name = path.rsplit('/').next().unwrap_or_default();
    let image = Image {
        container: Name::new("app"),
        image: Text::clean(&format!("registry.corp/shop/{name}:{tag}")),
        digest: Some(Text::clean(&format!("sha256:9f3c21ab{hash}"))),
    };
    ReplicaSet {
        name: Name::new(&format!("{name}-{hash}")),
        uid: Uid::new(&format!("rs-{hash}")),
        hash: Some(PodHash::new(hash)),
        revision: Some(Revision(number)),
        created: Some(created),
        replicas: counts(18, 18),
        images: [image].into(),
        scale_down_at: None,
        build: Build {
            commit: Some(Text::clean("3f2a91c77d")),
            build: Some(Text::clean("1234")),
            author: Some(Text::clean("dana")),
            cause: None,
        },
        failure: None,
        deployer: None,
    }
}

impl Make {
    pub(super) fn rollout(&mut self) -> &mut Rollout {
        match &mut self.0.controller {
            Controller::Argo(rollout) => rollout,
            Controller::Flagger(_)
            | Controller::Deployment(_)
            | Controller::StatefulSet(_)
            | Controller::DaemonSet(_)
            | Controller::DeploymentConfig(_)
            | Controller::Experiment(_) => panic!("a Deployment"),
        }
    }

    /// A new version is on its way, at this step (from 0).
    pub(super) fn moving(mut self, tag: &str, step: u32, since: u64) -> Self {
        let path = format!("x/y/{}", self.0.target.name);
        let mut new = set(&path, "canary1", 43, tag, ago(since));
        new.replicas = counts(4, 4);
        let old = self.0.revisions[0].clone();
        self.0.revisions = [new, old].into();
        let status = &mut self.rollout().status;
        status.hashes.current = Some(PodHash::new("canary1"));
        status.phase = Some(Text::clean("Progressing"));
        status.message = Some(Text::clean("more replicas need to be updated"));
        status.step_index = Some(step);
        self.weight(if step >= 2 { 20 } else { 5 })
    }

    pub(super) fn weight(mut self, canary: u32) -> Self {
        let weights = Weights { canary, stable: 100 - canary, verified: Some(true) };
        self.rollout().status.weights = Some(weights);
        self
    }

    /// The controller holds it for this reason.
    pub(super) fn held(mut self, reason: &str, since: u64) -> Self {
        let pause = PauseCondition { reason: Text::clean(reason), since: Some(ago(since)) };
        let status = &mut self.rollout().status;
        status.phase = Some(Text::clean("Paused"));
        status.message = Some(Text::clean(reason));
        status.pauses = [pause].into();
        status.flags.controller_pause = true;
        self
    }

    pub(super) fn owned(mut self, tool: OwnerTool, name: &str) -> Self {
        self.0.owner = Some(Owner::signed(tool, Text::clean(name)));
        self
    }

    pub(super) fn blue_green(mut self) -> Self {
        self.0.strategy = Strategy::BlueGreen;
        let rollout = self.rollout();
        rollout.spec.steps = [].into();
        rollout.spec.blue_green = Some(BlueGreenSpec {
            active_service: Some(Name::new("active")),
            ..BlueGreenSpec::default()
        });
        rollout.status.step_index = None;
        rollout.status.weights = None;
        rollout.status.selectors.active = Some(PodHash::new("stable1"));
        self
    }
}

/// A session with three clusters, of which the third has gone silent.
pub(super) fn session() -> Session {
    let clusters: Vec<ClusterName> = ["eu", "us", "ap"].map(ClusterName::new).to_vec();
    Session { measured: clusters.clone(), clusters, ..Session::empty() }
}

pub(super) fn keymap() -> Keymap {
    let source = include_str!("../../keymaps/default.toml");
    Keymap::parse(source, &Text::clean("default.toml")).0
}

/// The state of a session that has heard nothing yet.
pub(super) fn silent(session: Session) -> State {
    let mut state = State::new(session, keymap(), ago(100));
    let _ = start(&mut state);
    state
}

fn kubernetes(cluster: &str) -> SourceId {
    SourceId { cluster: ClusterName::new(cluster), kind: SourceKind::Kubernetes }
}

pub(super) fn feed(state: &mut State, cluster: &str, at: Timestamp, feed: Feed) {
    let _ = update(state, Event::Feed(kubernetes(cluster), Observed::new(feed, at)));
}

/// The fleet of the product's sketch.
pub(super) fn fleet() -> State {
    let mut state = silent(session());
    for cluster in ["ap", "eu", "us"] {
        feed(&mut state, cluster, ago(90), Feed::Health(SourceHealth::Live));
        feed(&mut state, cluster, ago(90), Feed::Identity(Text::clean("dana@corp")));
        feed(&mut state, cluster, ago(90), Feed::Changed(workloads(cluster)));
        feed(&mut state, cluster, ago(90), Feed::Synced);
    }
    let payments = application();
    let news = vec![(payments.target.clone(), Some(payments))];
    feed(&mut state, "eu", ago(90), Feed::Owners(news));
    select(&mut state, "eu/payments/api");
    measure(&mut state, &target("eu/payments/api"));
    for (cluster, quiet) in [("ap", 42), ("eu", 0), ("us", 0)] {
        feed(&mut state, cluster, ago(quiet), Feed::Beat);
    }
    tick(&mut state);
    command(&mut state, Command::Back);
    select(&mut state, "eu/payments/api");
    state
}

fn workloads(cluster: &str) -> Vec<Workload> {
    let mut all = match cluster {
        "eu" => vec![
            canary("eu/payments/api", "1.42.7")
                .moving("1.43.0", 3, 720)
                .held("CanaryPauseStep", 700)
                .owned(OwnerTool::ArgoCd, "payments"),
            canary("eu/search/indexer", "77")
                .moving("78", 0, 3_720)
                .blue_green()
                .held("InconclusiveAnalysisRun", 3_720),
        ],
        "us" => vec![
            canary("us/checkout/web", "8.1").moving("8.2", 3, 2_460).held("CanaryPauseStep", 1_320),
            canary("us/cart/frontend-with-a-rather-long-name", "2.0.1")
                .moving("2.1.0", 1, 180)
                .held("CanaryPauseStep", 60),
            deployment("us/mail/worker", ("5.5", "5.6"), 7),
        ],
        _ => {
            vec![canary("ap/cart/api", "2.0.1").moving("2.1.0", 1, 200).held("CanaryPauseStep", 60)]
        }
    };
    for number in 0..12 {
        all.push(canary(&format!("{cluster}/steady/svc-{number}"), "1.0"));
    }
    all.into_iter().map(|make| make.0).collect()
}

pub(super) fn tick(state: &mut State) {
    let _ = update(state, Event::Tick(now()));
}

pub(super) fn select(state: &mut State, path: &str) {
    let wanted = target(path);
    command(state, Command::Move(crate::app::event::Motion::Top));
    for _ in 0..200 {
        let selected = state.focus().selected.as_ref();
        if selected.is_some_and(|at| at.name == wanted.name && at.namespace == wanted.namespace) {
            return;
        }
        command(state, Command::Move(crate::app::event::Motion::Down));
    }
    panic!("{path} is not listed");
}

pub(super) fn command(state: &mut State, command: Command) {
    let _ = update(state, Event::Command(command));
}

pub(super) fn keys(state: &mut State, keys: &str) {
    for key in keys.split_whitespace() {
        let key = key.parse().unwrap();
        let _ =
            update(state, Event::Input(Input::Key(key, state.now() + Duration::from_millis(1))));
    }
}

/// Asks what is due, and answers for one workload: errors six times those of stable.
pub(super) fn measure(state: &mut State, wanted: &WorkloadRef) {
    use crate::app::event::Effect;
    use crate::domain::feed::Query;
    command(state, Command::Go(crate::app::event::Screen::Rollout));
    for seconds in [80, 69, 58, 47] {
        let asked: Vec<(QueryId, Query)> = update(state, Event::Tick(ago(seconds)))
            .into_iter()
            .filter_map(|effect| {
                if let Effect::Query(id, query) = effect { Some((id, query)) } else { None }
            })
            .collect();
        for (id, query) in asked {
            answer(state, id, &query, wanted);
        }
    }
}

fn answer(
    state: &mut State,
    id: QueryId,
    query: &crate::domain::feed::Query,
    wanted: &WorkloadRef,
) {
    use crate::domain::feed::Query;
    let asks_for = |target: &WorkloadRef| target == wanted;
    let answer = match query {
        Query::Compare(pair) if asks_for(&pair.target) => {
            Answer::Comparison(Observed::new(comparison(), ago(10)))
        }
        Query::Charts { pair, .. } if asks_for(&pair.target) => {
            Answer::Charts(Observed::new(charts(), ago(10)))
        }
        Query::Compare(_)
        | Query::Charts { .. }
        | Query::Look { .. }
        | Query::Scrape { .. }
        | Query::Log { .. }
        | Query::Yaml(_)
        | Query::Templates(_)
        | Query::Past { .. }
        | Query::Record => return,
    };
    let _ = update(state, Event::Answer(id, answer));
}

/// A session in this mode.
pub(super) fn session_in(mode: Mode) -> Session {
    Session { mode, ..session() }
}

/// The painted screen.
pub(super) fn painted(state: &State, theme: &Theme, (width, height): (u16, u16)) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    view::paint(state, theme, &mut buffer);
    buffer
}

/// Text and role map of a screen, as snapshots keep them.
pub(super) fn snapshot(state: &State, size: (u16, u16)) -> String {
    let text = super::svg::text(&painted(state, &Theme::dark(), size));
    let probe = painted(state, &Theme::probe(), size);
    format!("{text}\n--- roles\n{}", roles(&probe))
}

/// The meaning of every run of cells that holds something, line by line: `column role*cells`.
fn roles(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let mut map = String::new();
    for (row, line) in buffer.content.chunks(width.max(1)).enumerate() {
        let mut runs: Vec<(usize, Role, usize)> = Vec::new();
        for (column, cell) in line.iter().enumerate() {
            let role = Theme::probed(cell.style()).unwrap_or(Role::Text);
            if cell.symbol().trim().is_empty() {
                continue;
            }
            match runs
                .last_mut()
                .filter(|(start, last, cells)| *last == role && column <= start + cells + 1)
            {
                Some((start, _, cells)) => *cells = column + 1 - *start,
                None => runs.push((column, role, 1)),
            }
        }
        let runs = runs.iter().filter(|(_, role, _)| *role != Role::Text);
        let words: Vec<String> =
            runs.map(|(start, role, cells)| format!("{start} {}*{cells}", role.name())).collect();
        if !words.is_empty() {
            let _ = writeln!(map, "{row}: {}", words.join(", "));
        }
    }
    map
}

/// The server's answer to the rehearsal of the dialog on top: it would take it.
pub(super) fn rehearse(state: &mut State, dry_run: DryRun) {
    let Some(Popup::Confirm(dialog)) = state.focus().popups.last() else { panic!("no dialog") };
    let id = dialog.order().unwrap().clone();
    let order = state.orders().get(&id).unwrap();
    let row = state.fleet().row(&order.plan.target).unwrap();
    let rehearsal = Rehearsal {
        footing: Footing::of(&row.workload),
        read_at: state.now(),
        access: vec![Access {
            right: Text::clean("patch rollouts/status"),
            answer: AccessAnswer::Allowed,
        }],
        dry_run,
        kept: vec![],
        writes: vec![],
        shown: Block::clean(
            "PATCH rollouts/api/status (merge)\n{\"status\":{\"abort\":true,\"promoteFull\":false}}",
        ),
    };
    let news = OrderNews::Rehearsed(Ok(Box::new(rehearsal)));
    let _ = update(state, Event::Order(id, news));
}
