//! The rotary position embedding.

use std::f64::consts::TAU;

/// How positions turn into angles.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    /// The base of the frequencies: pair i of a head turns by `theta^(-2 i / width)` per position,
    /// where `width` dimensions of it are turned.
    pub theta: f64,
    /// A change of the frequencies for longer contexts.
    pub scaling: RopeScaling,
}

/// A change of the rotary frequencies.
#[derive(Clone, Debug, PartialEq)]
pub enum RopeScaling {
    /// None.
    None,
    /// All frequencies are divided by `factor`.
    Linear {
        /// The divisor.
        factor: f64,
    },
    /// Only the first pairs of a head turn; all frequencies are divided by `factor`.
    Proportional {
        /// The part of a head's pairs that turns.
        share: f64,
        /// The divisor.
        factor: f64,
    },
    /// Dynamic NTK: texts longer than the original context have a larger base, by their length.
    Dynamic {
        /// How fast the base grows with the length.
        factor: f64,
        /// The context up to which nothing changes, in tokens.
        original_max_positions: usize,
    },
    /// Llama 3.1's: low frequencies are divided by `factor`, high ones kept, those between blended.
    Llama3 {
        /// The divisor of low frequencies.
        factor: f64,
        /// Wavelengths beyond `original_max_positions / low_frequency_factor` are divided in full.
        low_frequency_factor: f64,
        /// Wavelengths below `original_max_positions / high_frequency_factor` are kept.
        high_frequency_factor: f64,
        /// The context the model was first trained with, in tokens.
        original_max_positions: usize,
    },
    /// YaRN (Peng et al. 2023): low frequencies are divided by `factor`, high ones kept, with a ramp
    /// over the pairs between; sines and cosines are scaled.
    Yarn(Yarn),
    /// LongRoPE (Ding et al. 2024): a divisor for each frequency, from one list or the other by the
    /// text's length; sines and cosines are scaled.
    LongRope(LongRope),
    /// A divisor for each frequency, as GGUF files hold them (`rope_freqs.weight`).
    Divisors(Vec<f32>),
}

/// The settings of [`RopeScaling::Yarn`].
#[derive(Clone, Debug, PartialEq)]
pub struct Yarn {
    /// The divisor of low frequencies.
    pub factor: f64,
    /// Factor on sines and cosines.
    pub attention_factor: f64,
    /// The ramp begins at the pair that turns this often within the original context, ...
    pub beta_fast: f64,
    /// ... and ends at the pair that turns this often.
    pub beta_slow: f64,
    /// Whether the ramp's ends are rounded outward to whole pairs.
    pub truncate: bool,
    /// The context the model was first trained with, in tokens.
    pub original_max_positions: usize,
}

/// The settings of [`RopeScaling::LongRope`].
#[derive(Clone, Debug, PartialEq)]
pub struct LongRope {
    /// Divisors for texts of at most the original context, one for each pair.
    pub short_factors: Vec<f64>,
    /// Divisors for longer texts.
    pub long_factors: Vec<f64>,
    /// Factor on sines and cosines.
    pub attention_factor: f64,
    /// The context the model was first trained with, in tokens.
    pub original_max_positions: usize,
}

impl Rope {
    /// The angle per position of each rotated pair, in radians, in a text of `length` tokens of which
    /// `width` dimensions of each head are turned.
    ///
    /// # Shapes
    /// returns: (width / 2)
    pub fn frequencies(&self, width: usize, length: usize) -> Vec<f64> {
        let theta = self.scaling.base(self.theta, width, length);
        let plain = (0..width / 2).map(|pair| theta.powf(-2.0 * pair as f64 / width as f64));
        match &self.scaling {
            RopeScaling::Yarn(yarn) => {
                let (low, high) = yarn.ramp(theta, width);
                let scaled = |(pair, frequency): (usize, f64)| {
                    let divided = ((pair as f64 - low) / (high - low)).clamp(0.0, 1.0);
                    frequency * (divided / yarn.factor + 1.0 - divided)
                };
                plain.enumerate().map(scaled).collect()
            }
            scaling => {
                let scaled =
                    |(pair, frequency)| scaling.apply((pair, width / 2), length, frequency);
                plain.enumerate().map(scaled).collect()
            }
        }
    }

