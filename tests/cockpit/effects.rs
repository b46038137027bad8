//! Every question, rehearsal and execution is answered, whatever becomes of its task. (That it is answered only once is
//! proven where answers can be counted: `answered.rs`.)

use std::time::Duration;

use crate::eye::Answers;
use crate::rig::Rig;
use crate::sabotage::Harm;

const SECONDS: Duration = Duration::from_secs(20);

async fn canary() -> Rig {
    let rig = Rig::of("canary-errors").await;
    rig.sees("pause 10m", SECONDS).await;
    rig
}

#[tokio::test(start_paused = true)]
async fn a_pager_whose_question_hangs_or_panics_says_so() {
    let rig = canary().await;
    for (harm, told) in [(Harm::Hang, "no answer within"), (Harm::Panic, "ended")] {
        for (key, part) in [("y", "/rollouts/web"), ("d", "/replicasets"), ("l", "/log")] {
            let before = rig.sabotage.count();
            rig.sabotage.harm("GET", part, harm);
            rig.press(key).await;
            let (_, waited) =
                rig.until("the pager tells", SECONDS, |screen| screen.has(told)).await;
            assert!(rig.sabotage.count() > before, "{key} {harm:?}");
            assert!(waited <= Duration::from_secs(16), "{key} {harm:?}: {waited:?}");
            rig.press("esc").await;
            rig.sabotage.end();
            rig.press(key).await;
            rig.until("it is well again", SECONDS, |screen| !screen.has(told)).await;
            rig.press("esc").await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn comparison_and_curves_that_hang_or_panic_leave_no_question_open_and_are_asked_again() {
    for harm in [Harm::Hang, Harm::Panic] {
        let rig = canary().await;
        rig.press("enter").await;
        rig.seconds(6).await;
        for part in ["/api/v1/query_range", "/api/v1/query"] {
            rig.sabotage.harm("POST", part, harm);
            rig.sabotage.harm("GET", part, harm);
        }
        // Nor do the pods themselves tell.
        rig.sabotage.harm("GET", "/proxy/", Harm::Hang);
        rig.seconds(32).await;
        assert!(rig.sabotage.count() > 0);
        let screen = rig.screen().await;
        let told = if harm == Harm::Hang { "no answer within" } else { "ended" };
        assert!(screen.has(told), "{harm:?}\n{}", screen.text());
        rig.sabotage.end();
        rig.seconds(30).await;
        let screen = rig.screen().await;
        let judged = ["errors  ✓ pass", "errors  ✗ fail", "errors  ○ inconclusive"];
        assert!(judged.iter().any(|words| screen.has(words)), "{}", screen.text());
        assert!(!screen.has(told), "{}", screen.text());
        rig.until("no question is left open", SECONDS, |_| rig.answers() == Answers::Complete)
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_that_panics_is_told_in_the_dialog() {
    for harm in [Harm::Panic, Harm::Hang] {
        let rig = canary().await;
        rig.press("m").await;
        rig.sabotage.harm("PATCH", "dryRun", harm);
        rig.press("p").await;
        rig.seconds(20).await;
        rig.press("y").await;
        let screen = rig.screen().await;
        assert!(screen.has("✗ refused"), "{harm:?}\n{}", screen.text());
        rig.seconds(5).await;
        assert_eq!(rig.patches("east"), []);
    }
}

#[tokio::test(start_paused = true)]
async fn an_executor_that_hangs_or_panics_leaves_the_order_unknown_and_is_not_called_again() {
    for harm in [Harm::Panic, Harm::Hang] {
        let rig = canary().await;
        rig.press("z").await;
        rig.sees("dry run accepted", SECONDS).await;
        rig.sabotage.harm("PATCH", "/rollouts/web?", harm);
        rig.press("y").await;
        rig.until("it is unknown", SECONDS, |screen| screen.has("got no answer")).await;
        rig.seconds(10).await;
        rig.touch("east", "shop/web");
        rig.seconds(5).await;
        assert_eq!(rig.sabotage.count(), 1, "{harm:?}: called once");
        let kinds = rig.recorded();
        assert_eq!(kinds.first().map(String::as_str), Some("intent"), "{harm:?}");
        assert_eq!(kinds.iter().filter(|kind| *kind == "outcome").count(), 1, "{harm:?} {kinds:?}");
        assert_ne!(rig.records().pop().unwrap()["outcome"], "arrived");
    }
}
