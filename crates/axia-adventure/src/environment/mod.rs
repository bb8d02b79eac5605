//! Games as an environment: reset, observe, step.

mod game_in_progress;
mod policy;
mod runs;

pub use game_in_progress::{Environment, Saved, StepResult};
pub use policy::{Policy, RandomPolicy, Replay};
pub use runs::{Baseline, Run, baseline, play_run};
