//! How the watches bring owners: beside the fleet, and never in its way.

use std::time::Duration;

use serde_json::json;

use super::rows::FleetKind;
use super::scripted::{Rig, Say, Server, event, list};
use crate::domain::feed::{Feed, SourceHealth};
use crate::domain::part::PartKind;

fn forbidden() -> Say {
    Say::Json(403, json!({ "kind": "Status", "code": 403, "reason": "Forbidden", "message": "no" }))
}

fn application(version: &str) -> serde_json::Value {
    json!({
        "metadata": { "name": "orders", "namespace": "argocd", "uid": "u-orders",
            "resourceVersion": version },
        "status": { "sync": { "status": "Synced" } },
    })
}

#[tokio::test(start_paused = true)]
async fn owners_are_told_before_all_is_known_and_their_end_too() {
    let path = "/apis/argoproj.io/v1alpha1/applications";
    let server = Server::new();
    server.script("list", path, [Say::Json(200, list("10", "", &[application("3")]))]).await;
    let lines = server.watch(path).await;
    let mut rig = Rig::start(server);
    let news = rig.synced().await;
    let told = |feed: &Feed| {
        if let Feed::Owners(news) = feed {
            news.iter().map(|(target, part)| (target.name.to_string(), part.is_some())).collect()
        } else {
            Vec::new()
        }
    };
    let owners: Vec<_> = news.iter().flat_map(told).collect();
    assert_eq!(owners, [("orders".to_owned(), true)]);
    lines.send(event("DELETED", &application("11"))).await.expect("a listener");
    let (feed, _) = rig.until(|feed| matches!(feed, Feed::Owners(_))).await;
    assert_eq!(told(&feed), [("orders".to_owned(), false)]);
}

#[tokio::test(start_paused = true)]
async fn owners_that_may_not_be_read_are_a_note_and_no_trouble_of_the_cluster() {
    let server = Server::new();
    for kind in FleetKind::all().filter(|kind| kind.owner().is_some()) {
        let path = kind.resource().collection(None);
        server.script("list", &path, (0..50).map(|_| forbidden())).await;
    }
    let usual = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications";
    server.script("list", usual, [Say::Json(200, list("10", "", &[application("3")]))]).await;
    let mut rig = Rig::start(server);
    let news = rig.synced().await;
    let is_note = |feed: &&Feed| matches!(feed, Feed::OwnersRead(PartKind::Application, Err(_)));
    assert_eq!(news.iter().filter(is_note).count(), 1, "{news:?}");
    assert!(news.contains(&Feed::Health(SourceHealth::Live)), "{news:?}");
    assert!(!news.iter().any(|feed| matches!(feed, Feed::Health(SourceHealth::Degraded(_)))));
    assert!(news.iter().any(|feed| matches!(feed, Feed::Owners(_))), "read where they usually are");
    let later = rig.during(Duration::from_secs(30)).await;
    assert!(later.contains(&Feed::Beat), "the fleet stays current without them: {later:?}");
}
