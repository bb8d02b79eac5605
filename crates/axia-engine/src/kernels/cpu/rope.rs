//! Rotary position embedding (Su et al. 2021), in the half-split layout of Hugging Face models.

use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// Cosines and sines of the rotary angles, one row per position: half as many as a head has
/// dimensions, or fewer where only its leading ones are turned.
#[derive(Debug, Clone)]
pub struct RopeTable {
    half: usize,
    head_dim: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
    /// Its number; copies share it.
    id: u64,
}

impl RopeTable {
    /// Angles `position · frequency` for `positions` positions of heads of `head_dim`, with
    /// `magnitude` as a factor on cosines and sines; computed in double precision.
    pub fn new(frequencies: &[f64], magnitude: f64, head_dim: usize, positions: usize) -> Self {
        let half = frequencies.len();
        let angles = (0..positions).flat_map(|p| frequencies.iter().map(move |f| p as f64 * f));
        let turn = |a: f64| ((magnitude * a.cos()) as f32, (magnitude * a.sin()) as f32);
        let (cos, sin) = angles.map(turn).unzip();
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self { half, head_dim, cos, sin, id: LAST.fetch_add(1, Ordering::Relaxed) }
    }

    /// Tells tables apart: equal for a table and its copies only.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Angles of a position: at most half the width of a head.
    pub fn half(&self) -> usize {
        self.half
    }

    /// The width of a head.
    pub fn head_dim(&self) -> usize {
        self.head_dim
    }

    /// Cosines and sines `(positions, half)`.
    pub fn angles(&self) -> [&[f32]; 2] {
        [&self.cos, &self.sin]
    }

    /// Positions the table covers.
    pub fn positions(&self) -> usize {
        self.cos.len().checked_div(self.half).unwrap_or(0)
    }
}

/// Which way to turn: the backward pass of a rotation is the opposite rotation, with the same
/// magnitude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The forward pass.
    Forward,
    /// The gradient's way back.
    Backward,
}

/// Rotates every head of `x` `(tokens, heads · head_dim)` in place by its token's position.
pub(crate) fn rope(x: &mut [f32], positions: &[u32], table: &RopeTable, rotation: Rotation) {
    if positions.is_empty() {
        return;
    }
    let half = table.half;
    let width = x.len() / positions.len();
    let sign = if rotation == Rotation::Forward { 1.0 } else { -1.0 };
    x.par_chunks_mut(width).zip(positions).with_min_len(16).for_each(|(row, &position)| {
        let at = position as usize * half;
        let (cos, sin) = (&table.cos[at..at + half], &table.sin[at..at + half]);
        for head in row.chunks_exact_mut(table.head_dim) {
            let (first, second) = head[..2 * half].split_at_mut(half);
            for i in 0..half {
                let (a, b, s) = (first[i], second[i], sign * sin[i]);
                first[i] = a * cos[i] - b * s;
                second[i] = b * cos[i] + a * s;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::testing::random;
    use super::*;

    #[test]
    fn a_quarter_turn_swaps_the_halves() {
        let table = RopeTable::new(&[std::f64::consts::FRAC_PI_2], 1.0, 2, 2);
        let mut x = vec![1.0, 2.0];
        rope(&mut x, &[1], &table, Rotation::Forward);
        assert!((x[0] + 2.0).abs() < 1e-6 && (x[1] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn backward_undoes_forward() {
        let table = RopeTable::new(&[1.0, 0.1, 0.01], 1.0, 6, 50);
        let x = random(4 * 12, 7);
        let mut y = x.clone();
        rope(&mut y, &[0, 3, 17, 49], &table, Rotation::Forward);
        assert_eq!(x[..12], y[..12], "position 0 is not turned");
        rope(&mut y, &[0, 3, 17, 49], &table, Rotation::Backward);
        for (a, b) in x.iter().zip(&y) {
            assert!((a - b).abs() < 1e-5);
        }
    }

    #[test]
    fn what_lies_behind_the_rotated_part_stays_and_the_rest_is_scaled() {
        let table = RopeTable::new(&[std::f64::consts::FRAC_PI_2], 3.0, 4, 2);
        let mut x = vec![1.0, 2.0, 7.0, 8.0];
        rope(&mut x, &[1], &table, Rotation::Forward);
        for (found, expected) in x.iter().zip([-6.0, 3.0, 7.0, 8.0]) {
            assert!((found - expected).abs() < 1e-5, "{x:?}");
        }
    }

    #[test]
    fn the_backward_pass_is_the_gradient_with_magnitude_and_partial_heads() {
        let table = RopeTable::new(&[0.7, 0.2], 1.3, 6, 9);
        let (x, dy) = (random(2 * 12, 3), random(2 * 12, 4));
        let mut dx = dy.clone();
        rope(&mut dx, &[2, 8], &table, Rotation::Backward);
        super::super::testing::check_gradient(&x, &dx, |x| {
            let mut y = x.to_vec();
            rope(&mut y, &[2, 8], &table, Rotation::Forward);
            y.iter().zip(&dy).map(|(&y, &d)| f64::from(y) * f64::from(d)).sum()
        });
    }
}
