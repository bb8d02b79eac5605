//! Texts by strangers, as a page shows them: plain, and with nothing hidden in them.
//!
//! Templates escape what stands here like every other text. This is about characters that no
//! escaping touches: those that steer a terminal, turn the direction of writing, or are not seen.

use super::{is_control, shortened};

/// Characters of a text that are shown.
const LONGEST: usize = 8_000;

/// A text in paragraphs.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Paragraphs {
    /// The paragraphs, none of them empty.
    pub shown: Vec<String>,
    /// Characters left out at the end.
    pub left_out: usize,
}

/// The beginning of a text, in paragraphs.
pub(crate) fn paragraphs(text: &str) -> Paragraphs {
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    let (kept, left_out) = text.split_at(end);
    let lines = kept.split(['\n', '\u{85}', '\u{2028}', '\u{2029}']);
    let lines = lines.map(|line| visible(line.trim())).filter(|line| !line.is_empty());
    Paragraphs { shown: lines.collect(), left_out: left_out.chars().count() }
}

/// A name or a short text on one line, of at most so many characters.
pub(crate) fn visible_line(text: &str, longest: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    shortened(&visible(&words.join(" ")), longest)
}

/// Shows what is not meant to be seen: `⟨U+001B⟩` for an escape, `⟨U+202E⟩` for a turn of direction.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push(' '),
            _ if is_control(c) || is_unseen(c) => shown += &format!("⟨U+{:04X}⟩", u32::from(c)),
            _ => shown.push(c),
        }
    }
    shown
}

/// Characters without width and tags, in which words can be hidden. Joiners and variation
/// selectors are left alone: pictograms and many scripts are written with them.
const fn is_unseen(c: char) -> bool {
    matches!(c, '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_hides_is_shown() {
        let post = "a\u{1b}[31mred\u{202e}desrever\u{202c}\u{7f}\r\n\n\tb\u{200b}c\u{e0041}";
        let found = paragraphs(post).shown;
        assert_eq!(
            found,
            ["a⟨U+001B⟩[31mred⟨U+202E⟩desrever⟨U+202C⟩⟨U+007F⟩", "b⟨U+200B⟩c⟨U+E0041⟩"]
        );
        assert_eq!(
            paragraphs("👩\u{200d}👧 ❤\u{fe0f} שלום").shown,
            ["👩\u{200d}👧 ❤\u{fe0f} שלום"]
        );
    }

    #[test]
    fn long_texts_are_cut_with_a_count() {
        let long = "é".repeat(1_000_000);
        let Paragraphs { shown, left_out } = paragraphs(&long);
        assert_eq!((shown[0].chars().count(), left_out), (LONGEST, 1_000_000 - LONGEST));
        assert_eq!(paragraphs("short").left_out, 0);
        assert_eq!(visible_line("one\n two\u{7}", 80), "one two⟨U+0007⟩");
        assert_eq!(visible_line(&long, 5), "éééé…");
    }

    proptest! {
        #[test]
        fn nothing_hidden_remains(text in any::<String>()) {
            let all = paragraphs(&text).shown.into_iter().chain([visible_line(&text, 40)]);
            for shown in all {
                prop_assert!(!shown.chars().any(|c| is_control(c) || is_unseen(c)), "{shown:?}");
            }
        }
    }
}
