//! Games as an environment: reset, observe, step.

mod game_in_progress;
mod runs;

pub use game_in_progress::{Environment, Saved, StepResult};
pub use runs::{Baseline, Policy, RandomPolicy, Replay, Run, baseline, play_run};
