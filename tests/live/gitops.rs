//! An owner that heals itself: the real Argo CD puts a roll back back. That is foretold, told afterwards with who did
//! it, and the way that lasts works.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use http::Method;
use serde_json::{Value, json};

use super::plane::{PATIENCE, Plane};

const ROLLOUT: &str = "/apis/argoproj.io/v1alpha1/namespaces/gitops/rollouts/orders";
const APPLICATION: &str = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/orders";

/// The repository from which Argo CD releases, as somebody of the shop has cloned it.
struct Shop {
    folder: tempfile::TempDir,
}

impl Shop {
    fn cloned(plane: &Plane) -> Self {
        let shop = Self { folder: tempfile::tempdir().unwrap() };
        let url = format!("http://{}:8418/shop.git", plane.host());
        shop.git(&["clone", "-q", &url, "."]);
        shop
    }

    fn git(&self, args: &[&str]) -> String {
        let who = ["-c", "user.name=live", "-c", "user.email=live@example.test"];
        let done =
            Command::new("git").args(who).args(args).current_dir(&self.folder).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// Releases this version by git; returns the commit before and the one of the release.
    fn release(&self, image: &str) -> (String, String) {
        let before = self.git(&["rev-parse", "HEAD"]);
        let file = self.folder.path().join("orders/rollout.yaml");
        write_image(&file, image);
        self.git(&["commit", "-qam", image]);
        self.git(&["push", "-q", "origin", "HEAD:main"]);
        (before, self.git(&["rev-parse", "HEAD"]))
    }
}

fn write_image(file: &Path, image: &str) {
    let old = std::fs::read_to_string(file).unwrap();
    let (head, rest) = old.split_once("image: \"").unwrap();
    let (_, tail) = rest.split_once('"').unwrap();
    std::fs::write(file, format!("{head}image: \"{image}\"{tail}")).unwrap();
}

/// Has Argo CD look at the repository, and waits until the release has this image and `is_so`.
async fn released(plane: &Plane, image: &str, is_so: impl Fn(&Value) -> bool) {
    let look = json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}});
    plane.send(Method::PATCH, APPLICATION, "application/merge-patch+json", &look).await;
    let start = Instant::now();
    let mut poll = tokio::time::interval(std::time::Duration::from_millis(100));
    loop {
        let found = plane.at(ROLLOUT).await.unwrap();
        let template = &found["spec"]["template"]["spec"]["containers"][0]["image"];
        let generation = found["metadata"]["generation"].to_string();
        let observed = found["status"]["observedGeneration"].as_str().unwrap_or_default();
        if template == image && observed == generation && is_so(&found["status"]) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{image}: {found:#}");
        poll.tick().await;
    }
}

fn pilothouse(plane: &Plane, home: &Path, args: &[&str]) -> (Value, i32) {
    let done = Command::new(env!("CARGO_BIN_EXE_pilothouse"))
        .args(args)
        .args(["-o", "json", "--context", &plane.context, "--namespace", "gitops"])
        .env("HOME", home)
        .env("XDG_STATE_HOME", home)
        .env("XDG_CONFIG_HOME", home)
        .output()
        .unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let document = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&done.stderr)));
    (document, done.status.code().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_that_argo_cd_puts_back_is_foretold_and_told_and_the_lasting_way_works() {
    let Some(plane) = Plane::new().await else { return };
    if plane.at(APPLICATION).await.is_none() {
        eprintln!("skipped: no Argo CD owns gitops/orders here (`live gitops` brings it)");
        plane.down().await;
        return;
    }
    let shop = Shop::cloned(&plane);
    let first = format!("registry.example.test/shop/orders:1.{}", std::process::id());
    let next = format!("{first}.1");
    // Proven by a human's yes, so that the next one is a canary with a stable version behind it.
    shop.release(&first);
    released(&plane, &first, |status| status["phase"] == "Paused").await;
    let promote = json!({"status": {"promoteFull": true}});
    let status = format!("{ROLLOUT}/status");
    plane.send(Method::PATCH, &status, "application/merge-patch+json", &promote).await;
    released(&plane, &first, |status| status["phase"] == "Healthy").await;
    let (before, now) = shop.release(&next);
    released(&plane, &next, |status| status["phase"] == "Paused").await;

    let home = tempfile::tempdir().unwrap();
    let (fleet, _) = pilothouse(&plane, home.path(), &["get"]);
    let owner = &fleet["items"][0]["owner"];
    let object = json!({"cluster": plane.context, "namespace": "argocd", "kind": "Application", "name": "orders"});
    assert_eq!(owner["object"], object, "{owner:#}");
    assert_eq!(owner["phase"], "Synced", "{owner:#}");
    assert_eq!((&owner["habit"], &owner["reverts"]["when"]), (&json!("self-heal"), &json!("soon")));
    assert_eq!(
        (&owner["lasting"]["revision"], &owner["lasting"]["before"]),
        (&json!(now), &json!(before))
    );
    assert_eq!(fleet["owners"][0]["releases"], 1, "{fleet:#}");

    let lasting = format!("git revert {}..{} in ", &before[..8], &now[..8]);
    let words = ["--reason", "a live test", "--confirm", "orders", "--timeout", "60s"];
    let args = [&["rollback", "rollout/orders"][..], &words].concat();
    let (order, code) = pilothouse(&plane, home.path(), &args);
    let foretold = order["plan"]["prediction"].as_str().unwrap();
    assert!(
        // How soon depends on how often it healed before.
        foretold.contains("argocd/orders heals itself: it puts this back "),
        "{foretold}"
    );
    assert!(foretold.contains(&lasting), "{foretold}");
    let told = order["message"].as_str().unwrap_or_default();
    assert_eq!(order["outcome"], "superseded", "{order:#}");
    assert!(
        told.starts_with(
            "it was put back by argocd-controller (Argo CD application argocd/orders); lasting: "
        ),
        "{told}"
    );
    assert!(told.contains(&lasting) && told.contains("path orders on main"), "{told}");
    assert_eq!(code, 4);
    released(&plane, &next, |_| true).await;

    // The way that lasts, as it was named.
    shop.git(&["revert", "--no-edit", &format!("{before}..{now}")]);
    shop.git(&["push", "-q", "origin", "HEAD:main"]);
    released(&plane, &first, |status| status["phase"] == "Healthy").await;
    plane.down().await;
}
