//! A world on loopback, a home for the program, and what is found there afterwards.

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use pilothouse::backends::audit_file::AuditFile;
use pilothouse::backends::audit_read::{Verification, show, verify};
use pilothouse::backends::kube::cluster::{Cluster, ClusterSpec};
use pilothouse::backends::kube::look::look;
use pilothouse::backends::kube::marks;
use pilothouse::cli::start::who;
use pilothouse::control::leftover::{Leftover, Seen};
use pilothouse::domain::ids::ClusterName;
use pilothouse::domain::observed::Timestamp;
use pilothouse::sim::api::kubernetes::router;
use pilothouse::sim::scenario::Scenario;
use pilothouse::sim::shared::Shared;
use pilothouse::sim::world::World;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::trap::Trap;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pilothouse");

/// How a run of the program ended.
pub(crate) enum Ended {
    /// By the trap, there.
    Killed(String),
    /// Before the trap; what it said.
    ByItself(String),
}

pub(crate) struct Scene {
    world: Shared,
    trap: Trap,
    home: TempDir,
    runtime: Runtime,
    cluster: Cluster,
}

/// The world of a way of releasing, with an update on its way.
fn world(way: &str) -> Shared {
    let way = match way {
        "canary" => "strategy.canary.steps = [\"weight 50\", \"pause\", \"weight 80\", \"pause\"]",
        "blue-green" => "strategy.blue_green.promotes = \"human\"",
        _ => "kind = \"deployment\"",
    };
    let text = format!(
        "title = \"a kill\"\nlived = \"40s\"\nclusters = [{{ name = \"east\" }}]\n\
         [[workloads]]\nname = \"shop/web\"\nimage = \"example.test/web\"\ntags = [\"1\", \"2\"]\n\
         replicas = 2\nrps = 1.0\n{way}\n\
         [[acts]]\nat = \"-20s\"\ncluster = \"east\"\nworkload = \"shop/web\"\ndo.release = \"3\"\n"
    );
    let scenario = Scenario::parse(&text, "kill.toml").unwrap();
    let start: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    Shared::new(World::from_scenario(&scenario, 1, start))
}

impl Scene {
    pub(crate) fn new(way: &str) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let world = world(way);
        let trap = Trap::new(&world);
        let served = trap.around(router(&world, "east"));
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(async move { axum::serve(listener, served).await });
        let home = tempfile::tempdir().unwrap();
        let config = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: east\nclusters:\n- name: east\n  \
             cluster:\n    server: http://127.0.0.1:{port}\nusers:\n- name: ada\n  user: {{}}\n\
             contexts:\n- name: east\n  context:\n    cluster: east\n    user: ada\n    \
             namespace: shop\n"
        );
        fs::write(home.path().join("kubeconfig"), config).unwrap();
        let inside = runtime.enter();
        let client = kube::Client::new(router(&world, "east"), "shop");
        let now = pilothouse::runtime::clock::system();
        let cluster = Cluster::new(ClusterSpec::mounted(ClusterName::new("east"), client), now);
        drop(inside);
        Self { world, trap, home, runtime, cluster }
    }

    fn audit(&self) -> PathBuf {
        self.home.path().join("state/pilothouse/audit")
    }

    fn command(&self, deed: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        let home = self.home.path();
        let (name, flags) = deed.split_first().unwrap();
        command.arg(name).arg("web").args(flags).args(["-n", "shop", "--reason", "a kill"]);
        if !flags.contains(&"--confirm") {
            command.arg("--yes");
        }
        command
            .env_clear()
            .env("HOME", home)
            .env("USER", "ada")
            .env("XDG_STATE_HOME", home.join("state"))
            .env("KUBECONFIG", home.join("kubeconfig"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Asks for a deed, and kills the program at this moment of it.
    pub(crate) fn kill(&self, deed: &[&str], moment: u32) -> Ended {
        self.trap.set(moment);
        let child = self.command(deed).spawn().unwrap();
        self.trap.victim(child.id());
        let output = child.wait_with_output().unwrap();
        match self.trap.killed_at() {
            // What comes after the last word of the program finds nobody to kill.
            Some(at) if output.status.code().is_none() => Ended::Killed(at),
            _ => Ended::ByItself(said(&output)),
        }
    }

    /// Asks for a deed and lets it live.
    pub(crate) fn run(&self, deed: &[&str]) -> String {
        self.trap.set(0);
        said(&self.command(deed).output().unwrap())
    }

    /// The writes of ours that the API server took.
    pub(crate) fn applied(&self) -> usize {
        self.world.change(|world| {
            let writes = world.cluster("east").unwrap().audit.writes();
            let ours = writes.filter(|write| {
                write.verb == "patch"
                    && write.code == 200
                    && write.agent.starts_with("pilothouse/")
                    && !write.is_dry_run()
            });
            ours.count()
        })
    }

    /// What `audit verify` says, with the marks in the cluster.
    pub(crate) fn verify(&self) -> Verification {
        let marks = self.runtime.block_on(marks::find(&self.cluster)).unwrap();
        verify(&self.audit(), &marks).unwrap()
    }

    /// How many intents are recorded.
    pub(crate) fn intents(&self) -> usize {
        let rows = show(&self.audit()).unwrap();
        rows.iter().filter(|row| row.fields.get("kind").is_some_and(|it| it == "intent")).count()
    }

    /// The deeds that were left behind.
    pub(crate) fn unfinished(&self) -> Vec<Leftover> {
        let clock = pilothouse::runtime::clock::system();
        let file = AuditFile::open(&self.audit(), who(), clock).unwrap();
        self.runtime.block_on(file.unfinished()).unwrap()
    }

    /// The object of such a deed.
    pub(crate) fn look(&self, left: &Leftover) -> Option<Seen> {
        self.runtime.block_on(look(&self.cluster, left)).unwrap()
    }
}

fn said(output: &Output) -> String {
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{} ({})", words(&output.stdout), words(&output.stderr), output.status)
}
