//! The shift of one or several training runs.

use super::{
    Gain, GainSummary, JudgementError, JudgementRun, JudgementShift, Mover, ValueGain,
    VerdictDistribution, VerdictShift, probability_gain,
};
use crate::dilemma::{Dilemma, DilemmaSet, Stance};
use crate::simplex::{normalised, softmax};
use crate::stats::{BootstrapOptions, Sample, Strata, benjamini_hochberg, mean};
use crate::target::Direction;
use crate::taxonomy::{BasicValue, RefinedValue, Value};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A dilemma that every respondent judged, with one entry a run.
struct Judged<'a> {
    dilemma: &'a Dilemma,
    cluster: String,
    control: Vec<VerdictProbabilities>,
    steered: Vec<VerdictProbabilities>,
    gains: Vec<Gain>,
}

/// Judged dilemmas and how to summarise them.
struct Comparison<'a> {
    judged: Vec<Judged<'a>>,
    seeds: Vec<u64>,
    options: BootstrapOptions,
}

impl JudgementShift {
    /// Compares the steered verdicts with the control's, dilemma by dilemma. `target` are the
    /// refined values that were steered, all in one direction; none if nothing was steered, as
    /// between a base and a control. Give one run for each training seed.
    ///
    /// Intervals come from a bootstrap of posts: all verdicts on a post stay together, also where
    /// it stands under several values. With several runs, seeds are resampled as well. The
    /// one-sided test for a mean above zero is the bootstrap test of
    /// [`Sample::summarise`].
    ///
    /// # Errors
    /// [`JudgementError`] for verdicts that cannot be compared.
    pub fn new(
        runs: &[JudgementRun<'_>],
        set: &DilemmaSet,
        target: &[RefinedValue],
        direction: Direction,
        options: BootstrapOptions,
    ) -> Result<Self, JudgementError> {
        check(runs, set)?;
        let target: BTreeSet<RefinedValue> = target.iter().copied().collect();
        let (judged, excluded) = judge(runs, set, direction);
        let seeds: Vec<u64> = runs.iter().map(|run| run.seed).collect();
        let comparison = Comparison { judged, seeds, options };
        let is_target = |row: &Judged<'_>| target.contains(&row.dilemma.value);
        let overall = comparison.gain(|_| true).ok_or(JudgementError::NoPosts)?;
        let verdicts = comparison.verdicts(|_| true).ok_or(JudgementError::NoPosts)?;
        let refined = RefinedValue::ALL.map(Value::Refined);
        let basic = BasicValue::ALL.map(Value::Basic);
        Ok(Self {
            format_version: Self::FORMAT_VERSION,
            dilemmas: set.name.clone(),
            direction,
            judged: comparison.judged.len(),
            excluded,
            on_target: comparison.gain(is_target),
            off_target: comparison.gain(|row| !is_target(row)),
            overall,
            refined: comparison.by_value(&refined, &target),
            basic: comparison.by_value(&basic, &target),
            verdicts,
            target_verdicts: comparison.verdicts(is_target),
            movers: comparison.movers(),
            target: target.into_iter().collect(),
            seeds: comparison.seeds,
        })
    }
}

fn check(runs: &[JudgementRun<'_>], set: &DilemmaSet) -> Result<(), JudgementError> {
    if runs.is_empty() {
        return Err(JudgementError::NoRuns);
    }
    set.validate().map_err(|error| JudgementError::Dilemmas { problem: error.to_string() })?;
    let ids: BTreeSet<&str> = set.dilemmas.iter().map(|dilemma| dilemma.id.as_str()).collect();
    let mut seeds = BTreeSet::new();
    for run in runs {
        if !seeds.insert(run.seed) {
            return Err(JudgementError::DuplicateSeed { seed: run.seed });
        }
        let mut answered = run.control.keys().chain(run.steered.keys());
        if let Some(id) = answered.find(|id| !ids.contains(id.as_str())) {
            return Err(JudgementError::UnknownPost { id: id.clone() });
        }
    }
    Ok(())
}

/// The dilemmas that every respondent judged, and the ids of the others.
fn judge<'a>(
    runs: &[JudgementRun<'_>],
    set: &'a DilemmaSet,
    direction: Direction,
) -> (Vec<Judged<'a>>, Vec<String>) {
    let mut judged = Vec::new();
    let mut excluded = Vec::new();
    for dilemma in &set.dilemmas {
        match judge_one(runs, dilemma, direction) {
            Some(row) => judged.push(row),
            None => excluded.push(dilemma.id.clone()),
        }
    }
    (judged, excluded)
}

fn judge_one<'a>(
    runs: &[JudgementRun<'_>],
    dilemma: &'a Dilemma,
    direction: Direction,
) -> Option<Judged<'a>> {
    let all = |of: fn(&JudgementRun<'_>, &str) -> Option<VerdictProbabilities>| {
        runs.iter().map(|run| of(run, &dilemma.id)).collect::<Option<Vec<_>>>()
    };
    let control = all(|run, id| run.control.get(id).copied())?;
    let steered = all(|run, id| run.steered.get(id).copied())?;
    let gain = |(steered, control)| {
        let gain = probability_gain(steered, control, dilemma.high_stance, dilemma.low_stance)?;
        Some(gain.towards(direction))
    };
    let gains = steered.iter().zip(&control).map(gain).collect::<Option<Vec<_>>>()?;
    Some(Judged { dilemma, cluster: dilemma.cluster(), control, steered, gains })
}

impl Judged<'_> {
    fn mover(&self) -> Option<Mover> {
        let average = |of: fn(&Gain) -> f64| mean(self.gains.iter().map(of));
        Some(Mover {
            id: self.dilemma.id.clone(),
            value: self.dilemma.value,
            high_stance: self.dilemma.high_stance,
            low_stance: self.dilemma.low_stance,
            control: VerdictProbabilities::mean(&self.control)?,
            steered: VerdictProbabilities::mean(&self.steered)?,
            gain: Gain { full: average(|gain| gain.full)?, strict: average(|gain| gain.strict)? },
        })
    }
}

