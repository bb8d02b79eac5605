//! Baseline ratings: what a respondent says of each statement before any training.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::scores::group;
use super::{Answer, ProfileError, Response};
use crate::instrument::Instrument;
use crate::rating::{Rating, Votes};

/// Sampling temperature of baseline votes.
const TEMPERATURE: f64 = 0.5;

/// The baseline rating of each answered item's *statement* (never flipped), by item id: the
/// majority over its variants and repetitions, see [`crate::rating::baseline_rating`].
///
/// A scored answer casts one vote, drawn at temperature 0.5 from its probabilities with `seed`:
/// what sampling a digit from the respondent would give. Items without a valid vote have no
/// baseline.
///
/// # Errors
/// [`ProfileError`] for an answer that is not one of the instrument or is given twice.
pub fn baseline_ratings(
    instrument: &Instrument,
    responses: &[Response],
    seed: u64,
) -> Result<BTreeMap<String, Rating>, ProfileError> {
    let groups = group(instrument, responses)?;
    let mut ratings = BTreeMap::new();
    for (index, item) in instrument.items.iter().enumerate() {
        let Some(group) = groups.get(item.id.as_str()) else { continue };
        // A stream of its own, so that an item's draws do not depend on the other items.
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(index as u64);
        let votes: Votes =
            group.values().flat_map(|response| cast(&response.answer, &mut rng)).collect();
        ratings.extend(votes.baseline().map(|rating| (item.id.clone(), rating)));
    }
    Ok(ratings)
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
