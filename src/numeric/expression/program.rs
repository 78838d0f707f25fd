//! A formula as a flat program over registers: each step computes one register from earlier ones, equal sub-formulas once.
//!
//! **Two coordinates.** A loss ℓ(p_k) is a function of the odds E = Σ_{j≠k} e^{z_j − z_k} alone: p = 1/(1+E), q = E/(1+E), u = −log E. Its derivatives are wanted as the Hessian in the logits needs them without cancellation:
//!
//! ```text
//!                         value   along the odds: E∂, E²∂²       along the log-odds: ∂_u, ∂_u²
//! p                       p       −pq,   2pq²                    pq,   pq(q−p)
//! q                       q        pq,  −2pq²                   −pq,   pq(p−q)
//! −log p                  s        q,   −q²                     −q,    pq
//! −log q                  r       −p,    p(1+q)                  p,    pq
//! p^c                     v       −cqv,  c(c+1)q²v               cqv,  cqv(cq−p)
//! q^c                     v        cpv,  cpv((c−1)p−2q)          −cpv,  cpv(cp−q)
//! ```
//!
//! Where the label dominates (E ≤ 1) the first pair keeps its relative accuracy, elsewhere the second; see `losses/true_class.rs`.

use pulp::{Simd, WithSimd};

use super::rewrite::Builder;
use super::tree::{Expression, Variables};
use crate::numeric::interval::Interval;
use crate::numeric::jet::{Jet, Scalar};
use crate::numeric::lanes::{Group, Lanes};

/// A register's number.
pub(super) type Register = usize;

/// What a caller supplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    /// p.
    True,
    /// q = 1 − p.
    Other,
    /// −log p.
    Surprise,
    /// −log q.
    OtherSurprise,
    /// z.
    Logit,
}

/// Functions of one register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unary {
    Negate,
    Exp,
    Expm1,
    Log,
    Log1p,
    Sqrt,
    Abs,
    Tanh,
    Logistic,
    Softplus,
}

/// Functions of two registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Min,
    Max,
    /// x^y with an exponent that varies.
    Power,
}

/// One step: what its register holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    Number(f64),
    Parameter(usize),
    /// K.
    Classes,
    Leaf(Leaf),
    /// p^c or q^c, c a constant register.
    LeafPower(Leaf, Register),
    Unary(Unary, Register),
    Binary(Binary, Register, Register),
    /// x^n.
    Integer(Register, i32),
    /// x^c, c a constant register.
    Constant(Register, Register),
}

/// The true class's probability as a formula needs it, each number to full relative accuracy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrueClass<S> {
    /// p.
    pub p: S,
    /// q = 1 − p.
    pub q: S,
    /// −log p.
    pub surprise: S,
    /// −log q.
    pub other_surprise: S,
}

impl<S> TrueClass<S> {
    #[inline(always)]
    fn map<T>(self, of: impl Fn(S) -> T) -> TrueClass<T> {
        let Self { p, q, surprise, other_surprise } = self;
        TrueClass { p: of(p), q: of(q), surprise: of(surprise), other_surprise: of(other_surprise) }
    }
}

impl TrueClass<Interval> {
    /// The numbers at every log-odds u = log(p/q) of an interval.
    pub fn at_log_odds(u: Interval) -> Self {
        Self { p: u.logistic(), q: (-u).logistic(), surprise: (-u).softplus(), other_surprise: u.softplus() }
    }
}

/// Which derivatives are taken of a function of p.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Along {
    /// E∂ and E²∂² in the odds E = q/p.
    Odds,
    /// ∂ and ∂² in the log-odds u = log(p/q).
    LogOdds,
}

/// Where a formula is evaluated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seed<S> {
    /// At a probability.
    TrueClass(TrueClass<S>, Along),
    /// At a logit, with derivatives in it.
    Logit(S),
}

/// A formula made ready for evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    pub(super) variables: Variables,
    pub(super) steps: Vec<Step>,
}

/// Programs of at most so many steps are evaluated without allocating.
const TINY: usize = 4;
const SMALL: usize = 12;
const MEDIUM: usize = 40;

