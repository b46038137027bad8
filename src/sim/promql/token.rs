//! The lexer of Prometheus 2.42, for its complaints: where a query stops making sense, and how
//! Prometheus words it. (`promql-parser` knows neither places nor those words.)

/// One piece of a query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// As it stands in the query.
    pub(super) text: &'a str,
    /// Where it begins, in bytes.
    pub(super) start: usize,
}

/// What a piece is. Words are in lower case, however the query spells them.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    End,
    /// The lexer gave up here, and why.
    Bad(String),
    Identifier,
    /// An identifier with a colon: the name of a recorded series.
    MetricIdentifier,
    Text,
    Number,
    Duration,
    Punctuation(&'static str),
    Operator(&'static str),
    Aggregator(&'static str),
    Keyword(&'static str),
    /// `start` or `end`.
    Preprocessor,
}

impl Token<'_> {
    /// The token as messages name it.
    pub(super) fn described(&self) -> String {
        match &self.kind {
            Kind::End => "end of input".to_owned(),
            Kind::Bad(why) => why.clone(),
            Kind::Identifier => format!("identifier {:?}", self.text),
            Kind::MetricIdentifier => format!("metric identifier {:?}", self.text),
            Kind::Text => format!("string {}", self.shortened()),
            Kind::Number => format!("number {}", self.shortened()),
            Kind::Duration => format!("duration {}", self.shortened()),
            Kind::Preprocessor => format!("{:?}", self.text),
            Kind::Punctuation(text) => format!("{text:?}"),
            Kind::Operator(word) => format!("<op:{word}>"),
            Kind::Aggregator(word) => format!("<aggr:{word}>"),
            Kind::Keyword(word) => format!("<{word}>"),
        }
    }

    /// Whether this is that piece of punctuation.
    pub(super) fn is(&self, punctuation: &str) -> bool {
        matches!(self.kind, Kind::Punctuation(text) if text == punctuation)
    }

    fn shortened(&self) -> String {
        if self.text.len() <= 10 {
            return format!("{:?}", self.text);
        }
        let short: String = self.text.chars().take(10).collect();
        format!("{short:?}...")
    }
}

/// The pieces of a query, up to its end or to the first that is bad.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { text, start: 0, at: 0, parens: 0, place: Place::Outside };
    let mut tokens = Vec::new();
    loop {
        let kind = lexer.next_kind();
        let last = matches!(kind, Kind::End | Kind::Bad(_));
        tokens.push(Token { kind, text: &text[lexer.start..lexer.at], start: lexer.start });
        if last {
            return tokens;
        }
    }
}

/// Where the lexer is: the same characters mean different things.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Outside,
    Braces,
    /// After `[`, where only a duration may come.
    Bracket,
    /// After the duration.
    Range,
    /// After the colon of a subquery.
    Subquery,
}

struct Lexer<'a> {
    text: &'a str,
    start: usize,
    at: usize,
    parens: usize,
    place: Place,
}

