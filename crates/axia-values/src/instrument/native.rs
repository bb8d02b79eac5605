//! The TOML format of this crate.

use std::fs;
use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::draft::{Checked, Draft, Header, assemble, tidy};
use super::load::SplitRule;
use super::{Dimension, Instrument, InstrumentError, Item, Place, Split, Template};
use crate::source_text::{line_of, stem};

/// Version of the format that this crate writes, and the newest that it reads.
pub(super) const FORMAT_VERSION: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Document {
    format_version: Option<u32>,
    name: Option<String>,
    title: Option<String>,
    licence: Option<String>,
    instructions: Option<Vec<String>>,
    templates: Option<Vec<Spanned<String>>>,
    item_files: Vec<String>,
    item: Vec<Spanned<Draft>>,
}

pub(super) fn parse(
    text: &str,
    source: &str,
    item_file: &mut dyn FnMut(&str) -> Result<String, InstrumentError>,
) -> Result<Instrument, InstrumentError> {
    let document: Document = parse_toml(text, source)?;
    let place = Place::file(source);
    check_version(document.format_version, &place)?;
    let mut items = check_items(document.item, text, source)?;
    for name in &document.item_files {
        items.extend(parse_items(&item_file(name)?, name)?);
    }
    let templates = document.templates.map(|templates| read_templates(templates, text, source));
    let name = document.name.as_deref().and_then(tidy).unwrap_or_else(|| stem(source));
    let header = Header {
        title: document.title.as_deref().and_then(tidy).unwrap_or_else(|| name.clone()),
        name,
        licence: document.licence.as_deref().and_then(tidy),
        instructions: document.instructions,
        templates: templates.transpose()?,
    };
    assemble(header, &place, items, SplitRule::AllTest)
}

/// A file that holds nothing but items.
fn parse_items(text: &str, source: &str) -> Result<Vec<Checked>, InstrumentError> {
    let document: Document = parse_toml(text, source)?;
    check_version(document.format_version, &Place::file(source))?;
    check_items(document.item, text, source)
}

fn parse_toml<T: DeserializeOwned>(text: &str, source: &str) -> Result<T, InstrumentError> {
    toml::from_str(text).map_err(|error| {
        let place = Place::file(source);
        InstrumentError::Syntax {
            place: match error.span() {
                Some(span) => place.at_line(line_of(text.as_bytes(), span.start)),
                None => place,
            },
            message: error.message().to_owned(),
        }
    })
}

fn check_version(version: Option<u32>, place: &Place) -> Result<(), InstrumentError> {
    match version {
        Some(found) if found > FORMAT_VERSION => Err(InstrumentError::FormatVersion {
            place: place.clone().in_field("format_version"),
            found,
            supported: FORMAT_VERSION,
        }),
        _ => Ok(()),
    }
}

fn check_items(
    drafts: Vec<Spanned<Draft>>,
    text: &str,
    source: &str,
) -> Result<Vec<Checked>, InstrumentError> {
    drafts
        .into_iter()
        .map(|draft| {
            let place = place_of(&draft.span(), text, source);
            draft.into_inner().check(place)?.with_id()
        })
        .collect()
}

fn read_templates(
    templates: Vec<Spanned<String>>,
    text: &str,
    source: &str,
) -> Result<Vec<Template>, InstrumentError> {
    templates
        .into_iter()
        .map(|template| {
            let place = place_of(&template.span(), text, source).in_field("templates");
            template
                .into_inner()
                .parse()
                .map_err(|source| InstrumentError::Template { place, source })
        })
        .collect()
}

fn place_of(span: &Range<usize>, text: &str, source: &str) -> Place {
    Place::file(source).at_line(line_of(text.as_bytes(), span.start))
}

/// The written form of an instrument.
#[derive(Serialize)]
struct Written<'a> {
    format_version: u32,
    name: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    licence: Option<&'a str>,
    instructions: &'a [String],
    templates: &'a [Template],
    item: Vec<WrittenItem<'a>>,
}

#[derive(Serialize)]
struct WrittenItem<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimension: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facet: Option<&'a str>,
    split: Split,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'a str>,
    statement: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    contrast: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reversed: bool,
}

impl<'a> From<&'a Item> for WrittenItem<'a> {
    fn from(item: &'a Item) -> Self {
        let (value, dimension) = match &item.dimension {
            Dimension::Value(value) => (Some(value.slug()), None),
            Dimension::Named(name) => (None, Some(name.as_str())),
        };
        Self {
            id: &item.id,
            value,
            dimension,
            facet: item.facet.as_deref(),
            split: item.split,
            domain: item.domain.as_deref(),
            statement: &item.statement,
            contrast: item.contrast.as_deref(),
            reversed: item.reversed,
        }
    }
}

impl Instrument {
    /// The instrument as one file of this crate's TOML format.
    ///
    /// # Errors
    /// If the instrument is not valid, see [`Instrument::validate`].
    pub fn to_toml(&self) -> Result<String, InstrumentError> {
        self.validate()?;
        let written = Written {
            format_version: FORMAT_VERSION,
            name: &self.name,
            title: &self.title,
            licence: self.licence.as_deref(),
            instructions: &self.instructions,
            templates: &self.templates,
            item: self.items.iter().map(WrittenItem::from).collect(),
        };
        toml::to_string(&written).map_err(|error| InstrumentError::Syntax {
            place: Place::file(&self.name),
            message: error.to_string(),
        })
    }

    /// Writes the instrument as one TOML file, which [`Instrument::load`] reads back.
    ///
    /// # Errors
    /// If the instrument is not valid or the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), InstrumentError> {
        fs::write(path, self.to_toml()?).map_err(|source| InstrumentError::Io {
            place: Place::file(&path.display().to_string()),
            source,
        })
    }
}
