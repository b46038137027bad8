//! Paint: reads the state, changes nothing.
