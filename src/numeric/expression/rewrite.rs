//! Tree → steps, with the rewritings that keep digits. Each is an identity of real functions on the formula's domain:
//!
//! ```text
//! 1−p → q, 1−q → p                     −(−x) → x,  −x+y → y−x,  x+(−y) → x−y,  x−(−y) → x+y
//! log p, log q → their leaves          log(exp x) → x,  log(1/x) → −log x
//! p^c, q^c → their leaf powers         1−p^c → −expm1(c log p), the same of q
//! √p → p^½                             (p^c)^d → p^(cd), x/p^c → x·p^(−c)
//! log(1+exp x) → softplus x            1/(1+exp x) → sigmoid(−x),  exp x/(1+exp x) → sigmoid x
//! log1p(−p) → log q                    log(sigmoid x) → −softplus(−x),  1−sigmoid x → sigmoid(−x)
//! ```
//!
//! Nothing is rounded here but where `folding`: then what is constant is computed in floats.

use super::program::{Binary, Leaf, Register, Step, Unary, binary, unary};
use super::tree::{Expression, Node, Operator};
use crate::numeric::jet::{Jet, Scalar};

/// Largest integer exponent that is computed by products.
const INTEGER_MAX: f64 = 64.0;

/// Steps under construction; equal steps are one.
pub(super) struct Builder {
    steps: Vec<Step>,
    /// Whether each varies with p or z.
    varies: Vec<bool>,
    parameters: Vec<String>,
    folding: bool,
}

impl Builder {
    pub(super) fn new(expression: &Expression) -> Self {
        let parameters = expression.names.iter().map(|(name, _)| name.clone()).collect();
        Self { steps: Vec::new(), varies: Vec::new(), parameters, folding: false }
    }

    pub(super) fn folding() -> Self {
        Self { steps: Vec::new(), varies: Vec::new(), parameters: Vec::new(), folding: true }
    }

    /// The steps that `root` needs, in order, with `root` last.
    pub(super) fn finish(self, root: Register) -> Vec<Step> {
        let mut needed = vec![false; self.steps.len()];
        needed[root] = true;
        for at in (0..=root).rev().filter(|&at| at <= root) {
            if needed[at] {
                operands(&self.steps[at]).into_iter().flatten().for_each(|operand| needed[operand] = true);
            }
        }
        let mut places = vec![0; self.steps.len()];
        let mut out: Vec<Step> = Vec::new();
        for (at, step) in self.steps.iter().enumerate().filter(|&(at, _)| needed[at]) {
            places[at] = out.len();
            out.push(moved(step, &places));
        }
        out
    }

    /// The register of a step, an old one where the step is known.
    fn push(&mut self, step: Step) -> Register {
        if let Some(known) = self.steps.iter().position(|other| same(other, &step)) {
            return known;
        }
        let varies = match step {
            Step::Number(_) | Step::Parameter(_) | Step::Classes => false,
            Step::Leaf(_) | Step::LeafPower(..) => true,
            ref other => operands(other).into_iter().flatten().any(|operand| self.varies[operand]),
        };
        self.steps.push(step);
        self.varies.push(varies);
        self.steps.len() - 1
    }

    fn number(&mut self, x: f64) -> Register {
        self.push(Step::Number(x))
    }

    fn value(&self, x: Register) -> Option<f64> {
        if let Step::Number(value) = self.steps[x] { Some(value) } else { None }
    }

    fn is(&self, x: Register, value: f64) -> bool {
        self.value(x).is_some_and(|found| (found - value).abs() <= 0.0)
    }

    /// Both values, where constants are to be folded.
    fn foldable(&self, x: Register, y: Register) -> Option<(f64, f64)> {
        if self.folding { Some((self.value(x)?, self.value(y)?)) } else { None }
    }

