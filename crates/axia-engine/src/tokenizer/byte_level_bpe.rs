//! Rebuilds byte-level BPE tokenizers from the metadata of GGUF files.

use std::collections::HashSet;

use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior};

use super::TokenizerError;
use crate::gguf::Metadata;

const MODEL: &str = "tokenizer.ggml.model";
const PRE: &str = "tokenizer.ggml.pre";
const TOKENS: &str = "tokenizer.ggml.tokens";
const TYPES: &str = "tokenizer.ggml.token_type";
const MERGES: &str = "tokenizer.ggml.merges";
const SPACE_PREFIX: &str = "tokenizer.ggml.add_space_prefix";

/// Tokens that structure a text, such as `<|im_end|>`.
const CONTROL: i32 = 3;
/// Tokens that are never split but are ordinary text.
const USER_DEFINED: i32 = 4;

/// How a text is cut into words before the merges.
#[derive(Clone, Copy)]
enum WordRule {
    /// GPT-2's: contractions, letters, digits, punctuation, spaces.
    Gpt2,
    /// Every numeric character apart, then GPT-2's.
    DigitsThenGpt2,
    /// A pattern of the model's own.
    Pattern(&'static str),
}

/// What a value of `tokenizer.ggml.pre` stands for.
struct PreTokenization {
    /// The values.
    names: &'static [&'static str],
    /// Whether text is normalised to NFC first.
    nfc: bool,
    words: WordRule,
    /// Whether a word that is a token stays whole whatever the merges say.
    ignore_merges: bool,
}

const KNOWN: [PreTokenization; 4] = [
    PreTokenization {
        names: &["default", "gpt-2", "gpt2"],
        nfc: false,
        words: WordRule::Gpt2,
        ignore_merges: false,
    },
    PreTokenization {
        names: &["smollm"],
        nfc: false,
        words: WordRule::DigitsThenGpt2,
        ignore_merges: false,
    },
    PreTokenization {
        names: &["llama-bpe", "llama3", "llama-v3"],
        nfc: false,
        words: WordRule::Pattern(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ),
        ignore_merges: true,
    },
    PreTokenization {
        names: &["qwen2"],
        nfc: true,
        words: WordRule::Pattern(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ),
        ignore_merges: false,
    },
];

/// Builds the tokenizer that `metadata` describes. No post-processor: nothing is ever added to a text.
pub(super) fn from_gguf(metadata: &Metadata) -> Result<tokenizers::Tokenizer, TokenizerError> {
    check_model(metadata)?;
    let rules = pre_tokenization(metadata)?;
    let tokens = required(metadata, TOKENS)?;
    let bpe = BPE::builder()
        .vocab_and_merges(vocabulary(metadata, tokens)?, merges(metadata)?)
        .ignore_merges(rules.ignore_merges)
        .build()
        .map_err(|error| wrong(metadata, MERGES, format!("does not fit the tokens: {error}")))?;
    let mut tokenizer = tokenizers::Tokenizer::new(bpe);
    if rules.nfc {
        tokenizer
            .with_normalizer(Some(NFC))
            .map_err(|error| wrong(metadata, PRE, error.to_string()))?;
    }
    tokenizer.with_pre_tokenizer(Some(rules.words.pre_tokenizer(metadata)?));
    tokenizer.with_decoder(Some(ByteLevel::default()));
    tokenizer
        .add_tokens(unsplit_tokens(metadata, tokens)?)
        .map_err(|error| wrong(metadata, TOKENS, error.to_string()))?;
    Ok(tokenizer)
}

/// Only byte-level BPE without a space put before every text.
fn check_model(metadata: &Metadata) -> Result<(), TokenizerError> {
    let unsupported = |key, found: &str, supported: &str| TokenizerError::Unsupported {
        path: metadata.path().to_owned(),
        key,
        found: found.to_owned(),
        supported: supported.to_owned(),
    };
    match metadata.str(MODEL)? {
        Some("gpt2") => {}
        Some(other) => return Err(unsupported(MODEL, other, "gpt2")),
        None => return Err(metadata.missing(MODEL).into()),
    }
    match metadata.bool(SPACE_PREFIX)? {
        Some(true) => Err(unsupported(SPACE_PREFIX, "true", "false")),
        _ => Ok(()),
    }
}

