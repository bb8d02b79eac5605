//! Fine-tuning an adapter on prompts with completions or soft labels.

mod batch;
mod checkpoint;
mod data;
mod record;
mod settings;
mod trainer;

pub use batch::{Batch, StepLoss};
pub use data::{Label, SoftLabel, Softmax, TrainData, TrainRow};
pub use record::{History, StepRecord, StopReason, ValidationRecord};
pub use settings::{EarlyStopping, Optimizer, Order, Schedule, TrainSettings};
pub use trainer::{Observer, Trained, train};
