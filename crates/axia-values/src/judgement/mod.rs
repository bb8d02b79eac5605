//! Moral judgements: the probabilities of verdicts on posts, and how steering moves them.
//!
//! The measure is the probability gain of Nie et al. (2025), *Survey-to-Behavior*: how much
//! probability moved from the verdict of people to whom a value is dear to the verdict of people
//! to whom it means little. See [`probability_gain`] and [`JudgementShift`].

mod calibration;
mod compute;
mod gain;
mod model;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use calibration::{
    CONTENT_FREE, Calibration, CalibrationError, NotProbabilities, VerdictProbabilities,
};
pub use gain::{Gain, GainCell, GainMatrix, GainRow, probability_gain};
pub use model::{
    GainSummary, JudgementError, JudgementRun, JudgementShift, Mover, ValueGain,
    VerdictDistribution, VerdictShift, Verdicts,
};
