//! Clipping bounds the norm of the gradient that a step is taken with.

use crate::tiny::{adapter, assert_near, model, rows, run, steady};
use axia_engine::decoder::Decoder;
use axia_engine::kernels::CpuKernels;
use axia_engine::train::{Optimizer, TrainData, TrainSettings};

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
