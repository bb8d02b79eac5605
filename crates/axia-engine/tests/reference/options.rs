//! Options that the larger fixtures do not switch on, in tiny models with random weights: logits,
//! and gradients of rows that branch, in the whole forest and row by row.

use crate::case::{assert_close, assert_near, fixtures, ids};
use axia_engine::adapter::Adapter as PeftAdapter;
use axia_engine::config::MODULES;
use axia_engine::decoder::{Activations, Decoder, Keep};
use axia_engine::forest::Forest;
use axia_engine::generate::{Request, Sampling, generate};
use axia_engine::kernels::CpuKernels;
use axia_engine::lora::{Adapter, Gradients};
use axia_engine::score::{PrefixCache, ScoreRow, Text, groups, read_texts, score};
use axia_engine::train::{Batch, TrainRow};
use axia_engine::weights::ModelFiles;
use safetensors::SafeTensors;

const MODELS: [&str; 17] = [
    "llama_biases",
    "qwen2_windows",
    "smollm3_biases",
    "smollm3_windows",
    "gemma2",
    "gemma3_scaled",
    "llama_yarn",
    "qwen2_yarn",
    "qwen3_yarn",
    "gemma3_yarn",
    "gemma3_images",
    "llama_proportional",
    "smollm3_llama3",
    "gemma2_linear",
    "mistral_dynamic",
    "llama_longrope",
    "qwen3_longrope",
];

/// Models whose rotary frequencies depend on a text's length: of their three rows, some are longer than
/// the original context.
const BY_LENGTH: [&str; 3] = ["mistral_dynamic", "llama_longrope", "qwen3_longrope"];

struct Case {
    decoder: Decoder<CpuKernels>,
    adapter: Adapter<CpuKernels>,
    rows: Vec<Vec<u32>>,
    /// Tokens at the beginning of each row that are not supervised.
    prompt: usize,
    loss: f64,
    arrays: Vec<u8>,
}

impl Case {
    fn open(name: &str) -> Self {
        let folder = fixtures().join("options").join(name);
        let files = ModelFiles::open(&folder.join("model")).unwrap();
        let config = files.config().unwrap();
        let tensors = files.tensors(&config).unwrap();
        let decoder = Decoder::load(CpuKernels::default(), config, &tensors).unwrap();
        let peft = PeftAdapter::read(&folder.join("adapter")).unwrap();
        let names = ("adapter", name);
        let adapter =
            Adapter::from_peft(decoder.kernels(), decoder.config(), &peft, names).unwrap();
        let json = std::fs::read(folder.join("reference.json")).unwrap();
        let reference: serde_json::Value = serde_json::from_slice(&json).unwrap();
        Self {
            decoder,
            adapter,
            rows: reference["rows"].as_array().unwrap().iter().map(ids).collect(),
            prompt: reference["prompt"].as_u64().unwrap() as usize,
            loss: reference["loss"].as_f64().unwrap(),
            arrays: std::fs::read(folder.join("reference.safetensors")).unwrap(),
        }
    }

    fn array(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.arrays).unwrap();
        let tensor = file.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    }

    /// Logits `(nodes, vocab)` of a forest.
    fn logits(&self, forest: &Forest) -> Vec<f32> {
        let all: Vec<u32> = (0..forest.len() as u32).collect();
        let mut activations = Activations::default();
        let pass = self.decoder.pass(forest, &all);
        self.decoder.forward(Some(&self.adapter), &pass, Keep::Nothing, &mut activations);
        self.decoder.logits(&activations)
    }
}

#[test]
fn logits_of_options() {
    for name in MODELS {
        let case = Case::open(name);
        let vocab = case.decoder.config().vocab_size;
        for group in groups(&case.rows, case.decoder.config(), usize::MAX) {
            let rows: Vec<&[u32]> = group.iter().map(|&row| &*case.rows[row]).collect();
            let (forest, ends) = Forest::build(&rows);
            let logits = case.logits(&forest);
            for (i, &end) in group.iter().zip(&ends) {
                let path = forest.tail(end, usize::MAX);
                let rows = path.iter().flat_map(|&n| &logits[n as usize * vocab..][..vocab]);
                let found: Vec<f32> = rows.copied().collect();
                assert_close(&format!("{name} {i}"), &found, &case.array(&format!("logits.{i}")));
            }
        }
    }
}

