//! Arguments of `judge`.

use std::path::PathBuf;

/// Arguments of `judge`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct JudgeArgs {
    /// Whose judge.
    #[arg(long, value_enum)]
    pub style: Style,
    /// The canary config. It comes as the global `--config`, which is no config of ours here.
    #[arg(skip)]
    pub config: Option<PathBuf>,
    /// The points: a list of pairs of control and experiment, as JSON.
    #[arg(long, value_name = "FILE")]
    pub pairs: PathBuf,
    /// From this score on it is a pass.
    #[arg(long, value_name = "SCORE", default_value = "95", value_parser = score)]
    pub pass: f64,
    /// From this score on it is marginal, and below it fails.
    #[arg(long, value_name = "SCORE", default_value = "75", value_parser = score)]
    pub marginal: f64,
    /// By which share of the estimated shift the interval must clear it.
    #[arg(long, value_name = "SHARE", default_value = "0.25", value_parser = tolerance)]
    pub tolerance: f64,
    /// Confidence of the interval.
    #[arg(long, value_name = "SHARE", default_value = "0.98", value_parser = confidence)]
    pub confidence: f64,
}

/// Whose judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Style {
    /// Kayenta's (NetflixACAJudge-v1.0).
    Kayenta,
}

fn score(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(score) if (0.0..=100.0).contains(&score) => Ok(score),
        Ok(_) | Err(_) => Err("a score is a number from 0 to 100".to_owned()),
    }
}

fn tolerance(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(share) if (0.0..=10.0).contains(&share) => Ok(share),
        Ok(_) | Err(_) => Err("a tolerance is a number from 0 to 10".to_owned()),
    }
}

fn confidence(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(share) if (0.5..=0.999_999).contains(&share) => Ok(share),
        Ok(_) | Err(_) => Err("a confidence is a number from 0.5 to 0.999999".to_owned()),
    }
}
