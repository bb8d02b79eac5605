//! Fine-tuning an adapter on prompts with completions or soft labels.

mod batch;
mod checkpoint;
mod data;
mod language;
mod order;
mod record;
mod schedule;
mod settings;
mod state;
mod trainer;

pub use batch::{Batch, StepLoss};
pub use data::{Label, SoftLabel, Softmax, TrainData, TrainRow};
pub use order::Order;
pub use record::{History, StepRecord, StopReason, ValidationRecord};
pub use schedule::Schedule;
pub use settings::{EarlyStopping, Optimizer, TrainSettings};
pub use trainer::{Observer, Trained, train};
