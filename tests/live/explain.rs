//! What kubectl prints, explained from its output, is what `get` tells of the living cluster.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::manifests::{canary, deployment};
use super::plane::{PATIENCE, Plane};

const KINDS: &str = "rollouts,deployments,replicasets,analysisruns,pods";

fn ours(args: &[&str], input: &[u8]) -> Value {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pilothouse"))
        .args(args)
        .args(["-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kubectl_prints_is_explained_as_get_tells_it() {
    let Some(plane) = Plane::new().await else { return };
    let Some(tool) = std::env::var_os("PILOTHOUSE_LIVE_TOOL") else {
        eprintln!("skipped: PILOTHOUSE_LIVE_TOOL names no kubectl");
        return;
    };
    plane.create("rollouts", &canary("eighteen", &json!([{ "pause": {} }]))).await;
    plane.create("deployments", &deployment("nineteen", 2)).await;
    let start = Instant::now();
    let at = ["--context", plane.context.as_str(), "-n", plane.namespace.as_str()];
    let mut compared = 0;
    // While pods come, both readings are of different versions most of the time.
    while compared < 3 {
        assert!(start.elapsed() < PATIENCE, "compared {compared}");
        let get = ours(&[&["get"][..], &at].concat(), b"");
        let yaml = Command::new(&tool)
            .args(["kubectl", "get", KINDS, "-o", "yaml"])
            .args(at)
            .output()
            .unwrap();
        let explained = ours(&["explain", "-f", "-"], &yaml.stdout);
        let again = ours(&[&["get"][..], &at].concat(), b"");
        let rows = get["items"].as_array().unwrap();
        let is_quiet = rows.len() == 2
            && get["items"].as_array().map(Vec::len) == again["items"].as_array().map(Vec::len)
            && rows.iter().zip(again["items"].as_array().unwrap()).all(|(one, two)| {
                one["resourceVersion"] == two["resourceVersion"]
                    && one["replicas"] == two["replicas"]
            });
        if !is_quiet {
            continue;
        }
        for row in rows {
            let items = explained["items"].as_array().unwrap();
            let same = |item: &&Value| item["uid"] == row["uid"];
            let item = items.iter().find(same).unwrap();
            assert_eq!(item["resourceVersion"], row["resourceVersion"]);
            for key in ["health", "message", "phase", "step", "weight", "stable", "canary"] {
                assert_eq!(item[key], row[key], "{key} of {}", row["name"]);
            }
        }
        compared += 1;
        if compared == 2 {
            plane.release("rollouts", "eighteen", "2.0.0").await;
        }
    }
    plane.down().await;
}
