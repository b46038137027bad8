//! What we say of a release is what kubectl and the plugin of Argo Rollouts say, at the same resourceVersion.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use serde_json::{Value, json};

use super::manifests::{canary, deployment};
use super::plane::{PATIENCE, Plane};

/// How often both must have been asked in every step; fewer would prove little.
const TIMES: usize = 2;

/// How many versions walk the steps at most.
const WALKS_MAX: usize = 4;

/// `pilothouse watch`, and every document that it printed, by resourceVersion.
struct Ours {
    program: Child,
    lines: Receiver<String>,
    seen: BTreeMap<String, Vec<Value>>,
}

impl Ours {
    fn start(plane: &Plane) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_pilothouse"))
            .args(["watch", "-o", "json", "--context", &plane.context])
            .args(["--namespace", &plane.namespace])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = program.stdout.take().unwrap();
        let (say, lines) = channel();
        std::thread::spawn(move || {
            let mut all = BufReader::new(output).lines().map_while(Result::ok);
            all.try_for_each(|line| say.send(line))
        });
        Self { program, lines, seen: BTreeMap::new() }
    }

    fn take(&mut self, line: &str) {
        let event: Value = serde_json::from_str(line).unwrap();
        let item = &event["item"];
        if let Some(version) = item["resourceVersion"].as_str() {
            self.seen.entry(version.to_owned()).or_default().push(item.clone());
        }
    }

    /// What was said of this version. It may have been passed over for a newer one: `None`.
    fn of(&mut self, version: &str) -> Option<&[Value]> {
        let start = Instant::now();
        let number = |text: &str| text.parse::<u64>().unwrap();
        let is_passed = |seen: &BTreeMap<String, Vec<Value>>| {
            seen.keys().any(|other| number(other) >= number(version))
        };
        while !is_passed(&self.seen) {
            let left = PATIENCE.saturating_sub(start.elapsed());
            let line = self.lines.recv_timeout(left);
            self.take(&line.unwrap_or_else(|_| panic!("{version} does not come")));
        }
        while let Ok(line) = self.lines.try_recv() {
            self.take(&line);
        }
        self.seen.get(version).map(Vec::as_slice)
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// A tool of theirs, as its users start it.
fn theirs(args: &[&str]) -> Option<String> {
    let tool = std::env::var_os("PILOTHOUSE_LIVE_TOOL")?;
    let done = Command::new(tool).args(args).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    Some(String::from_utf8(done.stdout).unwrap())
}

/// The same object as kubectl prints it, and what a tool says while it stays that version. `None` when it moved on.
fn at_one_version(
    plane: &Plane,
    collection: &str,
    name: &str,
    words: &[&str],
) -> Option<(Value, String)> {
    let at = ["--context", &plane.context, "-n", &plane.namespace];
    let read = || -> Option<Value> {
        let args = [&["kubectl", "get", collection, name, "-o", "json"][..], &at].concat();
        serde_json::from_str(&theirs(&args)?).unwrap()
    };
    let before = read()?;
    let said = theirs(&[words, &at].concat())?;
    let after = read()?;
    (before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"])
        .then_some((before, said))
}

/// The plugin's lines `Name: value`, above its tree.
fn fields(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .take_while(|line| !line.starts_with("NAME"))
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

/// The same fields from our document, in the plugin's words.
fn in_the_words_of_the_plugin(item: &Value) -> BTreeMap<String, String> {
    let number = |value: &Value| value.as_u64().map_or("none".to_owned(), |it| it.to_string());
    let step = &item["step"];
    let mut all = BTreeMap::from([
        ("Status".to_owned(), item["phase"].as_str().unwrap_or_default().to_owned()),
        ("Step".to_owned(), format!("{}/{}", number(&step["index"]), number(&step["count"]))),
        ("SetWeight".to_owned(), number(&item["weight"]["desired"])),
        ("ActualWeight".to_owned(), number(&item["weight"]["actual"])),
    ]);
    for (theirs, ours) in [
        ("Desired", "desired"),
        ("Current", "current"),
        ("Updated", "updated"),
        ("Ready", "ready"),
        ("Available", "available"),
    ] {
        all.insert(theirs.to_owned(), number(&item["replicas"][ours]));
    }
    if let Some(message) = item["message"].as_str() {
        all.insert("Message".to_owned(), message.to_owned());
    }
    all
}

/// What the plugin says, without what our document has elsewhere, and without the mark before the phase.
fn of_the_plugin(text: &str) -> BTreeMap<String, String> {
    let mut all = fields(text);
    all.retain(|name, _| {
        !matches!(name.as_str(), "Name" | "Namespace" | "Strategy" | "Images" | "Replicas")
            && !name.starts_with("registry.")
    });
    if let Some(status) = all.get_mut("Status") {
        let word = status.rsplit(' ').next().unwrap_or_default().to_owned();
        *status = word;
    }
    all
}

/// What kubectl prints of the object, against each of our documents of that version.
fn equals_the_object(object: &Value, item: &Value) {
    let status = &object["status"];
    assert_eq!(item["uid"], object["metadata"]["uid"]);
    assert_eq!(item["generation"], object["metadata"]["generation"]);
    let is_observed = status["observedGeneration"].as_str().map(str::to_owned)
        == object["metadata"]["generation"].as_i64().map(|it| it.to_string());
    let is_unpausing = status["controllerPause"] == true && !status["pauseConditions"].is_array();
    if is_observed && !is_unpausing {
        assert_eq!(item["phase"], status["phase"]);
        let message = status["message"].as_str().filter(|it| !it.is_empty());
        assert_eq!(item["message"].as_str(), message);
    } else {
        assert_eq!(item["phase"], "Progressing");
    }
    assert_eq!(item["step"]["index"], status["currentStepIndex"]);
    for (ours, theirs) in [("updated", "updatedReplicas"), ("ready", "readyReplicas")] {
        assert_eq!(item["replicas"][ours].as_u64(), Some(status[theirs].as_u64().unwrap_or(0)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fleet_is_what_kubectl_and_the_plugin_say_at_every_step_of_a_canary() {
    let Some(plane) = Plane::new().await else { return };
    if std::env::var_os("PILOTHOUSE_LIVE_TOOL").is_none() {
        eprintln!("skipped: PILOTHOUSE_LIVE_TOOL names neither kubectl nor the plugin");
        return;
    }
    let steps = json!([{"setWeight": 20}, {"pause": {}}, {"setWeight": 40}, {"pause": {}},
        {"setWeight": 60}, {"pause": {"duration": 4}}]);
    let mut body = canary("sixteen", &steps);
    body["spec"]["replicas"] = json!(5);
    // Slow pods: every setting of a weight lasts long enough to be compared.
    body["spec"]["template"]["metadata"]["annotations"] = json!({"live/ready-after": "4s"});
    plane.create("rollouts", &body).await;
    plane.phase("sixteen", "Healthy").await;
    let mut ours = Ours::start(&plane);
    plane.release("rollouts", "sixteen", "2.0.0").await;
    let mut compared = [0; 7];
    let (mut start, mut walks) = (Instant::now(), 1);
    let words = ["argo", "get", "rollout", "sixteen", "--no-color"];
    while compared.iter().any(|count| *count < TIMES) {
        assert!(start.elapsed() < PATIENCE, "compared {compared:?}");
        let Some((object, said)) =
            at_one_version(&plane, "rollouts.argoproj.io", "sixteen", &words)
        else {
            continue;
        };
        let version = object["metadata"]["resourceVersion"].as_str().unwrap();
        let Some(items) = ours.of(version) else { continue };
        for item in items {
            equals_the_object(&object, item);
        }
        // Between two versions of the Rollout its pods may become ready: one of our documents says the same.
        let said = of_the_plugin(&said);
        let ours: Vec<_> = items.iter().map(in_the_words_of_the_plugin).collect();
        assert!(ours.contains(&said), "the plugin says {said:#?}, we say {ours:#?}");
        let index =
            usize::try_from(object["status"]["currentStepIndex"].as_u64().unwrap()).unwrap();
        compared[index] += 1;
        let waits = object["status"]["pauseConditions"].is_array();
        if waits && compared[index] >= TIMES && matches!(index, 1 | 3) {
            let promotion = json!({"status": {"pauseConditions": null}});
            plane.merge("rollouts", "sixteen/status", &promotion).await;
        }
        // On a busy machine a step may pass between two looks: another version walks the same way.
        let is_over = compared[6] >= TIMES && object["status"]["phase"] == "Healthy";
        if is_over && walks < WALKS_MAX && compared.iter().any(|count| *count < TIMES) {
            walks += 1;
            plane.release("rollouts", "sixteen", &format!("{}.0.0", walks + 1)).await;
            plane.phase("sixteen", "Progressing").await;
            start = Instant::now();
        }
    }
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_what_kubectl_rollout_status_says_all_along_an_update() {
    let Some(plane) = Plane::new().await else { return };
    if std::env::var_os("PILOTHOUSE_LIVE_TOOL").is_none() {
        eprintln!("skipped: PILOTHOUSE_LIVE_TOOL names no kubectl");
        return;
    }
    let mut body = deployment("seventeen", 3);
    body["spec"]["template"]["metadata"]["annotations"] = json!({"live/ready-after": "3s"});
    plane.create("deployments", &body).await;
    let mut ours = Ours::start(&plane);
    let mut told = BTreeMap::<String, usize>::new();
    let start = Instant::now();
    let words = ["kubectl", "rollout", "status", "deployment", "seventeen", "--watch=false"];
    let mut is_second = false;
    loop {
        assert!(start.elapsed() < PATIENCE, "compared {told:#?}");
        let Some((object, said)) = at_one_version(&plane, "deployments", "seventeen", &words)
        else {
            continue;
        };
        let version = object["metadata"]["resourceVersion"].as_str().unwrap();
        let Some(items) = ours.of(version) else { continue };
        let said = said.trim();
        let is_done = said.ends_with("successfully rolled out");
        for item in items {
            assert_eq!(item["message"].as_str(), (!is_done).then_some(said), "{object:#}");
            assert_eq!(item["replicas"]["updated"], object["status"]["updatedReplicas"]);
            assert_eq!(item["replicas"]["desired"], object["spec"]["replicas"]);
        }
        *told.entry(said.to_owned()).or_default() += 1;
        if is_done && is_second {
            break;
        }
        if is_done {
            plane.release("deployments", "seventeen", "2.0.0").await;
            is_second = true;
        }
    }
    // New ones of a first and a second version, old ones on their way out, and the end.
    assert!(told.len() >= 4, "{told:#?}");
    plane.down().await;
}
