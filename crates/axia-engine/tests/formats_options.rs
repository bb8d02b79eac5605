//! Where models differ from Llama, from config.json and from GGUF metadata.

use std::path::Path;

use axia_engine::config::{
    Activation, Architecture, Biases, ConfigError, ModelConfig, Options, Rope, RopeScaling, Rotary,
    Yarn,
};
use axia_engine::gguf::{GgufFile, GgufWriter, MetadataArray, MetadataValue};
use serde_json::{Value, json};

/// A config.json with eight blocks and `fields` added or replaced.
fn read(class: &str, fields: Value) -> Result<ModelConfig, ConfigError> {
    let mut config = json!({
        "architectures": [class], "vocab_size": 320, "hidden_size": 64, "num_hidden_layers": 8,
        "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 96
    });
    for (field, value) in fields.as_object().unwrap() {
        config[field] = value.clone();
    }
    ModelConfig::from_json(config.to_string().as_bytes(), Path::new("config.json"))
}

fn options(class: &str, fields: Value) -> Options {
    read(class, fields).unwrap().options
}

fn refusal(class: &str, fields: Value) -> String {
    read(class, fields).unwrap_err().to_string()
}

fn windowed_blocks(options: &Options) -> Vec<usize> {
    (0..8).filter(|&block| options.is_windowed(block)).collect()
}

fn unscaled(theta: f64) -> Rope {
    Rope { theta, scaling: RopeScaling::None }
}

#[test]
fn silence_means_what_transformers_assumes_of_each_kind() {
    let kinds = [
        ("LlamaForCausalLM", Architecture::Llama, 16, 1e4, false, 2_048),
        ("MistralForCausalLM", Architecture::Mistral, 16, 1e4, false, 131_072),
        ("Qwen2ForCausalLM", Architecture::Qwen2, 16, 1e4, false, 32_768),
        ("Qwen3ForCausalLM", Architecture::Qwen3, 128, 1e4, false, 32_768),
        ("SmolLM3ForCausalLM", Architecture::SmolLm3, 16, 2e6, true, 32_768),
        ("Gemma2ForCausalLM", Architecture::Gemma2, 256, 1e4, true, 8_192),
        ("Gemma3ForCausalLM", Architecture::Gemma3, 256, 1e6, true, 131_072),
    ];
    for (class, architecture, head_dim, theta, tied, positions) in kinds {
        let config = read(class, json!({})).unwrap();
        assert_eq!((config.architecture, config.head_dim), (architecture, head_dim));
        assert_eq!((config.rope, config.tied_embeddings), (unscaled(theta), tied), "{class}");
        assert_eq!(config.max_positions, positions, "{class}");
    }
    assert_eq!(options("LlamaForCausalLM", json!({})), Options::default());
    let gemma2 = options("Gemma2ForCausalLM", json!({}));
    let expected = Options {
        activation: Activation::GeluTanh,
        post_norms: true,
        norm_offset: 1.0,
        embedding_scale: Some(8.0),
        attention_scale: Some(1.0 / 16.0),
        attention_softcap: Some(50.0),
        logit_softcap: Some(30.0),
        window: Some(4096),
        windowed: vec![true, false, true, false, true, false, true, false],
        ..Options::default()
    };
    assert_eq!(gemma2, expected);
    let gemma3 = options("Gemma3ForCausalLM", json!({}));
    assert!(gemma3.qk_norm && gemma3.attention_softcap.is_none() && gemma3.logit_softcap.is_none());
    assert_eq!(gemma3.local_rope, Some(unscaled(1e4)));
    assert_eq!(windowed_blocks(&gemma3), [0, 1, 2, 3, 4, 6, 7]);
}

