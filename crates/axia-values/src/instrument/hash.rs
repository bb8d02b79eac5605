//! Identity of an instrument's content.

use super::Instrument;
use crate::canonical::Canonical;

impl Instrument {
    /// SHA-256 (hex) of everything that a respondent's answers can depend on: instructions,
    /// templates and items in their order. Name, title and licence do not count.
    #[must_use]
    pub fn content_hash(&self) -> String {
        let mut hash = Canonical::new("axia-instrument-1");
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
