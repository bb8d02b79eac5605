//! Text on a terminal.

use super::is_control;

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
    use proptest::prelude::*;

    use super::*;

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
