//! KEY=VALUE arguments without a scenario file: for commands that take a point or a loss from elsewhere.

use serde::Deserialize;

use super::Spectra;
use super::arguments;
use super::error::InputError;
use super::model_table;
use super::read::read;
use super::resolve;
use super::tables::{DecayTable, LossTable, PerClassTable, Several, SpectraTable};
use super::tree::{Fault, Node, Origin, Sources, Way};
use crate::losses::Loss;
use crate::model::{Bias, Decay, Shape};
use crate::theory::Balanced;

/// What the arguments of `inspect` say of a point.
#[derive(Clone, Debug)]
pub struct PointSettings {
    /// `model.bias`; as the file has it where it is not given.
    pub bias: Bias,
    /// `model.decay`, where it is given.
    pub decay: Option<Decay>,
    /// The loss and its scale, where it is given.
    pub loss: Option<(Loss, f64)>,
    /// `[spectra]`.
    pub spectra: Spectra,
}

/// The tables that `inspect` knows; its sizes come from the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PointTable {
    model: Option<PointModel>,
    loss: Option<LossTable>,
    spectra: Option<SpectraTable>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PointModel {
    bias: Option<String>,
    decay: Option<DecayTable>,
}

/// The settings of a point of known shape, `has_bias`: whether its file holds b. λ_b of a decayed bias comes from `model.decay.b`.
///
/// Where `model.decay.b` is given without `model.bias`, the bias is decayed.
pub fn point_settings(arguments: &[String], shape: &Shape, has_bias: bool) -> Result<PointSettings, InputError> {
    with_tree(arguments, |tree| {
        let table: PointTable = read(tree)?;
        let model = table.model.unwrap_or_default();
        let decay_way = Way::keys(["model", "decay"]);
        let decays_bias = model.decay.as_ref().is_some_and(|decay| decay.b.is_some());
        let bias = match &model.bias {
            Some(name) => model_table::bias(name, &Way::keys(["model", "bias"]))?,
            None if has_bias && decays_bias => Bias::Decayed,
            None if has_bias => Bias::Free,
            None => Bias::None,
        };
        let per_class = shape.per_class().map(|n| n as u64);
        let decay = model.decay.map(|decay| model_table::decay(&decay, bias, per_class, &decay_way)).transpose()?;
        if bias == Bias::Decayed && decay.is_none() {
            return Err(Fault::new(&decay_way.then("b"), "a decayed bias needs its decay λ_b > 0"));
        }
        let loss = table.loss.map(|loss| resolve::loss(&loss, &Way::keys(["loss"]))).transpose()?;
        Ok(PointSettings { bias, decay, loss, spectra: resolve::spectra(table.spectra.as_ref())? })
    })
}

/// Most classes or dimensions of a closed form: one evaluation of the loss on K logits is made.
const SIZE_MAX: u64 = 1 << 24;
/// Most entries of (W, H, b): above it multiplicities are no longer exact where JSON's numbers are read as doubles.
const ENTRIES_MAX: u128 = 1 << 53;

/// The table that `theory` knows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BalancedTable {
    model: BalancedModel,
    loss: LossTable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BalancedModel {
    classes: u64,
    width: u64,
    per_class: PerClassTable,
    bias: Option<String>,
    decay: DecayTable,
}

/// The balanced problem that the arguments of `theory` describe, by its sizes alone.
pub fn balanced_settings(arguments: &[String]) -> Result<Balanced, InputError> {
    with_tree(arguments, |tree| {
        let BalancedTable { model, loss } = read(tree)?;
        let way = Way::keys(["model"]);
        if model.classes < 2 {
            return Err(Fault::new(&way.then("classes"), format!("there must be at least 2 classes, not {}", model.classes)));
        }
        let classes = resolve::in_range(&way.then("classes"), model.classes, 2, SIZE_MAX)? as usize;
        let width = resolve::in_range(&way.then("width"), model.width, 1, SIZE_MAX)? as usize;
        let sizes_way = way.then("per_class");
        let per_class = match &model.per_class {
            PerClassTable::Balanced(0) => return Err(Fault::new(&sizes_way, "every class needs at least 1 sample, not 0")),
            PerClassTable::Balanced(size) => *size,
            PerClassTable::Classes(sizes) => {
                if sizes.len() != classes {
                    let message = format!("has {} numbers, but there are {classes} classes (model.classes)", sizes.len());
                    return Err(Fault::new(&sizes_way, message));
                }
                if sizes[0] == 0 || sizes.iter().any(|size| *size != sizes[0]) {
                    return Err(Fault::new(&sizes_way, "closed forms are for classes of equal size, at least 1 sample each"));
                }
                sizes[0]
            }
            PerClassTable::File => return Err(Fault::new(&sizes_way, "closed forms take no file: give the number of samples")),
        };
        let bias = match model.bias.as_deref() {
            None => Bias::None,
            Some(name) => model_table::bias(name, &way.then("bias"))?,
        };
        let decay = model_table::decay(&model.decay, bias, Some(per_class), &way.then("decay"))?;
        let (loss, scale) = resolve::loss(&loss, &Way::keys(["loss"]))?;
        let balanced = Balanced { classes, width, per_class, bias, decay, loss, scale };
        let entries = balanced.dimension();
        if entries > ENTRIES_MAX {
            let message = format!("Kd + dN + K = {entries}; at most {ENTRIES_MAX} are counted exactly");
            return Err(Fault::new(&way, message));
        }
        Ok(balanced)
    })
}

