//! The second pass over the features: what needs the class means first. Features are pushed in blocks, from memory or from a file; nothing of size K×N or N×N is kept.
//!
//! Sums are taken sample by sample in order, whatever the threads: pieces of [`PIECE`] columns are computed apart and added in turn.
//!
//! **Nearest class means without all distances.** With D_k = min_c ‖μ_k − μ_c‖, a sample of class k with ‖h − μ_k‖ = x has ‖h − μ_c‖² − ‖h − μ_k‖² ≥ (D_k − x)² − x² = D_k(D_k − 2x) for every other c.
//! Where that is clearly positive its own class mean is the nearest, and the K distances are computed for the other samples alone.

use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

use super::statistics::Statistics;
use super::tiles::for_each_pair;
use crate::linalg::{add_product, norm, product, view, view_mut};

/// Columns of a piece.
pub(super) const PIECE: usize = 256;
/// Pieces whose deviations are held at once.
const PIECES: usize = 16;
/// Multiply-adds from which on pieces are divided among threads.
const PARALLEL_FROM: usize = 8_000_000;
/// Columns of the covariance that one task updates.
const STRIP: usize = 64;

/// Scores this close to the best, relative to the size of the scores, are ties. Where classes are tied by symmetry only rounding breaks the tie.
const TIE: f64 = 1e-10;
/// A row or feature this short beside the longest is zero with noise on it: its direction means nothing.
const NO_DIRECTION: f64 = 1e-8;
/// The temperatures of the losses on the spheres.
pub(super) const TEMPERATURES: [f64; 3] = [1.0, 3.0, 10.0];

/// What is computed beside tr(Σ_WΣ_B†).
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// Logits of all samples: decisions, margins, losses on the spheres.
    pub decisions: bool,
    /// The margin of every sample is kept: 8N bytes.
    pub margins: bool,
    /// Σ_W itself, d×d, for its spectrum.
    pub covariance: bool,
    /// tr(Σ_WΣ_B†) with Σ_B about the mean of the class means too, as some published code has it.
    pub unweighted: bool,
}

/// What the pass found.
#[derive(Clone, Debug)]
pub(super) struct Within {
    /// tr(Σ_WΣ_B†), Σ_B about μ_G.
    pub(super) trace: Result<f64, String>,
    /// The same about the mean of the class means.
    pub(super) trace_unweighted: Result<f64, String>,
    /// Σ_{y_i=k} ‖h_i − μ_k‖²/s² of every class, s = `scale`.
    pub(super) scatter: Vec<f64>,
    /// What deviations were divided by.
    pub(super) scale: f64,
    /// What the logits say, where they were asked for.
    pub(super) decisions: Option<Decisions>,
    /// Σ_W, where it was asked for.
    pub(super) covariance: Option<DMatrix<f64>>,
}

/// What the logits of all samples say.
#[derive(Clone, Debug)]
pub(super) struct Decisions {
    /// Samples decided otherwise than by the nearest class mean; a class among the best of both counts as agreement.
    pub(super) disagreements: u64,
    /// The same without ties: the first of the best decides.
    pub(super) disagreements_strict: u64,
    /// The same without the bias.
    pub(super) disagreements_unbiased: u64,
    /// Samples whose largest logit is that of their class (the first of the best).
    pub(super) correct: u64,
    /// Σ over a class of log Σ_j e^{τ⟨ŵ_j − ŵ_k, ĥ⟩}/n_k for every temperature.
    pub(super) sphere: [Vec<f64>; 3],
    /// Why there is no direction, if there is none.
    pub(super) no_direction: Option<&'static str>,
    /// min_i p_{y_i}.
    pub(super) least_probability: f64,
    /// z_{y_i} − max_{k≠y_i} z_k of every sample, where asked for.
    pub(super) margins: Vec<f64>,
    shortest: f64,
    longest: f64,
}

/// Of one sample.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    deviation: f64,
    length: f64,
    sphere: [f64; 3],
    margin: f64,
    probability: f64,
    correct: bool,
    agrees: bool,
    agrees_strict: bool,
    agrees_unbiased: bool,
}

/// A piece's sums.
struct Piece {
    squares: [f64; 2],
    samples: Vec<Sample>,
}

/// The pass itself.
pub(super) struct Sweep<'a> {
    statistics: &'a Statistics<'a>,
    asked: Asked,
    whitening: [Option<DMatrix<f64>>; 2],
    squares: [f64; 2],
    classifier: Option<Nearest>,
    within: Within,
    next: usize,
}

/// Unit rows of W and their lengths; class means about μ_G, and how near a feature must be to its own to be sure of it.
struct Nearest {
    units: DMatrix<f64>,
    lengths: Vec<f64>,
    templates: DMatrix<f64>,
    offsets: DVector<f64>,
    apart: Vec<f64>,
    largest: f64,
}

