//! Which survey a command reads.

use crate::cli::failure::{Failure, Outcome};
use anyhow::anyhow;
use axia_values::instrument::{Format, ImportOptions, Instrument, InstrumentError};
use clap::{Args, ValueEnum};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// How a file is read.
#[derive(Debug, Clone, Args)]
pub struct Reading {
    /// Format of the file
    #[arg(long, value_enum, default_value_t = FormatName::Auto)]
    format: FormatName,
    /// Questionnaire to take from a collection (valuebench)
    #[arg(long, value_name = "NAME")]
    questionnaire: Option<String>,
}

/// A survey file, or the bundled survey.
#[derive(Debug, Clone, Args)]
pub struct Source {
    /// Survey in any format that `axia data import` reads; by default the bundled one
    file: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// By the ending of the file's name
    Auto,
    /// axia's own format
    Toml,
    /// Published value surveys: tasks, response_template, train, eval, test
    PublicJson,
    /// CSV with the columns questionnaire, item, value, agreement
    Valuebench,
    /// Table with the columns statement and value (or dimension)
    Csv,
    /// The same with tabs
    Tsv,
    /// The same as one JSON object a line
    Jsonl,
}

impl FormatName {
    const fn format(self) -> Option<Format> {
        match self {
            Self::Auto => None,
            Self::Toml => Some(Format::Native),
            Self::PublicJson => Some(Format::PublicJson),
            Self::Valuebench => Some(Format::ValueBench),
            Self::Csv => Some(Format::Csv),
            Self::Tsv => Some(Format::Tsv),
            Self::Jsonl => Some(Format::Jsonl),
        }
    }
}

impl Reading {
    /// Choices for the library; those that only an import has stay at their defaults.
    pub fn options(&self) -> ImportOptions {
        ImportOptions {
            format: self.format.format(),
            questionnaire: self.questionnaire.clone(),
            ..ImportOptions::default()
        }
    }

    fn is_default(&self) -> bool {
        self.format == FormatName::Auto && self.questionnaire.is_none()
    }
}

impl Source {
    /// Whether it is the bundled survey.
    pub const fn is_bundled(&self) -> bool {
        self.file.is_none()
    }

    /// The file, unless it is the bundled survey.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Reads the survey.
    pub fn load(&self) -> Outcome<Cow<'static, Instrument>> {
        match &self.file {
            Some(file) => read(file, &self.reading.options()).map(Cow::Owned),
            None if self.reading.is_default() => Ok(Cow::Borrowed(Instrument::bundled())),
            None => Err(Failure::input(anyhow!(
                "--format and --questionnaire say how to read a FILE; name one"
            ))),
        }
    }
}

/// Reads a survey from a file.
pub fn read(file: &Path, options: &ImportOptions) -> Outcome<Instrument> {
    Instrument::load(file, options).map_err(|error| {
        let hint = match error {
            InstrumentError::Questionnaire { .. } => " (choose with --questionnaire)",
            InstrumentError::UnknownFormat { .. } => " (with --format)",
            _ => "",
        };
        Failure::input(anyhow!("{error}{hint}")).while_trying("read the survey")
    })
}
