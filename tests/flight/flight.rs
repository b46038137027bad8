//! One flight: a world, some operators, the weather of each, and deaths. All of it follows from the seed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use pilothouse::app::keymap::Keymap;
use pilothouse::app::state::{FrontKind, Mode, Session, State};
use pilothouse::backends::audit_file::{AuditFile, Who};
use pilothouse::backends::audit_read::verify;
use pilothouse::backends::kube::cluster::{Cluster, ClusterSpec};
use pilothouse::domain::ids::ClusterName;
use pilothouse::domain::text::Text;
use pilothouse::runtime::machine::{Backends, run};
use pilothouse::sim::api::kubernetes::router;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::dice::Dice;
use crate::disk::{Drive, Platter};
use crate::life::Life;
use crate::pilot::Pilot;
use crate::sabotage::Sabotage;
use crate::scene;
use crate::story::{Story, Telling};
use crate::weather::{CALM_FROM, Weather};
use crate::wire::Wire;
use crate::witness::{Process, Witness};

/// A request may arrive so late that its order is unknown for a minute after the weather calmed down.
const END: Duration = Duration::from_secs(200);

/// How often we look whether all is over.
const LOOK: Duration = Duration::from_secs(1);

/// How a flight ended.
pub(crate) struct Landing {
    pub(crate) breaches: Vec<String>,
    pub(crate) story: String,
    /// Equal for two flights in which the same happened at the same time.
    pub(crate) print: u64,
    pub(crate) effects: usize,
}

/// Flies a seed.
pub(crate) fn fly(seed: u64, telling: Telling, sabotage: Option<Sabotage>) -> Landing {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(Flight::fly(seed, telling, sabotage))
}

/// What all operators share.
struct Flight {
    seed: u64,
    start: Instant,
    story: Story,
    witness: Witness,
    router: Router,
    sabotage: Option<Sabotage>,
}

/// One operator: his disk and his weather outlive his processes.
struct Seat {
    name: &'static str,
    lane: u64,
    platter: Platter,
    weather: Arc<Weather>,
}

/// How a process ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fall {
    Never,
    /// `kill -9`: what was written is on the disk.
    Killed,
    /// The power fails: what was not synced is not.
    Unplugged,
}

impl Flight {
    async fn fly(seed: u64, telling: Telling, sabotage: Option<Sabotage>) -> Landing {
        let mut dice = Dice::new(seed, 0);
        let story = Story::new(telling);
        let start = Instant::now();
        let world = scene::world(&mut dice, &story);
        let witness = Witness::new(&world, &story);
        let router = router(&world, "east");
        tokio::spawn(scene::turn(world.clone()));
        let told = (story.clone(), witness.clone());
        tokio::spawn(scene::trouble(world.clone(), Dice::new(seed, 1), told));
        let flight = Arc::new(Self { seed, start, story, witness, router, sabotage });
        let names = ["ada", "bert", "cleo"];
        let count = dice.pick(&[1, 1, 2, 2, 3]);
        let mut platters = BTreeMap::new();
        for (lane, name) in (10..).zip(names).take(count) {
            let mut own = Dice::new(seed, lane);
            let weather = Arc::new(Weather::of(&mut own));
            flight.story.tell(name, || format!("{weather:?}"));
            let seat = Seat { name, lane, platter: Platter::default(), weather };
            platters.insert(name, seat.platter.clone());
            tokio::spawn(Arc::clone(&flight).sit(seat));
        }
        flight.land(&platters).await
    }

    /// Runs an operator's processes, one after the other.
    async fn sit(self: Arc<Self>, seat: Seat) {
        let mut dice = Dice::new(self.seed, seat.lane + 20);
        for turn in 0..3 {
            let fall = match dice.below(10) {
                0 | 1 => Fall::Killed,
                2 => Fall::Unplugged,
                _ => Fall::Never,
            };
            let life = self.begin(&seat, turn, (fall, &mut dice));
            if fall == Fall::Never {
                return;
            }
            while !life.is_over() {
                sleep(Duration::from_millis(100)).await;
                if self.start.elapsed() > CALM_FROM {
                    life.kill();
                }
            }
            self.witness.died(life.who(), self.start.elapsed());
            if fall == Fall::Unplugged {
                let torn = usize::try_from(dice.below(200)).unwrap();
                self.story.tell(seat.name, || format!("the power failed; {torn} bytes torn"));
                seat.platter.lose_power(torn);
            }
            sleep(dice.ms(500, 4_000)).await;
        }
    }

