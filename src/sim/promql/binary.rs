//! Operators between two expressions: arithmetic, comparison, sets, and the matching of vectors.

use std::collections::{HashMap, HashSet};

use promql_parser::parser::token::{
    T_ADD, T_ATAN2, T_DIV, T_EQLC, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MOD,
    T_MUL, T_NEQ, T_POW, T_SUB, TokenId,
};
use promql_parser::parser::{BinModifier, BinaryExpr, LabelModifier, VectorMatchCardinality};

use super::eval::{Evaluator, unique};
use super::labels::{Labels, NAME};
use super::text;
use super::value::{QueryError, Sample, Value};

/// The value of a binary operation.
pub(super) fn eval(
    evaluator: &Evaluator,
    operation: &BinaryExpr,
    at: i64,
) -> Result<Value, QueryError> {
    let plain = BinModifier::default();
    let modifier = operation.modifier.as_ref().unwrap_or(&plain);
    if modifier.fill_values.lhs.is_some() || modifier.fill_values.rhs.is_some() {
        return Err(QueryError::execution("fill modifiers are not part of this Prometheus"));
    }
    let operator = Operator { id: operation.op.id(), as_bool: modifier.return_bool };
    let sides = (evaluator.eval(&operation.lhs, at)?, evaluator.eval(&operation.rhs, at)?);
    match sides {
        (Value::Scalar(left), Value::Scalar(right)) => operator.scalars(left, right),
        (Value::Vector(left), Value::Scalar(right)) => {
            operator.with_scalar(left, |value| (value, right))
        }
        (Value::Scalar(left), Value::Vector(right)) => {
            operator.with_scalar(right, |value| (left, value))
        }
        (Value::Vector(left), Value::Vector(right)) => match operator.id {
            T_LAND => Ok(and(left, &right, modifier, Keep::Matching)),
            T_LUNLESS => Ok(and(left, &right, modifier, Keep::Others)),
            T_LOR => Ok(or(left, right, modifier)),
            _ => operator.vectors(left, right, modifier),
        },
        (Value::Text(_) | Value::Matrix(_), _) | (_, Value::Text(_) | Value::Matrix(_)) => {
            Err(QueryError::execution(
                "binary expression must contain only scalar and instant vector types",
            ))
        }
    }
}

#[derive(Clone, Copy)]
struct Operator {
    id: TokenId,
    as_bool: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Keep {
    Matching,
    Others,
}

impl Operator {
    /// The result of the operator, and whether a comparison keeps the sample.
    fn apply(self, left: f64, right: f64) -> Result<(f64, bool), QueryError> {
        Ok(match self.id {
            T_ADD => (left + right, true),
            T_SUB => (left - right, true),
            T_MUL => (left * right, true),
            T_DIV => (left / right, true),
            T_MOD => (left % right, true),
            T_POW => (left.powf(right), true),
            T_ATAN2 => (left.atan2(right), true),
            #[expect(clippy::float_cmp, reason = "PromQL compares exactly")]
            T_EQLC => (left, left == right),
            #[expect(clippy::float_cmp, reason = "PromQL compares exactly")]
            T_NEQ => (left, left != right),
            T_GTR => (left, left > right),
            T_LSS => (left, left < right),
            T_GTE => (left, left >= right),
            T_LTE => (left, left <= right),
            _ => return Err(QueryError::execution("operator not allowed here")),
        })
    }

    fn scalars(self, left: f64, right: f64) -> Result<Value, QueryError> {
        let (value, keep) = self.apply(left, right)?;
        Ok(Value::Scalar(if self.compares() { f64::from(u8::from(keep)) } else { value }))
    }

    /// A vector and a scalar; `sides` puts an element's value on its side. A comparison keeps the
    /// element's value, on whichever side it stands.
    fn with_scalar(
        self,
        vector: Vec<Sample>,
        sides: impl Fn(f64) -> (f64, f64),
    ) -> Result<Value, QueryError> {
        let mut result = Vec::with_capacity(vector.len());
        for sample in vector {
            let (left, right) = sides(sample.value);
            let (value, keep) = self.apply(left, right)?;
            let value = match (self.compares(), self.as_bool) {
                (_, true) => f64::from(u8::from(keep)),
                (true, false) => sample.value,
                (false, false) => value,
            };
            if keep || self.as_bool {
                result.push(Sample { labels: self.named(sample.labels), value });
            }
        }
        unique(result).map(Value::Vector)
    }

