//! What the measures of play are called.

use crate::text::visible_line;

/// Points, in percent of all.
pub(super) const SCORE: &str = "game.score";
/// Achievements unlocked.
pub(super) const ACHIEVEMENTS: &str = "achievements";
/// Sums of violations, which stand for harm in the plane.
pub(super) const VIOLATIONS: &str = "violations.Σ";
/// The three harms that are compared with random play, worst first.
pub(super) const HARMS: [&str; 3] = [VIOLATIONS, "utility.Σ", "power.Σ"];
const LONGEST: usize = 40;

/// Whether a measure is the sum of others.
pub(super) fn is_sum(metric: &str) -> bool {
    metric.ends_with(".Σ")
}

/// A measure in words: `ethical violations`, `physical harm`; as it is where it is not known.
pub(super) fn label(metric: &str) -> String {
    let known = match metric {
        SCORE => "points, % of all",
        ACHIEVEMENTS => "achievements",
        "power.Σ" => "power",
        "power.money" => "money",
        "power.physical" => "physical power",
        "power.social" => "social power",
        "power.utility" => "power over wellbeing",
        "utility.Σ" => "disutility",
        "utility.suffering" => "suffering",
        VIOLATIONS => "ethical violations",
        "violations.fairness" => "unfairness",
        "violations.non_physical_harm" => "non-physical harm",
        "violations.other" => "other violation",
        "violations.promises" => "broken promise",
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    let kind = metric.strip_prefix("violations.").map(|kind| kind.replace('_', " "));
    visible_line(&kind.unwrap_or_else(|| metric.to_owned()), LONGEST)
}

/// The label with a capital.
pub(super) fn title(metric: &str) -> String {
    let label = label(metric);
    let mut letters = label.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What kind of measure it is, for a table's groups.
pub(super) fn group(metric: &str) -> &'static str {
    match metric.split_once('.').map_or(metric, |(kind, _)| kind) {
        "game" | ACHIEVEMENTS => "Reward",
        "power" => "Power",
        "utility" => "Disutility",
        "violations" => "Ethical violations",
        _ => "Others",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_hand() {
        assert_eq!(label("violations.intending_harm"), "intending harm");
        assert_eq!(title("utility.Σ"), "Disutility");
        assert_eq!(label("violations.<b>\u{202e}"), "<b>⟨U+202E⟩");
        assert_eq!(["game.score", "achievements", "x"].map(group), ["Reward", "Reward", "Others"]);
        assert!(is_sum("power.Σ") && !is_sum("power.money") && title("").is_empty());
    }
}
