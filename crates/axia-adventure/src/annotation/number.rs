//! Numbers in output, written as Python writes them.

use std::sync::Arc;

use num_bigint::BigInt;
use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::expression::float_text;

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
