//! From the rows of any format to a set.

use super::report::{
    DuplicatePost, EqualStances, ImportReport, SharedPost, UnknownName, ValueMismatch,
};
use super::{Dilemma, DilemmaError, DilemmaImport, DilemmaSet, Justification, Provenance, Stance};
use crate::canonical::Canonical;
use crate::place::Place;
use crate::taxonomy::{RefinedValue, UnknownValue, nearest, shorten};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Words around the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub name: String,
    pub licence: Option<String>,
}

/// A row as it stands in a file: all fields are there, but names may mean nothing.
pub(super) struct Draft {
    pub place: Place,
    /// Formats without ids leave it to the post.
    pub id: Option<String>,
    /// The name of the list that the row stands in, in formats with a list for each value.
    pub list: Option<String>,
    /// The name of the row's own value; that of the list if it has none.
    pub value: Placed,
    pub high_stance: Placed,
    pub low_stance: Placed,
    pub post: String,
    pub justification: Justification,
    pub provenance: Provenance,
}

/// The rows that are usable so far.
#[derive(Default)]
struct Collected {
    report: ImportReport,
    dilemmas: Vec<(Place, Dilemma)>,
    /// Value and text of each post → its place in `dilemmas`.
    posts: HashMap<(RefinedValue, String), usize>,
}

/// Puts a set together: keeps out what cannot be used, and tells of it; gives ids to the rows
/// that lack them; refuses duplicate ids and sets without a usable row. `report` tells of the
/// files, `place` names them.
pub(super) fn assemble(
    header: Header,
    place: &Place,
    report: ImportReport,
    drafts: Vec<Draft>,
) -> Result<DilemmaImport, DilemmaError> {
    let mut collected = Collected { report, ..Collected::default() };
    for draft in drafts {
        collected.report.rows += 1;
        collected.add(draft);
    }
    let Collected { mut report, dilemmas, .. } = collected;
    refuse_same_ids(&dilemmas)?;
    report.kept = dilemmas.len();
    if dilemmas.is_empty() {
        return Err(DilemmaError::Empty { place: place.clone(), why: report.kept_out_in_words() });
    }
    let dilemmas: Vec<Dilemma> = dilemmas.into_iter().map(|(_, dilemma)| dilemma).collect();
    report.same_post_other_values = shared_posts(&dilemmas);
    let set = DilemmaSet { name: header.name, licence: header.licence, dilemmas };
    Ok(DilemmaImport { set, report })
}

impl Collected {
    fn add(&mut self, draft: Draft) {
        let (value, mismatch) = match find_value(&draft) {
            Ok(found) => found,
            Err(unknown) => return self.report.unknown_values.push(unknown),
        };
        let stances = find_stance(&draft.high_stance)
            .and_then(|high| find_stance(&draft.low_stance).map(|low| (high, low)));
        let (high_stance, low_stance) = match stances {
            Ok(stances) => stances,
            Err(unknown) => return self.report.unknown_stances.push(unknown),
        };
        let Draft { place, id, post, justification, provenance, .. } = draft;
        if high_stance == low_stance {
            let equal = EqualStances { place, stance: high_stance };
            return self.report.equal_stances.push(equal);
        }
        let post = tidy(&post);
        if post.is_empty() {
            return self.report.blank_posts.push(place);
        }
        let id = id.unwrap_or_default();
        let mut dilemma =
            Dilemma { id, value, high_stance, low_stance, post, justification, provenance };
        if dilemma.id.is_empty() {
            dilemma.id = format!("{value}-{}", dilemma.cluster());
        }
        if let Some((first, kept)) = self.first_of(&dilemma) {
            let same_stances = (kept.high_stance, kept.low_stance) == (high_stance, low_stance);
            let duplicate = DuplicatePost { place, first: first.clone(), same_stances };
            return self.report.exact_duplicates.push(duplicate);
        }
        self.report.value_mismatches.extend(mismatch);
        self.dilemmas.push((place, dilemma));
    }

