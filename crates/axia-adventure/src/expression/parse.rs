//! Parses expressions.

use super::names::{Resolve, is_keyword};
use super::number::Arithmetic;
use super::token::{BitOperator, Comparison, Expression, Node, Sign};
use super::token::{Literal, Token, syntax, tokens};
use super::value::Value;
use crate::error::{Fault, FaultKind};

/// Parses `source`; parentheses, and operators in a row, may nest `depth` levels.
///
/// # Errors
/// [`FaultKind::Syntax`] where Python would not parse it, [`FaultKind::Limit`] if it is too deep.
pub fn parse(source: &str, names: &mut dyn Resolve, depth: usize) -> Result<Expression, Fault> {
    let (tokens, case_touches_literals) = tokens(source)?;
    let expression = |root| Expression { root, source: source.into(), case_touches_literals };
    if tokens.is_empty() {
        return Ok(expression(None));
    }
    let mut parser = Parser { tokens, at: 0, names, room: depth };
    let root = parser.tuple(None)?;
    match parser.peek() {
        None => Ok(expression(Some(root))),
        Some(token) => Err(syntax(format!("`{}` is not expected there", show(token)))),
    }
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    names: &'a mut dyn Resolve,
    /// Levels that may still be nested.
    room: usize,
}

fn show(token: &Token) -> String {
    match token {
        Token::Literal(Literal(value)) => value.literal(),
        Token::Word(word) => word.to_string(),
        Token::Mark(mark) => (*mark).to_owned(),
    }
}

fn too_deep() -> Fault {
    Fault::new(FaultKind::Limit, "the expression is nested too deeply: split it")
}

/// Binary operators by how tightly they bind; a higher number binds tighter.
fn binary(mark: &str) -> Option<(u8, Binary)> {
    use Arithmetic as A;
    use BitOperator as B;
    Some(match mark {
        "|" => (1, Binary::Bits(B::Or)),
        "^" => (2, Binary::Bits(B::ExclusiveOr)),
        "&" => (3, Binary::Bits(B::And)),
        "<<" => (4, Binary::Bits(B::ShiftLeft)),
        ">>" => (4, Binary::Bits(B::ShiftRight)),
        "+" => (5, Binary::Arithmetic(A::Add)),
        "-" => (5, Binary::Arithmetic(A::Subtract)),
        "*" => (6, Binary::Arithmetic(A::Multiply)),
        "/" => (6, Binary::Arithmetic(A::Divide)),
        "//" => (6, Binary::Arithmetic(A::FloorDivide)),
        "%" => (6, Binary::Arithmetic(A::Modulo)),
        _ => return None,
    })
}

