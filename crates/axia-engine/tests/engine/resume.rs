//! A run that was interrupted goes on to the same bytes as one that never was.

use crate::tiny::{StopAfter, assert_same, data, fresh, model, run, settings, steady};
use axia_engine::error::EngineError;
use axia_engine::train::{EarlyStopping, StopReason, TrainData, TrainSettings, train};
use tempfile::TempDir;

/// Interrupts a run after every number of its steps, goes on, and compares.
fn assert_resumes(settings: &TrainSettings, data: &TrainData, stopped: StopReason) {
    let decoder = model();
    let whole = run(&decoder, fresh(&decoder, 1), data, settings).unwrap();
    assert_eq!(whole.stopped, stopped);
    let steps = whole.history.steps.len();
    for taken in 0..steps {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("run.checkpoint");
        let go = |limit: usize| {
            let mut observer = StopAfter::new(limit);
            let adapter = fresh(&decoder, 1);
            let end = train(&decoder, adapter, data, settings, Some(&path), &mut observer);
            (end, observer.steps)
        };
        let (first, counted) = go(taken);
        assert!(matches!(first, Err(EngineError::Cancelled)));
        assert_eq!(counted, taken);
        let (second, counted) = go(usize::MAX);
        assert_eq!(counted, steps - taken, "no step is taken twice");
        assert_same(&format!("after {taken} steps"), &second.unwrap(), &whole);
    }
}

#[test]
fn a_run_of_all_epochs() {
    assert_resumes(&settings(), &data(), StopReason::Finished);
}

#[test]
fn a_run_that_validation_stops_early() {
    let early_stopping = Some(EarlyStopping { patience: 2, threshold: 0.0 });
    let settings = TrainSettings { epochs: 9, early_stopping, ..settings() };
    assert_resumes(&settings, &data(), StopReason::EarlyStopping);
}

#[test]
fn a_run_that_is_held_to_plain_texts() {
    let texts = vec![vec![1, 40, 41, 42], vec![1, 90, 17]];
    let settings = TrainSettings { language_kl: 0.3, ..settings() };
    assert_resumes(&settings, &TrainData { texts, ..data() }, StopReason::Finished);
}

#[test]
fn a_run_with_a_limit_of_steps_inside_an_epoch() {
    let settings =
        TrainSettings { max_steps: Some(5), accumulation: 2, batch_rows: 2, ..settings() };
    assert_resumes(&settings, &data(), StopReason::Finished);
}

/// The recorded numbers come back to the last bit however many they are.
#[test]
fn a_long_run_that_is_interrupted_at_its_end() {
    let decoder = model();
    let settings = TrainSettings { epochs: 40, ..settings() };
    let whole = run(&decoder, fresh(&decoder, 1), &data(), &settings).unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.checkpoint");
    let go = |limit: usize| {
        let adapter = fresh(&decoder, 1);
        train(&decoder, adapter, &data(), &settings, Some(&path), &mut StopAfter::new(limit))
    };
    assert!(matches!(go(119), Err(EngineError::Cancelled)));
    assert_same("after 119 steps", &go(usize::MAX).unwrap(), &whole);
}

#[test]
fn a_run_without_validation_that_is_interrupted_at_every_step() {
    let decoder = model();
    let data = TrainData { validation: Vec::new(), ..data() };
    let whole = run(&decoder, fresh(&decoder, 1), &data, &settings()).unwrap();
    let folder = TempDir::new().unwrap();
    // The folder of the checkpoint is made as needed.
    let path = folder.path().join("deep/down/run.checkpoint");
    let mut interruptions = 0;
    let found = loop {
        let (adapter, mut observer) = (fresh(&decoder, 1), StopAfter::new(1));
        match train(&decoder, adapter, &data, &settings(), Some(&path), &mut observer) {
            Err(EngineError::Cancelled) => interruptions += 1,
            end => break end.unwrap(),
        }
    };
    assert_eq!(interruptions, 8);
    assert_same("step by step", &found, &whole);
}

#[test]
fn a_finished_run_is_not_run_again() {
    let decoder = model();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.checkpoint");
    let go = |observer: &mut StopAfter| {
        let adapter = fresh(&decoder, 1);
        train(&decoder, adapter, &data(), &steady(), Some(&path), observer).unwrap()
    };
    let first = go(&mut StopAfter::new(usize::MAX));
    let mut observer = StopAfter::new(usize::MAX);
    assert_same("again", &go(&mut observer), &first);
    assert_eq!(observer.steps, 0);
}
