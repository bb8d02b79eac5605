//! The probability gain, and the matrix of steered values × values of posts.

use super::{GainSummary, JudgementError, JudgementShift, ValueGain, VerdictProbabilities};
use crate::dilemma::Stance;
use crate::stats::{Estimate, benjamini_hochberg};
use crate::target::Direction;
use crate::taxonomy::{RefinedValue, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

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

/// What steering each target did to the judgement of the posts of each value. Targets and values
/// are in circular order, so that neighbours on the circle are neighbours in the matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GainMatrix {
    /// Version of this format.
    pub format_version: u32,
    /// The values of the posts: every value that has posts in some row.
    pub columns: Vec<Value>,
    /// One row for each target and direction.
    pub rows: Vec<GainRow>,
}

/// What steering one target did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GainRow {
    /// Name of the target, see [`JudgementShift::target_name`].
    pub name: String,
    /// The refined values that were steered.
    pub target: Vec<RefinedValue>,
    /// Whether they were lowered or raised; gains are sign-corrected.
    pub direction: Direction,
    /// Gains on the target's own posts.
    pub on_target: Option<GainSummary>,
    /// The p-value of the full gain on the target's own posts, adjusted for the number of targets
    /// (Benjamini–Hochberg).
    pub adjusted_p: Option<f64>,
    /// One cell for each column; nothing where the row has no posts of that value.
    pub cells: Vec<Option<GainCell>>,
}

/// The mean gain of one target on the posts of one value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GainCell {
    /// Whether the whole value of the posts was steered.
    pub on_target: bool,
    /// Mean full gain, sign-corrected.
    pub gain: Estimate,
    /// Mean strict gain, sign-corrected.
    pub strict: Estimate,
    /// Different posts.
    pub posts: usize,
    /// Whether there are fewer than [`crate::stats::MIN_EXAMPLES`] posts.
    pub underpowered: bool,
}

impl GainMatrix {
    /// The version that this crate writes.
    pub const FORMAT_VERSION: u32 = 1;

    /// The matrix with the posts of each refined value in a column.
    ///
    /// # Errors
    /// [`JudgementError::DuplicateTarget`] if two shifts have the same target and direction.
    pub fn refined(shifts: &[JudgementShift]) -> Result<Self, JudgementError> {
        Self::new(shifts, |shift| &shift.refined)
    }

    /// The matrix with the posts of each basic value in a column.
    ///
    /// # Errors
    /// [`JudgementError::DuplicateTarget`] if two shifts have the same target and direction.
    pub fn basic(shifts: &[JudgementShift]) -> Result<Self, JudgementError> {
        Self::new(shifts, |shift| &shift.basic)
    }

    fn new(
        shifts: &[JudgementShift],
        values: impl Fn(&JudgementShift) -> &[ValueGain],
    ) -> Result<Self, JudgementError> {
        let mut shifts: Vec<&JudgementShift> = shifts.iter().collect();
        shifts.sort_by_key(|shift| (&shift.target, shift.direction));
        let mut neighbours = shifts.iter().zip(shifts.iter().skip(1));
        if let Some((_, twice)) = neighbours.find(|(a, b)| same_target(a, b)) {
            return Err(JudgementError::DuplicateTarget {
                target: twice.target_name(),
                direction: twice.direction,
            });
        }
        let columns: BTreeSet<Value> =
            shifts.iter().flat_map(|shift| values(shift)).map(|gain| gain.value).collect();
        let columns: Vec<Value> = columns.into_iter().collect();
        let row = |shift: &&JudgementShift| row(shift, values(shift), &columns);
        let mut rows: Vec<GainRow> = shifts.iter().map(row).collect();
        adjust(&mut rows);
        Ok(Self { format_version: Self::FORMAT_VERSION, columns, rows })
    }
}

fn same_target(a: &JudgementShift, b: &JudgementShift) -> bool {
    (&a.target, a.direction) == (&b.target, b.direction)
}

fn row(shift: &JudgementShift, values: &[ValueGain], columns: &[Value]) -> GainRow {
    let cell = |column: &Value| {
        let found = values.iter().find(|gain| gain.value == *column)?;
        Some(GainCell {
            on_target: found.on_target,
            gain: found.gain.full.weighted,
            strict: found.gain.strict.weighted,
            posts: found.gain.full.clusters,
            underpowered: found.gain.full.underpowered,
        })
    };
    GainRow {
        name: shift.target_name(),
        target: shift.target.clone(),
        direction: shift.direction,
        on_target: shift.on_target.clone(),
        adjusted_p: None,
        cells: columns.iter().map(cell).collect(),
    }
}

/// Adjusts the p-values of the rows' own targets for the number of rows.
fn adjust(rows: &mut [GainRow]) {
    let own = |row: &GainRow| row.on_target.as_ref().map_or(f64::NAN, |gain| gain.full.p_positive);
    let adjusted = benjamini_hochberg(&rows.iter().map(own).collect::<Vec<_>>());
    for (row, adjusted) in rows.iter_mut().zip(adjusted) {
        row.adjusted_p = (!adjusted.is_nan()).then_some(adjusted);
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
