//! Models of every architecture as llama.cpp's converters write them: the same logits as from their
//! Hugging Face folders.

use crate::case::fixtures;
use axia_engine::adapter::Adapter as PeftAdapter;
use axia_engine::config::{Architecture, ModelConfig};
use axia_engine::decoder::{Activations, Decoder, Keep};
use axia_engine::forest::Forest;
use axia_engine::gguf::{GgufWriter, MetadataValue};
use axia_engine::kernels::CpuKernels;
use axia_engine::lora::Adapter;
use axia_engine::weights::ModelFiles;
use std::path::Path;

pub type Entries = Vec<(&'static str, MetadataValue)>;

/// Folder below the fixtures, `general.architecture`, and what metadata the model needs beside its
/// sizes.
pub fn cases() -> Vec<(&'static str, &'static str, Entries)> {
    use MetadataValue::{F32, U32};
    vec![
        ("tiny/llama", "llama", vec![]),
        ("options/llama_biases", "llama", vec![]),
        ("tiny/mistral", "llama", vec![("attention.sliding_window", U32(8))]),
        (
            "options/llama_yarn",
            "llama",
            vec![
                ("rope.scaling.type", MetadataValue::String("yarn".to_owned())),
                ("rope.scaling.factor", F32(4.0)),
                ("rope.scaling.original_context_length", U32(16)),
            ],
        ),
        ("tiny/qwen2", "qwen2", vec![]),
        ("tiny/qwen3", "qwen3", vec![]),
        ("options/smollm3_biases", "smollm3", vec![]),
        (
            "options/gemma2",
            "gemma2",
            vec![
                ("attention.sliding_window", U32(4)),
                ("attn_logit_softcapping", F32(1.5)),
                ("final_logit_softcapping", F32(1.0)),
            ],
        ),
        (
            "options/gemma3_scaled",
            "gemma3",
            vec![
                ("attention.sliding_window", U32(4)),
                ("attention.sliding_window_pattern", U32(2)),
                ("attention.scale", F32(12f32.powf(-0.5))),
                ("final_logit_softcapping", F32(1.0)),
                ("rope.scaling.type", MetadataValue::String("linear".to_owned())),
                ("rope.scaling.factor", F32(4.0)),
            ],
        ),
    ]
}

/// The name in GGUF files of a tensor of a folder.
fn gguf_name(name: &str, config: &ModelConfig) -> String {
    let ffn_norm = match config.options.post_norms {
        true => "pre_feedforward_layernorm",
        false => "post_attention_layernorm",
    };
    let parts = [
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("lm_head", "output"),
        ("model.layers", "blk"),
        ("input_layernorm", "attn_norm"),
        (ffn_norm, "ffn_norm"),
        ("post_attention_layernorm", "post_attention_norm"),
        ("post_feedforward_layernorm", "post_ffw_norm"),
        ("self_attn.q_norm", "attn_q_norm"),
        ("self_attn.k_norm", "attn_k_norm"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
    ];
    parts.iter().fold(name.to_owned(), |name, (from, to)| name.replace(from, to))
}

/// Rows of a query or key projection in the order of converters for `llama` and `smollm3`: those of
/// the two halves of a head take turns.
fn interleaved(rows: &[f32], columns: usize, head_dim: usize) -> Vec<f32> {
    let row = |i: usize| &rows[i * columns..][..columns];
    let heads = rows.len() / columns / head_dim;
    let order = (0..heads).flat_map(|head| {
        (0..head_dim / 2)
            .flat_map(move |i| [head * head_dim + i, head * head_dim + i + head_dim / 2])
    });
    order.flat_map(row).copied().collect()
}

pub fn convert(files: &ModelFiles, config: &ModelConfig, name: &str, extra: Entries) -> Vec<u8> {
    let size = |size: usize| MetadataValue::U32(size as u32);
    let gemma = matches!(config.architecture, Architecture::Gemma2 | Architecture::Gemma3);
    let sizes = [
        ("embedding_length", size(config.hidden_size)),
        ("block_count", size(config.layers)),
        ("feed_forward_length", size(config.ffn_size)),
        ("context_length", size(config.max_positions)),
        ("attention.head_count", size(config.heads)),
        ("attention.head_count_kv", size(config.kv_heads)),
        ("attention.key_length", size(config.head_dim)),
        ("attention.layer_norm_rms_epsilon", MetadataValue::F32(config.rms_eps as f32)),
        ("rope.freq_base", MetadataValue::F32(config.rope.theta as f32)),
    ];
    let architecture = MetadataValue::String(name.to_owned());
    let mut writer = GgufWriter::new().entry("general.architecture", architecture);
    for (key, value) in sizes.into_iter().chain(extra) {
        writer = writer.entry(&format!("{name}.{key}"), value);
    }
    let tensors = files.tensors(config).unwrap();
    for hf in tensors.names() {
        let tensor = tensors.tensor(hf).unwrap();
        let mut values = tensor.to_f32().unwrap();
        let projection = hf.contains("q_proj") || hf.contains("k_proj");
        if projection && ["llama", "smollm3"].contains(&name) {
            let columns = if hf.ends_with("bias") { 1 } else { tensor.columns() };
            values = interleaved(&values, columns, config.head_dim);
        }
        if gemma && hf.ends_with("norm.weight") {
            values.iter_mut().for_each(|value| *value += 1.0);
        }
        writer = writer.tensor_f32(&gguf_name(hf, config), tensor.shape(), &values);
    }
    writer.to_bytes()
}

/// The logits of some made-up rows.
pub fn logits(path: &Path, adapter: Option<&PeftAdapter>) -> Vec<f32> {
    let files = ModelFiles::open(path).unwrap();
    let config = files.config().unwrap();
    let tensors = files.tensors(&config).unwrap();
    let decoder = Decoder::load(CpuKernels::default(), config, &tensors).unwrap();
    let adapter = adapter.map(|adapter| {
        Adapter::from_peft(decoder.kernels(), decoder.config(), adapter, ("a", "m")).unwrap()
    });
    let tokens: Vec<u32> = (0..40).map(|i| i * 29 % 45 + 3).collect();
    let (forest, _) = Forest::build(&[&tokens[..], &tokens[..20], &tokens[..3]]);
    let all: Vec<u32> = (0..forest.len() as u32).collect();
    let mut activations = Activations::default();
    decoder.forward(
        adapter.as_ref(),
        &decoder.pass(&forest, &all),
        Keep::Nothing,
        &mut activations,
    );
    decoder.logits(&activations)
}

#[test]
fn converted_models_give_the_same_logits() {
    let folder = tempfile::tempdir().unwrap();
    for (name, architecture, extra) in cases() {
        let source = fixtures().join(name).join("model");
        let files = ModelFiles::open(&source).unwrap();
        let config = files.config().unwrap();
        let path = folder.path().join("model.gguf");
        std::fs::write(&path, convert(&files, &config, architecture, extra)).unwrap();
        let (found, expected) = (logits(&path, None), logits(&source, None));
        assert_eq!(found.len(), expected.len(), "{name}");
        for (a, b) in found.iter().zip(&expected) {
            // Metadata hold the scale of attention in single precision.
            assert!((a - b).abs() < 1e-5, "{name}: {a} against {b}");
        }
    }
}
