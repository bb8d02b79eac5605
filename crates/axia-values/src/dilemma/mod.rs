//! Dilemmas: first-person posts about real-life conflicts, each annotated with the value at its
//! centre and with the verdicts of people high and low on that value.
//!
//! A [`DilemmaSet`] is read from this crate's JSON lines or from the JSON of published sets; an
//! [`ImportReport`] tells what became of every row. A post that stands under two values is one
//! cluster, see [`Dilemma::cluster`].

mod bundled;
mod draft;
mod error;
mod load;
mod model;
mod public_json;
mod report;
mod set;
mod subset;

#[cfg(test)]
mod tests;

pub use error::DilemmaError;
pub use model::{Dilemma, Justification, Provenance, Submission};
pub use report::{
    DilemmaImport, DuplicatePost, EqualStances, ImportReport, SharedPost, UnknownName,
    ValueMismatch,
};
pub use set::{DilemmaSet, Stance, UnknownStance};
