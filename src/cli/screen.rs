//! The full-screen program.

use std::path::PathBuf;

use super::args::Args;
use super::assets;
use super::headless::exit;
use super::settings::{ColorChoice, Settings};
use super::start::{self, Stop};
use crate::app::event::Event;
use crate::app::input::Background;
use crate::app::state::{FrontKind, Mode, State};
use crate::app::update::update;
use crate::backends::kube::cluster::ClusterSpec;
use crate::domain::text::Text;
use crate::domain::warning::Warning;
use crate::runtime::clock;
use crate::runtime::cockpit::{Choice, Cockpit};
use crate::runtime::colour::ColourLevel;
use crate::runtime::machine;
use crate::runtime::signals::{self, Listen};
use crate::runtime::terminal::{self, Questions, Screen, ScreenOptions};
use crate::runtime::tty::MouseReports;

/// What the screen looks at.
pub enum Scene {
    /// The contexts of the kubeconfig.
    Real,
    /// A simulated world with these clusters.
    Simulated(Vec<ClusterSpec>),
}

/// Runs the full screen until the operator leaves it. The exit code.
///
/// # Errors
/// There is no terminal, or nothing to connect to.
pub async fn run(
    args: &Args,
    settings: &Settings,
    warnings: &[Warning],
    scene: Scene,
) -> Result<u8, Stop> {
    let clock = clock::system();
    let is_simulated = matches!(scene, Scene::Simulated(_));
    let specs = match scene {
        Scene::Real => start::contexts(args, settings)?,
        Scene::Simulated(specs) => specs,
    };
    let (backends, mut session, notes) = start::backends(specs, settings, &clock)?;
    session.front = FrontKind::Screen;
    session.asks_metrics = true;
    if is_simulated && session.mode != Mode::ReadOnly {
        session.mode = Mode::Simulated;
    }
    session.themes = assets::themes(settings).iter().map(|(name, _)| Text::clean(name)).collect();
    let (keymap, keymap_warnings) = assets::keymap(settings);
    let colours = colours(settings);
    let maker = assets::theme_maker(settings, colours);
    let choice = wanted_theme(settings);
    let (theme, theme_warnings) = maker(&choice);
    terminal::install_panic_hook(|info| tracing::error!("a task panicked: {info}"));
    let signals = signals::listen(Listen::Screen).map_err(|error| fault(&error.to_string()))?;
    let options = ScreenOptions {
        colours,
        mouse: if settings.screen.mouse { MouseReports::On } else { MouseReports::Off },
        escape_hold: settings.screen.escape,
        questions: Questions::of(std::env::var("TERM").ok().as_deref()),
    };
    let entered = Screen::enter(options, clock.clone())
        .map_err(|error| Stop { words: error.to_string(), code: exit::USAGE })?;
    let size = entered.0.size();
    let pictures: Option<PathBuf> = settings.files.state_dir.clone();
    let mut front = Cockpit::new(entered, clock.clone(), (theme, maker), pictures);
    if settings.screen.theme != "auto" {
        front = front.with_chosen_theme();
    }
    let mut state = State::new(session, keymap, clock());
    let resize = crate::app::input::Input::Resize { width: size.width, height: size.height };
    let said = warnings.iter().chain(&keymap_warnings).chain(&theme_warnings);
    let mut words: Vec<Text> = said.map(|warning| Text::clean(&warning.to_string())).collect();
    words.extend(notes);
    let _ = update(&mut state, Event::Input(resize));
    let _ = update(&mut state, Event::Warned(words));
    Ok(machine::run(state, backends, front, signals).await)
}

fn fault(words: &str) -> Stop {
    Stop { words: words.to_owned(), code: exit::FAULT }
}

/// `auto` begins with what the environment tells, dark if nothing does; the terminal's own answer may change it later.
fn wanted_theme(settings: &Settings) -> Choice {
    if settings.screen.theme != "auto" {
        return Choice::Named(settings.screen.theme.clone());
    }
    let told = std::env::var("COLORFGBG").ok();
    let background = told.as_deref().and_then(Background::of_colorfgbg);
    Choice::Fitting(background.unwrap_or(Background::Dark))
}

fn colours(settings: &Settings) -> ColourLevel {
    let variable = |name: &str| std::env::var(name).ok();
    let (colorterm, term) = (variable("COLORTERM"), variable("TERM"));
    let of =
        |no_color: Option<&str>| ColourLevel::of(no_color, colorterm.as_deref(), term.as_deref());
    match settings.screen.color {
        ColorChoice::Never => ColourLevel::None,
        ColorChoice::Always => of(None),
        ColorChoice::Auto => of(variable("NO_COLOR").as_deref()),
    }
}
