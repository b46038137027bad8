//! The manual gates of Flagger's load tester: which webhook asks one, and where that is opened and closed
//! (`reference/rollouts.md` §2.6). What is not known for sure to be such a gate is none: nobody else's address is written to.

use super::ids::{Name, Namespace};
use super::text::Text;

/// Where the load tester is asked; beside it lie `open` and `close`.
const CHECK: &str = "/gate/check";

/// Its two addresses that know one answer only.
const APPROVE: &str = "/gate/approve";
const HALT: &str = "/gate/halt";

/// What the address of a webhook is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A gate that a human opens and closes.
    Gate(ManualGate),
    /// It always says yes.
    AlwaysYes,
    /// It always says no.
    AlwaysNo,
    /// Nothing that we know, and why.
    Other(&'static str),
}

/// A gate of the load tester. One server has one gate for each Canary, whatever it asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ManualGate {
    /// Where it is.
    pub server: GateServer,
    /// What comes before `/gate/…` in its address; mostly nothing.
    pub prefix: Text,
}

/// Where a gate is reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GateServer {
    /// A Service of the cluster, through the API server.
    Service {
        /// Its namespace.
        namespace: Namespace,
        /// Its name.
        name: Name,
        /// How it speaks.
        scheme: Scheme,
        /// Its port.
        port: u16,
    },
    /// From here: `http://gates.example.test:8083`.
    Direct(Text),
}

/// How a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// By TLS.
    Https,
}

/// What is done at a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GateTurn {
    /// Whoever asks gets a yes.
    Open,
    /// Whoever asks gets a no.
    Close,
}

impl GateTurn {
    /// The last part of the address.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Close => "close",
        }
    }

    /// What the gate is afterwards.
    #[must_use]
    pub const fn done(self) -> &'static str {
        match self {
            Self::Open => "the gate is open",
            Self::Close => "the gate is closed",
        }
    }
}

impl ManualGate {
    /// Its address with this last word, as it is sent to the API server or to itself.
    #[must_use]
    pub fn address(&self, word: &str) -> String {
        let path = format!("{}/gate/{word}", self.prefix);
        match &self.server {
            GateServer::Service { namespace, .. } => format!(
                "/api/v1/namespaces/{namespace}/services/{}/proxy{path}",
                self.proxied().unwrap_or_default()
            ),
            GateServer::Direct(origin) => format!("{origin}{path}"),
        }
    }

    /// What the API server calls it in an address: `flagger-loadtester:80`, `https:gates:443`.
    #[must_use]
    pub fn proxied(&self) -> Option<Text> {
        match &self.server {
            GateServer::Service { name, scheme: Scheme::Http, port, .. } => {
                Some(Text::clean(&format!("{name}:{port}")))
            }
            GateServer::Service { name, scheme: Scheme::Https, port, .. } => {
                Some(Text::clean(&format!("https:{name}:{port}")))
            }
            GateServer::Direct(_) => None,
        }
    }

    /// Where it is, for people.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.server {
            GateServer::Service { namespace, name, .. } => {
                format!("Service {name} in namespace {namespace}")
            }
            GateServer::Direct(origin) => origin.to_string(),
        }
    }
}

impl Asked {
    /// Reads the address of a webhook.
    #[must_use]
    pub fn at(url: &str) -> Self {
        let Some((scheme, rest)) = scheme(url) else { return Self::Other("it is no web address") };
        let slash = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(slash);
        if authority.contains('@') || !path.chars().all(is_plain_path) || path.contains("..") {
            return Self::Other("its address is more than a gate's");
        }
        let path = path.trim_end_matches('/');
        if path.ends_with(APPROVE) {
            return Self::AlwaysYes;
        }
        if path.ends_with(HALT) {
            return Self::AlwaysNo;
        }
        let Some(prefix) = path.strip_suffix(CHECK) else {
            return Self::Other("it asks no gate of Flagger's load tester");
        };
        match server(scheme, authority) {
            Ok(server) => Self::Gate(ManualGate { server, prefix: Text::clean(prefix) }),
            Err(why) => Self::Other(why),
        }
    }

    /// The gate, if it is one.
    #[must_use]
    pub fn gate(self) -> Option<ManualGate> {
        match self {
            Self::Gate(gate) => Some(gate),
            Self::AlwaysYes | Self::AlwaysNo | Self::Other(_) => None,
        }
    }
}

/// Nothing of it would have to be encoded, and nothing of it means something else than it says.
fn is_plain_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '~')
}

