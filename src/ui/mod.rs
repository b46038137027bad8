//! Paint: reads the state, changes nothing, panics at no size.

pub mod colour;
pub mod format;
pub mod marks;
pub mod theme;
