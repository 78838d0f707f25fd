//! The syntax tree, and its one canonical text.

use std::fmt;

use super::Function;

/// The variables that a formula may use beside K.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variables {
    /// p, the true class's probability, and q = 1 − p.
    TrueClass,
    /// z, one logit.
    Logit,
}

impl Variables {
    /// Their names, K among them.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Variables::TrueClass => &["p", "q", "K"],
            Variables::Logit => &["z", "K"],
        }
    }
}

/// A node of the syntax tree.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// A number as written, rounded to the nearest double.
    Number(f64),
    /// A variable or parameter.
    Name(String),
    /// −x.
    Negative(Box<Node>),
    /// x + y, x − y, x·y, x/y, x^y.
    Operation(Operator, Box<Node>, Box<Node>),
    /// A function's value.
    Call(Function, Vec<Node>),
}

/// A binary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

impl Operator {
    pub(super) fn symbol(self) -> char {
        match self {
            Operator::Add => '+',
            Operator::Subtract => '-',
            Operator::Multiply => '*',
            Operator::Divide => '/',
            Operator::Power => '^',
        }
    }

    /// How tightly it binds; a sign binds as a product does.
    fn level(self) -> u8 {
        match self {
            Operator::Add | Operator::Subtract => 1,
            Operator::Multiply | Operator::Divide => 2,
            Operator::Power => 4,
        }
    }
}

/// A formula whose text is well formed. Its `Display` is canonical: two texts that differ in spaces and needless parentheses alone have the same.
#[derive(Clone, Debug)]
pub struct Expression {
    pub(super) root: Node,
    pub(super) variables: Variables,
    pub(super) names: Vec<(String, usize)>,
}

impl PartialEq for Expression {
    /// Where its parameters stood in the text does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root && self.variables == other.variables
    }
}

impl Expression {
    /// Which variables it may use.
    pub fn variables(&self) -> Variables {
        self.variables
    }

    /// The parameters it uses, each with the place of its first use (in characters, from 0), in the order of these.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, usize)> {
        self.names.iter().map(|(name, at)| (name.as_str(), *at))
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(&self.root, 0, f)
    }
}

/// Writes a node where what binds less tightly than `level` needs parentheses.
fn write(node: &Node, level: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let parentheses = |own: u8, body: &dyn Fn(&mut fmt::Formatter<'_>) -> fmt::Result, f: &mut fmt::Formatter<'_>| {
        if own >= level {
            return body(f);
        }
        f.write_str("(")?;
        body(f)?;
        f.write_str(")")
    };
    match node {
        // The shortest decimal that reads back to the same double.
        Node::Number(x) if x.fract().abs() <= 0.0 && *x < 1e15 => write!(f, "{x}"),
        Node::Number(x) => write!(f, "{x:?}"),
        Node::Name(name) => f.write_str(name),
        Node::Negative(x) => parentheses(
            3,
            &|f| {
                f.write_str("-")?;
                write(x, 3, f)
            },
            f,
        ),
        Node::Operation(operator, x, y) => {
            let own = operator.level();
            // The right side of − and / keeps its parentheses, as does that of + and ·: floats do not associate. The exponent may carry a sign.
            let (left, right) = if *operator == Operator::Power { (5, 3) } else { (own, own + 1) };
            parentheses(
                own,
                &|f| {
                    write(x, left, f)?;
                    write!(f, "{}", operator.symbol())?;
                    write(y, right, f)
                },
                f,
            )
        }
        Node::Call(function, arguments) => {
            write!(f, "{}(", function.name)?;
            for (at, argument) in arguments.iter().enumerate() {
                if at > 0 {
                    f.write_str(",")?;
                }
                write(argument, 0, f)?;
            }
            f.write_str(")")
        }
    }
}
