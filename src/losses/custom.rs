//! Losses that a user writes: ℓ(p) of the true class's probability, or Σ of own(z_k) and others(z_j), as formulas.

use std::collections::BTreeMap;
use std::fmt;

use super::block::{separable_block, softmax_block};
use super::conjugate::fraction_inside;
use super::custom_lanes::{LogitLanes, TrueClassLanes};
use super::epilogue::merged;
use super::true_class::{self, OfTrueClass};
use super::{Conjugate, Epilogue, LogitBlock, LogitHessian, LossFunction, Task};
use crate::numeric::expression::{Along, Expression, ParseError, Program, Seed, TrueClass, Variables, parse};
use crate::numeric::{Jet, nearest};

/// The keys under which a scenario gives formulas.
pub const FORMULA_KEYS: [&str; 3] = ["ell", "own", "others"];

/// Numbers of classes at which a formula with K in it is judged.
const CLASSES_TRIED: [usize; 5] = [2, 3, 10, 100, 1000];

/// A loss of the user's own.
///
/// Whether it is convex is found in numbers when it is made: by the signs of its derivatives at some 1500 places. That supports a verdict, it proves none; certificates do not use it.
#[derive(Clone, Debug, PartialEq)]
pub struct Custom {
    form: Form,
    parameters: Vec<(String, f64)>,
    convex: bool,
}

/// What the formulas are of.
#[derive(Clone, Debug, PartialEq)]
enum Form {
    /// ℓ(p).
    TrueClass(Formula),
    /// own(z_k) + Σ_{j≠k} others(z_j).
    PerLogit { own: Formula, others: Formula },
}

/// A formula with its parameters in place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Formula {
    expression: Expression,
    pub(super) program: Program,
}

/// Why formulas and parameters make no loss: the key at fault and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomFault {
    /// The key, `ell` or a parameter's.
    pub key: String,
    /// Whether the key itself is wrong, rather than its value.
    pub at_key: bool,
    /// What is wrong; with a caret under the character where there is one.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl CustomFault {
    fn new(key: &str, message: impl Into<String>) -> Self {
        Self { key: key.to_owned(), at_key: false, message: message.into(), help: None }
    }

    fn of_formula(key: &str, error: &ParseError) -> Self {
        Self { help: error.help.clone(), ..Self::new(key, error.to_string()) }
    }
}

impl fmt::Display for CustomFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

impl Formula {
    fn new(key: &str, text: &str, variables: Variables, parameters: &BTreeMap<String, f64>) -> Result<Self, CustomFault> {
        let expression = parse(text, variables).map_err(|error| CustomFault::of_formula(key, &error))?;
        let mut values = Vec::new();
        for (name, at) in expression.parameters() {
            let Some(&value) = parameters.get(name) else {
                let known = variables.names().iter().copied().chain(parameters.keys().map(String::as_str));
                let help = match nearest(name, known) {
                    Some(near) => format!("did you mean `{near}`? Otherwise give loss.{name}=…"),
                    None => format!("give loss.{name}=…; the variables are {}", variables.names().join(", ")),
                };
                let error = ParseError::new(text, at, format!("the parameter `{name}` has no value")).with_help(Some(help));
                return Err(CustomFault::of_formula(key, &error));
            };
            values.push(value);
        }
        let program = Program::new(&expression).folded(&values);
        Ok(Self { expression, program })
    }

    fn jet(&self, seed: &Seed<f64>, classes: usize) -> Jet<f64> {
        self.program.jet(seed, classes, &[])
    }

    /// f, f′ and f″ at a logit.
    fn at(&self, z: f64, classes: usize) -> Jet<f64> {
        self.jet(&Seed::Logit(z), classes)
    }

    /// The numbers of classes at which it is judged.
    fn classes(&self) -> &'static [usize] {
        if self.program.uses_classes() { &CLASSES_TRIED } else { &CLASSES_TRIED[1..2] }
    }
}

impl OfTrueClass for Formula {
    fn jet(&self, at: &TrueClass<f64>, along: Along, classes: usize) -> Jet<f64> {
        self.program.jet(&Seed::TrueClass(*at, along), classes, &[])
    }

