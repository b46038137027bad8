//! The witness: sees what arrives at the API server, what operators said yes to and what they were told, and knows what must
//! never be.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use pilothouse::control::action::Danger;
use pilothouse::control::give_up::GIVEN_UP;
use pilothouse::control::order::{Order, OrderState, Outcome};
use pilothouse::control::plan::Value as Symbol;
use pilothouse::domain::observed::DEED_AGE_MAX;
use pilothouse::sim::kind::Kind;
use pilothouse::sim::shared::Shared;
use serde_json::Value;

use crate::disk::Platter;
use crate::story::Story;
use crate::weather::Weather;

/// So long after a yes a pause or an abort may take to leave: a rehearsal that hangs (2 s), a disk that does (0.5 s), a read
/// that does (2 s), and the ticks in between.
const SAFE_MAX: Duration = Duration::from_secs(7);

/// One write that reached the API server.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) who: String,
    pub(crate) at: Duration,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) code: u16,
    /// Whether the object is another one since.
    pub(crate) changed: bool,
}

/// What is known of one process.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) platter: Platter,
    pub(crate) weather: Arc<Weather>,
    /// When something of the server reached it last.
    pub(crate) heard: Duration,
    /// When it died.
    pub(crate) died: Option<Duration>,
    /// Deeds that others left behind and whose fate it does not know yet.
    pub(crate) left: usize,
}

/// What is known of one order.
struct Deed {
    who: String,
    /// When the operator said yes to it.
    yes: Option<Duration>,
    order: Order,
}

#[derive(Default)]
struct Notes {
    /// When the server itself answered nobody.
    silences: Vec<(Duration, Duration)>,
    processes: BTreeMap<String, Process>,
    deeds: BTreeMap<String, Deed>,
    arrivals: Vec<(String, Arrival)>,
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Witness {
    world: Shared,
    story: Story,
    notes: Arc<Mutex<Notes>>,
}

impl Witness {
    pub(crate) fn new(world: &Shared, story: &Story) -> Self {
        Self { world: world.clone(), story: story.clone(), notes: Arc::default() }
    }

    /// A process begins.
    pub(crate) fn began(&self, who: &str, process: Process) {
        self.notes.lock().unwrap().processes.insert(who.to_owned(), process);
    }

    /// A process was killed.
    pub(crate) fn died(&self, who: &str, at: Duration) {
        if let Some(process) = self.notes.lock().unwrap().processes.get_mut(who) {
            process.died = Some(at);
        }
    }

    /// Something of the server reached this process.
    pub(crate) fn heard(&self, who: &str, at: Duration) {
        if let Some(process) = self.notes.lock().unwrap().processes.get_mut(who) {
            process.heard = at;
        }
    }

    /// So many deeds of sessions before it are still to be looked for.
    pub(crate) fn left(&self, who: &str, count: usize) {
        if let Some(process) = self.notes.lock().unwrap().processes.get_mut(who) {
            process.left = count;
        }
    }

    /// An outcome that is recorded, by whichever session, held against what arrived.
    pub(crate) fn recorded(&self, who: &str, record: &Value) {
        let word = |key: &str| record[key].as_str().unwrap_or_default();
        let notes = self.notes.lock().unwrap();
        let taken = notes.taken(word("order"));
        let is_lie = match word("outcome") {
            "accepted" => taken == 0,
            "failed" => taken > 0 && !word("message").starts_with("half done"),
            _ => false,
        };
        if is_lie {
            self.story.breach(who, &format!("recorded, and {taken} arrived: {record}"));
        }
    }

    /// The server answers nobody meanwhile.
    pub(crate) fn silent(&self, from: Duration, until: Duration) {
        self.notes.lock().unwrap().silences.push((from, until));
    }

    /// The version of the object at this path.
    pub(crate) fn version(&self, path: &str) -> Option<String> {
        let mut parts = path.rsplit('/').filter(|part| *part != "status");
        let (name, plural) = (parts.next()?, parts.next()?);
        let kind = match plural {
            "rollouts" => Kind::Rollout,
            "deployments" => Kind::Deployment,
            "statefulsets" => Kind::StatefulSet,
            "daemonsets" => Kind::DaemonSet,
            "pods" => Kind::Pod,
            _ => return None,
        };
        self.world.look(|world| {
            let object = world.clusters[0].store.get(kind, "shop", name)?;
            Some(object["metadata"]["resourceVersion"].as_str()?.to_owned())
        })
    }

    /// The operator said yes.
    pub(crate) fn yes(&self, who: &str, order: &Order, at: Duration) {
        self.told(who, order, at);
        if let Some(deed) = self.notes.lock().unwrap().deeds.get_mut(order.id().as_str()) {
            deed.yes.get_or_insert(at);
        }
    }

