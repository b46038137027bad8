//! The table of deeds (`design/deeds.md`): deed × way of releasing × state → what must hold, what is written,
//! what will happen, and how one sees that it has.

pub mod table;

pub mod candidates;

mod rows_argo;

mod rows_native;

mod rows_openshift;

#[cfg(test)]
mod table_tests;

#[cfg(test)]
mod argo_tests;

#[cfg(test)]
mod predict_tests;

#[cfg(test)]
mod native_tests;

pub mod case;

pub mod needs;

mod target;

mod draw;

mod draw_native;

mod scale_down;

pub(super) mod terminate;

pub mod flagger;

mod flagger_gates;

#[cfg(test)]
mod flagger_tests;

#[cfg(test)]
mod flagger_gates_tests;

mod otherwise;

mod predict;

mod warn;

mod words;
