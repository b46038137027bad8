//! A call to a gate that a controller asks, as one of the writes of a plan.

use super::plan::{PatchFormat, Turn, Write};
use crate::domain::manual_gate::{GateTurn, ManualGate};

/// What is asked of a gate: by POST, with the object's name and namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GateCall {
    /// Which gate.
    pub gate: ManualGate,
    /// Opened or closed.
    pub turn: GateTurn,
}

impl GateCall {
    /// Method and address, as they are sent.
    #[must_use]
    pub fn request(&self) -> String {
        format!("POST {}", self.gate.address(self.turn.word()))
    }
}

/// The call of a write, if it is one.
#[must_use]
pub fn call(write: &Write) -> Option<&GateCall> {
    match &write.format {
        PatchFormat::Call(call) => Some(call),
        PatchFormat::Merge | PatchFormat::Json | PatchFormat::Strategic | PatchFormat::Delete => {
            None
        }
    }
}

/// A gate that this plan opens is closed once the Canary is past it; else it is turned at once.
pub(super) fn turn(writes: &[Write], index: usize) -> Turn {
    let turned = |write: &Write| call(write).map(|call| call.turn);
    let mut before = writes.iter().take(index);
    let is_closed = writes.get(index).and_then(turned) == Some(GateTurn::Close);
    if is_closed && before.any(|write| turned(write) == Some(GateTurn::Open)) {
        Turn::AfterGate
    } else {
        Turn::Now
    }
}
