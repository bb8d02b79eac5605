//! A post's title and text, cleaned.

use std::sync::LazyLock;

use regex::Regex;

use super::afterthoughts::{cut, has_trace};
use super::characters::plain;
use super::special::pattern;
use super::special::unlink;
use crate::dilemmas::words::word_hashes;

/// A text after cleaning.
#[derive(Debug)]
pub(crate) struct Cleaned {
    pub(crate) text: String,
    /// The hashes of its words.
    pub(crate) words: Vec<u64>,
}

/// Cleans a post's text: see [`plain`], [`unlink`] and [`cut`].
pub(crate) fn clean_text(raw: &str) -> Cleaned {
    let text = unlinked(raw);
    let words = word_hashes(&text);
    match if has_trace(&words) { cut(&text) } else { None } {
        None => Cleaned { text, words },
        Some(shorter) => {
            let text = plain(&shorter);
            let words = word_hashes(&text);
            Cleaned { text, words }
        }
    }
}

/// A verdict in brackets, or one that a title begins or ends with.
static VERDICT_TAG: LazyLock<Regex> = LazyLock::new(|| {
    let verdict = "(?:NTA|YTA|ESH|NAH)";
    pattern(&format!(
        r"[\[(]\s*(?i:{verdict})\s*[\])]|^\W*{verdict}\s*[:–—-]|[:–—-]\s*{verdict}\W*$"
    ))
});

/// Where a title goes over into an edit or a summary.
static TITLE_AFTERTHOUGHT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[\s(\[]*\b(?:(?i:tl\s*[;:,./|]?\s*dr)\b|(?:EDIT|Edit|ETA)\s*:).*$"));

/// Cleans a post's title: one line, without the marks of verdicts, edits and summaries. The
/// question it opens with ("AITA for", "WIBTA if") belongs to it.
pub(crate) fn clean_title(raw: &str) -> String {
    let line = unlinked(raw).replace("\n\n", " ").replace('\n', " ");
    if !has_trace(&word_hashes(&line)) {
        return line;
    }
    let line = TITLE_AFTERTHOUGHT.replace(&line, "");
    plain(&VERDICT_TAG.replace_all(&line, ""))
}

fn unlinked(raw: &str) -> String {
    let text = plain(raw);
    unlink(&text).map_or(text, |text| plain(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_post_as_people_write_them() {
        let raw = "Throwaway &amp;amp; on mobile.\r\n\r\n&amp;#x200B;\r\n\r\nMy   friend u/somebody \
            [posted](https://example.com/a_(b)) my photo (https://x.y/z) and said &gt;it's fine&lt;. \
            I asked her to take it down, she refused, and I told our whole group what she did and \
            why I won't talk to her. AITA?\r\n\r\n**EDIT**: thanks!\r\n\r\nSo I'm NTA.";
        assert_eq!(
            clean_text(raw).text,
            "Throwaway & on mobile.\n\nMy friend [user] posted my photo () and said >it's fine<. \
             I asked her to take it down, she refused, and I told our whole group what she did and \
             why I won't talk to her. AITA?"
        );
    }

    #[test]
    fn titles_keep_their_question_alone() {
        for (raw, expected) in [
            ("AITA for  leaving\n early?", "AITA for leaving early?"),
            ("WIBTA if I left &amp; kept it?", "WIBTA if I left & kept it?"),
            ("[NTA] AITA for leaving", "AITA for leaving"),
            ("AITA for leaving? (yta)", "AITA for leaving?"),
            ("NTA: AITA for leaving", "AITA for leaving"),
            ("AITA for leaving - ESH", "AITA for leaving"),
            ("AITA for leaving? TL;DR I left", "AITA for leaving?"),
            ("AITA for leaving (Edit: early)", "AITA for leaving"),
            ("AITA for telling u/abc about https://x.y/z", "AITA for telling [user] about"),
            ("AITA for editing an ESH reply", "AITA for editing an ESH reply"),
        ] {
            assert_eq!(clean_title(raw), expected, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_cleaned(raw in "\\PC{0,80}") {
            let cleaned = clean_text(&raw).text;
            prop_assert_eq!(&plain(&cleaned), &cleaned);
            prop_assert!(!clean_title(&raw).contains('\n'));
        }

        #[test]
        fn clean_text_stays_as_it_is(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "I", "told", "him", "no.", "Edit:", "[a](http://b.c)", "u/name", "&amp;", "\n",
                    "https://x.y/z", "TL;DR", "NTA", "\n\n", "&lt;3", "\u{200b}", "why?", "(ok)",
                ]),
                0..40,
            ),
        ) {
            let once = clean_text(&words.join(" ")).text;
            prop_assert_eq!(clean_text(&once).text, once);
        }
    }
}
