//! Readings of whole texts: those of scoring, with rivals.

use crate::tiny::{VOCAB, adapter, model, models};
use axia_engine::forest::Forest;
use axia_engine::generate::{Request, Sampling, generate};
use axia_engine::score::{ScoreRow, Text, TextReader, TextReadings, groups, read_texts, score};
use proptest::prelude::*;

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