    /// Factor on sines and cosines.
    pub fn magnitude(&self) -> f64 {
        match &self.scaling {
            RopeScaling::Yarn(yarn) => yarn.attention_factor,
            RopeScaling::LongRope(long) => long.attention_factor,
            _ => 1.0,
        }
    }

    /// What of a text's length the frequencies depend on: texts of equal reach have the same.
    pub fn reach(&self, length: usize) -> usize {
        match &self.scaling {
            RopeScaling::Dynamic { original_max_positions, .. } => {
                length.max(*original_max_positions)
            }
            RopeScaling::LongRope(long) => usize::from(length > long.original_max_positions),
            _ => 0,
        }
    }
}

impl RopeScaling {
    fn base(&self, theta: f64, width: usize, length: usize) -> f64 {
        match self {
            Self::Dynamic { factor, original_max_positions: original }
                if length > *original && width > 2 =>
            {
                let stretch = factor * length as f64 / *original as f64 - (factor - 1.0);
                theta * stretch.powf(width as f64 / (width - 2) as f64)
            }
            _ => theta,
        }
    }

    /// The frequency of the `pair`-th of `pairs`.
    fn apply(&self, (pair, pairs): (usize, usize), length: usize, frequency: f64) -> f64 {
        match self {
            Self::None | Self::Dynamic { .. } | Self::Yarn(_) => frequency,
            Self::Linear { factor } => frequency / factor,
            Self::Proportional { share, factor } => {
                let turned = (share * pairs as f64) as usize;
                if pair < turned { frequency / factor } else { 0.0 }
            }
            Self::Llama3 {
                factor,
                low_frequency_factor: low,
                high_frequency_factor: high,
                original_max_positions,
            } => {
                // How often the pair turns within the original context.
                let turns = *original_max_positions as f64 * frequency / TAU;
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                kept * frequency + (1.0 - kept) * frequency / factor
            }
            Self::LongRope(long) => {
                let factors = match length > long.original_max_positions {
                    true => &long.long_factors,
                    false => &long.short_factors,
                };
                frequency / factors.get(pair).copied().unwrap_or(1.0)
            }
            Self::Divisors(divisors) => {
                frequency / divisors.get(pair).map_or(1.0, |divisor| f64::from(*divisor))
            }
        }
    }
}

impl Yarn {
    /// The factor on sines and cosines that the paper recommends: `0.1 ln(factor) + 1`.
    pub fn recommended_attention_factor(factor: f64) -> f64 {
        Self::attention_factor_of(factor, 1.0)
    }

    /// Like [`Yarn::recommended_attention_factor`], with a factor on the logarithm.
    pub(super) fn attention_factor_of(factor: f64, scale: f64) -> f64 {
        if factor <= 1.0 { 1.0 } else { 0.1 * scale * factor.ln() + 1.0 }
    }

    /// The pairs at which the ramp begins and ends.
    fn ramp(&self, theta: f64, width: usize) -> (f64, f64) {
        let context = self.original_max_positions as f64;
        // The pair that turns so often: the inverse of its frequency's formula.
        let pair = |turns: f64| width as f64 * (context / (turns * TAU)).ln() / (2.0 * theta.ln());
        let (mut low, mut high) = (pair(self.beta_fast), pair(self.beta_slow));
        if self.truncate {
            (low, high) = (low.floor(), high.ceil());
        }
        let (low, high) = (low.max(0.0), high.min(width as f64 - 1.0));
        // No division by zero; the step itself is transformers'.
        if low == high { (low, high + 0.001) } else { (low, high) }
    }
}

