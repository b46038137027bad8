//! The cells of a kind's table, as the API server prints them.

use jiff::Timestamp;
use serde_json::Value;

use crate::sim::kind::Kind;

/// The cells of an object, one for each column of its kind.
pub(super) fn of(kind: Kind, object: &Value, now: Timestamp) -> Vec<Value> {
    let it = Reader { object, now };
    match kind {
        Kind::Pod => it.pod(),
        Kind::Deployment => it.deployment(),
        Kind::ReplicaSet => it.replica_set(),
        Kind::StatefulSet => it.stateful_set(),
        Kind::DaemonSet => it.daemon_set(),
        Kind::Rollout => vec![
            it.name(),
            it.raw("/spec/replicas"),
            it.raw("/status/replicas"),
            it.raw("/status/updatedReplicas"),
            it.raw("/status/availableReplicas"),
            it.age(),
        ],
        Kind::AnalysisRun | Kind::Experiment => {
            vec![it.name(), it.raw("/status/phase"), it.age()]
        }
        Kind::AnalysisTemplate | Kind::ClusterAnalysisTemplate => vec![it.name(), it.age()],
        Kind::Event => it.event(),
        Kind::Node => it.node(),
        Kind::Service => it.service(),
        Kind::Namespace => vec![it.name(), it.text("/status/phase").into(), it.age()],
        Kind::ConfigMap => vec![it.name(), it.keys("/data").into(), it.age()],
        Kind::ControllerRevision => it.controller_revision(),
        Kind::Job => it.job(),
        Kind::Lease => vec![it.name(), it.text("/spec/holderIdentity").into(), it.age()],
        Kind::Ingress => it.ingress(),
        Kind::Canary => it.canary(),
        Kind::HttpRoute => vec![it.name(), it.written("/spec/hostnames"), it.age()],
    }
}

