//! Games played by agents.

use super::PlayArgs;
use super::agent::{AgentName, Stoppable};
use super::agent::{Comparison, first_seed, seeds};
use super::script::{self, Script};
use super::table::{Tally, table};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::failure::{print, print_more};
use crate::cli::session::{Session, bar};
use crate::games::{LoadedGame, Location};
use crate::text::plain;
use anyhow::anyhow;
use axia_adventure::environment::{Environment, play_run};
use axia_adventure::error::StepError;
use axia_adventure::metrics::{dense_scores, rows, summarise};
use axia_adventure::record::{EpisodeRecord, record_episode};
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::io::IsTerminal as _;
use std::ops::RangeInclusive;

/// Steps after which a game is stopped unless said otherwise; the benchmark's cap.
const MAX_STEPS: usize = 1000;

/// A game to be played.
#[derive(Debug, Clone)]
struct Planned {
    id: String,
    seed: u64,
    /// Of a replay.
    actions: Vec<usize>,
    /// What messages call it.
    label: String,
}

/// What is played of one game.
enum Plan {
    Seeds(AgentName, RangeInclusive<u64>),
    Scripts(Vec<Planned>),
}

impl Plan {
    fn len(&self) -> u64 {
        match self {
            Self::Seeds(_, seeds) => (seeds.end() - seeds.start()).saturating_add(1),
            Self::Scripts(scripts) => scripts.len() as u64,
        }
    }

    fn games(&self) -> Box<dyn Iterator<Item = Planned> + '_> {
        match self {
            Self::Scripts(scripts) => Box::new(scripts.iter().cloned()),
            Self::Seeds(agent, seeds) => Box::new(seeds.clone().map(|seed| Planned {
                id: format!("{}-{seed:04}", agent.id()),
                seed,
                actions: Vec::new(),
                label: format!("seed {seed}"),
            })),
        }
    }
}

/// Plays the games.
pub fn run(args: &PlayArgs, games: &[Location], session: &Session) -> Outcome {
    let plans = plan(args, games)?;
    let mut tallies = Vec::new();
    for (location, planned) in games.iter().zip(&plans).filter(|(_, plan)| plan.len() > 0) {
        let player = Player::new(args, session, location.load()?);
        let (tally, goes_on) = player.play(planned)?;
        tallies.push(tally);
        if !goes_on {
            break;
        }
    }
    if !args.json {
        print(plain(&table(&tallies, args)))?;
    }
    match session.cancelled() {
        false => Ok(()),
        true => {
            let played: usize = tallies.iter().map(|tally| tally.games).sum();
            let all: u64 = plans.iter().map(Plan::len).sum();
            Err(Failure::cancelled(anyhow!("{played} of {all} games were played")))
        }
    }
}

/// What is played of each game.
fn plan(args: &PlayArgs, games: &[Location]) -> Outcome<Vec<Plan>> {
    let Some(path) = &args.actions else {
        let seeds = seeds(args)?;
        return Ok(games.iter().map(|_| Plan::Seeds(args.agent, seeds.clone())).collect());
    };
    let scripts = script::read(path)?;
    let file = path.display().to_string();
    if args.seed.is_some() && scripts.iter().any(|script| script.seed.is_some()) {
        return Err(Failure::input(anyhow!("--seed: `{file}` says the seeds itself")));
    }
    let names: Vec<String> = games.iter().map(Location::name).collect();
    if let Some(script) = scripts.iter().find(|script| script.game.is_none())
        && names.len() > 1
    {
        return Err(Failure::input(anyhow!(
            "{} of `{file}` does not say which game it belongs to: name one with --game",
            script.place
        )));
    }
    let plan = |script: &Script| Planned {
        id: script.id.clone(),
        seed: script.seed.unwrap_or(first_seed(args)),
        actions: script.actions.clone(),
        label: format!("`{}` ({} of `{file}`)", script.id, script.place),
    };
    let of = |name: &String| {
        let mine = |script: &&Script| script.game.as_ref().is_none_or(|game| game == name);
        Plan::Scripts(scripts.iter().filter(mine).map(plan).collect())
    };
    let plans: Vec<Plan> = names.iter().map(of).collect();
    if plans.iter().all(|plan| plan.len() == 0) {
        let found = scripts.iter().find_map(|script| script.game.as_deref()).unwrap_or_default();
        return Err(Failure::input(anyhow!(
            "`{file}` holds no actions of {}, but of `{found}`",
            names.join(", ")
        )));
    }
    Ok(plans)
}

/// Plays one game many times.
struct Player<'a> {
    args: &'a PlayArgs,
    session: &'a Session,
    loaded: LoadedGame,
    comparison: Option<Comparison>,
    max_steps: usize,
}

