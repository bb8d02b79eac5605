//! The survey as a task: every rating of a held-out item.

use super::log::{Sample, Task};
use crate::export::RunAnswers;
use crate::run::StudyError;
use crate::study::summary::{RespondentSummary, RunSummary};
use axia_values::instrument::{Instrument, Item};
use axia_values::profile::{Answer, Response};
use axia_values::rating::Rating;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SCORER: &str = "rating";
/// What inspect_ai calls an answer that is none.
const NO_ANSWER: &str = "N";

pub(super) fn task(run: &RunAnswers, respondent: &RespondentSummary) -> Result<Task, StudyError> {
    let summary = &run.summary;
    let texts = Texts::of(summary);
    let goals: BTreeMap<String, Rating> = run
        .summary
        .shift_of(respondent)
        .into_iter()
        .flat_map(|shift| &shift.shift.against_control.values)
        .filter_map(|value| Some((value.dimension.key(), value.goal?)))
        .collect();
    let mut asked: BTreeMap<String, usize> = BTreeMap::new();
    let samples = run.survey(&respondent.name)?.into_iter().map(|response| {
        let epoch = asked.entry(response.item.clone()).or_default();
        *epoch += 1;
        sample(&response, *epoch, &texts, &goals)
    });
    let samples = samples.collect();
    let profile = &respondent.profile;
    let mut metrics = vec![("mean".to_owned(), profile.grand_mean)];
    let headline = run.summary.shift_of(respondent).map(|shift| &shift.shift.against_control);
    if let Some(shift) = headline {
        metrics.push(("target_drop".to_owned(), shift.target_drop.macro_average.value));
        let others = [("fluctuation", &shift.fluctuation), ("selectivity", &shift.selectivity)];
        for (name, averages) in others {
            let value = averages.as_ref().map(|averages| averages.macro_average.value);
            metrics.extend(value.map(|value| (name.to_owned(), value)));
        }
    }
    metrics.extend(profile.dimensions.iter().map(|d| (d.dimension.key(), d.mean.value)));
    Ok(Task {
        name: "survey".to_owned(),
        dataset: summary.survey.name.clone(),
        samples,
        scorer: SCORER,
        metrics,
    })
}

fn sample(
    response: &Response,
    epoch: usize,
    texts: &Texts,
    goals: &BTreeMap<String, Rating>,
) -> Value {
    let known = texts.item(&response.item);
    let input = match (texts.instrument, known) {
        (Some(instrument), Some(item)) => instrument.row(item, response.variant).prompt(),
        _ => texts.statement(&response.item),
    };
    let dimension = texts.dimension(&response.item);
    let goal = dimension.as_ref().and_then(|dimension| goals.get(dimension));
    let (value, answer, detail) = match &response.answer {
        Answer::Scored(distribution) => (
            json!(distribution.expected()),
            distribution.argmax().to_string(),
            ("probabilities", json!(distribution)),
        ),
        Answer::Sampled(votes) => {
            let valid: Vec<f64> = votes.iter().flatten().map(|r| f64::from(r.get())).collect();
            let mean = valid.iter().sum::<f64>() / valid.len() as f64;
            let first = votes.iter().flatten().next();
            (
                if valid.is_empty() { json!(NO_ANSWER) } else { json!(mean) },
                first.map_or_else(String::new, ToString::to_string),
                ("votes", json!(votes)),
            )
        }
    };
    let mut metadata = json!({"variant": response.variant, "dimension": dimension});
    metadata[detail.0] = detail.1;
    if let Some(item) = known {
        metadata["reversed"] = json!(item.reversed);
    }
    Sample {
        id: &response.item,
        epoch,
        input: &input,
        target: goal.map_or_else(String::new, ToString::to_string),
        answer: &answer,
        scorer: SCORER,
        value,
        metadata,
    }
    .to_json()
}

/// The texts of items, which a run's folder has only of some: the bundled survey's are at hand.
struct Texts<'a> {
    instrument: Option<&'static Instrument>,
    summary: &'a RunSummary,
}

impl<'a> Texts<'a> {
    fn of(summary: &'a RunSummary) -> Self {
        let bundled = Instrument::bundled();
        Self { instrument: (bundled.name == summary.survey.name).then_some(bundled), summary }
    }

    fn item(&self, id: &str) -> Option<&'static Item> {
        self.instrument?.item(id)
    }

    fn dimension(&self, id: &str) -> Option<String> {
        let example = || self.summary.examples.iter().find(|example| example.item == id);
        let known = self.item(id).map(|item| item.dimension.key());
        known.or_else(|| Some(example()?.dimension.clone()))
    }

    fn statement(&self, id: &str) -> String {
        let example = self.summary.examples.iter().find(|example| example.item == id);
        example.map_or_else(|| id.to_owned(), |example| example.statement.clone())
    }
}
