//! Untrusted text made safe to show: on one line, visible, without control characters.

/// Whether a character steers a terminal or the direction of writing, instead of being read. Line
/// breaks and tabs are among them.
pub(crate) fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}')
        || matches!(c, '\u{2066}'..='\u{2069}')
}

/// `text` on one line, without control characters, of at most `longest` characters: what is
/// longer is cut after a word and ends in "…".
pub(crate) fn one_line(text: &str, longest: usize) -> String {
    // A character beyond the limit shows that there is more; no more is worth reading.
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(|c: char| c.is_whitespace() || is_control(c)) {
        if word.is_empty() {
            continue;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        for c in word.chars().take(longest + 1) {
            line.push(c);
            length += 1;
        }
        if length > longest {
            break;
        }
    }
    match line.char_indices().nth(longest) {
        None => line,
        Some(_) => shorten(&line, longest),
    }
}

/// The beginning of `line`, with its "…" of at most `longest` characters.
fn shorten(line: &str, longest: usize) -> String {
    let end = line.char_indices().nth(longest.saturating_sub(1)).map_or(line.len(), |(i, _)| i);
    let kept = &line[..end];
    // A line without spaces is cut where it must be.
    let at_word = match line[end..].starts_with(' ') {
        true => kept,
        false => kept.rfind(' ').map_or(kept, |space| &kept[..space]),
    };
    format!("{}…", at_word.trim_end())
}

/// The text in at most `characters` characters, the last of them an ellipsis where something was cut.
pub(crate) fn shortened(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let kept: String = text.chars().take(characters.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// The text without escape sequences and without characters that steer a terminal or turn the
/// direction of writing. Line breaks stay; a tab becomes a space.
pub(crate) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for part in anstream::adapter::strip_str(text) {
        shown.extend(part.chars().filter_map(|c| match c {
            '\n' => Some('\n'),
            '\t' => Some(' '),
            c if is_control(c) => None,
            c => Some(c),
        }));
    }
    shown
}

// Texts by strangers, as a page shows them: plain, and with nothing hidden in them.
//
// Templates escape what stands here like every other text. This is about characters that no
// escaping touches: those that steer a terminal, turn the direction of writing, or are not seen.

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
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_joined_and_controls_removed() {
        assert_eq!(one_line(" a\n\n b\t c ", 100), "a b c");
        assert_eq!(one_line("\u{1b}[31mred\u{202e}x\u{7}", 100), "[31mred x");
        assert_eq!(one_line("", 100), "");
    }

    #[test]
    fn long_text_is_cut_after_a_word() {
        assert_eq!(one_line("one two three", 13), "one two three");
        assert_eq!(one_line("one two three", 12), "one two…");
        assert_eq!(one_line("one two three", 8), "one two…");
        assert_eq!(one_line("one two three", 7), "one…");
        assert_eq!(one_line(&"é".repeat(1000), 4), "ééé…");
        assert_eq!(one_line(&"ab ".repeat(100_000), 5), "ab…");
    }

    #[test]
    fn labels_are_cut_anywhere() {
        assert_eq!(shortened("Social Boldness", 15), "Social Boldness");
        assert_eq!(shortened("Social Boldness", 8), "Social…");
    }

    proptest! {
        #[test]
        fn any_text_becomes_a_line_within_the_limit(text in "\\PC*|[ab\u{1b}\u{202e}\n ]{0,50}", longest in 1..20_usize) {
            let line = one_line(&text, longest);
            prop_assert!(line.chars().count() <= longest);
            prop_assert!(!line.contains(is_control));
            prop_assert_eq!(line.trim(), &line);
        }
    }

    #[test]
    fn escapes_and_turns_of_direction_are_taken_out() {
        let text = "a\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}b\u{202e}c\r\n\td\u{9b}2J\u{7f}";
        assert_eq!(plain(text), "ared bc\n d2J");
        assert_eq!(plain("Grüße — שלום 👩\u{200d}👧"), "Grüße — שלום 👩\u{200d}👧");
    }

    proptest! {
        #[test]
        fn nothing_that_steers_remains(text in "[\\PC\u{1b}\u{9b}\u{202e}\u{7}\\[\\];m\n]{0,60}") {
            prop_assert!(!plain(&text).chars().any(|c| c != '\n' && is_control(c)));
        }
    }

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
