//! What is hidden in a version: how it answers, how long it takes to start, whether it starts at
//! all.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::Value;

use super::read;
use crate::sim::arrivals::{digest, mix};

/// How a version behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Share of requests that fail, from 0 to 1.
    pub errors: f64,
    /// Median time to answer, in milliseconds.
    pub latency_ms: f64,
    /// A pod is well until this age.
    pub after: SignedDuration,
    /// From the image's pull to the start of the container.
    pub start_after: SignedDuration,
    /// From the start to ready.
    pub ready_after: SignedDuration,
    /// Whether it gets there.
    pub fate: Fate,
    /// The digest of its image, `sha256:…`; without it: one made from the name.
    pub digest: Option<String>,
    /// Lines that stand in its log among the others.
    pub log: Vec<String>,
}

/// What becomes of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It runs and becomes ready.
    Well,
    /// It runs and never becomes ready.
    NeverReady,
    /// It ends with an error this long after each start.
    Crash {
        /// So long it runs.
        after: SignedDuration,
    },
    /// Its image cannot be pulled.
    BadImage,
}

impl Default for Version {
    fn default() -> Self {
        Self {
            errors: 0.0,
            latency_ms: 80.0,
            after: SignedDuration::ZERO,
            start_after: SignedDuration::from_millis(600),
            ready_after: SignedDuration::from_millis(400),
            fate: Fate::Well,
            digest: None,
            log: Vec::new(),
        }
    }
}

/// All that is hidden in a cluster.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    versions: BTreeMap<String, Version>,
    demand: BTreeMap<String, f64>,
}

/// Requests a second of a workload of which nothing is known, for each of its pods.
const RPS: f64 = 20.0;

impl Truth {
    /// Lays down how an image behaves.
    pub fn version(&mut self, image: &str, version: Version) {
        self.versions.insert(image.to_owned(), version);
    }

    /// Lays down how many requests a second reach a workload, `namespace/name`.
    pub fn demand(&mut self, workload: &str, rps: f64) {
        self.demand.insert(workload.to_owned(), rps);
    }

    /// How the pods of a template behave: as their image does, unless annotations like those of the
    /// live plane say otherwise.
    pub(super) fn of(&self, pod: &Value) -> Version {
        let image = read::text(pod, "/spec/containers/0/image");
        let mut version = self.versions.get(image).cloned().unwrap_or_default();
        let said = |name: &str| read::annotation(pod, &format!("live/{name}"));
        let long = |name: &str| said(name).and_then(read::go_duration);
        if let Some(errors) = said("errors").and_then(|it| it.parse().ok()) {
            version.errors = errors;
        }
        if let Some(latency) = long("latency") {
            version.latency_ms = latency.as_secs_f64() * 1_000.0;
        }
        if let Some(after) = long("after") {
            version.after = after;
        }
        if let Some(after) = long("ready-after") {
            let start = version.start_after.min(after / 2);
            (version.start_after, version.ready_after) = (start, after - start);
        }
        match said("fate") {
            Some("never-ready") => version.fate = Fate::NeverReady,
            Some("crash") => version.fate = Fate::Crash { after: SignedDuration::from_secs(1) },
            Some("bad-image") => version.fate = Fate::BadImage,
            Some(_) | None => {}
        }
        version
    }

    /// Requests a second that reach a workload, if it has so many pods.
    /// What was laid down for a workload.
    pub(super) fn demanded(&self, workload: &str) -> Option<f64> {
        self.demand.get(workload).copied()
    }

    pub(super) fn rps(&self, workload: &str, pod: Option<&Value>, pods: i64) -> f64 {
        if let Some(rps) = self.demand.get(workload) {
            return *rps;
        }
        let each = pod.and_then(|pod| read::annotation(pod, "live/rps")?.parse().ok());
        #[expect(clippy::cast_precision_loss, reason = "pods are few")]
        let pods = pods as f64;
        each.unwrap_or(RPS) * pods
    }

    /// The digest of an image.
    pub(super) fn digest(&self, image: &str) -> String {
        if let Some(digest) = self.versions.get(image).and_then(|version| version.digest.clone()) {
            return digest;
        }
        let seed = digest(image);
        let part = |number: u64| format!("{:016x}", mix(seed, number));
        format!("sha256:{}{}{}{}", part(1), part(2), part(3), part(4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_image_has_a_truth_and_annotations_overrule_it() {
        let mut truth = Truth::default();
        truth.version("web:2", Version { errors: 0.08, ..Version::default() });
        let pod = |image: &str, annotations: Value| {
            json!({
                "metadata": {"annotations": annotations},
                "spec": {"containers": [{"name": "app", "image": image}]},
            })
        };
        let errors = |pod: &Value| truth.of(pod).errors;
        assert!((errors(&pod("web:2", json!({}))) - 0.08).abs() < 1e-9);
        assert!(errors(&pod("web:1", json!({}))).abs() < 1e-9);
        let said = json!({"live/errors": "0.5", "live/fate": "crash", "live/ready-after": "3s"});
        let version = truth.of(&pod("web:2", said));
        assert!((version.errors - 0.5).abs() < 1e-9);
        assert_eq!(version.fate, Fate::Crash { after: SignedDuration::from_secs(1) });
        assert_eq!(version.start_after + version.ready_after, SignedDuration::from_secs(3));
    }

    #[test]
    fn digests_are_long_and_each_image_has_its_own() {
        let truth = Truth::default();
        assert_eq!(truth.digest("a").len(), "sha256:".len() + 64);
        assert_ne!(truth.digest("a"), truth.digest("b"));
    }
}
