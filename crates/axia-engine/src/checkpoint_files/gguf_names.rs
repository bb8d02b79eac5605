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
}
