//! Functions that expressions may call.

use super::logarithm;
use super::number::{float_to_int, round, whole};
use super::value::{Scalar, Value, compare};
use crate::error::{Fault, FaultKind};

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
        "log" | "ln" => logarithm::ln,
        "log10" => logarithm::log10,
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
}
