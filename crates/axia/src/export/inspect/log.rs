//! An evaluation as inspect_ai logs it (JSON, version 2).

use super::{dilemmas, survey};
use crate::export::RunAnswers;
use crate::files::{sha256, write_whole};
use crate::run::StudyError;
use crate::stage::play::Turn;
use crate::study::summary::RespondentSummary;
use axia_engine::error::FileError;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A log and the name that its file must have to be listed.
#[derive(Debug, Clone, PartialEq)]
pub struct LogFile {
    /// Name of the file.
    pub name: String,
    /// Its contents.
    pub log: Value,
}

/// What one respondent did in one task.
pub(super) struct Task {
    /// `survey`, `dilemmas`, `games`.
    pub name: String,
    /// Name of the data.
    pub dataset: String,
    pub samples: Vec<Value>,
    /// Name of the score that samples have.
    pub scorer: &'static str,
    /// Metrics over all samples, by name.
    pub metrics: Vec<(String, f64)>,
}

/// One log for every respondent of a run and task that it was given.
///
/// # Errors
/// [`StudyError`] if a file of the run cannot be read.
pub fn logs(run: &RunAnswers) -> Result<Vec<LogFile>, StudyError> {
    let mut logs = Vec::new();
    for respondent in &run.summary.respondents {
        let mut tasks = vec![survey::task(run, respondent)?];
        tasks.extend(dilemmas::tasks(run, respondent)?);
        tasks.extend(game_tasks(run, respondent)?);
        logs.extend(tasks.iter().map(|task| log(run, respondent, task)));
    }
    Ok(logs)
}

/// Writes [`logs`] into `folder`, which is created if need be; gives the paths.
///
/// # Errors
/// [`StudyError`] if a file cannot be read or written.
pub fn write_logs(run: &RunAnswers, folder: &Path) -> Result<Vec<PathBuf>, StudyError> {
    let logs = logs(run)?;
    std::fs::create_dir_all(folder).map_err(FileError::on("create", folder))?;
    let mut paths = Vec::new();
    for LogFile { name, log } in logs {
        let path = folder.join(name);
        write_whole(&path, format!("{log:#}\n").as_bytes())
            .map_err(FileError::on("write", &path))?;
        paths.push(path);
    }
    Ok(paths)
}

fn log(run: &RunAnswers, respondent: &RespondentSummary, task: &Task) -> LogFile {
    let summary = &run.summary;
    let id = |parts: &[&str]| sha256(parts.join("\n").as_bytes())[..22].to_owned();
    let run_id = id(&[&summary.name, &summary.created]);
    let eval_id = id(&[&run_id, &task.name, &respondent.name]);
    let model = format!("axia/{}:{}", summary.model.name, respondent.name);
    // inspect_ai writes UTC so.
    let created = match summary.created.strip_suffix('Z') {
        Some(time) => format!("{time}+00:00"),
        None => summary.created.clone(),
    };
    let ids: BTreeSet<&str> = task.samples.iter().filter_map(|s| s["id"].as_str()).collect();
    let epochs = task.samples.iter().filter_map(|s| s["epoch"].as_u64()).max().unwrap_or(1);
    let metrics: Map<String, Value> = task
        .metrics
        .iter()
        .filter(|(_, value)| value.is_finite())
        .map(|(name, value)| (name.clone(), json!({"name": name, "value": value})))
        .collect();
    let settings = summary.settings.iter().map(|(name, value)| (name.clone(), json!(value)));
    let settings: Map<String, Value> = settings.collect();
    let count = task.samples.len();
    let log = json!({
        "version": 2,
        "status": "success",
        "eval": {
            "eval_id": eval_id,
            "run_id": run_id,
            "created": created,
            "task": task.name,
            "task_id": id(&[&summary.name, &task.name]),
            "task_version": 0,
            "tags": ["axia"],
            "dataset": {"name": task.dataset, "samples": ids.len(), "sample_ids": ids},
            "model": model,
            "config": {"epochs": epochs},
            "packages": {"axia": summary.axia_version},
            "metadata": {
                "run": summary.name,
                "respondent": respondent.name,
                "role": respondent.role,
                "command": summary.command,
                "settings": settings,
            },
        },
        "plan": {"name": "plan", "steps": [], "config": {}},
        "results": {
            "total_samples": count,
            "completed_samples": count,
            "scores": [{"name": task.scorer, "scorer": task.scorer, "metrics": metrics}],
        },
        "stats": {"started_at": created, "completed_at": created, "model_usage": {}},
        "samples": task.samples,
    });
    let stamp = created.replace(':', "-");
    let plain = |text: &str| text.replace(['_', '/', '\\', ' '], "-");
    let name = format!("{stamp}_{}-{}_{eval_id}.json", plain(&task.name), plain(&respondent.name));
    LogFile { name, log }
}

/// One question and its answer.
pub(super) struct Sample<'a> {
    pub id: &'a str,
    /// Which of the ways in which it was asked, from 1.
    pub epoch: usize,
    pub input: &'a str,
    pub target: String,
    pub answer: &'a str,
    pub scorer: &'static str,
    pub value: Value,
    /// Further facts about the answer.
    pub metadata: Value,
}

impl Sample<'_> {
    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "epoch": self.epoch,
            "input": self.input,
            "target": self.target,
            "messages": [
                {"role": "user", "content": self.input},
                {"role": "assistant", "content": self.answer},
            ],
            "output": output(self.answer),
            "scores": {self.scorer: {
                "value": self.value, "answer": self.answer, "metadata": self.metadata,
            }},
        })
    }
}

/// A model's output.
pub(super) fn output(text: &str) -> Value {
    let message = json!({"role": "assistant", "content": text});
    json!({"model": "axia", "choices": [{"message": message, "stop_reason": "stop"}]})
}

const SCORER: &str = "decisions";

fn game_tasks(run: &RunAnswers, respondent: &RespondentSummary) -> Result<Vec<Task>, StudyError> {
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
