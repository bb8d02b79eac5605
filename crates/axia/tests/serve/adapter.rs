//! An adapter that moves the tiny model.

use crate::bench::Bench;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value as Json, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Width of the tiny model.
const HIDDEN: usize = 32;
const RANK: usize = 4;

/// Writes the PEFT folder of an adapter on the queries, with numbers that come of `seed`.
pub fn write(folder: &Path, seed: u64) {
    fs::create_dir_all(folder).unwrap();
    let config = json!({
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "tiny",
        "r": RANK, "lora_alpha": 16, "lora_dropout": 0.0, "target_modules": ["q_proj"],
        "bias": "none", "fan_in_fan_out": false, "inference_mode": true, "use_rslora": false,
        "use_dora": false, "rank_pattern": {}, "alpha_pattern": {}, "modules_to_save": null,
    });
    fs::write(folder.join("adapter_config.json"), config.to_string()).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut numbers = |count: usize| -> Vec<u8> {
        let mut number = || random.next_u32() as f32 / u32::MAX as f32 - 0.5;
        (0..count).flat_map(|_| number().to_le_bytes()).collect()
    };
    let parts = (0..2).flat_map(|block| {
        let name = format!("base_model.model.model.layers.{block}.self_attn.q_proj");
        [
            (format!("{name}.lora_A.weight"), vec![RANK, HIDDEN]),
            (format!("{name}.lora_B.weight"), vec![HIDDEN, RANK]),
        ]
    });
    let parts: Vec<(String, Vec<usize>, Vec<u8>)> = parts
        .map(|(name, shape)| {
            let bytes = numbers(shape.iter().product());
            (name, shape, bytes)
        })
        .collect();
    let views = parts.iter().map(|(name, shape, bytes)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    fs::write(folder.join("adapter_model.safetensors"), bytes).unwrap();
}

/// Profiles in the bench's folder; the ratings' probabilities, answer by answer, and the summary.
fn profile(bench: &Bench, out: &str, whom: &[&str]) -> (Vec<Vec<f64>>, Json) {
    let output = Command::new(env!("CARGO_BIN_EXE_axia"))
        .args(["profile", "--limit", "2", "--variants", "few", "--json", "--out", out])
        .args(whom)
        .current_dir(bench.folder())
        .env("XDG_STATE_HOME", bench.folder().join("state"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{whom:?}: {said}");
    let text = std::fs::read_to_string(bench.folder().join(out).join("responses.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let scored = lines.map(|line| {
        let scored = line["answer"]["scored"].as_array().unwrap();
        scored.iter().map(|p| p.as_f64().unwrap()).collect()
    });
    (scored.collect(), serde_json::from_slice(&output.stdout).unwrap())
}

fn farthest(a: &[Vec<f64>], b: &[Vec<f64>]) -> f64 {
    assert_eq!(a.len(), b.len());
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn a_served_model_and_its_adapter_have_the_profiles_of_the_embedded_engine() {
    let bench = Bench::new();
    let address = format!("http://{}", bench.address);
    let served = |out: &str, model: &str| {
        profile(&bench, out, &["--respondent", &address, "--served-model", model])
    };
    let (base, _) = profile(&bench, "base", &["tiny"]);
    let (adapted, _) = profile(&bench, "adapted", &["tiny", "--adapter", "a"]);
    assert!(farthest(&base, &adapted) > 1e-2, "the adapter says nothing else than the base");

    for (expected, model, out) in [(&base, "tiny", "of-base"), (&adapted, "tiny:a", "of-a")] {
        let (found, summary) = served(out, model);
        assert_eq!(summary["respondent"]["scoring"], "prompt-logprobs");
        assert_eq!(summary["respondent"]["model"], model);
        let apart = farthest(expected, &found);
        assert!(apart < 1e-4, "{model}: {apart}");
    }
}