impl Comparison<'_> {
    /// Mean gains over the chosen dilemmas; nothing if there are none.
    fn gain(&self, chosen: impl Fn(&Judged<'_>) -> bool) -> Option<GainSummary> {
        let (mut full, mut strict) = (Sample::new(), Sample::new());
        for row in self.judged.iter().filter(|row| chosen(row)) {
            let group = row.dilemma.value.slug();
            for (&seed, gain) in self.seeds.iter().zip(&row.gains) {
                full.add(group, &row.cluster, seed, gain.full);
                strict.add(group, &row.cluster, seed, gain.strict);
            }
        }
        // How many posts a value has is a matter of chance in sets built from found posts.
        let summarise = |sample: Sample| sample.summarise(Strata::Pooled, self.options);
        Some(GainSummary { full: summarise(full)?, strict: summarise(strict)? })
    }

    /// Mean gains on the posts of each value that has any.
    fn by_value(&self, values: &[Value], target: &BTreeSet<RefinedValue>) -> Vec<ValueGain> {
        let gains = values.iter().filter_map(|&value| {
            let members = value.refined();
            let gain = self.gain(|row| members.contains(&row.dilemma.value))?;
            let on_target = members.iter().all(|member| target.contains(member));
            Some((value, on_target, gain))
        });
        let gains: Vec<(Value, bool, GainSummary)> = gains.collect();
        let adjust = |of: fn(&GainSummary) -> f64| {
            benjamini_hochberg(&gains.iter().map(|(_, _, gain)| of(gain)).collect::<Vec<_>>())
        };
        let full = adjust(|gain| gain.full.p_positive);
        let strict = adjust(|gain| gain.strict.p_positive);
        let adjusted = full.into_iter().zip(strict);
        gains
            .into_iter()
            .zip(adjusted)
            .map(|((value, on_target, gain), (adjusted_p, adjusted_p_strict))| ValueGain {
                value,
                on_target,
                gain,
                adjusted_p,
                adjusted_p_strict,
            })
            .collect()
    }

    /// The verdicts on the chosen dilemmas; a post under several values counts once.
    fn verdicts(&self, chosen: impl Fn(&Judged<'_>) -> bool) -> Option<VerdictShift> {
        let chosen = self.judged.iter().filter(|row| chosen(row));
        let posts: BTreeMap<&str, &Judged<'_>> =
            chosen.map(|row| (row.cluster.as_str(), row)).collect();
        Some(VerdictShift {
            control: VerdictDistribution::new(posts.values().flat_map(|row| &row.control))?,
            steered: VerdictDistribution::new(posts.values().flat_map(|row| &row.steered))?,
        })
    }

    fn movers(&self) -> Vec<Mover> {
        let mut movers: Vec<Mover> = self.judged.iter().filter_map(Judged::mover).collect();
        movers.sort_by(|a, b| {
            let size = |mover: &Mover| mover.gain.full.abs();
            size(b).total_cmp(&size(a)).then_with(|| a.id.cmp(&b.id))
        });
        movers.truncate(JudgementShift::MOVERS);
        movers
    }
}

/// Posts that say nothing, on which an unbiased respondent would find every verdict equally
/// probable.
pub const CONTENT_FREE: [&str; 3] = ["", "N/A", "[post]"];

/// Takes out a respondent's liking for a verdict whatever the post, as measured on posts that say
/// nothing (Zhao et al., 2021, *Calibrate Before Use*).
///
/// With c the mean of the probabilities on the content-free posts, the calibrated probabilities
/// are q(v) = softmax over v of ln p(v) − ln c(v), that is p(v)/c(v) scaled to a sum of one: the
/// diagonal matrix diag(c)⁻¹ of the paper, without the second softmax that the paper takes of
/// numbers that are probabilities already. On a content-free post q is uniform.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "VerdictProbabilities", into = "VerdictProbabilities")]
pub struct Calibration {
    content_free: VerdictProbabilities,
}

/// Why a respondent cannot be calibrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// There are no verdicts on content-free posts.
    #[error("there are no verdicts on content-free posts; ask for at least one")]
    Empty,
    /// A verdict is impossible on content-free posts, so that it cannot be weighed.
    #[error("the verdict {0} has no probability on content-free posts; leave out calibration")]
    Impossible(Stance),
}

