//! Moral dilemmas from dumps of r/AmItheAsshole: filtered, de-duplicated, annotated, capped.
//!
//! | step | from | to |
//! |---|---|---|
//! | [`filter`](fn@filter) | dumps, packed or not | `candidates.jsonl`, `filter.json` |
//! | [`sample`] | candidates | `sample.jsonl`, if not all are to be annotated |
//! | [`annotate`] | candidates | `annotations.jsonl`, `set_aside.jsonl` |
//! | [`finish`] | annotations | `dilemmas.jsonl`, `card.json`, `card.md` |
//!
//! Every step finds what it did before in the [`BuildFolder`], so that a killed build goes on
//! where it was. Posts are strangers' text: they are data to every step.

pub mod annotate;
mod build;
mod clean;
mod dedupe;
mod dump;
mod error;
mod filter;
mod words;

pub use build::{
    AnnotationCard, BasicRow, BuildFolder, Card, FinishSettings, SetCard, ValueRow, finish, sample,
};
pub use dump::Packing;
pub use error::BuildError;
pub use filter::{BrokenLine, Counts, FilterSettings, FilterSummary, InputFile, Reason, filter};
pub use words::Candidate;
