//! One cluster as the rest of the backends see it: a name, a connection that can be thrown away as a whole, a clock.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Intercept;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit, watch};

use super::connect::{Clients, Dialer};
use super::credentials::{Credentials, Origin};
use super::metrics_place::Places;
use super::sightings::Sightings;
use super::wire::{DEADLINE, Wire};
use crate::backends::source::{Dice, Nudge};
use crate::domain::feed::{SourceId, SourceKind, Trouble};
use crate::domain::ids::{ClusterName, Namespace};
use crate::domain::observed::{Clock, Timestamp};
use crate::domain::text::Text;

/// Pages of lists that are asked for at the same time: a server that is being restarted has better things to do than to
/// answer sixty of them at once, one per kind and namespace.
const PAGES_MAX: usize = 6;

/// A context as the kubeconfig and the command line give it. Captured once: a changed kubeconfig changes nothing here.
#[derive(Clone)]
pub struct ClusterSpec {
    /// What the operator calls it.
    pub name: ClusterName,
    /// The namespaces to follow; empty: all.
    pub namespaces: Vec<Namespace>,
    /// The namespace of the context: where to look when not all may be read.
    pub context_namespace: Namespace,
    /// Only workloads with these labels, in the API server's own words.
    pub selector: Option<String>,
    /// How long one answer may take, if the operator said so.
    pub request_timeout: Option<Duration>,
    /// The address of the API server, without secrets.
    pub server: Text,
    /// What is odd about the kubeconfig, in words.
    pub cautions: Arc<[Text]>,
    pub(super) way: Way,
}

/// How to reach the API server.
#[derive(Clone)]
pub(super) enum Way {
    /// Over the network.
    Network(Box<Access>),
    /// In this process.
    Mounted(kube::Client),
    /// Not at all: the context is wrong.
    Broken(Trouble),
}

/// What the kubeconfig says about reaching it.
#[derive(Clone)]
pub(super) struct Access {
    pub(super) config: kube::Config,
    pub(super) origin: Origin,
    pub(super) proxy: Option<Intercept>,
}

impl ClusterSpec {
    /// A cluster inside this process (the simulator, a test): `client` is made of any service.
    #[must_use]
    pub fn mounted(name: ClusterName, client: kube::Client) -> Self {
        Self {
            name,
            namespaces: Vec::new(),
            context_namespace: Namespace::new(client.default_namespace()),
            selector: None,
            request_timeout: None,
            server: Text::clean("in this process"),
            cautions: Arc::from([]),
            way: Way::Mounted(client),
        }
    }

    /// What is wrong with the context itself: it will never connect.
    #[must_use]
    pub fn trouble(&self) -> Option<&Trouble> {
        match &self.way {
            Way::Broken(trouble) => Some(trouble),
            Way::Network(_) | Way::Mounted(_) => None,
        }
    }
}

/// A connection with its number: a new one is never mixed up with the one that was thrown away.
#[derive(Clone)]
pub struct Link {
    number: u64,
    reading: Wire,
    action: Wire,
}

impl Link {
    /// For everything that only reads; carries the watches.
    #[must_use]
    pub const fn reading(&self) -> &Wire {
        &self.reading
    }

    /// For everything that writes: one attempt, whatever happens.
    #[must_use]
    pub const fn action(&self) -> &Wire {
        &self.action
    }

    /// Counts up with every new connection.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }
}

/// One cluster's connection. Cheap to clone; all clones share the connection.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    spec: ClusterSpec,
    clock: Clock,
    dialer: Option<Dialer>,
    links: watch::Sender<Option<Link>>,
    /// How many connections there were; locked while the next one is made.
    dialing: Mutex<u64>,
    sightings: Sightings,
    /// Where pods have their metrics.
    places: Places,
    /// Room for pages of lists.
    pages: Semaphore,
    nudge: Nudge,
    dice: Dice,
}

