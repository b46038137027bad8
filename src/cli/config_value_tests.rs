//! Values of every kind, right and wrong.

use std::path::Path;
use std::time::Duration;

use toml::de::DeTable;

use super::config_value::{
    Around, Kind, Wrong, duration, from_toml, from_word, read_duration, span_text,
};

fn read(kind: Kind, toml: &str) -> Result<String, Wrong> {
    let source = format!("x = {toml}");
    let table = DeTable::parse(&source).unwrap();
    let env = |name: &str| (name == "TENANT").then(|| "blue".to_owned());
    let around = Around {
        folder: Path::new("/etc/pilothouse"),
        home: Some(Path::new("/home/dana")),
        env: &env,
    };
    from_toml(kind, table.get_ref()["x"].get_ref(), around).map(|value| value.written())
}

fn word(kind: Kind, word: &str) -> Result<String, Wrong> {
    let around = Around { folder: Path::new("/work"), home: None, env: &|_| None };
    from_word(kind, word, around).map(|value| value.written())
}

const SPAN: Kind = Kind::Span(Duration::from_secs(1), Duration::from_mins(10));

#[test]
fn every_kind_reads_what_it_is() {
    for (kind, toml, want) in [
        (Kind::Switch, "true", "true"),
        (Kind::Whole(0, 200), "0x10", "16"),
        (Kind::Whole(0, 2_000), "1_000", "1000"),
        (Kind::Decimal(0.0, 1.0), "0.005", "0.005"),
        (Kind::Decimal(0.0, 1.0), "1", "1"),
        (SPAN, "\"1m30s\"", "\"1m30s\""),
        (SPAN, "90", "\"1m30s\""),
        (Kind::Line, "\"a\\\"b\"", "'a\"b'"),
        (Kind::Names, "[\"a\", \"b\"]", "[\"a\", \"b\"]"),
        (Kind::Names, "\"a\"", "[\"a\"]"),
        (Kind::Choice(&["auto", "never"]), "\"never\"", "\"never\""),
        (Kind::File, "\"~/audit\"", "\"/home/dana/audit\""),
        (Kind::File, "\"ca.pem\"", "\"/etc/pilothouse/ca.pem\""),
        (Kind::File, "\"/ca.pem\"", "\"/ca.pem\""),
        (Kind::Address, "\"https://metrics.example/prefix\"", "\"https://metrics.example/prefix\""),
        (Kind::Query, "'x{h=\"{{hash}}\"}'", "'x{h=\"{{hash}}\"}'"),
        (
            Kind::Headers,
            "{ X-Scope-OrgID = \"secret\", X-A = { file = \"t\" }, X-B = { env = \"TENANT\" } }",
            "{ x-a = { file = \"/etc/pilothouse/t\" }, x-b = \"•••\", x-scope-orgid = \"•••\" }",
        ),
    ] {
        assert_eq!(read(kind, toml).as_deref(), Ok(want), "{toml}");
    }
}

#[test]
fn what_is_wrong_says_what_is_right() {
    for (kind, toml, what, hint) in [
        (Kind::Switch, "\"yes\"", "a text is not right here", "true or false"),
        (Kind::Whole(0, 200), "300", "300 is not right here", "from 0 to 200"),
        (Kind::Whole(0, 200), "-1", "-1 is not right here", "from 0 to 200"),
        (Kind::Decimal(0.0, 1.0), "nan", "nan is not right here", "from 0 to 1"),
        (SPAN, "\"5 parsecs\"", "is no time", "from 1s to 10m"),
        (SPAN, "\"1h\"", "out of range", "from 1s to 10m"),
        (SPAN, "\"\"", "is no time", "from 1s to 10m"),
        (Kind::Line, "[]", "a list is not right here", "a text"),
        (Kind::Names, "[1]", "not all of the list are texts", ""),
        (Kind::Choice(&["always", "never"]), "\"nevr\"", "none of always, never", "\"never\"?"),
        (Kind::File, "\"\"", "an empty path", ""),
        (Kind::Address, "\"metrics:9090\"", "begins with http://", ""),
        (Kind::Address, "\"ftp://metrics\"", "begins with http://", ""),
        (Kind::Address, "\"http://a:b@metrics\"", "would be shown", ""),
        (Kind::Address, "\"http://metrics/?token=x\"", "not used", ""),
        (Kind::Query, "'x{h=\"{{hahs}}\"}'", "no place {{hahs}}", "{{hash}}?"),
        (Kind::Query, "'sum(x)'", "{{hash}} is missing", "places are"),
        (Kind::Headers, "{ Authorization = \"x\" }", "settings of its own", "bearer_token_file"),
        (Kind::Headers, "{ \"a b\" = \"x\" }", "no name of a header", ""),
        (Kind::Headers, "{ X-A = { env = \"NOPE\" } }", "NOPE is not set", ""),
        (Kind::Headers, "{ X-A = 1 }", "not a text", "{ file"),
    ] {
        let wrong = read(kind, toml).unwrap_err();
        assert!(wrong.what.contains(what), "{toml}: {}", wrong.what);
        assert!(wrong.hint.unwrap_or_default().contains(hint), "{toml}");
    }
}

#[test]
fn words_of_the_environment_are_read_as_shells_write_them() {
    for (kind, text, want) in [
        (Kind::Switch, "1", "true"),
        (Kind::Switch, "No", "false"),
        (Kind::Names, "a, b,,", "[\"a\", \"b\"]"),
        (Kind::File, "audit", "\"/work/audit\""),
        (Kind::Headers, "X-Scope-OrgID=blue", "{ x-scope-orgid = \"•••\" }"),
    ] {
        assert_eq!(word(kind, text).as_deref(), Ok(want), "{text}");
    }
    assert!(word(Kind::Switch, "perhaps").is_err());
    assert!(word(Kind::File, "~/x").unwrap_err().what.contains("not known here"));
}

#[test]
fn times_are_written_as_they_are_read() {
    for text in ["0s", "250ms", "5s", "1m30s", "1h", "1d2h3m4s5ms"] {
        let limits = (Duration::ZERO, Duration::MAX);
        assert_eq!(span_text(duration(text, limits).unwrap()), text);
    }
    assert_eq!(read_duration("99999999999999999999d"), None);
    assert_eq!(read_duration("s"), None);
}
