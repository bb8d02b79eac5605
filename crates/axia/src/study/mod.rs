//! Studies: profile, steer, evaluate.

mod adapters;
mod error;
mod examples;
mod experiment;
mod follow;
mod notes;
mod provenance;
mod row_plan;
mod rows;
mod run_dir;
mod settings;
pub mod summary;
pub mod survey;
mod variants;

pub use error::StudyError;
pub use experiment::{Experiment, Study, file_name};
pub use follow::{Follow, Quiet};
pub use provenance::{describe_model, describe_survey, machine, sha256_of};
pub use row_plan::RowPlan;
pub use run_dir::RunDir;
pub use settings::{Preset, Settings, Steering};
pub use variants::VariantPlan;
