//! The conditions of metrics: comparisons of a result, joined by `and`, `or` and `not`. Of the
//! language that Argo uses, as much as people write: numbers, `result`, `result[0]`, `len`,
//! `isNaN`, `isInf`, `asFloat`, `asInt`, `default`, `isNil`, `all` and `any` with `#`.

/// What a metric measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    Number(f64),
    List(Vec<f64>),
}

impl Outcome {
    pub(super) const fn is_empty(&self) -> bool {
        match self {
            Self::Number(_) => false,
            Self::List(values) => values.is_empty(),
        }
    }
}

/// How deep a condition may be nested.
const DEPTH_MAX: usize = 64;

/// Whether a condition holds for a result.
///
/// # Errors
/// What is wrong with the condition.
pub(super) fn evaluate(condition: &str, result: &Outcome) -> Result<bool, String> {
    let tokens = tokens(condition)?;
    let mut reader = Reader { tokens: &tokens, at: 0, depth: 0 };
    let node = reader.either()?;
    if let Some(left) = tokens.get(reader.at) {
        return Err(format!("unexpected token {left}"));
    }
    match (Scope { result, item: None }).value(&node)? {
        Found::Truth(truth) => Ok(truth),
        Found::Number(_) => Err("expected bool, but got float64".to_owned()),
        Found::List(_) => Err("expected bool, but got []float64".to_owned()),
        Found::Nothing => Err("expected bool, but got <nil>".to_owned()),
    }
}