impl Cluster {
    /// Takes a context; connects when it is first needed.
    #[must_use]
    pub fn new(spec: ClusterSpec, clock: Clock) -> Self {
        let dialer = match &spec.way {
            Way::Mounted(_) | Way::Broken(_) => None,
            Way::Network(access) => {
                let credentials = Credentials::new(access.origin.clone(), Arc::clone(&clock));
                Some(Dialer::new(
                    access.config.clone(),
                    Arc::new(credentials),
                    access.proxy.clone(),
                ))
            }
        };
        let dice = match &spec.way {
            Way::Mounted(_) => Dice::Loaded(AtomicU64::new(0)),
            Way::Network(_) | Way::Broken(_) => Dice::Fair,
        };
        let inner = Inner {
            spec,
            clock,
            dialer,
            links: watch::Sender::new(None),
            dialing: Mutex::new(0),
            sightings: Sightings::default(),
            places: Places::default(),
            pages: Semaphore::new(PAGES_MAX),
            nudge: Nudge::default(),
            dice,
        };
        Self { inner: Arc::new(inner) }
    }

    /// What the operator calls it.
    #[must_use]
    pub fn name(&self) -> &ClusterName {
        &self.inner.spec.name
    }

    /// What was captured of the kubeconfig and the command line.
    #[must_use]
    pub fn spec(&self) -> &ClusterSpec {
        &self.inner.spec
    }

    /// The source whose news its watches are.
    #[must_use]
    pub fn source(&self) -> SourceId {
        SourceId { cluster: self.name().clone(), kind: SourceKind::Kubernetes }
    }

    /// The moment at which something reaches us.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.inner.clock)()
    }

    /// How long one answer may take.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.inner.spec.request_timeout.unwrap_or(DEADLINE)
    }

    /// Where orders say what they are about to write.
    #[must_use]
    pub fn sightings(&self) -> &Sightings {
        &self.inner.sightings
    }

    /// Where pods have their metrics, as far as it was read.
    pub(super) fn places(&self) -> &Places {
        &self.inner.places
    }

    /// Ends waits between tries.
    pub(super) fn nudge(&self) -> &Nudge {
        &self.inner.nudge
    }

    /// A random number, for waits that must not fall into step with those of others.
    pub(super) fn dice(&self) -> u64 {
        self.inner.dice.throw()
    }

    /// Waits for room to ask for a page of a list.
    pub(super) async fn page(&self) -> Option<SemaphorePermit<'_>> {
        self.inner.pages.acquire().await.ok()
    }

    /// The connection; makes one if there is none.
    ///
    /// # Errors
    /// What is wrong with the kubeconfig, the plugin or the certificates. The network is not tried yet.
    pub async fn link(&self) -> Result<Link, Trouble> {
        if let Some(link) = &*self.inner.links.borrow() {
            return Ok(link.clone());
        }
        let mut count = self.inner.dialing.lock().await;
        if let Some(link) = &*self.inner.links.borrow() {
            return Ok(link.clone());
        }
        let clients = match (&self.inner.dialer, &self.inner.spec.way) {
            (Some(dialer), _) => dialer.dial().await?,
            (None, Way::Mounted(client)) => {
                Clients { reading: client.clone(), action: client.clone() }
            }
            (None, Way::Broken(trouble)) => return Err(trouble.clone()),
            (None, Way::Network(_)) => return Err(Trouble::NotConfigured),
        };
        *count += 1;
        let link = Link {
            number: *count,
            reading: Wire::new(clients.reading),
            action: Wire::new(clients.action),
        };
        self.inner.links.send_replace(Some(link.clone()));
        Ok(link)
    }

    /// Throws the connection away: the next question makes a new one. A wait for the next try is over.
    pub fn reconnect(&self) {
        self.inner.nudge.give();
        let number = self.inner.links.borrow().as_ref().map(|link| link.number);
        if let Some(number) = number {
            self.discard(number);
        }
    }

    /// Throws a connection away as a whole, if it is still the one in use.
    pub(super) fn discard(&self, number: u64) {
        self.inner.links.send_if_modified(|link| {
            let is_it = link.as_ref().is_some_and(|link| link.number == number);
            if is_it {
                *link = None;
            }
            is_it
        });
    }

    /// True when the connection must be made anew because its client certificate ends.
    pub(super) async fn certificate_is_over(&self) -> bool {
        match &self.inner.dialer {
            Some(dialer) => dialer.is_over().await,
            None => false,
        }
    }
}
