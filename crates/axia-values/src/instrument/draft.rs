//! From the fields of any format to items.

use std::collections::{BTreeMap, HashMap};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::Deserialize;

use super::load::SplitRule;
use super::{Dimension, Instrument, InstrumentError, Item, Place, Split, Template};
use crate::random::shuffle;
use crate::taxonomy::{Facet, Value};

/// An item as it stands in a file: every field may be missing or wrong.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Draft {
    pub id: Option<String>,
    pub value: Option<String>,
    pub dimension: Option<String>,
    pub facet: Option<String>,
    pub split: Option<String>,
    pub domain: Option<String>,
    pub statement: Option<String>,
    pub contrast: Option<String>,
    pub reversed: bool,
}

/// A checked item that may still lack an id and a split.
#[derive(Debug)]
pub(super) struct Checked {
    pub place: Place,
    id: Option<String>,
    split: Option<Split>,
    item: Item,
}

/// Words around the items, before defaults are filled in.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub name: String,
    pub title: String,
    pub licence: Option<String>,
    pub instructions: Option<Vec<String>>,
    pub templates: Option<Vec<Template>>,
}

/// The text with stray spaces removed; nothing if nothing is left.
pub(super) fn tidy(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn tidy_option(text: Option<&str>) -> Option<String> {
    text.and_then(tidy)
}

impl Draft {
    /// Checks the fields. `place` names the file and, where known, the line; an item without an
    /// id keeps the name that `place` gives it.
    pub fn check(self, mut place: Place) -> Result<Checked, InstrumentError> {
        let id = tidy_option(self.id.as_deref());
        if let Some(id) = &id {
            place = place.in_item(id);
        }
        let missing =
            |field: &str| InstrumentError::MissingField { place: place.clone().in_field(field) };
        let statement =
            tidy_option(self.statement.as_deref()).ok_or_else(|| missing("statement"))?;
        let facet = tidy_option(self.facet.as_deref());
        let known_facet = facet.as_deref().and_then(|name| Facet::find(name).ok());
        let dimension =
            match (tidy_option(self.value.as_deref()), tidy_option(self.dimension.as_deref())) {
                (Some(value), None) => Dimension::Value(read_value(&value, &place)?),
                (None, Some(name)) => Dimension::Named(name),
                (None, None) => {
                    known_facet.map(|facet| facet.value.into()).ok_or_else(|| missing("value"))?
                }
                (Some(_), Some(name)) => {
                    return Err(InstrumentError::InvalidField {
                        place: place.in_field("dimension"),
                        found: name,
                        expected: "either `value` or `dimension`, not both",
                    });
                }
            };
        let split = tidy_option(self.split.as_deref())
            .map(|split| read_split(split, &place))
            .transpose()?;
        let item = Item {
            id: String::new(),
            dimension,
            facet: known_facet.map(|facet| facet.name.to_owned()).or(facet),
            split: Split::default(),
            domain: tidy_option(self.domain.as_deref()),
            statement,
            contrast: tidy_option(self.contrast.as_deref()),
            reversed: self.reversed,
        };
        Ok(Checked { place, id, split, item })
    }
}

fn read_value(name: &str, place: &Place) -> Result<Value, InstrumentError> {
    name.parse().map_err(|source| InstrumentError::UnknownValue {
        place: place.clone().in_field("value"),
        source,
    })
}

fn read_split(name: String, place: &Place) -> Result<Split, InstrumentError> {
    name.parse().map_err(|_| InstrumentError::InvalidField {
        place: place.clone().in_field("split"),
        found: name,
        expected: "train, validation or test",
    })
}

impl Checked {
    /// Refuses an item without an id, for formats in which ids are required.
    pub fn with_id(self) -> Result<Self, InstrumentError> {
        match self.id {
            Some(_) => Ok(self),
            None => Err(InstrumentError::MissingField { place: self.place.in_field("id") }),
        }
    }
}

/// Puts an instrument together: gives ids and splits to the items that lack them, refuses
/// duplicate ids and empty instruments, and lends the bundled instructions and templates to
/// an instrument without its own.
pub(super) fn assemble(
    header: Header,
    place: &Place,
    mut items: Vec<Checked>,
    splits: SplitRule,
) -> Result<Instrument, InstrumentError> {
    assign_splits(&mut items, splits);
    assign_ids(&mut items)?;
    let instrument = Instrument {
        name: header.name,
        title: header.title,
        licence: header.licence,
        instructions: header
            .instructions
            .unwrap_or_else(|| Instrument::bundled().instructions.clone()),
        templates: header.templates.unwrap_or_else(|| Instrument::bundled().templates.clone()),
        items: items.into_iter().map(|checked| checked.item).collect(),
    };
    match instrument.validate() {
        Err(InstrumentError::Empty { what, .. }) => {
            Err(InstrumentError::Empty { place: place.clone(), what })
        }
        result => result.map(|()| instrument),
    }
}

fn assign_ids(items: &mut [Checked]) -> Result<(), InstrumentError> {
    let mut taken: HashMap<String, Place> = HashMap::new();
    for checked in items.iter() {
        let Some(id) = &checked.id else { continue };
        if let Some(first) = taken.insert(id.clone(), checked.place.clone()) {
            return Err(InstrumentError::DuplicateId { place: checked.place.clone(), first });
        }
    }
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for checked in items {
        let id = match checked.id.take() {
            Some(id) => id,
            None => {
                let id = next_id(&checked.item, &mut numbers, &taken);
                taken.insert(id.clone(), checked.place.clone());
                id
            }
        };
        checked.item.id = id;
    }
    Ok(())
}

/// The next free id of the item's facet (or dimension): `be-creative-01`, `be-creative-02`, …
fn next_id(
    item: &Item,
    numbers: &mut HashMap<String, usize>,
    taken: &HashMap<String, Place>,
) -> String {
    let key = item.dimension.key();
    let stem: Vec<String> = item
        .facet
        .as_deref()
        .unwrap_or(&key)
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let stem = if stem.is_empty() { "item".to_owned() } else { stem.join("-") };
    let number = numbers.entry(stem.clone()).or_default();
    loop {
        *number += 1;
        let id = format!("{stem}-{number:02}");
        if !taken.contains_key(&id) {
            return id;
        }
    }
}

fn assign_splits(items: &mut [Checked], rule: SplitRule) {
    let mut undecided: BTreeMap<Dimension, Vec<usize>> = BTreeMap::new();
    for (index, checked) in items.iter_mut().enumerate() {
        match checked.split {
            Some(split) => checked.item.split = split,
            None => undecided.entry(checked.item.dimension.clone()).or_default().push(index),
        }
    }
    let SplitRule::Seeded { seed, train, validation } = rule else { return };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for mut indices in undecided.into_values() {
        shuffle(&mut rng, &mut indices);
        let share = |part: f64| (indices.len() as f64 * part.clamp(0.0, 1.0)).round() as usize;
        let (train_end, validation_end) = (share(train), share(train + validation));
        for (place, index) in indices.into_iter().enumerate() {
            items[index].item.split = match place {
                place if place < train_end => Split::Train,
                place if place < validation_end => Split::Validation,
                _ => Split::Test,
            };
        }
    }
}