impl LongRope {
    /// The factor on sines and cosines that the paper recommends:
    /// `√(1 + ln(factor) / ln(original context))`.
    pub(super) fn recommended_attention_factor(factor: f64, context: usize) -> f64 {
        if factor <= 1.0 { 1.0 } else { (1.0 + factor.ln() / (context as f64).ln()).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: &[f64], right: &[f64]) {
        assert_eq!(left.len(), right.len());
        for (left, right) in left.iter().zip(right) {
            assert!((left - right).abs() < 1e-12, "{left} is not {right}");
        }
    }

    fn frequencies(theta: f64, scaling: RopeScaling) -> Vec<f64> {
        Rope { theta, scaling }.frequencies(4, 1)
    }

    #[test]
    fn plain_and_divided_frequencies() {
        close(&frequencies(10_000.0, RopeScaling::None), &[1.0, 0.01]);
        let linear = RopeScaling::Linear { factor: 4.0 };
        close(&frequencies(10_000.0, linear), &[0.25, 0.0025]);
        let divisors = RopeScaling::Divisors(vec![1.0, 8.0]);
        close(&frequencies(10_000.0, divisors), &[1.0, 0.00125]);
    }

    #[test]
    fn llama3_keeps_blends_and_divides() {
        let scaling = |positions| RopeScaling::Llama3 {
            factor: 8.0,
            low_frequency_factor: 1.0,
            high_frequency_factor: 4.0,
            original_max_positions: positions,
        };
        // 64 positions: the first pair turns 10.2 times (kept), the second 0.1 times (divided).
        close(&frequencies(10_000.0, scaling(64)), &[1.0, 0.00125]);
        // 16 positions: the first pair turns 2.546 times: 0.5154 of it kept.
        let kept = (16.0 / TAU - 1.0) / 3.0;
        close(&frequencies(10_000.0, scaling(16)), &[kept + (1.0 - kept) / 8.0, 0.00125]);
    }

    #[test]
    fn dynamic_bases_grow_with_texts_beyond_the_original_context() {
        let scaling = RopeScaling::Dynamic { factor: 4.0, original_max_positions: 8 };
        let rope = Rope { theta: 100.0, scaling };
        close(&rope.frequencies(4, 8), &[1.0, 0.1]);
        // At twice the context the base grows 5²-fold: 4 · 16 / 8 − 3 = 5, to the power 4 / 2.
        close(&rope.frequencies(4, 16), &[1.0, 0.02]);
        assert_eq!((rope.reach(3), rope.reach(8), rope.reach(16)), (8, 8, 16));
    }

    #[test]
    fn long_factors_are_for_long_texts() {
        let long = LongRope {
            short_factors: vec![1.0, 2.0],
            long_factors: vec![4.0, 8.0],
            attention_factor: 1.25,
            original_max_positions: 8,
        };
        let rope = Rope { theta: 100.0, scaling: RopeScaling::LongRope(long) };
        close(&rope.frequencies(4, 8), &[1.0, 0.05]);
        close(&rope.frequencies(4, 9), &[0.25, 0.0125]);
        assert_eq!((rope.reach(8), rope.reach(9), rope.reach(99)), (0, 1, 1));
        assert_eq!(rope.magnitude(), 1.25);
        let recommended = LongRope::recommended_attention_factor(32.0, 4096);
        assert!((recommended - (1.0f64 + 5.0 / 12.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn yarn_divides_behind_its_ramp() {
        let mut yarn = Yarn {
            factor: 4.0,
            attention_factor: 1.0,
            beta_fast: 32.0,
            beta_slow: 1.0,
            truncate: true,
            original_max_positions: 64,
        };
        // Bounds before rounding: below 0 for 32 turns; 8 ln(64 / 2π) / (2 ln 10⁴) = 1.008 for one.
        let of = |yarn: &Yarn| {
            let scaling = RopeScaling::Yarn(yarn.clone());
            Rope { theta: 1e4, scaling }.frequencies(8, 1)
        };
        close(&of(&yarn), &[1.0, 0.1 * (0.5 / 4.0 + 0.5), 0.01 / 4.0, 0.001 / 4.0]);
        yarn.truncate = false;
        let end = 4.0 * (64.0 / TAU).ln() / 1e4f64.ln();
        let divided = 1.0 / end;
        let second = 0.1 * (divided / 4.0 + 1.0 - divided);
        close(&of(&yarn), &[1.0, second, 0.01 / 4.0, 0.001 / 4.0]);
        assert!((Yarn::recommended_attention_factor(4.0) - 1.138_629_436).abs() < 1e-9);
        assert_eq!(Yarn::recommended_attention_factor(0.5), 1.0);
    }

    #[test]
    fn a_share_of_the_pairs_turns() {
        let scaling = RopeScaling::Proportional { share: 0.75, factor: 2.0 };
        let found = Rope { theta: 1e4, scaling }.frequencies(8, 1);
        close(&found, &[0.5, 0.05, 0.005, 0.0]);
    }
}
