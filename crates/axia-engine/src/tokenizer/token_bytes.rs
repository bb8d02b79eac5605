//! What a single token stands for.

use super::Tokenizer;

/// What bytes that are not UTF-8 by themselves decode to.
const REPLACEMENT: char = '\u{fffd}';

impl Tokenizer {
    /// The bytes that a token adds to a text; not always whole characters. Nothing for ids beyond
    /// the vocabulary.
    pub fn token_bytes(&self, id: u32) -> Vec<u8> {
        let text = self.token_text(id);
        if !text.contains(REPLACEMENT) {
            return text.into_bytes();
        }
        let written = self.id_to_token(id).unwrap_or_default();
        let byte = written.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
        if let Some(Ok(byte)) = byte.map(|hex| u8::from_str_radix(hex, 16)) {
            return vec![byte];
        }
        let bytes: Option<Vec<u8>> = written.chars().map(byte_of_letter).collect();
        bytes.unwrap_or_else(|| text.into_bytes())
    }

    /// The text of a token that does not stand at the beginning of a text, where some decoders
    /// leave out a space.
    fn token_text(&self, id: u32) -> String {
        let decode = |ids: &[u32]| self.decode(ids, false).unwrap_or_default();
        let (once, twice) = (decode(&[id]), decode(&[id, id]));
        twice.strip_prefix(&once).map_or(once.clone(), str::to_owned)
    }
}

/// The byte that a letter of a byte-level vocabulary stands for: bytes that can be seen stand for
/// themselves, the others have the letters from U+0100 on, in order.
fn byte_of_letter(letter: char) -> Option<u8> {
    let is_visible = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    match u8::try_from(letter) {
        Ok(byte) => Some(byte).filter(is_visible),
        Err(_) => {
            let index = (letter as usize).checked_sub(0x100)?;
            (0..=u8::MAX).filter(|byte| !is_visible(byte)).nth(index)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_those_of_byte_level_vocabularies() {
        let expected =
            [('!', b'!'), ('é', 0xE9), ('Ġ', b' '), ('Ċ', b'\n'), ('Ā', 0), ('\u{143}', 0xAD)];
        for (letter, byte) in expected {
            assert_eq!(byte_of_letter(letter), Some(byte), "{letter}");
        }
        assert_eq!([' ', '\u{144}', '語'].map(byte_of_letter), [None; 3]);
    }
}
