//! Games written out step by step.

use crate::annotation::{Annotation, Number, Table, VariableSums};
use crate::environment::{Environment, Policy};
use crate::error::StepError;
use crate::metrics::{Coefficients, Logging, Row, Summary, ZeroMean, rows, summarise};
use crate::player::Draw;
use serde::ser::SerializeTuple;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// One state of a game, after `t` actions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepRecord {
    /// Actions taken before.
    pub t: usize,
    /// Text and options as the player reads them.
    pub obs: String,
    /// How many options there are.
    pub num_choices: usize,
    /// The options, variables filled in.
    pub choices: Vec<String>,
    /// The options as written.
    pub choices_raw: Vec<String>,
    /// The action taken here; −1 in the last state.
    pub action: i64,
    /// Points gained on the way here.
    pub reward: i64,
    /// Whether the game is over.
    pub done: bool,
    /// Points so far.
    pub points: i64,
    /// Achievements unlocked on the way here.
    pub new_achievements: Vec<String>,
    /// Achievements unlocked so far, in the game's order.
    pub unlocked_achievements: Vec<String>,
    /// The others.
    pub remaining_achievements: Vec<String>,
    /// Nodes or marks passed on the way here.
    pub current_nodes: Vec<String>,
    /// Variables; one that is not a number is 0.
    pub stats: Table<Number>,
    /// Sum of the nodes' annotations.
    pub annotations: Option<Annotation>,
    /// What counts of them.
    pub flags: Table<u64>,
    /// Sums over variables.
    pub aggregated_variables: VariableSums,
    /// Random draws on the way here.
    pub rand: Vec<Draw>,
}

impl Serialize for Draw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(4)?;
        match self {
            Self::Number { low, high, value } => {
                tuple.serialize_element("randint")?;
                for number in [low, high, value] {
                    tuple.serialize_element(number)?;
                }
            }
            Self::Scene { count, index, name } => {
                tuple.serialize_element("choice")?;
                tuple.serialize_element(count)?;
                tuple.serialize_element(index)?;
                tuple.serialize_element(name)?;
            }
        }
        tuple.end()
    }
}

/// A whole game.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpisodeRecord {
    /// What the caller calls it.
    pub id: String,
    /// The game.
    pub game: String,
    /// Who played.
    pub agent: String,
    /// The seed.
    pub seed: u64,
    /// Whether play stopped before the game's end.
    pub truncated: bool,
    /// The actions.
    pub actions: Vec<usize>,
    /// The states; a caller that writes them elsewhere may take them out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepRecord>,
    /// All nodes or marks passed.
    pub node_history: Vec<String>,
    /// The metrics.
    #[serde(rename = "final")]
    pub outcome: FinalRecord,
}

/// The metrics of a game under both logging conventions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FinalRecord {
    /// The convention that counts if nothing else is said.
    pub default_logging: &'static str,
    /// What a mean of zero is worth if nothing else is said.
    pub default_zero_mean: &'static str,
    /// Every state logged.
    pub run_trajectories: Option<Summary>,
    /// The state before each step logged; `None` if there was no step.
    pub env_trajectory: Option<Summary>,
    /// Rewards in the rows of that log: always 0 but in the last row.
    pub env_trajectory_rewards: Vec<i64>,
    /// Actions in its rows.
    pub env_trajectory_actions: Vec<i64>,
    /// The nodes of its last row.
    pub env_trajectory_last_nodes: Option<Vec<String>>,
}

/// Plays a game and writes it out. `coefficients` are random play's means: as the benchmark
/// computes them, and over all games.
///
/// # Errors
/// If the game fails, or the policy chooses an option that there is not.
pub fn record_episode(
    environment: &mut Environment,
    policy: &mut dyn Policy,
    id: &str,
    seed: u64,
    max_steps: usize,
    coefficients: Option<(&Coefficients, &Coefficients)>,
) -> Result<EpisodeRecord, StepError> {
    environment.keep_records();
    environment.reset(seed)?;
    policy.begin(seed);
    let mut steps = vec![state(environment, 0, 0)];
    let mut states = vec![environment.row()];
    let mut actions = Vec::new();
    while !environment.done() && actions.len() < max_steps {
        let Some(action) = policy.choose(environment)? else { break };
        let result = environment.step(action)?;
        if let Some(last) = steps.last_mut() {
            last.action = action as i64;
        }
        actions.push(action);
        steps.push(state(environment, actions.len(), result.reward));
        states.push(environment.row());
    }
    let index = environment.player().nodes();
    let history = environment.player().history();
    Ok(EpisodeRecord {
        id: id.into(),
        game: environment.game().name.clone(),
        agent: policy.name().into(),
        seed,
        truncated: !environment.done(),
        outcome: outcome(environment, &steps, &states, coefficients),
        actions,
        steps,
        node_history: history.iter().map(|node| index.name(*node).to_owned()).collect(),
    })
}

fn state(environment: &Environment, t: usize, reward: i64) -> StepRecord {
    let owned = |ids: Vec<&Arc<str>>| ids.into_iter().map(|id| id.to_string()).collect();
    let stats = environment.stats();
    let flags = environment.flags().map(|flags| flags.counts()).unwrap_or_default();
    StepRecord {
        t,
        obs: environment.observation().to_owned(),
        num_choices: environment.choice_count(),
        choices: environment.choices().map(str::to_owned).collect(),
        choices_raw: environment.raw_choices().map(str::to_owned).collect(),
        action: -1,
        reward,
        done: environment.done(),
        points: environment.points(),
        new_achievements: owned(environment.new_achievements().collect()),
        unlocked_achievements: owned(environment.unlocked().collect()),
        remaining_achievements: owned(environment.remaining().collect()),
        current_nodes: environment.node_names().map(str::to_owned).collect(),
        annotations: environment.annotation(),
        flags: Table(flags.into_iter().map(|(metric, n)| (metric.name().to_owned(), n)).collect()),
        aggregated_variables: environment.variable_sums(&stats),
        stats,
        rand: environment.player().draws().to_vec(),
    }
}

fn outcome(
    environment: &Environment,
    steps: &[StepRecord],
    states: &[Row],
    coefficients: Option<(&Coefficients, &Coefficients)>,
) -> FinalRecord {
    let done = environment.done();
    let max_points = environment.game().max_points;
    let summary = |logging: Logging| {
        let mut summary = summarise(&rows(states, done, logging), max_points)?;
        if let Some((upstream, dense)) = coefficients {
            // A metric that random play never met has no score there: all scores but the dense
            // ones are left out then.
            if summary.score(upstream, dense).is_err() {
                summary.scores = None;
                summary.zscores = None;
                summary.scores_mean0_100 = None;
                summary.scores_dense = Some(crate::metrics::dense_scores(&summary.counts, dense));
            }
        }
        Some(summary)
    };
    let logged = steps.len().saturating_sub(1);
    let ended = done && logged > 0;
    let mut actions: Vec<i64> = steps.iter().take(logged).map(|step| step.action).collect();
    let mut rewards = vec![0; logged];
    if ended {
        actions.push(-1);
        rewards.push(steps.last().map_or(0, |step| step.reward));
    }
    let before_last = logged.checked_sub(1).and_then(|last| steps.get(last));
    FinalRecord {
        default_logging: Logging::default().name(),
        default_zero_mean: ZeroMean::default().name(),
        run_trajectories: summary(Logging::Fresh),
        env_trajectory: summary(Logging::Stale),
        env_trajectory_rewards: rewards,
        env_trajectory_actions: actions,
        env_trajectory_last_nodes: before_last.map(|step| step.current_nodes.clone()),
    }
}
