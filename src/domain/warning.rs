//! Mistakes in files of the operator (config, theme, keymap, scenario): neither fatal nor hidden. Each names its place,
//! what is wrong, and what is right.

use std::fmt;

use super::text::Text;

/// One mistake in a file. What the file says otherwise stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file, as the operator knows it.
    pub place: Text,
    /// The line, from 1; 0 when it is about the whole file.
    pub line: u32,
    /// The column in characters, from 1; 0 when it is about the whole line.
    pub column: u32,
    /// What is wrong.
    pub what: Text,
    /// What is right, or what was done instead.
    pub hint: Option<Text>,
}

impl Warning {
    /// A mistake that is found at this byte of the file's text.
    #[must_use]
    pub fn at(place: &Text, source: &str, byte: usize, what: &str) -> Self {
        let (line, column) = line_and_column(source, byte);
        Self { place: place.clone(), line, column, what: Text::clean(what), hint: None }
    }

    /// A mistake of the whole file.
    #[must_use]
    pub fn whole(place: &Text, what: &str) -> Self {
        Self { place: place.clone(), line: 0, column: 0, what: Text::clean(what), hint: None }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: &str) -> Self {
        self.hint = Some(Text::clean(hint));
        self
    }

    /// The same with the nearest right name as hint, when one is near.
    #[must_use]
    pub fn nearest<'a>(self, wrong: &str, right: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(wrong, right) {
            Some(name) => self.hint(&format!("did you mean \"{name}\"?")),
            None => self,
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", self.what)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

/// Line and column of a byte, both from 1; beyond the end: the end.
fn line_and_column(source: &str, byte: usize) -> (u32, u32) {
    let before = source.get(..source.floor_char_boundary(byte)).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// Names longer than this are not compared: nobody mistypes them, and a hostile file must not cost time.
const NAME_CHARS_MAX: usize = 64;

/// The right name that is nearest to a wrong one, when one is near: two letters in five may differ.
#[must_use]
pub fn nearest<'a>(wrong: &str, right: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong: Vec<char> = wrong.to_lowercase().chars().take(NAME_CHARS_MAX).collect();
    right
        .into_iter()
        .map(|name| (edits(&wrong, name), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| distance * 5 <= name.chars().count().max(3) * 2)
        .map(|(_, name)| name)
}

/// How many letters must be put in, taken out, changed or swapped with their neighbour (optimal string alignment).
fn edits(from: &[char], to: &str) -> usize {
    let to: Vec<char> = to.to_lowercase().chars().take(NAME_CHARS_MAX).collect();
    let mut older: Vec<usize> = Vec::new();
    let mut old: Vec<usize> = (0..=from.len()).collect();
    for (row, wanted) in to.iter().enumerate() {
        let mut new = Vec::with_capacity(old.len());
        new.push(row + 1);
        for (column, have) in from.iter().enumerate() {
            let replaced = old[column] + usize::from(have != wanted);
            let mut best = replaced.min(old[column + 1] + 1).min(new[column] + 1);
            let is_swap = row > 0
                && column > 0
                && to[row - 1] == *have
                && from[column - 1] == *wanted
                && have != wanted;
            if is_swap {
                best = best.min(older[column - 1] + 1);
            }
            new.push(best);
        }
        older = std::mem::replace(&mut old, new);
    }
    old.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_when_one_is_near() {
        let names = ["danger", "warning", "good", "cursor.top"];
        for (wrong, want) in [
            ("dangr", Some("danger")),
            ("Danger", Some("danger")),
            ("dnager", Some("danger")),
            ("god", Some("good")),
            ("cursor-top", Some("cursor.top")),
            ("selection", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, names), want, "{wrong}");
        }
    }

    #[test]
    fn a_warning_says_where_what_and_what_is_right() {
        let place = Text::clean("themes/mine.toml");
        let source = "[roles]\nä = 1\ndangr = \"red\"\n";
        let byte = source.find("dangr").unwrap();
        let warning = Warning::at(&place, source, byte, "no role \"dangr\"");
        let warning = warning.nearest("dangr", ["danger", "good"]);
        assert_eq!((warning.line, warning.column), (3, 1));
        assert_eq!(
            warning.to_string(),
            "themes/mine.toml:3: no role \"dangr\"; did you mean \"danger\"?"
        );
        assert_eq!(Warning::at(&place, source, 999, "x").line, 4);
        assert_eq!(Warning::whole(&place, "too long").to_string(), "themes/mine.toml: too long");
    }
}
