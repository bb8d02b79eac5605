//! The command line.

mod failure;
mod rows;
mod score;
mod session;
mod train;

use clap::{Parser, Subcommand};
use failure::Outcome;
use std::process::ExitCode;

/// The model that commands use unless told otherwise.
pub const DEFAULT_MODEL: &str = "smollm2-135m-instruct";

/// Profile, steer and test the values of open-weight language models
#[derive(Debug, Parser)]
#[command(name = "axia", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Score(score::ScoreArgs),
    Train(train::TrainArgs),
}

/// Parses the command line and runs the command.
pub fn main() -> ExitCode {
    match dispatch(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn dispatch(command: Command) -> Outcome {
    match command {
        Command::Score(args) => score::run(args),
        Command::Train(args) => train::run(args),
    }
}