impl Lexer<'_> {
    fn next_kind(&mut self) -> Kind {
        self.skip_blanks();
        self.start = self.at;
        match self.place {
            Place::Braces => self.inside_braces(),
            Place::Bracket => self.range(),
            Place::Outside | Place::Range | Place::Subquery => self.statement(),
        }
    }

    fn statement(&mut self) -> Kind {
        let Some(first) = self.take() else { return self.end() };
        match first {
            ',' => Kind::Punctuation(","),
            '*' => Kind::Operator("*"),
            '/' => Kind::Operator("/"),
            '%' => Kind::Operator("%"),
            '+' => Kind::Operator("+"),
            '-' => Kind::Operator("-"),
            '^' => Kind::Operator("^"),
            '@' => Kind::Operator("@"),
            '=' if self.accept("=") => Kind::Operator("=="),
            '=' if self.peek() == Some('~') => bad("unexpected character after '=': '~'"),
            '=' => Kind::Punctuation("="),
            '!' => match self.take() {
                Some('=') => Kind::Operator("!="),
                other => bad(format!("unexpected character after '!': {}", quoted(other))),
            },
            '<' if self.accept("=") => Kind::Operator("<="),
            '<' => Kind::Operator("<"),
            '>' if self.accept("=") => Kind::Operator(">="),
            '>' => Kind::Operator(">"),
            '"' | '\'' | '`' => self.string(first),
            '(' | ')' | '[' | ']' | '{' => self.bracket(first),
            '.' if self.peek().is_some_and(|c| c.is_ascii_digit()) => self.number(first),
            c if c.is_ascii_digit() => self.number(first),
            c if letter(c) || c == ':' => self.word(first),
            c => bad(format!("unexpected character: {}", quoted(Some(c)))),
        }
    }

    fn end(&self) -> Kind {
        if self.parens > 0 {
            return bad("unclosed left parenthesis");
        }
        if self.place != Place::Outside {
            return bad("unclosed left bracket");
        }
        Kind::End
    }

    fn bracket(&mut self, first: char) -> Kind {
        match first {
            '(' => {
                self.parens += 1;
                Kind::Punctuation("(")
            }
            ')' if self.parens == 0 => {
                // The parenthesis has been handed out when the lexer notices.
                self.start = self.at;
                bad("unexpected right parenthesis ')'")
            }
            ')' => {
                self.parens -= 1;
                Kind::Punctuation(")")
            }
            '{' => {
                self.place = Place::Braces;
                Kind::Punctuation("{")
            }
            '[' if self.place == Place::Outside => {
                self.place = Place::Bracket;
                Kind::Punctuation("[")
            }
            '[' => bad("unexpected left bracket '['"),
            _ if self.place == Place::Outside => bad("unexpected right bracket ']'"),
            _ => {
                self.place = Place::Outside;
                Kind::Punctuation("]")
            }
        }
    }

    fn range(&mut self) -> Kind {
        if self.scan_number() {
            return bad("missing unit character in duration");
        }
        if !self.scan_duration() {
            return bad(format!("bad duration syntax: {:?}", &self.text[self.start..self.at]));
        }
        self.place = Place::Range;
        Kind::Duration
    }

    fn number(&mut self, first: char) -> Kind {
        self.at -= first.len_utf8();
        if self.scan_number() {
            return Kind::Number;
        }
        if self.scan_duration() {
            return Kind::Duration;
        }
        let seen = &self.text[self.start..self.at];
        bad(format!("bad number or duration syntax: {seen:?}"))
    }

    fn scan_number(&mut self) -> bool {
        let hex = self.accept("0") && self.accept("xX");
        let digits = if hex { "0123456789abcdefABCDEF" } else { "0123456789" };
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        if self.accept("eE") {
            let _sign = self.accept("+-");
            self.accept_run("0123456789");
        }
        !self.peek().is_some_and(letter_or_digit)
    }

    /// The unit after the first number, and what follows.
    fn scan_duration(&mut self) -> bool {
        if !self.accept("smhdwy") {
            return false;
        }
        let _ms = self.accept("s");
        while self.accept("0123456789") {
            self.accept_run("0123456789");
            if !self.accept("smhdw") {
                return false;
            }
            let _ms = self.accept("s");
        }
        if self.peek().is_some_and(letter_or_digit) {
            self.take();
            return false;
        }
        true
    }

    fn word(&mut self, first: char) -> Kind {
        match self.place {
            Place::Outside | Place::Braces | Place::Bracket => {}
            Place::Range => {
                self.place = Place::Subquery;
                return Kind::Punctuation(":");
            }
            Place::Subquery => {
                return bad(format!("unexpected colon {}", quoted(Some(first))));
            }
        }
        while self.peek().is_some_and(|c| letter_or_digit(c) || c == ':') {
            self.take();
        }
        let word = &self.text[self.start..self.at];
        match KEYWORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
            Some((_, kind)) => kind.clone(),
            None if word.contains(':') => Kind::MetricIdentifier,
            None => Kind::Identifier,
        }
    }

    fn inside_braces(&mut self) -> Kind {
        match self.take() {
            None => bad("unexpected end of input inside braces"),
            Some(',') => Kind::Punctuation(","),
            Some('=') if self.accept("~") => Kind::Operator("=~"),
            Some('=') => Kind::Punctuation("="),
            Some('!') => match self.take() {
                Some('~') => Kind::Operator("!~"),
                Some('=') => Kind::Operator("!="),
                other => {
                    bad(format!("unexpected character after '!' inside braces: {}", quoted(other)))
                }
            },
            Some(quote @ ('"' | '\'' | '`')) => self.string(quote),
            Some('{') => bad("unexpected left brace '{'"),
            Some('}') => {
                self.place = Place::Outside;
                Kind::Punctuation("}")
            }
            Some(c) if letter(c) => {
                while self.peek().is_some_and(letter_or_digit) {
                    self.take();
                }
                Kind::Identifier
            }
            Some(c) => bad(format!("unexpected character inside braces: {}", quoted(Some(c)))),
        }
    }

    fn string(&mut self, quote: char) -> Kind {
        loop {
            match self.take() {
                None if quote == '`' => return bad("unterminated raw string"),
                None => return bad("unterminated quoted string"),
                Some('\n') if quote != '`' => return bad("unterminated quoted string"),
                Some('\\') if quote != '`' => {
                    if let Err(why) = self.escape(quote) {
                        return bad(why);
                    }
                }
                Some(c) if c == quote => return Kind::Text,
                Some(_) => {}
            }
        }
    }

    fn escape(&mut self, quote: char) -> Result<(), String> {
        let unterminated = || "escape sequence not terminated".to_owned();
        let c = self.take().ok_or_else(unterminated)?;
        let (mut left, base, max, mut value) = match c {
            'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' => return Ok(()),
            c if c == quote => return Ok(()),
            '0'..='7' => (2, 8, 255, c.to_digit(8).unwrap_or_default()),
            'x' => (2, 16, 255, 0),
            'u' => (4, 16, 0x10_FFFF, 0),
            'U' => (8, 16, 0x10_FFFF, 0),
            c => return Err(format!("unknown escape sequence {}", code_point(c))),
        };
        while left > 0 {
            let c = self.take().ok_or_else(unterminated)?;
            let digit = c.to_digit(base);
            let illegal = || format!("illegal character {} in escape sequence", code_point(c));
            value = digit.ok_or_else(illegal)?.saturating_add(value.saturating_mul(base));
            left -= 1;
        }
        if value > max || (0xD800..0xE000).contains(&value) {
            return Err("escape sequence is an invalid Unicode code point".to_owned());
        }
        Ok(())
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            self.at += blank;
            // A comment goes to the end of its line, but not where only a duration may come.
            if self.place == Place::Bracket || !self.text[self.at..].starts_with('#') {
                return;
            }
            let rest = &self.text[self.at..];
            self.at += rest.find(['\r', '\n']).unwrap_or(rest.len());
        }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn accept(&mut self, any: &str) -> bool {
        let found = self.peek().is_some_and(|c| any.contains(c));
        if found {
            self.take();
        }
        found
    }

    fn accept_run(&mut self, any: &str) {
        while self.accept(any) {}
    }
}

