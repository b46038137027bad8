//! Label sets that are cheap to copy: a query over thousands of series copies them at every step.

use std::sync::Arc;

/// The label that holds a metric's name.
pub(super) const NAME: &str = "__name__";

/// A set of labels, sorted by name, without empty values. A clone is one reference count.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// The value of a label, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        // Label sets are short, so a scan beats a binary search.
        self.0.iter().find(|(found, _)| &**found == name).map(|(_, value)| &**value)
    }

    /// All labels in order of their names.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether there is no label at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These labels without the metric's name, as results of functions and arithmetic have them.
    #[must_use]
    pub fn without_name(&self) -> Self {
        if self.get(NAME).is_none() {
            return self.clone();
        }
        self.filter(|name| name != NAME)
    }

    /// The labels whose name the predicate keeps.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(name, _)| keep(name)).cloned().collect())
    }

    /// These labels with one set to a value; an empty value removes it.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let others = self.0.iter().filter(|(found, _)| &**found != name).cloned();
        others.chain([(Arc::from(name), Arc::from(value))]).collect()
    }
}

/// Collects labels in any order. Of two with one name the later wins; empty values vanish.
impl<N: Into<Arc<str>>, V: Into<Arc<str>>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut labels: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for (name, value) in pairs {
            let (name, value) = (name.into(), value.into());
            match labels.binary_search_by(|(found, _)| found.cmp(&name)) {
                Ok(at) => labels[at].1 = value,
                Err(at) => labels.insert(at, (name, value)),
            }
        }
        labels.retain(|(_, value)| !value.is_empty());
        Self(labels.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_unique_and_never_empty() {
        let labels: Labels = [("b", "2"), ("a", "1"), ("c", ""), ("b", "3")].into_iter().collect();
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "3")]);
        assert_eq!(labels.get("c"), None);
        assert_eq!(labels.with("a", "").iter().collect::<Vec<_>>(), [("b", "3")]);
    }

    #[test]
    fn the_metric_name_can_be_dropped() {
        let labels: Labels = [(NAME, "up"), ("job", "shop")].into_iter().collect();
        assert_eq!(labels.without_name().iter().collect::<Vec<_>>(), [("job", "shop")]);
        assert_eq!(labels.without_name().without_name(), labels.without_name());
    }
}
