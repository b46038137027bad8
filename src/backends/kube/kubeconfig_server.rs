//! The server's part of a kubeconfig: address, certificates, proxy; and where in a file an entry stands.

use std::path::Path;

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use kube::config::Cluster;

use super::kubeconfig::{Wanted, config};
use crate::domain::feed::Trouble;
use crate::domain::text::Text;

/// The part of the connection that the cluster's entry decides.
pub(super) fn server(
    file: &Path,
    name: &str,
    cluster: &Cluster,
    cautions: &mut Vec<Text>,
) -> Result<kube::Config, Trouble> {
    let at = place(file, Section::Clusters, name);
    let Some(server) = cluster.server.as_deref().filter(|server| !server.is_empty()) else {
        return Err(config(format!("{at}: cluster {name:?} has no server")));
    };
    // kubectl takes a bare host too.
    let full = if server.contains("://") { server.to_owned() } else { format!("https://{server}") };
    let uri: http::Uri = full
        .parse()
        .map_err(|error| config(format!("{at}: server of cluster {name:?}: {error}")))?;
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") => cautions.push(Text::clean("no TLS: everything can be read on the way")),
        Some(_) | None => return Err(config(format!("{at}: server must be an https address"))),
    }
    let mut built = kube::Config::new(uri);
    built.default_retry = false;
    built.disable_compression = true;
    built.tls_server_name.clone_from(&cluster.tls_server_name);
    if cluster.insecure_skip_tls_verify == Some(true) {
        built.accept_invalid_certs = true;
        cautions.push(Text::clean("the server's certificate is not checked"));
    } else {
        built.root_cert = authority(&at, name, cluster)?;
    }
    Ok(built)
}

/// The certificate authorities of a cluster as DER; `None`: those of the system.
fn authority(at: &str, name: &str, cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, Trouble> {
    use base64::Engine as _;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let data = cluster.certificate_authority_data.as_deref().filter(|data| !data.is_empty());
    let file = cluster.certificate_authority.as_deref().filter(|file| !file.is_empty());
    let pem = match (data, file) {
        (Some(data), _) => {
            base64::engine::general_purpose::STANDARD.decode(data.trim()).map_err(|_error| {
                config(format!("{at}: certificate-authority-data of {name:?} is not base64"))
            })?
        }
        (None, Some(file)) => {
            std::fs::read(file).map_err(|error| config(format!("{at}: {file}: {error}")))?
        }
        (None, None) => return Ok(None),
    };
    let read: Result<Vec<CertificateDer<'_>>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match read {
        Ok(found) if !found.is_empty() => {
            Ok(Some(found.iter().map(|certificate| certificate.to_vec()).collect()))
        }
        Ok(_) | Err(_) => {
            Err(config(format!("{at}: certificate authority of {name:?} is no PEM certificate")))
        }
    }
}

pub(super) fn proxy(
    file: &Path,
    name: &str,
    cluster: &Cluster,
    server: &http::Uri,
    wanted: &Wanted,
) -> Result<Option<Intercept>, Trouble> {
    let Some(url) = cluster.proxy_url.as_deref().filter(|url| !url.is_empty()) else {
        // As Go does it: the machine itself is never asked through a proxy.
        let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
        let is_local = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        let matcher = wanted.environment.matcher();
        return Ok(if is_local { None } else { matcher.intercept(server) });
    };
    let intercept = Matcher::builder().all(url).build().intercept(server);
    let broken = || {
        let at = place(file, Section::Clusters, name);
        config(format!("{at}: proxy-url of cluster {name:?} is no proxy's address"))
    };
    intercept.map(Some).ok_or_else(broken)
}

/// The lists of a kubeconfig.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Contexts,
    Clusters,
    Users,
}

impl Section {
    const fn key(self) -> &'static str {
        match self {
            Self::Contexts => "contexts:",
            Self::Clusters => "clusters:",
            Self::Users => "users:",
        }
    }
}

/// `file:line` of an entry, as far as a look at the text can tell; else the file.
pub(super) fn place(file: &Path, section: Section, name: &str) -> String {
    let shown = file.display().to_string();
    let Ok(text) = std::fs::read_to_string(file) else { return shown };
    let mut within = false;
    for (index, line) in text.lines().enumerate() {
        if !line.starts_with([' ', '-', '#']) && !line.is_empty() {
            within = line.starts_with(section.key());
        }
        let entry = line.trim().trim_start_matches("- ").strip_prefix("name:");
        let is_named = |value: &str| value.trim().trim_matches(['"', '\'']) == name;
        if within && entry.is_some_and(is_named) {
            return format!("{shown}:{}", index + 1);
        }
    }
    shown
}
