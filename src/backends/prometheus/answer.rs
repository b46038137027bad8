//! Answers to the two questions of the program: how do canary and stable compare now, and how did they since.

use std::sync::Arc;

use futures::future::try_join_all;
use http::HeaderMap;

use super::client::{Moment, Prometheus};
use super::meaning::Unanswered;
use super::reading::{self, Grid, Newest};
use super::template::Subject;
use crate::domain::feed::{Answer, Query, RevisionPair, Trouble};
use crate::domain::ids::PodHash;
use crate::domain::metric::{
    Chart, Charts, Comparison, MetricKind, MetricPair, NoData, Reading, Series,
};
use crate::domain::observed::{Observed, Timestamp};
use crate::domain::text::Text;

/// Notes kept of all answers together.
const NOTES_MAX: usize = 16;

/// What one question brought: something or the reason why not, and the server's notes.
struct Found<T> {
    what: T,
    notes: Vec<Text>,
}

impl Prometheus {
    /// Answers a question, within the deadline of the spec, once. A question that one revision has no answer to is
    /// answered for the other; a server that does not answer is one trouble for all.
    pub async fn answer(&self, query: &Query) -> Answer {
        if let Some(trouble) = self.held() {
            return Answer::Failed(trouble);
        }
        let after = self.spec().timeout;
        match tokio::time::timeout(after, self.answered(query)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(Unanswered::Server(trouble))) => Answer::Failed(trouble),
            // Only the question for the server's time can end here, and it is PromQL everywhere.
            Ok(Err(Unanswered::Question(words))) => Answer::Failed(Trouble::BadAnswer(words)),
            Err(_elapsed) => Answer::Failed(Trouble::TimedOut { after }),
        }
    }

    async fn answered(&self, query: &Query) -> Result<Answer, Unanswered> {
        match query {
            Query::Compare(pair) => self.compare(pair).await.map(Answer::Comparison),
            Query::Charts { pair, from, to, step_seconds } => {
                let span = Span { from: *from, to: *to, step_seconds: *step_seconds };
                self.charts(pair, span).await.map(Answer::Charts)
            }
            Query::Look { pair, reach } => self.counters(pair, *reach).await.map(Answer::Look),
            Query::Scrape { .. }
            | Query::Log { .. }
            | Query::Yaml(_)
            | Query::Templates(_)
            | Query::Past { .. }
            | Query::Record => Err(Trouble::NotConfigured.into()),
        }
    }

    async fn compare(&self, pair: &RevisionPair) -> Result<Observed<Comparison>, Unanswered> {
        let headers = self.headers().await?;
        let moment = self.moment(&headers).await?;
        let at = At { headers: &headers, moment };
        let canary = self.side(pair, pair.canary.as_ref(), at);
        let stable = self.side(pair, pair.stable.as_ref(), at);
        let (canary, stable) = futures::try_join!(canary, stable)?;
        let pairs =
            MetricKind::ALL.into_iter().zip(canary.readings.into_iter().zip(stable.readings));
        let pairs = pairs.map(|(kind, ((canary, canary_at), (stable, stable_at)))| MetricPair {
            kind,
            canary,
            stable,
            evaluated_at: canary_at.or(stable_at),
        });
        let comparison = Comparison {
            canary: pair.canary.clone(),
            stable: pair.stable.clone(),
            pairs: pairs.collect(),
            source: self.place(),
            warnings: once_each([canary.notes, stable.notes]),
        };
        Ok(Observed::new(comparison, self.now()))
    }

    /// All metrics of one revision. One that does not exist has no series, and is not asked for.
    async fn side(
        &self,
        pair: &RevisionPair,
        hash: Option<&PodHash>,
        at: At<'_>,
    ) -> Result<Side, Unanswered> {
        let Some(hash) = hash else { return Ok(Side::missing()) };
        let of = subject(pair, hash);
        let metrics = try_join_all(MetricKind::ALL.map(|kind| self.metric(kind, of, at)));
        let (metrics, newest) = futures::try_join!(metrics, self.newest(of, at))?;
        let theirs = seconds(at.moment.theirs);
        let stale =
            newest.what.filter(|newest| newest.is_stale(theirs, self.spec().queries.window));
        let last = stale.and_then(|newest| reading::timestamp(newest.at));
        let last = last.and_then(|last| last.checked_sub(at.moment.skew()).ok());
        let mut side = Side { readings: Vec::new(), notes: newest.notes };
        for metric in metrics {
            let (reading, evaluated) = metric.what;
            let reading = match last {
                Some(last) => outdated(reading, last),
                None => reading,
            };
            side.readings.push((reading, evaluated));
            side.notes.extend(metric.notes);
        }
        Ok(side)
    }

    async fn metric(
        &self,
        kind: MetricKind,
        of: Subject<'_>,
        at: At<'_>,
    ) -> Result<Found<Evaluated>, Unanswered> {
        let queries = &self.spec().queries;
        let question = queries.question(kind, of, queries.window);
        match self.instant(at.headers, &question, at.moment.theirs).await {
            Ok(told) => {
                let number = reading::number(&told);
                let evaluated = number.at.and_then(reading::timestamp);
                Ok(Found { what: (number.reading, evaluated), notes: told.notes })
            }
            Err(Unanswered::Question(words)) => {
                Ok(Found { what: (Err(NoData::Refused(words)), None), notes: Vec::new() })
            }
            Err(server) => Err(server),
        }
    }

    /// A template that asks nothing, or wrongly, only switches the judgement of age off, and says so.
    async fn newest(
        &self,
        of: Subject<'_>,
        at: At<'_>,
    ) -> Result<Found<Option<Newest>>, Unanswered> {
        let queries = &self.spec().queries;
        let question = queries.newest_sample.fill(of, queries.window);
        if question.trim().is_empty() {
            return Ok(Found { what: None, notes: Vec::new() });
        }
        match self.instant(at.headers, &question, at.moment.theirs).await {
            Ok(told) => Ok(Found { what: Newest::read(&told), notes: told.notes }),
            Err(Unanswered::Question(words)) => {
                let note = Text::clean(&format!("newest_sample: {words}"));
                Ok(Found { what: None, notes: vec![note] })
            }
            Err(server) => Err(server),
        }
    }

    async fn charts(
        &self,
        pair: &RevisionPair,
        span: Span,
    ) -> Result<Observed<Charts>, Unanswered> {
        let headers = self.headers().await?;
        let moment = self.moment(&headers).await?;
        let at = At { headers: &headers, moment };
        let charts = MetricKind::ALL.map(|kind| async move {
            let canary = self.curve(kind, pair, pair.canary.as_ref(), (at, span));
            let stable = self.curve(kind, pair, pair.stable.as_ref(), (at, span));
            let (canary, stable) = futures::try_join!(canary, stable)?;
            let chart = Chart { kind, canary: canary.what, stable: stable.what };
            Ok::<_, Unanswered>((chart, [canary.notes, stable.notes].concat()))
        });
        let (charts, notes): (Vec<Chart>, Vec<Vec<Text>>) =
            try_join_all(charts).await?.into_iter().unzip();
        let warnings = once_each(notes);
        let charts = Charts { charts: charts.into(), source: self.place(), warnings };
        Ok(Observed::new(charts, self.now()))
    }

    async fn curve(
        &self,
        kind: MetricKind,
        pair: &RevisionPair,
        hash: Option<&PodHash>,
        (at, span): (At<'_>, Span),
    ) -> Result<Found<Result<Series, NoData>>, Unanswered> {
        let nothing = |why| Ok(Found { what: Err(why), notes: Vec::new() });
        let Some(hash) = hash else { return nothing(NoData::NoSeries) };
        let skew = at.moment.skew();
        let theirs = |ours: Timestamp| ours.checked_add(skew).unwrap_or(ours).as_second();
        let grid = Grid::new(theirs(span.from), theirs(span.to), span.step_seconds);
        let first = Timestamp::from_second(grid.start).ok();
        let Some(start) = first.and_then(|first| first.checked_sub(skew).ok()) else {
            return nothing(NoData::NoSeries);
        };
        let queries = &self.spec().queries;
        // A rate over less than a step would leave out what happened between two points.
        let step = std::time::Duration::from_secs(u64::from(grid.step));
        let question = queries.question(kind, subject(pair, hash), queries.window.max(step));
        match self.range(at.headers, &question, grid).await {
            Ok(told) => {
                let what = reading::curve(&told, grid, start);
                Ok(Found { what, notes: told.notes })
            }
            Err(Unanswered::Question(words)) => nothing(NoData::Refused(words)),
            Err(server) => Err(server),
        }
    }
}

