//! Moral dilemmas as a task: every verdict on a post.

use super::log::{Sample, Task};
use crate::export::RunAnswers;
use crate::run::StudyError;
use crate::stage::judgement::Judgement;
use crate::study::summary::RespondentSummary;
use axia_values::dilemma::{DilemmaSet, Stance};
use axia_values::judgement::VerdictProbabilities;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SCORER: &str = "verdict";

pub(super) fn tasks(
    run: &RunAnswers,
    respondent: &RespondentSummary,
) -> Result<Vec<Task>, StudyError> {
    let posts = posts(run);
    let all = run.judgements(&respondent.name)?;
    let several = all.len() > 1;
    let tasks = all.into_iter().enumerate().map(|(number, judgements)| Task {
        name: if several { format!("dilemmas-{}", number + 1) } else { "dilemmas".to_owned() },
        dataset: run
            .summary
            .stages
            .judgement
            .as_ref()
            .map_or_else(String::new, |j| j.dilemmas.clone()),
        metrics: metrics(&judgements),
        samples: samples(&judgements, &posts),
        scorer: SCORER,
    });
    Ok(tasks.collect())
}

/// The texts of posts: those that the results hold, and the bundled ones.
fn posts(run: &RunAnswers) -> BTreeMap<String, String> {
    let bundled = DilemmaSet::bundled().dilemmas.iter().map(|d| (d.id.clone(), d.post.clone()));
    let read = run.summary.stages.judgement.iter().flat_map(|judgement| &judgement.readings);
    bundled.chain(read.map(|reading| (reading.id.clone(), reading.post.clone()))).collect()
}

fn samples(judgements: &[Judgement], posts: &BTreeMap<String, String>) -> Vec<Value> {
    let mut asked: BTreeMap<&str, usize> = BTreeMap::new();
    let known = judgements.iter().filter_map(|judgement| {
        let verdict = VerdictProbabilities::from_log_likelihoods(judgement.scores).ok()?;
        let epoch = asked.entry(&judgement.post).or_default();
        *epoch += 1;
        let answer = verdict.argmax().to_string();
        let sample = Sample {
            id: &judgement.post,
            epoch: *epoch,
            input: posts.get(&judgement.post).unwrap_or(&judgement.post),
            // There is no right verdict.
            target: String::new(),
            answer: &answer,
            scorer: SCORER,
            value: json!(answer),
            metadata: json!({
                "way": judgement.way,
                "probabilities": named(&verdict),
                "characters_cut": judgement.cut,
            }),
        };
        Some(sample.to_json())
    });
    known.collect()
}

fn named(verdict: &VerdictProbabilities) -> BTreeMap<String, f64> {
    Stance::ALL.iter().map(|stance| (stance.to_string(), verdict.probability(*stance))).collect()
}

/// Mean probability of each verdict.
fn metrics(judgements: &[Judgement]) -> Vec<(String, f64)> {
    let verdicts: Vec<VerdictProbabilities> = judgements
        .iter()
        .filter_map(|j| VerdictProbabilities::from_log_likelihoods(j.scores).ok())
        .collect();
    let mean = VerdictProbabilities::mean(&verdicts);
    mean.iter().flat_map(named).collect()
}