fn bad(why: impl Into<String>) -> Kind {
    Kind::Bad(why.into())
}

/// A character in single quotes; Go shows the end of input as the replacement character.
fn quoted(c: Option<char>) -> String {
    format!("'{}'", c.unwrap_or(char::REPLACEMENT_CHARACTER))
}

fn code_point(c: char) -> String {
    format!("U+{:04X} '{c}'", u32::from(c))
}

fn letter(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

fn letter_or_digit(c: char) -> bool {
    letter(c) || c.is_ascii_digit()
}

static KEYWORDS: &[(&str, Kind)] = &[
    ("and", Kind::Operator("and")),
    ("or", Kind::Operator("or")),
    ("unless", Kind::Operator("unless")),
    ("atan2", Kind::Operator("atan2")),
    ("sum", Kind::Aggregator("sum")),
    ("avg", Kind::Aggregator("avg")),
    ("count", Kind::Aggregator("count")),
    ("min", Kind::Aggregator("min")),
    ("max", Kind::Aggregator("max")),
    ("group", Kind::Aggregator("group")),
    ("stddev", Kind::Aggregator("stddev")),
    ("stdvar", Kind::Aggregator("stdvar")),
    ("topk", Kind::Aggregator("topk")),
    ("bottomk", Kind::Aggregator("bottomk")),
    ("count_values", Kind::Aggregator("count_values")),
    ("quantile", Kind::Aggregator("quantile")),
    ("offset", Kind::Keyword("offset")),
    ("by", Kind::Keyword("by")),
    ("without", Kind::Keyword("without")),
    ("on", Kind::Keyword("on")),
    ("ignoring", Kind::Keyword("ignoring")),
    ("group_left", Kind::Keyword("group_left")),
    ("group_right", Kind::Keyword("group_right")),
    ("bool", Kind::Keyword("bool")),
    ("start", Kind::Preprocessor),
    ("end", Kind::Preprocessor),
    ("inf", Kind::Number),
    ("nan", Kind::Number),
];
