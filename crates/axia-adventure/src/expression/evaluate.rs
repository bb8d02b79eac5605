//! Evaluates expressions.

use super::functions;
use super::names::Symbol;
use super::number::{Arithmetic, arithmetic, bits};
use super::symbols::Symbols;
use super::token::{BitOperator, Comparison, Expression, Node, Sign};
use super::value::{Scalar, Value, character, compare, equal};
use crate::error::{Fault, FaultKind};

/// How names are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// As they are written.
    AsWritten,
    /// In lower case, where a created variable is called so.
    Repaired,
}

/// The value of an expression.
///
/// # Errors
/// A [`Fault`] of the kind that Python raises.
pub fn evaluate(
    expression: &Expression,
    symbols: &Symbols,
    spelling: Spelling,
) -> Result<Value, Fault> {
    match &expression.root {
        None => Ok(Value::None),
        Some(root) => Evaluation { symbols, spelling }.value(root),
    }
}

/// Longest text that an addition or multiplication may make, in characters; the benchmark's
/// evaluator has the same bound.
const LONGEST_TEXT: usize = 2 << 17;

struct Evaluation<'a> {
    symbols: &'a Symbols,
    spelling: Spelling,
}

impl Evaluation<'_> {
    fn value(&self, node: &Node) -> Result<Value, Fault> {
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Name(exact, lower) => self.name(exact, lower),
            Node::Unary(sign, operand) => signed(*sign, self.value(operand)?),
            Node::Not(operand) => Ok(Value::Bool(!self.value(operand)?.truth())),
            Node::Binary(op, operands) => {
                let (left, right) = (self.value(&operands.0)?, self.value(&operands.1)?);
                apply(*op, &left, &right, self.symbols)
            }
            Node::Bits(op, operands) => {
                bitwise(*op, &self.value(&operands.0)?, &self.value(&operands.1)?)
            }
            Node::Logic(and, operands) => self.logic(*and, operands),
            Node::Compare(first, rest) => self.comparison(first, rest),
            Node::Call(function, arguments) => self.call(function, arguments),
            Node::Index(operands) => index(&self.value(&operands.0)?, &self.value(&operands.1)?),
            Node::Attribute(of, name) => {
                let value = self.value(of)?;
                Err(Fault::new(
                    FaultKind::Attribute,
                    format!("a value of type {} has no `{name}`", value.type_name()),
                ))
            }
            Node::Conditional(parts) => {
                let (condition, yes, no) = &**parts;
                self.value(if self.value(condition)?.truth() { yes } else { no })
            }
            Node::Sequence(tuple, items) => Ok(Value::Sequence(*tuple, self.all(items)?.into())),
        }
    }

    fn all(&self, nodes: &[Node]) -> Result<Vec<Value>, Fault> {
        nodes.iter().map(|node| self.value(node)).collect()
    }

    fn name(&self, exact: &Symbol, lower: &Symbol) -> Result<Value, Fault> {
        let repaired = self.spelling == Spelling::Repaired && self.symbols.is_created(lower);
        let symbol = if repaired { lower } else { exact };
        self.symbols.get(symbol).ok_or_else(|| {
            let name = self.symbols.names().name(symbol);
            Fault::new(FaultKind::Name, format!("there is no variable `{name}`")).about(name)
        })
    }

    fn logic(&self, and: bool, operands: &[Node]) -> Result<Value, Fault> {
        let mut value = Value::None;
        for operand in operands {
            value = self.value(operand)?;
            if value.truth() != and {
                break;
            }
        }
        Ok(value)
    }

    fn comparison(&self, first: &Node, rest: &[(Comparison, Node)]) -> Result<Value, Fault> {
        let mut left = self.value(first)?;
        let mut result = Value::Bool(true);
        for (comparison, operand) in rest {
            let right = self.value(operand)?;
            let holds = holds(*comparison, &left, &right)?;
            let numpy = matches!(left, Value::Scalar(_)) || matches!(right, Value::Scalar(_));
            result = if numpy { Value::Scalar(Scalar::Bool(holds)) } else { Value::Bool(holds) };
            if !holds {
                break;
            }
            left = right;
        }
        Ok(result)
    }

    fn call(&self, function: &Node, arguments: &[Node]) -> Result<Value, Fault> {
        match self.value(function)? {
            Value::Function(name) => functions::call(name, &self.all(arguments)?),
            other => Err(Fault::new(
                FaultKind::Type,
                format!("{} cannot be called like a function", other.literal()),
            )),
        }
    }
}

