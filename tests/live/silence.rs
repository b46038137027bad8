//! Clusters that fall silent or are not there, at the full screen, beside one that answers.

use std::time::Duration;

use serde_json::json;

use super::cockpit::Cockpit;
use super::manifests::canary;
use super::plane::Plane;
use super::wire::{self, Wire};

/// The longest that a silent network may go unnoticed (`design/product.md`), and what a busy machine adds.
const NOTICED_WITHIN: Duration = Duration::from_secs(15 + 3);

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_network_is_told_and_left_behind_while_other_clusters_stay_live() {
    let Some(plane) = Plane::new().await else { return };
    let steps = json!([{"setWeight": 25}, {"pause": {}}]);
    plane.create("rollouts", &canary("fifteen", &steps)).await;
    plane.phase("fifteen", "Healthy").await;
    let wire = Wire::to(wire::server_of(&plane.context)).await;
    // A port that was free a moment ago answers nobody.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ways = [("far", wire.address()), ("dead", closed)];
    let kubeconfig = wire::kubeconfig(folder.path(), &plane.context, &ways);
    let kubeconfig = kubeconfig.to_str().unwrap();
    let context = plane.context.clone();
    let near = format!("{context} ●");
    let args = ["--kubeconfig", kubeconfig, "--context", &context];
    let mut cockpit =
        Cockpit::start(&plane, &[&args[..], &["--context", "far", "--context", "dead"]].concat());
    cockpit.line(&["pilothouse", &near, "far ●", "dead ✗"]);
    cockpit.line(&["2 rollouts", "0 need you"]);
    cockpit.pty.keys(".");
    cockpit.line(&["fifteen", "far", "healthy"]);

    let since = wire.freeze(Duration::from_secs(30));
    plane.release("rollouts", "fifteen", "2.0.0").await;
    // The near one goes on; of the far one the last that is known stays, and is marked.
    cockpit.line(&["fifteen", &context, "canary 2/2", "approve"]);
    cockpit.pty.wait_for("the far one's facts told as old", |screen| {
        let header = screen.contents().lines().next().unwrap_or_default().to_owned();
        header.contains(&near)
            && (header.contains("far ◌ stale >10s") || header.contains("far ✗ down >10s"))
    });
    assert!(since.elapsed() < NOTICED_WITHIN, "{:?}", since.elapsed());
    cockpit.line(&["2 rollouts", "1 needs you"]);

    // It thaws by itself.
    cockpit.line(&["pilothouse", &near, "far ●"]);
    cockpit.line(&["fifteen", "far", "canary 2/2", "approve"]);
    cockpit.line(&["2 rollouts", "2 need you"]);
    assert!(!cockpit.text().contains("stale"), "{}", cockpit.text());
    cockpit.line(&["dead ✗"]);
    cockpit.leave();
    plane.down().await;
}
