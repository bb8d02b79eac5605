//! What went wrong, and whose turn it is: the user's (exit code 2) or the machine's (1). Also how
//! output is written, which may fail like anything else.

use crate::dilemmas::BuildError;
use crate::dilemmas::annotate::AnnotateError;
use crate::games::GamesError;
use crate::models::ModelError;
use crate::report::ReportError;
use crate::run::StudyError;
use crate::text::plain;
use axia_engine::EngineError;
use axia_engine::merge::MergeError;
use serde::Serialize;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// An error on its way to the user.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    error: anyhow::Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Input,
    Failed,
    Cancelled,
}

/// Result of a command.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// Something the user gave is at fault.
    pub fn input(error: impl Into<anyhow::Error>) -> Self {
        Self { kind: Kind::Input, error: error.into() }
    }

    /// The user's input is fine, the work failed.
    pub fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self { kind: Kind::Failed, error: error.into() }
    }

    /// The user asked to stop.
    pub fn cancelled(error: impl Into<anyhow::Error>) -> Self {
        Self { kind: Kind::Cancelled, error: error.into() }
    }

    /// Says what was being done: the message reads "failed to {action}: …".
    pub fn while_trying(mut self, action: impl fmt::Display + Send + Sync + 'static) -> Self {
        if self.kind != Kind::Cancelled {
            self.error = self.error.context(format!("failed to {action}"));
        }
        self
    }

    /// Says what becomes of the work if the user asked to stop.
    pub fn while_cancelling(mut self, outlook: String) -> Self {
        if self.kind == Kind::Cancelled {
            self.error = anyhow::anyhow!(outlook);
        }
        self
    }

    /// Prints the message to standard error and gives the exit code.
    pub fn report(&self) -> ExitCode {
        let message = message(&self.error);
        match self.kind {
            Kind::Cancelled => eprintln!("stopped: {message}"),
            Kind::Input | Kind::Failed => eprintln!("error: {message}"),
        }
        ExitCode::from(if self.kind == Kind::Input { 2 } else { 1 })
    }
}

/// What happened and why, outermost first; but what a message says of its cause is not said again.
fn message(error: &anyhow::Error) -> String {
    let mut message = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if message.is_empty() {
            message = cause;
        } else if !message.ends_with(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    message
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let kind = match &error {
            EngineError::Cancelled => Kind::Cancelled,
            error if error.is_input() => Kind::Input,
            _ => Kind::Failed,
        };
        Self { kind, error: error.into() }
    }
}

impl From<MergeError> for Failure {
    fn from(error: MergeError) -> Self {
        match error {
            MergeError::Engine(error) => error.into(),
            error => Self::input(error),
        }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        let kind = match &error {
            ModelError::Cancelled => Kind::Cancelled,
            error if error.is_usage() => Kind::Input,
            _ => Kind::Failed,
        };
        Self { kind, error: error.into() }
    }
}

impl From<StudyError> for Failure {
    fn from(error: StudyError) -> Self {
        let kind = match &error {
            error if error.is_cancelled() => Kind::Cancelled,
            error if error.is_input() => Kind::Input,
            _ => Kind::Failed,
        };
        Self { kind, error: error.into() }
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        let kind = match &error {
            ReportError::NoResults { .. }
            | ReportError::Malformed { .. }
            | ReportError::Version { .. } => Kind::Input,
            _ => Kind::Failed,
        };
        Self { kind, error: error.into() }
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let kind = match &error {
            error if error.is_cancelled() => Kind::Cancelled,
            error if error.is_input() => Kind::Input,
            _ => Kind::Failed,
        };
        Self { kind, error: error.into() }
    }
}

impl From<AnnotateError> for Failure {
    fn from(error: AnnotateError) -> Self {
        BuildError::from(error).into()
    }
}

impl From<GamesError> for Failure {
    /// The message may quote a game, which may come from anywhere.
    fn from(error: GamesError) -> Self {
        Self::input(anyhow::anyhow!(plain(&error.to_string())))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error)
    }
}

/// Writes to standard output. A reader that has seen enough, such as `head`, is no failure.
pub fn print(data: impl AsRef<[u8]>) -> Outcome {
    print_more(data).map(drop)
}

/// Writes a part of the data to standard output, and says whether anybody still reads it.
pub fn print_more(data: impl AsRef<[u8]>) -> Outcome<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(data.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::failed(error).while_trying("write to standard output"))
        }
        written => Ok(written.is_ok()),
    }
}

/// Writes one indented JSON value and a line break.
pub fn print_json(value: &impl Serialize) -> Outcome {
    print(serde_json::to_string_pretty(value).map_err(Failure::failed)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn a_cause_is_said_once() {
        let cause = || std::io::Error::other("the disk is full");
        let twice =
            anyhow!(cause()).context("cannot write `a`: the disk is full").context("failed");
        assert_eq!(message(&twice), "failed: cannot write `a`: the disk is full");
        let once = anyhow!(cause()).context("cannot write `a`");
        assert_eq!(message(&once), "cannot write `a`: the disk is full");
    }
}
