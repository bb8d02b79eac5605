//! Arithmetic of NumPy's numbers: 64-bit whole numbers that wrap, and divisions by zero that go on.

use super::number::{Arithmetic, Num, big_to_float, float_arithmetic};
use super::value::{Scalar, Value};
use crate::error::{Fault, FaultKind};

/// Applies `op` to two numbers of which at least one is NumPy's.
pub(super) fn arithmetic(op: Arithmetic, a: &Num, b: &Num) -> Result<Value, Fault> {
    if let (Num::Int(a), Num::Int(b)) = (a, b) {
        let wrapped = match op {
            Arithmetic::Add => Some(a.wrapping_add(*b)),
            Arithmetic::Subtract => Some(a.wrapping_sub(*b)),
            Arithmetic::Multiply => Some(a.wrapping_mul(*b)),
            Arithmetic::FloorDivide | Arithmetic::Modulo if *b == 0 => Some(0),
            Arithmetic::FloorDivide => {
                let rest = a.wrapping_rem(*b);
                let cut = i64::from(rest != 0 && (rest < 0) != (*b < 0));
                Some(a.wrapping_div(*b).wrapping_sub(cut))
            }
            Arithmetic::Modulo => {
                let rest = a.wrapping_rem(*b);
                Some(if rest != 0 && (rest < 0) != (*b < 0) { rest + b } else { rest })
            }
            Arithmetic::Power if *b < 0 => {
                return Err(Fault::new(
                    FaultKind::Value,
                    "whole numbers to negative powers are not allowed",
                ));
            }
            Arithmetic::Power => Some(a.wrapping_pow(u32::try_from(*b).unwrap_or(u32::MAX))),
            Arithmetic::Divide => None,
        };
        if let Some(result) = wrapped {
            return Ok(Value::Scalar(Scalar::Int(result)));
        }
    }
    let float = |n: &Num| match n {
        Num::Int(i) => Ok(*i as f64),
        Num::Big(big) => big_to_float(big),
        Num::Float(x) => Ok(*x),
    };
    let (a, b) = (float(a)?, float(b)?);
    let result = match op {
        Arithmetic::Power => a.powf(b),
        // NumPy warns of a division by zero and goes on.
        Arithmetic::Divide if b == 0.0 => a / b,
        Arithmetic::FloorDivide if b == 0.0 => a / b,
        Arithmetic::Modulo if b == 0.0 => f64::NAN,
        op => float_arithmetic(op, a, b)?,
    };
    Ok(Value::Scalar(Scalar::Float(result)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(op: Arithmetic, a: i64, b: i64) -> String {
        match arithmetic(op, &Num::Int(a), &Num::Int(b)) {
            Ok(value) => value.printed(),
            Err(fault) => fault.kind.exception().into(),
        }
    }

    #[test]
    fn division_by_zero_goes_on() {
        assert_eq!(shown(Arithmetic::Divide, 1, 0), "inf");
        assert_eq!(shown(Arithmetic::FloorDivide, 1, 0), "0");
        assert_eq!(shown(Arithmetic::Modulo, -7, 3), "2");
        assert_eq!(shown(Arithmetic::FloorDivide, -7, 3), "-3");
        assert_eq!(shown(Arithmetic::Add, i64::MAX, 1), i64::MIN.to_string());
        assert_eq!(shown(Arithmetic::Power, 2, -1), "ValueError");
    }
}
