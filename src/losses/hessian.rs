//! The Hessian of a loss in its logits: diagonal plus low rank, in coordinates relative to a pivot class.

/// ∇²L = diag(e) + T Mᵀ (diag(a) + Σ_t c_t u_t u_tᵀ) M T, where M y = y − y_m 1 for a pivot class m, or M = I without one, and T = diag(τ) scales logits.
///
/// The pivot is what makes this accurate. The softmax Hessian A = diag(p) − ppᵀ annihilates 1, and at collapse one p_m is 1 to the last digit,
/// so that A y computed from p loses everything. Relative to the dominating class m only the *other* probabilities
/// v (v_m = 0) enter: A = Mᵀ (diag(v) − v vᵀ) M, with nothing to cancel, since 1ᵀv ≤ 1 − 1/K.
#[derive(Clone, Debug, Default)]
pub struct LogitHessian {
    /// m, where logits are taken relative to a class.
    pub pivot: Option<usize>,
    /// a, K entries (a_m = 0 with a pivot).
    pub diagonal: Vec<f64>,
    /// The pairs (c_t, u_t), each u_t of K entries (u_m = 0 with a pivot).
    pub terms: Vec<(f64, Vec<f64>)>,
    /// e, K entries: what does not depend on logit differences. Empty: 0.
    pub plain: Vec<f64>,
    /// τ, K entries: temperatures of classes. Empty: 1.
    pub temperatures: Vec<f64>,
}

impl LogitHessian {
    /// Resets to an empty sum over `classes` logits, keeping what is allocated.
    pub fn reset(&mut self, classes: usize, pivot: Option<usize>, terms: usize) {
        self.pivot = pivot;
        self.plain.clear();
        self.temperatures.clear();
        self.diagonal.clear();
        self.diagonal.resize(classes, 0.0);
        self.terms.resize_with(terms, Default::default);
        for (coefficient, vector) in &mut self.terms {
            *coefficient = 0.0;
            vector.clear();
            vector.resize(classes, 0.0);
        }
    }

    /// `direction` ← ∇²L · `direction`, K entries.
    pub fn apply(&self, direction: &mut [f64]) {
        let scaled = |j: usize, y: f64| self.temperatures.get(j).map_or(y, |t| t * y);
        let base = self.pivot.map_or(0.0, |pivot| scaled(pivot, direction[pivot]));
        // The terms' products first: `direction` is overwritten. No loss of this family has more than two terms.
        let mut products = [0.0; 4];
        debug_assert!(self.terms.len() <= products.len(), "room for the terms' products");
        for (product, (coefficient, vector)) in products.iter_mut().zip(&self.terms) {
            let along: f64 = vector.iter().zip(&*direction).enumerate().map(|(j, (u, &y))| u * (scaled(j, y) - base)).sum();
            *product = coefficient * along;
        }
        // Mᵀ y: the pivot's entry is minus the sum of the others.
        let mut others = 0.0;
        for (j, (y, a)) in direction.iter_mut().zip(&self.diagonal).enumerate() {
            let given = *y;
            *y = a * (scaled(j, given) - base);
            for (product, (_, vector)) in products.iter().zip(&self.terms) {
                *y += product * vector[j];
            }
            if self.pivot != Some(j) {
                others += *y;
                *y = scaled(j, *y) + self.plain.get(j).map_or(0.0, |e| e * given);
            } else {
                // Its sum is known at the end.
                *y = self.plain.get(j).map_or(0.0, |e| e * given);
            }
        }
        if let Some(pivot) = self.pivot {
            direction[pivot] -= scaled(pivot, others);
        }
    }

    /// The matrix itself, row by row into `out` (K² entries).
    pub fn dense(&self, out: &mut [f64]) {
        let classes = self.diagonal.len();
        for column in 0..classes {
            let row = &mut out[column * classes..(column + 1) * classes];
            row.fill(0.0);
            row[column] = 1.0;
            self.apply(row);
        }
    }
}
