//! What a game consists of, as one hash.

use std::collections::BTreeMap;

use crate::files::sha256;

/// A hash of a game's files, whatever order they were read in: the SHA-256 of what
/// `sha256sum FILES…` prints for them, sorted by name.
pub fn content_hash(files: &BTreeMap<String, String>) -> String {
    let lines: String =
        files.iter().map(|(name, text)| format!("{}  {name}\n", sha256(text.as_bytes()))).collect();
    sha256(lines.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect()
    }

    #[test]
    fn names_and_texts_count() {
        let one = content_hash(&files(&[("a.txt", "x"), ("b.txt", "y")]));
        assert_eq!(one.len(), 64);
        assert_eq!(one, content_hash(&files(&[("b.txt", "y"), ("a.txt", "x")])));
        for other in [&[("a.txt", "y"), ("b.txt", "x")][..], &[("a.txt", "xy")], &[]] {
            assert_ne!(one, content_hash(&files(other)));
        }
    }
}
