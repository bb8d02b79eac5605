//! Token embeddings and the output layer: one matrix or two.

use crate::tiny::{fixture, load};
use axia_engine::score::{ScoreRow, score};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use std::path::Path;

/// A tensor's name, shape and bytes.
type Stored = (String, Vec<usize>, Vec<u8>);

const EMBEDDING: &str = "model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";

/// Writes a model whose embeddings are to be the output layer, with `change` made to what is stored of
/// both, and scores a row.
fn scores(folder: &Path, change: impl Fn(&mut Vec<Stored>)) -> Vec<f64> {
    let original = fixture("llama_tied").join("model");
    std::fs::copy(original.join("config.json"), folder.join("config.json")).unwrap();
    let bytes = std::fs::read(original.join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let stored =
        file.iter().map(|(name, t)| (name.to_owned(), t.shape().to_vec(), t.data().to_vec()));
    let mut stored: Vec<_> = stored.collect();
    change(&mut stored);
    let views = stored.iter().map(|(name, shape, data)| {
        (name, TensorView::new(safetensors::Dtype::F32, shape.clone(), data).unwrap())
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    std::fs::write(folder.join("model.safetensors"), bytes).unwrap();
    let row = ScoreRow { prompt: vec![1, 5, 9], candidates: vec![vec![7], vec![8, 3]] };
    score(&load(folder).unwrap(), None, &[row], 100, |_| true).unwrap().rows.remove(0)
}

#[test]
fn tied_matrices_may_be_stored_under_either_name_or_both() {
    let folder = tempfile::tempdir().unwrap();
    let scores = |change: &dyn Fn(&mut Vec<Stored>)| scores(folder.path(), change);
    let embedding =
        |stored: &[Stored]| stored.iter().position(|(name, ..)| name == EMBEDDING).unwrap();
    let expected = scores(&|stored| assert!(stored.iter().all(|(name, ..)| name != HEAD)));
    let as_head = scores(&|stored| {
        let at = embedding(stored);
        stored[at].0 = HEAD.to_owned();
    });
    assert_eq!(as_head, expected);
    let as_both = scores(&|stored| {
        let (_, shape, data) = stored[embedding(stored)].clone();
        stored.push((HEAD.to_owned(), shape, data));
    });
    assert_eq!(as_both, expected);
    let without_prefix = scores(&|stored| {
        for (name, ..) in stored {
            *name = name.strip_prefix("model.").unwrap().to_owned();
        }
    });
    assert_eq!(without_prefix, expected);
    // transformers leaves two that differ alone. All logits are zero here.
    let apart = scores(&|stored| {
        let (_, shape, data) = stored[embedding(stored)].clone();
        stored.push((HEAD.to_owned(), shape, vec![0; data.len()]));
    });
    for (found, tokens) in apart.iter().zip([1.0, 2.0]) {
        assert!((found + tokens * 320f64.ln()).abs() < 1e-5, "{apart:?}");
    }
}
