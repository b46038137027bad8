//! `audit show` and `audit verify`: reads the audit folder and prints it, or what can be believed of it.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::exit;
use super::output::{self, Format, PrintError};
use super::table::aligned;
use crate::backends::audit_read::{show as read_rows, verify as judge};
use crate::cli::document::audit::{AuditRecord, AuditTrail, AuditVerification, Segment};
use crate::cli::tell;
use crate::domain::ids::OrderId;

/// Prints all records in the order of time.
///
/// # Errors
///
/// When the output takes no more.
pub fn show(folder: &Path, format: Format) -> Result<u8, PrintError> {
    let rows = match read_rows(folder) {
        Ok(rows) => rows,
        Err(error) => return Ok(unreadable(folder, &error)),
    };
    let trail = AuditTrail::of(&rows);
    match format {
        Format::Json | Format::Yaml => output::document(format, &trail)?,
        Format::Table | Format::Wide => output::text(&table(&trail, format))?,
    }
    Ok(exit::DONE)
}

/// Prints up to where each file is vouched for, and what was changed, lost or reordered. `marks` are the orders whose
/// marks were found in clusters.
///
/// # Errors
///
/// When the output takes no more.
pub fn verify(folder: &Path, marks: &[OrderId], format: Format) -> Result<u8, PrintError> {
    let verification = match judge(folder, marks) {
        Ok(verification) => AuditVerification::of(&verification),
        Err(error) => return Ok(unreadable(folder, &error)),
    };
    match format {
        Format::Json | Format::Yaml => output::document(format, &verification)?,
        Format::Table | Format::Wide => output::text(&judged(&verification))?,
    }
    Ok(if verification.sound { exit::DONE } else { exit::DEGRADED })
}

fn unreadable(folder: &Path, error: &io::Error) -> u8 {
    tell::say(format_args!(
        "cannot read the audit folder {}: {error}; set another one with the key audit_dir, or mend its permissions",
        folder.display()
    ));
    exit::USAGE
}

/// The records as columns; `wide` has the headers, the sessions and the places too.
fn table(trail: &AuditTrail, format: Format) -> String {
    let wide = format == Format::Wide;
    let mut heads = vec!["TIME", "WHO", "DEED", "WORKLOAD", "RECORD", "WHAT"];
    if wide {
        heads.extend(["ORDER", "SESSION", "PLACE"]);
    }
    let heads = heads.into_iter().map(str::to_owned).collect();
    let rows = trail
        .records
        .iter()
        .filter(|record| wide || record.entry != "header")
        .map(|record| cells(record, format));
    aligned(&std::iter::once(heads).chain(rows).collect::<Vec<Vec<String>>>())
}

fn cells(record: &AuditRecord, format: Format) -> Vec<String> {
    let or_dash = |word: &Option<String>| word.clone().unwrap_or_else(|| "-".to_owned());
    let target = record.target.as_ref().map_or("-".to_owned(), |target| {
        format!("{}:{}/{}/{}", target.cluster, target.namespace, target.kind, target.name)
    });
    let doubt = if record.place.proven { "" } else { " (not proven)" };
    let mut cells = vec![
        or_dash(&record.at),
        or_dash(&record.identity),
        or_dash(&record.deed),
        target,
        record.entry.clone(),
        format!("{}{doubt}", record.what),
    ];
    if format == Format::Wide {
        let session = &record.session;
        cells.extend([
            or_dash(&record.order),
            format!("{}@{}", or_dash(&session.os_user), or_dash(&session.host)),
            format!("{}:{}", record.place.segment, record.place.seq),
        ]);
    }
    cells
}

/// The judgement for people.
fn judged(verification: &AuditVerification) -> String {
    let mut rows = vec![["FILE", "RECORDS", "VOUCHED", "STATE"].map(str::to_owned).to_vec()];
    rows.extend(verification.segments.iter().map(state));
    let mut out = aligned(&rows);
    for segment in &verification.segments {
        for fault in &segment.faults {
            // Writing into a String never fails.
            let _ = writeln!(out, "{} line {}: {}", segment.name, fault.line, fault.what);
        }
    }
    for name in &verification.missing {
        let _ = writeln!(out, "{name} is missing: another file vouches for it");
    }
    for order in &verification.unrecorded {
        let _ = writeln!(
            out,
            "order {order} left its mark in a cluster and is not recorded here: another folder has it, or it was taken out"
        );
    }
    out.push_str(match (verification.segments.is_empty(), verification.sound) {
        (true, _) => "nothing was recorded here yet\n",
        (false, true) => "nothing was changed, taken out or moved, as far as it is vouched for\n",
        (false, false) => "this is not the whole, unchanged record: see above\n",
    });
    out
}

