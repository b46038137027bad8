//! The scheduler and the kubelets: what becomes of a pod.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::agenda::{Job, Task};
use super::bench::Bench;
use super::pod_shape::{Container, Ready, Seen, bound, described};
use super::read;
use super::recorder::{Note, Source};
use super::truth::{Fate, Version};
use crate::sim::object::is_going;
use crate::sim::store::Kind;

/// The longest wait between two tries of a kubelet.
const BACKOFF_MAX_S: i64 = 300;

/// A pod in the hands of its kubelet.
#[derive(Clone, Debug)]
pub(super) struct PodLife {
    uid: String,
    next: Next,
    due: Timestamp,
    restarts: u32,
    started: Timestamp,
    last: Option<(Timestamp, Timestamp)>,
    tries: u32,
}

/// What happens next to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// It gets a node.
    Bind,
    /// Its containers are created.
    Create,
    /// They start.
    Start,
    /// They become ready.
    Ready,
    /// Their probe fails once more.
    Fail,
    /// They crash.
    Crash,
    /// They wait to be started again.
    BackOff,
    /// Their image cannot be pulled.
    Pull,
    /// Nothing.
    Nothing,
}

/// Does what is due for a pod.
pub(super) fn reconcile(bench: &mut Bench<'_>, key: &str) {
    let Some(pod) = bench.get(Kind::Pod, key) else {
        bench.life.pods.remove(key);
        return;
    };
    if is_going(&pod) {
        bench.life.pods.remove(key);
        return;
    }
    let now = bench.now();
    let known = bench.life.pods.get(key).filter(|life| life.uid == read::uid(&pod)).cloned();
    let mut life = match known {
        Some(life) => life,
        // Who came with a status was there before the world.
        None if !read::text(&pod, "/spec/nodeName").is_empty() => return,
        None => PodLife {
            uid: read::uid(&pod).to_owned(),
            next: Next::Bind,
            due: now,
            restarts: 0,
            started: now,
            last: None,
            tries: 0,
        },
    };
    if now < life.due {
        return;
    }
    let version = bench.life.truth.of(&pod);
    let after = act(bench, key, &pod, (&mut life, &version));
    if life.next == Next::Nothing {
        bench.life.pods.remove(key);
        return;
    }
    life.due = now + after;
    bench.life.agenda.plan(Job::new(Task::Pod, key), life.due);
    bench.life.pods.insert(key.to_owned(), life);
}

type Hands<'a> = (&'a mut PodLife, &'a Version);

/// Does the next thing and answers how long it is until the one after.
fn act(bench: &mut Bench<'_>, key: &str, pod: &Value, hands: Hands<'_>) -> SignedDuration {
    match hands.0.next {
        Next::Bind => bind(bench, pod, hands.0),
        Next::Create => create(bench, pod, hands),
        Next::Start => start(bench, key, pod, hands),
        Next::Ready => {
            let since = hands.0.started;
            describe(bench, pod, hands.0, Container::Running { since, ready: Ready::Yes });
            hands.0.next = Next::Nothing;
            SignedDuration::ZERO
        }
        Next::Fail => {
            let message = "Readiness probe failed: HTTP probe failed with statuscode: 503";
            say(bench, pod, Note::warning("Unhealthy", message));
            SignedDuration::from_secs(10)
        }
        Next::Crash => crash(bench, pod, hands.0),
        Next::BackOff => back_off(bench, pod, hands.0),
        Next::Pull => pull(bench, pod, hands.0),
        Next::Nothing => SignedDuration::ZERO,
    }
}

fn bind(bench: &mut Bench<'_>, pod: &Value, life: &mut PodLife) -> SignedDuration {
    let nodes: Vec<String> =
        bench.store.list(Kind::Node, None).map(|node| read::name(node).to_owned()).collect();
    let index = usize::try_from(bench.chance()).unwrap_or(0).checked_rem(nodes.len());
    let node = index.and_then(|index| nodes.get(index)).map_or("node-a", String::as_str);
    let mut next = pod.clone();
    if !super::daemonset::place(&mut next, bench.now()) {
        bound(&mut next, node, bench.now());
    }
    let node = read::text(&next, "/spec/nodeName").to_owned();
    let next = bench.write_status(Kind::Pod, next);
    let (namespace, name) = (read::namespace(&next), read::name(&next));
    let message = format!("Successfully assigned {namespace}/{name} to {node}");
    bench.say(Source::Scheduler, (Kind::Pod, &next), Note::normal("Scheduled", message));
    life.next = Next::Create;
    bench.between(10, 40)
}

fn create(bench: &mut Bench<'_>, pod: &Value, (life, version): Hands<'_>) -> SignedDuration {
    describe(bench, pod, life, Container::Creating);
    let image = read::text(pod, "/spec/containers/0/image");
    if version.fate == Fate::BadImage {
        life.next = Next::Pull;
        return bench.between(900, 1_500);
    }
    let message = format!("Container image \"{image}\" already present on machine");
    say(bench, pod, Note::normal("Pulled", message));
    life.next = Next::Start;
    version.start_after + bench.between(0, 80)
}

