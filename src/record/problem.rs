//! The problem that a record speaks of.

use super::{PerClass, Record};
use crate::losses::{self, Custom, Loss};
use crate::model::{Bias, Decay, Shape};
use crate::objective::Problem;
use crate::theory::Balanced;

/// The loss that a record names, with its parameters.
pub fn loss_of(record: &Record) -> Result<Loss, String> {
    if record.loss == losses::CUSTOM.name {
        let mut parameters = record.loss_params.clone();
        parameters.remove("scale");
        return Custom::new(&record.loss_text, &parameters)
            .map(|loss| Loss::Custom(loss.into()))
            .map_err(|fault| fault.to_string());
    }
    let family = losses::ALL
        .iter()
        .find(|family| family.name == record.loss)
        .ok_or_else(|| format!("the loss `{}` is unknown here", record.loss))?;
    let value = |parameter: &losses::Parameter| {
        let missing = || format!("the record lacks the loss's parameter `{}`", parameter.name);
        record.loss_params.get(parameter.name).copied().or(parameter.default).ok_or_else(missing)
    };
    let values = family.parameters.iter().map(value).collect::<Result<Vec<f64>, String>>()?;
    Ok((family.build)(&values))
}

/// The problem of a record, classes in the order of its sizes and collapsed: one column of H a class, however many samples it stands for.
pub fn problem_of(record: &Record) -> Result<Problem, String> {
    let sizes = match &record.per_class {
        PerClass::Balanced(n) => vec![*n as u64; record.classes],
        PerClass::Imbalanced(sizes) => sizes.iter().map(|&n| n as u64).collect(),
    };
    let shape = Shape::collapsed(record.width, &sizes).map_err(|error| error.to_string())?;
    let bias = [Bias::None, Bias::Free, Bias::Decayed].into_iter().find(|bias| bias.name() == record.bias);
    let (Some(w), Some(h)) = (record.decay_w, record.decay_h) else { return Err("the record has no decays".into()) };
    let loss = loss_of(record)?.for_sizes(shape.class_sizes());
    Ok(Problem {
        shape,
        bias: bias.ok_or_else(|| format!("the bias {:?} is not known", record.bias))?,
        decay: Decay { w, h, b: record.decay_b.unwrap_or(0.0) },
        loss,
        scale: record.loss_params.get("scale").copied().unwrap_or(1.0),
    })
}

/// The balanced problem of a record, or what the record lacks: balance, a known loss with its parameters, decays.
pub fn balanced_problem(record: &Record) -> Result<Balanced, String> {
    Balanced::try_from(&problem_of(record)?)
}