/// A reading and the server's time of its evaluation.
type Evaluated = (Reading, Option<Timestamp>);

/// All readings of one revision.
struct Side {
    readings: Vec<Evaluated>,
    notes: Vec<Text>,
}

impl Side {
    fn missing() -> Self {
        let readings = MetricKind::ALL.map(|_kind| (Err(NoData::NoSeries), None));
        Self { readings: readings.into(), notes: Vec::new() }
    }
}

/// With which credentials and at which moment is asked.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) moment: Moment,
}

/// What a chart covers, by our clock.
#[derive(Clone, Copy)]
struct Span {
    from: Timestamp,
    to: Timestamp,
    step_seconds: u32,
}

pub(super) fn subject<'a>(pair: &'a RevisionPair, hash: &'a PodHash) -> Subject<'a> {
    Subject {
        namespace: pair.target.namespace.as_str(),
        name: pair.target.name.as_str(),
        hash: hash.as_str(),
    }
}

/// What a number becomes whose samples end too long ago. Other reasons why there is none say more than this one,
/// but for "no series", which is what it looks like.
fn outdated(reading: Reading, last: Timestamp) -> Reading {
    match reading {
        Ok(_) | Err(NoData::NoSeries) => Err(NoData::Stale(last)),
        Err(why) => Err(why),
    }
}

/// All notes, each once.
pub(super) fn once_each(notes: impl IntoIterator<Item = Vec<Text>>) -> Arc<[Text]> {
    let mut kept: Vec<Text> = Vec::new();
    for note in notes.into_iter().flatten() {
        if kept.len() < NOTES_MAX && !kept.contains(&note) {
            kept.push(note);
        }
    }
    kept.into()
}

#[expect(clippy::cast_precision_loss, reason = "no time is that late")]
fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1_000.0
}
