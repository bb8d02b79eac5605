//! Functions that expressions may call.

use super::number::{float_to_int, round, whole};
use super::value::{Scalar, Value, compare};
use crate::error::{Fault, FaultKind};
use std::f64::consts::{LN_2, LOG10_E};

/// Calls the function `name`.
///
/// The benchmark's evaluator offers Python's and NumPy's functions; where both have one of a name,
/// NumPy's is called and the result is a NumPy number. Those that make sense in a game are here.
pub(super) fn call(name: &'static str, arguments: &[Value]) -> Result<Value, Fault> {
    match (name, arguments) {
        ("round_to_int", [x]) => round(x),
        ("int", []) => Ok(Value::Int(0)),
        ("int", [x]) => x.to_int(),
        ("float", []) => Ok(Value::Float(0.0)),
        ("float", [x]) => x.to_float().map(Value::Float),
        ("str", []) => Ok(Value::text("")),
        ("str", [x]) => Ok(Value::text(&x.printed())),
        ("bool", []) => Ok(Value::Bool(false)),
        ("bool", [x]) => Ok(Value::Bool(x.truth())),
        ("len", [x]) => length(x),
        ("max" | "min", _) => extreme(name, arguments),
        ("abs", [x]) => absolute(x),
        ("sum", [x]) => sum(x),
        ("pow", [x, y]) => Ok(Value::Float(x.to_float()?.powf(y.to_float()?))),
        ("hypot", [x, y]) => float(x.to_float()?.hypot(y.to_float()?)),
        ("fmod", [x, y]) => float(x.to_float()? % y.to_float()?),
        ("factorial", [x]) => factorial(x),
        ("sign", [x]) => Ok(Value::Scalar(match x {
            Value::Int(i) => Scalar::Int(i.signum()),
            _ => Scalar::Float(match x.to_float()? {
                0.0 => 0.0,
                x => x.signum(),
            }),
        })),
        (_, [x]) => match real(name) {
            Some(function) => float(function(number(x)?)),
            None => Err(unavailable(name, 1)),
        },
        _ => Err(unavailable(name, arguments.len())),
    }
}

fn unavailable(name: &str, count: usize) -> Fault {
    Fault::new(
        FaultKind::Type,
        format!("the function `{name}` cannot be called with {count} values here"),
    )
    .about(name)
}

/// NumPy's functions of one real number.
fn real(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "sqrt" => f64::sqrt,
        "log" | "ln" => ln,
        "log10" => log10,
        "log2" => f64::log2,
        "log1p" => f64::ln_1p,
        "exp" => f64::exp,
        "exp2" => f64::exp2,
        "expm1" => f64::exp_m1,
        "floor" => f64::floor,
        "ceil" => f64::ceil,
        "trunc" | "fix" => f64::trunc,
        "rint" | "round" | "round_" | "around" => f64::round_ties_even,
        "fabs" => f64::abs,
        "square" => |x| x * x,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" | "arcsin" => f64::asin,
        "acos" | "arccos" => f64::acos,
        "atan" | "arctan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "degrees" | "rad2deg" => f64::to_degrees,
        "radians" | "deg2rad" => f64::to_radians,
        _ => return None,
    })
}

fn float(x: f64) -> Result<Value, Fault> {
    Ok(Value::Scalar(Scalar::Float(x)))
}

/// A number, and nothing else.
fn number(value: &Value) -> Result<f64, Fault> {
    match value {
        Value::Text(_) => Err(Fault::new(FaultKind::Type, "a text is not a number")),
        value => value.to_float(),
    }
}

fn length(value: &Value) -> Result<Value, Fault> {
    match value {
        Value::Text(text) => Ok(Value::Int(text.chars().count() as i64)),
        Value::Sequence(_, items) => Ok(Value::Int(items.len() as i64)),
        other => Err(Fault::new(
            FaultKind::Type,
            format!("a value of type {} has no length", other.type_name()),
        )),
    }
}

