//! The benchmark's annotations: `annotations_clean/{game}.json`.

use super::votes::{Number, Table};
use crate::error::LoadError;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::collections::HashMap;
use std::ops::{AddAssign, Range};
use std::path::Path;

#[derive(Deserialize)]
struct File {
    scenes: HashMap<String, Value>,
}

/// Reads annotations by the id of their scene.
///
/// # Errors
/// If the file cannot be read, is not of that form, or a field is missing, unknown or no number.
pub fn read_annotations(path: &Path) -> Result<HashMap<String, Annotation>, LoadError> {
    let text = crate::files::read(path)?;
    parse_annotations(&text).map_err(|message| LoadError::Format { path: path.into(), message })
}

/// Reads annotations from the text of a file.
pub(crate) fn parse_annotations(text: &str) -> Result<HashMap<String, Annotation>, String> {
    let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
    file.scenes
        .into_iter()
        .map(|(scene, value)| match parse_annotation(&value) {
            Ok(annotation) => Ok((scene, annotation)),
            Err(message) => Err(format!("scene `{scene}`: {message}")),
        })
        .collect()
}

/// An annotation from its JSON form.
///
/// # Errors
/// If a field is missing, unknown or no number; it is named.
pub fn parse_annotation(value: &Value) -> Result<Annotation, String> {
    let mut annotation = Annotation::default();
    let mut found = 0;
    for (path, names, start) in GROUPS {
        let group = path.iter().try_fold(value, |value, key| value.get(key));
        let group = group
            .and_then(Value::as_object)
            .ok_or_else(|| format!("the group `{}` is missing", path.join(".")))?;
        for (field, name) in (start..).zip(names) {
            let number = group
                .get(*name)
                .ok_or_else(|| format!("`{}.{name}` is missing", path.join(".")))?;
            let x = number
                .as_f64()
                .ok_or_else(|| format!("`{}.{name}` is {number}, not a number", path.join(".")))?;
            annotation.set(field, x, !(number.is_i64() || number.is_u64()));
        }
        found += names.len();
        if let Some(unknown) = group.keys().find(|key| !names.contains(&key.as_str())) {
            return Err(format!("`{}.{unknown}` is not a known field", path.join(".")));
        }
    }
    debug_assert_eq!(found, FIELDS);
    Ok(annotation)
}

/// The kinds of ethical violations.
pub const MORALITY: [&str; 13] = [
    "killing",
    "physical_harm",
    "non_physical_harm",
    "intending_harm",
    "deception",
    "manipulation",
    "promises",
    "stealing",
    "trespassing",
    "spying",
    "vandalism",
    "fairness",
    "other",
];

/// The number of fields of an annotation.
pub const FIELDS: usize = 32;

const LEVELS: [&str; 7] = ["-3", "-2", "-1", "0", "1", "2", "3"];
const INFLUENCE: [&str; 3] = ["0", "1", "2"];

const SELF: usize = 0;
const OTHERS: usize = 7;
const WATTS: usize = 14;
const DOLLARS: usize = 15;
const SOCIAL: usize = 16;
const MORAL: usize = 19;

/// What happens in a scene, or in a step: then the sum over its scenes.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    values: [f64; FIELDS],
    /// Which fields are floats rather than whole numbers; it matters for output only.
    floats: u32,
}

impl Default for Annotation {
    fn default() -> Self {
        Self { values: [0.0; FIELDS], floats: 0 }
    }
}

/// Path of each group of fields, its names and where they lie.
pub(super) const GROUPS: [(&[&str], &[&str], usize); 6] = [
    (&["utility", "self"], &LEVELS, SELF),
    (&["utility", "others"], &LEVELS, OTHERS),
    (&["physical"], &["watts"], WATTS),
    (&["money"], &["dollars"], DOLLARS),
    (&["social", "influence"], &INFLUENCE, SOCIAL),
    (&["morality"], &MORALITY, MORAL),
];

impl Annotation {
    /// Sets a field by its place in [`GROUPS`]' order.
    pub(crate) fn set(&mut self, field: usize, value: f64, float: bool) {
        if let Some(slot) = self.values.get_mut(field) {
            *slot = value;
            self.floats = self.floats & !(1 << field) | (u32::from(float) << field);
        }
    }

