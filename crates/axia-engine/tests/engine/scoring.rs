//! Scores do not depend on what else is scored.

use crate::tiny::{VOCAB, adapter, model};
use axia_engine::decoder::Decoder;
use axia_engine::error::EngineError;
use axia_engine::kernels::CpuKernels;
use axia_engine::lora::Adapter;
use axia_engine::score::{PrefixCache, ScoreRow, Scores, score};
use proptest::prelude::*;

fn scores(
    decoder: &Decoder<CpuKernels>,
    adapter: Option<&Adapter<CpuKernels>>,
    rows: &[ScoreRow],
    max_tokens: usize,
) -> Scores {
    score(decoder, adapter, rows, max_tokens, |_| true).unwrap()
}

fn assert_scores(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{what}: {found:?} against {expected:?}");
    }
}

fn random_rows() -> impl Strategy<Value = Vec<ScoreRow>> {
    let tokens = |len| prop::collection::vec(0..3u32, len);
    let row = (tokens(1..7), prop::collection::vec(tokens(1..5), 0..4));
    let row = row.prop_map(|(prompt, candidates)| ScoreRow { prompt, candidates });
    prop::collection::vec(row, 1..10)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_row_scores_as_if_it_were_alone(
        rows in random_rows().prop_shuffle(),
        budget in 1usize..40,
        adapted in any::<bool>(),
    ) {
        let decoder = model();
        let adapter = adapter(&decoder);
        let adapter = adapted.then_some(&adapter);
        let alone: Vec<Vec<f64>> = rows
            .iter()
            .map(|row| scores(&decoder, adapter, std::slice::from_ref(row), 1000).rows.remove(0))
            .collect();
        for max_tokens in [usize::MAX, budget, 1] {
            let found = scores(&decoder, adapter, &rows, max_tokens);
            for (found, expected) in found.rows.iter().zip(&alone) {
                assert_scores("together", found, expected);
            }
            let reversed: Vec<ScoreRow> = rows.iter().rev().cloned().collect();
            let found = scores(&decoder, adapter, &reversed, max_tokens);
            for (found, expected) in found.rows.iter().rev().zip(&alone) {
                assert_scores("in another order", found, expected);
            }
        }
    }

    #[test]
    fn what_is_remembered_changes_no_score(
        calls in prop::collection::vec(random_rows(), 1..6),
        capacity in 1usize..60,
        adapted in any::<bool>(),
    ) {
        let decoder = model();
        let adapter = adapter(&decoder);
        let adapter = adapted.then_some(&adapter);
        let mut cache = PrefixCache::new(capacity);
        for rows in &calls {
            let found = cache.score(&decoder, adapter, rows, |_| true).unwrap();
            let expected = scores(&decoder, adapter, rows, 1000);
            for (found, expected) in found.rows.iter().zip(&expected.rows) {
                assert_scores("remembered", found, expected);
            }
        }
    }

    #[test]
    fn a_longer_candidate_is_the_sum_of_its_parts(
        prompt in prop::collection::vec(0..VOCAB, 1..5),
        candidate in prop::collection::vec(0..VOCAB, 2..5),
    ) {
        let decoder = model();
        let row = |prompt: &[u32], ids: &[u32]| ScoreRow {
            prompt: prompt.to_vec(),
            candidates: vec![ids.to_vec()],
        };
        let (head, tail) = candidate.split_at(1);
        let further = [&prompt[..], head].concat();
        let rows = [row(&prompt, &candidate), row(&prompt, head), row(&further, tail)];
        let found = scores(&decoder, None, &rows, 1000).rows;
        assert_scores("chain rule", &found[0], &[found[1][0] + found[2][0]]);
    }
}

#[test]
fn the_whole_vocabulary_sums_to_one() {
    let decoder = model();
    let candidates: Vec<Vec<u32>> = (0..VOCAB).map(|token| vec![token]).collect();
    let rows = [ScoreRow { prompt: vec![1, 17, 4], candidates }];
    let total: f64 = scores(&decoder, None, &rows, 1000).rows[0].iter().map(|s| s.exp()).sum();
    assert!((total - 1.0).abs() < 1e-5, "{total}");
}

#[test]
fn forests_keep_the_budget_when_candidates_are_long() {
    let decoder = model();
    let row = |i: u32| ScoreRow { prompt: vec![1], candidates: vec![(i..i + 21).collect()] };
    let rows: Vec<ScoreRow> = (10..16).map(row).collect();
    let mut finished = Vec::new();
    let found = score(&decoder, None, &rows, 50, |rows| {
        finished.push(rows);
        true
    });
    // One shared token, and 20 computed of each candidate: two rows fit.
    assert_eq!(finished, [2, 4, 6]);
    assert_eq!(found.unwrap().unique_tokens, 3 * 41);
}

#[test]
fn nothing_to_score() {
    let decoder = model();
    assert_eq!(scores(&decoder, None, &[], 10), Scores::default());
    let bare = |prompt: u32| ScoreRow { prompt: vec![prompt], candidates: Vec::new() };
    let found = scores(&decoder, None, &[bare(1), bare(2)], 1);
    assert_eq!(found.rows, [Vec::<f64>::new(), Vec::new()]);
}

#[test]
fn a_caller_may_stop() {
    let decoder = model();
    let rows: Vec<ScoreRow> =
        (0..4).map(|i| ScoreRow { prompt: vec![i; 3], candidates: vec![vec![5]] }).collect();
    let mut calls = 0;
    let end = score(&decoder, None, &rows, 3, |_| {
        calls += 1;
        calls < 2
    });
    assert!(matches!(end, Err(EngineError::Cancelled)));
    assert_eq!(calls, 2);
}

#[test]
fn rows_are_checked() {
    let decoder = model();
    let error = |prompt: &[u32], candidate: &[u32]| {
        let good = ScoreRow { prompt: vec![1], candidates: vec![vec![2]] };
        let bad =
            ScoreRow { prompt: prompt.to_vec(), candidates: vec![vec![2], candidate.to_vec()] };
        score(&decoder, None, &[good, bad], 10, |_| true).err().unwrap().to_string()
    };
    assert_eq!(error(&[], &[2]), "row 2: the prompt is empty, but at least one token is needed");
    assert_eq!(error(&[1], &[]), "row 2: candidate 2 is empty, but at least one token is needed");
    let outside = error(&[1, VOCAB], &[2]);
    assert_eq!(outside, "row 2: the prompt has token id 320, but the vocabulary ends at 319");
    let outside = error(&[1], &[2, VOCAB + 1]);
    assert_eq!(outside, "row 2: candidate 2 has token id 321, but the vocabulary ends at 319");
}

#[test]
fn a_remembered_beginning_is_not_computed_again() {
    let decoder = model();
    let row = |end: u32| ScoreRow {
        prompt: [vec![1; 40], vec![end, 3]].concat(),
        candidates: vec![vec![0], vec![1, 2]],
    };
    let mut cache = PrefixCache::new(1000);
    let mut tokens =
        |rows: &[ScoreRow]| cache.score(&decoder, None, rows, |_| true).unwrap().unique_tokens;
    // Two prompts of 42 tokens share 40; a candidate's last token is never computed.
    assert_eq!(tokens(&[row(0), row(2)]), 40 + 2 * 3);
    assert_eq!(tokens(&[row(4)]), 3);
    // Only where something is read it is computed again.
    assert_eq!(tokens(&[row(0)]), 2);
}
