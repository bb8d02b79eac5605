//! How far an adapter is to be turned up: movement against the cost in language, by scale, on
//! validation items and on text that nothing else is measured on.

use super::experiment::Experiment;
use crate::respondent::Embedded;
use crate::run::{Follow, Steering, StudyError};
use crate::stage::perplexity::{Measuring, PassageReading, PassageSet, perplexity_rise};
use crate::stage::survey::rows_of;
use axia_engine::EngineError;
use axia_engine::adapter::Adapter as PeftAdapter;
use axia_engine::error::FileError;
use axia_values::instrument::Split;
use axia_values::profile::Scores;
use axia_values::shift::{DomainShift, ShiftRun};
use axia_values::stats::{BootstrapOptions, Estimate};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Instant;

/// Factors on a finished adapter.
const SCALES: [f64; 6] = [0.25, 0.5, 0.75, 1.0, 1.25, 1.5];

/// What scaling one steered respondent's adapter does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frontier {
    /// The respondent.
    pub respondent: String,
    /// Its target in words.
    pub title: String,
    /// The scale that was chosen: the adapter on the disk and all other results are of this one.
    pub scale: f64,
    /// Largest rise of the perplexity allowed, as a share of the base's; `None` for any.
    pub budget: Option<f64>,
    /// Validation items, of all values and of the target.
    pub items: [usize; 2],
    /// Name of the text whose perplexity is meant.
    pub passages: String,
    /// Every scale from 0, which is the base.
    pub points: Vec<FrontierPoint>,
}

/// One scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FrontierPoint {
    /// Factor on the adapter as it was trained.
    pub scale: f64,
    /// Movement of the target's validation items towards the goal, against the control.
    pub target_drop: Estimate,
    /// Mean |change| of the others; `None` if there are none.
    pub fluctuation: Option<Estimate>,
    /// Target drop less fluctuation.
    pub selectivity: Option<Estimate>,
    /// Change of the perplexity against the base, as a share of it: 0.1 for a tenth more. The interval
    /// is over passages.
    pub perplexity_rise: Estimate,
}

/// What a respondent said of the validation items, and how it read.
pub(super) struct Validated {
    scores: Scores,
    readings: Vec<PassageReading>,
}

impl Frontier {
    /// The most selective scale whose perplexity stays within the budget, by the upper end of its
    /// interval: other passages are to keep it, too. Scale 0, which is the base, is left out.
    fn choose(points: &[FrontierPoint], budget: Option<f64>) -> f64 {
        let Some(budget) = budget else { return 1.0 };
        let gain = |point: &FrontierPoint| point.selectivity.unwrap_or(point.target_drop).value;
        let within = points.iter().filter(|p| p.scale > 0.0 && p.perplexity_rise.high <= budget);
        // Of equally good ones the smaller scale, which comes first.
        let best = within.reduce(|best, point| if gain(point) > gain(best) { point } else { best });
        // The smallest scale where none stays within the budget: the report says that it does not.
        best.map_or(SCALES[0], |point| point.scale)
    }

    /// The point of a scale.
    pub fn at(&self, scale: f64) -> Option<&FrontierPoint> {
        self.points.iter().find(|point| point.scale == scale)
    }
}

