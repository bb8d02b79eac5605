//! Arithmetic of Python's numbers: unbounded whole numbers, floats, and NumPy's scalars.

use std::cmp::Ordering;
use std::sync::Arc;

use num_bigint::{BigInt, Sign};

use super::scalar;
use super::value::{Scalar, Value, without_digit_separators};
use crate::error::{Fault, FaultKind};

/// A binary arithmetic operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `//`
    FloorDivide,
    /// `%`
    Modulo,
    /// `**`
    Power,
}

impl Arithmetic {
    /// The operator as it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::FloorDivide => "//",
            Self::Modulo => "%",
            Self::Power => "**",
        }
    }
}

/// A number stripped of its type.
pub(super) enum Num {
    Int(i64),
    Big(BigInt),
    Float(f64),
}

fn num(value: &Value) -> Option<Num> {
    Some(match value {
        Value::Bool(b) | Value::Scalar(Scalar::Bool(b)) => Num::Int(i64::from(*b)),
        Value::Int(i) | Value::Scalar(Scalar::Int(i)) => Num::Int(*i),
        Value::Big(big) => Num::Big((**big).clone()),
        Value::Float(x) | Value::Scalar(Scalar::Float(x)) => Num::Float(*x),
        _ => return None,
    })
}

/// The smallest representation of a whole number.
pub(crate) fn whole(big: BigInt) -> Value {
    match i64::try_from(&big) {
        Ok(small) => Value::Int(small),
        Err(_) => Value::Big(Arc::new(big)),
    }
}

/// Applies `op` to two numbers; `None` if one of them is not a number.
pub(crate) fn arithmetic(
    op: Arithmetic,
    left: &Value,
    right: &Value,
) -> Option<Result<Value, Fault>> {
    // The commonest case of all, without any conversion.
    if let (Value::Int(a), Value::Int(b)) = (left, right) {
        let small = match op {
            Arithmetic::Add => a.checked_add(*b),
            Arithmetic::Subtract => a.checked_sub(*b),
            Arithmetic::Multiply => a.checked_mul(*b),
            _ => None,
        };
        if let Some(result) = small {
            return Some(Ok(Value::Int(result)));
        }
    }
    let (a, b) = (num(left)?, num(right)?);
    let numpy = matches!(left, Value::Scalar(_)) || matches!(right, Value::Scalar(_));
    Some(if numpy {
        scalar::arithmetic(op, &a, &b)
    } else {
        plain_arithmetic(op, left, right, a, b)
    })
}

fn plain_arithmetic(
    op: Arithmetic,
    left: &Value,
    right: &Value,
    a: Num,
    b: Num,
) -> Result<Value, Fault> {
    if op == Arithmetic::Power {
        return power(left, right);
    }
    match (a, b) {
        (Num::Float(_), _) | (_, Num::Float(_)) => {
            float_arithmetic(op, left.to_float()?, right.to_float()?).map(Value::Float)
        }
        (a, b) if op == Arithmetic::Divide => true_divide(&big(a), &big(b)).map(Value::Float),
        (a, b) => whole_arithmetic(op, big(a), big(b)).map(whole),
    }
}

fn big(number: Num) -> BigInt {
    match number {
        Num::Int(i) => i.into(),
        Num::Big(big) => big,
        // Callers have dealt with floats.
        Num::Float(_) => BigInt::ZERO,
    }
}

fn zero_division() -> Fault {
    Fault::new(FaultKind::ZeroDivision, "division by zero")
}

fn whole_arithmetic(op: Arithmetic, a: BigInt, b: BigInt) -> Result<BigInt, Fault> {
    Ok(match op {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        _ if b.sign() == Sign::NoSign => return Err(zero_division()),
        _ => {
            // Python rounds towards minus infinity, Rust towards zero.
            let (mut quotient, mut rest) = (&a / &b, &a % &b);
            if rest.sign() != Sign::NoSign && rest.sign() != b.sign() {
                quotient -= 1;
                rest += b;
            }
            if op == Arithmetic::FloorDivide { quotient } else { rest }
        }
    })
}

/// Quotient of two whole numbers, rounded once.
fn true_divide(a: &BigInt, b: &BigInt) -> Result<f64, Fault> {
    if b.sign() == Sign::NoSign {
        return Err(zero_division());
    }
    let exact = |n: &BigInt| n.bits() <= 53;
    if exact(a) && exact(b) {
        return Ok(big_to_float(a)? / big_to_float(b)?);
    }
    // Scale so that the whole quotient has at least 66 bits, mark lost bits in the last one, and
    // let the conversion round.
    let shift = (66 + b.bits() as i64 - a.bits() as i64).max(0) as u64;
    let scaled = a << shift;
    let (mut quotient, rest) = (&scaled / b, &scaled % b);
    if rest.sign() != Sign::NoSign {
        let positive = quotient.sign() != Sign::Minus;
        quotient = (quotient << 1) + if positive { 1 } else { -1 };
        return Ok(scale_down(big_to_float(&quotient)?, shift + 1));
    }
    Ok(scale_down(big_to_float(&quotient)?, shift))
}

