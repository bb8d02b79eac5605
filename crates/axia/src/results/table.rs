//! `results.csv`: every number of a run in one long, tidy table.

use axia_values::profile::{DimensionScore, Profile};
use axia_values::shift::{Averages, Comparison, MeanSd, Repetitions};

use crate::report::{Place, ReportError, Table};
use crate::study::Frontier;
use crate::study::summary::{Example, RunSummary, ShiftSummary, TrainingSummary};

/// The table as CSV (RFC 4180). Cells without a number are empty.
pub(super) fn csv(summary: &RunSummary) -> Result<Vec<u8>, ReportError> {
    let mut table = Table::default();
    for respondent in &summary.respondents {
        table.profile(&respondent.name, &respondent.profile);
    }
    summary.shifts.iter().for_each(|shift| table.shift(shift));
    summary.frontiers.iter().for_each(|frontier| table.frontier(frontier));
    summary.training.iter().for_each(|training| table.training(training));
    summary.examples.iter().for_each(|example| table.example(example));
    summary.stages.shown().iter().for_each(|stage| stage.add_rows(&mut table));
    table.write()
}

impl Table {
    fn profile(&mut self, respondent: &str, profile: &Profile) {
        let place = (respondent, "profile", "all");
        self.number(place, "grand-mean", profile.grand_mean);
        self.count(place, "items", profile.items);
        self.count(place, "replies", profile.replies);
        self.count(place, "invalid", profile.invalid);
        let kinds = [
            ("dimension", &profile.dimensions),
            ("basic", &profile.basic),
            ("higher", &profile.higher),
        ];
        for (kind, scores) in kinds {
            scores.iter().for_each(|score| self.score(respondent, kind, score));
        }
    }

    fn score(&mut self, respondent: &str, kind: &str, score: &DimensionScore) {
        let name = score.dimension.key();
        let place = (respondent, kind, name.as_str());
        self.estimate(place, "mean", &score.mean);
        self.estimate(place, "centred", &score.centred);
        self.count(place, "rank", score.rank);
        self.count(place, "items", score.items);
        let spreads = [
            ("item-sd", score.item_sd),
            ("instruction-sd", score.instruction_sd),
            ("template-sd", score.template_sd),
        ];
        for (measure, spread) in spreads {
            if let Some(spread) = spread {
                self.number(place, measure, spread);
            }
        }
    }

    fn shift(&mut self, summary: &ShiftSummary) {
        let shift = &summary.shift;
        let comparisons = [
            ("steered-minus-control", Some(&shift.against_control)),
            ("steered-minus-base", shift.against_base.as_ref()),
            ("control-minus-base", shift.control_drift.as_ref()),
        ];
        for (name, comparison) in comparisons {
            if let Some(comparison) = comparison {
                self.comparison(&summary.respondent, name, comparison);
            }
        }
    }

    fn comparison(&mut self, respondent: &str, comparison: &str, effects: &Comparison) {
        let place = (respondent, "effect", comparison);
        self.averages(place, "target-drop", Some(&effects.target_drop));
        self.averages(place, "fluctuation", effects.fluctuation.as_ref());
        self.averages(place, "selectivity", effects.selectivity.as_ref());
        if let Some(headroom) = &effects.headroom {
            self.estimate(place, "headroom", &headroom.points);
            self.estimate(place, "headroom-share", &headroom.share);
        }
        if let Some(repetitions) = &effects.repetitions {
            self.repetitions(respondent, comparison, repetitions);
        }
        for value in &effects.values {
            let name = value.dimension.key();
            self.estimate((respondent, "shift", &name), comparison, &value.shift);
        }
        for leakage in &effects.leakage {
            let name = format!("distance-{}", leakage.distance);
            self.estimate((respondent, "leakage", &name), comparison, &leakage.shift);
        }
    }

    fn averages(&mut self, place: Place<'_>, measure: &str, averages: Option<&Averages>) {
        if let Some(averages) = averages {
            self.estimate(place, &format!("{measure}-macro"), &averages.macro_average);
            self.estimate(place, &format!("{measure}-micro"), &averages.micro_average);
        }
    }

    fn repetitions(&mut self, respondent: &str, comparison: &str, repetitions: &Repetitions) {
        let place = (respondent, "repetitions", comparison);
        self.count(place, "count", repetitions.count);
        let measures: [(&str, Option<MeanSd>); 6] = [
            ("target-drop-macro", repetitions.target_drop_macro),
            ("target-drop-micro", repetitions.target_drop_micro),
            ("fluctuation-macro", repetitions.fluctuation_macro),
            ("fluctuation-micro", repetitions.fluctuation_micro),
            ("selectivity-macro", repetitions.selectivity_macro),
            ("selectivity-micro", repetitions.selectivity_micro),
        ];
        for (measure, mean_sd) in measures {
            if let Some(MeanSd { mean, sd }) = mean_sd {
                self.number(place, &format!("{measure}-mean"), mean);
                self.number(place, &format!("{measure}-sd"), sd);
            }
        }
    }

    fn training(&mut self, training: &TrainingSummary) {
        let respondent = training.respondent.as_str();
        let place = (respondent, "training", "all");
        self.count(place, "rows", training.rows);
        self.count(place, "tokens", training.tokens);
        self.count(place, "unique-tokens", training.unique_tokens);
        self.count(place, "parameters", training.parameters);
        self.number(place, "seconds", training.seconds);
        for step in &training.history.steps {
            let name = format!("step-{}", step.step);
            self.number((respondent, "training", &name), "training-loss", step.loss);
        }
        for validation in &training.history.validations {
            let name = format!("step-{}", validation.step);
            self.number((respondent, "training", &name), "validation-loss", validation.loss);
        }
    }

    fn example(&mut self, example: &Example) {
        let answers = example.ratings.iter().zip(&example.probabilities);
        for ((respondent, rating), probabilities) in answers {
            let place = (respondent.as_str(), "item", example.item.as_str());
            self.number(place, "rating", *rating);
            for (index, &probability) in probabilities.iter().enumerate() {
                self.number(place, &format!("p{}", index + 1), probability);
            }
        }
    }

    /// Every scale that was tried, on validation items.
    fn frontier(&mut self, frontier: &Frontier) {
        let respondent = frontier.respondent.as_str();
        self.number((respondent, "frontier", "chosen"), "scale", frontier.scale);
        for point in &frontier.points {
            let scale = format!("x{}", point.scale);
            let place = (respondent, "frontier", scale.as_str());
            self.estimate(place, "target-drop", &point.target_drop);
            for (measure, found) in
                [("fluctuation", point.fluctuation), ("selectivity", point.selectivity)]
            {
                if let Some(estimate) = found {
                    self.estimate(place, measure, &estimate);
                }
            }
            self.estimate(place, "perplexity-rise", &point.perplexity_rise);
        }
    }
}
