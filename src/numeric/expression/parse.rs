//! Text → tree, by recursive descent. Every error names a place, and nesting, length and size are bounded, so that no text can do harm.

use std::fmt;

use super::tree::{Expression, Node, Operator, Variables};
use crate::numeric::words::nearest;

/// Longest text that is read, in characters.
pub const TEXT_MAX: usize = 1000;
/// Most nodes of a tree.
pub const SIZE_MAX: usize = 250;
/// Deepest nesting.
const DEPTH_MAX: usize = 50;

/// A function of the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// How many arguments it takes.
    pub arguments: usize,
    /// What it is.
    pub meaning: &'static str,
}

/// Every function. `ln` is another name of `log`, and `pow(x,y)` is x^y.
pub const FUNCTIONS: &[Function] = &[
    Function { name: "log", arguments: 1, meaning: "natural logarithm" },
    Function { name: "ln", arguments: 1, meaning: "natural logarithm" },
    Function { name: "exp", arguments: 1, meaning: "e^x" },
    Function { name: "log1p", arguments: 1, meaning: "log(1 + x), accurate near 0" },
    Function { name: "expm1", arguments: 1, meaning: "e^x − 1, accurate near 0" },
    Function { name: "sqrt", arguments: 1, meaning: "square root" },
    Function { name: "abs", arguments: 1, meaning: "|x|; no second derivative at its kink" },
    Function { name: "tanh", arguments: 1, meaning: "hyperbolic tangent" },
    Function { name: "sigmoid", arguments: 1, meaning: "1/(1 + e^−x)" },
    Function { name: "softplus", arguments: 1, meaning: "log(1 + e^x)" },
    Function { name: "min", arguments: 2, meaning: "the smaller; no second derivative where they meet" },
    Function { name: "max", arguments: 2, meaning: "the larger; no second derivative where they meet" },
    Function { name: "pow", arguments: 2, meaning: "x^y" },
];

/// Why a text is no formula: where, what, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The text.
    pub text: String,
    /// The place of the character at fault, in characters from 0.
    pub at: usize,
    /// What is wrong there.
    pub message: String,
    /// What to write instead, where that is clear.
    pub help: Option<String>,
}

impl ParseError {
    /// An error at a character of a text.
    pub fn new(text: &str, at: usize, message: impl Into<String>) -> Self {
        Self { text: text.to_owned(), at, message: message.into(), help: None }
    }

    /// The same with a hint.
    #[must_use]
    pub fn with_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// The text with a caret under the character at fault, on two lines; a long text is cut around it.
    pub fn picture(&self) -> String {
        const SIDE: usize = 36;
        let characters: Vec<char> = self.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let first = self.at.saturating_sub(SIDE);
        let last = characters.len().min(self.at + SIDE);
        let (before, after) = (if first > 0 { "…" } else { "" }, if last < characters.len() { "…" } else { "" });
        let shown: String = characters[first.min(last)..last].iter().collect();
        let indent = " ".repeat(self.at - first + before.chars().count());
        format!("  {before}{shown}{after}\n  {indent}^")
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.message, self.picture())
    }
}

impl std::error::Error for ParseError {}

/// Reads a formula of `variables`.
pub fn parse(text: &str, variables: Variables) -> Result<Expression, ParseError> {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() > TEXT_MAX {
        let message = format!("a formula has at most {TEXT_MAX} characters, and this one {}", characters.len());
        return Err(ParseError::new(text, TEXT_MAX, message));
    }
    let mut parser = Parser { text, characters, at: 0, depth: 0, size: 0, variables, names: Vec::new() };
    parser.skip_spaces();
    if parser.peek().is_none() {
        return Err(parser.fail(0, "the formula is empty"));
    }
    let root = parser.sum()?;
    if let Some(found) = parser.peek() {
        return Err(parser.stray(found));
    }
    Ok(Expression { root, variables, names: parser.names })
}

struct Parser<'t> {
    text: &'t str,
    characters: Vec<char>,
    at: usize,
    depth: usize,
    size: usize,
    variables: Variables,
    names: Vec<(String, usize)>,
}

