//! Settings and rows that make no sense are refused, each by name.

use crate::tiny::{VOCAB, completion_mut, data, fresh, model, run, settings};
use axia_engine::decoder::TokensPerStep;
use axia_engine::error::EngineError;
use axia_engine::train::{EarlyStopping, Optimizer, TrainData, TrainSettings};

fn error(data: &TrainData, settings: &TrainSettings) -> EngineError {
    let decoder = model();
    run(&decoder, fresh(&decoder, 1), data, settings).err().unwrap()
}

fn assert_setting(name: &str, data: &TrainData, settings: &TrainSettings) {
    let error = error(data, settings);
    assert!(
        matches!(error, EngineError::Setting { field, .. } if field == name),
        "{name}: {error}"
    );
}

#[test]
fn counts_must_be_positive() {
    let data = data();
    let s = settings;
    assert_setting("the batch size", &data, &TrainSettings { batch_rows: 0, ..s() });
    assert_setting("gradient accumulation", &data, &TrainSettings { accumulation: 0, ..s() });
    assert_setting("the number of epochs", &data, &TrainSettings { epochs: 0, ..s() });
    assert_setting("the limit of steps", &data, &TrainSettings { max_steps: Some(0), ..s() });
    assert_setting(
        "the token budget",
        &data,
        &TrainSettings { max_tokens: TokensPerStep::AtMost(0), ..s() },
    );
    let none = TrainData { train: Vec::new(), ..data };
    assert_setting("the number of training rows", &none, &s());
}

#[test]
fn optimiser_settings_must_lie_in_range() {
    let with = |optimizer| TrainSettings { optimizer, ..settings() };
    let o = Optimizer::default;
    for lr in [0.0, -1e-4, f64::NAN, f64::INFINITY] {
        assert_setting("the learning rate", &data(), &with(Optimizer { lr, ..o() }));
    }
    for eps in [0.0, -1e-8, f64::NAN] {
        assert_setting("AdamW's epsilon", &data(), &with(Optimizer { eps, ..o() }));
    }
    for beta in [-0.1, 1.0, f64::NAN] {
        assert_setting("AdamW's beta1", &data(), &with(Optimizer { beta1: beta, ..o() }));
        assert_setting("AdamW's beta2", &data(), &with(Optimizer { beta2: beta, ..o() }));
        assert_setting("warm-up", &data(), &TrainSettings { warmup: beta, ..settings() });
    }
    for weight_decay in [-0.1, f64::NAN, f64::INFINITY] {
        assert_setting("weight decay", &data(), &with(Optimizer { weight_decay, ..o() }));
    }
    for clip in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let settings = TrainSettings { clip: Some(clip), ..settings() };
        assert_setting("the largest gradient norm", &data(), &settings);
    }
}

#[test]
fn early_stopping_must_be_able_to_stop() {
    let with = |patience, threshold| TrainSettings {
        early_stopping: Some(EarlyStopping { patience, threshold }),
        ..settings()
    };
    assert_setting("the patience of early stopping", &data(), &with(0, 0.0));
    for threshold in [-0.1, f64::NAN] {
        assert_setting("the threshold of early stopping", &data(), &with(2, threshold));
    }
    let unwatched = TrainData { validation: Vec::new(), ..data() };
    assert_setting("the number of validation rows", &unwatched, &with(2, 0.0));
}

#[test]
fn messages_name_field_value_and_remedy() {
    let message = error(&data(), &TrainSettings { clip: Some(-1.0), ..settings() }).to_string();
    assert_eq!(message, "the largest gradient norm is -1; it must be a positive number");
    let message = error(&data(), &TrainSettings { batch_rows: 0, ..settings() }).to_string();
    assert_eq!(message, "the batch size is 0; it must be at least 1");
}

#[test]
fn huge_counts_do_not_overflow() {
    let settings = TrainSettings {
        batch_rows: usize::MAX,
        accumulation: 2,
        epochs: usize::MAX,
        max_steps: Some(2),
        max_tokens: TokensPerStep::AtMost(usize::MAX),
        ..settings()
    };
    let decoder = model();
    let found = run(&decoder, fresh(&decoder, 1), &data(), &settings).unwrap();
    assert!(found.history.steps.iter().all(|s| s.rows == 11));
    assert_eq!(found.history.steps.len(), 2);
}

#[test]
fn rows_are_checked() {
    let changed = |change: fn(&mut TrainData)| {
        let mut data = data();
        change(&mut data);
        error(&data, &settings()).to_string()
    };
    assert_eq!(
        changed(|d| d.train[2].prompt.clear()),
        "row 3: the prompt is empty, but at least one token is needed"
    );
    assert_eq!(
        changed(|d| completion_mut(&mut d.train[10]).clear()),
        "row 11: the completion is empty, but at least one token is needed"
    );
    assert_eq!(
        changed(|d| d.train[0].prompt[1] = VOCAB),
        "row 1: the prompt has token id 320, but the vocabulary ends at 319"
    );
    assert_eq!(
        changed(|d| completion_mut(&mut d.train[1])[1] = u32::MAX),
        "row 2: the completion has token id 4294967295, but the vocabulary ends at 319"
    );
    assert_eq!(
        changed(|d| d.validation[1].prompt.clear()),
        "row 2: the validation prompt is empty, but at least one token is needed"
    );
    assert_eq!(
        changed(|d| completion_mut(&mut d.validation[0])[0] = VOCAB),
        "row 1: the validation completion has token id 320, but the vocabulary ends at 319"
    );
    let mut edge = data();
    edge.train[0].prompt[0] = VOCAB - 1;
    let decoder = model();
    assert!(run(&decoder, fresh(&decoder, 1), &edge, &settings()).is_ok());
}
