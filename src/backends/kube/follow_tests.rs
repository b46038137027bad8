//! How a cluster is followed, against a server that says what it is told to, on the test's own clock.

use std::time::Duration;

use serde_json::json;

use super::rows::FleetKind;
use super::scripted::{
    DEPLOYMENTS, ROLLOUTS, Rig, SETS, Say, Server, bookmark, changed, deployment, event, gone,
    list, set, target,
};
use super::sightings::Expectation;
use crate::domain::feed::{Feed, Sighting, SourceHealth, Trouble};
use crate::domain::ids::{Namespace, OrderId, ResourceVersion, Uid};
use crate::domain::text::Text;

fn pair(name: &str, version: &str) -> (String, String) {
    (name.to_owned(), version.to_owned())
}

fn removed(news: &[Feed]) -> Vec<String> {
    let removed = news.iter().filter_map(|feed| match feed {
        Feed::Removed(targets) => Some(targets),
        _ => None,
    });
    removed.flatten().map(|target| target.name.as_str().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn all_pages_are_read_joined_by_owner_and_then_declared_whole() {
    let server = Server::new();
    let pages = [
        Say::Json(200, list("10", "more", &[deployment("a", "3")])),
        Say::Json(200, list("10", "", &[deployment("b", "4")])),
    ];
    server.script("list", DEPLOYMENTS, pages).await;
    let sets = list("11", "", &[set("a", "h1", "1", "5"), set("a", "h2", "2", "6")]);
    server.script("list", SETS, [Say::Json(200, sets)]).await;
    let mut rig = Rig::start(server);
    let news = rig.synced().await;
    let last_of = |name: &str| {
        let workloads = news.iter().filter_map(|feed| match feed {
            Feed::Changed(workloads) => Some(workloads),
            _ => None,
        });
        let mut named = workloads.flatten().filter(|it| it.target.name.as_str() == name);
        named.next_back().expect("a workload").clone()
    };
    let revisions: Vec<u64> =
        last_of("a").revisions.iter().filter_map(|set| Some(set.revision?.0)).collect();
    assert_eq!(revisions, [2, 1]);
    assert_eq!(last_of("a").current_hash().map(|hash| hash.as_str().to_owned()), Some("h1".into()));
    assert!(last_of("b").revisions.is_empty());
    let asked = rig.server.asked("list /apis/apps/v1/deployments").await;
    assert!(asked[1].1.contains("continue=more"), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_is_resumed_after_the_last_bookmark_without_a_new_list() {
    let server = Server::new();
    let lines = server.watch(DEPLOYMENTS).await;
    let mut rig = Rig::start(server);
    rig.synced().await;
    lines.send(event("ADDED", &deployment("a", "20"))).await.expect("a listener");
    lines.send(bookmark("35")).await.expect("a listener");
    rig.until(|feed| matches!(feed, Feed::Changed(_))).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    drop(lines);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let watches = rig.server.asked("watch /apis/apps/v1/deployments").await;
    assert!(watches[1].1.contains("resourceVersion=35"), "{watches:?}");
    assert!(watches[0].1.contains("allowWatchBookmarks=true"), "{watches:?}");
    assert_eq!(rig.server.asked("list /apis/apps/v1/deployments").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_known_stays_until_the_new_list_is_whole() {
    for by_status in [true, false] {
        let server = Server::new();
        let old = list("10", "", &[deployment("a", "3"), deployment("b", "4")]);
        let (say, lines) = tokio::sync::mpsc::channel(4);
        let new = [
            Say::Json(200, list("30", "more", &[deployment("a", "20")])),
            Say::Json(200, list("30", "", &[deployment("c", "21")])),
        ];
        server.script("list", DEPLOYMENTS, [Say::Json(200, old)]).await;
        server.script("list", DEPLOYMENTS, new).await;
        if by_status {
            server.script("watch", DEPLOYMENTS, [Say::Json(410, gone())]).await;
        } else {
            say.send(event("ERROR", &gone())).await.expect("room");
            server.script("watch", DEPLOYMENTS, [Say::Lines(lines)]).await;
        }
        let mut rig = Rig::start(server);
        rig.synced().await;
        let news = rig.synced().await;
        assert_eq!(removed(&news), ["b"]);
        let names: Vec<String> = changed(&news).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "c"]);
        assert!(matches!(news.last(), Some(Feed::Removed(_))), "{news:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_was_cut_off_is_not_applied_and_comes_again() {
    let server = Server::new();
    let lines = server.watch(DEPLOYMENTS).await;
    let again = server.watch(DEPLOYMENTS).await;
    let mut rig = Rig::start(server);
    rig.synced().await;
    lines.send(event("ADDED", &deployment("a", "20"))).await.expect("a listener");
    let whole = event("ADDED", &deployment("b", "21"));
    lines.send(whole[..whole.len() / 2].to_owned()).await.expect("a listener");
    drop(lines);
    let (_, before) = rig.until(|feed| matches!(feed, Feed::Changed(_))).await;
    assert!(changed(&before).is_empty());
    again.send(whole).await.expect("a listener");
    let (feed, _) = rig.until(|feed| matches!(feed, Feed::Changed(_))).await;
    assert_eq!(changed(&[feed]), [pair("b", "21")]);
    let watches = rig.server.asked("watch /apis/apps/v1/deployments").await;
    assert!(watches[1].1.contains("resourceVersion=20"), "{watches:?}");
}

/// The addresses of everything that a fleet reads.
fn everywhere() -> impl Iterator<Item = String> {
    FleetKind::all().map(|kind| kind.resource().collection(None))
}

fn forbidden() -> Say {
    Say::Json(403, json!({ "kind": "Status", "code": 403, "reason": "Forbidden", "message": "no" }))
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_list_everywhere_the_namespace_of_the_context_is_read_and_that_is_said()
 {
    let server = Server::new();
    for path in [DEPLOYMENTS, ROLLOUTS, SETS] {
        server.script("list", path, (0..100).map(|_| forbidden())).await;
    }
    let narrow = "/apis/apps/v1/namespaces/shop/deployments";
    let here = list("10", "", &[deployment("a", "3")]);
    server.script("list", narrow, [Say::Json(200, here)]).await;
    let mut rig = Rig::start(server);
    let news = rig.synced().await;
    assert_eq!(changed(&news), [pair("a", "3")]);
    let health = rig.health(|health| !matches!(health, SourceHealth::Live)).await;
    let SourceHealth::Degraded(why) = health else { panic!("{health:?}") };
    assert!(why.to_string().ends_with("in all namespaces"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_right_that_comes_back_ends_the_makeshift() {
    let server = Server::new();
    server.script("list", DEPLOYMENTS, [forbidden()]).await;
    let narrow = "/apis/apps/v1/namespaces/shop/deployments";
    let here = list("10", "", &[deployment("a", "3"), deployment("old", "4")]);
    server.script("list", narrow, [Say::Json(200, here)]).await;
    let everywhere = list("90", "", &[deployment("a", "3"), deployment("z", "80")]);
    server.script("list", DEPLOYMENTS, [Say::Json(200, everywhere)]).await;
    let mut rig = Rig::start(server);
    let news = rig.synced().await;
    let degraded = |feed: &Feed| matches!(feed, Feed::Health(SourceHealth::Degraded(_)));
    assert!(news.iter().any(degraded), "{news:?}");
    let (_, news) = rig.until(|feed| matches!(feed, Feed::Removed(_))).await;
    assert!(changed(&news).contains(&pair("z", "80")), "{news:?}");
    let at = rig.elapsed();
    assert!(at >= Duration::from_mins(1) && at < Duration::from_secs(75), "{at:?}");
    assert!(news.contains(&Feed::Health(SourceHealth::Live)), "{news:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_shows_us_nothing_is_denied() {
    let server = Server::new();
    let here = Namespace::new("shop");
    for kind in FleetKind::all() {
        for scope in [None, Some(&here)] {
            let path = kind.resource().collection(scope);
            server.script("list", &path, (0..50).map(|_| forbidden())).await;
        }
    }
    let mut rig = Rig::start(server);
    let health = rig.health(|health| matches!(health, SourceHealth::Denied(_))).await;
    let SourceHealth::Denied(why) = health else { panic!("{health:?}") };
    assert!(why.to_string().starts_with("no permission to list"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn named_namespaces_are_read_each_and_labels_select_workloads_only() {
    let server = Server::new();
    let mut rig = Rig::with(server, 64, |mut spec| {
        spec.namespaces = vec![Namespace::new("one"), Namespace::new("two")];
        spec.selector = Some("team=a".to_owned());
        spec
    });
    rig.synced().await;
    let asked = rig.server.asked("list").await;
    let owners = FleetKind::all().filter(|kind| kind.owner().is_some()).count();
    let all = || FleetKind::all().chain(FleetKind::all().filter_map(FleetKind::also));
    assert_eq!(asked.len(), 2 * all().count() - owners, "{asked:?}");
    let is_owner = |asked: &str| {
        let mut paths = FleetKind::all().filter(|kind| kind.owner().is_some());
        paths.any(|kind| asked.contains(&format!("{}?", kind.resource().collection(None))))
    };
    for (_, asked) in asked {
        // Owners live where they like.
        if is_owner(&asked) {
            assert!(!asked.contains("labelSelector"), "{asked}");
            continue;
        }
        assert!(asked.contains("/namespaces/one/") || asked.contains("/namespaces/two/"));
        let selects = asked.contains("labelSelector=team%3Da");
        let mut parts = all().filter(|kind| kind.workload().is_none());
        let is_part = parts.any(|part| asked.contains(part.resource().plural));
        assert_eq!(selects, !is_part, "{asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_kind_is_no_trouble_and_is_found_when_it_comes() {
    let server = Server::new();
    let missing = Say::Raw(404, "text/plain", "404 page not found\n".to_owned());
    server.script("list", ROLLOUTS, [missing]).await;
    let mut late = deployment("r", "50");
    late["spec"]["strategy"] = json!({ "canary": {} });
    server.script("list", ROLLOUTS, [Say::Json(200, list("60", "", &[late]))]).await;
    let mut rig = Rig::start(server);
    let news = rig.synced().await;
    let healths = news.iter().filter(|feed| matches!(feed, Feed::Health(_)));
    assert!(healths.into_iter().all(|feed| matches!(
        feed,
        Feed::Health(SourceHealth::Connecting { .. } | SourceHealth::Live)
    )));
    let (feed, _) = rig.until(|feed| matches!(feed, Feed::Changed(_))).await;
    assert_eq!(changed(&[feed]), [pair("r", "50")]);
    assert!(rig.elapsed() >= Duration::from_mins(3) && rig.elapsed() < Duration::from_mins(4));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_no_kubernetes_is_told_with_its_title() {
    let server = Server::new();
    let page = "<html><head><title>Log in \u{1b}]0;x</title></head></html>";
    for path in everywhere() {
        let pages = (0..9).map(|_| Say::Raw(200, "text/html", page.to_owned()));
        server.script("list", &path, pages).await;
    }
    let mut rig = Rig::start(server);
    let health = rig.health(|health| matches!(health, SourceHealth::Down { .. })).await;
    let SourceHealth::Down { why: Trouble::BadAnswer(words), .. } = health else {
        panic!("{health:?}")
    };
    assert_eq!(words, Text::clean("HTML page \"Log in \u{1b}]0;x\" (status 200)"));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_cut_off_is_read_again_and_never_counts_as_whole() {
    let server = Server::new();
    let whole = list("10", "", &[deployment("a", "3"), deployment("b", "4")]).to_string();
    let cut = whole[..whole.len() - 20].to_owned();
    let says = [Say::Raw(200, "application/json", cut), Say::Json(200, list("10", "", &[]))];
    server.script("list", DEPLOYMENTS, says).await;
    let mut rig = Rig::start(server);
    let (feed, before) = rig.until(|feed| matches!(feed, Feed::Synced)).await;
    assert_eq!(feed, Feed::Synced);
    let words = before.iter().find_map(|feed| match feed {
        Feed::Health(SourceHealth::Degraded(why)) => Some(why.to_string()),
        _ => None,
    });
    let words = words.expect("a degraded source");
    assert!(
        words.starts_with("answer not understood: JSON is cut off (line 1, column "),
        "{words}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_every_watch_at_once_is_not_asked_without_end() {
    let server = Server::new();
    let ended = (0..1_000).map(|_| Say::Raw(200, "application/json", String::new()));
    server.script("watch", DEPLOYMENTS, ended).await;
    let mut rig = Rig::start(server);
    rig.during(Duration::from_mins(1)).await;
    let asked = rig.server.asked("watch /apis/apps/v1/deployments").await.len();
    assert!((3..=12).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_busy_server_is_left_alone_as_long_as_it_asks_but_not_for_ever() {
    for (after, least, most) in [("7", 7, 9), ("86400", 30, 33), ("soon", 0, 2)] {
        let server = Server::new();
        server.script("list", DEPLOYMENTS, [Say::Busy(after)]).await;
        let mut rig = Rig::start(server);
        rig.synced().await;
        let lists = rig.server.asked("list /apis/apps/v1/deployments").await;
        let waited = lists[1].0.saturating_sub(lists[0].0).as_secs();
        assert!((least..=most).contains(&waited), "{after}: {waited} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_down_within_nine_seconds_and_resumed_where_it_was() {
    let server = Server::new();
    let old = list("10", "", &[deployment("a", "3")]);
    server.script("list", DEPLOYMENTS, [Say::Json(200, old)]).await;
    let mut rig = Rig::start(server);
    rig.synced().await;
    rig.server.script("get", "/readyz", [Say::Nothing]).await;
    let health = rig.health(|health| matches!(health, SourceHealth::Down { .. })).await;
    assert!(rig.elapsed() < Duration::from_secs(10), "{:?}", rig.elapsed());
    assert!(matches!(health, SourceHealth::Down { why: Trouble::TimedOut { .. }, .. }));
    rig.health(|health| matches!(health, SourceHealth::Live)).await;
    assert!(rig.elapsed() < Duration::from_secs(12), "{:?}", rig.elapsed());
    tokio::time::sleep(Duration::from_millis(10)).await;
    let watches = rig.server.asked("watch /apis/apps/v1/deployments").await;
    assert_eq!(watches.len(), 2);
    assert!(watches[1].1.contains("resourceVersion=10"), "{watches:?}");
    assert_eq!(rig.server.asked("list /apis/apps/v1/deployments").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_history_went_backwards_is_read_anew() {
    let server = Server::new();
    let old = list("900", "", &[deployment("a", "800"), deployment("b", "810")]);
    let restored = list("500", "", &[deployment("a", "400")]);
    let says = [Say::Json(200, old), Say::Json(200, restored.clone())];
    server.script("list", DEPLOYMENTS, says).await;
    server.script("get", DEPLOYMENTS, [Say::Json(200, restored)]).await;
    let mut rig = Rig::start(server);
    rig.synced().await;
    rig.server.script("get", "/readyz", [Say::Nothing]).await;
    let news = rig.synced().await;
    assert_eq!(removed(&news), ["b"]);
    assert_eq!(changed(&news), [pair("a", "400")]);
}

#[tokio::test(start_paused = true)]
async fn heartbeats_prove_facts_only_while_every_watch_works() {
    let server = Server::new();
    server
        .script("watch", SETS, (0..100).map(|_| Say::Json(500, json!({ "message": "etcd" }))))
        .await;
    let mut rig = Rig::start(server);
    rig.synced().await;
    rig.health(|health| matches!(health, SourceHealth::Degraded(_))).await;
    let news = rig.during(Duration::from_secs(40)).await;
    assert!(!news.contains(&Feed::Beat), "{news:?}");
    let mut works = Rig::start(Server::new());
    works.synced().await;
    let beats = works.during(Duration::from_secs(21)).await;
    assert!(beats.iter().filter(|feed| **feed == Feed::Beat).count() >= 4, "{beats:?}");
}

#[tokio::test(start_paused = true)]
async fn readyz_closed_to_us_is_replaced_by_version() {
    let server = Server::new();
    server.script("get", "/readyz", (0..9).map(|_| forbidden())).await;
    let versions = (0..9).map(|_| Say::Json(200, json!({ "gitVersion": "v1.36.3" })));
    server.script("get", "/version", versions).await;
    let mut rig = Rig::start(server);
    rig.synced().await;
    let beats = rig.during(Duration::from_secs(11)).await;
    assert!(beats.contains(&Feed::Beat));
    assert_eq!(rig.server.asked("get /readyz").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_credential_is_a_denial() {
    let server = Server::new();
    let status = json!({ "kind": "Status", "code": 401, "message": "Unauthorized" });
    for path in everywhere() {
        server.script("list", &path, (0..50).map(|_| Say::Json(401, status.clone()))).await;
    }
    let mut rig = Rig::start(server);
    let health = rig.health(|health| matches!(health, SourceHealth::Denied(_))).await;
    let detail = Text::clean("Unauthorized");
    assert_eq!(health, SourceHealth::Denied(Trouble::NotAuthenticated { detail }));
}

#[tokio::test(start_paused = true)]
async fn the_server_says_who_we_are() {
    let mut rig = Rig::start(Server::new());
    let (feed, _) = rig.until(|feed| matches!(feed, Feed::Identity(_))).await;
    assert_eq!(feed, Feed::Identity(Text::clean("jane")));
}

fn marked(name: &str, version: &str, order: &str) -> serde_json::Value {
    let mut object = deployment(name, version);
    object["metadata"]["annotations"] = json!({ "pilothouse.dev/order": order });
    object
}

fn order(id: &str, name: &str, after: &str) -> Expectation {
    Expectation {
        order: OrderId::new(id),
        target: target(name),
        uid: Uid::new(&format!("u-{name}")),
        after: Some(ResourceVersion::new(after)),
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_is_seen_though_nobody_listens_and_the_next_change_hides_it() {
    let server = Server::new();
    let old = list("10", "", &[deployment("a", "3"), deployment("b", "4")]);
    server.script("list", DEPLOYMENTS, [Say::Json(200, old)]).await;
    let lines = server.watch(DEPLOYMENTS).await;
    let mut rig = Rig::with(server, 1, |spec| spec);
    rig.synced().await;
    // Nobody takes news from here on, until everything has happened.
    rig.cluster.sightings().expect(order("o-1", "a", "3")).expect("a watch");
    rig.cluster.sightings().expect(order("o-2", "b", "4")).expect("a watch");
    for object in [marked("a", "20", "o-1"), deployment("b", "21"), deployment("a", "22")] {
        lines.send(event("MODIFIED", &object)).await.expect("a listener");
    }
    for version in 23..80 {
        let object = deployment("a", &version.to_string());
        lines.send(event("MODIFIED", &object)).await.expect("a listener");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let news = rig.during(Duration::from_secs(1)).await;
    let sightings: Vec<&Feed> =
        news.iter().filter(|feed| matches!(feed, Feed::Sighting(..))).collect();
    let overtaken = Sighting::Overtaken { by: ResourceVersion::new("21"), manager: None };
    assert_eq!(
        sightings,
        [
            &Feed::Sighting(OrderId::new("o-1"), Sighting::Marked(ResourceVersion::new("20"))),
            &Feed::Sighting(OrderId::new("o-2"), overtaken),
        ]
    );
    let told = changed(&news);
    assert!(told.len() <= 4, "one slot per workload: {told:?}");
    assert!(told.contains(&pair("a", "79")) && told.contains(&pair("b", "21")), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_gap_a_mark_still_proves_and_its_absence_does_not() {
    let server = Server::new();
    let old = list("10", "", &[deployment("a", "3"), deployment("b", "4"), deployment("c", "5")]);
    let new = list("30", "", &[marked("a", "25", "o-1"), deployment("b", "26")]);
    server.script("list", DEPLOYMENTS, [Say::Json(200, old), Say::Json(200, new)]).await;
    let lines = server.watch(DEPLOYMENTS).await;
    let mut rig = Rig::start(server);
    rig.synced().await;
    for (id, name, after) in [("o-1", "a", "3"), ("o-2", "b", "4"), ("o-3", "c", "5")] {
        rig.cluster.sightings().expect(order(id, name, after)).expect("a watch");
    }
    lines.send(event("ERROR", &gone())).await.expect("a listener");
    let news = rig.during(Duration::from_secs(5)).await;
    let seen = |id: &str| {
        news.iter().find_map(|feed| match feed {
            Feed::Sighting(order, sighting) if order.as_str() == id => Some(sighting.clone()),
            _ => None,
        })
    };
    assert_eq!(seen("o-1"), Some(Sighting::Marked(ResourceVersion::new("25"))));
    assert_eq!(seen("o-2"), Some(Sighting::Gap));
    assert_eq!(seen("o-3"), Some(Sighting::Deleted));
}

#[tokio::test(start_paused = true)]
async fn a_workload_created_anew_under_its_name_lives_on() {
    let server = Server::new();
    let lines = server.watch(DEPLOYMENTS).await;
    let mut rig = Rig::start(server);
    rig.synced().await;
    let mut other = deployment("a", "30");
    other["metadata"]["uid"] = json!("u-2");
    for line in [
        event("ADDED", &deployment("a", "20")),
        event("DELETED", &deployment("a", "29")),
        event("ADDED", &other),
    ] {
        lines.send(line).await.expect("a listener");
    }
    let news = rig.during(Duration::from_secs(1)).await;
    let last = news.iter().rfind(|feed| matches!(feed, Feed::Changed(_) | Feed::Removed(_)));
    let Some(Feed::Changed(workloads)) = last else { panic!("{news:?}") };
    assert_eq!(workloads[0].meta.uid, Uid::new("u-2"));
    // A late word about the first life changes nothing.
    lines.send(event("DELETED", &deployment("a", "31"))).await.expect("a listener");
    let news = rig.during(Duration::from_secs(1)).await;
    assert!(removed(&news).is_empty(), "{news:?}");
}

#[tokio::test(start_paused = true)]
async fn late_and_odd_objects_cost_nothing_else() {
    let server = Server::new();
    let mut odd = deployment("odd", "4");
    odd["spec"]["replicas"] = json!("many");
    let old = list("10", "", &[json!(5), json!({ "metadata": [] }), odd, deployment("a", "9")]);
    server.script("list", DEPLOYMENTS, [Say::Json(200, old)]).await;
    let lines = server.watch(DEPLOYMENTS).await;
    let mut rig = Rig::start(server);
    let news = rig.synced().await;
    assert!(changed(&news).contains(&pair("odd", "4")) && changed(&news).contains(&pair("a", "9")));
    lines.send(event("MODIFIED", &deployment("a", "8"))).await.expect("a listener");
    lines.send(event("MODIFIED", &deployment("a", "12"))).await.expect("a listener");
    let news = rig.during(Duration::from_secs(1)).await;
    assert_eq!(changed(&news), [pair("a", "12")]);
}
