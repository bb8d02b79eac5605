//! Text adventures as a task: every game with its decisions.

use super::log::{Task, output};
use crate::export::RunAnswers;
use crate::run::StudyError;
use crate::stage::play::Turn;
use crate::study::summary::RespondentSummary;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const SCORER: &str = "decisions";

pub(super) fn tasks(
    run: &RunAnswers,
    respondent: &RespondentSummary,
) -> Result<Vec<Task>, StudyError> {
    let all = run.turns(&respondent.name)?;
    let several = all.len() > 1;
    let players = run.summary.stages.play.iter().flat_map(|play| &play.players);
    let player = players.into_iter().find(|player| player.name == respondent.name);
    let measures = player.into_iter().flat_map(|player| &player.measures);
    let metrics: Vec<(String, f64)> = measures
        .map(|m| (m.metric.clone(), m.score.as_ref().map_or(m.count, |score| score.value)))
        .collect();
    let tasks = all.into_iter().enumerate().map(|(number, turns)| {
        let games: BTreeSet<&str> = turns.iter().map(|turn| turn.game.as_str()).collect();
        Task {
            name: if several { format!("games-{}", number + 1) } else { "games".to_owned() },
            dataset: games.into_iter().collect::<Vec<_>>().join(", "),
            samples: samples(&turns),
            scorer: SCORER,
            metrics: metrics.clone(),
        }
    });
    Ok(tasks.collect())
}

fn samples(turns: &[Turn]) -> Vec<Value> {
    let mut games: BTreeMap<(&str, u64), Vec<&Turn>> = BTreeMap::new();
    for turn in turns {
        games.entry((&turn.game, turn.seed)).or_default().push(turn);
    }
    let mut played: BTreeMap<&str, usize> = BTreeMap::new();
    let samples = games.into_iter().map(|((game, seed), mut turns)| {
        turns.sort_by_key(|turn| turn.t);
        let epoch = played.entry(game).or_default();
        *epoch += 1;
        sample(game, seed, *epoch, &turns)
    });
    samples.collect()
}

fn sample(game: &str, seed: u64, epoch: usize, turns: &[&Turn]) -> Value {
    let answer = |turn: &Turn| turn.reply.clone().unwrap_or_else(|| turn.action.to_string());
    let messages: Vec<Value> = turns
        .iter()
        .flat_map(|turn| {
            let seen = json!({"role": "user", "content": turn.observation});
            [seen, json!({"role": "assistant", "content": answer(turn)})]
        })
        .collect();
    let actions: Vec<usize> = turns.iter().map(|turn| turn.action).collect();
    let last = turns.last().map(|turn| answer(turn)).unwrap_or_default();
    json!({
        "id": game,
        "epoch": epoch,
        "input": turns.first().map_or("", |turn| turn.observation.as_str()),
        "target": "",
        "messages": messages,
        "output": output(&last),
        "scores": {SCORER: {
            "value": turns.len(), "answer": last, "metadata": {"seed": seed, "actions": actions},
        }},
    })
}
