//! Paint: reads the state, changes nothing, panics at no size.

pub mod answer;

pub mod chart;
pub mod colour;
pub mod curves;
mod experiment;
mod flagger;
pub mod format;
pub mod grid;
pub mod header;
pub mod hints;
pub mod ink;
pub mod readings;

pub mod ladder;
pub mod lane;
pub mod marks;
pub mod sections;

pub mod owner;

pub mod bounds;
pub mod story;
pub mod summary;
pub mod svg;
pub mod theme;
pub mod time;
pub mod typed;
pub mod view;

/// The screens.
pub mod screens {
    pub mod fleet;
    pub mod fleet_timeline;
    pub mod gates;
    pub mod rollout;
    pub mod timeline;
}

/// What lies over a screen.
pub mod popups {
    pub mod confirm;
    pub mod frame;
    pub mod help;
    pub mod lists;
    pub mod rehearsal;
    pub mod several;
}

#[cfg(test)]
mod owner_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod testing_parts;

pub use view::view;
