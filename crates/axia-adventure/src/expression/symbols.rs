//! The table of variables of one game.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::names::{Names, Symbol};
use super::number::bits;
use super::value::Value;
use crate::error::{Fault, FaultKind};
use crate::limits::Limits;

/// All variables of a game in progress.
#[derive(Debug, Clone)]
pub struct Symbols {
    names: Arc<Names>,
    limits: Limits,
    known: Vec<Slot>,
    other: BTreeMap<Arc<str>, Slot>,
    /// Variables that `*create` or `*temp` made.
    created: usize,
    /// Bytes of text in all values.
    bytes: usize,
    /// Bytes of text worked on since the last choice.
    work: Cell<u64>,
}

#[derive(Debug, Clone, Default)]
struct Slot {
    value: Option<Value>,
    created: bool,
}

impl Symbols {
    /// An empty table.
    pub fn new(names: Arc<Names>, limits: Limits) -> Self {
        let known = vec![Slot::default(); names.len()];
        Self {
            names,
            limits,
            known,
            other: BTreeMap::new(),
            created: 0,
            bytes: 0,
            work: Cell::new(0),
        }
    }

    /// Empties the table, keeping its memory.
    pub fn clear(&mut self) {
        self.known.fill(Slot::default());
        self.other.clear();
        self.created = 0;
        self.bytes = 0;
        self.work.set(0);
    }

    /// Forgets the work done so far: a new step begins.
    pub fn rest(&self) {
        self.work.set(0);
    }

    /// Counts work on `bytes` of text.
    ///
    /// # Errors
    /// [`FaultKind::Limit`] if it was too much for one step.
    pub fn work(&self, bytes: usize) -> Result<(), Fault> {
        let work = self.work.get().saturating_add(bytes as u64);
        self.work.set(work);
        if work > self.limits.work_per_step {
            return Err(limit("a step works on too much text", self.limits.work_per_step, "bytes"));
        }
        Ok(())
    }

    /// The names that have numbers.
    pub fn names(&self) -> &Arc<Names> {
        &self.names
    }

    /// What the game may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    fn slot(&self, symbol: &Symbol) -> Option<&Slot> {
        match symbol {
            Symbol::Known(id) => self.known.get(*id as usize),
            Symbol::Other(name) => self.other.get(name),
        }
    }

    fn slot_mut(&mut self, symbol: &Symbol) -> Option<&mut Slot> {
        match symbol {
            Symbol::Known(id) => self.known.get_mut(*id as usize),
            Symbol::Other(name) => {
                if !self.other.contains_key(name) {
                    self.other.insert(name.clone(), Slot::default());
                }
                self.other.get_mut(name)
            }
        }
    }

    /// The value of a variable, or what its name means in every game.
    pub fn get(&self, symbol: &Symbol) -> Option<Value> {
        match self.slot(symbol) {
            Some(Slot { value: Some(value), .. }) => Some(value.clone()),
            _ => self.names.predefined(symbol),
        }
    }

    /// The value that the game gave to a variable.
    pub fn own(&self, symbol: &Symbol) -> Option<&Value> {
        self.slot(symbol)?.value.as_ref()
    }

    /// Assigns a value.
    ///
    /// # Errors
    /// [`FaultKind::Limit`] if a value, all texts together, or the number of variables grow too
    /// large.
    pub fn set(&mut self, symbol: &Symbol, value: Value) -> Result<(), Fault> {
        let size = value.text_bytes();
        if size > self.limits.text_value {
            return Err(limit("a text value is too long", self.limits.text_value, "bytes"));
        }
        if bits(&value) > self.limits.integer_bits {
            return Err(limit("a whole number is too large", self.limits.integer_bits, "bits"));
        }
        let old = self.own(symbol).map_or(0, Value::text_bytes);
        let bytes = self.bytes - old.min(self.bytes) + size;
        if bytes > self.limits.text_values {
            return Err(limit(
                "all text values together are too long",
                self.limits.text_values,
                "bytes",
            ));
        }
        if self.other.len() >= self.limits.variables {
            return Err(limit("there are too many variables", self.limits.variables, "variables"));
        }
        if let Some(slot) = self.slot_mut(symbol) {
            slot.value = Some(value);
            self.bytes = bytes;
        }
        Ok(())
    }

    /// Notes that `*create` or `*temp` made the variable: it is listed and its case is repaired.
    pub fn mark_created(&mut self, symbol: &Symbol) {
        if let Some(slot) = self.slot_mut(symbol)
            && !slot.created
        {
            slot.created = true;
            self.created += 1;
        }
    }

    /// Whether `*create` or `*temp` made the variable.
    pub fn is_created(&self, symbol: &Symbol) -> bool {
        self.slot(symbol).is_some_and(|slot| slot.created)
    }

    /// Whether any variable was made by `*create` or `*temp`.
    pub fn any_created(&self) -> bool {
        self.created > 0
    }

    /// Whether a name stands for a variable made by `*create` or `*temp`.
    pub fn is_created_name(&self, name: &str) -> bool {
        self.is_created(&self.names.find(name))
    }

    /// Variables made by `*create` or `*temp`, in the order of their names.
    pub fn created(&self) -> Vec<(&str, Option<&Value>)> {
        let known = self.known.iter().enumerate().filter(|(_, slot)| slot.created);
        let mut all: Vec<(&str, Option<&Value>)> =
            known.map(|(id, slot)| (self.names.known_name(id), slot.value.as_ref())).collect();
        let other = self.other.iter().filter(|(_, slot)| slot.created);
        all.extend(other.map(|(name, slot)| (&**name, slot.value.as_ref())));
        all.sort_unstable_by_key(|(name, _)| *name);
        all
    }
}

fn limit(what: &str, most: impl std::fmt::Display, unit: &str) -> Fault {
    Fault::new(FaultKind::Limit, format!("{what}: at most {most} {unit}"))
}

#[cfg(test)]
mod tests {
    use super::super::names::Resolve;
    use super::*;

    #[test]
    fn variables_are_listed_by_name_if_created() {
        let mut names = Names::default();
        let (b, a) = (names.symbol("b"), names.symbol("a"));
        let mut symbols = Symbols::new(Arc::new(names), Limits::default());
        let late = symbols.names().find("aa");
        for symbol in [&b, &late, &a] {
            assert!(symbols.set(symbol, Value::Int(1)).is_ok());
            symbols.mark_created(symbol);
        }
        let listed: Vec<&str> = symbols.created().into_iter().map(|(name, _)| name).collect();
        assert_eq!(listed, ["a", "aa", "b"]);
        symbols.clear();
        assert!(!symbols.any_created() && symbols.get(&a).is_none());
    }

    #[test]
    fn growth_is_bounded() {
        let mut names = Names::default();
        let a = names.symbol("a");
        let limits = Limits { text_value: 10, text_values: 15, ..Limits::default() };
        let mut symbols = Symbols::new(Arc::new(names), limits);
        assert!(symbols.set(&a, Value::text("0123456789a")).is_err());
        assert!(symbols.set(&a, Value::text("0123456789")).is_ok());
        assert!(symbols.set(&Symbol::Other("b".into()), Value::text("0123456789")).is_err());
        assert!(symbols.set(&a, Value::text("0")).is_ok(), "replacing frees the old text");
        assert!(symbols.set(&Symbol::Other("b".into()), Value::text("0123456789")).is_ok());
    }
}
