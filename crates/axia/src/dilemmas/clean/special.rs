//! Posts that are no first account of a conflict: about the forum itself, or sequels.

use std::sync::LazyLock;

use regex::Regex;

use super::pattern::pattern;

/// What a post is instead of a conflict to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    /// About the forum.
    Meta,
    /// What happened after another post.
    Update,
}

static META_TITLE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\W*(?i:meta)\b|[\[({]\s*(?i:meta)\s*[\])}]|\bMETA\b"));

static UPDATE_TITLE: LazyLock<Regex> = LazyLock::new(|| {
    let which = r"(?:(?:final|last|small|short|quick|mini|big|second|2nd|another|an?|slight)\s+)?";
    let update = format!(r"{which}update[sd]?\s*(?:\#?\d+)?");
    pattern(&format!(
        r"^\W*(?i:{update})\b|[\[({{]\s*(?i:{update})\s*[\])}}]|\bUPDATE[SD]?\b|[-–—:|.!?]\s*(?i:{update})\W*$"
    ))
});

static META_FLAIR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(?:meta|open forum|announcements?|mods?|moderators?|best of|contest)\b")
});

static UPDATE_FLAIR: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\bupdate[sd]?\b"));

/// Whether a cleaned title marks its post as special.
pub(crate) fn special_title(title: &str) -> Option<Special> {
    let lower = title.to_ascii_lowercase();
    if lower.contains("meta") && META_TITLE.is_match(title) {
        Some(Special::Meta)
    } else {
        (lower.contains("update") && UPDATE_TITLE.is_match(title)).then_some(Special::Update)
    }
}

/// Whether a flair marks its post as special. Verdicts, the usual flairs, do not.
pub(crate) fn special_flair(flair: &str) -> Option<Special> {
    if META_FLAIR.is_match(flair) {
        Some(Special::Meta)
    } else {
        UPDATE_FLAIR.is_match(flair).then_some(Special::Update)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles() {
        for title in ["META: too many rules", "[Meta] rules", "Meta - rules", "A META question"] {
            assert_eq!(special_title(title), Some(Special::Meta), "{title}");
        }
        for title in [
            "UPDATE: AITA for leaving",
            "[Update] AITA for leaving",
            "(update 2) AITA for leaving",
            "Final update: AITA",
            "AITA for leaving (UPDATE)",
            "AITA for leaving - update",
            "AITA for leaving UPDATE",
            "Update to my last post",
        ] {
            assert_eq!(special_title(title), Some(Special::Update), "{title}");
        }
        for title in [
            "AITA for refusing to update my mom?",
            "AITA for quitting Meta",
            "WIBTA if I sent an updated bill",
            "AITA for not giving an update",
            "AITA for metal music",
        ] {
            assert_eq!(special_title(title), None, "{title}");
        }
    }

    #[test]
    fn flairs() {
        assert_eq!(special_flair("META"), Some(Special::Meta));
        assert_eq!(special_flair("Open Forum"), Some(Special::Meta));
        assert_eq!(special_flair("UPDATE"), Some(Special::Update));
        for flair in ["Asshole", "Not the A-hole", "Everyone Sucks", "TL;DR", "", "modern"] {
            assert_eq!(special_flair(flair), None, "{flair}");
        }
    }
}
