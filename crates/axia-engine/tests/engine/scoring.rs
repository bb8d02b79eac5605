//! Scores do not depend on what else is scored.

use crate::tiny::{VOCAB, adapter, model, models};
use axia_engine::decoder::Decoder;
use axia_engine::error::EngineError;
use axia_engine::forest::Forest;
use axia_engine::generate::{Request, Sampling, generate};
use axia_engine::kernels::CpuKernels;
use axia_engine::lora::Adapter;
use axia_engine::score::{
    PrefixCache, ScoreRow, Scores, Text, TextReader, TextReadings, groups, read_texts, score,
};
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

fn text(tokens: &[u32], top: usize) -> Text {
    Text { tokens: tokens.to_vec(), top, next: None }
}

fn sum(readings: &TextReadings) -> f64 {
    readings.tokens.iter().map(|reading| f64::from(reading.log_prob)).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn readings_add_up_to_scores(
        texts in prop::collection::vec(prop::collection::vec(0..4u32, 2..9), 1..8),
        budget in 1usize..30,
        adapted in any::<bool>(),
    ) {
        let decoder = model();
        let adapter = adapter(&decoder);
        let adapter = adapted.then_some(&adapter);
        let rows: Vec<ScoreRow> = texts
            .iter()
            .map(|t| ScoreRow { prompt: vec![t[0]], candidates: vec![t[1..].to_vec()] })
            .collect();
        let expected = score(&decoder, adapter, &rows, 1000, |_| true).unwrap().rows;
        let texts: Vec<Text> = texts.iter().map(|t| text(t, 3)).collect();
        for max_tokens in [usize::MAX, budget] {
            let found = read_texts(&decoder, adapter, &texts, max_tokens).unwrap();
            for ((text, found), expected) in texts.iter().zip(&found).zip(&expected) {
                prop_assert!((sum(found) - expected[0]).abs() < 1e-4, "{found:?} {expected:?}");
                let tokens: Vec<u32> = found.tokens.iter().map(|r| r.token).collect();
                prop_assert_eq!(&tokens, &text.tokens[1..]);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn steps_of_any_size_read_the_same(
        texts in prop::collection::vec(prop::collection::vec(3..6u32, 1..14), 1..8),
        most in 0usize..40,
    ) {
        let next = Some((Sampling::GREEDY, 0));
        let texts: Vec<Text> =
            texts.into_iter().map(|tokens| Text { tokens, top: 2, next }).collect();
        for decoder in models() {
            let read = |most| {
                let mut reader = TextReader::new(&decoder, None, texts.clone()).unwrap();
                let mut steps = 1;
                while reader.step(most).unwrap() {
                    steps += 1;
                }
                (reader.finish(), steps)
            };
            let ((whole, _), (found, steps)) = (read(usize::MAX), read(most));
            let tokens = Forest::build(&texts.iter().map(|t| &*t.tokens).collect::<Vec<_>>()).0.len();
            prop_assert_eq!(steps, tokens.div_ceil(most.max(1)));
            for (found, whole) in found.iter().zip(&whole) {
                prop_assert_eq!(found.tokens.len(), whole.tokens.len());
                let all = |readings: &TextReadings| {
                    readings.tokens.iter().chain(&readings.next).cloned().collect::<Vec<_>>()
                };
                for (one, other) in all(found).iter().zip(&all(whole)) {
                    prop_assert_eq!(one.token, other.token);
                    prop_assert!((one.log_prob - other.log_prob).abs() < 1e-5);
                }
            }
        }
    }
}

#[test]
fn the_top_are_the_likeliest_and_hold_the_same_numbers() {
    let decoder = model();
    let every = VOCAB as usize;
    let found = read_texts(&decoder, None, &[text(&[1, 17, 4, 9], every)], 100).unwrap();
    for reading in &found[0].tokens {
        let total: f64 = reading.top.iter().map(|(_, log_prob)| f64::from(*log_prob).exp()).sum();
        assert!((total - 1.0).abs() < 1e-5, "{total}");
        assert!(reading.top.is_sorted_by(|a, b| a.1 >= b.1));
        let own = reading.top.iter().find(|(token, _)| *token == reading.token).unwrap();
        assert_eq!(own.1, reading.log_prob);
    }
}

#[test]
fn the_next_token_is_that_of_generation() {
    let decoder = model();
    let sampled = Sampling { temperature: 1.3, top_p: 0.9, top_k: 0 };
    let draws: Vec<(Sampling, u64)> =
        (0..6).map(|seed| (sampled, seed)).chain([(Sampling::GREEDY, 0)]).collect();
    let texts: Vec<Text> =
        draws.iter().map(|&next| Text { next: Some(next), ..text(&[1, 5, 9], 1) }).collect();
    let mut endless = model();
    endless.ignore_end_tokens();
    let requests: Vec<Request> = draws
        .iter()
        .map(|&(sampling, seed)| Request { prompt: vec![1, 5, 9], sampling, seed, max_tokens: 1 })
        .collect();
    let expected = generate(&endless, &requests, |_| false).unwrap();
    for (found, expected) in read_texts(&decoder, None, &texts, 100).unwrap().iter().zip(expected) {
        let next = found.next.as_ref().unwrap();
        assert_eq!([next.token], expected.tokens[..]);
        assert_eq!(found.tokens.len(), 2);
    }
    let greedy = read_texts(&decoder, None, &texts[6..], 100).unwrap().remove(0).next.unwrap();
    assert_eq!(greedy.top, [(greedy.token, greedy.log_prob)]);
}

#[test]
fn texts_of_one_token_and_none_at_all() {
    let decoder = model();
    assert_eq!(read_texts(&decoder, None, &[], 10).unwrap(), []);
    let found = read_texts(&decoder, None, &[text(&[1], 2)], 10).unwrap();
    assert_eq!(found, [TextReadings::default()]);
    let both = [text(&[1], 2), Text { next: Some((Sampling::GREEDY, 0)), ..text(&[1], 2) }];
    let found = read_texts(&decoder, None, &both, 10).unwrap();
    assert_eq!(found[0], TextReadings::default());
    assert!(found[1].tokens.is_empty() && found[1].next.is_some());
}

#[test]
fn texts_are_checked() {
    let decoder = model();
    let error = |bad: Text| {
        read_texts(&decoder, None, &[text(&[1, 2], 0), bad], 10).unwrap_err().to_string()
    };
    assert_eq!(error(text(&[], 0)), "row 2: the text is empty, but at least one token is needed");
    let outside = error(text(&[1, VOCAB], 0));
    assert_eq!(outside, "row 2: the text has token id 320, but the vocabulary ends at 319");
    let hot = Sampling { temperature: f64::NAN, ..Sampling::GREEDY };
    let found = error(Text { next: Some((hot, 0)), ..text(&[1], 0) });
    assert!(found.contains("temperature"), "{found}");
}

#[test]
fn groups_keep_the_budget_and_neighbours_together() {
    let texts = [vec![1, 2, 3], vec![9, 9], vec![1, 2, 4], vec![1, 2, 3, 5], vec![8; 9]];
    assert_eq!(groups(&texts, model().config(), 5), [vec![0, 3, 2], vec![4], vec![1]]);
    assert_eq!(groups::<Vec<u32>>(&[], model().config(), 5), Vec::<Vec<usize>>::new());
}