#[test]
fn windows() {
    let mistral = |fields| options("MistralForCausalLM", fields);
    assert_eq!(mistral(json!({})).window, Some(4096));
    let unlimited = mistral(json!({"sliding_window": null}));
    assert!(unlimited.window.is_none() && windowed_blocks(&unlimited).is_empty());
    assert_eq!(windowed_blocks(&mistral(json!({"sliding_window": 7}))).len(), 8);
    let qwen = |fields| options("Qwen2ForCausalLM", fields);
    assert!(
        windowed_blocks(&qwen(json!({"sliding_window": 7, "max_window_layers": 2}))).is_empty()
    );
    let used = json!({"use_sliding_window": true, "sliding_window": 7, "max_window_layers": 6});
    assert_eq!((qwen(used.clone()).window, windowed_blocks(&qwen(used))), (Some(7), vec![6, 7]));
    let kinds: Vec<&str> =
        (0..8).map(|i| if i == 3 { "sliding_attention" } else { "full_attention" }).collect();
    let listed = json!({"use_sliding_window": true, "sliding_window": 7, "layer_types": kinds});
    for class in ["Qwen3ForCausalLM", "SmolLM3ForCausalLM", "Gemma2ForCausalLM"] {
        let mut fields = listed.clone();
        if class == "Gemma2ForCausalLM" {
            fields["use_sliding_window"] = Value::Null;
        }
        assert_eq!(windowed_blocks(&options(class, fields)), [3], "{class}");
    }
    let older = options("Gemma3ForCausalLM", json!({"sliding_window_pattern": 3}));
    assert_eq!(windowed_blocks(&older), [0, 1, 3, 4, 6, 7]);
}

#[test]
fn blocks_without_rotary_embedding() {
    let rotary = |fields| {
        let options = options("SmolLM3ForCausalLM", fields);
        (0..8).filter(|&block| options.rotary(block) == Rotary::None).collect::<Vec<_>>()
    };
    assert_eq!(rotary(json!({})), [3, 7]);
    assert_eq!(rotary(json!({"no_rope_layer_interval": 3})), [2, 5]);
    assert_eq!(rotary(json!({"no_rope_layers": [1, 0, 1, 1, 1, 1, 1, 0, 0]})), [1, 7]);
    let gemma = options("Gemma3ForCausalLM", json!({}));
    assert_eq!((gemma.rotary(4), gemma.rotary(5)), (Rotary::Local, Rotary::Main));
}

#[test]
fn biases_and_activations() {
    let attention = Biases { qkv: true, attention_output: true, mlp: false };
    let both = json!({"attention_bias": true, "mlp_bias": true});
    for class in ["LlamaForCausalLM", "SmolLM3ForCausalLM"] {
        assert_eq!(options(class, both.clone()).biases, Biases { mlp: true, ..attention });
    }
    for class in ["Qwen3ForCausalLM", "Gemma2ForCausalLM", "Gemma3ForCausalLM"] {
        assert_eq!(options(class, json!({"attention_bias": true})).biases, attention, "{class}");
    }
    let qwen2 = Biases { qkv: true, ..Biases::default() };
    assert_eq!(options("Qwen2ForCausalLM", json!({"attention_bias": false})).biases, qwen2);
    let gelu = json!({"hidden_act": "gelu_pytorch_tanh"});
    assert_eq!(options("LlamaForCausalLM", gelu).activation, Activation::GeluTanh);
    let silu = json!({"hidden_activation": "silu", "hidden_act": "gelu"});
    assert_eq!(options("Gemma2ForCausalLM", silu).activation, Activation::Silu);
}

#[test]
fn gemmas_ropes_in_older_and_newer_files() {
    let older = json!({"rope_theta": 5e5, "rope_local_base_freq": 2e4,
        "rope_scaling": {"rope_type": "linear", "factor": 8.0}});
    let newer = json!({"rope_parameters": {
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 5e5},
        "sliding_attention": {"rope_type": "default", "rope_theta": 2e4}}});
    for fields in [older, newer] {
        let config = read("Gemma3ForCausalLM", fields).unwrap();
        let linear = RopeScaling::Linear { factor: 8.0 };
        assert_eq!(config.rope, Rope { theta: 5e5, scaling: linear });
        assert_eq!(config.options.local_rope, Some(unscaled(2e4)));
    }
    let bare = json!({"rope_parameters": {"rope_theta": 3e4}});
    assert_eq!(read("Qwen3ForCausalLM", bare).unwrap().rope, unscaled(3e4));
}

