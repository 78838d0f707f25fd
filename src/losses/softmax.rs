//! Softmax probabilities with the complements 1 − p kept to full relative accuracy.

/// p = softmax(z), as what the formulas need: the dominating class and the probabilities of all others.
///
/// With m = argmax z and E = Σ_{j≠m} e^{z_j − z_m}: p_j = e^{z_j − z_m}/(1+E), 1 − p_m = E/(1+E), log p_j = z_j − z_m − log1p(E).
/// No subtraction of nearly equal numbers occurs. A NaN among the logits makes `others` and `log_sum` NaN.
#[derive(Clone, Copy, Debug)]
pub struct Softmax {
    /// m, the class with the largest logit (the first of equals).
    pub dominant: usize,
    /// p_m = 1/(1+E) ≥ 1/K.
    pub peak: f64,
    /// 1 − p_m, the sum of the other probabilities.
    pub others: f64,
    /// log Σ_j e^{z_j − z_m} = log1p(E).
    pub log_sum: f64,
}

impl Softmax {
    /// Computes p into `probabilities` (K entries, overwritten).
    pub fn new(logits: &[f64], probabilities: &mut [f64]) -> Self {
        let dominant = dominant(logits);
        let top = logits[dominant];
        let mut others = 0.0;
        for (j, (p, &z)) in probabilities.iter_mut().zip(logits).enumerate() {
            *p = (z - top).exp();
            if j != dominant {
                others += *p;
            }
        }
        let total = 1.0 + others;
        probabilities.iter_mut().for_each(|p| *p /= total);
        Self::from_others(dominant, others)
    }

    /// The same numbers where the probabilities themselves are not needed.
    pub fn without_probabilities(logits: &[f64]) -> Self {
        let dominant = dominant(logits);
        let top = logits[dominant];
        let terms = logits.iter().enumerate().filter(|&(j, _)| j != dominant);
        Self::from_others(dominant, terms.fold(0.0, |sum, (_, &z)| sum + (z - top).exp()))
    }

    /// From m and E.
    fn from_others(dominant: usize, others: f64) -> Self {
        let total = 1.0 + others;
        Self { dominant, peak: 1.0 / total, others: others / total, log_sum: others.ln_1p() }
    }

    /// −log p_k.
    pub fn surprise(&self, logits: &[f64], label: usize) -> f64 {
        self.log_sum + (logits[self.dominant] - logits[label])
    }

    /// 1 − p_k, never by subtraction from a p_k near 1.
    pub fn complement(&self, probabilities: &[f64], label: usize) -> f64 {
        if label == self.dominant {
            self.others
        } else {
            // p_k ≤ 1/2 here: the subtraction is exact to rounding.
            1.0 - probabilities[label]
        }
    }

    /// `probabilities` ← p − e_k.
    pub fn residual(&self, probabilities: &mut [f64], label: usize) {
        probabilities[label] = -self.complement(probabilities, label);
    }
}

/// The class with the largest logit, the first of equals.
fn dominant(logits: &[f64]) -> usize {
    let mut dominant = 0;
    for (j, &z) in logits.iter().enumerate() {
        if z > logits[dominant] {
            dominant = j;
        }
    }
    dominant
}
