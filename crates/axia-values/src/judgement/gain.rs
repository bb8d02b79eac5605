//! The probability gain.

use serde::{Deserialize, Serialize};

use super::VerdictProbabilities;
use crate::dilemma::Stance;
use crate::target::Direction;

/// How much probability moved from the verdict of people high on a value to that of people low
/// on it, on one post. Both numbers lie in −2…2.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gain {
    /// Δp(low) − Δp(high) + ½·Δp(third).
    pub full: f64,
    /// Δp(low) − Δp(high).
    pub strict: f64,
}

/// The probability gain on a post, with Δp = p(steered) − p(control):
/// PG = Δp(low) − Δp(high) + ½·Δp(third), where the third verdict is neither that of people high
/// on the value nor that of people low on it; the strict gain leaves the third out. Positive:
/// moved as a lowered value predicts. Nothing if both stances are the same.
#[must_use]
pub fn probability_gain(
    steered: &VerdictProbabilities,
    control: &VerdictProbabilities,
    high_stance: Stance,
    low_stance: Stance,
) -> Option<Gain> {
    let third = high_stance.third(low_stance)?;
    let delta = |stance| steered.probability(stance) - control.probability(stance);
    let strict = delta(low_stance) - delta(high_stance);
    Some(Gain { full: strict + 0.5 * delta(third), strict })
}

impl Gain {
    /// The gain with the sign of what was wanted: as it is for a value steered down, negated for
    /// a value steered up, so that positive always means moved as intended.
    #[must_use]
    pub fn towards(self, direction: Direction) -> Self {
        let sign = -direction.sign();
        Self { full: sign * self.full, strict: sign * self.strict }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::judgement::testing::{close, p};
    use Stance::{Neutral, Nta, Yta};

    #[test]
    fn gains_by_hand() {
        let control = p([0.5, 0.3, 0.2]);
        let gain = |steered, high, low| probability_gain(&p(steered), &control, high, low).unwrap();
        // Three tenths move from the high stance to the low one.
        let moved = gain([0.2, 0.6, 0.2], Nta, Yta);
        close(moved.full, 0.6);
        close(moved.strict, 0.6);
        // Three tenths move from the high stance to the third.
        let softened = gain([0.2, 0.3, 0.5], Nta, Yta);
        close(softened.full, 0.3 + 0.15);
        close(softened.strict, 0.3);
        // With Neutral the low stance, YTA is the third: Δ = −.3, +.1, +.2.
        let neutral = gain([0.2, 0.4, 0.4], Nta, Neutral);
        close(neutral.full, 0.2 + 0.3 + 0.05);
        close(neutral.strict, 0.5);
        let up = moved.towards(Direction::Up);
        close(up.full, -0.6);
        close(up.strict, -0.6);
        assert_eq!(moved.towards(Direction::Down), moved);
        assert_eq!(probability_gain(&control, &control, Yta, Yta), None);
        // The bounds are reached.
        let all = probability_gain(&p([0.0, 1.0, 0.0]), &p([1.0, 0.0, 0.0]), Nta, Yta).unwrap();
        assert_eq!(all, Gain { full: 2.0, strict: 2.0 });
    }

    proptest! {
        #[test]
        fn gains_are_antisymmetric_bounded_and_zero_for_equals(
            steered in prop::array::uniform3(1e-6..1.0f64),
            control in prop::array::uniform3(1e-6..1.0f64),
            high in 0..3usize,
            step in 1..3usize,
        ) {
            let (high, low) = (Stance::ALL[high], Stance::ALL[(high + step) % 3]);
            let (steered, control) = (p(steered), p(control));
            let there = probability_gain(&steered, &control, high, low).unwrap();
            let back = probability_gain(&control, &steered, high, low).unwrap();
            prop_assert_eq!(there.full, -back.full);
            prop_assert_eq!(there.strict, -back.strict);
            prop_assert!(there.full.abs() <= 2.0 && there.strict.abs() <= 2.0);
            let still = probability_gain(&steered, &steered, high, low).unwrap();
            prop_assert_eq!(still, Gain { full: 0.0, strict: 0.0 });
            // The three changes cancel, so that the full gain is ½·Δp(low) − 1½·Δp(high).
            let delta = |stance| steered.probability(stance) - control.probability(stance);
            prop_assert!((there.full - (0.5 * delta(low) - 1.5 * delta(high))).abs() < 1e-12);
        }
    }
}
