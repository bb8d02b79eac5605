//! Where decoders differ from Llama, and the names of their linear modules.

use super::{ModelConfig, Rope};

/// Where a decoder differs from Llama; the default is Llama itself.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Options {
    /// What the gate of the feed-forward part goes through.
    pub activation: Activation,
    /// Which linear layers have a bias.
    pub biases: Biases,
    /// Whether the queries and keys of each head go through an RMS norm before the rotation.
    pub qk_norm: bool,
    /// Whether what attention and the feed-forward part give goes through a norm of its own before
    /// the residual stream takes it.
    pub post_norms: bool,
    /// What is added to norm weights as the files store them: 1 in Gemma's Hugging Face folders.
    pub norm_offset: f32,
    /// Factor on the embeddings of the input.
    pub embedding_scale: Option<f64>,
    /// Factor on `q · k`, if it is not `head_dim^-1/2`.
    pub attention_scale: Option<f64>,
    /// Attention scores `s` become `cap · tanh(s / cap)` before the softmax.
    pub attention_softcap: Option<f64>,
    /// Logits `l` become `cap · tanh(l / cap)`.
    pub logit_softcap: Option<f64>,
    /// How many of the last tokens, itself included, a token sees in a windowed block.
    pub window: Option<usize>,
    /// Which blocks are windowed; those beyond the end are not.
    pub windowed: Vec<bool>,
    /// The rotary embedding of windowed blocks, if it is not that of the others.
    pub local_rope: Option<Rope>,
    /// How many leading dimensions of a head the rotary embedding turns, if not all; even.
    pub rotary_width: Option<usize>,
    /// Whether this is the language part of a model of text and images: its modules then have longer
    /// paths in the eyes of transformers and PEFT.
    pub with_images: bool,
    /// Which blocks go without rotary embedding; those beyond the end have it.
    pub without_rope: Vec<bool>,
}

/// The nonlinearity of the feed-forward part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Activation {
    /// `x · sigmoid(x)`
    #[default]
    Silu,
    /// GELU: `x / 2 · (1 + erf(x / √2))`
    Gelu,
    /// The tanh approximation of GELU: `x / 2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))`
    GeluTanh,
    /// `max(x, 0)`
    Relu,
}

/// Which linear layers of a block have a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Biases {
    /// Queries, keys and values.
    pub qkv: bool,
    /// Attention output.
    pub attention_output: bool,
    /// All three of the feed-forward part.
    pub mlp: bool,
}

/// Which rotary embedding a block has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotary {
    /// The model's [`rope`](super::ModelConfig::rope).
    Main,
    /// [`Options::local_rope`].
    Local,
    /// None.
    None,
}

impl Options {
    /// Whether block `block` is windowed.
    pub fn is_windowed(&self, block: usize) -> bool {
        self.windowed.get(block).copied().unwrap_or(false)
    }

    /// Which rotary embedding block `block` has.
    pub fn rotary(&self, block: usize) -> Rotary {
        if self.without_rope.get(block).copied().unwrap_or(false) {
            Rotary::None
        } else if self.is_windowed(block) && self.local_rope.is_some() {
            Rotary::Local
        } else {
            Rotary::Main
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::super::RopeScaling;
    use super::*;

    #[test]
    fn blocks_that_no_list_mentions_are_plain() {
        let plain = Options::default();
        assert!(!plain.is_windowed(7) && plain.rotary(7) == Rotary::Main);
        let local = Rope { theta: 1e4, scaling: RopeScaling::None };
        let mixed = Options {
            windowed: vec![true, false, true],
            without_rope: vec![false, true],
            local_rope: Some(local),
            ..Options::default()
        };
        let rotary: Vec<Rotary> = (0..4).map(|block| mixed.rotary(block)).collect();
        assert_eq!(rotary, [Rotary::Local, Rotary::None, Rotary::Local, Rotary::Main]);
    }
}