impl Calibration {
    /// The calibration by the verdicts on content-free posts.
    ///
    /// # Errors
    /// [`CalibrationError`] for no verdicts, and for a verdict that never has any probability.
    pub fn new(content_free: &[VerdictProbabilities]) -> Result<Self, CalibrationError> {
        VerdictProbabilities::mean(content_free).ok_or(CalibrationError::Empty)?.try_into()
    }

    /// The mean of the probabilities on the content-free posts.
    #[must_use]
    pub const fn content_free(&self) -> VerdictProbabilities {
        self.content_free
    }

    /// The calibrated probabilities of a post's verdicts.
    #[must_use]
    pub fn apply(&self, verdicts: &VerdictProbabilities) -> VerdictProbabilities {
        let weigh =
            |stance| verdicts.probability(stance).ln() - self.content_free.probability(stance).ln();
        // Some verdict is possible, and what is divided by is never zero.
        softmax(Stance::ALL.map(weigh)).and_then(|q| q.try_into().ok()).unwrap_or(*verdicts)
    }
}

impl TryFrom<VerdictProbabilities> for Calibration {
    type Error = CalibrationError;

    fn try_from(content_free: VerdictProbabilities) -> Result<Self, CalibrationError> {
        let impossible = |stance: &Stance| content_free.probability(*stance) <= 0.0;
        match Stance::ALL.into_iter().find(impossible) {
            Some(stance) => Err(CalibrationError::Impossible(stance)),
            None => Ok(Self { content_free }),
        }
    }
}

