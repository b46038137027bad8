//! Canary analysis as Kayenta's judge (`NetflixACAJudge-v1.0`) does it, odd corners included, for teams that are used to its
//! scores (`reference/analysis.md` §1). Our own verdict is [`super::judge`]'s. Pure.

pub mod rules;

pub mod transform;

pub mod mann_whitney;

pub mod classify;

pub mod score;

#[cfg(test)]
mod kayenta_tests;
