//! The `[model]` table: sizes, bias and decays.

use std::path::Path;

use super::BIASES;
use super::expect::known;
use super::resolve::{absolute, positive};
use super::start_file;
use super::tables::{DecayTable, ModelTable, PerClassTable, Several, StartTable};
use super::tree::{Fault, Way};
use crate::model::{Bias, Decay, Shape};

/// Most entries of (W, H, b): 32 GiB for a single point. Beyond that a size is a slip, and sums of sizes could overflow.
const ENTRIES_MAX: u128 = 1 << 32;
/// Most coordinates of the whole problem that a collapsed one stands for: what a double counts exactly.
const COUNTED_MAX: u128 = 1 << 53;

/// The labels and the width.
pub(super) fn shape(model: &ModelTable, starts: &Several<StartTable>, base_dir: &Path) -> Result<Shape, Fault> {
    let way = Way::keys(["model"]);
    if model.classes < 2 {
        return Err(Fault::new(&way.then("classes"), format!("there must be at least 2 classes, not {}", model.classes)));
    }
    if model.width < 1 {
        return Err(Fault::new(&way.then("width"), "the width of a feature must be at least 1, not 0"));
    }
    let sizes_way = way.then("per_class");
    let classes = u128::from(model.classes);
    if let PerClassTable::Classes(sizes) = &model.per_class
        && sizes.len() as u128 != classes
    {
        let message = format!("has {} numbers, but there are {classes} classes (model.classes)", sizes.len());
        return Err(Fault::new(&sizes_way, message));
    }
    let empty = match &model.per_class {
        PerClassTable::Balanced(size) => (*size == 0).then_some(sizes_way.clone()),
        PerClassTable::Classes(sizes) => sizes.iter().position(|&size| size == 0).map(|class| sizes_way.at(class)),
        PerClassTable::File => None,
    };
    if let Some(way) = empty {
        return Err(Fault::new(&way, "every class needs at least 1 sample, not 0"));
    }
    let collapsed = model.collapsed.unwrap_or(false);
    sizes_fit(model, classes, collapsed, &way)?;
    // The classes and the width are now below 2³², and where there is a column a sample, so is every class.
    let (classes, width) = (model.classes as usize, model.width as usize);
    let shape = match &model.per_class {
        PerClassTable::Balanced(size) if collapsed => Shape::collapsed(width, &vec![*size; classes]),
        PerClassTable::Balanced(size) => Shape::balanced(classes, width, *size as usize),
        PerClassTable::Classes(sizes) if collapsed => Shape::collapsed(width, sizes),
        PerClassTable::Classes(sizes) => Shape::new(width, &sizes.iter().map(|&size| size as usize).collect::<Vec<_>>()),
        PerClassTable::File => {
            let path = starts.elements.iter().find_map(|start| start.path.as_deref());
            let message = "\"file\" needs a start with name = \"file\" and a path, whose labels are taken";
            let path = path.ok_or_else(|| Fault::new(&sizes_way, message))?;
            return start_file::shape(&absolute(base_dir, path), classes, width, collapsed)
                .map_err(|message| Fault::new(&sizes_way, message));
        }
    };
    shape.map_err(|error| Fault::new(&sizes_way, error.to_string()))
}

/// Whether the point fits memory, and its samples (of which a collapsed model stores one column a class) can be counted.
fn sizes_fit(model: &ModelTable, classes: u128, collapsed: bool, way: &Way) -> Result<(), Fault> {
    let samples = match &model.per_class {
        PerClassTable::Balanced(size) => classes.saturating_mul(u128::from(*size)),
        PerClassTable::Classes(sizes) => sizes.iter().map(|&size| u128::from(size)).sum(),
        PerClassTable::File => classes,
    };
    let entries = |columns: u128| u128::from(model.width).saturating_mul(classes.saturating_add(columns)).saturating_add(classes);
    let stored = entries(if collapsed { classes } else { samples });
    if stored > ENTRIES_MAX {
        let message = format!(
            "classes {classes}, width {} and {samples} samples make a point of {stored} numbers (Kd + dN + K); at most {ENTRIES_MAX} are supported",
            model.width
        );
        let help = "with model.collapsed = true a class is one column with multiplicity, whatever per_class is";
        return Err(Fault::new(way, message).help((!collapsed).then(|| help.into())));
    }
    let whole = entries(samples);
    if whole > COUNTED_MAX {
        let message =
            format!("the whole problem has Kd + dN + K = {whole} coordinates; at most {COUNTED_MAX} are counted exactly");
        return Err(Fault::new(&way.then("per_class"), message));
    }
    Ok(())
}