    /// The program tells its operator how an order does.
    pub(crate) fn told(&self, who: &str, order: &Order, at: Duration) {
        let mut notes = self.notes.lock().unwrap();
        let id = order.id().as_str();
        let before = notes.deeds.get(id);
        if before.is_some_and(|deed| deed.order == *order) {
            return;
        }
        let is_new_state = before.is_none_or(|deed| word(&deed.order.state) != word(&order.state));
        let yes = before.and_then(|deed| deed.yes);
        if is_new_state {
            self.story.tell(who, || format!("{id} {} {}", order.plan.action, said(&order.state)));
            let is_risky = order.plan.action.danger() != Danger::Safe;
            let heard = notes.processes.get(who).map_or(Duration::ZERO, |process| process.heard);
            let old = at.saturating_sub(heard);
            if order.state == OrderState::Sending && is_risky && old > DEED_AGE_MAX {
                self.story.breach(who, &format!("{id} was cleared on facts {old:?} old"));
            }
        }
        let deed = Deed { who: who.to_owned(), yes, order: order.clone() };
        notes.deeds.insert(id.to_owned(), deed);
    }

    /// A write reached the API server.
    pub(crate) fn arrived(&self, arrival: Arrival) {
        let mut notes = self.notes.lock().unwrap();
        let who = arrival.who.clone();
        let order = notes.order_of(&arrival);
        let words = || format!("{} {} by {order:?}", arrival.method, arrival.path);
        self.story.stamp(u64::from(arrival.code));
        self.story.tell("server", || {
            let effect = if arrival.changed { "changed" } else { "as it was" };
            format!("{} {}: {} ({effect}) {}", words(), arrival.code, who, arrival.body)
        });
        let Some(id) = &order else {
            return self.story.breach(&who, &format!("a write of no order: {}", words()));
        };
        if let Some(breach) = notes.breach(id, &arrival) {
            self.story.breach(&who, &format!("{id}: {breach}: {}", words()));
        }
        notes.arrivals.push((id.clone(), arrival));
    }

    /// What the operators were told, held against what arrived.
    pub(crate) fn judge(&self, now: Duration) {
        let notes = self.notes.lock().unwrap();
        for (who, process) in notes.processes.iter().filter(|(_, it)| it.died.is_none()) {
            if process.left > 0 {
                self.story.breach(who, &format!("{} deeds are still left behind", process.left));
            }
        }
        for (id, deed) in &notes.deeds {
            let died = notes.processes.get(&deed.who).and_then(|process| process.died);
            if died.is_none() {
                for lie in notes.lies(id, deed) {
                    self.story.breach(&deed.who, &format!("{id}: {lie}"));
                }
            }
            if notes.was_held_up(id, deed, died.unwrap_or(now)) {
                let words =
                    format!("{id}: {} did not leave: {:?}", deed.order.plan.action, deed.order);
                self.story.breach(&deed.who, &words);
            }
        }
    }

    /// Whether every order of the living has come to an end, but for those that wait for the world.
    pub(crate) fn is_quiet(&self) -> bool {
        let notes = self.notes.lock().unwrap();
        let has_left = |process: &Process| process.died.is_none() && process.left > 0;
        !notes.processes.values().any(has_left)
            && notes.deeds.values().all(|deed| {
                let died = notes.processes.get(&deed.who).and_then(|process| process.died);
                let rests = match deed.order.state {
                    OrderState::Ended(_) => true,
                    OrderState::Rehearsed(_) | OrderState::RehearsalFailed(_) => deed.yes.is_none(),
                    _ => false,
                };
                died.is_some() || rests
            })
    }

    /// How many writes had an effect.
    pub(crate) fn effects(&self) -> usize {
        self.notes.lock().unwrap().arrivals.iter().filter(|(_, it)| it.changed).count()
    }
}

impl Notes {
    /// How many writes of an order the server took.
    fn taken(&self, id: &str) -> usize {
        self.arrivals.iter().filter(|(other, it)| other == id && it.code < 300).count()
    }

    /// By its mark; a write that carries none is the one that its process is sending.
    fn order_of(&self, arrival: &Arrival) -> Option<String> {
        mark(&arrival.body).or_else(|| {
            let sending = |deed: &&Deed| {
                deed.who == arrival.who
                    && deed.order.state == OrderState::Sending
                    && deed.order.plan.writes.iter().any(|write| !write.leaves_mark())
            };
            let found = self.deeds.values().rfind(sending);
            found.map(|deed| deed.order.id().as_str().to_owned())
        })
    }

    /// What is wrong with this write.
    fn breach(&self, id: &str, arrival: &Arrival) -> Option<&'static str> {
        let Some(deed) = self.deeds.get(id) else { return Some("nobody asked for this order") };
        if deed.yes.is_none() {
            return Some("nobody said yes");
        }
        let is_risky = deed.order.plan.action.danger() != Danger::Safe;
        let platter = self.processes.get(&deed.who).map(|process| &process.platter);
        if is_risky && !platter.is_some_and(|platter| platter.has_intent(id)) {
            return Some("no intent is safe on the disk");
        }
        let same = |(other, before): &&(String, Arrival)| {
            other == id
                && before.changed
                && before.path == arrival.path
                && before.method == arrival.method
                && without_version(&before.body) == without_version(&arrival.body)
        };
        if arrival.changed && self.arrivals.iter().any(|it| same(&it)) {
            return Some("it took effect a second time");
        }
        None
    }

