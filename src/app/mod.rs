//! The state machine: state, events, effects, commands, keymap, `update`. Pure.