    fn needs_other_surprise(&self) -> bool {
        self.program.uses_other_surprise()
    }
}

/// Log-odds at which formulas of p are judged: dense where p and q are of ordinary size, sparse beyond.
fn log_odds() -> impl Iterator<Item = f64> {
    (-600..=600).map(|i| f64::from(i) / 15.0).chain((9..=148).flat_map(|i| [-5.0 * f64::from(i), 5.0 * f64::from(i)]))
}

/// Logits at which formulas of z are judged.
fn logits() -> impl Iterator<Item = f64> {
    (-600..=600).map(|i| f64::from(i) / 15.0).chain((9..=100).flat_map(|i| [-5.0 * f64::from(i), 5.0 * f64::from(i)]))
}

impl Custom {
    /// The loss of formulas (`ell`, or `own` and `others`) and parameters, each of which must be used. A formula must have a value for every |log(p/q)| ≤ 30, or |z| ≤ 30, at one number of classes at least.
    pub fn new(texts: &BTreeMap<String, String>, parameters: &BTreeMap<String, f64>) -> Result<Self, CustomFault> {
        for (name, value) in parameters {
            if ["p", "q", "z", "K"].contains(&name.as_str()) {
                return Err(CustomFault {
                    at_key: true,
                    ..CustomFault::new(name, format!("`{name}` is a variable, and no parameter"))
                });
            }
            if !value.is_finite() {
                return Err(CustomFault::new(name, format!("must be a finite number, and is {value}")));
            }
        }
        let formula = |key: &str, variables| {
            let Some(text) = texts.get(key) else {
                let message = format!("`own` and `others` belong together, and `{key}` is missing");
                return Err(CustomFault::new(key, message));
            };
            Formula::new(key, text, variables, parameters)
        };
        let form = match (texts.contains_key("ell"), texts.len()) {
            (true, 1) => Form::TrueClass(formula("ell", Variables::TrueClass)?),
            (true, _) => return Err(CustomFault::new("ell", "a loss is either `ell`, or `own` and `others`")),
            (false, 0) => {
                let fault = CustomFault::new("ell", "the loss `custom` needs a formula: `ell` of p, or `own` and `others` of z");
                return Err(CustomFault { help: Some("loss.ell=\"-log(p)\" is cross-entropy".into()), ..fault });
            }
            (false, _) => Form::PerLogit { own: formula("own", Variables::Logit)?, others: formula("others", Variables::Logit)? },
        };
        let parameters = parameters.iter().map(|(name, &value)| (name.clone(), value)).collect();
        let mut loss = Self { form, parameters, convex: false };
        loss.every_parameter_is_used()?;
        loss.has_values()?;
        loss.convex = loss.looks_convex();
        Ok(loss)
    }

    /// Keys and canonical texts of its formulas.
    pub fn texts(&self) -> Vec<(&'static str, String)> {
        self.formulas().into_iter().map(|(key, formula)| (key, formula.expression.to_string())).collect()
    }

    /// Keys and syntax trees of its formulas.
    pub fn expressions(&self) -> Vec<(&'static str, &Expression)> {
        self.formulas().into_iter().map(|(key, formula)| (key, &formula.expression)).collect()
    }

    /// Keys and programs of its formulas, their parameters in place: `program.to_wgsl` prints them.
    pub fn programs(&self) -> Vec<(&'static str, &Program)> {
        self.formulas().into_iter().map(|(key, formula)| (key, &formula.program)).collect()
    }

    /// Its parameters.
    pub fn parameters(&self) -> &[(String, f64)] {
        &self.parameters
    }

    /// Whether a formula has kinks, where no second derivative exists.
    pub fn has_kinks(&self) -> bool {
        self.formulas().iter().any(|(_, formula)| formula.program.has_kinks())
    }

