//! The command line.

mod completions;
mod data;
mod export;
mod failure;
mod judge;
mod judge_alone;
mod label_args;
mod merge;
mod models;
mod play;
mod profile;
mod report;
mod respondent_args;
mod rows;
mod run;
mod scale;
mod score;
mod serve;
mod session;
mod stage_args;
mod steer;
mod study_args;
mod train;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
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
    survive_file_limits();
    let parsed = Cli::from_arg_matches(&command().get_matches());
    match dispatch(parsed.unwrap_or_else(|error| error.exit()).command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Makes a write beyond a limit on files' sizes (`ulimit -f`, as job schedulers set it) an error with a
/// message, as a full disk is, instead of the end of the process.
fn survive_file_limits() {
    #[cfg(unix)]
    {
        let noted = std::sync::Arc::default();
        // Without it there is no message, and no other harm.
        let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, noted);
    }
}

/// The command line's grammar. Devices are only looked for where `--version` tells them.
fn command() -> clap::Command {
    let is_asked = std::env::args_os().nth(1).is_some_and(|argument| argument == "--version");
    if !is_asked {
        return Cli::command();
    }
    let version = format!("{}\n{}", env!("CARGO_PKG_VERSION"), models::lines().trim_end());
    // The process ends when it is printed.
    Cli::command().long_version(&*version.leak())
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
