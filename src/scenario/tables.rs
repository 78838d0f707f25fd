//! The tables of a scenario file as they are written: serde types that read them and describe themselves as a JSON Schema.
//!
//! Names and keys of the families (losses, starts, solvers) are not repeated here: they come from each family's `ALL`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use super::expect::Expect;
use super::output::{POINTS, Trajectories};
use super::partial_start::NumbersTable;
use super::{BIASES, SpectraLevel};
use crate::census::slice::SliceDirection;
use crate::starts::{Base, Representation};
use crate::{losses, report, solvers, starts, theorems};

/// A scenario of `ufm`: a landscape question about the unconstrained-feature model.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScenarioTable {
    /// Name in records and of the output folder; the file's name without ending where it is not given.
    pub(super) name: Option<String>,
    /// What the scenario asks, in one sentence; shown on the report.
    pub(super) question: Option<String>,
    /// Sizes, bias and weight decays.
    pub(super) model: ModelTable,
    /// The loss, or several.
    pub(super) loss: Several<LossTable>,
    /// Where to begin; one start or several.
    pub(super) starts: Several<StartTable>,
    /// How to move; one solver or several. Default: L-BFGS.
    pub(super) solver: Option<Several<SolverTable>>,
    /// When a solver ends.
    pub(super) stop: Option<StopTable>,
    /// Where candidates are computed: "cpu" (default), in double precision, or "gpu", in single precision (gradient-descent with a step, momentum, lbfgs); all are judged on the CPU.
    pub(super) device: Option<String>,
    /// What is computed of the Hessian.
    pub(super) spectra: Option<SpectraTable>,
    /// Keys swept over values: their product is the cells. A dotted key (`"model.width"`, `"decay.epsilon"`) with an array, `{ linear = [from, to, count] }` or `{ log = [from, to, count] }`;
    /// `zip` holds a table, or tables, of keys that advance together.
    #[expect(dead_code, reason = "applied to the tree before it is read; here for the schema")]
    pub(super) sweep: Option<BTreeMap<String, serde_json::Value>>,
    /// A census of the critical points found. Default: none.
    pub(super) census: Option<CensusTable>,
    /// A plane through a critical point on which f is evaluated, for the figure `landscape-slice`. Default: none.
    pub(super) slice: Option<SliceTable>,
    /// What is to be proved.
    pub(super) certify: Option<CertifyTable>,
    /// What the report shows.
    pub(super) report: Option<ReportTable>,
    /// What the run leaves beside its records.
    pub(super) output: Option<OutputTable>,
    /// Executable claims about the outcome.
    pub(super) expect: Option<Expect>,
    /// Overrides that make the scenario small: `"model.per_class" = 2`, or the same as nested tables.
    #[expect(dead_code, reason = "applied to the tree before it is read; here for the schema")]
    pub(super) test: Option<BTreeMap<String, serde_json::Value>>,
}

/// `[model]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelTable {
    /// K, the number of classes.
    #[schemars(range(min = 2))]
    pub(super) classes: u64,
    /// d, the width of a feature.
    #[schemars(range(min = 1))]
    pub(super) width: u64,
    /// Samples of each class: one number, a list with one number for each class, or "file".
    pub(super) per_class: PerClassTable,
    /// Whether a class is one column with multiplicity `per_class`: the points whose features agree within classes, at a cost that does not depend on `per_class`. Default false.
    pub(super) collapsed: Option<bool>,
    /// "none" (default), "free" or "decayed".
    #[schemars(schema_with = "bias_schema")]
    pub(super) bias: Option<String>,
    /// The weight decays.
    pub(super) decay: DecayTable,
}

/// `model.decay`: w and h, or epsilon (and ratio); b beside either where the bias is decayed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DecayTable {
    /// λ_W > 0.
    pub(super) w: Option<f64>,
    /// λ_H > 0.
    pub(super) h: Option<f64>,
    /// λ_b > 0; needed when the bias is decayed, refused otherwise.
    pub(super) b: Option<f64>,
    /// ε = √n · √(λ_W λ_H) > 0, for equal classes of n samples.
    pub(super) epsilon: Option<f64>,
    /// λ_W / λ_H beside epsilon; default 1.
    pub(super) ratio: Option<f64>,
}