    /// The row that already holds this post under this value; remembers the post if there is
    /// none.
    fn first_of(&mut self, dilemma: &Dilemma) -> Option<&(Place, Dilemma)> {
        match self.posts.entry((dilemma.value, same_text(&dilemma.post))) {
            Entry::Occupied(first) => self.dilemmas.get(*first.get()),
            Entry::Vacant(new) => {
                new.insert(self.dilemmas.len());
                None
            }
        }
    }
}

/// The row's own value if it names one, else that of its list.
fn find_value(draft: &Draft) -> Result<(RefinedValue, Option<ValueMismatch>), UnknownName> {
    let own = draft.value.text.parse::<RefinedValue>();
    let Some(list) = &draft.list else {
        return own.map(|value| (value, None)).map_err(|error| unknown_value(draft, error));
    };
    let of_list = list.parse::<RefinedValue>();
    let agree = own == of_list;
    let used = own.or_else(|error| of_list.map_err(|_| unknown_value(draft, error)))?;
    let mismatch = ValueMismatch {
        place: draft.place.clone(),
        list: shorten(list),
        row: shorten(&draft.value.text),
        used,
    };
    Ok((used, (!agree).then_some(mismatch)))
}

fn unknown_value(draft: &Draft, error: UnknownValue) -> UnknownName {
    let place = draft.value.place.clone();
    UnknownName { place, found: shorten(&error.input), suggestion: error.suggestion }
}

fn find_stance(name: &Placed) -> Result<Stance, UnknownName> {
    name.text.parse().map_err(|_| UnknownName {
        place: name.place.clone(),
        found: shorten(&name.text),
        suggestion: nearest(&name.text, Stance::ALL.map(Stance::label)).map(str::to_owned),
    })
}

/// A post without white space around it and with plain line ends.
fn tidy(post: &str) -> String {
    post.trim().replace("\r\n", "\n").replace('\r', "\n")
}

fn refuse_same_ids(dilemmas: &[(Place, Dilemma)]) -> Result<(), DilemmaError> {
    let mut taken: HashMap<&str, &Place> = HashMap::new();
    for (place, dilemma) in dilemmas {
        if let Some(first) = taken.insert(&dilemma.id, place) {
            return Err(DilemmaError::DuplicateId { place: place.clone(), first: first.clone() });
        }
    }
    Ok(())
}

/// Posts that stand under several values, in the order of the set.
fn shared_posts(dilemmas: &[Dilemma]) -> Vec<SharedPost> {
    let mut clusters: Vec<SharedPost> = Vec::new();
    let mut of_text: HashMap<String, usize> = HashMap::new();
    for dilemma in dilemmas {
        let cluster = *of_text.entry(same_text(&dilemma.post)).or_insert(clusters.len());
        if cluster == clusters.len() {
            clusters.push(SharedPost { cluster: dilemma.cluster(), rows: Vec::new() });
        }
        if let Some(shared) = clusters.get_mut(cluster) {
            shared.rows.push((dilemma.id.clone(), dilemma.value));
        }
    }
    clusters.retain(|shared| shared.rows.len() > 1);
    clusters
}

/// Hexadecimal digits of a cluster's name: 64 bits, so that two of a million posts share one with
/// a probability of 3 in 100 million.
const CLUSTER_DIGITS: usize = 16;

