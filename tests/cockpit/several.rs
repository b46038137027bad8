//! One deed on marked rows, on the whole program: row by row, each with its own record, and never past a failure.

use std::time::Duration;

use pilothouse::sim::fault::{Fault, Verb, What};

use crate::eye::Painted;
use crate::rig::Rig;

const SECONDS: Duration = Duration::from_secs(20);

fn is_rehearsed(screen: &Painted) -> bool {
    screen.text().matches("the server would take it").count() == 2
}

/// Two releases that wait for a yes, marked, with the dialog open and rehearsed.
async fn asked() -> Rig {
    let rig = Rig::of("demo").await;
    rig.sees("search/indexer", SECONDS).await;
    for words in ["checkout", "indexer"] {
        for key in ["/", "ctrl-u"] {
            rig.press(key).await;
        }
        rig.write(words).await;
        for key in ["enter", "space"] {
            rig.press(key).await;
        }
    }
    rig.press("p").await;
    rig.sees("promote 2 rollouts", SECONDS).await;
    rig.until("both are rehearsed", SECONDS, is_rehearsed).await;
    rig.press("y").await;
    rig.sees("cluster us is not armed", SECONDS).await;
    for key in ["esc", "m", "p"] {
        rig.press(key).await;
    }
    rig.sees("promote 2 rollouts", SECONDS).await;
    rig.until("both are rehearsed", SECONDS, is_rehearsed).await;
    rig
}

#[tokio::test(start_paused = true)]
async fn marked_rows_are_promoted_one_after_the_other() {
    let rig = asked().await;
    assert_eq!(rig.patches("us"), [], "a dialog writes nothing");
    rig.press("y").await;
    rig.until("the second has arrived too", SECONDS * 3, |_| rig.recorded().len() == 6).await;
    let patches = rig.patches("us");
    assert_eq!(patches.iter().map(|patch| patch.code).collect::<Vec<_>>(), [200, 200]);
    assert_eq!(
        rig.recorded(),
        ["intent", "attempt", "outcome", "intent", "attempt", "outcome"],
        "the second one began after the first had ended"
    );
    let records = rig.records();
    for outcome in [&records[2], &records[5]] {
        assert_eq!(outcome["outcome"], "arrived", "{outcome:#}");
    }
    assert_ne!(records[0]["target"], records[3]["target"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_first_one_meets_the_second_one_never_tries() {
    let rig = asked().await;
    let denied = Fault::new(What::Status { code: 403, retry_after: None })
        .on(Verb::Patch, "rollouts/status");
    rig.fault("us", denied);
    rig.press("y").await;
    rig.sees("not sent", SECONDS).await;
    rig.seconds(60).await;
    let is_taken = |code: u16| (200..300).contains(&code);
    assert!(rig.patches("us").iter().all(|patch| !is_taken(patch.code)));
    let screen = rig.screen().await;
    assert!(!screen.has("wait their turn"), "{}", screen.text());
}
