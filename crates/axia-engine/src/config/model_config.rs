//! The shape of a decoder and its limits.

use crate::checkpoint_files::RowOrder;
use std::path::Path;

use super::{Architecture, ConfigError, Options, Rope};

/// What a decoder looks like. Whatever file it was read from, its sizes have been checked.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// The kind of model.
    pub architecture: Architecture,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Blocks.
    pub layers: usize,
    /// Query heads of a block.
    pub heads: usize,
    /// Key/value heads of a block; divides `heads`.
    pub kv_heads: usize,
    /// Width of a head; even. `heads * head_dim` need not be `hidden_size`.
    pub head_dim: usize,
    /// Width inside the MLP.
    pub ffn_size: usize,
    /// Added to the mean square in RMSNorm.
    pub rms_eps: f64,
    /// The rotary position embedding.
    pub rope: Rope,
    /// Whether the output projection is the embedding itself.
    pub tied_embeddings: bool,
    /// The longest sequence the model was made for, in tokens.
    pub max_positions: usize,
    /// The token that begins a sequence, if the model names one.
    pub bos_id: Option<u32>,
    /// The tokens that end a reply, the primary one first; may be empty.
    pub eos_ids: Vec<u32>,
    /// The token that fills up batches, if the model names one.
    pub pad_id: Option<u32>,
    /// Where the model differs from Llama.
    pub options: Options,
}

/// What of a text's length a model's rotary embeddings depend on. Only texts of equal reach can share
/// states; in nearly all models all texts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reach(usize, usize);

/// A linear layer inside a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinearModule {
    /// The path of the module: `model.layers.0.self_attn.q_proj`.
    pub name: String,
    /// Width of its input.
    pub inputs: usize,
    /// Width of its output.
    pub outputs: usize,
}

impl ModelConfig {
    /// The order in which a GGUF file of this model stores the rows of a tensor, given the Hugging Face
    /// name of it or its module; `None` if it is Hugging Face's.
    pub fn row_order_in_gguf(&self, name: &str) -> Option<RowOrder> {
        let module = name.strip_suffix(".weight").or(name.strip_suffix(".bias")).unwrap_or(name);
        let rotary = [".self_attn.q_proj", ".self_attn.k_proj"];
        let interleaved = rotary.iter().any(|rotary| module.ends_with(rotary))
            && self.architecture.gguf_interleaves_rotary_rows();
        interleaved.then(|| RowOrder::interleaved(self.head_dim)).flatten()
    }

    /// Width of all query heads together.
    pub fn query_size(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Width of all key (or value) heads together.
    pub fn kv_size(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// Factor on `q · k`.
    pub fn attention_scale(&self) -> f64 {
        self.options.attention_scale.unwrap_or_else(|| (self.head_dim as f64).powf(-0.5))
    }

    /// How many leading dimensions of a head the rotary embedding turns.
    pub fn rotary_width(&self) -> usize {
        self.options.rotary_width.unwrap_or(self.head_dim)
    }

    /// What the rotary embeddings make of a text of `length` tokens.
    pub fn reach(&self, length: usize) -> Reach {
        let local = self.options.local_rope.as_ref().map_or(0, |rope| rope.reach(length));
        Reach(self.rope.reach(length), local)
    }

    /// The path in the whole model of the module that a model of text has at `path`.
    pub fn module_path(&self, path: &str) -> String {
        match path.strip_prefix("model.") {
            Some(rest) if self.options.with_images => format!("model.language_model.{rest}"),
            _ => path.to_owned(),
        }
    }

    /// Whether `path` is of a module that only images go through.
    pub fn is_for_images(&self, path: &str) -> bool {
        let path = path.strip_prefix("model.").unwrap_or(path);
        let of_images = ["vision_tower.", "multi_modal_projector."];
        self.options.with_images && of_images.iter().any(|part| path.starts_with(part))
    }

    /// Every linear layer but the output projection, block by block: what adapters can be put on.
    pub fn linear_modules(&self) -> Vec<LinearModule> {
        let (hidden, query, kv, ffn) =
            (self.hidden_size, self.query_size(), self.kv_size(), self.ffn_size);
        let of_block = [
            ("self_attn.q_proj", hidden, query),
            ("self_attn.k_proj", hidden, kv),
            ("self_attn.v_proj", hidden, kv),
            ("self_attn.o_proj", query, hidden),
            ("mlp.gate_proj", hidden, ffn),
            ("mlp.up_proj", hidden, ffn),
            ("mlp.down_proj", ffn, hidden),
        ];
        (0..self.layers)
            .flat_map(|layer| {
                of_block.map(|(module, inputs, outputs)| LinearModule {
                    name: self.module_path(&format!("model.layers.{layer}.{module}")),
                    inputs,
                    outputs,
                })
            })
            .collect()
    }

    /// Refuses sizes that are zero, do not divide, or are far beyond any real model, so that nobody
    /// computes or allocates with them.
    ///
    /// # Errors
    /// [`ConfigError::Absurd`] naming the field; `path` is the file it came from.
    pub(super) fn check(self, path: &Path) -> Result<Self, ConfigError> {
        let absurd = |field, found: String, problem: String| {
            Err(ConfigError::Absurd { path: path.to_owned(), field, found, problem })
        };
        for (field, size, most) in self.sizes() {
            if size == 0 || size > most {
                return absurd(field, size.to_string(), format!("it should be 1 to {most}"));
            }
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            let problem = format!("it should divide the {} attention heads", self.heads);
            return absurd("num_key_value_heads", self.kv_heads.to_string(), problem);
        }
        if !self.head_dim.is_multiple_of(2) {
            let problem = "rotary embeddings need an even width".to_owned();
            return absurd("head_dim", self.head_dim.to_string(), problem);
        }
        for (field, number) in [("rms_norm_eps", self.rms_eps), ("rope_theta", self.rope.theta)] {
            if !(number.is_finite() && number > 0.0) {
                let problem = "it should be a positive number".to_owned();
                return absurd(field, number.to_string(), problem);
            }
        }
        // Nothing is ever padded: where some published files put that token does not matter.
        let bos_id = self.bos_id.map(|id| ("bos_token_id", id));
        let eos_ids = self.eos_ids.iter().map(|id| ("eos_token_id", *id));
        for (field, id) in bos_id.into_iter().chain(eos_ids) {
            if id as usize >= self.vocab_size {
                let problem = format!("the vocabulary has {} tokens", self.vocab_size);
                return absurd(field, id.to_string(), problem);
            }
        }
        Ok(self)
    }

    /// Field of `config.json`, value, largest value that can be right.
    fn sizes(&self) -> [(&'static str, usize, usize); 8] {
        [
            ("vocab_size", self.vocab_size, 1 << 22),
            ("hidden_size", self.hidden_size, 1 << 17),
            ("num_hidden_layers", self.layers, 1 << 11),
            ("num_attention_heads", self.heads, 1 << 12),
            ("num_key_value_heads", self.kv_heads, 1 << 12),
            ("head_dim", self.head_dim, 1 << 12),
            ("intermediate_size", self.ffn_size, 1 << 20),
            ("max_position_embeddings", self.max_positions, 1 << 28),
        ]
    }
}
