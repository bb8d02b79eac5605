//! The shape of a model from config.json and from GGUF metadata.

use std::path::{Path, PathBuf};

use axia_engine::checkpoint_files::HfFolder;
use axia_engine::config::{Architecture, ConfigError, ModelConfig, Options, Rope, RopeScaling};
use axia_engine::gguf::{GgufFile, GgufWriter, MetadataValue};
use serde_json::{Value, json};

fn fixture(name: &str) -> ModelConfig {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny").join(name).join("model");
    ModelConfig::from_folder(&HfFolder::new(&path)).unwrap()
}

fn plain_rope(theta: f64) -> Rope {
    Rope { theta, scaling: RopeScaling::None }
}

/// A sound config.json with one field changed (or removed, by null).
fn changed(field: &str, value: Value) -> Result<ModelConfig, ConfigError> {
    let mut config = json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "vocab_size": 320, "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4,
        "num_key_value_heads": 2, "intermediate_size": 96, "rms_norm_eps": 1e-5,
        "max_position_embeddings": 128, "rope_theta": 10000.0, "bos_token_id": 1, "eos_token_id": 2
    });
    config[field] = value;
    ModelConfig::from_json(config.to_string().as_bytes(), Path::new("config.json"))
}

fn refusal(field: &str, value: Value) -> String {
    changed(field, value).unwrap_err().to_string()
}

#[test]
fn older_and_newer_files_are_read() {
    let llama = fixture("llama");
    let expected = ModelConfig {
        architecture: Architecture::Llama,
        vocab_size: 320,
        hidden_size: 64,
        layers: 3,
        heads: 4,
        kv_heads: 2,
        head_dim: 16,
        ffn_size: 96,
        rms_eps: 1e-5,
        rope: plain_rope(10_000.0),
        tied_embeddings: false,
        max_positions: 128,
        bos_id: Some(1),
        eos_ids: vec![2],
        pad_id: Some(0),
        options: Options::default(),
    };
    assert_eq!(llama, expected);
    let tied = fixture("llama_tied");
    assert_eq!((tied.tied_embeddings, tied.rope), (true, plain_rope(100_000.0)));
    let falcon = fixture("falcon3");
    assert_eq!((falcon.rms_eps, falcon.rope), (1e-6, plain_rope(1_000_042.0)));
    assert_eq!(fixture("sharded_bf16").rope, plain_rope(500_000.0));
    let llama3 = RopeScaling::Llama3 {
        factor: 8.0,
        low_frequency_factor: 1.0,
        high_frequency_factor: 4.0,
        original_max_positions: 64,
    };
    assert_eq!(fixture("llama_rope3").rope, Rope { theta: 10_000.0, scaling: llama3 });
}

#[test]
fn linear_modules_have_names_and_widths() {
    let modules = fixture("llama").linear_modules();
    assert_eq!(modules.len(), 3 * 7);
    let down = modules.iter().find(|m| m.name == "model.layers.2.mlp.down_proj").unwrap();
    assert_eq!((down.inputs, down.outputs), (96, 64));
    let key = modules.iter().find(|m| m.name == "model.layers.0.self_attn.k_proj").unwrap();
    assert_eq!((key.inputs, key.outputs), (64, 32));
}

#[test]
fn silence_means_what_transformers_assumes() {
    let config = changed("num_key_value_heads", Value::Null).unwrap();
    assert_eq!(config.kv_heads, 4);
    assert_eq!(changed("rope_theta", Value::Null).unwrap().rope, plain_rope(10_000.0));
    assert_eq!(changed("rms_norm_eps", Value::Null).unwrap().rms_eps, 1e-6);
    assert_eq!(changed("architectures", Value::Null).unwrap().architecture, Architecture::Llama);
    assert!(refusal("hidden_size", Value::Null).contains("no `hidden_size`"));
}

#[test]
fn scalings_are_read_or_named() {
    let linear = changed("rope_scaling", json!({"type": "linear", "factor": 4.0})).unwrap();
    assert_eq!(linear.rope.scaling, RopeScaling::Linear { factor: 4.0 });
    let newer =
        changed("rope_parameters", json!({"rope_type": "linear", "factor": 2, "rope_theta": 5.0}));
    assert_eq!(
        newer.unwrap().rope,
        Rope { theta: 5.0, scaling: RopeScaling::Linear { factor: 2.0 } }
    );
    let other = refusal("rope_scaling", json!({"rope_type": "su", "factor": 4.0}));
    assert!(other.contains("`rope_scaling.rope_type` = \"su\""), "{other}");
    assert!(
        refusal("rope_scaling", json!({"rope_type": "linear"}))
            .contains("no `rope_scaling.factor`")
    );
    assert!(
        refusal("rope_scaling", json!({"rope_type": "linear", "factor": 0}))
            .contains("makes no sense")
    );
    let backwards = json!({"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 1,
        "original_max_position_embeddings": 64});
    assert!(refusal("rope_scaling", backwards).contains("`high_freq_factor` = 1"));
    let nested = json!({"full_attention": {"rope_type": "default", "rope_theta": 1e6}});
    assert!(refusal("rope_parameters", nested).contains("rope_parameters.rope_type"));
}

