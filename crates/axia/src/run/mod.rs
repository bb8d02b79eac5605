//! A run: its folder, its members, and how its progress is shown. Stages stand on this, and this on
//! none of them.

mod error;
mod folder;
mod follow;
mod member;
mod rows;

pub use error::StudyError;
pub use folder::RunDir;
pub use follow::{Follow, Quiet};
pub use member::{Member, Observation, Role, Steering, file_name};
pub use rows::Rows;
