//! Steered values × values of posts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{GainSummary, JudgementError, JudgementShift, ValueGain};
use crate::stats::{Estimate, benjamini_hochberg};
use crate::target::Direction;
use crate::taxonomy::{RefinedValue, Value};

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
