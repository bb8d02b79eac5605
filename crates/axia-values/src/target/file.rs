//! Target profiles in TOML and JSON, and the ratings that they teach.

use super::{Target, TargetError};
use crate::instrument::{Dimension, Instrument, Item, Row, Split, Variant};
use crate::rating::Rating;
use crate::taxonomy::{RefinedValue, Value};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const FORMAT_VERSION: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    format_version: Option<u32>,
    #[serde(default)]
    name: Option<String>,
    /// Value of any level and spelling → rating.
    #[serde(default)]
    ratings: BTreeMap<String, u8>,
    /// Trait of another questionnaire → rating.
    #[serde(default)]
    traits: BTreeMap<String, u8>,
}

impl Target {
    /// Reads a target profile, as JSON if the file's name ends in `.json`, else as TOML.
    ///
    /// ```toml
    /// format_version = 1
    /// name = "gentle"
    /// [ratings]               # 1 to 6 for any of the values
    /// self-transcendence = 6  # a higher level stands for its refined values …
    /// universalism-nature = 4 # … unless a lower level says otherwise
    /// [traits]                # of other questionnaires
    /// "Social Boldness" = 2
    /// ```
    ///
    /// # Errors
    /// [`TargetError`] that names file, field and value.
    pub fn load(path: &Path) -> Result<Self, TargetError> {
        let file = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|source| TargetError::Io { file: file.clone(), source })?;
        let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        if is_json { Self::from_json(&text, &file) } else { Self::from_toml(&text, &file) }
    }

    /// Reads a target profile in TOML; `file` names it in messages.
    ///
    /// # Errors
    /// [`TargetError`] that names file, field and value.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, TargetError> {
        let document = toml::from_str(text).map_err(|error| syntax(file, &error.to_string()))?;
        read(document, file)
    }

    /// Reads a target profile in JSON, of the same shape; `file` names it in messages.
    ///
    /// # Errors
    /// [`TargetError`] that names file, field and value.
    pub fn from_json(text: &str, file: &str) -> Result<Self, TargetError> {
        let document =
            serde_json::from_str(text).map_err(|error| syntax(file, &error.to_string()))?;
        read(document, file)
    }
}

fn syntax(file: &str, message: &str) -> TargetError {
    TargetError::Syntax { file: file.to_owned(), message: message.trim_end().to_owned() }
}

fn read(document: Document, file: &str) -> Result<Target, TargetError> {
    if let Some(found) = document.format_version.filter(|&version| version > FORMAT_VERSION) {
        let supported = FORMAT_VERSION;
        return Err(TargetError::FormatVersion { file: file.to_owned(), found, supported });
    }
    let mut goals: Vec<(Dimension, Rating)> =
        expand(&read_ratings(&document.ratings, file)?, file)?
            .into_iter()
            .map(|(value, rating)| (value.into(), rating))
            .collect();
    for (name, &rating) in &document.traits {
        goals.push((Dimension::Named(name.trim().to_owned()), read_rating(name, rating, file)?));
    }
    if goals.is_empty() {
        return Err(TargetError::Empty { file: file.to_owned() });
    }
    let stem = Path::new(file).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = document.name.or(stem).unwrap_or_else(|| file.to_owned());
    Ok(Target::profile(name, goals))
}

fn read_ratings(
    ratings: &BTreeMap<String, u8>,
    file: &str,
) -> Result<Vec<(Value, Rating)>, TargetError> {
    ratings
        .iter()
        .map(|(name, &rating)| {
            let value = name
                .parse()
                .map_err(|source| TargetError::UnknownValue { file: file.to_owned(), source })?;
            Ok((value, read_rating(name, rating, file)?))
        })
        .collect()
}

fn read_rating(key: &str, rating: u8, file: &str) -> Result<Rating, TargetError> {
    Rating::new(rating).map_err(|source| TargetError::Rating {
        file: file.to_owned(),
        key: key.to_owned(),
        source,
    })
}

