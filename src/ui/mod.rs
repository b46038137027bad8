//! Paint: reads the state, changes nothing, panics at no size.

pub mod chart;
pub mod colour;
pub mod format;
pub mod grid;
pub mod ink;
pub mod marks;
pub mod theme;
pub mod time;
