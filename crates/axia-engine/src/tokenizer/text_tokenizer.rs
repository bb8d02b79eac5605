//! The tokenizer of a model.

use super::{StreamDecoder, TokenizerError, model_tokens};
use crate::checkpoint_files::HfFolder;
use crate::file_error::FileError;
use crate::gguf::Metadata;
use serde_json::Value;
use std::borrow::Cow;
use std::fs;
use tokenizers::AddedToken;

const FILE: &str = "tokenizer.json";

/// Turns text into token ids and back, exactly as the model's published tokenizer does.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    special: SpecialTokens,
    /// The folder that has none, where this only stands for one.
    absent: Option<HfFolder>,
}

impl Tokenizer {
    /// Reads `tokenizer.json`, and `tokenizer_config.json` for the tokens that frame a text.
    ///
    /// # Errors
    /// [`TokenizerError`] naming the file that is missing or not sound.
    pub fn from_folder(folder: &HfFolder) -> Result<Self, TokenizerError> {
        let path = folder.file(FILE).ok_or_else(|| no_tokenizer(folder))?;
        let bytes = fs::read(&path).map_err(FileError::on("read", &path))?;
        let unsound = |error: tokenizers::Error| TokenizerError::Unsound {
            path: path.clone(),
            problem: error.to_string(),
        };
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(unsound)?;
        // Ids are complete and never shortened here; a file may have been saved with either switched on.
        inner.with_truncation(None).map_err(unsound)?;
        inner.with_padding(None);
        Ok(Self { inner, special: SpecialTokens::from_folder(folder)?, absent: None })
    }

    /// As [`Tokenizer::from_folder`], but where the folder has none, what stands for it until a text is
    /// to be turned into ids or back: for work with ids alone.
    ///
    /// # Errors
    /// As of [`Tokenizer::from_folder`].
    pub fn from_folder_if_any(folder: &HfFolder) -> Result<Self, TokenizerError> {
        if folder.file(FILE).is_some() {
            return Self::from_folder(folder);
        }
        let inner = tokenizers::Tokenizer::new(tokenizers::models::bpe::BPE::default());
        let special = SpecialTokens::from_folder(folder)?;
        Ok(Self { inner, special, absent: Some(folder.clone()) })
    }

    /// An error if there is no tokenizer.
    fn check(&self) -> Result<(), TokenizerError> {
        self.absent.as_ref().map_or(Ok(()), |folder| Err(no_tokenizer(folder)))
    }

    /// Rebuilds the tokenizer from the metadata of a GGUF file.
    ///
    /// # Errors
    /// [`TokenizerError`] naming the entry that is missing, wrong or not supported.
    pub fn from_gguf(metadata: &Metadata) -> Result<Self, TokenizerError> {
        Ok(Self {
            inner: model_tokens::tokenizer(metadata)?,
            special: SpecialTokens::from_gguf(metadata)?,
            absent: None,
        })
    }

