//! From the rows of any format to a set.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::fields::Placed;
use super::identity::same_text;
use super::report::{
    DuplicatePost, EqualStances, ImportReport, SharedPost, UnknownName, ValueMismatch,
};
use super::{Dilemma, DilemmaError, DilemmaImport, DilemmaSet, Justification, Provenance, Stance};
use crate::place::Place;
use crate::taxonomy::{RefinedValue, UnknownValue, nearest, shorten};

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