fn scale_down(x: f64, shift: u64) -> f64 {
    // Two steps, since 2^-1074 is the smallest power of two.
    let half = shift / 2;
    let power = |n: u64| 2f64.powi(-(n.min(1000) as i32));
    x * power(half) * power(shift - half)
}

pub(super) fn float_arithmetic(op: Arithmetic, a: f64, b: f64) -> Result<f64, Fault> {
    Ok(match op {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        _ if b == 0.0 => return Err(zero_division()),
        Arithmetic::Divide => a / b,
        Arithmetic::FloorDivide => floor_modulo(a, b).0,
        _ => floor_modulo(a, b).1,
    })
}

/// Python's `divmod` of floats.
fn floor_modulo(a: f64, b: f64) -> (f64, f64) {
    let mut rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest == 0.0 {
        rest = 0f64.copysign(b);
    } else if (b < 0.0) != (rest < 0.0) {
        rest += b;
        quotient -= 1.0;
    }
    let floored = if quotient == 0.0 {
        0f64.copysign(a / b)
    } else {
        let floor = quotient.floor();
        if quotient - floor > 0.5 { floor + 1.0 } else { floor }
    };
    (floored, rest)
}

/// Powers as the benchmark's evaluator computes them: whole numbers go through floats and are cut
/// back, and exponents above 10,000 are refused.
fn power(left: &Value, right: &Value) -> Result<Value, Fault> {
    let exponent = right.to_float()?;
    if exponent > 10_000.0 {
        return Err(Fault::new(FaultKind::Runtime, "an exponent must not exceed 10000"));
    }
    let base = left.to_float()?;
    if base == 0.0 && exponent < 0.0 {
        return Err(zero_division());
    }
    if base < 0.0 && exponent.fract() != 0.0 && base.is_finite() && exponent.is_finite() {
        return Err(Fault::new(
            FaultKind::Type,
            "a negative number has no real power of that exponent",
        ));
    }
    let result = base.powf(exponent);
    if result.is_infinite() && base.is_finite() && exponent.is_finite() {
        return Err(Fault::new(FaultKind::Overflow, "the power is too large"));
    }
    let integer = |v: &Value| matches!(v, Value::Bool(_) | Value::Int(_) | Value::Big(_));
    if integer(left) && integer(right) {
        return float_to_int(result.trunc());
    }
    Ok(Value::Float(result))
}

/// The nearest float of a whole number.
pub(crate) fn big_to_float(big: &BigInt) -> Result<f64, Fault> {
    // Reading the decimal digits rounds correctly; shifting bits would round twice.
    let x: f64 = big.to_string().parse().unwrap_or(f64::INFINITY);
    if x.is_infinite() {
        return Err(Fault::new(FaultKind::Overflow, "the whole number is too large for a float"));
    }
    Ok(x)
}

/// The whole number that a float without fraction is.
pub(crate) fn float_to_int(x: f64) -> Result<Value, Fault> {
    if x.is_nan() {
        return Err(Fault::new(FaultKind::Value, "not-a-number has no whole part"));
    }
    if x.is_infinite() {
        return Err(Fault::new(FaultKind::Overflow, "infinity has no whole part"));
    }
    if x.abs() < 9e18 {
        return Ok(Value::Int(x as i64));
    }
    // Such floats are whole: print and read all their digits.
    match format!("{x:.0}").parse::<BigInt>() {
        Ok(big) => Ok(whole(big)),
        Err(_) => Ok(Value::Int(0)),
    }
}

/// Python's `round(x)`: to the nearest whole number, halves to the even one.
pub(crate) fn round(value: &Value) -> Result<Value, Fault> {
    match value {
        Value::Bool(b) => Ok(Value::Int(i64::from(*b))),
        Value::Int(_) | Value::Big(_) | Value::Scalar(Scalar::Int(_)) => Ok(value.clone()),
        Value::Float(x) | Value::Scalar(Scalar::Float(x)) => float_to_int(x.round_ties_even()),
        other => Err(Fault::new(
            FaultKind::Type,
            format!("a value of type {} cannot be rounded", other.type_name()),
        )),
    }
}

/// Python's `int(text)`.
pub(crate) fn parse_int(text: &str) -> Option<Value> {
    let plain = without_digit_separators(text.trim())?;
    plain.parse::<BigInt>().ok().map(whole)
}

