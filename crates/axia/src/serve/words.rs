//! What single tokens are called in answers.

use axia_engine::tokenizer::Tokenizer;
use std::fmt::Write;
use std::sync::OnceLock;

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Its text, or `bytes:\xe2\x80` where it is a part of a character.
    pub name: String,
    pub bytes: Vec<u8>,
}

impl Word {
    fn of(bytes: Vec<u8>) -> Self {
        let name = match std::str::from_utf8(&bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().fold("bytes:".to_owned(), |mut name, byte| {
                // Writing to a string cannot fail.
                let _ = write!(name, "\\x{byte:02x}");
                name
            }),
        };
        Self { name, bytes }
    }
}

/// The words of a vocabulary, each looked up once.
pub(super) struct Words(Vec<OnceLock<Word>>);

impl Words {
    /// For ids below `size`.
    pub fn new(size: usize) -> Self {
        Self(std::iter::repeat_with(OnceLock::new).take(size).collect())
    }

    /// The word of a token.
    pub fn get(&self, tokenizer: &Tokenizer, id: u32) -> Word {
        let look_up = || Word::of(tokenizer.token_bytes(id));
        match self.0.get(id as usize) {
            Some(word) => word.get_or_init(look_up).clone(),
            None => look_up(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_characters_are_written_as_bytes() {
        assert_eq!(Word::of(" é".as_bytes().to_vec()).name, " é");
        assert_eq!(Word::of(vec![0xE2, 0x80]).name, r"bytes:\xe2\x80");
        assert_eq!(Word::of(Vec::new()).name, "");
    }
}
