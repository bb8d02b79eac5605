//! Games written out step by step.

mod episode;

pub use episode::{EpisodeRecord, FinalRecord, StepRecord, record_episode};