    /// The register of a node.
    pub(super) fn node(&mut self, node: &Node) -> Register {
        match node {
            Node::Number(x) => self.number(*x),
            Node::Name(name) => self.name(name),
            Node::Negative(x) => {
                let x = self.node(x);
                self.unary(Unary::Negate, x)
            }
            Node::Operation(operator, x, y) => {
                let (x, y) = (self.node(x), self.node(y));
                match operator {
                    Operator::Add => self.binary(Binary::Add, x, y),
                    Operator::Subtract => self.binary(Binary::Subtract, x, y),
                    Operator::Multiply => self.binary(Binary::Multiply, x, y),
                    Operator::Divide => self.binary(Binary::Divide, x, y),
                    Operator::Power => self.power(x, y),
                }
            }
            Node::Call(function, arguments) => {
                let arguments: Vec<Register> = arguments.iter().map(|argument| self.node(argument)).collect();
                let x = arguments[0];
                match function.name {
                    "log" | "ln" => self.unary(Unary::Log, x),
                    "exp" => self.unary(Unary::Exp, x),
                    "log1p" => self.unary(Unary::Log1p, x),
                    "expm1" => self.unary(Unary::Expm1, x),
                    "sqrt" => self.unary(Unary::Sqrt, x),
                    "abs" => self.unary(Unary::Abs, x),
                    "tanh" => self.unary(Unary::Tanh, x),
                    "sigmoid" => self.unary(Unary::Logistic, x),
                    "softplus" => self.unary(Unary::Softplus, x),
                    "min" => self.binary(Binary::Min, x, arguments[1]),
                    "max" => self.binary(Binary::Max, x, arguments[1]),
                    _ => self.power(x, arguments[1]),
                }
            }
        }
    }

    fn name(&mut self, name: &str) -> Register {
        match name {
            "K" => self.push(Step::Classes),
            // Which of these a formula may use was settled when it was read.
            "p" => self.push(Step::Leaf(Leaf::True)),
            "q" => self.push(Step::Leaf(Leaf::Other)),
            "z" => self.push(Step::Leaf(Leaf::Logit)),
            _ => {
                let index = self.parameters.iter().position(|known| known == name).unwrap_or(0);
                self.push(Step::Parameter(index))
            }
        }
    }

    /// A step of another program again, its operands at `places`.
    pub(super) fn copy(&mut self, step: &Step, places: &[Register], parameters: &[f64]) -> Register {
        match *step {
            Step::Parameter(index) => self.number(parameters[index]),
            Step::LeafPower(leaf, exponent) => self.leaf_power(leaf, places[exponent]),
            Step::Unary(function, x) => self.unary(function, places[x]),
            Step::Binary(Binary::Power, x, y) => self.power(places[x], places[y]),
            Step::Binary(function, x, y) => self.binary(function, places[x], places[y]),
            Step::Integer(x, n) => {
                let exponent = self.number(f64::from(n));
                self.power(places[x], exponent)
            }
            Step::Constant(x, exponent) => self.power(places[x], places[exponent]),
            other => self.push(other),
        }
    }

    fn negate(&mut self, x: Register) -> Register {
        match self.steps[x] {
            Step::Number(value) => self.number(-value),
            Step::Unary(Unary::Negate, inner) => inner,
            _ => self.push(Step::Unary(Unary::Negate, x)),
        }
    }

    /// log p or log q.
    fn log_leaf(&mut self, leaf: Leaf) -> Register {
        let surprise = self.push(Step::Leaf(if leaf == Leaf::Other { Leaf::OtherSurprise } else { Leaf::Surprise }));
        self.negate(surprise)
    }

    /// The argument of e^x where `x` is 1 + e^x.
    fn one_plus_exp(&self, x: Register) -> Option<Register> {
        let Step::Binary(Binary::Add, a, b) = self.steps[x] else { return None };
        let (one, exp) = if self.is(a, 1.0) { (a, b) } else { (b, a) };
        match self.steps[exp] {
            Step::Unary(Unary::Exp, inner) if self.is(one, 1.0) => Some(inner),
            _ => None,
        }
    }