/// `left op right`
pub(crate) fn apply(
    op: Arithmetic,
    left: &Value,
    right: &Value,
    symbols: &Symbols,
) -> Result<Value, Fault> {
    if let Some(result) = arithmetic(op, left, right) {
        let value = result?;
        if bits(&value) > symbols.limits().integer_bits {
            return Err(Fault::new(FaultKind::Limit, "a whole number is too large"));
        }
        return Ok(value);
    }
    let too_long = || Fault::new(FaultKind::Runtime, "the text is too long");
    match (op, left, right) {
        (Arithmetic::Add, Value::Text(a), Value::Text(b)) => {
            if a.len() + b.len() > LONGEST_TEXT {
                return Err(too_long());
            }
            symbols.work(a.len() + b.len())?;
            Ok(Value::text(&format!("{a}{b}")))
        }
        (Arithmetic::Multiply, Value::Text(text), times)
        | (Arithmetic::Multiply, times, Value::Text(text))
            if matches!(times, Value::Int(_) | Value::Bool(_)) =>
        {
            let times = usize::try_from(times.to_index()?.max(0)).unwrap_or(usize::MAX);
            if text.len().saturating_mul(times) > LONGEST_TEXT {
                return Err(too_long());
            }
            symbols.work(text.len() * times)?;
            Ok(Value::text(&text.repeat(times)))
        }
        _ => Err(Fault::new(
            FaultKind::Type,
            format!(
                "`{}` does not work with {} and {}",
                op.symbol(),
                left.type_name(),
                right.type_name()
            ),
        )),
    }
}

fn signed(sign: Sign, value: Value) -> Result<Value, Fault> {
    let refuse = |value: &Value| {
        Fault::new(FaultKind::Type, format!("a {} can have no sign", value.type_name()))
    };
    let zero = || match value {
        Value::Scalar(Scalar::Int(_)) => Value::Scalar(Scalar::Int(0)),
        _ => Value::Int(0),
    };
    match (sign, &value) {
        (Sign::Plus, Value::Bool(b)) => Ok(Value::Int(i64::from(*b))),
        (Sign::Plus, Value::Text(_) | Value::None | Value::Sequence(..) | Value::Function(_)) => {
            Err(refuse(&value))
        }
        (Sign::Plus, _) => Ok(value),
        (Sign::Minus, Value::Float(x)) => Ok(Value::Float(-x)),
        (Sign::Minus, Value::Scalar(Scalar::Float(x))) => Ok(Value::Scalar(Scalar::Float(-x))),
        (Sign::Minus, _) => {
            arithmetic(Arithmetic::Subtract, &zero(), &value).unwrap_or_else(|| Err(refuse(&value)))
        }
        (Sign::Invert, Value::Bool(_) | Value::Int(_) | Value::Big(_)) => {
            let negative = signed(Sign::Minus, value.clone())?;
            arithmetic(Arithmetic::Subtract, &negative, &Value::Int(1))
                .unwrap_or_else(|| Err(refuse(&value)))
        }
        (Sign::Invert, _) => Err(refuse(&value)),
    }
}

fn bitwise(op: BitOperator, left: &Value, right: &Value) -> Result<Value, Fault> {
    let small = |value: &Value| match value {
        Value::Int(i) => Some(*i),
        Value::Bool(b) => Some(i64::from(*b)),
        _ => None,
    };
    let (Some(a), Some(b)) = (small(left), small(right)) else {
        return Err(Fault::new(
            FaultKind::Type,
            format!("bits of {} and {} cannot be combined", left.type_name(), right.type_name()),
        ));
    };
    let boolean = matches!((left, right), (Value::Bool(_), Value::Bool(_)));
    let number = |i: i64| if boolean { Value::Bool(i != 0) } else { Value::Int(i) };
    let negative = || Fault::new(FaultKind::Value, "a number cannot be shifted by a negative one");
    match op {
        BitOperator::Or => Ok(number(a | b)),
        BitOperator::ExclusiveOr => Ok(number(a ^ b)),
        BitOperator::And => Ok(number(a & b)),
        _ if b < 0 => Err(negative()),
        BitOperator::ShiftRight => {
            Ok(Value::Int(a >> u32::try_from(b).unwrap_or(u32::MAX).min(63)))
        }
        BitOperator::ShiftLeft if b > 1000 => {
            Err(Fault::new(FaultKind::Runtime, "a number must not be shifted by more than 1000"))
        }
        BitOperator::ShiftLeft => Ok(super::number::whole(num_bigint::BigInt::from(a) << b)),
    }
}

fn holds(comparison: Comparison, left: &Value, right: &Value) -> Result<bool, Fault> {
    let order = || compare(left, right);
    Ok(match comparison {
        Comparison::Equal => equal(left, right),
        Comparison::NotEqual => !equal(left, right),
        Comparison::Less => order()?.is_some_and(|order| order.is_lt()),
        Comparison::LessEqual => order()?.is_some_and(|order| order.is_le()),
        Comparison::Greater => order()?.is_some_and(|order| order.is_gt()),
        Comparison::GreaterEqual => order()?.is_some_and(|order| order.is_ge()),
        Comparison::In => contains(right, left)?,
        Comparison::NotIn => !contains(right, left)?,
        Comparison::Is => identical(left, right),
        Comparison::IsNot => !identical(left, right),
    })
}

