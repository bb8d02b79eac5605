//! One score for each item.

use super::{Answer, ProfileError, Readout, Response};
use crate::instrument::{Dimension, Instrument, Item, Split, Variant};
use crate::rating::{Rating, Votes};
use crate::stats::mean;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// The score of one item, on the scale of its dimension: reverse-keyed items are flipped.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemScore {
    /// Id of the item.
    pub item: String,
    /// What it measures.
    pub dimension: Dimension,
    /// Its split.
    pub split: Split,
    /// Mean over its variants, 1 to 6; nothing if no reply was valid.
    pub mean: Option<f64>,
    /// Score of each variant with a valid reply.
    pub by_variant: BTreeMap<Variant, f64>,
    /// Mean over variants within each repetition; a single one for scored answers.
    pub by_repetition: Vec<Option<f64>>,
    /// Replies without a rating.
    pub invalid: usize,
    /// All replies.
    pub replies: usize,
}

/// The scores of a respondent on the items that it answered, in the instrument's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// How the ratings were read out.
    pub readout: Readout,
    /// One score for each answered item.
    pub items: Vec<ItemScore>,
}

impl Scores {
    /// Reads out answers. Items without any response are absent from the result; items whose
    /// replies are all invalid stay, with no mean.
    ///
    /// # Errors
    /// [`ProfileError`] for an answer that is not one of the instrument, a second answer to the
    /// same question, or a readout that does not apply.
    pub fn new(
        instrument: &Instrument,
        responses: &[Response],
        readout: Readout,
    ) -> Result<Self, ProfileError> {
        let groups = group(instrument, responses)?;
        let items = instrument
            .items
            .iter()
            .filter_map(|item| groups.get(item.id.as_str()).map(|group| (item, group)))
            .map(|(item, group)| score(item, group, readout))
            .collect::<Result<_, _>>()?;
        Ok(Self { readout, items })
    }

    /// The scores of one split only.
    #[must_use]
    pub fn split(&self, split: Split) -> Self {
        let items = self.items.iter().filter(|score| score.split == split).cloned().collect();
        Self { readout: self.readout, items }
    }

    /// The score of one item.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<&ItemScore> {
        self.items.iter().find(|score| score.item == id)
    }

    /// Ids of the items whose replies are all invalid.
    #[must_use]
    pub fn unanswered(&self) -> Vec<String> {
        let without = self.items.iter().filter(|score| score.mean.is_none());
        without.map(|score| score.item.clone()).collect()
    }

    /// Invalid replies and all replies.
    #[must_use]
    pub fn invalid(&self) -> (usize, usize) {
        let sum = |count: fn(&ItemScore) -> usize| self.items.iter().map(count).sum();
        (sum(|score| score.invalid), sum(|score| score.replies))
    }
}

type Group<'a> = BTreeMap<Variant, &'a Response>;

/// Responses by item and variant.
pub(super) fn group<'a>(
    instrument: &Instrument,
    responses: &'a [Response],
) -> Result<HashMap<&'a str, Group<'a>>, ProfileError> {
    let ids = || instrument.items.iter().map(|item| item.id.as_str());
    let known: std::collections::HashSet<&str> = ids().collect();
    let mut groups: HashMap<&str, Group<'_>> = HashMap::new();
    for response in responses {
        let (item, variant) = (response.item.as_str(), response.variant);
        let Variant { instruction, template } = variant;
        if !known.contains(item) {
            return Err(ProfileError::unknown_item(item, ids()));
        }
        let item = item.to_owned();
        if instruction >= instrument.instructions.len() || template >= instrument.templates.len() {
            return Err(ProfileError::UnknownVariant { item, instruction, template });
        }
        if groups.entry(&response.item).or_default().insert(variant, response).is_some() {
            return Err(ProfileError::DuplicateResponse { item, instruction, template });
        }
    }
    Ok(groups)
}

fn score(item: &Item, group: &Group<'_>, readout: Readout) -> Result<ItemScore, ProfileError> {
    let keyed = |rating: f64| if item.reversed { 7.0 - rating } else { rating };
    let mut by_variant = BTreeMap::new();
    let mut repetitions: Vec<Vec<f64>> = Vec::new();
    let (mut invalid, mut replies) = (0, 0);
    for (&variant, response) in group {
        let ratings = readout
            .ratings(&response.answer)
            .ok_or_else(|| ProfileError::ReadoutMismatch { readout, item: item.id.clone() })?;
        let ratings: Vec<Option<f64>> =
            ratings.into_iter().map(|rating| rating.map(keyed)).collect();
        replies += ratings.len();
        invalid += ratings.iter().filter(|rating| rating.is_none()).count();
        by_variant.extend(mean(ratings.iter().flatten().copied()).map(|mean| (variant, mean)));
        repetitions.resize(repetitions.len().max(ratings.len()), Vec::new());
        for (repetition, rating) in repetitions.iter_mut().zip(ratings) {
            repetition.extend(rating);
        }
    }
    Ok(ItemScore {
        item: item.id.clone(),
        dimension: item.dimension.clone(),
        split: item.split,
        mean: mean(by_variant.values().copied()),
        by_variant,
        by_repetition: repetitions.into_iter().map(mean).collect(),
        invalid,
        replies,
    })
}

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
