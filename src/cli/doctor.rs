//! Doctor (placeholder until it lands).
use super::args::Args;
use super::settings::Settings;
use super::start::Stop;
use crate::domain::warning::Warning;

/// Runs it.
///
/// # Errors
/// None yet.
pub async fn run(_args: &Args, _settings: &Settings, _warnings: &[Warning]) -> Result<u8, Stop> {
    std::future::ready(Ok(0)).await
}
