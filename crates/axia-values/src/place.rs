//! Where in a file something stands.

use std::fmt;

use serde::{Serialize, Serializer};

/// Where in the files of a survey or data set something stands. Shown as
/// ``items/face.toml, line 12, item `have-a-good-reputation-01`, field `value` ``.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// On the heap, so that results which may hold an error stay small.
    parts: Box<Parts>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Parts {
    source: String,
    line: Option<usize>,
    item: Option<String>,
    field: Option<String>,
}

impl Place {
    /// A whole file, as the user named it or as another file refers to it.
    #[must_use]
    pub fn file(source: &str) -> Self {
        let source = source.to_owned();
        Self { parts: Box::new(Parts { source, ..Parts::default() }) }
    }

    /// A line of this file, counted from 1.
    #[must_use]
    pub fn at_line(mut self, line: usize) -> Self {
        self.parts.line = Some(line);
        self
    }

    /// An item of this file, by its id, or by its number where it has none.
    #[must_use]
    pub fn in_item(mut self, item: &str) -> Self {
        self.parts.item = Some(item.to_owned());
        self
    }

    /// A field or column at this place.
    #[must_use]
    pub fn in_field(mut self, field: &str) -> Self {
        self.parts.field = Some(field.to_owned());
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { source, line, item, field } = &*self.parts;
        f.write_str(source)?;
        if let Some(line) = line {
            write!(f, ", line {line}")?;
        }
        if let Some(item) = item {
            write!(f, ", item `{item}`")?;
        }
        if let Some(field) = field {
            write!(f, ", field `{field}`")?;
        }
        Ok(())
    }
}

impl Serialize for Place {
    /// As it is shown.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
