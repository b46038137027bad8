//! The evaluator: what an expression is worth at one moment.
//!
//! Each selector is read from the store once per query, for the whole time the query looks at; then
//! every step only searches in what was read.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use promql_parser::parser::{
    AtModifier, Expr, MatrixSelector, Offset, SubqueryExpr, UnaryExpr, VectorSelector,
};

use super::labels::{Labels, NAME};
use super::range::Span;
use super::samples::{MatchOp, Matcher, Samples, Series, is_stale};
use super::value::{Point, QueryError, Sample, Value};
use super::{aggregate, binary, function};

/// How far an instant selector looks back for a sample.
const LOOKBACK_MS: i64 = 5 * 60 * 1000;

/// Samples one query may load. Prometheus allows 50 million; a world in a terminal has no business
/// there, and each takes 16 bytes.
const SAMPLES_MAX: usize = 5_000_000;

/// How much one query may do: series looked at, over all steps. Nested subqueries multiply steps
/// until nobody waits for the answer any more; this is a second or two.
const WORK_MAX: usize = 20_000_000;

/// What a part of an expression counts at one step, however many series it sees.
const PART_WORK: usize = 10;

/// The step of a subquery that names none: the evaluation interval of this Prometheus.
const SUBQUERY_STEP_MS: i64 = 15_000;

/// An expression's data, read and ready to be evaluated at any step between `start` and `end`.
pub(super) struct Evaluator {
    selections: HashMap<*const VectorSelector, Vec<Series>>,
    bounds: Span,
    work_left: Cell<usize>,
}

/// One series as a function over time sees it.
pub(super) struct Window<'a> {
    pub(super) labels: Labels,
    /// Without stale markers, never empty.
    pub(super) points: Cow<'a, [Point]>,
}

/// A range vector and the span it covers.
pub(super) struct Windows<'a> {
    pub(super) span: Span,
    pub(super) series: Vec<Window<'a>>,
}

impl Evaluator {
    /// Reads all series the expression selects for steps from `bounds.from` to `bounds.to`.
    pub(super) fn prepare(
        samples: &(impl Samples + ?Sized),
        expr: &Expr,
        bounds: Span,
    ) -> Result<Self, QueryError> {
        let mut evaluator =
            Self { selections: HashMap::new(), bounds, work_left: Cell::new(WORK_MAX) };
        let mut left = SAMPLES_MAX;
        let mut todo = vec![(expr, bounds)];
        while let Some((expr, span)) = todo.pop() {
            let (selector, back) = match expr {
                Expr::VectorSelector(selector) => (selector, LOOKBACK_MS),
                Expr::MatrixSelector(matrix) => (&matrix.vs, millis(matrix.range)),
                Expr::Subquery(query) => {
                    let span = evaluator.moved(span, query.at.as_ref(), query.offset.as_ref());
                    let from = span.from.saturating_sub(millis(query.range));
                    todo.push((&query.expr, Span { from, ..span }));
                    continue;
                }
                Expr::Paren(_)
                | Expr::Unary(_)
                | Expr::Aggregate(_)
                | Expr::Binary(_)
                | Expr::Call(_)
                | Expr::NumberLiteral(_)
                | Expr::StringLiteral(_)
                | Expr::Extension(_) => {
                    children(expr, |child| todo.push((child, span)));
                    continue;
                }
            };
            let span = evaluator.moved(span, selector.at.as_ref(), selector.offset.as_ref());
            let from = span.from.saturating_sub(back).saturating_sub(1);
            let series = select(samples, selector, Span { from, ..span }, &mut left)?;
            evaluator.selections.insert(std::ptr::from_ref(selector), series);
        }
        Ok(evaluator)
    }

    /// The value of an expression at a time in Unix milliseconds.
    pub(super) fn eval(&self, expr: &Expr, at: i64) -> Result<Value, QueryError> {
        self.charge(PART_WORK)?;
        match expr {
            Expr::NumberLiteral(number) => Ok(Value::Scalar(number.val)),
            Expr::StringLiteral(text) => Ok(Value::Text(text.val.clone())),
            Expr::Paren(paren) => self.eval(&paren.expr, at),
            Expr::Unary(unary) => self.negate(unary, at),
            Expr::VectorSelector(selector) => {
                let found = self.instant(selector, at)?.into_iter();
                Ok(Value::Vector(found.map(|(sample, _)| sample).collect()))
            }
            Expr::MatrixSelector(_) | Expr::Subquery(_) => {
                let windows = self.windows(expr, at)?.series.into_iter();
                let owned = |it: Window<'_>| Series { labels: it.labels, points: it.points.into() };
                Ok(Value::Matrix(windows.map(owned).collect()))
            }
            Expr::Aggregate(aggregation) => aggregate::eval(self, aggregation, at),
            Expr::Binary(operation) => binary::eval(self, operation, at),
            Expr::Call(call) => function::eval(self, call, at),
            Expr::Extension(_) => Err(QueryError::execution("unknown kind of expression")),
        }
    }