#[test]
fn null_switches_soft_capping_off() {
    let fields = json!({"attn_logit_softcapping": null, "final_logit_softcapping": 12.5});
    let gemma2 = options("Gemma2ForCausalLM", fields);
    assert_eq!((gemma2.attention_softcap, gemma2.logit_softcap), (None, Some(12.5)));
    let gemma3 = options("Gemma3ForCausalLM", json!({"final_logit_softcapping": 12.5}));
    assert_eq!(gemma3.logit_softcap, Some(12.5));
}

#[test]
fn what_makes_no_sense_is_named() {
    for (class, field, value) in [
        ("MistralForCausalLM", "attention_bias", json!(true)),
        ("MistralForCausalLM", "layer_types", json!(["sliding_attention", "full_attention"])),
        ("MistralForCausalLM", "sliding_window", json!(0)),
        ("Qwen2ForCausalLM", "mlp_bias", json!(true)),
        ("Qwen2ForCausalLM", "layer_types", json!(["full_attention"])),
        ("Qwen2ForCausalLM", "hidden_act", json!("quick_gelu")),
        ("Qwen2ForCausalLM", "partial_rotary_factor", json!(0.5)),
        ("Qwen3ForCausalLM", "layer_types", json!(vec!["chunked_attention"; 8])),
        ("Qwen3ForCausalLM", "sliding_window", json!("wide")),
        ("SmolLM3ForCausalLM", "no_rope_layers", json!([1, 0])),
        ("SmolLM3ForCausalLM", "no_rope_layers", json!([2, 0, 1, 1, 1, 1, 1, 1])),
        ("SmolLM3ForCausalLM", "no_rope_layer_interval", json!(0)),
        ("Gemma2ForCausalLM", "final_logit_softcapping", json!(0.0)),
        ("Gemma2ForCausalLM", "use_bidirectional_attention", json!(true)),
        ("Gemma2ForCausalLM", "use_sliding_window", json!(true)),
        ("Gemma2ForCausalLM", "sliding_window", Value::Null),
        ("Gemma3ForCausalLM", "sliding_window_pattern", json!(0)),
        ("Gemma3ForCausalLM", "query_pre_attn_scalar", json!(-1)),
        ("Gemma3ForCausalLM", "hidden_activation", json!("tanh")),
        ("Gemma3ForCausalLM", "rope_local_base_freq", json!(0)),
    ] {
        let mut fields = json!({"use_sliding_window": class == "Qwen3ForCausalLM"});
        fields[field] = value;
        let message = refusal(class, fields);
        assert!(message.contains(&format!("`{field}`")), "{class} {field}: {message}");
    }
    let other = json!({"rope_parameters": {"full_attention": {"rope_type": "mrope"}}});
    let message = refusal("Gemma3ForCausalLM", other);
    assert!(
        message.contains("`rope_parameters.full_attention.rope_type` = \"mrope\""),
        "{message}"
    );
    let message = refusal("Gemma3ForCausalLM", json!({"rope_parameters": {"rope_theta": 1e4}}));
    assert!(message.contains("`rope_parameters.rope_theta`"), "{message}");
    let message = refusal("Gemma3ForConditionalGeneration", json!({}));
    assert!(message.contains("text_config"), "{message}");
}

/// GGUF metadata of a model of eight blocks with `extra` under the architecture's prefix.
fn gguf(
    architecture: &str,
    extra: &[(&str, MetadataValue)],
    tensors: &[&str],
) -> Result<ModelConfig, ConfigError> {
    let mut entries = vec![
        ("embedding_length", MetadataValue::U32(64)),
        ("block_count", MetadataValue::U32(8)),
        ("attention.head_count", MetadataValue::U32(4)),
        ("feed_forward_length", MetadataValue::U32(96)),
        ("context_length", MetadataValue::U32(128)),
        ("attention.layer_norm_rms_epsilon", MetadataValue::F32(1e-6)),
        ("vocab_size", MetadataValue::U32(320)),
    ];
    entries.retain(|(key, _)| extra.iter().all(|(other, _)| key != other));
    let mut writer = GgufWriter::new()
        .entry("general.architecture", MetadataValue::String(architecture.to_owned()));
    for (key, value) in entries.into_iter().chain(extra.iter().cloned()) {
        writer = writer.entry(&format!("{architecture}.{key}"), value);
    }
    for name in tensors {
        writer = writer.tensor_f32(name, &[64], &[0.0; 64]);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, writer.to_bytes()).unwrap();
    ModelConfig::from_gguf(&GgufFile::open(&path).unwrap())
}

