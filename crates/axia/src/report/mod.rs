//! What reports are made of: words, figures, tables, and the frame that stages put their parts in.

mod cast;
mod error;
pub(crate) mod figure;
mod outcome;
mod render;
mod rows;
mod shown;
pub(crate) mod words;

pub(crate) use cast::{Cast, LegendEntry, Member, part_of};
pub use error::ReportError;
pub(crate) use outcome::{Outcome, Verdict, subject};
pub(crate) use render::{Figure, Template, render};
pub(crate) use rows::{Place, Table};
pub(crate) use shown::{About, Metric, Number, Shown, Task};
