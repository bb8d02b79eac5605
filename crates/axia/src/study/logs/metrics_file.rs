//! Metrics of a training run as JSON lines.

use crate::files::{folder_of, write_whole};
use axia_engine::train::{StepRecord, ValidationRecord};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Metrics {
    /// A step of the optimiser.
    Step {
        step: usize,
        epoch: usize,
        loss: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language_kl: Option<f64>,
        lr: f64,
        gradient_norm: f64,
        rows: usize,
        tokens: usize,
        tokens_per_s: f64,
    },
    /// A look at the validation rows.
    Validation { step: usize, epoch: usize, loss: f64, improved: bool },
}

impl From<&StepRecord> for Metrics {
    fn from(record: &StepRecord) -> Self {
        Self::Step {
            step: record.step,
            epoch: record.epoch,
            loss: record.loss,
            language_kl: record.language_kl,
            lr: record.lr,
            gradient_norm: record.gradient_norm,
            rows: record.rows,
            tokens: record.tokens,
            // A clock that stood still would give what JSON has no number for.
            tokens_per_s: record.tokens as f64 / record.seconds.max(1e-9),
        }
    }
}

impl From<&ValidationRecord> for Metrics {
    fn from(record: &ValidationRecord) -> Self {
        let &ValidationRecord { step, epoch, loss, improved } = record;
        Self::Validation { step, epoch, loss, improved }
    }
}

impl Metrics {
    fn step(&self) -> usize {
        match self {
            Self::Step { step, .. } | Self::Validation { step, .. } => *step,
        }
    }
}

/// The file; each line is handed to the system as it comes.
pub(super) struct MetricsFile {
    path: PathBuf,
    /// Open once there is something to write.
    file: Option<File>,
}

impl MetricsFile {
    /// The file at `path`, which may hold the beginning of the run.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None }
    }

    /// Adds a line. A run that goes on from a checkpoint takes some steps again: the first line that is
    /// added replaces what was written of its step and later ones, and a line that was cut off.
    pub fn write(&mut self, metrics: &Metrics) -> io::Result<()> {
        let mut line = serde_json::to_vec(metrics)?;
        line.push(b'\n');
        let file = match &mut self.file {
            Some(file) => file,
            closed => {
                std::fs::create_dir_all(folder_of(&self.path))?;
                write_whole(&self.path, before(&self.path, metrics.step())?.as_bytes())?;
                closed.insert(OpenOptions::new().append(true).open(&self.path)?)
            }
        };
        file.write_all(&line)
    }
}

/// The lines of the file about steps before `step`.
fn before(path: &Path, step: usize) -> io::Result<String> {
    let text = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        text => String::from_utf8_lossy(&text?).into_owned(),
    };
    let earlier = |line: &&str| {
        let whole = line.strip_suffix('\n').and_then(|line| serde_json::from_str(line).ok());
        whole.is_some_and(|metrics: Metrics| metrics.step() < step)
    };
    Ok(text.split_inclusive('\n').filter(earlier).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: usize, loss: f64) -> Metrics {
        let (epoch, lr, gradient_norm, rows, tokens, tokens_per_s) = (0, 1e-4, 1.0, 2, 30, 60.0);
        Metrics::Step {
            step,
            epoch,
            loss,
            language_kl: None,
            lr,
            gradient_norm,
            rows,
            tokens,
            tokens_per_s,
        }
    }

    fn validation(step: usize) -> Metrics {
        Metrics::Validation { step, epoch: 1, loss: 0.5, improved: true }
    }

    fn read(path: &Path) -> Vec<Metrics> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_resumed_run_replaces_the_steps_it_takes_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("training/one.metrics.jsonl");
        let mut file = MetricsFile::new(&path);
        for metrics in [step(1, 3.0), step(2, 2.0), validation(2), step(3, 1.0)] {
            file.write(&metrics).unwrap();
        }
        // It was killed while it wrote another.
        let mut cut = OpenOptions::new().append(true).open(&path).unwrap();
        cut.write_all(b"{\"kind\": \"step\", \"ste").unwrap();
        let mut again = MetricsFile::new(&path);
        again.write(&step(3, 1.5)).unwrap();
        again.write(&step(4, 1.2)).unwrap();
        let expected = [step(1, 3.0), step(2, 2.0), validation(2), step(3, 1.5), step(4, 1.2)];
        assert_eq!(read(&path), expected);
        MetricsFile::new(&path).write(&step(1, 9.0)).unwrap();
        assert_eq!(read(&path), [step(1, 9.0)]);
    }

    #[test]
    fn lines_say_what_they_are() {
        let json = serde_json::to_string(&validation(7)).unwrap();
        assert_eq!(json, r#"{"kind":"validation","step":7,"epoch":1,"loss":0.5,"improved":true}"#);
    }
}
