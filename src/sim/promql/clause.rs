//! The parts of an expression that the checker reads: selectors, calls, aggregations, clauses.

use promql_parser::parser::token::{T_EQL, T_EQL_REGEX, T_NEQ, T_NEQ_REGEX};
use promql_parser::util::unquote_string;

use super::check::{Checker, Data, Fault, Form, Node};
use super::labels::NAME;
use super::samples::Matcher;
use super::token::{Kind, Token};
use super::types::{self, Matching};
use super::value::Type;
use super::{duration, function};

impl<'a> Checker<'a> {
    /// `name{matchers}`, where one of the two may be missing.
    pub(super) fn name_and_matchers(&mut self) -> Result<(Option<&'a str>, Vec<Matcher>), Fault> {
        let name = if self.peek().is("{") { None } else { Some(self.metric_name()?) };
        let matchers = if self.peek().is("{") { self.matchers()? } else { Vec::new() };
        Ok((name, matchers))
    }

    /// A selector as an operand.
    pub(super) fn vector_selector(&mut self) -> Result<Node, Fault> {
        let start = self.peek().start;
        let (name, matchers) = self.name_and_matchers()?;
        if let Some(name) = name {
            let again = matchers.iter().find(|matcher| matcher.name == NAME);
            self.type_faults.extend(again.map(|again| {
                let other = &again.value;
                (start, format!("metric name must not be set twice: {name:?} or {other:?}"))
            }));
        } else if matchers.iter().all(|matcher| matcher.is_match("")) {
            let what = "vector selector must contain at least one non-empty matcher";
            self.type_faults.push((start, what.to_owned()));
        }
        let form = Form::Data { kind: Data::Selector, modifiers: Vec::new() };
        Ok(Node { ty: Type::Vector, start, form, depth: 1 })
    }

