//! The vocabulary in the metadata of a GGUF file, whatever kind of tokenizer it is for.

use std::collections::HashSet;

use tokenizers::AddedToken;
use tokenizers::models::bpe::Vocab;

use super::framing::frame;
use super::{TokenizerError, byte_level_bpe, sentence_piece};
use crate::gguf::Metadata;

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
