//! Studies: profile, steer, evaluate.

mod adapters;
mod baseline;
mod chosen_rows;
mod design;
mod error;
mod examples;
mod experiment;
mod finished;
mod follow;
mod frontier;
mod labels;
mod logs;
mod notes;
mod provenance;
mod row_plan;
mod rows;
mod run_dir;
mod settings;
pub mod summary;
pub mod survey;
mod variants;

pub use design::{Steering, Study, file_name};
pub use error::StudyError;
pub use experiment::Experiment;
pub use finished::FinishedRun;
pub use follow::{Follow, Quiet};
pub use frontier::{Frontier, FrontierPoint};
pub use labels::{Anchors, Pull};
pub use provenance::{describe_model, describe_survey, machine, model_hashes, sha256_of};
pub use row_plan::RowPlan;
pub use rows::Rows;
pub use run_dir::RunDir;
pub(crate) use run_dir::difference;
pub use settings::{Preset, Settings};
pub use variants::VariantPlan;
