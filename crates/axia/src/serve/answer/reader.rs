//! Turns the tokens of one choice into text, and ends it where it is to end.

use axia_engine::score::Reading;
use axia_engine::tokenizer::{StreamDecoder, Tokenizer, TokenizerError};

/// Why a choice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Finish {
    /// At an end token, or at a text that was to end it.
    Stop,
    /// At its limit.
    Length,
}

impl Finish {
    pub fn name(self) -> &'static str {
        match self {
            Finish::Stop => "stop",
            Finish::Length => "length",
        }
    }
}

/// A token and what is told of it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::serve) struct Token {
    pub id: u32,
    /// Nothing for the first token of a text, which nothing comes before.
    pub reading: Option<Reading>,
    /// Where in the choice's text it begins, in characters.
    pub offset: usize,
}

/// A part of a choice.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::serve) struct Piece {
    pub text: String,
    /// What is told of its tokens, where that was asked.
    pub tokens: Vec<Token>,
    pub finish: Option<Finish>,
    /// Tokens drawn for it.
    pub drawn: usize,
}

/// The reading of one choice.
pub(super) struct Reader<'a> {
    decoder: Option<StreamDecoder<'a>>,
    stop: &'a [String],
    /// Tokens that may still be drawn.
    left: usize,
    /// Text that may be the beginning of one that ends the choice.
    held: String,
    /// Characters decoded so far, those of an echo included.
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Reads at most `left` tokens behind a text of `offset` characters.
    pub fn new(tokenizer: &'a Tokenizer, stop: &'a [String], left: usize, offset: usize) -> Self {
        let decoder = Some(tokenizer.stream_decoder(true));
        Self { decoder, stop, left, held: String::new(), offset }
    }

    /// Takes the next token; the piece says whether it was the last.
    pub fn take(
        &mut self,
        id: u32,
        is_end: bool,
        reading: Option<Reading>,
    ) -> Result<Piece, TokenizerError> {
        let tokens =
            reading.map(|reading| Token { id, reading: Some(reading), offset: self.offset });
        self.left = self.left.saturating_sub(1);
        let mut new = match &mut self.decoder {
            Some(decoder) if !is_end => decoder.push(id)?,
            _ => String::new(),
        };
        let finish = match (is_end, self.left) {
            (true, _) => Some(Finish::Stop),
            (false, 0) => Some(Finish::Length),
            _ => None,
        };
        if finish.is_some() {
            new += &self.decoder.take().map_or(Ok(String::new()), StreamDecoder::finish)?;
        }
        self.offset += new.chars().count();
        let (text, finish) = self.cut(&new, finish);
        Ok(Piece { text, tokens: tokens.into_iter().collect(), finish, drawn: 1 })
    }

    /// The text that can be told now, and whether a text to end it was in it.
    fn cut(&mut self, new: &str, finish: Option<Finish>) -> (String, Option<Finish>) {
        let mut text = std::mem::take(&mut self.held) + new;
        if let Some(end) = self.stop.iter().filter_map(|stop| text.find(stop)).min() {
            text.truncate(end);
            return (text, Some(Finish::Stop));
        }
        if finish.is_none() {
            self.held = text.split_off(certain(&text, self.stop));
        }
        (text, finish)
    }
}

/// How much of `text` cannot be the beginning of one of `stops`, in bytes.
fn certain(text: &str, stops: &[String]) -> usize {
    let begins_stop = |from: &usize| stops.iter().any(|stop| stop.starts_with(&text[*from..]));
    let longest = stops.iter().map(String::len).max().unwrap_or(0);
    let earliest = text.len().saturating_sub(longest);
    let places = (earliest..text.len()).filter(|&from| text.is_char_boundary(from));
    places.into_iter().find(begins_stop).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn what_may_begin_a_stop_is_held_back() {
        let stops = texts(&["END", "\n\n"]);
        for (text, expected) in [
            ("abc", "abc"),
            ("abE", "ab"),
            ("abEN", "ab"),
            ("abENx", "abENx"),
            ("a\n", "a"),
            ("éE", "é"),
            ("", ""),
        ] {
            assert_eq!(&text[..certain(text, &stops)], expected, "{text:?}");
        }
        assert_eq!(certain("abc", &[]), 3);
    }
}
