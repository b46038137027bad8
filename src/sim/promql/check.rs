//! Reads a query as Prometheus 2.42 does, only to find what is wrong with it, and says so with the
//! place and the words of Prometheus. The expression itself is built by `promql-parser`.

use super::labels::NAME;
use super::samples::{MatchOp, Matcher};
use super::token::{Kind, Token, tokens};
use super::types::{self, Binary};
use super::value::Type;

/// Nesting beyond this is refused: evaluation takes stack for every level. Prometheus has no such
/// limit; queries people write stay below 20.
const DEPTH_MAX: usize = 200;

/// The type of a query.
///
/// # Errors
/// `line:column: parse error: …` for the first thing that is wrong.
pub(super) fn query(text: &str) -> Result<Type, String> {
    let mut checker = Checker::new(text);
    let read = checker.whole();
    checker.verdict(read.map(|node| node.ty))
}

/// The matchers of a selector of series, as `match[]` takes it. They may accept everything.
///
/// # Errors
/// As for [`query`].
pub(super) fn selector(text: &str) -> Result<Vec<Matcher>, String> {
    let mut checker = Checker::new(text);
    let read = checker.only_selector();
    checker.verdict(read)
}

/// What is wrong, and where it begins in bytes.
pub(super) type Fault = (usize, String);

/// What is known of an expression that was read.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) ty: Type,
    pub(super) start: usize,
    pub(super) form: Form,
    pub(super) depth: usize,
}

/// Whether an expression can have a range, an offset and a fixed time.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    /// A selector, a range or a subquery, and which modifiers it already has.
    Data {
        kind: Data,
        modifiers: Vec<&'static str>,
    },
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Data {
    Selector,
    Range,
    Subquery,
}

/// The state of one reading.
pub(super) struct Checker<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
    at: usize,
    /// Faults that do not stop the reading; they come before those of types.
    pub(super) faults: Vec<Fault>,
    pub(super) type_faults: Vec<Fault>,
    /// Aggregations being read; messages mention them.
    pub(super) aggregations: usize,
    depth: usize,
}

