//! Studies: profile, steer, evaluate.

mod adapters;
mod design;
mod experiment;
mod finished;
mod frontier;
mod gates;
mod labels;
mod logs;
mod row_plan;
mod settings;
pub mod summary;

pub use design::Study;
pub use experiment::Experiment;
pub use finished::FinishedRun;
pub use frontier::{Frontier, FrontierPoint};
pub use gates::Gate;
pub use labels::{Anchors, Pull};
pub use row_plan::RowPlan;
pub use settings::{Layers, Preset, Settings};
pub use summary::{describe_model, describe_survey, machine, model_hashes, sha256_of};
