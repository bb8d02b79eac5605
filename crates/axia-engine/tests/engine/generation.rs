//! Sampled continuations: alone or together, cached or recomputed, merged or not.

use crate::tiny::{VOCAB, adapter, assert_close, fixture, load, model, models};
use axia_engine::decoder::{Activations, Decoder, Keep};
use axia_engine::error::EngineError;
use axia_engine::forest::Forest;
use axia_engine::generate::{Drawn, Generated, Generation, Request, Sampling, generate};
use axia_engine::kernels::CpuKernels;
use axia_engine::lora::Adapter;
use axia_engine::score::Reading;
use proptest::prelude::*;

const SAMPLED: Sampling = Sampling { temperature: 0.8, top_p: 0.9, top_k: 20 };

fn request(prompt: &[u32], sampling: Sampling, seed: u64, max_tokens: usize) -> Request {
    Request { prompt: prompt.to_vec(), sampling, seed, max_tokens }
}

fn all(decoder: &Decoder<CpuKernels>, requests: &[Request]) -> Vec<Generated> {
    generate(decoder, requests, |_| false).unwrap()
}

/// Logits of every position of `tokens`, computed from scratch.
fn logits(
    decoder: &Decoder<CpuKernels>,
    adapter: Option<&Adapter<CpuKernels>>,
    tokens: &[u32],
) -> Vec<f32> {
    let (forest, _) = Forest::build(&[tokens]);
    let reads: Vec<u32> = (0..forest.len() as u32).collect();
    let mut activations = Activations::default();
    let pass = decoder.pass(&forest, &reads);
    decoder.forward(adapter, &pass, Keep::Nothing, &mut activations);
    decoder.logits(&activations)
}

/// Greedy decoding without a cache: everything anew for every token.
fn greedy_from_scratch(decoder: &Decoder<CpuKernels>, prompt: &[u32], count: usize) -> Vec<u32> {
    let mut tokens = prompt.to_vec();
    for _ in 0..count {
        let logits = logits(decoder, None, &tokens);
        let last = &logits[logits.len() - VOCAB as usize..];
        let better = |best: usize, i: usize| if last[i] > last[best] { i } else { best };
        tokens.push((0..last.len()).reduce(better).unwrap() as u32);
    }
    tokens.split_off(prompt.len())
}

