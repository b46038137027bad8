//! Reads kubeconfigs as kubectl does, looks at what they would do, and captures each wanted context once.
//!
//! What is wrong with a file is an error with its place. What is wrong with one context stays with that context
//! ([`ClusterSpec::trouble`]), so that one broken context never hides the others.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use kube::config::{Cluster, Context, Kubeconfig, KubeconfigError};

use super::cluster::{Access, ClusterSpec, Way};
use super::kubeconfig_server::{Section, place, proxy, server};
use super::kubeconfig_user;
use crate::domain::feed::Trouble;
use crate::domain::ids::{ClusterName, Namespace};
use crate::domain::text::Text;

/// Largest kubeconfig read. Hundreds of contexts with their certificates fit.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// How many names an error lists.
const NAMES_SHOWN_MAX: usize = 12;

/// Which contexts are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Contexts {
    /// The current one of the kubeconfig.
    #[default]
    Current,
    /// These, in this order.
    Named(Vec<String>),
    /// All of them, in the order of the files.
    All,
}

/// What the command line says about clusters.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`, `--all-contexts`.
    pub contexts: Contexts,
    /// `-n`; empty: all namespaces.
    pub namespaces: Vec<Namespace>,
    /// `-l`.
    pub selector: Option<String>,
    /// `--request-timeout`.
    pub request_timeout: Option<Duration>,
    /// `--as`.
    pub impersonate: Option<String>,
    /// What the environment says.
    pub environment: Environment,
}

/// The variables that matter here, read once.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `KUBECONFIG`.
    pub kubeconfig: Option<OsString>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `HTTPS_PROXY`.
    pub https_proxy: Option<String>,
    /// `HTTP_PROXY`.
    pub http_proxy: Option<String>,
    /// `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// `KUBERNETES_SERVICE_HOST`: set inside a pod.
    pub service_host: Option<String>,
}

impl Environment {
    /// Reads the environment of this process.
    #[must_use]
    pub fn read() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let either = |name: &str| set(name).or_else(|| set(&name.to_ascii_lowercase()));
        Self {
            kubeconfig: std::env::var_os("KUBECONFIG"),
            home: std::env::var_os("HOME").map(PathBuf::from),
            https_proxy: either("HTTPS_PROXY"),
            http_proxy: either("HTTP_PROXY"),
            no_proxy: either("NO_PROXY"),
            service_host: set("KUBERNETES_SERVICE_HOST"),
        }
    }

    pub(super) fn matcher(&self) -> Matcher {
        let say = |value: &Option<String>| value.clone().unwrap_or_default();
        Matcher::builder()
            .https(say(&self.https_proxy))
            .http(say(&self.http_proxy))
            .no(say(&self.no_proxy))
            .build()
    }
}

/// The wanted contexts, each captured with everything it needs to connect.
///
/// # Errors
/// A file that is missing or broken, a context that does not exist, no current context, or
/// [`Trouble::NotConfigured`] when there is no kubeconfig and this is no pod.
pub fn contexts(wanted: &Wanted) -> Result<Vec<ClusterSpec>, Trouble> {
    let files = read_all(wanted)?;
    if files.is_empty() {
        return in_cluster(wanted).map(|spec| vec![spec]);
    }
    let merged = Merged::new(files);
    let names = match &wanted.contexts {
        Contexts::Named(names) => names.clone(),
        Contexts::All => merged.context_names(),
        Contexts::Current => vec![merged.current()?],
    };
    let mut specs: Vec<ClusterSpec> = Vec::new();
    for name in names {
        let spec = merged.capture(&name, wanted)?;
        if !specs.iter().any(|known| known.name == spec.name) {
            specs.push(spec);
        }
    }
    if specs.is_empty() {
        return Err(config(format!("{}: no contexts", merged.shown_files())));
    }
    Ok(specs)
}

pub(super) fn config(words: impl AsRef<str>) -> Trouble {
    Trouble::Config(Text::clean(words.as_ref()))
}

/// Reads the files in their order. As in kubectl, a file of a list may be missing, one that was named alone may not.
fn read_all(wanted: &Wanted) -> Result<Vec<(PathBuf, Kubeconfig)>, Trouble> {
    if let Some(path) = &wanted.kubeconfig {
        return Ok(vec![(path.clone(), read_file(path)?)]);
    }
    let listed: Vec<PathBuf> = wanted
        .environment
        .kubeconfig
        .iter()
        .flat_map(|value| std::env::split_paths(value).collect::<Vec<_>>())
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    if listed.is_empty() {
        let home = wanted.environment.home.iter().map(|home| home.join(".kube/config"));
        return home.filter(|path| path.exists()).map(|path| with_path(&path)).collect();
    }
    let there: Vec<&PathBuf> = listed.iter().filter(|path| path.exists()).collect();
    if there.is_empty() {
        let names: Vec<String> = listed.iter().map(|path| path.display().to_string()).collect();
        return Err(config(format!("KUBECONFIG names no file that exists: {}", some_of(&names))));
    }
    there.into_iter().map(|path| with_path(path)).collect()
}