impl From<Calibration> for VerdictProbabilities {
    fn from(calibration: Calibration) -> Self {
        calibration.content_free
    }
}

/// Probabilities of the verdicts, in the order of [`Stance::ALL`]: NTA, YTA, Neutral. They sum to
/// one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 3]", into = "[f64; 3]")]
pub struct VerdictProbabilities([f64; 3]);

/// Three numbers that are no probabilities, even after scaling.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{0:?} are no probabilities; three finite numbers of at least 0 with a sum above 0 are")]
pub struct NotProbabilities(pub [f64; 3]);

impl VerdictProbabilities {
    /// Scales three weights to a sum of one.
    ///
    /// # Errors
    /// [`NotProbabilities`] if a weight is negative or not finite, or all are zero.
    pub fn new(weights: [f64; 3]) -> Result<Self, NotProbabilities> {
        normalised(weights).map(Self).ok_or(NotProbabilities(weights))
    }

    /// The probabilities of three candidate continuations by their log-likelihoods (natural
    /// logarithm, of any common offset); −∞ is an impossible candidate.
    ///
    /// # Errors
    /// [`NotProbabilities`] if one is NaN or +∞, or all are −∞.
    pub fn from_log_likelihoods(scores: [f64; 3]) -> Result<Self, NotProbabilities> {
        softmax(scores).map(Self).ok_or(NotProbabilities(scores))
    }

    /// The arithmetic mean, over prompt wordings or over seeds; nothing for no probabilities.
    #[must_use]
    pub fn mean<'a>(all: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let sum = all.into_iter().fold([0.0; 3], |sum, one| {
            let [nta, yta, neutral] = one.0;
            [sum[0] + nta, sum[1] + yta, sum[2] + neutral]
        });
        normalised(sum).map(Self)
    }

    /// The probabilities of NTA, YTA and Neutral.
    #[must_use]
    pub const fn probabilities(&self) -> [f64; 3] {
        self.0
    }

    /// The probability of one verdict.
    #[must_use]
    pub const fn probability(&self, stance: Stance) -> f64 {
        self.0[stance.index()]
    }

    /// The most probable verdict; of equally probable ones the first in [`Stance::ALL`].
    #[must_use]
    pub fn argmax(&self) -> Stance {
        let higher = |best: Stance, stance: Stance| {
            if self.probability(stance) > self.probability(best) { stance } else { best }
        };
        Stance::ALL.into_iter().fold(Stance::Nta, higher)
    }
}

impl TryFrom<[f64; 3]> for VerdictProbabilities {
    type Error = NotProbabilities;

    fn try_from(weights: [f64; 3]) -> Result<Self, NotProbabilities> {
        Self::new(weights)
    }
}

