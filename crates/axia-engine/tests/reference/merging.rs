//! Merged models give the logits of base and adapter together.

use crate::case::{Case, MODELS, assert_close, assert_near, fixtures};
use crate::gguf_models::{cases, convert, logits};
use axia_engine::EngineError;
use axia_engine::adapter::Adapter as PeftAdapter;
use axia_engine::config::MODULES;
use axia_engine::decoder::Activations;
use axia_engine::kernels::CpuKernels;
use axia_engine::lora::{Adapter, Gradients};
use axia_engine::merge::{FloatType, MergeError, MergePlan, MergeSettings};
use axia_engine::train::{
    Batch, Optimizer, Order, Schedule, TrainData, TrainRow, TrainSettings, train,
};
use axia_engine::weights::ModelFiles;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const EXACT: MergeSettings =
    MergeSettings { max_shard_bytes: 5_000_000_000, dtype: Some(FloatType::F32) };

fn merge(
    base: &Path,
    adapter: &PeftAdapter,
    settings: MergeSettings,
    out: &Path,
) -> Result<Vec<String>, MergeError> {
    let files = ModelFiles::open(base)?;
    let plan = MergePlan::new(&files, adapter, "the adapter", settings)?;
    let (mut last, bytes) = (0, plan.bytes());
    let remarks = plan.write(out, "# Card\n", &mut |done| {
        last = done;
        true
    })?;
    assert_eq!(last, bytes);
    Ok(remarks)
}

/// Largest difference of logits, as part of the largest logit.
fn gap(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0f32, |most, value| most.max(value.abs()));
    let gaps = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    gaps.fold(0f32, f32::max) / largest
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn folders_give_the_logits_of_base_and_adapter() {
    let tiny = MODELS.map(|name| fixtures().join("tiny").join(name));
    for base in tiny.into_iter().chain([fixtures().join("options/gemma3_images")]) {
        let name = base.file_name().unwrap().to_string_lossy();
        let adapter = PeftAdapter::read(&base.join("adapter")).unwrap();
        let out = TempDir::new().unwrap();
        let merged = out.path().join("merged");
        let expected = logits(&base.join("model"), Some(&adapter));
        assert!(gap(&logits(&base.join("model"), None), &expected) > 1e-2, "{name}");
        merge(&base.join("model"), &adapter, EXACT, &merged).unwrap();
        let found = gap(&logits(&merged, None), &expected);
        assert!(found < 1e-5, "{name}: {found}");
        // In the base's own type: exact where that is single precision.
        let own = out.path().join("own");
        merge(&base.join("model"), &adapter, MergeSettings::default(), &own).unwrap();
        let most = if name == "sharded_bf16" { 2e-2 } else { 1e-5 };
        let found = gap(&logits(&own, None), &expected);
        assert!(found < most, "{name}: {found}");
        assert_eq!(names(out.path()), ["merged", "own"], "nothing else is left");
    }
}

#[test]
fn what_the_adapter_leaves_alone_is_copied() {
    let base = fixtures().join("tiny/llama_tied");
    let adapter = PeftAdapter::read(&base.join("adapter")).unwrap();
    let out = TempDir::new().unwrap();
    let merged = out.path().join("merged");
    merge(&base.join("model"), &adapter, MergeSettings::default(), &merged).unwrap();
    let mut expected = names(&base.join("model"));
    expected.push("README.md".to_owned());
    expected.sort();
    assert_eq!(names(&merged), expected);
    for name in expected.iter().filter(|name| name.ends_with(".json")) {
        let read = |folder: &Path| fs::read(folder.join(name)).unwrap();
        assert_eq!(read(&merged), read(&base.join("model")), "{name}");
    }
    let read = |folder: &Path| fs::read(folder.join("model.safetensors")).unwrap();
    let (before, after) = (read(&base.join("model")), read(&merged));
    let before = safetensors::SafeTensors::deserialize(&before).unwrap();
    let after = safetensors::SafeTensors::deserialize(&after).unwrap();
    assert!(!after.names().contains(&"lm_head.weight"), "tied embeddings stay tied");
    assert_eq!(after.len(), before.len());
    for (name, tensor) in before.tensors() {
        let found = after.tensor(&name).unwrap();
        assert_eq!((found.shape(), found.dtype()), (tensor.shape(), tensor.dtype()), "{name}");
        let adapted = name.contains("_proj");
        assert_eq!(found.data() != tensor.data(), adapted, "{name}");
    }
}

