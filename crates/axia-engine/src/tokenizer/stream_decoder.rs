//! Decodes token ids as they come.

use super::{Tokenizer, TokenizerError};

/// What bytes that are not (yet) UTF-8 decode to.
const REPLACEMENT: char = '\u{fffd}';

/// Decodes ids one by one, holding back characters whose bytes are not all there yet.
///
/// The pieces of all [`push`](StreamDecoder::push)es and of [`finish`](StreamDecoder::finish) together
/// are what [`Tokenizer::decode`] gives for all ids at once.
#[derive(Clone, Debug)]
pub struct StreamDecoder<'a> {
    tokenizer: &'a Tokenizer,
    skip_special: bool,
    /// The last complete piece and what followed. The former is decoded again because some
    /// decoders treat the beginning of a text differently.
    ids: Vec<u32>,
    /// How many of `ids` are the last complete piece.
    complete: usize,
    /// How many bytes of the decoded `ids` have been returned.
    returned: usize,
}

impl<'a> StreamDecoder<'a> {
    pub(super) fn new(tokenizer: &'a Tokenizer, skip_special: bool) -> Self {
        Self { tokenizer, skip_special, ids: Vec::new(), complete: 0, returned: 0 }
    }

    /// Takes the next id and returns the text that is now certain; often empty.
    ///
    /// # Errors
    /// [`TokenizerError::Decode`] as [`Tokenizer::decode`].
    pub fn push(&mut self, id: u32) -> Result<String, TokenizerError> {
        // An id without a token is no text, and does not even end a run of bytes.
        let no_text = self.tokenizer.id_to_token(id).is_none();
        if no_text || (self.skip_special && self.tokenizer.is_special(id)) {
            return Ok(String::new());
        }
        self.ids.push(id);
        if self.tokenizer.is_byte(id) {
            // One byte that turns out not to be UTF-8 changes what those before it stand for.
            return Ok(String::new());
        }
        let text = self.decoded()?;
        let certain = text.trim_end_matches(REPLACEMENT);
        let piece = certain.get(self.returned..).unwrap_or_default().to_owned();
        self.returned = self.returned.max(certain.len());
        if certain.len() == text.len() && !piece.is_empty() {
            self.forget_all_but_last_piece()?;
        }
        Ok(piece)
    }

    /// The text that was held back; incomplete characters become U+FFFD.
    ///
    /// # Errors
    /// [`TokenizerError::Decode`] as [`Tokenizer::decode`].
    pub fn finish(self) -> Result<String, TokenizerError> {
        let text = self.decoded()?;
        Ok(text.get(self.returned..).unwrap_or_default().to_owned())
    }

    fn forget_all_but_last_piece(&mut self) -> Result<(), TokenizerError> {
        self.ids.drain(..self.complete);
        self.complete = self.ids.len();
        self.returned = self.decoded()?.len();
        Ok(())
    }

    fn decoded(&self) -> Result<String, TokenizerError> {
        self.tokenizer.decode(&self.ids, self.skip_special)
    }
}