#[test]
fn requests_draw_the_same_together_and_alone() {
    let mut decoder = model();
    decoder.ignore_end_tokens();
    // Equal prompts with other seeds, a prompt inside another, other lengths and limits.
    let samplings = [
        SAMPLED,
        Sampling { temperature: 1.5, top_p: 1.0, top_k: 0 },
        Sampling { temperature: 0.5, top_p: 1.0, top_k: 5 },
        Sampling::GREEDY,
    ];
    let prompts: [&[u32]; 4] = [&[1, 5, 9], &[1, 5, 9, 30, 31], &[7], &[1, 5, 9]];
    let requests: Vec<Request> =
        (0..12).map(|i| request(prompts[i % 4], samplings[i / 3], i as u64, 3 + i % 5)).collect();
    let together = all(&decoder, &requests);
    for (request, found) in requests.iter().zip(&together) {
        let alone = all(&decoder, std::slice::from_ref(request));
        assert_eq!(alone.first(), Some(found), "{request:?}");
        assert_eq!(found.tokens.len(), request.max_tokens);
        assert!(!found.stopped);
    }
    let mut turned: Vec<Request> = requests.iter().rev().cloned().collect();
    turned.rotate_left(5);
    let mut expected: Vec<Generated> = together.iter().rev().cloned().collect();
    expected.rotate_left(5);
    assert_eq!(all(&decoder, &turned), expected);
    // The seed alone tells equal requests apart.
    let seeds: Vec<Request> = (0..6).map(|s| request(&[1, 5], SAMPLED, s, 8)).collect();
    let found = all(&decoder, &seeds);
    assert!(found.iter().any(|g| *g != found[0]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn the_cache_equals_computing_from_scratch(
        prompts in prop::collection::vec(prop::collection::vec(3..VOCAB, 1..20), 1..4),
        count in 1usize..20,
    ) {
        let requests: Vec<Request> =
            prompts.iter().map(|p| request(p, Sampling::GREEDY, 0, count)).collect();
        for mut decoder in models() {
            decoder.ignore_end_tokens();
            for (prompt, found) in prompts.iter().zip(all(&decoder, &requests)) {
                prop_assert_eq!(found.tokens, greedy_from_scratch(&decoder, prompt, count));
            }
        }
    }
}

#[test]
fn a_continuation_ends_at_an_end_token() {
    // The fixture's end token is 2: find a continuation that draws it.
    let decoder = model();
    let mut endless = model();
    endless.ignore_end_tokens();
    let hot = Sampling { temperature: 2.0, top_p: 1.0, top_k: 0 };
    let requests: Vec<Request> = (0..40).map(|seed| request(&[1, 9], hot, seed, 30)).collect();
    let (found, whole) = (all(&decoder, &requests), all(&endless, &requests));
    let mut ended = 0;
    for (found, whole) in found.iter().zip(&whole) {
        let end = whole.tokens.iter().position(|&token| token == 2);
        assert_eq!(found.tokens, whole.tokens[..end.unwrap_or(30)], "the end token is left out");
        assert_eq!(found.stopped, end.is_some());
        ended += usize::from(end.is_some());
    }
    assert!(ended > 0 && ended < 40, "{ended} of 40");
}

#[test]
fn limits_of_no_token_and_one() {
    let mut decoder = model();
    decoder.ignore_end_tokens();
    let zero = request(&[1, 5, 9], Sampling::GREEDY, 0, 0);
    let none = Generated { tokens: Vec::new(), stopped: false };
    assert_eq!(all(&decoder, std::slice::from_ref(&zero)), [none]);
    let one = request(&[1, 5, 9], Sampling::GREEDY, 0, 1);
    let three = request(&[1, 5], Sampling::GREEDY, 0, 3);
    let found = all(&decoder, &[zero.clone(), three, one, zero]);
    let lengths: Vec<usize> = found.iter().map(|g| g.tokens.len()).collect();
    assert_eq!(lengths, [0, 3, 1, 0]);
    assert_eq!(found[1].tokens, greedy_from_scratch(&decoder, &[1, 5], 3));
    assert_eq!(found[2].tokens, greedy_from_scratch(&decoder, &[1, 5, 9], 1));
    assert_eq!(all(&decoder, &[]), []);
}

#[test]
fn the_caller_may_end_a_continuation() {
    let mut decoder = model();
    decoder.ignore_end_tokens();
    let requests: Vec<Request> = (0..3).map(|seed| request(&[1, 5], SAMPLED, seed, 9)).collect();
    let whole = all(&decoder, &requests);
    let word = whole[1].tokens[..4].to_vec();
    let found = generate(&decoder, &requests, |tokens| tokens == word).unwrap();
    assert_eq!(found[1], Generated { tokens: word, stopped: true });
    assert_eq!((&found[0], &found[2]), (&whole[0], &whole[2]), "the others go on");
}

#[test]
fn a_generation_goes_step_by_step() {
    let mut decoder = model();
    decoder.ignore_end_tokens();
    let requests: Vec<Request> =
        (0..4).map(|seed| request(&[1, 5], SAMPLED, seed, 3 + seed as usize)).collect();
    let whole = all(&decoder, &requests);
    let mut generation = Generation::new(&decoder, None, requests.clone()).unwrap();
    let mut found = vec![Vec::new(); 4];
    let mut steps = 0;
    loop {
        let running = generation
            .step(usize::MAX, |drawn| {
                let reading = Reading::of(drawn.logits, drawn.token, 1).unwrap();
                assert!(reading.log_prob <= reading.top[0].1);
                found[drawn.request].push(drawn.token);
                assert_eq!(drawn.tokens, found[drawn.request]);
                true
            })
            .unwrap();
        steps += 1;
        if steps == 2 {
            generation.end(3);
        }
        if !running {
            break;
        }
    }
    assert_eq!(steps, 5, "the one with the highest limit was ended");
    for (index, (found, whole)) in found.iter().zip(&whole).enumerate() {
        let expected = if index == 3 { &whole.tokens[..2] } else { &whole.tokens[..] };
        assert_eq!(found, expected);
    }
    assert!(!generation.step(9, |_| panic!("nothing is drawn any more")).unwrap());
}

/// Steps on until nothing runs, or `steps` are done, each with at most `most` tokens of prompts; adds what is drawn to the continuation that
/// `owners` names for each request.
fn step_on(
    generation: &mut Generation<CpuKernels>,
    (steps, most): (usize, usize),
    owners: &[usize],
    found: &mut [Vec<u32>],
) {
    for _ in 0..steps {
        let keep = |drawn: Drawn| {
            found[owners[drawn.request]].push(drawn.token);
            true
        };
        if !generation.step(most, keep).unwrap() {
            return;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn generations_draw_the_same_when_they_join(
        prompts in prop::collection::vec(
            (prop::collection::vec(3..6u32, 1..14), 1usize..10, any::<u64>()), 2..9),
        parts in 1usize..5,
        steps in 1usize..5,
        most in 1usize..20,
    ) {
        let request = |(prompt, most, seed): &(Vec<u32>, usize, u64)| {
            request(prompt, SAMPLED, *seed, *most)
        };
        let requests: Vec<Request> = prompts.iter().map(request).collect();
        let all_owners: Vec<usize> = (0..requests.len()).collect();
        for mut decoder in models() {
            decoder.ignore_end_tokens();
            let mut found = vec![Vec::new(); requests.len()];
            let mut joined: Option<(Generation<CpuKernels>, Vec<usize>)> = None;
            for part in all_owners.chunks(requests.len().div_ceil(parts)) {
                let own = part.iter().map(|&i| requests[i].clone()).collect();
                let (mut generation, mut owners) =
                    (Generation::new(&decoder, None, own).unwrap(), part.to_vec());
                step_on(&mut generation, (steps, most), &owners, &mut found);
                // Only what has all its prompts computed can join.
                step_on(&mut generation, (1, usize::MAX), &owners, &mut found);
                if let Some((mut before, theirs)) = joined.take() {
                    let [kept, added] = before.absorb(generation).ok().unwrap();
                    let kept = kept.iter().map(|&i| theirs[i]);
                    owners = kept.chain(added.iter().map(|&i| owners[i])).collect();
                    generation = before;
                    prop_assert_eq!(generation.tokens(), generation.tokens_in_use());
                }
                step_on(&mut generation, (steps - 1, most), &owners, &mut found);
                let used = generation.tokens_in_use();
                owners = generation.shrink().iter().map(|&i| owners[i]).collect();
                prop_assert_eq!(generation.tokens(), used);
                joined = Some((generation, owners));
            }
            let (mut generation, owners) = joined.unwrap();
            step_on(&mut generation, (usize::MAX, most), &owners, &mut found);
            for (request, found) in requests.iter().zip(found) {
                let alone = all(&decoder, std::slice::from_ref(request)).remove(0);
                prop_assert_eq!(found, alone.tokens);
            }
        }
    }
}

#[test]
fn replies_begin_while_longer_prompts_are_computed() {
    let mut decoder = model();
    decoder.ignore_end_tokens();
    let long: Vec<u32> = (0..20).map(|i| 3 + i % 7).collect();
    let requests = [
        request(&[1, 5], SAMPLED, 0, 4),
        request(&long, SAMPLED, 1, 2),
        request(&[8], SAMPLED, 2, 9),
    ];
    let mut generation = Generation::new(&decoder, None, requests.to_vec()).unwrap();
    let mut found = vec![Vec::new(); 3];
    // The shortest prompts are computed first.
    let mut begun = Vec::new();
    for step in 0.. {
        let running = generation
            .step(5, |drawn| {
                if drawn.tokens.len() == 1 {
                    begun.push((drawn.request, step));
                }
                found[drawn.request].push(drawn.token);
                drawn.request != 2 || drawn.tokens.len() < 3
            })
            .unwrap();
        if step == 2 {
            assert_eq!(generation.shrink(), [0, 1, 2], "prompts are still on their way");
        }
        if !running {
            break;
        }
    }
    assert_eq!(begun, [(0, 0), (2, 0), (1, 4)]);
    for (request, found) in requests.iter().zip(&found) {
        let alone = all(&decoder, std::slice::from_ref(request)).remove(0);
        assert_eq!(found[..], alone.tokens[..found.len()]);
    }
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2, 3]);
}

#[test]
fn prompts_that_nobody_waits_for_are_not_computed() {
    let mut decoder = model();
    decoder.ignore_end_tokens();
    let long: Vec<u32> = (0..20).map(|i| 3 + i % 7).collect();
    let requests = vec![request(&[1, 5], SAMPLED, 0, 4), request(&long, SAMPLED, 1, 2)];
    let alone = all(&decoder, &requests[..1]).remove(0);
    let mut generation = Generation::new(&decoder, None, requests).unwrap();
    assert!(generation.step(5, |_| true).unwrap() && !generation.has_begun());
    generation.end(1);
    let mut found = Vec::new();
    assert!(generation.step(5, |_| true).unwrap() && generation.has_begun());
    assert_eq!(generation.shrink(), [0]);
    assert_eq!(generation.tokens(), 2 + 4);
    while generation
        .step(5, |drawn| {
            found = drawn.tokens.to_vec();
            true
        })
        .unwrap()
    {}
    assert_eq!(found, alone.tokens);
}

#[test]
fn what_does_not_belong_together_stays_apart() {
    let (decoder, another) = (model(), model());
    let adapter = adapter(&decoder);
    let begun = |decoder, adapter| {
        let requests = vec![request(&[1, 5], SAMPLED, 0, 9), request(&[7], SAMPLED, 1, 9)];
        let mut generation = Generation::new(decoder, adapter, requests).unwrap();
        assert!(generation.step(9, |_| true).unwrap());
        generation
    };
    let mut first = begun(&decoder, None);
    assert!(first.absorb(begun(&another, None)).is_err(), "another model");
    assert!(first.absorb(begun(&decoder, Some(&adapter))).is_err(), "with an adapter");
    let fresh = Generation::new(&decoder, None, vec![request(&[1], SAMPLED, 0, 2)]).unwrap();
    assert!(first.absorb(fresh).is_err(), "its prompt is yet to be computed");
    let mut fresh = Generation::new(&decoder, None, vec![request(&[1], SAMPLED, 0, 2)]).unwrap();
    assert_eq!(fresh.shrink(), [0]);
    assert_eq!((fresh.tokens(), first.tokens()), (3, 21));

    // What was ended is forgotten on both sides.
    let mut second = begun(&decoder, None);
    first.end(0);
    second.end(1);
    assert_eq!(first.absorb(second).ok().unwrap(), [vec![1], vec![0]]);
    assert_eq!(first.tokens(), 21);
    first.end(0);
    first.end(1);
    assert_eq!(first.shrink(), [0; 0]);
    assert!(first.tokens() == 0 && !first.step(9, |_| panic!("nothing is left")).unwrap());
}

#[test]
fn an_adapter_beside_plain_weights_draws_what_merged_ones_do() {
    let decoder = model();
    let adapter = adapter(&decoder);
    let requests: Vec<Request> = [[1, 5, 9], [7, 8, 2]]
        .iter()
        .map(|prompt| request(prompt, Sampling::GREEDY, 0, 12))
        .collect();
    let merged = decoder.merged(CpuKernels::default(), Some(&adapter));
    let expected = all(&merged, &requests);
    assert_ne!(expected, all(&decoder, &requests), "it does something");
    let plain = decoder.merged(CpuKernels::default(), None);
    let mut generation = Generation::new(&plain, Some(&adapter), requests).unwrap();
    let mut found = vec![Vec::new(); 2];
    while generation
        .step(usize::MAX, |drawn| {
            found[drawn.request] = drawn.tokens.to_vec();
            true
        })
        .unwrap()
    {}
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(*found, expected.tokens);
    }
}

#[test]
fn requests_are_checked() {
    let decoder = model();
    let error = |bad: Request| {
        let good = request(&[1], Sampling::GREEDY, 0, 1);
        generate(&decoder, &[good, bad], |_| false).err().unwrap()
    };
    let found = error(request(&[], SAMPLED, 0, 1)).to_string();
    assert_eq!(found, "row 2: the prompt is empty, but at least one token is needed");
    let found = error(request(&[1, VOCAB], SAMPLED, 0, 1)).to_string();
    assert_eq!(found, "row 2: the prompt has token id 320, but the vocabulary ends at 319");
    for temperature in [-0.1, f64::NAN, f64::INFINITY] {
        let found = error(request(&[1], Sampling { temperature, ..SAMPLED }, 0, 1));
        assert!(matches!(found, EngineError::Setting { field: "the temperature", .. }), "{found}");
    }
    for top_p in [0.0, -1.0, 1.1, f64::NAN] {
        let found = error(request(&[1], Sampling { top_p, ..SAMPLED }, 0, 1));
        assert!(matches!(found, EngineError::Setting { field: "top-p", .. }), "{found}");
    }
}

#[test]
fn a_merged_decoder_gives_the_same_logits() {
    let tokens: Vec<u32> = (0..40).map(|i| i * 29 % 317 + 1).collect();
    for name in ["llama", "llama_tied", "sharded_bf16"] {
        let decoder = load(&fixture(name).join("model")).unwrap();
        let adapter = adapter(&decoder);
        for adapter in [None, Some(&adapter)] {
            let merged = decoder.merged(CpuKernels::default(), adapter);
            assert_eq!(merged.config(), decoder.config());
            // Few tokens go through the pair, many through weights merged on the way.
            for count in [1, 5, 40] {
                let expected = logits(&decoder, adapter, &tokens[..count]);
                let found = logits(&merged, None, &tokens[..count]);
                assert_close(&format!("{name}, {count} tokens"), &found, &expected, 1e-5);
            }
        }
        let plain = logits(&decoder, None, &tokens);
        let adapted = logits(&decoder, Some(&adapter), &tokens);
        assert!(plain.iter().zip(&adapted).any(|(a, b)| (a - b).abs() > 1e-2), "it does something");
    }
}