/// The bias and the decays.
pub(super) fn bias_and_decay(model: &ModelTable, shape: &Shape) -> Result<(Bias, Decay), Fault> {
    let bias = match model.bias.as_deref() {
        None => Bias::None,
        Some(name) => bias(name, &Way::keys(["model", "bias"]))?,
    };
    let per_class = shape.per_class().map(|n| n as u64);
    Ok((bias, decay(&model.decay, bias, per_class, &Way::keys(["model", "decay"]))?))
}

pub(super) fn bias(name: &str, way: &Way) -> Result<Bias, Fault> {
    known(way, name, "bias", BIASES.iter().map(|bias| bias.name()))?;
    Ok(*BIASES.iter().find(|bias| bias.name() == name).expect("the name is known"))
}

/// λ_W, λ_H, λ_b; `per_class` is n where the classes are of equal size.
pub(super) fn decay(table: &DecayTable, bias: Bias, per_class: Option<u64>, way: &Way) -> Result<Decay, Fault> {
    let b = match (bias, table.b) {
        (Bias::Decayed, Some(b)) => positive(&way.then("b"), b)?,
        (Bias::Decayed, None) => return Err(Fault::new(&way.then("b"), "a decayed bias needs its decay λ_b > 0")),
        (_, None) => 0.0,
        (bias, Some(_)) => {
            let message = format!("the bias is \"{}\", so it has no decay", bias.name());
            let help = "remove the key, or set model.bias = \"decayed\"";
            return Err(Fault::new(&way.then("b"), message).help(Some(help.into())));
        }
    };
    let (w, h) = match (table.w, table.h, table.epsilon) {
        (Some(w), Some(h), None) => {
            if table.ratio.is_some() {
                return Err(Fault::new(&way.then("ratio"), "`ratio` goes with `epsilon`; here w and h are given"));
            }
            (positive(&way.then("w"), w)?, positive(&way.then("h"), h)?)
        }
        (None, None, Some(epsilon)) => of_epsilon(epsilon, table.ratio, per_class, way)?,
        (None, None, None) => return Err(Fault::new(way, "give w and h, or epsilon (and ratio)")),
        (_, _, Some(_)) => {
            return Err(Fault::new(&way.then("epsilon"), "give either w and h, or epsilon (and ratio), not both"));
        }
        (None, Some(_), None) => return Err(Fault::new(&way.then("w"), "the decay λ_W > 0 of the classifier is missing")),
        (Some(_), None, None) => return Err(Fault::new(&way.then("h"), "the decay λ_H > 0 of the features is missing")),
    };
    Ok(Decay { w, h, b })
}

/// λ_W and λ_H from ε = √n √(λ_W λ_H) and their ratio: μ = ε/√n, λ_W = μ√ratio, λ_H = μ/√ratio.
fn of_epsilon(epsilon: f64, ratio: Option<f64>, per_class: Option<u64>, way: &Way) -> Result<(f64, f64), Fault> {
    let epsilon_way = way.then("epsilon");
    let Some(per_class) = per_class else {
        return Err(Fault::new(&epsilon_way, "epsilon needs classes of equal size; give w and h instead"));
    };
    let ratio = positive(&way.then("ratio"), ratio.unwrap_or(1.0))?;
    let mu = positive(&epsilon_way, epsilon)? / (per_class as f64).sqrt();
    let (w, h) = (mu * ratio.sqrt(), mu / ratio.sqrt());
    if !(w > 0.0 && w.is_finite() && h > 0.0 && h.is_finite()) {
        let message = format!("with this ratio λ_W = {w:e} and λ_H = {h:e}, outside the doubles greater than 0");
        return Err(Fault::new(&epsilon_way, message));
    }
    Ok((w, h))
}
