//! Adapters on some of a model's layers.

use crate::tiny::{adapter, models, rows};
use axia_engine::decoder::{Activations, Decoder};
use axia_engine::kernels::{CpuKernels, LoraPair};
use axia_engine::lora::{Adapter, Gradients, LayerRange, LoraSettings, Place};
use axia_engine::train::{Batch, TrainRow};

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
