//! Kubernetes: kubeconfig, connection, watches, and the way from its objects to facts.
//!
//! The way in is [`kubeconfig::contexts`] (or a mounted service), then [`cluster::Cluster`], then
//! [`follow::follow`] for news and [`query::answer`] for questions. `trouble` gives every failure its sentence.

pub mod kubeconfig;

mod kubeconfig_server;

mod kubeconfig_user;

#[cfg(test)]
mod kubeconfig_tests;

mod certificate;

mod exec_plugin;

mod credentials;

mod connect;

pub mod cluster;

pub mod resource;

pub mod wire;

#[cfg(test)]
mod wire_tests;

pub mod trouble;

pub mod sightings;

mod live;

mod lean;

mod fields;

mod meta;

mod owner;

mod argo;

mod native;

mod openshift;

mod sets;

mod flagger;

mod experiments;

mod runs;

mod pods;

mod bounds;

mod events;

mod past;

mod rows;

mod watch;

mod heartbeat;

mod fleet;

mod splits;

mod routes;

mod routers;

mod split_table;

mod await_run;

mod gates;

mod kept;

#[cfg(test)]
mod gates_tests;

#[cfg(test)]
mod flagger_tests;

mod parts;

mod owner_objects;

mod owners;

#[cfg(test)]
mod owners_tests;

pub mod dump;

mod dump_split;

mod dump_parse;

pub mod offline;

mod waiting;

mod outbox;

mod streams;

mod compose;

mod details;

pub mod follow;

pub mod query;

mod metrics_place;

mod scrape;

#[cfg(test)]
mod scrape_tests;

pub mod probe;

pub mod marks;

pub mod look;

#[cfg(test)]
mod parts_tests;

mod patch;

mod answer;

mod rehearse;

mod remove;

mod announce;

pub mod execute;

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test asks for one kind of news")]
mod scripted;

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test asks for one kind of news")]
mod follow_tests;

#[cfg(test)]
mod objects_tests;

#[cfg(test)]
mod sets_tests;

#[cfg(test)]
mod plane;

#[cfg(test)]
mod execute_tests;

#[cfg(test)]
mod remove_tests;

#[cfg(test)]
mod truth_tests;
