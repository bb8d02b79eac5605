//! The JSON of published sets of annotated posts: a list of posts for each value.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use super::draft::{Draft, Header};
use super::draft::{Fields, Placed};
use super::report::ImportReport;
use super::{Dilemma, DilemmaError, DilemmaSet, Justification, Provenance};
use crate::place::Place;
use crate::source_text::stem;
use crate::taxonomy::{RefinedValue, shorten};

/// The lists with their names. Not a map, which would forget the first of two lists of one name.
struct Lists(Vec<(String, Json)>);

impl<'de> Deserialize<'de> for Lists {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct ListsVisitor;

        impl<'de> Visitor<'de> for ListsVisitor {
            type Value = Lists;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a list of posts for each value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lists, A::Error> {
                let mut lists = Vec::new();
                while let Some(list) = map.next_entry()? {
                    lists.push(list);
                }
                Ok(Lists(lists))
            }
        }
        input.deserialize_map(ListsVisitor)
    }
}

pub(super) fn parse(
    text: &str,
    source: &str,
    report: &mut ImportReport,
) -> Result<(Header, Vec<Draft>), DilemmaError> {
    let place = Place::file(source);
    let Lists(lists) = serde_json::from_str(text).map_err(|error| DilemmaError::Syntax {
        place: place.clone().at_line(error.line()),
        message: error.to_string(),
    })?;
    let mut drafts = Vec::new();
    for (name, list) in lists {
        let Json::Array(rows) = list else {
            return Err(DilemmaError::InvalidField {
                place: place.in_field(&shorten(&name)),
                found: shorten(&list.to_string()),
                expected: "a list of posts",
            });
        };
        for (index, row) in rows.into_iter().enumerate() {
            let place = place.clone().in_item(&format!("{}[{index}]", shorten(&name)));
            drafts.push(parse_row(&name, Fields::new(row, place)?, report)?);
        }
    }
    Ok((Header { name: stem(source), licence: None }, drafts))
}

fn parse_row(
    list: &str,
    mut fields: Fields,
    report: &mut ImportReport,
) -> Result<Draft, DilemmaError> {
    let own = fields.optional("value")?.filter(|own| !own.text.trim().is_empty());
    let draft = Draft {
        place: fields.place.clone(),
        id: None,
        list: Some(list.to_owned()),
        value: own.unwrap_or_else(|| Placed { place: fields.place.clone(), text: list.to_owned() }),
        high_stance: fields.text("high_standard_stance")?,
        low_stance: fields.text("low_standard_stance")?,
        post: fields.text("post")?.text,
        justification: match fields.object("justification")? {
            Some(mut reasons) => {
                let justification = Justification {
                    value: reasons.text_or_empty("value_assignment")?,
                    high_stance: reasons.text_or_empty("high_standard_stance")?,
                    low_stance: reasons.text_or_empty("low_standard_stance")?,
                };
                count_ignored(&reasons, "justification.", report);
                justification
            }
            None => Justification::default(),
        },
        provenance: Provenance::Imported,
    };
    count_ignored(&fields, "", report);
    Ok(draft)
}

fn count_ignored(fields: &Fields, prefix: &str, report: &mut ImportReport) {
    for field in fields.rest() {
        let name = format!("{prefix}{}", shorten(field));
        *report.ignored_fields.entry(name).or_default() += 1;
    }
}

/// The written form of a dilemma.
#[derive(Serialize)]
struct Written<'a> {
    post: &'a str,
    value: &'static str,
    high_standard_stance: &'static str,
    low_standard_stance: &'static str,
    justification: WrittenJustification<'a>,
}

#[derive(Serialize)]
struct WrittenJustification<'a> {
    value_assignment: &'a str,
    high_standard_stance: &'a str,
    low_standard_stance: &'a str,
}

impl<'a> From<&'a Dilemma> for Written<'a> {
    fn from(dilemma: &'a Dilemma) -> Self {
        Self {
            post: &dilemma.post,
            value: dilemma.value.label(),
            high_standard_stance: dilemma.high_stance.label(),
            low_standard_stance: dilemma.low_stance.label(),
            justification: WrittenJustification {
                value_assignment: &dilemma.justification.value,
                high_standard_stance: &dilemma.justification.high_stance,
                low_standard_stance: &dilemma.justification.low_stance,
            },
        }
    }
}

impl DilemmaSet {
    /// The set as the JSON of published sets: a list of posts for each value, in circular order.
    ///
    /// Name, licence, ids and provenance have no place in that format.
    ///
    /// # Errors
    /// If the set is not valid, see [`DilemmaSet::validate`].
    pub fn to_public_json(&self) -> Result<String, DilemmaError> {
        self.validate()?;
        let mut lists = serde_json::Map::new();
        let failed = |error: serde_json::Error| DilemmaError::Syntax {
            place: Place::file(&self.name),
            message: error.to_string(),
        };
        for value in self.values() {
            let rows: Vec<Written<'_>> = self.of(value).map(Written::from).collect();
            lists.insert(value.label().to_owned(), serde_json::to_value(rows).map_err(failed)?);
        }
        serde_json::to_string_pretty(&lists).map_err(failed)
    }

    /// The dilemmas of one value, in order.
    pub fn of(&self, value: RefinedValue) -> impl Iterator<Item = &Dilemma> {
        self.dilemmas.iter().filter(move |dilemma| dilemma.value == value)
    }
}
