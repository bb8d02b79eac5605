//! What clients are told.

mod body;
mod follow;
mod log_probs;
mod reader;
mod stream;

pub(super) use body::Answer;
pub(super) use follow::follow;
pub(super) use stream::Stream;
