//! What became of the rows of an import.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{DilemmaSet, Stance};
use crate::place::Place;
use crate::taxonomy::RefinedValue;

/// A set that was read, and what became of every row of its files.
#[derive(Debug, Clone, PartialEq)]
pub struct DilemmaImport {
    /// The usable rows.
    pub set: DilemmaSet,
    /// Everything that was kept out or is worth knowing.
    pub report: ImportReport,
}

/// What became of the rows of an import. Nothing is dropped silently: `rows` is the sum of `kept`
/// and of the five lists of what was kept out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Files read.
    pub files: usize,
    /// Rows in the files.
    pub rows: usize,
    /// Rows in the set.
    pub kept: usize,
    /// Kept out: the same post under the same value once more.
    pub exact_duplicates: Vec<DuplicatePost>,
    /// Kept out: one verdict from people high and low on the value, so that there is nothing to
    /// measure.
    pub equal_stances: Vec<EqualStances>,
    /// Kept out: the name is no refined value.
    pub unknown_values: Vec<UnknownName>,
    /// Kept out: the word is no verdict.
    pub unknown_stances: Vec<UnknownName>,
    /// Kept out: nothing to judge.
    pub blank_posts: Vec<Place>,
    /// Kept: posts under several values. They are one cluster.
    pub same_post_other_values: Vec<SharedPost>,
    /// Kept: rows that name another value than the list they stand in. The row's own value counts
    /// if it is one.
    pub value_mismatches: Vec<ValueMismatch>,
    /// Fields that are not read, with the number of rows that have them.
    pub ignored_fields: BTreeMap<String, usize>,
}

/// A post that stands twice under one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DuplicatePost {
    /// The row that was kept out.
    pub place: Place,
    /// The row that was kept.
    pub first: Place,
    /// Whether both give the same stances; otherwise their annotators disagreed.
    pub same_stances: bool,
}

/// A row with one verdict for both kinds of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EqualStances {
    /// The row.
    pub place: Place,
    /// The verdict.
    pub stance: Stance,
}

/// A name that means nothing here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnknownName {
    /// The row and field.
    pub place: Place,
    /// What stands there, cut if it is long.
    pub found: String,
    /// The nearest valid name, if one is near.
    pub suggestion: Option<String>,
}

/// A post that stands under several values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SharedPost {
    /// Its cluster, see [`super::Dilemma::cluster`].
    pub cluster: String,
    /// Id and value of each of its rows.
    pub rows: Vec<(String, RefinedValue)>,
}

/// A row whose value differs from that of the list it stands in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueMismatch {
    /// The row.
    pub place: Place,
    /// The name of the list, cut if it is long.
    pub list: String,
    /// The name in the row, cut if it is long.
    pub row: String,
    /// The value that was taken.
    pub used: RefinedValue,
}

impl ImportReport {
    /// Rows that were kept out of the set.
    #[must_use]
    pub fn kept_out(&self) -> usize {
        self.exact_duplicates.len()
            + self.equal_stances.len()
            + self.unknown_values.len()
            + self.unknown_stances.len()
            + self.blank_posts.len()
    }

    /// What was kept out in one line, such as `3 exact duplicates, 1 unknown value`.
    pub(super) fn kept_out_in_words(&self) -> String {
        let counts = [
            (self.exact_duplicates.len(), "exact duplicate"),
            (self.equal_stances.len(), "row with equal stances"),
            (self.unknown_values.len(), "unknown value"),
            (self.unknown_stances.len(), "unknown stance"),
            (self.blank_posts.len(), "blank post"),
        ];
        let words = counts.into_iter().filter(|(count, _)| *count > 0);
        words.map(|(count, what)| counted(count, what)).collect::<Vec<_>>().join(", ")
    }
}

/// `1 blank post`, `2 blank posts`, `2 rows with equal stances`.
fn counted(count: usize, what: &str) -> String {
    match what.split_once(' ') {
        _ if count == 1 => format!("1 {what}"),
        Some((noun @ "row", rest)) => format!("{count} {noun}s {rest}"),
        _ => format!("{count} {what}s"),
    }
}

impl fmt::Display for DuplicatePost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stances = if self.same_stances { "" } else { " with other stances" };
        write!(f, "{}: the same post as {}{stances}", self.place, self.first)
    }
}

impl fmt::Display for EqualStances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} from people high and low on the value", self.place, self.stance)
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: found `{}`", self.place, self.found)?;
        match &self.suggestion {
            Some(name) => write!(f, "; did you mean `{name}`?"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for SharedPost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.rows.iter().map(|(id, _)| id.as_str()).collect();
        write!(f, "{} are one post", ids.join(", "))
    }
}

impl fmt::Display for ValueMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, list, row, used } = self;
        write!(f, "{place}: `{row}` in the list `{list}`; taken as {used}")
    }
}

/// Rows shown of each kind; the lists themselves hold all.
const SHOWN: usize = 10;

/// A heading with the count, and the first rows.
fn section<T: fmt::Display>(f: &mut fmt::Formatter<'_>, heading: &str, rows: &[T]) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    write!(f, "\n{heading}: {}", rows.len())?;
    rows.iter().take(SHOWN).try_for_each(|row| write!(f, "\n  {row}"))?;
    match rows.len().checked_sub(SHOWN) {
        None | Some(0) => Ok(()),
        Some(more) => write!(f, "\n  and {more} more"),
    }
}

impl fmt::Display for ImportReport {
    /// The counts, and of each kind of row that was kept out or is worth knowing the first ten.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, files) = (counted(self.rows, "row"), counted(self.files, "file"));
        write!(f, "{rows} in {files}, {} kept", self.kept)?;
        section(f, "exact duplicates, kept out", &self.exact_duplicates)?;
        section(f, "equal stances, kept out", &self.equal_stances)?;
        section(f, "unknown values, kept out", &self.unknown_values)?;
        section(f, "unknown stances, kept out", &self.unknown_stances)?;
        section(f, "blank posts, kept out", &self.blank_posts)?;
        section(f, "posts under several values, kept", &self.same_post_other_values)?;
        section(f, "values that differ from their list's, kept", &self.value_mismatches)?;
        let ignored: Vec<String> = self
            .ignored_fields
            .iter()
            .map(|(field, rows)| format!("`{field}` in {}", counted(*rows, "row")))
            .collect();
        section(f, "fields that are not read", &ignored)
    }
}
