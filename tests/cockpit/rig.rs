//! The whole program but its terminal, in one process and on one clock: the loop, the machine, the effects, the backends
//! and the audit file are the real ones; the world is the simulator's; the operator is a test.
//!
//! Time passes only when a test says so. A task of the blocking pool that waits for the rig's end keeps the runtime's
//! clock from running ahead, and before time goes on everybody has done what there was to do: the tasks, because the rig
//! gives way until nobody wants to run, and the audit thread, because it answers the rig's own question last.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pilothouse::app::event::{Command, Event};
use pilothouse::app::input::Input;
use pilothouse::app::keymap::Keymap;
use pilothouse::app::state::{Mode, Session, State};
use pilothouse::app::update::update;
use pilothouse::backends::audit_file::{AuditFile, Who};
use pilothouse::backends::kube::cluster::{Cluster, ClusterSpec};
use pilothouse::backends::prometheus::client::Prometheus;
use pilothouse::backends::prometheus::spec::PrometheusSpec;
use pilothouse::cli::assets::KEYMAPS;
use pilothouse::control::ports::AuditLog;
use pilothouse::domain::ids::ClusterName;
use pilothouse::domain::observed::{Clock, Timestamp};
use pilothouse::domain::text::Text;
use pilothouse::runtime::machine::{self, Backends};
use pilothouse::runtime::signals::Signal;
use pilothouse::sim::api::kubernetes::router;
use pilothouse::sim::api::prometheus_fault::{PlannedFault, PrometheusFault};
use pilothouse::sim::audit::Write;
use pilothouse::sim::fault::Fault;
use pilothouse::sim::kind::Kind;
use pilothouse::sim::scenario::Scenario;
use pilothouse::sim::shared::Shared;
use pilothouse::sim::world::World;
use pilothouse::ui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use reqwest::Url;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking, yield_now};

use crate::eye::{Answers, Eye, Glass, Painted};
use crate::sabotage::{Sabotage, sabotaged};

/// How far the clock moves at once: no deed arrives sooner, no frame is later.
const TICK: Duration = Duration::from_millis(200);

/// How often the rig looks while it waits for something to be seen: painting is what costs.
const LOOK: Duration = Duration::from_millis(400);

/// How often the rig gives way before time goes on. Each time every task that wants to runs, up to sixty in turn.
const ROUNDS: usize = 12;

/// When all stories begin.
const START: &str = "2026-01-01T12:00:00Z";

/// What a test wants.
pub(crate) struct Wishes {
    pub(crate) scenario: &'static str,
    pub(crate) mode: Mode,
    pub(crate) size: (u16, u16),
    /// Where the audit file goes; without it: a folder that lives as long as the rig.
    pub(crate) audit: Option<PathBuf>,
}

impl Wishes {
    /// A world of this name, full rights, a large screen, a good disk.
    pub(crate) const fn of(scenario: &'static str) -> Self {
        Self { scenario, mode: Mode::Real, size: (140, 50), audit: None }
    }
}

pub(crate) struct Rig {
    pub(crate) world: Shared,
    pub(crate) sabotage: Sabotage,
    inputs: mpsc::Sender<Input>,
    glass: Arc<Mutex<Glass>>,
    disk: AuditFile,
    folder: TempDir,
    machine: JoinHandle<u8>,
    _signals: mpsc::Sender<Signal>,
    _held: std::sync::mpsc::Sender<()>,
}

impl Rig {
    pub(crate) async fn of(scenario: &'static str) -> Self {
        Self::new(Wishes::of(scenario)).await
    }

    /// With something wrong from the first moment.
    pub(crate) async fn upset(scenario: &'static str, wrong: impl FnOnce(&Theirs)) -> Self {
        let theirs = Theirs(made(scenario));
        wrong(&theirs);
        Self::over(theirs.0, Wishes::of(scenario)).await
    }

    pub(crate) async fn new(wishes: Wishes) -> Self {
        Self::over(made(wishes.scenario), wishes).await
    }

    async fn over(world: Shared, wishes: Wishes) -> Self {
        let (held, ending) = std::sync::mpsc::channel::<()>();
        drop(spawn_blocking(move || ending.recv()));
        let clock = clock(&world);
        let folder = tempfile::tempdir().unwrap();
        let place = wishes.audit.clone().unwrap_or_else(|| folder.path().to_owned());
        let disk = AuditFile::open(&place, who(), clock.clone()).unwrap();
        let sabotage = Sabotage::default();
        let backends = backends(&world, &sabotage, disk.clone());
        let mut state = state(&wishes, &backends);
        let (width, height) = wishes.size;
        let _ = update(&mut state, Event::Input(Input::Resize { width, height }));
        let buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let glass = Glass { size: wishes.size, looks: true, buffer, answers: Answers::Waited };
        let glass = Arc::new(Mutex::new(glass));
        let (inputs, typed) = mpsc::channel(256);
        let eye = Eye { inputs: typed, glass: Arc::clone(&glass), theme: Theme::probe() };
        let (signals, told) = mpsc::channel(1);
        let machine = tokio::spawn(machine::run(state, backends, eye, told));
        let rig = Self {
            world,
            sabotage,
            inputs,
            glass,
            disk,
            folder,
            machine,
            _signals: signals,
            _held: held,
        };
        rig.settle().await;
        rig
    }

