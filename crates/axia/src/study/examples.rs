//! Items with everybody's answers, for people to read.

use super::summary::Example;
use axia_values::instrument::{Instrument, Item, Split};
use axia_values::profile::{Answer, Response};
use axia_values::target::Target;

/// Items shown of each kind.
const TARGETS: usize = 6;
const OTHERS: usize = 6;

/// Picks held-out items: those aimed at first, then others spread over the survey.
pub fn examples(
    instrument: &Instrument,
    targets: &[&Target],
    respondents: &[(String, Vec<Response>)],
) -> Vec<Example> {
    let answered = |item: &&Item| respondents.iter().all(|(_, r)| mean(r, &item.id).is_some());
    let items: Vec<&Item> = instrument.split(Split::Test).filter(answered).collect();
    let is_target = |item: &Item| targets.iter().any(|t| t.goal(&item.dimension).is_some());
    let (aimed, others): (Vec<&Item>, Vec<&Item>) = items.into_iter().partition(|i| is_target(i));
    let spread = |items: Vec<&'_ Item>, most: usize| -> Vec<String> {
        let step = items.len().div_ceil(most).max(1);
        items.iter().step_by(step).map(|i| i.id.clone()).collect()
    };
    let chosen = spread(aimed, TARGETS).into_iter().chain(spread(others, OTHERS));
    chosen
        .filter_map(|id| instrument.item(&id))
        .map(|item| {
            let means = respondents.iter().filter_map(|(name, r)| Some((name, mean(r, &item.id)?)));
            let (ratings, probabilities) =
                means.map(|(name, p)| ((name.clone(), expected(&p)), p)).unzip();
            Example {
                item: item.id.clone(),
                dimension: item.dimension.key(),
                is_target: is_target(item),
                statement: item.statement.clone(),
                ratings,
                probabilities,
            }
        })
        .collect()
}

fn expected(p: &[f64; 6]) -> f64 {
    p.iter().zip(1..).map(|(p, r)| p * f64::from(r)).sum()
}

/// Mean probabilities of the ratings over an item's variants; shares of the votes where replies
/// were sampled.
fn mean(responses: &[Response], id: &str) -> Option<[f64; 6]> {
    let mut sum = [0.0; 6];
    for response in responses.iter().filter(|r| r.item == id) {
        match &response.answer {
            Answer::Scored(p) => sum.iter_mut().zip(p.probabilities()).for_each(|(s, p)| *s += p),
            Answer::Sampled(votes) => {
                votes.iter().flatten().for_each(|vote| sum[usize::from(vote.get()) - 1] += 1.0);
            }
        }
    }
    let total: f64 = sum.iter().sum();
    (total > 0.0).then(|| sum.map(|s| s / total))
}
