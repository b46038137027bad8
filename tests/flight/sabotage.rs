//! Mistakes that the program could make, made in its place: each must be found, or the flights prove nothing. They sit at the
//! edges of the program, where the same mistake inside would show; no switch of this kind is in the program itself.

/// One mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// A write without an answer is read for again and sent again.
    Retries,
    /// Patches go without the version they stand on.
    DropsVersion,
    /// A record is called safe that is only written.
    SkipsSync,
    /// An intent is called safe that is nowhere.
    ForgetsIntents,
    /// A write without an answer is taken for done.
    SilenceIsDone,
    /// A write without an answer is taken for refused.
    SilenceIsRefused,
    /// Heartbeats are believed in although nothing arrives any more.
    TrustsOldFacts,
    /// A rehearsal is done in earnest, before anybody said yes.
    WithoutYes,
    /// Pause and abort wait for the disk.
    WaitsForDisk,
}

impl Sabotage {
    /// A seed that has found it before: tried first, so that nobody waits for a search.
    pub(crate) const fn seed(self) -> u64 {
        match self {
            Self::WithoutYes => 0,
            Self::SkipsSync | Self::ForgetsIntents => 1,
            Self::SilenceIsDone => 4,
            Self::WaitsForDisk => 9,
            Self::SilenceIsRefused => 60,
            Self::Retries => 123,
            Self::DropsVersion => 482,
            Self::TrustsOldFacts => 852,
        }
    }

    pub(crate) const ALL: [Self; 9] = [
        Self::Retries,
        Self::DropsVersion,
        Self::SkipsSync,
        Self::ForgetsIntents,
        Self::SilenceIsDone,
        Self::SilenceIsRefused,
        Self::TrustsOldFacts,
        Self::WithoutYes,
        Self::WaitsForDisk,
    ];
}
