//! The folder of a build, and what is done in it besides filtering and annotating.

mod card;
mod markdown;
mod sample;

pub use card::{AnnotationCard, BasicRow, Card, SetCard, ValueRow};
pub use sample::{BuildFolder, FinishSettings, finish, sample};
pub(super) use sample::{CANDIDATES, FILTER};
