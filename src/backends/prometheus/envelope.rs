//! The JSON of an answer (`prometheus.io/docs/prometheus/latest/querying/api`), read without keeping what nobody needs:
//! of a million series two are kept and the rest is counted.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Series kept of an answer. One is expected, two of the question for the newest sample.
const ELEMENTS_KEPT: usize = 2;

/// Points kept of a series: what Prometheus itself answers at most.
pub(super) const POINTS_MAX: u16 = 11_000;

/// Notes kept of an answer.
const NOTES_MAX: usize = 16;

/// The envelope of every answer.
#[derive(serde::Deserialize)]
pub(super) struct Envelope<'a, D> {
    /// `success` or `error`.
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
    /// May be there beside an error.
    #[serde(default = "Option::default")]
    pub(super) data: Option<D>,
    /// The kind of the error: `bad_data`, `execution`, `timeout` …
    #[serde(borrow, rename = "errorType", default)]
    pub(super) error_type: Option<Cow<'a, str>>,
    /// Its words.
    #[serde(borrow, default)]
    pub(super) error: Option<Cow<'a, str>>,
    /// Doubts about the data: partial answers, mixed samples.
    #[serde(default)]
    pub(super) warnings: Notes,
    /// Hints about the query.
    #[serde(default)]
    pub(super) infos: Notes,
}

/// Up to [`NOTES_MAX`] notes.
#[derive(Default)]
pub(super) struct Notes(pub(super) Vec<String>);

/// `data` of a query.
#[derive(serde::Deserialize)]
pub(super) struct Data {
    /// What the result is.
    #[serde(rename = "resultType")]
    pub(super) kind: ResultType,
    /// The result.
    pub(super) result: Elements,
}

/// The types of PromQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ResultType {
    /// Series with one value each.
    Vector,
    /// Series with many.
    Matrix,
    /// One number.
    Scalar,
    /// One text.
    String,
}

/// The first elements of a result, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Elements {
    pub(super) kept: Vec<Element>,
    pub(super) count: usize,
}

/// An element of a result: a series, or one half of a scalar's or string's `[time, "value"]`.
#[derive(Debug, PartialEq)]
pub(super) enum Element {
    Series(Box<SeriesOfWire>),
    Number(f64),
    Word(String),
}

/// A series.
#[derive(Debug, Default, PartialEq)]
pub(super) struct SeriesOfWire {
    /// Its label `is`, which our own question for the newest sample sets.
    pub(super) is: Option<String>,
    /// Its value.
    pub(super) value: Option<Point>,
    /// Its values.
    pub(super) values: Points,
    /// True when it holds native histograms instead.
    pub(super) has_histogram: bool,
}

/// A value and its time, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) at: f64,
    pub(super) value: f64,
}

/// Up to [`POINTS_MAX`] points.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Points(pub(super) Vec<Point>);

/// `data` of `/api/v1/status/buildinfo`.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct BuildInfo {
    /// Its version.
    #[serde(default)]
    pub(super) version: Option<String>,
    /// Its name, where it is not Prometheus (`Grafana Mimir`).
    #[serde(default)]
    pub(super) application: Option<String>,
}

/// Reads a number as Go writes it.
pub(super) fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