    /// Two vectors, matched one to one, or many to one with `group_left` and `group_right`.
    fn vectors(
        self,
        left: Vec<Sample>,
        right: Vec<Sample>,
        modifier: &BinModifier,
    ) -> Result<Value, QueryError> {
        let swapped = matches!(modifier.card, VectorMatchCardinality::OneToMany(_));
        let (many, one) = if swapped { (right, left) } else { (left, right) };
        if many.is_empty() || one.is_empty() {
            return Ok(Value::Vector(Vec::new()));
        }
        let one = index_one(&one, modifier, if swapped { "left" } else { "right" })?;
        let one_to_one = modifier.card == VectorMatchCardinality::OneToOne;
        let mut matched = HashMap::new();
        let mut result = Vec::new();
        for sample in many {
            let key = signature(&sample.labels, modifier);
            let Some(partner) = one.get(&key) else { continue };
            let (mut left, mut right) = (sample.value, partner.value);
            if swapped {
                (left, right) = (right, left);
            }
            let (value, keep) = self.apply(left, right)?;
            let value = if self.as_bool { f64::from(u8::from(keep)) } else { value };
            if !keep && !self.as_bool {
                continue;
            }
            let labels = self.joined(&sample.labels, &partner.labels, modifier);
            let group: &mut HashSet<Labels> = matched.entry(key).or_default();
            if one_to_one && !group.is_empty() {
                return Err(QueryError::execution(
                    "multiple matches for labels: many-to-one matching must be explicit \
                     (group_left/group_right)",
                ));
            }
            if !group.insert(labels.clone()) {
                return Err(QueryError::execution(
                    "multiple matches for labels: grouping labels must ensure unique matches",
                ));
            }
            result.push(Sample { labels, value });
        }
        Ok(Value::Vector(result))
    }

    /// The labels of a result: arithmetic drops the name, matching one to one drops what was not
    /// matched, and `group_left (…)` copies labels from the one side.
    fn joined(self, many: &Labels, one: &Labels, modifier: &BinModifier) -> Labels {
        let mut labels = if self.drops_name() { many.without_name() } else { many.clone() };
        let listed = |name: &str, list: &LabelModifier| {
            list.labels().labels.iter().any(|listed| listed == name)
        };
        match &modifier.card {
            VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany => {
                if let Some(list) = &modifier.matching {
                    labels = labels.filter(|name| listed(name, list) == list.is_include());
                }
            }
            VectorMatchCardinality::ManyToOne(include)
            | VectorMatchCardinality::OneToMany(include) => {
                for name in &include.labels {
                    labels = labels.with(name, one.get(name).unwrap_or_default());
                }
            }
        }
        if self.as_bool { labels.without_name() } else { labels }
    }

    fn named(self, labels: Labels) -> Labels {
        if self.drops_name() || self.as_bool { labels.without_name() } else { labels }
    }

    fn compares(self) -> bool {
        matches!(self.id, T_EQLC | T_NEQ | T_GTR | T_LSS | T_GTE | T_LTE)
    }

    fn drops_name(self) -> bool {
        matches!(self.id, T_ADD | T_SUB | T_MUL | T_DIV | T_MOD | T_POW)
    }
}

/// The labels by which two vectors are matched.
fn signature(labels: &Labels, modifier: &BinModifier) -> Labels {
    match &modifier.matching {
        None => labels.without_name(),
        Some(LabelModifier::Include(on)) => {
            labels.filter(|name| on.labels.iter().any(|listed| listed == name))
        }
        Some(LabelModifier::Exclude(ignoring)) => labels
            .filter(|name| name != NAME && !ignoring.labels.iter().any(|listed| listed == name)),
    }
}

fn index_one<'a>(
    one: &'a [Sample],
    modifier: &BinModifier,
    side: &str,
) -> Result<HashMap<Labels, &'a Sample>, QueryError> {
    let mut index = HashMap::with_capacity(one.len());
    for sample in one {
        let key = signature(&sample.labels, modifier);
        if let Some(double) = index.insert(key.clone(), sample) {
            return Err(QueryError::execution(format!(
                "found duplicate series for the match group {} on the {side} hand-side of the \
                 operation: [{}, {}];many-to-many matching not allowed: matching labels must be \
                 unique on one side",
                text::labels(&key),
                text::labels(&sample.labels),
                text::labels(&double.labels),
            )));
        }
    }
    Ok(index)
}

/// `and` and `unless`: the left samples with, or without, a match on the right.
fn and(left: Vec<Sample>, right: &[Sample], modifier: &BinModifier, keep: Keep) -> Value {
    let known: HashSet<Labels> = right.iter().map(|it| signature(&it.labels, modifier)).collect();
    let wanted = keep == Keep::Matching;
    let kept = |it: &Sample| known.contains(&signature(&it.labels, modifier)) == wanted;
    Value::Vector(left.into_iter().filter(kept).collect())
}

/// The left samples, and those of the right without a match on the left.
fn or(mut left: Vec<Sample>, right: Vec<Sample>, modifier: &BinModifier) -> Value {
    let known: HashSet<Labels> = left.iter().map(|it| signature(&it.labels, modifier)).collect();
    left.extend(right.into_iter().filter(|it| !known.contains(&signature(&it.labels, modifier))));
    Value::Vector(left)
}
