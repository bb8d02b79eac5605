//! The tokens that frame a text.

use serde_json::Value;

use super::TokenizerError;
use crate::checkpoint_files::HfFolder;
use crate::gguf::Metadata;

/// The texts of the tokens that begin, end and pad a text, where a model has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpecialTokens {
    /// The token that begins a text.
    pub bos: Option<String>,
    /// The token that ends a text, or a turn in a chat.
    pub eos: Option<String>,
    /// The token that fills up batches.
    pub pad: Option<String>,
}

impl SpecialTokens {
    /// From `tokenizer_config.json`, and `special_tokens_map.json` for what that one leaves out.
    ///
    /// # Errors
    /// [`TokenizerError::Json`] if either is there but not sound.
    pub fn from_folder(folder: &HfFolder) -> Result<Self, TokenizerError> {
        let mut tokens = Self::default();
        for name in ["tokenizer_config.json", "special_tokens_map.json"] {
            let Some(file) = folder.json(name)? else {
                continue;
            };
            for (field, token) in [
                ("bos_token", &mut tokens.bos),
                ("eos_token", &mut tokens.eos),
                ("pad_token", &mut tokens.pad),
            ] {
                let text = file.typed(field, "a token", token_text)?;
                *token = token.take().or_else(|| text.map(str::to_owned));
            }
        }
        Ok(tokens)
    }

    /// From the ids and the vocabulary in the metadata of a GGUF file.
    ///
    /// # Errors
    /// [`TokenizerError::Gguf`] if an entry has the wrong type, [`TokenizerError::Vocabulary`] if an id
    /// is not in the vocabulary.
    pub fn from_gguf(metadata: &Metadata) -> Result<Self, TokenizerError> {
        Ok(Self {
            bos: gguf_token(metadata, "tokenizer.ggml.bos_token_id")?,
            eos: gguf_token(metadata, "tokenizer.ggml.eos_token_id")?,
            pad: gguf_token(metadata, "tokenizer.ggml.padding_token_id")?,
        })
    }
}

/// A token is written as its text or as an object with its text and options.
fn token_text(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("content")?.as_str())
}

fn gguf_token(metadata: &Metadata, key: &'static str) -> Result<Option<String>, TokenizerError> {
    let Some(id) = metadata.u64(key)? else {
        return Ok(None);
    };
    let tokens = metadata.strings("tokenizer.ggml.tokens")?.unwrap_or_default();
    let token = usize::try_from(id).ok().and_then(|id| tokens.get(id));
    match token {
        Some(token) => Ok(Some(token.clone())),
        None => Err(TokenizerError::Vocabulary {
            path: metadata.path().to_owned(),
            key,
            problem: format!("is {id}, but the vocabulary has {} tokens", tokens.len()),
        }),
    }
}