#[test]
fn ends_of_a_reply_are_collected() {
    let ids = |value| changed("eos_token_id", value).unwrap().eos_ids;
    assert_eq!(ids(json!([7, 8])), [7, 8]);
    assert_eq!(ids(json!(-1)), Vec::<u32>::new());
    assert_eq!(ids(Value::Null), Vec::<u32>::new());
    assert!(refusal("eos_token_id", json!("x")).contains("`eos_token_id`"));
    assert!(refusal("eos_token_id", json!([320])).contains("the vocabulary has 320 tokens"));
    // As in models whose padding was added to the tokenizer alone.
    assert_eq!(changed("pad_token_id", json!(320)).unwrap().pad_id, Some(320));

    let folder = tempfile::tempdir().unwrap();
    let config = std::fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny/llama/model/config.json"),
    );
    std::fs::write(folder.path().join("config.json"), config.unwrap()).unwrap();
    std::fs::write(folder.path().join("generation_config.json"), r#"{"eos_token_id": [9, 2]}"#)
        .unwrap();
    let both = ModelConfig::from_folder(&HfFolder::new(folder.path())).unwrap();
    assert_eq!(both.eos_ids, [9, 2]);
}

#[test]
fn what_is_not_supported_is_named() {
    for (field, value) in [
        ("hidden_act", json!("mish")),
        ("use_sliding_window", json!(true)),
        ("use_bidirectional_attention", json!(true)),
        ("partial_rotary_factor", json!(0.5)),
        ("rope_interleaved", json!(true)),
        ("quantization_config", json!({"quant_method": "gptq"})),
        ("layer_types", json!(["full_attention", "sliding_attention"])),
    ] {
        let message = refusal(field, value);
        assert!(message.contains(&format!("`{field}` = ")), "{message}");
    }
    let message = refusal("architectures", json!(["MambaForCausalLM"]));
    assert!(
        message.contains("`MambaForCausalLM`") && message.contains("LlamaForCausalLM"),
        "{message}"
    );
    assert!(changed("layer_types", json!(["full_attention"])).is_ok());
}

#[test]
fn absurd_sizes_are_named() {
    for (field, value) in [
        ("vocab_size", json!(0)),
        ("hidden_size", json!(1_u64 << 40)),
        ("hidden_size", json!(66)),
        ("num_hidden_layers", json!(1_000_000)),
        ("num_attention_heads", json!(0)),
        ("num_key_value_heads", json!(3)),
        ("num_key_value_heads", json!(0)),
        ("head_dim", json!(15)),
        ("rms_norm_eps", json!(0.0)),
        ("rope_theta", json!(-1.0)),
        ("intermediate_size", json!(-5)),
        ("max_position_embeddings", json!("many")),
    ] {
        let message = refusal(field, value);
        assert!(message.contains(&format!("`{field}`")), "{field}: {message}");
    }
}

/// Whatever stands in a field, it is read or refused.
#[test]
fn odd_values_are_survived() {
    let odd = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!("x"),
        json!([]),
        json!([[]]),
        json!({}),
        json!({"rope_type": 3}),
    ];
    for field in [
        "architectures",
        "model_type",
        "hidden_act",
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "head_dim",
        "intermediate_size",
        "rms_norm_eps",
        "max_position_embeddings",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
        "bos_token_id",
        "eos_token_id",
        "tie_word_embeddings",
        "layer_types",
    ] {
        for value in &odd {
            if let Ok(config) = changed(field, value.clone()) {
                assert_eq!(config.rope.frequencies(config.head_dim, 1).len(), config.head_dim / 2);
            }
        }
    }
}

#[test]
fn other_files_are_refused() {
    let parse = |text: &str| {
        ModelConfig::from_json(text.as_bytes(), Path::new("config.json")).unwrap_err().to_string()
    };
    assert!(parse("{").contains("`config.json` is not valid JSON"));
    assert!(parse("[]").contains("one JSON object"));
    assert!(parse("{}").contains("no `architectures`"));
    let empty = tempfile::tempdir().unwrap();
    let error = ModelConfig::from_folder(&HfFolder::new(empty.path())).unwrap_err().to_string();
    assert!(error.contains("has no config.json"), "{error}");
}

