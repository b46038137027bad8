//! What programs say of themselves on `/metrics`: the text format 0.0.4 and OpenMetrics 1.0, line by line, with a ledger
//! of what could not be read and why.
//!
//! A parser of our own. `prometheus-parse` 0.2.5 (the newest) says `Ok` to a login page, loses a sample whose label
//! holds `}`, a label that holds `=`, the end of a label behind a comma, every recorded series (`a:b`), and the
//! timestamps of OpenMetrics, all without a word (tried again for this module, `reference/analysis.md` §6.6), so no guard
//! around it could tell what is missing; it also brings `chrono`. `openmetrics-parser` is LGPL.

pub mod format;

pub mod ledger;

mod line;

pub mod reader;

#[cfg(test)]
mod corpus_tests;

#[cfg(test)]
mod reader_tests;
