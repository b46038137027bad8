//! Where a pod has its metrics: as its annotations say, else by the name of a port, else at its only port.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;

use super::resource::PODS;
use super::trouble;
use crate::domain::ids::{Name, Namespace};
use crate::domain::observed::{Timestamp, age};
use crate::domain::text::Text;

/// Names that people give to the port of their metrics, the surest first.
const PORT_NAMES: [&str; 11] = [
    "metrics",
    "http-metrics",
    "prometheus",
    "prom",
    "http-prom",
    "monitoring",
    "management",
    "http-management",
    "http",
    "http-web",
    "web",
];

/// Where they are, unless an annotation says otherwise.
const PATH: &str = "/metrics";

/// For how long a place is believed. A pod's ports do not change; but another pod may come under its name.
const PLACE_AGE_MAX: Duration = Duration::from_mins(1);

/// Most places that are remembered: many releases at once, ten pods a side.
const PLACES_MAX: usize = 1_024;

/// Where a pod has its metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    scheme: &'static str,
    port: u16,
    /// Its path, which leads nowhere else.
    pub(super) path: String,
}

impl Place {
    /// The address through the API server.
    pub(super) fn address(&self, namespace: &Namespace, pod: &Name) -> String {
        let Self { scheme, port, path } = self;
        format!("{}/{scheme}{pod}:{port}/proxy{path}", PODS.collection(Some(namespace)))
    }

    /// Reads a pod.
    ///
    /// # Errors
    /// Why nobody can tell, in words.
    pub(super) fn of(pod: &Value) -> Result<Self, Text> {
        let annotations = pod.pointer("/metadata/annotations");
        let annotation =
            |key: &str| annotations?.get(format!("prometheus.io/{key}"))?.as_str().map(str::trim);
        if annotation("scrape") == Some("false") {
            return Err(Text::clean("prometheus.io/scrape says that it is not to be scraped"));
        }
        let scheme = match annotation("scheme").unwrap_or("http") {
            "http" => "",
            "https" => "https:",
            other => return Err(told("prometheus.io/scheme", other, "is neither http nor https")),
        };
        let path = annotation("path").filter(|path| !path.is_empty()).unwrap_or(PATH);
        if !is_inside(path) {
            return Err(told("prometheus.io/path", path, "is no path within the pod"));
        }
        let declared = declared(pod);
        let named = |name: &str| declared.iter().find(|(own, _)| *own == name);
        let port = match annotation("port") {
            Some(port) => port
                .parse()
                .ok()
                .or_else(|| named(port).map(|(_, port)| *port))
                .ok_or_else(|| told("prometheus.io/port", port, "is no port"))?,
            None => match (PORT_NAMES.into_iter().find_map(named), declared.as_slice()) {
                (Some((_, port)), _) | (None, [(_, port)]) => *port,
                (None, _) => {
                    let words = "nothing tells where its metrics are: no annotation \
                        prometheus.io/port, and no port that is named for it";
                    return Err(Text::clean(words));
                }
            },
        };
        Ok(Self { scheme, port, path: path.to_owned() })
    }
}

fn told(annotation: &str, value: &str, what: &str) -> Text {
    Text::clean(&format!("{annotation} \"{}\" {what}", trouble::cut(value)))
}

/// Whoever makes pods writes this, and we fetch it with our own rights: it must not lead out of the pod to another address
/// of the API server, however a server between us and it may tidy paths up.
fn is_inside(path: &str) -> bool {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/=&,:+@".contains(&byte);
    let mut inner = path.split('/').skip(1);
    path.starts_with('/')
        && path.bytes().chain(query.bytes()).all(is_plain)
        && inner.all(|part| part != "." && part != "..")
}

/// The ports of a pod with their names (empty: none).
fn declared(pod: &Value) -> Vec<(&str, u16)> {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    let ports = containers.into_iter().flatten().filter_map(|it| it.get("ports")?.as_array());
    ports
        .flatten()
        .filter(|port| {
            port.get("protocol").and_then(Value::as_str).is_none_or(|protocol| protocol == "TCP")
        })
        .filter_map(|port| {
            let number = port.get("containerPort")?.as_u64()?;
            let name = port.get("name").and_then(Value::as_str).unwrap_or_default();
            Some((name, u16::try_from(number).ok()?))
        })
        .collect()
}

/// What was read of a pod, and when.
type Known = (Timestamp, Result<Place, Text>);

/// Places that were read not long ago.
#[derive(Default)]
pub(super) struct Places {
    known: Mutex<BTreeMap<(Namespace, Name), Known>>,
}

impl Places {
    /// What is known of a pod.
    pub(super) async fn get(
        &self,
        namespace: &Namespace,
        pod: &Name,
        now: Timestamp,
    ) -> Option<Result<Place, Text>> {
        let known = self.known.lock().await;
        let (read_at, place) = known.get(&(namespace.clone(), pod.clone()))?;
        (age(*read_at, now) < PLACE_AGE_MAX).then(|| place.clone())
    }

