//! An adapter that moves the tiny model.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;
use std::fs;
use std::path::Path;

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