/// An element of `[loss]`.
#[derive(Clone, Debug)]
pub(super) struct LossTable {
    pub(super) name: String,
    pub(super) scale: Option<f64>,
    /// Every other key: the parameters, judged against the family's entry.
    pub(super) parameters: BTreeMap<String, f64>,
    /// Formulas of a loss of the user's own, by their keys.
    pub(super) texts: BTreeMap<String, String>,
}

/// An element of `[starts]`. Which of these keys a start takes, its family's entry says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StartTable {
    pub(super) name: Option<String>,
    pub(super) count: Option<u64>,
    pub(super) scale: Option<f64>,
    pub(super) seed: Option<u64>,
    pub(super) path: Option<String>,
    pub(super) representation: Option<String>,
    pub(super) base: Option<String>,
    pub(super) alive: Option<NumbersTable>,
}

/// An element of `[solver]`. Which of these keys a solver takes, its family's entry says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SolverTable {
    pub(super) name: Option<String>,
    pub(super) step: Option<f64>,
    pub(super) momentum: Option<f64>,
    pub(super) memory: Option<u64>,
    pub(super) radius: Option<f64>,
    pub(super) index: Option<u64>,
    pub(super) tolerance: Option<f64>,
    pub(super) time: Option<f64>,
}

/// `[stop]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StopTable {
    /// Bound on ‖∇f‖ / (μ + λ_W‖W‖ + λ_H‖H‖); 0 switches it off.
    #[schemars(range(min = 0))]
    pub(super) gradient_norm: Option<f64>,
    /// Most steps of the solver.
    pub(super) steps_max: Option<u64>,
    /// Whether a Newton polish follows.
    pub(super) polish: Option<bool>,
}

/// `[spectra]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SpectraTable {
    /// "none", "inertia" (default) or "full".
    #[schemars(schema_with = "level_schema")]
    pub(super) level: Option<String>,
    /// Spectra whose plan needs more memory (in MiB) are left out, with the reason, and those that no point can have are refused; default 3072.
    #[schemars(range(min = 1))]
    pub(super) memory_mib: Option<u64>,
}

/// `[census]`: what is asked of the critical points of a case together; an empty table asks for everything.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CensusTable {
    /// Whether the escape directions of every saddle are followed to the points below it; default true.
    pub(super) escapes: Option<bool>,
    /// Most directions tried for each distinct negative eigenvalue; default 8.
    #[schemars(range(min = 1))]
    pub(super) escape_directions: Option<u64>,
    /// Whether degenerate points are connected into families; default true.
    pub(super) families: Option<bool>,
}

/// `[slice]`: a plane through a critical point of each case, on which f is evaluated; an empty table takes the defaults.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SliceTable {
    /// Number of the orbit (`orbit` of the records) that the plane goes through; default: the strict saddle of highest value.
    pub(super) through: Option<u64>,
    /// The two directions: "escape" (an eigenvector of the lowest eigenvalue), "to-minimum" (straight to the lowest critical point found, turned as near as it goes) or "random"; default ["escape", "to-minimum"].
    #[serde(default)]
    #[schemars(schema_with = "directions_schema")]
    pub(super) directions: Option<Vec<String>>,
    /// How far the plane reaches to both sides, in units of the distance to the lowest critical point along "to-minimum" and of the point's norm else; default 1.5.
    #[schemars(range(max = 1000.0))]
    pub(super) span: Option<f64>,
    /// Number of values along each axis; odd, at most 401; default 61.
    #[schemars(range(min = 3, max = 401))]
    pub(super) resolution: Option<u64>,
}

/// `[certify]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CertifyTable {
    /// What is to be proved of each critical point that it applies to: `critical-orbit`, `inertia`, `strict-saddle`, `local-minimum`, `global-minimum`, `not-global`, `simplex-etf`, `gap`, `negative-curvature`. Default: nothing.
    pub(super) claims: Option<Vec<String>>,
}

/// `[report]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportTable {
    /// Ids of figures; `ufm list figures` names them. Default: all.
    #[serde(default)]
    #[schemars(schema_with = "figures_schema")]
    pub(super) figures: Option<Vec<String>>,
    /// Names of published statements to judge on what is found; `ufm list theorems` names them. Default: none.
    #[serde(default)]
    #[schemars(schema_with = "theorems_schema")]
    pub(super) theorems: Option<Vec<String>>,
}

