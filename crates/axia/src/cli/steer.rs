//! `axia steer`: survey fine-tuning in one direction, or to a whole target profile.

use super::failure::Outcome;
use super::study_args::{StudyArgs, dimension};
use crate::run::Steering;
use axia_values::target::Direction;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Where the value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DirectionName {
    /// To rating 1
    Down,
    /// To rating 6
    Up,
}

/// Steer a value by survey fine-tuning, with its matched control
///
/// Writes both adapters (PEFT folders under adapters/), the held-out evaluation and a report.
///
/// Examples:
///   axia steer --value power --direction down
///   axia steer --target profile.toml --rank 64 --epochs 4 --out runs/profile
///
/// A target file gives ratings for any of the values:
///   name = "gentle-leader"
///   [ratings]
///   power-dominance = 2
///   benevolence = 6
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct SteerArgs {
    /// Value to steer: refined, basic or higher-order, or a trait of your survey
    #[arg(long, required_unless_present = "target", requires = "direction")]
    value: Option<String>,
    /// Direction
    #[arg(long, value_enum)]
    direction: Option<DirectionName>,
    /// Target profile (TOML or JSON) instead of one value
    #[arg(long, conflicts_with_all = ["value", "direction"])]
    target: Option<PathBuf>,
    #[command(flatten)]
    study: StudyArgs,
}

/// Runs the command.
pub fn run(args: SteerArgs) -> Outcome {
    let instrument = args.study.instrument()?;
    let steering = match (&args.target, &args.value) {
        (Some(path), _) => Steering::profile(path)?,
        (None, value) => {
            let dimension = dimension(value.as_deref().unwrap_or_default(), &instrument)?;
            let direction = match args.direction {
                Some(DirectionName::Up) => Direction::Up,
                Some(DirectionName::Down) | None => Direction::Down,
            };
            Steering::one(dimension, direction)
        }
    };
    let name = steering.name.clone();
    args.study.run(vec![steering], &instrument, &name, false)
}
