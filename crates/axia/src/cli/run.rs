//! `axia run`: the whole experiment.

use super::failure::Outcome;
use super::study_args::{StudyArgs, dimension};
use crate::run::{Steering, file_name};
use axia_values::target::Direction;
use clap::Args;

/// Run the whole experiment: profile, steer one value down and up, measure, report
///
/// Without arguments it takes the default model and the bundled survey, steers the value
/// Universalism: nature, measures everybody's perplexity on neutral text, has them judge a part of the
/// bundled dilemmas and play the bundled games, and writes runs/universalism-nature/report.html. An interrupted run goes on when the same
/// command is given again.
///
/// Examples:
///   axia run
///   axia run --value benevolence-caring --epochs 3
///   axia run --passages 0 --posts 0 --episodes 0    the survey alone
///   axia run ./my-model --survey my-survey.toml --out runs/mine
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct RunArgs {
    /// Value to steer: refined, basic or higher-order, or a trait of your survey
    #[arg(long, default_value = "universalism-nature")]
    value: String,
    #[command(flatten)]
    study: StudyArgs,
}

/// Runs the command.
pub fn run(args: RunArgs) -> Outcome {
    let instrument = args.study.instrument()?;
    let dimension = dimension(&args.value, &instrument)?;
    let name = file_name(&dimension.key());
    let steerings =
        [Direction::Down, Direction::Up].map(|d| Steering::one(dimension.clone(), d)).into();
    args.study.run(steerings, &instrument, &name, true)
}
