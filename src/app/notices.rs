//! What the operator must see, and until when.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::observed::{Timestamp, age};
use crate::domain::text::Text;

/// Most notices kept for the list.
const NOTICES_MAX: usize = 100;

/// How long a notice stands in the notice line.
pub const SHOWN_FOR: Duration = Duration::from_secs(8);

/// How urgent a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Good to know.
    Info,
    /// A mistake in a file, a refusal.
    Warning,
    /// Must be seen: stays until it is looked at.
    Alarm,
}

/// One notice.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// When.
    pub at: Timestamp,
    /// How urgent.
    pub urgency: Urgency,
    /// The sentence.
    pub text: Text,
}

/// All notices, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    list: VecDeque<Notice>,
    seen: usize,
}

impl Notices {
    /// All, oldest first.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Notice> {
        self.list.iter()
    }

    /// What the notice line shows now: an alarm that nobody looked at, else the newest while it is new.
    #[must_use]
    pub fn current(&self, now: Timestamp) -> Option<&Notice> {
        let unseen = self.list.iter().skip(self.seen);
        let alarm = unseen.clone().rev().find(|notice| notice.urgency == Urgency::Alarm);
        alarm.or_else(|| self.list.back().filter(|notice| age(notice.at, now) < SHOWN_FOR))
    }

    pub(in crate::app) fn say(&mut self, at: Timestamp, urgency: Urgency, text: &str) {
        if self.list.len() >= NOTICES_MAX {
            self.list.pop_front();
            self.seen = self.seen.saturating_sub(1);
        }
        self.list.push_back(Notice { at, urgency, text: Text::clean(text) });
    }

    /// The operator looked at the list, or pressed a key that puts the line away.
    pub(in crate::app) fn mark_seen(&mut self) {
        self.seen = self.list.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_stays_until_it_is_looked_at() {
        let (mut notices, start) = (Notices::default(), Timestamp::UNIX_EPOCH);
        notices.say(start, Urgency::Alarm, "not recorded");
        notices.say(start, Urgency::Info, "saved");
        let later = start + Duration::from_mins(1);
        assert_eq!(notices.current(later).map(|notice| notice.text.as_str()), Some("not recorded"));
        notices.mark_seen();
        assert_eq!(notices.current(later), None);
    }

    #[test]
    fn notices_are_bounded() {
        let mut notices = Notices::default();
        for number in 0..500 {
            notices.say(Timestamp::UNIX_EPOCH, Urgency::Info, &number.to_string());
        }
        assert_eq!(notices.iter().count(), NOTICES_MAX);
    }
}
