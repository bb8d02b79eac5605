//! Dumps of submissions as people have them: JSON lines, plain or packed, of Pushshift or
//! Arctic Shift.

mod archive;
mod blocks;
mod submission;

pub(super) use archive::Archive;
pub use archive::Packing;
pub(super) use blocks::{Blocks, Piece};
pub(super) use submission::{Problem, Submission};
