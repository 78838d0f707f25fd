//! L-BFGS on the device. The two-loop recursion is done in coefficients (Chen, Wang and Zhou, "Large-scale L-BFGS using MapReduce", 2014): the device forms inner products of the kept
//! vectors, the host turns them into the coefficients of the direction in (g, s_i, y_i), and the device sums that up. A step costs one gradient and two short reads as a rule.

use super::kernels::Program;
use super::pairs::{COEFFICIENTS, MINUS_ONE, ONE, Pairs};
use super::program::STEP;
use super::resident::Resident;
use super::{GpuError, Measured};
use crate::objective::Problem;

/// Sufficient decrease, as a part of what the slope promises.
const DECREASE: f64 = 1e-4;
/// The slope must fall to this part of what it was.
const CURVATURE: f64 = 0.9;
/// Most trial points of a search. With halving and doubling, sixty span eighteen decades.
const TRIALS_MAX: usize = 60;
/// A value in single precision says nothing about differences below this part of it.
const VALUE_NOISE: f64 = 5e-7;
/// Steps without a lower value or a clearly smaller gradient after which there is nothing to be gained any more.
const PATIENCE: u32 = 40;

/// L-BFGS under way.
pub(super) struct Lbfgs<'r, 'd> {
    resident: &'r Resident<'d>,
    pairs: Pairs,
    programs: Vec<Program>,
    /// Slots of the pairs in use, oldest first.
    used: Vec<usize>,
    /// ⟨s_i, y_j⟩ and ⟨y_i, y_j⟩ by slots.
    s_y: Vec<Vec<f64>>,
    y_y: Vec<Vec<f64>>,
    /// ⟨s_i, g⟩ and ⟨y_i, g⟩.
    s_g: Vec<f64>,
    y_g: Vec<f64>,
    /// The lowest gradient norm so far, and for how many steps nothing was gained.
    best: f64,
    idle: u32,
}

impl<'r, 'd> Lbfgs<'r, 'd> {
    pub(super) fn new(resident: &'r Resident<'d>, memory: usize) -> Result<Self, GpuError> {
        let pairs = Pairs { memory, layout: resident.plan().layout };
        let programs = pairs.programs().iter().map(|calls| resident.program(calls)).collect::<Result<_, _>>()?;
        resident.set_factors(ONE, &[1.0, -1.0]);
        debug_assert_eq!(MINUS_ONE, ONE + 1, "written together");
        let table = vec![vec![0.0; memory]; memory];
        Ok(Self {
            resident,
            pairs,
            programs,
            used: Vec::new(),
            s_y: table.clone(),
            y_y: table,
            s_g: vec![0.0; memory],
            y_g: vec![0.0; memory],
            best: f64::INFINITY,
            idle: 0,
        })
    }

    /// The inner product at a position, over all pieces.
    fn read(&self, sums: &[f64], index: usize) -> f64 {
        sums[self.pairs.slots(index)].iter().sum()
    }

    /// One step from where `at` was measured; `None` where none lowers the value any more. Numbers of `outer` in coordinates of the given unit.
    pub(super) fn step(&mut self, at: &Measured, outer: &Problem, unit: f64) -> Result<Option<Measured>, GpuError> {
        if self.idle >= PATIENCE {
            return Ok(None);
        }
        let square = self.square_of_gradient()?;
        if let Some(found) = self.try_step(at, square, outer, unit)? {
            return Ok(Some(found));
        }
        if self.used.is_empty() {
            return Ok(None);
        }
        // The pairs led nowhere: once more along the gradient alone.
        self.used.clear();
        self.try_step(at, square, outer, unit)
    }

    /// ⟨g, g⟩ in the coordinates of the steps.
    fn square_of_gradient(&self) -> Result<f64, GpuError> {
        Ok(self.resident.sums(self.pairs.layout.measured().2)?.iter().sum())
    }

    fn try_step(&mut self, at: &Measured, square: f64, outer: &Problem, unit: f64) -> Result<Option<Measured>, GpuError> {
        let mut coefficients = self.coefficients();
        let mut slope = self.slope_of(&coefficients, square);
        if !(slope < 0.0) {
            self.used.clear();
            coefficients = self.coefficients();
            slope = -square;
        }
        self.resident.set_factors(COEFFICIENTS, &coefficients);
        self.resident.submit(&[&self.programs[0]])?;
        let first = if self.used.is_empty() { 1.0 / (1.0 + square.sqrt()) } else { 1.0 };
        match self.search(at, first, slope, outer, unit)? {
            None => {
                // Back to where it began, with the gradient there.
                self.trial(0.0, outer, unit)?;
                Ok(None)
            }
            Some(found) => {
                self.keep()?;
                let gained = found.value < at.value - VALUE_NOISE * at.value.abs() || found.gradient_norm < 0.9 * self.best;
                self.best = self.best.min(found.gradient_norm);
                self.idle = if gained { 0 } else { self.idle + 1 };
                Ok(Some(found))
            }
        }
    }

