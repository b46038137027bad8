//! Judgements over facts: what a rollout is doing, whether canary is worse than stable, who needs a human. Pure.

pub mod rollout_status;

pub mod steps;

pub mod verdict;

pub mod need;