impl Experiment<'_> {
    /// Asks a respondent the validation items and has it read text; `None` if the survey has no
    /// validation items, so that nothing can be chosen by them.
    pub(super) fn validate(
        &self,
        name: &str,
        respondent: &Embedded,
        follow: &mut dyn Follow,
    ) -> Result<Option<Validated>, StudyError> {
        let study = self.study;
        if study.instrument.split(Split::Validation).next().is_none() {
            return Ok(None);
        }
        let settings = &study.settings;
        let rows = rows_of(study.instrument, &[Split::Validation], settings.validation_variants);
        let (cell, phase) = (format!("validation/{name}.jsonl"), format!("validating {name}"));
        let responses =
            self.ask(rows, settings.evaluation(), (&cell, &phase), respondent, follow)?;
        let scores = Scores::new(study.instrument, &responses, settings.readout)?;
        let text = format!("validation/{name}.text.jsonl");
        let readings = language().read_into(&self.dir, (&text, name), respondent, follow)?;
        Ok(Some(Validated { scores, readings }))
    }

    /// Tries a finished adapter at every scale, chooses one, and gives it to the adapter in `folder`.
    pub(super) fn turn_up(
        &mut self,
        (name, steering, seed): (&str, &Steering, u64),
        (base, control): (&Validated, &Validated),
        folder: &Path,
        follow: &mut dyn Follow,
    ) -> Result<Frontier, StudyError> {
        let cell = format!("frontier/{name}.json");
        let study = self.study;
        if !self.dir.has(&cell) {
            let started = Instant::now();
            let options = BootstrapOptions {
                resamples: study.settings.resamples,
                ..BootstrapOptions::default()
            };
            let point = |scale: f64, steered: &Validated| {
                let run = ShiftRun {
                    seed,
                    base: Some(&base.scores),
                    control: &control.scores,
                    steered: &steered.scores,
                };
                let shift = DomainShift::new(&[run], &steering.target, options)?.against_control;
                let exactly = |value| Estimate { value, low: value, high: value };
                let perplexity_rise = perplexity_rise(&base.readings, &steered.readings, options);
                Ok::<_, StudyError>(FrontierPoint {
                    scale,
                    target_drop: shift.target_drop.macro_average,
                    fluctuation: shift.fluctuation.map(|averages| averages.macro_average),
                    selectivity: shift.selectivity.map(|averages| averages.macro_average),
                    perplexity_rise: perplexity_rise.unwrap_or(exactly(0.0)),
                })
            };
            let mut points = vec![point(0.0, base)?];
            for scale in SCALES {
                let adapter = study.model.read_adapter(folder)?.scaled(scale as f32);
                let respondent = Embedded::new(study.model, Some(adapter));
                let name = format!("{name}-x{scale}");
                if let Some(validated) = self.validate(&name, &respondent, follow)? {
                    points.push(point(scale, &validated)?);
                }
            }
            let is_target = |item: &&axia_values::instrument::Item| {
                steering.target.goal(&item.dimension).is_some()
            };
            let items = || study.instrument.split(Split::Validation);
            let budget = study.settings.language_budget;
            let frontier = Frontier {
                respondent: name.to_owned(),
                title: steering.title.clone(),
                scale: Frontier::choose(&points, budget),
                budget,
                items: [items().count(), items().filter(is_target).count()],
                passages: language().set.name,
                points,
            };
            self.dir.write(&cell, &frontier)?;
            self.took(format!("try scales of {name}"), started)?;
        }
        let frontier: Frontier = self.dir.read(&cell)?;
        self.give_scale(folder, frontier.scale)?;
        Ok(frontier)
    }

    /// Makes the adapter in `folder` one of the given scale, whichever it has.
    fn give_scale(&self, folder: &Path, scale: f64) -> Result<(), StudyError> {
        let mut adapter = PeftAdapter::read(folder).map_err(EngineError::from)?;
        let alpha = self.study.settings.alpha * scale;
        if adapter.config.alpha != alpha {
            let card = folder.join("README.md");
            let text = std::fs::read_to_string(&card).map_err(FileError::on("read", &card))?;
            adapter.scale_by(alpha / adapter.config.alpha);
            adapter.config.alpha = alpha;
            adapter.write(folder, &text).map_err(EngineError::from)?;
        }
        Ok(())
    }
}

/// Text for choosing scales by, none of it that which results are measured on.
fn language() -> Measuring {
    Measuring { set: PassageSet::for_validation() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exactly(value: f64) -> Estimate {
        Estimate { value, low: value, high: value }
    }

    fn point(scale: f64, selectivity: f64, perplexity: f64) -> FrontierPoint {
        let (target_drop, fluctuation) = (exactly(selectivity + 0.1), Some(exactly(0.1)));
        let selectivity = Some(exactly(selectivity));
        let perplexity_rise =
            Estimate { value: perplexity, low: perplexity - 0.01, high: perplexity + 0.01 };
        FrontierPoint { scale, target_drop, fluctuation, selectivity, perplexity_rise }
    }

    #[test]
    fn the_best_scale_within_the_budget_is_chosen() {
        let points = [
            point(0.0, 0.0, 0.0),
            point(0.5, 0.6, 0.02),
            point(1.0, 1.2, 0.08),
            point(1.25, 1.1, 0.09),
            point(1.5, 1.4, 0.3),
        ];
        assert_eq!(Frontier::choose(&points, Some(0.1)), 1.0, "1.25 moves less, 1.5 costs more");
        assert_eq!(Frontier::choose(&points, Some(0.5)), 1.5);
        assert_eq!(Frontier::choose(&points, Some(0.05)), 0.5);
        assert_eq!(Frontier::choose(&points, None), 1.0, "the scale that was trained");
        assert_eq!(Frontier::choose(&points, Some(0.085)), 0.5, "the upper end counts");
        let unselective =
            points.map(|p| FrontierPoint { selectivity: Some(exactly(-p.scale)), ..p });
        assert_eq!(Frontier::choose(&unselective, Some(0.5)), 0.5, "not the base");
        let dear = Estimate { value: 0.3, low: 0.2, high: 0.4 };
        let costly = points.map(|p| FrontierPoint { perplexity_rise: dear, ..p });
        assert_eq!(Frontier::choose(&costly, Some(0.1)), SCALES[0]);
    }
}
