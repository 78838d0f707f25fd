//! A loss as shader text (WGSL): the last part of a device's pass over a block of logits.
//!
//! Each loss prints its own beside its formulas in `f64`, with its parameters as literals. A device computes with it in `f32` and proposes points; what they are is decided by the
//! formulas in `f64`. The tests of `gpu` compare the two for every loss.

/// What a device's kernels need of a loss.
#[derive(Clone, Debug, PartialEq)]
pub enum Epilogue {
    /// A loss of p = softmax(z) through p_k alone, possibly smoothed: L = w(p_k) + α (Σ_j (z_m − z_j)/K − (z_m − z_k)), ∇L = η(p_k) (p − ỹ) with ỹ = (1 − α) e_k + (α/K) 1.
    Softmax {
        /// α; 0 without smoothing.
        smoothing: f64,
        /// Functions that the body needs; mostly none.
        functions: String,
        /// The body of `fn weigh(own: Own) -> Weights`, from p_k, 1 − p_k and −log p_k to w, η and (1 − p_k)² η'.
        weigh: String,
        /// The body of `fn added(z: f32, own: bool, classes: f32) -> vec3<f32>`: term, slope and curvature of what is added for every class. None: nothing.
        added: Option<String>,
        /// Δ and ι where the probabilities are those of Δ∘z + ι.
        temperatures: Option<Temperatures>,
    },
    /// A loss that is a sum over the classes.
    Separable {
        /// The functions `term`, `slope` and `bend` of `(z: f32, own: bool)`: the term of one class, its first and its second derivative.
        functions: String,
    },
}

/// (Δ_j, ι_j) of every class.
#[derive(Clone, Debug, PartialEq)]
pub struct Temperatures(pub Vec<(f32, f32)>);

impl Temperatures {
    /// Classes up to which a kernel holds them: they are part of its text.
    const MAX: usize = 512;

    /// The functions `temperature` and `shift` of a class.
    fn text(&self) -> String {
        let count = self.0.len();
        let array = |name: &str, of: fn(&(f32, f32)) -> f32| {
            let numbers: Vec<String> = self.0.iter().map(|class| format!("{:?}f", of(class))).collect();
            format!("var<private> {name}: array<f32, {count}> = array<f32, {count}>({});\n", numbers.join(", "))
        };
        format!(
            "{}{}fn temperature(j: u32) -> f32 {{\n    return TEMPERATURES[j];\n}}\n\nfn shift(j: u32) -> f32 {{\n    return SHIFTS[j];\n}}\n",
            array("TEMPERATURES", |class| class.0),
            array("SHIFTS", |class| class.1)
        )
    }
}

impl Epilogue {
    /// A loss of p_k, smoothed by α.
    pub(super) fn of_softmax(smoothing: f64, functions: String, weigh: String) -> Self {
        Self::Softmax { smoothing, functions, weigh, added: None, temperatures: None }
    }

    /// Why a device cannot hold it, if so.
    pub fn refused(&self) -> Option<String> {
        match self {
            Epilogue::Softmax { temperatures: Some(Temperatures(classes)), .. } if classes.len() > Temperatures::MAX => {
                Some(format!(
                    "a loss with temperatures of its classes runs on a device up to {} classes, and there are {}",
                    Temperatures::MAX,
                    classes.len()
                ))
            }
            _ => None,
        }
    }

    /// Everything that depends on the loss.
    pub fn text(&self) -> String {
        match self {
            Epilogue::Softmax { smoothing, functions, weigh, added, temperatures } => {
                let smoothing = literal(*smoothing);
                let identity = || {
                    "fn temperature(j: u32) -> f32 {\n    return 1.0;\n}\n\nfn shift(j: u32) -> f32 {\n    return 0.0;\n}\n"
                        .to_owned()
                };
                let classes = temperatures.as_ref().map_or_else(identity, Temperatures::text);
                let adds = added.is_some();
                let added = added.as_deref().unwrap_or("    return vec3<f32>(0.0);");
                format!(
                    "const SMOOTHING: f32 = {smoothing};\nconst ADDS: bool = {adds};\n\n{classes}\nfn added(z: f32, own: bool, classes: f32) -> vec3<f32> {{\n{added}\n}}\n\n\
                     {functions}\nfn weigh(own: Own) -> Weights {{\n{weigh}\n}}\n"
                )
            }
            Epilogue::Separable { functions } => functions.clone(),
        }
    }
}

/// The functions of several texts, each once: formulas print the helpers they need.
pub(super) fn merged(texts: &[String]) -> String {
    let mut functions: Vec<&str> = Vec::new();
    // A function ends with a brace at the beginning of a line.
    for function in texts.iter().flat_map(|text| text.split_inclusive("\n}\n")) {
        if !functions.contains(&function) {
            functions.push(function);
        }
    }
    functions.concat()
}

/// A number as a WGSL literal of type `f32`: the nearest one.
pub(super) fn literal(x: f64) -> String {
    format!("{:?}f", x as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_functions_stand_once() {
        let helper = "fn h(x: f32) -> f32 {\n    return x;\n}\n";
        let texts = ["a", "b"].map(|name| format!("{helper}fn {name}(x: f32) -> f32 {{\n    return h(x);\n}}\n"));
        let text = merged(&texts);
        assert!(text.matches("fn h(").count() == 1 && text.matches("fn a(").count() == 1 && text.matches("fn b(").count() == 1);
    }

    #[test]
    fn literals_are_the_nearest_f32_and_read_as_floats() {
        assert_eq!(literal(3.0), "3.0f");
        assert_eq!(literal(0.05), "0.05f");
        assert_eq!(literal(1e-12), "1e-12f");
    }
}
