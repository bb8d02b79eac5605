//! A GGUF file's tokenizer as the files of a Hugging Face folder.

use serde_json::{Map, Value, json};

use super::gguf_tokens::{self, MODEL};
use super::{SpecialTokens, TokenizerError};
use crate::gguf::Metadata;

const CHAT_TEMPLATE: &str = "tokenizer.chat_template";

/// `tokenizer.json` and `tokenizer_config.json`, with which transformers turns text into the same ids. It
/// puts the tokens that the metadata ask for around a text, which this crate never does.
///
/// # Errors
/// [`TokenizerError`] naming the entry that is missing, wrong or not supported.
pub fn hf_files(
    metadata: &Metadata,
    max_positions: usize,
) -> Result<[(&'static str, String); 2], TokenizerError> {
    let tokenizer = gguf_tokens::tokenizer(metadata)?;
    let special = SpecialTokens::from_gguf(metadata)?;
    let unsound = |problem: String| gguf_tokens::wrong(metadata, MODEL, problem);
    let text = tokenizer.to_string(false).map_err(|error| unsound(error.to_string()))?;
    let mut json: Value =
        serde_json::from_str(&text).map_err(|error| unsound(error.to_string()))?;
    let frame = |token: Option<&String>| {
        let token = token?;
        Some((token.clone(), tokenizer.token_to_id(token)?))
    };
    let begin = frame(special.bos.as_ref().filter(|_| adds_bos(metadata)));
    let end = frame(special.eos.as_ref().filter(|_| adds(metadata, "eos") == Some(true)));
    if begin.is_some() || end.is_some() {
        json["post_processor"] = frame_template(begin.as_ref(), end.as_ref());
    }
    let mut config = Map::new();
    let mut put = |field: &str, value: Value| {
        config.insert(field.to_owned(), value);
    };
    put("tokenizer_class", json!("PreTrainedTokenizerFast"));
    for (field, token) in
        [("bos_token", &special.bos), ("eos_token", &special.eos), ("pad_token", &special.pad)]
    {
        if let Some(token) = token {
            put(field, json!(token));
        }
    }
    if let Some(unknown) = json["model"]["unk_token"].as_str() {
        put("unk_token", json!(unknown));
    }
    put("model_max_length", json!(max_positions));
    // Decoding gives the text as it was; older versions of transformers else "tidy" it.
    put("clean_up_tokenization_spaces", json!(false));
    if let Some(template) = metadata.str(CHAT_TEMPLATE)? {
        put("chat_template", json!(template));
    }
    let config = format!("{:#}\n", Value::Object(config));
    Ok([("tokenizer.json", format!("{json:#}\n")), ("tokenizer_config.json", config)])
}

/// Whether the metadata ask for a token at the beginning or end of every text.
fn adds(metadata: &Metadata, token: &str) -> Option<bool> {
    metadata.bool(&format!("tokenizer.ggml.add_{token}_token")).ok().flatten()
}

/// Where the metadata are silent, llama.cpp goes by the kind of tokenizer.
fn adds_bos(metadata: &Metadata) -> bool {
    let text = |key| metadata.str(key).ok().flatten();
    adds(metadata, "bos").unwrap_or_else(|| {
        text(MODEL) == Some("llama")
            || matches!(text("tokenizer.ggml.pre"), Some("llama-bpe" | "llama3" | "llama-v3"))
    })
}

/// A post-processor that puts tokens around a text, and around each of two.
fn frame_template(begin: Option<&(String, u32)>, end: Option<&(String, u32)>) -> Value {
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
