//! The JSON schema of every published document. `assets/schema` holds them; a test compares.

use schemars::{Schema, schema_for};

use super::audit::{AuditTrail, AuditVerification};
use super::canary_judgement::CanaryJudgement;
use super::doctor::DoctorReport;
use super::explanation::Explanation;
use super::fleet::{FleetEvent, FleetList, RolloutReport};
use super::gates::GateList;
use super::order::Order;
use super::timeline::Timeline;

/// Every published document by name, with its schema.
#[must_use]
pub fn all() -> Vec<(&'static str, Schema)> {
    vec![
        ("FleetList", schema_for!(FleetList)),
        ("RolloutReport", schema_for!(RolloutReport)),
        ("FleetEvent", schema_for!(FleetEvent)),
        ("GateList", schema_for!(GateList)),
        ("Timeline", schema_for!(Timeline)),
        ("Order", schema_for!(Order)),
        ("DoctorReport", schema_for!(DoctorReport)),
        ("Explanation", schema_for!(Explanation)),
        ("CanaryJudgement", schema_for!(CanaryJudgement)),
        ("AuditTrail", schema_for!(AuditTrail)),
        ("AuditVerification", schema_for!(AuditVerification)),
    ]
}