/// A condition as it was read.
#[derive(Clone, Debug)]
enum Node {
    Truth(bool),
    Number(f64),
    Nothing,
    Result,
    Item,
    Not(Box<Node>),
    Minus(Box<Node>),
    Two(Sign, Box<Node>, Box<Node>),
    Index(Box<Node>, Box<Node>),
    Each(Quantity, Box<Node>, Box<Node>),
    Call(Function, Vec<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Or,
    And,
    Less,
    More,
    AtMost,
    AtLeast,
    Equal,
    Other,
    Plus,
    Minus,
    Times,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    All,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Len,
    IsNaN,
    IsInf,
    AsInt,
    AsFloat,
    Default,
    IsNil,
}

/// A value on the way.
#[derive(Clone, Debug, PartialEq)]
enum Found {
    Truth(bool),
    Number(f64),
    List(Vec<f64>),
    Nothing,
}

fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while let Some(first) = chars.get(at) {
        let run = |is: fn(char) -> bool| chars[at..].iter().take_while(|it| is(**it)).count();
        let pair = (*first, chars.get(at + 1).copied().unwrap_or(' '));
        let length = match pair {
            (c, _) if c.is_whitespace() => {
                at += 1;
                continue;
            }
            (c, _) if c.is_ascii_digit() || c == '.' => {
                run(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E'))
            }
            (c, _) if c.is_alphabetic() || c == '_' => run(|c| c.is_alphanumeric() || c == '_'),
            ('&', '&') | ('|', '|') | ('=' | '!' | '<' | '>', '=') => 2,
            (c, _) if "!<>()[]{},#+-*/".contains(c) => 1,
            (c, _) => return Err(format!("unrecognized character: {c:?}")),
        };
        found.push(chars[at..at + length].iter().collect());
        at += length;
    }
    Ok(found)
}

/// Reads a condition.
struct Reader<'a> {
    tokens: &'a [String],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn take(&mut self, token: &str) -> bool {
        let is_it = self.peek() == token;
        self.at += usize::from(is_it);
        is_it
    }

    fn need(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) {
            return Ok(());
        }
        match self.peek() {
            "" => Err(format!("unexpected end of expression, expected {token:?}")),
            other => Err(format!("unexpected token {other:?}, expected {token:?}")),
        }
    }

    /// Operators of one strength between operands of the next.
    fn chain(
        &mut self,
        signs: &[(&str, Sign)],
        operand: fn(&mut Self) -> Result<Node, String>,
    ) -> Result<Node, String> {
        let mut left = operand(self)?;
        while let Some((token, sign)) = signs.iter().find(|(token, _)| *token == self.peek()) {
            self.take(token);
            left = Node::Two(*sign, Box::new(left), Box::new(operand(self)?));
        }
        Ok(left)
    }

    fn either(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("expression is nested too deeply".to_owned());
        }
        let found = self.chain(&[("||", Sign::Or), ("or", Sign::Or)], Self::both);
        self.depth -= 1;
        found
    }

    fn both(&mut self) -> Result<Node, String> {
        self.chain(&[("&&", Sign::And), ("and", Sign::And)], Self::compared)
    }

    fn compared(&mut self) -> Result<Node, String> {
        let signs = [
            ("<", Sign::Less),
            (">", Sign::More),
            ("<=", Sign::AtMost),
            (">=", Sign::AtLeast),
            ("==", Sign::Equal),
            ("!=", Sign::Other),
        ];
        self.chain(&signs, Self::sum)
    }

    fn sum(&mut self) -> Result<Node, String> {
        self.chain(&[("+", Sign::Plus), ("-", Sign::Minus)], Self::product)
    }

    fn product(&mut self) -> Result<Node, String> {
        self.chain(&[("*", Sign::Times), ("/", Sign::Over)], Self::unary)
    }

    fn unary(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("expression is nested too deeply".to_owned());
        }
        let found = if self.take("!") || self.take("not") {
            self.unary().map(|inner| Node::Not(Box::new(inner)))
        } else if self.take("-") {
            self.unary().map(|inner| Node::Minus(Box::new(inner)))
        } else {
            self.indexed()
        };
        self.depth -= 1;
        found
    }

    fn indexed(&mut self) -> Result<Node, String> {
        let mut found = self.primary()?;
        while self.take("[") {
            let index = self.either()?;
            self.need("]")?;
            found = Node::Index(Box::new(found), Box::new(index));
        }
        Ok(found)
    }

    fn primary(&mut self) -> Result<Node, String> {
        let token = self.peek().to_owned();
        self.at += 1;
        match token.as_str() {
            "" => Err("unexpected end of expression".to_owned()),
            "(" => {
                let found = self.either()?;
                self.need(")")?;
                Ok(found)
            }
            "true" => Ok(Node::Truth(true)),
            "false" => Ok(Node::Truth(false)),
            "nil" => Ok(Node::Nothing),
            "#" => Ok(Node::Item),
            "result" => Ok(Node::Result),
            "all" => self.each(Quantity::All),
            "any" => self.each(Quantity::Any),
            name if name.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                name.parse().map(Node::Number).map_err(|_| format!("bad number syntax: {name:?}"))
            }
            name => self.call(name),
        }
    }

    /// `all(result, {# < 1})`.
    fn each(&mut self, quantity: Quantity) -> Result<Node, String> {
        self.need("(")?;
        let list = self.either()?;
        self.need(",")?;
        let braced = self.take("{");
        let condition = self.either()?;
        if braced {
            self.need("}")?;
        }
        self.need(")")?;
        Ok(Node::Each(quantity, Box::new(list), Box::new(condition)))
    }

    fn call(&mut self, name: &str) -> Result<Node, String> {
        let function = match name {
            "len" => Function::Len,
            "isNaN" => Function::IsNaN,
            "isInf" => Function::IsInf,
            "asInt" => Function::AsInt,
            "asFloat" => Function::AsFloat,
            "default" => Function::Default,
            "isNil" => Function::IsNil,
            _ => return Err(format!("unknown name {name}")),
        };
        self.need("(")?;
        let mut arguments = vec![self.either()?];
        while self.take(",") {
            arguments.push(self.either()?);
        }
        self.need(")")?;
        Ok(Node::Call(function, arguments))
    }
}

/// What a condition is about.
struct Scope<'a> {
    result: &'a Outcome,
    item: Option<f64>,
}

