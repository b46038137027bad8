//! What makes the objects of a simulated cluster move: the controllers, the scheduler and the
//! kubelets, as they were measured on a real control plane (Argo Rollouts 1.10, Kubernetes 1.36).
//!
//! Nothing runs by itself: what changes wakes who is concerned, and time jumps from one piece of
//! work to the next. A seed makes everything come again.

pub mod life;
pub mod script;
pub mod truth;

mod agenda;
mod bench;
mod index;
mod read;
mod recorder;
pub(super) mod template;

mod pod;
mod pod_shape;
mod replicaset;
mod sets;

mod deployment;
mod deployment_status;

mod daemonset;
mod revisions;
mod statefulset;

mod argo;
mod argo_bluegreen;
mod argo_canary;
mod argo_conditions;
mod argo_counts;
mod argo_extras;
mod argo_pass;
mod argo_restart;
mod argo_runs;
mod argo_scale;
mod argo_status;
mod argo_traffic;
mod argo_valid;
mod argo_view;
mod experiment;

mod analysis;
mod expression;
mod judge;
mod measure;
mod templates;

mod balance;

mod flagger;
pub(in crate::sim) mod flagger_parts;
pub mod gates;

pub(in crate::sim) mod settled;
mod settled_flagger;
mod settled_native;

#[cfg(test)]
mod argo_abort_tests;
#[cfg(test)]
mod argo_bluegreen_tests;
#[cfg(test)]
mod argo_tests;
#[cfg(test)]
mod flagger_tests;
#[cfg(test)]
mod native_tests;
#[cfg(test)]
mod testing;
