//! `axia data export`: surveys and training data for other programs.

use super::import::Source;
use super::output::Output;
use super::output::find_dimension;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::rows::Rows;
use anyhow::anyhow;
use axia_values::export::{
    Anchors, Arm, Shape, preference_pairs, write_preference_pairs, write_supervised_rows,
};
use axia_values::instrument::{Instrument, Split};
use axia_values::rating::Rating;
use axia_values::target::{Direction, Target, TrainingRows};
use clap::{Args, ValueEnum};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// Export a survey, or training data made from it
///
/// Training data steers one value up or down and holds all others where they are. Rows for
/// supervised fine-tuning (sft) teach a rating of 1 or 6 on the items of that value and the
/// model's own rating on all others; the ratings come from `axia profile --out DIR`, which writes
/// DIR/ratings.jsonl. Preference pairs hold a statement against its contrast and need no ratings;
/// with them, the items of other values prefer what the model itself leans to.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  axia data export --as toml --out mine.toml       the bundled survey, to edit
  axia data export mine.toml --as public-json --out mine.json
  axia data export --as preferences --value power --direction down --out pairs.jsonl
  axia profile --split train --out base            measures the model's own ratings, then
  axia data export --as sft --value power --direction down \\
      --ratings base/ratings.jsonl --shape messages --out steered.jsonl
  axia data export --as sft --value power --direction down \\
      --ratings base/ratings.jsonl --shape messages --control --out control.jsonl

Ratings are JSON lines: {\"item\": \"be-creative-01\", \"rating\": 4}")]
pub struct ExportArgs {
    #[command(flatten)]
    source: Source,
    /// What to write
    #[arg(long = "as", value_enum, value_name = "KIND")]
    kind: Kind,
    /// Items of this split only; by default train for training data, else all
    #[arg(long)]
    split: Option<Split>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    training: Training,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Rows for supervised fine-tuning
    Sft,
    /// Pairs for preference training (DPO and its relatives)
    Preferences,
    /// The survey in the JSON of published value surveys
    PublicJson,
    /// The survey in axia's TOML, as a single file
    Toml,
}

/// Options of training data.
#[derive(Debug, Args)]
#[command(next_help_heading = "Training data (sft and preferences)")]
struct Training {
    /// Value (of any level) or trait to steer
    #[arg(long)]
    value: Option<String>,
    /// Where to: down or up
    #[arg(long)]
    direction: Option<Direction>,
    /// The model's own ratings; required for sft
    #[arg(long, value_name = "FILE")]
    ratings: Option<PathBuf>,
    /// Layout of texts: strings or messages [default: strings]
    #[arg(long)]
    shape: Option<Shape>,
    /// Write the matched control: the same rows, nothing steered
    #[arg(long)]
    control: bool,
}

#[derive(Deserialize)]
struct RatingLine {
    item: String,
    rating: Rating,
}

type Ratings = BTreeMap<String, Rating>;

/// Runs the command.
pub fn run(args: ExportArgs) -> Outcome {
    args.output.check()?;
    if matches!(args.kind, Kind::PublicJson | Kind::Toml) {
        args.training.refuse()?;
    }
    let survey = args.source.load()?;
    let (data, what) = match args.kind {
        Kind::Sft => supervised(&survey, &args)?,
        Kind::Preferences => preferences(&survey, &args)?,
        Kind::PublicJson | Kind::Toml => whole(survey.into_owned(), &args)?,
    };
    args.output.write(&data, &what)
}

/// Data and what it is.
type Exported = (Vec<u8>, String);