#[test]
fn gradients_of_options() {
    for name in MODELS {
        let case = Case::open(name);
        let row = |tokens: &Vec<u32>| {
            let (prompt, completion) = tokens.split_at(case.prompt);
            TrainRow::completion(prompt.to_vec(), completion.to_vec(), 0)
        };
        let rows: Vec<TrainRow> = case.rows.iter().map(row).collect();
        for max_tokens in [1000, 1] {
            let refs: Vec<&TrainRow> = rows.iter().collect();
            let batch = Batch::new(&refs, case.decoder.config(), max_tokens);
            let mut gradients = Gradients::zeros(case.decoder.kernels(), &case.adapter);
            let mut memory = Activations::default();
            let (decoder, adapter) = (&case.decoder, &case.adapter);
            let found = batch.backward(decoder, adapter, 1.0, &mut memory, &mut gradients).unwrap();
            assert_near(name, found.sum, case.loss);
            assert_eq!(adapter.places().len(), decoder.config().layers * MODULES.len());
            for (&(block, module), [da, db]) in adapter.places().iter().zip(gradients.arrays()) {
                let key = format!("grad/{}", module.name(block));
                assert_close(&format!("{name} {key}"), da, &case.array(&format!("{key}.lora_A")));
                assert_close(&format!("{name} {key}"), db, &case.array(&format!("{key}.lora_B")));
            }
        }
    }
}

/// Every row of a case as a prompt.
fn greedy_requests(case: &Case, max_tokens: usize) -> Vec<Request> {
    let request = |prompt: &Vec<u32>| Request {
        prompt: prompt.clone(),
        sampling: Sampling::GREEDY,
        seed: 0,
        max_tokens,
    };
    case.rows.iter().map(request).collect()
}

#[test]
fn a_cache_continues_as_computing_anew_does() {
    // A continuation keeps the frequencies of its prompt.
    for name in MODELS.into_iter().filter(|name| !BY_LENGTH.contains(name)) {
        let case = Case::open(name);
        let mut merged = case.decoder.merged(CpuKernels::default(), Some(&case.adapter));
        merged.ignore_end_tokens();
        let requests = greedy_requests(&case, 12);
        let found = generate(&merged, &requests, |_| false).unwrap();
        for (prompt, found) in case.rows.iter().zip(found) {
            let tokens = [&prompt[..], &found.tokens].concat();
            let (forest, _) = Forest::build(&[&tokens]);
            let logits = case.logits(&forest);
            let vocab = case.decoder.config().vocab_size;
            for (i, &drawn) in found.tokens.iter().enumerate() {
                let row = &logits[(prompt.len() + i - 1) * vocab..][..vocab];
                let best = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                assert!(best - row[drawn as usize] < 1e-4, "{name}: token {i}");
            }
        }
    }
}

/// `Σ log p` of the `place`-th and later tokens of a row, by the reference's logits.
fn log_likelihood(case: &Case, row: usize, place: usize) -> f64 {
    let (tokens, logits) = (&case.rows[row], case.array(&format!("logits.{row}")));
    let vocab = case.decoder.config().vocab_size;
    let log_p = |at: usize| {
        let before = &logits[(at - 1) * vocab..][..vocab];
        let sum: f64 = before.iter().map(|l| f64::from(*l).exp()).sum();
        f64::from(before[tokens[at] as usize]) - sum.ln()
    };
    (place..tokens.len()).map(log_p).sum()
}