impl Nearest {
    fn new(statistics: &Statistics) -> Self {
        let mut units = statistics.w.clone();
        let largest_entry = units.amax();
        let safe = if largest_entry > f64::MIN_POSITIVE { largest_entry } else { 1.0 };
        let mut lengths = Vec::with_capacity(units.nrows());
        for mut row in units.row_iter_mut() {
            row /= safe;
            let length = row.norm();
            if length > 0.0 {
                row /= length;
            }
            lengths.push(length * safe);
        }
        let centred = &statistics.centred_means;
        let mut apart = vec![f64::INFINITY; centred.ncols()];
        for_each_pair(centred, |i, j, square| {
            apart[i] = f64::min(apart[i], square);
            apart[j] = f64::min(apart[j], square);
        });
        apart.iter_mut().for_each(|square| *square = square.sqrt());
        let squares = || centred.column_iter().map(|column| column.norm_squared());
        let offsets = DVector::from_iterator(centred.ncols(), squares().map(|square| -0.5 * square));
        Self { units, lengths, templates: centred.transpose(), offsets, apart, largest: squares().fold(0.0, f64::max).sqrt() }
    }

    /// Whether a feature of class `label` at distance `x` from its class mean has it as the nearest, beyond all ties: the scores that are compared are at most m(m + x) + m²/2 large, m the longest mean.
    fn certainly_own(&self, label: usize, x: f64) -> bool {
        let (apart, m) = (self.apart[label], self.largest);
        0.5 * apart * (apart - 2.0 * x) > 2.0 * TIE * m * (1.5 * m + x)
    }
}

impl<'a> Sweep<'a> {
    pub(super) fn new(statistics: &'a Statistics<'a>, asked: Asked) -> Self {
        let h_scale = statistics.h_scale();
        let whitening = |between: Result<&super::statistics::Between, String>| between.map(|between| between.whitening.clone());
        let weighted = whitening(statistics.between());
        // Means of equal classes are the same about either mean.
        let unweighted = match asked.unweighted && statistics.shape.per_class().is_none() {
            // Its singular values are in other units than the deviations.
            true => statistics.between_unweighted().map(|between| between.whitening * (h_scale / statistics.unweighted_scale())),
            false => Err("not asked for".into()),
        };
        let (classes, width) = (statistics.shape.classes(), statistics.shape.width());
        let decisions = asked.decisions.then(|| Decisions {
            disagreements: 0,
            disagreements_strict: 0,
            disagreements_unbiased: 0,
            correct: 0,
            sphere: [(); 3].map(|()| vec![0.0; classes]),
            no_direction: None,
            least_probability: f64::INFINITY,
            margins: Vec::new(),
            shortest: f64::INFINITY,
            longest: 0.0,
        });
        let reason = |found: &Result<DMatrix<f64>, String>| found.as_ref().map(|_| 0.0).map_err(Clone::clone);
        Self {
            asked,
            classifier: asked.decisions.then(|| Nearest::new(statistics)),
            squares: [0.0; 2],
            within: Within {
                trace: reason(&weighted),
                trace_unweighted: reason(&unweighted),
                scatter: vec![0.0; classes],
                scale: if h_scale > f64::MIN_POSITIVE { h_scale } else { 1.0 },
                decisions,
                covariance: asked.covariance.then(|| DMatrix::zeros(width, width)),
            },
            whitening: [weighted.ok(), unweighted.ok()],
            statistics,
            next: 0,
        }
    }

    /// Takes the next columns of features, d×count; blocks but the last hold a multiple of [`PIECE`].
    pub(super) fn push(&mut self, features: &[f64]) {
        let width = self.statistics.shape.width();
        if width == 0 {
            return;
        }
        for batch in features.chunks(width * PIECE * PIECES) {
            self.batch(batch);
        }
    }

    fn batch(&mut self, features: &[f64]) {
        let (width, classes) = (self.statistics.shape.width(), self.statistics.shape.classes());
        let first = self.next;
        let count = features.len() / width;
        let mut deviations = features.to_vec();
        let run = |(piece, (features, deviations)): (usize, (&[f64], &mut [f64]))| {
            self.piece(first + piece * PIECE, features, deviations)
        };
        let step = width * PIECE;
        let pieces: Vec<Piece> = if width * classes * count < PARALLEL_FROM {
            features.chunks(step).zip(deviations.chunks_mut(step)).enumerate().map(run).collect()
        } else {
            features.par_chunks(step).zip(deviations.par_chunks_mut(step)).enumerate().map(run).collect()
        };
        for piece in pieces {
            self.add(piece);
        }
        if let Some(covariance) = &mut self.within.covariance {
            let columns = view(&deviations, width, count);
            // The lower triangle: a strip's rows begin at its first column.
            let strip = |(k, out): (usize, &mut [f64])| {
                let (top, count) = (k * STRIP, out.len() / width);
                let left = columns.subrows(top, width - top);
                let right = columns.subrows(top, count).transpose();
                add_product(view_mut(out, width, count).subrows_mut(top, width - top), left, right, 1.0);
            };
            covariance.as_mut_slice().par_chunks_mut(width * STRIP).enumerate().for_each(strip);
        }
    }

