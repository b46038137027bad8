//! Where a Prometheus is and how it wants to be asked, as the config and the command line give it.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use super::queries::QueryTemplates;
use crate::domain::feed::Trouble;
use crate::domain::ids::ClusterName;
use crate::domain::text::Text;

/// How long one answer may take with everything that belongs to it, unless the operator said otherwise
/// (`reference/reliability.md` §4.5).
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Largest file that holds a secret. A token has 2 KiB; a wrong path may lead to anything.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// Largest file of certificates.
const CERTIFICATES_BYTES_MAX: u64 = 4 << 20;

/// One Prometheus. Holds secrets, so it is never printed.
#[derive(Clone)]
pub struct PrometheusSpec {
    /// Of which cluster it tells.
    pub cluster: ClusterName,
    /// Where it is: scheme, host, port and the path before `/api/v1`. Nothing else of it is used.
    pub url: Url,
    /// Who we are there.
    pub login: Login,
    /// What else is sent with every question (`X-Scope-OrgID` of Mimir, for example).
    pub headers: Vec<(HeaderName, Secret)>,
    /// The authorities that its certificate may be of; `None`: those of the system.
    pub ca_file: Option<PathBuf>,
    /// The proxy on the way, if there is one. Proxies of the environment are not used: on a shared host they would
    /// carry credentials to wherever somebody else wants.
    pub proxy: Option<Url>,
    /// What is asked.
    pub queries: QueryTemplates,
    /// How long one answer may take.
    pub timeout: Duration,
}

impl PrometheusSpec {
    /// A Prometheus that needs nothing but its address.
    #[must_use]
    pub fn new(cluster: ClusterName, url: Url) -> Self {
        Self {
            cluster,
            url,
            login: Login::None,
            headers: Vec::new(),
            ca_file: None,
            proxy: None,
            queries: QueryTemplates::default(),
            timeout: TIMEOUT,
        }
    }

    /// Host and port, as shown: never a name, a password or a path.
    #[must_use]
    pub fn place(&self) -> Text {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => Text::clean(&format!("{host}:{port}")),
            None => Text::clean(host),
        }
    }

    /// What is wrong with it before anything was asked.
    pub(super) fn mistake(&self) -> Option<Trouble> {
        let says = |words: &str| {
            Some(Trouble::Config(Text::clean(&format!("Prometheus {}: {words}", self.place()))))
        };
        if !matches!(self.url.scheme(), "http" | "https") || !self.url.has_host() {
            return says("the address must begin with http:// or https://");
        }
        let has_secret = !matches!(self.login, Login::None) || !self.headers.is_empty();
        if has_secret && self.url.scheme() == "http" && !self.is_loopback() {
            return says("credentials and headers are sent over https or to this host only");
        }
        None
    }

    fn is_loopback(&self) -> bool {
        match self.url.host_str() {
            Some("localhost") => true,
            Some(host) => {
                let host = host.trim_start_matches('[').trim_end_matches(']');
                host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
            }
            None => false,
        }
    }
}

/// Who we are at a Prometheus.
#[derive(Clone)]
pub enum Login {
    /// Nobody.
    None,
    /// A token.
    Bearer(Secret),
    /// A name and a password.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
}

/// Something that is never printed.
#[derive(Clone)]
pub enum Secret {
    /// Itself.
    Given(SecretString),
    /// The file that holds it, read before every answer: tokens of a cluster are replaced every hour.
    File(PathBuf),
}

impl Secret {
    /// The secret without the line break at its end.
    pub(super) fn reveal(&self) -> Result<SecretString, Trouble> {
        match self {
            Self::Given(secret) => Ok(secret.clone()),
            Self::File(path) => {
                let mut bytes = read(path, SECRET_BYTES_MAX)?;
                let text = std::mem::take(&mut bytes);
                let text =
                    String::from_utf8(text).map_err(|_error| unreadable(path, "not UTF-8"))?;
                Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
            }
        }
    }
}

