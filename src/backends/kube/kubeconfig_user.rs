//! The user's part of a kubeconfig: where the credential comes from, and a copy without it.

use std::path::PathBuf;

use kube::config::AuthInfo;

use super::credentials::{Origin, basic, bearer};
use super::exec_plugin::Plugin;
use super::kubeconfig::config;
use crate::domain::feed::Trouble;
use crate::domain::text::Text;

/// An entry of `users`.
pub(super) struct User {
    /// Its name.
    pub(super) name: String,
    /// Its file and line.
    pub(super) place: String,
    /// What it says.
    pub(super) info: AuthInfo,
}

/// Where this user's credential comes from. The order is kubectl's.
pub(super) fn origin(user: &User, cautions: &mut Vec<Text>) -> Result<Origin, Trouble> {
    let User { name, place, info } = user;
    if let Some(provider) = &info.auth_provider
        && provider.name != "oidc"
    {
        let provider = &provider.name;
        return Err(config(format!(
            "{place}: user {name:?} logs in with auth-provider {provider:?}, which kubectl dropped in 1.26; use its exec plugin"
        )));
    }
    check_certificate(user)?;
    if let Some(file) = filled(info.token_file.as_deref()) {
        return Ok(Origin::File(PathBuf::from(file)));
    }
    if let Some(token) = &info.token {
        return bearer(token).map(Origin::Fixed);
    }
    if let (Some(user), Some(password)) = (&info.username, &info.password) {
        return basic(user, password).map(Origin::Fixed);
    }
    if let Some(exec) = &info.exec {
        let command = exec.command.as_deref().unwrap_or_default();
        if command.is_empty() {
            return Err(config(format!("{place}: exec plugin of user {name:?} has no command")));
        }
        cautions.push(Text::clean(&format!("runs {command} to log in")));
        return Ok(Origin::Plugin(Box::new(Plugin::new(exec.clone()))));
    }
    Ok(Origin::Nowhere)
}

fn filled(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}

/// A certificate needs its key, and both must be there now: later it would be an error without a place.
fn check_certificate(user: &User) -> Result<(), Trouble> {
    let User { name, place, info } = user;
    let certificate = filled(info.client_certificate_data.as_deref()).is_some()
        || filled(info.client_certificate.as_deref()).is_some();
    let key = info.client_key_data.is_some() || filled(info.client_key.as_deref()).is_some();
    if certificate != key {
        let (has, lacks) =
            if certificate { ("certificate", "key") } else { ("key", "certificate") };
        return Err(config(format!(
            "{place}: user {name:?} has a client {has} but no client {lacks}"
        )));
    }
    for file in [&info.client_certificate, &info.client_key].into_iter().flatten() {
        if !file.is_empty() {
            std::fs::metadata(file).map_err(|error| config(format!("{place}: {file}: {error}")))?;
        }
    }
    Ok(())
}

/// What kube itself still needs: certificates for TLS, impersonation, OIDC. Everything else is ours.
pub(super) fn without_secrets(info: AuthInfo) -> AuthInfo {
    AuthInfo {
        client_certificate: info.client_certificate,
        client_certificate_data: info.client_certificate_data,
        client_key: info.client_key,
        client_key_data: info.client_key_data,
        impersonate: info.impersonate,
        impersonate_uid: info.impersonate_uid,
        impersonate_groups: info.impersonate_groups,
        impersonate_user_extra: info.impersonate_user_extra,
        auth_provider: info.auth_provider,
        ..AuthInfo::default()
    }
}
