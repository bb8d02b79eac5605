//! The JSON of published value surveys.

use serde::{Deserialize, Serialize};

use super::draft::{Checked, Draft, Header, assemble, tidy};
use super::load::SplitRule;
use super::{Dimension, Instrument, InstrumentError, Item, Place, Split, Template};
use crate::source_text::stem;
use crate::taxonomy::{RefinedValue, Value};

/// The file. Keys that it does not list are ignored.
#[derive(Deserialize, Serialize)]
struct PublicSurvey {
    #[serde(default)]
    tasks: Vec<String>,
    #[serde(default)]
    response_template: Vec<String>,
    #[serde(default)]
    train: Vec<PublicItem>,
    #[serde(default)]
    eval: Vec<PublicItem>,
    #[serde(default)]
    test: Vec<PublicItem>,
}

/// An item. `level1` holds the facet, `level2` the refined value; `level3` and `level4` are
/// coarser groupings that follow from it and are not read.
#[derive(Deserialize, Serialize, Default)]
#[serde(default)]
struct PublicItem {
    sentence: Option<String>,
    negative_sentence: Option<String>,
    category: Option<String>,
    level1: Vec<String>,
    level2: Vec<String>,
    level3: Vec<String>,
    level4: Vec<String>,
}

pub(super) fn parse(text: &str, source: &str) -> Result<Instrument, InstrumentError> {
    let survey: PublicSurvey =
        serde_json::from_str(text).map_err(|error| InstrumentError::Syntax {
            place: Place::file(source).at_line(error.line()),
            message: error.to_string(),
        })?;
    let place = Place::file(source);
    let parts = [
        ("train", Split::Train, survey.train),
        ("eval", Split::Validation, survey.eval),
        ("test", Split::Test, survey.test),
    ];
    let mut items = Vec::new();
    for (key, split, part) in parts {
        for (index, item) in part.into_iter().enumerate() {
            items.push(check(item, split, place.clone().in_item(&format!("{key}[{index}]")))?);
        }
    }
    let instructions: Vec<String> =
        survey.tasks.iter().map(|task| task.trim().to_owned()).collect();
    let templates = read_templates(&survey.response_template, &place)?;
    let name = stem(source);
    let header = Header {
        title: name.clone(),
        name,
        licence: None,
        instructions: (!instructions.is_empty()).then_some(instructions),
        templates: (!templates.is_empty()).then_some(templates),
    };
    assemble(header, &place, items, SplitRule::AllTest)
}

fn check(item: PublicItem, split: Split, place: Place) -> Result<Checked, InstrumentError> {
    let value = value_name(&item);
    let draft = Draft {
        value,
        facet: item.level1.into_iter().next(),
        split: Some(split.slug().to_owned()),
        statement: item.sentence,
        contrast: item.negative_sentence,
        ..Draft::default()
    };
    draft.check(place)
}

/// The name of the item's value: of several the one that the category repeats.
fn value_name(item: &PublicItem) -> Option<String> {
    let parse = |name: &String| name.parse::<RefinedValue>().ok();
    let category = item.category.as_ref().and_then(parse);
    let repeated = item.level2.iter().find(|name| category.is_some() && parse(name) == category);
    let category_name = item.category.as_ref().filter(|_| category.is_some());
    repeated.or(item.level2.first()).or(category_name).cloned()
}

fn read_templates(templates: &[String], place: &Place) -> Result<Vec<Template>, InstrumentError> {
    templates
        .iter()
        .map(|template| {
            template.parse().map_err(|source| InstrumentError::Template {
                place: place.clone().in_field("response_template"),
                source,
            })
        })
        .collect()
}

impl Instrument {
    /// The instrument as the JSON of published value surveys.
    ///
    /// Ids, domains, title and licence have no place in that format. `level3` names the
    /// higher-order values; `level4` stays empty.
    ///
    /// # Errors
    /// [`InstrumentError::NotExpressible`] for an item that measures no refined value or is
    /// reverse-keyed.
    pub fn to_public_json(&self) -> Result<String, InstrumentError> {
        self.validate()?;
        let place = Place::file(&self.name);
        let part = |split| {
            self.split(split).map(|item| public_item(item, &place)).collect::<Result<_, _>>()
        };
        let survey = PublicSurvey {
            tasks: self.instructions.clone(),
            response_template: self.templates.iter().map(Template::to_string).collect(),
            train: part(Split::Train)?,
            eval: part(Split::Validation)?,
            test: part(Split::Test)?,
        };
        serde_json::to_string_pretty(&survey)
            .map_err(|error| InstrumentError::Syntax { place, message: error.to_string() })
    }
}

fn public_item(item: &Item, place: &Place) -> Result<PublicItem, InstrumentError> {
    let refuse = |problem| InstrumentError::NotExpressible {
        place: place.clone().in_item(&item.id),
        problem,
    };
    if item.reversed {
        return Err(refuse("the public JSON has no reverse-keyed items"));
    }
    let Dimension::Value(Value::Refined(value)) = item.dimension else {
        return Err(refuse("the public JSON holds refined values only"));
    };
    Ok(PublicItem {
        sentence: Some(item.statement.clone()),
        negative_sentence: item.contrast.clone(),
        category: Some(value.label().to_owned()),
        level1: item.facet.iter().filter_map(|facet| tidy(facet)).collect(),
        level2: vec![value.label().to_owned()],
        level3: value.higher().iter().map(|higher| higher.label().to_owned()).collect(),
        level4: Vec::new(),
    })
}