fn supervised(survey: &Instrument, args: &ExportArgs) -> Outcome<Exported> {
    let target = args.training.target(survey)?;
    let Some(file) = &args.training.ratings else {
        return Err(Failure::input(anyhow!(
            "--as sft needs --ratings FILE: rows that are not steered keep the model's own \
             ratings. `axia profile --split train --out DIR` measures them and writes \
             DIR/ratings.jsonl, one {{\"item\": id, \"rating\": 1 to 6}} a line"
        )));
    };
    let ratings = read_ratings(file)?;
    let rows = TrainingRows::new(survey, args.training_split(), &ratings, &target)
        .map_err(|error| unusable(&error, args))?;
    let arm = if args.training.control { Arm::Control } else { Arm::Steered };
    let mut data = Vec::new();
    let count = write_supervised_rows(&rows, arm, args.training.shape(), &mut data)
        .map_err(Failure::failed)?;
    Ok((data, format!("{count} rows for {}", args.training.name(&target))))
}

fn preferences(survey: &Instrument, args: &ExportArgs) -> Outcome<Exported> {
    let target = args.training.target(survey)?;
    let ratings = args.training.ratings.as_deref().map(read_ratings).transpose()?;
    let anchors = ratings.as_ref().map_or(Anchors::Statement, Anchors::Baseline);
    let steered = (!args.training.control).then_some(&target);
    let pairs = preference_pairs(survey, args.training_split(), steered, anchors)
        .map_err(|error| unusable(&error, args))?;
    let mut data = Vec::new();
    write_preference_pairs(&pairs, args.training.shape(), &mut data).map_err(Failure::failed)?;
    Ok((data, format!("{} pairs for {}", pairs.len(), args.training.name(&target))))
}

/// The survey itself.
fn whole(mut survey: Instrument, args: &ExportArgs) -> Outcome<Exported> {
    if let Some(split) = args.split {
        survey.items.retain(|item| item.split == split);
    }
    let text = match args.kind {
        Kind::PublicJson => survey.to_public_json().map(|json| json + "\n"),
        _ => survey.to_toml(),
    };
    let text = text.map_err(|error| {
        Failure::input(anyhow!("{error}")).while_trying("express the survey in this format")
    })?;
    Ok((text.into_bytes(), format!("{} items", survey.items.len())))
}

fn unusable(error: &impl Display, args: &ExportArgs) -> Failure {
    let split = args.training_split();
    Failure::input(anyhow!("{error}")).while_trying(format!("use the {split} items"))
}

impl ExportArgs {
    fn training_split(&self) -> Split {
        self.split.unwrap_or(Split::Train)
    }
}

impl Training {
    /// Nothing is to be trained on: refuses options that would go unheeded.
    fn refuse(&self) -> Outcome {
        let given = [
            ("--value", self.value.is_some()),
            ("--direction", self.direction.is_some()),
            ("--ratings", self.ratings.is_some()),
            ("--shape", self.shape.is_some()),
            ("--control", self.control),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(Failure::input(anyhow!(
                "{flag} is for training data: use it with --as sft or --as preferences"
            ))),
            None => Ok(()),
        }
    }

    fn target(&self, survey: &Instrument) -> Outcome<Target> {
        match (&self.value, self.direction) {
            (Some(value), Some(direction)) => {
                Ok(Target::new(find_dimension(survey, value)?, direction))
            }
            _ => Err(Failure::input(anyhow!(
                "training data needs a target: give --value and --direction, such as \
                 --value power --direction down"
            ))),
        }
    }

    fn shape(&self) -> Shape {
        self.shape.unwrap_or_default()
    }

    fn name(&self, target: &Target) -> String {
        let control = if self.control { "the control of " } else { "" };
        format!("{control}{}", target.name)
    }
}

fn read_ratings(file: &Path) -> Outcome<Ratings> {
    let mut ratings = Ratings::new();
    for RatingLine { item, rating } in Rows::read(file, 0)?.iter() {
        match ratings.insert(item.clone(), *rating) {
            Some(other) if other != *rating => {
                return Err(Failure::input(anyhow!(
                    "`{}` rates item `{item}` both {other} and {rating}",
                    file.display()
                )));
            }
            _ => (),
        }
    }
    Ok(ratings)
}
