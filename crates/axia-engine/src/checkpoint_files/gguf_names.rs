//! GGUF's names of tensors, and Hugging Face's.

use std::borrow::Cow;

/// (GGUF, Hugging Face) names outside the blocks.
const MODEL_NAMES: [(&str, &str); 3] =
    [("token_embd", "model.embed_tokens"), ("output_norm", "model.norm"), ("output", "lm_head")];

/// (GGUF, Hugging Face) names inside a block.
const BLOCK_NAMES: [(&str, &str); 10] = [
    ("attn_norm", "input_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("attn_q_norm", "self_attn.q_norm"),
    ("attn_k_norm", "self_attn.k_norm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
];

/// The names of norms inside a block that has one before its feed-forward part.
const PLAIN_NORMS: [(&str, &str); 1] = [("ffn_norm", "post_attention_layernorm")];

/// The names of norms inside a block that has norms on both sides, as Gemma's.
const POST_NORMS: [(&str, &str); 3] = [
    ("post_attention_norm", "post_attention_layernorm"),
    ("ffn_norm", "pre_feedforward_layernorm"),
    ("post_ffw_norm", "post_feedforward_layernorm"),
];

/// The Hugging Face name of a tensor in a GGUF file; names without a counterpart stay as they are.
/// `post_norms` says whether the model's blocks have norms on both sides: the same norm then has
/// another name.
///
/// `blk.0.attn_q.weight` becomes `model.layers.0.self_attn.q_proj.weight`.
pub fn hf_name(gguf_name: &str, post_norms: bool) -> Cow<'_, str> {
    translated(gguf_name, post_norms).map_or(Cow::Borrowed(gguf_name), Cow::Owned)
}

/// The name in GGUF files of a tensor of a Hugging Face folder, the inverse of [`hf_name`].
pub fn gguf_name(hf_name: &str, post_norms: bool) -> Cow<'_, str> {
    let norms: &[_] = if post_norms { &POST_NORMS } else { &PLAIN_NORMS };
    let find = |names: &[(&'static str, &str)], hf: &str| {
        names.iter().find(|(_, name)| *name == hf).map(|(gguf, _)| *gguf)
    };
    let name = || {
        let (module, kind) = hf_name.rsplit_once('.')?;
        if let Some(in_block) = module.strip_prefix("model.layers.") {
            let (block, module) = in_block.split_once('.')?;
            let module = find(&BLOCK_NAMES, module).or_else(|| find(norms, module))?;
            return Some(format!("blk.{block}.{module}.{kind}"));
        }
        Some(format!("{}.{kind}", find(&MODEL_NAMES, module)?))
    };
    name().map_or(Cow::Borrowed(hf_name), Cow::Owned)
}

fn translated(gguf_name: &str, post_norms: bool) -> Option<String> {
    let norms: &[_] = if post_norms { &POST_NORMS } else { &PLAIN_NORMS };
    let (module, kind) = gguf_name.rsplit_once('.')?;
    match module.strip_prefix("blk.") {
        Some(in_block) => {
            let (block, module) = in_block.split_once('.')?;
            let module = look_up(&BLOCK_NAMES, module).or_else(|| look_up(norms, module))?;
            Some(format!("model.layers.{block}.{module}.{kind}"))
        }
        None => Some(format!("{}.{kind}", look_up(&MODEL_NAMES, module)?)),
    }
}

fn look_up(names: &[(&str, &'static str)], gguf: &str) -> Option<&'static str> {
    names.iter().find(|(name, _)| *name == gguf).map(|(_, hf)| *hf)
}

/// What begins the names of a model that was saved without what reads its final states.
const BARE: [&str; 3] = ["embed_tokens.", "layers.", "norm."];

/// What a model of text calls the tensor or module `name` of a model of text and images, if it belongs to
/// its language part, or of one that was saved without its output layer; other names stay. Of images,
/// older files have `language_model` in front, newer ones inside.
pub(crate) fn text_name(name: &str) -> Cow<'_, str> {
    if let Some(rest) = name.strip_prefix("model.language_model.") {
        return Cow::Owned(format!("model.{rest}"));
    }
    match name.strip_prefix("language_model.") {
        Some(rest) => Cow::Borrowed(rest),
        None if BARE.iter().any(|part| name.starts_with(part)) => {
            Cow::Owned(format!("model.{name}"))
        }
        None => Cow::Borrowed(name),
    }
}

/// What newer versions of transformers call the module `name` of a model of text and images.
pub(crate) fn newer_name(name: &str) -> Cow<'_, str> {
    match name.strip_prefix("language_model.model.") {
        Some(rest) => Cow::Owned(format!("model.language_model.{rest}")),
        None => Cow::Borrowed(name),
    }
}

/// Rows stored in another order than Hugging Face's.
///
/// llama.cpp pairs neighbouring rows of a head for its rotary embedding; Hugging Face pairs row i with
/// row i + head_dim / 2. For architecture `llama` the rows of the query and key projections are
/// interleaved accordingly when a checkpoint is converted to GGUF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowOrder {
    head_dim: usize,
}

impl RowOrder {
    /// The interleaved order for heads of `head_dim` rows; `None` if that is odd.
    pub fn interleaved(head_dim: usize) -> Option<Self> {
        (head_dim > 0 && head_dim.is_multiple_of(2)).then_some(Self { head_dim })
    }

    /// The rows of one head.
    pub fn head_dim(self) -> usize {
        self.head_dim
    }

    /// Where the file keeps row `row` of Hugging Face's order.
    pub fn stored_row(self, row: usize) -> usize {
        let half = self.head_dim / 2;
        let (head, within) = (row / self.head_dim, row % self.head_dim);
        head * self.head_dim + 2 * (within % half) + within / half
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_translated_and_others_kept() {
        let pairs = [
            ("token_embd.weight", "model.embed_tokens.weight"),
            ("output.weight", "lm_head.weight"),
            ("output_norm.weight", "model.norm.weight"),
            ("blk.0.attn_q.weight", "model.layers.0.self_attn.q_proj.weight"),
            ("blk.17.attn_k.bias", "model.layers.17.self_attn.k_proj.bias"),
            ("blk.3.ffn_down.weight", "model.layers.3.mlp.down_proj.weight"),
            ("blk.3.ffn_norm.weight", "model.layers.3.post_attention_layernorm.weight"),
            ("rope_freqs.weight", "rope_freqs.weight"),
            ("blk.3.ffn_gate_inp.weight", "blk.3.ffn_gate_inp.weight"),
            ("strange", "strange"),
            ("", ""),
        ];
        for (gguf, hf) in pairs {
            assert_eq!((hf_name(gguf, false), gguf_name(hf, false)), (hf.into(), gguf.into()));
        }
        let norms = [
            ("blk.3.ffn_norm.weight", "model.layers.3.pre_feedforward_layernorm.weight"),
            ("blk.3.post_attention_norm.weight", "model.layers.3.post_attention_layernorm.weight"),
            ("blk.3.post_ffw_norm.weight", "model.layers.3.post_feedforward_layernorm.weight"),
            ("blk.3.attn_norm.weight", "model.layers.3.input_layernorm.weight"),
        ];
        for (gguf, hf) in norms {
            assert_eq!((hf_name(gguf, true), gguf_name(hf, true)), (hf.into(), gguf.into()));
        }
    }

    #[test]
    fn names_are_those_of_a_model_of_text() {
        for (name, expected) in [
            (
                "language_model.model.layers.0.mlp.up_proj.weight",
                "model.layers.0.mlp.up_proj.weight",
            ),
            ("language_model.lm_head.weight", "lm_head.weight"),
            ("model.language_model.embed_tokens.weight", "model.embed_tokens.weight"),
            ("model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight"),
            ("vision_tower.head.weight", "vision_tower.head.weight"),
            ("layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight"),
            ("norm.weight", "model.norm.weight"),
        ] {
            assert_eq!(text_name(name), expected);
        }
        let older = "language_model.model.layers.0.mlp.up_proj";
        assert_eq!(newer_name(older), "model.language_model.layers.0.mlp.up_proj");
    }

    #[test]
    fn halves_are_woven_together_head_by_head() {
        let order = RowOrder::interleaved(6).unwrap();
        let stored: Vec<usize> = (0..12).map(|row| order.stored_row(row)).collect();
        assert_eq!(stored, [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
    }

    #[test]
    fn odd_heads_have_no_halves() {
        assert_eq!(RowOrder::interleaved(7), None);
        assert_eq!(RowOrder::interleaved(0), None);
    }
}
