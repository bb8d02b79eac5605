//! The tokens that a GGUF file asks for around every text.

use serde_json::{Map, Value, json};
use tokenizers::PostProcessorWrapper;

use super::gguf_tokens::{MODEL, wrong};
use super::{SpecialTokens, TokenizerError};
use crate::gguf::Metadata;

const PRE: &str = "tokenizer.ggml.pre";

/// Makes `tokenizer` put the tokens around a text that the metadata ask for, where it is asked to frame it.
pub(super) fn frame(
    tokenizer: &mut tokenizers::Tokenizer,
    metadata: &Metadata,
) -> Result<(), TokenizerError> {
    let special = SpecialTokens::from_gguf(metadata)?;
    let token = |token: Option<String>| {
        let token = token?;
        let id = tokenizer.token_to_id(&token)?;
        Some((token, id))
    };
    let begin = token(special.bos.filter(|_| adds_bos(metadata)));
    let end = token(special.eos.filter(|_| adds(metadata, "eos") == Some(true)));
    if begin.is_some() || end.is_some() {
        let template = serde_json::from_value(template(begin.as_ref(), end.as_ref()));
        let template: PostProcessorWrapper =
            template.map_err(|error| wrong(metadata, MODEL, error.to_string()))?;
        tokenizer.with_post_processor(Some(template));
    }
    Ok(())
}

/// Whether the metadata ask for a token at the beginning or end of every text.
fn adds(metadata: &Metadata, token: &str) -> Option<bool> {
    metadata.bool(&format!("tokenizer.ggml.add_{token}_token")).ok().flatten()
}

/// Where the metadata are silent, llama.cpp goes by the kind of tokenizer.
fn adds_bos(metadata: &Metadata) -> bool {
    let text = |key| metadata.str(key).ok().flatten();
    let of_kind = ["llama-bpe", "llama3", "llama-v3", "tekken"];
    adds(metadata, "bos").unwrap_or_else(|| {
        text(MODEL) == Some("llama") || text(PRE).is_some_and(|pre| of_kind.contains(&pre))
    })
}

/// A post-processor that puts tokens around a text, and around each of two.
fn template(begin: Option<&(String, u32)>, end: Option<&(String, u32)>) -> Value {
    let around = |text: &str, kind: u32| {
        let token =
            |(token, _): &(String, u32)| json!({"SpecialToken": {"id": token, "type_id": kind}});
        let text = json!({"Sequence": {"id": text, "type_id": kind}});
        begin.map(token).into_iter().chain([text]).chain(end.map(token)).collect::<Vec<Value>>()
    };
    let special: Map<String, Value> = begin
        .into_iter()
        .chain(end)
        .map(|(token, id)| (token.clone(), json!({"id": token, "ids": [id], "tokens": [token]})))
        .collect();
    let pair = [around("A", 0), around("B", 1)].concat();
    json!({
        "type": "TemplateProcessing",
        "single": around("A", 0),
        "pair": pair,
        "special_tokens": special,
    })
}
