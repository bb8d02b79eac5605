//! Logs of a training run that grow while it runs.

mod event_file;
mod metrics_file;
mod training_log;

pub(super) use training_log::TrainingLog;