    pub(super) async fn put(
        &self,
        (namespace, pod): (&Namespace, &Name),
        place: Result<Place, Text>,
        now: Timestamp,
    ) {
        let mut known = self.known.lock().await;
        if known.len() >= PLACES_MAX {
            known.retain(|_, (read_at, _)| age(*read_at, now) < PLACE_AGE_MAX);
        }
        if known.len() < PLACES_MAX {
            known.insert((namespace.clone(), pod.clone()), (now, place));
        }
    }

    /// It did not answer as it should: it is read anew the next time.
    pub(super) async fn forget(&self, namespace: &Namespace, pod: &Name) {
        self.known.lock().await.remove(&(namespace.clone(), pod.clone()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(annotations: &[(&str, &str)], ports: &Value) -> Value {
        let annotations: BTreeMap<String, &str> = annotations
            .iter()
            .map(|(key, value)| (format!("prometheus.io/{key}"), *value))
            .collect();
        json!({"metadata": {"annotations": annotations}, "spec": {"containers": [{"ports": ports}]}})
    }

    fn address(pod: &Value) -> Result<String, String> {
        let (shop, web) = (Namespace::new("shop"), Name::new("web"));
        let place = Place::of(pod).map_err(|why| why.to_string())?;
        let address = place.address(&shop, &web);
        Ok(address.trim_start_matches("/api/v1/namespaces/shop/pods/").to_owned())
    }

    #[test]
    fn annotations_come_first_then_names_of_ports_then_the_only_port() {
        let two =
            json!([{"name": "grpc", "containerPort": 9000}, {"name": "http", "containerPort": 80}]);
        let udp = json!([{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 8080}]);
        let unnamed = json!([{"containerPort": 8080}, {"containerPort": 8081}]);
        let all = [("port", "9102"), ("path", "/actuator/prometheus?a=b"), ("scheme", "https")];
        for (annotations, ports, want) in [
            (&all[..], &two, "https:web:9102/proxy/actuator/prometheus?a=b"),
            (&[("scrape", "true")], &two, "web:80/proxy/metrics"),
            (&[("port", "grpc")], &two, "web:9000/proxy/metrics"),
            (&[("path", "")], &udp, "web:8080/proxy/metrics"),
        ] {
            assert_eq!(address(&pod(annotations, ports)).as_deref(), Ok(want));
        }
        let lost = address(&pod(&[], &unnamed)).unwrap_err();
        assert!(lost.starts_with("nothing tells where its metrics are"), "{lost}");
        assert!(address(&json!({})).is_err());
        for (annotations, want) in [
            (&[("scrape", "false")], "prometheus.io/scrape says that it is not to be scraped"),
            (&[("port", "x")], "prometheus.io/port \"x\" is no port"),
            (&[("port", "99999")], "prometheus.io/port \"99999\" is no port"),
            (&[("scheme", "ftp")], "prometheus.io/scheme \"ftp\" is neither http nor https"),
        ] {
            assert_eq!(address(&pod(annotations, &two)).unwrap_err(), want);
        }
    }

    #[test]
    fn a_path_cannot_lead_out_of_the_pod() {
        let ports = json!([{"name": "metrics", "containerPort": 80}]);
        for path in [
            "/../../../secrets",
            "/..",
            "/a/./b",
            "metrics",
            "/%2e%2e/x",
            "/a\\..\\b",
            "/a b",
            "//host/../x",
            "/a#b",
            "/metrics?a=%0d",
            "/ü",
        ] {
            let why = address(&pod(&[("path", path)], &ports)).unwrap_err();
            assert!(why.ends_with("is no path within the pod"), "{why}");
        }
        assert!(address(&pod(&[("path", "/a/..b/metrics.txt")], &ports)).is_ok());
    }

    #[tokio::test]
    async fn places_are_believed_for_a_while_and_their_number_is_bounded() {
        let places = Places::default();
        let (shop, start) = (Namespace::new("shop"), Timestamp::UNIX_EPOCH);
        for number in 0..PLACES_MAX + 10 {
            let why = Err(Text::clean("none"));
            places.put((&shop, &Name::new(&format!("p{number}"))), why, start).await;
        }
        assert_eq!(places.known.lock().await.len(), PLACES_MAX);
        let first = Name::new("p0");
        assert!(places.get(&shop, &first, start).await.is_some());
        let later = start + PLACE_AGE_MAX;
        assert!(places.get(&shop, &first, later).await.is_none());
        places.put((&shop, &first), Err(Text::default()), later).await;
        assert_eq!(places.known.lock().await.len(), 1);
        places.forget(&shop, &first).await;
        assert!(places.get(&shop, &first, later).await.is_none());
    }
}
