//! Hashes that identify content.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// SHA-256 of fields with their lengths, so that no two sequences of fields look alike.
pub(crate) struct Canonical(Sha256);

impl Canonical {
    /// Begins with the name of what is hashed, so that different kinds of content differ.
    pub fn new(kind: &str) -> Self {
        let mut hash = Self(Sha256::new());
        hash.text(kind);
        hash
    }

    pub fn count(&mut self, number: usize) {
        self.0.update((number as u64).to_le_bytes());
    }

    pub fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text.as_bytes());
    }

    pub fn optional(&mut self, text: Option<&str>) {
        self.count(usize::from(text.is_some()));
        self.text(text.unwrap_or_default());
    }

    pub fn hex(self) -> String {
        self.0.finalize().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}