fn state(segment: &Segment) -> Vec<String> {
    // The header is record 0, so the number of a record is how many deeds' records come up to it.
    let vouched = segment.vouched_to.map_or("-".to_owned(), |seq| format!("to {seq}"));
    let state = match (segment.faults.is_empty(), segment.torn_bytes) {
        (false, _) => "CHANGED".to_owned(),
        (true, 0) => "sound".to_owned(),
        (true, torn) => format!("sound, last record torn ({torn} B)"),
    };
    vec![segment.name.clone(), segment.records.to_string(), vouched, state]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::audit_read::{Proof, Row};
    use crate::domain::text::Text;
    use serde_json::{Value, json};

    fn row(seq: u64, fields: &Value) -> Row {
        Row {
            segment: Text::from("a.jsonl"),
            seq,
            proof: if seq < 3 { Proof::Chained } else { Proof::AfterFault },
            fields: fields.as_object().unwrap().clone(),
        }
    }

    fn trail() -> AuditTrail {
        let target =
            json!({"cluster": "east", "namespace": "shop", "kind": "Rollout", "name": "web"});
        AuditTrail::of(&[
            row(
                0,
                &json!({"kind": "header", "osUser": "ada", "host": "b1", "pid": 7, "program": "p/1"}),
            ),
            row(
                1,
                &json!({"kind": "intent", "order": "o-1", "at": "T1", "identity": "ada@x",
                "deed": "abort", "target": target, "change": "7 → 8", "reason": "errors\u{1b}[31m"}),
            ),
            row(
                2,
                &json!({"kind": "attempt", "order": "o-1", "at": "T2", "write": 0, "answer": "accepted"}),
            ),
            row(
                3,
                &json!({"kind": "outcome", "order": "o-1", "at": "T3", "outcome": "stalled", "message": "dropped"}),
            ),
        ])
    }

    #[test]
    fn records_are_told_with_the_deed_and_workload_of_their_order() {
        let shown = table(&trail(), Format::Table);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[1].ends_with("7 → 8 (errors^[[31m)"), "{}", lines[1]);
        assert!(lines[2].contains("abort  east:shop/Rollout/web  attempt  write 1: accepted"));
        assert!(lines[3].ends_with("stalled: dropped (not proven)"), "{}", lines[3]);
        assert!(table(&trail(), Format::Wide).contains("ada@b1"));
    }

    #[test]
    fn a_judgement_names_every_fault_and_its_line() {
        let segment = |faults: Vec<crate::cli::document::audit::Fault>| Segment {
            name: "a.jsonl".to_owned(),
            records: 3,
            vouched_to: Some(2),
            torn_bytes: 0,
            faults,
        };
        let judge = |sound, segments, missing: &[&str]| AuditVerification {
            api_version: String::new(),
            kind: String::new(),
            sound,
            segments,
            missing: missing.iter().map(ToString::to_string).collect(),
            unrecorded: Vec::new(),
        };
        assert!(
            judged(&judge(true, vec![segment(vec![])], &[]))
                .contains("a.jsonl  3        to 2     sound")
        );
        let fault = crate::cli::document::audit::Fault { line: 2, what: "changed".to_owned() };
        let told = judged(&judge(false, vec![segment(vec![fault])], &["b.jsonl"]));
        assert!(told.contains("a.jsonl line 2: changed\nb.jsonl is missing"), "{told}");
        assert!(judged(&judge(true, vec![], &[])).contains("nothing was recorded here yet"));
        let mut foreign = judge(false, vec![segment(vec![])], &[]);
        foreign.unrecorded = vec!["o-9".to_owned()];
        assert!(judged(&foreign).contains("order o-9 left its mark"));
    }
}