    /// Everything of up to [`PIECE`] features; `deviations` become (h − μ_y)√m/s.
    fn piece(&self, first: usize, features: &[f64], deviations: &mut [f64]) -> Piece {
        let (statistics, shape) = (self.statistics, self.statistics.shape);
        let (width, count) = (shape.width(), features.len() / shape.width());
        let mut samples = vec![Sample::default(); count];
        for (c, (column, sample)) in deviations.chunks_exact_mut(width).zip(&mut samples).enumerate() {
            let mean = statistics.class_means.column(shape.labels()[first + c]);
            column.iter_mut().zip(mean.iter()).for_each(|(x, mean)| *x = (*x - mean) / self.within.scale);
            sample.deviation = norm(column);
            if shape.multiplicities().is_some() {
                let root = (shape.multiplicity(first + c) as f64).sqrt();
                column.iter_mut().for_each(|x| *x *= root);
            }
        }
        let mut squares = [0.0; 2];
        for (square, whitening) in squares.iter_mut().zip(&self.whitening) {
            if let Some(whitening) = whitening {
                let rank = whitening.nrows();
                let mut projected = vec![0.0; rank * count];
                product(
                    view_mut(&mut projected, rank, count),
                    view(whitening.as_slice(), rank, width),
                    view(deviations, width, count),
                    1.0,
                );
                *square = crate::linalg::dot(&projected, &projected);
            }
        }
        if let Some(classifier) = &self.classifier {
            self.decide(classifier, first, features, &mut samples);
        }
        Piece { squares, samples }
    }

    /// Logits, losses on the spheres and nearest class means.
    fn decide(&self, classifier: &Nearest, first: usize, features: &[f64], samples: &mut [Sample]) {
        let shape = self.statistics.shape;
        let (classes, width, count) = (shape.classes(), shape.width(), samples.len());
        let mut projections = vec![0.0; classes * count];
        let units = view(classifier.units.as_slice(), classes, width);
        product(view_mut(&mut projections, classes, count), units, view(features, width, count), 1.0);
        let mut hard = Vec::new();
        for (c, (sample, projections)) in samples.iter_mut().zip(projections.chunks_exact_mut(classes)).enumerate() {
            let label = shape.labels()[first + c];
            sample.length = length(&features[c * width..(c + 1) * width]);
            if sample.length > 0.0 {
                sample.sphere = sphere(projections, label, sample.length);
            }
            projections.iter_mut().zip(&classifier.lengths).for_each(|(z, length)| *z *= length);
            let unbiased = first_best(projections);
            projections.iter_mut().zip(&self.statistics.b).for_each(|(z, b)| *z += b);
            let best = first_best(projections);
            sample.correct = best == label;
            let others = projections.iter().enumerate().filter(|&(k, _)| k != label).map(|(_, &z)| z);
            sample.margin = projections[label] - others.fold(f64::NEG_INFINITY, f64::max);
            // p_k = 1 / Σ_j e^{z_j − z_k}: the sum may overflow, and p is then 0 to every digit.
            sample.probability = 1.0 / projections.iter().map(|z| (z - projections[label]).exp()).sum::<f64>();
            if classifier.certainly_own(label, sample.deviation * self.within.scale) {
                sample.agrees = projections[label] >= nearly_best(projections);
                sample.agrees_strict = best == label;
                sample.agrees_unbiased = unbiased == label;
            } else {
                hard.push((c, best, unbiased));
            }
        }
        if hard.is_empty() {
            return;
        }
        // ‖h − μ_c‖² is least where ⟨h − μ_G, μ_c − μ_G⟩ − ½‖μ_c − μ_G‖² is largest.
        let mut columns = DMatrix::zeros(width, hard.len());
        for ((c, ..), mut column) in hard.iter().zip(columns.column_iter_mut()) {
            column.copy_from_slice(&features[c * width..(c + 1) * width]);
            column -= &self.statistics.mean;
        }
        let mut nearness = vec![0.0; classes * hard.len()];
        let templates = view(classifier.templates.as_slice(), classes, width);
        product(view_mut(&mut nearness, classes, hard.len()), templates, view(columns.as_slice(), width, hard.len()), 1.0);
        for ((c, best, unbiased), scores) in hard.into_iter().zip(nearness.chunks_exact_mut(classes)) {
            scores.iter_mut().zip(&classifier.offsets).for_each(|(score, offset)| *score += offset);
            let logits = &projections[c * classes..(c + 1) * classes];
            let (least_logit, least_nearness) = (nearly_best(logits), nearly_best(scores));
            let nearest = first_best(scores);
            let sample = &mut samples[c];
            sample.agrees = logits.iter().zip(&*scores).any(|(&z, &score)| z >= least_logit && score >= least_nearness);
            (sample.agrees_strict, sample.agrees_unbiased) = (best == nearest, unbiased == nearest);
        }
    }

