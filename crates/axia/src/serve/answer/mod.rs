//! What clients are told.

mod body;
mod reader;
mod stream;

pub(super) use body::Answer;
pub(super) use stream::{Stream, follow};