fn pre_tokenization(metadata: &Metadata) -> Result<&'static PreTokenization, TokenizerError> {
    // Files from before the key existed mean GPT-2's rules.
    let name = metadata.str(PRE)?.unwrap_or("default");
    KNOWN.iter().find(|known| known.names.contains(&name)).ok_or_else(|| {
        let supported: Vec<&str> = KNOWN.iter().flat_map(|known| known.names).copied().collect();
        TokenizerError::Unsupported {
            path: metadata.path().to_owned(),
            key: PRE,
            found: name.to_owned(),
            supported: supported.join(", "),
        }
    })
}

impl WordRule {
    fn pre_tokenizer(self, metadata: &Metadata) -> Result<PreTokenizerWrapper, TokenizerError> {
        let gpt2 = ByteLevel::new(false, true, true);
        let bytes_only = ByteLevel::new(false, true, false);
        Ok(match self {
            Self::Gpt2 => gpt2.into(),
            Self::DigitsThenGpt2 => {
                Sequence::new(vec![Digits::new(true).into(), gpt2.into()]).into()
            }
            Self::Pattern(pattern) => {
                let pattern = SplitPattern::Regex(pattern.to_owned());
                let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false)
                    .map_err(|error| wrong(metadata, PRE, error.to_string()))?;
                Sequence::new(vec![split.into(), bytes_only.into()]).into()
            }
        })
    }
}

fn required<'a>(metadata: &'a Metadata, key: &str) -> Result<&'a [String], TokenizerError> {
    Ok(metadata.strings(key)?.ok_or_else(|| metadata.missing(key))?)
}

fn vocabulary(metadata: &Metadata, tokens: &[String]) -> Result<Vocab, TokenizerError> {
    let vocabulary: Vocab = tokens.iter().cloned().zip(0..).collect();
    if vocabulary.len() == tokens.len() {
        return Ok(vocabulary);
    }
    let mut seen = HashSet::new();
    let twice = tokens.iter().find(|token| !seen.insert(*token));
    Err(wrong(metadata, TOKENS, format!("lists {twice:?} twice")))
}

fn merges(metadata: &Metadata) -> Result<Merges, TokenizerError> {
    required(metadata, MERGES)?
        .iter()
        .enumerate()
        .map(|(rank, merge)| match merge.split_once(' ') {
            Some((left, right)) => Ok((left.to_owned(), right.to_owned())),
            None => {
                let problem = format!("has {merge:?} at index {rank}, which is not two tokens");
                Err(wrong(metadata, MERGES, problem))
            }
        })
        .collect()
}

/// The tokens that are recognised in text before anything else.
fn unsplit_tokens(
    metadata: &Metadata,
    tokens: &[String],
) -> Result<Vec<AddedToken>, TokenizerError> {
    let types = metadata.i32s(TYPES)?.ok_or_else(|| metadata.missing(TYPES))?;
    if types.len() != tokens.len() {
        let problem = format!("has {} entries for {} tokens", types.len(), tokens.len());
        return Err(wrong(metadata, TYPES, problem));
    }
    let unsplit = tokens.iter().zip(types).filter_map(|(token, kind)| {
        let special = match *kind {
            CONTROL => true,
            USER_DEFINED => false,
            _ => return None,
        };
        Some(AddedToken::from(token.as_str(), special).normalized(false))
    });
    Ok(unsplit.collect())
}

fn wrong(metadata: &Metadata, key: &'static str, problem: String) -> TokenizerError {
    TokenizerError::Vocabulary { path: metadata.path().to_owned(), key, problem }
}