#[test]
fn rows_of_any_length_are_read_together() {
    for name in BY_LENGTH {
        let case = Case::open(name);
        let (decoder, adapter) = (&case.decoder, Some(&case.adapter));
        let row = |tokens: &Vec<u32>| ScoreRow {
            prompt: tokens[..4].to_vec(),
            candidates: vec![tokens[4..].to_vec()],
        };
        let rows: Vec<ScoreRow> = case.rows.iter().map(row).collect();
        let together = score(decoder, adapter, &rows, 1000, |_| true).unwrap().rows;
        let mut cache = PrefixCache::new(1000);
        let in_turn = cache.score(decoder, adapter, &rows, |_| true).unwrap().rows;
        let text = |tokens: &Vec<u32>| Text { tokens: tokens.clone(), top: 0, next: None };
        let texts: Vec<Text> = case.rows.iter().map(text).collect();
        let read = read_texts(decoder, adapter, &texts, 1000).unwrap();
        for row in 0..rows.len() {
            let expected = log_likelihood(&case, row, 4);
            assert_near(name, together[row][0], expected);
            assert_near(name, in_turn[row][0], expected);
            let read: f64 = read[row].tokens[3..].iter().map(|r| f64::from(r.log_prob)).sum();
            assert_near(name, read, expected);
        }
    }
}

/// A candidate is scored as the text that it makes, however long those beside it are.
#[test]
fn candidates_of_any_length_stand_side_by_side() {
    for name in BY_LENGTH {
        let case = Case::open(name);
        let (decoder, adapter) = (&case.decoder, Some(&case.adapter));
        let longest = case.rows.iter().max_by_key(|row| row.len()).unwrap();
        let ends = [6, longest.len(), 5, 7];
        let candidates: Vec<Vec<u32>> = ends.iter().map(|&end| longest[4..end].to_vec()).collect();
        let row = |candidates: &[Vec<u32>]| ScoreRow {
            prompt: longest[..4].to_vec(),
            candidates: candidates.to_vec(),
        };
        let rows = [row(&candidates), row(&[]), row(&candidates[1..])];
        let mut heard = Vec::new();
        let together = score(decoder, adapter, &rows, 1000, |done| {
            heard.push(done);
            true
        });
        let together = together.unwrap().rows;
        assert!(heard.is_sorted() && heard.last() == Some(&3), "{heard:?}");
        let mut cache = PrefixCache::new(1000);
        let in_turn = cache.score(decoder, adapter, &rows, |_| true).unwrap().rows;
        for (i, candidate) in candidates.iter().enumerate() {
            let alone = [row(std::slice::from_ref(candidate))];
            let expected = score(decoder, adapter, &alone, 1000, |_| true).unwrap().rows[0][0];
            assert_near(name, together[0][i], expected);
            assert_near(name, in_turn[0][i], expected);
            if i > 0 {
                assert_near(name, together[2][i - 1], expected);
            }
        }
        assert_eq!(together[1], [0.0; 0], "{name}");
        let row = case.rows.iter().position(|row| row == longest).unwrap();
        assert_near(name, together[0][1], log_likelihood(&case, row, 4));
    }
}

#[test]
fn prompts_of_any_length_are_continued_together() {
    for name in BY_LENGTH {
        let case = Case::open(name);
        let mut merged = case.decoder.merged(CpuKernels::default(), Some(&case.adapter));
        merged.ignore_end_tokens();
        let requests = greedy_requests(&case, 4);
        let together = generate(&merged, &requests, |_| false).unwrap();
        for (row, (request, found)) in requests.iter().zip(&together).enumerate() {
            let alone = generate(&merged, std::slice::from_ref(request), |_| false).unwrap();
            assert_eq!(found, &alone[0], "{name}");
            let logits = case.array(&format!("logits.{row}"));
            let last = &logits[logits.len() - merged.config().vocab_size..];
            let best = last.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert!(best - last[found.tokens[0] as usize] < 1e-4, "{name}: row {row}");
        }
    }
}

/// PEFT finds the modules of a model of text and images by their paths in the whole of it.
#[test]
fn adapters_of_language_parts_have_the_whole_models_paths() {
    let case = Case::open("gemma3_images");
    let folder = fixtures().join("options/gemma3_images/adapter");
    let read = PeftAdapter::read(&folder).unwrap();
    assert!(read.modules.iter().all(|m| m.module.starts_with("model.language_model.layers.")));
    let (kernels, config) = (case.decoder.kernels(), case.decoder.config());
    let mut again = case.adapter.to_peft(kernels, config, read.config.clone());
    again.modules.sort_by(|a, b| a.module.cmp(&b.module));
    assert_eq!(again.modules, read.modules);
}
