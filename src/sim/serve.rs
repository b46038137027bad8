//! The world on loopback: a port for each cluster, a clock, and the kubeconfig that leads there.

use std::fmt::Write as _;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::api::kubernetes;
use super::shared::Shared;

/// How often a running clock moves the world.
const TICK: Duration = Duration::from_millis(100);

/// The most that a clock makes up for at once. After a laptop's sleep the world goes on, not
/// through it.
const LAG_MAX: Duration = Duration::from_secs(2);

/// What moves the world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clock {
    /// Nothing but `POST /sim/advance?ms=N`.
    Manual,
    /// Real time, so many times as fast.
    Scaled(f64),
}

/// A world that is served. It ends when this value goes.
#[derive(Debug)]
pub struct Served {
    /// Each cluster's name and address, in the order of the world.
    pub clusters: Vec<(String, SocketAddr)>,
    /// The world itself.
    pub shared: Shared,
    tasks: JoinSet<()>,
}

/// Serves every cluster of the world on a port of its own, with HTTP/1.1 and HTTP/2 in the clear.
///
/// # Errors
/// A port cannot be opened.
pub async fn serve(shared: Shared, clock: Clock) -> io::Result<Served> {
    let names: Vec<String> =
        shared.look(|world| world.clusters.iter().map(|cluster| cluster.name.clone()).collect());
    let mut served = Served { clusters: Vec::new(), shared, tasks: JoinSet::new() };
    for name in names {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let router = kubernetes::router(&served.shared, &name);
        // It ends only with an error of the listener, and then the port is closed: nothing else to
        // do.
        served.tasks.spawn(async move { drop(axum::serve(listener, router).await) });
        served.clusters.push((name, address));
    }
    if let Clock::Scaled(factor) = clock {
        served.tasks.spawn(run(served.shared.clone(), factor));
    }
    Ok(served)
}

/// Moves the world as real time passes.
fn run(shared: Shared, factor: f64) -> impl Future<Output = ()> {
    let factor = if factor.is_finite() { factor.clamp(0.0, 1_000.0) } else { 1.0 };
    async move {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = Instant::now();
        loop {
            ticks.tick().await;
            let now = Instant::now();
            let passed = now.duration_since(last).min(LAG_MAX);
            last = now;
            shared.advance(passed.mul_f64(factor));
        }
    }
}

impl Served {
    /// The address of a cluster's API server.
    #[must_use]
    pub fn url(&self, cluster: &str) -> Option<String> {
        let (_, address) = self.clusters.iter().find(|(name, _)| name == cluster)?;
        Some(format!("http://{address}"))
    }

    /// The address of a cluster's Prometheus.
    #[must_use]
    pub fn prometheus_url(&self, cluster: &str) -> Option<String> {
        self.url(cluster).map(|url| format!("{url}/prometheus"))
    }

    /// A kubeconfig with a context for each cluster and for each of its users: `east`, and
    /// `east-viewer`, `east-captain` … with the rights of the live plane's users. kubectl sends no
    /// token to an address without TLS: it is the administrator in every context.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        let mut text = String::from("apiVersion: v1\nkind: Config\n");
        if let Some((first, _)) = self.clusters.first() {
            let _ = writeln!(text, "current-context: {first}");
        }
        text.push_str("clusters:\n");
        for (name, address) in &self.clusters {
            let _ = writeln!(text, "- name: {name}\n  cluster:\n    server: http://{address}");
        }
        let users = self.users();
        text.push_str("users:\n");
        for (_, context, token) in &users {
            let _ = writeln!(text, "- name: {context}\n  user:\n    token: {token}");
        }
        text.push_str("contexts:\n");
        for (cluster, context, _) in &users {
            let _ = writeln!(
                text,
                "- name: {context}\n  context:\n    cluster: {cluster}\n    user: {context}\n    \
                 namespace: shop"
            );
        }
        text
    }

    /// Cluster, context and token of every user.
    fn users(&self) -> Vec<(String, String, String)> {
        self.shared.look(|world| {
            let of = |name: &String, index: usize, token: &String| {
                let context = if index == 0 { name.clone() } else { format!("{name}-{token}") };
                (name.clone(), context, token.clone())
            };
            world
                .clusters
                .iter()
                .flat_map(|cluster| {
                    let users = cluster.access.users.iter().enumerate();
                    users.map(|(index, user)| of(&cluster.name, index, &user.token))
                })
                .collect()
        })
    }

    /// Stays until the world is taken down; it never ends by itself.
    pub async fn stay(&mut self) {
        while self.tasks.join_next().await.is_some() {}
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::world::World;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn world() -> Shared {
        Shared::new(World::empty("2026-01-01T00:00:00Z".parse().unwrap(), &["east", "west"]))
    }

    async fn exchange(address: SocketAddr, request: &[u8], enough: &[u8]) -> Vec<u8> {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut heard = Vec::new();
        while !heard.windows(enough.len()).any(|window| window == enough) {
            let read = stream.read_buf(&mut heard);
            let read = tokio::time::timeout(Duration::from_secs(10), read).await.unwrap().unwrap();
            assert!(read > 0, "closed: {}", String::from_utf8_lossy(&heard));
        }
        heard
    }

    #[tokio::test]
    async fn each_cluster_has_a_port_that_speaks_both_versions_of_http() {
        let served = serve(world(), Clock::Manual).await.unwrap();
        assert_eq!(served.clusters.len(), 2);
        let address = served.clusters[0].1;
        let plain = b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let heard = exchange(address, plain, b"ok").await;
        assert!(heard.starts_with(b"HTTP/1.1 200"));
        // The preface of HTTP/2 with empty settings: the server answers with its own settings.
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        let heard = exchange(address, preface, b"\x04\0").await;
        assert_eq!(heard[3], 4, "a SETTINGS frame");
    }

    #[tokio::test(start_paused = true)]
    async fn a_scaled_clock_moves_the_world() {
        let shared = world();
        let mut clock = JoinSet::new();
        clock.spawn(run(shared.clone(), 10.0));
        let start = shared.look(World::now);
        tokio::time::sleep(Duration::from_secs(3)).await;
        let passed = shared.look(World::now).duration_since(start).as_secs();
        assert!((28..=31).contains(&passed), "{passed}");
    }

    #[tokio::test]
    async fn the_kubeconfig_has_a_context_for_every_user() {
        let served = serve(world(), Clock::Manual).await.unwrap();
        let config = kube::config::Kubeconfig::from_yaml(&served.kubeconfig()).unwrap();
        assert_eq!(config.current_context.as_deref(), Some("east"));
        let names: Vec<&str> = config.contexts.iter().map(|it| it.name.as_str()).collect();
        for expected in ["east", "east-viewer", "east-captain", "west", "west-nobody"] {
            assert!(names.contains(&expected), "{expected}");
        }
        assert_eq!(served.url("north"), None);
        assert!(served.prometheus_url("west").unwrap().ends_with("/prometheus"));
    }
}