    /// Adds a piece, samples in order.
    fn add(&mut self, piece: Piece) {
        let shape = self.statistics.shape;
        self.squares[0] += piece.squares[0];
        self.squares[1] += piece.squares[1];
        for sample in piece.samples {
            let (label, copies) = (shape.labels()[self.next], shape.multiplicity(self.next));
            self.next += 1;
            self.within.scatter[label] += copies as f64 * sample.deviation * sample.deviation;
            let Some(decisions) = &mut self.within.decisions else { continue };
            decisions.disagreements += if sample.agrees { 0 } else { copies };
            decisions.disagreements_strict += if sample.agrees_strict { 0 } else { copies };
            decisions.disagreements_unbiased += if sample.agrees_unbiased { 0 } else { copies };
            decisions.correct += if sample.correct { copies } else { 0 };
            let share = copies as f64 / shape.class_sizes()[label] as f64;
            for (totals, loss) in decisions.sphere.iter_mut().zip(sample.sphere) {
                totals[label] += loss * share;
            }
            decisions.least_probability = decisions.least_probability.min(sample.probability);
            decisions.shortest = decisions.shortest.min(sample.length);
            decisions.longest = decisions.longest.max(sample.length);
            if self.asked.margins {
                decisions.margins.push(sample.margin);
            }
        }
    }

    /// What was found.
    pub(super) fn finish(mut self) -> Within {
        let samples = self.statistics.shape.samples() as f64;
        let mean = |trace: Result<f64, String>, square: f64| trace.map(|_| square / samples);
        self.within.trace = mean(self.within.trace, self.squares[0]);
        self.within.trace_unweighted = match self.asked.unweighted && self.statistics.shape.per_class().is_some() {
            true => self.within.trace.clone(),
            false => mean(self.within.trace_unweighted, self.squares[1]),
        };
        if let (Some(decisions), Some(classifier)) = (&mut self.within.decisions, &self.classifier) {
            let longest = classifier.lengths.iter().copied().fold(0.0, f64::max);
            if !(classifier.lengths.iter().all(|&length| length > NO_DIRECTION * longest)) {
                decisions.no_direction = Some("a row of W is 0: it has no direction");
            } else if !(decisions.shortest > NO_DIRECTION * decisions.longest) {
                decisions.no_direction = Some("a feature is 0: it has no direction");
            }
        }
        if let Some(covariance) = &mut self.within.covariance {
            // Scaled twice: the product of both could leave the range of numbers.
            covariance.fill_upper_triangle_with_lower_triangle();
            *covariance *= self.within.scale / samples;
            *covariance *= self.within.scale;
        }
        self.within
    }
}

/// log Σ_j e^{τ(c_j − c_k)} of the cosines c = projections/length for every temperature, from one exponential each: e^{3x} = (e^x)³, e^{10x} = (e^{3x})³e^x.
fn sphere(projections: &[f64], label: usize, length: f64) -> [f64; 3] {
    let own = projections[label];
    let mut sums = [0.0; 3];
    for (j, projection) in projections.iter().enumerate() {
        if j != label {
            let once = ((projection - own) / length).exp();
            let thrice = once * once * once;
            sums[0] += once;
            sums[1] += thrice;
            sums[2] += thrice * thrice * thrice * once;
        }
    }
    sums.map(f64::ln_1p)
}

/// ‖h‖ without squares that leave the range of numbers.
fn length(feature: &[f64]) -> f64 {
    let plain = norm(feature);
    if (1e-140..1e140).contains(&plain) {
        return plain;
    }
    let largest = feature.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    if !(largest > 0.0) {
        return 0.0;
    }
    largest * feature.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt()
}

/// The first of the best.
fn first_best(scores: &[f64]) -> usize {
    scores.iter().enumerate().fold((0, f64::NEG_INFINITY), |best, (k, &x)| if x > best.1 { (k, x) } else { best }).0
}

/// The least score that still ties with the best.
fn nearly_best(scores: &[f64]) -> f64 {
    let (best, size) = scores.iter().fold((f64::NEG_INFINITY, 0.0_f64), |(best, size), &x| (best.max(x), size.max(x.abs())));
    best - TIE * size
}
