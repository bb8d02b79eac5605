//! `axia play`: annotated text adventures.

mod agent;
mod episodes;
mod human;
mod model;
mod script;
mod table;

use super::failure::{Failure, Outcome};
use super::respondent_args::RespondentArgs;
use super::scale::ScaleArgs;
use super::session::{Compute, Session};
use super::stage_args::PlayingArgs;
use crate::games::{Location, find_benchmark, find_own};
use agent::{AgentName, Compat};
use anyhow::anyhow;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Play text adventures whose scenes say what they cost
///
/// Games are choose-your-own-adventure games with annotations: who is hurt in a scene, who gains
/// power, which rule is broken. Three ship with axia (cold-harbour, lantern-street, the-weir);
/// --games plays games of your own, --game-data those of the MACHIAVELLI benchmark.
///
/// Models play unless --agent says otherwise: all respondents of a finished run, from the same seeds,
/// into the run's report; or a model alone. An interrupted command goes on when given again.
///
/// Prints points, achievements and, in percent of random play, power, disutility and violations; with
/// --json every step and game as JSON lines, with the field names of the benchmark's trajectories
/// (of models: the summary).
///
/// Exits with 1 if a game fails, with 2 if there is no such game or no such option.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  axia play runs/universalism-nature --episodes 10           base, control and steered
  axia play ./my-model --decide score --game the-weir        a model alone
  axia play --respondent http://localhost:8000 --served-model qwen3-8b --episodes 5
  axia play --agent human --game the-weir                    play it yourself
  axia play --agent random --episodes 100                    the bundled games, at random
  axia play --agent least-harm --episodes 20 --json > steps.jsonl
  axia play --agent replay --actions steps.jsonl --game the-weir
  axia play --agent random --game-data game_data --game kung-fu --compat env")]
pub struct PlayArgs {
    /// For --agent model: a finished run's folder, or a model [default: the default model]
    #[arg(conflicts_with = "respondent")]
    who: Option<String>,
    /// Who plays
    #[arg(long, value_enum, default_value_t = AgentName::Model)]
    agent: AgentName,
    #[command(flatten)]
    playing: PlayingArgs,
    /// Model of the run, if it is no longer where the run found it
    #[arg(long, help_heading = "Play", conflicts_with = "respondent")]
    model: Option<String>,
    #[command(flatten)]
    scale: ScaleArgs,
    /// Folder for the games of a model alone or behind a server [default: runs/play-MODEL]
    #[arg(long, help_heading = "Play")]
    out: Option<PathBuf>,
    /// Conventions of the benchmark's programs
    #[arg(long, value_enum, default_value_t = Compat::Harness)]
    compat: Compat,
    /// Seed of the first game; each further one has the next. By default 2417, or 0 with
    /// --compat env
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Games to play of each game [default: 1]
    #[arg(long, value_name = "N")]
    episodes: Option<u64>,
    /// Steps after which a game is stopped [default: 1000]
    #[arg(long, value_name = "N")]
    max_steps: Option<usize>,
    /// Actions to replay: JSON, either one list of numbers (from 0), or objects with `seed` and
    /// `actions`, one a line or in a list; the output of --json will do
    #[arg(long, value_name = "FILE")]
    actions: Option<PathBuf>,
    /// Print every step and game as JSON lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    served: RespondentArgs,
    #[command(flatten)]
    games: GameArgs,
    #[command(flatten)]
    human: human::HumanArgs,
    #[command(flatten)]
    compute: Compute,
}

/// Which games are played.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Games")]
struct GameArgs {
    /// Game to play; repeat for more. The name of a bundled game, a folder with game.toml, or a
    /// name in --games or --game-data
    #[arg(long, value_name = "NAME|DIR")]
    game: Vec<String>,
    /// Folder of games of your own; without --game all are played
    #[arg(long, value_name = "DIR", conflicts_with = "game_data")]
    games: Option<PathBuf>,
    /// The MACHIAVELLI benchmark's folder `game_data`; name the games with --game
    #[arg(long, value_name = "DIR")]
    game_data: Option<PathBuf>,
}

impl GameArgs {
    fn find(&self) -> Outcome<Vec<Location>> {
        Ok(match &self.game_data {
            Some(data) => find_benchmark(data, &self.game)?,
            None => find_own(self.games.as_deref(), &self.game)?,
        })
    }
}

/// Runs the command.
pub fn run(args: PlayArgs) -> Outcome {
    check(&args)?;
    let games = args.games.find()?;
    let session = Session::start(&args.compute)?;
    match args.agent {
        AgentName::Model => model::run(&args, &games, &session),
        AgentName::Human => human::run(&args, &games, &session),
        _ => episodes::run(&args, &games, &session),
    }
}

/// Fails if an option makes no sense for the agent.
fn check(args: &PlayArgs) -> Outcome {
    let human = args.agent == AgentName::Human;
    let replay = args.agent == AgentName::Replay;
    let model = args.agent == AgentName::Model;
    let said = |flag: &'static str, given: bool, fits: bool| (given && !fits).then_some(flag);
    let misfit = [
        said("a run or model", args.who.is_some(), model),
        said("--decide and --guidance", args.playing.given(), model),
        said("--respondent", args.served.given(), model),
        said("--scale", args.scale.scale != 1.0, model && args.who.is_some()),
        said("--model", args.model.is_some(), model),
        said("--out", args.out.is_some(), model),
        said("--actions", args.actions.is_some(), replay),
        said("--episodes", args.episodes.is_some(), !human && !replay),
        said("--max-steps", args.max_steps.is_some(), !human),
        said("--json", args.json, !human),
        said("--save", args.human.save.is_some(), human),
        said("--transcript", args.human.transcript.is_some(), human),
    ];
    let agent = args.agent.to_possible_value().map(|value| value.get_name().to_owned());
    if let Some(flag) = misfit.into_iter().flatten().next() {
        let agent = agent.unwrap_or_default();
        return Err(Failure::input(anyhow!("{flag} has no meaning with --agent {agent}")));
    }
    if replay && args.actions.is_none() {
        return Err(Failure::input(anyhow!("--agent replay needs --actions FILE")));
    }
    for (flag, count) in
        [("--episodes", args.episodes), ("--max-steps", args.max_steps.map(|n| n as u64))]
    {
        if count == Some(0) {
            return Err(Failure::input(anyhow!("{flag} must be at least 1")));
        }
    }
    Ok(())
}
