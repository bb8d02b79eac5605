//! The judgement stage of a study.

use super::ask::{JudgeSettings, Judgement, judge};
use super::summary::{Aim, Judge, JudgementSummary};
use super::verdicts::Judged;
use crate::files::sha256;
use crate::respondent::Respondent;
use crate::study::{Follow, RunDir, StudyError};
use axia_values::dilemma::DilemmaSet;
use axia_values::stats::BootstrapOptions;
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

impl Judging {
    /// Everything that decides the judgements, apart from the respondents.
    pub fn manifest(&self) -> Json {
        json!({
            "dilemmas": self.set.name,
            "hash": self.set.content_hash(),
            "settings": self.settings,
        })
    }

    /// Has `respondent` judge the dilemmas; its answers go to a folder of the run that is named
    /// after what was asked, so that answers to other questions are never taken for them.
    ///
    /// # Errors
    /// [`StudyError`]; after a cancellation the judgement can be taken up again.
    pub fn ask(
        &self,
        dir: &RunDir,
        name: &str,
        respondent: &dyn Respondent,
        follow: &mut dyn Follow,
    ) -> Result<Judged, StudyError> {
        let asked = sha256(self.manifest().to_string().as_bytes());
        let mut rows =
            dir.rows::<Judgement>(&format!("judgements/{}/{name}.jsonl", &asked[..8]))?;
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

    /// Compares the respondents.
    ///
    /// # Errors
    /// [`StudyError::Setting`] where judgements cannot be compared.
    pub fn summarise(
        &self,
        judges: &[Judge],
        aims: &[Aim],
        options: BootstrapOptions,
    ) -> Result<JudgementSummary, StudyError> {
        JudgementSummary::new(&self.set, self.settings, judges, aims, options)
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
