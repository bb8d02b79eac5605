//! Rebuilds byte-level BPE tokenizers from the metadata of GGUF files.

use tokenizers::SplitDelimiterBehavior;
use tokenizers::models::bpe::{BPE, Merges};
use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};

use super::TokenizerError;
use super::model_tokens::{GgufTokens, Kind, SPACE_PREFIX, wrong};
use crate::gguf::Metadata;

const PRE: &str = "tokenizer.ggml.pre";
const MERGES: &str = "tokenizer.ggml.merges";

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

/// Llama 3's rule, and Qwen2's but for numbers, in which Qwen2 takes every digit apart.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Mistral's Tekken: words also end where a small letter is followed by a capital one, digits stand alone,
/// slashes go with line ends.
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

const KNOWN: [PreTokenization; 5] = [
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
        // SmolLM3's files say `smaug-bpe`; its published tokenizer is Llama 3's.
        names: &["llama-bpe", "llama3", "llama-v3", "falcon3", "smaug-bpe"],
        nfc: false,
        words: WordRule::Pattern(LLAMA3),
        ignore_merges: true,
    },
    PreTokenization {
        names: &["qwen2"],
        nfc: true,
        words: WordRule::Pattern(QWEN2),
        ignore_merges: false,
    },
    PreTokenization {
        names: &["tekken"],
        nfc: false,
        words: WordRule::Pattern(TEKKEN),
        ignore_merges: true,
    },
];

/// Builds the tokenizer that `metadata` describes, which adds nothing to a text.
pub(super) fn from_gguf(metadata: &Metadata) -> Result<tokenizers::Tokenizer, TokenizerError> {
    refuse_space_prefix(metadata)?;
    let rules = pre_tokenization(metadata)?;
    let vocabulary = GgufTokens::read(metadata)?;
    let as_it_is = |token: &str, _| token.to_owned();
    let bpe = BPE::builder()
        .vocab_and_merges(vocabulary.ids(as_it_is)?, merges(metadata)?)
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
    vocabulary.add_unsplit(&mut tokenizer, as_it_is, |kind| match kind {
        Kind::Control => Some(true),
        Kind::UserDefined => Some(false),
        _ => None,
    })?;
    Ok(tokenizer)
}

/// Byte-level BPE is only known without a space put before every text.
fn refuse_space_prefix(metadata: &Metadata) -> Result<(), TokenizerError> {
    match metadata.bool(SPACE_PREFIX)? {
        Some(true) => Err(TokenizerError::Unsupported {
            path: metadata.path().to_owned(),
            key: SPACE_PREFIX,
            found: "true".to_owned(),
            supported: "false".to_owned(),
        }),
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

fn merges(metadata: &Metadata) -> Result<Merges, TokenizerError> {
    let merges = metadata.strings(MERGES)?.ok_or_else(|| metadata.missing(MERGES))?;
    merges
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
