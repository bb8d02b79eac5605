//! Everything that is logged of a training run.

use super::event_file::EventFile;
use super::event_file::What;
use super::metrics_file::{Metrics, MetricsFile};
use axia_engine::train::{StepRecord, ValidationRecord};
use std::io;
use std::path::{Path, PathBuf};

/// The logs of a run: JSON lines and, if wanted, events for TensorBoard. A log that cannot be written is
/// given up, for the run is worth more.
pub(in crate::study) struct TrainingLog {
    metrics: Option<MetricsFile>,
    board: Board,
}

enum Board {
    Off,
    /// Its folder.
    Wanted(PathBuf),
    Open(EventFile),
}

impl TrainingLog {
    /// Logs to the file `metrics` and, if there is one, the folder `board`.
    pub fn new(metrics: &Path, board: Option<PathBuf>) -> Self {
        let board = board.map_or(Board::Off, Board::Wanted);
        Self { metrics: Some(MetricsFile::new(metrics)), board }
    }

    /// A step was taken. Gives back what to tell the user, if a log could not be written.
    pub fn step(&mut self, record: &StepRecord) -> Option<String> {
        let metrics = Metrics::from(record);
        let speed = match &metrics {
            Metrics::Step { tokens_per_s, .. } => *tokens_per_s,
            Metrics::Validation { .. } => 0.0,
        };
        let mut scalars = vec![
            ("train/loss", record.loss),
            ("train/learning_rate", record.lr),
            ("train/gradient_norm", record.gradient_norm),
            ("train/tokens_per_second", speed),
        ];
        scalars.extend(record.language_kl.map(|kl| ("train/language_kl", kl)));
        self.write(&metrics, record.step, &scalars)
    }

    /// The validation rows were looked at.
    pub fn validation(&mut self, record: &ValidationRecord) -> Option<String> {
        self.write(&Metrics::from(record), record.step, &[("validation/loss", record.loss)])
    }

    fn write(&mut self, metrics: &Metrics, step: usize, scalars: &[(&str, f64)]) -> Option<String> {
        let mut told = None;
        if let Some(Err(error)) = self.metrics.as_mut().map(|file| file.write(metrics)) {
            self.metrics = None;
            told = Some(given_up("metrics", &error));
        }
        if let Err(error) = self.board.write(step, scalars) {
            self.board = Board::Off;
            told = Some(given_up("TensorBoard events", &error));
        }
        told
    }
}

impl Board {
    fn write(&mut self, step: usize, scalars: &[(&str, f64)]) -> io::Result<()> {
        if let Self::Wanted(folder) = self {
            *self = Self::Open(EventFile::create(folder, step)?);
        }
        match self {
            Self::Open(events) => events.write(step, &What::Scalars(scalars)),
            Self::Off | Self::Wanted(_) => Ok(()),
        }
    }
}

fn given_up(what: &str, error: &io::Error) -> String {
    format!("the {what} of this training cannot be written ({error}); it goes on without them")
}
