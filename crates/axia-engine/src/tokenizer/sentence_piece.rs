//! Rebuilds SentencePiece's BPE tokenizers from the metadata of GGUF files.
//!
//! Their vocabulary has a score for every token instead of a list of merges: neighbours merge into the
//! token with the best score first (Kudo & Richardson 2018). Spaces are written `▁`; a character that
//! is not in the vocabulary becomes tokens for its bytes.

use std::collections::HashSet;

use tokenizers::DecoderWrapper;
use tokenizers::decoders::byte_fallback::ByteFallback;
use tokenizers::decoders::fuse::Fuse;
use tokenizers::decoders::sequence::Sequence as Decoders;
use tokenizers::decoders::strip::Strip;
use tokenizers::models::bpe::{BPE, Merges};
use tokenizers::normalizers::{NormalizerWrapper, Prepend, Replace, Sequence as Normalizers};

use super::TokenizerError;
use super::model_tokens::{GgufTokens, Kind, SPACE_PREFIX, TOKENS, wrong};
use crate::gguf::Metadata;

const SCORES: &str = "tokenizer.ggml.scores";
/// How a space is written in the vocabulary.
const SPACE: &str = "▁";

/// Builds the tokenizer that `metadata` describes, which adds nothing to a text.
pub(super) fn from_gguf(metadata: &Metadata) -> Result<tokenizers::Tokenizer, TokenizerError> {
    let vocabulary = GgufTokens::read(metadata)?;
    let merges = merges(&vocabulary, scores(&vocabulary)?)?;
    let mut bpe = BPE::builder()
        .vocab_and_merges(vocabulary.ids(written)?, merges)
        .byte_fallback(true)
        .fuse_unk(true);
    if let Some((unknown, _)) = vocabulary.iter().find(|(_, kind)| *kind == Kind::Unknown) {
        bpe = bpe.unk_token(unknown.to_owned());
    }
    let unusable = |error: tokenizers::Error| wrong(metadata, TOKENS, error.to_string());
    let mut tokenizer = tokenizers::Tokenizer::new(bpe.build().map_err(unusable)?);
    // As llama.cpp does, a space goes before the text and before what follows an unsplit token.
    let prefix = metadata.bool(SPACE_PREFIX)?.unwrap_or(true);
    let mut normalizers: Vec<NormalizerWrapper> = Vec::new();
    let mut decoders: Vec<DecoderWrapper> = vec![
        Replace::new(SPACE, " ").map_err(unusable)?.into(),
        ByteFallback::new().into(),
        Fuse::new().into(),
    ];
    if prefix {
        normalizers.push(Prepend::new(SPACE.to_owned()).into());
        decoders.push(Strip::new(' ', 1, 0).into());
    }
    normalizers.push(Replace::new(" ", SPACE).map_err(unusable)?.into());
    tokenizer.with_normalizer(Some(Normalizers::new(normalizers))).map_err(unusable)?;
    tokenizer.with_decoder(Some(Decoders::new(decoders)));
    vocabulary.add_unsplit(&mut tokenizer, written, |kind| match kind {
        Kind::Unknown | Kind::Control => Some(true),
        Kind::UserDefined => Some(false),
        Kind::Normal | Kind::Other => None,
    })?;
    Ok(tokenizer)
}

/// Unsplit tokens are recognised in the text itself, in which spaces are spaces.
fn written(token: &str, kind: Kind) -> String {
    match kind {
        Kind::UserDefined => token.replace(SPACE, " "),
        _ => token.to_owned(),
    }
}

fn scores<'a>(vocabulary: &GgufTokens<'a>) -> Result<&'a [f32], TokenizerError> {
    let metadata = vocabulary.metadata;
    let scores = metadata.f32s(SCORES)?.ok_or_else(|| metadata.missing(SCORES))?;
    if scores.len() == vocabulary.tokens.len() {
        return Ok(scores);
    }
    let problem = format!("has {} entries for {} tokens", scores.len(), vocabulary.tokens.len());
    Err(wrong(metadata, SCORES, problem))
}

/// All ways to put a token together from two others, best token first.
fn merges(vocabulary: &GgufTokens, scores: &[f32]) -> Result<Merges, TokenizerError> {
    let normal = vocabulary.iter().zip(scores).filter(|((_, kind), _)| *kind == Kind::Normal);
    let normal: Vec<(&str, f32)> = normal.map(|((token, _), score)| (token, *score)).collect();
    if normal.len() > 1 && normal.iter().all(|(_, score)| *score == normal[0].1) {
        // Converters that did not know the scores write the same for every token.
        let problem = "has the same score for every token, so that merges have no order; \
                       convert the model again from its tokenizer.model";
        return Err(wrong(vocabulary.metadata, SCORES, problem.to_owned()));
    }
    let known: HashSet<&str> = normal.iter().map(|(token, _)| *token).collect();
    let mut ranked = Vec::new();
    for (token, score) in normal {
        let splits = token.char_indices().skip(1).map(|(at, _)| token.split_at(at));
        let splits = splits.filter(|(left, right)| known.contains(left) && known.contains(right));
        ranked.extend(splits.map(|(left, right)| (score, left, right)));
    }
    // Of two ways to one token, the one with the longer beginning goes first.
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| chars(b.1).cmp(&chars(a.1))));
    Ok(ranked.into_iter().map(|(_, left, right)| (left.to_owned(), right.to_owned())).collect())
}

fn chars(text: &str) -> usize {
    text.chars().count()
}