    /// Until nobody has anything to do at this moment.
    pub(crate) async fn settle(&self) {
        for _ in 0..ROUNDS {
            yield_now().await;
        }
        // It answers in turn: what was asked before is on disk now.
        let _ = self.disk.ready().await;
        for _ in 0..ROUNDS {
            yield_now().await;
        }
    }

    /// Lets time pass, for the world and for us.
    pub(crate) async fn pass(&self, time: Duration) {
        let mut left = time;
        while left > Duration::ZERO {
            let piece = left.min(TICK);
            left -= piece;
            self.world.advance(piece);
            tokio::time::advance(piece).await;
            self.settle().await;
        }
    }

    pub(crate) async fn seconds(&self, seconds: u64) {
        self.pass(Duration::from_secs(seconds)).await;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.world.look(World::now)
    }

    fn key(&self, key: &str) -> Input {
        Input::Key(key.parse().unwrap(), self.now())
    }

    /// A key, pressed after all that is on the screen.
    pub(crate) async fn press(&self, key: &str) {
        self.pass(TICK).await;
        self.inputs.send(self.key(key)).await.unwrap();
        self.settle().await;
    }

    /// Keys that were pressed in the same moment, before any of them did anything.
    pub(crate) async fn press_at_once(&self, keys: &[&str]) {
        self.pass(TICK).await;
        for key in keys {
            self.inputs.try_send(self.key(key)).unwrap();
        }
        self.settle().await;
    }

    pub(crate) async fn paste(&self, text: &str) {
        self.pass(TICK).await;
        self.inputs.send(Input::Paste(Text::clean(text), self.now())).await.unwrap();
        self.settle().await;
    }

    /// Types letter by letter.
    pub(crate) async fn write(&self, text: &str) {
        for letter in text.chars() {
            self.press(&letter.to_string()).await;
        }
    }

    /// Looks at the screen.
    pub(crate) async fn screen(&self) -> Painted {
        let (width, height) = {
            let mut glass = self.glass.lock().unwrap();
            glass.looks = true;
            glass.size
        };
        // Any input makes the machine show itself; this one changes nothing.
        self.inputs.send(Input::Resize { width, height }).await.unwrap();
        self.settle().await;
        let glass = self.glass.lock().unwrap();
        assert!(!glass.looks, "the machine does not answer");
        Painted { buffer: glass.buffer.clone() }
    }

    /// Lets time pass until the screen is like this. Returns it, and how long that took.
    pub(crate) async fn until(
        &self,
        what: &str,
        max: Duration,
        is_so: impl Fn(&Painted) -> bool,
    ) -> (Painted, Duration) {
        let mut passed = Duration::ZERO;
        loop {
            let screen = self.screen().await;
            if is_so(&screen) {
                return (screen, passed);
            }
            assert!(passed < max, "not within {max:?}: {what}\n{}", screen.text());
            self.pass(LOOK).await;
            passed += LOOK;
        }
    }

    /// Lets time pass until these words are on the screen.
    pub(crate) async fn sees(&self, words: &str, max: Duration) -> Painted {
        self.until(words, max, |screen| screen.has(words)).await.0
    }

    /// Whether an answer is still waited for, or a canary was not measured yet.
    pub(crate) fn answers(&self) -> Answers {
        self.glass.lock().unwrap().answers
    }

    /// Ends the program as its operator does.
    pub(crate) async fn leave(&mut self) -> u8 {
        self.press("ctrl-c").await;
        for _ in 0..200 {
            if self.machine.is_finished() {
                break;
            }
            self.pass(TICK).await;
        }
        (&mut self.machine).await.unwrap()
    }

    /// Something goes wrong with a cluster's API server from now on.
    pub(crate) fn fault(&self, cluster: &str, fault: Fault) {
        Theirs(self.world.clone()).fault(cluster, fault);
    }

    /// Something goes wrong with a cluster's Prometheus, for so long.
    pub(crate) fn prometheus(&self, cluster: &str, what: PrometheusFault, seconds: u64) {
        Theirs(self.world.clone()).prometheus(cluster, what, seconds);
    }

    /// Our patches that reached the server and were no dry run, whatever became of them.
    pub(crate) fn patches(&self, cluster: &str) -> Vec<Write> {
        self.world.change(|world| {
            let writes = world.cluster(cluster).unwrap().audit.writes();
            let ours = writes.filter(|write| {
                write.verb == "patch"
                    && write.agent.starts_with("pilothouse/")
                    && !write.is_dry_run()
            });
            ours.cloned().collect()
        })
    }

