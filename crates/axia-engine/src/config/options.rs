//! Where decoders differ from Llama.

use super::Rope;

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