    /// The value of an expression that must be an instant vector.
    pub(super) fn vector(&self, expr: &Expr, at: i64) -> Result<Vec<Sample>, QueryError> {
        match self.eval(expr, at)? {
            Value::Vector(vector) => Ok(vector),
            Value::Scalar(_) | Value::Text(_) | Value::Matrix(_) => Err(wrong_type("vector")),
        }
    }

    /// The value of an expression that must be a scalar.
    pub(super) fn scalar(&self, expr: &Expr, at: i64) -> Result<f64, QueryError> {
        match self.eval(expr, at)? {
            Value::Scalar(value) => Ok(value),
            Value::Vector(_) | Value::Text(_) | Value::Matrix(_) => Err(wrong_type("scalar")),
        }
    }

    /// The value of an expression that must be a string.
    pub(super) fn text(&self, expr: &Expr, at: i64) -> Result<String, QueryError> {
        match self.eval(expr, at)? {
            Value::Text(text) => Ok(text),
            Value::Scalar(_) | Value::Vector(_) | Value::Matrix(_) => Err(wrong_type("string")),
        }
    }

    /// The newest sample of each series that is neither stale nor older than the lookback, and the
    /// sample's own time.
    pub(super) fn instant(
        &self,
        selector: &VectorSelector,
        at: i64,
    ) -> Result<Vec<(Sample, i64)>, QueryError> {
        let at = self.moved_time(at, selector.at.as_ref(), selector.offset.as_ref());
        let newest = |series: &Series| {
            let after = series.points.partition_point(|(time, _)| *time <= at);
            let (time, value) = *series.points.get(after.checked_sub(1)?)?;
            let visible = time >= at.saturating_sub(LOOKBACK_MS) && !is_stale(value);
            visible.then(|| (Sample { labels: series.labels.clone(), value }, time))
        };
        Ok(self.selected(selector)?.iter().filter_map(newest).collect())
    }

    /// The value of an expression that must be a range vector.
    pub(super) fn windows(&self, expr: &Expr, at: i64) -> Result<Windows<'_>, QueryError> {
        match expr {
            Expr::MatrixSelector(matrix) => self.matrix(matrix, at),
            Expr::Subquery(query) => self.subquery(query, at),
            Expr::Paren(paren) => self.windows(&paren.expr, at),
            Expr::NumberLiteral(_)
            | Expr::StringLiteral(_)
            | Expr::Unary(_)
            | Expr::VectorSelector(_)
            | Expr::Aggregate(_)
            | Expr::Binary(_)
            | Expr::Call(_)
            | Expr::Extension(_) => Err(wrong_type("matrix")),
        }
    }

    fn matrix(&self, matrix: &MatrixSelector, at: i64) -> Result<Windows<'_>, QueryError> {
        let to = self.moved_time(at, matrix.vs.at.as_ref(), matrix.vs.offset.as_ref());
        let span = Span { from: to.saturating_sub(millis(matrix.range)), to };
        let window = |series| window(series, span);
        let series = self.selected(&matrix.vs)?.iter().filter_map(window).collect();
        Ok(Windows { span, series })
    }

    fn subquery(&self, query: &SubqueryExpr, at: i64) -> Result<Windows<'_>, QueryError> {
        let to = self.moved_time(at, query.at.as_ref(), query.offset.as_ref());
        let span = Span { from: to.saturating_sub(millis(query.range)), to };
        let step = query.step.map_or(SUBQUERY_STEP_MS, millis).max(1);
        let mut collector = Collector::default();
        // Steps lie on multiples of the step, whatever the time of evaluation.
        let mut time = span.from.div_euclid(step).saturating_mul(step);
        if time < span.from {
            time = time.saturating_add(step);
        }
        while time <= span.to {
            collector.add(time, self.vector(&query.expr, time)?)?;
            // At the end of time there is no next step.
            let Some(next) = time.checked_add(step) else { break };
            time = next;
        }
        let owned = |it: Series| Window { labels: it.labels, points: Cow::Owned(it.points) };
        Ok(Windows { span, series: collector.finish().into_iter().map(owned).collect() })
    }

    fn negate(&self, unary: &UnaryExpr, at: i64) -> Result<Value, QueryError> {
        match self.eval(&unary.expr, at)? {
            Value::Scalar(value) => Ok(Value::Scalar(-value)),
            Value::Vector(vector) => {
                let negative =
                    |it: Sample| Sample { labels: it.labels.without_name(), value: -it.value };
                unique(vector.into_iter().map(negative).collect()).map(Value::Vector)
            }
            Value::Text(_) | Value::Matrix(_) => Err(wrong_type("scalar or vector")),
        }
    }

    fn selected(&self, selector: &VectorSelector) -> Result<&[Series], QueryError> {
        let series = self.selections.get(&std::ptr::from_ref(selector));
        let series = series.map_or(&[][..], Vec::as_slice);
        self.charge(series.len())?;
        Ok(series)
    }

    fn charge(&self, work: usize) -> Result<(), QueryError> {
        self.work_left.set(self.work_left.get().checked_sub(work).ok_or_else(too_many_samples)?);
        Ok(())
    }

    /// A time after `@` and `offset`.
    fn moved_time(&self, at: i64, fixed: Option<&AtModifier>, offset: Option<&Offset>) -> i64 {
        let at = match fixed {
            None => at,
            Some(AtModifier::Start) => self.bounds.from,
            Some(AtModifier::End) => self.bounds.to,
            Some(AtModifier::At(time)) => unix_millis(*time),
        };
        match offset {
            None => at,
            Some(Offset::Pos(by)) => at.saturating_sub(millis(*by)),
            Some(Offset::Neg(by)) => at.saturating_add(millis(*by)),
        }
    }

    fn moved(&self, span: Span, fixed: Option<&AtModifier>, offset: Option<&Offset>) -> Span {
        Span {
            from: self.moved_time(span.from, fixed, offset),
            to: self.moved_time(span.to, fixed, offset),
        }
    }
}

