//! Early stopping counts as transformers' EarlyStoppingCallback does beside a Trainer that keeps
//! the best model: patience is reset by a loss more than the threshold below the lowest so far,
//! and the lowest is noted whether or not the threshold was met.

use crate::tiny::{bits, data, fresh, model, run, steady};
use axia_engine::train::{EarlyStopping, StopReason, TrainData, TrainSettings};

const EPOCHS: usize = 12;

fn long() -> TrainSettings {
    TrainSettings { epochs: EPOCHS, ..steady() }
}

/// Validation rows of which training helps some and spoils others: their loss goes up and down.
fn half_learnable() -> TrainData {
    let mut data = data();
    data.validation.extend(data.train[..4].to_vec());
    data
}

/// Whether each validation counts as improved, up to the one after which the run ends.
fn expected(losses: &[f64], patience: usize, threshold: f64) -> (Vec<bool>, StopReason) {
    let (mut lowest, mut counter, mut improved) = (None, 0, Vec::new());
    for &loss in losses {
        let resets = lowest.is_none_or(|low| loss < low && low - loss > threshold);
        counter = if resets { 0 } else { counter + 1 };
        improved.push(resets);
        lowest = Some(lowest.map_or(loss, |low: f64| low.min(loss)));
        if counter >= patience {
            return (improved, StopReason::EarlyStopping);
        }
    }
    (improved, StopReason::Finished)
}

fn first_lowest(losses: &[f64]) -> usize {
    let better = |best: usize, i: usize| if losses[i] < losses[best] { i } else { best };
    (0..losses.len()).reduce(better).unwrap()
}

#[test]
fn patience_and_threshold_count_as_in_transformers() {
    let (decoder, data) = (model(), half_learnable());
    let whole = run(&decoder, fresh(&decoder, 1), &data, &long()).unwrap();
    let losses: Vec<f64> = whole.history.validations.iter().map(|v| v.loss).collect();
    assert_eq!(losses.len(), EPOCHS);
    let mut ends = Vec::new();
    for patience in [1, 2, 3] {
        for threshold in [0.0, 0.12, 5.0] {
            let early_stopping = Some(EarlyStopping { patience, threshold });
            let settings = TrainSettings { early_stopping, ..long() };
            let found = run(&decoder, fresh(&decoder, 1), &data, &settings).unwrap();
            let (improved, stopped) = expected(&losses, patience, threshold);
            let what = format!("patience {patience}, threshold {threshold}, {losses:?}");
            assert_eq!(found.stopped, stopped, "{what}");
            let seen = &found.history.validations;
            let flags: Vec<bool> = seen.iter().map(|v| v.improved).collect();
            assert_eq!(flags, improved, "{what}");
            let found_losses: Vec<f64> = seen.iter().map(|v| v.loss).collect();
            assert_eq!(found_losses, losses[..improved.len()], "{what}");
            ends.push(improved.len());
        }
    }
    ends.sort_unstable();
    ends.dedup();
    assert!(ends.len() > 2, "the cases should differ: {ends:?}");
}

#[test]
fn the_best_adapter_comes_back() {
    let (decoder, data) = (model(), half_learnable());
    for validation in [data.validation.clone(), data.validation[..5].to_vec()] {
        let data = TrainData { validation, ..data.clone() };
        let whole = run(&decoder, fresh(&decoder, 1), &data, &long()).unwrap();
        let losses: Vec<f64> = whole.history.validations.iter().map(|v| v.loss).collect();
        let best = first_lowest(&losses);
        assert!(best + 1 < EPOCHS, "the last epoch should not be the best: {losses:?}");
        // At a constant rate, a run of that many epochs ends where the long one was then.
        let short = TrainSettings { epochs: best + 1, ..long() };
        let unwatched = TrainData { validation: Vec::new(), ..data };
        let short = run(&decoder, fresh(&decoder, 1), &unwatched, &short).unwrap();
        assert!(bits(&whole.adapter) == bits(&short.adapter));
        assert!(short.history.validations.is_empty());
    }
}

#[test]
fn epochs_and_steps_are_counted() {
    let decoder = model();
    let settings = TrainSettings { max_steps: Some(7), ..steady() };
    let found = run(&decoder, fresh(&decoder, 1), &data(), &settings).unwrap();
    let steps: Vec<_> = found.history.steps.iter().map(|s| (s.step, s.epoch, s.rows)).collect();
    let expected = [(1, 0, 4), (2, 0, 4), (3, 0, 3), (4, 1, 4), (5, 1, 4), (6, 1, 3), (7, 2, 4)];
    assert_eq!(steps, expected);
    let seen: Vec<_> = found.history.validations.iter().map(|v| (v.step, v.epoch)).collect();
    assert_eq!(seen, [(3, 1), (6, 2), (7, 3)], "the last one is where the limit falls");
}
