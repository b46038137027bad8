//! One order through the machine: planned, rehearsed, cleared, sent, answered, looked at, ended.

use std::hint::black_box;

use criterion::Criterion;
use pilothouse::control::action::Action;
use pilothouse::control::audit::AuditEntry;
use pilothouse::control::check::{Arming, Confirmation, Evidence, Mode, Rehearsed};
use pilothouse::control::clearance::clear;
use pilothouse::control::footing::Footing;
use pilothouse::control::give_up::{GiveUp, give_up};
use pilothouse::control::order::{Attempt, AttemptAnswer, Execution, OrderNews};
use pilothouse::control::order_machine::{Facts, Known, advance, begin, look, sent};
use pilothouse::control::plan::{DryRun, PlanContext, Rehearsal, plan, possible};
use pilothouse::domain::ids::{OrderId, ResourceVersion};
use pilothouse::domain::text::{Block, Text};
use pilothouse::domain::workload::Workload;

use super::facts;

/// A pause of this rollout. What is to be recorded of its end.
fn one_order(workload: &Workload) -> Vec<AuditEntry> {
    let now = facts::noon();
    let context = PlanContext::new(now, OrderId::new("o-1"), Text::from("a benchmark"));
    let plan = plan(Action::Pause, workload, &context).expect("a plan");
    let rehearsal = Rehearsal {
        footing: plan.footing.clone(),
        read_at: now,
        access: Vec::new(),
        dry_run: DryRun::Accepted(Vec::new()),
        kept: vec![],
        writes: Vec::new(),
        shown: Block::default(),
    };
    let evidence = Evidence {
        now,
        mode: Mode::ReadWrite,
        arming: Arming::Armed,
        facts_at: Some(now),
        footing: Some(Footing::of(workload)),
        confirmation: Confirmation::Yes,
        record: Ok(()),
        overrides: Vec::new(),
        seen: Text::default(),
    };
    let clearance = clear(&plan, Rehearsed::Answered(&rehearsal), &evidence).expect("a clearance");
    let mut order = begin(plan, now);
    let facts = Facts { workload: Known::Here(workload), proven_at: Some(now), now };
    let attempt = Attempt {
        write: 0,
        precondition: Some(workload.meta.resource_version.clone()),
        sent_at: now,
        answer: AttemptAnswer::Accepted {
            version: ResourceVersion::new("999999999"),
            generation: None,
            changed: true,
            warnings: Vec::new(),
        },
        audit_id: None,
    };
    let _ = advance(&mut order, OrderNews::Rehearsed(Ok(Box::new(rehearsal))), &facts);
    sent(&mut order);
    black_box(clearance);
    let _ = advance(&mut order, OrderNews::Attempted(Box::new(attempt)), &facts);
    let _ = advance(&mut order, OrderNews::Executed(Execution::Accepted), &facts);
    let _ = look(&mut order, &facts);
    give_up(&mut order, GiveUp::NoWait, now)
}

pub(super) fn benches(criterion: &mut Criterion) {
    let workloads = facts::workloads();
    let can = |workload: &&Workload| possible(Action::Pause, workload).is_ok();
    let workload = workloads.iter().find(can).expect("a rollout that can be paused");
    assert_eq!(one_order(workload).len(), 1, "it ends once");
    criterion.bench_function("order/one through the machine", |bench| {
        bench.iter(|| black_box(one_order(black_box(workload))));
    });
}
