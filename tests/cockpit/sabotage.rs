//! What the simulator's faults cannot do, because no server can: make the task of a question hang for ever or panic.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use futures::stream;

/// What becomes of the task that reads an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harm {
    /// The answer never comes.
    Hang,
    /// It panics in the middle of the answer.
    Panic,
}

/// Which requests are harmed.
#[derive(Clone, Debug)]
struct Rule {
    method: &'static str,
    part: &'static str,
    harm: Harm,
}

/// The harm that is done at the moment, and how often it was.
#[derive(Clone, Default)]
pub(crate) struct Sabotage(Arc<Mutex<(Vec<Rule>, usize)>>);

impl Sabotage {
    /// Harms requests of this method whose address has this part.
    pub(crate) fn harm(&self, method: &'static str, part: &'static str, harm: Harm) {
        self.0.lock().unwrap().0.push(Rule { method, part, harm });
    }

    /// All is well again.
    pub(crate) fn end(&self) {
        self.0.lock().unwrap().0.clear();
    }

    /// How many requests were harmed.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().1
    }

    fn of(&self, request: &Request) -> Option<Harm> {
        let mut inner = self.0.lock().unwrap();
        let address = request.uri().to_string();
        let suits =
            |rule: &&Rule| rule.method == request.method().as_str() && address.contains(rule.part);
        let harm = inner.0.iter().find(suits).map(|rule| rule.harm);
        inner.1 += usize::from(harm.is_some());
        harm
    }
}

/// The same service, with harm.
pub(crate) fn sabotaged(router: Router, sabotage: &Sabotage) -> Router {
    router.layer(from_fn_with_state(sabotage.clone(), spoil))
}

async fn spoil(State(sabotage): State<Sabotage>, request: Request, next: Next) -> Response {
    match sabotage.of(&request) {
        None => next.run(request).await,
        Some(Harm::Hang) => std::future::pending().await,
        Some(Harm::Panic) => {
            // The body is read by the task that asked.
            let body =
                stream::poll_fn(|_| -> std::task::Poll<Option<Result<&str, std::io::Error>>> {
                    panic!("told to panic")
                });
            Response::new(Body::from_stream(body))
        }
    }
}