impl Parser<'_> {
    fn fail(&self, at: usize, message: impl Into<String>) -> ParseError {
        ParseError::new(self.text, at, message)
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(|c| c == ' ' || c == '\t') {
            self.at += 1;
        }
    }

    /// Takes the character if it comes next, and the spaces behind it.
    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += 1;
            self.skip_spaces();
        }
        found
    }

    /// A node made at place `at`, if there is room for it.
    fn made(&mut self, node: Node, at: usize) -> Result<Node, ParseError> {
        self.size += 1;
        if self.size > SIZE_MAX {
            return Err(self.fail(at, format!("a formula has at most {SIZE_MAX} numbers, names and operations")));
        }
        Ok(node)
    }

    fn sum(&mut self) -> Result<Node, ParseError> {
        let mut left = self.product()?;
        loop {
            let at = self.at;
            let operator = match self.peek() {
                Some('+') => Operator::Add,
                Some('-') => Operator::Subtract,
                _ => return Ok(left),
            };
            self.take(operator.symbol());
            let right = self.product()?;
            left = self.made(Node::Operation(operator, left.into(), right.into()), at)?;
        }
    }

    fn product(&mut self) -> Result<Node, ParseError> {
        let mut left = self.signed()?;
        loop {
            let at = self.at;
            let operator = match self.peek() {
                Some('*') => Operator::Multiply,
                Some('/') => Operator::Divide,
                _ => return Ok(left),
            };
            self.take(operator.symbol());
            if self.peek() == Some('*') {
                return Err(self.fail(at, "`**` is no operator here").with_help(Some("a power is written with ^: x^2".into())));
            }
            let right = self.signed()?;
            left = self.made(Node::Operation(operator, left.into(), right.into()), at)?;
        }
    }

    /// Every way into a deeper nesting leads through here.
    fn signed(&mut self) -> Result<Node, ParseError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fail(self.at, format!("nested deeper than {DEPTH_MAX}")));
        }
        let at = self.at;
        let node = if self.take('-') {
            let inner = self.signed()?;
            self.made(Node::Negative(inner.into()), at)?
        } else if self.take('+') {
            self.signed()?
        } else {
            self.power()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn power(&mut self) -> Result<Node, ParseError> {
        let base = self.operand()?;
        let at = self.at;
        if !self.take('^') {
            return Ok(base);
        }
        let exponent = self.signed()?;
        self.made(Node::Operation(Operator::Power, base.into(), exponent.into()), at)
    }

    fn operand(&mut self) -> Result<Node, ParseError> {
        let at = self.at;
        match self.peek() {
            Some('(') => {
                self.take('(');
                let inner = self.sum()?;
                self.close(at)?;
                Ok(inner)
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_ascii_alphabetic() => self.name(),
            None => Err(self.fail(at, "the formula ends where a number, a name or ( belongs")),
            Some(c) => Err(self.unexpected(c)),
        }
    }

    /// The closing parenthesis of the one at `open`.
    fn close(&mut self, open: usize) -> Result<(), ParseError> {
        if self.take(')') {
            return Ok(());
        }
        match self.peek() {
            None => Err(self.fail(open, "this parenthesis is never closed")),
            Some(',') => Err(self.fail(self.at, "a comma stands between the arguments of a function only")),
            Some(c) => Err(self.stray(c)),
        }
    }

    fn number(&mut self) -> Result<Node, ParseError> {
        let start = self.at;
        let digits = |parser: &mut Self| {
            let from = parser.at;
            while parser.peek().is_some_and(|c| c.is_ascii_digit()) {
                parser.at += 1;
            }
            parser.at > from
        };
        let whole = digits(self);
        let mut fraction = false;
        if self.peek() == Some('.') {
            self.at += 1;
            fraction = digits(self);
        }
        if !whole && !fraction {
            return Err(self.fail(start, "a point is no number"));
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            let sign = usize::from(matches!(self.characters.get(self.at + 1), Some('+' | '-')));
            if self.characters.get(self.at + 1 + sign).is_some_and(char::is_ascii_digit) {
                self.at += 1 + sign;
                digits(self);
            }
        }
        let written: String = self.characters[start..self.at].iter().collect();
        let value: f64 = written.parse().map_err(|_| self.fail(start, format!("`{written}` is no number")))?;
        if !value.is_finite() {
            return Err(self.fail(start, format!("`{written}` is beyond the range of doubles")));
        }
        self.skip_spaces();
        if let Some(next) = self.peek().filter(|&c| c.is_ascii_alphabetic() || c == '(') {
            let rest = if next == '(' { "(…)".to_owned() } else { next.to_string() };
            let error = self.fail(self.at, format!("an operator is missing between `{written}` and `{next}`"));
            return Err(error.with_help(Some(format!("write {written}*{rest}"))));
        }
        self.made(Node::Number(value), start)
    }

    fn name(&mut self) -> Result<Node, ParseError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            self.at += 1;
        }
        let name: String = self.characters[start..self.at].iter().collect();
        self.skip_spaces();
        let function = FUNCTIONS.iter().find(|function| function.name == name).copied();
        let called = self.peek() == Some('(');
        match (function, called) {
            (Some(function), true) => self.call(function, start),
            (Some(function), false) => {
                let example = if function.arguments == 1 { "x" } else { "x,y" };
                let error = self.fail(start, format!("`{name}` is a function and needs its argument in parentheses"));
                Err(error.with_help(Some(format!("write {name}({example})"))))
            }
            (None, true) => Err(self.no_function(&name, start)),
            (None, false) => {
                if self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '.') {
                    return Err(self.fail(self.at, format!("an operator is missing behind `{name}`")));
                }
                let is_variable = self.variables.names().contains(&name.as_str());
                if !is_variable && ["p", "q", "z"].contains(&name.as_str()) {
                    let error = self
                        .fail(start, format!("`{name}` is no variable here; these are {}", self.variables.names().join(", ")));
                    return Err(error.with_help(Some("`ell` is a function of p and q, `own` and `others` of z".into())));
                }
                if !is_variable && !self.names.iter().any(|(known, _)| *known == name) {
                    self.names.push((name.clone(), start));
                }
                self.made(Node::Name(name), start)
            }
        }
    }

    /// A name with parentheses behind it that is no function.
    fn no_function(&self, name: &str, start: usize) -> ParseError {
        let near = nearest(name, FUNCTIONS.iter().map(|function| function.name));
        if self.variables.names().contains(&name) {
            let error = self.fail(self.at, format!("`{name}` is a variable, and no function"));
            return error.with_help(Some(format!("write {name}*(…)")));
        }
        let all: Vec<&str> = FUNCTIONS.iter().map(|function| function.name).collect();
        let help = near.map_or_else(
            || format!("the functions are {}; a product is written {name}*(…)", all.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        self.fail(start, format!("there is no function `{name}`")).with_help(Some(help))
    }

    fn call(&mut self, function: Function, start: usize) -> Result<Node, ParseError> {
        let open = self.at;
        self.take('(');
        let mut arguments = Vec::new();
        if self.peek() != Some(')') {
            arguments.push(self.sum()?);
            while self.peek() == Some(',') {
                self.take(',');
                arguments.push(self.sum()?);
            }
        }
        self.close(open)?;
        if arguments.len() != function.arguments {
            let wanted = if function.arguments == 1 { "1 argument" } else { "2 arguments" };
            return Err(self.fail(start, format!("`{}` takes {wanted}, not {}", function.name, arguments.len())));
        }
        self.made(Node::Call(function, arguments), start)
    }

    /// A character where an operator or the end belongs.
    fn stray(&self, found: char) -> ParseError {
        match found {
            ')' => self.fail(self.at, "this parenthesis closes nothing"),
            ',' => self.fail(self.at, "a comma stands between the arguments of a function only"),
            c if c.is_ascii_alphanumeric() || c == '(' || c == '.' => self
                .fail(self.at, format!("an operator is missing before `{c}`"))
                .with_help(Some("a product is written a*b".into())),
            c => self.unexpected(c),
        }
    }

    /// A character that begins nothing.
    fn unexpected(&self, found: char) -> ParseError {
        let help = match found {
            '−' | '–' | '—' => Some("a minus is written -"),
            '·' | '×' | '⋅' => Some("a product is written *"),
            '÷' => Some("a quotient is written /"),
            '²' | '³' => Some("a power is written ^: x^2"),
            '√' => Some("a square root is written sqrt(x)"),
            '|' => Some("an absolute value is written abs(x)"),
            '[' | ']' | '{' | '}' => Some("parentheses are ( and )"),
            '=' | '<' | '>' => Some("a formula is one value: no comparison, no assignment"),
            c if c.is_alphabetic() => Some("names are of ASCII letters: gamma, alpha"),
            _ => None,
        };
        let message = match found {
            '*' | '/' | '^' | ')' | ',' => format!("`{found}` stands where a number, a name or ( belongs"),
            c if c.is_control() => "this character has no place in a formula".to_owned(),
            c => format!("`{c}` has no place in a formula"),
        };
        self.fail(self.at, message).with_help(help.map(str::to_owned))
    }
}