fn start(
    bench: &mut Bench<'_>,
    key: &str,
    pod: &Value,
    (life, version): Hands<'_>,
) -> SignedDuration {
    let now = bench.now();
    life.started = now;
    let name = read::text(pod, "/spec/containers/0/name").to_owned();
    if life.restarts == 0 {
        say(bench, pod, Note::normal("Created", format!("Created container: {name}")));
    }
    say(bench, pod, Note::normal("Started", format!("Started container {name}")));
    let is_instant = version.fate == Fate::Well && version.ready_after.is_zero();
    let ready = if is_instant { Ready::Yes } else { Ready::No };
    describe(bench, pod, life, Container::Running { since: now, ready });
    super::balance::begin(bench, key, pod);
    match version.fate {
        Fate::Well if is_instant => {
            life.next = Next::Nothing;
            SignedDuration::ZERO
        }
        Fate::Well => {
            life.next = Next::Ready;
            version.ready_after + bench.between(0, 60)
        }
        Fate::NeverReady => {
            life.next = Next::Fail;
            bench.between(2_000, 6_000)
        }
        Fate::Crash { after } => {
            life.next = Next::Crash;
            after + bench.between(0, 200)
        }
        // A pod whose template came with a good image does not get a bad one.
        Fate::BadImage => {
            life.next = Next::Nothing;
            SignedDuration::ZERO
        }
    }
}

fn crash(bench: &mut Bench<'_>, pod: &Value, life: &mut PodLife) -> SignedDuration {
    let now = bench.now();
    let from = life.started;
    describe(bench, pod, life, Container::Ended { from, until: now });
    life.last = Some((from, now));
    life.next = Next::BackOff;
    if life.restarts == 0 {
        // The first time a kubelet starts it again at once.
        return bench.between(300, 900);
    }
    bench.between(500, 1_200)
}

/// After a crash: the first start is at once, later ones wait ever longer.
fn back_off(bench: &mut Bench<'_>, pod: &Value, life: &mut PodLife) -> SignedDuration {
    life.restarts += 1;
    let key = read::key(pod);
    bench.traffic.restarted(&key, life.restarts, bench.store.now().as_millisecond());
    life.next = Next::Start;
    if life.restarts == 1 {
        return SignedDuration::from_millis(50);
    }
    let wait = wait(life.restarts - 2);
    let container = read::text(pod, "/spec/containers/0/name");
    let name = format!("{}_{}({})", read::name(pod), read::namespace(pod), read::uid(pod));
    let message = format!(
        "back-off {} restarting failed container={container} pod={name}",
        go(wait.as_secs())
    );
    let told = format!("Back-off restarting failed container {container} in pod {name}");
    say(bench, pod, Note::warning("BackOff", told));
    describe(bench, pod, life, Container::Waiting { reason: "CrashLoopBackOff", message });
    wait
}

/// The image is tried, cannot be had, and the kubelet waits ever longer.
fn pull(bench: &mut Bench<'_>, pod: &Value, life: &mut PodLife) -> SignedDuration {
    let image = read::text(pod, "/spec/containers/0/image").to_owned();
    let is_waiting = life.tries % 2 == 1;
    life.tries += 1;
    if is_waiting {
        let message = format!("Back-off pulling image \"{image}\"");
        say(bench, pod, Note::normal("BackOff", message.clone()));
        say(bench, pod, Note::warning("Failed", "Error: ImagePullBackOff"));
        let error = format!("{message}: ErrImagePull: {}", not_found(&image));
        describe(
            bench,
            pod,
            life,
            Container::Waiting { reason: "ImagePullBackOff", message: error },
        );
        return wait(life.tries / 2 - 1) - SignedDuration::from_secs(2);
    }
    say(bench, pod, Note::normal("Pulling", format!("Pulling image \"{image}\"")));
    let error = not_found(&image);
    let told = format!("Failed to pull image \"{image}\": {error}");
    say(bench, pod, Note::warning("Failed", told));
    say(bench, pod, Note::warning("Failed", "Error: ErrImagePull"));
    describe(bench, pod, life, Container::Waiting { reason: "ErrImagePull", message: error });
    SignedDuration::from_secs(2)
}

fn not_found(image: &str) -> String {
    format!(
        "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed to \
         resolve reference \"{image}\": {image}: not found"
    )
}

/// 10 s, 20 s, 40 s … five minutes.
fn wait(tries: u32) -> SignedDuration {
    SignedDuration::from_secs((10_i64 << tries.min(6)).min(BACKOFF_MAX_S))
}

/// Seconds as Go writes them.
fn go(seconds: i64) -> String {
    if seconds < 60 {
        return format!("{seconds}s");
    }
    format!("{}m{}s", seconds / 60, seconds % 60)
}

fn describe(bench: &mut Bench<'_>, pod: &Value, life: &PodLife, now: Container) {
    let Some(mut next) = bench.get(Kind::Pod, &read::key(pod)).map(|it| Value::clone(&it)) else {
        return;
    };
    let (restarts, last, at) = (life.restarts, life.last, bench.now());
    described(&mut next, &Seen { now, restarts, last, at }, &bench.life.truth);
    bench.write_status(Kind::Pod, next);
}

fn say(bench: &mut Bench<'_>, pod: &Value, note: Note) {
    bench.say(Source::Kubelet, (Kind::Pod, pod), note);
}