impl Scope<'_> {
    fn value(&self, node: &Node) -> Result<Found, String> {
        match node {
            Node::Truth(truth) => Ok(Found::Truth(*truth)),
            Node::Number(number) => Ok(Found::Number(*number)),
            Node::Nothing => Ok(Found::Nothing),
            Node::Item => {
                self.item.map(Found::Number).ok_or_else(|| "unexpected token #".to_owned())
            }
            Node::Result => Ok(match self.result {
                Outcome::Number(value) => Found::Number(*value),
                Outcome::List(values) => Found::List(values.clone()),
            }),
            Node::Not(inner) => Ok(Found::Truth(!truth(&self.value(inner)?)?)),
            Node::Minus(inner) => Ok(Found::Number(-number(&self.value(inner)?)?)),
            Node::Two(sign, left, right) => self.two(*sign, left, right),
            Node::Index(list, index) => self.index(list, index),
            Node::Each(quantity, list, condition) => self.each(*quantity, list, condition),
            Node::Call(function, arguments) => self.call(*function, arguments),
        }
    }

    fn two(&self, sign: Sign, left: &Node, right: &Node) -> Result<Found, String> {
        let left = self.value(left)?;
        if matches!(sign, Sign::Or | Sign::And) {
            let decided = truth(&left)?;
            if decided == (sign == Sign::Or) {
                return Ok(left);
            }
            return Ok(Found::Truth(truth(&self.value(right)?)?));
        }
        let right = self.value(right)?;
        if left == Found::Nothing || right == Found::Nothing {
            return match sign {
                Sign::Equal => Ok(Found::Truth(left == right)),
                Sign::Other => Ok(Found::Truth(left != right)),
                Sign::Or
                | Sign::And
                | Sign::Less
                | Sign::More
                | Sign::AtMost
                | Sign::AtLeast
                | Sign::Plus
                | Sign::Minus
                | Sign::Times
                | Sign::Over => Err("invalid operation (mismatched types)".to_owned()),
            };
        }
        let (left, right) = (number(&left)?, number(&right)?);
        #[expect(clippy::float_cmp, reason = "a condition says == and means it")]
        Ok(match sign {
            Sign::Less => Found::Truth(left < right),
            Sign::More => Found::Truth(left > right),
            Sign::AtMost => Found::Truth(left <= right),
            Sign::AtLeast => Found::Truth(left >= right),
            Sign::Equal => Found::Truth(left == right),
            Sign::Other => Found::Truth(left != right),
            Sign::Plus => Found::Number(left + right),
            Sign::Minus => Found::Number(left - right),
            Sign::Times => Found::Number(left * right),
            Sign::Over => Found::Number(left / right),
            Sign::Or | Sign::And => Found::Nothing,
        })
    }

    fn index(&self, list: &Node, index: &Node) -> Result<Found, String> {
        let Found::List(values) = self.value(list)? else {
            return Err("cannot fetch an index of a number".to_owned());
        };
        #[expect(clippy::cast_possible_truncation, reason = "an index is small")]
        let index = number(&self.value(index)?)? as i64;
        let length = i64::try_from(values.len()).unwrap_or(i64::MAX);
        let place = if index < 0 { index.saturating_add(length) } else { index };
        let value = usize::try_from(place).ok().and_then(|place| values.get(place));
        let value = value
            .ok_or_else(|| format!("index out of range: {index} (array length is {length})"))?;
        Ok(Found::Number(*value))
    }

    fn each(&self, quantity: Quantity, list: &Node, condition: &Node) -> Result<Found, String> {
        let Found::List(values) = self.value(list)? else {
            return Err("builtin all takes an array".to_owned());
        };
        let wants = quantity == Quantity::All;
        for item in values {
            let inner = Scope { result: self.result, item: Some(item) };
            if truth(&inner.value(condition)?)? != wants {
                return Ok(Found::Truth(!wants));
            }
        }
        Ok(Found::Truth(wants))
    }

    fn call(&self, function: Function, arguments: &[Node]) -> Result<Found, String> {
        let first = arguments.first().map_or(Ok(Found::Nothing), |node| self.value(node));
        match function {
            Function::Default => match (first, arguments.get(1)) {
                (Ok(Found::Nothing) | Err(_), Some(other)) => self.value(other),
                (first, _) => first,
            },
            Function::IsNil => Ok(Found::Truth(first? == Found::Nothing)),
            Function::Len => match first? {
                #[expect(clippy::cast_precision_loss, reason = "results are few")]
                Found::List(values) => Ok(Found::Number(values.len() as f64)),
                Found::Truth(_) | Found::Number(_) | Found::Nothing => {
                    Err("invalid argument for len (type float64)".to_owned())
                }
            },
            Function::IsNaN => Ok(Found::Truth(number(&first?)?.is_nan())),
            Function::IsInf => Ok(Found::Truth(number(&first?)?.is_infinite())),
            Function::AsInt => Ok(Found::Number(number(&first?)?.trunc())),
            Function::AsFloat => Ok(Found::Number(number(&first?)?)),
        }
    }
}