/// What the arguments of `derivatives` say: one or several losses with their scales, the number of classes and the seed.
#[derive(Clone, Debug)]
pub struct LossSettings {
    /// The losses; none given: none.
    pub losses: Vec<(Loss, f64)>,
    /// `model.classes`.
    pub classes: Option<usize>,
    /// `starts.seed`.
    pub seed: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LossOnly {
    model: Option<ClassesOnly>,
    loss: Option<Several<LossTable>>,
    starts: Option<SeedOnly>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassesOnly {
    classes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedOnly {
    seed: Option<u64>,
}

/// The settings of a check of a loss alone.
pub fn loss_settings(arguments: &[String]) -> Result<LossSettings, InputError> {
    with_tree(arguments, |tree| {
        let table: LossOnly = read(tree)?;
        let way = Way::keys(["loss"]);
        let losses = match &table.loss {
            Some(several) => several.elements.iter().map(|loss| resolve::loss(loss, &way)).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        let classes = table.model.and_then(|model| model.classes);
        if let Some(classes) = classes
            && !(2..=1_000_000).contains(&classes)
        {
            let message = format!("must be from 2 to 1000000, and is {classes}");
            return Err(Fault::new(&Way::keys(["model", "classes"]), message));
        }
        let seed = table.starts.and_then(|starts| starts.seed);
        Ok(LossSettings { losses, classes: classes.map(|classes| classes as usize), seed })
    })
}

/// What the arguments of `loss` say.
#[derive(Clone, Debug)]
pub struct ContrastSettings {
    /// The loss, with its number of classes, bias and decays as a balanced problem with one sample a class; λ_W = λ_H = ε.
    pub balanced: Balanced,
    /// Whether an ε was given; otherwise the command chooses one.
    pub has_epsilon: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContrastTable {
    model: Option<ContrastModel>,
    loss: LossTable,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContrastModel {
    classes: Option<u64>,
    bias: Option<String>,
    decay: Option<ContrastDecay>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContrastDecay {
    epsilon: Option<f64>,
    b: Option<f64>,
}

/// Classes where none are given: the paper's.
const CLASSES: u64 = 10;

/// The settings of `ufm loss NAME`: the name as `loss.name`, and `model.classes`, `model.bias`, `model.decay.epsilon`, `model.decay.b` beside the loss's own keys.
pub fn contrast_settings(arguments: &[String]) -> Result<ContrastSettings, InputError> {
    with_tree(arguments, |tree| {
        let ContrastTable { model, loss } = read(tree)?;
        let model = model.unwrap_or_default();
        let way = Way::keys(["model"]);
        let classes = resolve::in_range(&way.then("classes"), model.classes.unwrap_or(CLASSES), 2, SIZE_MAX)? as usize;
        let decay = model.decay.unwrap_or_default();
        let bias = match model.bias.as_deref() {
            None if decay.b.is_some() => Bias::Decayed,
            None => Bias::Free,
            Some(name) => model_table::bias(name, &way.then("bias"))?,
        };
        let decay_way = way.then("decay");
        let has_epsilon = decay.epsilon.is_some();
        let table = DecayTable { epsilon: Some(decay.epsilon.unwrap_or(1.0)), b: decay.b, ..DecayTable::default() };
        let decay = model_table::decay(&table, bias, Some(1), &decay_way)?;
        let (loss, scale) = resolve::loss(&loss, &Way::keys(["loss"]))?;
        let balanced = Balanced { classes, width: classes, per_class: 1, bias, decay, loss, scale };
        Ok(ContrastSettings { balanced, has_epsilon })
    })
}

fn with_tree<T>(arguments: &[String], read: impl FnOnce(&Node) -> Result<T, Fault>) -> Result<T, InputError> {
    let assignments = arguments::parse(arguments)?;
    let sources = Sources { file: None, arguments: arguments.to_owned() };
    // The root of a document that has no file: every fault in it is one of an argument, or of what is missing among them.
    let mut tree = Node::table(Origin::File(0..0));
    arguments::apply(&mut tree, &assignments).map_err(|fault| sources.locate(&tree, fault))?;
    read(&tree).map_err(|fault| sources.locate(&tree, fault))
}