    fn unary(&mut self, function: Unary, x: Register) -> Register {
        if let (true, Some(value)) = (self.folding, self.value(x)) {
            return self.number(unary(function, Jet::constant(value)).value);
        }
        match (function, self.steps[x]) {
            (Unary::Negate, _) => self.negate(x),
            (Unary::Log, Step::Leaf(leaf @ (Leaf::True | Leaf::Other))) => self.log_leaf(leaf),
            (Unary::Log, Step::LeafPower(leaf, exponent)) => {
                let log = self.log_leaf(leaf);
                self.binary(Binary::Multiply, exponent, log)
            }
            (Unary::Log, Step::Unary(Unary::Exp, inner)) => inner,
            (Unary::Log, Step::Unary(Unary::Logistic, inner)) => {
                let inner = self.negate(inner);
                let softplus = self.unary(Unary::Softplus, inner);
                self.negate(softplus)
            }
            (Unary::Log, Step::Binary(Binary::Divide, one, y)) if self.is(one, 1.0) => {
                let log = self.unary(Unary::Log, y);
                self.negate(log)
            }
            (Unary::Log, _) if self.one_plus_exp(x).is_some() => {
                let inner = self.one_plus_exp(x).unwrap_or(x);
                self.unary(Unary::Softplus, inner)
            }
            (Unary::Log1p, Step::Unary(Unary::Exp, inner)) => self.unary(Unary::Softplus, inner),
            (Unary::Log1p, Step::Unary(Unary::Negate, inner)) => match self.steps[inner] {
                Step::Leaf(Leaf::True) => self.log_leaf(Leaf::Other),
                Step::Leaf(Leaf::Other) => self.log_leaf(Leaf::True),
                _ => self.push(Step::Unary(function, x)),
            },
            (Unary::Sqrt, Step::Leaf(Leaf::True | Leaf::Other) | Step::LeafPower(..)) => {
                let half = self.number(0.5);
                self.power(x, half)
            }
            _ => self.push(Step::Unary(function, x)),
        }
    }

    fn binary(&mut self, function: Binary, x: Register, y: Register) -> Register {
        if let Some((a, b)) = self.foldable(x, y) {
            return self.number(binary(function, Jet::constant(a), Jet::constant(b)).value);
        }
        match function {
            Binary::Add => match (self.steps[x], self.steps[y]) {
                (_, Step::Unary(Unary::Negate, inner)) => self.binary(Binary::Subtract, x, inner),
                (Step::Unary(Unary::Negate, inner), _) => self.binary(Binary::Subtract, y, inner),
                _ => self.push(Step::Binary(function, x, y)),
            },
            Binary::Subtract => self.subtract(x, y),
            Binary::Divide => self.divide(x, y),
            _ => self.push(Step::Binary(function, x, y)),
        }
    }

    fn subtract(&mut self, x: Register, y: Register) -> Register {
        if let Step::Unary(Unary::Negate, inner) = self.steps[y] {
            return self.binary(Binary::Add, x, inner);
        }
        if self.is(y, 1.0) && !self.is(x, 1.0) {
            let turned = self.subtract(y, x);
            // Only where turning it round gained something.
            if !matches!(self.steps[turned], Step::Binary(Binary::Subtract, ..)) {
                return self.negate(turned);
            }
        }
        match self.steps[y] {
            Step::Leaf(Leaf::True) if self.is(x, 1.0) => self.push(Step::Leaf(Leaf::Other)),
            Step::Leaf(Leaf::Other) if self.is(x, 1.0) => self.push(Step::Leaf(Leaf::True)),
            Step::LeafPower(leaf, exponent) if self.is(x, 1.0) => {
                let log = self.log_leaf(leaf);
                let log = self.binary(Binary::Multiply, exponent, log);
                let rest = self.unary(Unary::Expm1, log);
                self.negate(rest)
            }
            Step::Unary(Unary::Logistic, inner) if self.is(x, 1.0) => {
                let inner = self.negate(inner);
                self.unary(Unary::Logistic, inner)
            }
            _ => self.push(Step::Binary(Binary::Subtract, x, y)),
        }
    }