fn with_path(path: &Path) -> Result<(PathBuf, Kubeconfig), Trouble> {
    read_file(path).map(|file| (path.to_owned(), file))
}

fn read_file(path: &Path) -> Result<Kubeconfig, Trouble> {
    let shown = path.display();
    let about = std::fs::metadata(path).map_err(|error| config(format!("{shown}: {error}")))?;
    if !about.is_file() {
        return Err(config(format!("{shown}: not a regular file")));
    }
    if about.len() > FILE_BYTES_MAX {
        return Err(config(format!("{shown}: larger than {} MiB", FILE_BYTES_MAX >> 20)));
    }
    Kubeconfig::read_from(path).map_err(|error| file_trouble(path, &error))
}

/// The words of the YAML parser quote the file, and the file holds secrets: only the place is told.
fn file_trouble(path: &Path, error: &KubeconfigError) -> Trouble {
    let shown = path.display();
    match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(place) => config(format!(
                "{shown}:{}:{}: not a kubeconfig (YAML is broken, or a field has the wrong type)",
                place.line(),
                place.column()
            )),
            None => config(format!("{shown}: not a kubeconfig")),
        },
        KubeconfigError::ReadConfig(error, _) => config(format!("{shown}: {error}")),
        KubeconfigError::KindMismatch | KubeconfigError::ApiVersionMismatch => {
            config(format!("{shown}: its documents are of different kinds or versions"))
        }
        KubeconfigError::CurrentContextNotSet
        | KubeconfigError::LoadContext(_)
        | KubeconfigError::LoadClusterOfContext(_)
        | KubeconfigError::FindPath
        | KubeconfigError::MissingClusterUrl
        | KubeconfigError::ParseClusterUrl(_)
        | KubeconfigError::ParseProxyUrl(_)
        | KubeconfigError::LoadCertificateAuthority(_)
        | KubeconfigError::LoadClientCertificate(_)
        | KubeconfigError::LoadClientKey(_)
        | KubeconfigError::ParseCertificates(_)
        | KubeconfigError::ParseNoProxy(_) => config(format!("{shown}: {error}")),
    }
}

/// A context and where it stands.
struct Found<'a> {
    path: &'a Path,
    name: &'a str,
    context: &'a Context,
}

/// Several files read as one: the first that says something wins.
struct Merged {
    files: Vec<(PathBuf, Kubeconfig)>,
}

impl Merged {
    const fn new(files: Vec<(PathBuf, Kubeconfig)>) -> Self {
        Self { files }
    }

    fn shown_files(&self) -> String {
        let names: Vec<String> =
            self.files.iter().map(|(path, _)| path.display().to_string()).collect();
        some_of(&names)
    }