/// `[output]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputTable {
    /// Rows of trajectories: "all" (about 500 log-spaced rows a point), "thin" (steps 0, 1, 2, 4, 8, … and the last) or "none". Default: "all" up to 1,000 points, else "none".
    #[schemars(schema_with = "trajectories_schema")]
    pub(super) trajectories: Option<String>,
    /// Point files: "all" (default) or "none".
    #[schemars(schema_with = "points_schema")]
    pub(super) points: Option<String>,
}

/// `model.per_class`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PerClassTable {
    Balanced(u64),
    Classes(Vec<u64>),
    /// The labels of the start's file.
    File,
}

impl<'de> Deserialize<'de> for PerClassTable {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Sizes;
        impl<'de> Visitor<'de> for Sizes {
            type Value = PerClassTable;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number of samples that is not negative, an array of them or \"file\"")
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<PerClassTable, E> {
                let wrong = || de::Error::invalid_value(de::Unexpected::Signed(value), &self);
                u64::try_from(value).map(PerClassTable::Balanced).map_err(|_| wrong())
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<PerClassTable, E> {
                Ok(PerClassTable::Balanced(value))
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<PerClassTable, E> {
                if value == "file" {
                    return Ok(PerClassTable::File);
                }
                Err(de::Error::invalid_value(de::Unexpected::Str(value), &self))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<PerClassTable, A::Error> {
                let mut sizes = Vec::new();
                while let Some(size) = source.next_element()? {
                    sizes.push(size);
                }
                Ok(PerClassTable::Classes(sizes))
            }
        }
        source.deserialize_any(Sizes)
    }
}

impl JsonSchema for PerClassTable {
    fn schema_name() -> Cow<'static, str> {
        "PerClass".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 1 },
            { "type": "array", "items": { "type": "integer", "minimum": 1 }, "minItems": 2 },
            { "const": "file", "description": "take the labels of the start's file" },
        ] })
    }
}

impl<'de> Deserialize<'de> for LossTable {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = LossTable;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table with a `name`")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<LossTable, A::Error> {
                let (mut name, mut scale, mut parameters, mut texts) = (None, None, BTreeMap::new(), BTreeMap::new());
                while let Some(key) = source.next_key::<String>()? {
                    match key.as_str() {
                        "name" => name = Some(source.next_value()?),
                        "scale" => scale = Some(source.next_value()?),
                        formula if losses::FORMULA_KEYS.contains(&formula) => {
                            texts.insert(key, source.next_value()?);
                        }
                        _ => {
                            parameters.insert(key, source.next_value()?);
                        }
                    }
                }
                let name = name.ok_or_else(|| de::Error::missing_field("name"))?;
                Ok(LossTable { name, scale, parameters, texts })
            }
        }
        source.deserialize_map(Keys)
    }
}

impl JsonSchema for LossTable {
    fn schema_name() -> Cow<'static, str> {
        "Loss".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let scale = serde_json::json!({ "type": "number", "exclusiveMinimum": 0, "description": "multiplies L; default 1" });
        let members: Vec<_> = losses::ALL
            .iter()
            .map(|family| {
                let parameters = family
                    .parameters
                    .iter()
                    .map(|parameter| (parameter.name, serde_json::json!({ "type": "number", "description": parameter.allowed })));
                let needed = family.parameters.iter().filter(|parameter| parameter.default.is_none()).map(|p| p.name);
                let needed: Vec<&str> = std::iter::once("name").chain(needed).collect();
                member(family.name, family.summary, parameters.chain([("scale", scale.clone())]), &needed)
            })
            .collect();
        json_schema!({ "oneOf": members.into_iter().chain([custom_schema(&scale)]).collect::<Vec<_>>() })
    }
}

/// A loss of the user's own: its formulas are texts, every other key a number.
fn custom_schema(scale: &serde_json::Value) -> serde_json::Value {
    let formula =
        |of: &str| serde_json::json!({ "type": "string", "description": format!("a formula of {of}; see docs/losses.md") });
    serde_json::json!({
        "type": "object", "description": losses::CUSTOM.summary,
        "properties": {
            "name": { "const": losses::CUSTOM.name }, "scale": scale, "ell": formula("p, q = 1 − p and K"),
            "own": formula("z and K, for the true logit"), "others": formula("z and K, for each other logit"),
        },
        "required": ["name"], "anyOf": [{ "required": ["ell"] }, { "required": ["own", "others"] }],
        "additionalProperties": { "type": "number" },
    })
}

impl JsonSchema for StartTable {
    fn schema_name() -> Cow<'static, str> {
        "Start".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let members = starts::ALL.iter().map(|family| (family.name, family.summary, family.keys));
        family_schema(members, super::DEFAULT_START, &["seed", "path", "representation", "alive"])
    }
}

