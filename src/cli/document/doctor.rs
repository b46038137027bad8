//! `DoctorReport`: what is right and wrong with a set-up.

use schemars::JsonSchema;
use serde::Serialize;

use super::fleet::API_VERSION;
use crate::cli::headless::exit;

/// The document of `doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DoctorReport {
    /// `pilothouse.dev/v1`.
    pub api_version: String,
    /// `DoctorReport`.
    pub kind: String,
    /// What was found, in the order in which it was looked at.
    pub findings: Vec<Finding>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// The cluster, or `here`.
    pub place: String,
    /// What was looked at.
    pub what: String,
    /// How it is.
    pub mark: Mark,
    /// What was found.
    pub found: String,
    /// What can be done; null where nothing needs to be.
    pub remedy: Option<String>,
    /// The exit code that it means when it fails.
    #[serde(skip)]
    pub code: u8,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// As it should be.
    Ok,
    /// Something is missing that one can do without.
    Warn,
    /// Does not work.
    Fail,
}

impl Mark {
    /// With a sign and a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "✔ ok",
            Self::Warn => "! warn",
            Self::Fail => "✗ fail",
        }
    }
}

impl DoctorReport {
    /// The document of these findings.
    #[must_use]
    pub fn new(findings: Vec<Finding>) -> Self {
        Self { api_version: API_VERSION.to_owned(), kind: "DoctorReport".to_owned(), findings }
    }
}

impl Finding {
    /// A finding without a remedy.
    #[must_use]
    pub fn new(place: &str, what: &str, mark: Mark, found: &str) -> Self {
        Self {
            place: place.to_owned(),
            what: what.to_owned(),
            mark,
            found: found.to_owned(),
            remedy: None,
            code: exit::NO_ANSWER,
        }
    }

    /// The same with what can be done.
    #[must_use]
    pub fn remedy(mut self, remedy: &str) -> Self {
        self.remedy = Some(remedy.to_owned());
        self
    }

    /// The same with another exit code.
    #[must_use]
    pub const fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }
}
