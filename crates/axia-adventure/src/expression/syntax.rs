//! The syntax tree of an expression.

use super::names::Symbol;
use super::number::Arithmetic;
use super::value::Value;

/// A parsed expression.
#[derive(Debug, Clone)]
pub struct Expression {
    /// Its tree; `None` for an empty text, which evaluates to `None`.
    pub root: Option<Node>,
    /// The text it was parsed from.
    pub source: Box<str>,
    /// Repairing the case of names would also change string literals, so that it must be done on
    /// the text and not on the tree.
    pub case_touches_literals: bool,
}

/// One node of the tree.
#[derive(Debug, Clone)]
pub enum Node {
    /// A literal.
    Constant(Value),
    /// A name: as written, and in lower case.
    Name(Symbol, Symbol),
    /// `+x`, `-x`, `~x`
    Unary(Sign, Box<Node>),
    /// `not x`
    Not(Box<Node>),
    /// `a + b` and its like.
    Binary(Arithmetic, Box<(Node, Node)>),
    /// `a | b` and its like.
    Bits(BitOperator, Box<(Node, Node)>),
    /// `a and b and c` (`true`) or `a or b or c`.
    Logic(bool, Vec<Node>),
    /// `a < b <= c`
    Compare(Box<Node>, Vec<(Comparison, Node)>),
    /// `f(a, b)`
    Call(Box<Node>, Vec<Node>),
    /// `a[b]`
    Index(Box<(Node, Node)>),
    /// `a.name`
    Attribute(Box<Node>, Box<str>),
    /// `a if condition else b`: condition, a, b.
    Conditional(Box<(Node, Node, Node)>),
    /// A tuple (`true`) or list.
    Sequence(bool, Vec<Node>),
}

/// A sign in front of an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `~`
    Invert,
}

/// An operator on the bits of whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitOperator {
    /// `|`
    Or,
    /// `^`
    ExclusiveOr,
    /// `&`
    And,
    /// `<<`
    ShiftLeft,
    /// `>>`
    ShiftRight,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `in`
    In,
    /// `not in`
    NotIn,
    /// `is`
    Is,
    /// `is not`
    IsNot,
}