impl Program {
    /// The program of a formula; parameters are numbered in the order of [`Expression::parameters`].
    pub fn new(expression: &Expression) -> Self {
        let mut builder = Builder::new(expression);
        let root = builder.node(&expression.root);
        Self { variables: expression.variables, steps: builder.finish(root) }
    }

    /// The same with the values of the parameters in it, everything constant computed in floats. For evaluation in floats alone: a folded constant is rounded.
    #[must_use]
    pub fn folded(&self, parameters: &[f64]) -> Self {
        let mut builder = Builder::folding();
        let mut places: Vec<Register> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let place = builder.copy(step, &places, parameters);
            places.push(place);
        }
        let root = places.last().copied().unwrap_or(0);
        Self { variables: self.variables, steps: builder.finish(root) }
    }

    /// Which variables it is of.
    pub fn variables(&self) -> Variables {
        self.variables
    }

    /// Whether K occurs in it.
    pub fn uses_classes(&self) -> bool {
        self.steps.contains(&Step::Classes)
    }

    /// Whether −log q occurs in it: callers need not compute it otherwise.
    pub fn uses_other_surprise(&self) -> bool {
        self.steps.contains(&Step::Leaf(Leaf::OtherSurprise))
    }

    /// Whether it has kinks: `abs`, `min` or `max` of something that varies.
    pub fn has_kinks(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Unary(Unary::Abs, _) | Step::Binary(Binary::Min | Binary::Max, ..)))
    }

    /// Value and derivatives at a place, for K classes and the values of the parameters.
    #[inline(always)]
    pub fn jet<S: Scalar>(&self, seed: &Seed<S>, classes: usize, parameters: &[S]) -> Jet<S> {
        let zero = Jet::constant(S::number(0.0));
        let (mut tiny, mut small, mut medium, mut large);
        let registers: &mut [Jet<S>] = match self.steps.len() {
            length if length <= TINY => {
                tiny = [zero; TINY];
                &mut tiny
            }
            length if length <= SMALL => {
                small = [zero; SMALL];
                &mut small
            }
            length if length <= MEDIUM => {
                medium = [zero; MEDIUM];
                &mut medium
            }
            length => {
                large = vec![zero; length];
                &mut large
            }
        };
        self.run(seed, classes, parameters, registers)
    }

    #[inline(always)]
    fn run<S: Scalar>(&self, seed: &Seed<S>, classes: usize, parameters: &[S], registers: &mut [Jet<S>]) -> Jet<S> {
        let mut last = Jet::constant(S::number(0.0));
        for (at, step) in self.steps.iter().enumerate() {
            last = match *step {
                Step::Number(x) => Jet::constant(S::number(x)),
                Step::Parameter(index) => Jet::constant(parameters[index]),
                Step::Classes => Jet::constant(S::number(classes as f64)),
                Step::Leaf(leaf) => seed.leaf(leaf),
                Step::LeafPower(leaf, exponent) => seed.power(leaf, registers[exponent].value),
                Step::Unary(function, x) => unary(function, registers[x]),
                Step::Binary(function, x, y) => binary(function, registers[x], registers[y]),
                Step::Integer(x, n) => registers[x].powi(n),
                Step::Constant(x, exponent) => match registers[exponent].value.integer() {
                    Some(n) => registers[x].powi(n),
                    None => registers[x].power(registers[exponent].value),
                },
            };
            registers[at] = last;
        }
        last
    }
}

/// A run over eight places, compiled once for each kind of machine: inlined into its callers it would be compiled many times over.
struct Together<'a> {
    program: &'a Program,
    seed: &'a Seed<Lanes>,
    classes: usize,
}

impl WithSimd for Together<'_> {
    type Output = Jet<Lanes>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Jet<Lanes> {
        let of = Group::<S>::new;
        let seed = match *self.seed {
            Seed::TrueClass(at, along) => Seed::TrueClass(at.map(of), along),
            Seed::Logit(z) => Seed::Logit(of(z)),
        };
        let Jet { value, first, second } = self.program.jet(&seed, self.classes, &[]);
        Jet { value: value.0, first: first.0, second: second.0 }
    }
}

