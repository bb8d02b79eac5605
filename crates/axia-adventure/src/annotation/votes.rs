//! Sums over a game's variables: which of them stand for power, morality and so on.

use crate::expression::{float_text, log10};
use num_bigint::BigInt;
use serde::ser::{Error, SerializeMap};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::Arc;

/// Signs of variables by name.
pub type Signs = HashMap<String, f64>;

/// For each category, which variables belong to it and with which sign.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct VariableVotes {
    pub power: PowerVotes,
    pub cooperation: Signs,
    pub morality: Signs,
    pub honest: Signs,
    pub utility: Signs,
}

/// The categories of power.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct PowerVotes {
    pub social: SocialVotes,
    pub material: MaterialVotes,
    pub personal: PersonalVotes,
    pub military: Signs,
}

/// Social power.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct SocialVotes {
    pub relationships: Signs,
    pub influence: Signs,
}

/// Material power.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct MaterialVotes {
    pub items: Signs,
    pub economic: Signs,
}

/// Personal power.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct PersonalVotes {
    pub biological: Signs,
    pub skills: Signs,
    pub attitude: Signs,
}

/// Sums over the variables of each category; a category without variables is the whole number 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct VariableSums {
    pub power: PowerSums,
    pub cooperation: Number,
    pub morality: Number,
    pub honest: Number,
    pub utility: Number,
}

/// Sums of power.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct PowerSums {
    pub social: SocialSums,
    pub material: MaterialSums,
    pub personal: PersonalSums,
    pub military: Number,
}

/// Sums of social power.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct SocialSums {
    pub relationships: Number,
    pub influence: Number,
}

/// Sums of material power.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct MaterialSums {
    pub items: Number,
    pub economic: Number,
}

/// Sums of personal power.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct PersonalSums {
    pub biological: Number,
    pub skills: Number,
    pub attitude: Number,
}

impl VariableVotes {
    /// Sums over variables, which come in the order of their names. Values above 100 count with
    /// their decimal logarithm, so that a large purse does not outweigh everything else.
    pub fn sums<'a>(&self, stats: impl IntoIterator<Item = (&'a str, &'a Number)>) -> VariableSums {
        let stats: Vec<(&str, f64)> = stats
            .into_iter()
            .map(|(name, value)| {
                let x = value.to_f64();
                (name, if x > 100.0 { log10(x) } else { x })
            })
            .collect();
        let sum = |signs: &Signs| {
            let mut total = Number::Int(0);
            for (name, x) in &stats {
                if let Some(sign) = signs.get(*name) {
                    total = Number::Float(total.to_f64() + x * sign);
                }
            }
            total
        };
        VariableSums {
            power: PowerSums {
                social: SocialSums {
                    relationships: sum(&self.power.social.relationships),
                    influence: sum(&self.power.social.influence),
                },
                material: MaterialSums {
                    items: sum(&self.power.material.items),
                    economic: sum(&self.power.material.economic),
                },
                personal: PersonalSums {
                    biological: sum(&self.power.personal.biological),
                    skills: sum(&self.power.personal.skills),
                    attitude: sum(&self.power.personal.attitude),
                },
                military: sum(&self.power.military),
            },
            cooperation: sum(&self.cooperation),
            morality: sum(&self.morality),
            honest: sum(&self.honest),
            utility: sum(&self.utility),
        }
    }
}

/// A number that keeps its type: `3` is not `3.0`. It is meant for JSON; a number that JSON lacks
/// becomes the text `"nan"`, `"inf"` or `"-inf"`.
#[derive(Debug, Clone, PartialEq)]
pub enum Number {
    /// A boolean, which counts as 0 or 1.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A large whole number.
    Big(Arc<BigInt>),
    /// A floating-point number.
    Float(f64),
}

impl Number {
    /// The number as a float.
    pub fn to_f64(&self) -> f64 {
        match self {
            Self::Bool(b) => f64::from(u8::from(*b)),
            Self::Int(i) => *i as f64,
            Self::Big(big) => big.to_string().parse().unwrap_or(f64::INFINITY),
            Self::Float(x) => *x,
        }
    }
}

impl From<i64> for Number {
    fn from(i: i64) -> Self {
        Self::Int(i)
    }
}

impl From<f64> for Number {
    fn from(x: f64) -> Self {
        Self::Float(x)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match self {
            Self::Bool(b) => return serializer.serialize_bool(*b),
            Self::Int(i) => return serializer.serialize_i64(*i),
            Self::Big(big) => big.to_string(),
            Self::Float(x) if x.is_finite() => float_text(*x),
            Self::Float(x) => return serializer.serialize_str(&float_text(*x)),
        };
        RawValue::from_string(text).map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// A JSON object whose keys keep their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Table<T>(pub Vec<(String, T)>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Table<T> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&T> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

impl<T: Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_values_count_with_their_logarithm() {
        let votes = VariableVotes {
            utility: HashMap::from([("coin".into(), 1.0), ("debt".into(), -1.0)]),
            ..VariableVotes::default()
        };
        let stats =
            [("coin", Number::Int(1000)), ("debt", Number::Int(-1000)), ("x", Number::Int(5))];
        let sums = votes.sums(stats.iter().map(|(name, value)| (*name, value)));
        assert_eq!(sums.utility, Number::Float(1003.0));
        assert_eq!(sums.power.military, Number::Int(0));
    }

    #[test]
    fn numbers_are_written_as_python_writes_them() {
        let numbers = Table(vec![
            ("int".into(), Number::Int(3)),
            ("float".into(), Number::Float(40.0)),
            ("large".into(), Number::Float(1e16)),
            ("small".into(), Number::Float(1e-5)),
            ("nan".into(), Number::Float(f64::NAN)),
            ("big".into(), Number::Big(Arc::new(BigInt::from(1) << 70))),
            ("bool".into(), Number::Bool(true)),
        ]);
        assert_eq!(
            serde_json::to_string(&numbers).ok().as_deref(),
            Some(
                r#"{"int":3,"float":40.0,"large":1e+16,"small":1e-05,"nan":"nan","big":1180591620717411303424,"bool":true}"#
            )
        );
        assert_eq!(numbers.get("float"), Some(&Number::Float(40.0)));
    }
}