/// A post with every run of white space made one space: posts that agree in this are the same.
pub(super) fn same_text(post: &str) -> String {
    post.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Dilemma {
    /// The name of the post's cluster, 16 hexadecimal digits of a hash of its text: the same for
    /// a post that stands under two values, whatever its white space.
    #[must_use]
    pub fn cluster(&self) -> String {
        let mut hash = Canonical::new("axia-post-1");
        hash.text(&same_text(&self.post));
        hash.hex().chars().take(CLUSTER_DIGITS).collect()
    }
}

impl DilemmaSet {
    /// SHA-256 (hex) of everything that the numbers of a judgement can depend on: ids, values,
    /// stances and posts in their order. Name, licence, justifications and provenance do not
    /// count.
    #[must_use]
    pub fn content_hash(&self) -> String {
        let mut hash = Canonical::new("axia-dilemmas-1");
        hash.count(self.dilemmas.len());
        for dilemma in &self.dilemmas {
            hash.text(&dilemma.id);
            hash.text(dilemma.value.slug());
            hash.text(dilemma.high_stance.label());
            hash.text(dilemma.low_stance.label());
            hash.text(&dilemma.post);
        }
        hash.hex()
    }
}

/// A text and where it stands.
pub(super) struct Placed {
    pub place: Place,
    pub text: String,
}

/// A JSON object whose fields are taken out one by one, so that what is left is unknown.
pub(super) struct Fields {
    map: Map<String, Json>,
    pub place: Place,
}

/// The error for a JSON value of the wrong type.
fn wrong_type(found: &Json, expected: &'static str, place: Place) -> DilemmaError {
    DilemmaError::InvalidField { place, found: shorten(&found.to_string()), expected }
}

impl Fields {
    pub fn new(json: Json, place: Place) -> Result<Self, DilemmaError> {
        match json {
            Json::Object(map) => Ok(Self { map, place }),
            other => Err(wrong_type(&other, "an object", place)),
        }
    }

    fn at(&self, field: &str) -> Place {
        self.place.clone().in_field(field)
    }

    /// The text of a field; nothing if it is absent or null.
    pub fn optional(&mut self, field: &str) -> Result<Option<Placed>, DilemmaError> {
        match self.map.remove(field) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => Ok(Some(Placed { place: self.at(field), text })),
            Some(other) => Err(wrong_type(&other, "a string", self.at(field))),
        }
    }

    /// The text of a field that must be there, though it may be blank.
    pub fn text(&mut self, field: &str) -> Result<Placed, DilemmaError> {
        let missing = DilemmaError::MissingField { place: self.at(field) };
        self.optional(field)?.ok_or(missing)
    }

    /// The text of a field that must be there and say something, without white space around it.
    pub fn name(&mut self, field: &str) -> Result<String, DilemmaError> {
        let Placed { place, text } = self.text(field)?;
        match text.trim() {
            "" => Err(DilemmaError::MissingField { place }),
            name if name.chars().any(char::is_control) => Err(DilemmaError::InvalidField {
                place,
                found: shorten(name),
                expected: "a name without control characters",
            }),
            name => Ok(name.to_owned()),
        }
    }

    /// The text of a field, empty if it is absent or null.
    pub fn text_or_empty(&mut self, field: &str) -> Result<String, DilemmaError> {
        Ok(self.optional(field)?.map(|placed| placed.text).unwrap_or_default())
    }

    /// A whole number; nothing if it is absent or null.
    pub fn number(&mut self, field: &str) -> Result<Option<u64>, DilemmaError> {
        match self.map.remove(field) {
            None | Some(Json::Null) => Ok(None),
            Some(json) => match json.as_u64() {
                Some(number) => Ok(Some(number)),
                None => Err(wrong_type(&json, "a whole number", self.at(field))),
            },
        }
    }

    /// The fields of a field; nothing if it is absent or null.
    pub fn object(&mut self, field: &str) -> Result<Option<Self>, DilemmaError> {
        match self.map.remove(field) {
            None | Some(Json::Null) => Ok(None),
            Some(json) => Self::new(json, self.at(field)).map(Some),
        }
    }

    /// A field that must be there and be a `T`.
    pub fn read<T: DeserializeOwned>(&mut self, field: &str) -> Result<T, DilemmaError> {
        let place = self.at(field);
        match self.map.remove(field) {
            None | Some(Json::Null) => Err(DilemmaError::MissingField { place }),
            Some(json) => T::deserialize(json)
                .map_err(|error| DilemmaError::Syntax { place, message: error.to_string() }),
        }
    }

    /// Names of the fields that are left.
    pub fn rest(&self) -> impl Iterator<Item = &str> {
        self.map.keys().map(String::as_str)
    }

    /// Refuses fields that are left; `known` are all fields of the format.
    pub fn finish(self, known: &[&str]) -> Result<(), DilemmaError> {
        match self.rest().next() {
            None => Ok(()),
            Some(field) => Err(DilemmaError::UnknownField {
                place: self.at(&shorten(field)),
                suggestion: crate::taxonomy::nearest(field, known.iter().copied())
                    .map(str::to_owned),
            }),
        }
    }
}
