//! A GGUF file's tokenizer as the files of a Hugging Face folder.

use serde_json::{Map, Value, json};

use super::gguf_tokens::{self, MODEL};
use super::{SpecialTokens, TokenizerError};
use crate::gguf::Metadata;

const CHAT_TEMPLATE: &str = "tokenizer.chat_template";

/// `tokenizer.json` and `tokenizer_config.json`, with which transformers turns text into the same ids, with
/// the tokens around it that the metadata ask for.
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
    let json: Value = serde_json::from_str(&text).map_err(|error| unsound(error.to_string()))?;
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
