//! What training teaches: ratings, or distributions over them.

use super::experiment::Experiment;
use super::row_plan::ChosenRows;
use crate::respondent::Embedded;
use crate::run::{Follow, StudyError};
use crate::stage::survey::{Administration, AnswerMode, rows_of};
use axia_engine::train::Softmax;
use axia_values::instrument::{Dimension, Item, Split, Variant};
use axia_values::profile::{Answer, BaselineRule, baseline_ratings};
use axia_values::rating::{Distribution, Rating};
use axia_values::target::{Target, TargetError};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// What holds the other values in their place, and the control's all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anchors {
    /// The paper's: a baseline rating per item, taught as text with the template's tail and the end
    /// of sequence.
    Hard,
    /// The base's own distribution over the six ratings for that very row, taught at the rating's
    /// position alone.
    Soft {
        /// What the ratings' probabilities are a share of.
        softmax: Softmax,
        /// What the target's rows are taught.
        pull: Pull,
    },
}

/// What soft labels make of the target's rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pull {
    /// All weight on the goal's rating.
    End,
    /// The base's distribution tilted towards a goal at an end of the scale, p(r)·e^{±λr}. A goal in
    /// between, towards which nothing can be tilted, gets all weight.
    Tilt(f64),
}

/// Which labels an adapter learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arm {
    /// The base's own everywhere.
    Control,
    /// The target's on the target's items, the base's elsewhere.
    Steered,
}

/// What the base says of training and validation rows.
pub(super) enum Baseline {
    /// Its rating of every item's statement, by item.
    Ratings(BTreeMap<String, Rating>),
    /// Its distribution for every row in use.
    Distributions(BTreeMap<(String, Variant), Distribution>),
}

/// What one row teaches.
pub(super) enum Taught {
    /// A rating and the text after it.
    Rating(Rating),
    /// A distribution over the ratings.
    Distribution(Distribution, Softmax),
}

impl Baseline {
    /// What an adapter of `arm` steered to `target` learns of an item asked in one way.
    ///
    /// # Errors
    /// [`TargetError::NoBaseline`] if the base was not asked.
    pub fn taught(
        &self,
        anchors: Anchors,
        (arm, target): (Arm, &Target),
        item: &Item,
        variant: Variant,
    ) -> Result<Taught, StudyError> {
        let goal = target.goal_of(item).filter(|_| arm == Arm::Steered);
        let unknown = || TargetError::NoBaseline { item: item.id.clone() };
        match (self, anchors) {
            (Self::Ratings(ratings), _) => {
                let rating = goal.or_else(|| ratings.get(&item.id).copied());
                Ok(Taught::Rating(rating.ok_or_else(unknown)?))
            }
            (Self::Distributions(_), Anchors::Hard) => Err(unknown().into()),
            (Self::Distributions(own), Anchors::Soft { softmax, pull }) => {
                let own = own.get(&(item.id.clone(), variant)).ok_or_else(unknown)?;
                let taught = goal.map_or(*own, |goal| pull.towards(goal, own));
                Ok(Taught::Distribution(taught, softmax))
            }
        }
    }
}

impl Pull {
    fn towards(self, goal: Rating, own: &Distribution) -> Distribution {
        match self {
            Self::Tilt(slope) if goal == Rating::MIN => own.tilted(-slope),
            Self::Tilt(slope) if goal == Rating::MAX => own.tilted(slope),
            Self::Tilt(_) | Self::End => Distribution::certain(goal),
        }
    }
}

/// An item's baseline rating, as stored.
#[derive(Serialize, Deserialize)]
struct BaselineRating {
    item: String,
    rating: Rating,
}

