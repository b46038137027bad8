//! The cluster under test as its administrator sees it: objects made and changed by other hands than ours, and the
//! audit log that tells what reached the server.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use http::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Nothing on the live plane takes longer; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// How often the plane is asked whether it is as a test waits for.
const POLL: Duration = Duration::from_millis(50);

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Who stops a part of the plane must be alone on it.
static USE: RwLock<()> = RwLock::const_new(());

/// What keeps others from stopping it, or from using what is stopped.
enum Hold {
    Shared { _guard: RwLockReadGuard<'static, ()> },
    Alone { _guard: RwLockWriteGuard<'static, ()> },
}

/// A namespace of its own on the cluster under test.
pub(crate) struct Plane {
    pub(crate) context: String,
    pub(crate) namespace: String,
    host: String,
    client: kube::Client,
    audit_log: Option<PathBuf>,
    _hold: Hold,
}

/// One write that reached the server and had an effect.
#[derive(Debug, PartialEq)]
pub(crate) struct Witnessed {
    pub(crate) what: String,
    pub(crate) body: Value,
}

impl Plane {
    /// `None`, and a word on stderr, when there is no cluster to test on.
    pub(crate) async fn new() -> Option<Self> {
        Self::held(Hold::Shared { _guard: USE.read().await }).await
    }

    /// The same, while no other test uses the cluster.
    pub(crate) async fn alone() -> Option<Self> {
        Self::held(Hold::Alone { _guard: USE.write().await }).await
    }

    async fn held(hold: Hold) -> Option<Self> {
        let Ok(context) = std::env::var("PILOTHOUSE_LIVE_CONTEXT") else {
            eprintln!("skipped: PILOTHOUSE_LIVE_CONTEXT names no live cluster");
            return None;
        };
        let options = KubeConfigOptions { context: Some(context.clone()), ..Default::default() };
        let kubeconfig = Kubeconfig::read().unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        let host = config.cluster_url.host().unwrap_or_default().to_owned();
        let client = kube::Client::try_from(config).unwrap();
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let namespace = format!("ph-{}-{number}", std::process::id());
        let audit_log = std::env::var_os("AUDIT_LOG").map(PathBuf::from);
        let plane = Self { context, namespace, host, client, audit_log, _hold: hold };
        let body =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": plane.namespace}});
        plane.send(Method::POST, "/api/v1/namespaces", "application/json", &body).await;
        Some(plane)
    }

    /// Where the API server is, and what stands beside it.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// What listens on this port beside the API server, as a Service of the namespace on port 80.
    pub(crate) async fn serve_as(&self, name: &str, port: u16) {
        let known =
            Request::get("/api/v1/namespaces/default/endpoints/kubernetes").body(Vec::new());
        let known: Value = self.client.request(known.unwrap()).await.unwrap();
        let address = &known["subsets"][0]["addresses"][0]["ip"];
        // The API server passes on to addresses of pods only.
        let gated = json!({"schedulingGates": [{"name": "tests.example/never"}],
            "containers": [{"name": "app", "image": "none"}]});
        self.create("pods", &json!({"metadata": {"name": name}, "spec": gated})).await;
        let status = json!({"status": {"podIP": address, "podIPs": [{"ip": address}]}});
        self.merge("pods", &format!("{name}/status"), &status).await;
        let pod = json!({"kind": "Pod", "name": name, "namespace": self.namespace});
        let metadata = json!({"name": name});
        let service =
            json!({"metadata": metadata, "spec": {"ports": [{"port": 80, "targetPort": port}]}});
        self.create("services", &service).await;
        let subsets =
            json!([{"addresses": [{"ip": address, "targetRef": pod}], "ports": [{"port": port}]}]);
        self.create("endpoints", &json!({"metadata": metadata, "subsets": subsets})).await;
    }

    /// What we asked of a Service through the API server, in order: `gate/open`.
    pub(crate) fn called(&self, service: &str) -> Option<Vec<String>> {
        let text = std::fs::read_to_string(self.audit_log.as_ref()?).unwrap();
        let address = format!("/namespaces/{}/services/{service}:80/proxy/", self.namespace);
        let path = |line: &str| {
            let event: Value = serde_json::from_str(line).ok()?;
            let done = event["stage"] == "ResponseComplete";
            let (_, path) = event["requestURI"].as_str().filter(|_| done)?.split_once(&address)?;
            Some(path.to_owned())
        };
        Some(text.lines().filter_map(path).collect())
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        format: &str,
        body: &Value,
    ) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", format)
            .body(body.to_string().into_bytes())
            .unwrap();
        self.client.request(request).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn path(&self, collection: &str) -> String {
        let group = match collection {
            "rollouts" | "analysistemplates" | "analysisruns" | "experiments" => {
                "apis/argoproj.io/v1alpha1"
            }
            "deployments" | "replicasets" | "statefulsets" | "daemonsets" => "apis/apps/v1",
            "canaries" => "apis/flagger.app/v1beta1",
            "deploymentconfigs" => "apis/apps.openshift.io/v1",
            "httproutes" => "apis/gateway.networking.k8s.io/v1",
            "ingresses" => "apis/networking.k8s.io/v1",
            "virtualservices" => "apis/networking.istio.io/v1beta1",
            "traefikservices.traefik.containo.us" => "apis/traefik.containo.us/v1alpha1",
            _ => "api/v1",
        };
        let plural = collection.split('.').next().unwrap_or_default();
        format!("/{group}/namespaces/{}/{plural}", self.namespace)
    }

    /// A kind whose makers are not here, with no schema; `false`, when it is there already.
    pub(crate) async fn install(
        &self,
        (group, versions): (&str, &[&str]),
        (kind, plural): (&str, &str),
    ) {
        let name = format!("{plural}.{group}");
        let version = |(index, name): (usize, &&str)| {
            json!({"name": name, "served": true, "storage": index == 0,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}})
        };
        let versions: Vec<Value> = versions.iter().enumerate().map(version).collect();
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": name},
            "spec": {"group": group, "scope": "Namespaced", "versions": versions,
                "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()}},
        });
        let path = format!(
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}?fieldManager=tests"
        );
        self.send(Method::PATCH, &path, "application/apply-patch+yaml", &crd).await;
        let mut poll = tokio::time::interval(POLL);
        loop {
            let request = Request::get(&path).body(Vec::new()).unwrap();
            let found: Value = self.client.request(request).await.unwrap();
            let conditions = found["status"]["conditions"].as_array();
            let is_served = |it: &Value| it["type"] == "Established" && it["status"] == "True";
            if conditions.into_iter().flatten().any(is_served) {
                return;
            }
            poll.tick().await;
        }
    }

    pub(crate) async fn create(&self, collection: &str, body: &Value) {
        self.send(Method::POST, &self.path(collection), "application/json", body).await;
    }

    /// A change by somebody else.
    pub(crate) async fn merge(&self, collection: &str, name: &str, body: &Value) {
        let path = format!("{}/{name}", self.path(collection));
        self.send(Method::PATCH, &path, "application/merge-patch+json", body).await;
    }

    pub(crate) async fn delete(&self, collection: &str, name: &str) {
        let path = format!("{}/{name}", self.path(collection));
        self.send(Method::DELETE, &path, "application/json", &json!({})).await;
    }

    pub(crate) async fn get(&self, collection: &str, name: &str) -> Value {
        let request = Request::get(format!("{}/{name}", self.path(collection))).body(Vec::new());
        self.client.request(request.unwrap()).await.unwrap()
    }

    /// What is at this address, if there is anything.
    pub(crate) async fn at(&self, path: &str) -> Option<Value> {
        let request = Request::get(path).body(Vec::new()).unwrap();
        self.client.request(request).await.ok()
    }

    pub(crate) async fn list(&self, collection: &str) -> Vec<Value> {
        let request = Request::get(self.path(collection)).body(Vec::new()).unwrap();
        let list: Value = self.client.request(request).await.unwrap();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until the object is as `is_so` wants it.
    pub(crate) async fn until(
        &self,
        collection: &str,
        name: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        let start = Instant::now();
        let mut poll = tokio::time::interval(POLL);
        loop {
            let object = self.get(collection, name).await;
            if is_so(&object) {
                return object;
            }
            assert!(start.elapsed() < PATIENCE, "{name} stays {:#}", object["status"]);
            poll.tick().await;
        }
    }

    pub(crate) async fn phase(&self, name: &str, phase: &str) -> Value {
        self.until("rollouts", name, |it| {
            let seen = it["status"]["observedGeneration"].as_str().map(str::to_owned);
            it["status"]["phase"] == phase
                && seen == it["metadata"]["generation"].as_i64().map(|it| it.to_string())
        })
        .await
    }

    /// Releases another version of a workload.
    pub(crate) async fn release(&self, collection: &str, name: &str, version: &str) {
        let body = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "app", "image": format!("registry.example.test/{name}:{version}"),
             "ports": [{"containerPort": 8080}]},
        ]}}}});
        self.merge(collection, name, &body).await;
    }

    /// How many pods of this workload run this image and are not on their way out.
    pub(crate) async fn serving(&self, name: &str, image: &str) -> usize {
        let is_one = |pod: &&Value| {
            let own = pod["metadata"]["labels"]["app"] == name;
            let going = pod["metadata"]["deletionTimestamp"].is_string();
            let runs = pod["spec"]["containers"][0]["image"].as_str();
            own && !going && runs.is_some_and(|it| it.ends_with(image))
        };
        self.list("pods").await.iter().filter(is_one).count()
    }

    /// Our writes of an order in the audit log: not dry runs, answered with 2xx. The log is written with a delay.
    pub(crate) async fn witnessed(&self, count: usize) -> Option<Vec<Witnessed>> {
        let path = self.audit_log.as_ref()?;
        let start = Instant::now();
        let mut poll = tokio::time::interval(POLL);
        loop {
            let text = std::fs::read_to_string(path).unwrap();
            let found: Vec<Witnessed> =
                text.lines().filter_map(|line| self.witness(line)).collect();
            if found.len() >= count {
                return Some(found);
            }
            assert!(start.elapsed() < PATIENCE, "the audit log has {found:?}");
            poll.tick().await;
        }
    }

    /// How often we wrote to objects of this kind.
    pub(crate) fn routes_written(&self, collection: &str) -> Option<usize> {
        let text = std::fs::read_to_string(self.audit_log.as_ref()?).unwrap();
        let is_one = |line: &&str| {
            let Ok(event) = serde_json::from_str::<Value>(line) else { return false };
            let word = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default();
            word("/userAgent").starts_with("pilothouse/")
                && word("/objectRef/namespace") == self.namespace
                && word("/objectRef/resource") == collection
                && word("/verb") == "patch"
                && word("/stage") == "ResponseComplete"
                && !word("/requestURI").contains("dryRun=All")
        };
        Some(text.lines().filter(is_one).count())
    }

    /// How many writes of ours reached the server so far, whatever became of them.
    pub(crate) fn asked(&self) -> usize {
        let text = self.audit_log.as_ref().map(|path| std::fs::read_to_string(path).unwrap());
        text.unwrap_or_default().lines().filter(|line| self.event(line).is_some()).count()
    }

    fn event(&self, line: &str) -> Option<Value> {
        let event: Value = serde_json::from_str(line).ok()?;
        let word = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let ours = word("/userAgent").starts_with("pilothouse/")
            && word("/objectRef/namespace") == self.namespace
            && matches!(
                word("/objectRef/resource"),
                "rollouts"
                    | "deployments"
                    | "canaries"
                    | "httproutes"
                    | "statefulsets"
                    | "daemonsets"
                    | "pods"
                    | "replicasets"
                    | "analysisruns"
                    | "experiments"
            )
            && !word("/requestURI").contains("dryRun=All")
            && word("/stage") == "ResponseComplete";
        ours.then_some(event)
    }

    fn witness(&self, line: &str) -> Option<Witnessed> {
        let event = self.event(line)?;
        let word = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default();
        if event.pointer("/responseStatus/code").and_then(Value::as_i64) != Some(200) {
            return None;
        }
        let sub = word("/objectRef/subresource");
        let slash = if sub.is_empty() { "" } else { "/" };
        let verb = word("/verb");
        Some(Witnessed {
            what: format!("{verb} {}{slash}{sub}", word("/objectRef/resource")),
            body: event["requestObject"].clone(),
        })
    }

    pub(crate) async fn down(self) {
        let path = format!("/api/v1/namespaces/{}", self.namespace);
        self.send(Method::DELETE, &path, "application/json", &json!({})).await;
    }
}
