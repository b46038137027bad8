//! Judgements over facts: what a rollout is doing, whether canary is worse than stable, who needs a human. Pure.

pub mod rollout_status;

mod native_status;

pub mod openshift_status;

pub mod stall;

mod flagger_status;

pub mod experiment_status;

pub mod flagger_steps;

pub mod flagger_gates;

#[cfg(test)]
mod flagger_tests;

pub mod pace;

pub mod steps;

pub mod router_weight;

#[cfg(test)]
mod steps_tests;

pub mod sampling;

pub mod evidence;

pub mod verdict;

pub mod judge;

pub mod kayenta;

pub mod need;

#[cfg(test)]
mod need_tests;

pub mod part_status;

pub mod owner_status;

pub mod bounds;

#[cfg(test)]
mod owner_status_tests;

pub mod run_words;
