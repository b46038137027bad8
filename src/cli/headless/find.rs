//! Which workload a `KIND/NAME` or a bare `NAME` of the command line means.

use crate::app::state::State;
use crate::domain::ids::{Namespace, WorkloadKind, WorkloadRef};

/// What was written on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The kind, if it was said.
    pub kind: Option<WorkloadKind>,
    /// The name.
    pub name: String,
    /// The namespaces to look in; empty: all that are followed.
    pub namespaces: Vec<Namespace>,
}

/// What it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// This one.
    One(WorkloadRef),
    /// None that is known.
    None,
    /// Several.
    Many(Vec<WorkloadRef>),
}

impl Wanted {
    /// Reads `KIND/NAME` or `NAME`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn parse(word: &str) -> Result<Self, String> {
        let (kind, name) = match word.split_once('/') {
            None => (None, word),
            Some((kind, name)) => match WorkloadKind::parse(kind) {
                Some(kind) => (Some(kind), name),
                None => return Err(unknown_kind(kind)),
            },
        };
        if name.is_empty() || name.contains('/') {
            return Err(format!("{word:?} is not KIND/NAME (for example rollout/web) or NAME"));
        }
        Ok(Self { kind, name: name.to_owned(), namespaces: Vec::new() })
    }

    /// Looks for it.
    #[must_use]
    pub fn find(&self, state: &State) -> Found {
        let is_it = |target: &&WorkloadRef| {
            target.name.as_str() == self.name
                && self.kind.is_none_or(|kind| kind == target.kind)
                && (self.namespaces.is_empty() || self.namespaces.contains(&target.namespace))
        };
        let mut found: Vec<WorkloadRef> =
            state.fleet().rows().map(|(target, _)| target).filter(is_it).cloned().collect();
        match found.len() {
            0 => Found::None,
            1 => found.pop().map_or(Found::None, Found::One),
            _ => Found::Many(found),
        }
    }
}

fn unknown_kind(kind: &str) -> String {
    let words = WorkloadKind::ALL.map(|kind| kind.words().join(", ")).join("; ");
    let words_of = || WorkloadKind::ALL.into_iter().flat_map(|kind| kind.words().iter().copied());
    let hint = crate::domain::warning::nearest(kind, words_of())
        .map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
    format!("no kind {kind:?}{hint} Kinds are: {words}")
}

/// The candidates of an ambiguous name, one per line, each as it would be written.
#[must_use]
pub fn candidates(found: &[WorkloadRef]) -> String {
    let one = |target: &WorkloadRef| {
        let kind = target.kind.words().first().copied().unwrap_or_default();
        format!("  --context {} -n {} {kind}/{}", target.cluster, target.namespace, target.name)
    };
    found.iter().map(one).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_carry_its_kind() {
        let wanted = |word: &str| Wanted::parse(word).map(|wanted| (wanted.kind, wanted.name));
        assert_eq!(wanted("web"), Ok((None, "web".to_owned())));
        assert_eq!(wanted("ro/web"), Ok((Some(WorkloadKind::Rollout), "web".to_owned())));
        assert!(wanted("rolout/web").is_err_and(|why| why.contains("did you mean \"rollout\"")));
        assert!(wanted("ro/").is_err());
        assert!(wanted("ro/a/b").is_err());
    }
}
