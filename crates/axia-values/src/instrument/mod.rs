//! Surveys and other questionnaires: items, how they are asked, and the formats they come in.
//!
//! An [`Instrument`] holds task instructions, response templates and items. Every item is asked
//! in every [`Variant`] (instruction × template); one item in one variant is a [`Row`].

mod bundled;
mod draft;
mod error;
mod load;
mod model;
mod native;
mod public_json;
mod table;
mod template;
mod valuebench;

#[cfg(test)]
mod tests;

pub use crate::place::Place;
pub use error::InstrumentError;
pub use load::{Format, ImportOptions, SplitRule};
pub use model::{Dimension, Instrument, Item, Row, Split, UnknownSplit, Variant};
pub use template::{Template, TemplateError};
