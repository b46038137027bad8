//! The table of deeds (`design/deeds.md`): deed × way of releasing × state → what must hold, what is written,
//! what will happen, and how one sees that it has.

pub mod table;

pub mod case;

pub mod needs;

mod target;

mod draw;

mod predict;

mod warn;

mod words;