/// Orders two numbers; `None` if one is no number, `Some(None)` for NaN.
pub(crate) fn compare_numbers(left: &Value, right: &Value) -> Option<Option<Ordering>> {
    if let (Value::Int(a), Value::Int(b)) = (left, right) {
        return Some(Some(a.cmp(b)));
    }
    Some(match (num(left)?, num(right)?) {
        (Num::Float(a), Num::Float(b)) => a.partial_cmp(&b),
        (Num::Float(a), b) => compare_with_float(&big(b), a).map(Ordering::reverse),
        (a, Num::Float(b)) => compare_with_float(&big(a), b),
        (a, b) => Some(big(a).cmp(&big(b))),
    })
}

fn compare_with_float(whole_number: &BigInt, x: f64) -> Option<Ordering> {
    if x.is_nan() {
        return None;
    }
    if x.is_infinite() {
        return Some(if x > 0.0 { Ordering::Less } else { Ordering::Greater });
    }
    let floor: BigInt = match float_to_int(x.floor()) {
        Ok(Value::Int(i)) => i.into(),
        Ok(Value::Big(big)) => (*big).clone(),
        _ => return None,
    };
    match whole_number.cmp(&floor) {
        Ordering::Equal if x > x.floor() => Some(Ordering::Less),
        order => Some(order),
    }
}

/// Bits of a whole number.
pub(crate) fn bits(value: &Value) -> u64 {
    match value {
        Value::Big(big) => big.bits(),
        _ => 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compute(op: Arithmetic, a: Value, b: Value) -> String {
        match arithmetic(op, &a, &b) {
            Some(Ok(value)) => value.printed(),
            Some(Err(fault)) => fault.kind.exception().into(),
            None => "not numbers".into(),
        }
    }

    #[test]
    fn whole_numbers_follow_python() {
        use Arithmetic::*;
        let int = Value::Int;
        for (op, a, b, result) in [
            (Modulo, -7, 3, "2"),
            (Modulo, 7, -7, "0"),
            (Modulo, 7, -4, "-1"),
            (FloorDivide, -7, 2, "-4"),
            (Divide, 10, 5, "2.0"),
            (Divide, 1, 3, "0.3333333333333333"),
            (Divide, 1, 0, "ZeroDivisionError"),
            (Modulo, 1, 0, "ZeroDivisionError"),
            (Add, i64::MAX, 1, "9223372036854775808"),
            (Multiply, i64::MIN, -1, "9223372036854775808"),
            (Power, 3, 40, "12157665459056928768"),
            (Power, 2, -1, "0"),
            (Power, 0, -1, "ZeroDivisionError"),
            (Power, 10, 10_001, "RuntimeError"),
            (Power, 10, 1_000, "OverflowError"),
        ] {
            assert_eq!(compute(op, int(a), int(b)), result, "{a} {} {b}", op.symbol());
        }
    }

    #[test]
    fn floats_follow_python() {
        use Arithmetic::*;
        for (op, a, b, result) in [
            (Modulo, 7.5, 2.0, "1.5"),
            (Modulo, -7.5, 2.0, "0.5"),
            (FloorDivide, -7.5, 2.0, "-4.0"),
            (Modulo, 4.0, -2.0, "-0.0"),
            (Divide, 1.0, 0.0, "ZeroDivisionError"),
            (Power, 2.0, 0.5, "1.4142135623730951"),
            (Power, -2.0, 0.5, "TypeError"),
        ] {
            let found = compute(op, Value::Float(a), Value::Float(b));
            assert_eq!(found, result, "{a} {} {b}", op.symbol());
        }
    }

    #[test]
    fn quotients_of_large_numbers_are_rounded_once() {
        let large = |text: &str| parse_int(text).unwrap_or(Value::None);
        let ratio = compute(
            Arithmetic::Divide,
            large("100000000000000000000000000000001"),
            large("10000000000000000000000000000000"),
        );
        assert_eq!(ratio, "10.0");
        let third = compute(Arithmetic::Divide, large("1"), large("30000000000000000000"));
        assert_eq!(third, "3.333333333333333e-20");
    }

    #[test]
    fn halves_round_to_even() {
        for (x, result) in [(0.5, "0"), (1.5, "2"), (2.5, "2"), (-0.5, "0"), (-1.5, "-2")] {
            assert_eq!(round(&Value::Float(x)).map(|v| v.printed()).ok().as_deref(), Some(result));
        }
        assert_eq!(
            round(&Value::Float(1e300)).map(|v| v.printed().len()).ok(),
            Some(301),
            "large floats keep all digits"
        );
    }
}
