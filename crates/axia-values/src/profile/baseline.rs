//! Baseline ratings: what a respondent says of each statement before any training.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::scores::group;
use super::{Answer, ProfileError, Response};
use crate::instrument::{Dimension, Instrument, Item};
use crate::rating::{Rating, Votes};
use crate::stats::mean;

/// Sampling temperature of baseline votes.
const TEMPERATURE: f64 = 0.5;

/// How an item's answers become its baseline rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaselineRule {
    /// The majority of the votes, as in the paper; see [`crate::rating::Votes::baseline`]. A
    /// scored answer casts one vote, drawn at temperature 0.5 from its probabilities: what
    /// sampling a digit from the respondent would give.
    Majority,
    /// The mean expected rating (of a sampled answer: of its valid votes) over all items of the
    /// dimension that are keyed alike, rounded, halves down. For items asked in few ways, whose
    /// own means would mostly tell which ways these were; items that were not asked at all get it
    /// too. Training on it keeps the *expected*
    /// ratings where they were; the majority of answers that are spread over the scale is their
    /// mode, which may lie at an end of it.
    DimensionMean,
}

/// The baseline rating of each answered item's *statement* (never flipped), by item id, over its
/// variants and repetitions. `seed` is that of the votes. Items without a valid vote, under
/// [`BaselineRule::DimensionMean`] of any item keyed alike, have no baseline.
///
/// # Errors
/// [`ProfileError`] for an answer that is not one of the instrument or is given twice.
pub fn baseline_ratings(
    instrument: &Instrument,
    responses: &[Response],
    rule: BaselineRule,
    seed: u64,
) -> Result<BTreeMap<String, Rating>, ProfileError> {
    let groups = group(instrument, responses)?;
    let answers = |item: &Item| groups.get(item.id.as_str()).map(|answers| answers.values());
    let mut means: BTreeMap<(&Dimension, bool), Vec<f64>> = BTreeMap::new();
    if rule == BaselineRule::DimensionMean {
        for item in &instrument.items {
            let expected = answers(item).into_iter().flatten().flat_map(|r| expected(&r.answer));
            means.entry(keyed(item)).or_default().extend(mean(expected));
        }
    }
    let mut ratings = BTreeMap::new();
    for (index, item) in instrument.items.iter().enumerate() {
        let rating = match rule {
            BaselineRule::Majority => answers(item).and_then(|answers| {
                // A stream of its own, so that an item's draws do not depend on the other items.
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(index as u64);
                answers.flat_map(|r| cast(&r.answer, &mut rng)).collect::<Votes>().baseline()
            }),
            BaselineRule::DimensionMean => means
                .get(&keyed(item))
                .and_then(|means| mean(means.iter().copied()))
                .and_then(nearest),
        };
        ratings.extend(rating.map(|rating| (item.id.clone(), rating)));
    }
    Ok(ratings)
}

/// What an item measures, and which way round.
fn keyed(item: &Item) -> (&Dimension, bool) {
    (&item.dimension, item.reversed)
}

fn cast(answer: &Answer, rng: &mut impl Rng) -> Vec<Option<Rating>> {
    match answer {
        Answer::Sampled(votes) => votes.clone(),
        Answer::Scored(p) => {
            let uniform = f64::from(rng.next_u32()) / (f64::from(u32::MAX) + 1.0);
            vec![Some(p.tempered(TEMPERATURE).draw(uniform))]
        }
    }
}

/// Expected ratings of an answer: one of a scored answer, one of each valid vote.
fn expected(answer: &Answer) -> Vec<f64> {
    match answer {
        Answer::Sampled(votes) => votes.iter().flatten().map(|r| f64::from(r.get())).collect(),
        Answer::Scored(p) => vec![p.expected()],
    }
}

/// The rating nearest to `mean`, the lower of two.
fn nearest(mean: f64) -> Option<Rating> {
    Rating::ALL.into_iter().min_by(|a, b| {
        let distance = |rating: &Rating| (f64::from(rating.get()) - mean).abs();
        distance(a).total_cmp(&distance(b))
    })
}