/// A span of time as people read it.
#[must_use]
pub(super) fn span(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let two = |big: i64, unit: char, small: i64, little: char| match small {
        0 => format!("{big}{unit}"),
        small => format!("{big}{unit}{small}{little}"),
    };
    match seconds {
        ..-1 => "<invalid>".into(),
        -1 | 0 => "0s".into(),
        1..120 => format!("{seconds}s"),
        120..600 => two(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, 'd', hours % 24, 'h'),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    object: &'a Value,
    now: Timestamp,
}

impl<'a> Reader<'a> {
    fn raw(self, pointer: &str) -> Value {
        self.object.pointer(pointer).cloned().unwrap_or_default()
    }

    fn text(self, pointer: &str) -> &'a str {
        self.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(self, pointer: &str) -> i64 {
        self.object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
    }

    fn items(self, pointer: &str) -> &'a [Value] {
        self.object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn keys(self, pointer: &str) -> usize {
        self.object.pointer(pointer).and_then(Value::as_object).map_or(0, serde_json::Map::len)
    }

    fn name(self) -> Value {
        self.text("/metadata/name").into()
    }

    fn or_none(self, pointer: &str) -> Value {
        let text = self.text(pointer);
        if text.is_empty() { "<none>".into() } else { text.into() }
    }

    /// A value as text; null where there is none.
    fn written(self, pointer: &str) -> Value {
        match self.object.pointer(pointer) {
            None | Some(Value::Null) => Value::Null,
            Some(Value::String(text)) => text.clone().into(),
            Some(other) => other.to_string().into(),
        }
    }

    fn since(self, pointer: &str) -> String {
        let then: Option<Timestamp> = self.text(pointer).parse().ok();
        then.map_or_else(
            || "<unknown>".into(),
            |then| span(self.now.duration_since(then).as_secs()),
        )
    }

    fn age(self) -> Value {
        self.since("/metadata/creationTimestamp").into()
    }

    /// Names, images and selector of a template.
    fn template(self, at: &str) -> [Value; 3] {
        let containers = self.items(&format!("{at}/spec/containers"));
        let joined = |field: &str| {
            let texts = containers.iter().filter_map(|each| each.get(field)?.as_str());
            Value::from(texts.collect::<Vec<_>>().join(","))
        };
        let selector = self.object.pointer("/spec/selector/matchLabels").unwrap_or(&Value::Null);
        [joined("name"), joined("image"), labels(selector).into()]
    }

    fn deployment(self) -> Vec<Value> {
        let ready = self.number("/status/readyReplicas");
        let mut cells = vec![
            self.name(),
            format!("{ready}/{}", self.number("/spec/replicas")).into(),
            self.number("/status/updatedReplicas").into(),
            self.number("/status/availableReplicas").into(),
            self.age(),
        ];
        cells.extend(self.template("/spec/template"));
        cells
    }

    fn replica_set(self) -> Vec<Value> {
        let mut cells = vec![
            self.name(),
            self.number("/spec/replicas").into(),
            self.number("/status/replicas").into(),
            self.number("/status/readyReplicas").into(),
            self.age(),
        ];
        cells.extend(self.template("/spec/template"));
        cells
    }

    fn stateful_set(self) -> Vec<Value> {
        let ready = self.number("/status/readyReplicas");
        let [containers, images, _] = self.template("/spec/template");
        let ready = format!("{ready}/{}", self.number("/spec/replicas"));
        vec![self.name(), ready.into(), self.age(), containers, images]
    }

    fn daemon_set(self) -> Vec<Value> {
        let count = |field: &str| Value::from(self.number(&format!("/status/{field}")));
        let nodes = self.object.pointer("/spec/template/spec/nodeSelector");
        let nodes = labels(nodes.unwrap_or(&Value::Null));
        let mut cells = vec![
            self.name(),
            count("desiredNumberScheduled"),
            count("currentNumberScheduled"),
            count("numberReady"),
            count("updatedNumberScheduled"),
            count("numberAvailable"),
            nodes.into(),
            self.age(),
        ];
        cells.extend(self.template("/spec/template"));
        cells
    }

    fn pod(self) -> Vec<Value> {
        let all = self.items("/spec/containers").len();
        let statuses = self.items("/status/containerStatuses");
        let ready = statuses.iter().filter(|each| each.get("ready") == Some(&true.into())).count();
        let restarts: i64 =
            statuses.iter().filter_map(|each| each.get("restartCount")?.as_i64()).sum();
        let last = statuses
            .iter()
            .filter_map(|each| each.pointer("/lastState/terminated/finishedAt")?.as_str())
            .filter_map(|text| text.parse::<Timestamp>().ok())
            .max();
        let restarts = match last {
            Some(last) if restarts > 0 => {
                format!("{restarts} ({} ago)", span(self.now.duration_since(last).as_secs()))
            }
            Some(_) | None => restarts.to_string(),
        };
        vec![
            self.name(),
            format!("{ready}/{all}").into(),
            self.pod_status().into(),
            restarts.into(),
            self.age(),
            self.or_none("/status/podIP"),
            self.or_none("/spec/nodeName"),
            self.or_none("/status/nominatedNodeName"),
            "<none>".into(),
        ]
    }

    /// The word that says most about a pod: what its containers wait for or died of, else its
    /// phase.
    fn pod_status(self) -> String {
        let reason = self.text("/status/reason");
        let mut word =
            if reason.is_empty() { self.text("/status/phase") } else { reason }.to_owned();
        let waiting = |status: &Value, prefix: &str| {
            let reason = |at: &str| status.pointer(at).and_then(Value::as_str);
            if let Some(reason) = reason("/state/waiting/reason") {
                return Some(format!("{prefix}{reason}"));
            }
            status.pointer("/state/terminated")?;
            if let Some(reason) = reason("/state/terminated/reason") {
                return Some(format!("{prefix}{reason}"));
            }
            let code = status.pointer("/state/terminated/exitCode").and_then(Value::as_i64);
            Some(format!("{prefix}ExitCode:{}", code.unwrap_or_default()))
        };
        let init = self.items("/status/initContainerStatuses");
        let stuck = init.iter().find_map(|status| {
            let code = status.pointer("/state/terminated/exitCode").and_then(Value::as_i64);
            if code == Some(0) { None } else { waiting(status, "Init:") }
        });
        // Where several have something to say, the first container has the last word.
        let mut own = self.items("/status/containerStatuses").iter();
        if let Some(told) = stuck.or_else(|| own.find_map(|it| waiting(it, ""))) {
            word = told;
        }
        match (self.object.pointer("/metadata/deletionTimestamp"), reason) {
            (Some(_), "NodeLost") => "Unknown".into(),
            (Some(_), _) => "Terminating".into(),
            (None, _) => word,
        }
    }

    fn event(self) -> Vec<Value> {
        let about = |field: &str| self.text(&format!("/involvedObject/{field}"));
        let source = match (self.text("/source/component"), self.text("/source/host")) {
            ("", _) => self.text("/reportingComponent").to_owned(),
            (component, "") => component.to_owned(),
            (component, host) => format!("{component}, {host}"),
        };
        let seen = |field: &str| match self.text(field) {
            "" => self.since("/eventTime"),
            _ => self.since(field),
        };
        let count = match self.number("/count") {
            0 => 1,
            count => count,
        };
        vec![
            seen("/lastTimestamp").into(),
            self.text("/type").into(),
            self.text("/reason").into(),
            format!("{}/{}", about("kind").to_lowercase(), about("name")).into(),
            about("fieldPath").into(),
            source.into(),
            self.text("/message").trim().into(),
            seen("/firstTimestamp").into(),
            count.into(),
            self.name(),
        ]
    }

    fn node(self) -> Vec<Value> {
        let ready = self.items("/status/conditions").iter().find(|it| it["type"] == "Ready");
        let mut status = match ready.map(|it| &it["status"]) {
            Some(word) if word == "True" => "Ready".to_owned(),
            Some(_) => "NotReady".to_owned(),
            None => "Unknown".to_owned(),
        };
        if self.object.pointer("/spec/unschedulable") == Some(&true.into()) {
            status.push_str(",SchedulingDisabled");
        }
        let address = |sort: &str| {
            let found = self.items("/status/addresses").iter().find(|it| it["type"] == sort);
            found.and_then(|it| it["address"].as_str()).unwrap_or("<none>").into()
        };
        let info = |field: &str| match self.text(&format!("/status/nodeInfo/{field}")) {
            "" => Value::from("<unknown>"),
            text => text.into(),
        };
        vec![
            self.name(),
            status.into(),
            "<none>".into(),
            self.age(),
            self.text("/status/nodeInfo/kubeletVersion").into(),
            address("InternalIP"),
            address("ExternalIP"),
            info("osImage"),
            info("kernelVersion"),
            info("containerRuntimeVersion"),
        ]
    }

    fn service(self) -> Vec<Value> {
        let port = |each: &Value| {
            let protocol = each.get("protocol").and_then(Value::as_str).unwrap_or("TCP");
            Some(format!("{}/{protocol}", each.get("port")?.as_i64()?))
        };
        let ports: Vec<String> = self.items("/spec/ports").iter().filter_map(port).collect();
        let ports = if ports.is_empty() { "<none>".into() } else { ports.join(",") };
        let sort = self.text("/spec/type");
        vec![
            self.name(),
            if sort.is_empty() { "ClusterIP" } else { sort }.into(),
            self.or_none("/spec/clusterIP"),
            "<none>".into(),
            ports.into(),
            self.age(),
            labels(self.object.pointer("/spec/selector").unwrap_or(&Value::Null)).into(),
        ]
    }

    fn controller_revision(self) -> Vec<Value> {
        let owner = self.items("/metadata/ownerReferences").first().map_or_else(
            || "<none>".to_owned(),
            |owner| {
                let text = |field: &str| owner.get(field).and_then(Value::as_str).unwrap_or("");
                let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
                format!("{}.{group}/{}", text("kind").to_lowercase(), text("name"))
            },
        );
        vec![self.name(), owner.into(), self.number("/revision").into(), self.age()]
    }

    fn job(self) -> Vec<Value> {
        let done = self.items("/status/conditions").iter().find(|it| it["status"] == "True");
        let word = done.and_then(|it| it["type"].as_str()).unwrap_or("Running");
        let wanted = self.object.pointer("/spec/completions").and_then(Value::as_i64).unwrap_or(1);
        let mut cells = vec![
            self.name(),
            word.into(),
            format!("{}/{wanted}", self.number("/status/succeeded")).into(),
            match self.text("/status/startTime") {
                "" => String::new(),
                _ => self.since("/status/startTime"),
            }
            .into(),
            self.age(),
        ];
        cells.extend(self.template("/spec/template"));
        cells
    }

    fn ingress(self) -> Vec<Value> {
        let hosts: Vec<&str> = self
            .items("/spec/rules")
            .iter()
            .filter_map(|rule| rule.get("host")?.as_str())
            .collect();
        let hosts = if hosts.is_empty() { "*".to_owned() } else { hosts.join(",") };
        let ports = if self.items("/spec/tls").is_empty() { "80" } else { "80, 443" };
        let class = self.or_none("/spec/ingressClassName");
        vec![self.name(), class, hosts.into(), "".into(), ports.into(), self.age()]
    }

    fn canary(self) -> Vec<Value> {
        vec![
            self.name(),
            self.written("/status/phase"),
            self.written("/status/canaryWeight"),
            self.raw("/spec/suspend"),
            self.written("/status/failedChecks"),
            self.written("/spec/analysis/interval"),
            self.raw("/spec/analysis/mirror"),
            self.written("/spec/analysis/stepWeight"),
            self.written("/spec/analysis/stepWeights"),
            self.written("/spec/analysis/maxWeight"),
            self.written("/status/lastTransitionTime"),
        ]
    }
}

/// Labels as a selector.
fn labels(labels: &Value) -> String {
    let pair = |(key, value): (&String, &Value)| format!("{key}={}", value.as_str().unwrap_or(""));
    match labels.as_object() {
        Some(fields) if !fields.is_empty() => fields.iter().map(pair).collect::<Vec<_>>().join(","),
        Some(_) | None => "<none>".into(),
    }
}

/// The selector of a workload as text: `app=web`.
pub(super) fn selector(object: &Value) -> String {
    match object.pointer("/spec/selector/matchLabels") {
        Some(found) => labels(found).replace("<none>", ""),
        None => String::new(),
    }
}

#[cfg(test)]
#[path = "kubernetes_cells_tests.rs"]
mod tests;
