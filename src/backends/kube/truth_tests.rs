//! What every answer to a write means: `reference/reliability.md` §2.2, one row per answer, each for a patch of the object, a
//! patch of its status, and a pause.

use super::execute_tests::{effects, run};
use super::plane::{Say, Server, rollout_json};
use crate::control::action::Action;
use crate::control::order::{AttemptAnswer, Execution};

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// Nothing was written; it is read and sent again.
    Again,
    /// Nothing was written, and that is the end.
    No,
    /// It may have been written: never sent again.
    Unknown,
}

/// Every class of status that a server, or something before it, is known to answer with.
const CODES: [(u16, Means); 34] = [
    // No object in it: it proves nothing.
    (200, Means::Unknown),
    (201, Means::Unknown),
    (202, Means::Unknown),
    (204, Means::Unknown),
    (301, Means::No),
    (302, Means::No),
    (307, Means::No),
    (308, Means::No),
    (400, Means::No),
    (401, Means::No),
    (403, Means::No),
    (404, Means::No),
    (405, Means::No),
    (406, Means::No),
    (407, Means::No),
    (409, Means::Again),
    (410, Means::No),
    (412, Means::No),
    (413, Means::No),
    (415, Means::No),
    (421, Means::No),
    (422, Means::No),
    (428, Means::No),
    (429, Means::Again),
    (431, Means::No),
    (451, Means::No),
    (500, Means::Unknown),
    (501, Means::Unknown),
    (502, Means::Unknown),
    (503, Means::Unknown),
    (504, Means::Unknown),
    (507, Means::Unknown),
    (511, Means::Unknown),
    (599, Means::Unknown),
];

/// The same without an answer, and how many effects the server knows of.
const SILENCES: [(Say, Means, usize); 6] = [
    (Say::Hangs, Means::Unknown, 0),
    (Say::AppliesThenHangs, Means::Unknown, 1),
    (Say::AppliesThenBreaks, Means::Unknown, 1),
    (Say::AppliesThen503, Means::Unknown, 1),
    (Say::Html, Means::Unknown, 0),
    (Say::NeverLeft, Means::Again, 1),
];

/// One answer to the first request of each kind of write; every later one is answered honestly.
async fn holds(say: Say, means: Means, applied: usize) {
    for action in [Action::Restart, Action::Promote, Action::Pause] {
        let server = Server::new(rollout_json(), &[say]);
        let (execution, attempts) = run(&server, action, &[]).await;
        let words = format!("{say:?} to {action}: {execution:?}");
        let sent = server.patches().await.len();
        let never_left = usize::from(say == Say::NeverLeft);
        match means {
            Means::Again => {
                assert_eq!(execution, Execution::Accepted, "{words}");
                assert_eq!((attempts.len(), sent), (2, 2 - never_left), "{words}");
                assert_eq!(effects(&server).await, 1, "{words}");
            }
            Means::No => {
                assert!(matches!(execution, Execution::Failed { write: 0, .. }), "{words}");
                let answer = attempts.first().map(|it| &it.answer);
                assert!(matches!(answer, Some(AttemptAnswer::Rejected { .. })), "{words}");
                assert_eq!((attempts.len(), sent), (1, 1), "{words}");
                assert_eq!(effects(&server).await, 0, "{words}");
            }
            Means::Unknown => {
                assert!(matches!(execution, Execution::Unknown { write: 0, .. }), "{words}");
                let answer = attempts.first().map(|it| &it.answer);
                assert!(matches!(answer, Some(AttemptAnswer::NoAnswer(_))), "{words}");
                assert_eq!((attempts.len(), sent), (1, 1), "{words}");
                assert_eq!(effects(&server).await, applied, "{words}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_status_code_means_for_every_kind_of_write_what_the_table_says() {
    for (code, means) in CODES {
        holds(Say::Status(code), means, 0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn and_so_does_no_answer_at_all() {
    for (say, means, applied) in SILENCES {
        holds(say, means, applied).await;
    }
}