impl<'a> Checker<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            tokens: tokens(text),
            at: 0,
            faults: Vec::new(),
            type_faults: Vec::new(),
            aggregations: 0,
            depth: 0,
        }
    }

    fn verdict<T>(&self, read: Result<T, Fault>) -> Result<T, String> {
        if let Some(first) = self.faults.first() {
            return Err(self.placed(first));
        }
        let value = read.map_err(|fault| self.placed(&fault))?;
        self.type_faults.first().map_or(Ok(value), |first| Err(self.placed(first)))
    }

    fn placed(&self, (at, message): &Fault) -> String {
        let before = &self.text.as_bytes()[..*at];
        let line = before.split(|byte| *byte == b'\n').count();
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        format!("{line}:{column}: parse error: {message}")
    }

    fn whole(&mut self) -> Result<Node, Fault> {
        if self.peek().kind == Kind::End {
            return Err((0, "no expression found in input".to_owned()));
        }
        let node = self.binary(0)?;
        self.finish(node)
    }

    fn only_selector(&mut self) -> Result<Vec<Matcher>, Fault> {
        let (name, mut matchers) = self.name_and_matchers()?;
        matchers.extend(name.map(|name| Matcher::new(MatchOp::Equal, NAME, name)));
        self.finish(matchers)
    }

    fn finish<T>(&self, value: T) -> Result<T, Fault> {
        if self.peek().kind == Kind::End { Ok(value) } else { Err(self.unexpected()) }
    }

    /// Operators of at least this strength, and their operands.
    pub(super) fn binary(&mut self, strength: u8) -> Result<Node, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err((self.peek().start, "expression is nested too deeply".to_owned()));
        }
        let mut left = self.unary()?;
        while let Kind::Operator(op) = self.peek().kind {
            let own = strength_of(op);
            if own == 0 || own < strength {
                break;
            }
            let at = self.next().start;
            let matching = self.matching()?;
            // A power binds to the right, everything else to the left.
            let right = self.binary(if op == "^" { own } else { own + 1 })?;
            let depth = left.depth.max(right.depth) + 1;
            if depth > DEPTH_MAX {
                return Err((at, "expression is nested too deeply".to_owned()));
            }
            let (start, ty) = (left.start, types::of_binary(left.ty, right.ty));
            types::binary(&Binary { op, at, matching, left, right }, &mut self.type_faults);
            left = Node { ty, start, form: Form::Other, depth };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Result<Node, Fault> {
        if !matches!(self.peek().kind, Kind::Operator("+" | "-")) {
            return self.postfix();
        }
        let start = self.next().start;
        // A sign is as strong as a product: only a power comes first.
        let operand = self.binary(strength_of("^"))?;
        types::unary(start, operand.ty, &mut self.type_faults);
        Ok(Node { start, form: Form::Other, depth: operand.depth + 1, ty: operand.ty })
    }

    /// An operand with its ranges, offsets and fixed times.
    fn postfix(&mut self) -> Result<Node, Fault> {
        let mut node = self.operand()?;
        loop {
            match self.peek().kind {
                Kind::Keyword("offset") => self.offset(&mut node)?,
                Kind::Operator("@") => self.fixed_time(&mut node)?,
                Kind::Punctuation("[") => node = self.range(&node)?,
                Kind::End
                | Kind::Bad(_)
                | Kind::Identifier
                | Kind::MetricIdentifier
                | Kind::Text
                | Kind::Number
                | Kind::Duration
                | Kind::Punctuation(_)
                | Kind::Operator(_)
                | Kind::Aggregator(_)
                | Kind::Keyword(_)
                | Kind::Preprocessor => return Ok(node),
            }
        }
    }

    fn offset(&mut self, node: &mut Node) -> Result<(), Fault> {
        self.next();
        if self.peek().kind == Kind::Operator("-") {
            self.next();
        }
        self.duration(" in offset, expected duration")?;
        self.modify(node, "offset", "offset modifier", "offset may not be set multiple times");
        Ok(())
    }

    fn fixed_time(&mut self, node: &mut Node) -> Result<(), Fault> {
        const PLACE: &str = " in @, expected timestamp";
        self.next();
        if self.peek().kind == Kind::Preprocessor {
            self.next();
            self.expect("(", PLACE)?;
            self.expect(")", PLACE)?;
        } else {
            if matches!(self.peek().kind, Kind::Operator("+" | "-")) {
                self.next();
            }
            if self.peek().kind != Kind::Number {
                return Err(self.unexpected_in(PLACE));
            }
            let token = self.next();
            let value = self.number(&token);
            if !value.is_finite() {
                let value = super::text::number(value);
                let what = format!("timestamp out of bounds for @ modifier: {value}");
                self.faults.push((node.start, what));
            }
        }
        self.modify(node, "@", "@ modifier", "@ <timestamp> may not be set multiple times");
        Ok(())
    }

    fn modify(&mut self, node: &mut Node, name: &'static str, what: &str, twice: &str) {
        match &mut node.form {
            Form::Data { modifiers, .. } if modifiers.contains(&name) => {
                self.faults.push((node.start, twice.to_owned()));
            }
            Form::Data { modifiers, .. } => modifiers.push(name),
            Form::Other => self.faults.push((
                node.start,
                format!(
                    "{what} must be preceded by an instant vector selector or range vector \
                     selector or a subquery"
                ),
            )),
        }
    }

    fn range(&mut self, node: &Node) -> Result<Node, Fault> {
        let bracket = self.next().start;
        self.duration(" in subquery selector, expected duration")?;
        if self.peek().is("]") {
            self.next();
            return Ok(self.range_of(node, bracket));
        }
        self.expect(":", " in subquery or range, expected \":\" or \"]\"")?;
        if self.peek().kind == Kind::Duration {
            self.duration("")?;
            self.expect("]", " in subquery selector, expected \"]\"")?;
        } else {
            self.expect("]", " in subquery selector, expected duration or \"]\"")?;
        }
        types::subquery(node, &mut self.type_faults);
        let form = Form::Data { kind: Data::Subquery, modifiers: Vec::new() };
        Ok(Node { ty: Type::Matrix, form, start: node.start, depth: node.depth + 1 })
    }

    fn range_of(&mut self, node: &Node, bracket: usize) -> Node {
        let why = match &node.form {
            Form::Data { kind: Data::Selector, modifiers } => {
                modifiers.first().map(|name| match *name {
                    "@" => "no @ modifiers allowed before range",
                    _ => "no offset modifiers allowed before range",
                })
            }
            Form::Data { kind: Data::Range | Data::Subquery, .. } | Form::Other => {
                Some("ranges only allowed for vector selectors")
            }
        };
        self.faults.extend(why.map(|why| (bracket, why.to_owned())));
        let form = Form::Data { kind: Data::Range, modifiers: Vec::new() };
        Node { ty: Type::Matrix, form, start: node.start, depth: node.depth }
    }

    fn operand(&mut self) -> Result<Node, Fault> {
        let token = self.peek().clone();
        let leaf = |ty| Node { ty, start: token.start, form: Form::Other, depth: 1 };
        match &token.kind {
            Kind::Punctuation("(") => {
                self.next();
                let inner = self.binary(0)?;
                self.expect(")", "")?;
                Ok(Node { form: Form::Other, depth: inner.depth + 1, ..leaf(inner.ty) })
            }
            Kind::Number => {
                let token = self.next();
                self.number(&token);
                Ok(leaf(Type::Scalar))
            }
            Kind::Text => {
                self.next();
                Ok(leaf(Type::Text))
            }
            Kind::Aggregator(name) if self.begins_aggregation() => self.aggregation(name),
            Kind::Identifier if self.after().is("(") => self.call(),
            Kind::Punctuation("{")
            | Kind::Identifier
            | Kind::MetricIdentifier
            | Kind::Aggregator(_)
            | Kind::Preprocessor
            | Kind::Keyword("by" | "offset" | "without")
            | Kind::Operator("and" | "or" | "unless") => self.vector_selector(),
            Kind::End
            | Kind::Bad(_)
            | Kind::Duration
            | Kind::Punctuation(_)
            | Kind::Operator(_)
            | Kind::Keyword(_) => Err(self.unexpected()),
        }
    }

    /// The next token, not taken.
    pub(super) fn peek(&self) -> &Token<'a> {
        // The last token, the end or a bad one, is never taken.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    /// The token after the next.
    pub(super) fn after(&self) -> &Token<'a> {
        &self.tokens[(self.at + 1).min(self.tokens.len() - 1)]
    }

    /// Takes the next token.
    pub(super) fn next(&mut self) -> Token<'a> {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    /// Takes this piece of punctuation, or complains.
    pub(super) fn expect(&mut self, punctuation: &str, place: &str) -> Result<(), Fault> {
        if !self.peek().is(punctuation) {
            return Err(if place.is_empty() {
                self.unexpected()
            } else {
                self.unexpected_in(place)
            });
        }
        self.next();
        Ok(())
    }

    pub(super) fn unexpected(&self) -> Fault {
        self.unexpected_in(if self.aggregations > 0 { " in aggregation" } else { "" })
    }

    pub(super) fn unexpected_in(&self, place: &str) -> Fault {
        let token = self.peek();
        if let Kind::Bad(why) = &token.kind {
            return (token.start, why.clone());
        }
        (token.start, format!("unexpected {}{place}", token.described()))
    }
}

/// How strongly an operator binds; 0 for what stands between no expressions.
fn strength_of(op: &str) -> u8 {
    match op {
        "or" => 1,
        "and" | "unless" => 2,
        "==" | "!=" | "<" | ">" | "<=" | ">=" => 3,
        "+" | "-" => 4,
        "*" | "/" | "%" | "atan2" => 5,
        "^" => 6,
        _ => 0,
    }
}
