//! Values as Python has them.

use crate::error::{Fault, FaultKind};
use num_bigint::BigInt;
use std::cmp::Ordering;
use std::sync::Arc;

/// A value of a variable or expression.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Value {
    /// `None`: a variable without a value.
    None,
    /// A boolean.
    Bool(bool),
    /// A whole number that fits 64 bits.
    Int(i64),
    /// A larger whole number.
    Big(Arc<BigInt>),
    /// A floating-point number.
    Float(f64),
    /// A text.
    Text(Arc<str>),
    /// A number made by a NumPy function: it behaves like a number, but is of another type.
    Scalar(Scalar),
    /// A tuple or list: `true` for a tuple.
    Sequence(bool, Arc<[Value]>),
    /// A function or module that expressions know by name.
    Function(&'static str),
}

/// A NumPy number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// `bool_`
    Bool(bool),
    /// `int64`
    Int(i64),
    /// `float64`
    Float(f64),
}

impl Value {
    /// A text value.
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// Whether Python takes the value for true.
    pub fn truth(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(b) | Self::Scalar(Scalar::Bool(b)) => *b,
            Self::Int(i) | Self::Scalar(Scalar::Int(i)) => *i != 0,
            Self::Big(_) | Self::Function(_) => true,
            Self::Float(x) | Self::Scalar(Scalar::Float(x)) => *x != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Sequence(_, items) => !items.is_empty(),
        }
    }

    /// Python's name for the type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Big(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::Scalar(Scalar::Bool(_)) => "bool_",
            Self::Scalar(Scalar::Int(_)) => "int64",
            Self::Scalar(Scalar::Float(_)) => "float64",
            Self::Sequence(true, _) => "tuple",
            Self::Sequence(false, _) => "list",
            Self::Function(_) => "function",
        }
    }

    /// The value as `print` shows it.
    pub fn printed(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            other => other.literal(),
        }
    }

    /// Appends [`Value::printed`] to `out`.
    pub fn print_to(&self, out: &mut String) {
        use std::fmt::Write;
        match self {
            Self::Text(text) => out.push_str(text),
            // Writing to a string does not fail.
            Self::Int(i) => drop(write!(out, "{i}")),
            other => out.push_str(&other.literal()),
        }
    }

    /// The value as source text.
    pub fn literal(&self) -> String {
        match self {
            Self::None => "None".into(),
            Self::Bool(true) | Self::Scalar(Scalar::Bool(true)) => "True".into(),
            Self::Bool(false) | Self::Scalar(Scalar::Bool(false)) => "False".into(),
            Self::Int(i) | Self::Scalar(Scalar::Int(i)) => i.to_string(),
            Self::Big(big) => big.to_string(),
            Self::Float(x) | Self::Scalar(Scalar::Float(x)) => float_text(*x),
            Self::Text(text) => quoted(text),
            Self::Sequence(tuple, items) => {
                let inner: Vec<String> = items.iter().map(Value::literal).collect();
                match (tuple, inner.len()) {
                    (true, 1) => format!("({},)", inner.join("")),
                    (true, _) => format!("({})", inner.join(", ")),
                    (false, _) => format!("[{}]", inner.join(", ")),
                }
            }
            Self::Function(name) => format!("<function {name}>"),
        }
    }

    /// Bytes of text held.
    pub(crate) fn text_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Big(big) => (big.bits() / 8) as usize,
            Self::Sequence(_, items) => {
                items.iter().map(|item| 32 + item.text_bytes()).sum::<usize>()
            }
            _ => 0,
        }
    }

    /// Python's `float(value)`.
    pub fn to_float(&self) -> Result<f64, Fault> {
        match self {
            Self::Bool(b) | Self::Scalar(Scalar::Bool(b)) => Ok(f64::from(u8::from(*b))),
            Self::Int(i) | Self::Scalar(Scalar::Int(i)) => Ok(*i as f64),
            Self::Big(big) => super::number::big_to_float(big),
            Self::Float(x) | Self::Scalar(Scalar::Float(x)) => Ok(*x),
            Self::Text(text) => parse_float(text).ok_or_else(|| {
                Fault::new(FaultKind::Value, format!("the text {} is not a number", quoted(text)))
            }),
            other => Err(Fault::new(
                FaultKind::Type,
                format!("a value of type {} is not a number", other.type_name()),
            )),
        }
    }

    /// Python's `int(value)`: truncates.
    pub fn to_int(&self) -> Result<Value, Fault> {
        match self {
            Self::Bool(b) | Self::Scalar(Scalar::Bool(b)) => Ok(Self::Int(i64::from(*b))),
            Self::Int(i) | Self::Scalar(Scalar::Int(i)) => Ok(Self::Int(*i)),
            Self::Big(_) => Ok(self.clone()),
            Self::Float(x) | Self::Scalar(Scalar::Float(x)) => {
                super::number::float_to_int(x.trunc())
            }
            Self::Text(text) => super::number::parse_int(text).ok_or_else(|| {
                Fault::new(
                    FaultKind::Value,
                    format!("the text {} is not a whole number", quoted(text)),
                )
            }),
            other => Err(Fault::new(
                FaultKind::Type,
                format!("a value of type {} is not a number", other.type_name()),
            )),
        }
    }

    /// Python's `int(value)`, for positions: a number too large for 64 bits saturates.
    pub fn to_index(&self) -> Result<i64, Fault> {
        match self.to_int()? {
            Self::Int(i) => Ok(i),
            Self::Big(big) if big.sign() == num_bigint::Sign::Minus => Ok(i64::MIN),
            _ => Ok(i64::MAX),
        }
    }
}

