//! Probabilities of the three verdicts.

use serde::{Deserialize, Serialize};

use crate::dilemma::Stance;
use crate::simplex::{normalised, softmax};

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