    /// Starts one process.
    fn begin(&self, seat: &Seat, turn: u32, (fall, dice): (Fall, &mut Dice)) -> Life {
        let who = format!("{}{turn}", seat.name);
        let life = Life::new(&who, &self.story);
        let process = Process {
            platter: seat.platter.clone(),
            weather: Arc::clone(&seat.weather),
            heard: Duration::ZERO,
            died: None,
            left: 0,
        };
        self.witness.began(&who, process);
        let wire = Wire {
            router: self.router.clone(),
            weather: Arc::clone(&seat.weather),
            dice: Arc::new(Mutex::new(Dice::new(dice.next(), 0))),
            life: life.clone(),
            witness: self.witness.clone(),
            story: self.story.clone(),
            sabotage: self.sabotage,
            start: self.start,
        };
        let clock = scene::clock(self.start);
        let drive = Drive {
            platter: seat.platter.clone(),
            weather: Arc::clone(&seat.weather),
            life: life.clone(),
            sabotage: self.sabotage,
            start: self.start,
        };
        let identity = Who {
            os_user: Text::from(seat.name),
            host: Text::from("flight"),
            ssh_from: None,
            pid: turn + 1,
        };
        let (audit, mut clerk) = AuditFile::kept(drive.clone(), identity, clock.clone());
        tokio::spawn(async move { while clerk.serve(drive.due()).await {} });
        let east = ClusterName::new("east");
        let cluster =
            Cluster::new(ClusterSpec::mounted(east.clone(), wire.client()), clock.clone());
        let backends = Backends {
            clusters: BTreeMap::from([(east.clone(), cluster)]),
            prometheus: BTreeMap::new(),
            audit,
            clock: clock.clone(),
        };
        let session = Session {
            clusters: vec![east],
            mode: if dice.chance(4) { Mode::ReadOnly } else { Mode::Real },
            seed: dice.next(),
            front: FrontKind::Screen,
            asks_metrics: false,
            ..Session::empty()
        };
        let mut pilot = Pilot::new((&life, &self.witness, &self.story), self.start, dice);
        if fall != Fall::Never {
            pilot.doom = Some(1 + i64::try_from(dice.below(45)).unwrap());
        }
        let state = State::new(session, Keymap::default(), clock());
        let (signals, told) = mpsc::channel(1);
        tokio::spawn(async move {
            let _kept = signals;
            run(state, backends, pilot, told).await
        });
        life
    }

    /// Waits until all is over, and judges.
    async fn land(&self, platters: &BTreeMap<&'static str, Platter>) -> Landing {
        while self.start.elapsed() < END {
            sleep(LOOK).await;
            if self.start.elapsed() > CALM_FROM && self.witness.is_quiet() {
                break;
            }
        }
        self.witness.judge(self.start.elapsed());
        for (name, platter) in platters {
            self.read(name, platter);
        }
        Landing {
            breaches: self.story.breaches(),
            story: self.story.text(),
            print: self.story.print(),
            effects: self.witness.effects(),
        }
    }

    /// What the program says of the records it left.
    fn read(&self, name: &str, platter: &Platter) {
        let files = platter.files();
        if files.is_empty() {
            return;
        }
        for record in platter.records() {
            self.witness.recorded(name, &record);
        }
        let folder = tempfile::tempdir().unwrap();
        for (file, bytes) in files {
            std::fs::write(folder.path().join(file), bytes).unwrap();
        }
        let found = verify(folder.path(), &[]).unwrap();
        if !found.is_sound() {
            self.story.breach(name, &format!("the audit files are not sound: {found:#?}"));
        }
    }
}
