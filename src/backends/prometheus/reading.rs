//! From an answer to a number, a curve, or the reason why there is none.

use std::time::Duration;

use super::envelope::{Data, Element, POINTS_MAX, ResultType, SeriesOfWire};
use super::meaning::Told;
use super::queries::DENSITY_SPAN;
use crate::domain::metric::{Finite, NoData, Reading, Series};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// One number (or why there is none) and the time of its evaluation in the server's seconds.
pub(super) struct Number {
    pub(super) reading: Reading,
    pub(super) at: Option<f64>,
}

/// The one number of an answer.
pub(super) fn number(told: &Told<Data>) -> Number {
    let (reading, at) = match (&told.doubt, told.data.kind) {
        (Some(doubt), _) => (Err(NoData::Partial(doubt.clone())), None),
        (None, ResultType::Vector) => of_vector(&told.data),
        (None, ResultType::Scalar) => of_scalar(&told.data.result.kept),
        (None, ResultType::Matrix) => (Err(refused("a range of values, not one number")), None),
        (None, ResultType::String) => (Err(refused("a text, not a number")), None),
    };
    Number { reading, at }
}

fn of_vector(data: &Data) -> (Reading, Option<f64>) {
    let series = match only_series(data) {
        Ok(series) => series,
        Err(why) => return (Err(why), None),
    };
    match series.value {
        Some(point) => (finite(point.value), Some(point.at)),
        None if series.has_histogram => (Err(refused("a histogram, not a number")), None),
        None => (Err(refused("a series without a value")), None),
    }
}

fn of_scalar(kept: &[Element]) -> (Reading, Option<f64>) {
    match kept {
        [Element::Number(at), Element::Word(word)] => match super::envelope::number(word) {
            Some(value) => (finite(value), Some(*at)),
            None => (Err(refused("a value that is no number")), None),
        },
        _ => (Err(refused("a scalar of another shape")), None),
    }
}

/// The only series of a vector or matrix.
fn only_series(data: &Data) -> Result<&SeriesOfWire, NoData> {
    match (data.result.count, data.result.kept.first()) {
        (0, _) | (_, None) => Err(NoData::NoSeries),
        (1, Some(Element::Series(series))) => Ok(series),
        (1, Some(Element::Number(_) | Element::Word(_))) => Err(refused("no series")),
        (count, Some(_)) => Err(NoData::Ambiguous(u32::try_from(count).unwrap_or(u32::MAX))),
    }
}

fn finite(value: f64) -> Reading {
    Finite::new(value).ok_or(NoData::NotANumber)
}

fn refused(what: &str) -> NoData {
    NoData::Refused(Text::clean(&format!("the answer is {what}")))
}

/// The newest sample of a revision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Newest {
    /// Its time in the server's seconds.
    pub(super) at: f64,
    /// How far samples are apart, where enough of them are there to tell.
    pub(super) distance: Option<Duration>,
}

/// A gap of two scrapes is nothing to speak of while it is shorter than this: facts of the cluster may be as old.
const STALE_MIN: Duration = crate::domain::observed::DEED_AGE_MAX;

impl Newest {
    /// Reads the answer to the question for the newest sample. `None`: nobody knows, and nothing is called stale.
    pub(super) fn read(told: &Told<Data>) -> Option<Self> {
        let labelled = |label: &str| {
            told.data.result.kept.iter().find_map(|element| match element {
                Element::Series(series) if series.is.as_deref() == Some(label) => {
                    series.value.map(|point| point.value).filter(|value| value.is_finite())
                }
                Element::Series(_) | Element::Number(_) | Element::Word(_) => None,
            })
        };
        let unlabelled = || match (told.data.result.count, told.data.result.kept.first()) {
            (1, Some(Element::Series(series))) if series.is.is_none() => {
                series.value.map(|point| point.value).filter(|value| value.is_finite())
            }
            _ => None,
        };
        let at = labelled("newest").or_else(unlabelled)?;
        let samples = labelled("samples").filter(|samples| *samples >= 2.0);
        let distance = samples.map(|samples| DENSITY_SPAN.div_f64(samples));
        Some(Self { at, distance })
    }