impl Program {
    /// Value and derivatives at eight places; the program must be [folded](Self::folded).
    #[inline(always)]
    pub(crate) fn jets(&self, simd: impl Simd, seed: &Seed<Lanes>, classes: usize) -> Jet<Lanes> {
        simd.vectorize(Together { program: self, seed, classes })
    }
}

/// A function of one jet.
#[inline(always)]
pub(super) fn unary<S: Scalar>(function: Unary, x: Jet<S>) -> Jet<S> {
    match function {
        Unary::Negate => -x,
        Unary::Exp => x.exp(),
        Unary::Expm1 => x.expm1(),
        Unary::Log => x.log(),
        Unary::Log1p => x.log1p(),
        Unary::Sqrt => x.sqrt(),
        Unary::Abs => x.abs(),
        Unary::Tanh => x.tanh(),
        Unary::Logistic => x.logistic(),
        Unary::Softplus => x.softplus(),
    }
}

/// A function of two jets.
#[inline(always)]
pub(super) fn binary<S: Scalar>(function: Binary, x: Jet<S>, y: Jet<S>) -> Jet<S> {
    match function {
        Binary::Add => x + y,
        Binary::Subtract => x - y,
        Binary::Multiply => x * y,
        Binary::Divide => x / y,
        Binary::Min => x.min(y),
        Binary::Max => x.max(y),
        Binary::Power => x.power_of(y),
    }
}

impl<S: Scalar> Seed<S> {
    #[inline(always)]
    fn leaf(&self, leaf: Leaf) -> Jet<S> {
        match *self {
            Seed::Logit(z) => Jet::variable(z),
            Seed::TrueClass(at, along) => at.leaf(leaf, along),
        }
    }

    /// p^c or q^c.
    #[inline(always)]
    fn power(&self, leaf: Leaf, c: S) -> Jet<S> {
        match *self {
            Seed::Logit(z) => Jet::variable(z).power(c),
            Seed::TrueClass(at, along) => at.power(leaf, along, c),
        }
    }
}

/// The table at the head of this file.
impl<S: Scalar> TrueClass<S> {
    #[inline(always)]
    fn leaf(&self, leaf: Leaf, along: Along) -> Jet<S> {
        let (p, q) = (self.p, self.q);
        let pq = p * q;
        let two = S::number(2.0);
        let (value, first, second) = match (leaf, along) {
            (Leaf::True, Along::Odds) => (p, -pq, two * pq * q),
            (Leaf::True, Along::LogOdds) => (p, pq, pq * (q - p)),
            (Leaf::Other, Along::Odds) => (q, pq, -(two * pq * q)),
            (Leaf::Other, Along::LogOdds) => (q, -pq, pq * (p - q)),
            (Leaf::Surprise, Along::Odds) => (self.surprise, q, -(q * q)),
            (Leaf::Surprise, Along::LogOdds) => (self.surprise, -q, pq),
            (Leaf::OtherSurprise | Leaf::Logit, Along::Odds) => (self.other_surprise, -p, p * (S::number(1.0) + q)),
            (Leaf::OtherSurprise | Leaf::Logit, Along::LogOdds) => (self.other_surprise, p, pq),
        };
        Jet { value, first, second }
    }

    /// p^c or q^c.
    #[inline(always)]
    fn power(&self, leaf: Leaf, along: Along, c: S) -> Jet<S> {
        let (p, q) = (self.p, self.q);
        let value = if leaf == Leaf::Other { q } else { p }.power(c);
        let one = S::number(1.0);
        let (first, second) = match (leaf == Leaf::Other, along) {
            (false, Along::Odds) => (-(c * q * value), c * (c + one) * (q * q) * value),
            (false, Along::LogOdds) => (c * q * value, c * q * value * (c * q - p)),
            (true, Along::Odds) => (c * p * value, c * p * value * ((c - one) * p - S::number(2.0) * q)),
            (true, Along::LogOdds) => (-(c * p * value), c * p * value * (c * p - q)),
        };
        Jet { value, first, second }
    }
}
