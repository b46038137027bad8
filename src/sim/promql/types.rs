//! The rules of types between the parts of an expression.

use super::check::{Fault, Node};
use super::function::{Arity, Function};
use super::value::Type;

/// An operation whose sides are to be checked.
pub(super) struct Binary {
    pub(super) op: &'static str,
    /// Where the operator stands.
    pub(super) at: usize,
    pub(super) matching: Matching,
    pub(super) left: Node,
    pub(super) right: Node,
}

/// How two vectors are to be matched.
#[derive(Debug, Default)]
pub(super) struct Matching {
    /// `bool`, `on` and `group_left`, as far as they are there.
    pub(super) words: Vec<&'static str>,
    pub(super) labels: Vec<String>,
    pub(super) include: Vec<String>,
}

/// The type of an operation.
pub(super) fn of_binary(left: Type, right: Type) -> Type {
    if left == Type::Scalar && right == Type::Scalar { Type::Scalar } else { Type::Vector }
}

pub(super) fn binary(it: &Binary, faults: &mut Vec<Fault>) {
    let has = |word: &str| it.matching.words.contains(&word);
    let compares = matches!(it.op, "==" | "!=" | "<" | ">" | "<=" | ">=");
    let set = matches!(it.op, "and" | "or" | "unless");
    let (left, right) = (it.left.ty, it.right.ty);
    let scalars = left == Type::Scalar && right == Type::Scalar;
    if has("bool") && !compares {
        let what = "bool modifier can only be used on comparison operators";
        faults.push((it.at, what.to_owned()));
    }
    if compares && scalars && !has("bool") {
        faults.push((it.at, "comparisons between scalars must use BOOL modifier".to_owned()));
    }
    if has("on") {
        let twice = it.matching.labels.iter().filter(|label| it.matching.include.contains(label));
        faults.extend(twice.map(|label| {
            (it.at, format!("label {label:?} must not occur in ON and GROUP clause at once"))
        }));
    }
    for side in [&it.left, &it.right] {
        if !matches!(side.ty, Type::Scalar | Type::Vector) {
            let what = "binary expression must contain only scalar and instant vector types";
            faults.push((side.start, what.to_owned()));
        }
    }
    let start = it.left.start;
    if left != Type::Vector || right != Type::Vector {
        if !it.matching.labels.is_empty() {
            faults.push((start, "vector matching only allowed between instant vectors".to_owned()));
        }
    } else if set && (has("group_left") || has("group_right")) {
        faults.push((start, format!("no grouping allowed for {:?} operation", it.op)));
    }
    if set && (left == Type::Scalar || right == Type::Scalar) {
        let what = format!("set operator {:?} not allowed in binary scalar expression", it.op);
        faults.push((start, what));
    }
}

pub(super) fn unary(start: usize, ty: Type, faults: &mut Vec<Fault>) {
    if !matches!(ty, Type::Scalar | Type::Vector) {
        let what = "unary expression only allowed on expressions of type scalar or instant vector";
        faults.push((start, format!("{what}, got {:?}", ty.word())));
    }
}

pub(super) fn subquery(inner: &Node, faults: &mut Vec<Fault>) {
    let found = match inner.ty {
        Type::Vector => return,
        Type::Scalar => "scalar",
        Type::Text => "string",
        Type::Matrix => "matrix",
    };
    let what = format!("subquery is only allowed on instant vector, got {found} instead");
    faults.push((inner.start, what));
}

pub(super) fn aggregation(name: &str, args: &[Node], faults: &mut Vec<Fault>) {
    let [params @ .., of] = args else { return };
    expect(of, Type::Vector, "aggregation expression", faults);
    let wanted = if name == "count_values" { Type::Text } else { Type::Scalar };
    for param in params {
        expect(param, wanted, "aggregation parameter", faults);
    }
}

pub(super) fn call(start: usize, function: &Function, args: &[Node], faults: &mut Vec<Fault>) {
    let (name, listed, got) = (function.name, function.args.len(), args.len());
    let wrong = match function.arity {
        Arity::Exact if got != listed => Some(("", listed)),
        Arity::LastOptional | Arity::LastRepeats if got + 1 < listed => {
            Some(("at least ", listed - 1))
        }
        Arity::LastOptional if got > listed => Some(("at most ", listed)),
        Arity::Exact | Arity::LastOptional | Arity::LastRepeats => None,
    };
    faults.extend(wrong.map(|(bound, wanted)| {
        (start, format!("expected {bound}{wanted} argument(s) in call to {name:?}, got {got}"))
    }));
    for (place, arg) in args.iter().enumerate() {
        let Some(wanted) = function.args.get(place).or(function.args.last()) else { return };
        expect(arg, *wanted, &format!("call to function {name:?}"), faults);
    }
}

fn expect(node: &Node, wanted: Type, place: &str, faults: &mut Vec<Fault>) {
    if node.ty != wanted {
        let (wanted, got) = (wanted.word(), node.ty.word());
        faults.push((node.start, format!("expected type {wanted} in {place}, got {got}")));
    }
}