    /// Whether it is too old at `now` (the server's seconds): older than two scrapes (§4.5), where that is known, and
    /// in any case older than the window, in which no rate can have seen it.
    pub(super) fn is_stale(&self, now: f64, window: Duration) -> bool {
        let longest = window.max(STALE_MIN);
        let limit =
            self.distance.map_or(longest, |distance| (distance * 2).clamp(STALE_MIN, longest));
        now - self.at > limit.as_secs_f64()
    }
}

/// The points at which a curve is asked for, in the server's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// First point, in Unix seconds; a multiple of the step, so that points do not move while time goes on.
    pub(super) start: i64,
    /// Seconds between points.
    pub(super) step: u32,
    /// How many.
    pub(super) count: u32,
}

impl Grid {
    /// Covers a span. A step that would make more points than Prometheus answers becomes longer.
    pub(super) fn new(from: i64, to: i64, step: u32) -> Self {
        let span = to.saturating_sub(from).max(0);
        let gaps_max = i64::from(POINTS_MAX) - 2;
        let shortest = span / gaps_max + i64::from(span % gaps_max > 0);
        let step = i64::from(step.max(1)).max(shortest);
        let start = from.div_euclid(step) * step;
        let count = (to.div_euclid(step) * step).saturating_sub(start).max(0) / step + 1;
        let narrow = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
        Self { start, step: narrow(step), count: narrow(count) }
    }

    /// Last point, in Unix seconds.
    pub(super) fn end(&self) -> i64 {
        self.start + i64::from(self.step) * i64::from(self.count.saturating_sub(1))
    }

    /// Which point a time is, if it is one.
    fn index(&self, at: f64) -> Option<usize> {
        let index = ((at * 1_000.0).round() - seconds(self.start) * 1_000.0)
            / (f64::from(self.step) * 1_000.0);
        let nearest = index.round();
        let is_point = (index - nearest).abs() < 0.01 && nearest >= 0.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked above"
        )]
        let index = (is_point && nearest < f64::from(self.count)).then_some(nearest as usize);
        index
    }
}

#[expect(clippy::cast_precision_loss, reason = "no time is that late")]
const fn seconds(number: i64) -> f64 {
    number as f64
}

/// The one curve of an answer; `start` is the time of its first point by our clock. Gaps stay gaps.
pub(super) fn curve(told: &Told<Data>, grid: Grid, start: Timestamp) -> Result<Series, NoData> {
    if told.data.kind != ResultType::Matrix {
        return Err(refused("no curve"));
    }
    let series = only_series(&told.data)?;
    if series.values.0.is_empty() && series.has_histogram {
        return Err(refused("a histogram, not a number"));
    }
    let mut points = vec![None; usize::try_from(grid.count).unwrap_or(0)];
    for point in &series.values.0 {
        if let Some(place) = grid.index(point.at).and_then(|index| points.get_mut(index)) {
            *place = Finite::new(point.value);
        }
    }
    if points.iter().all(Option::is_none) {
        return Err(NoData::NotANumber);
    }
    Ok(Series { start, step_seconds: grid.step, points: points.into() })
}

