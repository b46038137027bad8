//! Runs the credential plugin of a context, as kubectl does, but never on our terminal: no standard input, a session of
//! its own, its words captured and capped, killed with all its children when it takes too long. What it prints on standard output
//! is a secret and reaches nothing but the parser.

use std::fmt::Write as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use kube::config::{ExecConfig, ExecInteractiveMode};
use process_wrap::tokio::{ChildWrapper, CommandWrap, ProcessSession};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::trouble;
use crate::domain::feed::Trouble;

/// How long a plugin may take. A login that needs a person takes longer, and cannot happen here anyway.
pub(super) const PLUGIN_TIME_MAX: Duration = Duration::from_secs(20);

/// Largest answer of a plugin; a certificate with its chain is a few KiB.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// How much of its complaints is kept.
const STDERR_BYTES_MAX: usize = 8 << 10;

/// What a plugin gave.
pub(super) struct Credential {
    /// A bearer token.
    pub(super) token: Option<SecretString>,
    /// A client certificate with its key, both PEM.
    pub(super) certificate: Option<(String, SecretString)>,
    /// Until when; `None`: until the server refuses it.
    pub(super) expires: Option<Timestamp>,
}

/// A plugin that is ready to run.
#[derive(Clone)]
pub(super) struct Plugin {
    config: ExecConfig,
    time_max: Duration,
}

impl Plugin {
    pub(super) const fn new(config: ExecConfig) -> Self {
        Self { config, time_max: PLUGIN_TIME_MAX }
    }

    /// Runs it once.
    pub(super) async fn run(&self) -> Result<Credential, Trouble> {
        let name = self.config.command.as_deref().unwrap_or_default();
        if name.is_empty() {
            return Err(told("the kubeconfig names no command"));
        }
        if self.config.interactive_mode == Some(ExecInteractiveMode::Always) {
            return Err(told(&format!("{name} wants a terminal (interactiveMode: Always)")));
        }
        let mut command = CommandWrap::from(self.command(name)?);
        // In a session of its own it has no terminal: /dev/tty cannot be opened, so it can neither ask nor paint there.
        command.wrap(ProcessSession);
        let child = command.spawn().map_err(|error| self.not_started(name, &error))?;
        let group = child.id();
        let ended = tokio::time::timeout(self.time_max, output(child)).await;
        // Children that hold the pipes would outlive their parent.
        if let Some(group) = group.and_then(|id| i32::try_from(id).ok()) {
            kill_group(group);
        }
        let Ok(ended) = ended else {
            let seconds = self.time_max.as_secs();
            return Err(told(&format!("{name} did not answer within {seconds} s")));
        };
        let ended = ended.map_err(|error| told(&format!("{name}: {error}")))?;
        if !ended.status.success() {
            return Err(failed(name, &ended));
        }
        parse(name, &ended.stdout)
    }

    fn command(&self, name: &str) -> Result<Command, Trouble> {
        let mut command = Command::new(name);
        command.args(self.config.args.iter().flatten());
        for pair in self.config.env.iter().flatten() {
            if let (Some(key), Some(value)) = (pair.get("name"), pair.get("value")) {
                command.env(key, value);
            }
        }
        command.env("KUBERNETES_EXEC_INFO", self.exec_info()?);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        Ok(command)
    }

    fn exec_info(&self) -> Result<String, Trouble> {
        let mut spec = json!({ "interactive": false });
        if self.config.provide_cluster_info {
            let cluster = serde_json::to_value(&self.config.cluster)
                .map_err(|_error| told("the cluster's own description cannot be written"))?;
            spec["cluster"] = cluster;
        }
        let version =
            self.config.api_version.as_deref().unwrap_or("client.authentication.k8s.io/v1");
        let info = json!({ "kind": "ExecCredential", "apiVersion": version, "spec": spec });
        Ok(info.to_string())
    }

    fn not_started(&self, name: &str, error: &std::io::Error) -> Trouble {
        let hint = match (&self.config.install_hint, error.kind()) {
            (Some(hint), std::io::ErrorKind::NotFound) => format!(": {}", hint.trim()),
            (Some(_) | None, _) => String::new(),
        };
        told(&format!("{name} cannot be started: {error}{hint}"))
    }
}

