//! Studies: profile, steer, evaluate.

mod adapters;
mod design;
mod experiment;
mod finished;
mod frontier;
mod gates;
mod labels;
mod layers;
mod logs;
mod notes;
mod provenance;
mod row_plan;
mod settings;
pub mod summary;

pub use design::Study;
pub use experiment::Experiment;
pub use finished::FinishedRun;
pub use frontier::{Frontier, FrontierPoint};
pub use gates::Gate;
pub use labels::{Anchors, Pull};
pub use layers::Layers;
pub use provenance::{describe_model, describe_survey, machine, model_hashes, sha256_of};
pub use row_plan::RowPlan;
pub use settings::{Preset, Settings};