impl<'de> Deserialize<'de> for Notes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Notes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of notes")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Notes, E> {
                Ok(Notes::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Notes, A::Error> {
                let mut kept = Vec::new();
                while kept.len() < NOTES_MAX {
                    let Some(note) = list.next_element()? else { return Ok(Notes(kept)) };
                    kept.push(note);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Notes(kept))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for Elements {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Elements;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a result")
            }
            // `null` is how some gateways write an empty list.
            fn visit_unit<E: de::Error>(self) -> Result<Elements, E> {
                Ok(Elements::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Elements, A::Error> {
                let mut elements = Elements::default();
                while elements.kept.len() < ELEMENTS_KEPT {
                    let Some(element) = list.next_element()? else { return Ok(elements) };
                    elements.kept.push(element);
                    elements.count += 1;
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    elements.count += 1;
                }
                Ok(elements)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Element;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a series, a time or a value")
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Element, E> {
                Ok(Element::Number(number))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Element, E> {
                Ok(Element::Number(seconds(number)))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Element, E> {
                Ok(Element::Number(-seconds(number.unsigned_abs())))
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Element, E> {
                Ok(Element::Word(word.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Element, A::Error> {
                let series = series(map)?;
                Ok(Element::Series(Box::new(series)))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Seconds of a time without a fraction. Times fit into 53 bits for a hundred million years.
#[expect(clippy::cast_precision_loss, reason = "no time is that late")]
const fn seconds(number: u64) -> f64 {
    number as f64
}

fn series<'de, A: MapAccess<'de>>(mut map: A) -> Result<SeriesOfWire, A::Error> {
    #[derive(serde::Deserialize)]
    struct Labels {
        #[serde(default)]
        is: Option<String>,
    }
    let mut series = SeriesOfWire::default();
    while let Some(key) = map.next_key::<Cow<'_, str>>()? {
        match &*key {
            "metric" => series.is = map.next_value::<Labels>()?.is,
            "value" => series.value = Some(map.next_value()?),
            "values" => series.values = map.next_value()?,
            "histogram" | "histograms" => {
                series.has_histogram = true;
                map.next_value::<IgnoredAny>()?;
            }
            _ => {
                map.next_value::<IgnoredAny>()?;
            }
        }
    }
    Ok(series)
}

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (at, text): (f64, Cow<'de, str>) = Deserialize::deserialize(deserializer)?;
        let value = number(&text).ok_or_else(|| de::Error::custom("a value that is no number"))?;
        Ok(Self { at, value })
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Points;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of points")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Points, A::Error> {
                let mut points = Vec::new();
                while points.len() < usize::from(POINTS_MAX) {
                    let Some(point) = list.next_element()? else { return Ok(Points(points)) };
                    points.push(point);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Points(points))
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(json: &str) -> Result<Data, serde_json::Error> {
        serde_json::from_str::<Envelope<'_, Data>>(json).map(|envelope| envelope.data.unwrap())
    }

    fn answer(kind: &str, result: &str) -> String {
        format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}"#)
    }

    #[test]
    fn every_type_of_result_is_read() {
        let vector = data(&answer("vector", r#"[{"metric":{"is":"a"},"value":[1.5,"+Inf"]}]"#));
        let vector = vector.unwrap();
        assert_eq!((vector.kind, vector.result.count), (ResultType::Vector, 1));
        let Element::Series(series) = &vector.result.kept[0] else { panic!() };
        assert_eq!(series.is.as_deref(), Some("a"));
        assert_eq!(series.value, Some(Point { at: 1.5, value: f64::INFINITY }));

        let matrix = r#"[{"metric":{},"values":[[1,"2"],[2,"1e-7"]],"new":{"a":[1]}}]"#;
        let matrix = data(&answer("matrix", matrix)).unwrap();
        let Element::Series(series) = &matrix.result.kept[0] else { panic!() };
        assert_eq!(series.values.0[1], Point { at: 2.0, value: 1e-7 });

        let scalar = data(&answer("scalar", r#"[1,"2"]"#)).unwrap();
        assert_eq!(scalar.result.kept, [Element::Number(1.0), Element::Word("2".to_owned())]);

        let histogram = data(&answer("vector", r#"[{"metric":{},"histogram":[1,{"count":"1"}]}]"#));
        let Element::Series(series) = &histogram.unwrap().result.kept[0] else { panic!() };
        assert!(series.has_histogram && series.value.is_none());
        assert_eq!(data(&answer("vector", "null")).unwrap().result.count, 0);
    }

    #[test]
    fn many_series_are_counted_and_not_kept() {
        let one = r#"{"metric":{},"value":[1,"2"]}"#;
        let many = format!("[{}]", vec![one; 10_000].join(","));
        let data = data(&answer("vector", &many)).unwrap();
        assert_eq!((data.result.count, data.result.kept.len()), (10_000, ELEMENTS_KEPT));
    }

    #[test]
    fn many_points_and_notes_are_cut() {
        let points = vec![r#"[1,"2"]"#; usize::from(POINTS_MAX) + 50].join(",");
        let data = data(&answer("matrix", &format!(r#"[{{"values":[{points}]}}]"#))).unwrap();
        let Element::Series(series) = &data.result.kept[0] else { panic!() };
        assert_eq!(series.values.0.len(), usize::from(POINTS_MAX));
        let notes = format!("[{}]", vec![r#""w""#; 100].join(","));
        assert_eq!(serde_json::from_str::<Notes>(&notes).unwrap().0.len(), NOTES_MAX);
        assert!(serde_json::from_str::<Notes>("null").unwrap().0.is_empty());
    }

    #[test]
    fn what_breaks_the_protocol_is_an_error_and_never_a_number() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for result in [
            r#"[{"metric":{},"value":[1,"two"]}]"#,
            r#"[{"metric":{},"value":[1,2]}]"#,
            r#"[{"metric":{},"value":[1e400,"2"]}]"#,
            r#"[{"metric":{},"value":["1","2"]}]"#,
            r#"[{"metric":{},"value":[1]}]"#,
            "[true]",
            &deep,
        ] {
            assert!(
                data(&answer("vector", result)).is_err(),
                "{}",
                &result[..result.len().min(60)]
            );
        }
        assert!(data(&answer("tensor", "[]")).is_err());
        let twice = r#"{"status":"success","status":"error"}"#;
        assert!(serde_json::from_str::<Envelope<'_, Data>>(twice).is_err());
    }

    #[test]
    fn numbers_are_read_as_go_writes_them() {
        for (text, want) in [("+Inf", f64::INFINITY), ("-Inf", f64::NEG_INFINITY), ("1e+06", 1e6)] {
            assert_eq!(number(text), Some(want));
        }
        assert!(number("NaN").is_some_and(f64::is_nan));
        assert!(number(&"9".repeat(400)).is_some_and(f64::is_infinite));
        assert_eq!(number("1_000"), None);
    }
}