fn contains(whole: &Value, part: &Value) -> Result<bool, Fault> {
    match (whole, part) {
        (Value::Text(whole), Value::Text(part)) => Ok(whole.contains(&**part)),
        (Value::Sequence(_, items), part) => Ok(items.iter().any(|item| equal(item, part))),
        _ => Err(Fault::new(
            FaultKind::Type,
            format!("nothing of type {} is in a {}", part.type_name(), whole.type_name()),
        )),
    }
}

/// Python's `is`, as far as it does not depend on where objects lie in memory.
fn identical(left: &Value, right: &Value) -> bool {
    left.type_name() == right.type_name() && equal(left, right)
}

fn index(of: &Value, at: &Value) -> Result<Value, Fault> {
    let integer = matches!(at, Value::Int(_) | Value::Bool(_) | Value::Scalar(Scalar::Int(_)));
    if !integer || !matches!(of, Value::Text(_) | Value::Sequence(..)) {
        return Err(Fault::new(
            FaultKind::Type,
            format!("a {} has no position {}", of.type_name(), at.literal()),
        ));
    }
    let at = at.to_index()?;
    match of {
        Value::Text(text) => {
            character(text, at.saturating_add(1)).map(|c| Value::text(c.encode_utf8(&mut [0; 4])))
        }
        Value::Sequence(_, items) => {
            let from_end = items.len() as i64;
            let position = if at < 0 { at + from_end } else { at };
            usize::try_from(position)
                .ok()
                .and_then(|n| items.get(n).cloned())
                .ok_or_else(|| Fault::new(FaultKind::Index, format!("there is no position {at}")))
        }
        _ => Err(Fault::new(FaultKind::Type, "only texts and lists have positions")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::names::{Names, Resolve};
    use super::super::parse::parse;
    use super::*;
    use crate::limits::Limits;

    fn value(source: &str, spelling: Spelling) -> String {
        let mut names = Names::default();
        let variables = [
            ("a", Value::Int(3)),
            ("name", Value::text("Ann Lee")),
            ("t", Value::Bool(true)),
            ("f", Value::Float(2.5)),
        ];
        let made: Vec<_> =
            variables.iter().map(|(name, value)| (names.symbol(name), value.clone())).collect();
        let parsed = parse(source, &mut names, 40);
        let mut symbols = Symbols::new(Arc::new(names), Limits::default());
        for (symbol, value) in made {
            assert!(symbols.set(&symbol, value).is_ok());
            symbols.mark_created(&symbol);
        }
        match parsed.and_then(|expression| evaluate(&expression, &symbols, spelling)) {
            Ok(value) => value.literal(),
            Err(fault) => fault.kind.exception().into(),
        }
    }

    #[test]
    fn expressions_follow_python() {
        for (source, result) in [
            ("", "None"),
            ("1 + 2 * 3 - 4", "3"),
            ("-2 ** 2", "-4"),
            ("2 ** -1", "0"),
            ("(1 < a < 5) and not t or f", "2.5"),
            ("1 < 2 ++ 3", "True"),
            ("1 if t else 2", "1"),
            ("a, 1", "(3, 1)"),
            ("(a,)", "(3,)"),
            ("[1, 2][-1]", "2"),
            ("name[0]", "'A'"),
            ("'Lee' in name", "True"),
            ("3 not in (1, 2)", "True"),
            ("None is None", "True"),
            ("'a' 'b' \"c\"", "'abc'"),
            ("'ab' * 2", "'abab'"),
            ("True + True", "2"),
            ("~5 | 1", "-5"),
            ("max(a, 7) / min(2, a)", "3.5"),
            ("t(1)", "TypeError"),
            ("name > 5", "TypeError"),
            ("a.b", "AttributeError"),
            ("undefined", "NameError"),
            ("Name", "NameError"),
            ("a b", "SyntaxError"),
            ("(a", "SyntaxError"),
            ("a == = b", "SyntaxError"),
            ("class", "SyntaxError"),
            ("()", "()"),
            ("a[9]", "TypeError"),
            ("name[9]", "IndexError"),
        ] {
            assert_eq!(value(source, Spelling::AsWritten), result, "{source}");
        }
    }

    #[test]
    fn names_of_created_variables_can_be_repaired() {
        assert_eq!(value("NAME", Spelling::Repaired), "'Ann Lee'");
        assert_eq!(value("Undefined", Spelling::Repaired), "NameError");
    }

    #[test]
    fn deep_nesting_is_refused() {
        for source in [
            "(".repeat(500) + "1" + &")".repeat(500),
            "-".repeat(500) + "1",
            "not ".repeat(500) + "1",
            "1".to_owned() + &"+1".repeat(500),
            "1".to_owned() + &"**1".repeat(500),
            "a".to_owned() + &"[0]".repeat(500),
        ] {
            assert_eq!(value(&source, Spelling::AsWritten), "LimitError", "{}", &source[..20]);
        }
    }
}
