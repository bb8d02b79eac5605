//! Settings and rows that make no sense are refused, each by name.

use crate::tiny::{
    VOCAB, adapter, assert_near, completion_mut, data, fresh, model, models, rows, run, settings,
    steady,
};
use axia_engine::decoder::{Activations, Decoder, TokensPerStep};
use axia_engine::error::EngineError;
use axia_engine::kernels::{CpuKernels, LoraPair};
use axia_engine::lora::{Adapter, Gradients, LayerRange, LoraSettings, Place};
use axia_engine::train::{
    Batch, EarlyStopping, Optimizer, Schedule, TrainData, TrainRow, TrainSettings,
};
use proptest::prelude::*;

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

/// One step that moves the weights by the gradient itself: with an epsilon far above the gradient
/// AdamW's first step is `lr / eps · g`. Returns the reported norm and the length of the move.
fn plain_step(decoder: &Decoder<CpuKernels>, clip: Option<f64>) -> (f64, f64) {
    let optimizer = Optimizer { lr: 1e5, eps: 1e5, ..Optimizer::default() };
    let settings = TrainSettings { clip, optimizer, max_steps: Some(1), ..steady() };
    let data = TrainData { train: rows(4), ..TrainData::default() };
    let before = adapter(decoder);
    let found = run(decoder, adapter(decoder), &data, &settings).unwrap();
    let pairs = before.pairs().iter().zip(found.adapter.pairs());
    let moves = pairs.flat_map(|(b, f)| {
        let all = b.a.iter().chain(&b.b).zip(f.a.iter().chain(&f.b));
        all.map(|(b, f)| f64::from(f - b).powi(2)).collect::<Vec<_>>()
    });
    (found.history.steps[0].gradient_norm, moves.sum::<f64>().sqrt())
}

#[test]
fn the_norm_is_bounded_and_reported_unbounded() {
    let decoder = model();
    let (norm, moved) = plain_step(&decoder, None);
    assert_near("unclipped", moved, norm, 1e-3);
    for part in [0.1, 0.5, 0.99] {
        let (reported, moved) = plain_step(&decoder, Some(norm * part));
        assert_eq!(reported, norm, "the norm before clipping is reported");
        assert_near("clipped", moved, norm * part, 1e-3);
    }
    for part in [1.01, 100.0] {
        let (_, unbounded) = plain_step(&decoder, Some(norm * part));
        assert_eq!(unbounded, moved, "a bound above the norm changes nothing");
    }
}

type Pair = (Place, LoraPair<Vec<f32>>);

/// The fixture's pairs from block `first` on; below it their `B` is zero, or they are left out.
fn pairs(decoder: &Decoder<CpuKernels>, first: usize, keep_lower: bool) -> Adapter<CpuKernels> {
    let whole = adapter(decoder);
    let copied = whole.places().iter().zip(whole.pairs()).filter_map(|(&place, pair)| {
        let is_lower = place.0 < first;
        let b = if is_lower { vec![0.0; pair.b.len()] } else { pair.b.clone() };
        let copy = LoraPair { a: pair.a.clone(), b, rank: pair.rank, scale: pair.scale };
        (keep_lower || !is_lower).then_some((place, copy))
    });
    let pairs: Vec<Pair> = copied.collect();
    let sizes = pairs.iter().map(|(_, pair)| [pair.a.len(), pair.b.len()]).collect();
    Adapter::new(decoder.config().layers, pairs, sizes)
}

fn gradients(decoder: &Decoder<CpuKernels>, adapter: &Adapter<CpuKernels>) -> Vec<[Vec<f32>; 2]> {
    let rows = rows(7);
    let rows: Vec<&TrainRow> = rows.iter().collect();
    let mut found = Gradients::zeros(decoder.kernels(), adapter);
    Batch::new(&rows, decoder.config(), usize::MAX)
        .backward(decoder, adapter, 1.0, &mut Activations::default(), &mut found)
        .unwrap();
    found.arrays().cloned().collect()
}

/// An adapter whose lower pairs change nothing is the one without them, and so are its gradients.
#[test]
fn gradients_do_not_depend_on_how_far_down_the_pass_goes() {
    for decoder in models() {
        for first in 0..=decoder.config().layers {
            let (some, all) = (pairs(&decoder, first, false), pairs(&decoder, first, true));
            let left_out = all.places().len() - some.places().len();
            let (found, expected) = (gradients(&decoder, &some), gradients(&decoder, &all));
            assert_eq!(found.len(), expected.len() - left_out);
            assert!(found == expected[left_out..], "from block {first}");
            if let Some([a, b]) = found.first() {
                assert!(a.iter().chain(b).any(|x| *x != 0.0), "from block {first}");
            }
        }
    }
}

#[test]
fn fresh_adapters_have_pairs_in_their_layers_alone() {
    let [decoder, ..] = models();
    let settings = |layers| LoraSettings { rank: 2, layers, ..LoraSettings::default() };
    let blocks = |settings: &LoraSettings| {
        let fresh = Adapter::fresh(decoder.kernels(), decoder.config(), settings, 0);
        let mut blocks: Vec<usize> = fresh.places().iter().map(|(block, _)| *block).collect();
        blocks.dedup();
        blocks
    };
    assert_eq!(blocks(&settings(None)), [0, 1, 2]);
    let upper = settings(LayerRange::new(1, 2));
    upper.check(decoder.config()).unwrap();
    assert_eq!(blocks(&upper), [1, 2]);
    let beyond = settings(LayerRange::new(1, 3)).check(decoder.config()).unwrap_err().to_string();
    assert!(beyond.contains("1-3") && beyond.contains("3 layers"), "{beyond}");
}
