//! The folder of a build, and what is done in it besides filtering and annotating.

mod card;
mod folder;
mod markdown;

pub use card::{AnnotationCard, BasicRow, Card, SetCard, ValueRow};
pub use folder::{BuildFolder, FinishSettings, finish, sample};
pub(super) use folder::{CANDIDATES, FILTER};
