//! Logits, candidate scores, and greedy continuations.

use crate::case::{Case, MODELS, assert_close, assert_near, fixtures, ids, real_models};
use axia_engine::decoder::{Activations, Keep};
use axia_engine::forest::Forest;
use axia_engine::generate::{Request, Sampling, generate};
use axia_engine::kernels::CpuKernels;
use axia_engine::lora::Adapter;
use axia_engine::score::{ScoreRow, score};
use std::path::Path;

/// Logits of every position of several sequences, computed in one forest.
fn logits(
    case: &Case,
    adapter: Option<&Adapter<CpuKernels>>,
    sequences: &[Vec<u32>],
) -> Vec<Vec<f32>> {
    let (forest, ends) = Forest::build(sequences);
    let all: Vec<u32> = (0..forest.len() as u32).collect();
    let pass = case.decoder.pass(&forest, &all);
    let mut activations = Activations::default();
    case.decoder.forward(adapter, &pass, Keep::Nothing, &mut activations);
    let logits = case.decoder.logits(&activations);
    let vocab = case.decoder.config().vocab_size;
    ends.iter()
        .map(|&end| {
            let path = forest.tail(end, usize::MAX);
            path.iter().flat_map(|&n| &logits[n as usize * vocab..][..vocab]).copied().collect()
        })
        .collect()
}

fn sequences(case: &Case) -> Vec<Vec<u32>> {
    (0..4).map(|i| case.ids(&format!("/inputs/sequences/{i}"))).collect()
}

#[test]
fn logits_of_the_base_model() {
    for name in MODELS {
        let case = Case::open(name);
        for (i, found) in logits(&case, None, &sequences(&case)).iter().enumerate() {
            assert_close(&format!("{name} {i}"), found, &case.array(&format!("logits.{i}")));
        }
    }
}

#[test]
fn logits_with_an_adapter() {
    for name in MODELS {
        let case = Case::open(name);
        let adapter = case.adapter("adapter");
        for (i, found) in logits(&case, Some(&adapter), &sequences(&case)).iter().enumerate() {
            let expected = case.array(&format!("adapter_logits.{i}"));
            let found = &found[found.len() - expected.len()..];
            assert_close(&format!("{name} {i}"), found, &expected);
        }
    }
}

#[test]
fn rank_stabilised_scale() {
    for name in ["llama", "qwen3"] {
        let case = Case::open(name);
        let adapter = case.adapter("adapter_rslora");
        let found = logits(&case, Some(&adapter), &sequences(&case)[..1]);
        assert_close(name, &found[0], &case.array("rslora.logits.0"));
    }
}

/// Every way in which PEFT says which layers it adapts, with which rank and which factor.
#[test]
fn adapters_as_peft_writes_them() {
    let case = Case::open("llama");
    let folder = fixtures().join("peft");
    let file = std::fs::read(folder.join("reference.json")).unwrap();
    let reference: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let sequence = ids(&reference["ids"]);
    let logits_of = reference["logits"].as_object().unwrap();
    assert_eq!(logits_of.len(), 8);
    for (variant, expected) in logits_of {
        let adapter = case.adapter(&format!("../../peft/{variant}"));
        let found = logits(&case, Some(&adapter), std::slice::from_ref(&sequence));
        let expected: Vec<f32> =
            expected.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
        assert_close(variant, &found[0][found[0].len() - expected.len()..], &expected);
    }
}

#[test]
fn greedy_continuations() {
    for name in MODELS {
        let case = Case::open(name);
        for key in ["greedy", "adapter_greedy"] {
            let adapter = (key == "adapter_greedy").then(|| case.adapter("adapter"));
            let mut merged = case.decoder.merged(CpuKernels::default(), adapter.as_ref());
            merged.ignore_end_tokens();
            let requests: Vec<Request> = (0..2)
                .map(|i| Request {
                    prompt: case.ids(&format!("/inputs/greedy_prompts/{i}")),
                    sampling: Sampling::GREEDY,
                    seed: 0,
                    max_tokens: 12,
                })
                .collect();
            let found = generate(&merged, &requests, |_| false).unwrap();
            for (i, found) in found.iter().enumerate() {
                let expected = case.ids(&format!("/{key}/{i}/tokens"));
                assert_eq!(found.tokens, expected, "{name} {key} {i}");
            }
        }
    }
}

#[test]
fn sequence_log_likelihoods() {
    for name in MODELS {
        let case = Case::open(name);
        let adapter = case.adapter("adapter");
        let triples = case.reference.pointer("/inputs/dpo_triples").unwrap().as_array().unwrap();
        let rows: Vec<ScoreRow> = triples
            .iter()
            .map(|t| ScoreRow {
                prompt: ids(&t["prompt"]),
                candidates: vec![ids(&t["chosen"]), ids(&t["rejected"])],
            })
            .collect();
        // A budget below one row's length makes every row its own forest.
        for budget in [1, 1000] {
            for (adapter, who) in [(Some(&adapter), "policy"), (None, "reference")] {
                let found = score(&case.decoder, adapter, &rows, budget, |_| true).unwrap();
                for (i, scores) in found.rows.iter().enumerate() {
                    for (score, which) in scores.iter().zip(["chosen", "rejected"]) {
                        let at = format!("/dpo/triples/{i}/{who}_{which}");
                        assert_near(&at, *score, case.number(&at));
                    }
                }
            }
        }
    }
}

fn reference_logits(folder: &Path) -> serde_json::Value {
    let file = std::fs::read(folder.join("logits_reference.json")).unwrap();
    serde_json::from_slice(&file).unwrap()
}

/// Candidates of the real models' references, within the noise of the peer's own float32.
#[test]
fn real_model_scores() {
    for (model, folder) in real_models() {
        let reference = reference_logits(&folder);
        for set in ["ratings", "verdicts"] {
            let cases = reference[set].as_array().unwrap();
            let rows: Vec<ScoreRow> = cases
                .iter()
                .map(|c| ScoreRow {
                    prompt: ids(&c["ids"]),
                    candidates: c["candidate_ids"].as_array().unwrap().iter().map(ids).collect(),
                })
                .collect();
            let found = score(model.decoder(), None, &rows, 4096, |_| true).unwrap();
            for (case, scores) in cases.iter().zip(&found.rows) {
                let expected = case["loglik_f64"].as_array().or(case["loglik"].as_array()).unwrap();
                for (score, expected) in scores.iter().zip(expected) {
                    let gap = (score - expected.as_f64().unwrap()).abs();
                    assert!(gap < 1e-3, "{set}: {score} against {expected}");
                }
            }
        }
    }
}

#[test]
fn real_model_logits() {
    for (model, folder) in real_models() {
        for case in reference_logits(&folder)["prompts"].as_array().unwrap() {
            let (forest, ends) = Forest::build(&[ids(&case["ids"])]);
            let mut activations = Activations::default();
            let pass = model.decoder().pass(&forest, &ends);
            model.decoder().forward(None, &pass, Keep::Nothing, &mut activations);
            let logits = model.decoder().logits(&activations);
            let expected = case["top_logits_f64"].as_array().unwrap();
            for (id, expected) in ids(&case["top_ids"]).into_iter().zip(expected) {
                let (found, expected) =
                    (f64::from(logits[id as usize]), expected.as_f64().unwrap());
                assert!((found - expected).abs() < 1e-3, "{found} against {expected}");
            }
            let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
            assert!((sum.ln() - case["logsumexp_f64"].as_f64().unwrap()).abs() < 1e-3);
        }
    }
}
