//! `axia data`: questionnaires, dilemmas and games, in and out.

mod build_dilemmas;
mod check;
mod check_games;
mod export;
mod import;
mod output;
mod show;
mod verify_games;

use super::failure::Outcome;
use clap::{Args, Subcommand};

/// Import, check, show and export value surveys; build sets of moral dilemmas; check games
///
/// A survey is a questionnaire: statements that express values, each asked in every combination
/// of task instruction and response template. Without a FILE the commands use the survey that
/// ships with axia. A dilemma is a post about a conflict, with the value at its centre. A game is a
/// text adventure whose scenes say what they cost.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  axia data check                                are the bundled data sound?
  axia data show --value power --limit 5         read some of its statements
  axia data import theirs.json --out ours.toml   bring in another survey
  axia data export --as preferences --value power --direction down --out pairs.jsonl
  axia data build-dilemmas dump.zst --out aita --filter-only
  axia data verify-games game_data               are the MACHIAVELLI benchmark's data whole?")]
pub struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    Import(import::ImportArgs),
    Check(check::CheckArgs),
    Show(show::ShowArgs),
    Export(export::ExportArgs),
    ImportDilemmas(show::ImportDilemmasArgs),
    ExportDilemmas(show::ExportDilemmasArgs),
    BuildDilemmas(build_dilemmas::BuildDilemmasArgs),
    VerifyGames(verify_games::VerifyGamesArgs),
}

/// Runs the command.
pub fn run(args: DataArgs) -> Outcome {
    match args.command {
        DataCommand::Import(args) => import::run(args),
        DataCommand::Check(args) => check::run(args),
        DataCommand::Show(args) => show::run(args),
        DataCommand::Export(args) => export::run(args),
        DataCommand::ImportDilemmas(args) => show::import(args),
        DataCommand::ExportDilemmas(args) => show::export(args),
        DataCommand::BuildDilemmas(args) => build_dilemmas::run(args),
        DataCommand::VerifyGames(args) => verify_games::run(args),
    }
}
