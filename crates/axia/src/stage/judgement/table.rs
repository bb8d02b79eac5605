//! Rows on moral judgement.

use axia_values::dilemma::Stance;
use axia_values::judgement::{
    GainSummary, JudgementShift, ValueGain, VerdictDistribution, VerdictProbabilities,
};
use axia_values::stats::SampleSummary;

use super::{JudgementShiftSummary, JudgementSummary, Reading, RespondentVerdicts};
use crate::report::{Place, Table};

impl Table {
    pub(in crate::stage) fn judgement(&mut self, judgement: &JudgementSummary) {
        judgement.respondents.iter().for_each(|one| self.respondent(one));
        judgement.shifts.iter().for_each(|shift| self.judgement_shift(shift));
        judgement.readings.iter().for_each(|reading| self.reading(reading));
        for (id, cut) in &judgement.cut {
            self.count(("all", "post", id), "characters-cut", *cut);
        }
    }

    fn respondent(&mut self, one: &RespondentVerdicts) {
        let place = (one.name.as_str(), "verdicts", "all");
        self.distribution(place, &one.distribution);
        self.number(place, "sd-ways", one.spread.ways);
        let spreads = [("sd-wordings", one.spread.wordings), ("sd-orders", one.spread.orders)];
        for (measure, spread) in spreads {
            if let Some(spread) = spread {
                self.number(place, measure, spread);
            }
        }
        if let Some(content_free) = &one.content_free {
            self.probabilities((&one.name, "verdicts", "content-free"), content_free);
        }
    }

    fn judgement_shift(&mut self, summary: &JudgementShiftSummary) {
        let comparisons = [
            ("steered-minus-control", &summary.against_control),
            ("steered-minus-base", &summary.against_base),
        ];
        for (comparison, shift) in comparisons {
            self.gains(&summary.respondent, comparison, shift);
        }
        let respondent = summary.respondent.as_str();
        for mover in &summary.against_control.movers {
            let place = (respondent, "mover", mover.id.as_str());
            self.number(place, "gain", mover.gain.full);
            self.number(place, "strict-gain", mover.gain.strict);
        }
        if let Some(verdicts) = &summary.against_control.target_verdicts {
            self.distribution((respondent, "target-verdicts", "control"), &verdicts.control);
            self.distribution((respondent, "target-verdicts", "steered"), &verdicts.steered);
        }
    }

    fn gains(&mut self, respondent: &str, comparison: &str, shift: &JudgementShift) {
        let parts = [
            ("on-target", shift.on_target.as_ref()),
            ("off-target", shift.off_target.as_ref()),
            ("overall", Some(&shift.overall)),
        ];
        for (name, gain) in parts {
            if let Some(gain) = gain {
                self.gain((respondent, "judgement", name), comparison, gain);
            }
        }
        let levels = [("judgement-basic", &shift.basic), ("judgement-refined", &shift.refined)];
        for (kind, gains) in levels {
            for ValueGain { value, gain, adjusted_p, adjusted_p_strict, .. } in gains {
                let place = (respondent, kind, value.slug());
                self.gain(place, comparison, gain);
                self.number(place, &format!("{comparison}-adjusted-p"), *adjusted_p);
                self.number(place, &format!("{comparison}-strict-adjusted-p"), *adjusted_p_strict);
            }
        }
    }

    fn gain(&mut self, place: Place<'_>, comparison: &str, gain: &GainSummary) {
        self.count(place, &format!("{comparison}-posts"), gain.full.clusters);
        self.sample(place, &format!("{comparison}-gain"), &gain.full);
        self.sample(place, &format!("{comparison}-strict-gain"), &gain.strict);
    }

    fn sample(&mut self, place: Place<'_>, measure: &str, sample: &SampleSummary) {
        self.estimate(place, &format!("{measure}-weighted"), &sample.weighted);
        self.estimate(place, &format!("{measure}-macro"), &sample.macro_average);
        self.number(place, &format!("{measure}-p"), sample.p_positive);
    }

    fn distribution(&mut self, place: Place<'_>, distribution: &VerdictDistribution) {
        self.count(place, "judgements", distribution.judgements);
        self.probabilities(place, &distribution.mean);
        for (stance, count) in Stance::ALL.into_iter().zip(distribution.argmax) {
            self.count(place, &measure("most-probable", stance), count);
        }
    }

    fn probabilities(&mut self, place: Place<'_>, probabilities: &VerdictProbabilities) {
        for stance in Stance::ALL {
            self.number(place, &measure("p", stance), probabilities.probability(stance));
        }
    }

    fn reading(&mut self, reading: &Reading) {
        for (respondent, probabilities) in &reading.verdicts {
            self.probabilities((respondent, "post", &reading.id), probabilities);
        }
    }
}

/// `p-nta`, `most-probable-neutral`.
fn measure(prefix: &str, stance: Stance) -> String {
    format!("{prefix}-{}", stance.label().to_lowercase())
}
