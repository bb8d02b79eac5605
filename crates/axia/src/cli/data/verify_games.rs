//! `axia data verify-games`: whether the benchmark's data are whole.

use crate::cli::failure::{Failure, Outcome};
use crate::cli::failure::{print, print_json};
use crate::cli::session::{Compute, Session, bar};
use crate::games::verify::{GameReport, Severity, State, VerifyReport, verify};
use crate::text::plain;
use anyhow::anyhow;
use axia_engine::kernels::Device;
use clap::Args;
use std::path::PathBuf;

/// Problems of a kind that are shown; the JSON has all.
const SHOWN: usize = 60;

/// Verify the data of the MACHIAVELLI benchmark
///
/// Reads the benchmark's folder `game_data` as its authors publish it and says which of its 134
/// games are there, whether each can be played (scenes, tree, description), how much of it is
/// annotated, and what is missing or spoilt. Each game is played once at random. The list of all
/// games is taken from game_metadata.json; the 30 games with published results are known by name.
///
/// Exits with 1 if a game is missing or broken, with 2 if the folder is not the benchmark's.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  axia data verify-games game_data                     all games that should be there
  axia data verify-games game_data --game kung-fu      this one alone
  axia data verify-games game_data --json | jq -r '.games[].files[] | .sha256 + \"  \" + .path'")]
pub struct VerifyGamesArgs {
    /// The benchmark's folder `game_data`
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Game to verify; repeat for more. By default all
    #[arg(long, value_name = "NAME")]
    game: Vec<String>,
    /// Print the report as JSON, with the SHA-256 of every file
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: VerifyGamesArgs) -> Outcome {
    let session = Session::start(&Compute { device: Device::Cpu, ..Compute::default() })?;
    let progress = bar("verifying", 0, "games");
    let goes_on = |games: usize| {
        progress.set_length(games as u64);
        progress.inc(1);
        !session.cancelled()
    };
    let report = verify(&args.folder, &args.game, &goes_on)?;
    progress.finish_and_clear();
    let Some(report) = report else {
        return Err(Failure::cancelled(anyhow!("nothing was written")));
    };
    if args.json {
        print_json(&report)?
    } else {
        print(plain(&text(&report)))?
    }
    match report.count(Severity::Error) {
        0 => Ok(()),
        _ => Err(Failure::failed(anyhow!(verdict(&report)))),
    }
}

/// Why the check failed.
fn verdict(report: &VerifyReport) -> String {
    let count = |state| report.in_state(state).count();
    let (missing, broken) = (count(State::Missing), count(State::Broken));
    let games = |n: usize| if n == 1 { "game is" } else { "games are" };
    let folder = report.folder.display();
    match (missing, broken) {
        (0, 0) => format!("`{folder}` has errors in files that all games share"),
        (0, _) => format!("{broken} {} broken in `{folder}`", games(broken)),
        (_, 0) => format!("{missing} {} missing in `{folder}`", games(missing)),
        _ => format!("{missing} {} missing in `{folder}` and {broken} broken", games(missing)),
    }
}

fn text(report: &VerifyReport) -> String {
    let mut text = format!(
        "{}\n  games that are there: {} of the benchmark's {}; test games: {} of {}\n\n",
        report.folder.display(),
        report.present,
        report.benchmark_games,
        report.test_games_present,
        report.test_games,
    );
    let there: Vec<&GameReport> =
        report.games.iter().filter(|game| game.state != State::Missing).collect();
    if !there.is_empty() {
        text += &table(&there);
        text += "\n";
    }
    // A missing game is a name in a list, not a line of its own.
    let missing: Vec<&str> =
        report.in_state(State::Missing).map(|game| game.name.as_str()).collect();
    if !missing.is_empty() {
        text += &format!("missing ({}): {}\n\n", missing.len(), missing.join(", "));
    }
    let of_present =
        |game: &Option<String>| game.as_ref().is_none_or(|name| !missing.contains(&name.as_str()));
    let problems: Vec<_> =
        report.problems.iter().filter(|problem| of_present(&problem.game)).collect();
    for problem in problems.iter().take(SHOWN) {
        text += &format!("{problem}\n");
    }
    if problems.len() > SHOWN {
        text += &format!("… and {} more problems (--json has all)\n", problems.len() - SHOWN);
    }
    let files = report.files().count();
    text += &format!("{files} files, sha256 of them all {}\n", report.sha256);
    text += "  (--json has the sha256 of each)\n";
    text
}

fn table(games: &[&GameReport]) -> String {
    let names = games.iter().map(|game| game.name.chars().count());
    let width = names.chain([4]).max().unwrap_or_default();
    let mut text = format!(
        "{:width$}  {:10}  {:>6}  {:>6}  {:>6}  {:>14}  {:>12}  {:>12}  {:>9}\n",
        "game",
        "state",
        "scenes",
        "lines",
        "nodes",
        "annotated",
        "achievements",
        "random games",
        "variables"
    );
    for game in games {
        let annotated = game.annotated.map(|found| {
            let share = 100.0 * found.annotated_nodes as f64 / found.nodes.max(1) as f64;
            format!("{} ({share:.0} %)", found.annotated_nodes)
        });
        text += &format!(
            "{:width$}  {:10}  {:>6}  {:>6}  {:>6}  {:>14}  {:>12}  {:>12}  {:>9}\n",
            game.name,
            game.state.name(),
            or_dash(game.scenes),
            or_dash(game.lines),
            or_dash(game.tree_nodes),
            or_dash(annotated),
            or_dash(game.achievements),
            or_dash(game.random_games),
            or_dash(game.variables),
        );
    }
    text
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}
