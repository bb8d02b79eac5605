//! The rotary position embedding.

use std::f64::consts::TAU;

/// How positions turn into angles.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    /// The base of the frequencies: pair i of a head turns by `theta^(-2 i / head_dim)` per position.
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
    /// A divisor for each frequency, as GGUF files hold them (`rope_freqs.weight`).
    Divisors(Vec<f32>),
}

impl Rope {
    /// The angle per position of each rotated pair, in radians.
    ///
    /// # Shapes
    /// returns: (head_dim / 2)
    pub fn frequencies(&self, head_dim: usize) -> Vec<f64> {
        (0..head_dim / 2)
            .map(|pair| {
                let frequency = self.theta.powf(-2.0 * pair as f64 / head_dim as f64);
                self.scaling.apply(pair, frequency)
            })
            .collect()
    }
}

impl RopeScaling {
    fn apply(&self, pair: usize, frequency: f64) -> f64 {
        match self {
            Self::None => frequency,
            Self::Linear { factor } => frequency / factor,
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
            Self::Divisors(divisors) => {
                frequency / divisors.get(pair).map_or(1.0, |divisor| f64::from(*divisor))
            }
        }
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
        Rope { theta, scaling }.frequencies(4)
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
}