    fn metric_name(&mut self) -> Result<&'a str, Fault> {
        match self.peek().kind {
            Kind::Identifier
            | Kind::MetricIdentifier
            | Kind::Aggregator(_)
            | Kind::Preprocessor
            | Kind::Keyword("by" | "offset" | "without")
            | Kind::Operator("and" | "or" | "unless") => Ok(self.next().text),
            Kind::End
            | Kind::Bad(_)
            | Kind::Text
            | Kind::Number
            | Kind::Duration
            | Kind::Punctuation(_)
            | Kind::Operator(_)
            | Kind::Keyword(_) => Err(self.unexpected()),
        }
    }

    fn matchers(&mut self) -> Result<Vec<Matcher>, Fault> {
        let mut matchers = Vec::new();
        self.next();
        while !self.peek().is("}") {
            matchers.extend(self.matcher()?);
            if self.peek().is(",") {
                self.next();
            } else if !self.peek().is("}") {
                return Err(self.unexpected_in(" in label matching, expected \",\" or \"}\""));
            }
        }
        self.next();
        Ok(matchers)
    }

    /// One matcher; nothing if its pattern is bad, which is noted.
    fn matcher(&mut self) -> Result<Option<Matcher>, Fault> {
        if self.peek().kind != Kind::Identifier {
            return Err(self.unexpected_in(" in label matching, expected identifier or \"}\""));
        }
        let name = self.next();
        let operator = match self.peek().kind {
            Kind::Punctuation("=") => T_EQL,
            Kind::Operator("!=") => T_NEQ,
            Kind::Operator("=~") => T_EQL_REGEX,
            Kind::Operator("!~") => T_NEQ_REGEX,
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
            | Kind::Preprocessor => {
                return Err(
                    self.unexpected_in(" in label matching, expected label matching operator")
                );
            }
        };
        self.next();
        if self.peek().kind != Kind::Text {
            return Err(self.unexpected_in(" in label matching, expected string"));
        }
        let value = unquote_string(self.next().text).unwrap_or_default();
        let matcher = Matcher::new_matcher(operator, name.text.to_owned(), value.clone()).ok();
        if matcher.is_none() {
            self.faults.push((name.start, pattern_fault(&value)));
        }
        Ok(matcher)
    }

    /// Whether the next token begins an aggregation; otherwise it is the name of a metric.
    pub(super) fn begins_aggregation(&self) -> bool {
        let after = self.after();
        after.is("(") || matches!(after.kind, Kind::Keyword("by" | "without"))
    }

    pub(super) fn aggregation(&mut self, name: &str) -> Result<Node, Fault> {
        let start = self.next().start;
        self.aggregations += 1;
        let grouped = self.grouping()?;
        let args = self.arguments()?;
        if !grouped {
            self.grouping()?;
        }
        self.aggregations -= 1;
        let wanted =
            if ["topk", "bottomk", "count_values", "quantile"].contains(&name) { 2 } else { 1 };
        if args.is_empty() {
            let what = "no arguments for aggregate expression provided";
            self.faults.push((start, what.to_owned()));
        } else if args.len() != wanted {
            self.faults.push((
                start,
                format!(
                    "wrong number of arguments for aggregate expression provided, \
                     expected {wanted}, got {}",
                    args.len()
                ),
            ));
        }
        types::aggregation(name, &args, &mut self.type_faults);
        Ok(parent(Type::Vector, start, &args))
    }

    fn grouping(&mut self) -> Result<bool, Fault> {
        let found = matches!(self.peek().kind, Kind::Keyword("by" | "without"));
        if found {
            self.next();
            self.label_names()?;
        }
        Ok(found)
    }

    pub(super) fn call(&mut self) -> Result<Node, Fault> {
        let name = self.next();
        let args = self.arguments()?;
        let Some(function) = function::find(name.text) else {
            let what = format!("unknown function with name {:?}", name.text);
            self.faults.push((name.start, what));
            return Ok(parent(Type::Vector, name.start, &args));
        };
        types::call(name.start, function, &args, &mut self.type_faults);
        Ok(parent(function.returns, name.start, &args))
    }

    fn arguments(&mut self) -> Result<Vec<Node>, Fault> {
        let mut args = Vec::new();
        self.expect("(", "")?;
        if self.peek().is(")") {
            self.next();
            return Ok(args);
        }
        loop {
            args.push(self.binary(0)?);
            if !self.peek().is(",") {
                break;
            }
            let comma = self.next().start;
            if !matches!(self.peek().kind, Kind::Bad(_)) && !self.begins_expression() {
                let what = "trailing commas not allowed in function call args";
                self.faults.push((comma, what.to_owned()));
                break;
            }
        }
        self.expect(")", "")?;
        Ok(args)
    }

    fn begins_expression(&self) -> bool {
        match self.peek().kind {
            Kind::Identifier
            | Kind::MetricIdentifier
            | Kind::Text
            | Kind::Number
            | Kind::Aggregator(_)
            | Kind::Preprocessor
            | Kind::Punctuation("(" | "{")
            | Kind::Keyword("by" | "offset" | "without")
            | Kind::Operator("and" | "or" | "unless" | "+" | "-") => true,
            Kind::End
            | Kind::Bad(_)
            | Kind::Duration
            | Kind::Punctuation(_)
            | Kind::Operator(_)
            | Kind::Keyword(_) => false,
        }
    }

    /// `bool`, `on (…)`, `group_left (…)` after an operator.
    pub(super) fn matching(&mut self) -> Result<Matching, Fault> {
        let mut matching = Matching::default();
        if let Kind::Keyword(word @ "bool") = self.peek().kind {
            self.next();
            matching.words.push(word);
        }
        let Kind::Keyword(word @ ("on" | "ignoring")) = self.peek().kind else {
            return Ok(matching);
        };
        self.next();
        matching.words.push(word);
        matching.labels = self.label_names()?;
        if let Kind::Keyword(word @ ("group_left" | "group_right")) = self.peek().kind {
            self.next();
            matching.words.push(word);
            if self.peek().is("(") {
                matching.include = self.label_names()?;
            }
        }
        Ok(matching)
    }

    fn label_names(&mut self) -> Result<Vec<String>, Fault> {
        let mut names = Vec::new();
        self.expect("(", " in grouping opts, expected \"(\"")?;
        while !self.peek().is(")") {
            names.push(self.label_name()?.to_owned());
            if self.peek().is(",") {
                self.next();
            } else if !self.peek().is(")") {
                return Err(self.unexpected_in(" in grouping opts, expected \",\" or \")\""));
            }
        }
        self.next();
        Ok(names)
    }

    fn label_name(&mut self) -> Result<&'a str, Fault> {
        match self.peek().kind {
            Kind::Identifier
            | Kind::Aggregator(_)
            | Kind::Keyword(_)
            | Kind::Preprocessor
            | Kind::Operator("and" | "or" | "unless" | "atan2") => Ok(self.next().text),
            Kind::End
            | Kind::Bad(_)
            | Kind::MetricIdentifier
            | Kind::Text
            | Kind::Number
            | Kind::Duration
            | Kind::Punctuation(_)
            | Kind::Operator(_) => Err(self.unexpected_in(" in grouping opts, expected label")),
        }
    }

    /// Takes a duration and checks its value.
    pub(super) fn duration(&mut self, place: &str) -> Result<(), Fault> {
        if self.peek().kind != Kind::Duration {
            return Err(self.unexpected_in(place));
        }
        let token = self.next();
        if let Err(fault) = duration::above_zero(token.text) {
            self.faults.push((token.start, fault));
        }
        Ok(())
    }

    /// The value of a number; 0 and a fault if it has none.
    pub(super) fn number(&mut self, token: &Token<'_>) -> f64 {
        let text = token.text.to_ascii_lowercase();
        let value = match text.strip_prefix("0x") {
            // Only a check of the form: the value is promql-parser's business.
            Some(digits) => i64::from_str_radix(digits, 16).ok().map(|_| 0.0),
            None => text.parse::<f64>().ok(),
        };
        let word = text == "inf" || text == "nan";
        let why = match value {
            None => "invalid syntax",
            Some(value) if value.is_infinite() && !word => "value out of range",
            Some(value) => return value,
        };
        let what =
            format!("error parsing number: strconv.ParseFloat: parsing {:?}: {why}", token.text);
        self.faults.push((token.start, what));
        0.0
    }
}

fn parent(ty: Type, start: usize, args: &[Node]) -> Node {
    let deepest = args.iter().map(|arg| arg.depth).max().unwrap_or_default();
    Node { ty, start, form: Form::Other, depth: deepest + 1 }
}

/// What is wrong with a pattern. Go's words for the most common mistakes, Rust's for the others.
fn pattern_fault(pattern: &str) -> String {
    let anchored = format!("^(?:{pattern})$");
    let why =
        regex::Regex::new(&anchored).map_or_else(|error| error.to_string(), |_| String::new());
    let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let words = match why.as_str() {
        "unclosed group" => format!("missing closing ): `{anchored}`"),
        "unopened group" => format!("unexpected ): `{anchored}`"),
        "repetition operator missing expression" => {
            let operator = pattern.chars().find(|c| "*+?".contains(*c)).unwrap_or('*');
            format!("missing argument to repetition operator: `{operator}`")
        }
        "unclosed character class" => {
            let from = anchored.rfind('[').unwrap_or_default();
            format!("missing closing ]: `{}`", &anchored[from..])
        }
        _ => format!("{why}: `{anchored}`"),
    };
    format!("error parsing regexp: {words}")
}