impl<'a> Player<'a> {
    fn new(args: &'a PlayArgs, session: &'a Session, loaded: LoadedGame) -> Self {
        let comparison = Comparison::new(&loaded);
        let max_steps = args.max_steps.unwrap_or(MAX_STEPS);
        Self { args, session, loaded, comparison, max_steps }
    }

    /// Plays, and says whether there is any use in going on.
    fn play(&self, plan: &Plan) -> Outcome<(Tally, bool)> {
        let name = &self.loaded.game.name;
        let mut environment = Environment::new(self.loaded.game.clone())
            .map_err(|error| failed(&error.into(), &format!("play `{name}`")))?;
        let bar = bar(&plain(name), plan.len(), "games");
        if self.args.json && std::io::stdout().is_terminal() {
            // It would stand between the lines.
            bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
        let mut tally = Tally::new(&self.loaded.game);
        let mut goes_on = true;
        for one in plan.games() {
            let played = match self.args.json {
                true => self.record(&mut environment, &one, &mut tally),
                false => self.count(&mut environment, &one, &mut tally),
            };
            goes_on = played.map_err(|failure| self.explain(failure, &environment, &one))??;
            if !goes_on {
                break;
            }
            self.left_over(&one, environment.steps(), environment.done());
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok((tally, goes_on))
    }

    fn policy(&self, planned: &Planned) -> Stoppable<'a> {
        Stoppable::new(self.args.agent.policy(planned.actions.clone()), self.session)
    }

    /// Plays a game and prints it.
    fn record(
        &self,
        environment: &mut Environment,
        planned: &Planned,
        tally: &mut Tally,
    ) -> Result<Outcome<bool>, StepError> {
        let coefficients = self.comparison.as_ref().map(Comparison::coefficients);
        let Planned { id, seed, .. } = planned;
        let mut policy = self.policy(planned);
        let mut record =
            record_episode(environment, &mut policy, id, *seed, self.max_steps, coefficients)?;
        if self.session.cancelled() {
            return Ok(Ok(false));
        }
        tally.games += 1;
        record.outcome.default_logging = self.args.compat.logging().name();
        Ok(lines(record).map_err(Failure::failed).and_then(print_more))
    }

    /// Plays a game and counts.
    fn count(
        &self,
        environment: &mut Environment,
        planned: &Planned,
        tally: &mut Tally,
    ) -> Result<Outcome<bool>, StepError> {
        let mut policy = self.policy(planned);
        let run = play_run(environment, &mut policy, planned.seed, self.max_steps)?;
        if self.session.cancelled() {
            return Ok(Ok(false));
        }
        let rows = rows(&run.states, run.done, self.args.compat.logging());
        let mut summary = summarise(&rows, run.max_points);
        if let (Some(summary), Some(comparison)) = (&mut summary, &self.comparison) {
            let scores = dense_scores(&summary.counts, &comparison.dense);
            summary.scores_dense = Some(scores);
        }
        tally.add(summary.as_ref(), run.actions.len(), run.done);
        Ok(Ok(true))
    }

    /// Whose fault it is that a game could not be played.
    fn explain(&self, error: StepError, environment: &Environment, planned: &Planned) -> Failure {
        let (name, label) = (&self.loaded.game.name, &planned.label);
        match error {
            StepError::Action { .. } => Failure::input(anyhow!(
                "game {label} of `{name}`: step {}: {error}",
                environment.steps()
            )),
            error => failed(&error, &format!("play `{name}`, game {label}")),
        }
    }

    /// Says so if a replay did not use all of its actions.
    fn left_over(&self, planned: &Planned, steps: usize, done: bool) {
        let left = planned.actions.len().saturating_sub(steps);
        if self.args.agent == AgentName::Replay && left > 0 && done {
            let label = plain(&planned.label);
            eprintln!("game {label} ended after {steps} steps; {left} actions were left over");
        }
    }
}

/// The game failed.
fn failed(error: &StepError, action: &str) -> Failure {
    Failure::failed(anyhow!(plain(&error.to_string()))).while_trying(plain(action))
}

/// One line for each step of a game, then one for the game.
pub fn lines(mut record: EpisodeRecord) -> serde_json::Result<String> {
    let mut text = String::new();
    for step in std::mem::take(&mut record.steps) {
        let head = json!({"kind": "step", "game": record.game, "seed": record.seed});
        text += &joined(&head, &step)?;
        text.push('\n');
    }
    text += &joined(&json!({"kind": "episode"}), &record)?;
    text.push('\n');
    Ok(text)
}

/// One object with the fields of both. The second is kept as it is written: as a value in between,
/// its large numbers would lose digits.
fn joined(head: &Json, body: &impl Serialize) -> serde_json::Result<String> {
    let (head, body) = (head.to_string(), serde_json::to_string(body)?);
    let fields = |object: &str| {
        let inner = object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        inner.unwrap_or_default().to_owned()
    };
    Ok(format!("{{{},{}}}", fields(&head), fields(&body)))
}