/// Series put together from the vectors of several steps.
#[derive(Default)]
pub(super) struct Collector {
    series: Vec<Series>,
    index: HashMap<Labels, usize>,
    points: usize,
}

impl Collector {
    /// Adds the vector of one step.
    pub(super) fn add(&mut self, at: i64, vector: Vec<Sample>) -> Result<(), QueryError> {
        self.points += vector.len();
        if self.points > SAMPLES_MAX {
            return Err(too_many_samples());
        }
        for sample in vector {
            let next = self.series.len();
            let found = *self.index.entry(sample.labels.clone()).or_insert(next);
            if found == next {
                self.series.push(Series { labels: sample.labels, points: Vec::new() });
            }
            self.series[found].points.push((at, sample.value));
        }
        Ok(())
    }

    /// All series, by labels.
    pub(super) fn finish(self) -> Vec<Series> {
        let mut series = self.series;
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        series
    }
}

/// Refuses a vector in which two samples have the same labels.
pub(super) fn unique(vector: Vec<Sample>) -> Result<Vec<Sample>, QueryError> {
    let mut seen = HashSet::with_capacity(vector.len());
    if vector.iter().all(|sample| seen.insert(&sample.labels)) {
        return Ok(vector);
    }
    Err(QueryError::execution("vector cannot contain metrics with the same labelset"))
}

/// A duration in milliseconds.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The matchers of a selector, its metric name among them.
pub(super) fn matchers(selector: &VectorSelector) -> Vec<Matcher> {
    let name = selector.name.iter().map(|name| Matcher::new(MatchOp::Equal, NAME, name));
    name.chain(selector.matchers.matchers.iter().cloned()).collect()
}

fn select(
    samples: &(impl Samples + ?Sized),
    selector: &VectorSelector,
    span: Span,
    left: &mut usize,
) -> Result<Vec<Series>, QueryError> {
    if !selector.matchers.or_matchers.is_empty() {
        return Err(QueryError::execution("\"or\" between label matchers is not part of PromQL"));
    }
    let mut series = samples.select(&matchers(selector), span.from, span.to);
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    let points = series.iter().map(|series| series.points.len()).sum();
    *left = left.checked_sub(points).ok_or_else(too_many_samples)?;
    Ok(series)
}

/// The part of a series inside a span, without stale markers; nothing when there is none.
fn window(series: &Series, span: Span) -> Option<Window<'_>> {
    let first = series.points.partition_point(|(time, _)| *time < span.from);
    let after = series.points.partition_point(|(time, _)| *time <= span.to);
    let inside = series.points.get(first..after)?;
    let points = if inside.iter().any(|(_, value)| is_stale(*value)) {
        Cow::Owned(inside.iter().filter(|(_, value)| !is_stale(*value)).copied().collect())
    } else {
        Cow::Borrowed(inside)
    };
    (!points.is_empty()).then(|| Window { labels: series.labels.clone(), points })
}

/// Hands on what an expression is made of, where that is evaluated at the same times.
fn children<'a>(expr: &'a Expr, mut visit: impl FnMut(&'a Expr)) {
    match expr {
        Expr::Paren(paren) => visit(&paren.expr),
        Expr::Unary(unary) => visit(&unary.expr),
        Expr::Aggregate(aggregation) => {
            aggregation.param.iter().for_each(|param| visit(param));
            visit(&aggregation.expr);
        }
        Expr::Binary(operation) => {
            visit(&operation.lhs);
            visit(&operation.rhs);
        }
        Expr::Call(call) => call.args.args.iter().for_each(|arg| visit(arg)),
        Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::Subquery(_)
        | Expr::Extension(_) => {}
    }
}

fn unix_millis(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => millis(after),
        Err(before) => -millis(before.duration()),
    }
}

fn wrong_type(expected: &str) -> QueryError {
    QueryError::execution(format!("expected a value of type {expected}"))
}

fn too_many_samples() -> QueryError {
    QueryError::execution(
        "query processing would load too many samples into memory in query execution",
    )
}
