//! A run: its folder, its members, and how its progress is shown. Stages stand on this, and this on
//! none of them.

mod error;
mod folder;
mod member;

pub use error::StudyError;
pub use folder::{Rows, RunDir};
pub use member::{Follow, Member, Observation, Quiet, Role, Steering, file_name};