    /// An object as the server has it.
    pub(crate) fn object(&self, cluster: &str, kind: Kind, path: &str) -> Value {
        let (namespace, name) = path.split_once('/').unwrap();
        self.world.change(|world| {
            let store = &world.cluster(cluster).unwrap().store;
            store.get(kind, namespace, name).cloned().unwrap_or_default()
        })
    }

    pub(crate) fn rollout(&self, cluster: &str, path: &str) -> Value {
        self.object(cluster, Kind::Rollout, path)
    }

    /// Somebody else changes a rollout.
    pub(crate) fn edit(&self, cluster: &str, path: &str, change: impl FnOnce(&mut Value)) {
        let mut object = self.rollout(cluster, path);
        change(&mut object);
        self.world.change(|world| {
            world.cluster(cluster).unwrap().store.update(Kind::Rollout, object).unwrap();
        });
    }

    /// Somebody else writes a rollout without changing anything that matters.
    pub(crate) fn touch(&self, cluster: &str, path: &str) {
        let turn = self.now().to_string();
        self.edit(cluster, path, |object| {
            object["metadata"]["annotations"]["example.test/turn"] = turn.into();
        });
    }

    /// What our Events say about an object.
    pub(crate) fn events(&self, cluster: &str, path: &str) -> Vec<String> {
        let (namespace, name) = path.split_once('/').unwrap();
        self.world.change(|world| {
            let store = &world.cluster(cluster).unwrap().store;
            let ours = store.list(Kind::Event, Some(namespace)).filter(|event| {
                event["involvedObject"]["name"] == name
                    && event["source"]["component"].as_str() == Some("pilothouse")
            });
            ours.map(|event| event["message"].as_str().unwrap_or_default().to_owned()).collect()
        })
    }

    /// All records of the audit file, without the headers.
    pub(crate) fn records(&self) -> Vec<Value> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let texts: Vec<String> =
            paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        let lines = texts.iter().flat_map(|text| text.lines());
        let records = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        records.filter(|record| record["kind"] != "header").collect()
    }

    /// Their kinds.
    pub(crate) fn recorded(&self) -> Vec<String> {
        let kind = |record: &Value| record["kind"].as_str().unwrap_or_default().to_owned();
        self.records().iter().map(kind).collect()
    }
}

/// The world's side of a story.
pub(crate) struct Theirs(Shared);

impl Theirs {
    pub(crate) fn fault(&self, cluster: &str, fault: Fault) {
        self.0.change(|world| {
            let now = world.now();
            world.cluster(cluster).unwrap().faults.plan(fault, now);
        });
    }

    pub(crate) fn prometheus(&self, cluster: &str, what: PrometheusFault, seconds: u64) {
        self.0.change(|world| {
            let now = world.now().as_millisecond();
            let fault = PlannedFault { what, after_ms: 0, for_ms: Some(seconds * 1_000) };
            world.cluster(cluster).unwrap().prometheus_faults.plan(fault, now);
        });
    }
}

/// The world of a scenario of the program, or of one written out.
pub(crate) fn made(scenario: &str) -> Shared {
    let start: Timestamp = START.parse().unwrap();
    let scenario = if scenario.contains('\n') {
        Scenario::parse(scenario, "rig.toml")
    } else {
        Scenario::load(scenario)
    };
    Shared::new(World::from_scenario(&scenario.unwrap(), 1, start))
}

pub(crate) fn clock(world: &Shared) -> Clock {
    let world = world.clone();
    Arc::new(move || world.look(World::now))
}

pub(crate) fn who() -> Who {
    Who { os_user: Text::from("ada"), host: Text::from("rig"), ssh_from: None, pid: 7 }
}

pub(crate) fn backends(world: &Shared, sabotage: &Sabotage, audit: AuditFile) -> Backends {
    let clock = clock(world);
    let names: Vec<String> =
        world.look(|world| world.clusters.iter().map(|cluster| cluster.name.clone()).collect());
    let (mut clusters, mut prometheus) = (BTreeMap::new(), BTreeMap::new());
    for name in names {
        let service = sabotaged(router(world, &name), sabotage);
        let url = Url::parse("http://sim.test/prometheus").unwrap();
        let name = ClusterName::new(&name);
        let client = kube::Client::new(service.clone(), "default");
        let spec = ClusterSpec::mounted(name.clone(), client);
        clusters.insert(name.clone(), Cluster::new(spec, clock.clone()));
        let spec = PrometheusSpec::new(name.clone(), url);
        prometheus.insert(name, Prometheus::mounted(service, spec, clock.clone()));
    }
    Backends { clusters, prometheus, audit, clock }
}

fn state(wishes: &Wishes, backends: &Backends) -> State {
    let clusters: Vec<ClusterName> = backends.clusters.keys().cloned().collect();
    let session = Session {
        measured: clusters.clone(),
        clusters,
        mode: wishes.mode,
        seed: 0xca11,
        ..Session::empty()
    };
    let (keymap, _) = Keymap::layered(&[(Text::clean("default"), KEYMAPS[0].1)]);
    let mut state = State::new(session, keymap, (backends.clock)());
    let _ = update(&mut state, Event::Command(Command::Back));
    state
}
