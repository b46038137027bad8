//! Counts the moments of a deed, and kills the program at one of them.

use std::sync::{Arc, Condvar, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use futures::stream;
use http::Method;
use pilothouse::sim::shared::Shared;
use rustix::process::{Pid, Signal, kill_process};
use std::time::Duration;

/// How far the world moves with each request: nothing else moves it.
const STEP: Duration = Duration::from_millis(200);

/// And with a write: its controller has seen it then.
const STEP_WRITE: Duration = Duration::from_secs(3);

#[derive(Default)]
struct Inner {
    victim: Option<Pid>,
    /// Moments left until it is killed; 0: never.
    left: u32,
    killed_at: Option<String>,
}

/// The trap of one program. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Trap {
    inner: Arc<(Mutex<Inner>, Condvar)>,
    world: Shared,
}

impl Trap {
    pub(crate) fn new(world: &Shared) -> Self {
        Self { inner: Arc::default(), world: world.clone() }
    }

    /// It is killed at this moment; 0: never.
    pub(crate) fn set(&self, moment: u32) {
        self.inner.0.lock().unwrap().left = moment;
    }

    /// This is the program.
    pub(crate) fn victim(&self, pid: u32) {
        self.inner.0.lock().unwrap().victim = Pid::from_raw(i32::try_from(pid).unwrap());
        self.inner.1.notify_all();
    }

    /// Where it was killed, if it was.
    pub(crate) fn killed_at(&self) -> Option<String> {
        self.inner.0.lock().unwrap().killed_at.clone()
    }

    /// The same servers, with the trap.
    pub(crate) fn around(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), pass))
    }

    fn moment(&self, what: impl FnOnce() -> String) {
        let mut inner = self.inner.0.lock().unwrap();
        if inner.left == 0 || inner.killed_at.is_some() {
            return;
        }
        inner.left -= 1;
        if inner.left > 0 {
            return;
        }
        while inner.victim.is_none() {
            inner = self.inner.1.wait(inner).unwrap();
        }
        inner.killed_at = Some(what());
        kill_process(inner.victim.unwrap(), Signal::KILL).unwrap();
    }
}

async fn pass(State(trap): State<Trap>, request: Request, next: Next) -> Response {
    let words = format!("{} {}", request.method(), request.uri());
    // What comes before the deed is about nothing that can be lost.
    let counts = words.contains("/web") || words.contains("reviews") || words.contains("events?");
    let is_write = request.method() == Method::PATCH && !words.contains("dryRun");
    if counts {
        trap.moment(|| format!("{words}, before it is done"));
    }
    let response = next.run(request).await;
    trap.world.advance(if is_write { STEP_WRITE } else { STEP });
    if !counts || http_body::Body::size_hint(response.body()).exact().is_none() {
        return response;
    }
    trap.moment(|| format!("{words}, after it is done"));
    let (head, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let (first, second) = (bytes.slice(..bytes.len() / 2), bytes.slice(bytes.len() / 2..));
    let halves = stream::unfold(0, move |turn| {
        let (trap, words) = (trap.clone(), words.clone());
        let piece = match turn {
            0 => Some(first.clone()),
            1 => {
                trap.moment(|| format!("{words}, in the middle of its answer"));
                Some(second.clone())
            }
            _ => None,
        };
        async move { piece.map(|piece| (Ok::<Bytes, std::io::Error>(piece), turn + 1)) }
    });
    Response::from_parts(head, Body::from_stream(halves))
}
