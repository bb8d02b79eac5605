//! Whether a control can be compared with at all.

use serde::{Deserialize, Serialize};

use crate::profile::Scores;
use crate::stats::{rank_correlation, sample_sd};

/// A control whose items differ by less than this share of the base's has lost what it should keep.
const LEAST_SPREAD: f64 = 0.1;
/// The same of one that orders the items otherwise than the base.
const LEAST_CORRELATION: f64 = 0.5;

/// What is left in a control of the base's answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlCheck {
    /// The training seed.
    pub seed: u64,
    /// Standard deviation of the control's item scores.
    pub control_sd: f64,
    /// Standard deviation of the base's.
    pub base_sd: f64,
    /// Spearman's correlation of the two over the items; `None` where one of them does not vary.
    pub rank_correlation: Option<f64>,
}

impl ControlCheck {
    /// Compares a control with the base, item by item; `None` with fewer than two items.
    #[must_use]
    pub fn new(seed: u64, base: &Scores, control: &Scores) -> Option<Self> {
        let pairs: Vec<(f64, f64)> = base
            .items
            .iter()
            .filter_map(|own| {
                let other = control.items.iter().find(|other| other.item == own.item)?;
                own.mean.zip(other.mean)
            })
            .collect();
        let (of_base, of_control): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        Some(Self {
            seed,
            control_sd: sample_sd(&of_control)?,
            base_sd: sample_sd(&of_base)?,
            rank_correlation: rank_correlation(&pairs),
        })
    }

    /// Whether the control answers alike whatever it is asked, or in another order than the base:
    /// a comparison with it says nothing about the target.
    #[must_use]
    pub fn is_degenerate(&self) -> bool {
        self.control_sd < LEAST_SPREAD * self.base_sd
            || self.rank_correlation.is_none_or(|r| r < LEAST_CORRELATION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::{Dimension, Split};
    use crate::profile::{ItemScore, Readout};
    use std::collections::BTreeMap;

    fn scores(means: &[f64]) -> Scores {
        let item = |(at, &mean): (usize, &f64)| ItemScore {
            item: format!("item-{at}"),
            dimension: Dimension::Named("x".into()),
            split: Split::Test,
            mean: Some(mean),
            by_variant: BTreeMap::new(),
            by_repetition: Vec::new(),
            invalid: 0,
            replies: 1,
        };
        Scores { readout: Readout::Expected, items: means.iter().enumerate().map(item).collect() }
    }

    #[test]
    fn constant_and_scrambled_controls_are_degenerate() {
        let base = scores(&[1.0, 2.0, 3.0, 4.0]);
        let check = |control: &[f64]| ControlCheck::new(7, &base, &scores(control)).unwrap();
        let close = check(&[1.5, 2.0, 2.5, 3.0]);
        assert_eq!((close.seed, close.rank_correlation), (7, Some(1.0)));
        assert!((close.control_sd / close.base_sd - 0.5).abs() < 1e-12 && !close.is_degenerate());
        assert!(check(&[3.0, 3.0, 3.0, 3.0]).is_degenerate(), "constant");
        assert!(check(&[3.0, 3.001, 3.002, 3.003]).is_degenerate(), "all but constant");
        assert!(check(&[4.0, 3.0, 2.0, 1.0]).is_degenerate(), "the other way round");
        assert!(ControlCheck::new(0, &scores(&[1.0]), &scores(&[1.0])).is_none());
    }
}
