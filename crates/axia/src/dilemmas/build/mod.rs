//! The folder of a build, and what is done in it besides filtering and annotating.

mod card;
mod folder;
mod markdown;
mod sample;

pub use card::{AnnotationCard, BasicRow, Card, SetCard, ValueRow};
pub use folder::{BuildFolder, FinishSettings, finish};
pub(super) use folder::{CANDIDATES, FILTER};
pub use sample::sample;