#[test]
fn files_of_weights_keep_to_their_size() {
    let base = fixtures().join("tiny/sharded_bf16");
    let adapter = PeftAdapter::read(&base.join("adapter")).unwrap();
    let out = TempDir::new().unwrap();
    let merged = out.path().join("merged");
    let settings = MergeSettings { max_shard_bytes: 50_000, dtype: Some(FloatType::F16) };
    merge(&base.join("model"), &adapter, settings, &merged).unwrap();
    let shards: Vec<String> =
        names(&merged).into_iter().filter(|name| name.ends_with(".safetensors")).collect();
    assert!(shards.len() > 2, "{shards:?}");
    assert_eq!(shards[0], format!("model-00001-of-{:05}.safetensors", shards.len()));
    let mut tensors = 0;
    for shard in &shards {
        let bytes = fs::read(merged.join(shard)).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let data: usize = file.iter().map(|(_, tensor)| tensor.data().len()).sum();
        assert!(data <= 50_000 || file.len() == 1, "{shard}: {data}");
        tensors += file.len();
    }
    let index = fs::read(merged.join("model.safetensors.index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    assert_eq!(index["weight_map"].as_object().unwrap().len(), tensors);
    let config = fs::read(merged.join("config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    let dtype = config.get("dtype").or(config.get("torch_dtype")).unwrap();
    assert_eq!(dtype, "float16");
    let expected = logits(&base.join("model"), Some(&adapter));
    assert!(gap(&logits(&merged, None), &expected) < 2e-3);
}

#[test]
fn gguf_files_become_folders() {
    for (name, architecture, extra) in cases() {
        let base = fixtures().join(name);
        let out = TempDir::new().unwrap();
        let path = out.path().join("model.gguf");
        let files = ModelFiles::open(&base.join("model")).unwrap();
        let config = files.config().unwrap();
        fs::write(&path, convert(&files, &config, architecture, extra)).unwrap();
        let adapter = PeftAdapter::read(&base.join("adapter")).unwrap();
        let merged = out.path().join("merged");
        let remarks = merge(&path, &adapter, EXACT, &merged).unwrap();
        // These files have no tokenizer.
        assert!(remarks.len() == 1 && remarks[0].contains("tokenizer.json"), "{remarks:?}");
        let found = ModelFiles::open(&merged).unwrap().config().unwrap();
        assert_eq!(found.architecture, config.architecture, "{name}");
        let found = gap(&logits(&merged, None), &logits(&path, Some(&adapter)));
        assert!(found < 1e-5, "{name}: {found}");
        let found = gap(&logits(&merged, None), &logits(&base.join("model"), Some(&adapter)));
        assert!(found < 1e-5, "{name}: {found}");
    }
}

#[test]
fn a_merge_is_whole_or_not_there() {
    let base = fixtures().join("tiny/llama");
    let adapter = PeftAdapter::read(&base.join("adapter")).unwrap();
    let out = TempDir::new().unwrap();
    let merged = out.path().join("merged");
    let files = ModelFiles::open(&base.join("model")).unwrap();
    let plan = MergePlan::new(&files, &adapter, "the adapter", EXACT).unwrap();
    let stopped = plan.write(&merged, "", &mut |done| done < 100_000);
    assert!(matches!(stopped, Err(MergeError::Engine(EngineError::Cancelled))));
    assert_eq!(names(out.path()), [""; 0], "nothing is left of it");

    fs::create_dir(&merged).unwrap();
    plan.write(&merged, "", &mut |_| true).unwrap();
    let error = plan.write(&merged, "", &mut |_| true).unwrap_err();
    assert!(matches!(error, MergeError::Occupied { .. }), "{error}");
    assert!(error.to_string().contains("merged`"), "{error}");
}

#[test]
fn what_does_not_fit_is_named() {
    let base = fixtures().join("tiny/llama/model");
    let mut adapter = PeftAdapter::read(&fixtures().join("tiny/llama/adapter")).unwrap();
    let other = PeftAdapter::read(&fixtures().join("options/gemma2/adapter")).unwrap();
    let out = TempDir::new().unwrap();
    let merged = out.path().join("merged");
    let error = merge(&base, &other, EXACT, &merged).unwrap_err().to_string();
    assert!(error.contains("adapter `the adapter` does not fit"), "{error}");

    adapter.modules[0].b[0] = 1e9;
    adapter.modules[0].a[0] = 1.0;
    let settings = MergeSettings { dtype: Some(FloatType::F16), ..EXACT };
    let error = merge(&base, &adapter, settings, &merged).unwrap_err().to_string();
    assert!(error.contains("down_proj.weight") && error.contains("float16 cannot"), "{error}");
    assert!(!merged.exists());
}

/// The rows behind the padded reference batch.
fn rows(case: &Case) -> Vec<TrainRow> {
    let batch = &case.reference["inputs"]["sft_batch"];
    let count = batch["input_ids"].as_array().unwrap().len();
    (0..count)
        .map(|i| {
            let ids = case.ids(&format!("/inputs/sft_batch/input_ids/{i}"));
            let labels = batch["labels"][i].as_array().unwrap();
            let first = labels.iter().position(|l| l.as_i64() != Some(-100)).unwrap();
            let supervised = labels.iter().filter(|l| l.as_i64() != Some(-100)).count();
            let (prompt, rest) = ids.split_at(first);
            let completion = rest[..supervised].to_vec();
            TrainRow::completion(prompt.to_vec(), completion, 0)
        })
        .collect()
}

/// Loss and gradients of the mean over the batch's supervised tokens.
fn gradients(
    case: &Case,
    adapter: &Adapter<CpuKernels>,
    max_tokens: usize,
) -> (f64, Gradients<CpuKernels>) {
    let rows = rows(case);
    let batch = Batch::new(&rows.iter().collect::<Vec<_>>(), case.decoder.config(), max_tokens);
    let mut gradients = Gradients::zeros(case.decoder.kernels(), adapter);
    let factor = 1.0 / batch.supervised as f32;
    let mut activations = Activations::default();
    let found =
        batch.backward(&case.decoder, adapter, factor, &mut activations, &mut gradients).unwrap();
    (found.sum / batch.supervised as f64, gradients)
}

fn assert_gradients(case: &Case, prefix: &str, adapter: &Adapter<CpuKernels>, max_tokens: usize) {
    let (_, found) = gradients(case, adapter, max_tokens);
    for (&(block, module), [da, db]) in adapter.places().iter().zip(found.arrays()) {
        let key = format!("{prefix}/{}", module.name(block));
        assert_close(&key, da, &case.array(&format!("{key}.lora_A")));
        assert_close(&key, db, &case.array(&format!("{key}.lora_B")));
    }
    assert_eq!(adapter.places().len(), case.decoder.config().layers * MODULES.len());
}

#[test]
fn loss_and_gradients() {
    for name in MODELS {
        let case = Case::open(name);
        let adapter = case.adapter("adapter");
        // One forest, and several that are added up.
        for max_tokens in [1000, 20] {
            let (loss, _) = gradients(&case, &adapter, max_tokens);
            assert_near(name, loss, case.number("/sft/loss"));
            assert_gradients(&case, "sft.grad", &adapter, max_tokens);
        }
    }
}

#[test]
fn rank_stabilised_gradients() {
    for name in ["llama", "qwen3"] {
        let case = Case::open(name);
        let adapter = case.adapter("adapter_rslora");
        let (loss, _) = gradients(&case, &adapter, 1000);
        assert_near(name, loss, case.number("/rslora/loss"));
        assert_gradients(&case, "rslora.sft.grad", &adapter, 1000);
    }
}

#[test]
fn optimiser_steps() {
    for name in MODELS {
        let case = Case::open(name);
        for (key, weight_decay) in [("wd0", 0.0), ("wd0.01", 0.01)] {
            let steps = if ["llama", "qwen3"].contains(&name) { 1..=3 } else { 3..=3 };
            for count in steps {
                let settings = TrainSettings {
                    batch_rows: 5,
                    epochs: count,
                    optimizer: Optimizer { lr: 1e-2, weight_decay, ..Optimizer::default() },
                    schedule: Schedule::Constant,
                    warmup: 0.0,
                    order: Order::File,
                    ..TrainSettings::default()
                };
                let data = TrainData { train: rows(&case), ..TrainData::default() };
                let adapter = case.adapter("adapter");
                let trained =
                    train(&case.decoder, adapter, &data, &settings, None, &mut ()).unwrap();
                for (i, record) in trained.history.steps.iter().enumerate() {
                    let at = format!("/adamw/{key}/{i}");
                    assert_near(&at, record.loss, case.number(&at));
                }
                let places = trained.adapter.places().iter();
                for (&(block, module), pair) in places.zip(trained.adapter.pairs()) {
                    let key = format!("adamw.{key}.step{count}/{}", module.name(block));
                    assert_close(&key, &pair.a, &case.array(&format!("{key}.lora_A")));
                    assert_close(&key, &pair.b, &case.array(&format!("{key}.lora_B")));
                }
            }
        }
    }
}