fn scaled(class: &str, scaling: Value) -> Rope {
    read(class, json!({"head_dim": 16, "rope_scaling": scaling})).unwrap().rope
}

#[test]
fn rotary_scalings_in_both_spellings() {
    let yarn = json!({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64});
    let older = scaled("LlamaForCausalLM", yarn.clone());
    let newer = read("LlamaForCausalLM", json!({"head_dim": 16, "rope_parameters": yarn.clone()}));
    assert_eq!(older, newer.unwrap().rope);
    let expected = Yarn {
        factor: 4.0,
        attention_factor: 0.1 * 4f64.ln() + 1.0,
        beta_fast: 32.0,
        beta_slow: 1.0,
        truncate: true,
        original_max_positions: 64,
    };
    assert_eq!(older, Rope { theta: 1e4, scaling: RopeScaling::Yarn(expected) });
    // What is told beside the parameters counts more, and what is told nowhere is the whole context.
    let beside = json!({"original_max_position_embeddings": 128, "rope_scaling": yarn});
    let RopeScaling::Yarn(beside) = read("LlamaForCausalLM", beside).unwrap().rope.scaling else {
        panic!("not YaRN")
    };
    assert_eq!(beside.original_max_positions, 128);
    let RopeScaling::Yarn(silent) =
        scaled("Qwen3ForCausalLM", json!({"type": "yarn", "factor": 2.0})).scaling
    else {
        panic!("not YaRN")
    };
    assert_eq!(silent.original_max_positions, 32_768);
    let dynamic = scaled("LlamaForCausalLM", json!({"type": "dynamic", "factor": 2.0}));
    let scaling = RopeScaling::Dynamic { factor: 2.0, original_max_positions: 2048 };
    assert_eq!(dynamic.scaling, scaling);
}

