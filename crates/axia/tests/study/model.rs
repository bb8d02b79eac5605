//! A model that fits in a test: two blocks of random weights over single bytes.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value as Json, json};
use std::fs;
use std::path::Path;

pub const VOCABULARY: usize = 258;
const HEAD: usize = 16;
const FFN: usize = 48;
const BLOCKS: usize = 2;

/// What a folder holds; tests break one thing at a time.
pub struct Recipe {
    pub hidden: usize,
    pub architecture: &'static str,
    pub chat_template: Option<&'static str>,
    /// Whether the tokenizer begins every text with a token of its own.
    pub begins_texts: bool,
    /// A tensor whose first number is NaN.
    pub broken_tensor: Option<&'static str>,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            hidden: 32,
            architecture: "LlamaForCausalLM",
            chat_template: Some(
                "{% for m in messages %}<|bos|>{{ m.role }}\n{{ m.content }}<|eos|>\n{% endfor %}\
                 {% if add_generation_prompt %}<|bos|>assistant\n{% endif %}",
            ),
            begins_texts: false,
            broken_tensor: None,
        }
    }
}

impl Recipe {
    /// Writes the Hugging Face folder.
    pub fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        let json = |name: &str, value: Json| {
            fs::write(folder.join(name), value.to_string()).unwrap();
        };
        json("config.json", self.config());
        let mut tokenizer = tokenizer();
        if self.begins_texts {
            tokenizer["post_processor"] = begins_texts();
        }
        json("tokenizer.json", tokenizer);
        let mut settings = json!({"bos_token": "<|bos|>", "eos_token": "<|eos|>"});
        if let Some(template) = self.chat_template {
            settings["chat_template"] = json!(template);
        }
        json("tokenizer_config.json", settings);
        fs::write(folder.join("model.safetensors"), self.weights()).unwrap();
    }

    fn config(&self) -> Json {
        json!({
            "architectures": [self.architecture], "model_type": "llama",
            "vocab_size": VOCABULARY, "hidden_size": self.hidden, "intermediate_size": FFN,
            "num_hidden_layers": BLOCKS, "num_attention_heads": 2, "num_key_value_heads": 1,
            "head_dim": HEAD, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
            "max_position_embeddings": 4096, "tie_word_embeddings": false, "hidden_act": "silu",
            "bos_token_id": 256, "eos_token_id": 257,
        })
    }

    fn weights(&self) -> Vec<u8> {
        let hidden = self.hidden;
        let mut shapes = vec![
            ("model.embed_tokens.weight".to_owned(), vec![VOCABULARY, hidden]),
            ("lm_head.weight".to_owned(), vec![VOCABULARY, hidden]),
            ("model.norm.weight".to_owned(), vec![hidden]),
        ];
        for block in 0..BLOCKS {
            let parts = [
                ("self_attn.q_proj", vec![2 * HEAD, hidden]),
                ("self_attn.k_proj", vec![HEAD, hidden]),
                ("self_attn.v_proj", vec![HEAD, hidden]),
                ("self_attn.o_proj", vec![hidden, 2 * HEAD]),
                ("mlp.gate_proj", vec![FFN, hidden]),
                ("mlp.up_proj", vec![FFN, hidden]),
                ("mlp.down_proj", vec![hidden, FFN]),
                ("input_layernorm", vec![hidden]),
                ("post_attention_layernorm", vec![hidden]),
            ];
            let named = |(part, shape)| (format!("model.layers.{block}.{part}.weight"), shape);
            shapes.extend(parts.map(named));
        }
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let filled: Vec<(String, Vec<usize>, Vec<u8>)> = shapes
            .into_iter()
            .map(|(name, shape)| {
                let mut values = numbers(&shape, &mut random);
                if self.broken_tensor == Some(&name) {
                    values[0] = f32::NAN;
                }
                (name, shape, values.into_iter().flat_map(f32::to_le_bytes).collect())
            })
            .collect();
        let views = filled.iter().map(|(name, shape, bytes)| {
            (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
        });
        safetensors::serialize(views, None).unwrap()
    }
}

/// Ones for norms, else even numbers of variance one over the layer's inputs, so that activations
/// keep their size.
fn numbers(shape: &[usize], random: &mut ChaCha8Rng) -> Vec<f32> {
    let [rows, columns] = shape else { return vec![1.0; shape[0]] };
    let width = (3.0 / *columns as f32).sqrt();
    let mut even = || (random.next_u32() as f32 / u32::MAX as f32 * 2.0 - 1.0) * width;
    (0..rows * columns).map(|_| even()).collect()
}

/// One token for each byte, whose id is the byte, and the two that frame a text.
fn tokenizer() -> Json {
    let special = |id: usize, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true})
    };
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false,
        "trim_offsets": true, "use_regex": true});
    let mut vocabulary: serde_json::Map<String, Json> =
        (0..=255).map(|byte| (letter(byte).to_string(), json!(byte))).collect();
    vocabulary.insert("<|bos|>".to_owned(), json!(256));
    vocabulary.insert("<|eos|>".to_owned(), json!(257));
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null,
        "added_tokens": [special(256, "<|bos|>"), special(257, "<|eos|>")],
        "pre_tokenizer": byte_level, "post_processor": null, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": null, "unk_token": null,
            "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
            "byte_fallback": false, "vocab": vocabulary, "merges": []},
    })
}

/// A post-processor that puts `<|bos|>` before a text.
fn begins_texts() -> Json {
    let begin = json!({"SpecialToken": {"id": "<|bos|>", "type_id": 0}});
    let text = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    json!({
        "type": "TemplateProcessing",
        "single": [begin, text("A")],
        "pair": [begin, text("A"), text("B")],
        "special_tokens": {"<|bos|>": {"id": "<|bos|>", "ids": [256], "tokens": ["<|bos|>"]}},
    })
}

/// The letter that stands for a byte in byte-level vocabularies: itself where it can be seen, else
/// the next one from U+0100 on.
fn letter(byte: u8) -> char {
    let visible = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    if visible(byte) {
        return char::from(byte);
    }
    let hidden_before = (0..byte).filter(|&before| !visible(before)).count() as u32;
    char::from_u32(0x100 + hidden_before).unwrap()
}
