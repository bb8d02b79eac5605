//! The vocabulary in a model's files: metadata of a GGUF file, or Hugging Face's JSON.

use super::{SpecialTokens, TokenizerError, byte_level_bpe, sentence_piece};
use crate::gguf::Metadata;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use tokenizers::models::bpe::Vocab;
use tokenizers::{AddedToken, PostProcessorWrapper};

pub(super) const MODEL: &str = "tokenizer.ggml.model";
pub(super) const TOKENS: &str = "tokenizer.ggml.tokens";
pub(super) const SPACE_PREFIX: &str = "tokenizer.ggml.add_space_prefix";
const TYPES: &str = "tokenizer.ggml.token_type";

/// What kind of token a vocabulary says it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A piece of ordinary text.
    Normal,
    /// Stands for what is not in the vocabulary.
    Unknown,
    /// Structures a text, such as `<|im_end|>`.
    Control,
    /// Never split, but ordinary text.
    UserDefined,
    /// A byte, or nothing.
    Other,
}

/// A vocabulary: token `i` is `tokens[i]`, of kind `kinds[i]`.
pub(super) struct GgufTokens<'a> {
    pub metadata: &'a Metadata,
    pub tokens: &'a [String],
    pub kinds: Vec<Kind>,
}

/// Builds the tokenizer that `metadata` describes. Its post-processor frames a text as they ask for.
pub(super) fn tokenizer(metadata: &Metadata) -> Result<tokenizers::Tokenizer, TokenizerError> {
    let mut tokenizer = match metadata.str(MODEL)? {
        Some("gpt2") => byte_level_bpe::from_gguf(metadata),
        Some("llama") => sentence_piece::from_gguf(metadata),
        Some(other) => Err(TokenizerError::Unsupported {
            path: metadata.path().to_owned(),
            key: MODEL,
            found: other.to_owned(),
            supported: "gpt2, llama".to_owned(),
        }),
        None => Err(metadata.missing(MODEL).into()),
    }?;
    frame(&mut tokenizer, metadata)?;
    Ok(tokenizer)
}

impl<'a> GgufTokens<'a> {
    pub fn read(metadata: &'a Metadata) -> Result<Self, TokenizerError> {
        let tokens = metadata.strings(TOKENS)?.ok_or_else(|| metadata.missing(TOKENS))?;
        let types = metadata.i32s(TYPES)?.ok_or_else(|| metadata.missing(TYPES))?;
        if types.len() != tokens.len() {
            let problem = format!("has {} entries for {} tokens", types.len(), tokens.len());
            return Err(wrong(metadata, TYPES, problem));
        }
        let kinds = types.iter().map(|kind| match kind {
            1 => Kind::Normal,
            2 => Kind::Unknown,
            3 => Kind::Control,
            4 => Kind::UserDefined,
            _ => Kind::Other,
        });
        Ok(Self { metadata, tokens, kinds: kinds.collect() })
    }

    /// All tokens with their kinds, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Kind)> {
        self.tokens.iter().map(String::as_str).zip(self.kinds.iter().copied())
    }

    /// Ids by the texts of the tokens, which `text` may write in another way.
    pub fn ids(&self, text: impl Fn(&str, Kind) -> String) -> Result<Vocab, TokenizerError> {
        let ids: Vocab = self.iter().map(|(token, kind)| text(token, kind)).zip(0..).collect();
        if ids.len() == self.tokens.len() {
            return Ok(ids);
        }
        let mut seen = HashSet::new();
        let twice = self.tokens.iter().find(|token| !seen.insert(*token));
        Err(wrong(self.metadata, TOKENS, format!("lists {twice:?} twice")))
    }

    /// Makes `tokenizer` recognise the tokens that `special` gives a value for before anything else:
    /// `true` for those that structure a text, `false` for those that are text.
    pub fn add_unsplit(
        &self,
        tokenizer: &mut tokenizers::Tokenizer,
        text: impl Fn(&str, Kind) -> String,
        special: impl Fn(Kind) -> Option<bool>,
    ) -> Result<(), TokenizerError> {
        let unsplit = self.iter().filter_map(|(token, kind)| {
            Some(AddedToken::from(text(token, kind), special(kind)?).normalized(false))
        });
        tokenizer
            .add_tokens(unsplit.collect::<Vec<_>>())
            .map_err(|error| wrong(self.metadata, TOKENS, error.to_string()))?;
        Ok(())
    }
}

pub(super) fn wrong(metadata: &Metadata, key: &'static str, problem: String) -> TokenizerError {
    TokenizerError::Vocabulary { path: metadata.path().to_owned(), key, problem }
}

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
    let tokenizer = tokenizer(metadata)?;
    let special = SpecialTokens::from_gguf(metadata)?;
    let unsound = |problem: String| wrong(metadata, MODEL, problem);
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