/// A GGUF file of a small llama, with entries added or replaced.
fn gguf(
    extra: &[(&str, MetadataValue)],
    divisors: Option<&[f32]>,
) -> Result<ModelConfig, ConfigError> {
    let mut entries = vec![
        ("general.architecture", MetadataValue::String("llama".to_owned())),
        ("llama.embedding_length", MetadataValue::U32(64)),
        ("llama.block_count", MetadataValue::U32(3)),
        ("llama.attention.head_count", MetadataValue::U32(4)),
        ("llama.feed_forward_length", MetadataValue::U32(96)),
        ("llama.context_length", MetadataValue::U32(128)),
        ("llama.attention.layer_norm_rms_epsilon", MetadataValue::F32(1e-5)),
        ("llama.vocab_size", MetadataValue::U32(320)),
    ];
    entries.retain(|(key, _)| extra.iter().all(|(other, _)| key != other));
    let mut writer = GgufWriter::new();
    for (key, value) in entries.into_iter().chain(extra.iter().cloned()) {
        writer = writer.entry(key, value);
    }
    if let Some(divisors) = divisors {
        writer = writer.tensor_f32("rope_freqs.weight", &[divisors.len()], divisors);
    }
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("model.gguf");
    std::fs::write(&path, writer.to_bytes()).unwrap();
    ModelConfig::from_gguf(&GgufFile::open(&path).unwrap())
}

#[test]
fn gguf_metadata_are_read() {
    let plain = gguf(&[], None).unwrap();
    assert_eq!((plain.kv_heads, plain.head_dim, plain.vocab_size), (4, 16, 320));
    assert_eq!(plain.rope, plain_rope(10_000.0));
    assert!(plain.tied_embeddings && plain.eos_ids.is_empty());
    let ids = gguf(
        &[
            ("tokenizer.ggml.eos_token_id", MetadataValue::U32(2)),
            ("tokenizer.ggml.eot_token_id", MetadataValue::U32(5)),
            ("tokenizer.ggml.eom_token_id", MetadataValue::U32(2)),
        ],
        None,
    );
    assert_eq!(ids.unwrap().eos_ids, [2, 5]);
    let divisors = [1.0, 1.0, 1.0, 1.0, 2.0, 4.0, 8.0, 8.0];
    let divided = gguf(&[], Some(&divisors)).unwrap();
    assert_eq!(divided.rope.scaling, RopeScaling::Divisors(divisors.to_vec()));
}

#[test]
fn gguf_metadata_are_checked() {
    let text = |text: &str| MetadataValue::String(text.to_owned());
    for (key, value, named) in [
        ("general.architecture", text("mamba"), "`mamba`"),
        ("llama.block_count", text("three"), "`llama.block_count`"),
        ("llama.rope.dimension_count", MetadataValue::U32(8), "`llama.rope.dimension_count` = 8"),
        ("llama.rope.scaling.type", text("su"), "`llama.rope.scaling.type` = \"su\""),
        ("llama.rope.scaling.type", text("linear"), "`llama.rope.scaling.factor`"),
        ("llama.attention.head_count", MetadataValue::U32(0), "num_attention_heads"),
        ("split.count", MetadataValue::U16(3), "`split.count` = 3"),
        ("tokenizer.ggml.eos_token_id", MetadataValue::U64(1 << 40), "eos_token_id"),
    ] {
        let message = gguf(&[(key, value)], None).unwrap_err().to_string();
        assert!(message.contains(named), "{message}");
    }
    for divisors in [&[1.0; 7][..], &[0.0; 8], &[f32::NAN; 8]] {
        let message = gguf(&[], Some(divisors)).unwrap_err().to_string();
        assert!(message.contains("rope_freqs.weight"), "{message}");
    }
}

#[test]
fn a_real_gguf_is_read() {
    let Some(path) = std::env::var_os("AXIA_TEST_GGUF") else {
        eprintln!("skipped: AXIA_TEST_GGUF names no SmolLM2-135M-Instruct GGUF file");
        return;
    };
    let config = ModelConfig::from_gguf(&GgufFile::open(Path::new(&path)).unwrap()).unwrap();
    assert_eq!((config.vocab_size, config.hidden_size, config.layers), (49_152, 576, 30));
    assert_eq!((config.heads, config.kv_heads, config.head_dim), (9, 3, 64));
    assert_eq!((config.ffn_size, config.max_positions), (1536, 8192));
    assert_eq!(config.rope, plain_rope(100_000.0));
    assert!(config.tied_embeddings && (config.rms_eps - 1e-5).abs() < 1e-12);
    assert_eq!((config.bos_id, config.eos_ids, config.pad_id), (Some(1), vec![2], Some(2)));
}