fn scheme(url: &str) -> Option<(Scheme, &str)> {
    let http = url.strip_prefix("http://").map(|rest| (Scheme::Http, rest));
    http.or_else(|| url.strip_prefix("https://").map(|rest| (Scheme::Https, rest)))
}

fn server(scheme: Scheme, authority: &str) -> Result<GateServer, &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    if authority.is_empty() || !authority.chars().all(plain) {
        return Err("its address names no host");
    }
    let (word, usual) = match scheme {
        Scheme::Http => ("http", 80),
        Scheme::Https => ("https", 443),
    };
    if is_flaggers_own(authority) {
        return Err(
            "that is the machine Flagger runs on, as it sees it: from here it would be another one",
        );
    }
    let direct = || GateServer::Direct(Text::clean(&format!("{word}://{authority}")));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => {
            (host, port.parse().map_err(|_| "its address names no port")?)
        }
        // Of the sixth version, with or without a port.
        Some(_) => return Ok(direct()),
        None => (authority, usual),
    };
    let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
    let is_number = labels.iter().all(|label| label.chars().all(|c| c.is_ascii_digit()));
    match labels.as_slice() {
        _ if is_number => Ok(direct()),
        [_] => Err("its address names no namespace"),
        [name, namespace] | [name, namespace, "svc", ..] => Ok(GateServer::Service {
            namespace: Namespace::new(namespace),
            name: Name::new(name),
            scheme,
            port,
        }),
        _ => Ok(direct()),
    }
}

/// An address that means another machine to everybody who uses it: the own one, or the next one on the wire (where
/// clouds answer with credentials). What is asked there from here is never what Flagger asks.
fn is_flaggers_own(authority: &str) -> bool {
    let host = authority.trim_start_matches('[');
    ["localhost", "127.0.", "0.0.0.0", "169.254.", "::1", "::]", "::ffff:", "fe80:"]
        .into_iter()
        .any(|own| host.starts_with(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Option<String> {
        Asked::at(url).gate().map(|gate| gate.address("open"))
    }

    #[test]
    fn a_gate_of_the_cluster_is_reached_through_the_api_server_and_any_other_from_here() {
        let proxied = "/api/v1/namespaces/test/services";
        for (url, want) in [
            ("http://lt.test/gate/check", format!("{proxied}/lt:80/proxy/gate/open")),
            ("http://lt.test/gate/check/", format!("{proxied}/lt:80/proxy/gate/open")),
            ("http://lt.test.svc:8080/gate/check", format!("{proxied}/lt:8080/proxy/gate/open")),
            (
                "http://lt.test.svc.cluster.local./gate/check",
                format!("{proxied}/lt:80/proxy/gate/open"),
            ),
            ("https://lt.test/gate/check", format!("{proxied}/https:lt:443/proxy/gate/open")),
            ("http://lt.test/a/b/gate/check", format!("{proxied}/lt:80/proxy/a/b/gate/open")),
            ("http://10.1.2.3:8083/gate/check", "http://10.1.2.3:8083/gate/open".to_owned()),
            ("http://[fd00::1]:80/gate/check", "http://[fd00::1]:80/gate/open".to_owned()),
            (
                "https://gates.example.test/gate/check",
                "https://gates.example.test/gate/open".to_owned(),
            ),
        ] {
            assert_eq!(address(url), Some(want), "{url}");
        }
    }

    #[test]
    fn what_is_not_surely_a_gate_is_none() {
        for url in [
            "",
            "gate/check",
            "ftp://lt.test/gate/check",
            "http:///gate/check",
            "http://lt/gate/check",
            "http://lt.test/",
            "http://lt.test/approve",
            "http://lt.test/gate/checks",
            "http://me:secret@lt.test/gate/check",
            "http://lt.test/gate/check?yes=1",
            "http://lt.test/../gate/check",
            "http://lt.test/%2e/gate/check",
            "http://lt.test:x/gate/check",
            "http://lt.te st/gate/check",
            "http://lt.test/rollback/check",
            "http://localhost:8083/gate/check",
            "http://127.0.0.1:8083/gate/check",
            "http://0.0.0.0/gate/check",
            "http://169.254.169.254/gate/check",
            "http://[::1]:80/gate/check",
            "http://[fe80::1]/gate/check",
        ] {
            assert!(matches!(Asked::at(url), Asked::Other(_)), "{url}");
        }
        assert_eq!(Asked::at("http://lt.test/gate/approve"), Asked::AlwaysYes);
        assert_eq!(Asked::at("http://lt.test/gate/halt"), Asked::AlwaysNo);
    }
}