/// Python's `float(text)`.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let trimmed = text.trim();
    let plain = without_digit_separators(trimmed)?;
    plain.parse().ok()
}

/// Removes `_` between digits; `None` if one stands elsewhere.
pub(crate) fn without_digit_separators(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |i: Option<usize>| {
        i.and_then(|i| bytes.get(i)).is_some_and(|byte| byte.is_ascii_hexdigit())
    };
    for (i, byte) in bytes.iter().enumerate() {
        if *byte == b'_' && !(digit(i.checked_sub(1)) && digit(i.checked_add(1))) {
            return None;
        }
    }
    Some(text.replace('_', ""))
}

/// The character at Python's position `index - 1` of `text`: 1 is the first, 0 the last.
pub(crate) fn character(text: &str, index: i64) -> Result<char, Fault> {
    let position = index.saturating_sub(1);
    let found = if position >= 0 {
        usize::try_from(position).ok().and_then(|n| text.chars().nth(n))
    } else {
        usize::try_from(position.unsigned_abs() - 1).ok().and_then(|n| text.chars().rev().nth(n))
    };
    found.ok_or_else(|| {
        Fault::new(FaultKind::Index, format!("{} has no character {index}", quoted(text)))
    })
}

/// Orders two numbers or two texts as Python does; `None` where neither is less (NaN).
pub(crate) fn compare(left: &Value, right: &Value) -> Result<Option<Ordering>, Fault> {
    match (left, right) {
        (Value::Text(a), Value::Text(b)) => Ok(Some(a.cmp(b))),
        (Value::Sequence(ta, a), Value::Sequence(tb, b)) if ta == tb => {
            for (x, y) in a.iter().zip(b.iter()) {
                if !equal(x, y) {
                    return compare(x, y);
                }
            }
            Ok(Some(a.len().cmp(&b.len())))
        }
        _ => super::number::compare_numbers(left, right).ok_or_else(|| {
            Fault::new(
                FaultKind::Type,
                format!(
                    "{} and {} cannot be ordered: one is of type {}, the other of type {}",
                    left.literal(),
                    right.literal(),
                    left.type_name(),
                    right.type_name()
                ),
            )
        }),
    }
}

/// Python's `==`.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::None, Value::None) => true,
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Function(a), Value::Function(b)) => a == b,
        (Value::Sequence(ta, a), Value::Sequence(tb, b)) => {
            ta == tb && a.len() == b.len() && a.iter().zip(b.iter()).all(|(x, y)| equal(x, y))
        }
        _ => super::number::compare_numbers(left, right) == Some(Some(Ordering::Equal)),
    }
}

/// A float as Python's `repr` writes it: the shortest digits that read back as the same number.
pub fn float_text(x: f64) -> String {
    if x.is_nan() {
        return "nan".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf".into() } else { "-inf".into() };
    }
    // Rust gives the same shortest digits; only the layout differs.
    let scientific = format!("{x:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{x}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// A text as Python's `repr` writes it, for the characters that games use.
pub(crate) fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_count_from_one_and_wrap() {
        assert_eq!(character("Ann Lee", 1).ok(), Some('A'));
        assert_eq!(character("Ann Lee", 0).ok(), Some('e'));
        assert_eq!(character("Ann Lee", -6).ok(), Some('A'));
        assert_eq!(character("Ann Lee", 8).map_err(|f| f.kind), Err(FaultKind::Index));
        assert_eq!(character("", 0).map_err(|f| f.kind), Err(FaultKind::Index));
        assert!(character("x", i64::MIN).is_err() && character("x", i64::MAX).is_err());
    }

    #[test]
    fn values_print_as_in_python() {
        let tuple = Value::Sequence(true, [Value::Int(1), Value::text("it's")].into());
        assert_eq!(tuple.printed(), "(1, \"it's\")");
        assert_eq!(Value::Float(2.0).printed(), "2.0");
        assert_eq!(Value::None.printed(), "None");
        assert_eq!(Value::text("a").printed(), "a");
    }

    #[test]
    fn texts_become_numbers_as_in_python() {
        for (text, number) in [("12", 12.0), (" 1_000.5 ", 1000.5), ("-.5", -0.5), ("1e3", 1e3)] {
            assert_eq!(parse_float(text), Some(number), "{text}");
        }
        for text in ["", "_1", "1_", "1__0", "0x10", "salt"] {
            assert_eq!(parse_float(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_of_all_types_compare() {
        assert!(equal(&Value::Bool(true), &Value::Int(1)));
        assert!(equal(&Value::Int(3), &Value::Float(3.0)));
        assert!(!equal(&Value::text("12"), &Value::Int(12)));
        assert!(!equal(&Value::Float(f64::NAN), &Value::Float(f64::NAN)));
        assert!(compare(&Value::text("12"), &Value::Int(5)).is_err());
        let large = Value::Int(i64::MAX);
        assert_eq!(
            compare(&large, &Value::Float(i64::MAX as f64)).ok(),
            Some(Some(Ordering::Less))
        );
    }

    #[test]
    fn floats_look_like_pythons() {
        for (x, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (2.0, "2.0"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1.0 / 3.0, "0.3333333333333333"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e17, "1.5e+17"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e-300, "1e-300"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(float_text(x), text);
        }
    }

    #[test]
    fn texts_are_quoted_like_pythons() {
        assert_eq!(quoted("plain"), "'plain'");
        assert_eq!(quoted("it's"), "\"it's\"");
        assert_eq!(quoted("it's \"so\"\\"), "'it\\'s \"so\"\\\\'");
    }
}