#[test]
fn rotary_scalings_are_checked() {
    let long = |short: usize| {
        json!({"type": "longrope", "short_factor": vec![1.0; short], "long_factor": vec![2.0; 8],
            "original_max_position_embeddings": 512})
    };
    let RopeScaling::LongRope(found) = scaled("LlamaForCausalLM", long(8)).scaling else {
        panic!("not LongRoPE")
    };
    // Without a factor it is how many times longer the context has become: 2048 / 512.
    assert_eq!(found.attention_factor, (1.0 + 4f64.ln() / 512f64.ln()).sqrt());
    for (scaling, named) in [
        (long(7), "`short_factor` = 7 numbers"),
        (json!({"type": "longrope", "short_factor": vec![0.0; 8]}), "short_factor"),
        (json!({"type": "dynamic"}), "rope_scaling.factor"),
        (json!({"type": "yarn", "factor": -1.0}), "`factor` = -1"),
        (
            json!({"type": "yarn", "factor": 2.0, "original_max_position_embeddings": 0}),
            "original_max_position_embeddings",
        ),
        (json!({"type": "linear", "factor": 2.0, "partial_rotary_factor": 0.5}), "partial_rotary"),
        (json!({"rope_type": "proportional", "partial_rotary_factor": 1.5}), "partial_rotary"),
    ] {
        let message = refusal("LlamaForCausalLM", json!({"head_dim": 16, "rope_scaling": scaling}));
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn key_heads_without_a_number() {
    let bare = |class, heads: usize| {
        let config = json!({
            "architectures": [class], "vocab_size": 320, "hidden_size": 64, "head_dim": 2,
            "num_hidden_layers": 1, "num_attention_heads": heads, "intermediate_size": 96
        });
        ModelConfig::from_json(config.to_string().as_bytes(), Path::new("x")).unwrap().kv_heads
    };
    assert_eq!(bare("LlamaForCausalLM", 32), 32);
    assert_eq!(bare("MistralForCausalLM", 32), 8);
    assert_eq!(bare("Gemma2ForCausalLM", 32), 4);
    let null = read("MistralForCausalLM", json!({"num_key_value_heads": null})).unwrap();
    assert_eq!(null.kv_heads, 4);
}

#[test]
fn models_of_text_and_images_are_read_as_their_text_part() {
    // As published: what is as in transformers' class is not said.
    let config = json!({
        "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
        "eos_token_id": [1, 106],
        "text_config": {
            "hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text",
            "num_hidden_layers": 34, "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
            "sliding_window": 1024
        },
        "vision_config": {"hidden_size": 1152}
    });
    let found = ModelConfig::from_json(config.to_string().as_bytes(), Path::new("x")).unwrap();
    let sizes = (found.vocab_size, found.heads, found.kv_heads, found.head_dim, found.layers);
    assert_eq!(sizes, (262_208, 8, 4, 256, 34));
    assert_eq!((found.architecture, found.tied_embeddings), (Architecture::Gemma3, true));
    assert_eq!((&*found.eos_ids, found.options.window), (&[1, 106][..], Some(1024)));
    let linear = RopeScaling::Linear { factor: 8.0 };
    assert_eq!(found.rope, Rope { theta: 1e6, scaling: linear });
    assert_eq!(found.options.local_rope, Some(unscaled(1e4)));
    assert!(found.is_for_images("model.vision_tower.vision_model.encoder.layers.0.mlp.fc1"));
    assert!(found.is_for_images("multi_modal_projector.mm_input_projection"));
    assert!(!found.is_for_images("model.language_model.layers.0.mlp.up_proj"));

    // transformers' class of the whole model does not cap logits, that of the text part does; both take
    // the width that they assume for the factor on embeddings.
    let text = json!({"final_logit_softcapping": 5.0, "num_hidden_layers": 2});
    let whole = json!({"architectures": ["Gemma3ForConditionalGeneration"], "text_config": &text});
    let mut alone = text.clone();
    alone["architectures"] = json!(["Gemma3ForCausalLM"]);
    for (config, cap) in [(whole, None), (alone, Some(5.0))] {
        let found = ModelConfig::from_json(config.to_string().as_bytes(), Path::new("x")).unwrap();
        let options = found.options;
        assert_eq!((options.logit_softcap, options.embedding_scale), (cap, Some(2304f64.sqrt())));
    }
}

#[test]
fn gguf_rotary_embeddings() {
    use MetadataValue::{F32, U32};
    let kind = |kind: &str| ("rope.scaling.type", MetadataValue::String(kind.to_owned()));
    let extra = [
        kind("yarn"),
        ("rope.scaling.factor", F32(4.0)),
        ("rope.scaling.original_context_length", U32(32)),
        ("rope.scaling.attn_factor", F32(0.5)),
        ("rope.scaling.yarn_beta_fast", F32(16.0)),
        ("rope.dimension_count", U32(8)),
    ];
    let config = gguf("qwen2", &extra, &[]).unwrap();
    let expected = Yarn {
        factor: 4.0,
        attention_factor: 0.5 * (0.1 * 4f64.ln() + 1.0),
        beta_fast: 16.0,
        beta_slow: 1.0,
        truncate: true,
        original_max_positions: 32,
    };
    assert_eq!(config.rope.scaling, RopeScaling::Yarn(expected));
    assert_eq!((config.rotary_width(), config.head_dim), (8, 16));
    for (architecture, extra, named) in [
        ("llama", vec![("rope.dimension_count", U32(8))], "dimension_count"),
        ("qwen2", vec![("rope.dimension_count", U32(7))], "dimension_count"),
        ("qwen2", vec![("rope.dimension_count", U32(18))], "dimension_count"),
        ("llama", vec![kind("longrope")], "rope_factors_short.weight"),
        ("llama", vec![kind("su")], "`llama.rope.scaling.type` = \"su\""),
        ("llama", vec![kind("yarn")], "rope.scaling.factor"),
        (
            "llama",
            vec![
                kind("yarn"),
                ("rope.scaling.factor", F32(2.0)),
                ("rope.scaling.yarn_ext_factor", F32(0.5)),
            ],
            "yarn_ext_factor",
        ),
    ] {
        let message = gguf(architecture, &extra, &[]).unwrap_err().to_string();
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn gguf_silence_means_what_llama_cpp_assumes() {
    let of = |name, extra: &[_]| gguf(name, extra, &[]).unwrap().options;
    assert_eq!(of("llama", &[]), Options::default());
    assert_eq!(of("qwen2", &[]), Options::default(), "biases are told by the tensors");
    assert_eq!(of("qwen3", &[]), Options { qk_norm: true, ..Options::default() });
    let gemma2 = of("gemma2", &[]);
    assert_eq!((gemma2.attention_softcap, gemma2.logit_softcap), (Some(50.0), Some(30.0)));
    assert_eq!((gemma2.window, windowed_blocks(&gemma2)), (Some(4096), vec![0, 2, 4, 6]));
    assert_eq!((gemma2.norm_offset, gemma2.embedding_scale), (0.0, Some(8.0)));
    let window = [("attention.sliding_window", MetadataValue::U32(9))];
    let gemma3 = of("gemma3", &window);
    assert_eq!((gemma3.window, gemma3.local_rope.clone()), (Some(9), Some(unscaled(1e4))));
    assert_eq!(windowed_blocks(&gemma3), [0, 1, 2, 3, 4, 6, 7]);
    assert_eq!(of("gemma3", &[]).window, None);
    let smollm3 = of("smollm3", &[]);
    assert_eq!((smollm3.rotary(3), smollm3.rotary(4)), (Rotary::None, Rotary::Main));
}

#[test]
fn gguf_says_more_of_some_models() {
    let flags = MetadataArray::Bool(vec![false, true, false, false, true, false, false, false]);
    let config = gguf(
        "gemma3",
        &[
            ("attention.sliding_window", MetadataValue::U32(9)),
            ("attention.sliding_window_pattern", MetadataValue::Array(flags)),
            ("rope.freq_base_swa", MetadataValue::F32(500.0)),
        ],
        &[],
    );
    let options = config.unwrap().options;
    assert_eq!(
        (windowed_blocks(&options), options.local_rope),
        (vec![1, 4], Some(unscaled(500.0)))
    );
    let tensors = ["blk.0.attn_q.bias", "blk.0.ffn_gate.bias"];
    let biases = gguf("llama", &[], &tensors).unwrap().options.biases;
    assert_eq!(biases, Biases { qkv: true, attention_output: false, mlp: true });
    // In the 27B models the scale of attention is not that of a head's width.
    let large = [("block_count", MetadataValue::U32(62))];
    let scale = gguf("gemma3", &large, &[]).unwrap().options.attention_scale;
    assert_eq!(scale, Some(0.25));
}

#[test]
fn gguf_options_are_checked() {
    let window = ("attention.sliding_window", MetadataValue::U32(9));
    let pattern = |value| ("attention.sliding_window_pattern", value);
    for (name, extra, named) in [
        ("qwen2", vec![window.clone()], "`qwen2.attention.sliding_window` = 9"),
        ("gemma3", vec![window.clone(), pattern(MetadataValue::U32(0))], "sliding_window_pattern"),
        (
            "gemma3",
            vec![window, pattern(MetadataValue::Array(MetadataArray::Bool(vec![true])))],
            "1 entries",
        ),
        ("gemma2", vec![("attn_logit_softcapping", MetadataValue::F32(-1.0))], "softcapping"),
        ("mistral3", vec![], "`mistral3`"),
    ] {
        let message = gguf(name, &extra, &[]).unwrap_err().to_string();
        assert!(message.contains(named), "{message}");
    }
}