fn extreme(name: &str, arguments: &[Value]) -> Result<Value, Fault> {
    let items = match arguments {
        [Value::Sequence(_, items)] => items,
        [_] | [] => {
            return Err(Fault::new(FaultKind::Type, format!("`{name}` needs at least two values")));
        }
        several => several,
    };
    let mut found = items.first().ok_or_else(|| {
        Fault::new(FaultKind::Value, format!("`{name}` needs at least one value"))
    })?;
    for item in items {
        let order = compare(item, found)?;
        let better = if name == "max" {
            order.is_some_and(|o| o.is_gt())
        } else {
            order.is_some_and(|o| o.is_lt())
        };
        if better {
            found = item;
        }
    }
    Ok(found.clone())
}

fn absolute(value: &Value) -> Result<Value, Fault> {
    Ok(match value {
        Value::Bool(b) | Value::Scalar(Scalar::Bool(b)) => Value::Scalar(Scalar::Bool(*b)),
        Value::Int(i) | Value::Scalar(Scalar::Int(i)) => {
            Value::Scalar(Scalar::Int(i.wrapping_abs()))
        }
        Value::Big(big) => whole(num_bigint::BigInt::from(big.magnitude().clone())),
        other => Value::Scalar(Scalar::Float(number(other)?.abs())),
    })
}

fn sum(value: &Value) -> Result<Value, Fault> {
    let items = match value {
        Value::Sequence(_, items) => &items[..],
        single => std::slice::from_ref(single),
    };
    let mut total = Scalar::Int(0);
    for item in items {
        total = match (total, item) {
            (Scalar::Int(sum), Value::Int(i) | Value::Scalar(Scalar::Int(i))) => {
                Scalar::Int(sum.wrapping_add(*i))
            }
            (Scalar::Int(sum), Value::Bool(b)) => Scalar::Int(sum + i64::from(*b)),
            (Scalar::Int(sum), item) => Scalar::Float(sum as f64 + number(item)?),
            (Scalar::Float(sum), item) => Scalar::Float(sum + number(item)?),
            (other, _) => other,
        };
    }
    Ok(Value::Scalar(total))
}

fn factorial(value: &Value) -> Result<Value, Fault> {
    let refuse =
        || Fault::new(FaultKind::Value, "only whole numbers from 0 to 100 have a factorial here");
    let n = match value.to_int()? {
        Value::Int(n) if (0..=100).contains(&n) => n,
        _ => return Err(refuse()),
    };
    if let Value::Float(x) = value {
        float_to_int(*x)?;
    }
    Ok(whole((1..=n).map(num_bigint::BigInt::from).product()))
}

// Logarithms to the last digit of NumPy's vector code, which computes them as a sum of parts and
// so differs from a correctly rounded logarithm now and then.

/// Decimal logarithms of 10/16 … 22/16.
const LOG10_OF_SIXTEENTHS: [f64; 13] = [
    -0.2041199826559248,
    -0.16272729749769974,
    -0.12493873660829995,
    -0.09017663034908802,
    -0.057991946977686754,
    -0.028028723600243537,
    0.0,
    0.02632893872234915,
    0.05115252244738129,
    0.07463361829690418,
    0.09691001300805642,
    0.11809931207799448,
    0.13829269816628146,
];

/// log10 2 in two parts; the first has trailing zeros, so that its multiples are exact.
const LOG10_2: (f64, f64) = (0.30102999560767785, 5.630334806675098e-11);
/// What [`LOG10_E`] lacks.
const LOG10_E_REST: f64 = 1.098319650216765e-17;

