//! `axia data import`: other people's surveys as axia's TOML.

use super::output::Output;
use crate::cli::failure::{Failure, Outcome};
use anyhow::anyhow;
use axia_values::instrument::{
    Format, ImportOptions, Instrument, InstrumentError, Split, SplitRule,
};
use clap::{Args, ValueEnum};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Convert a survey of any known format to axia's TOML
///
/// Value names are accepted in many spellings and written in one. A survey without instructions
/// and response templates of its own gets those of the bundled survey. Items of tables (csv, tsv,
/// jsonl, valuebench) that name no split go to `test`, so that they are never trained on, unless
/// --split or --split-seed says otherwise.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  axia data import survey.json --out survey.toml
  axia data import value_orientation.csv --questionnaire PVQ40 --out pvq40.toml
  axia data import items.csv --split-seed 7 --out items.toml

A table needs the columns statement and value, and may have id, contrast, facet, split, domain
and reversed; a trait that is none of Schwartz's values goes into a column dimension:

  statement,value,contrast
  I like to decide things for others.,power-dominance,I like it when others decide.")]
pub struct ImportArgs {
    /// Survey to read
    file: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// Split of all items that name none: train, validation or test
    #[arg(long, conflicts_with = "split_seed")]
    split: Option<Split>,
    /// Draw the split of items that name none, within every value, with this seed
    #[arg(long, value_name = "N")]
    split_seed: Option<u64>,
    /// Parts of train, validation and test to draw
    #[arg(long, value_name = "A:B:C", default_value = "7:2:2", requires = "split_seed")]
    split_parts: Parts,
    /// Name of the survey; by default the file's
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// Shares of train and validation; the rest is test.
#[derive(Debug, Clone, Copy)]
struct Parts {
    train: f64,
    validation: f64,
}

impl FromStr for Parts {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers: Result<Vec<u32>, _> =
            text.split(':').map(|part| part.trim().parse()).collect();
        let parts = numbers.ok().and_then(|numbers| <[u32; 3]>::try_from(numbers).ok());
        match parts.map(|parts| parts.map(f64::from)) {
            Some([train, validation, test]) if train + validation + test > 0.0 => {
                let sum = train + validation + test;
                Ok(Self { train: train / sum, validation: validation / sum })
            }
            _ => Err(anyhow!("expected three whole numbers such as 7:2:2, not all of them 0")),
        }
    }
}

/// Runs the command.
pub fn run(args: ImportArgs) -> Outcome {
    args.output.check()?;
    let options = ImportOptions {
        splits: split_rule(&args),
        name: args.name.clone(),
        ..args.reading.options()
    };
    if options.splits != SplitRule::AllTest && names_splits(&args.file, options.format) {
        return Err(Failure::input(anyhow!(
            "--split and --split-seed are for tables; `{}` gives the split of every item itself",
            args.file.display()
        )));
    }
    let survey = read(&args.file, &options)?;
    if survey.instructions == Instrument::bundled().instructions {
        eprintln!("the items will be asked with the instructions of the bundled survey");
    }
    let toml = survey.to_toml().map_err(|error| Failure::input(anyhow!("{error}")))?;
    args.output.write(toml.as_bytes(), &describe(&survey))
}

fn split_rule(args: &ImportArgs) -> SplitRule {
    let Parts { train, validation } = args.split_parts;
    let all = |train, validation| SplitRule::Seeded { seed: 0, train, validation };
    match (args.split_seed, args.split) {
        (Some(seed), _) => SplitRule::Seeded { seed, train, validation },
        (None, Some(Split::Train)) => all(1.0, 0.0),
        (None, Some(Split::Validation)) => all(0.0, 1.0),
        (None, Some(Split::Test) | None) => SplitRule::AllTest,
    }
}

/// Whether a file is of a format whose items always belong to a split.
fn names_splits(file: &Path, format: Option<Format>) -> bool {
    let ending = file.extension().map(|ending| ending.to_ascii_lowercase());
    match format {
        Some(format) => matches!(format, Format::Native | Format::PublicJson),
        None => ending.is_some_and(|ending| ending == "toml" || ending == "json"),
    }
}

fn describe(survey: &Instrument) -> String {
    let counts = Split::ALL.map(|split| format!("{} {split}", survey.split(split).count()));
    format!(
        "{} items ({}) of {} values or traits",
        survey.items.len(),
        counts.join(", "),
        survey.dimensions().len()
    )
}

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
