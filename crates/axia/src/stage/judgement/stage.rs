//! The stage that has dilemmas judged.

use super::ask::{JudgeSettings, Judgement, judge};
use super::summary::JudgementSummary;
use super::verdicts::Judged;
use crate::respondent::Respondent;
use crate::run::{Follow, Observation, RunDir, StudyError};
use crate::stage::{Compared, Stage};
use axia_values::dilemma::DilemmaSet;
use axia_values::taxonomy::RefinedValue;
use serde_json::{Value as Json, json};

/// Dilemmas to be judged, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Judging {
    /// The dilemmas.
    pub set: DilemmaSet,
    /// How they are judged.
    pub settings: JudgeSettings,
}

impl Stage for Judging {
    type Answers = Judged;
    type Summary = JudgementSummary;
    const FOLDER: &'static str = "judgements";
    const VERB: &'static str = "judge";

    fn manifest(&self) -> Json {
        json!({
            "dilemmas": self.set.name,
            "hash": self.set.content_hash(),
            "settings": self.settings,
        })
    }

    fn ask(
        &self,
        dir: &RunDir,
        name: &str,
        respondent: &dyn Respondent,
        follow: &mut dyn Follow,
    ) -> Result<Judged, StudyError> {
        let mut rows = dir.rows::<Judgement>(&self.cell(name))?;
        if !rows.is_whole() {
            follow.begin(&format!("judging as {name}"), self.set.dilemmas.len());
            let mut progress = |done: usize| {
                follow.advance(done, "");
                !follow.cancelled()
            };
            judge(respondent, &self.set, self.settings, &mut rows, &mut progress)?;
            follow.end();
        }
        Judged::new(rows.rows(), &self.set, self.settings)
    }

    fn summarise(
        &self,
        judges: &[Observation<Judged>],
        study: &Compared,
    ) -> Result<JudgementSummary, StudyError> {
        JudgementSummary::new(&self.set, self.settings, judges, study)
    }
}

/// At most `most` dilemmas of `set`: those about the target's values first, the rest spread evenly
/// over the other values. For short runs, whose question is what steering does to its own target.
pub fn around_target(
    set: &DilemmaSet,
    target: &[RefinedValue],
    most: usize,
    seed: u64,
) -> DilemmaSet {
    let part = |wanted: bool| DilemmaSet {
        dilemmas: set
            .dilemmas
            .iter()
            .filter(|dilemma| target.contains(&dilemma.value) == wanted)
            .cloned()
            .collect(),
        ..set.clone()
    };
    let mut chosen = part(true).sample(most, seed);
    let others = part(false).sample(most - chosen.dilemmas.len(), seed);
    chosen.dilemmas.extend(others.dilemmas);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_the_target_first() {
        let set = DilemmaSet::bundled();
        let target = [RefinedValue::UniversalismNature];
        let part = around_target(set, &target, 48, 0);
        assert_eq!(part.dilemmas.len(), 48);
        assert_eq!(part.of(RefinedValue::UniversalismNature).count(), 10);
        assert!(part.values().into_iter().all(|value| part.of(value).count() >= 2));
        assert_eq!(around_target(set, &target, 4, 0).dilemmas.len(), 4);
        assert_eq!(around_target(set, &[], 5, 0).dilemmas.len(), 5);
    }
}
