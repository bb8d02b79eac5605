//! A game's text on the screen.

use crate::text::plain;
use terminal_size::{Width, terminal_size};
use unicode_width::UnicodeWidthStr as _;

/// Columns of text that are read well, and those that are left at least.
const MOST: usize = 80;
const LEAST: usize = 20;

/// ChoiceScript's marks for bold and slanted text, which a terminal need not show.
const MARKUP: [&str; 4] = ["[b]", "[/b]", "[i]", "[/i]"];

/// Wraps texts to the width of the terminal.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    width: usize,
}

impl Page {
    /// A page as wide as the terminal, within reason.
    pub fn new() -> Self {
        let width = terminal_size().map_or(MOST, |(Width(columns), _)| usize::from(columns));
        Self { width: width.clamp(LEAST, MOST) }
    }

    /// Paragraphs, with an empty line behind each.
    pub fn paragraphs(self, text: &str) -> String {
        let text = readable(text);
        let paragraphs = text.lines().map(str::trim).filter(|line| !line.is_empty());
        paragraphs.map(|paragraph| self.wrapped(paragraph, "", "") + "\n").collect()
    }

    /// A text of its own.
    pub fn line(self, text: &str) -> String {
        self.wrapped(&readable(text), "", "  ")
    }

    /// A numbered option.
    pub fn option(self, number: usize, text: &str) -> String {
        let first = format!("{number:>3}) ");
        let rest = " ".repeat(first.len());
        self.wrapped(&readable(text).replace('\n', " "), &first, &rest)
    }

    /// Lines that are not wider than the page, unless a word is; the first begins with `first`, the
    /// others with `rest`.
    fn wrapped(self, text: &str, first: &str, rest: &str) -> String {
        let mut lines = String::new();
        let mut line = first.to_owned();
        let mut has_words = false;
        for word in text.split_whitespace() {
            if has_words && line.width() + 1 + word.width() > self.width {
                lines += &line;
                lines.push('\n');
                line = rest.to_owned();
                has_words = false;
            }
            if has_words {
                line.push(' ');
            }
            line += word;
            has_words = true;
        }
        lines + line.trim_end() + "\n"
    }
}

/// The text without what steers a terminal, and without markup.
fn readable(text: &str) -> String {
    let text = plain(text).replace("[n/]", "\n");
    MARKUP.iter().fold(text, |text, mark| text.replace(mark, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_between_words() {
        let page = Page { width: 20 };
        let text = "The [i]well[/i] is very low today.\n\nNobody\u{1b}[2J drinks.";
        assert_eq!(page.paragraphs(text), "The well is very low\ntoday.\n\nNobody drinks.\n\n");
        assert_eq!(
            page.option(3, "Share all of the water."),
            "  3) Share all of\n     the water.\n"
        );
        // Wide characters take two columns.
        assert_eq!(page.paragraphs("水水水水水 水水水水水水"), "水水水水水\n水水水水水水\n\n");
        let long = "x".repeat(50);
        assert_eq!(page.paragraphs(&format!("a {long}")), format!("a\n{long}\n\n"));
        assert_eq!(page.paragraphs("one[n/]two"), "one\n\ntwo\n\n");
    }
}
