//! The wires of the simulated world: one router, mounted in process or on loopback.

pub mod kubernetes;
pub mod prometheus;
pub mod prometheus_fault;

mod control;
mod kubernetes_access;
mod kubernetes_answer;
mod kubernetes_cells;
mod kubernetes_delete;
mod kubernetes_discovery;
mod kubernetes_edit;
mod kubernetes_list;
mod kubernetes_log;
mod kubernetes_path;
mod kubernetes_reply;
mod kubernetes_scale;
mod kubernetes_table;
mod kubernetes_watch;
mod kubernetes_write;

mod prometheus_json;
mod prometheus_params;
