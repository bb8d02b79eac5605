//! Logs that inspect_ai reads (`inspect view`, `read_eval_log`).

mod dilemmas;
mod log;
mod survey;

pub use log::{LogFile, logs, write_logs};