    fn context_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for context in self.files.iter().flat_map(|(_, file)| &file.contexts) {
            if !names.contains(&context.name) {
                names.push(context.name.clone());
            }
        }
        names
    }

    fn current(&self) -> Result<String, Trouble> {
        let said = self
            .files
            .iter()
            .find_map(|(_, file)| file.current_context.clone().filter(|name| !name.is_empty()));
        said.ok_or_else(|| {
            let names = self.context_names();
            let files = self.shown_files();
            if names.is_empty() {
                config(format!("{files}: no contexts"))
            } else {
                let names = some_of(&names);
                config(format!("{files}: no current-context; name one with --context: {names}"))
            }
        })
    }

    fn context(&self, name: &str) -> Result<(&Path, &Context), Trouble> {
        let found = self.files.iter().find_map(|(path, file)| {
            let named = file.contexts.iter().find(|context| context.name == name)?;
            Some((path.as_path(), named.context.as_ref()))
        });
        match found {
            Some((path, Some(context))) => Ok((path, context)),
            Some((path, None)) => Err(config(format!(
                "{}: context {name:?} is empty",
                place(path, Section::Contexts, name)
            ))),
            None => {
                let names = some_of(&self.context_names());
                let files = self.shown_files();
                Err(config(format!("no context {name:?} in {files}; there are: {names}")))
            }
        }
    }

    fn cluster(&self, name: &str) -> Option<(&Path, &Cluster)> {
        self.files.iter().find_map(|(path, file)| {
            let named = file.clusters.iter().find(|cluster| cluster.name == name)?;
            Some((path.as_path(), named.cluster.as_ref()?))
        })
    }

    fn capture(&self, name: &str, wanted: &Wanted) -> Result<ClusterSpec, Trouble> {
        let (path, context) = self.context(name)?;
        let found = Found { path, name, context };
        let namespace = context.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        let mut spec = spec(name, namespace.unwrap_or("default"), wanted);
        let mut cautions = Vec::new();
        match self.access(&found, wanted, &mut cautions) {
            Ok(access) => {
                spec.server = Text::clean(&super::connect::shown(&access.config.cluster_url));
                spec.way = Way::Network(Box::new(access));
            }
            Err(trouble) => spec.way = Way::Broken(trouble),
        }
        spec.cautions = cautions.into();
        Ok(spec)
    }

    fn access(
        &self,
        found: &Found<'_>,
        wanted: &Wanted,
        cautions: &mut Vec<Text>,
    ) -> Result<Access, Trouble> {
        let Found { path, name, context } = *found;
        let Some((file, cluster)) = self.cluster(&context.cluster) else {
            let cluster = &context.cluster;
            let at = place(path, Section::Contexts, name);
            return Err(config(format!("{at}: context {name:?} names no cluster {cluster:?}")));
        };
        let mut config = server(file, &context.cluster, cluster, cautions)?;
        if let Some(namespace) = &context.namespace {
            config.default_namespace.clone_from(namespace);
        }
        let proxy = proxy(file, &context.cluster, cluster, &config.cluster_url, wanted)?;
        let user = self.user(context, cluster)?;
        let origin = kubeconfig_user::origin(&user, cautions)?;
        config.auth_info = kubeconfig_user::without_secrets(user.info);
        if let Some(user) = &wanted.impersonate {
            config.auth_info.impersonate = Some(user.clone());
        }
        if let Some(user) = &config.auth_info.impersonate {
            cautions.push(Text::clean(&format!("acts as {user} (impersonation)")));
        }
        Ok(Access { config, origin, proxy })
    }

    /// As in kubectl, a context without user, or with one that is not there, is anonymous.
    fn user(&self, context: &Context, cluster: &Cluster) -> Result<kubeconfig_user::User, Trouble> {
        let wanted = context.user.as_deref().unwrap_or_default();
        let found = self.files.iter().find_map(|(path, file)| {
            let named = file.auth_infos.iter().find(|user| user.name == wanted)?;
            Some((path.as_path(), named.auth_info.clone().unwrap_or_default()))
        });
        let (path, mut info) = found.unwrap_or((Path::new(""), kube::config::AuthInfo::default()));
        let place = place(path, Section::Users, wanted);
        if let Some(exec) = &mut info.exec
            && exec.provide_cluster_info
        {
            let about = cluster.try_into().map_err(|error| config(format!("{place}: {error}")))?;
            exec.cluster = Some(about);
        }
        Ok(kubeconfig_user::User { name: wanted.to_owned(), place, info })
    }
}

fn spec(name: &str, context_namespace: &str, wanted: &Wanted) -> ClusterSpec {
    ClusterSpec {
        name: ClusterName::new(name),
        namespaces: wanted.namespaces.clone(),
        context_namespace: Namespace::new(context_namespace),
        selector: wanted.selector.clone(),
        request_timeout: wanted.request_timeout,
        server: Text::clean("unknown"),
        cautions: Arc::from([]),
        way: Way::Broken(Trouble::NotConfigured),
    }
}

/// Without any kubeconfig: the identity that Kubernetes gives a pod.
fn in_cluster(wanted: &Wanted) -> Result<ClusterSpec, Trouble> {
    const NAME: &str = "in-cluster";
    if let Contexts::Named(names) = &wanted.contexts
        && names.iter().any(|name| name != NAME)
    {
        return Err(config(format!("no kubeconfig, so no context {}", some_of(names))));
    }
    if wanted.environment.service_host.is_none() {
        return Err(Trouble::NotConfigured);
    }
    let mut config = kube::Config::incluster().map_err(|error| self::config(error.to_string()))?;
    config.default_retry = false;
    config.auth_info.impersonate.clone_from(&wanted.impersonate);
    let user = kubeconfig_user::User {
        name: "service account".to_owned(),
        place: NAME.to_owned(),
        info: config.auth_info.clone(),
    };
    let origin = kubeconfig_user::origin(&user, &mut Vec::new())?;
    config.auth_info = kubeconfig_user::without_secrets(user.info);
    let mut spec = spec(NAME, config.default_namespace.trim(), wanted);
    spec.server = Text::clean(&super::connect::shown(&config.cluster_url));
    spec.way = Way::Network(Box::new(Access { config, origin, proxy: None }));
    Ok(spec)
}

/// The first names of a list, and how many more there are.
fn some_of(names: &[String]) -> String {
    let mut shown = names.iter().take(NAMES_SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > NAMES_SHOWN_MAX {
        let _ = write!(shown, " and {} more", names.len() - NAMES_SHOWN_MAX);
    }
    shown
}
