//! Tests of [`super`].

use proptest::prelude::*;

use super::*;

const EMBEDDED: [(&str, &str); 4] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

fn embedded(name: &str) -> Option<(Text, String)> {
    let (name, source) = EMBEDDED.iter().find(|(known, _)| *known == name)?;
    Some((Text::clean(&format!("themes/{name}.toml")), (*source).to_owned()))
}

fn load_over(user: &str) -> (Theme, Vec<String>) {
    let find = |name: &str| match name {
        "mine" => Some((Text::clean("mine.toml"), user.to_owned())),
        other => embedded(other),
    };
    let (theme, warnings) = Theme::load("mine", &find);
    (theme, warnings.iter().map(Warning::to_string).collect())
}

#[test]
fn embedded_themes_have_all_roles_and_no_mistakes() {
    for (name, source) in EMBEDDED {
        let (theme, warnings) = Theme::load(name, &embedded);
        assert_eq!(warnings, [], "{name}");
        assert_eq!(theme.looks.len(), Role::ALL.len(), "{name}");
        assert!(source.starts_with("# For "), "{name}: one line says for whom it is");
    }
}

#[test]
fn what_must_be_read_has_contrast() {
    for (name, _) in EMBEDDED {
        let (theme, _) = Theme::load(name, &embedded);
        for role in Role::ALL {
            let (ink, ground) = theme.exact(*role);
            let contrast = ink.contrast(ground);
            let wanted = if *role == Role::Border { 1.5 } else { 4.5 };
            assert!(contrast >= wanted, "{name} {}: {contrast:.2}", role.name());
        }
    }
}

#[test]
fn good_and_danger_differ_without_colour_too() {
    let (mono, _) = Theme::load("mono", &embedded);
    for theme in [mono, Theme::dark().at(Depth::None)] {
        assert_ne!(theme.style(Role::Good), theme.style(Role::Danger));
        for role in [Role::Selection, Role::Armed, Role::Simulated] {
            assert!(theme.style(role).add_modifier.contains(Modifier::REVERSED), "{role:?}");
        }
        for role in Role::ALL {
            let style = theme.style(*role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }
}

#[test]
fn sixteen_colours_are_those_the_theme_names() {
    let theme = Theme::dark().at(Depth::Ansi16);
    assert_eq!(theme.style(Role::Danger).fg, Some(Color::LightRed));
    assert_eq!(theme.style(Role::Good).fg, Some(Color::LightGreen));
    assert_eq!(theme.style(Role::Text).fg, None, "the terminal's own ink");
}

#[test]
fn a_palette_is_changed_under_inherited_roles() {
    let (theme, warnings) = load_over("inherits = \"light\"\n[palette]\nred = \"#010203\"\n");
    assert_eq!(warnings, [] as [&str; 0]);
    assert_eq!(theme.style(Role::Danger).fg, Some(Color::Rgb(1, 2, 3)));
    let (light, _) = Theme::load("light", &embedded);
    assert_eq!(theme.style(Role::Good), light.style(Role::Good));
}

#[test]
fn mistakes_have_a_line_and_the_nearest_right_name_and_the_rest_stands() {
    let (theme, warnings) = load_over(
        "inherit = \"light\"\n[palette]\nrose = \"#12\"\n[roles]\ndangr = \"red\"\nwarning = \"ambr bold\"\ngood = \"blue underline\"\n[colors]\nx = \"red\"\n",
    );
    assert_eq!(
        warnings,
        [
            "mine.toml:1: no setting \"inherit\"; did you mean \"inherits\"?",
            "mine.toml:3: \"#12\" is not a colour; write \"#rrggbb\", \"#rrggbb bright-red\", \"203\" or \"default\"",
            "mine.toml:5: no role \"dangr\"; did you mean \"danger\"?",
            "mine.toml:6: \"warning\": no colour or modifier \"ambr\"; did you mean \"amber\"?",
            "mine.toml:9: no table [colors]; there are [palette] and [roles]",
        ]
    );
    let dark = Theme::dark();
    assert_eq!(theme.style(Role::Warning), dark.style(Role::Warning));
    assert!(theme.style(Role::Good).add_modifier.contains(Modifier::UNDERLINED));
}

#[test]
fn a_circle_of_themes_ends_and_is_told() {
    for (source, told) in [
        ("inherits = \"mine\"\n", "mine.toml:1: \"mine\" leads back to itself; not inherited"),
        ("inherits = \"dusk\"\n", "mine.toml:1: no theme \"dusk\"; \"dark\" stands in for it"),
    ] {
        let (theme, warnings) = load_over(source);
        assert_eq!(warnings, [told]);
        assert_eq!(theme.looks, Theme::dark().looks);
    }
    let find = |name: &str| {
        let other = if name == "a" { "b" } else { "a" };
        Some((Text::clean(name), format!("inherits = \"{other}\"\n")))
    };
    assert_eq!(Theme::load("a", &find).1.len(), 1);
}

#[test]
fn the_probe_tells_every_role() {
    let theme = Theme::probe();
    for role in Role::ALL {
        assert_eq!(Theme::probed(theme.style(*role)), Some(*role));
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(source in "([a-z\"=\\[\\]#. \n]|é|roles|palette){0,60}") {
        let _ = load_over(&source);
    }
}
