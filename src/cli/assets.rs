//! Themes and keymaps: the embedded ones, the operator's own, and where each came from. A file named by its path
//! comes first, then the operator's folder, then what is embedded.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use super::settings::Settings;
use super::small_file;
use crate::app::input::Background;
use crate::app::keymap::Keymap;
use crate::domain::text::Text;
use crate::domain::warning::Warning;
use crate::runtime::cockpit::{Choice, Themes};
use crate::runtime::colour::ColourLevel;
use crate::ui::colour::Depth;
use crate::ui::marks::Signs;
use crate::ui::theme::Theme;

/// The embedded themes.
pub const THEMES: [(&str, &str); 4] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// The embedded keymaps.
pub const KEYMAPS: [(&str, &str); 3] = [
    ("default", include_str!("../../keymaps/default.toml")),
    ("vim", include_str!("../../keymaps/vim.toml")),
    ("emacs", include_str!("../../keymaps/emacs.toml")),
];

/// Largest theme or keymap file that is read.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// One kind of asset.
#[derive(Clone, Copy, Debug)]
struct Kind {
    folder: &'static str,
    embedded: &'static [(&'static str, &'static str)],
}

const THEME: Kind = Kind { folder: "themes", embedded: &THEMES };
const KEYMAP: Kind = Kind { folder: "keymaps", embedded: &KEYMAPS };

/// The operator's file of this name or path, if there is one.
///
/// # Errors
/// There is one, and it cannot be used.
fn own(kind: Kind, folder: Option<&Path>, name: &str) -> Result<Option<(Text, String)>, Warning> {
    let is_path =
        name.contains('/') || Path::new(name).extension().is_some_and(|end| end == "toml");
    let path = if is_path {
        PathBuf::from(name)
    } else {
        let Some(folder) = folder else { return Ok(None) };
        folder.join(kind.folder).join(format!("{name}.toml"))
    };
    let place = Text::clean(&path.display().to_string());
    match small_file::text(&path, FILE_BYTES_MAX) {
        Ok(text) => Ok(Some((place, text))),
        Err(unreadable) if unreadable.is_missing && !is_path => Ok(None),
        Err(unreadable) => {
            Err(Warning::whole(&place, unreadable.why.as_str()).hint("nothing of it is used"))
        }
    }
}

/// What stands for a name that leads nowhere.
fn missing(what: &str, name: &str, kept: &str, known: &[(String, String)]) -> Warning {
    let words = format!("no {what} \"{name}\"; kept \"{kept}\"");
    let warning = Warning::whole(&Text::clean(what), &words);
    warning.nearest(name, known.iter().map(|(name, _)| name.as_str()))
}

fn embedded(kind: Kind, name: &str) -> Option<(Text, String)> {
    let (name, text) = kind.embedded.iter().find(|(known, _)| *known == name)?;
    Some((Text::clean(&format!("embedded {}/{name}.toml", kind.folder)), (*text).to_owned()))
}

/// All names: embedded ones and the operator's, each with where it comes from.
fn names(kind: Kind, folder: Option<&Path>) -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> =
        kind.embedded.iter().map(|(name, _)| ((*name).to_owned(), "embedded".to_owned())).collect();
    let own = folder.and_then(|folder| fs::read_dir(folder.join(kind.folder)).ok());
    for entry in own.into_iter().flatten().flatten() {
        let path = entry.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        names.retain(|(known, _)| known != name);
        let place = Text::clean(&path.display().to_string());
        names.push((Text::clean(name).to_string(), place.to_string()));
    }
    names.sort();
    names
}

/// All themes with where each comes from.
#[must_use]
pub fn themes(settings: &Settings) -> Vec<(String, String)> {
    names(THEME, settings.files.config_dir.as_deref())
}

/// All keymaps with where each comes from.
#[must_use]
pub fn keymaps(settings: &Settings) -> Vec<(String, String)> {
    names(KEYMAP, settings.files.config_dir.as_deref())
}

/// The keymap of the settings: the default one, the named one over it, the operator's own over both.
#[must_use]
pub fn keymap(settings: &Settings) -> (Keymap, Vec<Warning>) {
    let name = settings.screen.keymap.as_str();
    let folder = settings.files.config_dir.as_deref();
    let mut layers: Vec<(Text, String)> = embedded(KEYMAP, "default").into_iter().collect();
    let mut warnings = Vec::new();
    if name != "default" {
        layers.extend(embedded(KEYMAP, name));
    }
    match own(KEYMAP, folder, name) {
        Ok(found) => {
            layers.extend(found);
            if name != "default" && layers.len() < 2 {
                warnings.push(missing("keymap", name, "default", &keymaps(settings)));
            }
        }
        Err(warning) => warnings.push(warning),
    }
    let borrowed: Vec<(Text, &str)> =
        layers.iter().map(|(place, text)| (place.clone(), text.as_str())).collect();
    let (keymap, found) = Keymap::layered(&borrowed);
    warnings.extend(found);
    (keymap, warnings)
}

/// A theme of this name or path; the built-in one where there is none.
fn theme(folder: Option<&Path>, name: &str) -> (Theme, Vec<Warning>) {
    let unusable = RefCell::new(Vec::new());
    let find = |wanted: &str| {
        let own = own(THEME, folder, wanted).unwrap_or_else(|warning| {
            unusable.borrow_mut().push(warning);
            None
        });
        own.or_else(|| embedded(THEME, wanted))
    };
    if find(name).is_none() {
        let mut warnings = unusable.into_inner();
        if warnings.is_empty() {
            warnings.push(missing("theme", name, "dark", &names(THEME, folder)));
        }
        return (Theme::dark(), warnings);
    }
    unusable.borrow_mut().clear();
    let (theme, found) = Theme::load(name, &find);
    let mut warnings = unusable.into_inner();
    warnings.extend(found);
    (theme, warnings)
}

/// What is wrong with the theme and the keymap of the settings.
#[must_use]
pub fn mistakes(settings: &Settings) -> Vec<Warning> {
    let (_, mut warnings) = keymap(settings);
    if settings.screen.theme != "auto" {
        warnings.extend(theme(settings.files.config_dir.as_deref(), &settings.screen.theme).1);
    }
    warnings
}

/// A maker of themes for this terminal.
#[must_use]
pub fn theme_maker(settings: &Settings, colours: ColourLevel) -> Themes {
    let folder = settings.files.config_dir.clone();
    let depth = match colours {
        ColourLevel::None => Depth::None,
        ColourLevel::Sixteen => Depth::Ansi16,
        ColourLevel::Palette => Depth::Ansi256,
        ColourLevel::Full => Depth::True,
    };
    let signs = if settings.screen.ascii { Signs::Ascii } else { Signs::Unicode };
    Box::new(move |choice| {
        let name = match choice {
            Choice::Named(name) => name.as_str(),
            Choice::Fitting(Background::Light) => "light",
            Choice::Fitting(Background::Dark) => "dark",
        };
        let (theme, warnings) = theme(folder.as_deref(), name);
        (theme.at(depth).signs(signs), warnings)
    })
}