    fn divide(&mut self, x: Register, y: Register) -> Register {
        if let Some(inner) = self.one_plus_exp(y) {
            if self.is(x, 1.0) {
                let inner = self.negate(inner);
                return self.unary(Unary::Logistic, inner);
            }
            if self.steps[x] == Step::Unary(Unary::Exp, inner) {
                return self.unary(Unary::Logistic, inner);
            }
        }
        let inverse = match self.steps[y] {
            Step::Leaf(leaf @ (Leaf::True | Leaf::Other)) => {
                let exponent = self.number(-1.0);
                self.leaf_power(leaf, exponent)
            }
            Step::LeafPower(leaf, exponent) => {
                let exponent = self.negate(exponent);
                self.leaf_power(leaf, exponent)
            }
            _ => return self.push(Step::Binary(Binary::Divide, x, y)),
        };
        if self.is(x, 1.0) { inverse } else { self.binary(Binary::Multiply, x, inverse) }
    }

    /// p^c or q^c.
    fn leaf_power(&mut self, leaf: Leaf, exponent: Register) -> Register {
        if self.is(exponent, 1.0) {
            self.push(Step::Leaf(leaf))
        } else if self.is(exponent, 0.0) {
            self.number(1.0)
        } else {
            self.push(Step::LeafPower(leaf, exponent))
        }
    }

    fn power(&mut self, x: Register, exponent: Register) -> Register {
        if self.varies[exponent] {
            return self.push(Step::Binary(Binary::Power, x, exponent));
        }
        if let Some((a, b)) = self.foldable(x, exponent) {
            return self.number(power_of_numbers(a, b));
        }
        match self.steps[x] {
            Step::Leaf(leaf @ (Leaf::True | Leaf::Other)) => return self.leaf_power(leaf, exponent),
            Step::LeafPower(leaf, inner) => {
                let exponent = self.binary(Binary::Multiply, inner, exponent);
                return self.leaf_power(leaf, exponent);
            }
            _ => {}
        }
        match self.value(exponent) {
            Some(n) if n.fract().abs() <= 0.0 && n.abs() <= INTEGER_MAX => match n as i32 {
                0 => self.number(1.0),
                1 => x,
                n => self.push(Step::Integer(x, n)),
            },
            _ => self.push(Step::Constant(x, exponent)),
        }
    }
}

/// a^b as a formula means it: an integer power of any number, another of a positive one.
fn power_of_numbers(a: f64, b: f64) -> f64 {
    if b.fract().abs() <= 0.0 && b.abs() <= INTEGER_MAX { a.powi(b as i32) } else { Scalar::power(a, b) }
}

/// The registers that a step reads.
fn operands(step: &Step) -> [Option<Register>; 2] {
    match *step {
        Step::Number(_) | Step::Parameter(_) | Step::Classes | Step::Leaf(_) => [None, None],
        Step::LeafPower(_, x) | Step::Unary(_, x) | Step::Integer(x, _) => [Some(x), None],
        Step::Binary(_, x, y) | Step::Constant(x, y) => [Some(x), Some(y)],
    }
}

fn moved(step: &Step, places: &[Register]) -> Step {
    match *step {
        Step::LeafPower(leaf, x) => Step::LeafPower(leaf, places[x]),
        Step::Unary(function, x) => Step::Unary(function, places[x]),
        Step::Integer(x, n) => Step::Integer(places[x], n),
        Step::Binary(function, x, y) => Step::Binary(function, places[x], places[y]),
        Step::Constant(x, y) => Step::Constant(places[x], places[y]),
        other => other,
    }
}

/// Whether two steps compute the same; numbers by their bits, so that NaN is itself and −0 is not 0.
fn same(a: &Step, b: &Step) -> bool {
    match (a, b) {
        (Step::Number(x), Step::Number(y)) => x.to_bits() == y.to_bits(),
        _ => a == b,
    }
}
