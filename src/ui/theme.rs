//! Roles before colours: a widget asks for a meaning, and the theme says how that looks. The one place where a colour of
//! the terminal is named.
//!
//! ```toml
//! inherits = "dark"
//! assumes = "ink on night"       # the terminal's own colours, for contrast and pictures
//! [palette]
//! red = "#ff7b72 bright-red"     # and what stands in for it where there are only 16
//! [roles]
//! danger = "red bold"            # "colour", "colour on colour", and modifiers
//! ```

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};

use super::colour::{ANSI_NAMES, Depth, Paint, Rgb};
use super::marks::Signs;
use crate::app::entries::{Entry, Reading};
use crate::domain::text::Text;
use crate::domain::warning::Warning;

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident = $name:literal,)*) => {
        /// What something means, and nothing of how it looks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Role {
            $($(#[$doc])* $role,)*
        }

        impl Role {
            /// All, in the order of the theme files.
            pub const ALL: &'static [Self] = &[$(Self::$role,)*];

            /// Its name in theme files.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$role => $name,)*
                }
            }
        }
    };
}

roles! {
    /// What is read.
    Text = "text",
    /// What is there when one looks for it.
    Muted = "muted",
    /// The heading of a group or section.
    Heading = "heading",
    /// Lines between things.
    Border = "border",
    /// Where the keys go.
    Focus = "focus",
    /// What the cursor is on.
    Selection = "selection",
    /// The ground of a popup.
    Popup = "popup",
    /// What is being typed.
    Input = "input",
    /// A key that works here.
    Key = "key",
    /// As it should be.
    Good = "good",
    /// Look at it.
    Warning = "warning",
    /// Broken, or about to break.
    Danger = "danger",
    /// Was true, is not proven any more.
    Stale = "stale",
    /// Never known.
    Unknown = "unknown",
    /// On its way.
    Moving = "moving",
    /// Waits for a human.
    Waiting = "waiting",
    /// Deeds may be done.
    Armed = "armed",
    /// Nothing is changed.
    Observe = "observe",
    /// Nothing can be changed.
    ReadOnly = "read-only",
    /// The world is not real.
    Simulated = "simulated",
    /// The new version.
    Canary = "canary",
    /// The proven version.
    Stable = "stable",
    /// What must not be passed.
    Limit = "limit",
    /// A line of a difference that is new.
    Added = "added",
    /// A line of a difference that is gone.
    Removed = "removed",
}

/// How a role looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    ink: Paint,
    ground: Paint,
    modifiers: Modifier,
}

/// The theme that all others rest on.
const BASE: (&str, &str) = ("dark", include_str!("../../themes/dark.toml"));

/// Longest chain of `inherits`. Nobody needs more, and a circle ends.
const INHERITS_MAX: usize = 8;

/// Roles and their looks, for one terminal.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    name: Text,
    looks: BTreeMap<Role, Look>,
    assumed: (Rgb, Rgb),
    depth: Depth,
    signs: Signs,
}

/// A theme file before its names are resolved.
#[derive(Clone, Debug, Default)]
struct Sheet {
    assumes: Option<Entry>,
    inherits: Option<Entry>,
    palette: Vec<Entry>,
    roles: Vec<Entry>,
}

impl Theme {
    /// Reads a theme and all that it inherits from. `find` gives the place and text of a theme by its name. Mistakes
    /// are left out and told; what is not said comes from "dark".
    #[must_use]
    pub fn load(name: &str, find: &dyn Fn(&str) -> Option<(Text, String)>) -> (Self, Vec<Warning>) {
        let mut warnings = Vec::new();
        let mut chain: Vec<(Text, String)> = Vec::new();
        let mut names = vec![name.to_owned()];
        let mut inherits_at = 0;
        while let Some(wanted) = names.last().filter(|_| names.len() == chain.len() + 1) {
            let Some((place, source)) = find(wanted) else {
                let what = format!("no theme \"{wanted}\"");
                let warning = match chain.last() {
                    Some((place, source)) => Warning::at(place, source, inherits_at, &what),
                    None => Warning::whole(&Text::clean(name), &what),
                };
                warnings.push(warning.hint("\"dark\" stands in for it"));
                break;
            };
            let parent = Sheet::read(&mut Reading::new(&source, &place)).inherits;
            chain.push((place, source));
            if let Some(parent) = parent {
                inherits_at = parent.value_at;
                let is_circle = names.contains(&parent.value) || names.len() >= INHERITS_MAX;
                if is_circle && let Some((place, source)) = chain.last() {
                    let what = format!("\"{}\" leads back to itself", parent.value);
                    let warning = Warning::at(place, source, parent.value_at, &what);
                    warnings.push(warning.hint("not inherited"));
                } else {
                    names.push(parent.value);
                }
            }
        }
        chain.reverse();
        let (theme, found) = Self::layered(name, &chain);
        warnings.extend(found);
        (theme, warnings)
    }

