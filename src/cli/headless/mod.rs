//! The fronts without a screen: `get`, `status`, `watch` and each deed. They say commands, read the state and print
//! documents; what is true and what may be done is decided where the screen has it from.

pub mod exit;

pub mod output;

pub mod known;

pub mod find;

pub mod table;

pub mod get;

pub mod status;

pub mod timeline;

pub mod watch;

pub mod deed;

pub mod audit;