    /// ℓ, ℓ_u and ℓ_uu at the log-odds u, where the loss is one of p.
    pub fn at_log_odds(&self, u: f64, classes: usize) -> Option<Jet<f64>> {
        match &self.form {
            Form::TrueClass(ell) => Some(OfTrueClass::jet(ell, &true_class::at_log_odds(u), Along::LogOdds, classes)),
            Form::PerLogit { .. } => None,
        }
    }

    /// own and others with two derivatives at a logit, where the loss is a sum over logits.
    pub fn at_logit(&self, z: f64, classes: usize) -> Option<[Jet<f64>; 2]> {
        match &self.form {
            Form::PerLogit { own, others } => Some([own.at(z, classes), others.at(z, classes)]),
            Form::TrueClass(_) => None,
        }
    }

    fn formulas(&self) -> Vec<(&'static str, &Formula)> {
        match &self.form {
            Form::TrueClass(ell) => vec![("ell", ell)],
            Form::PerLogit { own, others } => vec![("own", own), ("others", others)],
        }
    }

    fn every_parameter_is_used(&self) -> Result<(), CustomFault> {
        let used: Vec<&str> =
            self.formulas().iter().flat_map(|(_, formula)| formula.expression.parameters()).map(|(name, _)| name).collect();
        let Some((unused, _)) = self.parameters.iter().find(|(name, _)| !used.contains(&name.as_str())) else { return Ok(()) };
        let keys = FORMULA_KEYS.iter().chain(&["name", "scale"]).copied().chain(used);
        let help = nearest(unused, keys).map(|near| format!("did you mean `{near}`?"));
        let message = format!("no formula of this loss uses a parameter `{unused}`");
        Err(CustomFault { at_key: true, help, ..CustomFault::new(unused, message) })
    }

    /// A formula that is nowhere or not everywhere defined is refused, with the first place found.
    fn has_values(&self) -> Result<(), CustomFault> {
        for (key, formula) in self.formulas() {
            let of_p = formula.program.variables() == Variables::TrueClass;
            let missing = |classes: usize| {
                (-60..=60).map(|i| 0.5 * f64::from(i)).find_map(|x| {
                    let jet = match of_p {
                        true => OfTrueClass::jet(formula, &true_class::at_log_odds(x), Along::LogOdds, classes),
                        false => formula.at(x, classes),
                    };
                    (!(jet.value.is_finite() && jet.first.is_finite())).then_some((x, jet.value))
                })
            };
            let found: Vec<Option<(f64, f64)>> = formula.classes().iter().map(|&classes| missing(classes)).collect();
            if let (true, Some((x, value))) = (found.iter().all(Option::is_some), found[0]) {
                let place = if of_p { format!("p = {:.3e}", true_class::at_log_odds(x).p) } else { format!("z = {x}") };
                let what = if value.is_finite() { "no finite slope".to_owned() } else { format!("the value {value}") };
                return Err(CustomFault::new(
                    key,
                    format!("`{}` has {what} at {place}: it must be a number everywhere", formula.expression),
                ));
            }
        }
        Ok(())
    }

    fn looks_convex(&self) -> bool {
        match &self.form {
            Form::TrueClass(ell) => {
                ell.classes().iter().all(|&classes| log_odds().all(|u| true_class::convex_at(ell, u, classes)))
                    // A slope that stays away from 0 as p → 1 has no conjugate in the form used here.
                    && ell.classes().iter().all(|&classes| true_class::pull(ell, true_class::LOG_ODDS_MAX, classes).abs() <= 1e-290)
            }
            Form::PerLogit { own, others } => [own, others].into_iter().all(|formula| {
                formula.classes().iter().all(|&classes| {
                    logits().map(|z| formula.at(z, classes)).all(|jet| {
                        // Where the formula overflows nothing is seen, and nothing held against it.
                        !(jet.value.is_finite() && jet.second.is_finite()) || jet.second >= -1e-11 * jet.first.abs()
                    })
                }) && formula.slopes(3).is_some()
            }),
        }
    }
}

