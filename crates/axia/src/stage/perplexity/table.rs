//! Rows on perplexity.

use super::{PerplexitySummary, Reference};
use crate::report::Table;

impl Table {
    pub(in crate::stage) fn perplexity(&mut self, summary: &PerplexitySummary) {
        for one in &summary.respondents {
            let place = (one.name.as_str(), "perplexity", "neutral-text");
            self.estimate(place, "perplexity", &one.perplexity);
            self.count(place, "passages", summary.count);
            self.count(place, "tokens", summary.tokens);
        }
        for change in &summary.changes {
            let measure = match change.reference {
                Reference::Control => "log-perplexity-minus-control",
                Reference::Base => "log-perplexity-minus-base",
            };
            let place = (change.respondent.as_str(), "perplexity", "neutral-text");
            self.estimate(place, measure, &change.log_perplexity);
        }
    }
}
