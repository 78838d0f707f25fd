//! A value that a claim gives once for all cases, or once for each.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// One value for every case, or a list with one for each case.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PerCase<T> {
    /// The same for all.
    Every(T),
    /// In case order.
    Each(Vec<T>),
}

impl<T> PerCase<T> {
    /// The values as written.
    pub(super) fn listed(&self) -> &[T] {
        match self {
            PerCase::Every(value) => std::slice::from_ref(value),
            PerCase::Each(values) => values,
        }
    }

    /// Whether `claim(expected, found)` holds in every case: there is at least one, and as many as are listed.
    pub(super) fn holds(&self, found: &[T], claim: impl Fn(&T, &T) -> bool) -> bool {
        let fits = match self {
            PerCase::Every(expected) => found.iter().all(|found| claim(expected, found)),
            PerCase::Each(values) => {
                values.len() == found.len() && values.iter().zip(found).all(|(expected, found)| claim(expected, found))
            }
        };
        fits && !found.is_empty()
    }
}

impl<T: fmt::Display> fmt::Display for PerCase<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PerCase::Every(value) => write!(f, "{value} in every case"),
            PerCase::Each(values) if values.is_empty() => f.write_str("no case"),
            PerCase::Each(values) => f.write_str(&values.iter().map(T::to_string).collect::<Vec<_>>().join(", ")),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for PerCase<T> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct OneOrEach<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrEach<T> {
            type Value = PerCase<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one value for every case, or an array with one for each")
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<PerCase<T>, E> {
                T::deserialize(value.into_deserializer()).map(PerCase::Every)
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<PerCase<T>, E> {
                T::deserialize(value.into_deserializer()).map(PerCase::Every)
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<PerCase<T>, E> {
                T::deserialize(value.into_deserializer()).map(PerCase::Every)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<PerCase<T>, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = source.next_element()? {
                    values.push(value);
                }
                Ok(PerCase::Each(values))
            }
        }
        source.deserialize_any(OneOrEach(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for PerCase<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("PerCase{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}