enum Binary {
    Arithmetic(Arithmetic),
    Bits(BitOperator),
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn eat(&mut self, mark: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Mark(m)) if *m == mark);
        self.at += usize::from(found);
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(w)) if &**w == word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, mark: &str) -> Result<(), Fault> {
        if self.eat(mark) {
            return Ok(());
        }
        Err(match self.peek() {
            Some(token) => syntax(format!("`{mark}` is missing before `{}`", show(token))),
            None => syntax(format!("`{mark}` is missing at the end")),
        })
    }

    /// Runs `inner` one level deeper.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.room = self.room.checked_sub(1).ok_or_else(too_deep)?;
        let result = inner(self);
        self.room += 1;
        result
    }

    /// `a, b, c` up to `close` or the end of the text: a tuple if there is a comma.
    fn tuple(&mut self, close: Option<&str>) -> Result<Node, Fault> {
        let first = self.conditional()?;
        if !self.eat(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.peek().is_some()
            && !matches!((self.peek(), close), (Some(Token::Mark(m)), Some(c)) if *m == c)
        {
            items.push(self.conditional()?);
            if !self.eat(",") {
                break;
            }
        }
        Ok(Node::Sequence(true, items))
    }

    fn conditional(&mut self) -> Result<Node, Fault> {
        let value = self.or()?;
        if !self.eat_word("if") {
            return Ok(value);
        }
        let condition = self.or()?;
        if !self.eat_word("else") {
            return Err(syntax("`else` is missing behind `if`"));
        }
        let other = self.nested(Self::conditional)?;
        Ok(Node::Conditional(Box::new((condition, value, other))))
    }

    fn or(&mut self) -> Result<Node, Fault> {
        self.logic("or", false, Self::and)
    }

    fn and(&mut self) -> Result<Node, Fault> {
        self.logic("and", true, Self::not)
    }

    fn logic(
        &mut self,
        word: &str,
        and: bool,
        mut operand: impl FnMut(&mut Self) -> Result<Node, Fault>,
    ) -> Result<Node, Fault> {
        let first = operand(self)?;
        if !matches!(self.peek(), Some(Token::Word(w)) if &**w == word) {
            return Ok(first);
        }
        let mut operands = vec![first];
        while self.eat_word(word) {
            operands.push(operand(self)?);
        }
        Ok(Node::Logic(and, operands))
    }

    fn not(&mut self) -> Result<Node, Fault> {
        if self.eat_word("not") {
            return Ok(Node::Not(Box::new(self.nested(Self::not)?)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Node, Fault> {
        let first = self.sum(1)?;
        let mut rest = Vec::new();
        while let Some(comparison) = self.comparison_operator()? {
            rest.push((comparison, self.sum(1)?));
        }
        Ok(if rest.is_empty() { first } else { Node::Compare(Box::new(first), rest) })
    }

    fn comparison_operator(&mut self) -> Result<Option<Comparison>, Fault> {
        let found = match self.peek() {
            Some(Token::Mark(mark)) => match *mark {
                "==" => Comparison::Equal,
                "!=" => Comparison::NotEqual,
                "<" => Comparison::Less,
                "<=" => Comparison::LessEqual,
                ">" => Comparison::Greater,
                ">=" => Comparison::GreaterEqual,
                _ => return Ok(None),
            },
            Some(Token::Word(word)) => match &**word {
                "in" => Comparison::In,
                "is" => {
                    self.at += 1;
                    let negated = self.eat_word("not");
                    return Ok(Some(if negated { Comparison::IsNot } else { Comparison::Is }));
                }
                "not" => {
                    self.at += 1;
                    if self.eat_word("in") {
                        return Ok(Some(Comparison::NotIn));
                    }
                    return Err(syntax("`not` is not expected there"));
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(found))
    }

    /// Binary operators that bind at least as tightly as `least`.
    fn sum(&mut self, least: u8) -> Result<Node, Fault> {
        let mut left = self.signed()?;
        let mut chain = 0;
        while let Some(Token::Mark(mark)) = self.peek() {
            let Some((tightness, operator)) = binary(mark).filter(|(t, _)| *t >= least) else {
                break;
            };
            self.at += 1;
            // Each operator of a chain makes the tree one level higher.
            chain += 1;
            if chain > self.room {
                return Err(too_deep());
            }
            let right = self.nested(|parser| parser.sum(tightness + 1))?;
            let operands = Box::new((left, right));
            left = match operator {
                Binary::Arithmetic(op) => Node::Binary(op, operands),
                Binary::Bits(op) => Node::Bits(op, operands),
            };
        }
        Ok(left)
    }

    fn signed(&mut self) -> Result<Node, Fault> {
        let sign = match self.peek() {
            Some(Token::Mark("-")) => Sign::Minus,
            Some(Token::Mark("+")) => Sign::Plus,
            Some(Token::Mark("~")) => Sign::Invert,
            _ => return self.power(),
        };
        self.at += 1;
        Ok(Node::Unary(sign, Box::new(self.nested(Self::signed)?)))
    }

    fn power(&mut self) -> Result<Node, Fault> {
        let base = self.postfix()?;
        if !self.eat("**") {
            return Ok(base);
        }
        let exponent = self.nested(Self::signed)?;
        Ok(Node::Binary(Arithmetic::Power, Box::new((base, exponent))))
    }

    fn postfix(&mut self) -> Result<Node, Fault> {
        let mut node = self.atom()?;
        let mut chain = 0;
        loop {
            chain += 1;
            if chain > self.room + 1 {
                return Err(too_deep());
            }
            node = if self.eat("(") {
                let arguments = self.nested(|parser| parser.items(")"))?;
                Node::Call(Box::new(node), arguments)
            } else if self.eat("[") {
                let index = self.nested(|parser| parser.tuple(Some("]")))?;
                self.expect("]")?;
                Node::Index(Box::new((node, index)))
            } else if self.eat(".") {
                match self.next() {
                    Some(Token::Word(word)) if !is_keyword(&word) => {
                        Node::Attribute(Box::new(node), word)
                    }
                    _ => return Err(syntax("a name is missing behind `.`")),
                }
            } else {
                return Ok(node);
            };
        }
    }

    /// Comma-separated items up to `close`, which is consumed.
    fn items(&mut self, close: &str) -> Result<Vec<Node>, Fault> {
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(self.conditional()?);
            if !self.eat(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(items)
    }

    fn atom(&mut self) -> Result<Node, Fault> {
        match self.next() {
            Some(Token::Literal(Literal(value))) => Ok(Node::Constant(self.joined(value))),
            Some(Token::Word(word)) => self.name(&word),
            Some(Token::Mark("(")) => {
                if self.eat(")") {
                    return Ok(Node::Sequence(true, Vec::new()));
                }
                let inner = self.nested(|parser| parser.tuple(Some(")")))?;
                self.expect(")")?;
                Ok(inner)
            }
            Some(Token::Mark("[")) => {
                let items = self.nested(|parser| parser.items("]"))?;
                Ok(Node::Sequence(false, items))
            }
            Some(token) => Err(syntax(format!("`{}` is not expected there", show(&token)))),
            None => Err(syntax("the expression breaks off")),
        }
    }

    /// Texts that stand side by side are one text.
    fn joined(&mut self, first: Value) -> Value {
        let Value::Text(text) = &first else { return first };
        let mut whole = text.to_string();
        while let Some(Token::Literal(Literal(Value::Text(more)))) = self.peek() {
            whole.push_str(more);
            self.at += 1;
        }
        Value::text(&whole)
    }

    fn name(&mut self, word: &str) -> Result<Node, Fault> {
        Ok(match word {
            "True" => Node::Constant(Value::Bool(true)),
            "False" => Node::Constant(Value::Bool(false)),
            "None" => Node::Constant(Value::None),
            word if is_keyword(word) => {
                return Err(syntax(format!("`{word}` is a word of the expression language")));
            }
            word => {
                let exact = self.names.symbol(word);
                let lower = self.names.symbol(&word.to_lowercase());
                Node::Name(exact, lower)
            }
        })
    }
}
