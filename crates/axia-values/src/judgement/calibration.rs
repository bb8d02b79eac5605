//! Contextual calibration.

use serde::{Deserialize, Serialize};

use super::VerdictProbabilities;
use crate::dilemma::Stance;
use crate::simplex::softmax;

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::judgement::testing::{close, p};
    use Stance::{Neutral, Nta, Yta};

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
}
