//! Rows on what scaling adapters does.

use super::rows::Table;
use crate::study::Frontier;

impl Table {
    /// Every scale that was tried, on validation items.
    pub(super) fn frontier(&mut self, frontier: &Frontier) {
        let respondent = frontier.respondent.as_str();
        self.number((respondent, "frontier", "chosen"), "scale", frontier.scale);
        for point in &frontier.points {
            let scale = format!("x{}", point.scale);
            let place = (respondent, "frontier", scale.as_str());
            self.estimate(place, "target-drop", &point.target_drop);
            for (measure, found) in
                [("fluctuation", point.fluctuation), ("selectivity", point.selectivity)]
            {
                if let Some(estimate) = found {
                    self.estimate(place, measure, &estimate);
                }
            }
            self.estimate(place, "perplexity-rise", &point.perplexity_rise);
        }
    }
}
