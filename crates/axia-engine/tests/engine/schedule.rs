//! Learning rates at the corners of schedules.

use crate::tiny::{fresh, model, rows, run, settings};
use axia_engine::train::{Optimizer, Schedule, TrainData, TrainSettings};
use proptest::prelude::*;

const ALL: [Schedule; 3] = [Schedule::Constant, Schedule::Linear, Schedule::Cosine];

/// Learning rates of a run over `steps` steps with a peak of 1e-3.
fn rates(schedule: Schedule, steps: usize, warmup: f64) -> Vec<f64> {
    let decoder = model();
    let data = TrainData { train: rows(2), ..TrainData::default() };
    let optimizer = Optimizer { lr: 1e-3, ..Optimizer::default() };
    let settings =
        TrainSettings { batch_rows: 2, epochs: steps, schedule, warmup, optimizer, ..settings() };
    let found = run(&decoder, fresh(&decoder, 1), &data, &settings).unwrap();
    found.history.steps.iter().map(|s| s.lr * 1e3).collect()
}

fn assert_rates(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() < 1e-12, "{found:?} against {expected:?}");
    }
}

#[test]
fn rates_of_whole_runs() {
    assert_rates(&rates(Schedule::Linear, 4, 0.0), &[1.0, 0.75, 0.5, 0.25]);
    assert_rates(&rates(Schedule::Constant, 4, 0.0), &[1.0; 4]);
    let root = std::f64::consts::FRAC_1_SQRT_2;
    let cosine = [1.0, (1.0 + root) / 2.0, 0.5, (1.0 - root) / 2.0];
    assert_rates(&rates(Schedule::Cosine, 4, 0.0), &cosine);
    // Half of five steps is rounded up to three of warm-up.
    let linear = [0.25, 0.5, 0.75, 1.0, 0.5];
    assert_rates(&rates(Schedule::Linear, 5, 0.5), &linear);
    assert_rates(&rates(Schedule::Constant, 5, 0.5), &[0.25, 0.5, 0.75, 1.0, 1.0]);
}

#[test]
fn a_single_step_learns_something() {
    for schedule in ALL {
        assert_rates(&rates(schedule, 1, 0.0), &[1.0]);
        // All of the run is warm-up.
        assert_rates(&rates(schedule, 1, 0.15), &[0.5]);
        assert_rates(&rates(schedule, 2, 0.99), &[1.0 / 3.0, 2.0 / 3.0]);
    }
}

proptest! {
    #[test]
    fn factors_climb_then_fall_and_never_vanish(total in 1usize..60, warmup in 0usize..60) {
        let warmup = warmup.min(total);
        for schedule in ALL {
            let factors: Vec<f64> = (0..total).map(|s| schedule.factor(s, total, warmup)).collect();
            prop_assert!(factors.iter().all(|f| *f > 0.0 && *f <= 1.0), "{:?}", factors);
            let (climb, fall) = factors.split_at(warmup);
            prop_assert!(climb.is_sorted_by(|a, b| a < b));
            prop_assert!(fall.is_sorted_by(|a, b| a >= b));
            prop_assert!(fall.first().is_none_or(|f| *f == 1.0));
            // Beyond the end a rate neither rises again nor turns negative.
            prop_assert!((0.0..=1.0).contains(&schedule.factor(total + 9, total, warmup)));
        }
    }
}