/// Seconds of the wire as a time, if the calendar has it.
pub(super) fn timestamp(seconds: f64) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "what does not fit is no time")]
    let milliseconds = (seconds.is_finite()).then_some((seconds * 1_000.0).round() as i64)?;
    Timestamp::from_millisecond(milliseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::super::meaning;
    use super::super::transport::Reply;
    use super::*;

    fn told(kind: &str, result: &str, more: &str) -> Told<Data> {
        let body = format!(
            r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}{more}}}"#
        );
        let media_type = Some("application/json".to_owned());
        let reply = Reply { status: 200, media_type, retry_after: None, body: body.into_bytes() };
        meaning::query(&reply).ok().unwrap()
    }

    fn vector(values: &[&str]) -> String {
        let series =
            values.iter().map(|value| format!(r#"{{"metric":{{}},"value":[9.5,"{value}"]}}"#));
        format!("[{}]", series.collect::<Vec<_>>().join(","))
    }

    #[test]
    fn the_truth_table_of_one_number() {
        let partial = r#","warnings":["one store is down"]"#;
        let info = r#","infos":["PromQL info: maybe no counter"]"#;
        let histogram = r#"[{"metric":{},"histogram":[1,{"count":"1"}]}]"#;
        let value = |number| Ok(Finite::new(number).unwrap());
        let says = |words: &str| Err(NoData::Refused(Text::clean(words)));
        for (kind, result, more, want) in [
            ("vector", vector(&["0.08"]), "", value(0.08)),
            ("vector", vector(&["0"]), "", value(0.0)),
            ("vector", vector(&["0.08"]), info, value(0.08)),
            ("scalar", r#"[9.5,"3"]"#.to_owned(), "", value(3.0)),
            ("vector", vector(&[]), "", Err(NoData::NoSeries)),
            ("vector", vector(&["NaN"]), "", Err(NoData::NotANumber)),
            ("vector", vector(&["+Inf"]), "", Err(NoData::NotANumber)),
            ("vector", vector(&["-Inf"]), "", Err(NoData::NotANumber)),
            ("vector", vector(&["1", "2", "3"]), "", Err(NoData::Ambiguous(3))),
            ("vector", vector(&["1"]), partial, Err(NoData::Partial("one store is down".into()))),
            ("vector", vector(&[]), partial, Err(NoData::Partial("one store is down".into()))),
            (
                "matrix",
                "[]".to_owned(),
                "",
                says("the answer is a range of values, not one number"),
            ),
            ("string", r#"[9.5,"x"]"#.to_owned(), "", says("the answer is a text, not a number")),
            ("vector", histogram.to_owned(), "", says("the answer is a histogram, not a number")),
            ("scalar", "[9.5]".to_owned(), "", says("the answer is a scalar of another shape")),
            ("vector", "[9.5]".to_owned(), "", says("the answer is no series")),
        ] {
            let told = told(kind, &result, more);
            assert_eq!(number(&told).reading, want, "{kind} {result} {more}");
        }
        assert_eq!(number(&told("vector", &vector(&["1"]), "")).at, Some(9.5));
    }

    #[test]
    fn a_sample_older_than_two_scrapes_is_stale_and_a_short_gap_is_not() {
        let newest = |samples: &str| {
            let series =
                |is, value| format!(r#"{{"metric":{{"is":"{is}"}},"value":[100,"{value}"]}}"#);
            let result = format!("[{},{}]", series("newest", "100"), series("samples", samples));
            Newest::read(&told("vector", &result, "")).unwrap()
        };
        let minute = Duration::from_mins(1);
        for (samples, window, fresh, stale) in [
            ("20", minute, 130.0, 131.0),  // every 15 s
            ("150", minute, 115.0, 116.0), // every 2 s: never stale before 15 s
            ("5", minute, 160.0, 161.0),   // every minute: the window is the limit
            ("1", minute, 160.0, 161.0),   // too few to tell
            ("20", Duration::from_secs(5), 115.0, 116.0),
        ] {
            assert!(!newest(samples).is_stale(fresh, window), "{samples} {fresh}");
            assert!(newest(samples).is_stale(stale, window), "{samples} {stale}");
        }
        let plain = Newest::read(&told("vector", &vector(&["100"]), "")).unwrap();
        assert_eq!(plain, Newest { at: 100.0, distance: None });
        for result in [vector(&[]), vector(&["NaN"]), vector(&["1", "2"])] {
            assert_eq!(Newest::read(&told("vector", &result, "")), None, "{result}");
        }
    }

    #[test]
    fn the_points_of_a_grid_stay_where_they_are_while_time_goes_on() {
        let grid = Grid::new(1_007, 1_100, 10);
        assert_eq!(grid, Grid { start: 1_000, step: 10, count: 11 });
        assert_eq!(grid.end(), 1_100);
        assert_eq!(Grid::new(1_009, 1_109, 10), grid);
        assert_eq!(Grid::new(5, 1, 0), Grid { start: 5, step: 1, count: 1 });
        let long = Grid::new(0, 1_000_000, 1);
        assert!(long.count <= u32::from(POINTS_MAX) && long.end() >= 1_000_000 - 100, "{long:?}");
        assert!(Grid::new(0, i64::MAX / 4, 1).count <= u32::from(POINTS_MAX));
    }

    #[test]
    fn gaps_and_what_is_no_number_stay_gaps() {
        let grid = Grid { start: 100, step: 10, count: 5 };
        let start = Timestamp::UNIX_EPOCH;
        let values = r#"[[100,"1"],[110.001,"NaN"],[130,"3"],[135,"9"],[200,"9"],[90,"9"]]"#;
        let result = format!(r#"[{{"metric":{{}},"values":{values}}}]"#);
        let series = curve(&told("matrix", &result, ""), grid, start).unwrap();
        let points: Vec<Option<f64>> =
            series.points.iter().map(|point| point.map(Finite::get)).collect();
        assert_eq!(points, [Some(1.0), None, None, Some(3.0), None]);
        assert_eq!((series.start, series.step_seconds), (start, 10));
    }

    #[test]
    fn a_curve_of_nothing_says_why() {
        let grid = Grid { start: 100, step: 10, count: 5 };
        let nan = r#"[{"metric":{},"values":[[100,"NaN"]]}]"#;
        let two = r#"[{"metric":{},"values":[]},{"metric":{},"values":[]}]"#;
        for (kind, result, want) in [
            ("matrix", "[]", NoData::NoSeries),
            ("matrix", nan, NoData::NotANumber),
            ("matrix", two, NoData::Ambiguous(2)),
            ("vector", "[]", NoData::Refused("the answer is no curve".into())),
        ] {
            let got = curve(&told(kind, result, ""), grid, Timestamp::UNIX_EPOCH);
            assert_eq!(got, Err(want), "{kind} {result}");
        }
    }

    #[test]
    fn times_beyond_the_calendar_are_no_times() {
        assert!(timestamp(1_795_801_226.858).is_some());
        assert_eq!(timestamp(1e300), None);
    }

    proptest::proptest! {
        #[test]
        fn no_answer_makes_the_readers_panic(
            number in 0usize..4,
            changes in crate::backends::mutated::changes(),
        ) {
            let documents = [
                r#"{"status":"success","warnings":["w"],"data":{"resultType":"vector","result":[{"metric":{"is":"a"},"value":[1.5,"+Inf"]}]}}"#,
                r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"],[2,"1e-7"],[9e300,"NaN"]]}]}}"#,
                r#"{"status":"success","data":{"resultType":"scalar","result":[1e18,"-Inf"]}}"#,
                r#"{"status":"error","errorType":"bad_data","error":"1:2: parse error"}"#,
            ];
            let body = crate::backends::mutated::after(documents[number], &changes);
            let media_type = Some("application/json".to_owned());
            let reply = crate::backends::prometheus::transport::Reply {
                status: 200, media_type, retry_after: None, body,
            };
            if let Ok(told) = crate::backends::prometheus::meaning::query(&reply) {
                let read = super::number(&told);
                let _ = read.at.and_then(super::timestamp);
                let _ = super::curve(&told, Grid::new(-5, 100, 7), Timestamp::UNIX_EPOCH);
            }
        }
    }
}
