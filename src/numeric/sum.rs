//! Compensated summation (Neumaier's variant of Kahan's), in the order in which terms are added.

/// A running sum whose error is a few ulps of the result plus `n²·eps²` of the sum of magnitudes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    total: f64,
    correction: f64,
}

impl Sum {
    /// Adds one term.
    pub fn add(&mut self, term: f64) {
        let total = self.total + term;
        self.correction += if self.total.abs() >= term.abs() { (self.total - total) + term } else { (term - total) + self.total };
        self.total = total;
    }

    /// The sum so far.
    pub fn value(self) -> f64 {
        self.total + self.correction
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<I: IntoIterator<Item = f64>>(terms: I) -> Self {
        let mut sum = Sum::default();
        for term in terms {
            sum.add(term);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_terms_survive_large_ones() {
        let sum: Sum = [1.0, 1e100, 1.0, -1e100].into_iter().collect();
        assert!((sum.value() - 2.0).abs() < f64::EPSILON);
    }
}