impl From<VerdictProbabilities> for [f64; 3] {
    fn from(probabilities: VerdictProbabilities) -> Self {
        probabilities.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judgement::testing::{close, p};
    use Stance::{Neutral, Nta, Yta};
    use proptest::prelude::*;

    #[test]
    fn calibration_by_hand() {
        let calibration = Calibration::new(&[p([0.6, 0.2, 0.2]), p([0.4, 0.3, 0.3])]).unwrap();
        close(calibration.content_free().probability(Nta), 0.5);
        // .5/.5, .3/.25, .2/.25 = 1, 1.2, .8.
        let found = calibration.apply(&p([0.5, 0.3, 0.2])).probabilities();
        close(found[0], 1.0 / 3.0);
        close(found[1], 0.4);
        close(found[2], 0.8 / 3.0);
        let uniform = calibration.apply(&calibration.content_free());
        Stance::ALL.into_iter().for_each(|stance| close(uniform.probability(stance), 1.0 / 3.0));
        assert_eq!(calibration.apply(&p([0.0, 0.0, 1.0])).probabilities(), [0.0, 0.0, 1.0]);
        let tiny = Calibration::new(&[p([1.0, 1e-300, 1e-300])]).unwrap();
        close(tiny.apply(&p([0.5, 0.5, 0.0])).probability(Yta), 1.0);

        assert_eq!(Calibration::new(&[]), Err(CalibrationError::Empty));
        assert_eq!(
            Calibration::new(&[p([0.5, 0.5, 0.0])]),
            Err(CalibrationError::Impossible(Neutral))
        );
        let json = serde_json::to_string(&calibration).unwrap();
        assert_eq!(serde_json::from_str::<Calibration>(&json).unwrap(), calibration);
        assert!(serde_json::from_str::<Calibration>("[0.5,0.5,0]").is_err());
        assert_eq!(CONTENT_FREE.len(), 3);
    }

    proptest! {
        #[test]
        fn calibration_keeps_ratios(
            verdicts in prop::array::uniform3(1e-6..1.0f64),
            content_free in prop::array::uniform3(1e-6..1.0f64),
        ) {
            let (verdicts, content_free) = (p(verdicts), p(content_free));
            let calibration = Calibration::new(&[content_free]).unwrap();
            let found = calibration.apply(&verdicts);
            let odds = |of: &VerdictProbabilities| of.probability(Nta) / of.probability(Yta);
            let expected = odds(&verdicts) / odds(&content_free);
            prop_assert!((odds(&found) / expected - 1.0).abs() < 1e-9);
            prop_assert!((found.probabilities().iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let json = serde_json::to_string(&found).unwrap();
            prop_assert_eq!(serde_json::from_str::<VerdictProbabilities>(&json).unwrap(), found);
        }
    }

    #[test]
    fn probabilities_by_hand() {
        let found = p([1.0, 2.0, 1.0]);
        assert_eq!(found.probabilities(), [0.25, 0.5, 0.25]);
        assert_eq!((found.probability(Yta), found.argmax()), (0.5, Yta));
        assert_eq!(p([0.3, 0.3, 0.4]).argmax(), Neutral);
        assert_eq!(p([1.0; 3]).argmax(), Nta);
        let scored = VerdictProbabilities::from_log_likelihoods([
            -700.0,
            -700.0 - 2f64.ln(),
            f64::NEG_INFINITY,
        ])
        .unwrap();
        close(scored.probability(Nta), 2.0 / 3.0);
        assert_eq!(scored.probability(Neutral), 0.0);
        let mean = VerdictProbabilities::mean(&[p([1.0, 0.0, 0.0]), p([0.0, 0.5, 0.5])]).unwrap();
        assert_eq!(mean.probabilities(), [0.5, 0.25, 0.25]);
        assert_eq!(VerdictProbabilities::mean(&[]), None);
    }

    #[test]
    fn probabilities_are_refused_if_they_are_none_and_survive_json() {
        for weights in [[0.0; 3], [-0.1, 1.0, 0.1], [f64::NAN, 1.0, 1.0]] {
            let error = VerdictProbabilities::new(weights).unwrap_err();
            assert!(error.to_string().contains("are no probabilities"));
        }
        assert!(VerdictProbabilities::from_log_likelihoods([f64::NEG_INFINITY; 3]).is_err());
        assert!(VerdictProbabilities::from_log_likelihoods([0.0, f64::NAN, 0.0]).is_err());
        assert!(serde_json::from_str::<VerdictProbabilities>("[0,0,0]").is_err());
        let third = p([1.0, 1.0, 1.0]);
        let json = serde_json::to_string(&third).unwrap();
        assert_eq!(serde_json::from_str::<VerdictProbabilities>(&json).unwrap(), third);
    }
}
