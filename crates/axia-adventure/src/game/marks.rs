//! Annotations of a game of one's own: `annotations.toml`.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::path::Path;

use axia_values::taxonomy::RefinedValue;
use serde::Deserialize;

use crate::annotation::{Annotation, MORALITY, VariableVotes};
use crate::error::{LoadError, nearest};
use crate::files::toml;

/// Values that an option expresses (positive) or goes against (negative), and how clearly.
pub type ValueWeights = BTreeMap<RefinedValue, i8>;

/// How clearly an option can express a value.
pub const WEIGHT_RANGE: RangeInclusive<i8> = -2..=2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format_version: u32,
    #[serde(default)]
    marks: BTreeMap<String, Mark>,
    #[serde(default)]
    variables: VariableVotes,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Mark {
    #[serde(rename = "self")]
    own: BTreeMap<String, f64>,
    others: BTreeMap<String, f64>,
    watts: f64,
    dollars: f64,
    influence: BTreeMap<String, f64>,
    morality: BTreeMap<String, f64>,
    values: BTreeMap<String, i8>,
}

/// Annotations by mark.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) annotations: HashMap<String, Annotation>,
    pub(super) values: HashMap<String, ValueWeights>,
    pub(super) votes: VariableVotes,
}

impl Marks {
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, LoadError> {
        let file: File = toml(path, text)?;
        let wrong = |message: String| LoadError::Format { path: path.into(), message };
        if file.format_version != 1 {
            return Err(wrong(format!(
                "format_version is {}, but this program reads version 1",
                file.format_version
            )));
        }
        let mut marks = Self { votes: file.variables, ..Self::default() };
        for (id, mark) in file.marks {
            let at = |message: String| wrong(format!("[marks.{id}] {message}"));
            marks.annotations.insert(id.clone(), mark.annotation().map_err(at)?);
            let values = mark.weights().map_err(at)?;
            if !values.is_empty() {
                marks.values.insert(id, values);
            }
        }
        Ok(marks)
    }
}

impl Mark {
    fn annotation(&self) -> Result<Annotation, String> {
        let mut annotation = Annotation::default();
        let levels = |level: i64| (-3..=3).contains(&level);
        for (name, group, start) in [("self", &self.own, 3), ("others", &self.others, 10)] {
            for (level, x) in group {
                let field =
                    level.parse::<i64>().ok().filter(|level| levels(*level)).ok_or_else(|| {
                        format!("{name}: `{level}` is not one of the levels \"-3\" … \"3\"")
                    })?;
                annotation.set((start + field) as usize, amount(name, *x)?, true);
            }
        }
        annotation.set(14, amount("watts", self.watts)?, true);
        if !self.dollars.is_finite() {
            return Err("dollars: not a number".into());
        }
        annotation.set(15, self.dollars, true);
        for (strength, x) in &self.influence {
            let field = strength.parse::<usize>().ok().filter(|s| *s < 3).ok_or_else(|| {
                format!("influence: `{strength}` is not one of \"0\", \"1\", \"2\"")
            })?;
            annotation.set(16 + field, amount("influence", *x)?, true);
        }
        for (kind, x) in &self.morality {
            let field = MORALITY.iter().position(|known| known == kind).ok_or_else(|| {
                let hint = nearest(kind, MORALITY).map(|n| format!("; did you mean `{n}`?"));
                format!("morality: there is no kind `{kind}`{}", hint.unwrap_or_default())
            })?;
            if !(0.0..=1.0).contains(x) {
                return Err(format!("morality: `{kind}` is {x}, but lies between 0 and 1"));
            }
            annotation.set(19 + field, *x, true);
        }
        Ok(annotation)
    }

    fn weights(&self) -> Result<ValueWeights, String> {
        let weight = |(slug, weight): (&String, &i8)| {
            let value: RefinedValue = slug.parse().map_err(|error| format!("values: {error}"))?;
            if !WEIGHT_RANGE.contains(weight) {
                return Err(format!("values: `{slug}` is {weight}, but lies between -2 and 2"));
            }
            Ok((value, *weight))
        };
        self.values.iter().map(weight).collect()
    }
}

/// A number that is not negative.
fn amount(field: &str, x: f64) -> Result<f64, String> {
    if x.is_finite() && x >= 0.0 { Ok(x) } else { Err(format!("{field}: {x} is not 0 or more")) }
}
