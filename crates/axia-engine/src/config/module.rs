//! The linear layers of a block.

use super::ModelConfig;

/// A linear layer of a block, the kind of place a LoRA pair attaches to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Module {
    /// Queries.
    Q,
    /// Keys.
    K,
    /// Values.
    V,
    /// Attention output.
    O,
    /// Gate of the feed-forward part.
    Gate,
    /// Up projection.
    Up,
    /// Down projection.
    Down,
}

/// All modules, in the order they act.
pub const MODULES: [Module; 7] =
    [Module::Q, Module::K, Module::V, Module::O, Module::Gate, Module::Up, Module::Down];

impl Module {
    /// Its path inside a block, as Hugging Face names it.
    pub fn path(self) -> &'static str {
        match self {
            Module::Q => "self_attn.q_proj",
            Module::K => "self_attn.k_proj",
            Module::V => "self_attn.v_proj",
            Module::O => "self_attn.o_proj",
            Module::Gate => "mlp.gate_proj",
            Module::Up => "mlp.up_proj",
            Module::Down => "mlp.down_proj",
        }
    }

    /// `(out, in)` of the module in a model of this shape.
    pub fn shape(self, config: &ModelConfig) -> (usize, usize) {
        let width = config.heads * config.head_dim;
        let kv_width = config.kv_heads * config.head_dim;
        match self {
            Module::Q => (width, config.hidden_size),
            Module::K | Module::V => (kv_width, config.hidden_size),
            Module::O => (config.hidden_size, width),
            Module::Gate | Module::Up => (config.ffn_size, config.hidden_size),
            Module::Down => (config.hidden_size, config.ffn_size),
        }
    }

    /// Whether the module has a bias in a model of this shape.
    pub(crate) fn has_bias(self, config: &ModelConfig) -> bool {
        let biases = config.options.biases;
        match self {
            Module::Q | Module::K | Module::V => biases.qkv,
            Module::O => biases.attention_output,
            Module::Gate | Module::Up | Module::Down => biases.mlp,
        }
    }

    /// The module's full name in block `block`: `model.layers.3.mlp.up_proj`.
    pub fn name(self, block: usize) -> String {
        format!("model.layers.{block}.{}", self.path())
    }
}