impl JsonSchema for SolverTable {
    fn schema_name() -> Cow<'static, str> {
        "Solver".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let members = solvers::ALL.iter().map(|family| (family.name, family.summary, family.keys));
        family_schema(members, super::DEFAULT_SOLVER, &["index"])
    }
}

/// The schema of a family whose entries are (name, summary, keys): the keys in `needed` must be given where a member takes them.
fn family_schema(
    members: impl Iterator<Item = (&'static str, &'static str, &'static [&'static str])>,
    default: &str,
    needed: &[&str],
) -> Schema {
    let members: Vec<_> = members
        .map(|(name, summary, keys)| {
            let unnamed = if name == default { None } else { Some("name") };
            let needed: Vec<&str> = unnamed.into_iter().chain(keys.iter().copied().filter(|key| needed.contains(key))).collect();
            member(name, summary, keys.iter().map(|&key| (key, key_schema(key))), &needed)
        })
        .collect();
    json_schema!({ "anyOf": members })
}

/// The type of a start's or solver's key.
fn key_schema(key: &str) -> serde_json::Value {
    match key {
        "path" => serde_json::json!({ "type": "string" }),
        "alive" => serde_json::json!({ "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "array", "items": { "type": "integer", "minimum": 0 }, "minItems": 1 },
        ] }),
        "representation" => serde_json::json!({ "enum": Representation::ALL.map(Representation::name) }),
        "base" => serde_json::json!({ "enum": Base::ALL.map(Base::name) }),
        "count" | "memory" => serde_json::json!({ "type": "integer", "minimum": 1 }),
        "seed" | "index" => serde_json::json!({ "type": "integer", "minimum": 0 }),
        _ => serde_json::json!({ "type": "number", "minimum": 0 }),
    }
}

fn member(
    name: &str,
    summary: &str,
    keys: impl Iterator<Item = (&'static str, serde_json::Value)>,
    needed: &[&str],
) -> serde_json::Value {
    let mut properties: serde_json::Map<String, serde_json::Value> = keys.map(|(key, schema)| (key.to_owned(), schema)).collect();
    properties.insert("name".into(), serde_json::json!({ "const": name }));
    serde_json::json!({
        "type": "object", "description": summary, "properties": properties, "required": needed, "additionalProperties": false,
    })
}

/// One table, or an array of tables.
#[derive(Clone, Debug)]
pub(super) struct Several<T> {
    pub(super) elements: Vec<T>,
    /// Whether it was written as an array: then its elements have positions.
    pub(super) numbered: bool,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct OneOrMany<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
            type Value = Several<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table or an array of tables")
            }
            fn visit_map<A: MapAccess<'de>>(self, source: A) -> Result<Several<T>, A::Error> {
                let element = T::deserialize(de::value::MapAccessDeserializer::new(source))?;
                Ok(Several { elements: vec![element], numbered: false })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Several<T>, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = source.next_element()? {
                    elements.push(element);
                }
                if elements.is_empty() {
                    return Err(de::Error::custom("the array is empty; it needs at least one table"));
                }
                Ok(Several { elements, numbered: true })
            }
        }
        source.deserialize_any(OneOrMany(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Several<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Several{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

fn bias_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": BIASES.map(|bias| bias.name()) })
}

fn level_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": SpectraLevel::ALL.map(|level| level.name()) })
}

fn trajectories_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": Trajectories::ALL.map(|choice| choice.name()) })
}

fn points_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": POINTS })
}

fn directions_schema(_: &mut SchemaGenerator) -> Schema {
    let names = SliceDirection::ALL.map(|direction| direction.name());
    json_schema!({ "type": "array", "items": { "enum": names }, "minItems": 2, "maxItems": 2 })
}

fn figures_schema(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = report::ALL.iter().map(|family| family.name).collect();
    json_schema!({ "type": "array", "items": { "enum": names }, "minItems": 1 })
}

fn theorems_schema(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = theorems::ALL.iter().map(|theorem| theorem.name).collect();
    json_schema!({ "type": "array", "items": { "enum": names } })
}

/// The JSON Schema (Draft 2020-12) of scenarios, as `ufm schema` prints it.
pub fn schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let schema = generator.into_root_schema_for::<ScenarioTable>();
    serde_json::to_value(schema).expect("a schema is JSON")
}
