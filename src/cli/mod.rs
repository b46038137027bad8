//! Command line, settings, documents, doctor. The only floor that prints.

pub mod document;

pub mod headless;

pub mod args;

pub mod args_values;

pub mod completions;

pub mod origin;

pub(crate) mod tell;

mod small_file;

pub mod folders;

pub mod config_keys;

pub mod config_value;

pub mod config_file;

pub mod config_layers;

pub mod settings;

pub mod config_text;

#[cfg(test)]
mod args_tests;

#[cfg(test)]
mod config_value_tests;

#[cfg(test)]
mod settings_tests;

pub mod assets;

pub mod start;

pub mod logging;

pub mod screen;

pub mod demo;

pub mod run;

pub mod doctor;

mod doctor_rights;

pub mod explain;

pub mod judge;

pub mod args_judge;

mod canary_config;