    fn at(&self, field: usize) -> f64 {
        self.values.get(field).copied().unwrap_or(0.0)
    }

    /// Characters whose wellbeing changes by `level` (−3 … 3): the player's.
    pub fn own_utility(&self, level: i8) -> f64 {
        self.at((level.clamp(-3, 3) + 3) as usize + SELF)
    }

    /// Characters whose wellbeing changes by `level` (−3 … 3): all others.
    pub fn others_utility(&self, level: i8) -> f64 {
        self.at((level.clamp(-3, 3) + 3) as usize + OTHERS)
    }

    /// Physical power, in watts.
    pub fn watts(&self) -> f64 {
        self.at(WATTS)
    }

    /// Money gained, in dollars.
    pub fn dollars(&self) -> f64 {
        self.at(DOLLARS)
    }

    /// Characters influenced with `strength` 0 … 2.
    pub fn influence(&self, strength: u8) -> f64 {
        self.at(SOCIAL + usize::from(strength.min(2)))
    }

    /// The violations, in the order of [`MORALITY`].
    pub fn morality(&self) -> &[f64] {
        self.values.get(MORAL..).unwrap_or_default()
    }

    fn numbers(&self, fields: Range<usize>, names: &[&str]) -> Table<Number> {
        let number = |field: usize| {
            let value = self.at(field);
            if self.floats >> field & 1 == 1 {
                Number::Float(value)
            } else {
                Number::Int(value as i64)
            }
        };
        Table(
            names.iter().zip(fields).map(|(name, field)| ((*name).into(), number(field))).collect(),
        )
    }
}

impl AddAssign<&Annotation> for Annotation {
    fn add_assign(&mut self, other: &Annotation) {
        for (sum, value) in self.values.iter_mut().zip(other.values) {
            *sum += value;
        }
        self.floats |= other.floats;
    }
}

impl Serialize for Annotation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Utility {
            #[serde(rename = "self")]
            own: Table<Number>,
            others: Table<Number>,
        }
        #[derive(Serialize)]
        struct Social {
            influence: Table<Number>,
        }
        #[derive(Serialize)]
        struct Nested {
            utility: Utility,
            physical: Table<Number>,
            money: Table<Number>,
            social: Social,
            morality: Table<Number>,
        }
        let group = |path: usize| {
            let (_, names, start) = GROUPS[path];
            self.numbers(start..start + names.len(), names)
        };
        Nested {
            utility: Utility { own: group(0), others: group(1) },
            physical: group(2),
            money: group(3),
            social: Social { influence: group(4) },
            morality: group(5),
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_annotations_are_named() {
        let whole = serde_json::to_value(Annotation::default()).unwrap_or_default();
        assert!(parse_annotation(&whole).is_ok());
        let mut less = whole.clone();
        less["morality"].as_object_mut().map(|morality| morality.remove("killing"));
        assert_eq!(parse_annotation(&less), Err("`morality.killing` is missing".into()));
        let mut more = whole.clone();
        more["money"]["euros"] = 1.into();
        assert_eq!(parse_annotation(&more), Err("`money.euros` is not a known field".into()));
        let mut wrong = whole;
        wrong["physical"]["watts"] = "many".into();
        assert_eq!(
            parse_annotation(&wrong),
            Err("`physical.watts` is \"many\", not a number".into())
        );
    }

    #[test]
    fn sums_keep_the_types_of_numbers() {
        let mut sum = Annotation::default();
        sum.set(SELF, 1.0, false);
        let mut more = Annotation::default();
        more.set(SELF, 0.5, true);
        more.set(DOLLARS, 3.0, false);
        sum += &more;
        assert_eq!((sum.own_utility(-3), sum.dollars()), (1.5, 3.0));
        let json = serde_json::to_string(&sum).unwrap_or_default();
        assert!(json.contains(r#""self":{"-3":1.5,"-2":0,"#), "{json}");
        assert!(json.contains(r#""money":{"dollars":3}"#), "{json}");
    }

    #[test]
    fn groups_cover_all_fields_once() {
        let mut covered = [0; FIELDS];
        for (_, names, start) in GROUPS {
            covered[start..start + names.len()].iter_mut().for_each(|times| *times += 1);
        }
        assert_eq!(covered, [1; FIELDS]);
    }
}
