//! What the base says of the rows that adapters are trained on.

use super::chosen_rows::ChosenRows;
use super::experiment::Experiment;
use super::labels::{Anchors, Baseline};
use crate::respondent::Embedded;
use crate::run::{Follow, StudyError};
use crate::stage::survey::{Administration, AnswerMode, rows_of};
use axia_values::instrument::{Dimension, Split, Variant};
use axia_values::profile::{Answer, BaselineRule, baseline_ratings};
use axia_values::rating::{Distribution, Rating};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

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