    /// Sheets over the base, the last one on top.
    fn layered(name: &str, layers: &[(Text, String)]) -> (Self, Vec<Warning>) {
        let base = (Text::clean(BASE.0), BASE.1.to_owned());
        let mut builder = Builder::default();
        let mut warnings = Vec::new();
        for (place, source) in std::iter::once(&base).chain(layers) {
            let mut reading = Reading::new(source, place);
            let sheet = Sheet::read(&mut reading);
            builder.lay(&sheet, &mut reading);
            warnings.extend(reading.finish());
        }
        (builder.finish(name), warnings)
    }

    /// The theme for dark terminals, as it is built in.
    #[must_use]
    pub fn dark() -> Self {
        Self::layered(BASE.0, &[]).0
    }

    /// A theme in which the colour is the role's number, so that a test can read meanings off a painted buffer.
    #[must_use]
    pub fn probe() -> Self {
        let mut theme = Self::dark();
        for (number, role) in Role::ALL.iter().enumerate() {
            let paint = Paint::Indexed(u8::try_from(number).unwrap_or(u8::MAX));
            let look = Look { ink: paint, ground: Paint::Default, modifiers: Modifier::empty() };
            theme.looks.insert(*role, look);
        }
        theme.name = Text::clean("probe");
        theme
    }

    /// The role that a colour of the probe theme stands for.
    #[must_use]
    pub fn probed(style: Style) -> Option<Role> {
        match style.fg {
            Some(Color::Indexed(number)) => Role::ALL.get(usize::from(number)).copied(),
            _ => None,
        }
    }

    /// The same for a terminal with so many colours.
    #[must_use]
    pub const fn at(mut self, depth: Depth) -> Self {
        self.depth = depth;
        self
    }

    /// The same with these signs.
    #[must_use]
    pub const fn signs(mut self, signs: Signs) -> Self {
        self.signs = signs;
        self
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Text {
        &self.name
    }

    /// The signs that the terminal has.
    #[must_use]
    pub const fn sign_set(&self) -> Signs {
        self.signs
    }

    /// How a role looks on this terminal.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        let Some(look) = self.looks.get(&role) else { return Style::new() };
        let (ink, ground) = (look.ink.at(self.depth), look.ground.at(self.depth));
        let mut style = Style::new().add_modifier(look.modifiers);
        if ink != Paint::Default {
            style = style.fg(colour(ink));
        }
        if ground != Paint::Default {
            style = style.bg(colour(ground));
        } else if look.ground != Paint::Default {
            // Without colours a ground of its own becomes reverse, or the meaning would be lost.
            style = style.add_modifier(Modifier::REVERSED);
        }
        style
    }

    /// Ink and ground of a role as a picture shows them, the terminal's own where the theme names none.
    #[must_use]
    pub fn exact(&self, role: Role) -> (Rgb, Rgb) {
        let look = self.looks.get(&role);
        let ink = look.and_then(|look| look.ink.rgb()).unwrap_or(self.assumed.0);
        let ground = look.and_then(|look| look.ground.rgb()).unwrap_or(self.assumed.1);
        (ink, ground)
    }

    /// Ink and ground of a painted cell as a picture shows them.
    #[must_use]
    pub fn picture(&self, style: Style) -> (Rgb, Rgb) {
        let ink = style.fg.and_then(exact).unwrap_or(self.assumed.0);
        let ground = style.bg.and_then(exact).unwrap_or(self.assumed.1);
        if style.add_modifier.contains(Modifier::REVERSED) { (ground, ink) } else { (ink, ground) }
    }
}

impl Sheet {
    fn read(reading: &mut Reading<'_>) -> Self {
        let mut sheet = Self::default();
        for entry in reading.entries() {
            match (entry.table.as_str(), entry.key.as_str()) {
                ("", "inherits") => sheet.inherits = Some(entry),
                ("", "assumes") => sheet.assumes = Some(entry),
                ("palette", _) => sheet.palette.push(entry),
                ("roles", _) => sheet.roles.push(entry),
                ("", key) => {
                    let warning = reading.at(entry.key_at, &format!("no setting \"{key}\""));
                    reading.warn(warning.nearest(key, ["inherits", "assumes"]));
                }
                (table, _) => {
                    let warning = reading.at(entry.key_at, &format!("no table [{table}]"));
                    reading.warn(warning.hint("there are [palette] and [roles]"));
                }
            }
        }
        sheet
    }
}