/// Visits every logit with the jet of its term.
fn per_logit(own: &Formula, others: &Formula, logits: &[f64], label: usize, mut visit: impl FnMut(usize, Jet<f64>)) {
    let classes = logits.len();
    let of_label = own.at(logits[label], classes);
    for (j, &z) in logits.iter().enumerate() {
        visit(j, if j == label { of_label } else { others.at(z, classes) });
    }
}

impl LossFunction for Custom {
    fn convex(&self) -> bool {
        self.convex
    }

    fn shift_invariant(&self) -> bool {
        matches!(self.form, Form::TrueClass(_))
    }

    fn value(&self, logits: &[f64], label: usize) -> f64 {
        match &self.form {
            Form::TrueClass(ell) => true_class::value(ell, logits, label),
            Form::PerLogit { own, others } => {
                let mut total = 0.0;
                per_logit(own, others, logits, label, |_, jet| total += jet.value);
                total
            }
        }
    }

    fn value_gradient(&self, logits: &[f64], label: usize, gradient: &mut [f64]) -> f64 {
        match &self.form {
            Form::TrueClass(ell) => true_class::value_gradient(ell, logits, label, gradient),
            Form::PerLogit { own, others } => {
                let mut total = 0.0;
                per_logit(own, others, logits, label, |j, jet| {
                    gradient[j] = jet.first;
                    total += jet.value;
                });
                total
            }
        }
    }

    fn hessian(&self, logits: &[f64], label: usize, out: &mut LogitHessian) {
        match &self.form {
            Form::TrueClass(ell) => true_class::hessian(ell, logits, label, out),
            Form::PerLogit { own, others } => {
                out.reset(logits.len(), None, 0);
                per_logit(own, others, logits, label, |j, jet| out.diagonal[j] = jet.second);
            }
        }
    }

    fn over_lanes(&self, block: &mut LogitBlock<'_>, task: Task<'_>) -> Option<f64> {
        let classes = block.classes;
        match &self.form {
            Form::TrueClass(_) if block.leads_by_more_than(LEAD_MAX) => None,
            Form::TrueClass(ell) => Some(softmax_block(TrueClassLanes { ell, classes }, block, task)),
            Form::PerLogit { own, others } => Some(separable_block(LogitLanes { own, others, classes }, block, task)),
        }
    }

    /// Of ℓ(p): with D₁ = E ∂ℓ/∂E and D₂ = E² ∂²ℓ/∂E² (`true_class.rs`), ∇L = D₁(π − e_k) and p − e_k = q(π − e_k) give η = D₁/q; as ℓ_u = −D₁, ℓ_uu = D₁ + D₂ and dp/du = pq, q²η' = −(qD₁ + D₂)/p.
    fn epilogue(&self) -> Epilogue {
        match &self.form {
            Form::TrueClass(ell) => Epilogue::of_softmax(
                0.0,
                ell.program.to_wgsl("own_ell", Along::Odds),
                "    let q = max(own.complement, 1e-37);
    let jet = own_ell(own.probability, q, own.surprise, -log(q), f32(block.classes));
    var slope = 0.0;
    if (own.probability > 0.0) {
        slope = -(q * jet.y + jet.z) / own.probability;
    }
    return Weights(jet.x, jet.y / q, slope);"
                    .into(),
            ),
            Form::PerLogit { own, others } => {
                let texts = [own.program.to_wgsl("own_logit", Along::Odds), others.program.to_wgsl("other_logit", Along::Odds)];
                let function = |name: &str, part: char| {
                    format!(
                        "fn {name}(z: f32, own: bool) -> f32 {{
    let classes = f32(block.classes);
    if (own) {{
        return own_logit(z, classes).{part};
    }}
    return other_logit(z, classes).{part};
}}
"
                    )
                };
                let [value, first, second] =
                    [("term", 'x'), ("slope", 'y'), ("bend", 'z')].map(|(name, part)| function(name, part));
                Epilogue::Separable { functions: merged(&texts) + &value + &first + &second }
            }
        }
    }

    fn conjugate(&self) -> Option<&dyn Conjugate> {
        if self.convex { Some(self) } else { None }
    }
}

/// A lead of the true class beyond which the others' probabilities leave the range of doubles. A formula's slope need not vanish there.
const LEAD_MAX: f64 = 600.0;