/// The rating of each refined value: that of the lowest level which names it. Two different
/// ratings at this level are a conflict (of two spellings, or of the two higher-order values
/// that share a border value).
fn expand(
    ratings: &[(Value, Rating)],
    file: &str,
) -> Result<BTreeMap<RefinedValue, Rating>, TargetError> {
    let mut goals = BTreeMap::new();
    for value in RefinedValue::ALL {
        let naming = ratings.iter().filter(|(named, _)| named.refined().contains(&value));
        let level = |named: Value| match named {
            Value::Refined(_) => 0,
            Value::Basic(_) => 1,
            Value::Higher(_) => 2,
        };
        let Some(lowest) = naming.clone().map(|&(named, _)| level(named)).min() else { continue };
        let mut candidates =
            naming.filter(|&&(named, _)| level(named) == lowest).map(|&(_, rating)| rating);
        if let Some(rating) = candidates.next() {
            if candidates.any(|other| other != rating) {
                let value = value.to_string();
                return Err(TargetError::Conflict { file: file.to_owned(), value });
            }
            goals.insert(value, rating);
        }
    }
    Ok(goals)
}

/// An item with the ratings it is trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainingItem<'a> {
    /// The item.
    pub item: &'a Item,
    /// The rating taught when steering: the target's on target items, the baseline elsewhere.
    pub steered: Rating,
    /// The rating taught to the matched control: the baseline everywhere.
    pub control: Rating,
    /// Whether it is an item of the target.
    pub is_target: bool,
}

/// One training row: an item in one variant, with the ratings it is trained on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingRow<'a> {
    /// The item and its ratings.
    pub rated: TrainingItem<'a>,
    /// How it is asked.
    pub variant: Variant,
    /// The text.
    pub row: Row,
}

/// The rows of survey fine-tuning for steering and for its matched control: the same rows in the
/// same order, differing only in the ratings of the target's items.
#[derive(Debug, Clone)]
pub struct TrainingRows<'a> {
    instrument: &'a Instrument,
    items: Vec<TrainingItem<'a>>,
}

impl<'a> TrainingRows<'a> {
    /// Rates the items of one split. `baseline` holds the respondent's own rating of each item's
    /// *statement*, by item id. On a reverse-keyed item of the target the goal is flipped.
    ///
    /// # Errors
    /// [`TargetError::NoBaseline`] for an item without a baseline, [`TargetError::NotMeasured`]
    /// if no item of the split belongs to the target.
    pub fn new(
        instrument: &'a Instrument,
        split: Split,
        baseline: &BTreeMap<String, Rating>,
        target: &Target,
    ) -> Result<Self, TargetError> {
        let items = instrument
            .split(split)
            .map(|item| rate(item, baseline, target))
            .collect::<Result<Vec<_>, _>>()?;
        if items.iter().any(|rated| rated.is_target) {
            return Ok(Self { instrument, items });
        }
        Err(TargetError::NotMeasured {
            target: target.name.clone(),
            measured: instrument.dimensions().iter().map(ToString::to_string).collect(),
        })
    }

    /// The items with their ratings, in the instrument's order.
    #[must_use]
    pub fn items(&self) -> &[TrainingItem<'a>] {
        &self.items
    }

    /// Every item in every variant, item by item.
    pub fn iter(&self) -> impl Iterator<Item = TrainingRow<'a>> {
        let variants = self.instrument.variants();
        self.items.iter().flat_map(move |&rated| {
            variants.clone().into_iter().map(move |variant| TrainingRow {
                rated,
                variant,
                row: self.instrument.row(rated.item, variant),
            })
        })
    }
}

fn rate<'a>(
    item: &'a Item,
    baseline: &BTreeMap<String, Rating>,
    target: &Target,
) -> Result<TrainingItem<'a>, TargetError> {
    let goal = target.goal_of(item);
    let control = baseline
        .get(&item.id)
        .copied()
        .ok_or_else(|| TargetError::NoBaseline { item: item.id.clone() })?;
    let is_target = goal.is_some();
    Ok(TrainingItem { item, steered: goal.unwrap_or(control), control, is_target })
}
