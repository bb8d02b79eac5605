//! Probabilities of verdicts, and calibration by the answers to a post without content.

use crate::dilemma::Stance;
use crate::simplex::{normalised, softmax};
use serde::{Deserialize, Serialize};

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
