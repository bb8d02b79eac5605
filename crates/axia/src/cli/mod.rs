//! The command line.

mod completions;
mod data;
mod export;
mod failure;
mod judge;
mod judge_alone;
mod judging_args;
mod merge;
mod models;
mod play;
mod playing_args;
mod profile;
mod rate;
mod report;
mod respondent_args;
mod rows;
mod run;
mod score;
mod serve;
mod session;
mod stdout;
mod steer;
mod study_args;
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
    Run(run::RunArgs),
    Profile(profile::ProfileArgs),
    Steer(steer::SteerArgs),
    Judge(judge::JudgeArgs),
    Play(play::PlayArgs),
    Serve(serve::ServeArgs),
    Report(report::ReportArgs),
    Merge(merge::MergeArgs),
    Export(export::ExportArgs),
    Data(data::DataArgs),
    Pull(models::PullArgs),
    Models(models::ModelsArgs),
    Completions(completions::CompletionsArgs),
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
        Command::Run(args) => run::run(args),
        Command::Profile(args) => profile::run(args),
        Command::Steer(args) => steer::run(args),
        Command::Judge(args) => judge::run(args),
        Command::Play(args) => play::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Report(args) => report::run(args),
        Command::Merge(args) => merge::run(args),
        Command::Export(args) => export::run(args),
        Command::Data(args) => data::run(args),
        Command::Pull(args) => models::pull(args),
        Command::Models(args) => models::models(args),
        Command::Completions(args) => completions::run(args),
        Command::Score(args) => score::run(args),
        Command::Train(args) => train::run(args),
    }
}
