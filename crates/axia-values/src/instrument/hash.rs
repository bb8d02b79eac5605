//! Identity of an instrument's content.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::Instrument;

impl Instrument {
    /// SHA-256 (hex) of everything that a respondent's answers can depend on: instructions,
    /// templates and items in their order. Name, title and licence do not count.
    #[must_use]
    pub fn content_hash(&self) -> String {
        let mut hash = Canonical(Sha256::new());
        hash.text("axia-instrument-1");
        hash.count(self.instructions.len());
        self.instructions.iter().for_each(|instruction| hash.text(instruction));
        hash.count(self.templates.len());
        self.templates.iter().for_each(|template| hash.text(&template.to_string()));
        hash.count(self.items.len());
        for item in &self.items {
            hash.text(&item.id);
            hash.text(&item.dimension.key());
            hash.optional(item.facet.as_deref());
            hash.text(item.split.slug());
            hash.optional(item.domain.as_deref());
            hash.text(&item.statement);
            hash.optional(item.contrast.as_deref());
            hash.count(usize::from(item.reversed));
        }
        hash.hex()
    }
}

/// Hashes fields with their lengths, so that no two sequences of fields look alike.
struct Canonical(Sha256);

impl Canonical {
    fn count(&mut self, number: usize) {
        self.0.update((number as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        self.count(usize::from(text.is_some()));
        self.text(text.unwrap_or_default());
    }

    fn hex(self) -> String {
        self.0.finalize().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}
