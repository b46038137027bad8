//! Canary analysis as Kayenta's judge does it, for teams that are used to its scores (`reference/analysis.md` §1). Our own
//! verdict is [`super::judge`]'s. Pure.

pub mod mann_whitney;