fn truth(found: &Found) -> Result<bool, String> {
    match found {
        Found::Truth(truth) => Ok(*truth),
        Found::Number(_) | Found::List(_) | Found::Nothing => {
            Err("invalid operation: expected a condition".to_owned())
        }
    }
}

fn number(found: &Found) -> Result<f64, String> {
    match found {
        Found::Number(number) => Ok(*number),
        Found::Truth(_) | Found::List(_) | Found::Nothing => {
            Err("invalid operation: expected a number".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(condition: &str, values: &[f64]) -> Result<bool, String> {
        evaluate(condition, &Outcome::List(values.to_vec()))
    }

    #[test]
    fn conditions_are_evaluated_as_people_write_them() {
        for (condition, values, expected) in [
            ("result[0] < 0.03", &[0.02][..], true),
            ("result[0] < 0.03", &[0.04], false),
            ("len(result) == 0 || isNaN(result[0]) || result[0] < 0.03", &[], true),
            ("len(result) == 0 || isNaN(result[0]) || result[0] < 0.03", &[f64::NAN], true),
            ("len(result) == 0 || isNaN(result[0]) || result[0] < 0.03", &[0.5], false),
            ("result[0] >= 0.95 and result[0] <= 1", &[0.97], true),
            ("not (result[0] > 1)", &[0.5], true),
            ("!(result[0] > 1) && true", &[2.0], false),
            ("all(result, {# < 1})", &[0.5, 0.9], true),
            ("all(result, {# < 1})", &[0.5, 1.9], false),
            ("any(result, # > 1)", &[0.5, 1.9], true),
            ("all(result, {# < 1})", &[], true),
            ("result[-1] == 2", &[1.0, 2.0], true),
            ("result[0] * 100 - 1 < 4 / 2", &[0.02], true),
            ("default(result[0], 0) == 0", &[], true),
            ("asInt(result[0]) == 3", &[3.7], true),
            ("-result[0] < 0", &[1.0], true),
        ] {
            assert_eq!(of(condition, values), Ok(expected), "{condition} {values:?}");
        }
        assert_eq!(evaluate("result < 1", &Outcome::Number(0.5)), Ok(true));
    }

    #[test]
    fn what_is_no_condition_is_told() {
        for condition in [
            "",
            "result[0]",
            "result[0] <",
            "result[0] < 1 )",
            "(",
            "unknown(1)",
            "result[9] < 1",
            "result < 1",
            "1 + true",
            "$",
            "all(1, {# < 1})",
            "len(1) == 1",
            "# > 1",
            "1..2 < 3",
        ] {
            assert!(of(condition, &[1.0]).is_err(), "{condition}");
        }
        let deep = "(".repeat(500) + "true";
        assert!(of(&deep, &[]).is_err());
    }
}