    /// The ids of `text`. Nothing is added before or after it; special tokens that are written out in the
    /// text (`<|im_end|>`) become their ids.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`] with the library's reason.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.ids(text, false)
    }

    /// The ids of `text` with those that the model's files ask for before or after every text, such as the
    /// token that begins one.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`] with the library's reason.
    pub fn encode_framed(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.ids(text, true)
    }

    /// The ids of a plain text to be continued: as [`Tokenizer::encode_framed`], but without what would be
    /// put after it. A token that begins a text is not put before one that already has it written out.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`] with the library's reason.
    pub fn encode_prompt(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let bare = self.encode(text)?;
        if self.encode_framed("")?.is_empty() {
            return Ok(bare);
        }
        let framed = self.encode_framed(text)?;
        let begins = framed.windows(bare.len().max(1)).position(|part| part == bare);
        let before = &framed[..begins.unwrap_or_default()];
        if bare.starts_with(before) {
            return Ok(bare);
        }
        Ok([before, &bare].concat())
    }

    fn ids(&self, text: &str, framed: bool) -> Result<Vec<u32>, TokenizerError> {
        self.check()?;
        let encoding = self
            .inner
            .encode_fast(text, framed)
            .map_err(|error| TokenizerError::Encode(error.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// `text` with its written-out special tokens broken up by a space (`< |im_end|>`), so that
    /// [`Tokenizer::encode`] reads them as the characters they are: for text by strangers, which
    /// must not end a turn or begin another.
    pub fn inert<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let tokens = self.inner.get_added_tokens_decoder();
        // A token of one character cannot be broken up.
        let split = |token: &'_ AddedToken| -> Option<(String, String)> {
            let mut rest = token.content.chars();
            let first = rest.next().filter(|_| token.special)?;
            let rest = Some(rest.as_str()).filter(|rest| !rest.is_empty())?;
            Some((token.content.clone(), format!("{first} {rest}")))
        };
        let special: Vec<(String, String)> = tokens.values().filter_map(split).collect();
        let mut text = Cow::Borrowed(text);
        // Breaking one token up may make up another with a space in it. Every replacement adds a
        // space, and tokens have only so many, so this ends.
        while let Some((token, broken)) = special.iter().find(|(token, _)| text.contains(token)) {
            text = Cow::Owned(text.replace(token, broken));
        }
        text
    }

    /// The text of `ids`, with or without special tokens. Bytes that are not UTF-8 become U+FFFD; ids
    /// beyond the vocabulary stand for nothing.
    ///
    /// # Errors
    /// [`TokenizerError::Decode`] with the library's reason.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, TokenizerError> {
        self.check()?;
        self.inner
            .decode(ids, skip_special)
            .map_err(|error| TokenizerError::Decode(error.to_string()))
    }

    /// Decodes ids as they come, one by one.
    pub fn stream_decoder(&self, skip_special: bool) -> StreamDecoder<'_> {
        StreamDecoder::new(self, skip_special)
    }

    /// Whether a token structures a text, and is no text itself.
    pub(super) fn is_special(&self, id: u32) -> bool {
        let token = self.id_to_token(id);
        token.is_some_and(|token| self.inner.get_added_vocabulary().is_special_token(&token))
    }

    /// Whether a token stands for a byte of a character that is not in the vocabulary (`<0xE2>`).
    pub(super) fn is_byte(&self, id: u32) -> bool {
        let token = self.id_to_token(id);
        token.is_some_and(|t| t.len() == 6 && t.starts_with("<0x") && t.ends_with('>'))
    }

    /// The id of a token by its exact text in the vocabulary.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The text of a token in the vocabulary. In byte-level vocabularies it stands for bytes (`Ġ` for a
    /// space); [`Tokenizer::decode`] gives readable text.
    pub fn id_to_token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The number of tokens, special ones included. The model's embedding may have more rows.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The texts of the tokens that frame a text.
    pub fn special_tokens(&self) -> &SpecialTokens {
        &self.special
    }

    /// The id of the token that begins a text, if the model has one.
    pub fn bos_id(&self) -> Option<u32> {
        self.id_of(self.special.bos.as_deref())
    }

    /// The id of the token that ends a text or a turn, if the model has one.
    pub fn eos_id(&self) -> Option<u32> {
        self.id_of(self.special.eos.as_deref())
    }

    /// The id of the token that fills up batches, if the model has one.
    pub fn pad_id(&self) -> Option<u32> {
        self.id_of(self.special.pad.as_deref())
    }

    fn id_of(&self, token: Option<&str>) -> Option<u32> {
        self.token_to_id(token?)
    }
}

fn no_tokenizer(folder: &HfFolder) -> TokenizerError {
    TokenizerError::NoTokenizer {
        folder: folder.path().to_owned(),
        hint: hint_without_tokenizer(folder),
    }
}

fn hint_without_tokenizer(folder: &HfFolder) -> &'static str {
    if folder.file("tokenizer.model").is_some() {
        "; its tokenizer.model must first be converted (transformers: AutoTokenizer, save_pretrained)"
    } else if folder.file("vocab.json").is_some() {
        "; its vocab.json must first be converted (transformers: AutoTokenizer, save_pretrained)"
    } else {
        "; copy it from where the model was published"
    }
}

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