fn told(words: &str) -> Trouble {
    Trouble::Plugin(trouble::cut(words))
}

struct Ended {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

async fn output(mut child: Box<dyn ChildWrapper>) -> std::io::Result<Ended> {
    let (stdout, stderr) = (child.stdout().take(), child.stderr().take());
    let (stdout, stderr) =
        tokio::join!(capped(stdout, ANSWER_BYTES_MAX), capped(stderr, STDERR_BYTES_MAX));
    let status = child.wait().await?;
    Ok(Ended { status, stdout: stdout?, stderr: stderr? })
}

/// Keeps the beginning and reads the rest into nothing, so that the plugin does not block on a full pipe.
async fn capped(
    pipe: Option<impl AsyncRead + Unpin>,
    bytes_max: usize,
) -> std::io::Result<Vec<u8>> {
    let Some(mut pipe) = pipe else { return Ok(Vec::new()) };
    let mut kept = Vec::new();
    let mut chunk = [0u8; 4096];
    loop {
        let count = pipe.read(&mut chunk).await?;
        if count == 0 {
            return Ok(kept);
        }
        let room = bytes_max.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(chunk.get(..room).unwrap_or_default());
    }
}

fn kill_group(id: i32) {
    if let Some(group) = rustix::process::Pid::from_raw(id) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

fn failed(name: &str, ended: &Ended) -> Trouble {
    let mut words = format!("{name} failed");
    match ended.status.code() {
        Some(code) => {
            let _ = write!(words, " with exit code {code}");
        }
        None => words.push_str(" by a signal"),
    }
    let stderr = String::from_utf8_lossy(&ended.stderr);
    if let Some(line) = stderr.lines().map(str::trim).find(|line| !line.is_empty()) {
        let _ = write!(words, ": {}", without_secrets(line));
    }
    told(&words)
}

/// Plugins sometimes print what they should not: words that look like a token are left out.
fn without_secrets(line: &str) -> String {
    line.split(' ')
        .map(|word| if looks_secret(word) { "[left out]" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

fn looks_secret(word: &str) -> bool {
    let longest = word
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+')))
        .map(str::len)
        .max()
        .unwrap_or(0);
    longest >= 32 || word.starts_with("eyJ")
}

#[derive(Deserialize)]
struct Answer {
    status: Option<AnswerStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerStatus {
    expiration_timestamp: Option<String>,
    token: Option<SecretWord>,
    client_certificate_data: Option<String>,
    client_key_data: Option<SecretWord>,
}

/// A word that cannot be printed by accident.
#[derive(Deserialize)]
struct SecretWord(String);

fn parse(name: &str, stdout: &[u8]) -> Result<Credential, Trouble> {
    // client-go reads YAML too, and some plugins print it; JSON is YAML.
    let answer: Answer = serde_saphyr::from_slice(stdout)
        .map_err(|_error| told(&format!("{name} printed no ExecCredential")))?;
    let Some(status) = answer.status else {
        return Err(told(&format!("{name} printed an ExecCredential without status")));
    };
    let expires = match status.expiration_timestamp.as_deref() {
        None => None,
        Some(raw) => Some(raw.parse().map_err(|_error| {
            told(&format!("{name} printed an expirationTimestamp that is no time"))
        })?),
    };
    let certificate = match (status.client_certificate_data, status.client_key_data) {
        (Some(certificate), Some(SecretWord(key))) => Some((certificate, SecretString::from(key))),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            return Err(told(&format!("{name} printed a certificate without key, or a key alone")));
        }
    };
    let token = status.token.map(|SecretWord(token)| SecretString::from(token));
    if token.is_none() && certificate.is_none() {
        return Err(told(&format!("{name} printed neither a token nor a certificate")));
    }
    Ok(Credential { token, certificate, expires })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn shell(script: &str) -> Plugin {
        Plugin {
            config: ExecConfig {
                command: Some("/bin/sh".to_owned()),
                args: Some(vec!["-c".to_owned(), script.to_owned()]),
                ..ExecConfig::default()
            },
            time_max: Duration::from_secs(5),
        }
    }

    async fn words(plugin: Plugin) -> String {
        match plugin.run().await {
            Ok(_) => "a credential".to_owned(),
            Err(trouble) => trouble.to_string(),
        }
    }

    #[tokio::test]
    async fn a_token_is_read_from_json_and_from_yaml() {
        for script in [
            r#"echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t1","expirationTimestamp":"2030-01-01T00:00:00Z"}}'"#,
            "printf 'kind: ExecCredential\\nstatus:\\n  token: t1\\n  expirationTimestamp: \"2030-01-01T00:00:00Z\"\\n'",
        ] {
            let credential = shell(script).run().await.expect("a credential");
            assert_eq!(credential.token.expect("a token").expose_secret(), "t1");
            assert_eq!(credential.expires, "2030-01-01T00:00:00Z".parse().ok());
        }
    }

    #[tokio::test]
    async fn the_plugin_gets_no_input_and_knows_it_is_alone() {
        let script = r#"if read line; then exit 9; fi; case "$KUBERNETES_EXEC_INFO" in *'"interactive":false'*) ;; *) exit 8;; esac; echo '{"status":{"token":"x"}}'"#;
        assert_eq!(words(shell(script)).await, "a credential");
    }

    #[tokio::test]
    async fn every_failure_has_a_sentence_and_no_failure_tells_the_token() {
        let secret = "SECRETSECRETSECRETSECRETSECRETSECRET";
        for (script, want) in [
            (format!("echo {secret}; exit 3"), "/bin/sh failed with exit code 3"),
            (format!("echo log in first >&2; echo {secret}; exit 1"), "exit code 1: log in first"),
            (format!("echo token {secret} >&2; exit 1"), "exit code 1: token [left out]"),
            (format!("echo {secret}"), "/bin/sh printed no ExecCredential"),
            (
                format!(r#"echo '{{"status":{{"token":["{secret}"]}}}}'"#),
                "/bin/sh printed no ExecCredential",
            ),
            ("echo '{}'".to_owned(), "without status"),
            (r#"echo '{"status":{}}'"#.to_owned(), "neither a token nor a certificate"),
            (
                r#"echo '{"status":{"token":"a","expirationTimestamp":"soon"}}'"#.to_owned(),
                "that is no time",
            ),
            (
                r#"echo '{"status":{"clientKeyData":"a"}}'"#.to_owned(),
                "without key, or a key alone",
            ),
            ("kill -9 $$".to_owned(), "by a signal"),
        ] {
            let words = words(shell(&script)).await;
            assert!(words.starts_with("credential plugin: "), "{words}");
            assert!(words.contains(want), "{words} lacks {want}");
            assert!(!words.contains(secret), "{words}");
        }
    }

    #[tokio::test]
    async fn a_plugin_that_hangs_is_killed_with_its_children() {
        let mut plugin = shell("sleep 600 & sleep 600");
        plugin.time_max = Duration::from_millis(200);
        assert!(words(plugin).await.contains("did not answer within"));
    }

    #[tokio::test]
    async fn a_missing_plugin_shows_its_install_hint() {
        let mut plugin = shell("");
        plugin.config.command = Some("/nonexistent/login".to_owned());
        plugin.config.install_hint = Some("install it with `brew install login`\n".to_owned());
        let words = words(plugin).await;
        assert!(words.contains("cannot be started") && words.contains("brew install"), "{words}");
    }

    #[tokio::test]
    async fn a_plugin_that_insists_on_a_terminal_is_not_run() {
        let mut plugin = shell("exit 0");
        plugin.config.interactive_mode = Some(ExecInteractiveMode::Always);
        assert!(words(plugin).await.contains("wants a terminal"));
    }

    #[tokio::test]
    async fn a_flood_of_output_is_cut_and_does_not_block() {
        let script = "head -c 3000000 /dev/zero | tr '\\0' 'x'; exit 1";
        assert!(words(shell(script)).await.contains("exit code 1"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_a_plugin_prints_makes_us_panic(changes in crate::backends::mutated::changes()) {
            let answer = r#"{"kind":"ExecCredential","status":{"token":"t","expirationTimestamp":"2030-01-01T00:00:00Z","clientCertificateData":"c","clientKeyData":"k"}}"#;
            drop(parse("login", &crate::backends::mutated::after(answer, &changes)));
        }
    }
}