/// A header that no log shows.
pub(super) fn sensitive(value: &SecretString, of: &str) -> Result<HeaderValue, Trouble> {
    let mut header = HeaderValue::from_str(value.expose_secret()).map_err(|_error| {
        Trouble::Config(Text::clean(&format!("{of}: has characters that no header may have")))
    })?;
    header.set_sensitive(true);
    Ok(header)
}

/// The certificates of a `ca_file`.
pub(super) fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, Trouble> {
    let pem = read(path, CERTIFICATES_BYTES_MAX)?;
    let found = reqwest::Certificate::from_pem_bundle(&pem)
        .map_err(|_error| unreadable(path, "not PEM certificates"))?;
    if found.is_empty() {
        return Err(unreadable(path, "holds no certificate"));
    }
    Ok(found)
}

/// A small ordinary file. Anything else (a pipe would hang us, a device never ends) is refused.
fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Trouble> {
    let said = |error: std::io::Error| unreadable(path, &error.to_string());
    if !std::fs::metadata(path).map_err(said)?.is_file() {
        return Err(unreadable(path, "not an ordinary file"));
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(said)?.take(bytes_max + 1).read_to_end(&mut bytes).map_err(said)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > bytes_max) {
        return Err(unreadable(path, &format!("larger than {bytes_max} bytes")));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, why: &str) -> Trouble {
    Trouble::Config(Text::clean(&format!("{}: {why}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(url: &str) -> PrometheusSpec {
        PrometheusSpec::new(ClusterName::new("east"), Url::parse(url).unwrap())
    }

    #[test]
    fn a_place_is_host_and_port_and_never_a_secret() {
        for (url, place) in [
            ("http://127.10.1.1:9090/", "127.10.1.1:9090"),
            ("https://dana:secret@metrics.example/prefix?token=x", "metrics.example"),
            ("http://[::1]:9090", "[::1]:9090"),
        ] {
            assert_eq!(spec(url).place().as_str(), place);
        }
    }

    #[test]
    fn secrets_leave_this_host_only_over_https() {
        let bearer = || Login::Bearer(Secret::Given(SecretString::from("t")));
        for (url, login, is_fine) in [
            ("http://metrics.example", Login::None, true),
            ("http://metrics.example", bearer(), false),
            ("https://metrics.example", bearer(), true),
            ("http://localhost:9090", bearer(), true),
            ("http://127.10.1.1:9090", bearer(), true),
            ("http://[::1]:9090", bearer(), true),
            ("ftp://metrics.example", Login::None, false),
        ] {
            let spec = PrometheusSpec { login, ..spec(url) };
            assert_eq!(spec.mistake().is_none(), is_fine, "{url}");
        }
        let header = (HeaderName::from_static("x-scope-orgid"), Secret::File("x".into()));
        let spec = PrometheusSpec { headers: vec![header], ..spec("http://metrics.example") };
        assert!(spec.mistake().is_some());
    }

    #[test]
    fn a_secret_file_is_read_without_its_line_break_and_only_if_it_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "abc\r\n").unwrap();
        assert_eq!(Secret::File(path.clone()).reveal().unwrap().expose_secret(), "abc");
        std::fs::write(&path, "x".repeat(70_000)).unwrap();
        for (path, why) in [
            (path, "larger than 65536 bytes"),
            (folder.path().to_owned(), "not an ordinary file"),
            (folder.path().join("missing"), "No such file"),
            ("/dev/zero".into(), "not an ordinary file"),
        ] {
            let trouble = Secret::File(path).reveal().err().unwrap().to_string();
            assert!(trouble.contains(why), "{trouble}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "nothing here").unwrap();
        let trouble = certificates(&path).err().unwrap().to_string();
        assert!(trouble.contains("ca.pem: holds no certificate"), "{trouble}");
    }
}