/// What sheets laid over each other have said so far: words, because a palette may be changed under an inherited role.
#[derive(Default)]
struct Builder {
    palette: BTreeMap<String, Paint>,
    roles: BTreeMap<Role, String>,
    assumes: String,
}

impl Builder {
    fn lay(&mut self, sheet: &Sheet, reading: &mut Reading<'_>) {
        for entry in &sheet.palette {
            let Some(paint) = Paint::parse(&entry.value) else {
                let what = format!("\"{}\" is not a colour", entry.value);
                let hint = "write \"#rrggbb\", \"#rrggbb bright-red\", \"203\" or \"default\"";
                reading.warn(reading.at(entry.value_at, &what).hint(hint));
                continue;
            };
            self.palette.insert(entry.key.clone(), paint);
        }
        for entry in &sheet.roles {
            let Some(role) = Role::ALL.iter().find(|role| role.name() == entry.key) else {
                let warning = reading.at(entry.key_at, &format!("no role \"{}\"", entry.key));
                let names = Role::ALL.iter().map(|role| role.name());
                reading.warn(warning.nearest(&entry.key, names));
                continue;
            };
            if self.accepts(entry, reading) {
                self.roles.insert(*role, entry.value.clone());
            }
        }
        if let Some(entry) = &sheet.assumes
            && self.accepts(entry, reading)
        {
            self.assumes.clone_from(&entry.value);
        }
    }

    /// Whether the words of a look can be understood; tells which one cannot.
    fn accepts(&self, entry: &Entry, reading: &mut Reading<'_>) -> bool {
        let Err(wrong) = self.look(&entry.value) else { return true };
        let what = format!("\"{}\": no colour or modifier \"{wrong}\"", entry.key);
        let palette = self.palette.keys().map(String::as_str);
        let names = palette.chain(MODIFIERS.iter().map(|(name, _)| *name)).chain(ANSI_NAMES);
        reading.warn(reading.at(entry.value_at, &what).nearest(&wrong, names));
        false
    }

    /// Understands `colour`, `colour on colour`, and modifiers in any place.
    fn look(&self, words: &str) -> Result<Look, String> {
        let mut look =
            Look { ink: Paint::Default, ground: Paint::Default, modifiers: Modifier::empty() };
        let mut is_ground = false;
        for word in words.split_whitespace() {
            let modifier = MODIFIERS.iter().find(|(name, _)| *name == word);
            let paint = self.palette.get(word).copied().or_else(|| Paint::parse(word));
            match (word, modifier, paint) {
                ("on", ..) => is_ground = true,
                (_, Some((_, modifier)), _) => look.modifiers |= *modifier,
                (_, None, Some(paint)) if is_ground => look.ground = paint,
                (_, None, Some(paint)) => look.ink = paint,
                (wrong, None, None) => return Err(wrong.to_owned()),
            }
        }
        Ok(look)
    }

    fn finish(&self, name: &str) -> Theme {
        let plain = (Rgb(213, 219, 227), Rgb(18, 22, 28));
        let assumed = self.look(&self.assumes).map_or(plain, |look| {
            (look.ink.rgb().unwrap_or(plain.0), look.ground.rgb().unwrap_or(plain.1))
        });
        let looks =
            self.roles.iter().filter_map(|(role, words)| Some((*role, self.look(words).ok()?)));
        Theme {
            name: Text::clean(name),
            looks: looks.collect(),
            assumed,
            depth: Depth::True,
            signs: Signs::Unicode,
        }
    }
}

/// Modifiers that a look may have.
const MODIFIERS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
];

/// The 16 colours, by their number.
const ANSI: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

fn colour(paint: Paint) -> Color {
    match paint {
        Paint::Default => Color::Reset,
        Paint::Ansi(number) => ANSI.get(usize::from(number)).copied().unwrap_or(Color::Reset),
        Paint::Indexed(number) => Color::Indexed(number),
        Paint::Exact(Rgb(red, green, blue), _) => Color::Rgb(red, green, blue),
    }
}

fn exact(colour: Color) -> Option<Rgb> {
    if let Color::Rgb(red, green, blue) = colour {
        return Some(Rgb(red, green, blue));
    }
    if let Color::Indexed(number) = colour {
        return Some(Rgb::of_index(number));
    }
    let number = ANSI.iter().position(|known| *known == colour)?;
    Some(Rgb::of_index(u8::try_from(number).ok()?))
}

#[cfg(test)]
#[path = "theme_tests.rs"]
mod tests;
