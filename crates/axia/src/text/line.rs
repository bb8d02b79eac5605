//! Text from strangers, made fit for a message.

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
}
