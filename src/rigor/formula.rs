//! Losses given by formulas, in intervals: ℓ(p_k), or own(z_k) + Σ_{j≠k} others(z_j).
//!
//! With the odds E = Σ_{j≠k} e^{z_j − z_k}, the shares π_j = e^{z_j − z_k}/E, D₁ = E ∂ℓ/∂E = −ℓ_u and D₂ = E² ∂²ℓ/∂E² = ℓ_uu + ℓ_u, u = −log E (∂E/∂z_j = Eπ_j, ∂E/∂z_k = −E):
//!
//! ```text
//! ∇L = D₁(π − e_k)
//! ∇²L:  (j, j)  D₁π_j + D₂π_j²     (i, j)  D₂π_iπ_j     (k, j)  −(D₁ + D₂)π_j     (k, k)  D₁ + D₂
//! ```
//!
//! D₁ and D₂ come from derivatives along E where E is at most about 1, and along u elsewhere: see `numeric/expression`. A formula outside its domain is everything, and so is a second derivative at a kink.

use crate::numeric::Jet;
use crate::numeric::expression::{Along, Expression, Program, Seed, TrueClass};
use crate::numeric::interval::{Interval, Odds};

/// A formula with parameters in intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    expression: Expression,
    program: Program,
    parameters: Vec<Interval>,
}

/// [0, 1].
fn unit() -> Interval {
    Interval::ZERO.hull(Interval::ONE)
}

impl Formula {
    /// A formula with the values of its parameters, in the order of [`Expression::parameters`].
    pub fn new(expression: Expression, parameters: Vec<Interval>) -> Option<Self> {
        let program = Program::new(&expression);
        let complete = expression.parameters().count() == parameters.len();
        complete.then_some(Self { expression, program, parameters })
    }

    /// Its syntax tree; the text of this is what certificates hold.
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// Its parameters with their values.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, Interval)> {
        self.expression.parameters().map(|(name, _)| name).zip(self.parameters.iter().copied())
    }

    fn of_odds(&self, odds: &Odds, along: Along, classes: usize) -> Jet<Interval> {
        // −log q = log(1 + 1/E); E > 0 for finite logits, however small.
        let inverse = odds.total.recip();
        let other_surprise = if inverse.is_empty() { Interval::ENTIRE } else { inverse.log1p() };
        let at = TrueClass { p: odds.probability, q: odds.complement, surprise: odds.surprise, other_surprise };
        self.program.jet(&Seed::TrueClass(at, along), classes, &self.parameters)
    }

    /// ℓ, ℓ_u and ℓ_uu where all logits but the true one agree and are `margin` below it.
    pub(super) fn at_margin(&self, classes: usize, margin: Interval) -> Jet<Interval> {
        // One class with log-odds log(K−1) − s stands for all the others.
        let odds = Odds::new(&[Interval::ZERO, Interval::count(classes - 1).log() - margin], 0);
        self.of_odds(&odds, Along::LogOdds, classes)
    }

    /// f, f′ and f″ at a logit.
    pub(super) fn at_logit(&self, z: Interval, classes: usize) -> Jet<Interval> {
        self.program.jet(&Seed::Logit(z), classes, &self.parameters)
    }

    /// ℓ(p_k).
    pub(super) fn value(&self, z: &[Interval], label: usize) -> Interval {
        self.of_odds(&Odds::new(z, label), Along::Odds, z.len()).value
    }

    /// D₁, D₂ and D₁ + D₂.
    fn derivatives(&self, odds: &Odds, classes: usize) -> [Interval; 3] {
        if odds.total.mid() <= 1.0 {
            let jet = self.of_odds(odds, Along::Odds, classes);
            [jet.first, jet.second, jet.first + jet.second]
        } else {
            let jet = self.of_odds(odds, Along::LogOdds, classes);
            [-jet.first, jet.second + jet.first, jet.second]
        }
    }

    /// ∇ℓ(p_k).
    pub(super) fn gradient(&self, z: &[Interval], label: usize) -> Vec<Interval> {
        let odds = Odds::new(z, label);
        let [pull, ..] = self.derivatives(&odds, z.len());
        (0..z.len()).map(|j| if j == label { -pull } else { pull * odds.share(j) }).collect()
    }

    /// ∇²ℓ(p_k), by columns.
    pub(super) fn hessian(&self, z: &[Interval], label: usize) -> Vec<Interval> {
        let classes = z.len();
        let odds = Odds::new(z, label);
        let [first, second, sum] = self.derivatives(&odds, classes);
        let share: Vec<Interval> = (0..classes).map(|j| odds.share(j)).collect();
        // 1 − π_j without subtraction: D₁π_j + D₂π_j² = D₁π_j(1 − π_j) + (D₁ + D₂)π_j², the better of two enclosures.
        let rest = |j: usize| {
            let others: Interval = odds.terms.iter().enumerate().filter(|&(i, _)| i != j).map(|(_, &term)| term).sum();
            if odds.total.certainly_positive() { (others / odds.total).intersection(unit()) } else { unit() }
        };
        let mut out = Vec::with_capacity(classes * classes);
        for j in 0..classes {
            for i in 0..classes {
                // Products in one order: the matrix comes out symmetric.
                let (low, high) = (i.min(j), i.max(j));
                out.push(match (i == label, j == label) {
                    (true, true) => sum,
                    (true, false) => -(sum * share[j]),
                    (false, true) => -(sum * share[i]),
                    (false, false) if i == j => {
                        let plain = first * share[j] + second * share[j].sqr();
                        plain.intersection(first * (share[j] * rest(j)) + sum * share[j].sqr())
                    }
                    (false, false) => second * (share[low] * share[high]),
                });
            }
        }
        out
    }
}