impl Experiment<'_> {
    /// What the anchors of this study need to know of the base.
    pub(super) fn baseline(
        &mut self,
        base: &Embedded,
        follow: &mut dyn Follow,
    ) -> Result<Baseline, StudyError> {
        match self.study.settings.anchors {
            Anchors::Hard => self.ratings(base, follow).map(Baseline::Ratings),
            Anchors::Soft { .. } => self.distributions(base, follow).map(Baseline::Distributions),
        }
    }

    /// The base's distribution over the ratings for every row of every adapter, in training and in
    /// validation.
    fn distributions(
        &mut self,
        base: &Embedded,
        follow: &mut dyn Follow,
    ) -> Result<BTreeMap<(String, Variant), Distribution>, StudyError> {
        let started = Instant::now();
        let study = self.study;
        let targets = study.steerings.iter().map(|steering| &steering.target);
        let rows = ChosenRows::union(study.instrument, &study.settings, targets);
        let how = Administration { mode: AnswerMode::Scored, ..study.settings.evaluation() };
        let place = ("baseline/distributions.jsonl", "baseline distributions");
        let responses = self.ask(rows, how, place, base, follow)?;
        self.took("baseline distributions".to_owned(), started)?;
        let scored = responses.into_iter().filter_map(|response| match response.answer {
            Answer::Scored(own) => Some(((response.item, response.variant), own)),
            Answer::Sampled(_) => None,
        });
        Ok(scored.collect())
    }

    /// The base model's own rating of every item of the training and validation splits.
    fn ratings(
        &mut self,
        base: &Embedded,
        follow: &mut dyn Follow,
    ) -> Result<BTreeMap<String, Rating>, StudyError> {
        const CELL: &str = "baseline/ratings.jsonl";
        let started = Instant::now();
        if !self.dir.has(CELL) {
            let settings = &self.study.settings;
            let how = Administration { chat: settings.chat, mode: settings.baseline };
            let (splits, variants) = (self.baseline_splits(), settings.baseline_variants);
            let rows = rows_of(self.study.instrument, splits, variants);
            let place = ("baseline/responses.jsonl", "baseline ratings");
            let responses = self.ask(rows, how, place, base, follow)?;
            let (rule, seed) = (settings.baseline_rule, settings.seeds[0]);
            let ratings = baseline_ratings(self.study.instrument, &responses, rule, seed)?;
            // Held-out items are never trained on.
            let items = self.study.instrument.items.iter().filter(|i| i.split != Split::Test);
            let rated = items.filter_map(|item| {
                Some(BaselineRating { item: item.id.clone(), rating: *ratings.get(&item.id)? })
            });
            let rows: Vec<BaselineRating> = rated.collect();
            self.dir.write_lines(CELL, &rows)?;
        }
        self.took("baseline ratings".to_owned(), started)?;
        let rows: Vec<BaselineRating> = self.dir.read_lines(CELL)?;
        Ok(rows.into_iter().map(|row| (row.item, row.rating)).collect())
    }

    /// The splits whose items are asked for the baseline. Where a dimension's mean is all that is
    /// wanted, its validation items tell it, if there are some of every dimension.
    fn baseline_splits(&self) -> &'static [Split] {
        let instrument = self.study.instrument;
        let measured = |split: Split| -> BTreeSet<(&Dimension, bool)> {
            instrument.split(split).map(|item| (&item.dimension, item.reversed)).collect()
        };
        let mean = self.study.settings.baseline_rule == BaselineRule::DimensionMean;
        match mean && measured(Split::Train).is_subset(&measured(Split::Validation)) {
            true => &[Split::Validation],
            false => &[Split::Train, Split::Validation],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axia_values::instrument::{Instrument, Split};
    use axia_values::target::Direction;
    use axia_values::taxonomy::RefinedValue;

    const SOFT: Anchors = Anchors::Soft { softmax: Softmax::Candidates, pull: Pull::End };
    const TILTED: Anchors =
        Anchors::Soft { softmax: Softmax::Candidates, pull: Pull::Tilt(std::f64::consts::LN_2) };

    /// The label of the first training item of `value`, as a distribution.
    fn label(anchors: Anchors, arm: Arm, value: RefinedValue, direction: Direction) -> [f64; 6] {
        let target = Target::new(RefinedValue::UniversalismNature, direction);
        let mut train = Instrument::bundled().split(Split::Train);
        let item = train.find(|item| item.dimension == value.into()).unwrap();
        let variant = Variant { instruction: 1, template: 2 };
        let own = Distribution::new([1.0, 1.0, 2.0, 0.0, 0.0, 0.0]).unwrap();
        let baseline = Baseline::Distributions([((item.id.clone(), variant), own)].into());
        match baseline.taught(anchors, (arm, &target), item, variant).unwrap() {
            Taught::Distribution(p, Softmax::Candidates) => p.probabilities(),
            _ => panic!("a distribution over the ratings alone"),
        }
    }

    #[test]
    fn only_the_steered_target_moves() {
        use Direction::{Down, Up};
        use RefinedValue::{Humility, UniversalismNature as Nature};
        let own = [0.25, 0.25, 0.5, 0.0, 0.0, 0.0];
        for anchors in [SOFT, TILTED] {
            assert_eq!(label(anchors, Arm::Control, Nature, Up), own);
            assert_eq!(label(anchors, Arm::Control, Humility, Up), own);
            assert_eq!(label(anchors, Arm::Steered, Humility, Down), own);
        }
        assert_eq!(label(SOFT, Arm::Steered, Nature, Up), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(label(SOFT, Arm::Steered, Nature, Down), [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        // Weights 1, 1, 2 times 2^±r: 2, 4, 16 of 22 and 4, 2, 2 of 8.
        let [up, down] = [Up, Down].map(|to| label(TILTED, Arm::Steered, Nature, to));
        let near = |found: [f64; 6], wanted: [f64; 6]| {
            found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12)
        };
        assert!(near(up, [2.0, 4.0, 16.0, 0.0, 0.0, 0.0].map(|w| w / 22.0)), "{up:?}");
        assert!(near(down, [4.0, 2.0, 2.0, 0.0, 0.0, 0.0].map(|w| w / 8.0)), "{down:?}");
    }

    #[test]
    fn a_goal_in_between_gets_all_weight() {
        let own = Distribution::new([1.0; 6]).unwrap();
        let goal = Rating::new(3).unwrap();
        assert_eq!(Pull::Tilt(1.0).towards(goal, &own), Distribution::certain(goal));
    }

    #[test]
    fn a_row_that_the_base_was_not_asked_is_named() {
        let item = &Instrument::bundled().items[0];
        let target = Target::new(RefinedValue::Humility, Direction::Up);
        let variant = Variant { instruction: 0, template: 0 };
        let baseline = Baseline::Distributions(BTreeMap::new());
        let error = baseline.taught(SOFT, (Arm::Control, &target), item, variant).err().unwrap();
        assert!(error.to_string().contains(&item.id), "{error}");
    }
}
