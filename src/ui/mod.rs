//! Paint: reads the state, changes nothing, panics at no size.

pub mod answer;
pub mod chart;
pub mod colour;
pub mod format;
pub mod grid;
pub mod header;
pub mod hints;
pub mod ink;
pub mod marks;
pub mod summary;
pub mod svg;
pub mod theme;
pub mod time;
pub mod typed;
pub mod view;

/// The three screens.
pub mod screens {
    pub mod fleet;
}

#[cfg(test)]
mod testing;

pub use view::view;