/// The decimal logarithm. With `x = 2^k · m` and `r` the sixteenth nearest to `1/m`, it is
/// `k · log10 2 − log10 r + log10(1 + (m · r − 1))`.
pub(crate) fn log10(x: f64) -> f64 {
    if !(x.is_normal() && x > 0.0) {
        return x.log10();
    }
    let (mut exponent, mut mantissa) = parts(x);
    if mantissa >= 1.5 {
        (exponent, mantissa) = (exponent + 1.0, mantissa / 2.0);
    }
    let sixteenths = (16.0 / mantissa).round_ties_even();
    // `m · r` has at most 58 bits: fused, nothing is lost.
    let rest = mantissa.mul_add(sixteenths / 16.0, -1.0);
    let y = rest.ln_1p();
    let high = y * LOG10_E;
    let low = high + (y.mul_add(LOG10_E, -high) + y * LOG10_E_REST);
    let table = LOG10_OF_SIXTEENTHS.get(sixteenths as usize - 10).copied().unwrap_or(0.0);
    (low + exponent * LOG10_2.1 - table) + exponent * LOG10_2.0
}

/// The natural logarithm, as exponent · ln 2 + ln mantissa.
pub(super) fn ln(x: f64) -> f64 {
    if !(x.is_normal() && x > 0.0) {
        return x.ln();
    }
    let (exponent, mantissa) = parts(x);
    exponent * LN_2 + mantissa.ln()
}

/// Exponent of two, and the rest between 1 and 2.
fn parts(x: f64) -> (f64, f64) {
    const FRACTION: u64 = (1 << 52) - 1;
    let exponent = (x.to_bits() >> 52) as i64 - 1023;
    (exponent as f64, f64::from_bits(x.to_bits() & FRACTION | 1023 << 52))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &'static str, arguments: &[Value]) -> (String, &'static str) {
        match call(name, arguments) {
            Ok(value) => (value.printed(), value.type_name()),
            Err(fault) => (fault.kind.exception().into(), ""),
        }
    }

    #[test]
    fn functions_return_the_types_that_numpy_does() {
        let int = Value::Int;
        assert_eq!(shown("abs", &[int(-7)]), ("7".into(), "int64"));
        assert_eq!(shown("sqrt", &[int(16)]), ("4.0".into(), "float64"));
        assert_eq!(shown("log", &[int(100)]), ("4.605170185988091".into(), "float64"));
        assert_eq!(shown("log10", &[int(1000)]), ("3.0".into(), "float64"));
        assert_eq!(shown("max", &[int(3), Value::Float(4.0)]), ("4.0".into(), "float"));
        let pair = Value::Sequence(true, [int(3), int(4)].into());
        assert_eq!(shown("sum", &[pair]), ("7".into(), "int64"));
        assert_eq!(shown("int", &[Value::text("12")]), ("12".into(), "int"));
        assert_eq!(shown("len", &[Value::text("Ann Lee")]), ("7".into(), "int"));
        assert_eq!(shown("factorial", &[int(5)]), ("120".into(), "int"));
    }

    #[test]
    fn wrong_calls_are_faults() {
        assert_eq!(shown("max", &[Value::Int(1)]).0, "TypeError");
        assert_eq!(shown("meshgrid", &[Value::Int(1)]).0, "TypeError");
        assert_eq!(shown("int", &[Value::text("x")]).0, "ValueError");
        assert_eq!(shown("factorial", &[Value::Int(101)]).0, "ValueError");
    }

    #[test]
    fn logarithms_of_numpy() {
        // Computed with NumPy 1.26; the first three differ from the C library's in the last digit
        // or from the correctly rounded value.
        for (x, result) in [
            (113.0, 2.05307844348342),
            (990.0, 2.99563519459755),
            (1003.0, 3.0013009330204183),
            (120.0, 2.0791812460476247),
            (100_000.0, 5.0),
            (133.0, 2.123851640967086),
        ] {
            assert_eq!(log10(x), result, "{x}");
        }
        assert_eq!(ln(100.0), 4.605170185988091);
        assert_eq!(log10(0.0), f64::NEG_INFINITY);
        assert!(log10(-1.0).is_nan());
    }

    #[test]
    fn they_are_never_far_off() {
        for i in 1..5000 {
            let x = f64::from(i) * 0.37;
            assert!((log10(x) - x.log10()).abs() <= 1e-15 * x.log10().abs().max(1e-3), "{x}");
            assert!((ln(x) - x.ln()).abs() <= 1e-15 * x.ln().abs().max(1e-3), "{x}");
        }
    }
}
