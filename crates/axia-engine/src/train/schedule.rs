//! Learning-rate schedules.

use serde::{Deserialize, Serialize};

/// How the learning rate falls after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// It stays.
    Constant,
    /// In a straight line that would reach zero one step after the last.
    Linear,
    /// Half a cosine wave that would reach zero one step after the last.
    Cosine,
}

impl Schedule {
    /// The factor on the learning rate at `step` (from 0) of `total`.
    ///
    /// It climbs in a straight line over the first `warmup` steps and is 1 at step `warmup`, where
    /// the fall begins. transformers' schedules climb from zero and so waste the very first step;
    /// here step `s` of the warm-up has the factor `(s + 1) / (warmup + 1)`.
    pub fn factor(self, step: usize, total: usize, warmup: usize) -> f64 {
        if step < warmup {
            return (step + 1) as f64 / (warmup + 1) as f64;
        }
        let rest = total.saturating_sub(warmup).max(1) as f64;
        let done = ((step - warmup) as f64 / rest).min(1.0);
        match self {
            Self::Constant => 1.0,
            Self::Linear => 1.0 - done,
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * done).cos()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points() {
        for schedule in [Schedule::Constant, Schedule::Linear, Schedule::Cosine] {
            assert_eq!(schedule.factor(0, 10, 0), 1.0);
            assert_eq!(schedule.factor(0, 10, 3), 0.25);
            assert_eq!(schedule.factor(3, 13, 3), 1.0);
        }
        assert_eq!(Schedule::Linear.factor(5, 10, 0), 0.5);
        assert!((Schedule::Cosine.factor(5, 10, 0) - 0.5).abs() < 1e-12);
        assert_eq!(Schedule::Linear.factor(99, 10, 0), 0.0);
        assert_eq!(Schedule::Constant.factor(99, 10, 0), 1.0);
    }
}