    /// What the order says that did not happen, and the other way round.
    fn lies(&self, id: &str, deed: &Deed) -> Vec<String> {
        let order = &deed.order;
        let taken = self.taken(id);
        let was_accepted = order.accepted_at.is_some();
        let mut lies = Vec::new();
        // A comment writes nothing to the object.
        if was_accepted && taken == 0 && !order.plan.writes.is_empty() {
            lies.push(format!("was called accepted, and nothing arrived: {}", said(&order.state)));
        }
        if let OrderState::Ended(outcome) = &order.state {
            let never = match outcome {
                Outcome::Refused(_) | Outcome::NotSent(_) => true,
                // Who deleted it asked nobody what came before.
                Outcome::Superseded(why) => !was_accepted && why.as_str() != "it was deleted",
                Outcome::Failed(_) => !was_accepted,
                Outcome::Arrived
                | Outcome::Accepted
                | Outcome::Stalled(_)
                | Outcome::Unknown(_)
                | Outcome::HalfDone(_) => false,
            };
            if never && taken > 0 {
                lies.push(format!(
                    "was called not done, and {taken} arrived: {}",
                    said(&order.state)
                ));
            }
            if matches!(outcome, Outcome::HalfDone(_)) && taken == 0 {
                lies.push("was called half done, and nothing arrived".to_owned());
            }
            if matches!(outcome, Outcome::Arrived | Outcome::Stalled(_)) && !was_accepted {
                lies.push("ended as if it had been accepted".to_owned());
            }
        }
        if let OrderState::Unknown { .. } = order.state {
            lies.push(format!("is still unknown: {}", said(&order.state)));
        }
        lies
    }

    /// A pause or an abort that could have left and did not.
    fn was_held_up(&self, id: &str, deed: &Deed, until: Duration) -> bool {
        let Some(yes) = deed.yes else { return false };
        let plan = &deed.order.plan;
        let fixed = |value: &Symbol| {
            matches!(value, Symbol::Null | Symbol::Bool(_) | Symbol::Int(_) | Symbol::Word(_))
        };
        let is_bound = plan.action.danger() == Danger::Safe
            && plan.writes.iter().flat_map(|write| &write.changes).all(|it| fixed(&it.value));
        let Some(process) = self.processes.get(&deed.who) else { return false };
        let end = yes + SAFE_MAX;
        let is_silent = self.silences.iter().any(|(from, until)| *from < end && yes < *until);
        if !is_bound || until < end || is_silent || process.weather.hinders_writes(yes, end) {
            return false;
        }
        let left = self.arrivals.iter().any(|(other, it)| other == id && it.at <= end);
        let excused = matches!(
            &deed.order.state,
            OrderState::Ended(Outcome::Superseded(_) | Outcome::Failed(_))
        ) || is_given_up(&deed.order.state);
        !left && !excused
    }
}

/// Whether its dialog was left; what it showed there was looked at then.
fn is_given_up(state: &OrderState) -> bool {
    matches!(state, OrderState::Ended(Outcome::NotSent(why)) if why.as_str() == GIVEN_UP)
}

/// The order whose mark a body carries.
fn mark(body: &Value) -> Option<String> {
    const KEY: &str = "pilothouse.dev/order";
    let word = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(operations) = body.as_array() {
        return operations.iter().find_map(|operation| match operation["path"].as_str()? {
            "/metadata/annotations/pilothouse.dev~1order" => word(&operation["value"]),
            "/metadata/annotations" => word(&operation["value"][KEY]),
            _ => None,
        });
    }
    word(&body["metadata"]["annotations"][KEY]).or_else(|| {
        let message = body["status"]["message"].as_str()?;
        Some(message.strip_prefix("pilothouse ")?.split(' ').next()?.to_owned())
    })
}

/// What a patch sets, whatever it stands on.
fn without_version(body: &Value) -> Value {
    let mut body = body.clone();
    match &mut body {
        Value::Array(operations) => {
            operations.retain(|it| it["path"] != "/metadata/resourceVersion");
        }
        Value::Object(_) => {
            if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("resourceVersion");
            }
        }
        _ => {}
    }
    body
}

fn word(state: &OrderState) -> &'static str {
    match state {
        OrderState::Rehearsing => "is rehearsed",
        OrderState::Rehearsed(_) => "was rehearsed",
        OrderState::RehearsalFailed(_) => "cannot be rehearsed",
        OrderState::Sending => "is sent",
        OrderState::Converging => "was accepted",
        OrderState::Unknown { .. } => "is unknown",
        OrderState::Ended(outcome) => outcome.name(),
    }
}

fn said(state: &OrderState) -> String {
    let why = match state {
        OrderState::Ended(Outcome::Refused(refusals)) => {
            refusals.iter().map(|it| it.why.as_str().to_owned()).collect::<Vec<_>>().join("; ")
        }
        OrderState::Ended(outcome) => {
            outcome.message().map(ToString::to_string).unwrap_or_default()
        }
        OrderState::Unknown { why, .. } | OrderState::RehearsalFailed(why) => why.to_string(),
        _ => String::new(),
    };
    format!("{} {why}", word(state)).trim_end().to_owned()
}