/// Slopes beyond this count as unbounded.
const SLOPE_MAX: f64 = 1e5;

impl Formula {
    /// The largest |z| at which slopes are finite numbers, and the slopes there: the range of f′ for a convex f. `None` where there is no such place.
    fn slopes(&self, classes: usize) -> Option<(f64, f64, f64)> {
        [1e6, 1e4, 700.0, 50.0].into_iter().find_map(|far| {
            let (low, high) = (self.at(-far, classes).first, self.at(far, classes).first);
            (low.is_finite() && high.is_finite()).then_some((far, low, high))
        })
    }

    /// The bounds of f′, infinite where it is large.
    fn bounds(&self, classes: usize) -> (f64, f64) {
        let Some((_, low, high)) = self.slopes(classes) else { return (f64::NEG_INFINITY, f64::INFINITY) };
        (if low < -SLOPE_MAX { f64::NEG_INFINITY } else { low }, if high > SLOPE_MAX { f64::INFINITY } else { high })
    }

    /// z with f′(z) = `slope`, f convex; the end nearest to it where there is none.
    fn logit_of_slope(&self, slope: f64, classes: usize) -> f64 {
        let Some((far, ..)) = self.slopes(classes) else { return f64::NAN };
        let (mut low, mut high) = (-far, far);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if !(low < middle && middle < high) {
                break;
            }
            if self.at(middle, classes).first < slope { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }

    /// f*(y) = sup_z yz − f(z).
    fn conjugate(&self, y: f64, classes: usize) -> f64 {
        let (low, high) = self.bounds(classes);
        if y.is_nan() {
            return y;
        }
        if !(y >= low - super::conjugate::BOUNDARY_SLACK && y <= high + super::conjugate::BOUNDARY_SLACK) {
            return f64::INFINITY;
        }
        let z = self.logit_of_slope(y, classes);
        y * z - self.at(z, classes).value
    }
}

impl Custom {
    /// z with own′(z) = `slope` (or others′, where `own` is false), for a convex sum over logits.
    pub fn logit_of_slope(&self, own: bool, slope: f64, classes: usize) -> Option<f64> {
        let Form::PerLogit { own: of_own, others } = &self.form else { return None };
        let formula = if own { of_own } else { others };
        let (low, high) = formula.bounds(classes);
        Some(if slope <= low {
            f64::NEG_INFINITY
        } else if slope >= high {
            f64::INFINITY
        } else {
            formula.logit_of_slope(slope, classes)
        })
    }
}

impl Conjugate for Custom {
    fn conjugate_value(&self, dual: &[f64], label: usize) -> f64 {
        match &self.form {
            Form::TrueClass(ell) => true_class::conjugate_value(ell, dual, label),
            Form::PerLogit { own, others } => {
                let classes = dual.len();
                let value = |(j, &y): (usize, &f64)| if j == label { own } else { others }.conjugate(y, classes);
                dual.iter().enumerate().map(value).sum()
            }
        }
    }

    fn interior_slope(&self) -> Option<f64> {
        match &self.form {
            Form::TrueClass(ell) => {
                Some(ell.classes().iter().map(|&classes| true_class::interior_slope(ell, classes)).fold(1e6, f64::min))
            }
            Form::PerLogit { own, others } => {
                let classes = own.classes().iter().chain(others.classes());
                let slope = classes.map(|&k| (-own.bounds(k).0).min(others.bounds(k).1)).fold(f64::INFINITY, f64::min);
                slope.is_finite().then_some(slope)
            }
        }
    }

    fn domain_fraction(&self, inside: &[f64], target: &[f64], label: usize) -> f64 {
        match &self.form {
            Form::TrueClass(ell) => true_class::domain_fraction(ell, inside, target, label),
            Form::PerLogit { own, others } => {
                let classes = inside.len();
                let bounds = (own.bounds(classes), others.bounds(classes));
                fraction_inside(inside, target, |j| if j == label { bounds.0 } else { bounds.1 })
            }
        }
    }
}
