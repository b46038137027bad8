//! What scripts may rely on (`design/contract.md`): every serialised type, versioned, with its JSON schema in
//! `assets/schema`. Absent is `null`, never 0 and never left out; times are RFC 3339 UTC; weights are per cent.

pub mod rollout;

pub mod owner;

pub mod bounds;

pub mod experiment;

pub mod source;

pub mod fleet;

pub mod gates;

pub mod timeline;

pub mod verdict;

pub mod order;

pub mod audit;

pub mod schema;

pub mod doctor;

pub mod canary_judgement;

pub mod explanation;

mod part;