    /// A step length with the weak Wolfe conditions, by bisection and doubling; a decrease hidden by rounding counts as one.
    fn search(&self, at: &Measured, first: f64, slope: f64, outer: &Problem, unit: f64) -> Result<Option<Measured>, GpuError> {
        let (mut low, mut high, mut t) = (0.0, f64::INFINITY, first);
        for _ in 0..TRIALS_MAX {
            let (found, slope_there) = self.trial(t, outer, unit)?;
            let allowed = at.value + DECREASE * t * slope + VALUE_NOISE * at.value.abs();
            if !(found.finite() && found.value <= allowed) {
                high = t;
            } else if slope_there < CURVATURE * slope {
                low = t;
            } else {
                return Ok(Some(found));
            }
            t = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * low };
        }
        Ok(None)
    }

    /// The numbers and the slope at x₀ + t p; the device is left there.
    fn trial(&self, t: f64, outer: &Problem, unit: f64) -> Result<(Measured, f64), GpuError> {
        self.resident.set_factors(STEP, &[t]);
        self.resident.submit(&[&self.programs[1]])?;
        self.resident.submit_gradient(&[self.resident.measure(), &self.programs[2]])?;
        let measured = self.resident.measured(outer, unit)?;
        let slope = self.resident.sums(self.pairs.slots(Pairs::SLOPE))?.iter().sum();
        Ok((measured, slope))
    }

    /// Takes the step just made into the pairs, unless its curvature is not positive.
    fn keep(&mut self) -> Result<(), GpuError> {
        let memory = self.pairs.memory;
        let slot = if self.used.len() < memory {
            (0..memory).find(|slot| !self.used.contains(slot)).expect("not all are used")
        } else {
            self.used.remove(0)
        };
        self.resident.submit(&[&self.programs[4 + slot], &self.programs[3]])?;
        let sums = self.resident.sums(0..self.pairs.results())?;
        for i in 0..memory {
            self.s_y[slot][i] = self.read(&sums, self.pairs.new_s_y(i));
            self.s_y[i][slot] = self.read(&sums, self.pairs.s_new_y(i));
            self.y_y[slot][i] = self.read(&sums, self.pairs.new_y_y(i));
            self.y_y[i][slot] = self.y_y[slot][i];
            self.s_g[i] = self.read(&sums, self.pairs.s_gradient(i));
            self.y_g[i] = self.read(&sums, self.pairs.y_gradient(i));
        }
        let (s_y, y_y) = (self.s_y[slot][slot], self.y_y[slot][slot]);
        if s_y > 0.0 && y_y > 0.0 && (y_y / s_y).is_finite() {
            self.used.push(slot);
        }
        Ok(())
    }

    /// The direction's coefficients in (g, s_0 …, y_0 …): the two-loop recursion, in inner products.
    fn coefficients(&self) -> Vec<f64> {
        let memory = self.pairs.memory;
        let mut all = vec![0.0; 1 + 2 * memory];
        all[0] = -1.0;
        let Some(&newest) = self.used.last() else { return all };
        let mut alphas = vec![0.0; memory];
        for &i in self.used.iter().rev() {
            // ⟨s_i, q⟩ of q = −g − Σ α_j y_j so far.
            let product = -self.s_g[i] + (0..memory).map(|j| all[1 + memory + j] * self.s_y[i][j]).sum::<f64>();
            alphas[i] = product / self.s_y[i][i];
            all[1 + memory + i] -= alphas[i];
        }
        let scale = self.s_y[newest][newest] / self.y_y[newest][newest];
        all.iter_mut().for_each(|c| *c *= scale);
        for &i in &self.used {
            let by_s = (0..memory).map(|j| all[1 + j] * self.s_y[j][i]).sum::<f64>();
            let by_y = (0..memory).map(|j| all[1 + memory + j] * self.y_y[j][i]).sum::<f64>();
            let beta = (all[0] * self.y_g[i] + by_s + by_y) / self.s_y[i][i];
            all[1 + i] += alphas[i] - beta;
        }
        all
    }

    /// ⟨g, p⟩ of a direction by its coefficients.
    fn slope_of(&self, coefficients: &[f64], square: f64) -> f64 {
        let memory = self.pairs.memory;
        let pairs = self.used.iter().map(|&i| coefficients[1 + i] * self.s_g[i] + coefficients[1 + memory + i] * self.y_g[i]);
        coefficients[0] * square + pairs.sum::<f64>()
    }
}
